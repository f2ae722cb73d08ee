//! Blobs that no row names: yet, because they are on their way, or any more.
//!
//! A blob is deleted by whoever takes its last name, and by an upload that fails. The scrub must not
//! take for an orphan what is on its way.
//!
//! # Blobs that several uploads share
//!
//! Of a blob of two uploads, the first may be named, and deleted again, before the second is named. At
//! that moment no row names the blob; but the second is about to. So a shared blob
//! ([`BlobId::is_shared`]) is deleted by this rule alone:
//!
//! 1. None of its uploads is on its way. They are all registered before there is a file, under an id
//!    that nobody gets again, so once the last has ended there will never be another.
//! 2. After that, and not before, the database is asked and says that no row names it. What it could say
//!    in the transaction that takes a name is no answer: between that and now, the row of another
//!    upload may have been committed, and that upload may have ended.
//!
//! After 1, the only one who could still name it is a copy, and a copy names what is named when it is
//! written. So what is unnamed then stays unnamed.
//!
//! Whoever takes a name, and whose upload fails, has the database asked if 1 holds, and otherwise leaves
//! a mark, by which the last upload that ends does. So a blob that ends up without a name is asked
//! about after its last upload, or after its last name, whichever is later. One that lost a name and
//! has others is remembered for [`App::move_left`](super::App::move_left).
//!
//! # Commits in doubt
//!
//! A commit that failed may still turn out to be durable, as long as nothing was committed after
//! it. The blob of such an upload is kept and remembered here, and once a later write is durable
//! the database says whether it is named. A disk that is full for an hour would otherwise gather
//! the blobs of an hour until the next start. A shared blob is on its way until then.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use super::pins::{self, Pins};
use crate::blob::BlobStore;
use crate::domain::name::BlobId;
use crate::domain::time::UnixMillis;
use crate::meta::Meta;

/// How long shared blobs gather before the database is asked about all of them at once: objects that
/// were written together are often replaced together.
const GATHERING: Duration = Duration::from_millis(50);

/// The most blobs of one question.
const MAX_ASKED: usize = 1024;

/// The most blobs that are remembered as having lost names: a mebibyte of ids.
const MAX_THINNER: usize = 65_536;

/// The blobs that are on their way, and the way out of those that nobody names.
#[derive(Clone)]
pub struct InFlight(Arc<Inner>);

struct Inner {
    ids: Mutex<Ids>,
    meta: Arc<dyn Meta>,
    blobs: Arc<dyn BlobStore>,
    pins: Pins,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Ids {
    on_their_way: HashMap<BlobId, Way>,
    /// Those of them whose commits failed, each as often as it has such uploads.
    in_doubt: Vec<BlobId>,
    /// Shared blobs that are not on their way any more, and of which the database is to be asked.
    to_ask: HashSet<BlobId>,
    /// Shared blobs that have lost a name and have others.
    thinner: BTreeSet<BlobId>,
}

/// A blob that is on its way.
#[derive(Default)]
struct Way {
    /// Its uploads that have not ended.
    uploads: usize,
    /// Whether it may be that no row names it when they have.
    given_up: bool,
}

/// One upload of a blob that is on its way. Dropped as it is, its blob is deleted, unless something
/// else in it is named.
pub struct Upload {
    /// The blob.
    pub id: BlobId,
    set: InFlight,
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
    pub(super) fn new(
        (meta, blobs): (Arc<dyn Meta>, Arc<dyn BlobStore>),
        pins: Pins,
        tasks: TaskTracker,
    ) -> Self {
        Self(Arc::new(Inner { ids: Mutex::default(), meta, blobs, pins, tasks }))
    }

    /// Registers a blob of one upload, before its file exists.
    pub fn begin(&self, id: BlobId) -> Upload {
        self.lock().on_their_way.insert(id, Way { uploads: 1, given_up: false });
        self.upload(id)
    }

    /// Registers a blob of so many uploads, before its file exists.
    pub fn begin_all(&self, id: BlobId, uploads: usize) -> Vec<Upload> {
        self.lock().on_their_way.insert(id, Way { uploads, given_up: false });
        (0..uploads).map(|_| self.upload(id)).collect()
    }

    fn upload(&self, id: BlobId) -> Upload {
        Upload { id, set: self.clone(), fate: Fate::Absent }
    }

    /// Drops those ids that are on their way.
    pub fn exclude(&self, ids: &mut Vec<BlobId>) {
        let set = self.lock();
        ids.retain(|id| !set.on_their_way.contains_key(id));
    }

    /// Takes the blobs in doubt. Only a write that is asked for after this, and is durable, puts
    /// an end to the doubt.
    pub fn take_in_doubt(&self) -> Vec<BlobId> {
        mem::take(&mut self.lock().in_doubt)
    }

    /// Ends the doubt about blobs whose commits failed, if a later write is durable: the log has
    /// gone on without those commits, or with them, and the database knows which.
    pub fn settle(&self, in_doubt: Vec<BlobId>, later_is_durable: bool) {
        if in_doubt.is_empty() {
            return;
        }
        if !later_is_durable {
            return self.lock().in_doubt.extend(in_doubt);
        }
        let (shared, own): (Vec<_>, Vec<_>) = in_doubt.into_iter().partition(|id| id.is_shared());
        for id in shared {
            self.end(id, true);
        }
        if own.is_empty() {
            return;
        }
        let set = self.clone();
        self.0.tasks.spawn(async move {
            match set.0.meta.unnamed_blobs(&own).await {
                Ok(unnamed) => {
                    set.forget(&own);
                    set.delete(unnamed);
                }
                Err(_) => set.lock().in_doubt.extend(own),
            }
        });
    }

    /// Deletes blobs of which a transaction has taken the last name, behind the request that did.
    /// Those that several uploads share are asked about first. What is being read stays until it has
    /// been.
    pub fn give_up(&self, unnamed: Vec<BlobId>) {
        let (shared, own): (Vec<_>, Vec<_>) = unnamed.into_iter().partition(|id| id.is_shared());
        self.delete(own);
        self.ask(shared);
    }

    /// Deletes those of some shared blobs that no row names, once none of their uploads is on its
    /// way: see the top of this module.
    fn ask(&self, ids: Vec<BlobId>) {
        let mut set = self.lock();
        let is_awaited = !set.to_ask.is_empty();
        for id in ids {
            match set.on_their_way.get_mut(&id) {
                Some(way) => way.given_up = true,
                None => _ = set.to_ask.insert(id),
            }
        }
        let is_first = !is_awaited && !set.to_ask.is_empty();
        drop(set);
        if is_first {
            let set = self.clone();
            self.0.tasks.spawn(async move {
                sleep(GATHERING).await;
                set.ask_now().await;
            });
        }
    }

    /// None of the blobs that are to be asked about can be on its way again.
    async fn ask_now(&self) {
        let ids: Vec<BlobId> = mem::take(&mut self.lock().to_ask).into_iter().collect();
        for ids in ids.chunks(MAX_ASKED) {
            match self.0.meta.unnamed_blobs(ids).await {
                Ok(unnamed) => {
                    let gone: HashSet<_> = unnamed.iter().collect();
                    let named: Vec<_> = ids.iter().filter(|id| !gone.contains(id)).collect();
                    self.add_thinner(named.into_iter().copied());
                    self.delete(unnamed);
                }
                // As if a last upload of each were in doubt: the next write asks again.
                Err(_) => self.lock().doubt(ids),
            }
        }
    }

    /// Remembers shared blobs that have lost a name and have others, as far as there is room: the next
    /// start finds all of them.
    pub(super) fn add_thinner(&self, ids: impl IntoIterator<Item = BlobId>) {
        let mut set = self.lock();
        for id in ids {
            if set.thinner.len() >= MAX_THINNER {
                return;
            }
            set.thinner.insert(id);
        }
    }

    /// Takes up to so many of them that were made before that time, the oldest first.
    pub(super) fn take_thinner(&self, before: UnixMillis, limit: usize) -> Vec<BlobId> {
        let mut set = self.lock();
        let old = set.thinner.iter().take(limit).take_while(|id| id.made() < before);
        let old: Vec<BlobId> = old.copied().collect();
        for id in &old {
            set.thinner.remove(id);
        }
        old
    }

    /// Has the next write that is durable ask about shared blobs whose names may have gone.
    pub(super) fn doubt(&self, ids: &[BlobId]) {
        self.lock().doubt(ids);
    }

    fn delete(&self, mut unnamed: Vec<BlobId>) {
        self.0.pins.give_up(&mut unnamed);
        if !unnamed.is_empty() {
            self.0.tasks.spawn(pins::delete(self.0.blobs.clone(), unnamed));
        }
    }

    /// An upload has ended. `given_up` says that there may be nothing that names the blob for it.
    fn end(&self, id: BlobId, given_up: bool) {
        let mut set = self.lock();
        let Some(way) = set.on_their_way.get_mut(&id) else { return };
        way.given_up |= given_up;
        way.uploads -= 1;
        if way.uploads > 0 {
            return;
        }
        let ask = set.on_their_way.remove(&id).is_some_and(|way| way.given_up);
        drop(set);
        if ask {
            self.ask(vec![id]);
        }
    }

    /// Blobs are not on their way any more: they are named, or gone.
    fn forget(&self, ids: &[BlobId]) {
        let mut set = self.lock();
        for id in ids {
            set.on_their_way.remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ids> {
        // The set is whole after every operation on it, so a panic elsewhere does not spoil it.
        self.0.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ids {
    /// Has the next write that is durable ask about blobs again.
    fn doubt(&mut self, ids: &[BlobId]) {
        for id in ids {
            self.on_their_way.entry(*id).or_default().uploads += 1;
            self.in_doubt.push(*id);
        }
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

    /// Ends an upload that failed.
    fn fail(&self) {
        // Deleting waits for the disk, so it goes on behind the request that gave up. Without a
        // runtime the process is ending, and the scrub of the next start finds the file.
        if Handle::try_current().is_err() {
            return;
        }
        if self.id.is_shared() {
            return self.set.end(self.id, true);
        }
        let (id, set) = (self.id, self.set.clone());
        self.set.0.tasks.spawn(async move {
            pins::delete(set.0.blobs.clone(), vec![id]).await;
            set.forget(&[id]);
        });
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        match self.fate {
            Fate::Durable => self.set.end(self.id, false),
            Fate::InDoubt => self.set.lock().in_doubt.push(self.id),
            Fate::Absent => self.fail(),
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
