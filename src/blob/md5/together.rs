//! A place where the buffers of uploads are hashed together.
//!
//! Whoever has a full buffer leaves it here and goes on: the next buffer fills meanwhile. What waits is
//! hashed, as many at once as there are lanes, by whoever brings the last that is expected, or needs its
//! own before that. Expected are those who came lately, so an upload that is alone hashes at once, and
//! of one that is slow, others soon expect nothing.

use std::collections::VecDeque;
use std::mem;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Md5;
use super::lanes::{self, Text};
use crate::domain::name::BlobId;

/// What takes no longer to hash than to be handed on.
pub(in crate::blob) const SHORT: usize = 16 * 1024;

/// For how many rounds somebody who came is expected again: as many as it takes until each of those that
/// could be hashed together has been hashed alone.
const LATELY: u64 = lanes::MOST as u64;

/// The place. All clones are the same one.
#[derive(Clone)]
pub(in crate::blob) struct Together(Arc<Inner>);

struct Inner {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many more may hash.
    seats: usize,
    /// How often something was hashed.
    round: u64,
    /// Who came lately, and in which round. Nobody is here twice.
    lately: VecDeque<(BlobId, u64)>,
    /// How many, from the front, somebody waits for.
    needed: usize,
}

impl Queue {
    /// Notes that somebody has come.
    fn note(&mut self, who: BlobId) {
        let round = self.round;
        self.lately.retain(|&(other, seen)| other != who && seen + LATELY >= round);
        // More than there are lanes are as good as these.
        if self.lately.len() == lanes::MOST {
            self.lately.pop_front();
        }
        self.lately.push_back((who, round));
    }

    /// How many are worth hashing.
    fn expected(&self) -> usize {
        let lately = self.lately.iter().filter(|(_, seen)| seen + LATELY >= self.round);
        lately.count().max(1)
    }
}

/// Bytes that wait.
pub(in crate::blob) struct Waiting {
    pub(in crate::blob) who: BlobId,
    pub(in crate::blob) md5: Md5,
    pub(in crate::blob) bytes: Bytes,
    pub(in crate::blob) reply: oneshot::Sender<Md5>,
}

impl Together {
    /// With a seat for every other processor: the others receive what is to be hashed.
    pub(in crate::blob) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self::with_seats((processors / 2).max(1))
    }

    pub(super) fn with_seats(seats: usize) -> Self {
        let queue = Mutex::new(Queue { seats, ..Queue::default() });
        Self(Arc::new(Inner { queue }))
    }

    /// Leaves bytes to be added to a digest; only then may anybody ask for it. Who does so calls
    /// [`Together::serve`] after it, and [`Together::serve_all`] once it needs the answer.
    pub(in crate::blob) fn leave(&self, mut left: Waiting) {
        if left.bytes.len() <= SHORT {
            left.md5.update(&left.bytes);
            let _ = left.reply.send(left.md5);
            return;
        }
        let mut queue = self.lock();
        queue.note(left.who);
        queue.waiting.push_back(left);
    }

    /// Hashes what is waiting if all are there who are expected, and nobody else is at it. Takes its
    /// time, as [`Together::serve_all`]: they are for threads that may block.
    pub(in crate::blob) fn serve(&self) {
        self.serve_by(&lanes::hash);
    }

    /// Has all hashed that is waiting, whoever is expected. When this returns it need not be done, but
    /// somebody is at it.
    pub(in crate::blob) fn serve_all(&self) {
        let mut queue = self.lock();
        queue.needed = queue.waiting.len();
        drop(queue);
        self.serve();
    }

    /// The same for an upload of which nothing more comes.
    pub(in crate::blob) fn serve_last(&self, who: BlobId) {
        self.lock().lately.retain(|&(other, _)| other != who);
        self.serve_all();
    }

    /// The same for an upload that has waited long, unless somebody is at it already. Who is not here by
    /// now is not expected any more.
    pub(in crate::blob) fn give_up(&self, who: BlobId) {
        let mut queue = self.lock();
        let Queue { waiting, lately, .. } = &mut *queue;
        let is_here = |who: BlobId| waiting.iter().any(|waiting| waiting.who == who);
        if !is_here(who) {
            return;
        }
        lately.retain(|&(other, _)| is_here(other));
        drop(queue);
        self.serve_all();
    }

    pub(super) fn serve_by(&self, hash: &dyn Fn(Vec<Text<'_>>)) {
        let Some(mut seat) = Seat::take(self) else { return };
        while seat.next() {
            let texts = seat.taken.iter_mut().map(|Waiting { md5, bytes, .. }| md5.text(bytes));
            hash(texts.collect());
            seat.tell();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole after every operation on it, so a panic elsewhere does not spoil it.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to hash.
struct Seat<'t> {
    together: &'t Together,
    /// What is being hashed.
    taken: Vec<Waiting>,
    is_over: bool,
}

impl<'t> Seat<'t> {
    fn take(together: &'t Together) -> Option<Self> {
        let mut queue = together.lock();
        queue.seats = queue.seats.checked_sub(1)?;
        Some(Self { together, taken: Vec::new(), is_over: false })
    }

    /// Takes what is hashed next, without those who have gone. If there is nothing, or too little, the
    /// seat is free again in the same moment, for whoever comes next.
    fn next(&mut self) -> bool {
        let mut queue = self.together.lock();
        if queue.needed > 0 || queue.waiting.len() >= queue.expected() {
            while self.taken.len() < lanes::MOST
                && let Some(next) = queue.waiting.pop_front()
            {
                queue.needed = queue.needed.saturating_sub(1);
                if !next.reply.is_closed() {
                    self.taken.push(next);
                }
            }
        }
        if self.taken.is_empty() {
            queue.seats += 1;
            self.is_over = true;
        } else {
            queue.round += 1;
        }
        !self.is_over
    }

    /// Gives back what has been hashed.
    fn tell(&mut self) {
        for Waiting { md5, reply, .. } in self.taken.drain(..) {
            // Who does not wait any more has given up.
            let _ = reply.send(md5);
        }
    }
}

impl Drop for Seat<'_> {
    /// If hashing has panicked, all who wait are told, and the next one who comes is served.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut queue = self.together.lock();
        queue.seats += 1;
        queue.needed = 0;
        let waiting = mem::take(&mut queue.waiting);
        drop(queue);
        drop(waiting);
    }
}

impl std::fmt::Debug for Together {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Together({} waiting)", self.lock().waiting.len())
    }
}
