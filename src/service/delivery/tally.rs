//! Counting requests on delivery domains.
//!
//! A request adds to atomics of its domain and waits for nothing. What they hold is moved into the
//! database every few seconds, in the numbered batches of the [statistics](crate::service::stats);
//! a report adds up database, batches in doubt and atomics while nothing moves.
//!
//! The counters belong to the domain and not to its settings: a change of these takes nothing away,
//! and a key keeps its counter, by its id, whether it signs or only verifies.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Domain;
use super::ends::End;
use crate::domain::delivery::{Count, Outcome, Refusal, Tally, Unsigned};
use crate::domain::name::DomainId;
use crate::domain::op::HostName;
use crate::domain::stats::Day;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::{Denial, Pass, Settings, Slot};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::error::Error;

/// Requests since they were last taken. One cache line serves all cores: a request costs far more
/// than to wait for it.
#[derive(Debug, Default)]
struct Cell {
    requests: AtomicU64,
    latest: AtomicI64,
}

impl Cell {
    fn add(&self, at: UnixMillis) {
        // Many come within a millisecond.
        if self.latest.load(Ordering::Relaxed) < at.0 {
            self.latest.fetch_max(at.0, Ordering::Relaxed);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self, how: Read) -> Count {
        let requests = match how {
            Read::Peek => self.requests.load(Ordering::Relaxed),
            Read::Take => self.requests.swap(0, Ordering::Relaxed),
        };
        let latest = UnixMillis(self.latest.load(Ordering::Relaxed));
        Count { requests, latest }
    }
}

#[derive(Clone, Copy, Debug)]
enum Read {
    Take,
    Peek,
}

/// One outcome, on the even and the odd day. They are taken every few seconds, so in the first half
/// of a day the other ones are those of the day before, and in the second half those of the next,
/// from a thread that saw the clock a little later.
#[derive(Debug, Default)]
pub(super) struct Series([Cell; 2]);

impl Series {
    fn add(&self, at: UnixMillis) {
        if let Some(cell) = self.0.get(parity(Day::of(at))) {
            cell.add(at);
        }
    }

    fn read(&self, now: UnixMillis, how: Read) -> impl Iterator<Item = (Day, Count)> {
        let read = move |day| Some((day, self.0.get(parity(day))?.read(how)));
        days_around(now).into_iter().filter_map(read).filter(|(_, count)| count.requests > 0)
    }
}

const fn parity(day: Day) -> usize {
    if day.0 % 2 == 0 { 0 } else { 1 }
}

/// The day of a moment, and the one whose counters the other ones are.
fn days_around(now: UnixMillis) -> [Day; 2] {
    const HALF: i64 = 12 * 3_600_000;
    let day = Day::of(now);
    let other = if now.0.rem_euclid(2 * HALF) < HALF { day.0 - 1 } else { day.0 + 1 };
    [day, Day(other)]
}

/// The counters of one domain.
#[derive(Debug, Default)]
pub(super) struct Counters {
    refused: [Series; Refusal::ALL.len()],
    open: Series,
    /// By the id of the key; looked at when settings change, not when a request is counted.
    keys: Mutex<Vec<(String, Arc<OfKey>)>>,
}

/// What is known of a key: the requests that it verified, and the end of its links.
#[derive(Debug, Default)]
pub(super) struct OfKey {
    requests: Series,
    pub(super) end: End,
}

/// What is known of the keys of a domain, the primary first.
#[derive(Debug, Default)]
pub(super) struct ByKey([Option<Arc<OfKey>>; 2]);

impl ByKey {
    pub(super) fn of(&self, slot: Slot) -> Option<&OfKey> {
        let Self([primary, secondary]) = self;
        match slot {
            Slot::Primary => primary.as_deref(),
            Slot::Secondary => secondary.as_deref(),
        }
    }
}

impl Counters {
    /// The counters of the keys of these settings.
    pub(super) fn by_key(&self, settings: Option<&Settings>) -> ByKey {
        let of = |slot| {
            let id = settings?.keys().id(slot)?;
            let mut keys = self.keys();
            if let Some((_, of)) = keys.iter().find(|(known, _)| known == id) {
                return Some(Arc::clone(of));
            }
            let of = Arc::<OfKey>::default();
            keys.push((id.to_owned(), Arc::clone(&of)));
            Some(of)
        };
        ByKey([of(Slot::Primary), of(Slot::Secondary)])
    }

    /// All keys that are not forgotten.
    pub(super) fn all_keys(&self) -> Vec<(String, Arc<OfKey>)> {
        self.keys().clone()
    }

    fn keys(&self) -> MutexGuard<'_, Vec<(String, Arc<OfKey>)>> {
        // It is whole between two steps.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, now: UnixMillis, how: Read) -> Vec<Tally> {
        let mut found = Vec::new();
        let mut add = |outcome: Outcome, series: &Series| {
            let tally = |(day, count)| Tally { day, outcome: outcome.clone(), count };
            found.extend(series.read(now, how).map(tally));
        };
        for (refusal, series) in Refusal::ALL.iter().zip(&self.refused) {
            add(Outcome::Refused(*refusal), series);
        }
        add(Outcome::Open, &self.open);
        for (id, of) in self.keys().iter() {
            add(Outcome::Verified(id.clone()), &of.requests);
        }
        found
    }

    /// Takes out what was counted. Keys that no settings have any more are forgotten, once the end of
    /// their links is written down.
    pub(super) fn take(&self, now: UnixMillis) -> Vec<Tally> {
        // Whoever could still add to the counter of such a key would hold it.
        let unused: Vec<_> = {
            let mut keys = self.keys();
            let unused =
                |of: &Arc<OfKey>| Arc::strong_count(of) == 1 && of.end.unwritten().is_none();
            keys.extract_if(.., |(_, of)| unused(of)).collect()
        };
        let mut taken = self.read(now, Read::Take);
        for (id, of) in unused {
            let tally = |(day, count)| Tally { day, outcome: Outcome::Verified(id.clone()), count };
            taken.extend(of.requests.read(now, Read::Take).map(tally));
        }
        taken
    }

    /// What was counted, and stays.
    pub(in crate::service) fn peek(&self, now: UnixMillis) -> Vec<Tally> {
        self.read(now, Read::Peek)
    }
}

/// Requests on all domains together since the start, for a monitoring system.
#[derive(Debug, Default)]
pub(super) struct Running {
    requests: [AtomicU64; 3],
    unsigned: [AtomicU64; Unsigned::ALL.len()],
}

/// What a request on a delivery domain can come to, for a monitoring system.
pub const OUTCOMES: [&str; 3] = ["verified", "refused", "open"];

impl Running {
    fn add(&self, outcome: &str) {
        let mut all = OUTCOMES.iter().zip(&self.requests);
        if let Some((_, count)) = all.find(|(name, _)| **name == outcome) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What was counted of a domain over some days.
#[derive(Clone, Debug)]
pub struct DomainReport {
    /// The domain.
    pub domain: Arc<Domain>,
    /// The first day and the last.
    pub days: (Day, Day),
    /// What was counted, by day and outcome, in that order and without zeroes.
    pub tallies: Vec<Tally>,
}

impl App {
    /// Counts a request whose signature was verified.
    pub(super) fn count_verified(&self, domain: &Domain, pass: &Pass<'_>, at: UnixMillis) {
        self.domains.running.add("verified");
        if let Some(of) = domain.by_key.of(pass.key) {
            of.requests.add(at);
            of.end.see(pass.until);
        }
    }

    /// Counts a request that needs no signature.
    pub(super) fn count_open(&self, domain: &Domain) {
        self.domains.running.add("open");
        domain.counters.open.add(self.clock.now());
    }

    /// Counts a request that a domain refuses.
    pub fn count_refused(&self, domain: &Domain, denial: &Denial) {
        self.domains.running.add("refused");
        if let Some(series) = domain.counters.refused.get(Refusal::from(&denial.reason).index()) {
            series.add(self.clock.now());
        }
    }

    /// Requests on all delivery domains since the start, in the order of [`OUTCOMES`].
    pub fn delivered(&self) -> [u64; 3] {
        self.domains.running.requests.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Counts a playlist that was given out without all of its signatures.
    pub fn count_unsigned(&self, what: Unsigned) {
        let mut all = Unsigned::ALL.iter().zip(&self.domains.running.unsigned);
        if let Some((_, count)) = all.find(|(known, _)| **known == what) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Such playlists since the start, in the order of [`Unsigned::ALL`].
    pub fn unsigned_playlists(&self) -> [u64; Unsigned::ALL.len()] {
        self.domains.running.unsigned.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// How many delivery domains there are.
    pub fn domain_count(&self) -> usize {
        self.domains.len()
    }

    /// Takes what was counted of all domains out of memory.
    pub(in crate::service) fn take_tallies(&self, now: UnixMillis) -> Vec<(DomainId, Tally)> {
        let all = self.domains.all();
        let of = |domain: &Arc<Domain>| {
            let id = domain.id;
            domain.counters.take(now).into_iter().map(move |tally| (id, tally))
        };
        all.iter().flat_map(of).collect()
    }

    /// Tells what was counted of a domain on this day of UTC and the days before it, `days` in all.
    /// Everything that was answered before the call is in it.
    ///
    /// # Errors
    ///
    /// [`DomainError::NoSuchDomain`](super::DomainError::NoSuchDomain), or another [`Error`].
    pub async fn domain_report(
        &self,
        by: &Administrator,
        host: &HostName,
        days: u32,
    ) -> Result<DomainReport, Error> {
        let domain = self.domain(by, host)?;
        let now = self.clock.now();
        let (first, last) = (Day::of(now).before(days.saturating_sub(1)), Day::of(now));
        let mut tallies = self.stats_of_domain(&domain, first).await?;
        tallies.retain(|tally| (first..=last).contains(&tally.day));
        tallies.sort_by(|a, b| (a.day, &a.outcome).cmp(&(b.day, &b.outcome)));
        tallies.dedup_by(|next, sum| {
            let same = (next.day, &next.outcome) == (sum.day, &sum.outcome);
            if same {
                sum.count += next.count;
            }
            same
        });
        Ok(DomainReport { domain, days: (first, last), tallies })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn counts(found: &[Tally]) -> Vec<(i64, u64, i64)> {
        found.iter().map(|it| (it.day.0, it.count.requests, it.count.latest.0)).collect()
    }

    #[test]
    fn what_was_counted_on_a_day_stays_in_it() {
        let counters = Counters::default();
        counters.open.add(UnixMillis(10 * DAY - 1));
        counters.open.add(UnixMillis(10 * DAY));
        counters.open.add(UnixMillis(10 * DAY));
        let before = [(9, 1, 10 * DAY - 1), (10, 2, 10 * DAY)];
        assert_eq!(counts(&counters.peek(UnixMillis(10 * DAY - 1))), before);
        let after = [(10, 2, 10 * DAY), (9, 1, 10 * DAY - 1)];
        assert_eq!(counts(&counters.take(UnixMillis(10 * DAY + 4000))), after);
        assert!(counters.take(UnixMillis(10 * DAY + 4000)).is_empty());
    }

    #[test]
    fn a_key_that_went_is_written_down_and_forgotten() {
        let counters = Counters::default();
        let of = Arc::<OfKey>::default();
        counters.keys().push(("ab".into(), Arc::clone(&of)));
        of.requests.add(UnixMillis(DAY));
        drop(of);
        let taken = counters.take(UnixMillis(DAY));
        assert_eq!((counts(&taken), counters.keys().len()), (vec![(1, 1, DAY)], 0));
        assert_eq!(taken[0].outcome, Outcome::Verified("ab".into()));
    }

    #[test]
    fn nothing_is_lost_or_counted_twice_while_threads_hammer() {
        const EACH: u64 = 20_000;
        let counters = Counters::default();
        let taken: u64 = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..EACH).for_each(|_| counters.open.add(UnixMillis(DAY))));
            }
            let take =
                |_| counters.take(UnixMillis(DAY)).iter().map(|it| it.count.requests).sum::<u64>();
            (0..1000).map(take).sum()
        });
        let rest: u64 = counters.take(UnixMillis(DAY)).iter().map(|it| it.count.requests).sum();
        assert_eq!(taken + rest, 4 * EACH);
    }
}
