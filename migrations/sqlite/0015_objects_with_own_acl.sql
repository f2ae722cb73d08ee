-- Why: at every start it is asked which buckets hold objects with ACLs of their own. Without this,
-- all objects were looked at, which filled the writer's cache for nothing.

create index objects_with_own_acl on objects (bucket_id) where acl is not null;
