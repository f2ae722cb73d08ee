//! Uploads in parts.

mod complete;
mod row;

use async_trait::async_trait;
use sqlx::{SqliteConnection, SqliteExecutor};

use super::bucket::changed;
use super::object::named::{released, unnamed};
use super::object::row::blob_id;
use super::object::write;
use super::writer::Operation;
use super::{Sqlite, corrupt, read_error};
use crate::domain::name::{BlobId, BucketId, UploadId};
use crate::domain::object::Attributes;
use crate::domain::object::listing::Position;
use crate::domain::object::multipart::{ListedPart, ListedUpload, Part, PartNumber};
use crate::domain::time::UnixMillis;
use crate::meta::{Changed, Completed, Completion, MetaError, PutPart, UploadPlace, Uploads};
use complete::CompleteUpload;
use row::{AttributesRow, ListedPartRow, ListedUploadRow, PartRow, listed_part, listed_upload};

#[async_trait]
impl Uploads for Sqlite {
    async fn begin_upload(
        &self,
        place: UploadPlace<'_>,
        attributes: &Attributes,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        let row = AttributesRow::try_from(attributes);
        let row = row.map_err(|why| corrupt("uploads", place.id, why))?;
        self.writer.submit(BeginUpload { place: place.into(), now, row }).await
    }

    async fn has_upload(&self, place: UploadPlace<'_>) -> Result<bool, MetaError> {
        Place::from(place).is_there(&self.readers).await.map_err(read_error)
    }

    async fn put_part(
        &self,
        place: UploadPlace<'_>,
        part: &Part,
        shared: &[BlobId],
    ) -> Result<PutPart, MetaError> {
        let row = PartRow::try_from(part).map_err(|why| bad_part(place.id, part.number, why))?;
        let shared = shared.to_vec();
        self.writer.submit(WritePart { place: place.into(), row, shared }).await
    }

    async fn complete_upload(
        &self,
        place: UploadPlace<'_>,
        completion: Completion,
    ) -> Result<Completed, MetaError> {
        let (place, acls) = (place.into(), self.acls.clone());
        self.writer.submit(CompleteUpload { place, completion, acls }).await
    }

    async fn abort_upload(&self, place: UploadPlace<'_>) -> Result<Option<Vec<BlobId>>, MetaError> {
        self.writer.submit(AbortUpload(place.into())).await
    }

    async fn parts_after(
        &self,
        id: UploadId,
        after: Option<PartNumber>,
        limit: u32,
    ) -> Result<Vec<ListedPart>, MetaError> {
        const SQL: &str = "
            select number, size, md5, crc64, modified from parts
            where upload = ?1 and number > ?2 order by number limit ?3";
        let rows: Vec<ListedPartRow> = sqlx::query_as(SQL)
            .bind(id.0.as_slice())
            .bind(after.map_or(0, PartNumber::get))
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        rows.into_iter()
            .map(|row| listed_part(row).map_err(|why| corrupt("parts", id, why)))
            .collect()
    }

    async fn uploads_from(
        &self,
        bucket: BucketId,
        from: &Position,
        limit: u32,
    ) -> Result<Vec<ListedUpload>, MetaError> {
        const SQL: &str = "
            select key, id, storage_class, initiated from uploads
            where bucket_id = ?1 and (key, id) > (?2, ?3) order by key, id limit ?4";
        // Nothing is before all uploads of a key but the empty text.
        let behind = from.upload.as_ref().map_or(&[][..], |id| id.0.as_slice());
        let rows: Vec<ListedUploadRow> = sqlx::query_as(SQL)
            .bind(bucket.0)
            .bind(from.key.as_slice())
            .bind(behind)
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        let bad = |why| corrupt("uploads", bucket.0, why);
        rows.into_iter().map(|row| listed_upload(row).map_err(bad)).collect()
    }
}

/// The numbers of all parts.
const ALL: (u16, u16) = (1, PartNumber::MAX);

/// An [`UploadPlace`] to keep.
struct Place {
    bucket: BucketId,
    key: Box<str>,
    id: UploadId,
}

impl From<UploadPlace<'_>> for Place {
    fn from(place: UploadPlace<'_>) -> Self {
        Self { bucket: place.bucket, key: place.key.as_str().into(), id: place.id }
    }
}

impl Place {
    async fn is_there(&self, executor: impl SqliteExecutor<'_>) -> Result<bool, sqlx::Error> {
        const SQL: &str = "
            select exists (select 1 from uploads where id = ?1 and bucket_id = ?2 and key = ?3)";
        sqlx::query_scalar(SQL)
            .bind(self.id.0.as_slice())
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .fetch_one(executor)
            .await
    }

    /// The blobs that parts of these numbers name.
    async fn blobs(
        &self,
        connection: &mut SqliteConnection,
        (first, last): (u16, u16),
    ) -> Result<Vec<BlobId>, MetaError> {
        const SQL: &str = "
            select blob from parts
            where upload = ?1 and number between ?2 and ?3 and blob is not null
            union
            select blob from part_extents where upload = ?1 and number between ?2 and ?3";
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(SQL)
            .bind(self.id.0.as_slice())
            .bind(first)
            .bind(last)
            .fetch_all(connection)
            .await?;
        rows.iter().map(|row| blob_id(row).map_err(|why| corrupt("parts", self.id, why))).collect()
    }

    /// How many rows the upload has beside its own.
    async fn rows(&self, connection: &mut SqliteConnection) -> Result<usize, MetaError> {
        const SQL: &str = "
            select (select count(*) from parts where upload = ?1)
                 + (select count(*) from part_extents where upload = ?1)";
        let query = sqlx::query_scalar(SQL).bind(self.id.0.as_slice());
        let rows: i64 = query.fetch_one(connection).await?;
        Ok(usize::try_from(rows).unwrap_or_default())
    }

    /// The object that the upload is to become.
    const fn object(&self) -> write::Place<'_> {
        (self.bucket, &self.key)
    }

    /// Deletes the upload with its parts.
    async fn delete(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "delete from uploads where id = ?1";
        sqlx::query(SQL).bind(self.id.0.as_slice()).execute(connection).await.map(|_| ())
    }
}

struct BeginUpload {
    place: Place,
    now: UnixMillis,
    row: AttributesRow,
}

impl Operation for BeginUpload {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const SQL: &str = "
            insert into uploads (id, bucket_id, key, initiated, storage_class, headers, acl, tags)
            select ?1, id, ?3, ?4, ?5, ?6, ?7, ?8 from buckets where id = ?2";
        let query = sqlx::query(SQL)
            .bind(self.place.id.0.as_slice())
            .bind(self.place.bucket.0)
            .bind(self.place.key.as_bytes())
            .bind(self.now.0)
            .bind(self.row.storage_class.as_str())
            .bind(self.row.headers.as_str())
            .bind(self.row.acl.as_deref())
            .bind(self.row.tags.as_deref());
        Ok(changed(query.execute(connection).await?.rows_affected()))
    }
}

struct WritePart {
    place: Place,
    row: PartRow,
    shared: Vec<BlobId>,
}

impl Operation for WritePart {
    type Answer = PutPart;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<PutPart, MetaError> {
        const DELETE: &str = "delete from parts where upload = ?1 and number = ?2";
        if !self.place.is_there(&mut *connection).await? {
            return Ok(PutPart::NoSuchUpload);
        }
        if !unnamed(&mut *connection, &self.shared).await?.is_empty() {
            return Ok(PutPart::SourceGone);
        }
        let replaced = self.place.blobs(connection, (self.row.number, self.row.number)).await?;
        sqlx::query(DELETE)
            .bind(self.place.id.0.as_slice())
            .bind(self.row.number)
            .execute(&mut *connection)
            .await?;
        self.write_row(connection).await?;
        self.write_extents(connection).await?;
        Ok(PutPart::Done { unnamed: released(connection, &replaced).await? })
    }

    fn objects(&self) -> Vec<write::Place<'_>> {
        vec![self.place.object()]
    }
}

impl WritePart {
    async fn write_row(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into parts (upload, number, bucket_id, size, md5, crc64, modified, blob)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        sqlx::query(SQL)
            .bind(self.place.id.0.as_slice())
            .bind(self.row.number)
            .bind(self.place.bucket.0)
            .bind(self.row.size)
            .bind(self.row.md5.as_slice())
            .bind(self.row.crc64)
            .bind(self.row.modified)
            .bind(self.row.blob.as_deref())
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn write_extents(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into part_extents (upload, number, position, blob, offset, length)
            select ?1, ?2, e.key, unhex(e.value ->> 0), e.value ->> 1, e.value ->> 2
            from jsonb_each(?3) e";
        let Some(extents) = &self.row.extents else { return Ok(()) };
        sqlx::query(SQL)
            .bind(self.place.id.0.as_slice())
            .bind(self.row.number)
            .bind(extents.as_str())
            .execute(connection)
            .await
            .map(|_| ())
    }
}

struct AbortUpload(Place);

impl Operation for AbortUpload {
    type Answer = Option<Vec<BlobId>>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Answer, MetaError> {
        let Self(place) = self;
        if !place.is_there(&mut *connection).await? {
            return Ok(None);
        }
        let blobs = place.blobs(connection, ALL).await?;
        place.delete(connection).await?;
        Ok(Some(released(connection, &blobs).await?))
    }

    fn objects(&self) -> Vec<write::Place<'_>> {
        vec![self.0.object()]
    }

    async fn weight(&self, connection: &mut SqliteConnection) -> Result<usize, MetaError> {
        self.0.rows(connection).await
    }
}

fn bad_part(id: UploadId, number: PartNumber, reason: impl std::fmt::Display) -> MetaError {
    corrupt("parts", format_args!("{id}/{number}"), reason)
}
