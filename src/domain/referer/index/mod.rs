//! The index: the first rule that fits, without asking all rules.
//!
//! # How it finds rules
//!
//! Each rule is filed under one [window] of its literal text, the one that fewest other
//! rules have ([`anchor`]). A decision looks up the windows of the subject ([`tier`]), asks the
//! rules that it finds under them ([`glob`](super::glob)), and keeps the least rank that fits.
//!
//! | rules | where | sound because |
//! | --- | --- | --- |
//! | with a literal | a [`Tier`] for each width of window in use | what a rule fits holds all its literals, so all their windows; a rule that is found is still asked |
//! | without one: `?*?` | [`Bare`] | it fits every subject of so many characters |
//! | behind a `*` | nowhere | `*` fits every subject, so no later rule is the first |
//! | that begin like an earlier one under the same window | nowhere | the earlier one fits whatever they fit |
//!
//! The lists are compared by [`Rank`], so one pass serves both.
//!
//! # What bounds a decision
//!
//! - The look-ups: one for each byte of the subject and each width in use, at most 7 × 4096.
//! - The rules asked: each at most once, however often its window occurs ([`Hits`]). Rules of one
//!   text are one. A rule that could only come second to one that is found is not asked.
//! - Asking one: a pass over the subject, whatever the rule. Rules that share all of their windows
//!   with many others are the bad case; if more than [`MANY`] rules are found, each first has to
//!   show a second window ([`Witnesses`]), which takes a nanosecond. The worst that is known are
//!   rules of a few short pieces that the referer has, all of them, in an order that no rule fits:
//!   about a microsecond for each rule, so a millisecond or two for lists of OSS's 20 KB and a tenth
//!   of a second for 100 000 such rules (`benches/matcher.rs` measures it).
//! - Whoever has not the time for that says so ([`Patience`]), and hears of it before a rule is
//!   asked.
//!
//! There is no tier for hosts. A hash of host suffixes would prove that `*.a.com` fits, but the
//! first rule is wanted, not any; and that it finds nothing proves nothing, since `*.a.com` also
//! fits further behind. So it could never replace a look-up, only be one more.

mod anchor;
mod bare;
mod hits;
mod tier;
mod window;

#[cfg(test)]
mod tests;

use self::anchor::{Anchors, Rarity};
use self::bare::Bare;
use self::hits::{Hits, Witness, Witnesses};
use self::tier::{Entries, Tier};
use self::window::Hash;
use super::glob::fits;
use super::patience::Patience;
use super::texts::Texts;
use super::{Pattern, Rank};

pub(super) use self::window::{Width, literals, mix, scale};

/// Rules that are found before witnesses are asked for: from here on the set of witnesses, up to
/// four look-ups a byte, is cheaper than asking the rules.
const MANY: u32 = 64;

/// The rules of both lists, filed.
#[derive(Debug)]
pub(super) struct Index {
    tiers: Box<[Tier]>,
    /// The rules in the order of the tiers, and an end mark.
    entries: Box<[Entry]>,
    /// Their normal forms, in the same order.
    text: Box<[u8]>,
    bare: Bare,
}

/// A rule.
#[derive(Clone, Copy, Debug)]
struct Entry {
    rank: Rank,
    /// Where its text begins. It ends where the next one begins.
    start: u32,
    witness: Witness,
}

/// A rule that is to be filed.
#[derive(Clone, Copy, Debug)]
struct Draft {
    rank: Rank,
    anchors: Anchors,
}

impl Index {
    /// Files rules, given in the order of their ranks. `None` if they take 4 GiB or more.
    pub(super) fn new<'p>(rules: impl Iterator<Item = &'p Pattern>) -> Option<Self> {
        let texts = Texts::of(rules)?;
        let mut rarity = Rarity::new(texts.bytes());
        texts.iter().for_each(|(_, text)| rarity.add(text));
        let mut bare = Bare::default();
        let mut drafts = Vec::with_capacity(texts.len());
        for (rank, text) in texts.iter() {
            match rarity.anchors(text) {
                Some(anchors) => drafts.push(Draft { rank, anchors }),
                None => bare.add(rank, text.len()),
            }
        }
        drop(rarity);
        sort(&texts, &mut drafts);
        drop_shadowed(&texts, &mut drafts);
        Some(Self::file(&texts, &drafts, bare))
    }

    fn file(texts: &Texts, drafts: &[Draft], bare: Bare) -> Self {
        let mut text = Vec::with_capacity(drafts.iter().map(|d| texts.get(d.rank).len()).sum());
        let mut entries = Vec::with_capacity(drafts.len() + 1);
        let mut tiers = Vec::new();
        for drafts in drafts.chunk_by(|a, b| a.anchors.width == b.anchors.width) {
            let first = number(entries.len());
            for Draft { rank, anchors } in drafts {
                let (start, witness) = (number(text.len()), Witness::of(anchors.witness));
                entries.push(Entry { rank: *rank, start, witness });
                text.extend_from_slice(texts.get(*rank));
            }
            let hashes: Vec<Hash> = drafts.iter().map(|draft| draft.anchors.hash).collect();
            tiers.extend(drafts.first().map(|d| Tier::new(d.anchors.width, first, &hashes)));
        }
        entries.push(Entry {
            rank: Rank::LAST,
            start: number(text.len()),
            witness: Witness::of(0),
        });
        Self { tiers: tiers.into(), entries: entries.into(), text: text.into(), bare }
    }

    /// The first rule that fits a subject, unless too many rules would have to be asked.
    pub(super) fn first_within<P: Patience>(
        &self,
        subject: &str,
        patience: P,
    ) -> Result<Option<Rank>, P::Over> {
        let bytes = subject.as_bytes();
        let mut hits = Hits::default();
        for tier in &self.tiers {
            tier.look_up(bytes, |entries| hits.add(entries));
        }
        let rules = hits.rules();
        patience.bear(rules as usize, subject)?;
        let mut best = self.bare.first(bytes);
        let witnesses = (rules > MANY).then(|| Witnesses::of(bytes));
        hits.each(|entries| best = self.ask(entries, bytes, witnesses.as_ref(), best));
        Ok(best)
    }

    /// The least of `best` and of the rules that fit.
    fn ask(
        &self,
        (from, to): Entries,
        subject: &[u8],
        witnesses: Option<&Witnesses>,
        mut best: Option<Rank>,
    ) -> Option<Rank> {
        let entries = self.entries.get(from as usize..=to as usize).unwrap_or_default();
        for (entry, next) in entries.iter().zip(entries.iter().skip(1)) {
            if best.is_some_and(|best| best < entry.rank)
                || witnesses.is_some_and(|witnesses| !witnesses.have(entry.witness))
            {
                continue;
            }
            let text = self.text.get(entry.start as usize..next.start as usize);
            if text.is_some_and(|text| fits(text, subject)) {
                best = Some(entry.rank);
            }
        }
        best
    }

    /// The bytes that the index takes.
    pub(super) fn size_bytes(&self) -> usize {
        let tiers: usize = self.tiers.iter().map(Tier::size_bytes).sum();
        tiers + size_of_val(&*self.entries) + self.text.len()
    }
}

/// Puts rules into the order of the tiers: those of one window together, and among them those of
/// one text.
fn sort(texts: &Texts, drafts: &mut [Draft]) {
    drafts.sort_unstable_by(|a, b| {
        (a.anchors.width, a.anchors.hash)
            .cmp(&(b.anchors.width, b.anchors.hash))
            .then_with(|| texts.get(a.rank).cmp(texts.get(b.rank)))
            .then(a.rank.cmp(&b.rank))
    });
}

/// Drops rules that are never the first, because an earlier one is the beginning of them and so
/// fits whatever they fit. Finds those that [`sort`] has put next to it.
fn drop_shadowed(texts: &Texts, drafts: &mut Vec<Draft>) {
    drafts.dedup_by(|later, kept| {
        later.anchors.width == kept.anchors.width
            && later.anchors.hash == kept.anchors.hash
            && kept.rank < later.rank
            && texts.get(later.rank).starts_with(texts.get(kept.rank))
    });
}

/// Every size here is at most that of [`Texts`], which fits.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
