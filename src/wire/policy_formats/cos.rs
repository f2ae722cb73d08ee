//! The `RefererConfiguration` of Tencent COS.
//!
//! An entry is the beginning of a referer behind its scheme, and stands for both schemes. Unlike in
//! OSS, `*.a.com` stands for `a.com`, too; empty referers are denied unless the configuration says
//! otherwise, also beside a blacklist; and requests that are signed in their URL are exempt.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::hosts::{BOTH, End, HostRule, patterns};
use super::{Effect, ImportError, Imported, Note, line_at, syntax};
use crate::domain::referer::lint::List;
use crate::domain::referer::{EmptyReferer, Pattern, Policy};
use crate::wire::xml::{Element, Limits};

const ELEMENTS: [&str; 4] = ["Status", "RefererType", "DomainList", "EmptyReferConfiguration"];

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    /// As many as fit into a text of the usual limit.
    const MAX_ELEMENTS: usize = 100_000;
    let root = Element::read(text.as_bytes(), Limits::new(text.len(), MAX_ELEMENTS))
        .map_err(|err| syntax(failing_line(text), err.to_string()))?;
    if root.name() != "RefererConfiguration" {
        let name = root.name();
        return Err(syntax(1, format!("the root element is {name}, not RefererConfiguration")));
    }
    let configuration = Configuration { root: &root, text };
    let mut notes = Vec::new();
    for child in root.children().iter().filter(|child| !ELEMENTS.contains(&child.name())) {
        notes.push(Note::new(Effect::Lost, "the element is not known").about(child.name()));
    }
    let signed = "COS exempts requests that are signed in their URL; here they are asked for their \
        referer, too";
    notes.push(Note::new(Effect::Narrower, signed));
    let list = match configuration.choice("RefererType", &["White-List", "Black-List"])? {
        Some(0) => List::Allow,
        Some(_) => List::Deny,
        None => return Err(syntax(1, "RefererType is missing")),
    };
    let status = configuration.choice("Status", &["Enabled", "Disabled"])?;
    if status.ok_or_else(|| syntax(1, "Status is missing"))? == 1 {
        configuration.disabled(&mut notes);
        return Ok(Imported { policy: Policy::default(), notes });
    }
    let empty = match configuration.choice("EmptyReferConfiguration", &["Allow", "Deny"])? {
        Some(0) => EmptyReferer::Allow,
        Some(_) | None => EmptyReferer::Deny,
    };
    let rules = configuration.rules(&mut notes);
    let found = patterns(&rules, list)?;
    notes.extend(found.notes);
    if found.rules.is_empty() {
        return Err(ImportError::NothingLeft);
    }
    let mut policy = Policy { empty, compare: found.compare, ..Policy::default() };
    match list {
        List::Allow => policy.allow = found.rules,
        List::Deny => {
            policy.deny = found.rules;
            // Without a whitelist an empty referer would pass.
            let all = (empty == EmptyReferer::Deny).then(|| Pattern::read("*")).flatten();
            policy.allow.extend(all);
        }
    }
    Ok(Imported { policy, notes })
}

struct Configuration<'x> {
    root: &'x Element,
    text: &'x str,
}

impl Configuration<'_> {
    /// Which of some words an element holds.
    fn choice(&self, name: &str, words: &[&str]) -> Result<Option<usize>, ImportError> {
        let mut elements = self.root.all(name);
        let Some(element) = elements.next() else { return Ok(None) };
        let line = self.line_of(&format!("<{name}"));
        if elements.next().is_some() {
            return Err(syntax(line, format!("{name} is there twice")));
        }
        let found = words.iter().position(|word| word.eq_ignore_ascii_case(element.text()));
        found.map(Some).ok_or_else(|| {
            syntax(line, format!("{name} is {:?}, not one of {words:?}", element.text()))
        })
    }

    /// Everything passes, which nobody may have put without having said so: it is lost, rule by rule.
    fn disabled(&self, notes: &mut Vec<Note>) {
        let rules = self.rules(&mut Vec::new());
        let text = "the configuration is disabled, so everything passes";
        let effect = if rules.is_empty() { Effect::Lost } else { Effect::Information };
        notes.push(Note::new(effect, text));
        notes.extend(rules.iter().map(|rule| {
            let text = "it is not in force where it comes from, so it was not taken over";
            Note::new(Effect::Lost, text).on(rule.line).about(&*rule.source)
        }));
    }

    fn rules(&self, notes: &mut Vec<Note>) -> Vec<HostRule> {
        let mut rules = Vec::new();
        for child in self.root.all("DomainList").flat_map(Element::children) {
            let source = child.text();
            if child.name() != "Domain" || !child.children().is_empty() {
                notes.push(Note::new(Effect::Lost, "the element is not known").about(child.name()));
                continue;
            }
            if source.is_empty() {
                continue;
            }
            let line = self.line_of(source);
            let (schemes, rest) = schemes(source);
            if schemes.len() == 1 {
                let text = "COS documents domains without a scheme; it is kept";
                notes.push(Note::new(Effect::Information, text).on(line).about(source));
            }
            let (host, path) = match rest.split_once('/') {
                Some((host, path)) => (host, Some(format!("/{path}"))),
                None => (rest, None),
            };
            let apex = host.strip_prefix("*.").filter(|apex| !apex.is_empty());
            let hosts = [Some(host), apex].into_iter().flatten().map(str::to_owned).collect();
            let path = path.filter(|path| path != "/");
            // A slash ends a host, so the entry is no longer its beginning.
            let end = if rest.ends_with('/') { End::Closed } else { End::Open };
            let source = source.to_owned();
            rules.push(HostRule { line, source, schemes, hosts, path, end });
        }
        rules
    }

    /// The line where a text is first. Entities aside, an element's text is in its document.
    fn line_of(&self, part: &str) -> usize {
        let before = self.text.split_once(part).map_or("", |(before, _)| before);
        line_at(before.as_bytes())
    }
}

fn schemes(entry: &str) -> (&'static [&'static str], &str) {
    match (entry.strip_prefix("http://"), entry.strip_prefix("https://")) {
        (Some(rest), _) => (&["http://"], rest),
        (_, Some(rest)) => (&["https://"], rest),
        (None, None) => (BOTH, entry),
    }
}

/// The line where a document stops being XML, as far as that can be told.
fn failing_line(text: &str) -> usize {
    let mut reader = Reader::from_str(text);
    let at = loop {
        match reader.read_event() {
            Ok(Event::Eof) => break reader.buffer_position(),
            Ok(_) => {}
            Err(_) => break reader.error_position(),
        }
    };
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    line_at(text.as_bytes().get(..at).unwrap_or_default())
}
