//! Writing the parts of an upload.
//!
//! A part that is copied names the blob of its source, so no byte is written. Its bytes are read,
//! though, unless all of an object is copied whose digests are known: the part's entity tag is
//! their MD5, and the checksum of the whole object is made of the parts'.
//!
//! What lies in several blobs is written anew as it is read. So every part is one run of bytes, and
//! an object has at most as many runs as it can have parts. Otherwise 10 000 parts could each name
//! the 10 000 runs of one source, and one completion hold up all other writes for hours.
//!
//! What lies in a blob that several uploads share is written anew, too: it is a few KiB. A part that
//! named it would keep its neighbours from being moved as long as the upload is open, and whoever read
//! the object would have to ask the database where its runs are now.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::super::App;
use super::super::access::{CopyPermit, ObjectPermit};
use super::super::error::Error;
use super::super::inflight::Upload;
use super::super::object::{Content, FoundObject, ObjectReader, Opened, Received, end_upload};
use super::{gone, place};
use crate::blob::digests::Digests;
use crate::blob::{Digesting, Sha256, Written};
use crate::domain::code::{self, Code, Reason};
use crate::domain::name::{BlobId, UploadId};
use crate::domain::object::Extent;
use crate::domain::object::conditional::{Conditions, Outcome};
use crate::domain::object::extents::cut;
use crate::domain::object::multipart::{MAX_PART_BYTES, Part, PartNumber};
use crate::domain::object::range::{Slice, exact};
use crate::meta::PutPart;

/// How many copies are written anew at once.
pub(in crate::service) const REWRITERS: usize = 4;

/// So few bytes are written anew without a turn: that is soon done.
const SMALL: u64 = 16 * 1024;

/// How long a copy waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which part of which upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartId {
    /// The upload.
    pub upload: UploadId,
    /// The part.
    pub number: PartNumber,
}

/// What a client says of a part that it copies.
#[derive(Clone, Copy, Debug)]
pub struct PartCopy<'c> {
    /// Under which conditions on the source it is made.
    pub conditions: Conditions<'c>,
    /// Which bytes of the source, as in `Range`; all of them without.
    pub range: Option<&'c str>,
}

/// What came of copying a part.
#[derive(Debug)]
pub enum CopiedPart {
    /// There is a part.
    Done {
        /// The part.
        part: Part,
        /// Which bytes of the source it is.
        slice: Slice,
        /// How many the source has.
        of: u64,
    },
    /// The client has the source as it is, and no part was made.
    NotModified,
}

/// Bytes of an object that are to be a part.
enum Taken {
    /// They are ready.
    Done(Ready),
    /// The object was replaced meanwhile, by this one.
    Replaced(FoundObject),
}

/// The bytes of a part: where they are, and in which blob that was made for them or that was there
/// before.
struct Ready {
    written: Written,
    extents: Vec<Extent>,
    fresh: Option<Upload>,
    shared: Vec<BlobId>,
}

/// A part that is to be written.
struct NewPart {
    id: PartId,
    bytes: Ready,
    /// The number of the error for an upload that has gone.
    gone: Reason,
}

impl App {
    /// Uploads a part.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUpload`], also if the upload ends meanwhile, or another [`Error`]; the upload
    /// is then as it was.
    pub async fn upload_part(
        self: &Arc<Self>,
        permit: ObjectPermit,
        id: PartId,
        content: Content<'_>,
    ) -> Result<Part, Error> {
        if !self.meta.has_upload(place(&permit, id.upload)).await? {
            return Err(gone(code::NO_SUCH_UPLOAD_OF_PART, id.upload));
        }
        let received = self.receive_alone(&permit, content).await?;
        let new = NewPart { id, bytes: received.into(), gone: code::NO_SUCH_UPLOAD_OF_PART };
        self.write_part(permit, new).await
    }

    /// Makes a part of bytes of an object.
    ///
    /// # Errors
    ///
    /// As [`App::upload_part`].
    pub async fn copy_part(
        self: &Arc<Self>,
        permit: CopyPermit,
        id: PartId,
        copy: PartCopy<'_>,
    ) -> Result<CopiedPart, Error> {
        /// How often the source may be replaced while it is copied before we give up.
        const TRIES: usize = 10;

        let (from, to) = permit.into_parts();
        if !self.meta.has_upload(place(&to, id.upload)).await? {
            return Err(gone(code::NO_SUCH_UPLOAD_OF_COPY, id.upload));
        }
        let mut source = self.find_content(&from).await?;
        for _ in 0..TRIES {
            match copy.conditions.judge(source.etag(), source.modified()) {
                Outcome::Failed => return Err(Error::Code(Code::PreconditionFailed)),
                Outcome::NotModified => return Ok(CopiedPart::NotModified),
                Outcome::Proceed => {}
            }
            let slice = slice_of(copy.range, source.size())?;
            let bytes = match self.take((&from, &to), &source, slice).await? {
                Taken::Done(bytes) => bytes,
                Taken::Replaced(now) => {
                    source = now;
                    continue;
                }
            };
            // Reading it may have taken its time.
            self.ask_again(&to).await?;
            self.ask_again(&from).await?;
            let new = NewPart { id, bytes, gone: code::NO_SUCH_UPLOAD_OF_COPY };
            match self.write_part(to.clone(), new).await {
                // What memory told of the source is not true any more.
                Err(Error::SourceChanged) => source = self.find_anew(&from, &source).await?,
                written => {
                    let of = source.size();
                    return written.map(|part| CopiedPart::Done { part, slice, of });
                }
            }
        }
        Err(Error::SourceChanged)
    }

    /// Takes bytes of an object for a part, by name or, if a part may not name them, anew.
    async fn take(
        &self,
        (from, to): (&ObjectPermit, &ObjectPermit),
        source: &FoundObject,
        slice: Slice,
    ) -> Result<Taken, Error> {
        let object = &source.content().object;
        let extents = cut(&object.extents, slice);
        let by_name = can_be_named(&extents);
        if let Some(md5) = object.md5.filter(|_| by_name && slice.length == object.size) {
            let (length, crc64) = (slice.length, object.crc64);
            let written = Written { length, md5, crc64, sha256: None };
            return Ok(Taken::Done(Ready::named(written, extents)));
        }
        let reader = match self.open_object(from, source, slice).await? {
            Opened::Reader(reader) => reader,
            Opened::Replaced(now) => return Ok(Taken::Replaced(now)),
        };
        if by_name {
            return Ok(Taken::Done(Ready::named(read_digests(reader).await?, extents)));
        }
        // A request without a body can have gigabytes written.
        let _slot = if slice.length > SMALL {
            let slot = timeout(PATIENCE, self.rewriters.acquire()).await;
            Some(slot.map_err(|_| Error::Code(Code::ServiceUnavailable))?)
        } else {
            None
        };
        Ok(Taken::Done(self.receive_copy(to, reader).await?.into()))
    }

    async fn write_part(
        self: &Arc<Self>,
        permit: ObjectPermit,
        new: NewPart,
    ) -> Result<Part, Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let NewPart { id: PartId { upload, number }, bytes, gone: reason } = new;
            let Ready { written, extents, fresh, shared } = bytes;
            let Written { length: size, md5, crc64, .. } = written;
            let part = Part { number, size, md5, crc64, modified: app.clock.now(), extents };
            let in_doubt = app.inflight.take_in_doubt();
            let put = app.meta.put_part(place(&permit, upload), &part, &shared).await;
            let done = matches!(put, Ok(PutPart::Done { .. }));
            app.inflight.settle(in_doubt, done);
            end_upload(fresh, &put, done);
            match put? {
                PutPart::Done { unnamed } => {
                    app.inflight.give_up(unnamed);
                    Ok(part)
                }
                PutPart::SourceGone => Err(Error::SourceChanged),
                PutPart::NoSuchUpload => Err(gone(reason, upload)),
            }
        })
        .await
    }
}

impl Ready {
    /// Bytes that are in a blob that was there before.
    fn named(written: Written, extents: Vec<Extent>) -> Self {
        let shared = extents.iter().map(|extent| extent.blob).collect();
        Self { written, extents, fresh: None, shared }
    }
}

impl From<Received> for Ready {
    /// Bytes that were received are in a blob of their own.
    fn from(received: Received) -> Self {
        let (written, extents) = (received.written, received.extents());
        Self { written, extents, fresh: received.blob, shared: Vec::new() }
    }
}

/// Whether a part may name these runs: see the top of this module.
fn can_be_named(extents: &[Extent]) -> bool {
    match extents {
        [] => true,
        [run] => !run.blob.is_shared(),
        [_, _, ..] => false,
    }
}

/// The bytes that are copied.
fn slice_of(range: Option<&str>, size: u64) -> Result<Slice, Error> {
    let slice = match range {
        None => Slice { offset: 0, length: size },
        Some(range) => exact(range, size).map_err(Error::CopyRange)?,
    };
    if slice.length > MAX_PART_BYTES {
        return Err(Error::Code(Code::EntityTooLarge));
    }
    Ok(slice)
}

/// Reads bytes for their digests. What is computed is computed where it holds up no other request.
async fn read_digests(reader: ObjectReader) -> Result<Written, Error> {
    let mut digests = Digests::new(Digesting::all(Sha256::Unwanted));
    let mut bytes = reader.stream();
    while let Some(piece) = bytes.try_next().await? {
        let digest = spawn_blocking(move || {
            digests.update(&piece);
            digests
        });
        digests = digest.await.map_err(|_| Error::Fault("computing digests panicked"))?;
    }
    Ok(digests.finish())
}
