//! The part of a bucket that a delivery domain serves.

use std::fmt;
use std::str::FromStr;

use crate::domain::encode::percent_decode_bytes;
use crate::domain::name::ObjectKey;
use crate::domain::op::InvalidTarget;

/// What stands before the path in the key of every object that a domain serves: nothing, or a
/// text that ends with `/`.
///
/// Keys never become paths, so no path leads out of a prefix. One that looks as if it did is
/// refused all the same: whoever set it meant something else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(Box<str>);

/// Which rule of [`Prefix`] a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrefix {
    /// It leaves no room for a name.
    #[error("a prefix has at most {} bytes", ObjectKey::MAX_BYTES - 1)]
    Length,
    /// It begins with `/`.
    #[error("a prefix does not begin with '/': it is a part of keys")]
    Absolute,
    /// It does not end with `/`.
    #[error("a prefix ends with '/', or is empty")]
    NoSlash,
    /// It has a segment that is empty, `.` or `..`.
    #[error("a prefix has no segment that is empty, '.' or '..': it would lead out of the bucket")]
    Escapes,
    /// It has a backslash or a control character.
    #[error("a prefix has no backslash and no control character")]
    Character,
}

impl Prefix {
    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of the object at a path, which is decoded here, once. `None` for the path `/` of a
    /// domain without a prefix, which names nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`].
    pub fn key_at(&self, path: &str) -> Result<Option<ObjectKey>, InvalidTarget> {
        let decoded = percent_decode_bytes(path)?;
        let name = decoded.strip_prefix(b"/").ok_or(InvalidTarget::NotAPath)?;
        if name.is_empty() && self.0.is_empty() {
            return Ok(None);
        }
        if self.0.is_empty() {
            return Ok(Some(ObjectKey::from_bytes(name)?));
        }
        Ok(Some(ObjectKey::from_bytes(&[self.0.as_bytes(), name].concat())?))
    }

    /// Whether a key lies under the prefix.
    pub fn holds(&self, key: &ObjectKey) -> bool {
        key.as_str().starts_with(&*self.0)
    }

    /// Whether there are keys that lie under both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&*other.0) || other.0.starts_with(&*self.0)
    }
}

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() >= ObjectKey::MAX_BYTES {
            return Err(InvalidPrefix::Length);
        }
        if text.starts_with('/') {
            return Err(InvalidPrefix::Absolute);
        }
        if text.chars().any(|c| c == '\\' || c.is_control()) {
            return Err(InvalidPrefix::Character);
        }
        let segments = text.strip_suffix('/').ok_or(InvalidPrefix::NoSlash)?;
        if segments.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(InvalidPrefix::Escapes);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::InvalidObjectKey;

    #[test]
    fn which_texts_are_prefixes() {
        use InvalidPrefix::{Absolute, Character, Escapes, Length, NoSlash};
        let long = format!("{}/", "a".repeat(1022));
        #[rustfmt::skip]
        let table = [
            ("the whole bucket",        "",             Ok(())),
            ("a folder",                "video/",       Ok(())),
            ("a folder in a folder",    "video/中/",     Ok(())),
            ("dots in a name",          "a..b/.c/",     Ok(())),
            ("absolute",                "/video/",      Err(Absolute)),
            ("the root",                "/",            Err(Absolute)),
            ("no slash at its end",     "video",        Err(NoSlash)),
            ("out of the bucket",       "../other/",    Err(Escapes)),
            ("out of the bucket, late", "a/../../b/",   Err(Escapes)),
            ("here",                    "./",           Err(Escapes)),
            ("an empty segment",        "a//",          Err(Escapes)),
            ("a backslash",             "a\\..\\b/",    Err(Character)),
            ("NUL",                     "a\0/",         Err(Character)),
            ("a line break",            "a\n/",         Err(Character)),
            ("no room for a name",      &long,          Err(Length)),
        ];
        for (name, text, want) in table {
            assert_eq!(text.parse::<Prefix>().map(|_| ()), want, "{name}");
        }
    }

    #[test]
    fn keys_of_paths() {
        use InvalidTarget::{Escape, Key, NotAPath};
        let invalid = |at| Escape(crate::domain::encode::InvalidEscape(at));
        #[rustfmt::skip]
        let table = [
            ("a path",                        "",       "/a/b.mp4",     Ok(Some("a/b.mp4"))),
            ("under a prefix",                "video/", "/a.mp4",       Ok(Some("video/a.mp4"))),
            ("decoded once",                  "video/", "/%2541%20%E4%B8%AD", Ok(Some("video/%41 中"))),
            ("an escaped slash is one",       "",       "/a%2Fb",       Ok(Some("a/b"))),
            ("dots are names",                "video/", "/../x",        Ok(Some("video/../x"))),
            ("nothing",                       "",       "/",            Ok(None)),
            ("the folder itself",             "video/", "/",            Ok(Some("video/"))),
            ("a key with a leading slash",    "",       "//a",          Err(Key(InvalidObjectKey::Edge))),
            ("the same under a prefix",       "video/", "//a",          Ok(Some("video//a"))),
            ("not UTF-8",                     "",       "/%ff",         Err(Key(InvalidObjectKey::Encoding))),
            ("NUL",                           "",       "/a%00",        Err(Key(InvalidObjectKey::Nul))),
            ("half an escape",                "",       "/a%4",         Err(invalid(2))),
            ("an asterisk",                   "",       "*",            Err(NotAPath)),
        ];
        for (name, prefix, path, want) in table {
            let prefix: Prefix = prefix.parse().unwrap();
            let got = prefix.key_at(path);
            let got = got.map(|key| key.map(|key| key.as_str().to_owned()));
            assert_eq!(got, want.map(|key| key.map(str::to_owned)), "{name}");
        }
    }
}
