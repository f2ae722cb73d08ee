//! Why a request passes the referer check, is refused by it, or never comes to it: for people who
//! ask.
//!
//! # The way to the check
//!
//! | the request | what becomes of it | the first that applies |
//! | --- | --- | --- |
//! | is a preflight: nobody asks who sends it | not checked | [`Exempt::Preflight`] |
//! | has a signature that is wrong | refused | [`WhyNot::BadSignature`] |
//! | has a method that OSS never uses, or has not for this | refused | [`WhyNot::NotAllowed`] |
//! | selects two operations at once | refused | [`WhyNot::Ambiguous`] |
//! | asks for what OSS has and refgate has not | refused | [`WhyNot::NotServed`] |
//! | is about a bucket and not about an object | not checked | [`Exempt::NotAnObject`] |
//! | is signed in the `Authorization` header | not checked | [`Exempt::SignedByHeader`] |
//! | is anonymous, or signed in the URL | checked | |
//!
//! Passing the check grants nothing yet: the ACL is asked after it. A copy is two requests: one that
//! reads its source, and one that writes.

use std::fmt;

use http::HeaderMap;

use super::lint::List;
use super::{Allowed, DenialAnswer, Denied, Entry, Facts, Gate, Passed, Reasons, Refused, Verdict};
use crate::domain::acl::Access;
use crate::domain::auth::Channel;
use crate::domain::op::{
    Action, Content, Level, Resolution, Verb, resolve, unknown_parameter, unserved_feature,
};
use crate::domain::query::Query;
use crate::domain::word::words;

/// A request, as far as a referer check is concerned.
#[derive(Clone, Debug)]
pub struct Asked<'r> {
    /// The method, as it is sent: methods have case.
    pub method: &'r str,
    /// What the request is about.
    pub resource: Resource,
    /// Its query, without the parameters of a signature.
    pub query: Query,
    /// Where it has a signature.
    pub signed: Signed,
    /// Whether the signature is right.
    pub verified: bool,
    /// What it says of where it comes from.
    pub facts: Facts<'r>,
}

words! {
    /// What a request is about.
    #[derive(Default)]
    pub enum Resource {
        /// An object.
        #[default]
        Object = "object",
        /// The bucket.
        Bucket = "bucket",
    }
}

words! {
    /// Where a request has a signature.
    #[derive(Default)]
    pub enum Signed {
        /// It has none.
        #[default]
        None = "none",
        /// In the URL.
        Url = "url",
        /// In the `Authorization` header.
        Header = "header",
    }
}

/// Why the check is not made of a request that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exempt {
    /// A preflight: a browser asks what it may send, without a secret and before it sends it.
    Preflight,
    /// The operation is one on the bucket or the account.
    NotAnObject,
    /// A verified `Authorization` header: SDKs and command lines are not embedded.
    SignedByHeader,
}

/// Why the check is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// The request is let through without it.
    Exempt(Exempt),
    /// The request is refused before it, for its signature.
    BadSignature,
    /// It is refused before it, with 405: the method means nothing here.
    NotAllowed,
    /// It is refused before it, with 400: these two parameters select two operations.
    Ambiguous(&'static str, &'static str),
    /// It is refused before it, with 501: OSS has this, and refgate has not.
    NotServed(&'static str),
}

/// The part of the procedure that decided. The first four are steps of the procedure that OSS
/// documents, the next two its guards, the others go beyond OSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Empty referers are decided about.
    Empty,
    /// The blacklist matched.
    Blacklist,
    /// The whitelist was asked, or matched.
    Whitelist,
    /// There is no whitelist to be asked.
    NoWhitelist,
    /// The referer is too long to be compared.
    Length,
    /// The request has too many `Referer` lines.
    Lines,
    /// The setting for missing referers.
    Missing,
    /// The setting for missing referers, about an embed of another site.
    CrossSiteEmbed,
    /// The setting for malformed referers.
    Malformed,
    /// The same, about several `Referer` lines.
    SeveralLines,
    /// A rule of the whitelist fits the text of the referer and not its host.
    StrictHost,
}

/// The answer to "why".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'g> {
    /// The operation that is asked for, if it is served.
    pub operation: Option<Action>,
    /// Why the check is not made, if it is not.
    pub why_not: Option<WhyNot>,
    /// What the check says, or would say if it were made.
    pub reasons: Reasons<'g>,
}

/// Explains what happens to a request.
pub fn explain<'g>(gate: &'g Gate, asked: &Asked<'_>) -> Answer<'g> {
    let operation = operation(asked);
    let badly_signed = asked.signed != Signed::None && !asked.verified;
    let why_not = match operation {
        Ok(action) if action.access() == Access::Anyone => Some(WhyNot::Exempt(Exempt::Preflight)),
        Ok(_) | Err(_) if badly_signed => Some(WhyNot::BadSignature),
        Err(why_not) => Some(why_not),
        Ok(action) => Exempt::of(action, asked.signed.channel()).map(WhyNot::Exempt),
    };
    Answer { operation: operation.ok(), why_not, reasons: gate.explain(&asked.facts) }
}

fn operation(asked: &Asked<'_>) -> Result<Action, WhyNot> {
    let verb = Verb::parse(asked.method).ok_or(WhyNot::NotAllowed)?;
    let level = match asked.resource {
        Resource::Object => Level::Object,
        Resource::Bucket => Level::Bucket,
    };
    let unknown = unknown_parameter(verb, level, &asked.query);
    match resolve(verb, level, &asked.query, Content::Sent) {
        Resolution::Served(_) if unknown.is_some() => {
            Err(WhyNot::NotServed("an operation that nobody knows here"))
        }
        Resolution::Served(action) if level == Level::Object && verb != Verb::Options => {
            let feature = unserved_feature(&HeaderMap::new(), &asked.query);
            feature.map_or(Ok(action), |name| Err(WhyNot::NotServed(name)))
        }
        Resolution::Served(action) => Ok(action),
        Resolution::Unserved(name) => Err(WhyNot::NotServed(name)),
        Resolution::NotAllowed => Err(WhyNot::NotAllowed),
        Resolution::Ambiguous(one, other) => Err(WhyNot::Ambiguous(one, other)),
    }
}

impl Exempt {
    /// Why the check is not made of a request for an operation whose signature, if it has one, was
    /// verified; `None` if it is made.
    pub fn of(action: Action, signed: Option<Channel>) -> Option<Self> {
        match action.level() {
            _ if action.access() == Access::Anyone => Some(Self::Preflight),
            // The form names an object, and no header of its request is looked at.
            _ if action == Action::PostObject => None,
            Level::Service | Level::Bucket => Some(Self::NotAnObject),
            Level::Object if signed == Some(Channel::Header) => Some(Self::SignedByHeader),
            Level::Object => None,
        }
    }
}

impl Answer<'_> {
    /// Whether the request passes, as far as it is decided here.
    pub const fn is_allowed(&self) -> bool {
        match self.why_not {
            Some(why_not) => !why_not.refuses(),
            None => self.reasons.verdict.passes(),
        }
    }

    /// Whether the request passes although the check refuses it, because the bucket is monitored.
    pub const fn would_deny(&self) -> bool {
        self.why_not.is_none() && matches!(self.reasons.verdict, Verdict::WouldRefuse(_))
    }

    /// What the request gets if the check refuses it.
    pub fn denial(&self) -> Option<&DenialAnswer> {
        match (self.why_not, self.operation, self.reasons.verdict) {
            (None, Some(action), Verdict::Refuse { answer, .. }) => Some(answer.to(action)),
            _ => None,
        }
    }

    /// The `EC` of the refusal by the check, carried out or only marked.
    pub fn ec(&self) -> Option<&'static str> {
        let refused = self.reasons.verdict.refused().filter(|_| self.why_not.is_none());
        refused.and_then(|rule| rule.reason().ec)
    }
}

impl<'g> Reasons<'g> {
    /// The step that decided.
    pub const fn step(&self) -> Step {
        match self.verdict {
            Verdict::Pass(passed) => match passed {
                Passed::Missing => Step::Missing,
                Passed::Policy(Allowed::EmptyReferer) => Step::Empty,
                Passed::Policy(Allowed::NoWhitelist) => Step::NoWhitelist,
                Passed::Policy(Allowed::Listed(_)) => Step::Whitelist,
            },
            Verdict::Refuse { rule, .. } | Verdict::WouldRefuse(rule) => match rule {
                Refused::Missing => Step::Missing,
                Refused::CrossSiteEmbed => Step::CrossSiteEmbed,
                Refused::Malformed => Step::Malformed,
                Refused::SeveralLines => Step::SeveralLines,
                Refused::OtherHost(_) => Step::StrictHost,
                Refused::Policy(Denied::EmptyReferer) => Step::Empty,
                Refused::Policy(Denied::Listed(_)) => Step::Blacklist,
                Refused::Policy(Denied::NotListed) => Step::Whitelist,
                Refused::Policy(Denied::TooLong) => Step::Length,
                Refused::Policy(Denied::TooManyLines) => Step::Lines,
            },
        }
    }

    /// The rule that matched, and its list. With strict hosts it is also the one that matched the
    /// text alone.
    pub const fn rule(&self) -> Option<(List, Entry<'g>)> {
        match self.verdict {
            Verdict::Pass(Passed::Policy(Allowed::Listed(entry)))
            | Verdict::Refuse { rule: Refused::OtherHost(entry), .. }
            | Verdict::WouldRefuse(Refused::OtherHost(entry)) => Some((List::Allow, entry)),
            Verdict::Refuse { rule: Refused::Policy(Denied::Listed(entry)), .. }
            | Verdict::WouldRefuse(Refused::Policy(Denied::Listed(entry))) => {
                Some((List::Deny, entry))
            }
            Verdict::Pass(_) | Verdict::Refuse { .. } | Verdict::WouldRefuse(_) => None,
        }
    }
}

impl Signed {
    const fn channel(self) -> Option<Channel> {
        match self {
            Self::None => None,
            Self::Url => Some(Channel::Url),
            Self::Header => Some(Channel::Header),
        }
    }
}

impl WhyNot {
    /// Whether the request is refused for it.
    pub const fn refuses(self) -> bool {
        !matches!(self, Self::Exempt(_))
    }
}

impl Step {
    /// A name for scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Blacklist => "blacklist",
            Self::Whitelist => "whitelist",
            Self::NoWhitelist => "no-whitelist",
            Self::Length => "length",
            Self::Lines => "lines",
            Self::Missing => "missing",
            Self::CrossSiteEmbed => "cross-site-embed",
            Self::Malformed => "malformed",
            Self::SeveralLines => "several-lines",
            Self::StrictHost => "strict-host",
        }
    }
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exempt(Exempt::Preflight) => {
                f.write_str("the request is a preflight, which only asks what may be sent")
            }
            Self::Exempt(Exempt::NotAnObject) => {
                f.write_str("the request is not for an object, and only objects are guarded")
            }
            Self::Exempt(Exempt::SignedByHeader) => {
                f.write_str("the request is signed in the Authorization header")
            }
            Self::BadSignature => {
                f.write_str("the request is refused before it for its signature, which is wrong")
            }
            Self::NotAllowed => f.write_str(
                "the request is refused before it with 405: the method means nothing here (methods have case)",
            ),
            Self::Ambiguous(one, other) => write!(
                f,
                "the request is refused before it with 400: {one} and {other} select two operations"
            ),
            Self::NotServed(name) => {
                write!(f, "the request is refused before it with 501: {name} is not served")
            }
        }
    }
}

#[cfg(test)]
mod tests;
