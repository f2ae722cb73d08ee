-- Why: which pages of other origins a browser lets read the answers about a bucket. A bucket
-- without a row has no such rules.
--
-- The rules are one JSON array, because they are always read and replaced as a whole and their
-- order counts: [{"origins": [], "methods": [], "headers": [], "exposed": [], "max_age": null}].

create table bucket_cors (
    bucket_id   integer primary key references buckets (id) on delete cascade,
    rules       text    not null check (json_type(rules) = 'array'),
    vary_origin integer not null check (vary_origin in (0, 1)),
    updated     integer not null
) strict;
