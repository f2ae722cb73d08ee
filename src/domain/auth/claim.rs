//! What a request presents.

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::canonical::single;
use super::credential::V4Claim;
use super::{AuthError, v4};
use crate::domain::name::AccessKeyId;
use crate::domain::query::Query;
use crate::domain::time::{UnixMillis, parse_http_date};

/// The parameters of a V1 URL. One alone makes a request a signed one.
const V1_PARAMETERS: [&str; 3] = ["OSSAccessKeyId", "Expires", "Signature"];
/// The parameters by which a V4 URL is known. The last belongs to signature version 2, which is
/// refused and must not pass for no signature.
const V4_MARKERS: [&str; 4] =
    ["x-oss-signature-version", "x-oss-credential", "x-oss-signature", "x-oss-access-key-id"];
/// The headers of a signature, none of which may be given twice.
const HEADERS: [&str; 6] = [
    "authorization",
    "x-oss-date",
    "date",
    "x-oss-content-sha256",
    "x-oss-security-token",
    "security-token",
];
/// The parameters of a signature, none of which may be given twice.
const PARAMETERS: [&str; 12] = [
    "OSSAccessKeyId",
    "Expires",
    "Signature",
    "security-token",
    "x-oss-signature-version",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-expires",
    "x-oss-signature",
    "x-oss-additional-headers",
    "x-oss-security-token",
    "x-oss-access-key-id",
];

/// What a request presents as its sender. Nothing of it is proven.
#[derive(Debug)]
pub enum Claim {
    /// No signature, nor any part of one.
    Anonymous,
    /// A signature of a known form.
    Signed(SignedClaim),
}

/// A signature that has been read and not verified.
#[derive(Debug)]
pub struct SignedClaim {
    pub(super) access_key_id: AccessKeyId,
    pub(super) signature: Signature,
    pub(super) form: Form,
    /// The security token that comes with it.
    pub(super) token: Option<Token>,
}

/// The version of a signature with what only that version has.
#[derive(Debug)]
pub(super) enum Form {
    /// The date as it was sent, and read.
    V1Header {
        date: Vec<u8>,
        at: UnixMillis,
    },
    /// The seconds as they were sent, and read.
    V1Url {
        expires: String,
        end: UnixMillis,
    },
    V4(Box<V4Claim>),
}

/// The text of a signature. Who has it can repeat the request, so it is not printed.
pub(super) struct Signature(pub(super) String);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// The token of temporary credentials. It holds their secret, sealed, so it is not printed.
#[derive(Clone)]
pub(super) struct Token(pub(super) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Where a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// In the `Authorization` header.
    Header,
    /// In the query.
    Url,
    /// In the fields of an HTML form.
    Form,
}

impl Claim {
    /// Reads what a request presents, by the table of the [module](super).
    ///
    /// # Errors
    ///
    /// [`AuthError`]: a request that presents anything that is no complete signature of a known
    /// form. It is never taken for an anonymous one.
    pub fn read(headers: &HeaderMap, query: &Query) -> Result<Self, AuthError> {
        let by_header = headers.contains_key(AUTHORIZATION);
        let by_v1_url = V1_PARAMETERS.iter().any(|name| query.has(name));
        let by_v4_url = V4_MARKERS.iter().any(|name| query.has(name));
        let read = match (by_header, by_v1_url, by_v4_url) {
            (false, false, false) => return Ok(Self::Anonymous),
            (true, false, false) => read_header,
            (false, true, false) => read_v1_url,
            (false, false, true) => read_v4_url,
            (true, true, _) | (true, _, true) | (_, true, true) => {
                return Err(AuthError::TwoSignatures);
            }
        };
        refuse_duplicates(headers, query)?;
        read(headers, query).map(Self::Signed)
    }
}

impl SignedClaim {
    /// The access key that is said to have signed: the one to look up.
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// The security token that comes with the signature.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.0.as_str())
    }

    /// Where the signature stands.
    pub fn channel(&self) -> Channel {
        match &self.form {
            Form::V1Header { .. } => Channel::Header,
            Form::V1Url { .. } => Channel::Url,
            Form::V4(claim) => claim.channel(),
        }
    }
}

fn refuse_duplicates(headers: &HeaderMap, query: &Query) -> Result<(), AuthError> {
    let header = HEADERS.into_iter().find(|name| headers.get_all(*name).iter().nth(1).is_some());
    let parameter = || PARAMETERS.into_iter().find(|name| query.count(name) > 1);
    header.or_else(parameter).map_or(Ok(()), |name| Err(AuthError::Duplicate(name)))
}

fn read_header(headers: &HeaderMap, query: &Query) -> Result<SignedClaim, AuthError> {
    let value = single(headers, AUTHORIZATION.as_str()).unwrap_or_default();
    let text = std::str::from_utf8(value).map_err(|_| AuthError::Unsupported)?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (access_key_id, signature, form) = match scheme {
        "OSS" => read_v1_header(rest, headers)?,
        v4::ALGORITHM => {
            let (id, signature, claim) = V4Claim::read_header(rest, headers)?;
            (id, signature, Form::V4(Box::new(claim)))
        }
        _ => return Err(AuthError::Unsupported),
    };
    Ok(SignedClaim { access_key_id, signature, form, token: token(headers, query)? })
}

/// Reads `AccessKeyId:Signature` and the date that goes with it.
fn read_v1_header(
    rest: &str,
    headers: &HeaderMap,
) -> Result<(AccessKeyId, Signature, Form), AuthError> {
    let (id, signature) = rest.split_once(':').ok_or(AuthError::Malformed)?;
    let id = id.parse().map_err(|_| AuthError::Malformed)?;
    if signature.is_empty() {
        return Err(AuthError::Malformed);
    }
    let date = single(headers, "x-oss-date")
        .or_else(|| single(headers, "date"))
        .ok_or(AuthError::DateMissing)?;
    let text = std::str::from_utf8(date).map_err(|_| AuthError::DateInvalid)?;
    let at = parse_http_date(text).ok_or(AuthError::DateInvalid)?;
    Ok((id, Signature(signature.to_owned()), Form::V1Header { date: date.to_vec(), at }))
}

fn read_v1_url(headers: &HeaderMap, query: &Query) -> Result<SignedClaim, AuthError> {
    let get = |name| query.first(name).ok_or(AuthError::UrlParameterMissing);
    let [id, expires, signature] = [get("OSSAccessKeyId")?, get("Expires")?, get("Signature")?];
    let seconds = read_seconds(expires).ok_or(AuthError::ExpiresInvalid)?;
    Ok(SignedClaim {
        access_key_id: id.parse().map_err(|_| AuthError::UnknownAccessKey(id.to_owned()))?,
        signature: Signature(signature.to_owned()),
        form: Form::V1Url { expires: expires.to_owned(), end: UnixMillis::from_secs(seconds) },
        token: token(headers, query)?,
    })
}

fn read_v4_url(headers: &HeaderMap, query: &Query) -> Result<SignedClaim, AuthError> {
    let (access_key_id, signature, claim) = V4Claim::read_url(headers, query)?;
    let token = token(headers, query)?;
    Ok(SignedClaim { access_key_id, signature, form: Form::V4(Box::new(claim)), token })
}

/// The names of a security token, as a header, a parameter and a field of a form. The second is what the V1 signer
/// of alibabacloud-oss-v2 calls its header, which it does not sign.
pub(super) const TOKENS: [&str; 2] = ["x-oss-security-token", "security-token"];

/// Reads the security token. It may stand in several places if it is the same.
fn token(headers: &HeaderMap, query: &Query) -> Result<Option<Token>, AuthError> {
    let text = |value| std::str::from_utf8(value).map_err(|_| AuthError::TokenInvalid);
    let mut found: Option<&str> = None;
    for name in TOKENS {
        let by_header = single(headers, name).map(text).transpose()?;
        for token in by_header.into_iter().chain(query.first(name)) {
            if found.is_some_and(|other| other != token) {
                return Err(AuthError::Duplicate(name));
            }
            found = Some(token);
        }
    }
    Ok(found.map(|token| Token(token.to_owned())))
}

/// Reads seconds: decimal digits alone, up to 2^63 - 1.
pub(super) fn read_seconds(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}
