//! Findings about single rules and about rules beside each other.

use std::collections::{HashMap, HashSet};

use super::cover::{Cover, Covers};
use super::fix::narrows;
use super::glob::{covers, matches_some_url, normal};
use super::shape::{Scheme, Shape};
use super::text::{WECHAT, least_bytes, never_matches, sentence};
use super::{Code, Edit, Finding, Fix, List, Safety};
use crate::domain::referer::{Compare, MAX_REFERER_BYTES, Matcher, Pattern, Policy, Referers};

/// The findings about all rules, in the order of the lists.
pub(super) fn findings(policy: &Policy) -> Vec<Finding> {
    let normals = |list: &[Pattern]| list.iter().map(|p| normal(p.as_str())).collect::<Vec<_>>();
    let (allow, deny) = (normals(&policy.allow), normals(&policy.deny));
    let mut black = Covers::new(&deny);
    let mut found = Vec::new();
    for (list, texts) in [(List::Allow, &allow), (List::Deny, &deny)] {
        let alone: Vec<Finding> = rules(policy, list, texts).flat_map(|r| r.alone()).collect();
        let narrowed = alone.iter().filter(|it| narrows(it)).filter_map(|it| it.position).collect();
        let mut beside = Beside {
            own: Covers::new(texts),
            black: (list == List::Allow).then_some(&mut black),
            first: HashMap::new(),
            narrowed,
        };
        let together = rules(policy, list, texts).flat_map(|rule| beside.findings(&rule));
        let together: Vec<Finding> = together.collect();
        let twice = |it: &&Finding| it.code == Code::Duplicate;
        let twice: HashSet<_> = together.iter().filter(twice).map(|it| it.position).collect();
        // Of a rule that is there twice it is enough to say so once.
        let alone = alone.into_iter().filter(|it| !twice.contains(&it.position));
        let mut all: Vec<Finding> = alone.chain(together).collect();
        all.sort_by_key(|it| (it.position, it.code));
        found.append(&mut all);
        if beside.own.is_exhausted() {
            let list = Some(list);
            found.push(Finding { list, ..Finding::about_policy(Code::SearchCut) });
        }
    }
    found
}

fn rules<'p>(
    policy: &'p Policy,
    list: List,
    texts: &'p [String],
) -> impl Iterator<Item = Rule<'p>> {
    let origin_fits = origin_fits(policy);
    let rules = list.of(policy).iter().zip(texts).enumerate();
    rules.map(move |(position, (pattern, text))| Rule {
        policy,
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

    fn without_effect(&self) -> Option<Finding> {
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
        let matcher = Matcher::new(Policy { compare, allow, ..Policy::default() });
        matcher.decide(&Referers::read([referer.as_bytes()])).is_allowed()
    }

    fn admits_all(&self) -> bool {
        let all = |scheme| covers(self.text, scheme, &mut 100_000);
        all("http://") || all("https://")
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

/// A fix that puts others in a rule's place.
fn replacing(safety: Safety, new: &[String]) -> Option<Fix> {
    let new: Vec<Pattern> = new.iter().filter_map(|text| Pattern::read(text)).collect();
    (!new.is_empty()).then_some(Fix { safety, edit: Edit::Replace(new) })
}

/// A text that the wildcards could stand for.
fn fill(pattern: &str) -> String {
    pattern.replace('*', "").replace('?', "a")
}

/// A host that the pattern fits.
fn sample(shape: &Shape<'_>) -> String {
    match shape.host.strip_prefix('*') {
        Some(rest) => format!("www{}", fill(rest)),
        None if shape.host.starts_with('.') => format!("www{}", fill(shape.host)),
        None => fill(shape.host),
    }
}

/// What is to be found by looking at other rules.
struct Beside<'p, 'b> {
    own: Covers<'p>,
    /// The blacklist, for rules of the whitelist.
    black: Option<&'b mut Covers<'p>>,
    /// Where each text is first.
    first: HashMap<&'p str, usize>,
    /// The rules that have a fix which lets them match less.
    narrowed: HashSet<usize>,
}

impl<'p> Beside<'p, '_> {
    fn findings(&mut self, rule: &Rule<'p>) -> Vec<Finding> {
        let first = *self.first.entry(rule.text).or_insert(rule.position);
        if first < rule.position {
            let sentence = format!("Rule {} is the same.", first.saturating_add(1));
            return vec![superfluous(rule, Code::Duplicate, sentence)];
        }
        let mut found: Vec<Finding> = self.blacklisted(rule).into_iter().collect();
        match self.own.find(rule.text, Some(rule.position)) {
            Cover::By(wide) => found.push(self.shadowed(rule, wide)),
            Cover::Unknown => {}
            Cover::None if !matches_some_url(rule.text, rule.policy.compare) => {}
            Cover::None => {
                let missing = [self.twin(rule), self.apex(rule), self.path(rule)];
                found.extend(missing.into_iter().flatten());
            }
        }
        found
    }

    fn blacklisted(&mut self, rule: &Rule<'_>) -> Option<Finding> {
        let Cover::By(black) = self.black.as_mut()?.find(rule.text, None) else { return None };
        let pattern = rule.policy.deny.get(black)?;
        let number = black.saturating_add(1);
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
    fn uncovered(&mut self, candidates: impl IntoIterator<Item = String>) -> Vec<Pattern> {
        let mut open = Vec::new();
        for candidate in candidates {
            let text = normal(&candidate);
            let black = self.black.as_mut().map_or(Cover::None, |black| black.find(&text, None));
            if black == Cover::None && self.own.find(&text, None) == Cover::None {
                open.extend(Pattern::read(&candidate));
            }
        }
        open
    }

    fn missing(&mut self, rule: &Rule<'_>, code: Code, candidates: Vec<String>) -> Option<Finding> {
        let new = self.uncovered(candidates);
        let example = new.first()?.as_str().to_owned();
        let fix = Some(Fix { safety: rule.admitting(), edit: Edit::Add(new) });
        let example = (!example.contains(['*', '?'])).then_some(example);
        Some(Finding { example, fix, ..rule.finding(code) })
    }

    fn twin(&mut self, rule: &Rule<'_>) -> Option<Finding> {
        let Shape { scheme, lead, host, .. } = rule.shape;
        let other = match scheme {
            Scheme::Http => "https://",
            Scheme::Https if host != "servicewechat.com" => "http://",
            Scheme::Https | Scheme::Any | Scheme::Other | Scheme::Missing => return None,
        };
        if host.is_empty() || host.contains(':') {
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

    fn apex(&mut self, rule: &Rule<'_>) -> Option<Finding> {
        let domain = rule.shape.apex()?;
        let path = rule.shape.path_or_slash();
        let schemes = rule.shape.schemes().iter();
        let candidates = schemes.map(|scheme| format!("{scheme}{domain}{path}")).collect();
        self.missing(rule, Code::Apex, candidates)
    }

    fn path(&mut self, rule: &Rule<'_>) -> Option<Finding> {
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

fn superfluous(rule: &Rule<'_>, code: Code, sentence: String) -> Finding {
    let fix = Some(Fix { safety: Safety::SameMeaning, edit: Edit::Remove });
    Finding { sentence, fix, ..rule.finding(code) }
}
