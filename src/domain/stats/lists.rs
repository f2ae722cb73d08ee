//! The lists of all buckets in memory, since they were last written down.

use std::collections::HashMap;

use super::subject::{MAX_SAMPLE_BYTES, Subject};
use super::{Count, Hour, Ledger, Requests, Top, Verdict};
use crate::domain::name::BucketId;

/// What a bucket takes beside its lists.
const BUCKET_BYTES: usize = 2048;

/// Requests that were counted: one, or several that differ in nothing but their bytes and objects.
#[derive(Clone, Debug)]
pub struct Sight<'s> {
    /// The bucket.
    pub bucket: BucketId,
    /// The hour.
    pub hour: Hour,
    /// What the policy said.
    pub verdict: Verdict,
    /// With the bytes of the answers' bodies.
    pub answered: Count,
    /// The same or, if the requests were denied, with what they would have got otherwise, as far as
    /// anybody could tell.
    pub wanted: Requests,
    /// The referer.
    pub subject: Subject<'s>,
    /// The object of the first.
    pub object: &'s str,
}

#[derive(Debug, Default)]
struct Held {
    ledger: Ledger,
    bytes: usize,
    /// When it was last used.
    used: u64,
}

/// Lists by bucket, bounded by bytes.
#[derive(Debug)]
pub struct Lists {
    buckets: HashMap<BucketId, Held>,
    bytes: usize,
    max_bytes: usize,
    uses: u64,
}

impl Lists {
    /// No lists, which may take so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self { buckets: HashMap::new(), bytes: 0, max_bytes, uses: 0 }
    }

    /// About how much memory the lists take. Never over the most that they may, but for the last
    /// request that was counted.
    pub const fn memory_bytes(&self) -> usize {
        self.bytes
    }

    /// Whether lists ought to be written down to make room.
    pub const fn is_crowded(&self) -> bool {
        self.bytes > self.max_bytes / 4 * 3
    }

    /// Puts requests on the lists. `false` if there is no room, and they were not.
    pub fn record(&mut self, sight: &Sight<'_>) -> bool {
        let Some(outcome) = sight.verdict.outcome() else { return true };
        if self.bytes >= self.max_bytes {
            return false;
        }
        self.uses += 1;
        let held = self.buckets.entry(sight.bucket).or_insert_with(|| {
            self.bytes += BUCKET_BYTES;
            Held { bytes: BUCKET_BYTES, ..Held::default() }
        });
        held.used = self.uses;
        let day = held.ledger.days.entry(sight.hour.day()).or_default().top_mut(outcome);
        let mut grown = 0;
        grown += grow(day, |top| {
            let answered = Requests { count: sight.answered, unmeasured: 0 };
            top.add(&sight.subject.origin(), answered, || sample(sight.object));
        });
        let hour = held.ledger.hours.entry(sight.hour).or_default();
        grown += grow(&mut hour.subjects, |top| {
            top.add(&sight.subject.key(), sight.wanted, Box::default);
        });
        held.bytes = held.bytes.saturating_add_signed(grown);
        self.bytes = self.bytes.saturating_add_signed(grown);
        true
    }

    /// The lists of a bucket.
    pub fn of(&self, bucket: BucketId) -> Option<&Ledger> {
        self.buckets.get(&bucket).map(|held| &held.ledger)
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Vec<(BucketId, Ledger)> {
        self.bytes = 0;
        self.buckets.drain().map(|(bucket, held)| (bucket, held.ledger)).collect()
    }

    /// Takes out the buckets that were used longest ago, until half of the room is free.
    pub fn take_idle(&mut self) -> Vec<(BucketId, Ledger)> {
        let mut by_use: Vec<_> = self.buckets.iter().map(|(id, held)| (held.used, *id)).collect();
        by_use.sort_unstable();
        let mut taken = Vec::new();
        for (_, id) in by_use {
            if self.bytes <= self.max_bytes / 2 {
                break;
            }
            if let Some(held) = self.buckets.remove(&id) {
                self.bytes = self.bytes.saturating_sub(held.bytes);
                taken.push((id, held.ledger));
            }
        }
        taken
    }
}

/// By how much a list grows through a change.
fn grow(top: &mut Top, change: impl FnOnce(&mut Top)) -> isize {
    let before = top.memory_bytes();
    change(top);
    top.memory_bytes().cast_signed() - before.cast_signed()
}

/// The name of an object, cut to what is kept of it.
fn sample(object: &str) -> Box<str> {
    let mut end = object.len().min(MAX_SAMPLE_BYTES);
    while !object.is_char_boundary(end) {
        end -= 1;
    }
    object.get(..end).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stats::{Day, Outcome, SUBJECTS, SubjectKind};

    fn sight(bucket: i64, referer: &str) -> Sight<'_> {
        Sight {
            bucket: BucketId(bucket),
            hour: Hour(0),
            verdict: Verdict::DeniedNotListed,
            answered: Count::one(1),
            wanted: Requests::one(None),
            subject: Subject { kind: SubjectKind::Whole, text: referer.into() },
            object: "o",
        }
    }

    /// How many random referers are tried: without optimisation a million take half a minute.
    const RANDOM: i64 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

    #[test]
    fn a_million_random_referers_stay_within_the_room() {
        const ROOM: usize = 4 << 20;
        let mut lists = Lists::new(ROOM);
        let mut most = 0;
        let mut number = 0_u64;
        let pad = "p".repeat(900);
        for turn in 0..RANDOM {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let referer =
                format!("https://x{number:x}.example/{}", &pad[..(number >> 56) as usize]);
            assert!(lists.record(&sight(turn % 3, &referer)));
            most = most.max(lists.memory_bytes());
        }
        // 3 buckets of 512 referers of up to 300 bytes and 256 origins.
        assert!(most < 2 << 20, "{most}");
        let seen: u64 = (0..3)
            .map(|b| lists.of(BucketId(b)).unwrap().hours[&Hour(0)].subjects.seen().requests)
            .sum();
        assert_eq!(seen.cast_signed(), RANDOM);
        assert!(
            lists.of(BucketId(0)).unwrap().hours[&Hour(0)].subjects.entries().count() == SUBJECTS
        );
    }

    #[test]
    fn without_room_nothing_is_listed_and_idle_buckets_make_room() {
        const ROOM: usize = 1 << 20;
        let mut lists = Lists::new(ROOM);
        let mut bucket = 0;
        while !lists.is_crowded() {
            assert!(lists.record(&sight(bucket, "https://a.com/")));
            bucket += 1;
        }
        // The first bucket is used again, so the second is the idle one.
        assert!(lists.record(&sight(0, "https://a.com/")));
        while lists.record(&sight(bucket, "https://a.com/")) {
            bucket += 1;
        }
        assert!(lists.memory_bytes() < ROOM + 4096);
        let idle = lists.take_idle();
        assert_eq!(idle.first().map(|(id, _)| *id), Some(BucketId(1)));
        assert!(lists.memory_bytes() <= ROOM / 2);
        assert!(lists.record(&sight(1, "https://a.com/")));
    }

    #[test]
    fn a_request_is_listed_under_its_origin_its_day_and_its_hour() {
        let mut lists = Lists::new(1 << 20);
        let mut late = sight(7, "https://A.com/x?y");
        late.hour = Hour(24);
        late.object = "é";
        assert!(lists.record(&late));
        assert!(lists.record(&sight(7, "https://a.com/")));
        let exempt = Sight { verdict: Verdict::NotChecked, ..sight(7, "https://b.com/") };
        assert!(lists.record(&exempt));
        let mut taken = lists.take();
        let (id, ledger) = taken.pop().unwrap();
        assert_eq!((id, taken.len(), lists.memory_bytes()), (BucketId(7), 0, 0));
        for (day, object) in [(Day(0), "o"), (Day(1), "é")] {
            let origins: Vec<_> = ledger.days[&day].top(Outcome::Denied).entries().collect();
            assert_eq!((&*origins[0].key, &*origins[0].sample), ("https://a.com", object));
            assert_eq!(origins.len(), 1);
        }
        let subjects: Vec<_> = ledger.hours[&Hour(24)].subjects.entries().collect();
        assert_eq!(&*subjects[0].key, "=https://A.com/x?y");
    }

    #[test]
    fn a_sample_is_cut_between_characters() {
        let key = "é".repeat(200);
        assert_eq!(sample(&key).len(), 256);
        assert_eq!(sample(&format!("a{key}")).len(), 255);
    }
}
