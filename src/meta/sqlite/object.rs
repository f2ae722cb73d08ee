//! Objects and the blobs that they name.

use async_trait::async_trait;
use sqlx::{SqliteConnection, SqliteExecutor};
use uuid::Uuid;

use super::writer::Operation;
use super::{Sqlite, corrupt, count, read_error, storage_class};
use crate::domain::name::{BlobId, BucketId, ObjectKey};
use crate::domain::object::listing::ListedObject;
use crate::domain::object::{ETag, Extent, Object, ObjectKind, Overwrite};
use crate::domain::time::UnixMillis;
use crate::meta::{MetaError, Objects, Put};

#[async_trait]
impl Objects for Sqlite {
    async fn find_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
    ) -> Result<Option<Object>, MetaError> {
        const SQL: &str = "
            select size, etag, crc64, md5, kind, storage_class, modified, headers, blob,
                   case when blob is null then
                       (select json_group_array(json_array(hex(e.blob), e.length)
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
        object: &Object,
        overwrite: Overwrite,
    ) -> Result<Put, MetaError> {
        let row = ObjectRow::try_from(object).map_err(|why| bad_object(bucket, key, why))?;
        let key = key.as_str().into();
        self.writer.submit(PutObject { bucket, key, row, overwrite }).await
    }

    async fn delete_objects(
        &self,
        bucket: BucketId,
        keys: &[ObjectKey],
    ) -> Result<Vec<BlobId>, MetaError> {
        let keys = keys_text(keys.iter().map(ObjectKey::as_str));
        self.writer.submit(DeleteObjects { bucket, keys }).await
    }

    async fn objects_from(
        &self,
        bucket: BucketId,
        from: &[u8],
        limit: u32,
    ) -> Result<Vec<ListedObject>, MetaError> {
        const SQL: &str = "
            select key, size, etag, kind, storage_class, modified from objects
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

struct PutObject {
    bucket: BucketId,
    key: Box<str>,
    row: ObjectRow,
    overwrite: Overwrite,
}

impl Operation for PutObject {
    type Answer = Put;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Put, MetaError> {
        // One row if the bucket is there, with whether the object is.
        const CURRENT: &str = "
            select o.key is not null from buckets b
            left join objects o on o.bucket_id = b.id and o.key = ?2
            where b.id = ?1";
        let present: Option<bool> = sqlx::query_scalar(CURRENT)
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .fetch_optional(&mut *connection)
            .await?;
        let replaced = match (present, self.overwrite) {
            (None, _) => return Ok(Put::NoSuchBucket),
            (Some(true), Overwrite::Forbid) => return Ok(Put::Exists),
            (Some(true), Overwrite::Allow) => self.forget_blobs(connection).await?,
            (Some(false), _) => Vec::new(),
        };
        self.write_row(connection).await?;
        self.write_extents(connection).await?;
        // Asked last: a version may keep blobs of the one that it replaces.
        Ok(Put::Done { unnamed: unnamed(connection, &replaced).await? })
    }
}

impl PutObject {
    /// Removes what the version that is being replaced has beside its row. Returns its blobs.
    async fn forget_blobs(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<BlobId>, MetaError> {
        const SQL: &str = "delete from extents where bucket_id = ?1 and key = ?2";
        let blobs = blobs_of(connection, self.bucket, &keys_text([&*self.key])).await?;
        sqlx::query(SQL).bind(self.bucket.0).bind(self.key.as_bytes()).execute(connection).await?;
        Ok(blobs)
    }

    async fn write_row(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into objects (bucket_id, key, size, etag, crc64, md5, kind, storage_class,
                                 modified, headers, blob)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            on conflict (bucket_id, key) do update set
                size = excluded.size, etag = excluded.etag, crc64 = excluded.crc64,
                md5 = excluded.md5, kind = excluded.kind, storage_class = excluded.storage_class,
                modified = excluded.modified, headers = excluded.headers, blob = excluded.blob";
        let row = &self.row;
        sqlx::query(SQL)
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .bind(row.size)
            .bind(row.etag.as_str())
            .bind(row.crc64)
            .bind(row.md5.as_deref())
            .bind(row.kind.as_str())
            .bind(row.storage_class.as_str())
            .bind(row.modified)
            .bind(row.headers.as_str())
            .bind(row.blob.as_deref())
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn write_extents(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "
            insert into extents (bucket_id, key, position, blob, length)
            select ?1, ?2, e.key, unhex(e.value ->> 0), e.value ->> 1 from json_each(?3) e";
        let Some(extents) = &self.row.extents else { return Ok(()) };
        sqlx::query(SQL)
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .bind(extents.as_str())
            .execute(connection)
            .await
            .map(|_| ())
    }
}

struct DeleteObjects {
    bucket: BucketId,
    /// A JSON array of keys.
    keys: String,
}

impl Operation for DeleteObjects {
    type Answer = Vec<BlobId>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<BlobId>, MetaError> {
        const SQL: &str = "
            delete from objects where bucket_id = ?1
            and key in (select cast(value as blob) from json_each(?2))";
        let blobs = blobs_of(connection, self.bucket, &self.keys).await?;
        sqlx::query(SQL)
            .bind(self.bucket.0)
            .bind(self.keys.as_str())
            .execute(&mut *connection)
            .await?;
        Ok(unnamed(connection, &blobs).await?)
    }
}

/// A JSON array of keys. They are UTF-8 without NUL, so JSON text is their bytes.
fn keys_text<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    keys.into_iter().collect::<serde_json::Value>().to_string()
}

/// The blobs that objects name.
async fn blobs_of(
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

/// Those of the blobs that no row names.
async fn unnamed(
    executor: impl SqliteExecutor<'_>,
    blobs: &[BlobId],
) -> Result<Vec<BlobId>, sqlx::Error> {
    const SQL: &str = "
        with asked (blob) as (select unhex(value) from json_each(?1))
        select blob from asked
        where not exists (select 1 from objects where objects.blob = asked.blob)
        and not exists (select 1 from extents where extents.blob = asked.blob)";
    if blobs.is_empty() {
        return Ok(Vec::new());
    }
    let ids: serde_json::Value = blobs.iter().map(|blob| blob.0.simple().to_string()).collect();
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar(SQL).bind(ids.to_string()).fetch_all(executor).await?;
    rows.iter().map(|row| blob_id(row).map_err(|why| sqlx::Error::Decode(why.into()))).collect()
}

/// A row of `objects` with its extents, exactly as SQLite takes and returns it.
#[derive(sqlx::FromRow)]
struct ObjectRow {
    size: i64,
    etag: String,
    crc64: i64,
    md5: Option<Vec<u8>>,
    kind: String,
    storage_class: String,
    modified: i64,
    headers: String,
    blob: Option<Vec<u8>>,
    /// A JSON array of `[hexadecimal id, length]`, if there is no `blob`.
    extents: Option<String>,
}

impl TryFrom<&Object> for ObjectRow {
    type Error = String;

    /// Refuses what could not be read back: sizes that do not add up.
    fn try_from(object: &Object) -> Result<Self, String> {
        adds_up(object.size, &object.extents)?;
        let (blob, extents) = match object.extents.as_slice() {
            [whole] => (Some(whole.blob.0.as_bytes().to_vec()), None),
            several => {
                let pair = |extent: &Extent| (extent.blob.0.simple().to_string(), extent.length);
                let pairs: Vec<_> = several.iter().map(pair).collect();
                (None, Some(json(&pairs)?))
            }
        };
        Ok(Self {
            size: i64::try_from(object.size).map_err(|_| "is too large")?,
            etag: object.etag.as_str().to_owned(),
            crc64: object.crc64.cast_signed(),
            md5: object.md5.map(|md5| md5.to_vec()),
            kind: object.kind.as_str().to_owned(),
            storage_class: object.storage_class.as_str().to_owned(),
            modified: object.modified.0,
            headers: json(&object.headers)?,
            blob,
            extents,
        })
    }
}

fn object(row: ObjectRow) -> Result<Object, String> {
    let size = count(row.size)?;
    let extents = match (row.blob, row.extents) {
        (Some(blob), _) => vec![Extent { blob: blob_id(&blob)?, length: size }],
        (None, Some(several)) => extents(&several)?,
        (None, None) => return Err("has no extents".to_owned()),
    };
    adds_up(size, &extents)?;
    let md5 = |md5: Vec<u8>| md5.try_into().map_err(|_| "md5 has not 16 bytes");
    Ok(Object {
        size,
        etag: ETag::from_stored(&row.etag),
        crc64: row.crc64.cast_unsigned(),
        md5: row.md5.map(md5).transpose()?,
        kind: kind(&row.kind)?,
        storage_class: storage_class(&row.storage_class)?,
        modified: UnixMillis(row.modified),
        headers: serde_json::from_str(&row.headers).map_err(|why| format!("headers: {why}"))?,
        extents,
    })
}

/// A row of a listing, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
struct ListedRow {
    key: Vec<u8>,
    size: i64,
    etag: String,
    kind: String,
    storage_class: String,
    modified: i64,
}

fn listed(row: &ListedRow) -> Result<ListedObject, String> {
    Ok(ListedObject {
        key: ObjectKey::from_bytes(&row.key).map_err(|error| error.to_string())?,
        size: count(row.size)?,
        etag: ETag::from_stored(&row.etag),
        kind: kind(&row.kind)?,
        storage_class: storage_class(&row.storage_class)?,
        modified: UnixMillis(row.modified),
    })
}

fn bad_object(bucket: BucketId, key: &ObjectKey, reason: String) -> MetaError {
    corrupt("objects", format_args!("{}/{key}", bucket.0), reason)
}

fn adds_up(size: u64, extents: &[Extent]) -> Result<(), String> {
    let sum = extents.iter().try_fold(0_u64, |sum, extent| sum.checked_add(extent.length));
    if sum == Some(size) { Ok(()) } else { Err(format!("{size} is not the sum of its extents")) }
}

fn extents(text: &str) -> Result<Vec<Extent>, String> {
    let pairs: Vec<(String, u64)> =
        serde_json::from_str(text).map_err(|error| format!("extents: {error}"))?;
    let extent = |(blob, length): (String, u64)| {
        let blob = hex::decode(&blob).map_err(|error| format!("extents: {error}"))?;
        Ok(Extent { blob: blob_id(&blob)?, length })
    };
    pairs.into_iter().map(extent).collect()
}

fn blob_id(bytes: &[u8]) -> Result<BlobId, String> {
    Uuid::from_slice(bytes).map(BlobId).map_err(|error| format!("blob: {error}"))
}

fn kind(text: &str) -> Result<ObjectKind, String> {
    ObjectKind::parse(text).ok_or_else(|| format!("{text:?} is no kind of object"))
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}
