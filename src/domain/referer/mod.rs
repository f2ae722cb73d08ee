//! Referer policy ("hotlink protection") of a bucket.
//!
//! A policy is read once ([`Policy`]), compiled once ([`Matcher`]) and then asked for every
//! request. Everything here is a pure function of its arguments.
//!
//! # Order of rules
//!
//! | referer | rule, first that applies | decision | `EC` |
//! | --- | --- | --- | --- |
//! | any | over [`MAX_LINES`] `Referer` lines, and a list is set | deny | 503 |
//! | empty | the policy allows an empty referer | allow | |
//! | empty | the whitelist is empty | allow | |
//! | empty | otherwise | deny | 501 |
//! | present | neither list has an entry | allow | |
//! | present | longer than [`MAX_REFERER_BYTES`] | deny | 503 |
//! | present | an entry of the blacklist matches | deny | 502 |
//! | present | the whitelist is empty | allow | |
//! | present | an entry of the whitelist matches | allow | |
//! | present | otherwise | deny | 503 |
//!
//! A `Referer` that is absent, or that has no value but blanks, is empty. An entry matches when it
//! fits the *beginning* of the subject: `http://a.com` also fits `http://a.com.cn`, as OSS
//! documents. `*` is any run of characters, `?` exactly one; there is no escape, so an entry
//! cannot ask for a literal `*` or `?`.
//!
//! That is OSS. A bucket's owner can ask for more, which the [`Gate`] adds around it; see there.
//!
//! # What this module does not decide
//!
//! Whether a policy applies at all: OSS skips it for requests that were signed in the
//! `Authorization` header. The way of a request decides that.
//!
//! # Not documented, decided here
//!
//! - *Case.* The whole string is compared without regard to ASCII case; the page says so for the
//!   query only. Other letters differ by case, and nothing is percent-decoded or normalised.
//! - *Truncation.* `#` ends a referer like `?` does. `TruncatePath` keeps one slash
//!   ([`Compare::Origin`]). Entries are never truncated.
//! - *Several `Referer` lines.* Each is decided and the strictest decision stands, whatever the
//!   order; an empty line among them is decided as empty.
//! - *Bytes that are not UTF-8* are read as U+FFFD. They never make a referer empty.
//! - *A character* is a Unicode scalar value, for `?` too.
//!
//! # Sources
//!
//! OSS "Configure Referer whitelists or blacklists to prevent hotlinking", `PutBucketReferer`, and
//! the pages of `EC` 0003-00000501, -502 and -503. W3C "Referrer Policy" for what browsers send.

mod cache;
mod change;
mod compiled;
mod decision;
pub mod explain;
mod extras;
pub mod gate;
pub(in crate::domain) mod glob;
mod history;
mod index;
pub mod lint;
mod matcher;
mod patience;
mod pattern;
mod plain;
mod policy;
mod rank;
mod rules;
mod scan;
mod subject;
mod texts;
mod url;

pub use change::{
    Edited, InvalidRule, KnownRules, ListDiff, MAX_LARGE_LIST_BYTES, MAX_RULE_BYTES, MAX_RULES,
    Placed, diff, edit, read_rule,
};
pub use decision::{Allowed, Decision, Denied, Entry};
pub use extras::{
    DenialAnswer, Extras, HostRule, InvalidRedirectUrl, MalformedReferer, MissingReferer, Mode,
    RedirectUrl,
};
pub use gate::{DependsOn, Facts, FactsBuf, Gate, Passed, Reasons, Refused, Verdict};
pub use history::{How, Newer, PolicyVersion, Record, VersionSummary, lost};
pub use matcher::{Engine, Explanation, Matcher};
pub use pattern::Pattern;
pub use policy::{Compare, EmptyReferer, MAX_LIST_BYTES, Policy};
pub use subject::{MAX_LINES, MAX_REFERER_BYTES, Referers, is_settled};

use rank::Rank;

#[cfg(test)]
mod tests;
