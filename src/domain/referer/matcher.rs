//! A policy, compiled.

use std::borrow::Cow;
use std::sync::Arc;

use super::cache::Cache;
use super::compiled::Compiled;
use super::patience::{Endless, Patience, strictest};
use super::subject::subject;
use super::{
    Allowed, Decision, Denied, EmptyReferer, Entry, MAX_REFERER_BYTES, Policy, Rank, Referers,
};

/// A policy compiled for answering. Immutable but for a cache of fixed size, so requests share it
/// without waiting for each other. It starts without memory of the policy before it.
///
/// What it answers is defined by [`Engine::Plain`]. How long it takes is bounded for all lists and
/// all referers: a pass over the referer for each rule is the worst that lists made for the purpose
/// can do, and usual lists of any size are answered in two microseconds on average. Whoever has not
/// the time for the worst asks [`Gate::decide_soon`](super::Gate::decide_soon).
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

impl Matcher {
    /// Compiles a policy for the [best engine](Engine::best_for). It takes seconds for a
    /// million rules, so larger policies are compiled where no request waits.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        let policy = policy.into();
        let engine = Engine::best_for(&policy);
        Self::with_engine(policy, engine)
    }

    /// Prepares a long policy to be asked until it is compiled. It takes a tenth of a second for a
    /// million rules, and a decision some milliseconds.
    pub fn provisional(policy: impl Into<Arc<Policy>>) -> Self {
        Self::with_engine(policy, Engine::Scan)
    }

    /// Compiles a policy for an engine: for tests and measurements.
    pub fn with_engine(policy: impl Into<Arc<Policy>>, engine: Engine) -> Self {
        let policy = policy.into();
        let compiled = Compiled::new(|| policy.deny.iter().chain(&policy.allow), engine);
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

    /// The bytes that the compiled policy takes beside the policy itself; 0 where it is small.
    pub fn compiled_bytes(&self) -> usize {
        self.compiled.size_bytes() + self.cache.as_ref().map_or(0, Cache::size_bytes)
    }

    /// The policy as it was put.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Applies the rules of the [module's table](super), top to bottom, to each line, and returns
    /// the strictest answer. Allocates nothing when there is nothing to compare or when the referer
    /// is lower-case UTF-8 already.
    pub fn decide(&self, referers: &Referers<'_>) -> Decision<'_> {
        let Ok(decision) = self.attempt(referers, Endless);
        decision
    }

    /// [`decide`](Self::decide), if that does not take too long.
    pub(super) fn attempt<P: Patience>(
        &self,
        referers: &Referers<'_>,
        patience: P,
    ) -> Result<Decision<'_>, P::Over> {
        let lines = referers.lines().unwrap_or_default();
        let decisions = lines.iter().map(|line| self.decide_line(line, patience));
        Ok(strictest(decisions, Decision::strictness)?.unwrap_or_else(|| self.decide_unread()))
    }

    /// [`decide`](Self::decide), with the subject. Engines are compared by it; people who ask why
    /// are told by the [`Gate`](super::Gate).
    pub fn explain(&self, referers: &Referers<'_>) -> Explanation<'_> {
        let lines = referers.lines().unwrap_or_default();
        let explain = |line: &&[u8]| {
            let Ok(decision) = self.decide_line(line, Endless);
            Explanation { decision, subject: self.compared(line) }
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

    fn decide_line<P: Patience>(&self, line: &[u8], patience: P) -> Result<Decision<'_>, P::Over> {
        use Decision::{Allow, Deny};

        let whitelisting = !self.policy.allow.is_empty();
        if line.is_empty() {
            return Ok(match self.policy.empty {
                EmptyReferer::Allow => Allow(Allowed::EmptyReferer),
                EmptyReferer::Deny if whitelisting => Deny(Denied::EmptyReferer),
                EmptyReferer::Deny => Allow(Allowed::NoWhitelist),
            });
        }
        if !self.policy.has_lists() {
            return Ok(Allow(Allowed::NoWhitelist));
        }
        if !comparable(line) {
            return Ok(Deny(Denied::TooLong));
        }
        Ok(match self.first_match(&self.subject(line), patience)? {
            Some(Listed::Black(entry)) => Deny(Denied::Listed(entry)),
            Some(Listed::White(entry)) => Allow(Allowed::Listed(entry)),
            None if whitelisting => Deny(Denied::NotListed),
            None => Allow(Allowed::NoWhitelist),
        })
    }

    /// The first entry that matches, of the blacklist if one of it does.
    fn first_match<P: Patience>(
        &self,
        subject: &str,
        patience: P,
    ) -> Result<Option<Listed<'_>>, P::Over> {
        let rank = match &self.cache {
            Some(cache) => cache.get_or(subject, || self.compiled.first(subject, patience)),
            None => self.compiled.first(subject, patience),
        };
        let Some(before) = rank?.map(Rank::before) else { return Ok(None) };
        Ok(match before.checked_sub(self.policy.deny.len()) {
            None => Entry::of(&self.policy.deny, before).map(Listed::Black),
            Some(position) => Entry::of(&self.policy.allow, position).map(Listed::White),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_a_matcher() {
        fn shared<T: Send + Sync>() {}
        shared::<Matcher>();
    }
}
