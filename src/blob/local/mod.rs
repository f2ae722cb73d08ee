//! Blobs as files of a local folder, `root/aa/bb/<uuid>`.
//!
//! # Folders
//!
//! An id is a UUID version 7, or 8 if its blob is shared; both begin with 48 bits of milliseconds.
//! `aa` is bits 24 to 31 of those, `bb` bits 16 to 23, so a folder holds the blobs of 65 seconds
//! (2¹⁶ ms), and a name comes round again after 50 days. The leading bits would stay the same for
//! years, the trailing ones would spread neighbours over all folders. This way
//!
//! * a new folder is made, and its parents are made durable, about once a minute;
//! * those who write at the same time write to the same folder and share its fsync;
//! * what was written together lies together.
//!
//! Folders are not removed when they become empty.
//!
//! # What makes a blob durable
//!
//! fsync of the file, of its folder, and, when this process first writes to a folder, of the
//! folders above it. A failing fsync is never repeated: the system may have dropped the data and
//! report success the second time. The blob is given up instead.

mod folder;
mod mapped;
mod open;
mod output;
mod reader;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::md5::Together;
use super::{BlobError, BlobReader, BlobStore, BlobWriter, Digesting};
use crate::domain::name::BlobId;
use crate::domain::object::Extent;
use folder::Folders;
pub use open::Limits;
use open::{Kept, SMALL};
use reader::Reader;
use writer::Writer;

/// A store of blobs in a local folder. Needs a tokio runtime; whatever waits for the disk happens
/// on its blocking threads.
#[derive(Debug)]
pub struct LocalBlobs {
    folders: Arc<Folders>,
    kept: Arc<Kept>,
    hashing: Together,
}

impl LocalBlobs {
    /// Opens the store in the folder `root`, and makes the folder if it is not there. Blocks for
    /// a few accesses to the disk: it belongs to the start of the server.
    ///
    /// # Errors
    ///
    /// [`BlobError::Folder`] if the folder cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, BlobError> {
        Self::keeping(root, Limits::default())
    }

    /// The same, keeping that much of what was asked for.
    ///
    /// # Errors
    ///
    /// As [`LocalBlobs::open`].
    pub fn keeping(root: impl Into<PathBuf>, limits: Limits) -> Result<Self, BlobError> {
        let root = root.into();
        make_durable(&root).map_err(BlobError::Folder)?;
        let (folders, kept) = (Arc::new(Folders::new(root)), Arc::new(Kept::new(limits)));
        Ok(Self { folders, kept, hashing: Together::new() })
    }
}

#[async_trait]
impl BlobStore for LocalBlobs {
    async fn create(
        &self,
        id: BlobId,
        digesting: Digesting,
    ) -> Result<Box<dyn BlobWriter>, BlobError> {
        Ok(Box::new(Writer::new(Arc::clone(&self.folders), self.hashing.clone(), id, digesting)))
    }

    fn write_whole(&self, id: BlobId, pieces: &[Bytes]) -> Result<(), BlobError> {
        writer::write_whole(&self.folders, id, pieces)
    }

    fn open_kept(&self, id: BlobId) -> Option<Box<dyn BlobReader>> {
        Some(Box::new(Reader::new(id, self.kept.get(id)?)))
    }

    fn open_kept_run(&self, run: &Extent) -> Option<Box<dyn BlobReader>> {
        if !is_kept_alone(run) {
            return self.open_kept(run.blob);
        }
        Some(Box::new(Reader::of_run(run, self.kept.get_run(run)?)))
    }

    async fn open_run(&self, run: &Extent) -> Result<Box<dyn BlobReader>, BlobError> {
        if !is_kept_alone(run) {
            return self.open(run.blob).await;
        }
        if let Some(open) = self.open_kept_run(run) {
            return Ok(open);
        }
        let (run, path) = (*run, self.folders.path_of(run.blob));
        if let Some(bytes) = self.kept.open_run_now(&run, &path) {
            return Ok(Box::new(Reader::of_run(&run, bytes)));
        }
        let kept = Arc::clone(&self.kept);
        let read = blocking(move || match kept.open_run(&run, &path) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Err(fs::metadata(&path)?.len()))
            }
            read => read.map(Ok),
        });
        match read.await {
            Ok(Ok(bytes)) => Ok(Box::new(Reader::of_run(&run, bytes))),
            Ok(Err(length)) => Err(BlobError::Truncated { blob: run.blob, length }),
            Err(source) => Err(not_opened(run.blob, source)),
        }
    }

    async fn open(&self, id: BlobId) -> Result<Box<dyn BlobReader>, BlobError> {
        if let Some(open) = self.open_kept(id) {
            return Ok(open);
        }
        let path = self.folders.path_of(id);
        if let Some(open) = self.kept.open_now(id, &path) {
            return Ok(Box::new(Reader::new(id, open)));
        }
        let kept = Arc::clone(&self.kept);
        let open = blocking(move || kept.open(id, &path)).await;
        Ok(Box::new(Reader::new(id, open.map_err(|source| not_opened(id, source))?)))
    }

    async fn length(&self, id: BlobId) -> Result<u64, BlobError> {
        let path = self.folders.path_of(id);
        let found = blocking(move || fs::metadata(path)).await;
        found.map(|found| found.len()).map_err(|source| not_opened(id, source))
    }

    /// The folder is not made durable: a blob that a power failure brings back is one that no row
    /// names, and the scrub removes it.
    async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        let path = self.folders.path_of(id);
        let removed = blocking(move || fs::remove_file(path)).await;
        self.kept.forget(id);
        match removed {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(BlobError::Io { action: "deletion", blob: id, source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn list(&self) -> BoxStream<'static, Result<Vec<BlobId>, BlobError>> {
        walk::list(self.folders.root().to_owned())
    }
}

/// Whether a run is kept in memory beside the others of its blob, and not with them.
fn is_kept_alone(run: &Extent) -> bool {
    run.blob.is_shared() && run.length <= SMALL
}

fn not_opened(blob: BlobId, source: io::Error) -> BlobError {
    if source.kind() == io::ErrorKind::NotFound {
        return BlobError::Missing(blob);
    }
    BlobError::Io { action: "opening", blob, source }
}

/// Runs blocking work on a thread for it. A panic there, or a runtime that is shutting down, is
/// an I/O error like others.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Makes a folder with those above it, and makes durable that they are there.
fn make_durable(root: &Path) -> io::Result<()> {
    let root = std::path::absolute(root)?;
    let missing: Vec<&Path> = root.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.iter().rev() {
        folder::make(path)?;
    }
    missing.iter().filter_map(|path| path.parent()).try_for_each(folder::sync)?;
    // A process that made the root may have ended before this. Whoever may not read the folder
    // above cannot have made the root, either.
    match root.parent().map_or(Ok(()), folder::sync) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
