//! Why a signature is refused.

use crate::domain::code::{self, Reason};
use crate::domain::name::AccessKeyId;
use crate::domain::time::UnixMillis;

use super::Channel;

/// How far the date of a header-signed request may be away from the server's clock, in either
/// direction: 15 minutes.
pub const MAX_SKEW_MILLIS: u64 = 900_000;

/// Why what a request presents is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// More than one of: an `Authorization` header, a V1 URL, a V4 URL.
    #[error("the request is signed in more than one way")]
    TwoSignatures,
    /// A header or parameter of the signature is given more than once.
    #[error("{0} is given more than once")]
    Duplicate(&'static str),
    /// Neither V1 nor V4: no scheme, an unknown one, or signature version 2.
    #[error("the kind of signature is not one that is served")]
    Unsupported,
    /// A V1 or V4 signature that lacks a part or has one too many.
    #[error("the signature lacks a part, or a part has a bad form")]
    Malformed,
    /// A V1 URL without all of `OSSAccessKeyId`, `Expires` and `Signature`.
    #[error("the V1 URL lacks one of its three parameters")]
    UrlParameterMissing,
    /// The `Expires` of a V1 URL is not a number of seconds.
    #[error("Expires is not a number of seconds since the epoch")]
    ExpiresInvalid,
    /// A V1 header signature without a date.
    #[error("neither x-oss-date nor Date is given")]
    DateMissing,
    /// A V1 header signature whose date cannot be read.
    #[error("the date is not an HTTP date")]
    DateInvalid,
    /// A header signature too far from the server's clock.
    #[error("the request was signed at {}, now is {}", request.to_iso8601(), server.to_iso8601())]
    Skewed {
        /// The date that the request is signed with.
        request: UnixMillis,
        /// The server's clock.
        server: UnixMillis,
    },
    /// A V1 URL after its end.
    #[error("the V1 URL ended at {}, now is {}", end.to_iso8601(), server.to_iso8601())]
    UrlExpiredV1 {
        /// The last second in which the URL is good.
        end: UnixMillis,
        /// The server's clock.
        server: UnixMillis,
    },
    /// A V4 URL after its end.
    #[error("the V4 URL ended at {}, now is {}", end.to_iso8601(), server.to_iso8601())]
    UrlExpiredV4 {
        /// The last second in which the URL is good.
        end: UnixMillis,
        /// The server's clock.
        server: UnixMillis,
    },
    /// A V4 URL more than 15 minutes before its date.
    #[error("the V4 URL is of {}, now is {}", request.to_iso8601(), server.to_iso8601())]
    UrlNotYetValid {
        /// The date of the URL.
        request: UnixMillis,
        /// The server's clock.
        server: UnixMillis,
    },
    /// The lifetime of a V4 URL is missing, no number or out of range.
    #[error("x-oss-expires is not 1 to 604800 seconds")]
    ExpiresOutOfRange,
    /// V4: the list of additional headers is empty or names a header that is absent.
    #[error("an additional header is absent from the request")]
    AdditionalHeaders,
    /// V4: the date is missing, unreadable, or not that of the scope.
    #[error("x-oss-date is missing, unreadable, or not the date of the credential")]
    V4Date(Channel),
    /// V4: the credential is not `AK/date/region/oss/aliyun_v4_request`.
    #[error("the credential is not AK/date/region/oss/aliyun_v4_request")]
    Credential,
    /// V4: the credential is for another region.
    #[error("the credential is for another region")]
    Region(Channel),
    /// A form with a policy or a signature and without an access key id.
    #[error("the form has no OSSAccessKeyId")]
    FormKeyMissing,
    /// A form with a policy or an access key id and without a signature.
    #[error("the form has no signature")]
    FormSignatureMissing,
    /// A form with a signature and without a policy.
    #[error("the form has no policy")]
    FormPolicyMissing,
    /// V4: the payload hash is neither `UNSIGNED-PAYLOAD` nor a SHA-256.
    #[error("x-oss-content-sha256 is neither UNSIGNED-PAYLOAD nor a SHA-256")]
    ContentSha256,
    /// Nobody has this access key id. The text is what was presented.
    #[error("access key id {0:?} is unknown")]
    UnknownAccessKey(String),
    /// The signature is not the one that the key makes.
    #[error("the signature does not match")]
    Mismatch(Box<Mismatch>),
    /// The key may not be used.
    #[error("access key {0} is disabled")]
    KeyDisabled(AccessKeyId),
    /// The users cannot be read, so nobody knows whether it is one of them.
    #[error("the users cannot be read")]
    UsersUnknown,
    /// The signature is genuine and a security token comes with it, though the key is permanent.
    #[error("access key {0} has no security token")]
    SecurityToken(AccessKeyId),
    /// A key of temporary credentials comes without their token.
    #[error("access key {0} needs a security token")]
    TokenMissing(AccessKeyId),
    /// The security token was not made here, or what it was made for is gone.
    #[error("the security token is not valid")]
    TokenInvalid,
    /// The security token belongs to another key.
    #[error("the security token is not that of access key {0}")]
    TokenOfAnother(AccessKeyId),
    /// The temporary credentials have ended.
    #[error("the security token ended at {}, now is {}", end.to_iso8601(), server.to_iso8601())]
    TokenExpired {
        /// The last second in which it was good.
        end: UnixMillis,
        /// The server's clock.
        server: UnixMillis,
    },
}

/// What a client needs to find out why its signature differs. It could compute all of it itself;
/// the signature that would have been right is not among it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub(super) access_key_id: AccessKeyId,
    pub(super) provided: String,
    pub(super) string_to_sign: Vec<u8>,
    pub(super) canonical_request: Option<Vec<u8>>,
}

/// Leaves out the texts: they may hold a client's headers, which have no place in a log.
impl std::fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mismatch")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl AuthError {
    /// The code, status and wording for the client.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::TwoSignatures => code::TWO_SIGNATURES,
            Self::Duplicate(_) => code::DUPLICATE_AUTHENTICATION,
            Self::Unsupported => code::AUTHORIZATION_UNSUPPORTED,
            Self::Malformed => code::AUTHORIZATION_MALFORMED,
            Self::UrlParameterMissing => code::URL_PARAMETER_MISSING,
            Self::ExpiresInvalid => code::EXPIRES_INVALID,
            Self::DateMissing => code::DATE_MISSING,
            Self::DateInvalid => code::DATE_INVALID,
            Self::Skewed { .. } => code::TIME_SKEWED,
            Self::UrlExpiredV1 { .. } => code::URL_EXPIRED_V1,
            Self::UrlExpiredV4 { .. } => code::URL_EXPIRED_V4,
            Self::UrlNotYetValid { .. } => code::URL_NOT_YET_VALID,
            Self::ExpiresOutOfRange => code::EXPIRES_OUT_OF_RANGE,
            Self::AdditionalHeaders => code::V4_ADDITIONAL_HEADERS,
            Self::V4Date(Channel::Header) => code::V4_DATE,
            Self::V4Date(Channel::Url) => code::V4_URL_DATE,
            Self::V4Date(Channel::Form) => code::V4_FORM_DATE,
            Self::Credential => code::V4_CREDENTIAL,
            Self::Region(Channel::Header) => code::V4_REGION,
            Self::Region(Channel::Url) => code::V4_URL_REGION,
            Self::Region(Channel::Form) => code::V4_FORM_REGION,
            Self::FormKeyMissing => code::FORM_KEY_MISSING,
            Self::FormSignatureMissing => code::FORM_SIGNATURE_MISSING,
            Self::FormPolicyMissing => code::FORM_POLICY_MISSING,
            Self::ContentSha256 => code::CONTENT_SHA256_INVALID,
            Self::UnknownAccessKey(_) => code::UNKNOWN_ACCESS_KEY,
            Self::Mismatch(_) => code::SIGNATURE_MISMATCH,
            Self::KeyDisabled(_) => code::KEY_DISABLED,
            Self::UsersUnknown => code::USERS_UNKNOWN,
            Self::SecurityToken(_) => code::TOKEN_WITH_PERMANENT_KEY,
            Self::TokenMissing(_) => code::TOKEN_MISSING,
            Self::TokenInvalid => code::TOKEN_INVALID,
            Self::TokenOfAnother(_) => code::TOKEN_OF_ANOTHER,
            Self::TokenExpired { .. } => code::TOKEN_EXPIRED,
        }
    }

    /// The children of `<Error>` that this reason adds, in order. Texts that came from the client
    /// can hold any character; bytes that are not UTF-8 are replaced.
    pub fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Skewed { request, server } => vec![
                ("MaxAllowedSkewMilliseconds", MAX_SKEW_MILLIS.to_string()),
                ("RequestTime", request.to_iso8601()),
                ("ServerTime", server.to_iso8601()),
            ],
            Self::UrlExpiredV1 { end, server }
            | Self::UrlExpiredV4 { end, server }
            | Self::TokenExpired { end, server } => {
                vec![("Expires", end.to_iso8601()), ("ServerTime", server.to_iso8601())]
            }
            Self::UrlNotYetValid { request, server } => {
                vec![("RequestTime", request.to_iso8601()), ("ServerTime", server.to_iso8601())]
            }
            Self::UnknownAccessKey(id) => vec![("OSSAccessKeyId", id.clone())],
            Self::SecurityToken(id)
            | Self::KeyDisabled(id)
            | Self::TokenMissing(id)
            | Self::TokenOfAnother(id) => vec![("OSSAccessKeyId", id.to_string())],
            Self::Mismatch(mismatch) => mismatch.details(),
            Self::TwoSignatures
            | Self::Duplicate(_)
            | Self::Unsupported
            | Self::Malformed
            | Self::UrlParameterMissing
            | Self::ExpiresInvalid
            | Self::DateMissing
            | Self::DateInvalid
            | Self::ExpiresOutOfRange
            | Self::AdditionalHeaders
            | Self::V4Date(_)
            | Self::Credential
            | Self::Region(_)
            | Self::FormKeyMissing
            | Self::FormSignatureMissing
            | Self::FormPolicyMissing
            | Self::ContentSha256
            | Self::UsersUnknown
            | Self::TokenInvalid => Vec::new(),
        }
    }
}

impl Mismatch {
    fn details(&self) -> Vec<(&'static str, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let bytes: Vec<_> = self.string_to_sign.iter().map(|b| format!("{b:02X}")).collect();
        let mut details = vec![
            ("OSSAccessKeyId", self.access_key_id.to_string()),
            ("SignatureProvided", self.provided.clone()),
            ("StringToSign", text(&self.string_to_sign)),
            ("StringToSignBytes", bytes.join(" ")),
        ];
        if let Some(canonical) = &self.canonical_request {
            details.push(("CanonicalRequest", text(canonical)));
        }
        details
    }
}
