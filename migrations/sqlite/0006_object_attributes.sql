-- Why: what an object can have beside its content and its headers: an ACL of its own, tags, and
-- instead of a content the name of another object, for which it stands.
--
-- Rules of these columns:
--   * Null is what nearly every object has: the ACL of its bucket, no tags, content of its own.
--   * Tags are a JSON array of [key, value], in the order in which they were put.
--   * A symlink names an object of the same bucket, which need not be there. Its kind is 'Normal'
--     in its row: the words of that column cannot be added to without writing all rows anew.
--   * An upload has from its beginning on what its object will have.

alter table objects add column acl text
    check (acl in ('private', 'public-read', 'public-read-write'));
alter table objects add column tags text check (json_type(tags) = 'array');
alter table objects add column symlink blob check (length(symlink) between 1 and 1023);

alter table uploads add column acl text
    check (acl in ('private', 'public-read', 'public-read-write'));
alter table uploads add column tags text check (json_type(tags) = 'array');

-- Which buckets hold objects with ACLs of their own is asked at the start, and must not scan.
create index objects_with_acl on objects (bucket_id) where acl is not null;
