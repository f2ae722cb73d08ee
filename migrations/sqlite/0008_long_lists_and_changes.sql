-- Why: a policy of a million rules was one row of 30 MB, and writing or deleting it kept every
-- other write waiting. Long lists are put piece by piece now, and a version of them is a small row
-- that names the pieces. And of what decides beside the policy, only the present was known: who
-- changed it, when, and from what, is recorded as it is for policies.
--
-- Rules of these tables:
--   * The pieces of a list have a number that is theirs alone. Until a version names it they are on
--     their way, or what a crash or a failure left of that; once none does any more, they are what
--     a forgotten version left. Either way they are deleted behind the server.
--   * So pieces hang on no bucket: deleting one must not delete megabytes at once.
--   * A piece is a JSON array of text like a list in a row. The pieces of the whitelist come first,
--     each list in its order.

create table referer_pieces (
    lists integer not null,
    place integer not null check (place >= 0),
    list  text    not null check (list in ('whitelist', 'blacklist')),
    rules text    not null,
    primary key (lists, place)
) strict;

-- The pieces that hold the lists; null if the row does. Then `whitelist` and `blacklist` are texts
-- that are no lists, so that nobody takes them for empty ones.
alter table referer_versions add column lists integer;

create index referer_versions_by_lists on referer_versions (lists) where lists is not null;

-- `what` and `how` are words of the program. They have no check, so that a new word needs no new
-- table. `old` and `new` are JSON.
create table setting_changes (
    id        integer primary key autoincrement,
    bucket_id integer not null references buckets (id) on delete cascade,
    at        integer not null,
    who       text    not null,
    how       text    not null,
    what      text    not null,
    old       text    not null,
    new       text    not null
) strict;

create index setting_changes_by_bucket on setting_changes (bucket_id, id);
