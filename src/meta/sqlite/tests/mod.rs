//! What is true of this backend alone: how writes share transactions, what a failure takes with
//! it, and that no damaged row becomes a default.

mod damaged;
mod earlier;
mod joined;
mod pieces;
mod plans;
mod turns;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use futures_util::future::{join_all, poll_immediate};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use uuid::Uuid;

use super::writer::Operation;
use super::*;
use crate::domain::acl::{BucketAcl, ObjectAcl};
use crate::domain::name::{BlobId, BucketId, ObjectKey};
use crate::domain::object::tags::Tags;
use crate::domain::object::{Attributes, ETag, Extent, Object, ObjectKind, Overwrite};
use crate::domain::referer::{Compare, How, Pattern, Policy, PolicyVersion, Record};
use crate::domain::time::UnixMillis;
use crate::meta::{Buckets, Cors, Created, Keep, NewVersion, Objects, Policies, Put, Usage};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

async fn fresh() -> (TempDir, Sqlite, BucketId) {
    let folder = TempDir::new().unwrap();
    let meta = open(&folder).await;
    let bucket = bucket(&meta, "bucket").await;
    (folder, meta, bucket)
}

async fn open(folder: &TempDir) -> Sqlite {
    Sqlite::open(&folder.path().join("meta.sqlite3")).await.unwrap()
}

async fn bucket(meta: &Sqlite, name: &str) -> BucketId {
    let name = name.parse().unwrap();
    let made = meta.create_bucket(&name, BucketAcl::Private, StorageClass::Standard, NOW).await;
    let Created::New(bucket) = made.unwrap() else { panic!("{name} is there") };
    bucket.id
}

fn object(numbers: &[u128]) -> Object {
    let extent =
        |&number: &u128| Extent { blob: BlobId(Uuid::from_u128(number)), offset: 0, length: 10 };
    Object {
        size: 10 * numbers.len() as u64,
        etag: ETag::of_md5(&[1; 16]),
        crc64: u64::MAX,
        md5: Some([1; 16]),
        kind: ObjectKind::Normal,
        modified: NOW,
        attributes: Attributes {
            storage_class: StorageClass::Standard,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            acl: ObjectAcl::Own(BucketAcl::Private),
            tags: Tags::new(vec![("k".to_owned(), "v".to_owned())]).unwrap(),
        },
        extents: numbers.iter().map(extent).collect(),
        link: None,
    }
}

fn usage(objects: u64, bytes: u64) -> Usage {
    Usage { objects, bytes, ..Usage::default() }
}

fn key(number: u128) -> ObjectKey {
    format!("k{number:04}").parse().unwrap()
}

async fn put(meta: &Sqlite, bucket: BucketId, number: u128) -> Result<Put, MetaError> {
    let object = object(&[number]);
    meta.put_object(bucket, &key(number), NewVersion::own(&object, Overwrite::Allow)).await
}

/// Executes any SQL in the place of an operation.
struct Execute(&'static str);

impl Operation for Execute {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        sqlx::raw_sql(self.0).execute(connection).await?;
        Ok(())
    }
}

#[tokio::test]
async fn concurrent_writes_share_transactions() {
    let (_folder, meta, bucket) = fresh().await;
    let before = meta.group_commits();
    for result in join_all((0..200).map(|n| put(&meta, bucket, n))).await {
        assert_eq!(result.unwrap(), Put::Done { unnamed: vec![] });
    }
    let after = meta.group_commits();
    assert_eq!(after.operations - before.operations, 200);
    assert!(after.commits - before.commits <= 20, "{after:?}");
}

#[tokio::test]
async fn a_write_alone_does_not_wait_for_others() {
    let (_folder, meta, bucket) = fresh().await;
    let before = meta.group_commits();
    for n in 0..5 {
        put(&meta, bucket, n).await.unwrap();
    }
    assert_eq!(meta.group_commits().commits - before.commits, 5);
}

#[tokio::test]
async fn a_failing_operation_leaves_its_neighbours() {
    let (_folder, meta, bucket) = fresh().await;
    let fails = Execute(
        "insert into buckets (name, created, acl, storage_class)
         values ('leftover', 0, 'private', 'Standard');
         insert into buckets (name, created, acl, storage_class)
         values ('bucket', 0, 'private', 'Standard');",
    );
    let (before, failed, after) =
        tokio::join!(put(&meta, bucket, 1), meta.writer.submit(fails), put(&meta, bucket, 2));
    assert!(matches!(failed, Err(MetaError::Sql(_))), "{failed:?}");
    before.unwrap();
    after.unwrap();
    assert_eq!(meta.group_commits().commits, 2, "all three were one transaction");
    assert_eq!(meta.all_buckets().await.unwrap().len(), 1, "no trace of the failed operation");
    assert_eq!(meta.bucket_usage(bucket).await.unwrap(), usage(2, 20));
}

/// A full database stands for a full disk: SQLite reports both alike.
#[tokio::test]
async fn a_full_disk_fails_the_batch_and_nothing_after_it() {
    let (_folder, meta, bucket) = fresh().await;
    let full = Execute(
        "pragma max_page_count = 1;
         create table filler (bytes blob);
         insert into filler values (zeroblob(1000000));",
    );
    let (before, failed, after) =
        tokio::join!(put(&meta, bucket, 1), meta.writer.submit(full), put(&meta, bucket, 2));
    assert!(matches!(failed, Err(MetaError::Commit(_))), "{failed:?}");
    for result in [before, after] {
        assert!(matches!(result, Err(MetaError::Commit(_))), "{result:?}");
    }
    assert_eq!(meta.bucket_usage(bucket).await.unwrap(), Usage::default());
    put(&meta, bucket, 3).await.unwrap();
    assert_eq!(meta.objects_from(bucket, b"", 10).await.unwrap().len(), 1);
}

/// If SQLite has given up the transaction by itself, what follows must not be committed alone.
#[tokio::test]
async fn a_transaction_that_is_lost_takes_the_whole_batch_with_it() {
    let (_folder, meta, bucket) = fresh().await;
    let giving_up = meta.writer.submit(Execute("rollback"));
    let (before, lost, after) =
        tokio::join!(put(&meta, bucket, 1), giving_up, put(&meta, bucket, 2));
    assert!(before.is_err() && lost.is_err() && after.is_err(), "{before:?} {lost:?} {after:?}");
    assert_eq!(meta.bucket_usage(bucket).await.unwrap(), Usage::default());
    put(&meta, bucket, 3).await.unwrap();
}

struct Panic;

impl Operation for Panic {
    type Answer = ();

    async fn run(&self, _: &mut SqliteConnection) -> Result<(), MetaError> {
        panic!("an operation with a bug")
    }
}

#[tokio::test]
async fn a_panic_fails_the_batch_and_nothing_after_it() {
    let (_folder, meta, bucket) = fresh().await;
    let (before, panicked) = tokio::join!(put(&meta, bucket, 1), meta.writer.submit(Panic));
    assert!(before.is_err() && panicked.is_err(), "{before:?} {panicked:?}");
    assert_eq!(meta.bucket_usage(bucket).await.unwrap(), Usage::default());
    put(&meta, bucket, 2).await.unwrap();
}

#[tokio::test]
async fn a_queued_operation_is_executed_without_its_requester() {
    let (_folder, meta, bucket) = fresh().await;
    let mut asked = Box::pin(put(&meta, bucket, 1));
    assert!(poll_immediate(&mut asked).await.is_none());
    drop(asked);
    put(&meta, bucket, 2).await.unwrap();
    assert!(meta.find_object(bucket, &key(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn closing_commits_what_is_queued() {
    let (folder, meta, bucket) = fresh().await;
    let mut asked: Vec<_> = (0..100).map(|n| Box::pin(put(&meta, bucket, n))).collect();
    for asked in &mut asked {
        assert!(poll_immediate(asked).await.is_none());
    }
    meta.close().await.unwrap();
    for result in join_all(asked).await {
        result.unwrap();
    }
    assert!(matches!(put(&meta, bucket, 100).await, Err(MetaError::Stopped)));
    assert!(matches!(meta.all_buckets().await, Err(MetaError::Stopped)));
    meta.close().await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "the log is part of the database now: {files:?}");

    let again = open(&folder).await;
    assert_eq!(again.objects_from(bucket, b"", 1000).await.unwrap().len(), 100);
    assert_eq!(again.bucket_usage(bucket).await.unwrap(), usage(100, 1000));
}

/// However much is written: about 120 MB, of which each commit is as long as the log may become.
#[tokio::test]
async fn the_log_is_bounded() {
    const MUCH: &str = "
        create table if not exists filler (bytes blob);
        delete from filler;
        insert into filler values (zeroblob(6000000))";
    let (folder, meta, _) = fresh().await;
    for _ in 0..20 {
        meta.writer.submit(Execute(MUCH)).await.unwrap();
    }
    let length = std::fs::metadata(folder.path().join("meta.sqlite3-wal")).unwrap().len();
    assert!(length < 20_000_000, "{length}");
}

#[tokio::test]
async fn a_second_opening_sees_what_the_first_acknowledged() {
    let (folder, meta, bucket) = fresh().await;
    put(&meta, bucket, 1).await.unwrap();
    let second = open(&folder).await;
    assert!(second.find_object(bucket, &key(1)).await.unwrap().is_some());
}

/// Reads settings of the connection that writes.
struct Settings;

impl Operation for Settings {
    type Answer = (String, i64, i64, i64, i64);

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Answer, MetaError> {
        const SQL: &str = "
            select (select journal_mode from pragma_journal_mode),
                   (select synchronous from pragma_synchronous),
                   (select foreign_keys from pragma_foreign_keys),
                   (select cache_size from pragma_cache_size),
                   (select temp_store from pragma_temp_store)";
        Ok(sqlx::query_as(SQL).fetch_one(connection).await?)
    }
}

/// 2 is FULL, and for temporary things memory. It must be so after a failure, too, which replaces the connection.
#[tokio::test]
async fn a_commit_waits_for_the_disk() {
    let (_folder, meta, _) = fresh().await;
    for _ in 0..2 {
        let settings = meta.writer.submit(Settings).await.unwrap();
        assert_eq!(settings, ("wal".to_owned(), 2, 1, -65536, 2));
        meta.writer.submit(Panic).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (folder, meta, _) = fresh().await;
    meta.close().await.unwrap();
    let newer = "insert into _sqlx_migrations (version, description, success, checksum,
                 execution_time) values (9999, 'of the future', true, x'00', 0)";
    damage(&folder, newer).await;
    let opened = Sqlite::open(&folder.path().join("meta.sqlite3")).await;
    assert!(matches!(opened, Err(MetaError::Migrate(_))), "{opened:?}");
}

#[tokio::test]
async fn only_the_owner_may_read() {
    let (folder, meta, bucket) = fresh().await;
    put(&meta, bucket, 1).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_folder, meta, _) = fresh().await;
    let error = sqlx::query("delete from buckets").execute(&meta.readers).await.unwrap_err();
    assert!(error.to_string().contains("readonly"), "{error}");
}

/// Damages a row past every constraint.
async fn damage(folder: &TempDir, sql: &str) {
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("meta.sqlite3"))
        .pragma("ignore_check_constraints", "on");
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{sql}");
    connection.close().await.unwrap();
}
