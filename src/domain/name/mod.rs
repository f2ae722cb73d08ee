//! Names: texts that obey a rule because their type could not exist otherwise.
//!
//! A name is parsed once, where it enters, and passed on as its type. What a name may contain
//! is the vendor's rule; each type cites it.

mod bucket;
mod ids;
mod object_key;
mod region;

pub use bucket::{BucketName, InvalidBucketName};
pub use ids::{
    AccessKeyId, BlobId, BucketId, DomainId, InvalidAccessKeyId, InvalidUploadId, RequestId,
    UploadId,
};
pub use object_key::{InvalidObjectKey, ObjectKey};
pub use region::{InvalidRegion, Region};
