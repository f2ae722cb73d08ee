-- Why: users beside the owner, what they may do, and what buckets say of that themselves.
--
-- Rules of these tables:
--   * A user's id is never used twice (autoincrement): what was given to a user who is gone, such
--     as temporary credentials, fits no later user of the same name.
--   * Secrets are sealed under a master key that is not in the database, each bound to its row.
--     The first 4 bytes are the version of the key, the highest byte first.
--   * Policies are kept as they were put, and checked again when they are read.

create table users (
    id      integer primary key autoincrement,
    name    text    not null unique,
    created integer not null
) strict;

create table access_keys (
    id      text    primary key,
    user_id integer not null references users (id) on delete cascade,
    secret  blob    not null check (length(secret) > 32),
    enabled integer not null check (enabled in (0, 1)),
    created integer not null
) strict, without rowid;

create index access_keys_by_user on access_keys (user_id);

create table policies (
    id       integer primary key autoincrement,
    name     text    not null unique,
    document text    not null,
    updated  integer not null
) strict;

-- A policy that is attached cannot be deleted: what it denied would be allowed.
create table user_policies (
    user_id   integer not null references users (id) on delete cascade,
    policy_id integer not null references policies (id),
    primary key (user_id, policy_id)
) strict, without rowid;

create index user_policies_by_policy on user_policies (policy_id);

create table bucket_policies (
    bucket_id integer primary key references buckets (id) on delete cascade,
    document  text    not null,
    updated   integer not null
) strict;
