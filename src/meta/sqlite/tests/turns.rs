//! Whose turn it is: whoever is light waits for one heavy operation at most, and nobody overtakes one
//! that is about the same object.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::meta::sqlite::object::write::Place;
use crate::meta::sqlite::writer::Writer;

/// What was run in which transaction.
#[derive(Default)]
struct Journal {
    notes: Mutex<Vec<(u64, String)>>,
    /// Told when an operation whose name ends with `?` is being run.
    begun: Notify,
    /// What it waits for.
    may_end: Notify,
}

impl Journal {
    /// The transactions in their order, as `a b | c`.
    fn text(&self) -> String {
        let notes = self.notes.lock().unwrap();
        let batch = |notes: &[(u64, String)]| {
            notes.iter().map(|note| note.1.as_str()).collect::<Vec<_>>().join(" ")
        };
        notes.chunk_by(|a, b| a.0 == b.0).map(batch).collect::<Vec<_>>().join(" | ")
    }
}

/// An operation that does nothing, with any weight.
struct Weighed {
    name: String,
    objects: Vec<String>,
    weight: usize,
    journal: Arc<Journal>,
    writer: Arc<Writer>,
}

impl Operation for Weighed {
    type Answer = ();

    async fn run(&self, _: &mut SqliteConnection) -> Result<(), MetaError> {
        let transaction = self.writer.group_commits().commits;
        self.journal.notes.lock().unwrap().push((transaction, self.name.clone()));
        assert!(!self.name.ends_with('!'), "an operation with a bug");
        if self.name.ends_with('?') {
            self.journal.begun.notify_one();
            self.journal.may_end.notified().await;
        }
        Ok(())
    }

    fn objects(&self) -> Vec<Place<'_>> {
        self.objects.iter().map(|key| (BucketId(1), key.as_str())).collect()
    }

    async fn weight(&self, _: &mut SqliteConnection) -> Result<usize, MetaError> {
        Ok(self.weight)
    }
}

/// Submits what is written as `name.object+object:weight`.
async fn submit(meta: &Sqlite, journal: &Arc<Journal>, text: &str) -> Result<(), MetaError> {
    let (name, rest) = text.split_once('.').unwrap();
    let (objects, weight) = rest.split_once(':').unwrap_or((rest, "1"));
    let operation = Weighed {
        name: name.to_owned(),
        objects: objects.split('+').map(str::to_owned).collect(),
        weight: weight.parse().unwrap(),
        journal: Arc::clone(journal),
        writer: Arc::clone(&meta.writer),
    };
    meta.writer.submit(operation).await
}

#[tokio::test]
async fn a_transaction_takes_what_is_light_and_so_much_that_is_heavy() {
    let (_folder, meta, _) = fresh().await;
    for (queued, run) in [
        ("H.x:10000", "H"),
        ("a.x:16 H.y:17 b.z:16", "a b H"),
        ("H.x:10000 a.y I.z:10000 b.w", "a b H | I"),
        ("H.x:6000 I.y:4000 J.z:17", "H I | J"),
        ("H.x:6000 I.y:4001 J.z:17", "H | I J"),
        ("H.x:20000 I.y:17", "H | I"),
        ("a.x H.x:10000", "a H"),
        ("H.x:10000 a.x b.y", "b H | a"),
        ("H.x:10000 I.y:10000 a.y b.x c.z", "c H | I | a b"),
        ("H.x:10000 a.x+y b.y c.z", "c H | a b"),
        ("H.x:10000 I.x:10000 J.x:10000 a.y", "a H | I | J"),
    ] {
        let journal = Arc::default();
        let all = queued.split(' ').map(|text| submit(&meta, &journal, text));
        for answer in join_all(all).await {
            answer.unwrap();
        }
        assert_eq!(journal.text(), run, "{queued}");
    }
}

/// Five that are heavy have queued up, and the first is being run, before one that is light is asked
/// for.
#[tokio::test]
async fn what_is_light_does_not_wait_for_all_that_are_heavy() {
    let (_folder, meta, _) = fresh().await;
    let journal = Arc::default();
    let heavy = ["H1?.1:10000", "H2.2:10000", "H3.3:10000", "H4.4:10000", "H5.5:10000"];
    let heavy = join_all(heavy.map(|text| submit(&meta, &journal, text)));
    let light = async {
        journal.begun.notified().await;
        let mut light = Box::pin(submit(&meta, &journal, "a.x"));
        assert!(poll_immediate(&mut light).await.is_none(), "it has queued up");
        journal.may_end.notify_one();
        light.await.unwrap();
    };
    tokio::join!(heavy, light);
    assert_eq!(journal.text(), "H1? | a H2 | H3 | H4 | H5");
}

/// What waits is no part of a batch that fails, and what fails is not tried again.
#[tokio::test]
async fn a_failure_takes_what_was_run_and_not_what_waits() {
    let (_folder, meta, _) = fresh().await;
    for (queued, failed) in [
        ("H.z:10000 a.x b!.y I.w:10000", "a b! I"),
        ("a.x H!.y:10000 I.z:10000", "a H!"),
        ("H.x:10000 I!.y:10000 a.x J.z:10000", "I!"),
    ] {
        let journal = Arc::default();
        let all = queued.split(' ').map(|text| submit(&meta, &journal, text));
        let answers = join_all(all).await;
        let names = queued.split(' ').filter_map(|text| text.split_once('.'));
        let got: Vec<_> = names
            .zip(&answers)
            .filter(|(_, answer)| matches!(answer, Err(MetaError::Commit(_))))
            .map(|((name, _), _)| name)
            .collect();
        assert_eq!(got.join(" "), failed, "{queued}: {answers:?}");
    }
}

/// A database that is not there any more: nobody waits for ever, and the writer ends.
#[tokio::test]
async fn whoever_waits_is_told_that_nothing_can_be_written_any_more() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let (folder, meta, _) = fresh().await;
    std::fs::remove_dir_all(folder.path()).unwrap();
    let journal = Arc::default();
    let all = ["a.w", "H!.x:10000", "I.y:10000", "J.z:10000"];
    let all = all.map(|text| submit(&meta, &journal, text));
    for answer in timeout(PATIENCE, join_all(all)).await.unwrap() {
        assert!(matches!(answer, Err(MetaError::Commit(_))), "{answer:?}");
    }
    assert_eq!(journal.text(), "a H!");
    assert!(timeout(PATIENCE, meta.close()).await.unwrap().is_err());
}

#[tokio::test]
async fn heavy_objects_are_replaced_and_deleted_beside_light_ones() {
    let (_folder, meta, bucket) = fresh().await;
    let blobs = |number: u128| (100 * number..100 * number + 20).collect::<Vec<_>>();
    let heavy = [1, 2, 3].map(|number| (number, object(&blobs(number))));
    for (number, object) in &heavy {
        let version = NewVersion::own(object, Overwrite::Allow);
        meta.put_object(bucket, &key(*number), version).await.unwrap();
    }
    let delete = async |number| meta.delete_objects(bucket, &[key(number)]).await.unwrap().unnamed;
    let replace = async |number| match put(&meta, bucket, number).await.unwrap() {
        Put::Done { unnamed } => unnamed,
        other @ (Put::Exists | Put::SourceGone | Put::NoSuchBucket) => panic!("{other:?}"),
    };
    // The second is deleted, and there is a new one when both are done.
    let two = [key(3), key(4)];
    let (light, replaced, deleted, anew, both, last) = tokio::join!(
        replace(4),
        replace(1),
        delete(2),
        replace(2),
        meta.delete_objects(bucket, &two),
        replace(5),
    );
    let ids = |number| blobs(number).into_iter().map(|n| BlobId(Uuid::from_u128(n)));
    assert_eq!((light, anew, last), (vec![], vec![], vec![]));
    for (mut got, number) in [(replaced, 1), (deleted, 2)] {
        got.sort();
        assert_eq!(got, ids(number).collect::<Vec<_>>());
    }
    let mut both = both.unwrap();
    both.unnamed.sort();
    let four = BlobId(Uuid::from_u128(4));
    assert_eq!((both.keys, both.unnamed), (2, [four].into_iter().chain(ids(3)).collect()));
    let left = meta.objects_from(bucket, b"", 9).await.unwrap();
    assert_eq!(left.iter().map(|o| o.key.clone()).collect::<Vec<_>>(), [1, 2, 5].map(key));
    assert_eq!(meta.bucket_usage(bucket).await.unwrap(), usage(3, 30));
}
