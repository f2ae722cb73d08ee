//! Writing the rows of an object.

use sqlx::SqliteConnection;

use super::acls::Acls;
use super::named::{blobs_of, keys_text};
use super::row::ObjectRow;
use crate::domain::name::{BlobId, BucketId};
use crate::meta::MetaError;

/// A bucket and a key in it.
pub(in crate::meta::sqlite) type Place<'k> = (BucketId, &'k str);

/// Whether an object is there; `None` if not even its bucket is.
pub(in crate::meta::sqlite) async fn present(
    connection: &mut SqliteConnection,
    (bucket, key): Place<'_>,
) -> Result<Option<bool>, sqlx::Error> {
    // One row if the bucket is there, with whether the object is.
    const SQL: &str = "
        select o.key is not null from buckets b
        left join objects o on o.bucket_id = b.id and o.key = ?2
        where b.id = ?1";
    sqlx::query_scalar(SQL).bind(bucket.0).bind(key.as_bytes()).fetch_optional(connection).await
}

/// Writes an object in the place of the one that is there, if one is. Returns the blobs that were
/// named before. The new object may name some of them, too.
pub(in crate::meta::sqlite) async fn replace(
    connection: &mut SqliteConnection,
    place: Place<'_>,
    (row, acls): (&ObjectRow, &Acls),
) -> Result<Vec<BlobId>, MetaError> {
    if row.acl.is_some() {
        acls.expect_in(place.0);
    }
    let replaced = forget_blobs(connection, place).await?;
    write_row(connection, place, row).await?;
    if let Some(extents) = &row.extents {
        write_extents(connection, place, (0, extents)).await?;
    }
    Ok(replaced)
}

/// Removes what an object has beside its row. Returns its blobs.
async fn forget_blobs(
    connection: &mut SqliteConnection,
    (bucket, key): Place<'_>,
) -> Result<Vec<BlobId>, MetaError> {
    const SQL: &str = "delete from extents where bucket_id = ?1 and key = ?2";
    let blobs = blobs_of(connection, bucket, &keys_text([key])).await?;
    sqlx::query(SQL).bind(bucket.0).bind(key.as_bytes()).execute(connection).await?;
    Ok(blobs)
}

async fn write_row(
    connection: &mut SqliteConnection,
    (bucket, key): Place<'_>,
    row: &ObjectRow,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "
        insert into objects (bucket_id, key, size, etag, crc64, md5, kind, storage_class,
                             modified, headers, acl, tags, symlink, blob, blob_offset)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        on conflict (bucket_id, key) do update set
            size = excluded.size, etag = excluded.etag, crc64 = excluded.crc64,
            md5 = excluded.md5, kind = excluded.kind, storage_class = excluded.storage_class,
            modified = excluded.modified, headers = excluded.headers, acl = excluded.acl,
            tags = excluded.tags, symlink = excluded.symlink, blob = excluded.blob,
            blob_offset = excluded.blob_offset";
    sqlx::query(SQL)
        .bind(bucket.0)
        .bind(key.as_bytes())
        .bind(row.size)
        .bind(row.etag.as_str())
        .bind(row.crc64)
        .bind(row.md5.as_deref())
        .bind(row.kind.as_str())
        .bind(row.storage_class.as_str())
        .bind(row.modified)
        .bind(row.headers.as_str())
        .bind(row.acl.as_deref())
        .bind(row.tags.as_deref())
        .bind(row.symlink.as_deref())
        .bind(row.blob.as_deref())
        .bind(row.blob_offset)
        .execute(connection)
        .await
        .map(|_| ())
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
        from json_each(?4) e";
    sqlx::query(SQL)
        .bind(bucket.0)
        .bind(key.as_bytes())
        .bind(first)
        .bind(extents)
        .execute(connection)
        .await
        .map(|_| ())
}
