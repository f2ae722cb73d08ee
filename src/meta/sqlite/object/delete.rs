//! Deleting objects.

use sqlx::SqliteConnection;

use super::named::{blobs_of, decode, places_text, unnamed, unnamed_of_each};
use super::write::Place;
use crate::domain::name::{BlobId, BucketId};
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
        let keys = self.first(connection).await?;
        let places: Vec<_> = self.places().take(keys).collect();
        let blobs = delete(connection, &places).await?.concat();
        Ok(Deleted { keys, unnamed: unnamed(connection, &blobs).await? })
    }

    fn subject(&self) -> Option<Place<'_>> {
        let mut places = self.places();
        places.next().filter(|_| places.next().is_none())
    }

    async fn run_joined(
        group: &[&Self],
        connection: &mut SqliteConnection,
    ) -> Result<Vec<Deleted>, MetaError> {
        let places: Vec<_> = group.iter().filter_map(|delete| delete.subject()).collect();
        let blobs = delete(connection, &places).await?;
        let unnamed = unnamed_of_each(connection, &blobs).await?;
        Ok(unnamed.into_iter().map(|unnamed| Deleted { keys: 1, unnamed }).collect())
    }
}

/// Deletes objects. Returns the blobs that each named.
async fn delete(
    connection: &mut SqliteConnection,
    places: &[Place<'_>],
) -> Result<Vec<Vec<BlobId>>, MetaError> {
    const SQL: &str = "
        delete from objects where (bucket_id, key) in (
            select value ->> 0, cast(value ->> 1 as blob) from jsonb_each(?1))";
    let blobs = blobs_of(connection, places).await?;
    sqlx::query(SQL).bind(places_text(places)?).execute(connection).await?;
    Ok(blobs)
}

impl DeleteObjects {
    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        self.keys.iter().map(|key| (self.bucket, &**key))
    }

    /// How many of the keys are deleted together.
    async fn first(&self, connection: &mut SqliteConnection) -> Result<usize, MetaError> {
        // Positions begin with 0 and leave nothing out.
        const SQL: &str = "
            select json_group_array(1 + coalesce(
                (select max(position) from extents
                 where bucket_id = asked.value ->> 0
                 and extents.key = cast(asked.value ->> 1 as blob)), 0)
                order by asked.key)
            from jsonb_each(?1) asked";
        if self.keys.len() <= 1 {
            return Ok(self.keys.len());
        }
        let text = places_text(&self.places().collect::<Vec<_>>())?;
        let query = sqlx::query_scalar(SQL).bind(text);
        let counts: String = query.fetch_one(connection).await?;
        let counts: Vec<u64> = serde_json::from_str(&counts).map_err(|why| decode(&why))?;
        let together = counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        Ok(together.take_while(|sum| *sum <= MAX_EXTENTS).count().max(1))
    }
}
