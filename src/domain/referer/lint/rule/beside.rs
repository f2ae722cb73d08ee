//! Findings about rules beside each other.

use std::collections::{HashMap, HashSet};

use super::super::cover::{Budget, Cover, Covers};
use super::super::glob::{matches_some_url, normal};
use super::super::shape::{Scheme, Shape};
use super::super::{Code, Edit, Finding, Fix, List, Safety};
use super::{Rule, puttable, replacing, sample, strict_forms};
use crate::domain::referer::gate::{MARK, marked_forms};
use crate::domain::referer::{Compare, Pattern};

/// What is to be found by looking at other rules.
pub(super) struct Beside<'p, 'b> {
    own: Covers<'p>,
    /// The blacklist, for rules of the whitelist.
    black: Option<&'b Covers<'p>>,
    /// Where each text is first.
    first: HashMap<&'p str, usize>,
    /// The rules that have a fix which lets them match less.
    narrowed: HashSet<usize>,
}

impl<'p, 'b> Beside<'p, 'b> {
    /// The rules of a list. `narrowed` are those that have a fix which lets them match less.
    pub(super) fn new(
        own: Covers<'p>,
        black: Option<&'b Covers<'p>>,
        narrowed: HashSet<usize>,
    ) -> Self {
        Self { own, black, first: HashMap::new(), narrowed }
    }

    /// What is to be found of a rule. They are asked for in the order of the list.
    pub(super) fn findings(&mut self, rule: &Rule<'p>) -> Vec<Finding> {
        let first = *self.first.entry(rule.text).or_insert(rule.position);
        if first < rule.position && is_whole_cover(rule, first, self.own.budget()) {
            let sentence = format!("Rule {} is the same.", first.saturating_add(1));
            return vec![superfluous(rule, Code::Duplicate, sentence)];
        }
        let mut found: Vec<Finding> = self.blacklisted(rule).into_iter().collect();
        match self.own.find(rule.text, Some(rule.position)) {
            Cover::By(wide) if is_whole_cover(rule, wide, self.own.budget()) => {
                found.push(self.shadowed(rule, wide));
            }
            Cover::Unknown => {}
            _ if !matches_some_url(rule.text, rule.policy.compare) => {}
            Cover::None | Cover::By(_) => {
                let missing = [self.twin(rule), self.apex(rule), self.path(rule)];
                found.extend(missing.into_iter().flatten());
            }
        }
        found
    }

    fn blacklisted(&self, rule: &Rule<'_>) -> Option<Finding> {
        let black = self.black?;
        let Cover::By(position) = black.find(rule.text, None) else { return None };
        let is_denied = |host: String| matches!(black.find(&host, None), Cover::By(_));
        if rule.is_strict() && !hosts(rule.pattern).all(is_denied) {
            return None;
        }
        let pattern = rule.policy.deny.get(position)?;
        let number = position.saturating_add(1);
        let sentence = format!(
            "Rule {number} of the blacklist, `{pattern}`, denies whatever this one would admit."
        );
        Some(superfluous(rule, Code::Blacklisted, sentence))
    }

    fn shadowed(&self, rule: &Rule<'_>, wide: usize) -> Finding {
        let number = wide.saturating_add(1);
        let name = rule.list.of(rule.policy).get(wide).map(ToString::to_string).unwrap_or_default();
        let sentence = format!("Rule {number}, `{name}`, matches whatever this one matches.");
        let mut finding = superfluous(rule, Code::Shadowed, sentence);
        if self.narrowed.contains(&wide) {
            finding.fix = None;
        }
        finding
    }

    /// Which of some patterns no rule covers, of either list; none if that cannot be told.
    fn uncovered(&self, candidates: impl IntoIterator<Item = String>) -> Vec<Pattern> {
        let mut open = Vec::new();
        for candidate in candidates {
            let text = normal(&candidate);
            let black = self.black.map_or(Cover::None, |black| black.find(&text, None));
            if black == Cover::None && self.own.find(&text, None) == Cover::None {
                open.extend(puttable(&candidate));
            }
        }
        open
    }

    fn missing(&self, rule: &Rule<'_>, code: Code, candidates: Vec<String>) -> Option<Finding> {
        let new = self.uncovered(candidates);
        let example = new.first()?.as_str().to_owned();
        let fix = Some(Fix { safety: rule.admitting(), edit: Edit::Add(new) });
        let example = (!example.contains(['*', '?'])).then_some(example);
        Some(Finding { example, fix, ..rule.finding(code) })
    }

    fn twin(&self, rule: &Rule<'_>) -> Option<Finding> {
        let Shape { scheme, lead, host, .. } = rule.shape;
        let other = match scheme {
            Scheme::Http => "https://",
            Scheme::Https if host != "servicewechat.com" => "http://",
            Scheme::Https | Scheme::Any | Scheme::Other | Scheme::Missing => return None,
        };
        // What its query is meant to be is said first: as it is, the twin would be as dead.
        if host.is_empty() || host.contains(':') || rule.question_mark().is_some() {
            return None;
        }
        let rest = rule.pattern.as_str().get(lead.len()..)?;
        let twin = match rule.closed() {
            // It is about to become four rules with both schemes.
            _ if rule.list == List::Allow && rule.shape.domain_without_dot().is_some() => {
                return None;
            }
            Some(_) if rule.list == List::Allow => {
                format!("{other}{}/", rest.trim_end_matches('*'))
            }
            _ => format!("{other}{rest}"),
        };
        self.missing(rule, Code::SchemeTwin, vec![twin])
    }

    fn apex(&self, rule: &Rule<'_>) -> Option<Finding> {
        let domain = rule.shape.apex()?;
        let path = rule.shape.path_or_slash();
        let schemes = rule.shape.schemes().iter();
        let candidates = schemes.map(|scheme| format!("{scheme}{domain}{path}")).collect();
        self.missing(rule, Code::Apex, candidates)
    }

    fn path(&self, rule: &Rule<'_>) -> Option<Finding> {
        let Shape { lead, host, .. } = rule.shape;
        let exempt = host.is_empty() || host == "servicewechat.com" || rule.shape.is_origin();
        if exempt || rule.list == List::Deny || rule.policy.compare == Compare::Origin {
            return None;
        }
        let origin = format!("{}{}/", rule.shape.schemes().last()?, sample(&rule.shape));
        self.uncovered([origin.clone()]).first()?;
        let fix = replacing(Safety::Widens, &[format!("{lead}{host}/")]);
        Some(Finding { example: Some(origin), fix, ..rule.finding(Code::PathNotSent) })
    }
}

/// Whether a rule that covers another as text also vouches for all hosts that the other vouches
/// for, if that is asked.
fn is_whole_cover(rule: &Rule<'_>, wide: usize, budget: &Budget) -> bool {
    if !rule.is_strict() {
        return true;
    }
    let Some(wide) = rule.policy.allow.get(wide) else { return false };
    let wide = strict_forms(wide);
    let has_cover = |form: &String| wide.iter().any(|it| budget.covers(it, form));
    strict_forms(rule.pattern).iter().all(has_cover)
}

/// The hosts that a rule vouches for with strict hosts, as beginnings of texts. Another rule can be the
/// one that fits a text of theirs: with another port, or without the slash.
fn hosts(pattern: &Pattern) -> impl Iterator<Item = String> {
    let forms = marked_forms(pattern.as_str()).into_iter();
    forms.filter_map(|form| form.split(MARK).next().map(normal))
}

fn superfluous(rule: &Rule<'_>, code: Code, sentence: String) -> Finding {
    let fix = Some(Fix { safety: Safety::SameMeaning, edit: Edit::Remove });
    Finding { sentence, fix, ..rule.finding(code) }
}
