//! The scan: the first rule that fits, by a look at every rule. For lists whose index is not built
//! yet: it is ready as soon as the list is read.
//!
//! Each rule has a *mark*: of 64 bits those that the hashes of its windows of four bytes name. What
//! a rule fits holds all its windows, so a rule can only fit a subject that has all bits of its
//! mark. One word a rule is compared, which takes about a millisecond for a million of them; of
//! the usual rules, one in some thousands is then asked. Subjects of hundreds of bytes have all
//! bits, and for them every rule is asked.

use super::glob::fits;
use super::index::{Width, literals};
use super::texts::Texts;
use super::{Pattern, Rank};

/// Rules with their marks.
#[derive(Debug)]
pub(super) struct Scan {
    texts: Texts,
    /// By rank.
    marks: Box<[u64]>,
}

impl Scan {
    /// Marks rules, given in the order of their ranks. `None` if they take 4 GiB or more.
    pub(super) fn new<'p>(rules: impl Iterator<Item = &'p Pattern>) -> Option<Self> {
        let texts = Texts::of(rules)?;
        let marks = texts.iter().map(|(_, text)| mark(literals(text))).collect();
        Some(Self { texts, marks })
    }

    /// The first rule that fits a subject.
    pub(super) fn first(&self, subject: &str) -> Option<Rank> {
        let subject = subject.as_bytes();
        let lacking = !mark([subject]);
        let possible = self.marks.iter().enumerate().filter(|(_, mark)| **mark & lacking == 0);
        let mut ranks = possible.filter_map(|(place, _)| Rank::of(place));
        ranks.find(|rank| fits(self.texts.get(*rank), subject))
    }

    /// The bytes that it takes.
    pub(super) fn size_bytes(&self) -> usize {
        size_of_val(&*self.marks) + self.texts.bytes() + self.texts.len() * size_of::<u32>()
    }
}

/// The bits that the windows of some texts name.
fn mark<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> u64 {
    let mut mark = 0;
    for text in texts {
        Width::Four.windows(text, |hash| mark |= 1 << (hash >> 58));
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(rules: &[&str], subject: &str) -> Option<usize> {
        let rules: Vec<_> = rules.iter().filter_map(|rule| Pattern::read(rule)).collect();
        Scan::new(rules.iter()).unwrap().first(subject).map(Rank::before)
    }

    #[test]
    fn the_first_rule_that_fits() {
        let rules = ["https://other.example/", "*.shop.example", "https://*", "a", "*"];
        assert_eq!(first(&rules, "https://www.shop.example/"), Some(1));
        assert_eq!(first(&rules, "https://www.shop.exampla/"), Some(2));
        assert_eq!(first(&rules, "android-app://x"), Some(3), "too short for a mark");
        assert_eq!(first(&rules, "mibrowser:home"), Some(4));
        assert_eq!(first(&rules[..3], "mibrowser:home"), None);
        assert_eq!(first(&[], "mibrowser:home"), None);
    }

    #[test]
    fn a_subject_with_all_bits_asks_all_rules() {
        let noise: String = (0..4096_u32).map(|n| char::from(b'a' + (n * n % 23) as u8)).collect();
        let long = format!("https://{noise}.shop.example/");
        assert_eq!(first(&["https://other.example/", "*.shop.example/"], &long), Some(1));
    }
}
