//! Findings about single rules.

mod beside;

use super::cover::{Budget, Covers};
use super::glob::{covers, matches_some_url, normal};
use super::shape::{Scheme, Shape};
use super::text::{MALFORMED, WECHAT, least_bytes, never_matches, sentence};
use super::{Code, Edit, Finding, Fix, List, Safety};
use crate::domain::referer::gate::{MARK, marked_forms};
use crate::domain::referer::{
    Compare, Extras, Facts, Gate, HostRule, MAX_REFERER_BYTES, MalformedReferer, Pattern, Policy,
    Referers, read_rule,
};
use beside::Beside;

/// Tells the findings about all rules, in the order of the lists.
pub(super) fn tell(
    policy: &Policy,
    extras: &Extras,
    budget: &Budget,
    tell: &mut impl FnMut(Finding),
) {
    let normals = |list: &[Pattern]| list.iter().map(|p| normal(p.as_str())).collect::<Vec<_>>();
    let (allow, deny) = (normals(&policy.allow), normals(&policy.deny));
    let black = Covers::new(&deny, budget);
    for (list, texts) in [(List::Allow, &allow), (List::Deny, &deny)] {
        let all = || rules(policy, extras, list, texts);
        let narrowed = all().filter(Rule::is_narrowed).map(|rule| rule.position).collect();
        let black = (list == List::Allow).then_some(&black);
        let mut beside = Beside::new(Covers::new(texts, budget), black, narrowed);
        for rule in all() {
            let mut found = beside.findings(&rule);
            // Of a rule that is there twice it is enough to say so once.
            if found.iter().all(|it| it.code != Code::Duplicate) {
                found.extend(rule.alone());
            }
            found.sort_by_key(|it| it.code);
            found.into_iter().for_each(&mut *tell);
        }
        if budget.is_spent() {
            let list = Some(list);
            tell(Finding { list, ..Finding::about_policy(Code::SearchCut) });
        }
    }
}

fn rules<'p>(
    policy: &'p Policy,
    extras: &'p Extras,
    list: List,
    texts: &'p [String],
) -> impl Iterator<Item = Rule<'p>> {
    let origin_fits = origin_fits(policy);
    let rules = list.of(policy).iter().zip(texts).enumerate();
    rules.map(move |(position, (pattern, text))| Rule {
        policy,
        extras,
        list,
        position,
        pattern,
        text,
        shape: Shape::of(text),
        origin_fits,
    })
}

/// Whether the policy would mean the same, look-alikes aside, if referers were cut to origins.
fn origin_fits(policy: &Policy) -> bool {
    let fits = |pattern: &Pattern, list| {
        let text = normal(pattern.as_str());
        let shape = Shape::of(&text);
        shape.is_origin()
            && (list == List::Allow || shape.scheme != Scheme::Any && !text.contains(['*', '?']))
    };
    policy.allow.iter().all(|pattern| fits(pattern, List::Allow))
        && policy.deny.iter().all(|pattern| fits(pattern, List::Deny))
}

/// A rule with what is known of it.
struct Rule<'p> {
    policy: &'p Policy,
    extras: &'p Extras,
    list: List,
    position: usize,
    pattern: &'p Pattern,
    text: &'p str,
    shape: Shape<'p>,
    origin_fits: bool,
}

impl Finding {
    /// A finding whose kind says all.
    pub(super) fn about_policy(code: Code) -> Self {
        let sentence = sentence(code).into();
        Self { code, list: None, position: None, sentence, example: None, fix: None }
    }
}

impl Rule<'_> {
    fn finding(&self, code: Code) -> Finding {
        let (list, position) = (Some(self.list), Some(self.position));
        Finding { list, position, ..Finding::about_policy(code) }
    }

    /// What is to be found without looking at other rules.
    fn alone(&self) -> Vec<Finding> {
        if let Some(dead) = self.without_effect() {
            return vec![dead];
        }
        let mut found: Vec<Finding> = self.question_mark().into_iter().collect();
        if self.list == List::Allow {
            if self.admits_all() {
                let code = Code::AdmitsEverything;
                let pointless = self.policy.deny.is_empty();
                found.extend(pointless.then(|| self.finding(code)));
            } else {
                found.extend([self.suffix(), self.prefix(), self.spill()].into_iter().flatten());
            }
        }
        found
    }

    /// Whether a fix lets the rule match less.
    fn is_narrowed(&self) -> bool {
        let narrows = |finding: Finding| finding.fix.is_some();
        self.list == List::Allow
            && self.without_effect().is_none()
            && !self.admits_all()
            && (self.suffix().is_some_and(narrows) || self.prefix().is_some_and(narrows))
    }

    /// Whether the rule vouches for hosts and not only for texts.
    fn is_strict(&self) -> bool {
        self.list == List::Allow && self.extras.host == HostRule::Strict
    }

    fn without_effect(&self) -> Option<Finding> {
        if self.list == List::Allow
            && self.extras.malformed == MalformedReferer::Deny
            && self.shape.scheme == Scheme::Other
        {
            let fix = Some(Fix { safety: Safety::SameMeaning, edit: Edit::Remove });
            let sentence = MALFORMED.into();
            return Some(Finding { sentence, fix, ..self.finding(Code::NeverMatches) });
        }
        if least_bytes(self.text) <= MAX_REFERER_BYTES + 1
            && (self.shape.scheme == Scheme::Other
                || matches_some_url(self.text, self.policy.compare))
        {
            return None;
        }
        if self.shape.scheme == Scheme::Missing {
            let wechat = self.shape.host == "servicewechat.com";
            let sentence = if wechat { WECHAT } else { sentence(Code::NoScheme) };
            let fix = self.with_schemes(wechat);
            return Some(Finding {
                sentence: sentence.into(),
                fix,
                ..self.finding(Code::NoScheme)
            });
        }
        let sentence = never_matches(self.text, &self.shape, self.policy.compare);
        let fix = if self.policy.compare == Compare::Origin
            && !self.shape.is_origin()
            && matches_some_url(self.text, Compare::WithPath)
        {
            replacing(self.admitting(), &[format!("{}{}/", self.shape.lead, self.shape.host)])
        } else if self.text.chars().all(|c| matches!(c, '!'..='~')) {
            Some(Fix { safety: Safety::SameMeaning, edit: Edit::Remove })
        } else {
            None
        };
        Some(Finding { sentence, fix, ..self.finding(Code::NeverMatches) })
    }

    /// Puts both schemes before a pattern that has none.
    fn with_schemes(&self, only_https: bool) -> Option<Fix> {
        let Shape { host, .. } = self.shape;
        let is_host = |c: char| c.is_ascii_alphanumeric() || "*.-:".contains(c);
        let named = host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && host.chars().all(is_host)
            && (host.contains('.') || host.starts_with("localhost"));
        let path = self.shape.path_or_slash();
        let schemes = ["https://", "http://"];
        let schemes = schemes.iter().take(if only_https { 1 } else { 2 });
        let new: Vec<String> = schemes.map(|scheme| format!("{scheme}{host}{path}")).collect();
        if named { replacing(self.admitting(), &new) } else { None }
    }

    /// What a change does that makes the rule match more.
    const fn admitting(&self) -> Safety {
        match self.list {
            List::Allow => Safety::Widens,
            List::Deny => Safety::Tightens,
        }
    }

    /// Whether the rule, as the only one of a whitelist, admits a referer.
    fn admits(&self, referer: &str) -> bool {
        let (compare, allow) = (self.policy.compare, vec![self.pattern.clone()]);
        let policy = Policy { compare, allow, ..Policy::default() };
        let gate = Gate::new(policy, self.extras.clone());
        gate.decide(&Facts::of(Referers::read([referer.as_bytes()]))).refused().is_none()
    }

    fn admits_all(&self) -> bool {
        admits_all(self.pattern, self.text, self.extras)
    }

    fn question_mark(&self) -> Option<Finding> {
        let (before, query) = self.text.split_once('?')?;
        let meant = self.shape.path?.contains('?') && query.contains('=');
        if !meant || before.contains('*') || self.admits(self.pattern.as_str()) {
            return None;
        }
        let fix = replacing(self.admitting(), &[before.to_owned()]);
        let example = Some(self.pattern.as_str().to_owned());
        Some(Finding { example, fix, ..self.finding(Code::QuestionMark) })
    }

    /// A finding whose example the rule really admits.
    fn look_alike(&self, code: Code, example: String, fix: Option<Fix>) -> Option<Finding> {
        let admitted = self.admits(&example);
        admitted.then(|| Finding { example: Some(example), fix, ..self.finding(code) })
    }

    fn suffix(&self) -> Option<Finding> {
        let Shape { host, path, .. } = self.shape;
        if path.is_some() || host.is_empty() || host.contains([':', '@']) {
            return None;
        }
        let scheme = self.shape.schemes().last()?;
        let dot = if host.ends_with('.') { "" } else { "." };
        let example = format!("{scheme}{}{dot}evil.net/", sample(&self.shape));
        let fix = self.closed().and_then(|closed| replacing(Safety::Tightens, &[closed]));
        self.look_alike(Code::LookAlikeSuffix, example, fix)
    }

    /// The pattern with a slash behind the host, if that is what it lacks.
    fn closed(&self) -> Option<String> {
        let Shape { host, path, .. } = self.shape;
        let open = path.is_none() && !host.ends_with('.') && !host.contains([':', '@']);
        (open && self.shape.domain_without_dot().is_none())
            .then(|| self.pattern.as_str().trim_end_matches('*').to_owned() + "/")
    }

    fn prefix(&self) -> Option<Finding> {
        let domain = self.shape.domain_without_dot()?;
        let (schemes, path) = (self.shape.schemes(), self.shape.path_or_slash());
        let example = format!("{}evil{domain}{}", schemes.last()?, fill(path));
        let new: Vec<String> = ["", "*."]
            .iter()
            .flat_map(|sub| schemes.iter().map(move |s| format!("{s}{sub}{domain}{path}")))
            .collect();
        self.look_alike(Code::LookAlikePrefix, example, replacing(Safety::Tightens, &new))
    }

    /// A `*` before or within the host that takes in another host and a part of its path.
    fn spill(&self) -> Option<Finding> {
        let Shape { lead, host, .. } = self.shape;
        if self.policy.compare == Compare::Origin {
            return None;
        }
        let scheme = self.shape.schemes().last()?;
        let (before, after) = match lead.find('*') {
            Some(star) => ("", self.text.get(star + 1..)?),
            None => self.text.get(lead.len()..)?.split_once('*')?,
        };
        if before.contains('/') || host.is_empty() {
            return None;
        }
        let dot = if before.is_empty() || before.ends_with('.') { "" } else { "." };
        let example = format!("{scheme}{}{dot}evil.net/x{}", fill(before), fill(after));
        let (safety, edit) = (Safety::Tightens, Edit::Compare(Compare::Origin));
        let fix = self.origin_fits.then_some(Fix { safety, edit });
        self.look_alike(Code::LookAlikePath, example, fix)
    }
}

/// Whether a rule of the whitelist, with this normal form, admits every website of a scheme: every
/// host with a dot in its name, which those of the Internet have.
pub(super) fn admits_all(pattern: &Pattern, text: &str, extras: &Extras) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        let (site, host) = (format!("{scheme}*.*/"), format!("{scheme}*.*{MARK}"));
        let vouches = |form: &String| covers(form, &host, &mut 100_000);
        covers(text, &site, &mut 100_000)
            && (extras.host == HostRule::Prefix || strict_forms(pattern).iter().any(vouches))
    })
}

/// The normal patterns of what a rule vouches for with strict hosts.
fn strict_forms(pattern: &Pattern) -> Vec<String> {
    marked_forms(pattern.as_str()).iter().map(|form| normal(form)).collect()
}

/// A rule of a fix. One that is too long could not be put, so there is no such fix.
fn puttable(text: &str) -> Option<Pattern> {
    read_rule(text).ok().flatten()
}

/// A fix that puts others in a rule's place.
fn replacing(safety: Safety, new: &[String]) -> Option<Fix> {
    let new: Option<Vec<Pattern>> = new.iter().map(|text| puttable(text)).collect();
    new.map(|new| Fix { safety, edit: Edit::Replace(new) })
}

/// A text that the wildcards could stand for.
fn fill(pattern: &str) -> String {
    // Not nothing for a `*`: `www..com` is no host.
    pattern.replace(['*', '?'], "a")
}

/// A host that the pattern fits.
fn sample(shape: &Shape<'_>) -> String {
    match shape.host.strip_prefix('*') {
        Some(rest) => format!("www{}", fill(rest)),
        None if shape.host.starts_with('.') => format!("www{}", fill(shape.host)),
        None => fill(shape.host),
    }
}
