//! Regions.

use std::fmt;
use std::str::FromStr;

/// An OSS region id without the `oss-` prefix, such as `cn-hangzhou`: the region of a V4
/// credential scope, and with the prefix the location of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(Box<str>);

/// A text that is not a region id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region id has 1 to 63 of a-z, 0-9 and '-' and no 'oss-' prefix, as in cn-hangzhou")]
pub struct InvalidRegion;

impl Region {
    /// The region id, as in a V4 scope.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The location of a bucket in this region, `oss-<region>`.
    pub fn location(&self) -> String {
        format!("oss-{}", self.0)
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let allowed = s.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !(1..=63).contains(&s.len()) || !allowed || s.starts_with("oss-") {
            return Err(InvalidRegion);
        }
        Ok(Self(s.into()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
