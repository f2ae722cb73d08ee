//! Ways to find the first of many rules that matches.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use refgate::domain::referer::{
    Allowed, Decision, Engine, Entry, Extras, Facts, Gate, HostRule, Matcher, Passed, Policy,
    Referers, Verdict,
};
use regex::bytes::{RegexSet, RegexSetBuilder};
use wildmatch::WildMatch;

use crate::mixture::Mixture;

/// One of them, with its rules.
pub(crate) trait Any {
    /// The position of the first rule that matches.
    fn first(&self, referer: &str) -> Option<usize>;
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Competitor {
    /// `wildmatch` in a loop.
    Wildmatch,
    /// `regex::bytes::RegexSet`.
    RegexSet,
    /// `globset`.
    Globset,
    /// `aho-corasick` over the longest prefix of each rule.
    AhoCorasick,
    /// What the server uses.
    Refgate,
}

impl Competitor {
    pub(crate) const ALL: [Self; 5] =
        [Self::Wildmatch, Self::RegexSet, Self::Globset, Self::AhoCorasick, Self::Refgate];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wildmatch => "wildmatch in a loop",
            Self::RegexSet => "RegexSet",
            Self::Globset => "globset",
            Self::AhoCorasick => "aho-corasick, longest prefix",
            Self::Refgate => "refgate",
        }
    }

    /// So many rules it bears.
    pub(crate) const fn most_rules(self) -> usize {
        match self {
            // It takes milliseconds a decision at 10 000 rules already.
            Self::RegexSet => 10_000,
            // It takes over 9 GB at 10 000 rules already.
            Self::Globset => 1_000,
            Self::Wildmatch | Self::AhoCorasick | Self::Refgate => usize::MAX,
        }
    }

    pub(crate) fn build(self, mixture: &Mixture) -> Box<dyn Any> {
        match self {
            Self::Wildmatch => Box::new(Loop::new(&mixture.rules)),
            Self::RegexSet => Box::new(Regexes::new(&mixture.rules)),
            Self::Globset => Box::new(Globs::new(&mixture.rules)),
            Self::AhoCorasick => Box::new(Prefixes::new(&mixture.rules)),
            Self::Refgate => Box::new(Refgate::new(mixture, Engine::best_for(&mixture.policy()))),
        }
    }
}

pub(crate) struct Refgate(Matcher);

impl Refgate {
    pub(crate) fn new(mixture: &Mixture, engine: Engine) -> Self {
        Self::of(mixture.policy(), engine)
    }

    pub(crate) fn of(policy: Policy, engine: Engine) -> Self {
        Self(Matcher::with_engine(policy, engine))
    }
}

impl Any for Refgate {
    fn first(&self, referer: &str) -> Option<usize> {
        match self.0.decide(&Referers::read([referer.as_bytes()])) {
            Decision::Allow(Allowed::Listed(Entry { position, .. })) => Some(position),
            Decision::Allow(_) | Decision::Deny(_) => None,
        }
    }
}

/// The server with strict hosts.
pub(crate) struct Strict(Gate);

impl Strict {
    pub(crate) fn of(policy: Policy) -> Self {
        Self(Gate::new(policy, Extras { host: HostRule::Strict, ..Extras::default() }))
    }
}

impl Any for Strict {
    fn first(&self, referer: &str) -> Option<usize> {
        match self.0.decide(&Facts::of(Referers::read([referer.as_bytes()]))) {
            Verdict::Pass(Passed::Policy(Allowed::Listed(entry))) => Some(entry.position),
            Verdict::Pass(_) | Verdict::WouldRefuse(_) | Verdict::Refuse { .. } => None,
        }
    }
}

struct Loop(Vec<WildMatch>);

impl Loop {
    fn new(rules: &[String]) -> Self {
        Self(rules.iter().map(|rule| WildMatch::new(&format!("{rule}*"))).collect())
    }
}

impl Any for Loop {
    fn first(&self, referer: &str) -> Option<usize> {
        self.0.iter().position(|rule| rule.matches(referer))
    }
}

struct Regexes(RegexSet);

impl Regexes {
    fn new(rules: &[String]) -> Self {
        let regex = |rule: &String| {
            format!("^{}", regex::escape(rule).replace("\\*", ".*").replace("\\?", "."))
        };
        let set = RegexSetBuilder::new(rules.iter().map(regex))
            .size_limit(1 << 30)
            .dfa_size_limit(64 << 20)
            .build();
        Self(set.expect("the rules are regular"))
    }
}

impl Any for Regexes {
    fn first(&self, referer: &str) -> Option<usize> {
        self.0.matches(referer.as_bytes()).iter().next()
    }
}

struct Globs(GlobSet);

impl Globs {
    fn new(rules: &[String]) -> Self {
        let mut set = GlobSetBuilder::new();
        for rule in rules {
            set.add(GlobBuilder::new(&format!("{rule}*")).build().expect("the rules are globs"));
        }
        Self(set.build().expect("the rules are few enough"))
    }
}

impl Any for Globs {
    fn first(&self, referer: &str) -> Option<usize> {
        self.0.matches(referer).first().copied()
    }
}

/// An automaton over the literal that each rule begins with, behind its star if it has one.
struct Prefixes {
    automaton: AhoCorasick,
    rules: Vec<WildMatch>,
}

impl Prefixes {
    fn new(rules: &[String]) -> Self {
        let prefix = |rule: &String| {
            rule.split(['*', '?']).find(|literal| !literal.is_empty()).map(str::to_owned)
        };
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(rules.iter().map(|rule| prefix(rule).unwrap_or_default()))
            .expect("the rules are few enough");
        Self { automaton, rules: Loop::new(rules).0 }
    }
}

impl Any for Prefixes {
    fn first(&self, referer: &str) -> Option<usize> {
        let found = self.automaton.find_overlapping_iter(referer);
        let found = found.map(|found| found.pattern().as_usize());
        found.fold(None, |best: Option<usize>, rule| match best {
            Some(best) if best <= rule => Some(best),
            _ => match self.rules.get(rule) {
                Some(glob) if glob.matches(referer) => Some(rule),
                _ => best,
            },
        })
    }
}
