//! The most frequent keys of a stream, in a list of bounded size: Space-Saving.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::ops::AddAssign;
use std::sync::Arc;

use super::Count;

/// About what an entry takes beside its texts: its slots in the two maps, and the head of its
/// shared key.
const ENTRY_BYTES: usize = 240;

/// A key with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The most requests that it can have had.
    pub count: u64,
    /// By how much `count` may be too high. `count - error` requests are surely its own.
    pub error: u64,
    /// The bytes of those `count - error` requests.
    pub bytes: u64,
    /// How many of those requests have bytes that nobody could tell, and that `bytes` lacks.
    pub unmeasured: u64,
    /// Something to show of the first of them; may be empty.
    pub sample: Box<str>,
}

impl Entry {
    /// What is surely the key's own.
    pub const fn sure(&self) -> Count {
        Count { requests: self.count.saturating_sub(self.error), bytes: self.bytes }
    }
}

/// Requests that are counted at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// How many, with the bytes of those whose bytes are known.
    pub count: Count,
    /// How many have bytes that nobody could tell.
    pub unmeasured: u64,
}

impl Requests {
    /// One request, whose bytes may not be known.
    pub fn one(bytes: Option<u64>) -> Self {
        Self { count: Count::one(bytes.unwrap_or(0)), unmeasured: u64::from(bytes.is_none()) }
    }
}

impl AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.unmeasured += other.unmeasured;
    }
}

#[derive(Clone, Debug)]
struct Cell {
    /// With the count, its place in the order: no two have the same.
    id: u64,
    count: u64,
    error: u64,
    bytes: u64,
    unmeasured: u64,
    sample: Box<str>,
}

/// The most frequent keys: at most `k` of them, whatever comes.
///
/// # Invariants
///
/// With `N` requests in all and `floor` the most that a key outside of the list can have had:
///
/// * a key of the list had at most `count` and at least `count - error` requests;
/// * every `error` is at most `floor`, and `floor` is at most `N / k`;
/// * the sum of `count - floor` over the list, and `k * floor`, are together at most `N`.
///
/// The third is what makes the second survive [`merge`](Self::merge): of two lists' `k + 1`
/// greatest sums, the last is at most `N / k` again.
#[derive(Clone, Debug)]
pub struct Top {
    limit: usize,
    seen: Count,
    floor: u64,
    /// The sizes of the texts.
    text_bytes: usize,
    /// The hash has no secret: a list is short, so keys that collide cost little.
    cells: HashMap<Arc<str>, Cell, BuildHasherDefault<DefaultHasher>>,
    order: BTreeMap<(u64, u64), Arc<str>>,
    inserted: u64,
}

/// Which rule of [`Top`] stored entries break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTop {
    /// There are more than the list can have.
    #[error("the list has too many entries")]
    Limit,
    /// An error is over the count.
    #[error("an entry has an error over its count")]
    Error,
    /// Two entries have one key.
    #[error("two entries have one key")]
    Twice,
}

impl Top {
    /// An empty list of at most `limit` entries.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            seen: Count::default(),
            floor: 0,
            text_bytes: 0,
            cells: HashMap::default(),
            order: BTreeMap::new(),
            inserted: 0,
        }
    }

    /// A list as it was stored.
    ///
    /// # Errors
    ///
    /// [`InvalidTop`].
    pub fn restore(
        limit: usize,
        seen: Count,
        floor: u64,
        entries: Vec<Entry>,
    ) -> Result<Self, InvalidTop> {
        let mut top = Self { seen, floor, ..Self::new(limit) };
        if entries.len() > top.limit {
            return Err(InvalidTop::Limit);
        }
        for entry in entries {
            if entry.error > entry.count {
                return Err(InvalidTop::Error);
            }
            if top.cells.contains_key(&entry.key) {
                return Err(InvalidTop::Twice);
            }
            top.insert(entry);
        }
        Ok(top)
    }

    /// All that was counted, in the list or not.
    pub const fn seen(&self) -> Count {
        self.seen
    }

    /// The most requests that a key outside of the list can have had, and the most by which a
    /// count can be too high.
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.seen.is_zero() && self.cells.is_empty()
    }

    /// About how much memory the list takes.
    pub fn memory_bytes(&self) -> usize {
        self.text_bytes + self.cells.len() * ENTRY_BYTES
    }

    /// The entries, the greatest count first.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.order.values().rev().filter_map(|key| {
            let Cell { count, error, bytes, unmeasured, sample, .. } = self.cells.get(key)?.clone();
            Some(Entry { key: key.clone(), count, error, bytes, unmeasured, sample })
        })
    }

    /// Counts requests of one key. The sample is asked for only if the key is new to the list.
    pub fn add(&mut self, name: &str, requests: Requests, sample: impl FnOnce() -> Box<str>) {
        let Requests { count: Count { requests, bytes }, unmeasured } = requests;
        self.seen += Count { requests, bytes };
        if let Some(cell) = self.cells.get_mut(name) {
            let Some(shared) = self.order.remove(&(cell.count, cell.id)) else { return };
            cell.count = cell.count.saturating_add(requests);
            cell.bytes = cell.bytes.saturating_add(bytes);
            cell.unmeasured = cell.unmeasured.saturating_add(unmeasured);
            self.order.insert((cell.count, cell.id), shared);
            return;
        }
        if self.cells.len() >= self.limit {
            self.floor = self.evict().max(self.floor);
        }
        let (count, error) = (self.floor.saturating_add(requests), self.floor);
        let (key, sample) = (name.into(), sample());
        self.insert(Entry { key, count, error, bytes, unmeasured, sample });
    }

    /// Takes out the entry of the least count, and returns that.
    fn evict(&mut self) -> u64 {
        let Some(((count, _), key)) = self.order.pop_first() else { return 0 };
        if let Some(cell) = self.cells.remove(&key) {
            self.text_bytes -= key.len() + cell.sample.len();
        }
        count
    }

    fn insert(&mut self, entry: Entry) {
        let Entry { key, count, error, bytes, unmeasured, sample } = entry;
        let id = self.inserted;
        self.inserted += 1;
        self.text_bytes += key.len() + sample.len();
        self.order.insert((count, id), key.clone());
        self.cells.insert(key, Cell { id, count, error, bytes, unmeasured, sample });
    }

    /// Adds another list, as if this one had seen both streams: the same bounds hold for the
    /// sum.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        let (own_floor, other_floor) = (self.floor, other.floor);
        let mut entries: Vec<Entry> = self.entries().map(|own| joined(own, other)).collect();
        entries.extend(other.entries().filter(|new| !self.cells.contains_key(&new.key)).map(
            |new| Entry {
                count: new.count.saturating_add(own_floor),
                error: new.error.saturating_add(own_floor),
                ..new
            },
        ));
        entries.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        let first_cut = entries.get(self.limit).map_or(0, |entry| entry.count);
        entries.truncate(self.limit);

        let mut merged = Self::new(self.limit);
        merged.seen = self.seen + other.seen;
        merged.floor = own_floor.saturating_add(other_floor).max(first_cut);
        for entry in entries {
            merged.insert(entry);
        }
        *self = merged;
    }
}

/// An entry of one list with what the other list knows of its key.
fn joined(own: Entry, other: &Top) -> Entry {
    let (count, error, bytes, unmeasured) =
        other.cells.get(&own.key).map_or((other.floor, other.floor, 0, 0), |it| {
            (it.count, it.error, it.bytes, it.unmeasured)
        });
    Entry {
        count: own.count.saturating_add(count),
        error: own.error.saturating_add(error),
        bytes: own.bytes.saturating_add(bytes),
        unmeasured: own.unmeasured.saturating_add(unmeasured),
        ..own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every fifth key has bytes that nobody can tell.
    fn bytes_of(key: u8) -> Option<u64> {
        (!key.is_multiple_of(5)).then_some(key.into())
    }

    fn top(limit: usize, keys: &[u8]) -> Top {
        let mut top = Top::new(limit);
        for key in keys {
            let one = Requests::one(bytes_of(*key));
            top.add(&key.to_string(), one, || format!("of {key}").into());
        }
        top
    }

    /// Holds a list against exact counts of its stream.
    fn check(top: &Top, limit: usize, keys: &[u8]) -> Result<(), TestCaseError> {
        let total = keys.len() as u64;
        let exact = |key: u8| keys.iter().map(|k| u64::from(*k == key)).sum::<u64>();
        let listed: Vec<Entry> = top.entries().collect();
        prop_assert!(listed.len() <= limit);
        prop_assert_eq!(top.seen().requests, total);
        prop_assert!(top.floor() <= total / limit as u64, "the floor is at most N/k");
        for entry in &listed {
            let key: u8 = entry.key.parse().unwrap();
            let (sure, most) = (entry.sure().requests, entry.count);
            prop_assert!(entry.error <= top.floor());
            prop_assert!((sure..=most).contains(&exact(key)), "{entry:?}: {}", exact(key));
            let (bytes, unmeasured) = match bytes_of(key) {
                Some(bytes) => (sure * bytes, 0),
                None => (0, sure),
            };
            prop_assert_eq!(entry.bytes, bytes, "bytes are those of the sure");
            prop_assert_eq!(entry.unmeasured, unmeasured, "so are those without");
        }
        for key in 0..=u8::MAX {
            let is_listed = listed.iter().any(|entry| *entry.key == *key.to_string());
            prop_assert!(is_listed || exact(key) <= top.floor(), "{key} is missing");
        }
        let text: usize = listed.iter().map(|e| e.key.len() + e.sample.len()).sum();
        prop_assert_eq!(top.memory_bytes(), text + listed.len() * ENTRY_BYTES);
        Ok(())
    }

    /// A stream in which small keys are frequent and large ones are not.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<(u8, u8)>().prop_map(|(a, b)| a.min(b) / 3), 0..400)
    }

    proptest! {
        #[test]
        fn bounds_hold(limit in 1_usize..20, keys in stream()) {
            check(&top(limit, &keys), limit, &keys)?;
        }

        #[test]
        fn bounds_hold_after_merging(limit in 1_usize..20, streams in prop::collection::vec(stream(), 0..6)) {
            let mut merged = Top::new(limit);
            for keys in &streams {
                merged.merge(&top(limit, keys));
            }
            check(&merged, limit, &streams.concat())?;
        }

        /// What the server does: a stream goes on in a list that was merged and stored.
        #[test]
        fn bounds_hold_when_a_merged_list_goes_on(limit in 1_usize..9, a in stream(), b in stream(), c in stream()) {
            let mut merged = top(limit, &a);
            merged.merge(&top(limit, &b));
            let entries = merged.entries().collect();
            let mut merged = Top::restore(limit, merged.seen(), merged.floor(), entries).unwrap();
            for key in &c {
                merged.add(&key.to_string(), Requests::one(bytes_of(*key)), Box::default);
            }
            check(&merged, limit, &[a, b, c].concat())?;
        }

        /// What the server does with a burst: those of a key count at once.
        #[test]
        fn bounds_hold_for_requests_that_are_counted_together(limit in 1_usize..20, runs in prop::collection::vec((0_u8..60, 1_u8..9), 0..80)) {
            let mut top = Top::new(limit);
            for (key, times) in &runs {
                let one = Requests::one(bytes_of(*key));
                let mut all = Requests::default();
                (0..*times).for_each(|_| all += one);
                top.add(&key.to_string(), all, Box::default);
            }
            let keys: Vec<_> = runs.iter().flat_map(|(key, times)| vec![*key; (*times).into()]).collect();
            check(&top, limit, &keys)?;
        }

        #[test]
        fn few_keys_are_counted_exactly(keys in prop::collection::vec(0_u8..8, 0..200)) {
            let top = top(8, &keys);
            prop_assert_eq!(top.floor(), 0);
            for entry in top.entries() {
                prop_assert_eq!(entry.error, 0);
            }
        }
    }

    #[test]
    fn the_greatest_is_first_and_shows_its_first_sample() {
        let mut top = Top::new(4);
        for (key, sample) in [("a", "1"), ("b", "2"), ("b", "3")] {
            top.add(key, Requests::one(Some(10)), || sample.into());
        }
        let entries: Vec<_> = top.entries().map(|e| (e.key, e.count, e.bytes, e.sample)).collect();
        assert_eq!(entries, [("b".into(), 2, 20, "2".into()), ("a".into(), 1, 10, "1".into())]);
    }

    #[test]
    fn stored_entries_are_checked() {
        let entry = |key: &str, count, error| Entry {
            key: key.into(),
            count,
            error,
            bytes: 0,
            unmeasured: 0,
            sample: "".into(),
        };
        let restore = |entries| Top::restore(2, Count::default(), 0, entries).map(|_| ());
        assert_eq!(restore(vec![entry("a", 1, 1), entry("b", 1, 0)]), Ok(()));
        assert_eq!(restore(vec![entry("a", 1, 2)]), Err(InvalidTop::Error));
        assert_eq!(restore(vec![entry("a", 1, 0), entry("a", 1, 0)]), Err(InvalidTop::Twice));
        let many = ["a", "b", "c"].map(|key| entry(key, 1, 0)).to_vec();
        assert_eq!(restore(many), Err(InvalidTop::Limit));
    }
}
