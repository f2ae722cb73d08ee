//! Long lists, which are put in pieces.

use std::time::Duration;

use super::*;

const KEEP: Keep = Keep { versions: 1, bytes: 1 << 30 };

/// A policy of so many rules on each list, of 100 bytes each.
fn long(rules: usize, mark: &str) -> Policy {
    let rule = |n| Pattern::read(&format!("http://{mark}-{n:0>92}/")).unwrap();
    let list = || (0..rules).map(rule).collect();
    Policy { allow: list(), deny: list(), ..Policy::default() }
}

async fn put_policy(
    meta: &Sqlite,
    bucket: BucketId,
    policy: &Policy,
) -> Result<PolicyVersion, MetaError> {
    let record = Record { at: NOW, who: None, how: How::ApiPut, note: String::new() };
    let put = meta.put_policy(bucket, Arc::new(policy.clone()), record, KEEP).await;
    put.map(Option::unwrap)
}

async fn pieces(meta: &Sqlite) -> i64 {
    let count = sqlx::query_scalar("select count(*) from referer_pieces");
    count.fetch_one(&meta.readers).await.unwrap()
}

/// Waits until the sweep has left so many.
async fn wait_for_pieces(meta: &Sqlite, count: i64) {
    for _ in 0..5000 {
        if pieces(meta).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("waited in vain for {count} pieces of {}", pieces(meta).await);
}

#[tokio::test]
async fn other_writes_come_between_the_pieces_of_a_list() {
    let (_folder, meta, bucket) = fresh().await;
    let policy = long(20_000, "a");
    let before = meta.group_commits();
    let (version, between) = tokio::join!(put_policy(&meta, bucket, &policy), async {
        let mut between = 0;
        while pieces(&meta).await < 12 {
            put(&meta, bucket, between).await.unwrap();
            between += 1;
        }
        between
    });
    let after = meta.group_commits();
    assert_eq!(version.unwrap(), PolicyVersion(1));
    assert!(pieces(&meta).await >= 16, "4 MB in pieces of 256 KiB");
    assert!(after.commits - before.commits >= 16, "{after:?}");
    assert!(between >= 4, "{between}");
    assert_eq!(meta.all_buckets().await.unwrap()[0].policy, policy);
    let (_, read) = meta.policy_version(bucket, PolicyVersion(1)).await.unwrap().unwrap();
    assert_eq!(read, policy);
}

#[tokio::test]
async fn what_nobody_needs_any_more_is_swept() {
    let (_folder, meta, bucket) = fresh().await;
    put_policy(&meta, bucket, &long(3000, "a")).await.unwrap();
    let one = pieces(&meta).await;
    assert!(one > 0);
    put_policy(&meta, bucket, &long(3000, "b")).await.unwrap();
    wait_for_pieces(&meta, one).await;
    assert_eq!(meta.all_buckets().await.unwrap()[0].policy, long(3000, "b"));
    put_policy(&meta, bucket, &Policy::default()).await.unwrap();
    wait_for_pieces(&meta, 0).await;

    put_policy(&meta, bucket, &long(3000, "c")).await.unwrap();
    meta.delete_bucket(bucket).await.unwrap();
    wait_for_pieces(&meta, 0).await;
    let gone = put_policy_to_nobody(&meta, bucket).await;
    assert_eq!(gone, None, "its bucket is gone");
    wait_for_pieces(&meta, 0).await;
}

async fn put_policy_to_nobody(meta: &Sqlite, bucket: BucketId) -> Option<PolicyVersion> {
    let record = Record { at: NOW, who: None, how: How::ApiPut, note: String::new() };
    meta.put_policy(bucket, Arc::new(long(3000, "d")), record, KEEP).await.unwrap()
}

#[tokio::test]
async fn lists_on_their_way_are_left_and_leftovers_of_a_crash_are_not() {
    let (folder, meta, bucket) = fresh().await;
    put_policy(&meta, bucket, &long(3000, "a")).await.unwrap();
    let named = pieces(&meta).await;
    let staged = meta.pieces.stage(&long(3000, "b")).await.unwrap();
    meta.pieces.sweep().await.unwrap();
    assert_eq!(pieces(&meta).await, 2 * named);

    // As after a crash: another process opens the database, and nothing is on its way.
    let opened = open(&folder).await;
    wait_for_pieces(&opened, named).await;
    drop(staged);
    meta.pieces.sweep().await.unwrap();
    assert_eq!(pieces(&meta).await, named);
    assert_eq!(opened.all_buckets().await.unwrap()[0].policy, long(3000, "a"));
    put_policy(&opened, bucket, &long(3000, "c")).await.unwrap();
    assert_eq!(opened.all_buckets().await.unwrap()[0].policy, long(3000, "c"));
}

#[tokio::test]
async fn a_list_that_cannot_be_put_leaves_nothing() {
    let (_folder, meta, bucket) = fresh().await;
    put_policy(&meta, bucket, &Policy::default()).await.unwrap();
    // A full database stands for a full disk.
    let pages: i64 =
        sqlx::query_scalar("pragma page_count").fetch_one(&meta.readers).await.unwrap();
    assert!(pages < 400);
    meta.writer.submit(Execute("pragma max_page_count = 400")).await.unwrap();
    let full = put_policy(&meta, bucket, &long(20_000, "a")).await;
    assert!(full.is_err(), "{full:?}");
    wait_for_pieces(&meta, 0).await;
    assert_eq!(meta.all_buckets().await.unwrap()[0].policy_version, PolicyVersion(1));
    put_policy(&meta, bucket, &long(3000, "b")).await.unwrap();
    assert_eq!(meta.all_buckets().await.unwrap()[0].policy, long(3000, "b"));
}

#[tokio::test]
async fn a_damaged_piece_is_an_error_and_never_a_shorter_list() {
    for damaged in [
        "delete from referer_pieces where place = 1",
        "update referer_pieces set rules = '[]' where place = 1",
        "update referer_pieces set rules = '' where place = 1",
        "update referer_pieces set rules = '[\" a\"]' where place = 1",
        "update referer_pieces set list = 'blacklist' where place = 0",
        "update referer_versions set lists = null",
        "update referer_versions set lists = 77",
    ] {
        let (folder, meta, bucket) = fresh().await;
        put_policy(&meta, bucket, &long(3000, "a")).await.unwrap();
        damage(&folder, damaged).await;
        let read = meta.all_buckets().await;
        assert!(matches!(read, Err(MetaError::Corrupt { .. })), "{damaged}: {read:?}");
        let read = meta.policy_version(bucket, PolicyVersion(1)).await;
        assert!(matches!(read, Err(MetaError::Corrupt { .. })), "{damaged}: {read:?}");
    }
}
