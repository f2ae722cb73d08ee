//! Listing a bucket: pages, prefixes and delimiters.

use super::{ETag, ObjectKind, StorageClass};
use crate::domain::name::ObjectKey;
use crate::domain::time::UnixMillis;

/// What a listing tells of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its name.
    pub key: ObjectKey,
    /// Length in bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// How it was uploaded.
    pub kind: ObjectKind,
    /// Its storage class.
    pub storage_class: StorageClass,
    /// When it was written.
    pub modified: UnixMillis,
}
