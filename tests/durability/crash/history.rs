//! What was asked of one thing, and in which states a crash may leave it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Orders the beginnings and ends of requests of all clients.
#[derive(Debug, Default)]
pub(super) struct Ticks(AtomicU64);

impl Ticks {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[derive(Clone, Debug)]
struct Change<T> {
    begun: u64,
    /// When it was acknowledged, if it was.
    ended: Option<u64>,
    to: T,
}

/// The changes of one thing since its state was last known.
#[derive(Debug)]
pub(super) struct History<T>(Mutex<Vec<Change<T>>>);

impl<T: Clone + PartialEq + std::fmt::Debug> History<T> {
    pub(super) fn new(state: T) -> Self {
        Self(Mutex::new(vec![Change { begun: 0, ended: Some(0), to: state }]))
    }

    /// A change is about to be asked for. Returns its number.
    pub(super) fn begin(&self, ticks: &Ticks, to: T) -> usize {
        let mut changes = self.lock();
        changes.push(Change { begun: ticks.next(), ended: None, to });
        changes.len() - 1
    }

    /// A change was acknowledged.
    pub(super) fn end(&self, ticks: &Ticks, change: usize) {
        let now = ticks.next();
        self.lock()[change].ended = Some(now);
    }

    /// The states that the thing may be in: what every change made of it that was not followed by
    /// an acknowledged one. A change that was never acknowledged may come last at any time.
    pub(super) fn allowed(&self) -> Vec<T> {
        let changes = self.lock();
        let acknowledged = changes.iter().filter(|change| change.ended.is_some());
        let last_begun = acknowledged.map(|change| change.begun).max().unwrap_or(0);
        let last = changes.iter().filter(|change| change.ended.is_none_or(|end| end >= last_begun));
        last.map(|change| change.to.clone()).collect()
    }

    /// The state was seen: it is known again. Panics if it is none of those that are allowed.
    #[track_caller]
    pub(super) fn settle(&self, what: &str, seen: T) {
        let allowed = self.allowed();
        assert!(allowed.contains(&seen), "{what} is {seen:?}, allowed are {allowed:?}");
        *self.lock() = vec![Change { begun: 0, ended: Some(0), to: seen }];
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Change<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[test]
fn an_acknowledged_change_ends_those_before_it_alone() {
    let (ticks, history) = (Ticks::default(), History::new('a'));
    let unacknowledged = history.begin(&ticks, 'b');
    assert_eq!(history.allowed(), ['a', 'b']);
    let (c, d) = (history.begin(&ticks, 'c'), history.begin(&ticks, 'd'));
    history.end(&ticks, c);
    // `d` began before `c` ended, so either may have come last, or `b`, whose fate nobody knows.
    assert_eq!(history.allowed(), ['b', 'c', 'd']);
    history.end(&ticks, d);
    assert_eq!(history.allowed(), ['b', 'c', 'd']);
    history.end(&ticks, unacknowledged);
    let e = history.begin(&ticks, 'e');
    history.end(&ticks, e);
    assert_eq!(history.allowed(), ['e']);
}
