//! Writing the rows of objects.

use serde::Serialize;
use sqlx::SqliteConnection;

use super::acls::Acls;
use super::named::{blobs_of, decode, encode, places_text, read_blob};
use super::row::ObjectRow;
use crate::domain::name::{BlobId, BucketId};
use crate::meta::MetaError;
use crate::meta::sqlite::corrupt;

/// A bucket and a key in it.
pub(in crate::meta::sqlite) type Place<'k> = (BucketId, &'k str);

/// What is there under a key, as far as whoever replaces it must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::meta::sqlite) enum There {
    /// Not even the bucket.
    NoBucket,
    Nothing,
    /// An object that is named in its own row.
    OfOne(BlobId),
    /// An object with so many rows of extents, which can be none.
    OfExtents(usize),
}

impl There {
    pub(in crate::meta::sqlite) const fn is_object(self) -> bool {
        matches!(self, Self::OfOne(_) | Self::OfExtents(_))
    }

    /// How many rows of extents go if it is replaced.
    pub(super) const fn extents(self) -> usize {
        match self {
            Self::NoBucket | Self::Nothing | Self::OfOne(_) => 0,
            Self::OfExtents(number) => number,
        }
    }
}

/// What is there under a key.
pub(in crate::meta::sqlite) async fn there_at(
    connection: &mut SqliteConnection,
    place: Place<'_>,
) -> Result<There, MetaError> {
    let found = there(connection, &[place]).await?.into_iter().next();
    Ok(found.ok_or(sqlx::Error::RowNotFound)?)
}

/// What is there under each of some keys.
pub(super) async fn there(
    connection: &mut SqliteConnection,
    places: &[Place<'_>],
) -> Result<Vec<There>, MetaError> {
    const SQL: &str = "
        select json_group_array(
            json_array((b.id is not null) + (o.key is not null), hex(o.blob),
                case when o.blob is null then
                    (select 1 + max(position) from extents e
                     where e.bucket_id = o.bucket_id and e.key = o.key)
                end)
            order by asked.key)
        from jsonb_each(?1) asked
        left join buckets b on b.id = asked.value ->> 0
        left join objects o on o.bucket_id = b.id and o.key = cast(asked.value ->> 1 as blob)";
    let query = sqlx::query_scalar(SQL).bind(places_text(places)?);
    let text: String = query.fetch_one(connection).await?;
    let found: Vec<(u8, String, Option<usize>)> =
        serde_json::from_str(&text).map_err(|why| decode(&why))?;
    let read = |(rows, blob, extents): &(u8, String, Option<usize>)| match (rows, blob.as_str()) {
        (0, _) => Ok(There::NoBucket),
        (1, _) => Ok(There::Nothing),
        (_, "") => Ok(There::OfExtents(extents.unwrap_or_default())),
        (_, blob) => read_blob(blob).map(There::OfOne),
    };
    let bad = |why| corrupt("objects", places.len(), why);
    found.iter().map(read).collect::<Result<_, _>>().map_err(bad)
}

/// An object that is to be written where something is, or nothing.
pub(in crate::meta::sqlite) struct Version<'o> {
    pub(in crate::meta::sqlite) place: Place<'o>,
    pub(in crate::meta::sqlite) there: There,
    pub(in crate::meta::sqlite) row: &'o ObjectRow,
}

/// Writes objects, each under another key and in the place of the one that is there, if one is.
/// Returns the blobs that these named before. The new ones may name some of them, too.
pub(in crate::meta::sqlite) async fn replace(
    connection: &mut SqliteConnection,
    versions: &[Version<'_>],
    acls: &Acls,
) -> Result<Vec<Vec<BlobId>>, MetaError> {
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    let mut replaced = Vec::with_capacity(versions.len());
    for version in versions {
        if version.row.acl.is_some() {
            acls.expect_in(version.place.0);
        }
        replaced.push(match version.there {
            There::NoBucket | There::Nothing | There::OfExtents(0) => Vec::new(),
            There::OfOne(blob) => vec![blob],
            There::OfExtents(_) => forget_extents(connection, version.place).await?,
        });
    }
    write_rows(connection, versions).await?;
    for version in versions {
        if let Some(extents) = version.row.rows_of_extents() {
            write_extents(connection, version.place, (0, extents)).await?;
        }
    }
    Ok(replaced)
}

/// Removes the extents of an object. Returns the blobs that they named.
async fn forget_extents(
    connection: &mut SqliteConnection,
    place: Place<'_>,
) -> Result<Vec<BlobId>, MetaError> {
    const SQL: &str = "delete from extents where bucket_id = ?1 and key = ?2";
    let blobs = blobs_of(connection, &[place]).await?.concat();
    sqlx::query(SQL).bind(place.0.0).bind(place.1.as_bytes()).execute(connection).await?;
    Ok(blobs)
}

/// As many rows as there are in one statement. JSON is taken apart once that way, as quickly as
/// values are bound.
async fn write_rows(
    connection: &mut SqliteConnection,
    versions: &[Version<'_>],
) -> Result<(), MetaError> {
    const SQL: &str = "
        insert into objects (bucket_id, key, size, etag, crc64, md5, kind, storage_class,
                             modified, headers, acl, tags, symlink, blob, blob_offset)
        select value ->> 0, cast(value ->> 1 as blob), value ->> 2, value ->> 3, value ->> 4,
               unhex(value ->> 5), value ->> 6, value ->> 7, value ->> 8, value ->> 9,
               value ->> 10, value ->> 11, unhex(value ->> 12), unhex(value ->> 13),
               value ->> 14
        from jsonb_each(?1) where true
        on conflict (bucket_id, key) do update set
            size = excluded.size, etag = excluded.etag, crc64 = excluded.crc64,
            md5 = excluded.md5, kind = excluded.kind, storage_class = excluded.storage_class,
            modified = excluded.modified, headers = excluded.headers, acl = excluded.acl,
            tags = excluded.tags, symlink = excluded.symlink, blob = excluded.blob,
            blob_offset = excluded.blob_offset";
    let rows: Vec<_> = versions.iter().map(row_json).collect();
    let text = serde_json::to_string(&rows).map_err(|why| encode(&why))?;
    sqlx::query(SQL).bind(text).execute(connection).await?;
    Ok(())
}

fn row_json<'o>(version: &Version<'o>) -> impl Serialize + use<'o> {
    let ((bucket, key), row) = (version.place, version.row);
    let hex = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(hex::encode);
    (
        bucket.0,
        key,
        row.size,
        row.etag.as_str(),
        row.crc64,
        hex(&row.md5),
        row.kind.as_str(),
        row.storage_class.as_str(),
        row.modified,
        row.headers.as_str(),
        row.acl.as_deref(),
        row.tags.as_deref(),
        hex(&row.symlink),
        hex(&row.blob),
        row.blob_offset,
    )
}

/// Writes extents, of which the first gets that position.
pub(super) async fn write_extents(
    connection: &mut SqliteConnection,
    (bucket, key): Place<'_>,
    (first, extents): (u32, &str),
) -> Result<(), sqlx::Error> {
    const SQL: &str = "
        insert into extents (bucket_id, key, position, blob, offset, length)
        select ?1, ?2, ?3 + e.key, unhex(e.value ->> 0), e.value ->> 1, e.value ->> 2
        from jsonb_each(?4) e";
    sqlx::query(SQL)
        .bind(bucket.0)
        .bind(key.as_bytes())
        .bind(first)
        .bind(extents)
        .execute(connection)
        .await
        .map(|_| ())
}
