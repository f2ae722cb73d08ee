//! Appending: the rows of what is new at the end of an object.

use sqlx::SqliteConnection;

use super::named::released;
use super::row::{ObjectRow, extents_text};
use super::write::{Place, write_extents};
use crate::domain::name::{BlobId, BucketId};
use crate::domain::object::Extent;
use crate::meta::sqlite::writer::Operation;
use crate::meta::{Grown, Growth, MetaError};

pub(super) struct GrowObject {
    bucket: BucketId,
    key: Box<str>,
    /// What is there now, as far as it is compared.
    from: ObjectRow,
    /// What is to be there.
    to: ObjectRow,
    /// How many rows of extents stay.
    kept: u32,
    /// The rows of extents behind them.
    tail: Option<String>,
    /// The blobs that are not named any more, unless by others.
    given_up: Vec<BlobId>,
    /// How many extents there are and are to be.
    weight: usize,
}

impl GrowObject {
    pub(super) fn new((bucket, key): (BucketId, &str), growth: Growth<'_>) -> Result<Self, String> {
        let (from, to) = (ObjectRow::try_from(growth.from)?, ObjectRow::try_from(growth.to)?);
        let (old, new) = (&growth.from.extents, &growth.to.extents);
        // An object of one run names it in its own row and has no rows of extents.
        let both_have_rows = from.blob.is_none() && to.blob.is_none();
        let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let kept = if both_have_rows { same } else { 0 };
        let tail = to.extents.is_some().then(|| extents_text(new.get(kept..).unwrap_or_default()));
        let names = |blob: BlobId| new.iter().any(|extent: &Extent| extent.blob == blob);
        let mut given_up: Vec<_> = old.iter().skip(same).map(|extent| extent.blob).collect();
        given_up.retain(|blob| !names(*blob));
        Ok(Self {
            bucket,
            key: key.into(),
            from,
            to,
            kept: u32::try_from(kept).map_err(|_| "has too many extents")?,
            tail: tail.transpose()?,
            given_up,
            weight: old.len() + new.len(),
        })
    }

    /// Whether the object is still what it grew from.
    async fn is_unchanged(&self, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        const SQL: &str = "
            select exists (
                select 1 from objects o
                where bucket_id = ?1 and key = ?2 and kind = ?3 and symlink is null and size = ?4
                and blob is ?5 and blob_offset = ?7
                and (blob is not null or ?6 =
                    (select json_group_array(json_array(lower(hex(e.blob)), e.offset, e.length)
                                             order by e.position)
                     from extents e where e.bucket_id = o.bucket_id and e.key = o.key)))";
        sqlx::query_scalar(SQL)
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .bind(self.from.kind.as_str())
            .bind(self.from.size)
            .bind(self.from.blob.as_deref())
            .bind(self.from.extents.as_deref())
            .bind(self.from.blob_offset)
            .fetch_one(connection)
            .await
    }

    async fn write_row(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            update objects set size = ?3, etag = ?4, crc64 = ?5, md5 = ?6, modified = ?7, blob = ?8,
                blob_offset = ?9
            where bucket_id = ?1 and key = ?2";
        sqlx::query(SQL)
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .bind(self.to.size)
            .bind(self.to.etag.as_str())
            .bind(self.to.crc64)
            .bind(self.to.md5.as_deref())
            .bind(self.to.modified)
            .bind(self.to.blob.as_deref())
            .bind(self.to.blob_offset)
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn forget_end(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str =
            "delete from extents where bucket_id = ?1 and key = ?2 and position >= ?3";
        sqlx::query(SQL)
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .bind(self.kept)
            .execute(connection)
            .await
            .map(|_| ())
    }
}

impl Operation for GrowObject {
    type Answer = Grown;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Grown, MetaError> {
        if !self.is_unchanged(connection).await? {
            return Ok(Grown::Changed);
        }
        self.write_row(connection).await?;
        self.forget_end(connection).await?;
        if let Some(tail) = &self.tail {
            write_extents(connection, (self.bucket, &self.key), (self.kept, tail)).await?;
        }
        Ok(Grown::Done { unnamed: released(connection, &self.given_up).await? })
    }

    fn objects(&self) -> Vec<Place<'_>> {
        vec![(self.bucket, &self.key)]
    }

    async fn weight(&self, _: &mut SqliteConnection) -> Result<usize, MetaError> {
        Ok(self.weight)
    }
}
