//! Opening blobs, and keeping them open.
//!
//! A blob never changes, so what was read of it is true as long as it is asked for. Small blobs are
//! kept in memory as a whole, bounded by bytes; of larger ones the open file is kept, bounded by
//! number. An object whose metadata is gone is not asked for any more, so a blob that is deleted
//! needs to leave for the sake of the disk alone: an open file holds its space.
//!
//! What the system has in its own memory is opened and read where the request runs. Only what
//! would wait for the disk goes to a thread that may.

use std::fs::File;
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

#[derive(Clone)]
struct ByBytes;

impl Weighter<BlobId, Bytes> for ByBytes {
    fn weight(&self, _id: &BlobId, bytes: &Bytes) -> u64 {
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
    small: Cache<BlobId, Bytes, ByBytes>,
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
        let small = || self.small.get(&id).map(Open::Memory);
        small().or_else(|| self.files.get(&id).map(Open::File))
    }

    /// Opens a blob without waiting for the disk. `None` if that cannot be.
    pub(super) fn open_now(&self, id: BlobId, path: &Path) -> Option<Open> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()?;
        self.keep(id, file, ReadWriteFlags::NOWAIT).ok()
    }

    /// Opens a blob. Blocks.
    pub(super) fn open(&self, id: BlobId, path: &Path) -> io::Result<Open> {
        self.keep(id, File::open(path)?.into(), ReadWriteFlags::empty())
    }

    fn keep(&self, id: BlobId, file: OwnedFd, how: ReadWriteFlags) -> io::Result<Open> {
        let length = fstat(&file)?.st_size;
        let length = u64::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
        if length <= SMALL {
            let bytes = read_whole(&file, length, how)?;
            self.small.insert(id, bytes.clone());
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

    /// Lets go of a blob whose name is gone.
    pub(super) fn forget(&self, id: BlobId) {
        self.small.remove(&id);
        self.files.remove(&id);
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (small, files) = (self.small.len(), self.files.len());
        write!(f, "Kept({small} blobs of {} bytes, {files} files)", self.small.weight())
    }
}

fn read_whole(file: &OwnedFd, length: u64, how: ReadWriteFlags) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?];
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match preadv2(file, &mut [IoSliceMut::new(rest)], done as u64, how) {
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
