//! The text under a signature, put together from parts, and its digest.

use core::net::IpAddr;
use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::field::{Field, Fields};
use super::path::directory;
use super::scope::Scope;
use crate::domain::secret::Digest;
use crate::domain::word::words;

/// A part of the text under a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The key. Not in texts that a keyed digest takes.
    Key,
    /// The path as it stands in the request, without its signature.
    Path,
    /// The directory of that path, with both slashes.
    Directory,
    /// The path with its escapes undone.
    DecodedPath,
    /// The path, or the directory that the scope names.
    ScopedPath,
    /// The rest of the query, sorted, if the scope is a file; else `*`.
    ScopedQuery,
    /// The address of the client.
    Client,
    /// The network of the client, or `-` if it is not signed.
    Network,
    /// A field, as it stands in the request; nothing if it is not there.
    Field(Field),
    /// A text of its own.
    Text(Cow<'static, str>),
}

/// What is hashed, beside the fields and the key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) fields: &'a Fields<'a>,
    pub(super) path: &'a str,
    /// The parts of the query that are not of the signature.
    pub(super) rest: &'a [&'a str],
    pub(super) client: Option<IpAddr>,
}

words! {
    /// A digest.
    pub enum Algorithm {
        /// MD5 of the text.
        Md5 = "md5",
        /// SHA-256 of the text.
        Sha256 = "sha256",
        /// HMAC-SHA256 of the text under the key.
        HmacSha256 = "hmac-sha256",
    }
}

/// How a digest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenForm {
    /// Hexadecimal digits in lower case.
    Hex,
    /// Base64 for URLs, without `=`.
    Base64,
}

impl Algorithm {
    /// The digest of the parts.
    pub(super) fn digest(self, parts: &[Part], subject: &Subject<'_>, key: &[u8]) -> Digest {
        match self {
            Self::Md5 => {
                let mut hash = Md5::new();
                gather(parts, subject, key, |bytes| hash.update(bytes));
                Digest::new(hash.finalize())
            }
            Self::Sha256 => {
                let mut hash = Sha256::new();
                gather(parts, subject, key, |bytes| hash.update(bytes));
                Digest::new(hash.finalize())
            }
            Self::HmacSha256 => {
                let mut mac =
                    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
                gather(parts, subject, key, |bytes| mac.update(bytes));
                Digest::new(mac.finalize().into_bytes())
            }
        }
    }
}

impl TokenForm {
    pub(super) fn write(self, digest: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(digest),
            Self::Base64 => URL_SAFE_NO_PAD.encode(digest),
        }
    }

    /// Whether a text is that digest, compared in constant time. Only the one spelling that
    /// [`TokenForm::write`] makes is, so that no signature has two.
    pub(super) fn says(self, text: &str, digest: &Digest) -> bool {
        match self {
            Self::Hex => digest.is_hex(text),
            Self::Base64 => from_base64(text).is_some_and(|sent| digest.matches(&sent)),
        }
    }
}

/// A digest in base64 for URLs, without `=` and without spare bits.
pub(super) fn from_base64(text: &str) -> Option<Digest> {
    URL_SAFE_NO_PAD.decode(text).ok().map(Digest::new)
}

/// The text under a signature, with something else where the key stands.
pub(super) fn masked(parts: &[Part], subject: &Subject<'_>) -> String {
    let mut text = Vec::new();
    write(parts, subject, MASK, &mut |bytes| text.extend_from_slice(bytes));
    String::from_utf8_lossy(&text).into_owned()
}

/// What stands for a key where a text is shown.
const MASK: &[u8] = b"{key}";

/// Writes the text in as few pieces as there can be: a digest takes one long piece sooner than several
/// short ones.
fn gather(parts: &[Part], subject: &Subject<'_>, key: &[u8], mut out: impl FnMut(&[u8])) {
    let mut gathered = [0; 192];
    let mut length = 0;
    write(parts, subject, key, &mut |bytes| {
        // Most are a mark.
        if let ([byte], Some(place)) = (bytes, gathered.get_mut(length)) {
            *place = *byte;
            length += 1;
        } else if let Some(place) = gathered.get_mut(length..length + bytes.len()) {
            place.copy_from_slice(bytes);
            length += bytes.len();
        } else {
            out(gathered.get(..length).unwrap_or_default());
            out(bytes);
            length = 0;
        }
    });
    out(gathered.get(..length).unwrap_or_default());
}

fn write(parts: &[Part], subject: &Subject<'_>, key: &[u8], out: &mut impl FnMut(&[u8])) {
    for part in parts {
        out(&piece(part, subject, key));
    }
}

#[expect(clippy::inline_always, reason = "each signed request asks several times")]
#[inline(always)]
fn piece<'t>(part: &'t Part, subject: &Subject<'t>, key: &'t [u8]) -> Cow<'t, [u8]> {
    let scope = || Scope::read(subject.fields.get(Field::Scope));
    let text = match part {
        Part::Key => return key.into(),
        Part::Path => subject.path,
        Part::Directory => directory(subject.path),
        Part::DecodedPath => return percent_encoding::percent_decode_str(subject.path).into(),
        Part::ScopedPath => scope().and_then(|scope| scope.path(subject.path)).unwrap_or_default(),
        Part::ScopedQuery => match scope() {
            Some(Scope::Directory(_)) | None => "*",
            Some(Scope::File) => return sorted(subject.rest).into_bytes().into(),
        },
        Part::Client => {
            let client = subject.client.map(|client| client.to_canonical().to_string());
            return client.unwrap_or_default().into_bytes().into();
        }
        Part::Network => match subject.fields.find(Field::Network) {
            Some("n") => return network(subject.client).into_bytes().into(),
            Some(_) | None => "-",
        },
        Part::Field(field) => subject.fields.get(*field),
        Part::Text(text) => text,
    };
    text.as_bytes().into()
}

fn sorted(rest: &[&str]) -> String {
    let mut parts = rest.to_vec();
    parts.sort_unstable();
    parts.join("&")
}

/// The network of a client: the first 24 bits of an IPv4 address, the first 64 of an IPv6 address.
fn network(client: Option<IpAddr>) -> String {
    match client.map(|client| client.to_canonical()) {
        Some(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Some(IpAddr::V6(address)) => {
            let high = address.to_bits() >> 64 << 64;
            format!("{}/64", core::net::Ipv6Addr::from_bits(high))
        }
        None => String::new(),
    }
}
