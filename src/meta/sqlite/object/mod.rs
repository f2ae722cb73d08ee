//! Objects and the blobs that they name.

pub(super) mod acls;
mod delete;
mod grow;
mod moves;
pub(super) mod named;
mod put;
pub(super) mod row;
pub(super) mod write;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::writer::Operation;
use super::{Sqlite, corrupt, read_error};
use crate::domain::name::{BlobId, BucketId, ObjectKey};
use crate::domain::object::Object;
use crate::domain::object::listing::ListedObject;
use crate::meta::{Deleted, Edit, Edited, Grown, Growth, MetaError, NewVersion, Objects, Put};
use acls::Acls;
use delete::DeleteObjects;
use grow::GrowObject;
use named::unnamed;
use put::{Onto, PutObject};
use row::{ListedRow, ObjectRow, acl_text, listed, object, tags_text};
use write::Place;

#[async_trait]
impl Objects for Sqlite {
    async fn find_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
    ) -> Result<Option<Object>, MetaError> {
        const SQL: &str = "
            select size, etag, crc64, md5, kind, storage_class, modified, headers, acl, tags,
                   symlink, blob, blob_offset,
                   case when blob is null then
                       (select json_group_array(json_array(hex(e.blob), e.offset, e.length)
                                                order by e.position)
                        from extents e where e.bucket_id = o.bucket_id and e.key = o.key)
                   end as extents
            from objects o where bucket_id = ?1 and key = ?2";
        let row: Option<ObjectRow> = sqlx::query_as(SQL)
            .bind(bucket.0)
            .bind(key.as_str().as_bytes())
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        row.map(|row| object(row).map_err(|reason| bad_object(bucket, key, reason))).transpose()
    }

    async fn put_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: NewVersion<'_>,
    ) -> Result<Put, MetaError> {
        let row = ObjectRow::try_from(version.object);
        let row = row.map_err(|why| bad_object(bucket, key, why))?;
        let onto = version.onto.map(Onto::try_from).transpose();
        let onto = onto.map_err(|why| bad_object(bucket, key, why))?;
        let (overwrite, shared) = (version.overwrite, version.shared.to_vec());
        let (key, acls) = (key.as_str().into(), self.acls.clone());
        let runs = version.object.extents.len();
        let put = PutObject { bucket, key, row, runs, overwrite, shared, onto, acls };
        self.writer.submit(put).await
    }

    async fn grow_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        growth: Growth<'_>,
    ) -> Result<Grown, MetaError> {
        let grow = GrowObject::new((bucket, key.as_str()), growth);
        self.writer.submit(grow.map_err(|why| bad_object(bucket, key, why))?).await
    }

    async fn edit_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        edit: Edit,
    ) -> Result<Edited, MetaError> {
        let value = match &edit {
            Edit::Acl(acl) => Ok(acl_text(*acl)),
            Edit::Tags(tags) => tags_text(tags),
        };
        let value = value.map_err(|why| bad_object(bucket, key, why))?;
        let (key, acls) = (key.as_str().into(), self.acls.clone());
        self.writer.submit(EditObject { bucket, key, edit, value, acls }).await
    }

    fn may_hold_acls(&self, bucket: BucketId) -> bool {
        self.acls.may_be_in(bucket)
    }

    async fn delete_objects(
        &self,
        bucket: BucketId,
        keys: &[ObjectKey],
    ) -> Result<Deleted, MetaError> {
        let keys = keys.iter().map(|key| key.as_str().into()).collect();
        self.writer.submit(DeleteObjects { bucket, keys }).await
    }

    async fn objects_from(
        &self,
        bucket: BucketId,
        from: &[u8],
        limit: u32,
    ) -> Result<Vec<ListedObject>, MetaError> {
        const SQL: &str = "
            select key, size, etag, kind, symlink is not null as is_symlink, storage_class,
                   modified
            from objects
            where bucket_id = ?1 and key >= ?2 order by key limit ?3";
        let rows: Vec<ListedRow> = sqlx::query_as(SQL)
            .bind(bucket.0)
            .bind(from)
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        rows.into_iter()
            .map(|row| {
                let name = format!("{}/{}", bucket.0, String::from_utf8_lossy(&row.key));
                listed(&row).map_err(|reason| corrupt("objects", name, reason))
            })
            .collect()
    }

    async fn unnamed_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, MetaError> {
        unnamed(&self.readers, blobs).await.map_err(read_error)
    }
}

/// A column that changes while all else stays.
struct EditObject {
    bucket: BucketId,
    key: Box<str>,
    edit: Edit,
    /// What the column will hold.
    value: Option<String>,
    acls: Acls,
}

impl Operation for EditObject {
    type Answer = Edited;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Edited, MetaError> {
        const ACL: &str = "update objects set acl = ?3 where bucket_id = ?1 and key = ?2";
        const TAGS: &str = "update objects set tags = ?3 where bucket_id = ?1 and key = ?2";
        let sql = match &self.edit {
            Edit::Acl(_) => {
                self.acls.expect_in(self.bucket);
                ACL
            }
            Edit::Tags(_) => TAGS,
        };
        let query = sqlx::query(sql).bind(self.bucket.0).bind(self.key.as_bytes());
        let done = query.bind(self.value.as_deref()).execute(connection).await?;
        Ok(if done.rows_affected() == 0 { Edited::NoSuchKey } else { Edited::Done })
    }

    fn objects(&self) -> Vec<Place<'_>> {
        vec![(self.bucket, &self.key)]
    }
}

fn bad_object(bucket: BucketId, key: &ObjectKey, reason: String) -> MetaError {
    corrupt("objects", format_args!("{}/{key}", bucket.0), reason)
}
