//! Referer policies.

use std::fmt::Write as _;

/// A policy that knows one friend and one enemy, and wants to know who asks.
pub(crate) const STRICT: Policy = Policy {
    allow_empty: false,
    white: &["http://good.example/"],
    black: &["http://evil.example/"],
};

/// A policy that denies nothing: what OSS resets a bucket to.
pub(crate) const OPEN: Policy = Policy { allow_empty: true, white: &[], black: &[] };

/// Referers that [`STRICT`] allows, has on its blacklist, and does not know.
pub(crate) const GOOD: &str = "http://good.example/page";
pub(crate) const EVIL: &str = "http://evil.example/page";
pub(crate) const OTHER: &str = "http://other.example/page";

/// The `EC` of denials. Source: OSS "0003-00000501", "0003-00000502", "0003-00000503".
pub(crate) const EMPTY_EC: &str = "0003-00000501";
pub(crate) const BLACK_EC: &str = "0003-00000502";
pub(crate) const OTHER_EC: &str = "0003-00000503";

/// What `PutBucketReferer` takes, as far as the tests vary it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) allow_empty: bool,
    pub(crate) white: &'static [&'static str],
    pub(crate) black: &'static [&'static str],
}

impl Policy {
    /// The body of a request, as the manual shows it.
    pub(crate) fn xml(&self) -> String {
        let list = |name: &str, entries: &[&str]| {
            let mut text = format!("<{name}>");
            for entry in entries {
                write!(text, "<Referer>{entry}</Referer>").unwrap();
            }
            text + &format!("</{name}>")
        };
        format!(
            "<RefererConfiguration><AllowEmptyReferer>{}</AllowEmptyReferer>{}{}\
             </RefererConfiguration>",
            self.allow_empty,
            list("RefererList", self.white),
            list("RefererBlacklist", self.black),
        )
    }
}
