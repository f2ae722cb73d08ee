-- Why: host names that serve a bucket under terms of their own, as a CDN's do: with signed URLs,
-- keys that can be replaced one after the other, and links for so many clients.
--
-- Rules of these tables:
--   * A domain's id is never given to another, so neither a sealed key nor a counted client of a
--     deleted domain fits its successor of the same host.
--   * A bucket that a domain serves cannot be deleted: the foreign key has no action. Keys that
--     links were made with would be lost with it.
--   * Keys are sealed, each for its own column. They stay when signing is switched off.
--   * A null setting of signing is the default of its scheme. Words are those of the program; they
--     have no check where a new one must not need a new table.

create table delivery_domains (
    id            blob    not null primary key check (length(id) = 16),
    host          text    not null unique,
    bucket_id     integer not null references buckets (id),
    created       integer not null,
    updated       integer not null,
    prefix        text    not null,
    referer       text    not null check (referer in ('bucket', 'off')),
    origin        text    not null check (origin in ('when-signed', 'always', 'by-acl')),
    direct        text    not null check (direct in ('by-acl', 'signed-only')),
    error_header  text    not null check (error_header in ('shown', 'hidden')),
    playlists     text    not null check (playlists in ('signed', 'plain')),
    -- What links have that nobody says more of.
    link_lifetime integer check (link_lifetime > 0),
    link_preview  integer not null check (link_preview >= 0),
    link_clients  integer not null check (link_clients between 0 and 9),
    -- How URLs are signed; null if they are not.
    scheme        text,
    validity      integer check (validity >= 0),
    tolerance     integer check (tolerance >= 0),
    max_future    integer check (max_future >= 0),
    time          text,
    algorithm     text,
    form          text,
    -- A JSON array of [name, new name].
    parameters    text    not null check (json_type(parameters) = 'array'),
    profile       text,
    us_length     integer check (us_length between 0 and 255),
    regions       text    not null check (regions in ('known', 'unknown')),
    expression    text,
    primary_key   blob,
    secondary_key blob,
    check (scheme is null or primary_key is not null),
    check (secondary_key is null or primary_key is not null)
) strict, without rowid;

create index delivery_domains_by_bucket on delivery_domains (bucket_id);

-- What was counted of a domain on a day of UTC: by the key that verified, and by what refused. Added
-- in batches under the numbers of referer_stats_writers.
create table delivery_tallies (
    domain   blob    not null references delivery_domains (id) on delete cascade,
    day      integer not null,
    outcome  text    not null check (outcome in ('verified', 'refused', 'open')),
    -- The id of the key, or the word for the reason.
    detail   text    not null,
    requests integer not null check (requests >= 0),
    latest   integer not null,
    primary key (domain, day, outcome, detail)
) strict, without rowid;

create index delivery_tallies_by_day on delivery_tallies (day);

-- The clients of links that only so many may use: an IPv4 address, or the first 8 bytes of an IPv6
-- address. `until` is the last second of the link.
create table delivery_clients (
    domain blob    not null references delivery_domains (id) on delete cascade,
    link   blob    not null check (length(link) = 16),
    client blob    not null check (length(client) in (4, 8)),
    until  integer not null,
    primary key (domain, link, client)
) strict, without rowid;

create index delivery_clients_by_end on delivery_clients (until);

-- Programs that may have links made: by a token, of which the digest is kept.
create table link_applications (
    name       text    not null primary key,
    digest     blob    not null unique check (length(digest) = 32),
    -- A JSON array of hosts with the beginning of a path: what links it may have. Empty is any.
    scopes     text    not null check (json_type(scopes) = 'array'),
    per_minute integer not null check (per_minute > 0),
    created    integer not null
) strict, without rowid;
