//! The exact totals of a bucket: atomics that every request adds to.

use std::cell::Cell as ThreadCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

use crate::domain::stats::{Count, Counted, Hour, Totals, Verdict};
use crate::domain::time::UnixMillis;

/// Into how many parts counters and queues are divided, so that threads seldom meet at one: a
/// part for each core, and of bounded size on large machines.
pub(super) static SHARDS: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 16));

/// The part of this thread. Threads are numbered as they come, and take the parts in turn.
pub(super) fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: ThreadCell<usize> = ThreadCell::new(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    // A thread that is ending has no number any more.
    OWN.try_with(ThreadCell::get).unwrap_or(0) % *SHARDS
}

#[derive(Debug, Default)]
struct Cell {
    requests: AtomicU64,
    bytes: AtomicU64,
}

/// What is counted in an hour.
#[derive(Debug, Default)]
struct Cells {
    verdicts: [Cell; Verdict::COUNT],
    withheld: AtomicU64,
}

/// One part: two hours, the even and the odd. Aligned so that parts share no cache line, nor the
/// pair of lines that processors fetch together.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Part([Cells; 2]);

/// Requests and bytes by verdict since they were last taken. Exact: whatever is added is taken
/// once.
///
/// There are counters for two hours, the even and the odd. They are taken every few seconds, so
/// in the first half of an hour the other ones are those of the hour before, and in the second
/// half those of the next, from a thread that saw the clock a little later. Whoever adds names the
/// hour that it is.
#[derive(Debug, Default)]
pub struct Counters(OnceLock<Box<[Part]>>);

impl Counters {
    /// Adds to a verdict.
    pub fn add(&self, hour: Hour, verdict: Verdict, count: Count) {
        let cells = self.cells(hour);
        if let Some(cell) = cells.and_then(|cells| cells.verdicts.get(verdict.index())) {
            cell.requests.fetch_add(count.requests, Ordering::Relaxed);
            cell.bytes.fetch_add(count.bytes, Ordering::Relaxed);
        }
    }

    /// Adds bytes that a denied request would have got.
    pub fn withhold(&self, hour: Hour, bytes: u64) {
        if let Some(cells) = self.cells(hour) {
            cells.withheld.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn cells(&self, hour: Hour) -> Option<&Cells> {
        // A bucket that nobody asks for has no counters.
        let parts = self.0.get_or_init(|| (0..*SHARDS).map(|_| Part::default()).collect());
        let Part(hours) = parts.get(shard_of_thread()).or(parts.first())?;
        hours.get(parity(hour))
    }

    /// Takes out what was counted, by hour.
    pub(super) fn take(&self, now: UnixMillis) -> [(Hour, Counted); 2] {
        self.read(now, |counter| {
            // Most counters are always zero, and reading costs the threads that count less.
            if counter.load(Ordering::Relaxed) == 0 {
                return 0;
            }
            counter.swap(0, Ordering::Relaxed)
        })
    }

    /// What was counted, by hour, and stays.
    pub(super) fn peek(&self, now: UnixMillis) -> [(Hour, Counted); 2] {
        self.read(now, |counter| counter.load(Ordering::Relaxed))
    }

    fn read(&self, now: UnixMillis, read: impl Fn(&AtomicU64) -> u64) -> [(Hour, Counted); 2] {
        let hours = hours_around(now);
        hours.map(|hour| {
            let mut counted = Counted::default();
            let parts = self.0.get().into_iter().flatten();
            for cells in parts.filter_map(|Part(hours)| hours.get(parity(hour))) {
                for (verdict, cell) in Verdict::ALL.iter().zip(&cells.verdicts) {
                    let (requests, bytes) = (read(&cell.requests), read(&cell.bytes));
                    counted.totals.add(*verdict, Count { requests, bytes });
                }
                counted.withheld = counted.withheld.saturating_add(read(&cells.withheld));
            }
            (hour, counted)
        })
    }
}

/// Requests and bytes by verdict since the start, of all buckets together: what only ever grows, as
/// a monitoring system wants it.
#[derive(Debug)]
pub(super) struct Running(Box<[RunningPart]>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct RunningPart([Cell; Verdict::COUNT]);

impl Running {
    pub(super) fn new() -> Self {
        Self((0..*SHARDS).map(|_| RunningPart::default()).collect())
    }

    pub(super) fn add(&self, verdict: Verdict, count: Count) {
        let part = self.0.get(shard_of_thread()).map(|RunningPart(cells)| cells);
        if let Some(cell) = part.and_then(|cells| cells.get(verdict.index())) {
            cell.requests.fetch_add(count.requests, Ordering::Relaxed);
            cell.bytes.fetch_add(count.bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for RunningPart(cells) in &self.0 {
            for (verdict, cell) in Verdict::ALL.iter().zip(cells) {
                let requests = cell.requests.load(Ordering::Relaxed);
                let bytes = cell.bytes.load(Ordering::Relaxed);
                totals.add(*verdict, Count { requests, bytes });
            }
        }
        totals
    }
}

/// The hour of a moment, and the one whose counters the other ones are.
const fn hours_around(now: UnixMillis) -> [Hour; 2] {
    let hour = Hour::of(now);
    let since = now.0.saturating_sub(hour.start().0);
    let other = if since < 30 * 60 * 1000 { hour.0 - 1 } else { hour.0 + 1 };
    [hour, Hour(other)]
}

const fn parity(hour: Hour) -> usize {
    if hour.0 % 2 == 0 { 0 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn nonzero(taken: &[(Hour, Counted); 2]) -> Vec<(i64, Count)> {
        taken
            .iter()
            .map(|(hour, counted)| (hour.0, counted.totals.checked()))
            .filter(|(_, count)| !count.is_zero())
            .collect()
    }

    #[test]
    fn totals_are_exact_while_threads_hammer() {
        const EACH: u64 = 20_000;
        let counters = Counters::default();
        let taken = std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for n in 0..EACH {
                        counters.add(Hour(10), Verdict::AllowedListed, Count::one(n % 3));
                    }
                });
            }
            let mut taken = Count::default();
            for _ in 0..1000 {
                taken += counters.take(UnixMillis(10 * HOUR))[0].1.totals.checked();
            }
            taken
        });
        let rest = counters.take(UnixMillis(10 * HOUR))[0].1.totals.checked();
        let bytes_each: u64 = (0..EACH).map(|n| n % 3).sum();
        assert_eq!(taken + rest, Count { requests: 8 * EACH, bytes: 8 * bytes_each });
        assert!(nonzero(&counters.peek(UnixMillis(10 * HOUR))).is_empty());
    }

    #[test]
    fn what_was_counted_in_an_hour_stays_in_it() {
        let counters = Counters::default();
        let midnight = 24 * HOUR;
        counters.add(Hour::of(UnixMillis(midnight - 1)), Verdict::DeniedEmpty, Count::one(1));
        counters.add(Hour::of(UnixMillis(midnight)), Verdict::DeniedEmpty, Count::one(2));
        let before = UnixMillis(midnight - 1);
        let after = UnixMillis(midnight + 4000);
        assert_eq!(nonzero(&counters.peek(before)), [(23, Count::one(1)), (24, Count::one(2))]);
        assert_eq!(nonzero(&counters.take(after)), [(24, Count::one(2)), (23, Count::one(1))]);
        assert!(nonzero(&counters.take(after)).is_empty());
    }

    #[test]
    fn what_was_withheld_is_taken_once() {
        let (counters, now) = (Counters::default(), UnixMillis(10 * HOUR));
        counters.withhold(Hour(10), 300);
        counters.withhold(Hour(9), 5);
        let withheld = |taken: [(Hour, Counted); 2]| taken.map(|(_, counted)| counted.withheld);
        assert_eq!(withheld(counters.peek(now)), [300, 5]);
        assert_eq!(withheld(counters.take(now)), [300, 5]);
        assert_eq!(withheld(counters.take(now)), [0, 0]);
    }
}
