//! Opening blobs, and keeping them open.
//!
//! A blob never changes, so what was read of it is true as long as it is asked for. Small blobs are
//! kept in memory as a whole, bounded by bytes; of larger ones the open file is kept, bounded by
//! number. Of a blob that several uploads share, each small run is kept in memory by itself: whoever
//! asks for one does not ask for its neighbours. An object whose metadata is gone is not asked for any
//! more, so a blob that is deleted needs to leave for the sake of the disk alone: an open file holds its
//! space.
//!
//! What the system has in its own memory is opened and read where the request runs. Only what
//! would wait for the disk goes to a thread that may.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::mapped::map;
use crate::domain::name::BlobId;
use crate::domain::object::Extent;

/// Blobs up to this many bytes are kept in memory. A larger one costs less to send from its file
/// than to copy to the socket.
pub(super) const SMALL: u64 = 32 * 1024;

/// What a blob in memory takes beside its bytes: the slot, the key, the owner of the bytes.
const OVERHEAD: u64 = 128;

/// A blob that is open.
#[derive(Clone, Debug)]
pub(super) enum Open {
    /// All of its bytes.
    Memory(Bytes),
    /// Its file.
    File(Arc<OpenFile>),
}

/// The file of a blob.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: Arc<File>,
    /// The file as a range of addresses; `None` if the system does not map it.
    pub(super) mapping: Option<Bytes>,
}

/// What is in memory: all of a blob, or a run of a shared one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    blob: BlobId,
    offset: u64,
    length: u64,
}

impl Key {
    const fn whole(blob: BlobId) -> Self {
        Self { blob, offset: 0, length: u64::MAX }
    }

    const fn run(run: &Extent) -> Self {
        Self { blob: run.blob, offset: run.offset, length: run.length }
    }
}

impl Hash for Key {
    /// The last half of an id is random, and runs of one blob begin in different places.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (_, random) = self.blob.0.as_u64_pair();
        state.write_u64(random ^ self.offset);
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Bytes> for ByBytes {
    fn weight(&self, _key: &Key, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + OVERHEAD
    }
}

/// How much is kept open.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of small blobs.
    pub memory: u64,
    /// Files of larger ones.
    pub files: usize,
}

impl Default for Limits {
    /// As the settings have it.
    fn default() -> Self {
        Self { memory: 128 << 20, files: 1024 }
    }
}

/// Blobs that are open.
pub(super) struct Kept {
    small: Cache<Key, Bytes, ByBytes>,
    files: Cache<BlobId, Arc<OpenFile>>,
}

impl Kept {
    pub(super) fn new(limits: Limits) -> Self {
        /// A usual small blob, which only sizes the table.
        const TYPICAL: u64 = 2048;
        let items = usize::try_from(limits.memory / TYPICAL).unwrap_or(usize::MAX).max(16);
        Self {
            small: Cache::with_weighter(items, limits.memory, ByBytes),
            files: Cache::new(limits.files),
        }
    }

    /// The blob, if it is open.
    pub(super) fn get(&self, id: BlobId) -> Option<Open> {
        let small = || self.small.get(&Key::whole(id)).map(Open::Memory);
        small().or_else(|| self.files.get(&id).map(Open::File))
    }

    /// The bytes of a run of a shared blob, if they are in memory.
    pub(super) fn get_run(&self, run: &Extent) -> Option<Bytes> {
        self.small.get(&Key::run(run))
    }

    /// Opens a blob without waiting for the disk. `None` if that cannot be.
    pub(super) fn open_now(&self, id: BlobId, path: &Path) -> Option<Open> {
        self.keep(id, open_cached(path)?, ReadWriteFlags::NOWAIT).ok()
    }

    /// Reads a small run of a shared blob without waiting for the disk. `None` if that cannot be.
    pub(super) fn open_run_now(&self, run: &Extent, path: &Path) -> Option<Bytes> {
        self.keep_run(run, &open_cached(path)?, ReadWriteFlags::NOWAIT).ok()
    }

    /// Reads a small run of a shared blob. Blocks.
    pub(super) fn open_run(&self, run: &Extent, path: &Path) -> io::Result<Bytes> {
        self.keep_run(run, &File::open(path)?.into(), ReadWriteFlags::empty())
    }

    /// Opens a blob. Blocks.
    pub(super) fn open(&self, id: BlobId, path: &Path) -> io::Result<Open> {
        self.keep(id, File::open(path)?.into(), ReadWriteFlags::empty())
    }

    /// The file is not kept: the next run of it that is asked for may be the last, too.
    fn keep_run(&self, run: &Extent, file: &OwnedFd, how: ReadWriteFlags) -> io::Result<Bytes> {
        let bytes = read_at(file, run.offset, run.length, how)?;
        self.small.insert(Key::run(run), bytes.clone());
        Ok(bytes)
    }

    fn keep(&self, id: BlobId, file: OwnedFd, how: ReadWriteFlags) -> io::Result<Open> {
        let length = fstat(&file)?.st_size;
        let length = u64::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
        if length <= SMALL {
            let bytes = read_at(&file, 0, length, how)?;
            self.small.insert(Key::whole(id), bytes.clone());
            return Ok(Open::Memory(bytes));
        }
        let file = File::from(file);
        let mapping = map(&file, length).ok();
        let open = Arc::new(OpenFile { file: Arc::new(file), mapping });
        self.files.insert(id, open.clone());
        // A blob that was deleted since it was opened: `forget` came before the insertion, or it
        // is still to come. The name goes first, so one of the two sees it.
        if fstat(&open.file)?.st_nlink == 0 {
            self.files.remove(&id);
        }
        Ok(Open::File(open))
    }

    /// Lets go of a blob whose name is gone. Runs of a shared one go when memory is short.
    pub(super) fn forget(&self, id: BlobId) {
        self.small.remove(&Key::whole(id));
        self.files.remove(&id);
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (small, files) = (self.small.len(), self.files.len());
        write!(f, "Kept({small} blobs of {} bytes, {files} files)", self.small.weight())
    }
}

/// Opens a file without waiting for the disk.
fn open_cached(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()
}

fn read_at(file: &OwnedFd, offset: u64, length: u64, how: ReadWriteFlags) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?];
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match preadv2(file, &mut [IoSliceMut::new(rest)], offset + done as u64, how) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(Errno::INTR) => {}
            Err(err) => return Err(err.into()),
        }
    }
    Ok(Bytes::from(bytes))
}

impl OpenFile {
    /// Whether a part of the file is in the system's memory, as far as its ends tell: pages come
    /// and go in runs. A system that cannot say counts as yes.
    pub(super) fn is_cached(&self, offset: u64, length: u64) -> bool {
        let last = offset.saturating_add(length.saturating_sub(1));
        [offset, last].into_iter().all(|at| {
            let read =
                preadv2(&self.file, &mut [IoSliceMut::new(&mut [0])], at, ReadWriteFlags::NOWAIT);
            read != Err(Errno::AGAIN)
        })
    }
}
