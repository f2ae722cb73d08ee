//! Findings of the lint as JSON, for the command line and the admin API.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::referer::lint::{Edit, Finding, Survey};
use crate::domain::referer::{Compare, Pattern, Policy};

/// What was found, as scripts read it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SurveyView<'s> {
    /// How many findings there are.
    pub total: usize,
    /// How many of each kind.
    pub by_code: BTreeMap<Cow<'s, str>, usize>,
    /// The first of them.
    pub findings: Vec<FindingView<'s>>,
}

impl<'s> SurveyView<'s> {
    /// What was found in this policy.
    pub fn new(policy: &'s Policy, survey: &'s Survey) -> Self {
        let by_code = survey.counts.iter().map(|(code, count)| (code.as_str().into(), *count));
        Self {
            total: survey.total(),
            by_code: by_code.collect(),
            findings: survey.findings.iter().map(|it| FindingView::new(policy, it)).collect(),
        }
    }
}

/// A finding as scripts read it, and the command line where a server found it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FindingView<'f> {
    /// What kind of thing.
    pub code: Cow<'f, str>,
    /// The list it is about.
    pub list: Option<Cow<'f, str>>,
    /// The rule it is about, from 0.
    pub position: Option<usize>,
    /// That rule.
    pub rule: Option<Cow<'f, str>>,
    /// What it means.
    pub sentence: Cow<'f, str>,
    /// A referer that shows it.
    pub example: Option<Cow<'f, str>>,
    /// What would change it.
    pub fix: Option<FixView<'f>>,
}

/// A fix as scripts read it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FixView<'f> {
    /// What it does to decisions.
    pub safety: Cow<'f, str>,
    /// What it changes.
    pub sentence: String,
}

impl<'f> FindingView<'f> {
    /// A finding about this policy.
    pub fn new(policy: &'f Policy, finding: &'f Finding) -> Self {
        let rule = finding.list.zip(finding.position);
        let rule = rule.and_then(|(list, at)| list.of(policy).get(at));
        let fix = finding.fix.as_ref().map(|fix| FixView {
            safety: fix.safety.as_str().into(),
            sentence: described(&fix.edit),
        });
        Self {
            code: finding.code.as_str().into(),
            list: finding.list.map(|list| list.as_str().into()),
            position: finding.position,
            rule: rule.map(|rule| rule.as_str().into()),
            sentence: finding.sentence.as_str().into(),
            example: finding.example.as_deref().map(Into::into),
            fix,
        }
    }
}

/// An edit as a sentence without its full stop.
fn described(edit: &Edit) -> String {
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
