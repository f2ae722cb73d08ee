//! The parts of a V4 signature, by header and by URL.

use http::HeaderMap;

use super::canonical::single;
use super::claim::{Signature, read_seconds};
use super::v4::{ALGORITHM, PRODUCT, Scope, TERMINATOR, UNSIGNED_PAYLOAD};
use super::{AuthError, Channel};
use crate::domain::name::AccessKeyId;
use crate::domain::query::Query;
use crate::domain::time::{UnixMillis, parse_basic_iso8601};

/// How long a V4 URL can be good for: seven days.
const MAX_EXPIRES_SECONDS: i64 = 604_800;

/// What a V4 signature says of itself.
#[derive(Debug)]
pub(super) struct V4Claim {
    pub(super) lifetime: Lifetime,
    /// `x-oss-date` as it was sent, and read.
    pub(super) date: String,
    pub(super) at: UnixMillis,
    scope_date: String,
    scope_region: String,
    /// Names of headers that are signed beside the usual ones: lower case, sorted.
    pub(super) additional: Vec<String>,
    /// The last line of the canonical request, and what it means.
    pub(super) payload_line: String,
    pub(super) payload: PayloadHash,
}

/// How long a V4 signature is good for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lifetime {
    /// By header: as far as the clocks may differ.
    Skew,
    /// By URL: so many seconds after its date.
    Seconds(i64),
}

/// What a signature says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadHash {
    /// Nothing: V1, or V4 with `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// The body must have this SHA-256.
    Sha256([u8; 32]),
}

type Parts = (AccessKeyId, Signature, V4Claim);

/// The texts of a V4 signature, from wherever they stood.
struct Announced<'a> {
    credential: &'a str,
    signature: &'a str,
    date: Option<&'a str>,
    additional: Option<&'a str>,
    lifetime: Lifetime,
}

impl V4Claim {
    /// Reads what follows the scheme of an `Authorization` header:
    /// `Credential=…,AdditionalHeaders=…,Signature=…` in any order, with or without spaces.
    pub(super) fn read_header(rest: &str, headers: &HeaderMap) -> Result<Parts, AuthError> {
        let fields = Fields::read(rest)?;
        let announced = Announced {
            credential: fields.credential.ok_or(AuthError::Malformed)?,
            signature: fields.signature.filter(|s| !s.is_empty()).ok_or(AuthError::Malformed)?,
            date: single(headers, "x-oss-date").and_then(|date| std::str::from_utf8(date).ok()),
            additional: fields.additional,
            lifetime: Lifetime::Skew,
        };
        Self::read(&announced, headers)
    }

    /// Reads the parameters of a V4 URL.
    pub(super) fn read_url(headers: &HeaderMap, query: &Query) -> Result<Parts, AuthError> {
        if query.first("x-oss-signature-version") != Some(ALGORITHM) {
            return Err(AuthError::Unsupported);
        }
        let seconds = query.first("x-oss-expires").and_then(read_seconds);
        let seconds = seconds.filter(|seconds| (1..=MAX_EXPIRES_SECONDS).contains(seconds));
        let announced = Announced {
            credential: query.first("x-oss-credential").ok_or(AuthError::Credential)?,
            signature: query.first("x-oss-signature").ok_or(AuthError::Malformed)?,
            date: query.first("x-oss-date"),
            additional: query.first("x-oss-additional-headers"),
            lifetime: Lifetime::Seconds(seconds.ok_or(AuthError::ExpiresOutOfRange)?),
        };
        Self::read(&announced, headers)
    }

    fn read(announced: &Announced, headers: &HeaderMap) -> Result<Parts, AuthError> {
        let credential = Credential::read(announced.credential)?;
        let date = announced.date.and_then(|text| Some((text, parse_basic_iso8601(text)?)));
        let (date, at) = date.ok_or(AuthError::V4Date(announced.lifetime.channel()))?;
        let additional = read_additional(announced.additional, headers)?;
        let (payload_line, payload) = read_payload(headers)?;
        let claim = Self {
            lifetime: announced.lifetime,
            date: date.to_owned(),
            at,
            scope_date: credential.date.to_owned(),
            scope_region: credential.region.to_owned(),
            additional,
            payload_line,
            payload,
        };
        Ok((credential.access_key_id, Signature(announced.signature.to_owned()), claim))
    }

    pub(super) fn channel(&self) -> Channel {
        self.lifetime.channel()
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { date: &self.scope_date, region: &self.scope_region, product: PRODUCT }
    }
}

impl Lifetime {
    const fn channel(self) -> Channel {
        match self {
            Self::Skew => Channel::Header,
            Self::Seconds(_) => Channel::Url,
        }
    }
}

/// The fields of a V4 `Authorization` header.
#[derive(Default)]
struct Fields<'a> {
    credential: Option<&'a str>,
    additional: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// Splits `name=value,name=value`. A field that is unknown or given twice is refused.
    fn read(text: &'a str) -> Result<Self, AuthError> {
        let mut fields = Self::default();
        for part in text.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or(AuthError::Malformed)?;
            let field = match name {
                "Credential" => &mut fields.credential,
                "AdditionalHeaders" => &mut fields.additional,
                "Signature" => &mut fields.signature,
                _ => return Err(AuthError::Malformed),
            };
            if field.replace(value).is_some() {
                return Err(AuthError::Malformed);
            }
        }
        Ok(fields)
    }
}

/// `AccessKeyId/YYYYMMDD/region/oss/aliyun_v4_request`.
pub(super) struct Credential<'a> {
    pub(super) access_key_id: AccessKeyId,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
}

impl<'a> Credential<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, AuthError> {
        let parts: Vec<_> = text.split('/').collect();
        let [id, date, region, PRODUCT, TERMINATOR] = parts.as_slice() else {
            return Err(AuthError::Credential);
        };
        let access_key_id = id.parse().map_err(|_| AuthError::Credential)?;
        Ok(Self { access_key_id, date, region })
    }
}

/// Reads `name;name`. The list is brought into canonical form, lower case and sorted, which is
/// what every client signs whatever it announces.
fn read_additional(list: Option<&str>, headers: &HeaderMap) -> Result<Vec<String>, AuthError> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut names: Vec<_> = list.split(';').map(|name| name.trim().to_ascii_lowercase()).collect();
    if names.iter().any(|name| !headers.contains_key(name.as_str())) {
        return Err(AuthError::AdditionalHeaders);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn read_payload(headers: &HeaderMap) -> Result<(String, PayloadHash), AuthError> {
    let unsigned = || (UNSIGNED_PAYLOAD.to_owned(), PayloadHash::Unsigned);
    let Some(value) = single(headers, "x-oss-content-sha256") else { return Ok(unsigned()) };
    if value == UNSIGNED_PAYLOAD.as_bytes() {
        return Ok(unsigned());
    }
    let line = std::str::from_utf8(value).map_err(|_| AuthError::ContentSha256)?;
    let mut sha256 = [0; 32];
    hex::decode_to_slice(line, &mut sha256).map_err(|_| AuthError::ContentSha256)?;
    Ok((line.to_owned(), PayloadHash::Sha256(sha256)))
}
