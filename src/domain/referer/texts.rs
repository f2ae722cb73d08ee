//! The normal forms of many rules, in one piece of memory.

use super::glob::normalise;
use super::{Pattern, Rank};

/// The normal forms of rules, by their ranks.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Texts {
    /// Takes the rules in the order of their ranks. `None` if they take 4 GiB or more. Rules behind
    /// one that fits everything are left out: they are never the first that fits.
    pub(super) fn of<'p>(rules: impl Iterator<Item = &'p Pattern>) -> Option<Self> {
        let mut texts = Self::default();
        for rule in rules {
            let start = texts.bytes.len();
            normalise(rule.as_str(), &mut texts.bytes);
            texts.ends.push(u32::try_from(texts.bytes.len()).ok()?);
            if texts.bytes.len() == start {
                break;
            }
        }
        Some(texts)
    }

    /// The text of a rule.
    pub(super) fn get(&self, rank: Rank) -> &[u8] {
        let before = rank.before();
        let end = |rule: usize| self.ends.get(rule).map_or(0, |end| *end as usize);
        let start = before.checked_sub(1).map_or(0, end);
        self.bytes.get(start..end(before)).unwrap_or_default()
    }

    /// All rules with their texts, in the order of their ranks.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Rank, &[u8])> {
        (0..self.ends.len()).filter_map(Rank::of).map(|rank| (rank, self.get(rank)))
    }

    /// How many rules there are.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of all texts.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes.len()
    }
}
