-- Why: what a bucket's owner asks for beyond OSS's referer policy. A table of its own, because a
-- policy is replaced as a whole by SDKs that know nothing of these settings and must not lose
-- them. A bucket without a row has none of them.

create table referer_extras (
    bucket_id  integer primary key references buckets (id) on delete cascade,
    mode       text    not null check (mode in ('enforce', 'monitor')),
    host       text    not null check (host in ('prefix', 'strict')),
    missing    text    not null
               check (missing in ('as-policy', 'allow', 'deny', 'deny-cross-site-embeds')),
    malformed  text    not null check (malformed in ('as-text', 'deny')),
    denial     text    not null check (denial in ('forbidden', 'redirect', 'substitute')),
    -- The URL or the object's key; null for 'forbidden'.
    denial_to  text    check ((denial = 'forbidden') = (denial_to is null)),
    updated    integer not null
) strict;
