//! What was counted of one bucket, by day and by hour.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Count, Day, Hour, Outcome, Top, Totals};
use crate::domain::delivery::Tally;
use crate::domain::name::{BucketId, DomainId};

/// How many origins are listed per bucket, day and outcome: whoever sends more than one in 256
/// requests is on the list.
pub const ORIGINS: usize = 256;

/// How many referers are listed per bucket and hour. More than origins, because the pages of
/// one's own site differ.
pub const SUBJECTS: usize = 512;

/// What was counted on a day.
#[derive(Clone, Debug)]
pub struct DayStats {
    /// Requests by verdict.
    pub totals: Totals,
    /// The origins that were allowed.
    pub allowed: Top,
    /// The origins that were denied.
    pub denied: Top,
    /// The origins that would have been denied.
    pub would_deny: Top,
}

/// What was counted in an hour beside the lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Requests by verdict.
    pub totals: Totals,
    /// The bytes that denied requests would have got otherwise, as far as they are known.
    pub withheld: u64,
}

/// What was counted in an hour.
#[derive(Clone, Debug)]
pub struct HourStats {
    /// The requests about which the policy was asked, with what they got or, if they were denied,
    /// would have got.
    pub checked: Count,
    /// Their referers: keys of [`Subject`](super::Subject).
    pub subjects: Top,
}

/// What was counted of one bucket: all of it, or what came since it was last written down.
/// Ledgers add up.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// By day.
    pub days: BTreeMap<Day, DayStats>,
    /// By hour.
    pub hours: BTreeMap<Hour, HourStats>,
}

/// Ledgers to be added to those that are stored: once, however often the batch is given.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Who counted. Each start of a server is another.
    pub writer: Uuid,
    /// The number of the batch, counted from 1 by its writer.
    pub number: u64,
    /// What to add of buckets.
    pub ledgers: Vec<(BucketId, Ledger)>,
    /// What to add of delivery domains.
    pub tallies: Vec<(DomainId, Tally)>,
}

impl Default for DayStats {
    fn default() -> Self {
        let list = || Top::new(ORIGINS);
        Self { totals: Totals::default(), allowed: list(), denied: list(), would_deny: list() }
    }
}

impl Default for HourStats {
    fn default() -> Self {
        Self { checked: Count::default(), subjects: Top::new(SUBJECTS) }
    }
}

impl DayStats {
    /// The list of an outcome.
    pub const fn top(&self, outcome: Outcome) -> &Top {
        match outcome {
            Outcome::Allowed => &self.allowed,
            Outcome::Denied => &self.denied,
            Outcome::WouldDeny => &self.would_deny,
        }
    }

    /// The list of an outcome, to change.
    pub const fn top_mut(&mut self, outcome: Outcome) -> &mut Top {
        match outcome {
            Outcome::Allowed => &mut self.allowed,
            Outcome::Denied => &mut self.denied,
            Outcome::WouldDeny => &mut self.would_deny,
        }
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        self.totals.merge(&other.totals);
        for outcome in Outcome::ALL {
            self.top_mut(outcome).merge(other.top(outcome));
        }
    }
}

impl HourStats {
    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        self.checked += other.checked;
        self.subjects.merge(&other.subjects);
    }
}

impl Counted {
    /// Whether nothing was counted.
    pub fn is_zero(&self) -> bool {
        self.totals.is_zero() && self.withheld == 0
    }
}

impl Ledger {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.hours.is_empty()
    }

    /// Adds requests of one hour.
    pub fn add_counted(&mut self, hour: Hour, counted: &Counted) {
        let Counted { totals, withheld } = counted;
        if !totals.is_zero() {
            self.days.entry(hour.day()).or_default().totals.merge(totals);
        }
        let denied = totals.sum(Some(Outcome::Denied));
        let got = totals.checked().less(Count { requests: 0, bytes: denied.bytes });
        let checked = got + Count { requests: 0, bytes: *withheld };
        if !checked.is_zero() {
            self.hours.entry(hour).or_default().checked += checked;
        }
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        for (day, stats) in &other.days {
            self.days.entry(*day).or_default().merge(stats);
        }
        for (hour, stats) in &other.hours {
            self.hours.entry(*hour).or_default().merge(stats);
        }
    }

    /// All days from the first to the last of a range, as one.
    pub fn sum_of_days(&self, first: Day, last: Day) -> DayStats {
        let mut sum = DayStats::default();
        if first <= last {
            self.days.range(first..=last).for_each(|(_, stats)| sum.merge(stats));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stats::Verdict;

    #[test]
    fn totals_of_an_hour_count_for_its_day() {
        let mut totals = Totals::default();
        totals.add(Verdict::DeniedListed, Count::one(7));
        totals.add(Verdict::AllowedListed, Count::one(50));
        totals.add(Verdict::NotChecked, Count::one(9));
        let counted = Counted { totals, withheld: 300 };
        let mut ledger = Ledger::default();
        ledger.add_counted(Hour(23), &counted);
        ledger.add_counted(Hour(24), &counted);
        ledger.add_counted(Hour(25), &counted);
        ledger.add_counted(Hour(99), &Counted::default());
        assert_eq!(ledger.days.keys().copied().collect::<Vec<_>>(), [Day(0), Day(1)]);
        assert_eq!(ledger.hours.len(), 3);
        assert_eq!(
            ledger.hours[&Hour(24)].checked,
            Count { requests: 2, bytes: 350 },
            "exempt requests have no subject, and of the denied counts what they did not get"
        );
        let sum = ledger.sum_of_days(Day(0), Day(1));
        assert_eq!(sum.totals.sum(None), Count { requests: 3, bytes: 27 });
        assert_eq!(ledger.sum_of_days(Day(1), Day(0)).totals, Totals::default());
    }
}
