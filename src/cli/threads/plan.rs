//! Whether one of the threads is to rest.
//!
//! That threads wait for a processor though one fewer could do their work speaks for it. Whether then more
//! is answered is seen by doing the other for a span every now and then, between two spans of what is done
//! else. A single span says little, as what is the same differs by a tenth from span to span, so what they
//! say is added up, and the older it is the less it counts.
//!
//! Source: ours, measured; see docs/performance.md.

use std::time::Duration;

use super::Work;

/// For how long it stays as it is before the first check, and at most. So long may a thread be missing
/// when there is suddenly more to do.
const FIRST_PATIENCE: Duration = Duration::from_millis(300);
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// Whether a thread is to rest.
#[derive(Debug)]
pub(super) struct Plan {
    threads: u32,
    resting: bool,
    check: Option<Check>,
    evidence: Evidence,
    /// For how long it stays as it is before the next check.
    patience: Duration,
    /// When that is, since the start.
    until: Duration,
}

/// How far a check has come, with the requests per second of the spans that are over.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// The other is done.
    Other { before: f64 },
    /// What was done before is done again.
    Again { before: f64, other: f64 },
}

/// What speaks for resting, or if it is negative for not resting: how many times as much was answered, in
/// logarithms, added up.
#[derive(Debug)]
struct Evidence(f64);

impl Plan {
    /// How many times as much may be answered in the span after the other as in the one before, for the
    /// three to be compared: otherwise, other clients have come.
    const SAME: f64 = 1.5;

    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            resting: false,
            check: None,
            evidence: Evidence::AT_FIRST,
            patience: FIRST_PATIENCE,
            until: Duration::ZERO,
        }
    }

    /// What follows of what threads did in the span of this length before `now`, which is since the start.
    pub(super) fn next(&mut self, now: Duration, (length, work): (Duration, Work)) -> bool {
        let rate = f64::from(work.requests) / length.as_secs_f64();
        if !many_small(length, work) {
            (self.resting, self.check) = (false, None);
        } else if let Some(check) = self.check.take() {
            self.go_on(now, check, rate);
        } else if self.resting || in_the_way(length, work, self.threads) {
            self.begin(now, rate);
        }
        self.resting
    }

    /// Rests if that is what there is evidence for, and begins a check when it is time for one.
    fn begin(&mut self, now: Duration, rate: f64) {
        if !self.resting && self.evidence.for_resting() {
            (self.resting, self.until) = (true, now + self.patience);
        } else if now >= self.until {
            (self.resting, self.check) = (!self.resting, Some(Check::Other { before: rate }));
        }
    }

    /// Does what was done before again, or learns from it.
    fn go_on(&mut self, now: Duration, check: Check, rate: f64) {
        let (before, other) = match check {
            Check::Other { before } => {
                self.check = Some(Check::Again { before, other: rate });
                self.resting = !self.resting;
                return;
            }
            Check::Again { before, other } => (before, other),
        };
        let around = (before * rate).sqrt();
        let gain = if self.resting { around / other } else { other / around };
        let compares = before.max(rate) <= before.min(rate) * Self::SAME;
        let confirmed = compares && self.resting == self.evidence.add(gain);
        self.patience =
            if confirmed { LAST_PATIENCE.min(self.patience * 2) } else { FIRST_PATIENCE };
        (self.resting, self.until) = (self.evidence.for_resting(), now + self.patience);
    }
}

impl Evidence {
    /// That threads are in the way counts as much as one check.
    const AT_FIRST: Self = Self(0.2);
    /// How much of it counts after another check.
    const KEPT: f64 = 0.75;
    /// What a single check counts at most.
    const MOST: f64 = 0.25;
    /// How many times as much must be answered for a thread to rest.
    const GAIN: f64 = 1.02;

    const fn for_resting(&self) -> bool {
        self.0 > 0.0
    }

    /// Adds how many times as much was answered with a thread that rested. What this check says is returned.
    fn add(&mut self, gain: f64) -> bool {
        let more = (gain / Self::GAIN).ln().clamp(-Self::MOST, Self::MOST);
        self.0 = self.0.mul_add(Self::KEPT, more);
        more > 0.0
    }
}

/// Whether threads did many requests, and small ones.
fn many_small(length: Duration, work: Work) -> bool {
    /// What a small request takes, at most.
    const SMALL: Duration = Duration::from_micros(50);

    work.ran >= length / 4 && work.ran <= SMALL * work.requests
}

/// Whether threads had to wait for a processor, and one fewer of them would have had the time for it.
fn in_the_way(length: Duration, work: Work, threads: u32) -> bool {
    let spare = (length * threads).saturating_sub(work.ran + work.waited);
    let fewer_would_do = threads > 1 && work.ran <= length * (threads - 1) && spare >= length / 4;
    fewer_would_do && work.waited >= work.ran / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(100);

    /// What threads did in a span: hundredths of one processor that they ran and waited, and requests.
    const fn work(ran: u64, waited: u64, requests: u32) -> Work {
        Work { ran: Duration::from_millis(ran), waited: Duration::from_millis(waited), requests }
    }

    /// What is answered while a thread rests, and while none does.
    const fn resting(requests: u32) -> Work {
        work(97, 0, requests)
    }

    const fn working(requests: u32) -> Work {
        work(90, 60, requests)
    }

    /// A plan of two threads, after spans that end at these milliseconds, each with what is to follow.
    fn followed(table: &[(&str, u64, Work, bool)]) -> Plan {
        let mut plan = Plan::new(2);
        for (name, now, work, want) in table {
            let now = Duration::from_millis(*now);
            assert_eq!(plan.next(now, (SPAN, *work)), *want, "{name}: {plan:?}");
        }
        plan
    }

    #[test]
    fn who_is_in_the_way_rests() {
        #[rustfmt::skip]
        let table = [
            ("one thread",                       1,  work(80, 20, 8_000),     false),
            ("nothing to do",                    2,  work(0, 0, 0),           false),
            ("enough for one, nobody waits",     2,  work(90, 5, 8_000),      false),
            ("a client on the other processor",  2,  work(90, 60, 8_000),     true),
            ("large requests",                   2,  work(90, 60, 1_000),     false),
            ("more than one can do",             2,  work(120, 40, 8_000),    false),
            ("programs that never pause",        2,  work(70, 130, 8_000),    false),
            ("little to do",                     2,  work(20, 30, 1_600),     false),
            ("sixteen, a little of all",         16, work(600, 90, 60_000),   false),
            ("sixteen in the way",               16, work(600, 300, 60_000),  true),
        ];
        for (name, threads, work, want) in table {
            let mut plan = Plan::new(threads);
            assert_eq!(plan.next(SPAN, (SPAN, work)), want, "{name}");
        }
    }

    /// Evidence by hand: 0.2 · ¾ + ln(9 000 / 8 000 / 1.02) = 0.248; then twice
    /// · ¾ + ln(9 000 / 9 900 / 1.02) = 0.071 and -0.062; then · ¾ + ln(9 900 / 9 000 / 1.02) = 0.029.
    #[test]
    fn what_checks_say_is_added_up() {
        #[rustfmt::skip]
        let table = [
            ("in the way",                   100, working(8_000), true),
            ("left alone",                   300, resting(9_000), true),
            ("a check",                      400, resting(9_000), false),
            ("fewer are answered",           500, working(8_000), true),
            ("so it rests, twice as long", 1_100, resting(9_000), true),
            ("left alone",                 1_600, resting(9_000), true),
            ("a check",                    1_700, resting(9_000), false),
            ("more are answered",          1_800, working(9_900), true),
            ("once says little",           1_900, resting(9_000), true),
            ("soon another check",         2_200, resting(9_000), false),
            ("more are answered",          2_300, working(9_900), true),
            ("so it works",                2_400, resting(9_000), false),
            ("left alone",                 2_600, working(9_000), false),
            ("nobody waits, no check",     2_700, work(90, 5, 9_000), false),
            ("a check",                    2_800, working(9_000), true),
            ("more are answered",          2_900, resting(9_900), false),
            ("so it rests",                3_000, working(9_000), true),
        ];
        followed(&table);
    }

    /// Clients that come or go during a check say nothing about threads.
    #[test]
    fn other_clients_prove_nothing() {
        #[rustfmt::skip]
        let table = [
            ("in the way",       100, working(8_000), true),
            ("a check",          400, resting(9_000), false),
            ("others have come", 500, working(4_000), true),
            ("they stay",        600, resting(4_000), true),
        ];
        let plan = followed(&table);
        assert_eq!(plan.evidence.0.to_bits(), Evidence::AT_FIRST.0.to_bits());
        assert_eq!(plan.until, Duration::from_millis(600) + FIRST_PATIENCE);
    }

    /// Nobody rests when there is little to do, so that all are there when there is more.
    #[test]
    fn little_to_do_ends_all() {
        #[rustfmt::skip]
        let table = [
            ("in the way",              100, working(8_000),      true),
            ("little to do",            200, work(20, 0, 1_600),  false),
            ("in the way again",        300, working(8_000),      true),
            ("large requests",          400, work(97, 0, 1_000),  false),
            ("in the way once more",    500, working(8_000),      true),
            ("a check",                 800, resting(9_000),      false),
            ("little to do",            900, work(20, 30, 1_600), false),
            ("the check is forgotten", 1_000, work(90, 5, 8_000), false),
            ("it rests",               1_100, working(8_000),     true),
        ];
        followed(&table);
    }

    #[test]
    fn patience_has_an_end_and_begins_anew() {
        let (mut plan, mut now) = (Plan::new(2), SPAN);
        assert!(plan.next(now, (SPAN, working(8_000))));
        for _ in 0..20 {
            assert!(plan.until <= now + LAST_PATIENCE);
            now = plan.until;
            assert!(!plan.next(now, (SPAN, resting(9_000))));
            assert!(plan.next(now + SPAN, (SPAN, working(8_000))));
            now += 2 * SPAN;
            assert!(plan.next(now, (SPAN, resting(9_000))));
        }
        assert_eq!(plan.until, now + LAST_PATIENCE);
        // What was confirmed holds for the next clients, too; it is over with the first doubt.
        now += LAST_PATIENCE;
        assert!(!plan.next(now, (SPAN, work(0, 0, 0))));
        assert!(plan.next(now, (SPAN, working(8_000))));
        assert_eq!(plan.until, now + LAST_PATIENCE);
        now += LAST_PATIENCE;
        assert!(!plan.next(now, (SPAN, resting(9_000))));
        assert!(plan.next(now, (SPAN, working(9_900))));
        assert!(plan.next(now, (SPAN, resting(9_000))));
        assert_eq!(plan.until, now + FIRST_PATIENCE);
    }
}
