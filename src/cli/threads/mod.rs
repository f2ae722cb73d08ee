//! How many threads serve requests.
//!
//! A request takes some microseconds, and so does waking a thread for a few of them. Where clients or
//! other programs run on the same processors, threads that are woken for each other's work stand in their
//! way, and in that of the clients: with a client on one of two processors, one thread answers up to a
//! third more small requests than two.
//!
//! So when threads had to wait for a processor, though one fewer could do what they did, one of them rests,
//! and from time to time it is checked whether that has more answered (`plan`). Where nobody else wants the
//! processors, no thread ever waits and none rests. Threads that share a processor with programs that never
//! pause are not meant: they have no time to spare themselves.
//!
//! Source: ours, measured; see docs/performance.md.

use std::fs::File;
use std::future::poll_fn;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

use self::plan::Plan;

mod plan;

/// How often is looked at what threads did. Also when they have nothing to do, as what comes then is to be
/// noticed as soon.
const SPAN: Duration = Duration::from_millis(100);

/// How long a thread rests at once. Then it looks for work: the others may be held up.
const NAP: Duration = Duration::from_millis(10);

/// The threads of a runtime.
#[derive(Debug, Default)]
pub(super) struct Threads {
    clocks: Mutex<Vec<Clock>>,
    resting: Mutex<bool>,
    changed: Condvar,
}

/// Where the system says of a thread how long it ran, and how long it waited to.
#[derive(Debug)]
struct Clock {
    file: File,
    /// What it said last.
    then: Work,
}

/// What threads did, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Work {
    ran: Duration,
    /// They could have run, and had no processor: what Linux calls run delay.
    waited: Duration,
    /// How many requests came.
    requests: u32,
}

impl Threads {
    /// Gets to know the thread that asks, which is to ask until it is known.
    pub(super) fn join(&self) -> bool {
        // Where the system does not tell, nobody rests.
        let Ok(file) = File::open("/proc/thread-self/schedstat") else { return false };
        lock(&self.clocks).push(Clock { file, then: Work::default() });
        true
    }

    /// Has one of the threads of this runtime rest or work, for as long as it is there. `requests` tells how
    /// many there were.
    pub(super) async fn supervise(self: Arc<Self>, requests: impl Fn() -> u64) {
        let threads = Handle::current().metrics().num_workers();
        if threads == 1 {
            return;
        }
        let (mut plan, mut rest) = (Plan::new(threads), None::<JoinHandle<()>>);
        let started = Instant::now();
        let (mut then, mut before) = (started, requests());
        loop {
            sleep(SPAN).await;
            let (now, count) = (Instant::now(), requests());
            let length = now - then;
            // As long as not all are known, nobody can say what they do, and it is taken for nothing.
            let work = self.look(threads).unwrap_or_default();
            let came = u32::try_from(count.saturating_sub(before)).unwrap_or(u32::MAX);
            let work = Work { requests: came, ..work };
            (then, before) = (now, count);
            let resting = plan.next(now - started, (length, work));
            if std::mem::replace(&mut *lock(&self.resting), resting) != resting {
                tracing::debug!(resting, "one of {threads} threads rests: {resting}");
                self.changed.notify_all();
            }
            // Who was woken may not have noticed before it is to rest again.
            if resting && rest.as_ref().is_none_or(JoinHandle::is_finished) {
                rest = Some(tokio::spawn(self.clone().rest(NAP)));
            }
        }
    }

    /// Keeps the thread that runs this from other work while one is to rest.
    async fn rest(self: Arc<Self>, nap: Duration) {
        loop {
            // The runtime looks for events, and then what they have made ready on this thread comes first.
            yield_now().await;
            behind_the_others().await;
            // This thread looks for no events while it naps, and who has nothing to do may have left it to
            // this one. Of two tasks one stays here, and for the other somebody is woken, who does then.
            for _ in 0..2 {
                tokio::spawn(async {});
            }
            let resting = lock(&self.resting);
            let napped = self.changed.wait_timeout_while(resting, nap, |resting| *resting);
            let (resting, _) = napped.unwrap_or_else(PoisonError::into_inner);
            if !*resting {
                return;
            }
        }
    }

    /// What all did since they were looked at; `None` if there are fewer than so many. Those that ended are
    /// forgotten.
    fn look(&self, threads: usize) -> Option<Work> {
        let (mut clocks, mut all) = (lock(&self.clocks), Work::default());
        clocks.retain_mut(|clock| {
            let mut text = [0; 64];
            let length = clock.file.read_at(&mut text, 0).unwrap_or_default();
            let Some(now) = text.get(..length).and_then(Work::read) else { return false };
            all.ran += now.ran.saturating_sub(clock.then.ran);
            all.waited += now.waited.saturating_sub(clock.then.waited);
            clock.then = now;
            true
        });
        (clocks.len() >= threads).then_some(all)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets everything go first that is ready on this thread: who wakes itself goes to the end.
async fn behind_the_others() {
    let mut went = false;
    poll_fn(|context| {
        if std::mem::replace(&mut went, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// Whether there are two threads at work: the first task keeps one of them until the second has run.
    async fn two_work() -> bool {
        let (sender, receiver) = std::sync::mpsc::channel();
        let first = tokio::spawn(async move { receiver.recv_timeout(10 * NAP).is_ok() });
        tokio::spawn(async move { sender.send(()) });
        first.await.unwrap()
    }

    /// Tasks go on while a thread rests, on the other; and what rests is told that it is over.
    #[test]
    fn the_other_does_the_work() {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let threads = Arc::new(Threads::default());
        *lock(&threads.resting) = true;
        runtime.block_on(async {
            assert!(two_work().await);
            let nap = Duration::from_mins(1);
            let rest = tokio::spawn(threads.clone().rest(nap));
            let mut tries = 0;
            while two_work().await {
                tries += 1;
                assert!(tries < 100, "nobody rests");
                sleep(Duration::from_millis(1)).await;
            }
            let before = Instant::now();
            *lock(&threads.resting) = false;
            threads.changed.notify_all();
            rest.await.unwrap();
            assert!(before.elapsed() < nap / 2);
            assert!(two_work().await);
        });
    }

    /// Threads that end leave nothing behind.
    #[test]
    fn threads_are_known_for_as_long_as_they_are_there() {
        let threads = Arc::new(Threads::default());
        assert!(threads.join());
        let joined = threads.clone();
        assert!(std::thread::spawn(move || joined.join()).join().unwrap());
        assert_eq!(lock(&threads.clocks).len(), 2);
        // The system may take a moment to forget a thread that has ended.
        for _ in 0..500 {
            threads.look(1).unwrap();
            if lock(&threads.clocks).len() == 1 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(lock(&threads.clocks).len(), 1);
        assert_eq!(threads.look(2), None, "not all are known");
        std::hint::black_box((0..2_000_000_u64).fold(1, |a, b| a ^ b.wrapping_mul(a)));
        assert!(threads.look(1).unwrap().ran > Duration::ZERO);
    }
}
