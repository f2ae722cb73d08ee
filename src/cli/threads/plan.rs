//! Whether one of the threads is to rest.
//!
//! That threads wait for a processor though one fewer could do their work speaks for it. Whether then more
//! is answered is seen by doing the other for a span every now and then, between two spans of what is done
//! else. A single span says little, as what is the same differs by a tenth from span to span, so what they
//! say is added up, and the older it is the less it counts. Where nobody waits when all work, the rest is
//! over at once.
//!
//! Source: ours, measured; see docs/performance.md.

use std::time::Duration;

use super::Work;

/// For how long it stays as it is between two checks: after one that was no confirmation, and at most. So
/// long may a thread be missing when others want its processor no more; where they still do, and it is
/// missing all the same, it takes some checks.
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
    /// When that is, since the start. It is not put off by a pause: what comes behind it may be of
    /// another kind.
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
    /// How many times as much may be answered in one of the spans around the other as in the second, for the
    /// three to be compared. More than by chance, and clients have come or gone: nothing is learnt from that.
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
        let in_the_way = in_the_way(length, work, self.threads);
        if !many_small(length, work, self.resting) {
            (self.resting, self.check) = (false, None);
        } else if let Some(check) = self.check.take() {
            match check {
                // All worked, and nobody waited.
                Check::Other { .. } if !self.resting && !waited(work) => {}
                Check::Other { before } => {
                    self.check = Some(Check::Again { before, other: rate });
                    self.resting = !self.resting;
                }
                Check::Again { before, other } => self.learn(now, (before, other, rate)),
            }
        } else if !self.resting && in_the_way && self.evidence.for_resting() {
            self.resting = true;
        } else if now >= self.until && (self.resting || in_the_way) {
            self.check = Some(Check::Other { before: rate });
            self.resting = !self.resting;
        }
        self.resting
    }

    /// Learns from a check, of which these are the rates.
    fn learn(&mut self, now: Duration, (before, other, after): (f64, f64, f64)) {
        let around = (before * after).sqrt();
        let gain = if self.resting { around / other } else { other / around };
        let compares = before.max(after) <= before.min(after) * Self::SAME;
        let says = compares.then(|| self.evidence.add(gain));
        let confirmed = says == Some(self.resting);
        self.patience =
            if confirmed { LAST_PATIENCE.min(self.patience * 2) } else { FIRST_PATIENCE };
        (self.resting, self.until) = (self.evidence.for_resting(), now + self.patience);
    }
}

impl Evidence {
    /// That threads are in the way counts as much as a check in which a fifth more was answered, which is
    /// what was measured of small requests.
    const AT_FIRST: Self = Self(0.2);
    /// How much of it counts after another check. So what a dozen say is forgotten by a dozen, and single
    /// ones that err by a tenth do not undo it.
    const KEPT: f64 = 0.75;
    /// What a single check counts at most: 28 % more. What is beyond that is mostly chance.
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

/// Whether threads did many requests, and small ones. The same take less time while a thread rests.
fn many_small(length: Duration, work: Work, resting: bool) -> bool {
    /// What a small request takes, at most.
    const SMALL: Duration = Duration::from_micros(50);

    // With less to do than that, it is the clients who are waited for: one connection that asks one thing
    // after the other takes half of a processor.
    let many = length * if resting { 2 } else { 3 } / 5;
    work.ran >= many && work.ran <= SMALL * work.requests
}

/// Whether threads had to wait for a processor.
fn waited(work: Work) -> bool {
    work.waited >= work.ran / 4
}

/// Whether threads had to wait for a processor, and one fewer of them would have had the time for it.
fn in_the_way(length: Duration, work: Work, threads: u32) -> bool {
    let spare = (length * threads).saturating_sub(work.ran + work.waited);
    let fewer_would_do = threads > 1 && work.ran <= length * (threads - 1) && spare >= length / 4;
    fewer_would_do && waited(work)
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
            ("one thing after the other",        2,  work(55, 40, 4_000),     false),
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
            ("a check",                      200, resting(9_000), false),
            ("fewer are answered",           300, working(8_000), true),
            ("so it rests, twice as long",   400, resting(9_000), true),
            ("left alone",                   900, resting(9_000), true),
            ("a check",                    1_000, resting(9_000), false),
            ("more are answered",          1_100, working(9_900), true),
            ("once says little",           1_200, resting(9_000), true),
            ("left alone",                 1_400, resting(9_000), true),
            ("soon another check",         1_500, resting(9_000), false),
            ("more are answered",          1_600, working(9_900), true),
            ("so it works",                1_700, resting(9_000), false),
            ("left alone",                 1_900, working(9_000), false),
            ("nobody waits, no check",     2_000, work(90, 5, 9_000), false),
            ("a check",                    2_100, working(9_000), true),
            ("more are answered",          2_200, resting(9_900), false),
            ("so it rests",                2_300, working(9_000), true),
        ];
        followed(&table);
    }

    /// A check counts ¼ at most: 0.2 · ¾ + ¼ = 0.4, then · ¾ - ¼ = 0.05.
    #[test]
    fn no_single_check_counts_for_all() {
        #[rustfmt::skip]
        let table = [
            ("in the way",                   100, working(8_000),  true),
            ("a check",                      200, resting(8_000),  false),
            ("half as many are answered",    300, working(4_000),  true),
            ("so it rests",                  400, resting(8_000),  true),
            ("a check",                    1_000, resting(8_000),  false),
            ("twice as many are answered", 1_100, working(16_000), true),
            ("once says little",           1_200, resting(8_000),  true),
        ];
        followed(&table);
    }

    /// Clients that come or go during a check say nothing about threads.
    #[test]
    fn other_clients_prove_nothing() {
        let evidence_after = |requests| {
            let table = [
                ("in the way", 100, working(8_000), true),
                ("a check", 200, resting(6_000), false),
                ("fewer are answered", 300, working(5_000), true),
                ("it rests", 400, resting(requests), true),
            ];
            let plan = followed(&table);
            (plan.evidence.0.to_bits() != Evidence::AT_FIRST.0.to_bits(), plan.until)
        };
        let (soon, later) = (Duration::from_millis(700), Duration::from_secs(1));
        let table = [
            (9_000, (true, later)),
            (9_010, (false, soon)),
            (4_000, (true, soon)),
            (3_990, (false, soon)),
        ];
        for (requests, want) in table {
            assert_eq!(evidence_after(requests), want, "{requests}");
        }
    }

    /// Nobody rests when there is little to do, so that all are there when there is more.
    #[test]
    fn little_to_do_ends_a_rest() {
        #[rustfmt::skip]
        let table = [
            ("as before",               resting(8_000),      true),
            ("less, as it takes less",  work(45, 0, 4_000),  true),
            ("little for one",          work(39, 0, 4_000),  false),
            ("nothing",                 work(0, 0, 0),       false),
            ("large requests",          work(97, 0, 1_000),  false),
        ];
        for (name, work, want) in table {
            let mut plan = followed(&[("in the way", 100, working(8_000), true)]);
            plan.until = Duration::from_secs(1);
            assert_eq!(plan.next(2 * SPAN, (SPAN, work)), want, "{name}");
        }
    }

    #[test]
    fn little_to_do_ends_a_check() {
        #[rustfmt::skip]
        let plan = followed(&[
            ("in the way",   100, working(8_000),      true),
            ("a check",      200, resting(8_000),      false),
            ("little to do", 300, work(55, 60, 4_000), false),
        ]);
        assert!(plan.check.is_none(), "{plan:?}");
    }

    /// Where all work and nobody waits any more, others have gone, and whatever was learnt of them
    /// says nothing.
    #[test]
    fn who_is_not_in_the_way_does_not_rest() {
        #[rustfmt::skip]
        let table = [
            ("in the way",            100, working(8_000),        true),
            ("a check",               200, resting(9_000),        false),
            ("nobody waits",          300, work(120, 0, 12_000),  false),
            ("nor later",             400, work(120, 0, 12_000),  false),
            ("in the way again",      500, working(8_000),        true),
        ];
        followed(&table);
    }

    #[test]
    fn a_pause_does_not_put_a_check_off() {
        #[rustfmt::skip]
        let table = [
            ("in the way",            100, working(8_000), true),
            ("a check",               200, resting(9_000), false),
            ("fewer are answered",    300, working(8_000), true),
            ("the next is at 1 s",    400, resting(9_000), true),
            ("a pause",               500, work(0, 0, 0),  false),
            ("in the way again",    1_100, working(8_000), true),
            ("a check",             1_200, resting(9_000), false),
        ];
        followed(&table);
    }

    #[test]
    fn patience_has_an_end_and_begins_anew() {
        let (mut plan, mut now) = (Plan::new(2), SPAN);
        assert!(plan.next(now, (SPAN, working(8_000))));
        let mut checked = |other, plan: &mut Plan| {
            now = plan.until.max(now + SPAN);
            assert!(!plan.next(now, (SPAN, resting(9_000))));
            assert!(plan.next(now + SPAN, (SPAN, working(other))));
            now += 2 * SPAN;
            assert!(plan.next(now, (SPAN, resting(9_000))));
            plan.until.saturating_sub(now)
        };
        let patience = [(); 5].map(|()| checked(8_000, &mut plan).as_millis());
        assert_eq!(patience, [600, 1_200, 2_000, 2_000, 2_000]);
        assert_eq!(checked(9_900, &mut plan), FIRST_PATIENCE);
    }
}
