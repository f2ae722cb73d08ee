//! The folders of blobs: where a blob is, and how the folder's entries become durable.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::domain::name::BlobId;

/// Folders that are remembered. Writers use the one or two of the present minute; the limit only
/// keeps weeks of them from gathering.
const MAX_KNOWN: usize = 64;

/// All folders below a root.
#[derive(Debug)]
pub(super) struct Folders {
    root: PathBuf,
    known: Mutex<HashMap<[u8; 2], Arc<Folder>>>,
}

impl Folders {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, known: Mutex::default() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The file of a blob.
    pub(super) fn path_of(&self, id: BlobId) -> PathBuf {
        let [aa, bb] = segments(id);
        self.root.join(format!("{aa:02x}/{bb:02x}/{id}"))
    }

    /// The folder of a blob. It is not made yet: see [`Folder::ready`].
    pub(super) fn folder_of(&self, id: BlobId) -> Arc<Folder> {
        let segments = segments(id);
        let mut known = locked(&self.known);
        if known.len() >= MAX_KNOWN && !known.contains_key(&segments) {
            // One in use stays, so that there are never two of the same path.
            known.retain(|_, folder| Arc::strong_count(folder) > 1);
        }
        let [aa, bb] = segments;
        let make = || Arc::new(Folder::new(self.root.join(format!("{aa:02x}/{bb:02x}"))));
        Arc::clone(known.entry(segments).or_insert_with(make))
    }
}

/// `aa` and `bb` of a blob: bits 24 to 31 and 16 to 23 of the 48 that tell the time.
pub(super) fn segments(id: BlobId) -> [u8; 2] {
    let [_, _, aa, bb, ..] = *id.0.as_bytes();
    [aa, bb]
}

/// One folder of blobs.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whether the folder is there and durable.
    ready: Mutex<bool>,
    entries: SharedSync,
}

impl Folder {
    fn new(path: PathBuf) -> Self {
        Self { path, ready: Mutex::new(false), entries: SharedSync::default() }
    }

    /// Makes the folder, unless it is known to be there. A folder that an earlier process left is
    /// made durable again: that process may have ended between making it and its fsync.
    pub(super) fn ready(&self) -> io::Result<()> {
        let mut ready = locked(&self.ready);
        if *ready {
            return Ok(());
        }
        let above: Vec<&Path> = self.path.ancestors().skip(1).take(2).collect();
        for folder in above.iter().rev() {
            make(folder)?;
        }
        make(&self.path)?;
        if let Err(error) = above.iter().try_for_each(|folder| sync(folder)) {
            // The next writer must begin anew: an fsync that is repeated proves nothing.
            let _ = fs::remove_dir(&self.path);
            return Err(error);
        }
        *ready = true;
        Ok(())
    }

    /// Forgets that the folder is there, after a writer did not find it: somebody removed it.
    pub(super) fn lost(&self) {
        *locked(&self.ready) = false;
    }

    /// Makes durable what has been created in the folder up to now.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.entries.run(|| sync(&self.path))
    }
}

/// Makes a folder that only its owner may enter. One that is there is no error.
pub(super) fn make(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes durable which entries a folder has.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// An fsync that all share who wait for it.
///
/// An fsync covers what was done before it *began*, so nobody may join one that runs already. Who
/// comes joins the round that is gathering, and waits until no fsync runs:
///
/// * The first of a round to find none running leads it: it closes the round, by putting a new one
///   in its place, and only then begins the fsync. Whoever is in the round joined before that, and
///   did its work before it joined: the fsync covers it.
/// * The others of the round wake when the outcome is there, and take it as theirs.
///
/// So at most one fsync runs and one round gathers, however many there are. A failure is told to
/// everybody of its round, and to nobody else.
#[derive(Debug, Default)]
struct SharedSync {
    state: Mutex<Rounds>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    running: bool,
    gathering: Arc<Round>,
}

/// The outcome of an fsync, once it is known. [`io::Error`] cannot be cloned; its code can.
type Round = OnceLock<Result<(), (io::ErrorKind, Option<i32>)>>;

impl SharedSync {
    /// `sync` must not panic: those who wait for it would wait for ever.
    fn run(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = locked(&self.state);
        let round = Arc::clone(&state.gathering);
        while state.running && round.get().is_none() {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let outcome = if let Some(outcome) = round.get() {
            *outcome
        } else {
            state.running = true;
            state.gathering = Arc::default();
            drop(state);
            let outcome = sync().map_err(|error| (error.kind(), error.raw_os_error()));
            // Before `running` ends, so that the others of the round never see neither.
            let outcome = *round.get_or_init(|| outcome);
            locked(&self.state).running = false;
            self.ended.notify_all();
            outcome
        };
        outcome.map_err(|(kind, code)| code.map_or(kind.into(), io::Error::from_raw_os_error))
    }
}

/// A panic of another thread leaves none of the values here half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Each thread raises `done` before it asks, and the fsync that answers it must have begun
    /// after that.
    #[test]
    fn an_fsync_is_shared_and_covers_everybody_who_shares_it() {
        let (shared, done) = (SharedSync::default(), AtomicU32::new(0));
        let (covered, fsyncs) = (AtomicU32::new(0), AtomicU32::new(0));
        let write = || {
            let mine = done.fetch_add(1, Ordering::SeqCst) + 1;
            shared
                .run(|| {
                    let before = done.load(Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(10));
                    fsyncs.fetch_add(1, Ordering::SeqCst);
                    covered.fetch_max(before, Ordering::SeqCst);
                    Ok(())
                })
                .unwrap();
            assert!(covered.load(Ordering::SeqCst) >= mine);
        };
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| (0..5).for_each(|_| write()));
            }
        });
        let fsyncs = fsyncs.into_inner();
        assert!(fsyncs <= 40, "{fsyncs} fsyncs for 160 writes");
    }

    #[test]
    fn a_failure_is_told_to_its_round_alone() {
        let shared = SharedSync::default();
        // EIO
        let error = shared.run(|| Err(io::Error::from_raw_os_error(5))).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(5));
        shared.run(|| Ok(())).unwrap();
    }

    #[test]
    fn folders_that_nobody_uses_are_forgotten() {
        let folders = Folders::new("/nowhere".into());
        let id = |n: u128| BlobId(uuid::Uuid::from_u128(n << 96));
        let used = folders.folder_of(id(0));
        for n in 0..1000 {
            folders.folder_of(id(n));
        }
        assert!(locked(&folders.known).len() <= MAX_KNOWN);
        assert!(Arc::ptr_eq(&used, &folders.folder_of(id(0))));
    }
}
