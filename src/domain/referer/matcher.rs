//! A policy, compiled.

use std::borrow::Cow;
use std::sync::Arc;

use super::cache::Cache;
use super::index::Index;
use super::plain::Plain;
use super::rules::Rules;
use super::scan::Scan;
use super::subject::subject;
use super::{
    Allowed, Decision, Denied, EmptyReferer, Entry, MAX_REFERER_BYTES, Pattern, Policy, Rank,
    Referers,
};

/// A policy compiled for answering. Immutable but for a cache of fixed size, so requests share it
/// without waiting for each other. It starts without memory of the policy before it.
///
/// What it answers is defined by [`Engine::Plain`]. How long it takes is bounded for all lists and
/// all referers: a pass over the referer for each rule is the worst that lists made for the purpose
/// can do, and usual lists of any size are answered in two microseconds on average.
#[derive(Debug)]
pub struct Matcher {
    policy: Arc<Policy>,
    compiled: Compiled,
    cache: Option<Cache>,
}

/// How the first rule that matches is found. All engines give the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Asks rule after rule, as simply as can be: the executable specification, which the others
    /// are tested against. Lists made for the purpose make it slow.
    Plain,
    /// Asks rule after rule, each in at most one pass over the referer. Best for a few rules.
    Loop,
    /// Looks up pieces of the referer and asks only the rules that have one of them. Best for
    /// more, and takes about 25 bytes a rule beside its text.
    Index,
    /// [`Index`](Self::Index), and it remembers answers about referers that come again, in up to
    /// 128 KiB.
    CachedIndex,
    /// Looks at every rule, and asks those that the referer may have. Answers in a millisecond or
    /// two for a million rules, and remembers answers like [`CachedIndex`](Self::CachedIndex). Best
    /// until an index is built, which takes ten times as long.
    Scan,
}

/// The rules of both lists, by [`Rank`].
#[derive(Debug)]
enum Compiled {
    Plain(Plain),
    Loop(Rules),
    Index(Index),
    Scan(Scan),
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

/// From so many rules on, the index is faster than asking each (`benches/matcher.rs`, the table of
/// few rules).
const INDEX_FROM: usize = 3;

impl Engine {
    /// The fastest engine for a policy.
    pub fn best_for(policy: &Policy) -> Self {
        if rules(policy) < INDEX_FROM { Self::Loop } else { Self::CachedIndex }
    }
}

/// How many rules both lists have.
fn rules(policy: &Policy) -> usize {
    policy.allow.len().saturating_add(policy.deny.len())
}

impl Compiled {
    fn new(policy: &Policy, engine: Engine) -> Self {
        let rules = || policy.deny.iter().chain(&policy.allow);
        match engine {
            Engine::Plain => Self::Plain(Plain::new(rules())),
            Engine::Loop => Self::Loop(Rules::new(rules())),
            Engine::Index | Engine::CachedIndex => match Index::new(rules()) {
                Some(index) => Self::Index(index),
                None => Self::Loop(Rules::new(rules())),
            },
            Engine::Scan => match Scan::new(rules()) {
                Some(scan) => Self::Scan(scan),
                None => Self::Loop(Rules::new(rules())),
            },
        }
    }

    fn first(&self, subject: &str) -> Option<Rank> {
        match self {
            Self::Plain(plain) => plain.first(subject),
            Self::Loop(rules) => rules.first(subject),
            Self::Index(index) => index.first(subject),
            Self::Scan(scan) => scan.first(subject),
        }
    }
}

impl Matcher {
    /// Compiles a policy for the [best engine](Engine::best_for). It takes seconds for a
    /// million rules, so larger policies are compiled where no request waits.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        let policy = policy.into();
        let engine = Engine::best_for(&policy);
        Self::with_engine(policy, engine)
    }

    /// Prepares a long policy to be asked until it is compiled. It takes a tenth of a second for a
    /// million rules, and a decision some milliseconds: [`is_quick`](Self::is_quick) tells.
    pub fn provisional(policy: impl Into<Arc<Policy>>) -> Self {
        Self::with_engine(policy, Engine::Scan)
    }

    /// Compiles a policy for an engine: for tests and measurements.
    pub fn with_engine(policy: impl Into<Arc<Policy>>, engine: Engine) -> Self {
        let policy = policy.into();
        let compiled = Compiled::new(&policy, engine);
        let remembers = matches!(engine, Engine::CachedIndex | Engine::Scan);
        let cache = remembers.then(|| Cache::new(rules(&policy)));
        Self { policy, compiled, cache }
    }

    /// The same policy, compiled.
    #[must_use]
    pub fn compiled(&self) -> Self {
        Self::new(Arc::clone(&self.policy))
    }

    /// Whether the policy is [not compiled yet](Self::provisional).
    pub const fn is_provisional(&self) -> bool {
        matches!(self.compiled, Compiled::Scan(_))
    }

    /// Whether a decision about these lines takes microseconds at the most. Not so if the rules
    /// must be gone through: the policy is not compiled yet, a line is compared with it, and the
    /// answer is not remembered.
    pub fn is_quick(&self, referers: &Referers<'_>) -> bool {
        let remembers =
            |line: &[u8]| self.cache.as_ref().is_some_and(|cache| cache.has(&self.subject(line)));
        let mut lines = referers.lines().unwrap_or_default().iter();
        !self.is_provisional() || lines.all(|line| !self.compares(line) || remembers(line))
    }

    /// Whether a line is compared with the lists.
    pub(super) fn compares(&self, line: &[u8]) -> bool {
        self.policy.has_lists() && comparable(line)
    }

    /// The bytes that the compiled policy takes beside the policy itself; 0 where it is small.
    pub fn compiled_bytes(&self) -> usize {
        let compiled = match &self.compiled {
            Compiled::Index(index) => index.size_bytes(),
            Compiled::Scan(scan) => scan.size_bytes(),
            Compiled::Plain(_) | Compiled::Loop(_) => 0,
        };
        compiled + self.cache.as_ref().map_or(0, Cache::size_bytes)
    }

    /// The policy as it was put.
    pub fn policy(&self) -> &Arc<Policy> {
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

    /// [`decide`](Self::decide), with the subject. Engines are compared by it; people who ask why
    /// are told by the [`Gate`](super::Gate).
    pub fn explain(&self, referers: &Referers<'_>) -> Explanation<'_> {
        let lines = referers.lines().unwrap_or_default();
        let explain = |line: &&[u8]| Explanation {
            decision: self.decide_line(line),
            subject: self.compared(line),
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

    /// What the lists are compared with for a line; `None` if it is not compared at all.
    pub(super) fn compared(&self, line: &[u8]) -> Option<String> {
        comparable(line).then(|| self.subject(line).into_owned())
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

        let whitelisting = !self.policy.allow.is_empty();
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
        match self.first_match(&self.subject(line)) {
            Some(Listed::Black(entry)) => Deny(Denied::Listed(entry)),
            Some(Listed::White(entry)) => Allow(Allowed::Listed(entry)),
            None if whitelisting => Deny(Denied::NotListed),
            None => Allow(Allowed::NoWhitelist),
        }
    }

    /// The first entry that matches, of the blacklist if one of it does.
    fn first_match(&self, subject: &str) -> Option<Listed<'_>> {
        let rank = match &self.cache {
            Some(cache) => cache.get_or(subject, || self.compiled.first(subject)),
            None => self.compiled.first(subject),
        };
        let before = rank?.before();
        match before.checked_sub(self.policy.deny.len()) {
            None => Some(Listed::Black(entry(&self.policy.deny, before)?)),
            Some(position) => Some(Listed::White(entry(&self.policy.allow, position)?)),
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

/// An entry, and its list.
enum Listed<'p> {
    Black(Entry<'p>),
    White(Entry<'p>),
}

fn entry(list: &[Pattern], position: usize) -> Option<Entry<'_>> {
    Some(Entry { position, pattern: list.get(position)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_a_matcher() {
        fn shared<T: Send + Sync>() {}
        shared::<Matcher>();
    }
}
