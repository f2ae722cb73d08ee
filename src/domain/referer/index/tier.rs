//! The rules that are filed under windows of one width.

use super::window::{Hash, Width, scale};

/// A hash table from windows to runs of entries, with a filter before it that fits a smaller
/// cache. It is built once, of sorted hashes, so that it takes three flat arrays and no pointers.
#[derive(Debug)]
pub(super) struct Tier {
    width: Width,
    /// A blocked Bloom filter: three bits in one word for each window. Of windows that no rule
    /// has, about one in a hundred passes.
    filter: Box<[u64]>,
    /// Where in the index's entries the rules of each bucket begin; and the end of the last.
    buckets: Box<[u32]>,
    /// The hash of each run in a bucket, cut to 32 bits, and where its entries begin.
    runs: Box<[Run]>,
}

/// The entries of one window.
#[derive(Clone, Copy, Debug)]
struct Run {
    tag: u32,
    /// The first entry of the run. The run ends where the next one begins.
    first: u32,
}

/// Entries of the index: from one to before the other.
pub(super) type Entries = (u32, u32);

/// Windows a word of the filter is made for: sixteen bits each.
const WINDOWS_PER_WORD: usize = 4;

impl Tier {
    /// Files entries. `hashes` are those of the entries from `first` on, ascending.
    pub(super) fn new(width: Width, first: u32, hashes: &[Hash]) -> Self {
        let count = hashes.chunk_by(|a, b| a == b).count();
        let words = (count / WINDOWS_PER_WORD).next_power_of_two();
        let buckets = count.next_power_of_two();
        let mut tier = Self {
            width,
            filter: vec![0; words].into(),
            buckets: Box::default(),
            runs: Box::default(),
        };
        let mut starts = Vec::with_capacity(buckets + 1);
        let mut runs = Vec::with_capacity(count + 1);
        let mut entry = first;
        for hash in hashes {
            if let Some(word) = tier.filter.get_mut(scale(*hash, words)) {
                *word |= bits(*hash);
            }
        }
        // Hashes that their run cannot tell apart share it.
        let place = |hash: &Hash| (scale(*hash, buckets), tag(*hash, buckets));
        for run in hashes.chunk_by(|a, b| place(a) == place(b)) {
            let Some(&hash) = run.first() else { continue };
            starts.resize(starts.len().max(scale(hash, buckets) + 1), number(runs.len()));
            runs.push(Run { tag: tag(hash, buckets), first: entry });
            entry += number(run.len());
        }
        starts.resize(buckets + 1, number(runs.len()));
        runs.push(Run { tag: 0, first: entry });
        tier.buckets = starts.into();
        tier.runs = runs.into();
        tier
    }

    /// Calls `each` with the entries of every window of a subject that has some, as often as the
    /// window occurs. May call it with entries of another window; entries prove nothing.
    pub(super) fn look_up(&self, subject: &[u8], mut each: impl FnMut(Entries)) {
        self.width.windows(subject, |hash| {
            if self.may_have(hash)
                && let Some(entries) = self.entries(hash)
            {
                each(entries);
            }
        });
    }

    #[inline]
    fn may_have(&self, hash: Hash) -> bool {
        let bits = bits(hash);
        self.filter.get(scale(hash, self.filter.len())).is_some_and(|word| word & bits == bits)
    }

    fn entries(&self, hash: Hash) -> Option<Entries> {
        let buckets = self.buckets.len() - 1;
        let bucket = scale(hash, buckets);
        let [from, to] = *self.buckets.get(bucket..)?.first_chunk()?;
        let tag = tag(hash, buckets);
        // A search, since who writes the rules can fill one bucket with many windows.
        let bucket = self.runs.get(from as usize..to as usize)?;
        let run = from as usize + bucket.binary_search_by_key(&tag, |run| run.tag).ok()?;
        let [run, next] = self.runs.get(run..)?.first_chunk()?;
        Some((run.first, next.first))
    }

    /// The bytes that the tier takes.
    pub(super) fn size_bytes(&self) -> usize {
        size_of_val(&*self.filter) + size_of_val(&*self.buckets) + size_of_val(&*self.runs)
    }
}

/// The bits of a hash behind those that number its bucket of so many, a power of two.
fn tag(hash: Hash, buckets: usize) -> u32 {
    let [a, b, c, d, ..] = hash.wrapping_mul(buckets as u64).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The bits of a window in its word of the filter. Of the lowest bits of its hash, so that they do
/// not depend on the word.
#[inline]
fn bits(hash: Hash) -> u64 {
    (1 << (hash & 63)) | (1 << ((hash >> 6) & 63)) | (1 << ((hash >> 12) & 63))
}

/// The index refuses to be built with more rules than fit.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
