//! Blobs that are being read one after another, and must stay until they have been.
//!
//! An object of many blobs is not read with all of them open: ten thousand parts would take as
//! many descriptors. Each is opened when its turn comes, so a blob that is given up in the
//! meantime, because the object is replaced or deleted, is kept back until its readers are done.
//!
//! Why a pinned blob is never missed: a blob is deleted after its row is gone *and* memory has
//! forgotten the object, in this order. Whoever pins blobs asks for the object once more afterwards.
//! If it is still the same, its blobs were not given up when they were pinned, and whoever gives
//! them up later finds them pinned.
//!
//! A blob that several uploads share may be given up by another than the one who took its row, and
//! before memory has forgotten the object. So of an object of several blobs with such among them not
//! memory is asked afterwards but the database: what it names then is given up later than that. Such
//! objects are made only of parts that earlier builds copied.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::blob::BlobStore;
use crate::domain::name::BlobId;

/// The blobs that are being read.
#[derive(Clone, Default)]
pub(super) struct Pins(Arc<Mutex<HashMap<BlobId, Pin>>>);

#[derive(Debug, Default)]
struct Pin {
    readers: usize,
    /// Whether it is to be deleted when nobody reads it any more.
    given_up: bool,
}

/// Blobs that stay until this is dropped.
pub(super) struct Pinned {
    ids: Vec<BlobId>,
    set: Pins,
    blobs: Arc<dyn BlobStore>,
}

impl Pins {
    /// Has blobs stay.
    pub(super) fn pin(&self, mut ids: Vec<BlobId>, blobs: Arc<dyn BlobStore>) -> Pinned {
        ids.sort_unstable();
        ids.dedup();
        let mut pins = self.lock();
        for id in &ids {
            pins.entry(*id).or_default().readers += 1;
        }
        drop(pins);
        Pinned { ids, set: self.clone(), blobs }
    }

    /// Of blobs that no row names any more, leaves those that can be deleted now. The others are
    /// deleted as soon as nobody reads them.
    pub(super) fn give_up(&self, ids: &mut Vec<BlobId>) {
        let mut pins = self.lock();
        if pins.is_empty() {
            return;
        }
        ids.retain(|id| match pins.get_mut(id) {
            Some(pin) => {
                pin.given_up = true;
                false
            }
            None => true,
        });
    }

    /// Ends a reading. Returns the blobs that nobody will read any more.
    fn unpin(&self, ids: &[BlobId]) -> Vec<BlobId> {
        let mut pins = self.lock();
        let mut free = Vec::new();
        for id in ids {
            let Some(pin) = pins.get_mut(id) else { continue };
            pin.readers -= 1;
            if pin.readers > 0 {
                continue;
            }
            if pins.remove(id).is_some_and(|pin| pin.given_up) {
                free.push(*id);
            }
        }
        free
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BlobId, Pin>> {
        // The map is whole after every operation on it, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let free = self.set.unpin(&self.ids);
        if free.is_empty() {
            return;
        }
        // As with an upload: without a runtime, the scrub of the next start finds the files.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(delete(self.blobs.clone(), free));
        }
    }
}

/// Deletes blobs that nobody names or reads. One that cannot be deleted is left to the scrub.
pub(super) async fn delete(blobs: Arc<dyn BlobStore>, ids: Vec<BlobId>) {
    for id in ids {
        if let Err(err) = blobs.delete(id).await {
            tracing::warn!(blob = %id, error = %err, "could not delete unnamed blob {id}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::*;
    use crate::blob::local::LocalBlobs;
    use crate::blob::{Digesting, Sha256};

    async fn stored(count: u128) -> (TempDir, Arc<dyn BlobStore>, Vec<BlobId>) {
        let folder = TempDir::new().unwrap();
        let blobs: Arc<dyn BlobStore> = Arc::new(LocalBlobs::open(folder.path()).unwrap());
        let ids: Vec<_> = (0..count).map(|n| BlobId(Uuid::from_u128(n))).collect();
        for id in &ids {
            let mut writer = blobs.create(*id, Digesting::all(Sha256::Unwanted)).await.unwrap();
            writer.write(Bytes::from_static(b"x")).await.unwrap();
            writer.finish().await.unwrap();
        }
        (folder, blobs, ids)
    }

    async fn wait_until_gone(blobs: &Arc<dyn BlobStore>, id: BlobId) {
        for _ in 0..10_000 {
            if blobs.open(id).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{id} is still there");
    }

    #[tokio::test]
    async fn what_is_given_up_stays_for_its_last_reader() {
        let (_folder, blobs, ids) = stored(3).await;
        let [read, read_twice, unread] = ids[..] else { panic!("{ids:?}") };
        let pins = Pins::default();
        let first = pins.pin(vec![read, read_twice, read], blobs.clone());
        let second = pins.pin(vec![read_twice], blobs.clone());
        let mut given_up = vec![read, unread, read_twice];
        pins.give_up(&mut given_up);
        assert_eq!(given_up, [unread], "nobody reads it");
        drop(first);
        wait_until_gone(&blobs, read).await;
        assert!(blobs.open(read_twice).await.is_ok(), "the second reader is not done");
        drop(second);
        wait_until_gone(&blobs, read_twice).await;
        assert!(blobs.open(unread).await.is_ok(), "left to whoever gave it up");
        assert!(pins.lock().is_empty());
    }

    #[tokio::test]
    async fn what_is_not_given_up_stays() {
        let (_folder, blobs, ids) = stored(1).await;
        let pins = Pins::default();
        drop(pins.pin(ids.clone(), blobs.clone()));
        let mut later = ids.clone();
        pins.give_up(&mut later);
        assert_eq!(later, ids, "it is not pinned any more");
        assert!(blobs.open(ids[0]).await.is_ok());
    }
}
