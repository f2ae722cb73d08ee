//! Uploads in parts.

use async_trait::async_trait;

use super::{Changed, MetaError};
use crate::domain::acl::ObjectAcl;
use crate::domain::name::{BlobId, BucketId, ObjectKey, UploadId};
use crate::domain::object::listing::Position;
use crate::domain::object::multipart::{
    ListedPart, ListedUpload, Part, PartNumber, Selection, Unfit,
};
use crate::domain::object::{Attributes, Object, Overwrite};
use crate::domain::time::UnixMillis;

/// An upload. Its id is good for one key of one bucket: with another it names nothing.
#[derive(Clone, Copy, Debug)]
pub struct UploadPlace<'p> {
    /// The bucket.
    pub bucket: BucketId,
    /// The object that is uploaded.
    pub key: &'p ObjectKey,
    /// The upload.
    pub id: UploadId,
}

/// What came of writing a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutPart {
    /// It is written. The part that it replaced does not name its blobs any more.
    Done {
        /// The blobs to give up: see [`super::Packs`].
        unnamed: Vec<BlobId>,
    },
    /// A shared blob is not named any more. Nothing was written.
    SourceGone,
    /// The upload is not there: it may have been completed or aborted in the meantime.
    NoSuchUpload,
}

/// How an upload is to be completed.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Of which parts.
    pub selection: Selection,
    /// Whether the object may replace one that is there.
    pub overwrite: Overwrite,
    /// The ACL of the object, if it is another than was said at the beginning.
    pub acl: Option<ObjectAcl>,
    /// When the object is written.
    pub now: UnixMillis,
}

/// What came of completing an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completed {
    /// There is an object of it, and the upload is gone.
    Done {
        /// The object.
        object: Box<Object>,
        /// The blobs to give up (see [`super::Packs`]), of the object that was there and of parts
        /// that were left out.
        unnamed: Vec<BlobId>,
    },
    /// The parts do not make an object. Nothing was written.
    Unfit(Unfit),
    /// An object is there and may not be replaced. Nothing was written.
    Exists,
    /// The upload is not there.
    NoSuchUpload,
}

/// Uploads in parts.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Begins an upload.
    async fn begin_upload(
        &self,
        place: UploadPlace<'_>,
        attributes: &Attributes,
        now: UnixMillis,
    ) -> Result<Changed, MetaError>;

    /// Whether an upload is there.
    async fn has_upload(&self, place: UploadPlace<'_>) -> Result<bool, MetaError>;

    /// Writes a part, in the place of the one of that number if there is one. Each of the `shared`
    /// blobs must be named by a row at this moment.
    async fn put_part(
        &self,
        place: UploadPlace<'_>,
        part: &Part,
        shared: &[BlobId],
    ) -> Result<PutPart, MetaError>;

    /// Makes an object of parts, without moving a byte, and ends the upload.
    async fn complete_upload(
        &self,
        place: UploadPlace<'_>,
        completion: Completion,
    ) -> Result<Completed, MetaError>;

    /// Ends an upload and forgets its parts. Returns the blobs to give up (see
    /// [`super::Packs`]); `None` if the upload is not there.
    async fn abort_upload(&self, place: UploadPlace<'_>) -> Result<Option<Vec<BlobId>>, MetaError>;

    /// Up to `limit` parts of an upload after that number, in order.
    async fn parts_after(
        &self,
        id: UploadId,
        after: Option<PartNumber>,
        limit: u32,
    ) -> Result<Vec<ListedPart>, MetaError>;

    /// Up to `limit` uploads of a bucket behind a position, in the order of their keys' bytes and
    /// ids.
    async fn uploads_from(
        &self,
        bucket: BucketId,
        from: &Position,
        limit: u32,
    ) -> Result<Vec<ListedUpload>, MetaError>;
}
