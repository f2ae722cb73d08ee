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
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 | Self::HmacSha256 => 32,
        }
    }

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

    /// A digest of any length.
    pub(super) fn decode(self, text: &str) -> Option<Digest> {
        match self {
            Self::Hex => lower_hex(text),
            Self::Base64 => URL_SAFE_NO_PAD.decode(text).ok().map(Digest::new),
        }
    }

    /// Reads a digest of so many bytes. Only the one spelling that [`TokenForm::write`] makes is
    /// read, so that no signature has two.
    pub(super) fn read(self, text: &str, bytes: usize) -> Option<Digest> {
        self.decode(text).filter(|digest| digest.bytes().len() == bytes)
    }
}

/// The digest in hexadecimal digits in lower case; no digest has more than 64. Every signed request
/// asks, and digits that are looked at one after the other take half as long as the digest itself.
fn lower_hex(text: &str) -> Option<Digest> {
    let (mut digits, mut bytes) = ([0_u8; 64], [0_u8; 32]);
    let mut all = 0;
    for (digit, byte) in digits.get_mut(..text.len())?.iter_mut().zip(text.bytes()) {
        *digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => u8::MAX,
        };
        all |= *digit;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks().0) {
        *byte = high << 4 | low;
    }
    let good = all < 16 && text.len().is_multiple_of(2);
    bytes.get(..text.len() / 2).filter(|_| good).map(Digest::new)
}

/// The text under a signature, with something else where the key stands.
pub(super) fn masked(parts: &[Part], subject: &Subject<'_>) -> String {
    let mut text = Vec::new();
    write(parts, subject, MASK, &mut |bytes| text.extend_from_slice(bytes));
    String::from_utf8_lossy(&text).into_owned()
}

/// What stands for a key where a text is shown.
const MASK: &[u8] = b"{key}";

/// Writes the text in as few pieces as there can be: a digest takes one sooner than the nine of which
/// the text of a link of type A is made.
fn gather(parts: &[Part], subject: &Subject<'_>, key: &[u8], mut out: impl FnMut(&[u8])) {
    let mut gathered = [0; 256];
    let mut length = 0;
    write(parts, subject, key, &mut |bytes| {
        let end = length + bytes.len();
        if let Some(place) = gathered.get_mut(length..end) {
            place.copy_from_slice(bytes);
            length = end;
        } else {
            out(gathered.get(..length).unwrap_or_default());
            out(bytes);
            length = 0;
        }
    });
    out(gathered.get(..length).unwrap_or_default());
}

fn write(parts: &[Part], subject: &Subject<'_>, key: &[u8], out: &mut impl FnMut(&[u8])) {
    let scope = || Scope::read(subject.fields.get(Field::Scope));
    for part in parts {
        match part {
            Part::Key => out(key),
            Part::Path => out(subject.path.as_bytes()),
            Part::Directory => out(directory(subject.path).as_bytes()),
            Part::DecodedPath => {
                out(&Cow::from(percent_encoding::percent_decode_str(subject.path)));
            }
            Part::ScopedPath => {
                let path = scope().and_then(|scope| scope.path(subject.path));
                out(path.unwrap_or_default().as_bytes());
            }
            Part::ScopedQuery => match scope() {
                Some(Scope::Directory(_)) | None => out(b"*"),
                Some(Scope::File) => out(sorted(subject.rest).as_bytes()),
            },
            Part::Client => {
                let client = subject.client.map(|client| client.to_canonical().to_string());
                out(client.unwrap_or_default().as_bytes());
            }
            Part::Network => match subject.fields.find(Field::Network) {
                Some("n") => out(network(subject.client).as_bytes()),
                Some(_) | None => out(b"-"),
            },
            Part::Field(field) => out(subject.fields.get(*field).as_bytes()),
            Part::Text(text) => out(text.as_bytes()),
        }
    }
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
