//! Changing a policy rule by rule, and telling two policies apart.
//!
//! Everything here takes time in proportion to the lists, also for a million rules.

use std::collections::{HashMap, HashSet};

use super::lint::List;
use super::{Pattern, Policy};

/// A rule that is given to us one by one or line by line may have this many bytes. OSS has no
/// such limit; nobody writes a longer rule on purpose.
pub const MAX_RULE_BYTES: usize = 1024;

/// Both lists together may hold this many bytes of text where OSS's own limit does not apply.
pub const MAX_LARGE_LIST_BYTES: usize = 64 << 20;

/// Both lists together may hold this many rules. A rule costs memory beside its text, so the
/// bytes alone would not bound it.
pub const MAX_RULES: usize = 2_000_000;

/// Why a text is not accepted as a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// Over [`MAX_RULE_BYTES`].
    #[error("the rule has {0} bytes, it may have {MAX_RULE_BYTES}")]
    TooLong(usize),
    /// A control character, or one that XML cannot carry.
    #[error("the rule has the control character {0:?}")]
    Control(char),
}

/// Reads a rule. `None` is a blank text.
///
/// # Errors
///
/// [`InvalidRule`].
pub fn read_rule(text: &str) -> Result<Option<Pattern>, InvalidRule> {
    let Some(pattern) = Pattern::read(text) else { return Ok(None) };
    let rule = pattern.as_str();
    if rule.len() > MAX_RULE_BYTES {
        return Err(InvalidRule::TooLong(rule.len()));
    }
    match rule.chars().find(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        Some(control) => Err(InvalidRule::Control(control)),
        None => Ok(Some(pattern)),
    }
}

/// Rules that nobody may put any more, and that are there: OSS's own operation checks none. Whoever
/// has read a policy may put them back.
#[derive(Clone, Debug, Default)]
pub struct KnownRules(HashSet<String>);

impl KnownRules {
    /// Those of a policy.
    pub fn of(policy: &Policy) -> Self {
        let all = policy.allow.iter().chain(&policy.deny).map(Pattern::as_str);
        Self(all.filter(|rule| read_rule(rule).is_err()).map(str::to_owned).collect())
    }

    /// Reads a rule as [`read_rule`] does, or one of these.
    ///
    /// # Errors
    ///
    /// [`InvalidRule`].
    pub fn read(&self, text: &str) -> Result<Option<Pattern>, InvalidRule> {
        read_rule(text).or_else(|err| {
            let known = Pattern::read(text).filter(|rule| self.0.contains(rule.as_str()));
            known.map(Some).ok_or(err)
        })
    }
}

impl Policy {
    /// The policy with another list in the place of one.
    #[must_use]
    pub fn with_list(&self, list: List, rules: Vec<Pattern>) -> Self {
        let Self { empty, compare, .. } = *self;
        match list {
            List::Allow => Self { empty, compare, allow: rules, deny: self.deny.clone() },
            List::Deny => Self { empty, compare, allow: self.allow.clone(), deny: rules },
        }
    }

    /// The number of rules in both lists.
    pub fn rules(&self) -> usize {
        self.allow.len() + self.deny.len()
    }
}

/// What came of adding and removing rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// Rules that are new, at the end of the list in this order.
    pub added: Vec<Pattern>,
    /// Rules that were to be added and were there.
    pub present: Vec<Pattern>,
    /// Rules that are gone, every occurrence of them.
    pub removed: Vec<Pattern>,
    /// Rules that were to be removed and were not there.
    pub missing: Vec<Pattern>,
}

impl Edited {
    /// Whether the list is another than before.
    pub fn is_change(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty()
    }
}

/// Removes rules from a list, then adds others at its end. A rule is the same if its text is.
pub fn edit(list: &[Pattern], add: &[Pattern], remove: &[Pattern]) -> (Vec<Pattern>, Edited) {
    let mut report = Edited::default();
    let mut there: HashSet<&str> = list.iter().map(Pattern::as_str).collect();
    for rule in remove {
        let gone = there.remove(rule.as_str());
        if gone { &mut report.removed } else { &mut report.missing }.push(rule.clone());
    }
    let mut edited: Vec<Pattern> =
        list.iter().filter(|rule| there.contains(rule.as_str())).cloned().collect();
    for rule in add {
        let new = there.insert(rule.as_str());
        if new { &mut report.added } else { &mut report.present }.push(rule.clone());
    }
    edited.extend(report.added.iter().cloned());
    (edited, report)
}

/// A rule at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<'p> {
    /// Where in its list, from 0.
    pub position: usize,
    /// The rule.
    pub rule: &'p Pattern,
}

/// How a list differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListDiff<'p> {
    /// Rules that only the second list has, by their place in it.
    pub added: Vec<Placed<'p>>,
    /// Rules that only the first list has, by their place in it.
    pub removed: Vec<Placed<'p>>,
    /// Whether what both have is in another order. That changes no decision, only which rule is
    /// named as its cause.
    pub reordered: bool,
}

/// Compares two lists. A rule that is there twice is two rules; of those, the first are the ones
/// that both lists have.
pub fn diff<'p>(old: &'p [Pattern], new: &'p [Pattern]) -> ListDiff<'p> {
    let (removed, kept_of_old) = missing_from(old, new);
    let (added, kept_of_new) = missing_from(new, old);
    ListDiff { added, removed, reordered: kept_of_old != kept_of_new }
}

/// The rules of a list that the other has not, or not so often; and the rest of it.
fn missing_from<'p>(list: &'p [Pattern], other: &[Pattern]) -> (Vec<Placed<'p>>, Vec<&'p Pattern>) {
    let mut left: HashMap<&str, usize> = HashMap::with_capacity(other.len());
    for rule in other {
        *left.entry(rule.as_str()).or_default() += 1;
    }
    let (mut missing, mut kept) = (Vec::new(), Vec::new());
    for (position, rule) in list.iter().enumerate() {
        match left.get_mut(rule.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                kept.push(rule);
            }
            Some(_) | None => missing.push(Placed { position, rule }),
        }
    }
    (missing, kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::read(text).unwrap()).collect()
    }

    #[test]
    fn a_rule_is_short_and_printable() {
        let long = "a".repeat(MAX_RULE_BYTES);
        #[rustfmt::skip]
        let table = [
            ("", Ok(None)),
            (" \t\r\n", Ok(None)),
            (" http://a.com ", Ok(Pattern::read("http://a.com"))),
            ("http://例え.jp", Ok(Pattern::read("http://例え.jp"))),
            (long.as_str(), Ok(Pattern::read(&long))),
            ("a\tb", Err(InvalidRule::Control('\t'))),
            ("a\u{0}", Err(InvalidRule::Control('\0'))),
            ("a\u{7f}", Err(InvalidRule::Control('\u{7f}'))),
            ("a\u{85}b", Err(InvalidRule::Control('\u{85}'))),
            ("a\u{ffff}", Err(InvalidRule::Control('\u{ffff}'))),
        ];
        for (text, want) in table {
            assert_eq!(read_rule(text), want, "{text:?}");
        }
        assert_eq!(read_rule(&(long + "b")), Err(InvalidRule::TooLong(1025)));
    }

    #[test]
    fn rules_are_added_and_removed_once() {
        let (list, report) = edit(
            &rules(&["a", "b", "a", "c"]),
            &rules(&["c", "d", "d", "a"]),
            &rules(&["a", "x", "a"]),
        );
        assert_eq!(list, rules(&["b", "c", "d", "a"]));
        assert_eq!(report.added, rules(&["d", "a"]));
        assert_eq!(report.present, rules(&["c", "d"]));
        assert_eq!(report.removed, rules(&["a"]));
        assert_eq!(report.missing, rules(&["x", "a"]));
        assert!(report.is_change());
        assert!(!edit(&rules(&["a"]), &rules(&["a"]), &rules(&["b"])).1.is_change());
    }

    #[test]
    fn a_diff_names_places() {
        let (old, new) = (rules(&["a", "b", "b", "c"]), rules(&["c", "b", "d"]));
        let got = diff(&old, &new);
        let places = |list: &[Placed<'_>]| -> Vec<(usize, String)> {
            list.iter().map(|at| (at.position, at.rule.as_str().to_owned())).collect()
        };
        assert_eq!(places(&got.added), [(2, "d".into())]);
        assert_eq!(places(&got.removed), [(0, "a".into()), (2, "b".into())]);
        assert!(got.reordered, "b before c, then c before b");
        assert_eq!(diff(&old, &old), ListDiff::default());
    }

    proptest! {
        /// Taking away what was removed and putting in what was added makes the one list of the
        /// other, but for the order that is told of.
        #[test]
        fn a_diff_is_all_that_differs(old in "[abc]{0,12}", new in "[abc]{0,12}") {
            let list = |text: &str| -> Vec<Pattern> {
                text.chars().filter_map(|c| Pattern::read(&c.to_string())).collect()
            };
            let (old, new) = (list(&old), list(&new));
            let got = diff(&old, &new);
            let mut patched = old.clone();
            for at in got.removed.iter().rev() {
                patched.remove(at.position);
            }
            for at in &got.added {
                patched.insert(at.position.min(patched.len()), at.rule.clone());
            }
            if !got.reordered {
                prop_assert_eq!(&patched, &new);
            }
            let sorted = |mut list: Vec<Pattern>| {
                list.sort_by(|a, b| a.as_str().cmp(b.as_str()));
                list
            };
            prop_assert_eq!(sorted(patched), sorted(new));
        }
    }
}
