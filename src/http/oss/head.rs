//! The head of a request: everything but the body, read once.

use std::borrow::Cow;

use http::header::GetAll;
use http::{HeaderMap, HeaderName, HeaderValue, Version, header};

use super::OssError;
use crate::domain::client::{ClientAddress, TrustedProxies};
use crate::domain::code::{self, Code};
use crate::domain::name::{BucketName, InvalidBucketName, InvalidObjectKey};
use crate::domain::op::{HostName, HostRules, InvalidTarget, Target, Targets, Verb};
use crate::domain::query::Query;
use crate::domain::referer::{Facts, Referers};
use crate::domain::secret::Digest;
use crate::http::MAX_HEAD_BYTES;
use crate::http::conn::{Connection, Parts};
use crate::service::access::Ask;

/// The head of a request. It is handed on from stage to stage, so it stays in a box.
#[derive(Debug)]
pub(in crate::http) struct Head {
    /// As it came in.
    pub parts: Parts,
    /// The method; `None` for one that OSS never uses.
    pub verb: Option<Verb>,
    /// The query.
    pub query: Query,
    /// What host and path name.
    pub targets: Targets,
    /// Where it came in.
    pub connection: Connection,
}

impl Head {
    /// Reads a head.
    ///
    /// # Errors
    ///
    /// The parts back, and why they cannot be read.
    pub(super) fn read(
        (parts, connection): (Parts, Connection),
        hosts: &HostRules,
    ) -> Result<Box<Self>, (Box<Parts>, OssError)> {
        match read(&parts, hosts) {
            Ok((query, targets)) => {
                let verb = Verb::parse(parts.method.as_str());
                Ok(Box::new(Self { parts, verb, query, targets, connection }))
            }
            Err(err) => Err((Box::new(parts), err)),
        }
    }

    /// The head of a request whose host and path name this.
    ///
    /// # Errors
    ///
    /// The query cannot be read.
    pub(in crate::http) fn addressed(
        (parts, connection): (Parts, &Connection),
        target: Target,
    ) -> Result<Box<Self>, OssError> {
        let query = read_query(&parts)?;
        let verb = Verb::parse(parts.method.as_str());
        let targets = Targets { first: target, second: None };
        let connection = connection.clone();
        Ok(Box::new(Self { parts, verb, query, targets, connection }))
    }

    /// Checks the bounds of a head.
    ///
    /// # Errors
    ///
    /// [`Code::RequestHeaderTooLarge`].
    pub(in crate::http) fn check_size(parts: &Parts) -> Result<(), OssError> {
        if parts.headers.bytes() + parts.target.length() > MAX_HEAD_BYTES {
            return Err(Code::RequestHeaderTooLarge.into());
        }
        Ok(())
    }

    /// The parts that say who sends the request.
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            method: self.parts.method.as_str(),
            headers: &self.parts.headers,
            query: &self.query,
            targets: &self.targets,
        }
    }

    /// What the request says of where it comes from.
    pub(in crate::http) fn facts(&self) -> Facts<'_> {
        let once = |name: &str| self.parts.headers.only(name).map(HeaderValue::as_bytes);
        let lines = self.parts.headers.get_all(header::REFERER);
        Facts {
            referers: Referers::read(lines.iter().map(HeaderValue::as_bytes)),
            sec_fetch_site: once("sec-fetch-site"),
            sec_fetch_dest: once("sec-fetch-dest"),
        }
    }

    /// Who sends the request, as far as proxies tell.
    pub(in crate::http) fn client(&self, proxies: &TrustedProxies) -> ClientAddress {
        client_of((&self.parts, &self.connection), proxies)
    }

    /// How the client reached us, for URLs that it is told.
    pub(super) fn scheme(&self, proxies: &TrustedProxies) -> &'static str {
        if self.client(proxies).secure { "https" } else { "http" }
    }

    /// The bucket that the head of a request names that could not be read, such as one with a key
    /// that breaks a rule.
    pub(super) fn bucket_of(parts: &Parts, hosts: &HostRules) -> Option<BucketName> {
        Targets::bucket(hosts, &*host_of(parts).ok()?, parts.target.path())
    }

    /// The host that the request names, with its port.
    pub(in crate::http) fn host(&self) -> &str {
        authority(&self.parts).unwrap_or_default()
    }

    /// Whether it has a header. The name is in lower case.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parts.headers.contains_key(name)
    }

    /// A header that is given at most once, as text.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if it is given twice or is not UTF-8.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, OssError> {
        let headers = &self.parts.headers;
        if headers.may_have(name) { one(headers, name) } else { Ok(None) }
    }

    /// A header that counts only if it is given once and as text: the headers of which RFC 9110
    /// says that what cannot be read is ignored.
    pub(super) fn lenient(&self, name: HeaderName) -> Option<&str> {
        self.one(name.as_str()).ok().flatten()
    }

    /// The announced length of the body.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if it is no number.
    pub(super) fn content_length(&self) -> Result<Option<u64>, OssError> {
        let read = |text: &str| {
            let message = || OssError::invalid_argument("Content-Length is not a number.");
            text.parse().map_err(|_| message())
        };
        self.one("content-length")?.map(read).transpose()
    }

    /// The payload hash of a request whose signature does not cover it: it is verified all the
    /// same, or refused, and never passed over.
    ///
    /// # Errors
    ///
    /// [`code::CONTENT_SHA256_INVALID`].
    pub(super) fn unsigned_payload_hash(&self) -> Result<Option<Digest>, OssError> {
        match self.one("x-oss-content-sha256")? {
            None | Some("UNSIGNED-PAYLOAD") => Ok(None),
            Some(text) => {
                let digest = hex::decode(text).ok().filter(|digest| digest.len() == 32);
                Ok(Some(Digest::new(digest.ok_or(code::CONTENT_SHA256_INVALID)?)))
            }
        }
    }
}

/// Who sends a request, as far as proxies tell.
pub(in crate::http) fn client_of(
    (parts, connection): (&Parts, &Connection),
    proxies: &TrustedProxies,
) -> ClientAddress {
    let lines = |name| parts.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    proxies.client(
        connection.peer().ip(),
        || lines("x-forwarded-for"),
        || lines("x-forwarded-proto"),
    )
}

/// In which region the client is, as a trusted proxy says in one line of this header.
pub(in crate::http) fn region_of<'p>(
    (parts, connection): (&'p Parts, &Connection),
    proxies: &TrustedProxies,
    header: &HeaderName,
) -> Option<&'p str> {
    if !proxies.trusts(connection.peer().ip()) {
        return None;
    }
    parts.headers.only(header)?.to_str().ok().map(str::trim)
}

/// A header that is given at most once, as text.
///
/// # Errors
///
/// `InvalidArgument` if it is given twice or is not UTF-8.
pub(super) fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, OssError> {
    sole(headers.get_all(name), name)
}

fn sole<'h>(values: GetAll<'h, HeaderValue>, name: &str) -> Result<Option<&'h str>, OssError> {
    let mut values = values.iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(OssError::invalid_argument(format!("{name} is given more than once.")));
    }
    let read = |value: &'h HeaderValue| {
        std::str::from_utf8(value.as_bytes())
            .map_err(|_| OssError::invalid_argument(format!("{name} is not UTF-8.")))
    };
    first.map(read).transpose()
}

fn read(parts: &Parts, hosts: &HostRules) -> Result<(Query, Targets), OssError> {
    Head::check_size(parts)?;
    let query = read_query(parts)?;
    let targets = Targets::read(hosts, &*host_of(parts)?, parts.target.path())?;
    Ok((query, targets))
}

fn read_query(parts: &Parts) -> Result<Query, OssError> {
    let query = Query::parse(parts.target.query().unwrap_or_default());
    query.map_err(|err| OssError::invalid_argument(format!("{err}.")))
}

/// The host that a request names.
///
/// # Errors
///
/// It names none, or two; or it is not the text of a host.
pub(in crate::http) fn host_of(parts: &Parts) -> Result<Cow<'_, HostName>, OssError> {
    if let (None, Some(host)) = (parts.target.authority(), parts.headers.host()) {
        return Ok(Cow::Borrowed(host.map_err(InvalidTarget::from)?));
    }
    let host = HostName::of_authority(authority(parts)?);
    Ok(Cow::Owned(host.map_err(InvalidTarget::from)?))
}

/// The same as it was sent: in the target, or in the `Host` header. Both must agree, or a proxy before
/// us may have looked at the other.
fn authority(parts: &Parts) -> Result<&str, OssError> {
    let host = sole(parts.headers.get_all(header::HOST), "host")?;
    match (parts.target.authority(), host) {
        (Some(a), Some(b)) if !a.eq_ignore_ascii_case(b) => {
            Err(OssError::invalid_argument("The request names two hosts."))
        }
        // RFC 9112, section 3.2: every request has one, but for those of HTTP/1.0.
        (_, None) if parts.version >= Version::HTTP_11 => {
            Err(OssError::invalid_argument("The Host header is missing."))
        }
        (Some(host), _) | (None, Some(host)) => Ok(host),
        // Path style.
        (None, None) => Ok("localhost"),
    }
}

impl From<InvalidTarget> for OssError {
    fn from(err: InvalidTarget) -> Self {
        let code = match err {
            InvalidTarget::Bucket(
                InvalidBucketName::Length(_) | InvalidBucketName::Char(_) | InvalidBucketName::Edge,
            ) => Code::InvalidBucketName,
            InvalidTarget::Key(
                InvalidObjectKey::Length(_)
                | InvalidObjectKey::Edge
                | InvalidObjectKey::Nul
                | InvalidObjectKey::Encoding,
            ) => Code::InvalidObjectName,
            InvalidTarget::Host(_) | InvalidTarget::Escape(_) | InvalidTarget::NotAPath => {
                Code::InvalidArgument
            }
        };
        Self::saying(code, format!("{} ({err})", code.message()))
    }
}
