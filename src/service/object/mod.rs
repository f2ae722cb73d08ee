//! Objects: reading, writing, appending, copying, deleting, listing.

mod announced;
mod append;
mod copy;
mod edit;
mod found;
mod list;
mod read;
mod remove;
mod write;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::bucket::Bucket;
use super::error::BodyError;
use crate::domain::acl::ObjectAcl;
use crate::domain::object::tags::Tags;
use crate::domain::object::{Attributes, Overwrite, StorageClass};

pub use crate::blob::{BlobError, FileSlice, Piece, Sending};
pub use announced::Announced;
pub use copy::{Copied, NewCopy};
pub use found::FoundObject;
pub use read::{ObjectReader, Opened};
pub(super) use write::{Received, end_upload};

/// What a client says of an object that it makes, beside the content.
#[derive(Debug)]
pub struct NewObject {
    /// The headers to store with it, as [`Attributes::headers`].
    pub headers: Vec<(String, String)>,
    /// Its class; the bucket's if the client does not say.
    pub storage_class: Option<StorageClass>,
    /// Its ACL.
    pub acl: ObjectAcl,
    /// Its tags.
    pub tags: Tags,
    /// Whether it may replace an object.
    pub overwrite: Overwrite,
}

impl NewObject {
    /// What the object has in that bucket.
    pub(super) fn attributes(self, bucket: &Bucket) -> Attributes {
        let storage_class = self.storage_class.unwrap_or(bucket.storage_class);
        Attributes { storage_class, headers: self.headers, acl: self.acl, tags: self.tags }
    }
}

/// A body on its way in.
pub type Body = BoxStream<'static, Result<Bytes, BodyError>>;

/// Content that a client sends, with what it says of it.
pub struct Content<'b> {
    /// The bytes.
    pub body: &'b mut Body,
    /// What they must be.
    pub announced: Announced,
    /// How many there are, if the client says so beforehand.
    pub length: Option<u64>,
}

impl std::fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("announced", &self.announced).finish_non_exhaustive()
    }
}
