//! What another policy would have said of the requests that were recorded.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Count, HourStats, Subject};
use crate::domain::referer::{Extras, Gate, HostRule, MalformedReferer, MissingReferer, Policy};

/// How many origins a change names.
const NAMED: usize = 20;

/// What is to be tried. What is not named stays as it is; monitoring and the answer to a denial
/// make no difference.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// The policy.
    pub policy: Option<Policy>,
    /// How hosts are compared.
    pub host: Option<HostRule>,
    /// What a missing referer may do.
    pub missing: Option<MissingReferer>,
    /// What a malformed referer may do.
    pub malformed: Option<MalformedReferer>,
}

/// Recorded requests by what two policies say of them.
///
/// Every request of the hours is in exactly one of the counts, so their requests add up to those of
/// `recorded`. What is said of a change is certain; it may be greater by up to `unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// All requests about which the policy was asked in these hours. Bytes are as in [`Share`].
    pub recorded: Count,
    /// Those whose referers are not known: pushed off a full list, or not recorded whole.
    pub unknown: Count,
    /// Both policies allow them.
    pub still_allowed: Share,
    /// Both policies deny them.
    pub still_denied: Share,
    /// The current policy allows them, the candidate denies them.
    pub newly_denied: Change,
    /// The current policy denies them, the candidate allows them.
    pub newly_allowed: Change,
}

/// Requests, with the bytes that speak for or against letting them pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many they are. The bytes are those that they got or, if they were denied, would have
    /// got.
    pub count: Count,
    /// How many of them were denied when nobody could tell what they would have got; the bytes of
    /// `count` are too few by that.
    pub unmeasured: u64,
}

/// Requests about which two policies differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// How many they are.
    pub share: Share,
    /// Where most of them come from, at most 20 origins.
    pub origins: Vec<OriginChange>,
}

/// Requests from one origin about which two policies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginChange {
    /// The origin.
    pub origin: String,
    /// How many they are.
    pub share: Share,
    /// The most frequent of their referers.
    pub referer: String,
}

impl Candidate {
    /// Whether there is nothing to be tried.
    pub const fn is_empty(&self) -> bool {
        self.policy.is_none()
            && self.host.is_none()
            && self.missing.is_none()
            && self.malformed.is_none()
    }

    /// Compiles it, with what stays of the rules in force.
    pub fn compile(self, current: &Gate) -> Gate {
        let stays = current.extras();
        let extras = Extras {
            host: self.host.unwrap_or(stays.host),
            missing: self.missing.unwrap_or(stays.missing),
            malformed: self.malformed.unwrap_or(stays.malformed),
            ..stays.clone()
        };
        match self.policy {
            Some(policy) => Gate::new(policy, extras),
            None => current.with_extras(extras),
        }
    }
}

impl Share {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.unmeasured = self.unmeasured.saturating_add(other.unmeasured);
    }
}

/// Asks two policies about the referers that were recorded in some hours.
pub fn simulate<'h>(
    hours: impl IntoIterator<Item = &'h HourStats>,
    current: &Gate,
    candidate: &Gate,
) -> Simulation {
    let mut simulation = Simulation::default();
    let mut referers = HashMap::<Arc<str>, Share>::new();
    for hour in hours {
        simulation.recorded += hour.checked;
        for entry in hour.subjects.entries() {
            let share = Share { count: entry.sure(), unmeasured: entry.unmeasured };
            referers.entry(entry.key).or_default().add(share);
        }
    }
    // The order makes equal inputs give equal reports, and puts the sample of an origin first.
    let mut referers: Vec<_> = referers.into_iter().collect();
    referers
        .sort_by(|(a, m), (b, n)| n.count.requests.cmp(&m.count.requests).then_with(|| a.cmp(b)));

    let (mut known, mut lost, mut won) = (Count::default(), Origins::default(), Origins::default());
    for (key, share) in &referers {
        let Some(subject) = Subject::of_key(key) else { continue };
        let verdicts = (subject.is_allowed(current), subject.is_allowed(candidate));
        match verdicts {
            (Some(true), Some(true)) => simulation.still_allowed.add(*share),
            (Some(false), Some(false)) => simulation.still_denied.add(*share),
            (Some(true), Some(false)) => lost.add(&subject, *share),
            (Some(false), Some(true)) => won.add(&subject, *share),
            (None, _) | (_, None) => continue,
        }
        known += share.count;
    }
    simulation.unknown = simulation.recorded.less(known);
    simulation.newly_denied = lost.into();
    simulation.newly_allowed = won.into();
    simulation
}

/// Changes by origin.
#[derive(Default)]
struct Origins(HashMap<String, (Share, String)>);

impl Origins {
    fn add(&mut self, subject: &Subject<'_>, share: Share) {
        let (sum, _) = self
            .0
            .entry(subject.origin())
            .or_insert_with(|| (Share::default(), subject.text.clone().into_owned()));
        sum.add(share);
    }
}

impl From<Origins> for Change {
    fn from(Origins(by_origin): Origins) -> Self {
        let mut share = Share::default();
        for (part, _) in by_origin.values() {
            share.add(*part);
        }
        let row = |(origin, (share, referer))| OriginChange { origin, share, referer };
        let mut origins: Vec<_> = by_origin.into_iter().map(row).collect();
        origins.sort_by(|a, b| {
            let (m, n) = (a.share.count.requests, b.share.count.requests);
            n.cmp(&m).then_with(|| a.origin.cmp(&b.origin))
        });
        origins.truncate(NAMED);
        Self { share, origins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{Compare, EmptyReferer, Pattern};
    use crate::domain::stats::Requests;

    fn policy(empty: EmptyReferer, allow: &[&str], deny: &[&str]) -> Gate {
        let list = |texts: &[&str]| texts.iter().filter_map(|text| Pattern::read(text)).collect();
        let policy =
            Policy { empty, compare: Compare::WithPath, allow: list(allow), deny: list(deny) };
        Gate::new(policy, Extras::default())
    }

    /// `(key, requests, bytes of each)`.
    fn hour(rows: &[(&str, u64, u64)]) -> HourStats {
        let mut stats = HourStats::default();
        for &(key, requests, bytes) in rows {
            for _ in 0..requests {
                stats.checked += Count::one(bytes);
                stats.subjects.add(key, Requests::one(Some(bytes)), Box::default);
            }
        }
        stats
    }

    const fn count(requests: u64, bytes: u64) -> Count {
        Count { requests, bytes }
    }

    const fn share(requests: u64, bytes: u64) -> Share {
        Share { count: count(requests, bytes), unmeasured: 0 }
    }

    #[test]
    fn changes_are_those_of_a_count_by_hand() {
        let first = hour(&[
            ("=https://own.example/a", 5, 100),
            ("=https://own.example/b", 3, 100),
            ("=https://partner.example/", 4, 100),
            ("=https://thief.example/", 7, 300),
            ("=", 2, 100),
            ("&", 1, 10),
        ]);
        let second =
            hour(&[("=https://own.example/b", 4, 100), ("=https://thief.example/", 1, 300)]);
        let third = HourStats { checked: count(6, 60), ..HourStats::default() };

        let current = policy(EmptyReferer::Allow, &["https://own.example/", "https://thief."], &[]);
        let candidate =
            policy(EmptyReferer::Deny, &["https://own.example/b", "https://partner."], &[]);
        let got = simulate([&first, &second, &third], &current, &candidate);

        assert_eq!(
            got.recorded,
            count(22 + 5 + 6, 500 + 300 + 400 + 2100 + 200 + 10 + 400 + 300 + 60)
        );
        assert_eq!(got.still_allowed, share(7, 700), "own.example/b");
        assert_eq!(got.still_denied, share(0, 0));
        assert_eq!(got.newly_allowed.share, share(4, 400), "partner");
        assert_eq!(got.newly_denied.share, share(8 + 5 + 2, 2400 + 500 + 200));
        assert_eq!(got.unknown, count(1 + 6, 70), "several lines, and an hour without a list");
        let row = |origin: &str, share, referer: &str| OriginChange {
            origin: origin.into(),
            share,
            referer: referer.into(),
        };
        let want = [
            row("https://thief.example", share(8, 2400), "https://thief.example/"),
            row("https://own.example", share(5, 500), "https://own.example/a"),
            row("(none)", share(2, 200), ""),
        ];
        assert_eq!(got.newly_denied.origins, want);
        assert_eq!(got.newly_allowed.origins.len(), 1);
    }

    #[test]
    fn the_same_policy_changes_nothing() {
        let first = hour(&[("=https://a.com/", 3, 1), ("=https://b.com/", 2, 1)]);
        let matcher = || policy(EmptyReferer::Allow, &["https://a.com/"], &[]);
        let got = simulate([&first], &matcher(), &matcher());
        assert_eq!((got.still_allowed, got.still_denied), (share(3, 3), share(2, 2)));
        assert_eq!(got.newly_denied, Change::default());
        assert_eq!(got.newly_allowed, Change::default());
        assert_eq!(got.unknown, count(0, 0));
    }

    #[test]
    fn what_was_pushed_off_a_full_list_is_unknown() {
        let mut full = HourStats::default();
        for number in 0..10_000 {
            full.checked += Count::one(1);
            full.subjects.add(
                &format!("=https://x{number}.example/"),
                Requests::one(Some(1)),
                Box::default,
            );
        }
        let all = policy(EmptyReferer::Allow, &[], &[]);
        let none = policy(EmptyReferer::Allow, &["nothing"], &[]);
        let got = simulate([&full], &all, &none);
        assert_eq!(got.newly_denied.share.count.requests + got.unknown.requests, 10_000);
        assert_eq!(got.newly_denied.share.count.requests, 512, "one request of each is certain");
    }

    #[test]
    fn bytes_that_nobody_could_tell_are_said_to_be_so() {
        let mut stats = hour(&[("=https://thief.example/", 2, 300)]);
        stats.checked += count(1, 0);
        stats.subjects.add("=https://thief.example/", Requests::one(None), Box::default);
        let current = policy(EmptyReferer::Allow, &["https://own.example/"], &[]);
        let candidate = policy(EmptyReferer::Allow, &[], &[]);
        let got = simulate([&stats], &current, &candidate);
        let want = Share { count: count(3, 600), unmeasured: 1 };
        assert_eq!((got.newly_allowed.share, got.newly_allowed.origins[0].share), (want, want));
        assert_eq!(got.unknown, count(0, 0));
    }

    #[test]
    fn settings_are_tried_too() {
        let stats = hour(&[
            ("=https://own.example/", 4, 10),
            ("=https://own.example.evil.net/", 3, 10),
            ("=", 2, 10),
            ("!", 1, 10),
            ("=https://own.example/#x", 5, 10),
        ]);
        let current = policy(EmptyReferer::Allow, &["https://own.example"], &[]);
        let strict = Candidate { host: Some(HostRule::Strict), ..Candidate::default() };
        let embeds = MissingReferer::DenyCrossSiteEmbeds;
        let embeds = Candidate { missing: Some(embeds), ..Candidate::default() };
        let missing = Candidate { missing: Some(MissingReferer::Deny), ..Candidate::default() };
        let malformed =
            Candidate { malformed: Some(MalformedReferer::Deny), ..Candidate::default() };
        let policy = Policy { empty: EmptyReferer::Deny, ..current.policy().clone() };
        let both = Candidate { policy: Some(policy), ..malformed.clone() };
        for (name, candidate, denied) in [
            ("strict hosts", strict, 3),
            ("embeds without a referer", embeds, 1),
            ("missing", missing, 3),
            ("malformed", malformed, 5),
            ("a policy with settings", both, 3 + 5),
            ("nothing", Candidate::default(), 0),
        ] {
            let candidate = candidate.compile(&current);
            let got = simulate([&stats], &current, &candidate);
            assert_eq!(got.newly_denied.share, share(denied, denied * 10), "{name}");
            assert_eq!(got.newly_allowed.share, share(0, 0), "{name}");
            assert_eq!(got.still_allowed, share(15 - denied, (15 - denied) * 10), "{name}");
        }
        assert!(Candidate::default().is_empty());
    }
}
