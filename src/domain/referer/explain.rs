//! Why a request passes or is refused, for people who ask.

use std::fmt;

use super::lint::List;
use super::{Allowed, Decision, Denied, Entry, Explanation, Matcher, Referers};

/// A request, as far as a referer policy is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The method, as it is sent.
    pub method: &'r str,
    /// What proves who sends it.
    pub signed: Signed,
    /// Its `Referer`.
    pub referers: Referers<'r>,
}

/// Where a request has its signature, which is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signed {
    /// It has none.
    #[default]
    None,
    /// In the URL.
    Url,
    /// In the `Authorization` header.
    Header,
}

/// Why a policy is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exempt {
    /// A verified `Authorization` header: SDKs and command lines are not embedded.
    SignedByHeader,
    /// `OPTIONS`: a browser asks what it may send, without a secret and before it sends it.
    Preflight,
}

/// The part of the procedure that decided. The first four are steps of the documented procedure,
/// the others its guards.
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
}

/// The answer to "why".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'m> {
    /// Why the policy is not asked, if it is not. The request passes then, whatever the rest says.
    pub exempt: Option<Exempt>,
    /// What the policy says, or would say if it were asked.
    pub explanation: Explanation<'m>,
}

/// Explains what happens to a request for an object.
pub fn explain<'m>(matcher: &'m Matcher, asked: &Asked<'_>) -> Answer<'m> {
    let exempt = match asked.signed {
        Signed::Header => Some(Exempt::SignedByHeader),
        Signed::None | Signed::Url => (asked.method == "OPTIONS").then_some(Exempt::Preflight),
    };
    Answer { exempt, explanation: matcher.explain(&asked.referers) }
}

impl<'m> Answer<'m> {
    /// Whether the request passes.
    pub const fn is_allowed(&self) -> bool {
        self.exempt.is_some() || self.explanation.decision.is_allowed()
    }

    /// The step that decided.
    pub const fn step(&self) -> Step {
        match self.explanation.decision {
            Decision::Allow(Allowed::EmptyReferer) | Decision::Deny(Denied::EmptyReferer) => {
                Step::Empty
            }
            Decision::Allow(Allowed::NoWhitelist) => Step::NoWhitelist,
            Decision::Deny(Denied::Listed(_)) => Step::Blacklist,
            Decision::Allow(Allowed::Listed(_)) | Decision::Deny(Denied::NotListed) => {
                Step::Whitelist
            }
            Decision::Deny(Denied::TooLong) => Step::Length,
            Decision::Deny(Denied::TooManyLines) => Step::Lines,
        }
    }

    /// The rule that matched, and its list.
    pub const fn rule(&self) -> Option<(List, Entry<'m>)> {
        match self.explanation.decision {
            Decision::Allow(Allowed::Listed(entry)) => Some((List::Allow, entry)),
            Decision::Deny(Denied::Listed(entry)) => Some((List::Deny, entry)),
            Decision::Allow(Allowed::EmptyReferer | Allowed::NoWhitelist)
            | Decision::Deny(
                Denied::EmptyReferer | Denied::NotListed | Denied::TooLong | Denied::TooManyLines,
            ) => None,
        }
    }

    /// The `EC` that a denial has.
    pub const fn ec(&self) -> Option<&'static str> {
        match self.explanation.decision {
            Decision::Deny(denied) if self.exempt.is_none() => denied.reason().ec,
            Decision::Allow(_) | Decision::Deny(_) => None,
        }
    }
}

impl Signed {
    /// A name for scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Url => "url",
            Self::Header => "header",
        }
    }
}

impl Exempt {
    /// A name for scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedByHeader => "signed-by-header",
            Self::Preflight => "preflight",
        }
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
        }
    }
}

impl fmt::Display for Exempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignedByHeader => "the request is signed in the Authorization header",
            Self::Preflight => "it is a preflight, which only asks what may be sent",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{EmptyReferer, Pattern, Policy};

    #[test]
    fn answers() {
        let read = |list: &[&str]| list.iter().filter_map(|text| Pattern::read(text)).collect();
        let policy = Policy {
            empty: EmptyReferer::Deny,
            allow: read(&["http://b.com/", "http://a.com/"]),
            deny: read(&["http://a.com/bad"]),
            ..Policy::default()
        };
        let matcher = Matcher::new(policy);
        let long = "x".repeat(5000);
        let (none, url, header) = (Signed::None, Signed::Url, Signed::Header);
        #[rustfmt::skip]
        let table = [
            ("whitelisted", "GET", none, Some("HTTP://a.com/x?y"), (true, None, Step::Whitelist, Some((List::Allow, 1)), None)),
            ("a signed URL is asked", "GET", url, Some("http://c.com/"), (false, None, Step::Whitelist, None, Some("0003-00000503"))),
            ("a header is not", "GET", header, Some("http://c.com/"), (true, Some(Exempt::SignedByHeader), Step::Whitelist, None, None)),
            ("nor a preflight", "OPTIONS", none, None, (true, Some(Exempt::Preflight), Step::Empty, None, None)),
            ("blacklisted", "PUT", none, Some("http://a.com/bad"), (false, None, Step::Blacklist, Some((List::Deny, 0)), Some("0003-00000502"))),
            ("empty", "HEAD", none, None, (false, None, Step::Empty, None, Some("0003-00000501"))),
            ("too long", "GET", none, Some(&*long), (false, None, Step::Length, None, Some("0003-00000503"))),
        ];
        for (name, method, signed, referer, want) in table {
            let referers = Referers::read(referer.map(str::as_bytes));
            let answer = explain(&matcher, &Asked { method, signed, referers });
            let rule = answer.rule().map(|(list, entry)| (list, entry.position));
            let got = (answer.is_allowed(), answer.exempt, answer.step(), rule, answer.ec());
            assert_eq!(got, want, "{name}");
        }
    }
}
