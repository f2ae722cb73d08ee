//! Rules, compiled: one of the ways to find the first that fits.

use super::index::Index;
use super::patience::Patience;
use super::plain::Plain;
use super::rules::Rules;
use super::scan::Scan;
use super::{Engine, Pattern, Rank};

/// Rules by their [`Rank`].
#[derive(Debug)]
pub(super) enum Compiled {
    Plain(Plain),
    Loop(Rules),
    Index(Index),
    Scan(Scan),
}

impl Compiled {
    /// Takes rules in the order of their ranks, as often as it asks for them.
    pub(super) fn new<'p, I: Iterator<Item = &'p Pattern>>(
        rules: impl Fn() -> I,
        engine: Engine,
    ) -> Self {
        match engine {
            Engine::Plain => Self::Plain(Plain::new(rules())),
            Engine::Loop => Self::Loop(Rules::new(rules())),
            Engine::Index | Engine::CachedIndex => match Index::new(rules()) {
                Some(index) => Self::Index(index),
                None => Self::Loop(Rules::new(rules())),
            },
            Engine::Scan => match Scan::new(rules()) {
                Some(scan) => Self::Scan(scan),
                None => Self::Loop(Rules::new(rules())),
            },
        }
    }

    /// The first rule that fits a subject, if it can be told in time.
    pub(super) fn first<P: Patience>(
        &self,
        subject: &str,
        patience: P,
    ) -> Result<Option<Rank>, P::Over> {
        match self {
            Self::Plain(plain) => Ok(plain.first(subject)),
            Self::Loop(rules) => {
                patience.bear(rules.len(), subject)?;
                Ok(rules.first(subject))
            }
            Self::Index(index) => index.first_within(subject, patience),
            Self::Scan(scan) => {
                // However few there are: whoever compiles a list for this has others to serve.
                patience.bear(usize::MAX, subject)?;
                Ok(scan.first(subject))
            }
        }
    }

    /// The bytes that it takes; 0 where it is small.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Index(index) => index.size_bytes(),
            Self::Scan(scan) => scan.size_bytes(),
            Self::Plain(_) | Self::Loop(_) => 0,
        }
    }
}
