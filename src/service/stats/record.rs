//! The way of a request into the statistics. It takes no lock and never waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use uuid::Uuid;

use super::counters::{Running, SHARDS, shard_of_thread};
use super::flush::Flushing;
use super::slot::{Shard, Slot, together};
use crate::domain::name::{BucketId, ObjectKey};
use crate::domain::referer::Facts;
use crate::domain::stats::{
    Count, Hour, Lists, MAX_SAMPLE_BYTES, Outcome, SubjectKind, Totals, Verdict,
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
    /// The hour that it is, as of some milliseconds ago.
    hour: AtomicI64,
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
            hour: AtomicI64::new(i64::MIN),
            wanted: ArrayQueue::new(MAX_WANTED),
            flushing: tokio::sync::Mutex::new(Flushing::new(writer)),
            keep,
        }
    }

    /// Says what time it is. Asked for often: a request that is decided in one hour and answered in
    /// another counts in the hour of its answer, since counters of hours that are over are given to
    /// others ([`Counters`](super::Counters)).
    pub(super) fn tick(&self, now: UnixMillis) {
        self.hour.store(Hour::of(now).0, Ordering::Relaxed);
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
        let full = self.shards.iter().flat_map(|it| std::iter::from_fn(|| it.full.pop()));
        let slots: Vec<Box<Slot>> = full.take(MOVED_AT_ONCE).collect();
        let mut lists = self.lists();
        for sight in together(&slots) {
            lists.record(&sight);
        }
        drop(lists);
        let moved = slots.len();
        for slot in slots {
            // There is room for every slot that the shard made.
            let _ = self.shards.get(slot.home).map(|shard| shard.free.push(slot));
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
    /// Of the decision.
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

    /// Where it counts: the bucket of the object that was asked for.
    pub const fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
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
        let hour = self.hour.max(Hour(self.recorder.hour.load(Ordering::Relaxed)));
        self.bucket.counters.add(hour, self.verdict, count);
        self.recorder.running.add(self.verdict, count);
        let object_bytes = match self.verdict.outcome() {
            Some(Outcome::Denied) => self.withheld.bytes(),
            Some(Outcome::Allowed | Outcome::WouldDeny) | None => Some(self.bytes),
        };
        if let (Some(Outcome::Denied), Some(bytes)) = (self.verdict.outcome(), object_bytes) {
            self.bucket.counters.withhold(hour, bytes);
        }
        if let Some(mut slot) = self.slot.take() {
            slot.hour = hour;
            slot.bytes = self.bytes;
            slot.object_bytes = object_bytes;
            self.recorder.queue(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::acl::BucketAcl;
    use crate::domain::object::StorageClass;
    use crate::domain::referer::{Extras, Policy, PolicyVersion, Referers};
    use crate::meta;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    fn bucket() -> Arc<Bucket> {
        Arc::new(Bucket::from(meta::Bucket {
            id: BucketId(1),
            name: "bucket".parse().unwrap(),
            created: UnixMillis(0),
            acl: BucketAcl::Private,
            storage_class: StorageClass::Standard,
            policy: Policy::default(),
            policy_version: PolicyVersion::default(),
            policy_document: None,
            referer_max_bytes: None,
            cors: None,
            extras: Extras::default(),
        }))
    }

    /// The hours in which a request counts, in the totals and in the lists: `(decided, answered)`
    /// in minutes.
    #[test]
    fn a_request_counts_in_the_hour_of_its_answer() {
        #[rustfmt::skip]
        let table = [
            ("within an hour",             22 * 60 + 10, 22 * 60 + 11, 22),
            ("over the end of one",        22 * 60 + 59, 23 * 60,      23),
            ("an hour and a half",         22 * 60 + 10, 23 * 60 + 40, 23),
            ("two hours and a half",       22 * 60 + 10, 24 * 60 + 40, 24),
        ];
        for (name, decided, answered, hour) in table {
            let recorder = Arc::new(Recorder::new(Keep { days: 1, hours: 9 }, Uuid::nil()));
            let (bucket, key) = (bucket(), "key".parse().unwrap());
            let facts = Facts::of(Referers::read([b"https://a.com/".as_slice()]));
            let asked = Asked { key: &key, facts: &facts, at: UnixMillis(decided * MINUTE) };
            recorder.tick(asked.at);
            let verdict = Verdict::DeniedNotListed;
            let sighting = recorder.sight(&bucket, verdict, &asked);
            let now = UnixMillis(answered * MINUTE + 20);
            recorder.tick(now);
            sighting.withholding(Withheld::Bytes(7)).answered(3);
            let taken = bucket.counters.take(UnixMillis(now.0 + 5000));
            let counted: Vec<_> = taken.iter().filter(|(_, counted)| !counted.is_zero()).collect();
            let [(at, counted)] = counted[..] else { panic!("{name}: {counted:?}") };
            assert_eq!((at.0, counted.withheld), (hour, 7), "{name}");
            assert!(at.0 * HOUR <= now.0, "{name}: it is no hour to come");
            recorder.move_all();
            let lists = recorder.lists().take();
            let [(_, ledger)] = &lists[..] else { panic!("{name}: one bucket") };
            let hours: Vec<_> = ledger.hours.keys().map(|hour| hour.0).collect();
            assert_eq!(hours, [hour], "{name}");
        }
    }
}
