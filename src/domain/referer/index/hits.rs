//! What the windows of one subject have led to.

use super::anchor::WITNESS_WIDTHS;
use super::tier::Entries;
use super::window::{Hash, scale};

/// Entries that were found, each once however often its window occurs: a subject may repeat one
/// window at every byte. The usual few are kept without an allocation.
#[derive(Debug, Default)]
pub(super) struct Hits {
    few: [Entries; 16],
    count: usize,
    /// Those for which `few` had no room, as often as they came.
    more: Vec<Entries>,
    sorted: bool,
}

impl Hits {
    pub(super) fn add(&mut self, entries: Entries) {
        if self.few.iter().take(self.count).any(|known| *known == entries) {
            return;
        }
        match self.few.get_mut(self.count) {
            Some(free) => {
                *free = entries;
                self.count += 1;
            }
            None => self.more.push(entries),
        }
    }

    /// How many rules were found.
    pub(super) fn rules(&mut self) -> u32 {
        let mut rules = 0_u32;
        self.each(|(from, to)| rules = rules.saturating_add(to - from));
        rules
    }

    /// Calls `each` with all entries, each once.
    pub(super) fn each(&mut self, each: impl FnMut(Entries)) {
        if !self.sorted {
            self.more.sort_unstable();
            self.more.dedup();
            self.sorted = true;
        }
        self.few.iter().take(self.count).chain(&self.more).copied().for_each(each);
    }
}

/// A window that a rule has beside the one that it is filed under, by part of its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness(u16);

impl Witness {
    pub(super) fn of(hash: Hash) -> Self {
        Self(u16::try_from(scale(hash, 1 << 16)).unwrap_or_default())
    }
}

/// The witnesses that a subject has. Of those that it does not have, it may seem to have some: one
/// in a thousand for a subject of the usual length, one in five for the longest.
#[derive(Debug)]
pub(super) struct Witnesses(Vec<u64>);

impl Witnesses {
    pub(super) fn of(subject: &[u8]) -> Self {
        let mut bits = vec![0_u64; (1 << 16) / 64];
        for width in WITNESS_WIDTHS {
            width.windows(subject, |hash| {
                let Witness(witness) = Witness::of(hash);
                if let Some(word) = bits.get_mut(usize::from(witness / 64)) {
                    *word |= 1 << (witness % 64);
                }
            });
        }
        Self(bits)
    }

    pub(super) fn have(&self, Witness(witness): Witness) -> bool {
        self.0.get(usize::from(witness / 64)).is_some_and(|word| word >> (witness % 64) & 1 == 1)
    }
}
