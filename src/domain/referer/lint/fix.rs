//! Applying fixes.

use std::collections::{HashMap, HashSet};

use super::cover::Budget;
use super::{Finding, LintContext, List, tell};
use crate::domain::referer::{Compare, Pattern, Policy};
use crate::domain::word::words;

/// A change that would make a finding go away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the change does to decisions.
    pub safety: Safety,
    /// The change.
    pub edit: Edit,
}

/// What a change does to decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Safety {
    /// Nothing, for what browsers send.
    SameMeaning,
    /// Some referers are denied that were allowed.
    Tightens,
    /// Some referers are allowed that were denied.
    Widens,
}

words! {
    /// Which fixes are applied.
    pub enum Accept {
        /// Those that change no decision.
        Same = "same",
        /// Those, and those that deny more.
        Safe = "safe",
        /// Those that let in more, too.
        All = "all",
    }
}

impl Accept {
    /// Whether a fix is applied.
    pub fn allows(self, safety: Safety) -> bool {
        let limit = match self {
            Self::Same => Safety::SameMeaning,
            Self::Safe => Safety::Tightens,
            Self::All => Safety::Widens,
        };
        safety <= limit
    }
}

/// A change of a policy. Which list and rule it is about, the [`Finding`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Takes the rule out.
    Remove,
    /// Puts others in its place, at least one.
    Replace(Vec<Pattern>),
    /// Puts others behind it; behind all, if the finding is about none.
    Add(Vec<Pattern>),
    /// Compares as much of referers.
    Compare(Compare),
}

impl Safety {
    /// A name for scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameMeaning => "same-meaning",
            Self::Tightens => "tightens",
            Self::Widens => "widens",
        }
    }
}

/// Applies all fixes of findings about this policy. Of several changes of one rule removal goes
/// first, then the first replacement. A rule is not added where the list has the same text, and the
/// whitelist keeps its first rule rather than become empty.
pub fn apply(policy: &Policy, findings: &[Finding]) -> Policy {
    let mut changed = Policy {
        empty: policy.empty,
        compare: policy.compare,
        allow: edited(&policy.allow, List::Allow, findings),
        deny: edited(&policy.deny, List::Deny, findings),
    };
    if changed.allow.is_empty() {
        changed.allow.extend(policy.allow.first().cloned());
    }
    for finding in findings {
        if let Some(Fix { edit: Edit::Compare(compare), .. }) = &finding.fix {
            changed.compare = *compare;
        }
    }
    changed
}

/// Lints and applies what `accepts` says yes to, again and again, until nothing is left to apply: a
/// fix may uncover another. Doing it twice is doing it once.
pub fn fixed(
    policy: &Policy,
    context: &LintContext,
    accepts: impl Fn(&Finding, Safety) -> bool,
) -> Policy {
    fixed_within(policy, context, accepts, &Budget::new())
}

/// Does what [`fixed`] does, as far as the budget reaches.
pub(super) fn fixed_within(
    policy: &Policy,
    context: &LintContext,
    accepts: impl Fn(&Finding, Safety) -> bool,
    budget: &Budget,
) -> Policy {
    /// No policy is known that needs over four.
    const MAX_ROUNDS: usize = 16;
    let mut policy = policy.clone();
    for _ in 0..MAX_ROUNDS {
        let (mut findings, mut removals) = (Vec::new(), Removals::default());
        tell(&policy, context, budget, |finding| {
            if finding.fix.as_ref().is_some_and(|fix| accepts(&finding, fix.safety)) {
                removals.count(&finding);
                findings.push(finding);
            }
        });
        removals.withhold(&policy, &mut findings);
        findings.retain(|finding| finding.fix.is_some());
        if findings.is_empty() {
            break;
        }
        policy = apply(&policy, &findings);
    }
    policy
}

/// The changes of one rule.
#[derive(Default)]
struct Changes<'f> {
    removed: bool,
    replaced: Option<&'f [Pattern]>,
    added: Vec<&'f [Pattern]>,
}

fn edited(rules: &[Pattern], list: List, findings: &[Finding]) -> Vec<Pattern> {
    let mut changes: HashMap<usize, Changes<'_>> = HashMap::new();
    let mut appended: Vec<&[Pattern]> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.list == Some(list)) {
        let Some(fix) = &finding.fix else { continue };
        match (&fix.edit, finding.position) {
            (Edit::Remove, Some(at)) => changes.entry(at).or_default().removed = true,
            (Edit::Replace(with), Some(at)) => {
                changes.entry(at).or_default().replaced.get_or_insert(with);
            }
            (Edit::Add(new), Some(at)) => changes.entry(at).or_default().added.push(new),
            (Edit::Add(new), None) => appended.push(new),
            (Edit::Compare(_), _) | (Edit::Remove | Edit::Replace(_), None) => {}
        }
    }
    if changes.is_empty() && appended.is_empty() {
        return rules.to_vec();
    }
    let mut known: HashSet<String> = rules.iter().map(lower).collect();
    let mut edited = Vec::with_capacity(rules.len());
    let mut extend = |edited: &mut Vec<Pattern>, new: &[Pattern]| {
        edited.extend(new.iter().filter(|rule| known.insert(lower(rule))).cloned());
    };
    for (at, rule) in rules.iter().enumerate() {
        let changes = changes.remove(&at).unwrap_or_default();
        match changes.replaced {
            _ if changes.removed => {}
            Some(with) => extend(&mut edited, with),
            None => edited.push(rule.clone()),
        }
        for new in changes.added {
            extend(&mut edited, new);
        }
    }
    for new in appended {
        extend(&mut edited, new);
    }
    edited
}

fn lower(rule: &Pattern) -> String {
    rule.as_str().to_ascii_lowercase()
}

/// How many rules of the whitelist would go: the whitelist never becomes empty.
#[derive(Default)]
pub(super) struct Removals {
    rules: usize,
    last: Option<usize>,
}

impl Removals {
    /// Counts a finding. Those about a rule are together.
    pub(super) fn count(&mut self, finding: &Finding) {
        if finding.list == Some(List::Allow) && is_removal(finding) && self.last != finding.position
        {
            self.rules += 1;
            self.last = finding.position;
        }
    }

    /// Has the first rule stay, rather than all go.
    pub(super) fn withhold(&self, policy: &Policy, findings: &mut [Finding]) {
        let all_go = !policy.allow.is_empty() && self.rules >= policy.allow.len();
        for finding in findings.iter_mut().filter(|_| all_go) {
            if finding.list == Some(List::Allow)
                && finding.position == Some(0)
                && is_removal(finding)
            {
                finding.fix = None;
            }
        }
    }
}

fn is_removal(finding: &Finding) -> bool {
    finding.fix.as_ref().is_some_and(|fix| fix.edit == Edit::Remove)
}
