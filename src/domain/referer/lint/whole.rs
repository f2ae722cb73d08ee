//! Findings about a policy as a whole.

use super::{Code, Edit, Finding, Fix, LintContext, List, Safety};
use crate::domain::referer::{Decision, Denied, EmptyReferer, Matcher, Pattern, Policy, Referers};

pub(super) fn findings(policy: &Policy, context: &LintContext) -> Vec<Finding> {
    let mut found: Vec<Finding> = empty(policy).into_iter().collect();
    if !context.own.is_empty() {
        let matcher = Matcher::new(policy.clone());
        found.extend(context.own.iter().filter_map(|origin| own(&matcher, origin)));
    }
    found
}

fn empty(policy: &Policy) -> Option<Finding> {
    let admits_all = |rule: &Pattern| rule.as_str().bytes().all(|byte| byte == b'*');
    match policy.empty {
        EmptyReferer::Allow if policy.allow.is_empty() || policy.allow.iter().any(admits_all) => {
            None
        }
        EmptyReferer::Allow => Some(Finding::about_policy(Code::EmptyPasses)),
        EmptyReferer::Deny if policy.allow.is_empty() => {
            Some(Finding::about_policy(Code::EmptyDenyInVain))
        }
        EmptyReferer::Deny => None,
    }
}

fn own(matcher: &Matcher, origin: &str) -> Option<Finding> {
    let referer = format!("{}/", origin.trim_end_matches('/'));
    let Decision::Deny(denied) = matcher.decide(&Referers::read([referer.as_bytes()])) else {
        return None;
    };
    let add = Pattern::read(&referer).map(|rule| Edit::Add(vec![rule]));
    let fix = match denied {
        Denied::NotListed => add.map(|edit| Fix { safety: Safety::Widens, edit }),
        Denied::Listed(_) | Denied::EmptyReferer | Denied::TooLong | Denied::TooManyLines => None,
    };
    let (list, example) = (Some(List::Allow), Some(referer));
    Some(Finding { list, example, fix, ..Finding::about_policy(Code::OwnEndpoint) })
}
