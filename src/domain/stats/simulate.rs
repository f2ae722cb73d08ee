//! What another policy would have said of the requests that were recorded.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Count, HourStats, Subject};
use crate::domain::referer::Gate;

/// How many origins a change names.
const NAMED: usize = 20;

/// Recorded requests by what two policies say of them.
///
/// Every request of the hours is in exactly one of the counts, so they add up to `recorded`. What
/// is said of a change is certain; the change may be greater by up to `unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// All requests about which the policy was asked in these hours.
    pub recorded: Count,
    /// Those whose referers are not known: pushed off a full list, or not recorded whole.
    pub unknown: Count,
    /// Both policies allow them.
    pub still_allowed: Count,
    /// Both policies deny them.
    pub still_denied: Count,
    /// The current policy allows them, the candidate denies them.
    pub newly_denied: Change,
    /// The current policy denies them, the candidate allows them.
    pub newly_allowed: Change,
}

/// Requests about which two policies differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// How many they are. The bytes are those of the answers that were given: of a request that
    /// was denied, those of the refusal.
    pub count: Count,
    /// Where most of them come from, at most 20 origins.
    pub origins: Vec<OriginChange>,
}

/// Requests from one origin about which two policies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginChange {
    /// The origin.
    pub origin: String,
    /// How many they are.
    pub count: Count,
    /// The most frequent of their referers.
    pub referer: String,
}

/// Asks two policies about the referers that were recorded in some hours.
pub fn simulate<'h>(
    hours: impl IntoIterator<Item = &'h HourStats>,
    current: &Gate,
    candidate: &Gate,
) -> Simulation {
    let mut simulation = Simulation::default();
    let mut referers = HashMap::<Arc<str>, Count>::new();
    for hour in hours {
        simulation.recorded += hour.checked;
        for entry in hour.subjects.entries() {
            *referers.entry(entry.key.clone()).or_default() += entry.sure();
        }
    }
    // The order makes equal inputs give equal reports, and puts the sample of an origin first.
    let mut referers: Vec<_> = referers.into_iter().collect();
    referers.sort_by(|(a, m), (b, n)| n.requests.cmp(&m.requests).then_with(|| a.cmp(b)));

    let (mut known, mut lost, mut won) = (Count::default(), Origins::default(), Origins::default());
    for (key, count) in &referers {
        let Some(subject) = Subject::of_key(key) else { continue };
        let verdicts = (subject.is_allowed(current), subject.is_allowed(candidate));
        match verdicts {
            (Some(true), Some(true)) => simulation.still_allowed += *count,
            (Some(false), Some(false)) => simulation.still_denied += *count,
            (Some(true), Some(false)) => lost.add(&subject, *count),
            (Some(false), Some(true)) => won.add(&subject, *count),
            (None, _) | (_, None) => continue,
        }
        known += *count;
    }
    simulation.unknown = simulation.recorded.less(known);
    simulation.newly_denied = lost.into();
    simulation.newly_allowed = won.into();
    simulation
}

/// Changes by origin.
#[derive(Default)]
struct Origins(HashMap<String, (Count, String)>);

impl Origins {
    fn add(&mut self, subject: &Subject<'_>, count: Count) {
        let (sum, _) = self
            .0
            .entry(subject.origin())
            .or_insert_with(|| (Count::default(), subject.text.clone().into_owned()));
        *sum += count;
    }
}

impl From<Origins> for Change {
    fn from(Origins(by_origin): Origins) -> Self {
        let count = by_origin.values().map(|(count, _)| *count).sum();
        let row = |(origin, (count, referer))| OriginChange { origin, count, referer };
        let mut origins: Vec<_> = by_origin.into_iter().map(row).collect();
        origins.sort_by(|a, b| {
            b.count.requests.cmp(&a.count.requests).then_with(|| a.origin.cmp(&b.origin))
        });
        origins.truncate(NAMED);
        Self { count, origins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{Compare, EmptyReferer, Extras, Pattern, Policy};

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
                stats.subjects.add(key, bytes, Box::default);
            }
        }
        stats
    }

    const fn count(requests: u64, bytes: u64) -> Count {
        Count { requests, bytes }
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
        assert_eq!(got.still_allowed, count(7, 700), "own.example/b");
        assert_eq!(got.still_denied, count(0, 0));
        assert_eq!(got.newly_allowed.count, count(4, 400), "partner");
        assert_eq!(got.newly_denied.count, count(8 + 5 + 2, 2400 + 500 + 200));
        assert_eq!(got.unknown, count(1 + 6, 70), "several lines, and an hour without a list");
        let row = |origin: &str, count, referer: &str| OriginChange {
            origin: origin.into(),
            count,
            referer: referer.into(),
        };
        let want = [
            row("https://thief.example", count(8, 2400), "https://thief.example/"),
            row("https://own.example", count(5, 500), "https://own.example/a"),
            row("(none)", count(2, 200), ""),
        ];
        assert_eq!(got.newly_denied.origins, want);
        assert_eq!(got.newly_allowed.origins.len(), 1);
    }

    #[test]
    fn the_same_policy_changes_nothing() {
        let first = hour(&[("=https://a.com/", 3, 1), ("=https://b.com/", 2, 1)]);
        let matcher = || policy(EmptyReferer::Allow, &["https://a.com/"], &[]);
        let got = simulate([&first], &matcher(), &matcher());
        assert_eq!((got.still_allowed, got.still_denied), (count(3, 3), count(2, 2)));
        assert_eq!(got.newly_denied, Change::default());
        assert_eq!(got.newly_allowed, Change::default());
        assert_eq!(got.unknown, count(0, 0));
    }

    #[test]
    fn what_was_pushed_off_a_full_list_is_unknown() {
        let mut full = HourStats::default();
        for number in 0..10_000 {
            full.checked += Count::one(1);
            full.subjects.add(&format!("=https://x{number}.example/"), 1, Box::default);
        }
        let all = policy(EmptyReferer::Allow, &[], &[]);
        let none = policy(EmptyReferer::Allow, &["nothing"], &[]);
        let got = simulate([&full], &all, &none);
        assert_eq!(got.newly_denied.count.requests + got.unknown.requests, 10_000);
        assert_eq!(got.newly_denied.count.requests, 512, "one request of each is certain");
    }
}
