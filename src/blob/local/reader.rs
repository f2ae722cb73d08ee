//! Reading a blob.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::task::{JoinHandle, spawn_blocking};

use super::open::{Open, OpenFile};
use crate::blob::{BlobError, BlobReader, FileSlice, Piece, Sending};
use crate::domain::name::BlobId;
use crate::domain::object::Extent;

/// Bytes of one piece that is read: large enough that switching threads costs little beside
/// reading, small enough that a thousand slow readers hold half a gigabyte at most.
const PIECE: u64 = 128 * 1024;

/// Bytes of one slice that is sent from a file. It takes no memory; the bound is for what is
/// brought into the system's memory at once.
const SLICE: u64 = 1024 * 1024;

/// A blob that was opened.
#[derive(Debug)]
pub(super) struct Reader {
    id: BlobId,
    open: Open,
    /// Where in the blob that begins which is in memory.
    begins: u64,
}

impl Reader {
    pub(super) fn new(id: BlobId, open: Open) -> Self {
        Self { id, open, begins: 0 }
    }

    /// A reader of the bytes of a run.
    pub(super) fn of_run(run: &Extent, bytes: Bytes) -> Self {
        Self { id: run.blob, open: Open::Memory(bytes), begins: run.offset }
    }

    /// A part of bytes in memory.
    fn part(&self, bytes: &Bytes, offset: u64, length: u64) -> Result<Bytes, BlobError> {
        let length_of_all = self.begins.saturating_add(bytes.len() as u64);
        let truncated = || BlobError::Truncated { blob: self.id, length: length_of_all };
        let within = offset.checked_sub(self.begins);
        let range = within.and_then(|at| range(at, length)).ok_or_else(truncated)?;
        if range.end > bytes.len() { Err(truncated()) } else { Ok(bytes.slice(range)) }
    }
}

fn range(offset: u64, length: u64) -> Option<std::ops::Range<usize>> {
    let end = usize::try_from(offset.checked_add(length)?).ok()?;
    Some(usize::try_from(offset).ok()?..end)
}

impl BlobReader for Reader {
    fn stream(
        self: Box<Self>,
        offset: u64,
        length: u64,
    ) -> BoxStream<'static, Result<Bytes, BlobError>> {
        match &self.open {
            Open::Memory(bytes) => {
                let part = self.part(bytes, offset, length);
                stream::iter([part]).boxed()
            }
            Open::File(open) => Pieces::of(self.id, open.file.clone(), offset, length),
        }
    }

    fn send(self: Box<Self>, offset: u64, length: u64) -> Result<Sending, BlobError> {
        let open = match &self.open {
            Open::Memory(bytes) => return Ok(Sending::Memory(self.part(bytes, offset, length)?)),
            Open::File(open) => open,
        };
        let Some(mapping) = &open.mapping else {
            let pieces = Pieces::of(self.id, open.file.clone(), offset, length);
            return Ok(Sending::Pieces(pieces.map(|piece| piece.map(Piece::Bytes)).boxed()));
        };
        // Refused before the head of an answer promises what is not there.
        let all = self.part(mapping, offset, length)?;
        let slices = Slices { id: self.id, open: open.clone(), all, offset };
        Ok(Sending::Pieces(stream::unfold(slices, Slices::next).boxed()))
    }
}

/// What is left to send of a mapped file.
struct Slices {
    id: BlobId,
    open: Arc<OpenFile>,
    /// What is left of the mapping. Empty after an error.
    all: Bytes,
    /// Where it begins in the file.
    offset: u64,
}

impl Slices {
    async fn next(mut self) -> Option<(Result<Piece, BlobError>, Self)> {
        let length = SLICE.min(self.all.len() as u64);
        if length == 0 {
            return None;
        }
        if !self.open.is_cached(self.offset, length)
            && let Err(err) = self.fetch(length).await
        {
            self.all.clear();
            return Some((Err(err), self));
        }
        let bytes = self.all.split_to(usize::try_from(length).unwrap_or(usize::MAX));
        let slice = FileSlice { bytes, file: self.open.file.clone(), offset: self.offset };
        self.offset += length;
        Some((Ok(Piece::File(slice)), self))
    }

    /// Brings a part of the file into the system's memory, so that sending it does not wait for
    /// the disk on a thread that others need.
    async fn fetch(&self, length: u64) -> Result<(), BlobError> {
        let (id, file, offset) = (self.id, self.open.file.clone(), self.offset);
        let read = spawn_blocking(move || {
            let end = offset.saturating_add(length);
            let mut at = offset;
            while at < end {
                let piece = read_piece(&file, id, at, PIECE.min(end - at))?;
                at = at.saturating_add(piece.len() as u64);
            }
            Ok(())
        });
        joined(read.await, id)
    }
}

/// What is left to read. While one piece is on its way to the client, the next is read, and no
/// more than that.
struct Pieces {
    id: BlobId,
    file: Arc<File>,
    /// Where the next piece begins that has not been asked for.
    offset: u64,
    /// Bytes that have not been asked for. None after an error.
    left: u64,
    ahead: Option<JoinHandle<Result<Bytes, BlobError>>>,
}

impl Pieces {
    fn of(
        id: BlobId,
        file: Arc<File>,
        offset: u64,
        length: u64,
    ) -> BoxStream<'static, Result<Bytes, BlobError>> {
        let pieces = Self { id, file, offset, left: length, ahead: None };
        stream::unfold(pieces, Self::next).boxed()
    }

    async fn next(mut self) -> Option<(Result<Bytes, BlobError>, Self)> {
        let reading = self.ahead.take().or_else(|| self.read())?;
        let piece = joined(reading.await, self.id);
        match &piece {
            Ok(_) => self.ahead = self.read(),
            Err(_) => self.left = 0,
        }
        Some((piece, self))
    }

    /// Begins to read the next piece. `None` at the end.
    fn read(&mut self) -> Option<JoinHandle<Result<Bytes, BlobError>>> {
        let (id, offset, length) = (self.id, self.offset, self.left.min(PIECE));
        if length == 0 {
            return None;
        }
        self.offset = offset.saturating_add(length);
        self.left -= length;
        let file = Arc::clone(&self.file);
        Some(spawn_blocking(move || read_piece(&file, id, offset, length)))
    }
}

/// What came of work on another thread.
fn joined<T>(
    done: Result<Result<T, BlobError>, tokio::task::JoinError>,
    blob: BlobId,
) -> Result<T, BlobError> {
    done.unwrap_or_else(|panic| {
        let source = io::Error::other(panic);
        Err(BlobError::Io { action: "reading", blob, source })
    })
}

/// Reads `length` bytes, at most [`PIECE`], at `offset`. Blocks.
fn read_piece(file: &File, id: BlobId, offset: u64, length: u64) -> Result<Bytes, BlobError> {
    let failed = |source| BlobError::Io { action: "reading", blob: id, source };
    let mut piece = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    match file.read_exact_at(&mut piece, offset) {
        Ok(()) => Ok(Bytes::from(piece)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let length = file.metadata().map_err(failed)?.len();
            Err(BlobError::Truncated { blob: id, length })
        }
        Err(error) => Err(failed(error)),
    }
}
