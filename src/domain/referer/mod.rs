//! Referer policy ("hotlink protection") of a bucket.

/// A referer policy: what a bucket's owner put, and what `GetBucketReferer` gives back.
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
    /// `scheme://host/`.
    Origin,
}

/// A pattern of referers, as the bucket's owner wrote it, without white space around it. Never
/// empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Takes an entry of a list. OSS trims entries, drops empty ones and checks nothing more:
    /// `mibrowser:home` is a pattern.
    pub fn read(entry: &str) -> Option<Self> {
        let entry = entry.trim();
        (!entry.is_empty()).then(|| Self(entry.into()))
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
