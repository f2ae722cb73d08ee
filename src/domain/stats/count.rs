//! Requests and bytes by what the referer policy said.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use crate::domain::referer::{Allowed, Denied, Passed, Refused, Verdict as Decision};

/// A number of requests, and the bytes of the bodies that their answers promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The number of requests.
    pub requests: u64,
    /// The sum of the bytes.
    pub bytes: u64,
}

impl Count {
    /// One request.
    pub const fn one(bytes: u64) -> Self {
        Self { requests: 1, bytes }
    }

    /// What is left without the other.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// Whether it counts nothing.
    pub const fn is_zero(self) -> bool {
        self.requests == 0 && self.bytes == 0
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// Declares [`Verdict`]: one row each, so that word and outcome cannot drift apart.
macro_rules! verdicts {
    ($($(#[$doc:meta])* $name:ident $word:literal $outcome:expr;)*) => {
        /// What became of a request, as far as the referer policy is concerned.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Verdict { $($(#[$doc])* $name),* }

        impl Verdict {
            /// Every verdict.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The verdict in one word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Which list its referers are on; none if the policy was not asked.
            pub const fn outcome(self) -> Option<Outcome> {
                match self { $(Self::$name => $outcome),* }
            }
        }
    };
}

use Outcome as O;

#[rustfmt::skip]
verdicts! {
    /// Allowed: the referer is empty, and that is allowed.
    AllowedEmpty           "allowed-empty"                 Some(O::Allowed);
    /// Allowed: there is no whitelist.
    AllowedNoWhitelist     "allowed-no-whitelist"          Some(O::Allowed);
    /// Allowed: on the whitelist.
    AllowedListed          "allowed-whitelisted"           Some(O::Allowed);
    /// Denied: the referer is empty (`EC` 0003-00000501).
    DeniedEmpty            "denied-empty"                  Some(O::Denied);
    /// Denied: on the blacklist (`EC` 0003-00000502).
    DeniedListed           "denied-blacklisted"            Some(O::Denied);
    /// Denied: not on the whitelist, or unreadable (`EC` 0003-00000503).
    DeniedNotListed        "denied-not-whitelisted"        Some(O::Denied);
    /// Would have been [`Self::DeniedEmpty`] if the policy were enforced.
    WouldDenyEmpty         "would-deny-empty"              Some(O::WouldDeny);
    /// Would have been [`Self::DeniedListed`] if the policy were enforced.
    WouldDenyListed        "would-deny-blacklisted"        Some(O::WouldDeny);
    /// Would have been [`Self::DeniedNotListed`] if the policy were enforced.
    WouldDenyNotListed     "would-deny-not-whitelisted"    Some(O::WouldDeny);
    /// Not checked: signed in the `Authorization` header.
    NotChecked             "not-checked"                   None;
    /// Not decided in time, because the policy was not compiled yet: refused as such, or let
    /// through where the bucket is only monitored.
    NotReady               "not-ready"                     None;
}

/// What a referer met with: the lists that are kept of origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was allowed.
    Allowed,
    /// It was denied.
    Denied,
    /// It was allowed because the policy is only monitored.
    WouldDeny,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::WouldDeny];

    /// The outcome in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::WouldDeny => "would-deny",
        }
    }
}

impl Verdict {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// What a decision counts as: denials by their `EC`.
    pub const fn of(decision: &Decision<'_>) -> Self {
        match decision {
            Decision::Pass(Passed::Missing | Passed::Policy(Allowed::EmptyReferer)) => {
                Self::AllowedEmpty
            }
            Decision::Pass(Passed::Policy(Allowed::NoWhitelist)) => Self::AllowedNoWhitelist,
            Decision::Pass(Passed::Policy(Allowed::Listed(_))) => Self::AllowedListed,
            Decision::Refuse { rule, .. } => Self::of_refusal(rule),
            Decision::WouldRefuse(rule) => Self::of_refusal(rule).monitored(),
        }
    }

    const fn of_refusal(rule: &Refused<'_>) -> Self {
        match rule {
            Refused::Missing | Refused::CrossSiteEmbed | Refused::Policy(Denied::EmptyReferer) => {
                Self::DeniedEmpty
            }
            Refused::Policy(Denied::Listed(_)) => Self::DeniedListed,
            Refused::Policy(Denied::NotListed | Denied::TooLong | Denied::TooManyLines)
            | Refused::Malformed
            | Refused::SeveralLines
            | Refused::OtherHost(_) => Self::DeniedNotListed,
        }
    }

    /// The same verdict where the policy is only monitored: a denial would have been one.
    #[must_use]
    pub const fn monitored(self) -> Self {
        match self {
            Self::DeniedEmpty => Self::WouldDenyEmpty,
            Self::DeniedListed => Self::WouldDenyListed,
            Self::DeniedNotListed => Self::WouldDenyNotListed,
            Self::AllowedEmpty
            | Self::AllowedNoWhitelist
            | Self::AllowedListed
            | Self::WouldDenyEmpty
            | Self::WouldDenyListed
            | Self::WouldDenyNotListed
            | Self::NotChecked
            | Self::NotReady => self,
        }
    }

    /// Its place in [`Verdict::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The verdict of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verdict| verdict.as_str() == word)
    }
}

/// Requests and bytes by verdict: exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals([Count; Verdict::COUNT]);

impl Totals {
    /// What there was of a verdict.
    pub fn of(&self, verdict: Verdict) -> Count {
        self.0.get(verdict.index()).copied().unwrap_or_default()
    }

    /// Adds to a verdict.
    pub fn add(&mut self, verdict: Verdict, count: Count) {
        if let Some(cell) = self.0.get_mut(verdict.index()) {
            *cell += count;
        }
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
        for (verdict, count) in other.iter() {
            self.add(verdict, count);
        }
    }

    /// All verdicts with what there was of them.
    pub fn iter(&self) -> impl Iterator<Item = (Verdict, Count)> + '_ {
        Verdict::ALL.iter().map(|&verdict| (verdict, self.of(verdict)))
    }

    /// The sum over an outcome; that of what was not checked for `None`.
    pub fn sum(&self, outcome: Option<Outcome>) -> Count {
        self.iter().filter(|(verdict, _)| verdict.outcome() == outcome).map(|(_, n)| n).sum()
    }

    /// Whether nothing was counted.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|count| count.is_zero())
    }

    /// The requests about which the policy was asked.
    pub fn checked(&self) -> Count {
        Outcome::ALL.iter().map(|&outcome| self.sum(Some(outcome))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_one_verdict_and_its_place_is_its_own() {
        for (place, &verdict) in Verdict::ALL.iter().enumerate() {
            assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
            assert_eq!(verdict.index(), place);
        }
        assert_eq!(Verdict::parse("allowed"), None);
    }

    #[test]
    fn monitoring_changes_denials_alone() {
        for &verdict in Verdict::ALL {
            let monitored = verdict.monitored();
            match verdict.outcome() {
                Some(Outcome::Denied) => assert_eq!(monitored.outcome(), Some(Outcome::WouldDeny)),
                _ => assert_eq!(monitored, verdict),
            }
        }
    }

    #[test]
    fn sums_are_over_outcomes() {
        let mut totals = Totals::default();
        totals.add(Verdict::AllowedEmpty, Count::one(10));
        totals.add(Verdict::AllowedListed, Count::one(5));
        totals.add(Verdict::DeniedListed, Count::one(1));
        totals.add(Verdict::NotChecked, Count::one(100));
        let twice = {
            let mut twice = totals;
            twice.merge(&totals);
            twice
        };
        assert_eq!(totals.sum(Some(Outcome::Allowed)), Count { requests: 2, bytes: 15 });
        assert_eq!(totals.sum(None), Count::one(100));
        assert_eq!(totals.checked(), Count { requests: 3, bytes: 16 });
        assert_eq!(twice.checked(), Count { requests: 6, bytes: 32 });
    }
}
