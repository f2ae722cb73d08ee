//! What a policy says of a request.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

use super::{MAX_LINES, MAX_REFERER_BYTES, Pattern};
use crate::domain::code::{REFERER_BLACKLISTED, REFERER_EMPTY, REFERER_NOT_WHITELISTED, Reason};

/// What the policy says, and which rule said it. Two types of rule, because no rule can do both:
/// "denied because it is on the whitelist" is not a value. `Display` says it in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'p> {
    /// The request passes.
    Allow(Allowed<'p>),
    /// The request is refused.
    Deny(Denied<'p>),
}

/// The rule that let a request pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed<'p> {
    /// The referer is empty and the policy allows that.
    EmptyReferer,
    /// There is no whitelist, and the blacklist does not name the referer.
    NoWhitelist,
    /// The whitelist names the referer.
    Listed(Entry<'p>),
}

/// The rule that stopped a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied<'p> {
    /// The referer is empty.
    EmptyReferer,
    /// The blacklist names the referer.
    Listed(Entry<'p>),
    /// The whitelist does not name the referer.
    NotListed,
    /// The referer is over [`MAX_REFERER_BYTES`], so nothing can vouch for it.
    TooLong,
    /// The request has over [`MAX_LINES`] `Referer` lines, so nothing can vouch for it.
    TooManyLines,
}

/// The entry of a list that matched: the first, if several do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'p> {
    /// Where in its list, from 0.
    pub position: usize,
    /// The entry.
    pub pattern: &'p Pattern,
}

impl<'p> Entry<'p> {
    /// The entry of a list at a position, if there is one.
    pub(super) fn of(list: &'p [Pattern], position: usize) -> Option<Self> {
        Some(Self { position, pattern: list.get(position)? })
    }
}

impl Decision<'_> {
    /// Whether the request passes.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// Of several decisions about one request the greatest stands. Denials come after permissions
    /// and in the order of their `EC`: blacklist, whitelist, empty. Two decisions are equal in
    /// strictness only if they are equal, so the order of header lines cannot show through.
    pub(super) fn strictness(&self) -> impl Ord + use<> {
        let (class, position) = match self {
            Self::Deny(Denied::Listed(entry)) => (7, entry.position),
            Self::Deny(Denied::NotListed) => (6, 0),
            Self::Deny(Denied::TooLong) => (5, 0),
            Self::Deny(Denied::TooManyLines) => (4, 0),
            Self::Deny(Denied::EmptyReferer) => (3, 0),
            Self::Allow(Allowed::Listed(entry)) => (2, entry.position),
            Self::Allow(Allowed::NoWhitelist) => (1, 0),
            Self::Allow(Allowed::EmptyReferer) => (0, 0),
        };
        (class, Reverse(position))
    }
}

impl Denied<'_> {
    /// The refusal as the client sees it: an `EC` is all that it learns of the rule.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::EmptyReferer => REFERER_EMPTY,
            Self::Listed(_) => REFERER_BLACKLISTED,
            Self::NotListed | Self::TooLong | Self::TooManyLines => REFERER_NOT_WHITELISTED,
        }
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow(allowed) => write!(f, "allowed: {allowed}"),
            Self::Deny(denied) => write!(f, "denied: {denied}"),
        }
    }
}

impl fmt::Display for Allowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyReferer => f.write_str("empty referers are allowed"),
            Self::NoWhitelist => f.write_str("not on the blacklist, and there is no whitelist"),
            Self::Listed(entry) => write!(f, "on the whitelist, {entry}"),
        }
    }
}

impl Denied<'_> {
    const EMPTY: &'static str = "the referer is empty";
    const NOT_LISTED: &'static str = "not on the whitelist";

    /// What `Display` says. Most of it is always the same, and need not be written anew for each of many
    /// refusals.
    pub(in crate::domain) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::EmptyReferer => Cow::Borrowed(Self::EMPTY),
            Self::NotListed => Cow::Borrowed(Self::NOT_LISTED),
            Self::Listed(_) | Self::TooLong | Self::TooManyLines => Cow::Owned(self.to_string()),
        }
    }
}

impl fmt::Display for Denied<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyReferer => f.write_str(Self::EMPTY),
            Self::Listed(entry) => write!(f, "on the blacklist, {entry}"),
            Self::NotListed => f.write_str(Self::NOT_LISTED),
            Self::TooLong => write!(f, "the referer has over {MAX_REFERER_BYTES} bytes"),
            Self::TooManyLines => write!(f, "the request has over {MAX_LINES} Referer lines"),
        }
    }
}

/// People count rules from 1: `` rule 3 `http://*.deny.com` `` is the entry at position 2.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} `{}`", self.position.saturating_add(1), self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_says_its_rule_in_one_line() {
        let pattern = Pattern::read("http://*.deny.com").unwrap();
        let entry = Entry { position: 2, pattern: &pattern };
        #[rustfmt::skip]
        let table = [
            (Decision::Allow(Allowed::EmptyReferer), "allowed: empty referers are allowed"),
            (Decision::Allow(Allowed::NoWhitelist), "allowed: not on the blacklist, and there is no whitelist"),
            (Decision::Allow(Allowed::Listed(entry)), "allowed: on the whitelist, rule 3 `http://*.deny.com`"),
            (Decision::Deny(Denied::EmptyReferer), "denied: the referer is empty"),
            (Decision::Deny(Denied::Listed(entry)), "denied: on the blacklist, rule 3 `http://*.deny.com`"),
            (Decision::Deny(Denied::NotListed), "denied: not on the whitelist"),
            (Decision::Deny(Denied::TooLong), "denied: the referer has over 4096 bytes"),
            (Decision::Deny(Denied::TooManyLines), "denied: the request has over 4 Referer lines"),
        ];
        for (decision, want) in table {
            assert_eq!(decision.to_string(), want);
        }
    }

    #[test]
    fn denials_have_the_numbers_of_the_error_pages() {
        let pattern = Pattern::read("x").unwrap();
        let entry = Entry { position: 0, pattern: &pattern };
        for (denied, ec) in [
            (Denied::EmptyReferer, "0003-00000501"),
            (Denied::Listed(entry), "0003-00000502"),
            (Denied::NotListed, "0003-00000503"),
            (Denied::TooLong, "0003-00000503"),
            (Denied::TooManyLines, "0003-00000503"),
        ] {
            let reason = denied.reason();
            assert_eq!(reason.ec, Some(ec));
            assert_eq!(reason.message, "You are denied by bucket referer policy.");
        }
    }
}
