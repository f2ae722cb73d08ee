//! Reading a blob.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::blob::{BlobError, BlobReader};
use crate::domain::name::BlobId;

/// Bytes of one piece: large enough that switching threads costs little beside reading, small
/// enough that a thousand slow clients hold half a gigabyte at most.
const PIECE: u64 = 128 * 1024;

/// A blob that was opened.
#[derive(Debug)]
pub(super) struct Reader {
    id: BlobId,
    file: Arc<File>,
}

impl Reader {
    pub(super) fn new(id: BlobId, file: File) -> Self {
        Self { id, file: Arc::new(file) }
    }
}

impl BlobReader for Reader {
    fn stream(
        self: Box<Self>,
        offset: u64,
        length: u64,
    ) -> BoxStream<'static, Result<Bytes, BlobError>> {
        let pieces = Pieces { id: self.id, file: self.file, offset, left: length, ahead: None };
        stream::unfold(pieces, Pieces::next).boxed()
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
    async fn next(mut self) -> Option<(Result<Bytes, BlobError>, Self)> {
        let reading = self.ahead.take().or_else(|| self.read())?;
        let piece = reading.await.unwrap_or_else(|panic| {
            let source = io::Error::other(panic);
            Err(BlobError::Io { action: "reading", blob: self.id, source })
        });
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
