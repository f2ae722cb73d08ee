//! Deleting objects.

use sqlx::SqliteConnection;

use super::named::{blobs_of, keys_text, unnamed};
use crate::domain::name::BucketId;
use crate::meta::sqlite::writer::Operation;
use crate::meta::{Deleted, MetaError};

/// The most rows of extents that go with one transaction, unless one object has more: as many as
/// completing an upload writes at most. A thousand objects of that many would hold up all other
/// writes for a minute.
const MAX_EXTENTS: u64 = 10_000;

pub(super) struct DeleteObjects {
    pub(super) bucket: BucketId,
    pub(super) keys: Vec<Box<str>>,
}

impl Operation for DeleteObjects {
    type Answer = Deleted;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Deleted, MetaError> {
        const SQL: &str = "
            delete from objects where bucket_id = ?1
            and key in (select cast(value as blob) from json_each(?2))";
        let keys = self.first(connection).await?;
        let text = keys_text(self.keys.iter().take(keys).map(|key| &**key));
        let blobs = blobs_of(connection, self.bucket, &text).await?;
        sqlx::query(SQL).bind(self.bucket.0).bind(text).execute(&mut *connection).await?;
        Ok(Deleted { keys, unnamed: unnamed(connection, &blobs).await? })
    }
}

impl DeleteObjects {
    /// How many of the keys are deleted together.
    async fn first(&self, connection: &mut SqliteConnection) -> Result<usize, MetaError> {
        // Positions begin with 0 and leave nothing out.
        const SQL: &str = "
            select json_group_array(1 + coalesce(
                (select max(position) from extents
                 where bucket_id = ?1 and extents.key = cast(asked.value as blob)), 0)
                order by asked.key)
            from json_each(?2) asked";
        if self.keys.len() <= 1 {
            return Ok(self.keys.len());
        }
        let text = keys_text(self.keys.iter().map(|key| &**key));
        let query = sqlx::query_scalar(SQL).bind(self.bucket.0).bind(text);
        let counts: String = query.fetch_one(connection).await?;
        let counts: Vec<u64> = serde_json::from_str(&counts)
            .map_err(|why| sqlx::Error::Decode(format!("counts of extents: {why}").into()))?;
        let together = counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        Ok(together.take_while(|sum| *sum <= MAX_EXTENTS).count().max(1))
    }
}
