//! Object keys.

use std::fmt;
use std::str::FromStr;

/// The name of an object in its bucket: 1 to 1 023 bytes of UTF-8 that do not begin with `/` or
/// `\`. Two keys are the same only if their bytes are: no case folding, no Unicode
/// normalisation, and `..`, `.` and `//` mean nothing.
///
/// A key never becomes a path: objects are stored under ids of our own.
///
/// U+0000 is refused. OSS says nothing about it; no listing format can carry it and every C
/// string ends at it.
///
/// Source: OSS "Object naming conventions".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Box<str>);

/// Which rule of [`ObjectKey`] a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObjectKey {
    /// Empty, or over 1 023 bytes.
    #[error("an object name has 1 to 1023 bytes, this one has {0}")]
    Length(usize),
    /// Begins with `/` or `\`.
    #[error("an object name does not begin with '/' or '\\'")]
    Edge,
    /// Contains U+0000.
    #[error("an object name has no NUL character")]
    Nul,
    /// Is not UTF-8.
    #[error("an object name is UTF-8")]
    Encoding,
}

impl ObjectKey {
    /// The most bytes that a key can have.
    pub const MAX_BYTES: usize = 1023;

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a key from bytes that may not be UTF-8.
    ///
    /// # Errors
    ///
    /// [`InvalidObjectKey`] names the rule that the bytes break.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidObjectKey> {
        std::str::from_utf8(bytes).map_err(|_| InvalidObjectKey::Encoding)?.parse()
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidObjectKey;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if !(1..=Self::MAX_BYTES).contains(&s.len()) {
            return Err(InvalidObjectKey::Length(s.len()));
        }
        if s.starts_with(['/', '\\']) {
            return Err(InvalidObjectKey::Edge);
        }
        if s.contains('\0') {
            return Err(InvalidObjectKey::Nul);
        }
        Ok(Self(s.into()))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const CASES: &[(&str, &[u8], Result<(), InvalidObjectKey>)] = &[
        ("one byte",                b"a",          Ok(())),
        ("dot segments are a name", b"../../etc",  Ok(())),
        ("double slash is kept",    b"a//b",       Ok(())),
        ("a folder marker",         b"a/",         Ok(())),
        ("control characters",      b"a\x01\x7fb", Ok(())),
        ("empty",                   b"",           Err(InvalidObjectKey::Length(0))),
        ("leading slash",           b"/a",         Err(InvalidObjectKey::Edge)),
        ("leading backslash",       b"\\a",        Err(InvalidObjectKey::Edge)),
        ("NUL",                     b"a\0b",       Err(InvalidObjectKey::Nul)),
        ("not UTF-8",               b"a\xff",      Err(InvalidObjectKey::Encoding)),
    ];

    #[test]
    fn naming_rule() {
        for (name, bytes, want) in CASES {
            assert_eq!(ObjectKey::from_bytes(bytes).map(|_| ()), *want, "{name}");
        }
        assert!("k".repeat(1023).parse::<ObjectKey>().is_ok());
        assert_eq!("k".repeat(1024).parse::<ObjectKey>(), Err(InvalidObjectKey::Length(1024)));
    }

    #[test]
    fn case_and_unicode_form_tell_keys_apart() {
        let key = |s: &str| s.parse::<ObjectKey>().unwrap();
        assert_ne!(key("README"), key("readme"));
        assert_ne!(key("caf\u{e9}"), key("cafe\u{301}"));
    }
}
