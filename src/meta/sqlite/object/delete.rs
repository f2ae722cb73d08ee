//! Deleting objects.

use sqlx::SqliteConnection;

use super::named::{blobs_of, places_text, released, released_of_each, rows_of};
use super::write::Place;
use crate::domain::name::{BlobId, BucketId};
use crate::meta::sqlite::writer::{LIGHT, Operation};
use crate::meta::{Deleted, MetaError};

/// The most rows of extents that go with one transaction, unless one object has more: as many as
/// completing an upload writes at most. A thousand objects of that many would hold up all other
/// writes for a minute.
const MAX_EXTENTS: usize = 10_000;

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
        Ok(Deleted { keys, unnamed: released(connection, &blobs).await? })
    }

    fn subject(&self) -> Option<Place<'_>> {
        let mut places = self.places();
        places.next().filter(|_| places.next().is_none())
    }

    fn objects(&self) -> Vec<Place<'_>> {
        self.places().collect()
    }

    /// Of a single object that has more than can go at once, all goes.
    async fn weight(&self, connection: &mut SqliteConnection) -> Result<usize, MetaError> {
        let rows = rows_of(connection, &self.objects()).await?;
        let first = rows.first().copied().unwrap_or_default();
        Ok(rows.iter().sum::<usize>().min(MAX_EXTENTS).max(first))
    }

    async fn run_joined(
        group: &[&Self],
        connection: &mut SqliteConnection,
    ) -> Result<Option<Vec<Deleted>>, MetaError> {
        let places: Vec<_> = group.iter().filter_map(|delete| delete.subject()).collect();
        if rows_of(connection, &places).await?.iter().any(|rows| *rows > LIGHT) {
            return Ok(None);
        }
        let blobs = delete(connection, &places).await?;
        let unnamed = released_of_each(connection, &blobs).await?;
        Ok(Some(unnamed.into_iter().map(|unnamed| Deleted { keys: 1, unnamed }).collect()))
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
        if self.keys.len() <= 1 {
            return Ok(self.keys.len());
        }
        let rows = rows_of(connection, &self.places().collect::<Vec<_>>()).await?;
        let together = rows.iter().scan(0, |sum, rows| {
            *sum += rows;
            Some(*sum)
        });
        Ok(together.take_while(|sum| *sum <= MAX_EXTENTS).count().max(1))
    }
}
