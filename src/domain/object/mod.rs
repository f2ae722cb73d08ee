//! Objects: what is known of one, which part of it a request wants, and how a bucket is listed.

pub mod conditional;
pub mod listing;
pub mod range;

use std::fmt;

use crate::domain::name::BlobId;
use crate::domain::time::UnixMillis;

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
    /// The storage class that its owner gave it.
    pub storage_class: StorageClass,
    /// When this version was written.
    pub modified: UnixMillis,
    /// The headers that the owner stored with it, names in lower case: `content-type`,
    /// `cache-control`, `content-disposition`, `content-encoding`, `content-language`,
    /// `expires` and `x-oss-meta-*`.
    pub headers: Vec<(String, String)>,
    /// Where its bytes are, in order.
    pub extents: Vec<Extent>,
}

/// A run of an object's bytes: the whole of one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The blob.
    pub blob: BlobId,
    /// Its length in bytes.
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
    /// How an object was uploaded: `x-oss-object-type`.
    ObjectKind { Normal, Multipart, Appendable }
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
