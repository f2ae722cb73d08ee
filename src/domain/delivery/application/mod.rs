//! Programs that may have links made: by a token, for some hosts and directories, so often.

mod pace;
mod scope;

use std::fmt;
use std::str::FromStr;

use crate::domain::time::UnixMillis;

pub use pace::Pace;
pub use scope::{InvalidScope, LinkScope};

/// The name of an application: 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApplicationName(Box<str>);

/// A text that is no name of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an application's name has 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")]
pub struct InvalidApplicationName;

impl ApplicationName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ApplicationName {
    type Err = InvalidApplicationName;

    fn from_str(text: &str) -> Result<Self, InvalidApplicationName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        // Dots alone would be steps of a path in the URL of the admin API.
        let dots = text.bytes().all(|b| b == b'.');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) || dots {
            return Err(InvalidApplicationName);
        }
        Ok(Self(text.into()))
    }
}

/// An application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub name: ApplicationName,
    /// Which links it may have; empty is any of a delivery domain.
    pub scopes: Vec<LinkScope>,
    /// How many links in a minute; at least 1.
    pub per_minute: u32,
    /// When it was made.
    pub created: UnixMillis,
}

/// What no application can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApplication {
    /// Too many scopes.
    #[error("an application has at most {} scopes", Application::MAX_SCOPES)]
    Scopes,
    /// A pace of nothing, or one that is none.
    #[error("an application may have 1 to {} links in a minute", Application::MAX_PER_MINUTE)]
    PerMinute,
}

impl Application {
    /// The most scopes.
    pub const MAX_SCOPES: usize = 100;
    /// The most links in a minute.
    pub const MAX_PER_MINUTE: u32 = 1_000_000;
    /// How many links in a minute there are if nobody says.
    pub const PER_MINUTE: u32 = 600;

    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`InvalidApplication`].
    pub const fn check(&self) -> Result<(), InvalidApplication> {
        if self.scopes.len() > Self::MAX_SCOPES {
            return Err(InvalidApplication::Scopes);
        }
        if self.per_minute == 0 || self.per_minute > Self::MAX_PER_MINUTE {
            return Err(InvalidApplication::PerMinute);
        }
        Ok(())
    }

    /// Whether it may have a link to a path of a host.
    pub fn may_link(&self, host: &str, path: &str) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|scope| scope.holds(host, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "a".repeat(64);
        for name in ["shop", "A.b_c-9", &long] {
            assert_eq!(name.parse::<ApplicationName>().unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "a b", "a/b", "ä", &format!("{long}a")] {
            assert_eq!(name.parse::<ApplicationName>(), Err(InvalidApplicationName), "{name}");
        }
    }

    #[test]
    fn bounds() {
        let made = |scopes: usize, per_minute| {
            let scope: LinkScope = "a.com".parse().unwrap();
            let name = "a".parse().unwrap();
            let scopes = vec![scope; scopes];
            Application { name, scopes, per_minute, created: UnixMillis(0) }.check()
        };
        assert_eq!(made(100, 1), Ok(()));
        assert_eq!(made(0, 1_000_000), Ok(()));
        assert_eq!(made(101, 1), Err(InvalidApplication::Scopes));
        assert_eq!(made(0, 0), Err(InvalidApplication::PerMinute));
        assert_eq!(made(0, 1_000_001), Err(InvalidApplication::PerMinute));
    }
}
