//! Findings of the lint as JSON, for the command line and the admin API.

use serde::Serialize;

use crate::domain::referer::lint::{Edit, Finding, List};
use crate::domain::referer::{Compare, Pattern, Policy};

/// A finding as scripts read it.
#[derive(Debug, Serialize)]
pub struct FindingView<'f> {
    code: &'static str,
    list: Option<&'static str>,
    /// From 0.
    position: Option<usize>,
    rule: Option<&'f str>,
    sentence: &'f str,
    example: Option<&'f str>,
    fix: Option<FixView>,
}

#[derive(Debug, Serialize)]
struct FixView {
    safety: &'static str,
    sentence: String,
}

impl<'f> FindingView<'f> {
    /// A finding about this policy.
    pub fn new(policy: &'f Policy, finding: &'f Finding) -> Self {
        let rule = finding.list.zip(finding.position);
        let rule = rule.and_then(|(list, at)| list.of(policy).get(at));
        let fix = finding
            .fix
            .as_ref()
            .map(|fix| FixView { safety: fix.safety.as_str(), sentence: described(&fix.edit) });
        Self {
            code: finding.code.as_str(),
            list: finding.list.map(List::as_str),
            position: finding.position,
            rule: rule.map(Pattern::as_str),
            sentence: &finding.sentence,
            example: finding.example.as_deref(),
            fix,
        }
    }
}

/// An edit as a sentence without its full stop.
pub fn described(edit: &Edit) -> String {
    let joined = |rules: &[Pattern]| {
        rules.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(", ")
    };
    match edit {
        Edit::Remove => "remove the rule".into(),
        Edit::Replace(rules) => format!("replace it by {}", joined(rules)),
        Edit::Add(rules) => format!("add {}", joined(rules)),
        Edit::Compare(compare) => format!("compare {}", compared(*compare)),
    }
}

/// How much is compared, in words.
pub const fn compared(compare: Compare) -> &'static str {
    match compare {
        Compare::WithQuery => "the whole URL",
        Compare::WithPath => "the URL without its query",
        Compare::Origin => "scheme and host (TruncatePath)",
    }
}
