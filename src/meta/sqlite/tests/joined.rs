//! Operations that are run together leave what they leave when they are run one by one.

use std::sync::Mutex;

use proptest::prelude::*;
use tokio::task::unconstrained;

use super::*;
use crate::meta::Deleted;
use crate::meta::sqlite::object::write::Place;

/// Puts as many as there are at once, so that one transaction takes them, and tells what came of each
/// in their order.
async fn put_at_once(meta: &Sqlite, puts: &[(BucketId, u128, Object, Overwrite)]) -> Vec<Put> {
    let before = meta.group_commits();
    let put = |(bucket, number, object, overwrite): &(BucketId, u128, Object, Overwrite)| {
        let (bucket, key, overwrite, object) = (*bucket, key(*number), *overwrite, object.clone());
        async move { meta.put_object(bucket, &key, NewVersion::own(&object, overwrite)).await }
    };
    let answers = unconstrained(join_all(puts.iter().map(put))).await;
    assert_eq!(meta.group_commits().commits - before.commits, 1, "one transaction");
    answers.into_iter().map(Result::unwrap).collect()
}

fn done(numbers: &[u128]) -> Put {
    Put::Done { unnamed: numbers.iter().map(|&number| BlobId(Uuid::from_u128(number))).collect() }
}

async fn found(meta: &Sqlite, bucket: BucketId, number: u128) -> Option<Object> {
    meta.find_object(bucket, &key(number)).await.unwrap()
}

#[tokio::test]
async fn each_of_joined_puts_has_its_own_answer() {
    use Overwrite::{Allow, Forbid};
    let (_folder, meta, here) = fresh().await;
    let other = bucket(&meta, "other").await;
    let gone = BucketId(other.0 + 1);
    for (number, blobs) in [(1, &[11][..]), (2, &[21, 22, 23]), (3, &[]), (4, &[41])] {
        put_at_once(&meta, &[(here, number, object(blobs), Allow)]).await;
    }
    let puts = [
        ("a new one", here, 5, vec![105], Allow, done(&[])),
        ("one in the place of one", here, 1, vec![101], Allow, done(&[11])),
        ("one that may not replace", here, 4, vec![104], Forbid, Put::Exists),
        ("one in the place of three extents", here, 2, vec![102], Allow, done(&[21, 22, 23])),
        ("several extents in the place of none", here, 3, vec![31, 32], Allow, done(&[])),
        ("no bucket", gone, 1, vec![201], Allow, Put::NoSuchBucket),
        ("the same key elsewhere", other, 1, vec![301], Forbid, done(&[])),
        ("nothing", here, 6, vec![], Forbid, done(&[])),
    ];
    let versions: Vec<_> =
        puts.iter().map(|(_, bucket, n, blobs, o, _)| (*bucket, *n, object(blobs), *o)).collect();
    let answers = put_at_once(&meta, &versions).await;
    for ((name, bucket, number, blobs, _, expected), mut got) in puts.iter().zip(answers) {
        if let Put::Done { unnamed } = &mut got {
            unnamed.sort();
        }
        assert_eq!(got, *expected, "{name}");
        let want = match expected {
            Put::Done { .. } => Some(object(blobs)),
            Put::Exists => Some(object(&[41])),
            Put::SourceGone | Put::NoSuchBucket => None,
        };
        assert_eq!(found(&meta, *bucket, *number).await, want, "{name}");
    }
    assert_eq!(meta.bucket_usage(here).await.unwrap(), usage(6, 60));
    assert_eq!(meta.bucket_usage(other).await.unwrap(), usage(1, 10));
    let left: i64 =
        sqlx::query_scalar("select count(*) from extents where key = cast('k0002' as blob)")
            .fetch_one(&meta.readers)
            .await
            .unwrap();
    assert_eq!(left, 0, "no extents of what was replaced");
}

#[tokio::test]
async fn two_of_the_same_key_are_in_the_order_they_came() {
    let (_folder, meta, bucket) = fresh().await;
    let puts: Vec<_> = [(1, 11), (2, 21), (1, 12), (3, 31), (1, 13), (2, 22)]
        .map(|(number, blob)| (bucket, number, object(&[blob]), Overwrite::Allow))
        .into();
    let answers = put_at_once(&meta, &puts).await;
    assert_eq!(answers, [done(&[]), done(&[]), done(&[11]), done(&[]), done(&[12]), done(&[21])]);
    for (number, blob) in [(1, 13), (2, 22), (3, 31)] {
        assert_eq!(found(&meta, bucket, number).await, Some(object(&[blob])));
    }
    assert_eq!(meta.bucket_usage(bucket).await.unwrap(), usage(3, 30));
}

#[tokio::test]
async fn a_bad_row_fails_alone() {
    let (_folder, meta, bucket) = fresh().await;
    put_at_once(&meta, &[(bucket, 5, object(&[51]), Overwrite::Allow)]).await;
    let refusing = "
        create trigger refusing before insert on objects when new.key = cast('k0003' as blob)
        begin select raise(abort, 'a bad row'); end";
    meta.writer.submit(Execute(refusing)).await.unwrap();
    let before = meta.group_commits();
    let answers = join_all((0..8).map(|n| put(&meta, bucket, n))).await;
    assert_eq!(meta.group_commits().commits - before.commits, 1, "one transaction");
    for (number, answer) in (0..).zip(answers) {
        match number {
            3 => assert!(matches!(answer, Err(MetaError::Sql(_))), "{answer:?}"),
            5 => assert_eq!(answer.unwrap(), done(&[51])),
            _ => assert_eq!(answer.unwrap(), done(&[])),
        }
        assert_eq!(found(&meta, bucket, number).await.is_some(), number != 3, "{number}");
    }
    assert_eq!(meta.bucket_usage(bucket).await.unwrap(), usage(7, 70));
}

#[tokio::test]
async fn a_full_batch_is_one_group() {
    let (_folder, meta, bucket) = fresh().await;
    for round in 0..2 {
        let puts: Vec<_> = (0..512)
            .map(|n| (bucket, n, object(&[1000 * (round + 1) + n]), Overwrite::Allow))
            .collect();
        for (number, answer) in (0..).zip(put_at_once(&meta, &puts).await) {
            let replaced = [1000 * round + number];
            assert_eq!(answer, done(if round == 0 { &[] } else { &replaced }));
        }
        assert_eq!(meta.bucket_usage(bucket).await.unwrap(), usage(512, 5120));
    }
}

/// A blob that several of a group gave up is told once.
#[tokio::test]
async fn a_shared_blob_is_told_by_the_last_that_named_it() {
    let (_folder, meta, bucket) = fresh().await;
    for number in 1..=3 {
        let (copy, shared) = (object(&[7]), [BlobId(Uuid::from_u128(7))]);
        let shared = if number == 1 { &[][..] } else { &shared };
        let version = NewVersion { object: &copy, overwrite: Overwrite::Allow, shared, onto: None };
        assert_eq!(meta.put_object(bucket, &key(number), version).await.unwrap(), done(&[]));
    }
    let delete = async |n| meta.delete_objects(bucket, &[key(n)]).await.unwrap().unnamed;
    let deleted = join_all([delete(1), delete(2)]);
    assert_eq!(deleted.await, [vec![], vec![]], "the third names it");
    put(&meta, bucket, 4).await.unwrap();
    let puts = [3, 4].map(|n| (bucket, n, object(&[100 + n]), Overwrite::Allow));
    assert_eq!(put_at_once(&meta, &puts).await, [done(&[7]), done(&[4])]);
}

/// What fails alone is undone without a savepoint, and the connection goes on.
#[tokio::test]
async fn an_operation_that_fails_alone_leaves_nothing() {
    let (_folder, meta, bucket) = fresh().await;
    let before = meta.group_commits();
    let fails = Execute(
        "insert into buckets (name, created, acl, storage_class)
         values ('leftover', 0, 'private', 'Standard');
         insert into buckets (name, created, acl, storage_class)
         values ('bucket', 0, 'private', 'Standard');",
    );
    meta.writer.submit(Execute("pragma cache_size = -1234")).await.unwrap();
    let failed = meta.writer.submit(fails).await;
    assert!(matches!(failed, Err(MetaError::Sql(_))), "{failed:?}");
    assert_eq!(meta.all_buckets().await.unwrap().len(), 1);
    assert_eq!(meta.group_commits().commits - before.commits, 1, "that of the pragma");
    assert_eq!(meta.writer.submit(Settings).await.unwrap().3, -1234, "the same connection");
    put(&meta, bucket, 1).await.unwrap();
}

/// An operation that tells with which others it was run.
struct Noted {
    key: Option<&'static str>,
    name: &'static str,
    notes: Arc<Mutex<Vec<String>>>,
    /// Fails if it is run together with others.
    unsociable: bool,
}

impl Operation for Noted {
    type Answer = ();

    async fn run(&self, _: &mut SqliteConnection) -> Result<(), MetaError> {
        self.notes.lock().unwrap().push(self.name.to_owned());
        Ok(())
    }

    fn subject(&self) -> Option<Place<'_>> {
        self.key.map(|key| (BucketId(1), key))
    }

    async fn run_joined(
        group: &[&Self],
        _: &mut SqliteConnection,
    ) -> Result<Option<Vec<()>>, MetaError> {
        let names: Vec<_> = group.iter().map(|noted| noted.name).collect();
        group[0].notes.lock().unwrap().push(names.join("+"));
        if group.iter().any(|noted| noted.unsociable) {
            return Err(MetaError::Sql(sqlx::Error::RowNotFound));
        }
        Ok(Some(vec![(); group.len()]))
    }
}

#[tokio::test]
async fn neighbours_about_different_objects_are_joined() {
    let (_folder, meta, bucket) = fresh().await;
    // A name, what it is about (`-`: nothing that can be joined), `!` if it fails with others; `put`
    // is an operation of another kind.
    for (queued, run) in [
        ("a.x", "a"),
        ("a.x b.y c.z", "a+b+c"),
        ("a.x b.y c.x d.z e.x", "a+b c+d e"),
        ("a.x b.x c.x", "a b c"),
        ("a.- b.- c.x d.y", "a b c+d"),
        ("a.x b.- c.y d.z", "a b c+d"),
        ("a.x b.y put c.z d.w", "a+b c+d"),
        ("a.x b.y! c.z", "a+b+c a b+c b c"),
        ("a.x b.y c.z! d.w e.v", "a+b+c+d+e a+b c+d+e c d+e"),
        ("a.x b.x! c.z d.y", "a b+c+d b c+d"),
        ("a.x!", "a"),
    ] {
        let notes = Arc::<Mutex<Vec<String>>>::default();
        let submit = |text: &'static str| {
            let (meta, notes) = (&meta, Arc::clone(&notes));
            async move {
                let Some((name, key)) = text.split_once('.') else {
                    put(meta, bucket, 1).await.unwrap();
                    return;
                };
                let (key, unsociable) = (key.trim_end_matches('!'), key.ends_with('!'));
                let key = (key != "-").then_some(key);
                meta.writer.submit(Noted { key, name, notes, unsociable }).await.unwrap();
            }
        };
        join_all(queued.split(' ').map(submit)).await;
        assert_eq!(notes.lock().unwrap().join(" "), run, "{queued}");
    }
}

/// A step of a random history, with what makes its blobs its own.
#[derive(Clone, Debug)]
enum Step {
    Put {
        bucket: usize,
        key: u128,
        blobs: u128,
        overwrite: Overwrite,
        number: i64,
    },
    /// Names the first blob that the step of this index made.
    Copy {
        bucket: usize,
        key: u128,
        of: usize,
    },
    Delete {
        bucket: usize,
        keys: Vec<u128>,
    },
}

#[derive(Debug, PartialEq)]
enum Answer {
    Put(Put),
    Deleted(Deleted),
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..3_usize, 0..6_u128);
    let overwrite = prop_oneof![4 => Just(Overwrite::Allow), 1 => Just(Overwrite::Forbid)];
    let keys = prop_oneof![4 => prop::collection::vec(0..6_u128, 1), 1 => prop::collection::vec(0..6_u128, 0..4)];
    prop_oneof![
        6 => (place.clone(), prop_oneof![6 => Just(1_u128), 1 => 0..4_u128], overwrite, any::<i64>())
            .prop_map(|((bucket, key), blobs, overwrite, number)| {
                Step::Put { bucket, key, blobs, overwrite, number }
            }),
        2 => (place, 0..30_usize).prop_map(|((bucket, key), of)| Step::Copy { bucket, key, of }),
        3 => (0..3_usize, keys).prop_map(|(bucket, keys)| Step::Delete { bucket, keys }),
    ]
}

async fn perform(meta: &Sqlite, buckets: [BucketId; 3], index: usize, step: &Step) -> Answer {
    let made = |index: usize, n: u128| 100 * (1 + index as u128) + n;
    match step {
        Step::Put { bucket, key: k, blobs, overwrite, number } => {
            let numbers: Vec<_> = (0..*blobs).map(|n| made(index, n)).collect();
            let mut object = Object { crc64: number.cast_unsigned(), ..object(&numbers) };
            // Whatever can be in a row: nothing and something, and texts with marks of JSON.
            object.md5 = (number % 2 == 0).then(|| u128::from(object.crc64).to_be_bytes());
            if let [one] = object.extents.as_mut_slice() {
                one.offset = number.unsigned_abs() % 7;
            }
            if number % 3 == 0 {
                object.attributes.acl = ObjectAcl::Default;
                object.attributes.tags = Tags::default();
                object.attributes.headers = vec![("x".to_owned(), "\"é\\\u{1}'],[".to_owned())];
            }
            let version = NewVersion::own(&object, *overwrite);
            Answer::Put(meta.put_object(buckets[*bucket], &key(*k), version).await.unwrap())
        }
        Step::Copy { bucket, key: k, of } => {
            let (object, shared) =
                (object(&[made(*of, 0)]), [BlobId(Uuid::from_u128(made(*of, 0)))]);
            let (object, shared) = (&object, &shared[..]);
            let version = NewVersion { object, overwrite: Overwrite::Allow, shared, onto: None };
            Answer::Put(meta.put_object(buckets[*bucket], &key(*k), version).await.unwrap())
        }
        Step::Delete { bucket, keys } => {
            let keys: Vec<_> = keys.iter().map(|&k| key(k)).collect();
            Answer::Deleted(meta.delete_objects(buckets[*bucket], &keys).await.unwrap())
        }
    }
}

/// All that rows say.
async fn content(meta: &Sqlite) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [
        "select json_array(id, object_count, byte_count) from buckets order by 1",
        "select json_array(bucket_id, hex(key), size, etag, crc64, hex(md5), kind, storage_class,
                           modified, headers, acl, tags, hex(symlink), hex(blob), blob_offset)
         from objects order by 1",
        "select json_array(bucket_id, hex(key), position, hex(blob), offset, length)
         from extents order by 1",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&meta.readers).await.unwrap();
        all.extend(rows);
    }
    all
}

/// Performs the steps, one for one or all at once, and tells the answers and what is left.
async fn outcome(steps: &[Step], at_once: bool) -> (Vec<Answer>, Vec<String>) {
    let (_folder, meta, first) = fresh().await;
    let second = bucket(&meta, "other").await;
    let buckets = [first, second, BucketId(second.0 + 1)];
    let mut answers = Vec::new();
    if at_once {
        let all = steps.iter().enumerate();
        answers = join_all(all.map(|(index, step)| perform(&meta, buckets, index, step))).await;
    } else {
        for (index, step) in steps.iter().enumerate() {
            answers.push(perform(&meta, buckets, index, step).await);
        }
    }
    for answer in &mut answers {
        match answer {
            Answer::Put(Put::Done { unnamed }) | Answer::Deleted(Deleted { unnamed, .. }) => {
                unnamed.sort();
            }
            Answer::Put(Put::Exists | Put::SourceGone | Put::NoSuchBucket) => {}
        }
    }
    (answers, content(&meta).await)
}

#[test]
fn joined_is_the_same_as_one_by_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = ProptestConfig::with_cases(32);
    proptest!(cases, |(steps in prop::collection::vec(step(), 1..40))| {
        let one_by_one = runtime.block_on(outcome(&steps, false));
        let at_once = runtime.block_on(outcome(&steps, true));
        prop_assert_eq!(at_once, one_by_one);
    });
}
