-- Why: to tell the owner of a bucket who is refused and who is let through, and what another
-- policy would have said of the same requests.
--
-- Rules of these tables:
--   * What is counted is added in batches, each by a writer (one start of a server) under a number
--     that grows. A batch whose number is not greater than the writer's was added before and is
--     not added again, so a batch whose outcome is in doubt can be given again.
--   * Days and hours are those of UTC, by their number since 1970.
--   * A list has a bounded number of entries and is one JSON array, because it is always read and
--     replaced as a whole: [[key, count, error, bytes, sample], ...]. `floor` is the most requests
--     that a key outside of it can have had.

create table referer_stats_writers (
    id     integer primary key autoincrement,
    writer blob    not null unique check (length(writer) = 16),
    number integer not null check (number > 0)
) strict;

create table referer_totals (
    bucket_id integer not null references buckets (id) on delete cascade,
    day       integer not null,
    verdict   text    not null,
    requests  integer not null check (requests >= 0),
    bytes     integer not null check (bytes >= 0),
    primary key (bucket_id, day, verdict)
) strict, without rowid;

create table referer_origins (
    bucket_id integer not null references buckets (id) on delete cascade,
    day       integer not null,
    outcome   text    not null check (outcome in ('allowed', 'denied', 'would-deny')),
    requests  integer not null check (requests >= 0),
    bytes     integer not null check (bytes >= 0),
    floor     integer not null check (floor >= 0),
    entries   text    not null check (json_type(entries) = 'array'),
    primary key (bucket_id, day, outcome)
) strict;

-- `checked_…` count all requests of the hour about which the policy was asked, `requests` and
-- `bytes` those that were put on the list.
create table referer_subjects (
    bucket_id        integer not null references buckets (id) on delete cascade,
    hour             integer not null,
    checked_requests integer not null check (checked_requests >= 0),
    checked_bytes    integer not null check (checked_bytes >= 0),
    requests         integer not null check (requests >= 0),
    bytes            integer not null check (bytes >= 0),
    floor            integer not null check (floor >= 0),
    entries          text    not null check (json_type(entries) = 'array'),
    primary key (bucket_id, hour)
) strict;

-- What is old is deleted by its time alone.
create index referer_totals_by_day on referer_totals (day);
create index referer_origins_by_day on referer_origins (day);
create index referer_subjects_by_hour on referer_subjects (hour);
