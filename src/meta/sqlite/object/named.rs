//! Which blobs rows name.

use sqlx::{SqliteConnection, SqliteExecutor};

use super::row::blob_id;
use crate::domain::name::{BlobId, BucketId};
use crate::meta::MetaError;
use crate::meta::sqlite::corrupt;

/// A JSON array of keys. They are UTF-8 without NUL, so JSON text is their bytes.
pub(super) fn keys_text<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    keys.into_iter().collect::<serde_json::Value>().to_string()
}

/// The blobs that objects name.
pub(super) async fn blobs_of(
    connection: &mut SqliteConnection,
    bucket: BucketId,
    keys: &str,
) -> Result<Vec<BlobId>, MetaError> {
    const SQL: &str = "
        select blob from objects where bucket_id = ?1 and blob is not null
        and key in (select cast(value as blob) from json_each(?2))
        union
        select blob from extents where bucket_id = ?1
        and key in (select cast(value as blob) from json_each(?2))";
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar(SQL).bind(bucket.0).bind(keys).fetch_all(connection).await?;
    rows.iter().map(|row| blob_id(row).map_err(|why| corrupt("extents", bucket.0, why))).collect()
}

/// Those of the blobs that no row names, each once.
pub(in crate::meta::sqlite) async fn unnamed(
    executor: impl SqliteExecutor<'_>,
    blobs: &[BlobId],
) -> Result<Vec<BlobId>, sqlx::Error> {
    const SQL: &str = "
        with asked (blob) as (select unhex(value) from json_each(?1))
        select blob from asked
        where not exists (select 1 from objects where objects.blob = asked.blob)
        and not exists (select 1 from extents where extents.blob = asked.blob)
        and not exists (select 1 from parts where parts.blob = asked.blob)
        and not exists (select 1 from part_extents where part_extents.blob = asked.blob)";
    if blobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut blobs = blobs.to_vec();
    blobs.sort_unstable();
    blobs.dedup();
    let ids: serde_json::Value = blobs.iter().map(|blob| blob.0.simple().to_string()).collect();
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar(SQL).bind(ids.to_string()).fetch_all(executor).await?;
    rows.iter().map(|row| blob_id(row).map_err(|why| sqlx::Error::Decode(why.into()))).collect()
}
