//! How many threads serve requests.
//!
//! A request takes some microseconds, and so does waking a thread for a few of them. Where clients or
//! other programs run on the same processors, threads that are woken for each other's work stand in their
//! way, and in that of the clients: with a client on one of two processors, one thread answers a quarter
//! more small requests than two.
//!
//! So when threads had to wait for a processor, though fewer could do what they did, one of them rests
//! for a try. If then more is answered, it goes on resting, and else it works as before. When those that
//! are left have no time to spare it is woken, and it is tried again, which is less and less often. Where
//! nobody else wants the processors, no thread ever waits and none rests. Threads that share a processor
//! with programs that never pause are not meant: they have no time to spare themselves.
//!
//! Source: ours, measured; see docs/performance.md.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

/// How often is looked at what threads did, while they do something and while they do not.
const SPANS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// How long a thread rests or works after the first try, and after the last.
const PATIENCE: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];

/// How long a thread rests at once. Then it looks for work: the others may be held up.
const NAP: Duration = Duration::from_millis(10);

/// The threads of a runtime.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// Where the system says of each how long it ran, and how long it waited to.
    clocks: Mutex<Vec<File>>,
    resting: Mutex<usize>,
    changed: Condvar,
}

/// What threads did, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Work {
    ran: Duration,
    /// They could have run, and had no processor.
    waited: Duration,
    /// How many requests came.
    requests: u64,
}

impl Threads {
    /// Gets to know the thread that asks. Each is to ask once.
    pub(super) fn join(&self) {
        // Where the system does not tell, nobody rests.
        if let Ok(clock) = File::open("/proc/thread-self/schedstat") {
            lock(&self.clocks).push(clock);
        }
    }

    /// Has threads of this runtime rest and work, for as long as it is there. `requests` tells how many
    /// there were.
    pub(super) async fn supervise(self: Arc<Self>, requests: impl Fn() -> u64) {
        let threads = Handle::current().metrics().num_workers();
        if threads == 1 {
            return;
        }
        let (mut plan, mut places) = (Plan::new(threads), Vec::<JoinHandle<()>>::new());
        let started = Instant::now();
        let work = || Work { requests: requests(), ..self.work() };
        let (mut before, mut then) = (work(), started);
        let [mut span, idle] = SPANS;
        loop {
            sleep(span).await;
            let (now, all) = (Instant::now(), work());
            let done = all.since(before);
            let resting = plan.next(now - started, (now - then, done));
            span = if done.ran < (now - then) / 20 { idle } else { SPANS[0] };
            (before, then) = (all, now);
            if std::mem::replace(&mut *lock(&self.resting), resting) != resting {
                tracing::debug!(resting, "of {threads} threads {resting} rest");
                self.changed.notify_all();
            }
            for place in 0..resting {
                // Who was woken may not have noticed before it is to rest again.
                match places.get_mut(place) {
                    Some(task) if !task.is_finished() => {}
                    Some(task) => *task = tokio::spawn(self.clone().rest(place)),
                    None => places.push(tokio::spawn(self.clone().rest(place))),
                }
            }
        }
    }

    /// Keeps the thread that runs this from other work while so many are to rest.
    async fn rest(self: Arc<Self>, place: usize) {
        loop {
            // What else is ready on this thread comes first.
            yield_now().await;
            // This thread looks for no events while it naps, and who has nothing to do may have left it to
            // this one. Of two tasks one stays here, and for the other somebody is woken, who does then.
            for _ in 0..2 {
                tokio::spawn(async {});
            }
            let resting = lock(&self.resting);
            let nap = self.changed.wait_timeout_while(resting, NAP, |resting| place < *resting);
            let (resting, _) = nap.unwrap_or_else(PoisonError::into_inner);
            if place >= *resting {
                return;
            }
        }
    }

    /// What all did since they were there.
    fn work(&self) -> Work {
        let mut all = Work::default();
        for clock in lock(&self.clocks).iter() {
            let mut text = [0; 64];
            let length = clock.read_at(&mut text, 0).unwrap_or_default();
            if let Some(work) = text.get(..length).and_then(Work::read) {
                all.ran += work.ran;
                all.waited += work.waited;
            }
        }
        all
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    /// Reads `/proc/<pid>/task/<tid>/schedstat`: nanoseconds run, nanoseconds waited, and turns.
    ///
    /// Source: Linux, Documentation/scheduler/sched-stats.rst.
    fn read(text: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(text).ok()?.split_ascii_whitespace();
        let mut next = || numbers.next()?.parse().ok().map(Duration::from_nanos);
        Some(Self { ran: next()?, waited: next()?, requests: 0 })
    }

    fn since(self, before: Self) -> Self {
        Self {
            ran: self.ran.saturating_sub(before.ran),
            waited: self.waited.saturating_sub(before.waited),
            requests: self.requests.saturating_sub(before.requests),
        }
    }
}

/// How many threads are to rest.
#[derive(Debug)]
struct Plan {
    threads: usize,
    resting: usize,
    /// Requests per second before the last of them rested, which is a try.
    tried_at: Option<f64>,
    /// For how long it stays as it is after the next try.
    patience: Duration,
    /// Until when it stays as it is, since the start.
    until: Duration,
}

impl Plan {
    /// How many times as much must be answered for a thread to rest.
    const GAIN: f64 = 1.05;

    const fn new(threads: usize) -> Self {
        let (patience, until) = (PATIENCE[0], Duration::ZERO);
        Self { threads, resting: 0, tried_at: None, patience, until }
    }

    /// What follows of what threads did in the span of this length before `now`.
    fn next(&mut self, now: Duration, (length, work): (Duration, Work)) -> usize {
        let rate =
            f64::from(u32::try_from(work.requests).unwrap_or(u32::MAX)) / length.as_secs_f64();
        let active = u32::try_from(self.threads - self.resting).unwrap_or(u32::MAX);
        let spare = (length * active).saturating_sub(work.ran + work.waited);
        if let Some(before) = self.tried_at.take() {
            self.resting -= usize::from(rate < before * Self::GAIN);
            self.until = now + self.patience;
            self.patience = PATIENCE[1].min(self.patience * 2);
        } else if now < self.until {
            // It stays as it is.
        } else if in_the_way(length, work) && fewer_would_do(length, work, active) {
            self.resting += 1;
            self.tried_at = Some(rate);
        } else if self.resting > 0 && (spare < length / 10 || spare > length * active / 2) {
            // There is too much to do for so few, or nothing in whose way to be.
            self.resting -= 1;
        } else if self.resting == 0 && now >= self.until + PATIENCE[1] {
            self.patience = PATIENCE[0];
        }
        self.resting
    }
}

/// Whether threads that did small requests had to wait for a processor.
fn in_the_way(length: Duration, work: Work) -> bool {
    /// What a small request takes, at most.
    const SMALL: Duration = Duration::from_micros(50);

    let requests = u32::try_from(work.requests).unwrap_or(u32::MAX);
    work.waited >= (work.ran / 4).max(length / 10) && work.ran <= SMALL * requests
}

/// Whether fewer of the threads that are at work would have had the time for it.
fn fewer_would_do(length: Duration, work: Work, active: u32) -> bool {
    let spare = (length * active).saturating_sub(work.ran + work.waited);
    active > 1 && work.ran <= length * (active - 1) && spare >= length / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(100);

    /// What threads did in a span: hundredths of one processor that they ran and waited, and requests.
    const fn work(ran: u64, waited: u64, requests: u64) -> Work {
        Work { ran: Duration::from_millis(ran), waited: Duration::from_millis(waited), requests }
    }

    #[test]
    fn who_is_in_the_way_rests() {
        #[rustfmt::skip]
        let table = [
            ("one thread",                       1, work(80, 20, 8_000),     0),
            ("nothing to do",                    2, work(0, 0, 0),           0),
            ("enough for one, nobody waits",     2, work(90, 5, 8_000),      0),
            ("a client on the other processor",  2, work(90, 60, 8_000),     1),
            ("large requests",                   2, work(90, 60, 1_000),     0),
            ("more than one can do",             2, work(120, 40, 8_000),    0),
            ("programs that never pause",        2, work(70, 130, 8_000),    0),
            ("little to do, short waits",        2, work(10, 4, 800),        0),
            ("sixteen, a little of all",         16, work(600, 90, 60_000),  0),
            ("sixteen in the way",               16, work(600, 300, 60_000), 1),
        ];
        for (name, threads, work, want) in table {
            let mut plan = Plan::new(threads);
            assert_eq!(plan.next(SPAN, (SPAN, work)), want, "{name}");
        }
    }

    #[test]
    fn it_is_tried_and_tried_again() {
        let mut plan = Plan::new(2);
        #[rustfmt::skip]
        let table = [
            ("in the way",                 100,    work(90, 60, 8_000),  1),
            ("more is answered",           200,    work(97, 0, 9_000),   1),
            ("left alone",                 350,    work(97, 0, 9_000),   1),
            ("time to spare",              400,    work(70, 0, 5_000),   1),
            ("woken",                      450,    work(97, 0, 9_000),   0),
            ("in the way again",           500,    work(90, 60, 8_000),  1),
            ("no more is answered",        550,    work(97, 0, 8_300),   0),
            ("so it works, twice as long", 900,    work(90, 60, 8_000),  0),
            ("tried again",                1_000,  work(90, 60, 8_000),  1),
            ("more is answered",           1_050,  work(98, 0, 8_500),   1),
            ("woken when one waits, too",  2_000,  work(50, 48, 4_000),  0),
            ("needed now",                 2_050,  work(150, 0, 16_000), 0),
            ("in the way",                 2_100,  work(90, 60, 8_000),  1),
            ("more is answered",           2_150,  work(97, 0, 9_000),   1),
            ("nothing to do",              9_000,  work(2, 0, 200),      0),
        ];
        for (name, now, work, want) in table {
            let now = Duration::from_millis(now);
            assert_eq!(plan.next(now, (SPAN, work)), want, "{name}");
        }
    }

    #[test]
    fn patience_has_an_end_and_begins_anew() {
        let (mut plan, mut now) = (Plan::new(2), Duration::ZERO);
        for _ in 0..20 {
            assert_eq!(plan.next(now, (SPAN, work(90, 60, 8_000))), 1);
            assert_eq!(plan.next(now, (SPAN, work(98, 0, 8_000))), 0);
            assert!(plan.until <= now + PATIENCE[1]);
            now = plan.until;
        }
        assert_eq!(plan.patience, PATIENCE[1]);
        plan.next(plan.until + PATIENCE[1], (SPAN, work(0, 0, 0)));
        assert_eq!(plan.patience, PATIENCE[0]);
    }

    /// `Documentation/scheduler/sched-stats.rst`.
    #[test]
    fn what_the_system_says_is_read() {
        let work = |ran, waited| Work {
            ran: Duration::from_nanos(ran),
            waited: Duration::from_nanos(waited),
            requests: 0,
        };
        assert_eq!(Work::read(b"37123456 812 54\n"), Some(work(37_123_456, 812)));
        assert_eq!(Work::read(b"0 0 0\n"), Some(work(0, 0)));
        assert_eq!(Work::read(b"1\n"), None);
        assert_eq!(Work::read(b""), None);
    }

    /// Tasks go on while threads rest, and what rests notices that it is over.
    #[test]
    fn the_others_do_the_work() {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(4).enable_all().build().unwrap();
        let threads = Arc::new(Threads::default());
        *lock(&threads.resting) = 3;
        runtime.block_on(async {
            let resting: Vec<_> =
                (0..3).map(|place| tokio::spawn(threads.clone().rest(place))).collect();
            for _ in 0..20 {
                let work: Vec<_> = (0..100).map(|at| tokio::spawn(async move { at })).collect();
                for (at, done) in work.into_iter().enumerate() {
                    assert_eq!(done.await.unwrap(), at);
                }
                sleep(Duration::from_millis(1)).await;
            }
            assert!(resting.iter().all(|it| !it.is_finished()));
            *lock(&threads.resting) = 1;
            threads.changed.notify_all();
            let [first, second, third] = resting.try_into().unwrap();
            second.await.unwrap();
            third.await.unwrap();
            assert!(!first.is_finished());
        });
        runtime.shutdown_timeout(Duration::from_secs(10));
    }
}
