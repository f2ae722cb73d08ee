//! Why a use case fails: what a caller can act on. What becomes of it on the wire is decided in
//! one place, [`Error::reason`].

use crate::blob::BlobError;
use crate::domain::auth::AuthError;
use crate::domain::code::{self, Code, Reason};
use crate::domain::iam::InvalidPolicy;
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::object::append::Unappendable;
use crate::domain::object::multipart::{MIN_PART_BYTES, Unfit};
use crate::domain::object::range::InvalidExactRange;
use crate::domain::seal::Unopenable;
use crate::meta::MetaError;

use super::clock::NoRandomness;
use super::delivery::DomainError;
use super::gate::{Instead, RefererDenial};

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A signature is wrong, late or missing a part.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The bucket is not there.
    #[error("there is no bucket {0}")]
    NoSuchBucket(BucketName),
    /// The object is not there.
    #[error("there is no object {0:?}")]
    NoSuchKey(ObjectKey),
    /// The referer policy denies.
    #[error("the referer policy denies: {}", .denial.rule)]
    Referer {
        /// The bucket whose policy it is.
        bucket: BucketName,
        /// What was refused, and by which rule.
        denial: RefererDenial,
        /// What the client gets instead of the error.
        instead: Option<Instead>,
    },
    /// What was put is no policy.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// A condition with a reason of its own.
    #[error("{}", .0.message)]
    Refused(Reason),
    /// One of many objects may not be touched.
    #[error("{}: {key:?}", .reason.message)]
    Denied {
        /// Why.
        reason: Reason,
        /// Which.
        key: ObjectKey,
    },
    /// A code is enough to say.
    #[error("{}", .0.message())]
    Code(Code),
    /// The upload is not there, or not under this key.
    #[error("there is no upload {id:?}")]
    NoSuchUpload {
        /// The condition: each operation has its own.
        reason: Reason,
        /// What the client gave for its id.
        id: String,
    },
    /// The parts of an upload do not make an object.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The bytes of a part that is copied are not there.
    #[error("the range to copy cannot be taken: {0}")]
    CopyRange(InvalidExactRange),
    /// An object is there and may not be replaced.
    #[error("the object exists")]
    Exists,
    /// An object cannot be appended to.
    #[error(transparent)]
    Unappendable(#[from] Unappendable),
    /// What is being copied was replaced or deleted in the meantime: finding it again tells.
    #[error("the source was changed while it was copied")]
    SourceChanged,
    /// The body of the request could not be read to its end.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The metadata failed.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The bytes failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A delivery domain cannot be what it was asked to be.
    #[error(transparent)]
    Domain(Box<DomainError>),
    /// A secret in the database does not open.
    #[error("{what} in the database does not open: {err}")]
    Sealed {
        /// Which secret.
        what: String,
        /// Why.
        err: Unopenable,
    },
    /// The system has no randomness to give.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// Something that cannot happen did.
    #[error("internal fault: {0}")]
    Fault(&'static str),
}

/// Why the body of a request could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection broke or the body is shorter than announced.
    #[error("the body ended early: {0}")]
    Incomplete(String),
    /// The client was too slow.
    #[error("the body came too slowly")]
    TooSlow,
    /// What is in the body breaks a rule.
    #[error("{}", .0.message)]
    Refused(Reason),
    /// The body is longer than it may be.
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
}

impl Error {
    /// What the client is told. A failure of ours is always `InternalError` and no more.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Auth(err) => err.reason(),
            Self::NoSuchBucket(_) => code::NO_SUCH_BUCKET,
            Self::NoSuchKey(_) => code::NO_SUCH_KEY,
            Self::Referer { denial, .. } => denial.reason,
            Self::Policy(err) => err.reason(),
            Self::Refused(reason)
            | Self::Denied { reason, .. }
            | Self::NoSuchUpload { reason, .. }
            | Self::Body(BodyError::Refused(reason)) => *reason,
            Self::Code(code) => Reason::of(*code),
            Self::Unfit(Unfit::Order(_)) => code::PART_ORDER,
            Self::Unfit(Unfit::Part(_)) => Reason::of(Code::InvalidPart),
            Self::Unfit(Unfit::Nothing) => code::NO_PARTS,
            Self::Unfit(Unfit::TooSmall { .. }) => code::PART_TOO_SMALL,
            Self::CopyRange(InvalidExactRange::Malformed) => code::COPY_RANGE_MALFORMED,
            Self::CopyRange(InvalidExactRange::Outside) => code::COPY_RANGE_OUTSIDE,
            Self::Exists => Reason::of(Code::FileAlreadyExists),
            Self::Unappendable(Unappendable::Kind) => code::NOT_APPENDABLE,
            Self::Unappendable(Unappendable::Position(_)) => code::APPEND_ELSEWHERE,
            Self::SourceChanged => Reason::of(Code::ServiceUnavailable),
            Self::Body(BodyError::Incomplete(_)) => Reason::of(Code::IncompleteBody),
            Self::Body(BodyError::TooSlow) => Reason::of(Code::RequestTimeout),
            Self::Body(BodyError::TooLarge(_)) => Reason::of(Code::EntityTooLarge),
            // Only the admin plane meets them, and it says which.
            Self::Domain(_) => Reason::of(Code::InvalidArgument),
            Self::Meta(_)
            | Self::Blob(_)
            | Self::Sealed { .. }
            | Self::Randomness(_)
            | Self::Fault(_) => Reason::of(Code::InternalError),
        }
    }

    /// The elements that the error body has beside the common ones.
    pub fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Auth(err) => err.details(),
            Self::NoSuchBucket(name) => vec![("BucketName", name.to_string())],
            Self::NoSuchKey(key) | Self::Denied { key, .. } => vec![("Key", key.to_string())],
            Self::Referer { bucket, .. } => vec![("BucketName", bucket.as_str().to_owned())],
            Self::NoSuchUpload { id, .. } => vec![("UploadId", id.clone())],
            Self::Unfit(unfit) => unfit_details(unfit),
            Self::Policy(_)
            | Self::Refused(_)
            | Self::Code(_)
            | Self::CopyRange(_)
            | Self::Exists
            | Self::Unappendable(_)
            | Self::SourceChanged
            | Self::Body(_)
            | Self::Meta(_)
            | Self::Blob(_)
            | Self::Domain(_)
            | Self::Sealed { .. }
            | Self::Randomness(_)
            | Self::Fault(_) => Vec::new(),
        }
    }
}

fn unfit_details(unfit: &Unfit) -> Vec<(&'static str, String)> {
    match unfit {
        Unfit::Nothing => Vec::new(),
        Unfit::Order(number) | Unfit::Part(number) => vec![("PartNumber", number.to_string())],
        Unfit::TooSmall { number, size } => vec![
            ("ProposedSize", size.to_string()),
            ("MinSizeAllowed", MIN_PART_BYTES.to_string()),
            ("PartNumber", number.to_string()),
        ],
    }
}
