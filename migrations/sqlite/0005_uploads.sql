-- Why: objects that are uploaded in parts, and blobs of which an object has a piece only.
--
-- Rules of these tables:
--   * An extent is a run of bytes of a blob and no longer the whole of it, so that a copy of a part
--     of an object names the same blob and writes no byte. `objects.blob` stays what it was: an
--     object whose bytes are the first `size` bytes of one blob.
--   * The same holds for a part: `parts.blob` is the blob whose first `size` bytes it is; null for
--     a part of no blob, of several, or from the middle of one, which are named in `part_extents`.
--   * An upload that is open keeps its bucket from being deleted: the foreign key has no action.
--   * Parts are counted by triggers, as objects are. `parts.bucket_id` is that of the upload.
--   * An upload's id begins with the time of its beginning, so uploads of a key are listed in that
--     order.

alter table extents add column offset integer not null default 0 check (offset >= 0);

create table uploads (
    id            blob    not null primary key check (length(id) = 16),
    bucket_id     integer not null references buckets (id),
    key           blob    not null check (length(key) between 1 and 1023),
    initiated     integer not null,
    -- What the object will have, as in `objects`.
    storage_class text    not null check (storage_class in ('Standard', 'IA')),
    headers       text    not null check (json_type(headers) = 'array')
) strict, without rowid;

create unique index uploads_in_order on uploads (bucket_id, key, id);

create table parts (
    upload    blob    not null references uploads (id) on delete cascade,
    number    integer not null check (number between 1 and 10000),
    bucket_id integer not null,
    size      integer not null check (size >= 0),
    md5       blob    not null check (length(md5) = 16),
    crc64     integer not null,
    modified  integer not null,
    blob      blob    check (length(blob) = 16),
    primary key (upload, number)
) strict, without rowid;

create table part_extents (
    upload   blob    not null,
    number   integer not null,
    position integer not null check (position >= 0),
    blob     blob    not null check (length(blob) = 16),
    offset   integer not null check (offset >= 0),
    length   integer not null check (length >= 0),
    primary key (upload, number, position),
    foreign key (upload, number) references parts (upload, number) on delete cascade
) strict, without rowid;

create index parts_by_blob on parts (blob) where blob is not null;
create index part_extents_by_blob on part_extents (blob);

alter table buckets add column upload_count integer not null default 0 check (upload_count >= 0);
alter table buckets add column part_count integer not null default 0 check (part_count >= 0);
alter table buckets add column part_bytes integer not null default 0 check (part_bytes >= 0);

create trigger uploads_after_insert after insert on uploads begin
    update buckets set upload_count = upload_count + 1 where id = new.bucket_id;
end;

create trigger uploads_after_delete after delete on uploads begin
    update buckets set upload_count = upload_count - 1 where id = old.bucket_id;
end;

create trigger parts_after_insert after insert on parts begin
    update buckets set part_count = part_count + 1, part_bytes = part_bytes + new.size
    where id = new.bucket_id;
end;

create trigger parts_after_update after update of size on parts begin
    update buckets set part_bytes = part_bytes - old.size + new.size where id = new.bucket_id;
end;

create trigger parts_after_delete after delete on parts begin
    update buckets set part_count = part_count - 1, part_bytes = part_bytes - old.size
    where id = old.bucket_id;
end;
