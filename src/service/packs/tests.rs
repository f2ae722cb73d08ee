use std::collections::BTreeMap;
use std::sync::Condvar;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use tempfile::TempDir;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::*;
use crate::blob::local::LocalBlobs;
use crate::blob::{BlobReader, BlobWriter, Digesting};
use crate::meta::sqlite::Sqlite;
use crate::service::pins::Pins;

/// What a store does with packs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    /// It waits until that is over.
    Slow,
    Full,
    Panics,
}

/// A store that remembers how many bodies it was given together.
struct Moody {
    inner: LocalBlobs,
    mood: Mutex<Mood>,
    changed: Condvar,
    packs: Mutex<Vec<usize>>,
}

impl Moody {
    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changed.notify_all();
    }

    fn packs(&self) -> Vec<usize> {
        self.packs.lock().unwrap().clone()
    }
}

#[async_trait]
impl BlobStore for Moody {
    async fn create(
        &self,
        id: BlobId,
        digesting: Digesting,
    ) -> Result<Box<dyn BlobWriter>, BlobError> {
        self.inner.create(id, digesting).await
    }

    fn write_whole(&self, id: BlobId, pieces: &[Bytes]) -> Result<(), BlobError> {
        self.packs.lock().unwrap().push(pieces.len());
        let slow = self.mood.lock().unwrap();
        let mood = *self.changed.wait_while(slow, |mood| *mood == Mood::Slow).unwrap();
        match mood {
            Mood::Good | Mood::Slow => self.inner.write_whole(id, pieces),
            Mood::Full => {
                let source = std::io::Error::from_raw_os_error(28);
                Err(BlobError::Io { action: "writing", blob: id, source })
            }
            Mood::Panics => panic!("as the test wants"),
        }
    }

    async fn open(&self, id: BlobId) -> Result<Box<dyn BlobReader>, BlobError> {
        self.inner.open(id).await
    }

    async fn length(&self, id: BlobId) -> Result<u64, BlobError> {
        self.inner.length(id).await
    }

    async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        self.inner.delete(id).await
    }

    fn list(&self) -> BoxStream<'static, Result<Vec<BlobId>, BlobError>> {
        self.inner.list()
    }
}

struct World {
    _folder: TempDir,
    store: Arc<Moody>,
    inflight: InFlight,
    packs: Packs,
}

impl World {
    async fn make() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Arc::new(Moody {
            inner: LocalBlobs::open(folder.path().join("blobs")).unwrap(),
            mood: Mutex::new(Mood::Good),
            changed: Condvar::new(),
            packs: Mutex::default(),
        });
        let meta = Arc::new(Sqlite::open(&folder.path().join("meta.sqlite")).await.unwrap());
        let (blobs, pins): (Arc<dyn BlobStore>, _) = (store.clone(), Pins::default());
        let inflight = InFlight::new((meta, blobs.clone()), pins, TaskTracker::new());
        let packs = Packs::new(blobs, inflight.clone());
        Self { _folder: folder, store, inflight, packs }
    }

    fn write(&self, number: usize, length: usize) -> impl Future<Output = Outcome> + use<> {
        let (packs, id) = (self.packs.clone(), BlobId(Uuid::from_u128(7 << 76 | number as u128)));
        async move { packs.write(id, body(number, length)).await }
    }

    /// Has bodies of that many bytes wait behind one that is being written.
    fn queue(&self, count: usize, length: usize) -> Vec<tokio::task::JoinHandle<Outcome>> {
        self.store.set(Mood::Slow);
        (0..count).map(|number| tokio::spawn(self.write(number, length))).collect()
    }

    async fn wait_for_queue(&self, count: usize) {
        wait_until(|| self.packs.lock().waiting.len() == count).await;
    }

    async fn files(&self) -> usize {
        let batches: Vec<Vec<BlobId>> = self.store.list().try_collect().await.unwrap();
        batches.concat().len()
    }

    async fn wait_for_files(&self, count: usize) {
        for _ in 0..10_000 {
            if self.files().await == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} files and not {count}", self.files().await);
    }
}

type Outcome = Result<Packed, BlobError>;

async fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("it never was so");
}

fn body(number: usize, length: usize) -> Bytes {
    format!("{number:04}").into_bytes().into_iter().cycle().take(length).collect()
}

/// Reads what was written, and lets go of it.
async fn check(world: &World, number: usize, length: usize, packed: Packed) {
    let reader = world.store.open(packed.upload.id).await.unwrap();
    let pieces: Vec<Bytes> =
        reader.stream(packed.offset, length as u64).try_collect().await.unwrap();
    assert_eq!(pieces.concat(), body(number, length), "{number}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_alone_gets_the_whole_of_a_blob() {
    let world = World::make().await;
    for number in 0..5 {
        let packed = world.write(number, 100).await.unwrap();
        assert_eq!((packed.offset, packed.upload.id.is_shared()), (0, false));
        check(&world, number, 100, packed).await;
    }
    assert_eq!(world.store.packs(), [1; 5]);
    world.wait_for_files(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_meanwhile_is_written_together() {
    // How many come, how long each is, and how many are written together.
    let table: [(usize, usize, &[usize]); 4] =
        [(2, 100, &[2]), (130, 100, &[64, 64, 2]), (20, MAX_BODY, &[16, 4]), (65, 1, &[64, 1])];
    for (count, length, want) in table {
        let world = World::make().await;
        let first = world.queue(1, 7);
        wait_until(|| world.store.packs() == [1]).await;
        let others = world.queue(count, length);
        world.wait_for_queue(count).await;
        world.store.set(Mood::Good);
        for first in first {
            check(&world, 0, 7, first.await.unwrap().unwrap()).await;
        }
        let mut places = BTreeMap::<BlobId, Vec<u64>>::new();
        for (number, written) in join_all(others).await.into_iter().enumerate() {
            let packed = written.unwrap().unwrap();
            places.entry(packed.upload.id).or_default().push(packed.offset);
            check(&world, number, length, packed).await;
        }
        assert_eq!(world.store.packs(), [&[1], want].concat());
        assert_eq!(places.len(), want.len());
        for (id, mut offsets) in places {
            assert_eq!(id.is_shared(), offsets.len() > 1, "{id}");
            offsets.sort_unstable();
            let beside = (0..offsets.len()).map(|at| (at * length) as u64);
            assert!(beside.eq(offsets.iter().copied()), "{offsets:?}");
        }
        world.wait_for_files(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_gone_is_not_written() {
    let world = World::make().await;
    let first = world.queue(1, 10);
    wait_until(|| world.store.packs() == [1]).await;
    let mut others = world.queue(10, 10);
    world.wait_for_queue(10).await;
    let last = others.pop();
    for gone in others {
        gone.abort();
        assert!(gone.await.is_err());
    }
    world.store.set(Mood::Good);
    for written in first.into_iter().chain(last) {
        written.await.unwrap().unwrap();
    }
    assert_eq!(world.store.packs(), [1, 1]);
    world.wait_for_files(0).await;
    wait_until(|| format!("{:?}", world.inflight) == "InFlight(0)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_fails_fails_all_and_nothing_else() {
    for mood in [Mood::Full, Mood::Panics] {
        let world = World::make().await;
        let waiting = world.queue(10, 10);
        wait_until(|| {
            let taken: usize = world.store.packs().iter().sum();
            world.packs.lock().waiting.len() + taken == 10
        })
        .await;
        world.store.set(mood);
        for failed in join_all(waiting).await {
            let failed = failed.unwrap();
            assert!(matches!(failed, Err(BlobError::Io { action: "writing", .. })), "{failed:?}");
        }
        world.store.set(Mood::Good);
        // A name of its own: one that failed is still being deleted.
        check(&world, 10, 9, world.write(10, 9).await.unwrap()).await;
        world.wait_for_files(0).await;
        wait_until(|| format!("{:?}", world.inflight) == "InFlight(0)").await;
    }
}
