//! Bucket names.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// A bucket name that satisfies OSS's naming rule: 3 to 63 bytes of `a-z`, `0-9` and `-`,
/// beginning and ending with a letter or a digit.
///
/// Because `.` and `/` cannot occur, a `BucketName` is always exactly one DNS label and one
/// path segment, so callers join it into a host or a path without checking again. Because `_`
/// cannot occur, reserved first segments such as `_vod` never collide with a bucket.
///
/// Source: OSS "Bucket naming conventions".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Box<str>);

/// Which rule of [`BucketName`] a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBucketName {
    /// The text is too short or too long.
    #[error("a bucket name has 3 to 63 bytes, this one has {0}")]
    Length(usize),
    /// A character outside `a-z`, `0-9`, `-`.
    #[error("a bucket name has only a-z, 0-9 and '-', this one has {0:?}")]
    Char(char),
    /// `-` at either end.
    #[error("a bucket name begins and ends with a letter or a digit")]
    Edge,
}

impl BucketName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = InvalidBucketName;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
        if !(3..=63).contains(&s.len()) {
            return Err(InvalidBucketName::Length(s.len()));
        }
        if let Some(c) = s.chars().find(|&c| !allowed(c)) {
            return Err(InvalidBucketName::Char(c));
        }
        if s.starts_with('-') || s.ends_with('-') {
            return Err(InvalidBucketName::Edge);
        }
        Ok(Self(s.into()))
    }
}

impl Borrow<str> for BucketName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const CASES: &[(&str, &str, Result<(), InvalidBucketName>)] = &[
        ("shortest",               "abc",   Ok(())),
        ("digits and hyphen",      "0-9",   Ok(())),
        ("two bytes",              "ab",    Err(InvalidBucketName::Length(2))),
        ("upper case",             "Abc",   Err(InvalidBucketName::Char('A'))),
        ("dot would be two labels","a.b",   Err(InvalidBucketName::Char('.'))),
        ("slash would be a path",  "a/b",   Err(InvalidBucketName::Char('/'))),
        ("underscore is reserved", "_vod",  Err(InvalidBucketName::Char('_'))),
        ("leading hyphen",         "-ab",   Err(InvalidBucketName::Edge)),
        ("trailing hyphen",        "ab-",   Err(InvalidBucketName::Edge)),
        ("non-ASCII digit",        "ab٣",   Err(InvalidBucketName::Char('٣'))),
    ];

    #[test]
    fn naming_rule() {
        for (name, text, want) in CASES {
            assert_eq!(text.parse::<BucketName>().map(|_| ()), *want, "{name}");
        }
        assert!("a".repeat(63).parse::<BucketName>().is_ok());
        assert_eq!("a".repeat(64).parse::<BucketName>(), Err(InvalidBucketName::Length(64)));
    }
}
