//! The reasons of who asks and what they may do: rights, signatures, access keys.

use super::{Code as C, Reason};

#[rustfmt::skip]
reasons! {
    /// The bucket's ACL gives strangers no such right on objects.
    DENIED_BY_ACL = Reason::new(C::AccessDenied, "0003-00000001",
        "You have no right to access this object because of bucket acl.");
    /// The object's own ACL gives strangers no right to read it, where its bucket's would.
    DENIED_TO_READ = Reason::saying(C::AccessDenied,
        "You do not have read permission on this object.");
    /// The object's own ACL gives strangers no right to write it, where its bucket's would.
    DENIED_TO_WRITE = Reason::saying(C::AccessDenied,
        "You do not have write permission on this object.");
    /// Only the owner may know an object's ACL.
    DENIED_TO_READ_ACL = Reason::new(C::AccessDenied, "0003-00000007",
        "You do not have read acl permission on this object.");
    /// Only the owner may change an object's ACL.
    DENIED_TO_WRITE_ACL = Reason::new(C::AccessDenied, "0003-00000008",
        "You do not have write acl permission on this object.");
    /// A delivery domain serves the object, and only to those who have a link.
    SERVED_BY_DOMAIN_ALONE = Reason::saying(C::AccessDenied,
        "This object is only given to signed requests.");
    /// Only the owner performs operations on a bucket or the service.
    DENIED_TO_STRANGERS = Reason::saying(C::AccessDenied,
        "You do not have the permission to perform this operation.");
    /// A `Deny` of the user's policies applies.
    DENIED_BY_USER_POLICY = Reason::new(C::AccessDenied, "0003-00000201",
        "Access denied by authorizer's policy.");
    /// The policy of temporary credentials denies, or does not allow.
    DENIED_BY_SESSION_POLICY = Reason::new(C::AccessDenied, "0003-00000301",
        "Access denied by authorizer's policy: the policy of the security token does not allow it.");
    /// A `Deny` of the bucket's policy applies.
    DENIED_BY_BUCKET_POLICY = Reason::new(C::AccessDenied, "0003-00000101",
        "Access denied by bucket policy.");
    /// No policy allows a user what only policies can.
    DENIED_WITHOUT_POLICY = Reason::new(C::AccessDenied, "0003-00000202",
        "You do not have the permission to perform this operation: no policy allows it.");
    /// One of many objects that are to be deleted may not be.
    DENIED_IN_BATCH = Reason::new(C::AccessDenied, "0003-00000204",
        "You do not have the permission to delete all of these objects.");

    /// The access key id is not one of ours.
    UNKNOWN_ACCESS_KEY = Reason::ec(C::InvalidAccessKeyId, "0002-00000902");
    /// The signature is not the one that the key makes.
    SIGNATURE_MISMATCH = Reason::ec(C::SignatureDoesNotMatch, "0002-00000040");
    /// The date of a header-signed request is over 15 minutes away.
    TIME_SKEWED = Reason::ec(C::RequestTimeTooSkewed, "0002-00000504");
    /// Neither `Date` nor `x-oss-date`.
    DATE_MISSING = Reason::new(C::AccessDenied, "0002-00000503",
        "OSS authentication requires a valid Date.");
    /// A date that cannot be read.
    DATE_INVALID = Reason::new(C::AccessDenied, "0002-00000505",
        "OSS authentication requires a valid Date.");
    /// A V1 URL after its `Expires`.
    URL_EXPIRED_V1 = Reason::new(C::AccessDenied, "0002-00000069", "Request has expired.");
    /// A V4 URL after its `x-oss-expires`.
    URL_EXPIRED_V4 = Reason::new(C::AccessDenied, "0002-00000236", "Request has expired.");
    /// A V4 URL more than 15 minutes before its `x-oss-date`.
    URL_NOT_YET_VALID = Reason::new(C::AccessDenied, "0002-00000235", "Request is not valid yet.");
    /// `x-oss-expires` outside 1 to 604 800 seconds.
    EXPIRES_OUT_OF_RANGE = Reason::new(C::InvalidArgument, "0002-00000232",
        "x-oss-expires must be between 1 and 604800 seconds.");
    /// A V1 URL that lacks one of its three parameters.
    URL_PARAMETER_MISSING = Reason::new(C::AccessDenied, "0002-00000068",
        "Query-string authentication requires the Signature, Expires and OSSAccessKeyId parameters.");
    /// An `Expires` that is not a number of seconds.
    EXPIRES_INVALID = Reason::new(C::AccessDenied, "0002-00000070",
        "Invalid date (should be seconds since epoch).");
    /// A signature in the header and another in the URL.
    TWO_SIGNATURES = Reason::saying(C::InvalidArgument,
        "Only one authentication mechanism is allowed: a header or a query signature.");
    /// One authentication header or parameter given twice.
    DUPLICATE_AUTHENTICATION = Reason::saying(C::InvalidArgument,
        "An authentication header or parameter is given more than once.");
    /// `Authorization` with a prefix that OSS does not know.
    AUTHORIZATION_UNSUPPORTED = Reason::new(C::InvalidArgument, "0002-00000002",
        "Unsupported Authorization Type.");
    /// `Authorization` with a known prefix and a bad form.
    AUTHORIZATION_MALFORMED = Reason::new(C::InvalidArgument, "0002-00000061",
        "Unsupported Authorization Type.");
    /// V4: `AdditionalHeaders` empty, or a header in it that the request lacks.
    V4_ADDITIONAL_HEADERS = Reason::new(C::InvalidArgument, "0002-00000209",
        "Invalid additional headers in Authorization header.");
    /// V4: the date is missing or unreadable, or not that of the scope.
    V4_DATE = Reason::new(C::InvalidArgument, "0002-00000212",
        "Invalid signing date in Authorization header.");
    /// V4: a credential that is not `AK/date/region/oss/aliyun_v4_request`.
    V4_CREDENTIAL = Reason::new(C::InvalidArgument, "0002-00000213",
        "Invalid credential in Authorization header.");
    /// V4 URL: the date is missing or unreadable, or not that of the scope.
    V4_URL_DATE = Reason::new(C::InvalidArgument, "0002-00000223",
        "Invalid signing date in Authorization query.");
    /// V4: the scope names another region than this server's.
    V4_REGION = Reason::new(C::InvalidArgument, "0002-00000226",
        "Invalid signing region in Authorization header.");
    /// V4 URL: the same, in the query.
    V4_URL_REGION = Reason::new(C::InvalidArgument, "0002-00000228",
        "Invalid signing region in Authorization header.");
    /// A payload hash that is neither `UNSIGNED-PAYLOAD` nor a SHA-256 in hex.
    CONTENT_SHA256_INVALID = Reason::saying(C::InvalidArgument,
        "x-oss-content-sha256 must be UNSIGNED-PAYLOAD or the hexadecimal SHA-256 of the body.");
    /// A V1 URL for a bucket that signs parameters. OSS serves it; here it could be a link for an
    /// object of that name, handed out to a stranger.
    V1_URL_FOR_SETTINGS = Reason::saying(C::AccessDenied,
        "A V1 URL cannot tell the parameters of a bucket from an object of that name. Sign with version 4 or in the header.");
    /// The admin plane's key is not the owner's.
    NOT_AN_ADMINISTRATOR = Reason::saying(C::AccessDenied,
        "The admin API needs the owner's access key.");
    /// The access key is disabled.
    KEY_DISABLED = Reason::new(C::InvalidAccessKeyId, "0002-00000903",
        "The OSS Access Key Id you provided is disabled.");
    /// A security token with a key that is not temporary.
    TOKEN_WITH_PERMANENT_KEY = Reason::saying(C::InvalidAccessKeyId,
        "The security token you provided does not belong to this access key.");
    /// A temporary key without its security token.
    TOKEN_MISSING = Reason::ec(C::InvalidAccessKeyId, "0002-00000003");
    /// A security token and a temporary key that do not belong together.
    TOKEN_OF_ANOTHER = Reason::ec(C::AccessKeyIdAndSecurityTokenNotMatch, "0002-00000004");
    /// A security token that was not made here.
    TOKEN_INVALID = Reason::ec(C::InvalidSecurityToken, "0002-00000006");
    /// A security token after its end.
    TOKEN_EXPIRED = Reason::ec(C::SecurityTokenExpired, "0002-00000007");
}
