//! What is probably wrong with a policy, and what to do about it.
//!
//! A policy says exactly what it says; it does not always say what its owner meant. [`lint`] finds
//! where the two are known to part, and shows a referer that proves it. A [`Fix`] says whether it
//! makes the policy let in more or less; [`fixed`] applies those that its caller accepts.
//!
//! # What is certain
//!
//! An example of a look-alike was decided by the [`Matcher`](super::Matcher) itself. A rule is
//! called superfluous, or without effect, only when that is so for every referer; such a rule may be
//! missed, in lists made to be hard.
//!
//! # Safety of fixes
//!
//! - [`Safety::SameMeaning`] changes no decision about what a browser can send.
//! - [`Safety::Tightens`] denies referers that the owner will not have meant to let in. A whitelist
//!   never becomes empty, since an empty one lets everybody in.
//! - [`Safety::Widens`] lets in more, and only of hosts that the policy names already, or of the
//!   server itself.
//!
//! A superfluous rule is not removed while the rule that covers it has a fix: `http://a.com.cn/` is
//! superfluous beside `http://a.com` only until that gets its slash.
//!
//! # Beyond OSS
//!
//! What the bucket's owner asks for beyond OSS is taken into account: with strict hosts `http://a.com`
//! admits no look-alike and covers no other host, and what happens to a missing or malformed
//! referer is as the settings say. Whether the bucket is only monitored makes no difference: the
//! findings are about what is refused once it is enforced.
//!
//! # Not decided here
//!
//! Which domains belong to one owner. Whether `*a.com` admits strangers is guessed from the number
//! of labels, without the list of public suffixes.
//!
//! # Sources
//!
//! OSS "Configure Referer whitelists or blacklists to prevent hotlinking". W3C "Referrer Policy" for
//! `strict-origin-when-cross-origin`, the default of browsers.

mod cover;
mod fix;
mod glob;
mod own;
mod rule;
mod shape;
mod text;
mod whole;

use std::collections::BTreeMap;
use std::fmt;

pub use fix::{Accept, Edit, Fix, Safety, apply, fixed};
pub use own::{InvalidOrigin, OwnPlace};

use super::{Extras, Pattern, Policy};
use crate::domain::word::words;
use cover::Budget;
use fix::{Removals, fixed_within};

#[cfg(test)]
mod tests;

/// Whether `wide` matches every referer that `narrow` matches. `true` is certain; `false` may only
/// mean that it is hard to tell.
pub fn covers(wide: &Pattern, narrow: &Pattern) -> bool {
    const STEPS: u64 = 1_000_000;
    glob::covers(&glob::normal(wide.as_str()), &glob::normal(narrow.as_str()), &mut STEPS.clone())
}

/// What a lint knows beside the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintContext {
    /// Places of the server itself. Pages and playlists that it serves embed its objects with
    /// these as referer.
    pub own: Vec<OwnPlace>,
    /// What goes beyond OSS.
    pub extras: Extras,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// The list it is about; `None` when it is about the policy.
    pub list: Option<List>,
    /// The rule it is about, from 0; `None` when it is about the list or the policy.
    pub position: Option<usize>,
    /// What it means, as a sentence.
    pub sentence: String,
    /// A referer that shows it. For look-alikes it is one that the rule admits.
    pub example: Option<String>,
    /// What would change it.
    pub fix: Option<Fix>,
}

words! {
    /// One of the two lists, by what people call it.
    #[derive(PartialOrd, Ord, Hash)]
    pub enum List {
        /// The whitelist.
        Allow = "whitelist",
        /// The blacklist.
        Deny = "blacklist",
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal)*) => {
        /// The kinds of findings. Their names are stable: scripts may depend on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name: `look-alike-suffix`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// A host of the whitelist is not closed: `http://a.com` admits `http://a.com.evil.net`.
    LookAlikeSuffix "look-alike-suffix"
    /// A wildcard of the whitelist stands before a domain: `*a.com` admits `http://evila.com`.
    LookAlikePrefix "look-alike-prefix"
    /// A wildcard of the whitelist reaches into the path: `*.a.com` admits `http://evil.net/x.a.com`.
    LookAlikePath "look-alike-path"
    /// A rule of the whitelist admits every website, and there is no blacklist.
    AdmitsEverything "admits-everything"
    /// A rule has no scheme and no wildcard instead, so no URL begins like it.
    NoScheme "no-scheme"
    /// A rule fits no referer that a browser can send.
    NeverMatches "never-matches"
    /// The `?` of a rule is meant to begin a query and is a wildcard.
    QuestionMark "question-mark"
    /// A rule is in its list already.
    Duplicate "duplicate"
    /// Another rule of the list matches whatever the rule matches.
    Shadowed "shadowed"
    /// A rule of the blacklist matches whatever the rule of the whitelist matches.
    Blacklisted "blacklisted"
    /// A rule has one scheme, and the same with the other scheme is missing.
    SchemeTwin "scheme-twin"
    /// `*.a.com` is there, `a.com` is not.
    Apex "apex"
    /// A rule of the whitelist has a path, which browsers do not send to other sites.
    PathNotSent "path-not-sent"
    /// There is a whitelist, but whoever sends no referer passes.
    EmptyPasses "empty-passes"
    /// Empty referers are denied, which has no effect without a whitelist.
    EmptyDenyInVain "empty-deny-in-vain"
    /// Pages of the server itself are denied.
    OwnEndpoint "own-endpoint"
    /// The lists are such that not all rules were compared with each other.
    SearchCut "search-cut"
}

/// Finds what is probably wrong with a policy. Findings about rules come first, in the order of the
/// lists; those about the policy follow.
///
/// Takes time in proportion to the size of lists as people have them, and at most some seconds for
/// others.
///
/// ```
/// use refgate::domain::referer::lint::{Code, LintContext, lint};
/// use refgate::domain::referer::{EmptyReferer, Pattern, Policy};
///
/// let allow = Pattern::read("https://a.com").into_iter().collect();
/// let policy = Policy { allow, empty: EmptyReferer::Deny, ..Policy::default() };
/// let findings = lint(&policy, &LintContext::default());
/// assert_eq!(findings[0].code, Code::LookAlikeSuffix);
/// assert_eq!(findings[0].example.as_deref(), Some("https://a.com.evil.net/"));
/// ```
pub fn lint(policy: &Policy, context: &LintContext) -> Vec<Finding> {
    survey(policy, context, usize::MAX).findings
}

/// What [`lint`] finds, as far as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The first findings.
    pub findings: Vec<Finding>,
    /// How many there are, of each kind.
    pub counts: BTreeMap<Code, usize>,
}

impl Survey {
    /// How many findings there are.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }
}

/// Does what [`lint`] does, and keeps no more than some of the findings: a million rules can have
/// millions.
pub fn survey(policy: &Policy, context: &LintContext, most: usize) -> Survey {
    survey_within(policy, context, most, &Budget::new())
}

fn survey_within(policy: &Policy, context: &LintContext, most: usize, budget: &Budget) -> Survey {
    let mut survey = Survey::default();
    let mut removals = Removals::default();
    tell(policy, context, budget, |finding| {
        removals.count(&finding);
        *survey.counts.entry(finding.code).or_default() += 1;
        if survey.findings.len() < most {
            survey.findings.push(finding);
        }
    });
    removals.withhold(policy, &mut survey.findings);
    survey
}

/// What [`survey`] says of a policy, and of what its fixes make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Of the policy as it is.
    pub found: Survey,
    /// The policy with its fixes, and what is found in that.
    pub fixed: Option<(Policy, Survey)>,
}

/// Surveys a policy and, if fixes are accepted, what they make of it. All of it together takes no
/// longer than [`lint`] at the most.
pub fn review(
    policy: &Policy,
    context: &LintContext,
    accept: Option<Accept>,
    most: usize,
) -> Review {
    review_within(policy, context, (accept, most), &Budget::new())
}

fn review_within(
    policy: &Policy,
    context: &LintContext,
    (accept, most): (Option<Accept>, usize),
    budget: &Budget,
) -> Review {
    let found = survey_within(policy, context, most, budget);
    let fixed = accept.map(|accept| {
        let accepts = |_: &Finding, safety| accept.allows(safety);
        let fixed = fixed_within(policy, context, accepts, budget);
        let remaining = survey_within(&fixed, context, most, budget);
        (fixed, remaining)
    });
    Review { found, fixed }
}

/// Tells all findings, before fixes that would harm together are taken back.
fn tell(policy: &Policy, context: &LintContext, budget: &Budget, mut tell: impl FnMut(Finding)) {
    rule::tell(policy, &context.extras, budget, &mut tell);
    whole::findings(policy, context).into_iter().for_each(tell);
}

impl List {
    /// The rules of the list.
    pub fn of(self, policy: &Policy) -> &[Pattern] {
        match self {
            Self::Allow => &policy.allow,
            Self::Deny => &policy.deny,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
