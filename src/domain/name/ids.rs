//! Ids: texts and numbers that we or the vendor make, and nobody chooses.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::domain::time::UnixMillis;

/// The public half of an access key: 1 to 128 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
///
/// OSS's own ids are 16 to 30 letters and digits (`LTAI…`, `STS.…`); the wider rule admits ids
/// that an administrator sets from outside, and keeps `:`, `/`, `,` and white space out, which
/// separate the parts of an `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId(Box<str>);

/// A text that is not an access key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access key id has 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'")]
pub struct InvalidAccessKeyId;

impl AccessKeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessKeyId {
    type Err = InvalidAccessKeyId;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !(1..=128).contains(&s.len()) || !s.bytes().all(allowed) {
            return Err(InvalidAccessKeyId);
        }
        Ok(Self(s.into()))
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a bucket in the database. A bucket that is deleted and created again gets a new
/// one, so nothing that was cached for the old bucket can be mistaken for the new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(pub i64);

/// The id of a blob: a UUID, made by us, never derived from a client's key. It has version 7 if the
/// blob had one upload, and version 8, with the time where version 7 has it, if it had several. An id
/// is used once, whatever its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(pub Uuid);

impl BlobId {
    /// The same for a blob that several uploads share.
    #[must_use]
    pub const fn shared(self) -> Self {
        Self(uuid::Builder::from_custom_bytes(self.0.into_bytes()).into_uuid())
    }

    /// When the id was made.
    pub fn made(self) -> UnixMillis {
        let (first_half, _) = self.0.as_u64_pair();
        UnixMillis((first_half >> 16).cast_signed())
    }

    /// Whether several uploads share the blob.
    pub const fn is_shared(self) -> bool {
        self.0.get_version_num() == 8
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// The id of a delivery domain: a UUID version 7. A domain that is deleted and made again under the
/// same host gets a new one, so neither a sealed key nor a link of the old one fits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainId(pub Uuid);

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// The id of an upload in parts: 32 upper-case hexadecimal digits. It begins with the time, so that
/// ids of one object are in the order of their making, and nobody can guess the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub [u8; 16]);

/// A text that is not the id of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of an upload has 32 digits of 0-9 and A-F")]
pub struct InvalidUploadId;

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        hex::decode_to_slice(s, &mut id).map_err(|_| InvalidUploadId)?;
        // One text for each id.
        if s.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(InvalidUploadId);
        }
        Ok(Self(id))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The id of a request, 24 upper-case hexadecimal digits, as OSS's clients expect it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub [u8; 12]);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl RequestId {
    /// The 24 digits of the id, in ASCII. Every answer has them, and `fmt` takes five times as long.
    pub fn digits(&self) -> [u8; 24] {
        // `0` to `9`, and `A` to `F` from seven further on.
        let digit = |value: u8| value + b'0' + u8::from(value > 9) * (b'A' - b':');
        let mut digits = [0; 24];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_upper_case_digits() {
        let id = RequestId([0x00, 0x1f, 0xa0, 0xff, 0x10, 0x9a, 0, 0, 0xde, 0xad, 0xbe, 0xef]);
        assert_eq!(id.to_string(), "001FA0FF109A0000DEADBEEF");
    }

    #[test]
    fn upload_ids_have_one_text() {
        let text = "0004B999EF5A239BB9138C6227D6ABCD";
        assert_eq!(text.parse::<UploadId>().unwrap().to_string(), text);
        let lower = text.to_lowercase();
        for wrong in ["", &text[1..], &format!("{text}0"), &lower, &text.replace('0', "G")] {
            assert_eq!(wrong.parse::<UploadId>(), Err(InvalidUploadId), "{wrong}");
        }
    }
}
