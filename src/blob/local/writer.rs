//! Writing a blob.
//!
//! Bytes gather in memory while the client sends; a blocking thread is used for as long as it
//! takes to write and hash a full buffer, and not while a slow client is waited for. A blob that
//! fits the buffer costs one such turn for everything from creating the file to the last fsync.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use super::folder::{Folder, Folders};
use crate::blob::digests::Digests;
use crate::blob::{BlobError, BlobWriter, Digesting, Written};
use crate::domain::name::BlobId;

/// Bytes that gather before they are written. A second buffer of this size may be on its way to
/// the disk, so a writer holds twice as much at most, and one piece of its caller's.
const BUFFER: usize = 256 * 1024;

/// A blob on its way in.
#[derive(Debug)]
pub(super) struct Writer {
    id: BlobId,
    buffer: Vec<u8>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// At rest: nothing is being written.
    Resting(Box<Part>),
    /// A buffer is on its way to the disk.
    Writing(JoinHandle<Result<Box<Part>, Failure>>),
    /// A write failed, and has been reported. The file is gone.
    Failed,
}

/// What was tried, and what the system said.
type Failure = (&'static str, io::Error);

impl Writer {
    pub(super) fn new(folders: Arc<Folders>, id: BlobId, digesting: Digesting) -> Self {
        let digests = Digests::new(digesting);
        let part = Part { folders, id, digests, file: None };
        Self { id, buffer: Vec::new(), state: State::Resting(Box::new(part)) }
    }

    /// Waits for the write that is under way, if there is one.
    async fn rest(&mut self) -> Result<Box<Part>, BlobError> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Resting(part) => Ok(part),
            State::Writing(task) => match task.await {
                Ok(written) => written.map_err(|failure| self.error(failure)),
                Err(panic) => Err(self.error(("writing", io::Error::other(panic)))),
            },
            State::Failed => Err(self.error(("writing", io::ErrorKind::BrokenPipe.into()))),
        }
    }

    fn error(&self, (action, source): Failure) -> BlobError {
        BlobError::Io { action, blob: self.id, source }
    }
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        while !bytes.is_empty() {
            // Copied, so that what is held is what is counted: a small piece of the caller's may
            // keep a large allocation alive.
            let piece = bytes.split_to(bytes.len().min(BUFFER - self.buffer.len()));
            self.buffer.extend_from_slice(&piece);
            if self.buffer.len() == BUFFER {
                let mut part = self.rest().await?;
                // Who has filled one will fill another: it need not grow.
                let full = mem::replace(&mut self.buffer, Vec::with_capacity(BUFFER));
                self.state = State::Writing(spawn_blocking(move || {
                    part.append(&full)?;
                    Ok(part)
                }));
            }
        }
        Ok(())
    }

    /// If it is cancelled, the blob is removed as if the writer had been dropped before.
    async fn finish(mut self: Box<Self>) -> Result<Written, BlobError> {
        let mut part = self.rest().await?;
        let last = mem::take(&mut self.buffer);
        let task = spawn_blocking(move || {
            part.append(&last)?;
            part.sync()?;
            Ok(part)
        });
        self.state = State::Writing(task);
        Ok(self.rest().await?.keep())
    }
}

impl Drop for Writer {
    /// Removes the file where blocking is allowed. A write that is under way ends first, and its
    /// result is dropped, with the file, by the thread that made it.
    fn drop(&mut self) {
        if let State::Resting(part) = mem::replace(&mut self.state, State::Failed)
            && part.file.is_some()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(part));
        }
    }
}

/// What has been written of a blob. Its methods block.
#[derive(Debug)]
struct Part {
    folders: Arc<Folders>,
    id: BlobId,
    digests: Digests,
    /// Absent until the first write.
    file: Option<Unfinished>,
}

impl Part {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                Unfinished::create(&self.folders, self.id).map_err(|error| ("creation", error))?
            }
        };
        // Owned by `self` again before it can fail, or dropped with `self`: either way it goes.
        let file = self.file.insert(file);
        file.file.write_all(bytes).map_err(|error| ("writing", error))?;
        self.digests.update(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.file.as_ref().map_or(Ok(()), Unfinished::sync)
    }

    /// The blob is finished and stays.
    fn keep(mut self) -> Written {
        if let Some(mut file) = self.file.take() {
            file.path = None;
        }
        self.digests.finish()
    }
}

/// Writes a blob of bytes that are there, and makes it durable. Blocks.
pub(super) fn write_whole(
    folders: &Folders,
    id: BlobId,
    pieces: &[Bytes],
) -> Result<(), BlobError> {
    let write = || {
        let mut file = Unfinished::create(folders, id).map_err(|error| ("creation", error))?;
        let written = match pieces {
            [whole] => file.file.write_all(whole),
            several => file.file.write_all(&several.concat()),
        };
        written.map_err(|error| ("writing", error))?;
        file.sync()?;
        file.path = None;
        Ok(())
    };
    write().map_err(|(action, source)| BlobError::Io { action, blob: id, source })
}

/// A file that is removed when this is dropped.
#[derive(Debug)]
struct Unfinished {
    file: File,
    folder: Arc<Folder>,
    /// `None` once it is finished.
    path: Option<PathBuf>,
}

impl Unfinished {
    /// Creates the file. One that is there is an error, and is left alone.
    fn create(folders: &Folders, id: BlobId) -> io::Result<Self> {
        let (folder, path) = (folders.folder_of(id), folders.path_of(id));
        folder.ready()?;
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        if created.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            folder.lost();
        }
        Ok(Self { file: created?, folder, path: Some(path) })
    }

    /// Makes the file and its name durable. A new file's length is part of what any fsync has to
    /// write, so there is nothing to gain from syncing the data alone.
    fn sync(&self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| ("fsync", error))?;
        self.folder.sync().map_err(|error| ("fsync of the folder", error))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // No row names the file, so the scrub gets what cannot be removed here.
            let _ = fs::remove_file(path);
        }
    }
}
