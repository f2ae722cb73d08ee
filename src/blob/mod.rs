//! The bytes of objects, under ids of our own and never under a client's key.
//!
//! A blob is written once and never changed. It counts for nothing until a row of the metadata
//! names it, so a write that fails or is cut off leaves the object as it was.

pub mod digests;
pub mod local;
mod md5;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::domain::name::BlobId;
use crate::domain::object::Extent;

/// Why bytes could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("blob {0} is not there")]
    Missing(BlobId),
    /// A blob is shorter than the metadata says.
    #[error("blob {blob} ends at byte {length}")]
    Truncated {
        /// The blob.
        blob: BlobId,
        /// Its length in bytes.
        length: u64,
    },
    /// The disk failed or is full.
    #[error("{action} of blob {blob} failed")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The blob.
        blob: BlobId,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of the blobs could not be read or made.
    #[error("the blob folder failed: {0}")]
    Folder(#[source] io::Error),
}

impl BlobError {
    /// The same error for somebody else whom it concerns as well.
    #[must_use]
    pub fn again(&self) -> Self {
        // An [`io::Error`] cannot be cloned; its code can.
        let io = |error: &io::Error| {
            error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
        };
        match self {
            Self::Missing(blob) => Self::Missing(*blob),
            Self::Truncated { blob, length } => Self::Truncated { blob: *blob, length: *length },
            Self::Io { action, blob, source } => {
                Self::Io { action, blob: *blob, source: io(source) }
            }
            Self::Folder(source) => Self::Folder(io(source)),
        }
    }
}

/// The digests of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Length in bytes, without those that are not digested.
    pub length: u64,
    /// MD5.
    pub md5: [u8; 16],
    /// CRC-64/XZ.
    pub crc64: u64,
    /// SHA-256, if it was asked for.
    pub sha256: Option<[u8; 32]>,
}

impl Written {
    /// What was written when nothing was: the digests of no bytes, as their standards give them.
    pub const NOTHING: Self = Self {
        length: 0,
        md5: *b"\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e",
        crc64: 0,
        sha256: Some(
            *b"\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\
               \x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55",
        ),
    };
}

/// Which digests a writer computes beside MD5 and CRC-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sha256 {
    /// SHA-256 too: the client announced it.
    Wanted,
    /// No.
    Unwanted,
}

/// Of which of its bytes a writer computes which digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digesting {
    /// Which digests.
    pub sha256: Sha256,
    /// How many bytes at the beginning are left out. They do not count in [`Written::length`],
    /// either.
    pub skip: u64,
}

impl Digesting {
    /// Of all bytes.
    pub const fn all(sha256: Sha256) -> Self {
        Self { sha256, skip: 0 }
    }
}

/// A blob on its way in. Dropped without [`BlobWriter::finish`], it leaves nothing behind.
#[async_trait]
pub trait BlobWriter: Send {
    /// Appends bytes. What has been written is hashed on the way.
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError>;

    /// Makes the blob durable: its bytes and its name survive a power failure once this returns.
    async fn finish(self: Box<Self>) -> Result<Written, BlobError>;
}

/// A blob that was opened: it can be read to its end even if it is deleted in the meantime.
#[async_trait]
pub trait BlobReader: Send {
    /// Streams `length` bytes from `offset` in pieces of bounded size. The stream ends with an
    /// error if the blob is shorter.
    fn stream(
        self: Box<Self>,
        offset: u64,
        length: u64,
    ) -> BoxStream<'static, Result<Bytes, BlobError>>;

    /// The same for a connection, with as little copying as there can be.
    ///
    /// # Errors
    ///
    /// [`BlobError::Truncated`], if it is seen at once that the blob is shorter.
    fn send(self: Box<Self>, offset: u64, length: u64) -> Result<Sending, BlobError>;
}

/// Bytes on their way to a connection.
pub enum Sending {
    /// All of them are in memory.
    Memory(Bytes),
    /// They come in pieces.
    Pieces(BoxStream<'static, Result<Piece, BlobError>>),
}

impl Sending {
    /// The same in pieces.
    pub fn into_pieces(self) -> BoxStream<'static, Result<Piece, BlobError>> {
        match self {
            Self::Memory(bytes) => stream::iter([Ok(Piece::Bytes(bytes))]).boxed(),
            Self::Pieces(pieces) => pieces,
        }
    }
}

impl std::fmt::Debug for Sending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory(bytes) => write!(f, "Memory({} bytes)", bytes.len()),
            Self::Pieces(_) => f.write_str("Pieces"),
        }
    }
}

/// A piece of what is sent, of bounded size.
#[derive(Clone, Debug)]
pub enum Piece {
    /// It is in memory.
    Bytes(Bytes),
    /// It is in a file.
    File(FileSlice),
}

/// A part of a file that need not be read to be sent.
#[derive(Clone, Debug)]
pub struct FileSlice {
    /// The file as a range of addresses. Reading them is right, but may wait for the disk, and if
    /// the disk fails ends the process.
    pub bytes: Bytes,
    /// The file.
    pub file: Arc<File>,
    /// Where the bytes begin in it.
    pub offset: u64,
}

impl AsFd for FileSlice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A store of blobs.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Begins a blob under a fresh id.
    async fn create(
        &self,
        id: BlobId,
        digesting: Digesting,
    ) -> Result<Box<dyn BlobWriter>, BlobError>;

    /// Writes a blob of bytes that are all there, one behind the other, and makes it durable as
    /// [`BlobWriter::finish`] does. Blocks: it is for a thread that may.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; there is then no such blob.
    fn write_whole(&self, id: BlobId, pieces: &[Bytes]) -> Result<(), BlobError>;

    /// A blob that need not be opened because it is at hand.
    fn open_kept(&self, id: BlobId) -> Option<Box<dyn BlobReader>> {
        let _ = id;
        None
    }

    /// The same for whoever reads within a run of the blob and nowhere else.
    fn open_kept_run(&self, run: &Extent) -> Option<Box<dyn BlobReader>> {
        self.open_kept(run.blob)
    }

    /// Opens a blob for whoever reads within a run of it and nowhere else.
    async fn open_run(&self, run: &Extent) -> Result<Box<dyn BlobReader>, BlobError> {
        self.open(run.blob).await
    }

    /// Opens a blob for reading.
    async fn open(&self, id: BlobId) -> Result<Box<dyn BlobReader>, BlobError>;

    /// How many bytes a blob has.
    async fn length(&self, id: BlobId) -> Result<u64, BlobError>;

    /// Deletes a blob. One that is not there is no error.
    async fn delete(&self, id: BlobId) -> Result<(), BlobError>;

    /// The ids of all blobs, finished or not, in batches of bounded size, for the scrub.
    fn list(&self) -> BoxStream<'static, Result<Vec<BlobId>, BlobError>>;
}
