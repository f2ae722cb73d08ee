//! The history of a policy: every change of it is a version, numbered from 1 in its bucket.
//!
//! Putting the policy that is there already changes nothing and makes no version. A version is
//! never changed; going back to one makes a new version.

use std::fmt;

use super::{Compare, Policy};
use crate::domain::name::AccessKeyId;
use crate::domain::time::UnixMillis;

/// The number of a version. 0 is the default policy of a bucket for which nothing was ever put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyVersion(pub i64);

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Declares [`How`]: each way with its word, so that the word that is stored is the one that is
/// shown.
macro_rules! ways {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// In which way a policy was changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum How { $($(#[$doc])* $name),* }

        impl How {
            /// Every way, for tests and documentation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

ways! {
    /// `PutBucketReferer`.
    OssPut = "oss-put";
    /// The whole policy through the JSON API.
    ApiPut = "api-put";
    /// One list as lines of text.
    ApiLines = "api-lines";
    /// Single rules were added.
    Add = "add";
    /// Single rules were removed.
    Remove = "remove";
    /// Single rules were added and others removed.
    Edit = "edit";
    /// What a lint would change was changed.
    LintFix = "lint-fix";
    /// The policy of another product, read.
    Import = "import";
    /// Back to the default policy.
    Reset = "reset";
    /// Back to an earlier version.
    Rollback = "rollback";
    /// It was there before there was a history.
    Found = "found";
}

impl How {
    /// The way of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|how| how.as_str() == word)
    }
}

/// What is recorded of a change beside the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: UnixMillis,
    /// By which access key; nobody knows of what was there before there was a history.
    pub who: Option<AccessKeyId>,
    /// In which way.
    pub how: How,
    /// What else there is to say of it, in words; often nothing.
    pub note: String,
}

/// A version as a list of them shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSummary {
    /// Its number.
    pub version: PolicyVersion,
    /// What is recorded of it.
    pub record: Record,
    /// The number of rules of the whitelist.
    pub allow: u64,
    /// The number of rules of the blacklist.
    pub deny: u64,
    /// The bytes of its rules.
    pub bytes: u64,
}

/// A part of a policy that OSS added after its first SDKs. A client that does not know it cannot
/// send it, and so clears it with every policy that it puts.
///
/// Source: OSS "PutBucketReferer" (it replaces the whole configuration), the marshallers of the
/// SDKs for JavaScript, Ruby, C, C++, C# and PHP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newer {
    /// `AllowTruncateQueryString`; true if it is not sent.
    TruncateQuery,
    /// `TruncatePath`; false if it is not sent.
    TruncatePath,
    /// `RefererBlacklist`; empty if it is not sent.
    Blacklist,
}

/// Says what a policy lost because the request that replaced it did not have these parts. `None`
/// if it lost nothing.
pub fn lost(old: &Policy, absent: &[Newer]) -> Option<String> {
    let words: Vec<String> = absent
        .iter()
        .filter_map(|part| match part {
            Newer::Blacklist if !old.deny.is_empty() => {
                Some(format!("RefererBlacklist ({} rules)", old.deny.len()))
            }
            Newer::TruncateQuery if old.compare == Compare::WithQuery => {
                Some("AllowTruncateQueryString (false)".to_owned())
            }
            Newer::TruncatePath if old.compare == Compare::Origin => {
                Some("TruncatePath (true)".to_owned())
            }
            Newer::Blacklist | Newer::TruncateQuery | Newer::TruncatePath => None,
        })
        .collect();
    (!words.is_empty()).then(|| format!("dropped, not in the request: {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::Pattern;

    #[test]
    fn each_way_has_a_word() {
        for how in How::ALL {
            assert_eq!(How::parse(how.as_str()), Some(*how));
        }
        assert_eq!(How::parse("Add"), None);
    }

    #[test]
    fn what_an_old_client_drops_is_named() {
        const ALL: &[Newer] = &[Newer::TruncateQuery, Newer::TruncatePath, Newer::Blacklist];
        let deny = vec![Pattern::read("a").unwrap(), Pattern::read("b").unwrap()];
        let policy = |compare, deny| Policy { compare, deny, ..Policy::default() };
        #[rustfmt::skip]
        let table = [
            (Policy::default(), ALL, None),
            (policy(Compare::WithQuery, vec![]), ALL, Some("dropped, not in the request: AllowTruncateQueryString (false)")),
            (policy(Compare::WithQuery, vec![]), &[Newer::TruncatePath, Newer::Blacklist], None),
            (policy(Compare::Origin, deny.clone()), ALL, Some("dropped, not in the request: TruncatePath (true), RefererBlacklist (2 rules)")),
            (policy(Compare::Origin, deny), &[], None),
        ];
        for (old, absent, want) in table {
            assert_eq!(lost(&old, absent).as_deref(), want, "{old:?}");
        }
    }
}
