//! A policy, compiled.

use std::borrow::Cow;

use wildmatch::WildMatch;

use super::subject::subject;
use super::{
    Allowed, Decision, Denied, EmptyReferer, Entry, MAX_REFERER_BYTES, Pattern, Policy, Referers,
};

/// A policy compiled for answering. Immutable, so requests share it without a lock.
///
/// It asks entry after entry: the time of a decision is at most the length of the subject times
/// that of the lists, whatever the entries are. That makes it the meaning of a policy; anything
/// faster has to agree with it.
#[derive(Debug)]
pub struct Matcher {
    policy: Policy,
    allow: Vec<Glob>,
    deny: Vec<Glob>,
}

/// A decision with what it was taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'m> {
    /// The decision.
    pub decision: Decision<'m>,
    /// What the lists were compared with: the deciding line after truncation, in lower case. `None`
    /// when there was nothing to compare: an empty referer, one that is too long, too many lines.
    pub subject: Option<String>,
}

/// A pattern in the form that is cheapest to match. A pattern matches when it fits the beginning of the
/// subject, so it is compared as if a `*` followed it.
#[derive(Debug)]
enum Glob {
    /// Sound if the pattern has no wildcard but `*` at the end, where it adds nothing.
    Prefix(Box<str>),
    /// Sound for every pattern.
    Wild(WildMatch),
}

impl Glob {
    fn of(pattern: &Pattern) -> Self {
        let text = pattern.as_str().to_ascii_lowercase();
        let prefix = text.trim_end_matches('*');
        if prefix.contains(['*', '?']) {
            Self::Wild(WildMatch::new(&format!("{prefix}*")))
        } else {
            Self::Prefix(prefix.into())
        }
    }

    fn matches(&self, subject: &str) -> bool {
        match self {
            Self::Prefix(prefix) => subject.starts_with(&**prefix),
            Self::Wild(wild) => wild.matches(subject),
        }
    }
}

impl Matcher {
    /// Compiles a policy.
    pub fn new(policy: Policy) -> Self {
        let allow = policy.allow.iter().map(Glob::of).collect();
        let deny = policy.deny.iter().map(Glob::of).collect();
        Self { policy, allow, deny }
    }

    /// The policy as it was put.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Applies the rules of the [module's table](super), top to bottom, to each line, and returns
    /// the strictest answer. Allocates nothing when there is nothing to compare or when the referer
    /// is lower-case UTF-8 already.
    pub fn decide(&self, referers: &Referers<'_>) -> Decision<'_> {
        let lines = referers.lines().unwrap_or_default();
        let decisions = lines.iter().map(|line| self.decide_line(line));
        decisions.max_by_key(Decision::strictness).unwrap_or_else(|| self.decide_unread())
    }

    /// [`decide`](Self::decide), with the subject. It is for people who ask why; requests do not
    /// need it.
    pub fn explain(&self, referers: &Referers<'_>) -> Explanation<'_> {
        let lines = referers.lines().unwrap_or_default();
        let explain = |line: &&[u8]| Explanation {
            decision: self.decide_line(line),
            subject: comparable(line).then(|| self.subject(line).into_owned()),
        };
        lines
            .iter()
            .map(explain)
            .max_by(|a, b| {
                let strictness = a.decision.strictness().cmp(&b.decision.strictness());
                strictness.then_with(|| a.subject.cmp(&b.subject))
            })
            .unwrap_or_else(|| Explanation { decision: self.decide_unread(), subject: None })
    }

    /// Decides about lines that are too many to be read.
    fn decide_unread(&self) -> Decision<'_> {
        if self.policy.has_lists() {
            Decision::Deny(Denied::TooManyLines)
        } else {
            Decision::Allow(Allowed::NoWhitelist)
        }
    }

    fn decide_line(&self, line: &[u8]) -> Decision<'_> {
        use Decision::{Allow, Deny};

        let whitelisting = !self.allow.is_empty();
        if line.is_empty() {
            return match self.policy.empty {
                EmptyReferer::Allow => Allow(Allowed::EmptyReferer),
                EmptyReferer::Deny if whitelisting => Deny(Denied::EmptyReferer),
                EmptyReferer::Deny => Allow(Allowed::NoWhitelist),
            };
        }
        if !self.policy.has_lists() {
            return Allow(Allowed::NoWhitelist);
        }
        if !comparable(line) {
            return Deny(Denied::TooLong);
        }
        let subject = self.subject(line);
        if let Some(entry) = first_match(&self.policy.deny, &self.deny, &subject) {
            return Deny(Denied::Listed(entry));
        }
        match first_match(&self.policy.allow, &self.allow, &subject) {
            Some(entry) => Allow(Allowed::Listed(entry)),
            None if whitelisting => Deny(Denied::NotListed),
            None => Allow(Allowed::NoWhitelist),
        }
    }

    fn subject<'r>(&self, line: &'r [u8]) -> Cow<'r, str> {
        subject(line, self.policy.compare)
    }
}

/// Whether a line is compared at all.
fn comparable(line: &[u8]) -> bool {
    (1..=MAX_REFERER_BYTES).contains(&line.len())
}

fn first_match<'p>(patterns: &'p [Pattern], globs: &[Glob], subject: &str) -> Option<Entry<'p>> {
    let position = globs.iter().position(|glob| glob.matches(subject))?;
    Some(Entry { position, pattern: patterns.get(position)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The prefix strategy is only an optimisation: on every input it agrees with the plain
        /// wildcard matcher.
        #[test]
        fn strategies_agree_with_wildmatch(pattern in "[ab*?/.中]{1,8}", text in "[ab/.中]{0,12}") {
            let glob = Glob::of(&Pattern::read(&pattern).unwrap());
            let plain = WildMatch::new(&format!("{pattern}*"));
            prop_assert_eq!(glob.matches(&text), plain.matches(&text));
        }

        /// `?` is one character, never none; `*` is any run. Checked against a matcher that tries
        /// everything.
        #[test]
        fn wildcards_mean_what_the_page_says(pattern in "[ab*?中]{1,6}", text in "[ab中]{0,7}") {
            fn fits(pattern: &[char], text: &[char]) -> bool {
                match (pattern, text) {
                    ([], _) => true,
                    (['*', rest @ ..], _) => (0..=text.len()).any(|n| fits(rest, &text[n..])),
                    (['?', rest @ ..], [_, tail @ ..]) => fits(rest, tail),
                    ([p, rest @ ..], [t, tail @ ..]) => p == t && fits(rest, tail),
                    (_, []) => false,
                }
            }
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            let glob = Glob::of(&Pattern::read(&pattern).unwrap());
            prop_assert_eq!(glob.matches(&text), fits(&chars(&pattern), &chars(&text)));
        }
    }

    #[test]
    fn requests_share_a_matcher() {
        fn shared<T: Send + Sync>() {}
        shared::<Matcher>();
    }

    #[test]
    fn patterns_without_inner_wildcards_are_prefixes() {
        for (pattern, prefix) in
            [("http://A.com", true), ("http://a.com/**", true), ("*", true), ("*.a.com", false)]
        {
            let glob = Glob::of(&Pattern::read(pattern).unwrap());
            assert_eq!(matches!(glob, Glob::Prefix(_)), prefix, "{pattern}");
        }
    }
}
