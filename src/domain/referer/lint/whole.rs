//! Findings about a policy as a whole.

use super::glob::normal;
use super::rule::admits_all;
use super::text::EMPTY_SET_FREE;
use super::{Code, Edit, Finding, Fix, LintContext, List, OwnPlace, Safety};
use crate::domain::referer::{
    Denied, EmptyReferer, Extras, Facts, Gate, MissingReferer, Pattern, Policy, Referers, Refused,
};

pub(super) fn findings(policy: &Policy, context: &LintContext) -> Vec<Finding> {
    let mut found: Vec<Finding> = empty(policy, &context.extras).into_iter().collect();
    if !context.own.is_empty() {
        let gate = Gate::new(policy.clone(), context.extras.clone());
        found.extend(context.own.iter().filter_map(|place| own(&gate, place)));
    }
    found
}

fn empty(policy: &Policy, extras: &Extras) -> Option<Finding> {
    let is_open = |rule: &Pattern| admits_all(rule, &normal(rule.as_str()), extras);
    let is_guarded = !policy.allow.is_empty() && !policy.allow.iter().any(is_open);
    let passes = || is_guarded.then(|| Finding::about_policy(Code::EmptyPasses));
    let in_vain = || policy.allow.is_empty().then(|| Finding::about_policy(Code::EmptyDenyInVain));
    match (extras.missing, policy.empty) {
        (MissingReferer::Deny, _) | (MissingReferer::DenyCrossSiteEmbeds, EmptyReferer::Allow) => {
            None
        }
        (MissingReferer::Allow, _) => {
            passes().map(|it| Finding { sentence: EMPTY_SET_FREE.into(), ..it })
        }
        (MissingReferer::AsPolicy, EmptyReferer::Allow) => passes(),
        (MissingReferer::AsPolicy | MissingReferer::DenyCrossSiteEmbeds, EmptyReferer::Deny) => {
            in_vain()
        }
    }
}

/// A finding about a place of which no origin passes.
fn own(gate: &Gate, place: &OwnPlace) -> Option<Finding> {
    let refused = |origin: &String| {
        let facts = Facts::of(Referers::read([origin.as_bytes()]));
        gate.decide(&facts).refused().copied()
    };
    let rules: Option<Vec<Refused<'_>>> = place.origins().iter().map(refused).collect();
    let add = Edit::Add(place.origins().iter().filter_map(|it| Pattern::read(it)).collect());
    let fix = match rules?.first()? {
        Refused::Policy(Denied::NotListed) | Refused::OtherHost(_) => {
            Some(Fix { safety: Safety::Widens, edit: add })
        }
        Refused::Policy(
            Denied::Listed(_) | Denied::EmptyReferer | Denied::TooLong | Denied::TooManyLines,
        )
        | Refused::Missing
        | Refused::CrossSiteEmbed
        | Refused::Malformed
        | Refused::SeveralLines => None,
    };
    let (list, example) = (Some(List::Allow), place.origins().first().cloned());
    Some(Finding { list, example, fix, ..Finding::about_policy(Code::OwnEndpoint) })
}
