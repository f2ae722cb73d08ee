//! Which blobs rows name.

use std::collections::HashSet;

use sqlx::{SqliteConnection, SqliteExecutor};

use super::row::blob_id;
use super::write::Place;
use crate::domain::name::BlobId;
use crate::meta::MetaError;
use crate::meta::sqlite::corrupt;

/// A JSON array of `[bucket, key]`. Keys are UTF-8 without NUL, so JSON text is their bytes.
pub(super) fn places_text(places: &[Place<'_>]) -> Result<String, MetaError> {
    let places: Vec<_> = places.iter().map(|(bucket, key)| (bucket.0, key)).collect();
    serde_json::to_string(&places).map_err(|why| encode(&why))
}

/// The blobs that each of some objects names.
pub(super) async fn blobs_of(
    connection: &mut SqliteConnection,
    places: &[Place<'_>],
) -> Result<Vec<Vec<BlobId>>, MetaError> {
    // One row, as is every answer that can be long: a row is a way between threads. A cross join
    // begins with what is asked for, however few extents there seem to be.
    const SQL: &str = "
        with asked (number, bucket_id, key) as materialized (
            select key, value ->> 0, cast(value ->> 1 as blob) from jsonb_each(?1))
        select json_group_array(json_array(number, hex(blob))) from (
            select number, o.blob from asked
            cross join objects o on o.bucket_id = asked.bucket_id and o.key = asked.key
            where o.blob is not null
            union
            select number, e.blob from asked
            cross join extents e on e.bucket_id = asked.bucket_id and e.key = asked.key)";
    let query = sqlx::query_scalar(SQL).bind(places_text(places)?);
    let text: String = query.fetch_one(connection).await?;
    let found: Vec<(usize, String)> = serde_json::from_str(&text).map_err(|why| decode(&why))?;
    let mut blobs = vec![Vec::new(); places.len()];
    for (number, blob) in found {
        let named = blobs.get_mut(number).ok_or_else(|| decode(&"a number"))?;
        named.push(read_blob(&blob).map_err(|why| corrupt("objects", number, why))?);
    }
    Ok(blobs)
}

/// How many rows go with each of some objects, at least 1.
pub(in crate::meta::sqlite) async fn rows_of(
    connection: &mut SqliteConnection,
    places: &[Place<'_>],
) -> Result<Vec<usize>, MetaError> {
    // Positions begin with 0 and leave nothing out.
    const SQL: &str = "
        select json_group_array(1 + coalesce(
            (select max(position) from extents
             where bucket_id = asked.value ->> 0
             and extents.key = cast(asked.value ->> 1 as blob)), 0)
            order by asked.key)
        from jsonb_each(?1) asked";
    let query = sqlx::query_scalar(SQL).bind(places_text(places)?);
    let text: String = query.fetch_one(connection).await?;
    Ok(serde_json::from_str(&text).map_err(|why| decode(&why))?)
}

/// A blob as SQLite's `hex` writes it.
pub(super) fn read_blob(text: &str) -> Result<BlobId, String> {
    blob_id(&hex::decode(text).map_err(|why| format!("blob: {why}"))?)
}

/// Those of the blobs that no row names, each once.
pub(in crate::meta::sqlite) async fn unnamed(
    executor: impl SqliteExecutor<'_>,
    blobs: &[BlobId],
) -> Result<Vec<BlobId>, sqlx::Error> {
    const SQL: &str = "
        with asked (blob) as (select unhex(value) from json_each(?1))
        select json_group_array(hex(blob)) from asked
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
    let text: String = sqlx::query_scalar(SQL).bind(ids.to_string()).fetch_one(executor).await?;
    let found: Vec<String> = serde_json::from_str(&text).map_err(|why| decode(&why))?;
    found.iter().map(|blob| read_blob(blob).map_err(|why| decode(&why))).collect()
}

/// Which blobs are to be given up of those whose names were taken: see [`crate::meta::Packs`].
pub(in crate::meta::sqlite) async fn released(
    executor: impl SqliteExecutor<'_>,
    blobs: &[BlobId],
) -> Result<Vec<BlobId>, sqlx::Error> {
    let (mut released, own): (Vec<_>, Vec<_>) =
        blobs.iter().copied().partition(|blob| blob.is_shared());
    released.sort_unstable();
    released.dedup();
    released.extend(unnamed(executor, &own).await?);
    Ok(released)
}

/// The same for several that gave up blobs one after the other. A blob is told to the last of those
/// that named it: when it gave it up, nobody named it any more.
pub(super) async fn released_of_each(
    connection: &mut SqliteConnection,
    given_up: &[Vec<BlobId>],
) -> Result<Vec<Vec<BlobId>>, sqlx::Error> {
    let mut left: HashSet<BlobId> =
        released(connection, &given_up.concat()).await?.into_iter().collect();
    let mut each: Vec<Vec<BlobId>> = given_up
        .iter()
        .rev()
        .map(|blobs| blobs.iter().copied().filter(|blob| left.remove(blob)).collect())
        .collect();
    each.reverse();
    Ok(each)
}

/// What SQLite answered is not what was asked for.
pub(super) fn decode(why: &impl ToString) -> sqlx::Error {
    sqlx::Error::Decode(why.to_string().into())
}

/// What SQLite is to get cannot be written.
pub(super) fn encode(why: &impl ToString) -> MetaError {
    MetaError::Sql(sqlx::Error::Encode(why.to_string().into()))
}
