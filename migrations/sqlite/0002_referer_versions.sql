-- Why: a policy that was replaced was lost, and with it the answer to "who changed this, and how
-- do I get it back". Every change is a version now; the newest is the policy of the bucket, so
-- the two cannot differ.
--
-- Rules of this table:
--   * Versions count from 1 in each bucket. The newest is never removed, so a number is never
--     used twice. A bucket without one has the default policy.
--   * The small columns come first: listing versions must not read the lists, which can have
--     many megabytes and lie on pages of their own.
--   * The lists are JSON arrays of text, read and replaced whole. That they are is checked when
--     they are read; SQLite would parse megabytes while every other write waits.
--   * `how` is a word of the program. It has no check, so that a new word needs no new table.

create table referer_versions (
    bucket_id       integer not null references buckets (id) on delete cascade,
    version         integer not null check (version >= 1),
    at              integer not null,
    -- The access key; null for what was there before there was a history.
    who             text,
    how             text    not null,
    note            text    not null,
    empty           text    not null check (empty in ('allow', 'deny')),
    compare         text    not null check (compare in ('with-query', 'with-path', 'origin')),
    whitelist_rules integer not null check (whitelist_rules >= 0),
    blacklist_rules integer not null check (blacklist_rules >= 0),
    -- Of the rules, without what JSON adds.
    rule_bytes      integer not null check (rule_bytes >= 0),
    whitelist       text    not null,
    blacklist       text    not null,
    primary key (bucket_id, version)
) strict;

insert into referer_versions
    (bucket_id, version, at, who, how, note, empty, compare,
     whitelist_rules, blacklist_rules, rule_bytes, whitelist, blacklist)
select bucket_id, 1, updated, null, 'found', '', empty, compare,
       json_array_length(whitelist), json_array_length(blacklist),
       (select coalesce(sum(octet_length(value)), 0) from json_each(whitelist))
         + (select coalesce(sum(octet_length(value)), 0) from json_each(blacklist)),
       whitelist, blacklist
from referer_policies;

drop table referer_policies;

-- The most bytes of rules that `PutBucketReferer` may bring; null is OSS's 20 KB.
alter table buckets add column referer_max_bytes integer
    check (referer_max_bytes between 0 and 67108864);
