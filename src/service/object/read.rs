//! Reading the bytes of an object.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::super::App;
use super::super::access::ObjectPermit;
use super::super::error::Error;
use super::super::pins::Pinned;
use super::found::FoundObject;
use crate::blob::{BlobError, BlobReader, BlobStore, Sending};
use crate::domain::name::BlobId;
use crate::domain::object::Extent;
use crate::domain::object::extents::{around, cut};
use crate::domain::object::range::Slice;

/// What came of opening a part of an object.
#[derive(Debug)]
pub enum Opened {
    /// It can be read.
    Reader(ObjectReader),
    /// The object was replaced since it was found. This is the version that is there now.
    Replaced(FoundObject),
}

/// A part of an object that can be read to its end, whatever becomes of the object meanwhile.
pub struct ObjectReader(Runs);

/// Where the bytes come from.
enum Runs {
    None,
    /// The file is open, so it is there even if its name is gone.
    One(Extent, Box<dyn BlobReader>),
    /// Each is opened when its turn comes; until then it is pinned.
    Many(Vec<Extent>, Pinned, Arc<dyn BlobStore>),
}

impl ObjectReader {
    /// The bytes for a connection. At most two blobs are open at a time: one that is sent, and the
    /// next.
    ///
    /// # Errors
    ///
    /// [`BlobError::Truncated`], if it is seen at once that the only blob is too short.
    pub fn send(self) -> Result<Sending, BlobError> {
        match self.0 {
            Runs::None => Ok(Sending::Memory(Bytes::new())),
            Runs::One(run, reader) => reader.send(run.offset, run.length),
            Runs::Many(runs, pinned, blobs) => {
                let send = |reader: Box<dyn BlobReader>, run: &Extent| {
                    Ok(reader.send(run.offset, run.length)?.into_pieces())
                };
                Ok(Sending::Pieces(in_turn((runs, pinned, blobs), send)))
            }
        }
    }

    /// The bytes for us.
    pub(in crate::service) fn stream(self) -> BoxStream<'static, Result<Bytes, BlobError>> {
        match self.0 {
            Runs::None => stream::empty().boxed(),
            Runs::One(run, reader) => reader.stream(run.offset, run.length),
            Runs::Many(runs, pinned, blobs) => {
                let read = |reader: Box<dyn BlobReader>, run: &Extent| {
                    Ok(reader.stream(run.offset, run.length))
                };
                in_turn((runs, pinned, blobs), read)
            }
        }
    }

    fn length(&self) -> usize {
        let runs = match &self.0 {
            Runs::None => &[],
            Runs::One(run, _) => std::slice::from_ref(run),
            Runs::Many(runs, ..) => runs.as_slice(),
        };
        runs.iter().map(|run| usize::try_from(run.length).unwrap_or_default()).sum()
    }

    /// All of the bytes at once, for parts of bounded size.
    ///
    /// # Errors
    ///
    /// [`BlobError`].
    pub async fn collect(self) -> Result<Bytes, BlobError> {
        let mut all = BytesMut::with_capacity(self.length());
        let mut pieces = self.stream();
        while let Some(piece) = pieces.try_next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

/// What comes of a blob that is read.
type Read<T> = Result<BoxStream<'static, Result<T, BlobError>>, BlobError>;

/// Reads runs one after another, of which each is opened when its turn comes.
fn in_turn<T: Send + 'static>(
    (runs, pinned, blobs): (Vec<Extent>, Pinned, Arc<dyn BlobStore>),
    read: fn(Box<dyn BlobReader>, &Extent) -> Read<T>,
) -> BoxStream<'static, Result<T, BlobError>> {
    let open = move |run: Extent| {
        let blobs = blobs.clone();
        async move { read(blobs.open_run(&run).await?, &run) }
    };
    let pieces = stream::iter(runs).map(open).buffered(2).try_flatten();
    // The pins go when the stream does.
    let hold = move |piece| {
        let _held = &pinned;
        piece
    };
    pieces.map(hold).boxed()
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader").finish_non_exhaustive()
    }
}

impl App {
    /// Opens a part of an object that was found.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`] if it was deleted in the meantime, or another [`Error`].
    pub async fn open_object(
        &self,
        permit: &ObjectPermit,
        found: &FoundObject,
        part: Slice,
    ) -> Result<Opened, Error> {
        let runs = cut(&found.content().object.extents, part);
        let reader = match runs.as_slice() {
            [] => Runs::None,
            [run] => {
                // A part of what is kept in memory is not to be kept beside it.
                let kept = if run.blob.is_shared() {
                    around(&found.content().object.extents, *run)
                } else {
                    *run
                };
                match self.blobs.open_kept_run(&kept) {
                    Some(reader) => Runs::One(*run, reader),
                    None => match self.blobs.open_run(&kept).await {
                        Ok(reader) => Runs::One(*run, reader),
                        Err(BlobError::Missing(blob)) => {
                            return Box::pin(self.replaced(permit, found, blob)).await;
                        }
                        Err(err) => return Err(err.into()),
                    },
                }
            }
            _ => {
                let pinned = self.pin(runs.iter().map(|run| run.blob).collect());
                let now = self.find_pinned(permit, found, &runs).await?;
                if !now.has_bytes_of(found) {
                    return Ok(Opened::Replaced(now));
                }
                Runs::Many(runs, pinned, self.blobs.clone())
            }
        };
        Ok(Opened::Reader(ObjectReader(reader)))
    }

    /// Has blobs stay until the pins are dropped. Whether they are there yet is to be asked after.
    pub(in crate::service) fn pin(&self, blobs: Vec<BlobId>) -> Pinned {
        self.pins.pin(blobs, self.blobs.clone())
    }

    /// Finds an object again after its blobs were pinned.
    async fn find_pinned(
        &self,
        permit: &ObjectPermit,
        found: &FoundObject,
        runs: &[Extent],
    ) -> Result<FoundObject, Error> {
        if runs.iter().any(|run| run.blob.is_shared()) {
            // The one who deletes such a blob need not be the one who has memory forget its object.
            // Only parts that earlier builds copied make objects of such and other blobs.
            return self.find_anew(permit, found).await;
        }
        self.find_content(permit).await
    }

    /// What has replaced an object whose blob is gone.
    async fn replaced(
        &self,
        permit: &ObjectPermit,
        found: &FoundObject,
        blob: BlobId,
    ) -> Result<Opened, Error> {
        let now = self.find_anew(permit, found).await?;
        if now.has_bytes_of(found) {
            return Err(BlobError::Missing(blob).into());
        }
        Ok(Opened::Replaced(now))
    }
}
