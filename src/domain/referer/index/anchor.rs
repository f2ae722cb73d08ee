//! Which window of a rule it is filed under: the one that fewest rules have.

use super::window::{Hash, Width, literals, scale};

/// The windows by which a rule is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchors {
    /// The width of the window that the rule is filed under.
    pub(super) width: Width,
    /// Its hash.
    pub(super) hash: Hash,
    /// The hash of another window of the rule, of a width in [`WITNESS_WIDTHS`], that does not
    /// overlap the first if the rule has such a one.
    pub(super) witness: Hash,
}

/// The widths of witnesses. All windows of a subject of these widths are put into a set when
/// witnesses are asked for.
pub(super) const WITNESS_WIDTHS: [Width; 4] = [Width::One, Width::Two, Width::Four, Width::Eight];

/// Pieces that nearly every referer has. A window of one counts as if so many more rules had it.
const COMMON: [&[u8]; 3] = [b"https://www.", b"http://www.", b".com/index.html"];
const COMMON_RULES: u16 = 1000;

/// The most counters of a [`Rarity`]: 32 MiB.
const MAX_COUNTERS: usize = 1 << 24;

/// How many rules have a window, about: windows share counters, so a count may be too high. That
/// makes a choice worse and never wrong.
#[derive(Debug)]
pub(super) struct Rarity {
    counters: Vec<u16>,
}

/// A window of a rule, and how good it is to file the rule under. Less is better.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    score: u64,
    width: Width,
    hash: Hash,
    /// Where in the rule.
    at: usize,
}

impl Rarity {
    /// Counts nothing yet. `bytes` is the length of all rules.
    pub(super) fn new(bytes: usize) -> Self {
        let counters = bytes.saturating_mul(2).clamp(1 << 8, MAX_COUNTERS).next_power_of_two();
        let mut rarity = Self { counters: vec![0; counters] };
        for common in COMMON {
            rarity.count(common, COMMON_RULES);
        }
        rarity
    }

    /// Counts the windows of a rule in its normal form.
    pub(super) fn add(&mut self, rule: &[u8]) {
        literals(rule).for_each(|literal| self.count(literal, 1));
    }

    fn count(&mut self, literal: &[u8], rules: u16) {
        let size = self.counters.len();
        for width in Width::ALL.into_iter().take_while(|width| width.bytes() <= literal.len()) {
            width.windows(literal, |hash| {
                if let Some(counter) = self.counters.get_mut(scale(hash, size)) {
                    *counter = counter.saturating_add(rules);
                }
            });
        }
    }

    /// How many rules have a window, or more.
    fn of(&self, hash: Hash) -> u64 {
        self.counters.get(scale(hash, self.counters.len())).copied().unwrap_or_default().into()
    }

    /// Chooses the anchors of a rule in its normal form; `None` if it has no literal.
    pub(super) fn anchors(&self, rule: &[u8]) -> Option<Anchors> {
        let mut best = None;
        self.each(rule, |window| keep(&mut best, window));
        let anchor = best?;
        let apart = |window: &Candidate| {
            window.at >= anchor.at + anchor.width.bytes()
                || anchor.at >= window.at + window.width.bytes()
        };
        let mut witness = None;
        let mut overlapping = None;
        self.each(rule, |window| {
            if WITNESS_WIDTHS.contains(&window.width) {
                let kept = if apart(&window) { &mut witness } else { &mut overlapping };
                keep(kept, window);
            }
        });
        let witness = witness.or(overlapping)?.hash;
        Some(Anchors { width: anchor.width, hash: anchor.hash, witness })
    }

    /// Calls `each` with all windows of a rule.
    fn each(&self, rule: &[u8], mut each: impl FnMut(Candidate)) {
        let mut start = 0;
        for literal in literals(rule) {
            for width in Width::ALL.into_iter().take_while(|width| width.bytes() <= literal.len()) {
                let mut at = start;
                width.windows(literal, |hash| {
                    each(Candidate { score: score(width, self.of(hash)), width, hash, at });
                    at += 1;
                });
            }
            start += literal.len() + 1;
        }
    }
}

fn keep(best: &mut Option<Candidate>, window: Candidate) {
    if best.is_none_or(|best| window.score < best.score) {
        *best = Some(window);
    }
}

/// A short window is in many subjects, however few rules have it. Every width in use takes a pass
/// over the subject, so a wide one must be worth it.
fn score(width: Width, rules: u64) -> u64 {
    match width {
        Width::One => (rules << 16) + (1 << 24),
        Width::Two => (rules << 10) + (1 << 14),
        Width::Four => rules << 4,
        Width::Eight => rules,
        Width::Sixteen => rules + 8,
        Width::ThirtyTwo => rules + 16,
        Width::SixtyFour => rules + 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(width: Width, window: &str) -> Hash {
        assert_eq!(window.len(), width.bytes());
        let mut found = None;
        width.windows(window.as_bytes(), |hash| found = Some(hash));
        found.unwrap()
    }

    fn anchor(rules: &[&str]) -> Vec<Option<(Width, Hash)>> {
        let mut rarity = Rarity::new(1 << 16);
        for rule in rules {
            rarity.add(rule.as_bytes());
        }
        let anchors = |rule: &&str| rarity.anchors(rule.as_bytes());
        rules.iter().map(anchors).map(|a| a.map(|a| (a.width, a.hash))).collect()
    }

    #[test]
    fn a_rule_is_filed_under_its_rarest_window() {
        let rules = ["*.shop.example", "*.shop.example", "*.shop.exampl1"];
        let want = Some((Width::Eight, hash(Width::Eight, ".exampl1")));
        assert_eq!(
            anchor(&rules)[2],
            want.map(|(width, _)| (width, hash(width, "p.exampl1".split_at(1).1)))
        );
    }

    #[test]
    fn a_rule_without_literals_has_no_anchor() {
        assert_eq!(anchor(&["", "??", "?*"]), [None; 3].map(|_: Option<()>| None));
    }

    #[test]
    fn a_window_of_the_scheme_is_a_bad_one() {
        let rarest = anchor(&["https://www.?*longdomain"])[0].unwrap().1;
        assert_eq!(rarest, hash(Width::Eight, "longdoma"));
    }

    #[test]
    fn a_window_that_all_rules_have_is_left_for_a_wide_one() {
        let rules: Vec<_> = (0..200)
            .map(|n| format!("*{}", format!("{n:08b}").replace('0', "ab").replace('1', "ba")))
            .collect();
        let rules: Vec<_> = rules.iter().map(String::as_str).collect();
        assert!(anchor(&rules).iter().all(|a| a.is_some_and(|(width, _)| width > Width::Eight)));
    }
}
