//! The way of a request into the statistics. It takes no lock and never waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use uuid::Uuid;

use super::counters::{Running, SHARDS, shard_of_thread};
use super::flush::Flushing;
use crate::domain::name::{BucketId, ObjectKey};
use crate::domain::referer::Facts;
use crate::domain::stats::{
    Count, Hour, Lists, MAX_SAMPLE_BYTES, Outcome, Sight, Subject, SubjectKind, Totals, Verdict,
};
use crate::domain::time::UnixMillis;
use crate::service::bucket::Bucket;
use crate::service::object::FoundObject;

/// How many requests can be on their way to the lists, about 1.4 KiB each at the most. They are
/// fetched every 20 milliseconds, so this is enough for 200 000 requests a second.
const SLOTS: usize = 4096;

/// The most bytes of lists in memory.
const MAX_LIST_BYTES: usize = 32 << 20;

/// How many objects can be waiting to be looked up.
const MAX_WANTED: usize = 64;

/// How many slots are moved into the lists at once, so that nobody waits long for the lists.
pub(super) const MOVED_AT_ONCE: usize = 256;

/// How long statistics are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Days of totals and origins.
    pub days: u32,
    /// Hours of referers.
    pub hours: u32,
}

/// A request on its way to the lists. Slots are used again and again, so that recording allocates
/// nothing.
#[derive(Debug)]
struct Slot {
    /// The shard that made it, and to which it always returns: threads change between a decision
    /// and its answer.
    home: usize,
    bucket: BucketId,
    verdict: Verdict,
    hour: Hour,
    bytes: u64,
    object_bytes: Option<u64>,
    kind: SubjectKind,
    referer: Vec<u8>,
    object: Vec<u8>,
}

/// The slots that the threads of one part use.
#[derive(Debug)]
struct Shard {
    free: ArrayQueue<Box<Slot>>,
    full: ArrayQueue<Box<Slot>>,
    /// Slots that were made. They are made when they are needed first.
    made: AtomicUsize,
}

impl Shard {
    fn new(slots: usize) -> Self {
        let queue = || ArrayQueue::new(slots);
        Self { free: queue(), full: queue(), made: AtomicUsize::new(0) }
    }

    #[cold]
    fn make(&self, home: usize) -> Option<Box<Slot>> {
        if self.made.fetch_add(1, Ordering::Relaxed) >= self.free.capacity() {
            self.made.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Box::new(Slot {
            home,
            bucket: BucketId(0),
            verdict: Verdict::NotChecked,
            hour: Hour(0),
            bytes: 0,
            object_bytes: None,
            kind: SubjectKind::Whole,
            referer: Vec::new(),
            object: Vec::new(),
        }))
    }
}

/// What is recorded of a request when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The object.
    pub key: &'r ObjectKey,
    /// What it says of where it comes from.
    pub facts: &'r Facts<'r>,
    /// When.
    pub at: UnixMillis,
}

/// Records requests.
#[derive(Debug)]
pub struct Recorder {
    shards: Box<[Shard]>,
    lists: Mutex<Lists>,
    running: Running,
    /// Objects that refused requests asked for and that memory does not know.
    wanted: ArrayQueue<(BucketId, ObjectKey)>,
    /// Held while anything moves between memory and database.
    pub(super) flushing: tokio::sync::Mutex<Flushing>,
    pub(super) keep: Keep,
}

impl Recorder {
    /// A recorder that has recorded nothing. `writer` is what nobody else is called.
    pub fn new(keep: Keep, writer: Uuid) -> Self {
        Self {
            shards: (0..*SHARDS).map(|_| Shard::new(SLOTS.div_ceil(*SHARDS))).collect(),
            lists: Mutex::new(Lists::new(MAX_LIST_BYTES)),
            running: Running::new(),
            wanted: ArrayQueue::new(MAX_WANTED),
            flushing: tokio::sync::Mutex::new(Flushing::new(writer)),
            keep,
        }
    }

    /// Records that a request was decided. It counts when the sighting is dropped, so also if its
    /// client goes away before it is answered.
    pub fn sight(
        self: &Arc<Self>,
        bucket: &Arc<Bucket>,
        verdict: Verdict,
        asked: &Asked<'_>,
    ) -> Sighting {
        let hour = Hour::of(asked.at);
        let slot = verdict.outcome().and_then(|_| self.slot()).map(|mut slot| {
            let (kind, referer) = SubjectKind::of(asked.facts);
            let object = asked.key.as_str().as_bytes();
            slot.bucket = bucket.id;
            slot.verdict = verdict;
            slot.hour = hour;
            slot.kind = kind;
            slot.referer.clear();
            slot.referer.extend_from_slice(referer);
            slot.object.clear();
            slot.object.extend_from_slice(object.get(..MAX_SAMPLE_BYTES).unwrap_or(object));
            slot
        });
        let (recorder, bucket) = (self.clone(), bucket.clone());
        let withheld = Withheld::Unknown;
        Sighting { recorder, bucket, verdict, hour, bytes: 0, withheld, slot }
    }

    /// Asks for an object to be looked up behind the requests, unless many wait already.
    pub(in crate::service) fn want(&self, bucket: BucketId, key: &ObjectKey) {
        if !self.wanted.is_full() {
            let _ = self.wanted.push((bucket, key.clone()));
        }
    }

    pub(super) fn next_wanted(&self) -> Option<(BucketId, ObjectKey)> {
        self.wanted.pop()
    }

    /// What was counted since the start, of all buckets together.
    pub fn totals_since_start(&self) -> Totals {
        self.running.totals()
    }

    fn slot(&self) -> Option<Box<Slot>> {
        let home = shard_of_thread();
        let shard = self.shards.get(home)?;
        shard.free.pop().or_else(|| shard.make(home))
    }

    fn queue(&self, slot: Box<Slot>) {
        // There is room for every slot that the shard made.
        let _ = self.shards.get(slot.home).map(|shard| shard.full.push(slot));
    }

    /// Moves requests from the queue into the lists. Says how many there were: `MOVED_AT_ONCE`
    /// means that there may be more.
    pub fn move_some(&self) -> usize {
        let mut lists = self.lists();
        let mut moved = 0;
        for shard in &self.shards {
            while moved < MOVED_AT_ONCE
                && let Some(slot) = shard.full.pop()
            {
                moved += 1;
                lists.record(&slot.sight());
                // There is room for every slot that was made.
                let _ = shard.free.push(slot);
            }
        }
        moved
    }

    /// Moves all requests from the queue into the lists that are in it now.
    pub(super) fn move_all(&self) {
        let most = SLOTS.div_ceil(MOVED_AT_ONCE);
        let _ = (0..=most).find(|_| self.move_some() < MOVED_AT_ONCE);
    }

    pub(super) fn lists(&self) -> MutexGuard<'_, Lists> {
        // Lists are whole between two requests; a panic in one costs at most its bytes' account.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn sight(&self) -> Sight<'_> {
        let object = match std::str::from_utf8(&self.object) {
            Ok(object) => object,
            // It was cut within a character.
            Err(err) => {
                let whole = self.object.get(..err.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(whole).unwrap_or_default()
            }
        };
        Sight {
            bucket: self.bucket,
            hour: self.hour,
            verdict: self.verdict,
            bytes: self.bytes,
            object_bytes: self.object_bytes,
            subject: Subject::new(self.kind, &self.referer),
            object,
        }
    }
}

/// What a refused request would have got of its object.
#[derive(Debug)]
pub enum Withheld {
    /// So many bytes.
    Bytes(u64),
    /// Some or all bytes of this object: that is for [`Sighting::measure`] to say.
    Of(Box<FoundObject>),
    /// Nobody can tell.
    Unknown,
}

impl Withheld {
    fn bytes(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(*bytes),
            Self::Of(object) => Some(object.size()),
            Self::Unknown => None,
        }
    }
}

/// A request that was decided and has yet to be answered. It counts when it is dropped.
#[derive(Debug)]
pub struct Sighting {
    recorder: Arc<Recorder>,
    bucket: Arc<Bucket>,
    verdict: Verdict,
    hour: Hour,
    bytes: u64,
    withheld: Withheld,
    slot: Option<Box<Slot>>,
}

impl Sighting {
    /// Says what the request would have got if it was refused.
    #[must_use]
    pub(in crate::service) fn withholding(mut self, withheld: Withheld) -> Self {
        self.withheld = withheld;
        self
    }

    /// Says how many bytes of its object a refused request would have got.
    pub fn measure(&mut self, bytes: impl FnOnce(&FoundObject) -> u64) {
        if let Withheld::Of(object) = &self.withheld {
            self.withheld = Withheld::Bytes(bytes(object));
        }
    }

    /// Whether it counts in that bucket.
    pub fn is_in(&self, bucket: &Bucket) -> bool {
        self.bucket.id == bucket.id
    }

    /// The request is answered with a body of so many bytes.
    pub fn answered(mut self, bytes: u64) {
        self.bytes = bytes;
    }
}

impl Drop for Sighting {
    fn drop(&mut self) {
        // First the totals: whatever is on a list is in them.
        let count = Count::one(self.bytes);
        self.bucket.counters.add(self.hour, self.verdict, count);
        self.recorder.running.add(self.verdict, count);
        let object_bytes = match self.verdict.outcome() {
            Some(Outcome::Denied) => self.withheld.bytes(),
            Some(Outcome::Allowed | Outcome::WouldDeny) | None => Some(self.bytes),
        };
        if let (Some(Outcome::Denied), Some(bytes)) = (self.verdict.outcome(), object_bytes) {
            self.bucket.counters.withhold(self.hour, bytes);
        }
        if let Some(mut slot) = self.slot.take() {
            slot.bytes = self.bytes;
            slot.object_bytes = object_bytes;
            self.recorder.queue(slot);
        }
    }
}
