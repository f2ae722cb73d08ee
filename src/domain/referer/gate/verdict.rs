//! What a gate says of a request.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

use super::Outcome;
use crate::domain::code::{REFERER_EMPTY, REFERER_NOT_WHITELISTED, Reason};
use crate::domain::referer::{Allowed, DenialAnswer, Denied, Entry};

/// What a gate says of a request, and which rule said it. `Display` says it in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'g> {
    /// The request passes.
    Pass(Passed<'g>),
    /// The request is refused.
    Refuse {
        /// The rule.
        rule: Refused<'g>,
        /// What whoever is refused gets.
        answer: &'g DenialAnswer,
    },
    /// The request passes because the bucket is only monitored.
    WouldRefuse(Refused<'g>),
}

/// The rule that let a request pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed<'g> {
    /// One of the policy.
    Policy(Allowed<'g>),
    /// There is no referer, and the setting allows that.
    Missing,
}

/// The rule that stopped a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<'g> {
    /// One of the policy.
    Policy(Denied<'g>),
    /// There is no referer, and the setting denies that.
    Missing,
    /// There is no referer, and the browser tells of a cross-site embed.
    CrossSiteEmbed,
    /// The referer is no URL of a page.
    Malformed,
    /// There are several referers.
    SeveralLines,
    /// The entry fits the text, but the host of the referer is another one.
    OtherHost(Entry<'g>),
}

impl<'g> Verdict<'g> {
    /// The rule that refuses or, with a monitored bucket, would refuse.
    pub const fn refused(&self) -> Option<&Refused<'g>> {
        match self {
            Self::Pass(_) => None,
            Self::Refuse { rule, .. } | Self::WouldRefuse(rule) => Some(rule),
        }
    }

    /// Whether the request passes, marked or not.
    pub const fn passes(&self) -> bool {
        !matches!(self, Self::Refuse { .. })
    }
}

impl Refused<'_> {
    /// The refusal as the client sees it. OSS's numbers say enough: 501 for a referer that is
    /// missing, 503 for one that nothing vouches for.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Policy(denied) => denied.reason(),
            Self::Missing | Self::CrossSiteEmbed => REFERER_EMPTY,
            Self::Malformed | Self::SeveralLines | Self::OtherHost(_) => REFERER_NOT_WHITELISTED,
        }
    }
}

impl Refused<'_> {
    /// What `Display` says, for the log.
    pub fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Policy(denied) => denied.text(),
            Self::Missing
            | Self::CrossSiteEmbed
            | Self::Malformed
            | Self::SeveralLines
            | Self::OtherHost(_) => Cow::Owned(self.to_string()),
        }
    }
}

/// Of several outcomes about one request the greatest stands: refusals after passes, in the order
/// that a policy's decisions have. Two are equal only if they are the same, so the order of header lines
/// cannot show through.
pub(super) fn strictness(outcome: &Outcome<'_>) -> impl Ord + use<> {
    let (class, position) = match outcome {
        Err(Refused::Policy(Denied::Listed(entry))) => (13, entry.position),
        Err(Refused::Policy(Denied::NotListed)) => (12, 0),
        Err(Refused::OtherHost(entry)) => (11, entry.position),
        Err(Refused::Policy(Denied::TooLong)) => (10, 0),
        Err(Refused::Policy(Denied::TooManyLines)) => (9, 0),
        Err(Refused::Malformed) => (8, 0),
        Err(Refused::SeveralLines) => (7, 0),
        Err(Refused::Policy(Denied::EmptyReferer)) => (6, 0),
        Err(Refused::CrossSiteEmbed) => (5, 0),
        Err(Refused::Missing) => (4, 0),
        Ok(Passed::Policy(Allowed::Listed(entry))) => (3, entry.position),
        Ok(Passed::Policy(Allowed::NoWhitelist)) => (2, 0),
        Ok(Passed::Policy(Allowed::EmptyReferer)) => (1, 0),
        Ok(Passed::Missing) => (0, 0),
    };
    (class, Reverse(position))
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(passed) => write!(f, "allowed: {passed}"),
            Self::Refuse { rule, .. } => write!(f, "denied: {rule}"),
            Self::WouldRefuse(rule) => write!(f, "monitored, would be denied: {rule}"),
        }
    }
}

impl fmt::Display for Passed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(allowed) => allowed.fmt(f),
            Self::Missing => f.write_str("the referer is missing, which missing = allow allows"),
        }
    }
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(denied) => denied.fmt(f),
            Self::Missing => f.write_str("the referer is missing, which missing = deny denies"),
            Self::CrossSiteEmbed => {
                f.write_str("another site embeds the object and had the referer removed")
            }
            Self::Malformed => f.write_str("the referer is no http or https URL of a page"),
            Self::SeveralLines => f.write_str("the request has several Referer lines"),
            Self::OtherHost(entry) => {
                write!(f, "the host of the referer is not that of {entry} (strict hosts)")
            }
        }
    }
}
