//! Error codes of OSS: one row per code, one row per reason.
//!
//! A [`Code`] fixes the name on the wire and the HTTP status. A [`Reason`] is one condition that a
//! client can tell apart: a code, its wording and its `EC`, the vendor's number for the cause.
//! Several reasons share a code (`AccessDenied` above all).
//!
//! Sources: OSS "Common error codes", the `EC` pages, `Signature/*` of the 2021 documents. Rows
//! without an `EC` have none that is published.

use http::StatusCode;

/// Declares [`Code`]: one row per error, so that the wire name, the status and the default
/// message of a code cannot drift apart.
macro_rules! codes {
    ($($name:ident $status:ident $message:literal;)*) => {
        /// An OSS error code. The variant's name is the name on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, clippy::upper_case_acronyms)]
        pub enum Code { $($name),* }

        impl Code {
            /// Every code, for tests and documentation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The text of `<Code>`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The HTTP status that goes with the code.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            /// The text of `<Message>` when there is nothing better to say.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message),* }
            }
        }
    };
}

codes! {
    AccessDenied          FORBIDDEN             "You have no right to access this object.";
    AccessForbidden       FORBIDDEN             "The cross-origin request is not allowed.";
    AccessKeyIdAndSecurityTokenNotMatch FORBIDDEN "The OSS access key id and security token you provided does not match.";
    BadRequest            BAD_REQUEST           "The request is not valid.";
    BucketAlreadyExists   CONFLICT              "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.";
    BucketNotEmpty        CONFLICT              "The bucket you tried to delete is not empty.";
    CORSRuleBeyondLimit   BAD_REQUEST           "The CORS Rules num is beyond limit.";
    EntityTooLarge        BAD_REQUEST           "Your proposed upload exceeds the maximum allowed size.";
    EntityTooSmall        BAD_REQUEST           "Your proposed upload smaller than the minimum allowed size.";
    FieldItemTooLong      BAD_REQUEST           "Your name of form field is too long.";
    FileAlreadyExists     CONFLICT              "The object you specified already exists and can not be overwritten.";
    IncorrectNumberOfFilesInPOSTRequest BAD_REQUEST "POST requires exactly one file upload per request.";
    IncompleteBody        BAD_REQUEST           "The body of the request ended before the announced number of bytes.";
    InlineDataTooLarge    BAD_REQUEST           "The inline data exceeds the upper limit.";
    InternalError         INTERNAL_SERVER_ERROR "Please contact the server administrator.";
    InvalidAccessKeyId    FORBIDDEN             "The OSS Access Key Id you provided does not exist in our records.";
    InvalidArgument       BAD_REQUEST           "The argument of the request is invalid.";
    InvalidBucketName     BAD_REQUEST           "The specified bucket is not valid.";
    InvalidDigest         BAD_REQUEST           "The Content-MD5 you specified was invalid.";
    InvalidObjectName     BAD_REQUEST           "The specified object is not valid.";
    InvalidPart           BAD_REQUEST           "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag.";
    InvalidPartOrder      BAD_REQUEST           "The list of parts was not in ascending order. Parts list must be specified in order by part number.";
    InvalidPolicyDocument BAD_REQUEST           "The policy document you specified is invalid.";
    InvalidRange          RANGE_NOT_SATISFIABLE "The requested range cannot be satisfied.";
    InvalidRequest        BAD_REQUEST           "The request is not valid.";
    InvalidSecurityToken  FORBIDDEN             "The security token you provided is invalid.";
    InvalidTag            BAD_REQUEST           "The tag you have provided is invalid.";
    InvalidTargetType     BAD_REQUEST           "The target of the symbolic link is a symbolic link.";
    MalformedPOSTRequest  BAD_REQUEST           "The body of your POST request is not well-formed multipart/form-data.";
    MalformedXML          BAD_REQUEST           "The XML you provided was not well-formed or did not validate against our published schema.";
    MaxPOSTPreDataLengthExceededError BAD_REQUEST "Your POST request fields preceding the upload file were too large.";
    MetadataTooLarge      BAD_REQUEST           "Your metadata headers exceed the maximum allowed metadata size.";
    MethodNotAllowed      METHOD_NOT_ALLOWED    "The specified method is not allowed against this resource.";
    MissingArgument       BAD_REQUEST           "Missing Some Required Arguments.";
    MissingContentLength  LENGTH_REQUIRED       "You must provide the Content-Length HTTP header.";
    NoSuchBucket          NOT_FOUND             "The specified bucket does not exist.";
    NoSuchCORSConfiguration NOT_FOUND           "The CORS Configuration does not exist.";
    NoSuchBucketPolicy    NOT_FOUND             "The bucket policy does not exist.";
    NoSuchKey             NOT_FOUND             "The specified key does not exist.";
    NoSuchUpload          NOT_FOUND             "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    NotSymlink            BAD_REQUEST           "The object is not a symbolic link.";
    NotImplemented        NOT_IMPLEMENTED       "A header or a parameter you provided implies functionality that is not implemented.";
    ObjectNotAppendable   CONFLICT              "The object is not appendable";
    PositionNotEqualToLength CONFLICT           "Position is not equal to file length";
    PreconditionFailed    PRECONDITION_FAILED   "At least one of the pre-conditions you specified did not hold.";
    RequestHeaderTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "The headers of the request exceed the upper limit.";
    RequestIsNotMultiPartContent BAD_REQUEST    "Bucket POST must be of the enclosure-type multipart/form-data.";
    RequestTimeTooSkewed  FORBIDDEN             "The difference between the request time and the current time is too large.";
    RequestTimeout        REQUEST_TIMEOUT       "Your socket connection to the server was not read from or written to within the timeout period.";
    SecurityTokenExpired  FORBIDDEN             "The security token you provided has expired.";
    ServiceUnavailable    SERVICE_UNAVAILABLE   "Please reduce your request rate and try again.";
    SignatureDoesNotMatch FORBIDDEN             "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    SymlinkTargetNotExist NOT_FOUND             "The target of the symbolic link does not exist.";
    XContentSha256Mismatch BAD_REQUEST          "The x-oss-content-sha256 you specified does not match the body.";
}

/// One condition under which a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The code on the wire, and by it the HTTP status.
    pub code: Code,
    /// The text of `<EC>`, where the vendor has published one.
    pub ec: Option<&'static str>,
    /// The text of `<Message>`.
    pub message: &'static str,
}

impl Reason {
    /// The reason that a code alone gives: its own message and no `EC`.
    pub const fn of(code: Code) -> Self {
        Self { code, ec: None, message: code.message() }
    }

    const fn ec(code: Code, ec: &'static str) -> Self {
        Self { code, ec: Some(ec), message: code.message() }
    }

    const fn new(code: Code, ec: &'static str, message: &'static str) -> Self {
        Self { code, ec: Some(ec), message }
    }

    const fn saying(code: Code, message: &'static str) -> Self {
        Self { code, ec: None, message }
    }
}

/// Declares the reasons of a module: as constants to name them, and as a list of all.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $reason:expr;)*) => {
        $($(#[$doc])* pub const $name: Reason = $reason;)*

        pub(super) const ROWS: &[(&str, Reason)] = &[$((stringify!($name), $name)),*];
    };
}

mod access;
mod upload;
mod web;

pub use access::*;
pub use upload::*;
pub use web::*;

/// Every reason with its name, for tests and documentation.
pub fn reasons() -> impl Iterator<Item = (&'static str, Reason)> {
    [ROWS, access::ROWS, upload::ROWS, web::ROWS].into_iter().flatten().copied()
}

use Code as C;

#[rustfmt::skip]
reasons! {
    /// The bucket of the request is not there.
    NO_SUCH_BUCKET = Reason::ec(C::NoSuchBucket, "0015-00000101");
    /// The object of the request is not there.
    NO_SUCH_KEY = Reason::ec(C::NoSuchKey, "0026-00000001");
    /// Only an empty bucket can be deleted.
    BUCKET_NOT_EMPTY = Reason::ec(C::BucketNotEmpty, "0015-00000301");

    /// A bucket that a delivery domain serves cannot be deleted.
    BUCKET_SERVED = Reason::saying(C::BucketNotEmpty,
        "The bucket is served by a delivery domain. Delete the domain first.");

    /// Referer policy: empty referer.
    REFERER_EMPTY = Reason::new(C::AccessDenied, "0003-00000501", REFERER_MESSAGE);
    /// Referer policy: on the blacklist.
    REFERER_BLACKLISTED = Reason::new(C::AccessDenied, "0003-00000502", REFERER_MESSAGE);
    /// Referer policy: not on the whitelist.
    REFERER_NOT_WHITELISTED = Reason::new(C::AccessDenied, "0003-00000503", REFERER_MESSAGE);

    /// `RefererConfiguration`: not XML, or another root.
    REFERER_XML_MALFORMED = Reason::ec(C::MalformedXML, "0033-00000001");
    /// `AllowEmptyReferer` is missing.
    REFERER_XML_NO_ALLOW_EMPTY = Reason::ec(C::MalformedXML, "0033-00000002");
    /// `AllowEmptyReferer` is not a boolean.
    REFERER_XML_BAD_ALLOW_EMPTY = Reason::ec(C::MalformedXML, "0033-00000003");
    /// `AllowTruncateQueryString` is not a boolean. The number follows its neighbours; no page
    /// of it is known.
    REFERER_XML_BAD_TRUNCATE_QUERY = Reason::ec(C::MalformedXML, "0033-00000004");
    /// `RefererList` is missing.
    REFERER_XML_NO_LIST = Reason::ec(C::MalformedXML, "0033-00000005");
    /// `TruncatePath` is not a boolean. No number is published.
    REFERER_XML_BAD_TRUNCATE_PATH = Reason::of(C::MalformedXML);
    /// Both lists together are over 20 KB.
    REFERER_LISTS_TOO_LARGE = Reason::saying(C::InlineDataTooLarge,
        "The Referer whitelist and blacklist exceed the upper limit of 20 KB. Reduce the entries in the whitelist and blacklist.");
    /// Both lists together are over what an administrator may put, too.
    REFERER_LISTS_OVER_ALL_LIMITS = Reason::saying(C::InlineDataTooLarge,
        "The whitelist and the blacklist may have 64 MiB and 2 000 000 rules together.");
    /// Too many requests had to be decided at once that take long: the server was started and the
    /// policy is not compiled yet, or its list was made to be slow.
    POLICY_NOT_READY = Reason::saying(C::ServiceUnavailable,
        "The referer policy of this bucket is being prepared. Please try again in a few seconds.");
    /// `If-Match` names another version than the newest.
    POLICY_CHANGED = Reason::saying(C::PreconditionFailed,
        "The referer policy has changed: its newest version is none of those that If-Match names.");

    /// The users could not be read after one of them was changed.
    USERS_UNKNOWN = Reason::saying(C::ServiceUnavailable,
        "The users cannot be read. Please try again in a few seconds.");
    /// A policy over 16 KiB.
    POLICY_TOO_LARGE = Reason::new(C::InvalidPolicyDocument, "0030-00000001",
        "The policy exceeds the upper limit of 16 KB.");
    /// A policy whose `Version` is not `1`.
    POLICY_VERSION = Reason::new(C::InvalidPolicyDocument, "0030-00000002",
        "The version of the policy must be 1.");
    /// A text of over 4095 bytes in a policy.
    POLICY_TEXT_TOO_LONG = Reason::new(C::InvalidPolicyDocument, "0030-00000003",
        "An item of the policy exceeds the upper limit of 4095 bytes.");
    /// A policy that breaks the syntax, or has something that is not known.
    POLICY_INVALID = Reason::ec(C::InvalidPolicyDocument, "0030-00000005");
    /// The bucket has no policy of its own.
    NO_SUCH_BUCKET_POLICY = Reason::ec(C::NoSuchBucketPolicy, "0030-00000006");
    /// Two wildcards `*` in a row in a bucket policy.
    POLICY_TWO_STARS = Reason::new(C::InvalidPolicyDocument, "0030-00000007",
        "The policy has consecutive wildcard characters (*).");

    /// `PutObjectAcl` without `x-oss-object-acl`.
    OBJECT_ACL_MISSING = Reason::new(C::MissingArgument, "0017-00000105",
        "x-oss-object-acl is missing.");

    /// A tag's key has over 128 characters.
    TAG_KEY_TOO_LONG = Reason::new(C::InvalidTag, "0010-00000209",
        "The TagKey you have provided is invalid.");
    /// A tag is in the body twice.
    TAG_DUPLICATE = Reason::new(C::InvalidTag, "0010-00000210",
        "Cannot provide multiple Tags with the same key.");
    /// `x-oss-tagging` is not UTF-8.
    TAGS_NOT_UTF8 = Reason::new(C::InvalidArgument, "0010-00000216",
        "x-oss-tagging must be UTF-8.");
    /// A tag's value has a character that it may not have.
    TAG_VALUE_INVALID = Reason::new(C::InvalidTag, "0010-00000217",
        "The TagValue you have provided is invalid.");
    /// A tag's key has a character that it may not have, or none.
    TAG_KEY_INVALID = Reason::saying(C::InvalidTag, "The TagKey you have provided is invalid.");
    /// Over ten tags.
    TOO_MANY_TAGS = Reason::new(C::BadRequest, "0010-00000218",
        "Object tags cannot be greater than 10.");
    /// `x-oss-tagging` has another form.
    TAGS_MALFORMED = Reason::new(C::InvalidArgument, "0010-00000219", TAGGING_HEADER_MESSAGE);
    /// A tag is in `x-oss-tagging` twice.
    TAG_DUPLICATE_IN_HEADER = Reason::saying(C::InvalidArgument, TAGGING_HEADER_MESSAGE);

    /// The object that a symlink stands for is not there.
    SYMLINK_TARGET_MISSING = Reason::ec(C::SymlinkTargetNotExist, "0026-00000012");
    /// `PutSymlink` without `x-oss-symlink-target`.
    SYMLINK_WITHOUT_TARGET = Reason::new(C::MissingArgument, "0043-00000001",
        "x-oss-symlink-target is missing.");
    /// `GetSymlink` of an object that is none.
    NOT_A_SYMLINK = Reason::ec(C::NotSymlink, "0043-00000101");

    /// `response-*` in a request that nobody signed.
    OVERRIDES_UNSIGNED = Reason::saying(C::InvalidRequest,
        "Response headers can be overridden in signed requests only.");
}

const TAGGING_HEADER_MESSAGE: &str = "The header x-oss-tagging must be UTF-8, percent-encoded as query parameters without tag name duplicates.";
const REFERER_MESSAGE: &str = "You are denied by bucket referer policy.";

#[cfg(test)]
mod tests;
