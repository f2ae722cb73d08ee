-- Why: the first schema. What a server must know of its buckets, their referer policies and
-- their objects; the bytes themselves are files under the ids that are named here.
--
-- Rules of these tables:
--   * A bucket id is never used twice (autoincrement), so that nothing that was remembered of a
--     deleted bucket fits its successor of the same name.
--   * Times are milliseconds since 1970. Words are those of the protocol where it has one.
--   * Usage is kept by triggers: whoever writes an object, the counters of its bucket change in
--     the same transaction and are never counted again.

create table buckets (
    id            integer primary key autoincrement,
    name          text    not null unique,
    created       integer not null,
    acl           text    not null check (acl in ('private', 'public-read', 'public-read-write')),
    storage_class text    not null check (storage_class in ('Standard', 'IA')),
    object_count  integer not null default 0 check (object_count >= 0),
    byte_count    integer not null default 0 check (byte_count >= 0)
) strict;

-- One row a policy, with its lists as JSON arrays of text: a list can have a million entries and
-- is always read and replaced whole. A bucket without a row has the default policy.
create table referer_policies (
    bucket_id integer primary key references buckets (id) on delete cascade,
    empty     text    not null check (empty in ('allow', 'deny')),
    compare   text    not null check (compare in ('with-query', 'with-path', 'origin')),
    whitelist text    not null check (json_type(whitelist) = 'array'),
    blacklist text    not null check (json_type(blacklist) = 'array'),
    updated   integer not null
) strict;

-- Clustered by (bucket, key as bytes), so that a listing reads neighbours and is in the order
-- that the protocol wants without sorting.
--
-- Nearly every object is the whole of one blob: that one is named in the row itself, and reading
-- such an object is one search. `blob` is null for an object of no blob or of several; those are
-- named in `extents`.
create table objects (
    bucket_id     integer not null references buckets (id),
    key           blob    not null check (length(key) between 1 and 1023),
    size          integer not null check (size >= 0),
    etag          text    not null,
    -- The 64 bits of the checksum, read as a signed number.
    crc64         integer not null,
    md5           blob    check (length(md5) = 16),
    kind          text    not null check (kind in ('Normal', 'Multipart', 'Appendable')),
    storage_class text    not null check (storage_class in ('Standard', 'IA')),
    modified      integer not null,
    -- A JSON array of [name, value]: order and repetition count.
    headers       text    not null check (json_type(headers) = 'array'),
    blob          blob    check (length(blob) = 16),
    primary key (bucket_id, key)
) strict, without rowid;

-- The blobs of an object of several, in order. A multipart upload of 10 000 parts completes by
-- writing 10 000 of these rows and no byte of content.
create table extents (
    bucket_id integer not null,
    key       blob    not null,
    position  integer not null check (position >= 0),
    blob      blob    not null check (length(blob) = 16),
    length    integer not null check (length >= 0),
    primary key (bucket_id, key, position),
    foreign key (bucket_id, key) references objects (bucket_id, key) on delete cascade
) strict, without rowid;

-- Whether a blob is named at all is asked for every file by the scrub. Not unique: one blob may
-- come to serve several objects.
create index objects_by_blob on objects (blob) where blob is not null;
create index extents_by_blob on extents (blob);

create trigger usage_after_insert after insert on objects begin
    update buckets set object_count = object_count + 1, byte_count = byte_count + new.size
    where id = new.bucket_id;
end;

create trigger usage_after_update after update of size on objects begin
    update buckets set byte_count = byte_count - old.size + new.size
    where id = new.bucket_id;
end;

create trigger usage_after_delete after delete on objects begin
    update buckets set object_count = object_count - 1, byte_count = byte_count - old.size
    where id = old.bucket_id;
end;
