//! Moving what rows name of shared blobs to other blobs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::{SqliteConnection, SqliteExecutor};

use super::named::unnamed;
use super::row::extents;
use crate::domain::name::{BlobId, BucketId, ObjectKey};
use crate::domain::object::Extent;
use crate::meta::sqlite::writer::Operation;
use crate::meta::sqlite::{Sqlite, corrupt};
use crate::meta::{MetaError, Move, Moved, Packs};

#[async_trait]
impl Packs for Sqlite {
    async fn runs_of(&self, blobs: &[BlobId]) -> Result<BTreeMap<BlobId, Vec<Extent>>, MetaError> {
        runs_of(&self.readers, blobs.iter().copied()).await
    }

    async fn move_runs(&self, moves: Vec<Move>) -> Result<Moved, MetaError> {
        self.writer.submit(MoveRuns(moves)).await
    }
}

async fn runs_of(
    executor: impl SqliteExecutor<'_>,
    blobs: impl IntoIterator<Item = BlobId>,
) -> Result<BTreeMap<BlobId, Vec<Extent>>, MetaError> {
    // All rows of a blob change in one transaction, for which all other writes wait.
    const SQL: &str = "
        with asked (blob) as materialized (select unhex(value) from json_each(?1)),
        movable (blob) as materialized (
            select blob from asked
            where not exists (select 1 from parts where parts.blob = asked.blob)
            and not exists (select 1 from part_extents where part_extents.blob = asked.blob)
            and 100 >= (select count(*) from
                (select 1 from objects where objects.blob = asked.blob limit 101))
            and 100 >= (select count(*) from
                (select 1 from extents where extents.blob = asked.blob limit 101)))
        select json_group_array(json_array(hex(blob), offset, length)
                                order by blob, offset, length) from (
            select m.blob, o.blob_offset as offset, o.size as length
            from movable m cross join objects o on o.blob = m.blob
            union
            select m.blob, e.offset, e.length from movable m cross join extents e on e.blob = m.blob)";
    let text: String = sqlx::query_scalar(SQL).bind(ids_text(blobs)).fetch_one(executor).await?;
    let mut runs = BTreeMap::<BlobId, Vec<Extent>>::new();
    for run in extents(&text).map_err(|why| corrupt("objects", "runs", why))? {
        runs.entry(run.blob).or_default().push(run);
    }
    Ok(runs)
}

/// A JSON array of hexadecimal ids.
fn ids_text(blobs: impl IntoIterator<Item = BlobId>) -> String {
    let hex = |blob: BlobId| blob.0.simple().to_string();
    blobs.into_iter().map(hex).collect::<serde_json::Value>().to_string()
}

struct MoveRuns(Vec<Move>);

impl Operation for MoveRuns {
    type Answer = Moved;

    /// It holds up no object: what it finds changed in its transaction, it leaves alone.
    async fn weight(&self, _: &mut SqliteConnection) -> Result<usize, MetaError> {
        Ok(self.0.iter().map(|moved| moved.runs.len()).sum())
    }

    /// A blob of which other runs are named than were moved stays as it is. A row names a run of those
    /// that are moved, so where it begins tells where it goes.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<Moved, MetaError> {
        let now = runs_of(&mut *connection, self.0.iter().map(|moved| moved.blob)).await?;
        let moves: Vec<&Move> =
            self.0.iter().filter(|moved| now.get(&moved.blob) == Some(&moved.runs)).collect();
        if moves.is_empty() {
            return Ok(Moved::default());
        }
        let keys = keys_of(connection, &moves).await?;
        write(connection, &moves).await?;
        let blobs: Vec<BlobId> = moves.iter().map(|moved| moved.blob).collect();
        Ok(Moved { keys, unnamed: unnamed(connection, &blobs).await? })
    }
}

/// The objects that name blobs.
async fn keys_of(
    connection: &mut SqliteConnection,
    moves: &[&Move],
) -> Result<Vec<(BucketId, ObjectKey)>, MetaError> {
    const SQL: &str = "
        with asked (blob) as materialized (select unhex(value) from json_each(?1))
        select o.bucket_id, o.key from asked cross join objects o on o.blob = asked.blob
        union
        select e.bucket_id, e.key from asked cross join extents e on e.blob = asked.blob";
    let blobs = ids_text(moves.iter().map(|moved| moved.blob));
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(SQL).bind(blobs).fetch_all(connection).await?;
    let key = |(bucket, key): (i64, Vec<u8>)| match ObjectKey::from_bytes(&key) {
        Ok(key) => Ok((BucketId(bucket), key)),
        Err(why) => Err(corrupt("objects", bucket, why)),
    };
    rows.into_iter().map(key).collect()
}

/// Changes the rows of objects and of extents.
async fn write(connection: &mut SqliteConnection, moves: &[&Move]) -> Result<(), MetaError> {
    const OBJECTS: &str = "
        update objects set blob = unhex(m.value ->> 3), blob_offset = blob_offset + (m.value ->> 4)
        from json_each(?1) m
        where objects.blob = unhex(m.value ->> 0)
        and blob_offset >= m.value ->> 1 and blob_offset < m.value ->> 2";
    const EXTENTS: &str = "
        update extents set blob = unhex(m.value ->> 3), offset = offset + (m.value ->> 4)
        from json_each(?1) m
        where extents.blob = unhex(m.value ->> 0)
        and offset >= m.value ->> 1 and offset < m.value ->> 2";
    let mut places = Vec::new();
    for (from, to) in moves.iter().flat_map(|moved| &moved.places) {
        let end = from.offset.saturating_add(from.length);
        let further = i128::from(to.offset) - i128::from(from.offset);
        let further = i64::try_from(further).map_err(|why| corrupt("objects", from.blob, why))?;
        let [old, new] = [from.blob, to.blob].map(|blob| blob.0.simple().to_string());
        places.push((old, from.offset, end, new, further));
    }
    let text = serde_json::to_string(&places).map_err(|why| corrupt("objects", "moves", why))?;
    for sql in [OBJECTS, EXTENTS] {
        sqlx::query(sql).bind(text.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}
