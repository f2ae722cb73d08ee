//! Blobs that no row names yet: uploads on their way. The scrub must not take them for orphans,
//! and an upload that fails must not leave its blob behind.
//!
//! A commit that failed may still turn out to be durable, as long as nothing was committed after
//! it. The blob of such an upload is kept and remembered here, and once a later write is durable
//! the database says whether it is named. A disk that is full for an hour would otherwise gather
//! the blobs of an hour until the next start.

use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use crate::blob::BlobStore;
use crate::domain::name::BlobId;

/// The set of blobs that are on their way.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<Ids>>);

#[derive(Default)]
struct Ids {
    on_their_way: HashSet<BlobId>,
    /// Those of them whose commits failed.
    in_doubt: Vec<BlobId>,
}

/// A blob that is on its way. Dropped as it is, the blob is deleted.
pub struct Upload {
    /// The blob.
    pub id: BlobId,
    set: InFlight,
    blobs: Arc<dyn BlobStore>,
    fate: Fate,
}

/// What is known of the row that was to name a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Absent,
    InDoubt,
    Durable,
}

impl InFlight {
    /// Registers a blob, before its file exists.
    pub fn begin(&self, id: BlobId, blobs: Arc<dyn BlobStore>) -> Upload {
        self.lock().on_their_way.insert(id);
        Upload { id, set: self.clone(), blobs, fate: Fate::Absent }
    }

    /// Drops those ids that are on their way.
    pub fn exclude(&self, ids: &mut Vec<BlobId>) {
        let set = self.lock();
        ids.retain(|id| !set.on_their_way.contains(id));
    }

    /// Takes the blobs in doubt. Only a write that is asked for after this, and is durable, puts
    /// an end to the doubt.
    pub fn take_in_doubt(&self) -> Vec<BlobId> {
        mem::take(&mut self.lock().in_doubt)
    }

    /// Puts blobs back that are still in doubt.
    pub fn doubt(&self, ids: Vec<BlobId>) {
        self.lock().in_doubt.extend(ids);
    }

    /// Blobs are not on their way any more: they are named, or gone.
    pub fn forget(&self, ids: &[BlobId]) {
        let mut set = self.lock();
        for id in ids {
            set.on_their_way.remove(id);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ids> {
        // The set is whole after every operation on it, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// A durable row names the blob now.
    pub fn named(mut self) {
        self.fate = Fate::Durable;
    }

    /// A row that names the blob may turn out to be durable.
    pub fn in_doubt(mut self) {
        self.fate = Fate::InDoubt;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (id, set, blobs) = (self.id, self.set.clone(), self.blobs.clone());
        match self.fate {
            Fate::Durable => return set.forget(&[id]),
            Fate::InDoubt => return set.doubt(vec![id]),
            Fate::Absent => {}
        }
        // Deleting waits for the disk, so it goes on behind the request that gave up. Without a
        // runtime the process is ending, and the scrub of the next start finds the file.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(err) = blobs.delete(id).await {
                    tracing::warn!(blob = %id, error = %err, "could not delete unnamed blob {id}");
                }
                set.forget(&[id]);
            });
        }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InFlight({})", self.lock().on_their_way.len())
    }
}
