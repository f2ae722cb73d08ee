//! The order in which rules are asked.

/// The place of a rule in the order in which rules are asked: the blacklist first, then the
/// whitelist, each from its beginning. The least rank that matches decides, so an engine looks for
/// one number and needs to know nothing of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u32);

impl Rank {
    /// A rank that no rule has.
    pub(super) const LAST: Self = Self(u32::MAX);

    /// The rank of the rule that comes after `before` others. `None` is past the last rank.
    pub(super) fn of(before: usize) -> Option<Self> {
        u32::try_from(before).ok().map(Self).filter(|rank| *rank < Self::LAST)
    }

    /// The rank as a number.
    pub(super) const fn get(self) -> u32 {
        self.0
    }

    /// The rank that [`get`](Self::get) gave as this number.
    pub(super) const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// How many rules come before it.
    pub(super) fn before(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}
