//! Copies: what is copied, and what becomes of it.
//!
//! Source: OSS "CopyObject", "UploadPartCopy".

use super::ObjectKind;
use crate::domain::encode::form_decode_bytes;
use crate::domain::name::{BucketName, InvalidBucketName, InvalidObjectKey, ObjectKey};

/// The largest object that is copied as a whole from one bucket into another: OSS's limit. Within
/// a bucket there is none.
pub const MAX_COPY_BYTES: u64 = 5 << 30;

/// The object that a request copies: `x-oss-copy-source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: BucketName,
    /// Its key.
    pub key: ObjectKey,
}

/// Why a text does not name a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCopySource {
    /// Not `/bucket/key`, percent-encoded, with `?versionId=` at the most.
    #[error("the source of a copy is a percent-encoded /bucket/key")]
    Shape,
    /// The bucket is none.
    #[error(transparent)]
    Bucket(#[from] InvalidBucketName),
    /// The key is none.
    #[error(transparent)]
    Key(#[from] InvalidObjectKey),
    /// It names a version.
    #[error("versions are not implemented")]
    Version,
}

impl CopySource {
    /// Reads `/bucket/key` with an optional `?versionId=`.
    ///
    /// # Errors
    ///
    /// [`InvalidCopySource`].
    pub fn read(text: &str) -> Result<Self, InvalidCopySource> {
        let (path, version) = match text.split_once('?') {
            None => (text, None),
            Some((path, query)) => (path, Some(query)),
        };
        let path = form_decode_bytes(path).map_err(|_| InvalidCopySource::Shape)?;
        let path = path.strip_prefix(b"/").ok_or(InvalidCopySource::Shape)?;
        let slash = path.iter().position(|byte| *byte == b'/');
        let (bucket, key) = path.split_at(slash.ok_or(InvalidCopySource::Shape)?);
        let bucket = String::from_utf8_lossy(bucket).parse()?;
        let key = ObjectKey::from_bytes(key.strip_prefix(b"/").unwrap_or(key))?;
        match version {
            None | Some("versionId=null") => Ok(Self { bucket, key }),
            Some(query) if query.starts_with("versionId=") => Err(InvalidCopySource::Version),
            Some(_) => Err(InvalidCopySource::Shape),
        }
    }
}

/// What becomes of something that the source has and the request may bring:
/// `x-oss-metadata-directive`, `x-oss-tagging-directive`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directive {
    /// The copy has what the source has.
    #[default]
    Copy,
    /// The copy has what the request brings.
    Replace,
}

impl Directive {
    /// Reads the word, which OSS writes in capitals in one header and not in the other.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("copy") {
            Some(Self::Copy)
        } else {
            text.eq_ignore_ascii_case("replace").then_some(Self::Replace)
        }
    }

    /// What a directive for headers comes to: an object that is copied onto itself has what the
    /// request brings, whatever that says.
    #[must_use]
    pub const fn for_copy(self, is_itself: bool) -> Self {
        if is_itself { Self::Replace } else { self }
    }
}

/// The kind of a copy. An appendable object cannot be appended to under a name that was not
/// appended to; where an object is copied onto itself, only what is said of it changes.
pub const fn kind_of_copy(source: ObjectKind, is_itself: bool) -> ObjectKind {
    match source {
        ObjectKind::Appendable if !is_itself => ObjectKind::Normal,
        kind @ (ObjectKind::Normal
        | ObjectKind::Multipart
        | ObjectKind::Appendable
        | ObjectKind::Symlink) => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        use InvalidCopySource::{Bucket, Key, Shape, Version};
        let shown = |source: CopySource| format!("{}|{}", source.bucket, source.key);
        #[rustfmt::skip]
        let table = [
            ("OSS: plain",                        "/oss-example/oss.jpg",        Ok("oss-example|oss.jpg")),
            ("oss2 escapes slashes",              "/abc/a%2Fb%20c%2Bd.txt",      Ok("abc|a/b c+d.txt")),
            ("the Go SDK escapes as a form",      "/abc/a+b%2B",                 Ok("abc|a b+")),
            ("the whole escaped",                 "%2Fabc%2Fk",                  Ok("abc|k")),
            ("a question mark in the key",        "/abc/a%3FversionId=1",        Ok("abc|a?versionId=1")),
            ("not ASCII",                         "/abc/%E4%BD%A0",              Ok("abc|你")),
            ("the version that there is",         "/abc/k?versionId=null",       Ok("abc|k")),
            ("another version",                   "/abc/k?versionId=CAEQ",       Err(Version)),
            ("another parameter",                 "/abc/k?x=1",                  Err(Shape)),
            ("OSS: no slash before it",           "oss-example/src-object",      Err(Shape)),
            ("no key",                            "/abc",                        Err(Shape)),
            ("an empty key",                      "/abc/",                       Err(Key(InvalidObjectKey::Length(0)))),
            ("a key that begins with a slash",    "/abc//k",                     Err(Key(InvalidObjectKey::Edge))),
            ("no bucket",                         "//k",                         Err(Bucket(InvalidBucketName::Length(0)))),
            ("a folder above",                    "/../k",                       Err(Bucket(InvalidBucketName::Length(2)))),
            ("a URL",                             "http://abc/k",                Err(Shape)),
            ("not UTF-8",                         "/abc/%ff",                    Err(Key(InvalidObjectKey::Encoding))),
            ("a lone percent",                    "/abc/%f",                     Err(Shape)),
            ("nothing",                           "",                            Err(Shape)),
        ];
        for (name, text, want) in table {
            assert_eq!(CopySource::read(text).map(shown), want.map(str::to_owned), "{name}");
        }
    }

    #[test]
    fn kinds_of_copies() {
        use ObjectKind::{Appendable, Multipart, Normal, Symlink};
        #[rustfmt::skip]
        let table = [
            (Normal,     Normal,    Normal),
            (Multipart,  Multipart, Multipart),
            (Appendable, Normal,    Appendable),
            (Symlink,    Symlink,   Symlink),
        ];
        for (kind, elsewhere, onto_itself) in table {
            assert_eq!(kind_of_copy(kind, false), elsewhere, "{kind:?}");
            assert_eq!(kind_of_copy(kind, true), onto_itself, "{kind:?}");
        }
    }

    proptest::proptest! {
        /// What is read means what was written, and whatever is written is read or refused.
        #[test]
        fn any_text_is_a_source_or_none(text in ".*", key in "[^/\\\\\0].{0,40}") {
            let _ = CopySource::read(&text);
            let escaped = format!("/abc/{}", crate::domain::encode::percent_encode(&key));
            let source = CopySource::read(&escaped);
            proptest::prop_assert!(key.contains('\0') || source.is_ok_and(|s| s.key.as_str() == key));
        }
    }

    #[test]
    fn directives() {
        for text in ["COPY", "Copy", "copy"] {
            assert_eq!(Directive::parse(text), Some(Directive::Copy));
        }
        assert_eq!(Directive::parse("REPLACE"), Some(Directive::Replace));
        assert_eq!(Directive::parse("REPLACED"), None);
    }
}
