//! Writing a blob.
//!
//! Bytes gather in memory while the client sends; blocking threads are used for as long as it takes
//! to write a full buffer and to hash it, and not while a slow client is waited for. A blob that does
//! not fill the buffer costs one such turn for everything from creating the file to the last fsync.

use std::fs::{self, OpenOptions};
use std::io;
use std::mem;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::folder::{Folder, Folders};
use super::output::{Buffer, Output};
use crate::blob::digests::Digests;
use crate::blob::md5::{Md5, SHORT, Together, Waiting};
use crate::blob::{BlobError, BlobWriter, Digesting, Written};
use crate::domain::name::BlobId;

/// How long a writer whose next buffer is full waits for others to fill theirs, so that they are hashed
/// together. Its client goes on sending meanwhile, as far as the system takes it.
const PATIENCE: Duration = Duration::from_millis(1);

/// A blob on its way in. A second buffer may be on its way to the disk, so it holds two at most, and one
/// piece of its caller's.
#[derive(Debug)]
pub(super) struct Writer {
    id: BlobId,
    hashing: Together,
    buffer: Buffer,
    state: State,
}

#[derive(Debug)]
enum State {
    /// At rest: nothing is being written.
    Resting(Box<Part>),
    /// A buffer is on its way to the disk.
    Writing(Turn),
    /// A write failed, and has been reported. The file is gone.
    Failed,
}

/// A buffer on its way. Who writes it is mostly not who hashes it.
#[derive(Debug)]
struct Turn {
    who: BlobId,
    written: oneshot::Receiver<Result<Box<Part>, Failure>>,
    /// What has been written, once it is.
    part: Option<Box<Part>>,
    md5: oneshot::Receiver<Md5>,
}

/// What is done with the last buffer and not with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There will be more.
    Open,
    /// All is made durable.
    Durable,
}

/// What was tried, and what the system said.
type Failure = (&'static str, io::Error);

impl Writer {
    pub(super) fn new(
        folders: Arc<Folders>,
        hashing: Together,
        id: BlobId,
        digesting: Digesting,
    ) -> Self {
        let digests = Digests::new(digesting);
        let part = Part { folders, id, digests, file: None };
        Self { id, hashing, buffer: Buffer::default(), state: State::Resting(Box::new(part)) }
    }

    /// Waits for the write that is under way, if there is one. If it is cancelled, all is as before.
    async fn rest(&mut self, patience: Duration) -> Result<Box<Part>, BlobError> {
        let ended = match &mut self.state {
            State::Writing(turn) => Some(turn.end(&self.hashing, patience).await),
            State::Resting(_) | State::Failed => None,
        };
        let rested = match (ended, mem::replace(&mut self.state, State::Failed)) {
            (Some(ended), _) => ended,
            (None, State::Resting(part)) => Ok(part),
            (None, State::Writing(_) | State::Failed) => Err(broken()),
        };
        rested.map_err(|failure| self.error(failure))
    }

    /// Has a buffer written behind what is there.
    fn begin(&mut self, part: Box<Part>, buffer: Buffer, end: End) {
        let (bytes, hashing) = (buffer.into_bytes(), self.hashing.clone());
        self.state = State::Writing(Turn::begin(part, bytes, end, hashing));
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
            let piece = bytes.split_to(bytes.len().min(self.buffer.room()));
            self.buffer.push(&piece);
            if self.buffer.room() == 0 {
                let part = self.rest(PATIENCE).await?;
                // Who has filled one will fill another: it need not grow.
                let full = mem::replace(&mut self.buffer, Buffer::of_pages());
                self.begin(part, full, End::Open);
            }
        }
        Ok(())
    }

    /// If it is cancelled, the blob is removed as if the writer had been dropped before.
    async fn finish(mut self: Box<Self>) -> Result<Written, BlobError> {
        let part = self.rest(Duration::ZERO).await?;
        let last = mem::take(&mut self.buffer);
        self.begin(part, last, End::Durable);
        Ok(self.rest(Duration::ZERO).await?.keep())
    }
}

impl Turn {
    /// The disk and MD5 take about as long, so each has a thread. What is hashed in no time is hashed
    /// before it is written, and needs none.
    fn begin(mut part: Box<Part>, bytes: Bytes, end: End, hashing: Together) -> Self {
        let (write, written) = oneshot::channel();
        let (reply, md5) = oneshot::channel();
        let who = part.id;
        let (digest, counted) = part.digests.lend_md5(&bytes);
        let left = Waiting { who, md5: digest, bytes: counted, reply };
        let write = move || {
            let done = part.append(&bytes, end).and_then(|()| match end {
                End::Open => Ok(()),
                End::Durable => part.sync(),
            });
            drop(bytes);
            // If nobody waits for it any more, the file is removed, here.
            let _ = write.send(done.map(|()| part));
        };
        let serve = move |hashing: Together| match end {
            End::Open => hashing.serve(),
            End::Durable => hashing.serve_last(who),
        };
        if left.bytes.len() <= SHORT {
            spawn_blocking(move || {
                hashing.leave(left);
                write();
                serve(hashing);
            });
        } else {
            // Before anything is written: who hears of that asks for the digest next, and is to find it
            // here or done.
            hashing.leave(left);
            spawn_blocking(move || serve(hashing));
            spawn_blocking(write);
        }
        Self { who, written, part: None, md5 }
    }

    /// Waits so long for others to be hashed with, which have their buffers half full.
    async fn end(&mut self, hashing: &Together, patience: Duration) -> Result<Box<Part>, Failure> {
        if self.part.is_none() {
            self.part = Some((&mut self.written).await.map_err(|_| broken())??);
        }
        let told = if let Ok(told) = timeout(patience, &mut self.md5).await {
            told
        } else {
            let (who, hashing) = (self.who, hashing.clone());
            spawn_blocking(move || match patience {
                Duration::ZERO => hashing.serve_all(),
                _ => hashing.give_up(who),
            });
            (&mut self.md5).await
        };
        let md5 = told.map_err(|_| broken())?;
        let mut part = self.part.take().ok_or_else(broken)?;
        part.digests.return_md5(md5);
        Ok(part)
    }
}

/// The runtime is ending, a thread has panicked, or the write before has failed.
fn broken() -> Failure {
    ("writing", io::ErrorKind::BrokenPipe.into())
}

impl Drop for Writer {
    /// Removes the file where blocking is allowed. A write that is under way ends first, and its
    /// result is dropped, with the file, by the thread that made it.
    fn drop(&mut self) {
        let part = match mem::replace(&mut self.state, State::Failed) {
            State::Resting(part) | State::Writing(Turn { part: Some(part), .. }) => Some(part),
            State::Writing(mut turn) => turn.written.try_recv().ok().and_then(Result::ok),
            State::Failed => None,
        };
        if let Some(part) = part
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
    fn append(&mut self, bytes: &[u8], end: End) -> Result<(), Failure> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.create(end)?,
        };
        // Owned by `self` again before it can fail, or dropped with `self`: either way it goes.
        let file = self.file.insert(file);
        file.output.append(bytes).map_err(|error| ("writing", error))?;
        self.digests.update_others(bytes);
        Ok(())
    }

    /// A blob that fills its first buffer is not kept in the system's cache: a smaller one is likely to be
    /// asked for soon, and a larger one costs too much there.
    fn create(&self, end: End) -> Result<Unfinished, Failure> {
        let created = Unfinished::create(&self.folders, self.id);
        let mut file = created.map_err(|error| ("creation", error))?;
        if end == End::Open {
            file.output.bypass_cache();
        }
        Ok(file)
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
            [whole] => file.output.append(whole),
            several => file.output.append(&several.concat()),
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
    output: Output,
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
        Ok(Self { output: Output::new(created?), folder, path: Some(path) })
    }

    /// Makes the file and its name durable.
    fn sync(&self) -> Result<(), Failure> {
        self.output.sync().map_err(|error| ("fsync", error))?;
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
