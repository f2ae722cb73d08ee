//! Rules that are asked one after the other.

use super::glob::{fits, normalise};
use super::{Pattern, Rank};

/// A few rules. Each is asked in one pass over the subject, so what a decision takes is at most
/// their number times the length of the subject.
#[derive(Debug)]
pub(super) struct Rules(Box<[Box<[u8]>]>);

impl Rules {
    /// Takes the rules in the order of their ranks.
    pub(super) fn new<'p>(rules: impl Iterator<Item = &'p Pattern>) -> Self {
        let normal = |rule: &Pattern| {
            let mut normal = Vec::new();
            normalise(rule.as_str(), &mut normal);
            normal.into_boxed_slice()
        };
        Self(rules.map(normal).collect())
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The first rule that fits.
    pub(super) fn first(&self, subject: &str) -> Option<Rank> {
        Rank::of(self.0.iter().position(|rule| fits(rule, subject.as_bytes()))?)
    }
}
