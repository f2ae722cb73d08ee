//! Answers about subjects that come again.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::Rank;
use super::index::{mix, scale};

/// Remembers the answers about some subjects.
///
/// It takes 128 bytes for each of its slots from the start and never more: a subject has one slot where it
/// can lie, and one that is longer than a slot is not remembered. A subject that is met once does
/// not displace another; it has to come twice before the slot's next newcomer. So a flood of
/// referers that never come again costs each of them a look and a mark, and displaces little.
///
/// Nothing waits. A slot is a sequence lock: who writes makes its number odd, who reads and finds
/// it odd or changed has found nothing, and who cannot write at once does not write. Readers write
/// nothing, so a subject that all ask for does not travel between processors.
pub(super) struct Cache {
    slots: Box<[Slot]>,
}

/// The fewest and the most slots: 2 and 128 KiB.
const SLOTS: RangeInclusive<usize> = 16..=1024;

/// The words of a subject in a slot.
const WORDS: usize = 13;

/// The longest subject that is remembered. Browsers send the origin across sites, and most
/// subjects with a path fit too.
const MAX_BYTES: usize = WORDS * 8;

/// Two lines of the processor's cache.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Slot {
    /// Odd while the slot is being written.
    sequence: AtomicU64,
    /// The hash of the last subject that was not remembered here.
    newcomer: AtomicU64,
    /// The length of the subject and 1, so that 0 is an empty slot; in the high half the answer.
    head: AtomicU64,
    /// The subject, filled up with zeros.
    words: [AtomicU64; WORDS],
}

impl Cache {
    /// Remembers nothing yet. It has about as many slots as there are rules, so that many small
    /// policies take little.
    pub(super) fn new(rules: usize) -> Self {
        let slots = rules.clamp(*SLOTS.start(), *SLOTS.end());
        Self { slots: (0..slots).map(|_| Slot::default()).collect() }
    }

    /// The answer about a subject: the remembered one, or that of `answer`, which always gives the
    /// same about the same subject, or none and an error, of which nothing is remembered.
    pub(super) fn get_or<E>(
        &self,
        subject: &str,
        answer: impl FnOnce() -> Result<Option<Rank>, E>,
    ) -> Result<Option<Rank>, E> {
        if subject.len() > MAX_BYTES {
            return answer();
        }
        let hash = hash(subject);
        let Some(slot) = self.slot(hash) else { return answer() };
        if let Some(rank) = slot.read(subject) {
            return Ok((rank != Rank::LAST).then_some(rank));
        }
        let rank = answer()?;
        slot.offer(subject, hash, rank.unwrap_or(Rank::LAST));
        Ok(rank)
    }

    fn slot(&self, hash: u64) -> Option<&Slot> {
        self.slots.get(scale(hash, self.slots.len()))
    }

    /// The bytes that the cache takes.
    pub(super) fn size_bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }
}

impl Slot {
    /// The answer about a subject, if the slot is about this one; the last rank is that of no rule.
    fn read(&self, subject: &str) -> Option<Rank> {
        let sequence = self.sequence.load(Ordering::Acquire);
        let head = self.head.load(Ordering::Relaxed);
        let same = head & LENGTH == length(subject)
            && words(subject).zip(&self.words).all(|(a, b)| a == b.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let unchanged =
            sequence.is_multiple_of(2) && self.sequence.load(Ordering::Relaxed) == sequence;
        let rank = u32::try_from(head >> 32).map(Rank::from_number).ok()?;
        (same && unchanged).then_some(rank)
    }

    /// Remembers an answer if the slot is empty or the subject was its last newcomer.
    fn offer(&self, subject: &str, hash: u64, rank: Rank) {
        if self.head.load(Ordering::Relaxed) != 0
            && self.newcomer.swap(hash, Ordering::Relaxed) != hash
        {
            return;
        }
        let sequence = self.sequence.load(Ordering::Relaxed);
        let odd = sequence.wrapping_add(1);
        if !sequence.is_multiple_of(2)
            || self
                .sequence
                .compare_exchange(sequence, odd, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        fence(Ordering::Release);
        self.head.store(u64::from(rank.get()) << 32 | length(subject), Ordering::Relaxed);
        for (to, from) in self.words.iter().zip(words(subject)) {
            to.store(from, Ordering::Relaxed);
        }
        self.sequence.store(odd.wrapping_add(1), Ordering::Release);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// The half of a head that has the length.
const LENGTH: u64 = 0xffff_ffff;

/// Never 0, and below half of a head, since only short subjects are remembered.
fn length(subject: &str) -> u64 {
    subject.len() as u64 + 1
}

fn hash(subject: &str) -> u64 {
    words(subject).fold(subject.len() as u64, |hash, word| mix(hash ^ word))
}

/// A subject in words, the last filled up with zeros.
fn words(subject: &str) -> impl Iterator<Item = u64> {
    let (words, rest) = subject.as_bytes().as_chunks();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let last = (!rest.is_empty()).then(|| u64::from_le_bytes(last));
    words.iter().map(|word| u64::from_le_bytes(*word)).chain(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTS: usize = 1024;

    type Known = Result<Option<Rank>, ()>;

    fn rank(number: usize) -> Option<Rank> {
        Rank::of(number)
    }

    /// Whether the answer about a subject is remembered.
    fn has(cache: &Cache, subject: &str) -> bool {
        cache.get_or(subject, || Err(())).is_ok()
    }

    #[test]
    fn a_slot_is_two_lines() {
        assert_eq!(size_of::<Slot>(), 128);
    }

    #[test]
    fn answers_are_those_that_were_given() {
        let cache = Cache::new(SLOTS);
        for (subject, answer) in
            [("", None), ("a", rank(0)), ("a\0", rank(7)), ("http://a.com/", None)]
        {
            assert_eq!(cache.get_or(subject, || Err(())), Err(()), "{subject:?}");
            assert!(!has(&cache, subject), "{subject:?}: an error is no answer");
            assert_eq!(cache.get_or(subject, || Known::Ok(answer)), Ok(answer), "{subject:?}");
            let known = cache.get_or(subject, || -> Known { panic!("it is known") });
            assert_eq!(known, Ok(answer), "{subject:?}");
        }
    }

    #[test]
    fn a_long_subject_is_asked_again() {
        let cache = Cache::new(SLOTS);
        for (length, asked_again) in [(MAX_BYTES, false), (MAX_BYTES + 1, true)] {
            let subject = "a".repeat(length);
            let mut asked = 0;
            for _ in 0..2 {
                let _ = cache.get_or(&subject, || {
                    asked += 1;
                    Known::Ok(None)
                });
            }
            assert_eq!(asked == 2, asked_again, "{length}");
        }
    }

    #[test]
    fn subjects_that_never_come_again_displace_nothing() {
        let cache = Cache::new(SLOTS);
        let popular: Vec<_> = (0..SLOTS / 8).map(|n| format!("http://{n}.example/")).collect();
        let known = |cache: &Cache| popular.iter().filter(|s| has(cache, s)).count();
        for subject in &popular {
            assert_eq!(cache.get_or(subject, || Known::Ok(None)), Ok(None));
        }
        let before = known(&cache);
        assert!(before > SLOTS / 8 * 8 / 10, "few share a slot");
        for n in 0..100 * SLOTS {
            let _ = cache.get_or(&format!("http://{n}.random/"), || Known::Ok(None));
        }
        assert_eq!(known(&cache), before);
    }

    #[test]
    fn a_subject_that_comes_twice_in_a_row_displaces_another() {
        let cache = Cache::new(SLOTS);
        for n in 0..100 * SLOTS {
            let _ = cache.get_or(&format!("http://{n}.random/"), || Known::Ok(None));
        }
        for _ in 0..2 {
            let _ = cache.get_or("http://popular.example/", || Known::Ok(rank(3)));
        }
        assert!(has(&cache, "http://popular.example/"));
    }

    /// Threads that write the same slots never read a mixture.
    #[test]
    fn answers_are_of_their_subjects_under_contention() {
        let cache = Cache::new(SLOTS);
        std::thread::scope(|scope| {
            for thread in 0..4_usize {
                let cache = &cache;
                scope.spawn(move || {
                    for round in 0..20_000 {
                        let number = (round / 2 * 31 + thread) % (4 * SLOTS);
                        let subject = format!("{number}").repeat(1 + number % 20);
                        let got = cache.get_or(&subject, || Known::Ok(rank(number)));
                        assert_eq!(got, Ok(rank(number)));
                    }
                });
            }
        });
    }
}
