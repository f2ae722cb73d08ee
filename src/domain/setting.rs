//! What decides about the requests for a bucket beside its referer policy, and what is recorded of
//! a change of it. A policy has a [history](crate::domain::referer::How) of its own.

use crate::domain::acl::BucketAcl;
use crate::domain::name::AccessKeyId;
use crate::domain::referer::Extras;
use crate::domain::time::UnixMillis;
use crate::domain::word::words;

/// A value and the one that replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap<T> {
    /// The value before the change.
    pub old: T,
    /// The value after it.
    pub new: T,
}

/// A change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Of the ACL.
    Acl(Swap<BucketAcl>),
    /// Of what goes beyond OSS's referer policy.
    Referer(Box<Swap<Extras>>),
    /// Of the most bytes of rules that `PutBucketReferer` may bring; `None` is OSS's limit.
    RefererLimit(Swap<Option<u32>>),
}

impl Change {
    /// The setting in one word, which is stored and shown.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Acl(_) => "acl",
            Self::Referer(_) => "referer-settings",
            Self::RefererLimit(_) => "referer-limit",
        }
    }

    /// Whether the new value is the old one.
    pub fn is_none(&self) -> bool {
        match self {
            Self::Acl(Swap { old, new }) => old == new,
            Self::Referer(swap) => swap.old == swap.new,
            Self::RefererLimit(Swap { old, new }) => old == new,
        }
    }
}

words! {
    /// In which way a setting was changed.
    pub enum Way {
        /// Through the JSON API.
        Api = "api",
        /// By a reset of the referer policy.
        Reset = "reset",
        /// `PutBucketAcl`.
        PutBucketAcl = "put-bucket-acl",
        /// `PutBucket` of a bucket that was there.
        PutBucket = "put-bucket",
    }
}

/// Who changed a setting, when, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedBy {
    /// When.
    pub at: UnixMillis,
    /// The access key.
    pub who: AccessKeyId,
    /// The way.
    pub how: Way,
}

/// The number of a change. Later ones are greater, across all buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeNumber(pub i64);

/// A change as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChange {
    /// Its number.
    pub number: ChangeNumber,
    /// By whom.
    pub by: ChangedBy,
    /// What it was.
    pub change: Change,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_is_no_change() {
        let acl = |old, new| Change::Acl(Swap { old, new });
        assert!(acl(BucketAcl::Private, BucketAcl::Private).is_none());
        assert!(!acl(BucketAcl::Private, BucketAcl::PublicRead).is_none());
        let limit = |old, new| Change::RefererLimit(Swap { old, new });
        assert!(limit(None, None).is_none());
        assert!(!limit(None, Some(20_480)).is_none(), "what OSS's limit will be is OSS's choice");
    }
}
