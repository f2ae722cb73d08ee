//! Requests on their way to the lists.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::domain::name::BucketId;
use crate::domain::stats::{Count, Hour, Requests, Sight, Subject, SubjectKind, Verdict};

/// A request on its way to the lists. Slots are used again and again, so that recording allocates
/// nothing.
#[derive(Debug)]
pub(super) struct Slot {
    /// The shard that made it, and to which it always returns: threads change between a decision
    /// and its answer.
    pub(super) home: usize,
    pub(super) bucket: BucketId,
    pub(super) verdict: Verdict,
    pub(super) hour: Hour,
    pub(super) bytes: u64,
    pub(super) object_bytes: Option<u64>,
    pub(super) kind: SubjectKind,
    pub(super) referer: Vec<u8>,
    pub(super) object: Vec<u8>,
}

/// The slots that the threads of one part use.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) free: ArrayQueue<Box<Slot>>,
    pub(super) full: ArrayQueue<Box<Slot>>,
    /// Slots that were made. They are made when they are needed first.
    pub(super) made: AtomicUsize,
}

impl Shard {
    pub(super) fn new(slots: usize) -> Self {
        let queue = || ArrayQueue::new(slots);
        Self { free: queue(), full: queue(), made: AtomicUsize::new(0) }
    }

    #[cold]
    pub(super) fn make(&self, home: usize) -> Option<Box<Slot>> {
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
            answered: Count::one(self.bytes),
            wanted: Requests::one(self.object_bytes),
            subject: Subject::new(self.kind, &self.referer),
            object,
        }
    }
}

/// Requests that differ in nothing but their bytes and objects, together: pictures of a page come
/// at once, and from one referer.
pub(super) fn together(slots: &[Box<Slot>]) -> Vec<Sight<'_>> {
    let mut sights: Vec<Sight<'_>> = Vec::new();
    let mut places = HashMap::<_, _, foldhash::fast::RandomState>::default();
    for slot in slots {
        let Slot { bucket, hour, verdict, kind, referer, .. } = &**slot;
        let place = *places.entry((bucket, hour, verdict, kind, referer)).or_insert(sights.len());
        match sights.get_mut(place) {
            None => sights.push(slot.sight()),
            Some(sight) => {
                sight.answered += Count::one(slot.bytes);
                sight.wanted += Requests::one(slot.object_bytes);
            }
        }
    }
    sights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_in_nothing_else_counts_together() {
        let slot = |bucket: i64, hour: i64, verdict, kind, referer: &str, object: &str| {
            Box::new(Slot {
                home: 0,
                bucket: BucketId(bucket),
                verdict,
                hour: Hour(hour),
                bytes: 10,
                object_bytes: (object != "unknown").then_some(40),
                kind,
                referer: referer.into(),
                object: object.into(),
            })
        };
        let (denied, allowed) = (Verdict::DeniedNotListed, Verdict::AllowedListed);
        let (whole, cut) = (SubjectKind::Whole, SubjectKind::Cut);
        let slots = [
            slot(1, 1, denied, whole, "https://a.com/", "first"),
            slot(2, 1, denied, whole, "https://a.com/", "of another bucket"),
            slot(1, 2, denied, whole, "https://a.com/", "of another hour"),
            slot(1, 1, allowed, whole, "https://a.com/", "with another verdict"),
            slot(1, 1, denied, cut, "https://a.com/", "of another kind"),
            slot(1, 1, denied, whole, "https://b.com/", "from elsewhere"),
            slot(1, 1, denied, whole, "https://a.com/", "unknown"),
            slot(1, 1, denied, whole, "https://a.com/", "third"),
        ];
        let sights = together(&slots);
        let counted: Vec<_> = sights
            .iter()
            .map(|sight| (sight.object, sight.answered, sight.wanted.unmeasured))
            .collect();
        let one = Count::one(10);
        let want = [
            ("first", Count { requests: 3, bytes: 30 }, 1),
            ("of another bucket", one, 0),
            ("of another hour", one, 0),
            ("with another verdict", one, 0),
            ("of another kind", one, 0),
            ("from elsewhere", one, 0),
        ];
        assert_eq!(counted, want);
        assert_eq!(sights[0].wanted.count, Count { requests: 3, bytes: 80 });
    }
}
