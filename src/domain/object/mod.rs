//! Objects: what is known of one, which part of it a request wants, how a bucket is listed,
//! and what a copy is made of.

pub mod append;
pub mod conditional;
pub mod copy;
pub mod crc64;
pub mod extents;
pub mod listing;
pub mod multipart;
pub mod range;
pub mod tags;

use std::fmt;

use crate::domain::acl::ObjectAcl;
use crate::domain::name::{BlobId, ObjectKey};
use crate::domain::time::UnixMillis;
use tags::Tags;

/// The most bytes of an object that is uploaded in one piece: OSS's limit for `PutObject`.
pub const MAX_OBJECT_BYTES: u64 = 5 << 30;

/// What is known of one version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Length in bytes: the sum of the extents.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// CRC-64/XZ of the whole content.
    pub crc64: u64,
    /// MD5 of the whole content; objects that were not uploaded in one piece have none.
    pub md5: Option<[u8; 16]>,
    /// How the object was uploaded.
    pub kind: ObjectKind,
    /// When this version was written.
    pub modified: UnixMillis,
    /// What its owner chose.
    pub attributes: Attributes,
    /// Where its bytes are, in order.
    pub extents: Vec<Extent>,
    /// The object of the same bucket for which it stands. Only a symlink has one, and no bytes.
    pub link: Option<ObjectKey>,
}

/// What the owner of an object chooses for it, beside its content. An upload in parts has it from
/// its beginning on; a copy takes it over, or brings its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The storage class.
    pub storage_class: StorageClass,
    /// The headers that are stored with the object, names in lower case: `content-type`,
    /// `cache-control`, `content-disposition`, `content-encoding`, `content-language`,
    /// `expires` and `x-oss-meta-*`.
    pub headers: Vec<(String, String)>,
    /// Who may do what with it.
    pub acl: ObjectAcl,
    /// Its tags.
    pub tags: Tags,
}

/// A run of an object's bytes: a run of the bytes of one blob, which may serve other objects, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The blob.
    pub blob: BlobId,
    /// Where in the blob the run begins, in bytes.
    pub offset: u64,
    /// The length of the run in bytes.
    pub length: u64,
}

/// An entity tag without its quotes: the upper-case hexadecimal MD5 of the content for an object
/// that was uploaded in one piece, `HEX-N` for one of N parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag(Box<str>);

impl ETag {
    /// The tag of content that was uploaded in one piece.
    pub fn of_md5(md5: &[u8; 16]) -> Self {
        Self(hex::encode_upper(md5).into())
    }

    /// Takes a tag that was stored.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The tag without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag as in an `ETag` header.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares an enum whose values are words of OSS.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $name { $($variant),* }

        impl $name {
            /// The word as OSS writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),* }
            }

            /// Reads the word. `None` for any other.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $(stringify!($variant) => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// How an object was made: `x-oss-object-type`.
    ObjectKind { Normal, Multipart, Appendable, Symlink }
}

words! {
    /// A storage class that is accepted and given back. All of them store alike; the classes
    /// that need a restore before reading are not accepted.
    StorageClass { Standard, IA }
}

/// Whether writing an object may replace one that is there (`x-oss-forbid-overwrite`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// The new object replaces the old.
    Allow,
    /// An object that is there stays, and the write fails.
    Forbid,
}
