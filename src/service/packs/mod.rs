//! Small bodies that are written together: one file, one write, one fsync for all that wait.
//!
//! A file of its own costs a small body much more than its bytes: making it, two fsyncs, and a thread
//! to wait for them. So a thread takes what has queued up and writes all of it as one blob, one body
//! behind the other; while it waits for the disk, the next gather. Whoever finds nobody else there is
//! written alone, as the whole of a blob, and at once: nobody waits for a pack to fill.
//!
//! Objects are written so, and neither parts of uploads nor appends: what is read together with others
//! lies in blobs of its own, and a part that is copied of such an object is written anew.
//!
//! A pack fails or is durable as a whole, and so do its bodies. What becomes of the file afterwards,
//! when some of them are named and others are not, is decided in [`super::inflight`].

mod left;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::inflight::{InFlight, Upload};
use crate::blob::{BlobError, BlobStore};
use crate::domain::name::BlobId;

/// The most bytes of a body that is written with others. To hash so much takes about as long as to
/// change to another thread and back, so it is done where the request runs; and to copy it costs
/// little beside a file.
pub(super) const MAX_BODY: usize = 16 * 1024;

/// The most bodies of a pack: they are lost or durable together.
const MAX_BODIES: usize = 64;

/// The most bytes of a pack. A pack of which little is named any more is written anew, so this is also
/// what that costs.
const MAX_BYTES: usize = 256 * 1024;

/// The way to the thread that writes.
#[derive(Clone)]
pub(super) struct Packs(Arc<Inner>);

struct Inner {
    blobs: Arc<dyn BlobStore>,
    inflight: InFlight,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Whether a thread will take what is waiting.
    is_served: bool,
}

/// A body that waits to be written.
struct Waiting {
    /// What its blob is called if it is the first of it.
    id: BlobId,
    bytes: Bytes,
    reply: oneshot::Sender<Result<Packed, BlobError>>,
}

/// A body that is durable and that no row names yet.
#[derive(Debug)]
pub(super) struct Packed {
    /// Its blob.
    pub(super) upload: Upload,
    /// Where it begins in it.
    pub(super) offset: u64,
}

impl Packs {
    pub(super) fn new(blobs: Arc<dyn BlobStore>, inflight: InFlight) -> Self {
        Self(Arc::new(Inner { blobs, inflight, queue: Mutex::default() }))
    }

    /// Writes a body of at most [`MAX_BODY`] bytes, and waits until it is durable. `id` is a fresh one.
    pub(super) async fn write(&self, id: BlobId, bytes: Bytes) -> Result<Packed, BlobError> {
        let (reply, answer) = oneshot::channel();
        if !self.enqueue(Waiting { id, bytes, reply }) {
            let service = Service { packs: self.clone(), pack: Vec::new(), is_over: false };
            spawn_blocking(move || service.run());
        }
        answer.await.unwrap_or_else(|_| {
            // The runtime is ending, or writing has panicked.
            let source = std::io::ErrorKind::BrokenPipe.into();
            Err(BlobError::Io { action: "writing", blob: id, source })
        })
    }

    /// Has a body wait. Whether a thread will take it; otherwise one must be started.
    fn enqueue(&self, waiting: Waiting) -> bool {
        let mut queue = self.lock();
        queue.waiting.push_back(waiting);
        mem::replace(&mut queue.is_served, true)
    }

    /// What is written next. Whoever has gone is left out. None if nobody waits: then the one who
    /// asked is not to come back.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        let (mut pack, mut bytes) = (Vec::new(), 0);
        while pack.len() < MAX_BODIES
            && let Some(next) = queue.waiting.pop_front()
        {
            if next.reply.is_closed() {
                continue;
            }
            bytes += next.bytes.len();
            if bytes > MAX_BYTES {
                queue.waiting.push_front(next);
                break;
            }
            pack.push(next);
        }
        if pack.is_empty() {
            queue.is_served = false;
            return None;
        }
        Some(pack)
    }

    /// Writes a pack, and tells everybody. Blocks.
    fn write_pack(&self, pack: &mut Vec<Waiting>) {
        let id = match pack.as_slice() {
            [] => return,
            [one] => one.id,
            [first, ..] => first.id.shared(),
        };
        // Before there is a file.
        let uploads = self.0.inflight.begin_all(id, pack.len());
        let bodies: Vec<Bytes> = pack.iter().map(|waiting| waiting.bytes.clone()).collect();
        let written = self.0.blobs.write_whole(id, &bodies);
        let mut offset = 0;
        for (Waiting { bytes, reply, .. }, upload) in pack.drain(..).zip(uploads) {
            let told = match &written {
                Ok(()) => Ok(Packed { upload, offset }),
                Err(error) => Err(error.again()),
            };
            offset += bytes.len() as u64;
            // What nobody waits for any more is dropped, and ends as an upload that failed.
            let _ = reply.send(told);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole after every operation on it, so a panic elsewhere does not spoil it.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes as long as somebody waits.
struct Service {
    packs: Packs,
    /// What is being written. It is kept here so that nobody learns of a panic before the next one can
    /// be served.
    pack: Vec<Waiting>,
    is_over: bool,
}

impl Service {
    fn run(mut self) {
        while let Some(pack) = self.packs.next() {
            self.pack = pack;
            self.packs.write_pack(&mut self.pack);
        }
        self.is_over = true;
    }
}

impl Drop for Service {
    /// If it never ran, or has panicked: those who wait are told, and the next one who comes is
    /// served.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut queue = self.packs.lock();
        queue.is_served = false;
        let waiting = mem::take(&mut queue.waiting);
        drop(queue);
        drop(waiting);
    }
}

impl std::fmt::Debug for Packs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packs({} waiting)", self.lock().waiting.len())
    }
}
