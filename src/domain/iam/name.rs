//! Names of users and policies.

use std::fmt;
use std::str::FromStr;

/// The number of a user, never used twice: what was given to a user who is gone fits no other of
/// the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// The name of a user: 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, and not `root`, as
/// policies call the owner.
///
/// Source: RAM "Create a RAM user", the logon name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Box<str>);

/// The name of a policy: 1 to 128 of `A-Z`, `a-z`, `0-9` and `-`.
///
/// Source: RAM "CreatePolicy", `PolicyName`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName(Box<str>);

/// Which rule a name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Of a user.
    #[error("a user's name has 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")]
    User,
    /// The owner's, who is no user.
    #[error("root is the owner and no user")]
    Root,
    /// Of a policy.
    #[error("a policy's name has 1 to 128 of A-Z, a-z, 0-9 and '-'")]
    Policy,
}

/// What policies call the owner of all buckets.
pub(super) const ROOT: &str = "root";

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(UserName);
text!(PolicyName);

impl FromStr for UserName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(InvalidName::User);
        }
        // They would be steps of a path in the URL of the admin API.
        if text.bytes().all(|b| b == b'.') {
            return Err(InvalidName::User);
        }
        if text.eq_ignore_ascii_case(ROOT) {
            return Err(InvalidName::Root);
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for PolicyName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if !(1..=128).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(InvalidName::Policy);
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_texts_are_names() {
        let long = "a".repeat(64);
        for name in ["alice", "A.b_c-9", "1234567890123456", &long] {
            assert_eq!(name.parse::<UserName>().unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "a b", "a/b", "ä", "*", &format!("{long}a")] {
            assert_eq!(name.parse::<UserName>(), Err(InvalidName::User), "{name}");
        }
        assert_eq!("Root".parse::<UserName>(), Err(InvalidName::Root));
        let long = "p".repeat(128);
        for name in ["read-only", "P1", &long] {
            assert_eq!(name.parse::<PolicyName>().unwrap().as_str(), name);
        }
        for name in ["", "a.b", "a b", &format!("{long}p")] {
            assert_eq!(name.parse::<PolicyName>(), Err(InvalidName::Policy), "{name}");
        }
    }
}
