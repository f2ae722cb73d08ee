//! What a bucket's owner put.

use super::Pattern;

/// A referer policy: what a bucket's owner put, and what `GetBucketReferer` gives back. The default
/// is that of a bucket whose owner never put one: everything passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether a request without a referer passes.
    pub empty: EmptyReferer,
    /// How much of the referer is compared.
    pub compare: Compare,
    /// The whitelist, in the order in which it was put.
    pub allow: Vec<Pattern>,
    /// The blacklist, in the order in which it was put.
    pub deny: Vec<Pattern>,
}

/// Whether a request without a `Referer` passes (`AllowEmptyReferer`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyReferer {
    /// It passes. OSS's default.
    #[default]
    Allow,
    /// It is denied, if there is a whitelist.
    Deny,
}

/// How much of the referer is compared. OSS's two booleans, `AllowTruncateQueryString` and
/// `TruncatePath`, have three meanings, so they are one enum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// The whole URL.
    WithQuery,
    /// The URL up to `?` or `#`. OSS's default.
    #[default]
    WithPath,
    /// `scheme://host/`. The slash is always there, once, so that a pattern that ends in one
    /// matches every page of a site and still shuts out `http://a.com.evil.net`.
    Origin,
}

/// Both lists together may hold this many bytes of text.
///
/// OSS documents "20 KB" and not how it counts. Here it is 20 × 1024 bytes of UTF-8: the entries
/// alone, trimmed and unescaped, without those that are dropped because they are empty.
pub const MAX_LIST_BYTES: usize = 20 * 1024;

impl Policy {
    /// The bytes that count towards [`MAX_LIST_BYTES`].
    pub fn list_bytes(&self) -> usize {
        self.allow.iter().chain(&self.deny).map(|pattern| pattern.as_str().len()).sum()
    }

    /// Whether either list has an entry. Without one every request passes, whatever its referer.
    pub fn has_lists(&self) -> bool {
        !self.allow.is_empty() || !self.deny.is_empty()
    }

    /// Whether the policy is the one of a bucket whose owner never put one.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_bytes_are_utf8_of_both_lists() {
        let pattern = |text| Pattern::read(text).unwrap();
        let policy =
            Policy {
                allow: vec![pattern(" ab ")], deny: vec![pattern("中")], ..Policy::default()
            };
        assert_eq!(policy.list_bytes(), 5);
        assert!(policy.has_lists() && !policy.is_default());
    }

    #[test]
    fn a_policy_without_lists_may_still_differ_from_the_default() {
        let policy = Policy { empty: EmptyReferer::Deny, ..Policy::default() };
        assert!(!policy.has_lists() && !policy.is_default());
        assert!(Policy::default().is_default());
    }
}
