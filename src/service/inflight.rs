//! Blobs that no row names yet: uploads on their way. The scrub must not take them for orphans,
//! and an upload that fails must not leave its blob behind.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::blob::BlobStore;
use crate::domain::name::BlobId;

/// The set of blobs that are on their way.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<BlobId>>>);

/// A blob that is on its way. Dropped before [`Upload::named`], the blob is deleted.
pub struct Upload {
    /// The blob.
    pub id: BlobId,
    set: InFlight,
    blobs: Arc<dyn BlobStore>,
    named: bool,
}

impl InFlight {
    /// Registers a blob, before its file exists.
    pub fn begin(&self, id: BlobId, blobs: Arc<dyn BlobStore>) -> Upload {
        self.lock().insert(id);
        Upload { id, set: self.clone(), blobs, named: false }
    }

    /// Drops those ids that are on their way.
    pub fn exclude(&self, ids: &mut Vec<BlobId>) {
        let set = self.lock();
        ids.retain(|id| !set.contains(id));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<BlobId>> {
        // The set is whole after every operation on it, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// A durable row names the blob now.
    pub fn named(mut self) {
        self.named = true;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (id, set, blobs) = (self.id, self.set.clone(), self.blobs.clone());
        if self.named {
            set.lock().remove(&id);
            return;
        }
        // Deleting waits for the disk, so it goes on behind the request that gave up. Without a
        // runtime the process is ending, and the scrub of the next start finds the file.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(err) = blobs.delete(id).await {
                    tracing::warn!(blob = %id, error = %err, "could not delete unnamed blob {id}");
                }
                set.lock().remove(&id);
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
        write!(f, "InFlight({})", self.lock().len())
    }
}
