//! Finding, among many patterns, one that covers another.
//!
//! Plain patterns are looked up in a sorted list. A pattern with wildcards must contain each run of
//! its letters, so it is filed under the five bytes of it that are rarest in the list, and compared
//! only with patterns that contain these. Time is in proportion to the list for lists as people
//! have them, and bounded for all others ([`STEPS`]).

use std::cell::Cell;
use std::collections::HashMap;

use super::glob::{covers, is_plain};

/// Steps of comparison for all that is asked at once. They take a few seconds; a list of 1 000 000
/// usual rules needs a part of them.
const STEPS: u64 = 2_000_000_000;

/// What is left of [`STEPS`].
pub(super) struct Budget(Cell<u64>);

impl Budget {
    /// All of them.
    pub(super) const fn new() -> Self {
        Self::of(STEPS)
    }

    /// So many.
    pub(super) const fn of(steps: u64) -> Self {
        Self(Cell::new(steps))
    }

    /// Whether a comparison ended early, or the next one would.
    pub(super) const fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    /// Whether `wide` matches whatever `narrow` matches, as [`covers`] says.
    pub(super) fn covers(&self, wide: &str, narrow: &str) -> bool {
        let mut steps = self.0.get();
        let covered = covers(wide, narrow, &mut steps);
        self.0.set(steps);
        covered
    }
}

/// What a pattern with wildcards is filed under.
type Gram = [u8; 5];

/// The patterns of a list that may cover others.
pub(super) struct Covers<'p> {
    texts: &'p [String],
    /// Positions of plain patterns of which none begins with another, in the order of their texts.
    plain: Vec<usize>,
    filed: HashMap<Gram, Vec<usize>>,
    /// Positions of patterns without five letters in a row.
    loose: Vec<usize>,
    budget: &'p Budget,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    /// The pattern at this position covers.
    By(usize),
    /// None does.
    None,
    /// The steps were used up before the search ended.
    Unknown,
}

impl<'p> Covers<'p> {
    /// Files the normal patterns of a list.
    pub(super) fn new(texts: &'p [String], budget: &'p Budget) -> Self {
        let mut plain: Vec<usize> = Vec::new();
        let mut wild = Vec::new();
        for (position, text) in texts.iter().enumerate() {
            if is_plain(text) { plain.push(position) } else { wild.push(position) }
        }
        let text_of = |position: &usize| texts.get(*position).map_or("", String::as_str);
        plain.sort_by_key(text_of);
        plain.dedup_by(|later, kept| text_of(later).starts_with(text_of(kept)));
        let mut filed: HashMap<Gram, Vec<usize>> = HashMap::new();
        let mut loose = Vec::new();
        let counts = Counts::of(wild.iter().map(text_of));
        for position in wild {
            let rarest = grams(text_of(&position)).min_by_key(|gram| counts.get(*gram));
            match rarest {
                Some(gram) => filed.entry(gram).or_default().push(position),
                None => loose.push(position),
            }
        }
        Self { texts, plain, filed, loose, budget }
    }

    /// Finds a pattern that covers `text`. `itself` is the position of `text` in the same list, if
    /// it is there. Of patterns that cover each other only the first is said to cover, so that not
    /// all of them are ever taken for superfluous.
    pub(super) fn find(&self, text: &str, itself: Option<usize>) -> Cover {
        if let Some(position) = self.find_plain(text)
            && Some(position) != itself
        {
            return Cover::By(position);
        }
        let filed = grams(text).filter_map(|gram| self.filed.get(&gram)).flatten();
        let others = filed.chain(&self.loose).copied().filter(|position| Some(*position) != itself);
        let found = others
            .take_while(|_| !self.budget.is_spent())
            .find(|position| self.is_cover(*position, text, itself));
        match found {
            Some(position) => Cover::By(position),
            None if self.budget.is_spent() => Cover::Unknown,
            None => Cover::None,
        }
    }

    /// What its searches take their steps from.
    pub(super) const fn budget(&self) -> &'p Budget {
        self.budget
    }

    /// A plain pattern that begins `text` is, of all that are not behind `text`, the last one: none
    /// of them begins with another.
    fn find_plain(&self, text: &str) -> Option<usize> {
        let text_of = |position: &usize| self.texts.get(*position).map_or("", String::as_str);
        let behind = self.plain.partition_point(|position| text_of(position) <= text);
        let position = self.plain.get(behind.checked_sub(1)?)?;
        text.starts_with(text_of(position)).then_some(*position)
    }

    fn is_cover(&self, wide: usize, text: &str, itself: Option<usize>) -> bool {
        let Some(pattern) = self.texts.get(wide) else { return false };
        self.budget.covers(pattern, text)
            && itself.is_none_or(|itself| wide < itself || !self.budget.covers(text, pattern))
    }
}

/// The five-byte pieces of a pattern that have no wildcard.
fn grams(text: &str) -> impl Iterator<Item = Gram> {
    let pieces = text.as_bytes().windows(5).filter_map(|w| Gram::try_from(w).ok());
    pieces.filter(|gram| !gram.iter().any(|byte| matches!(byte, b'*' | b'?')))
}

/// How often pieces occur, roughly: two may share a counter.
struct Counts(Vec<u32>);

impl Counts {
    const BITS: u32 = 18;

    fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut counts = Self(vec![0; 1 << Self::BITS]);
        for gram in texts.flat_map(grams) {
            if let Some(count) = counts.0.get_mut(Self::slot(gram)) {
                *count = count.saturating_add(1);
            }
        }
        counts
    }

    fn get(&self, gram: Gram) -> u32 {
        self.0.get(Self::slot(gram)).copied().unwrap_or_default()
    }

    fn slot(gram: Gram) -> usize {
        // Multiplicative hashing: the high bits depend on all of the input.
        let number = gram.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Self::BITS);
        usize::try_from(mixed).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::glob::normal;
    use super::*;
    use proptest::prelude::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| normal(text)).collect()
    }

    #[test]
    fn a_cover_is_found() {
        let list = texts(&[
            "http://a.com/",
            "http://*.b.com/",
            "http://a.com/b",
            "http://x.b.com/y",
            "http://c.com",
            "?*",
            "http://c.co",
        ]);
        let budget = Budget::new();
        let covers = Covers::new(&list[..5], &budget);
        let find = |at: usize| covers.find(&list[at], Some(at));
        assert_eq!(find(0), Cover::None);
        assert_eq!(find(1), Cover::None, "not by itself");
        assert_eq!(find(2), Cover::By(0));
        assert_eq!(find(3), Cover::By(1));
        assert_eq!(find(4), Cover::None);
        let covers = Covers::new(&list, &budget);
        assert_eq!(covers.find(&list[4], Some(4)), Cover::By(6));
        assert_eq!(covers.find(&list[1], Some(1)), Cover::By(5), "a pattern without letters");
        assert_eq!(covers.find("", None), Cover::None);
    }

    #[test]
    fn patterns_that_cover_each_other_are_not_all_covered() {
        let list = texts(&["http://?*", "http://?*", "http://?**"]);
        let budget = Budget::new();
        let covers = Covers::new(&list, &budget);
        let found: Vec<_> = (0..3).map(|at| covers.find(&list[at], Some(at))).collect();
        assert_eq!(found[0], Cover::None);
        assert!(found[1..].iter().all(|cover| matches!(cover, Cover::By(_))), "{found:?}");
    }

    #[test]
    fn a_hostile_list_ends_the_search() {
        let list: Vec<String> = (0..3000).map(|n| format!("*{}b{n}", "a*".repeat(200))).collect();
        let budget = Budget::of(1_000_000);
        let covers = Covers::new(&list, &budget);
        let found: Vec<_> = (0..3000).map(|at| covers.find(&list[at], Some(at))).collect();
        assert!(budget.is_spent());
        assert_eq!(found.last(), Some(&Cover::Unknown));
    }

    proptest! {
        /// Nothing is missed that comparing all with all finds, and nothing found that it does not.
        #[test]
        fn the_files_are_complete(list in prop::collection::vec("(http://)?[ab.*?]{0,4}(ab.com|b.ab)?[*/]?", 1..12)) {
            let list: Vec<String> = list.iter().map(|text| normal(text)).collect();
            let budget = Budget::new();
            let index = Covers::new(&list, &budget);
            for (at, text) in list.iter().enumerate() {
                let slow = list.iter().enumerate().any(|(other, wide)| {
                    let covers = |a: &str, b: &str| covers(a, b, &mut u64::MAX.clone());
                    other != at && covers(wide, text) && (other < at || !covers(text, wide))
                });
                let fast = index.find(text, Some(at));
                prop_assert_eq!(matches!(fast, Cover::By(_)), slow, "{} {:?}", text, fast);
            }
        }
    }
}
