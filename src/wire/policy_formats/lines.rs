//! Plain lines.

use super::{Effect, Exported, ImportError, Imported, Note, pattern};
use crate::domain::referer::{Compare, EmptyReferer, Pattern, Policy};

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut policy = Policy::default();
    let mut notes = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.starts_with('#') {
            continue;
        }
        let (list, rule) = match (line.strip_prefix('!'), line.strip_prefix('\\')) {
            (Some(rule), _) => (&mut policy.deny, rule.trim_start_matches([' ', '\t'])),
            (None, Some(rule)) => (&mut policy.allow, rule),
            (None, None) => (&mut policy.allow, line),
        };
        let rule = rule.strip_prefix('\\').filter(|_| line.starts_with('!')).unwrap_or(rule);
        let Some(rule) = pattern(rule, number)? else { continue };
        if rule.as_str().contains(' ') {
            let text = "there is a space in it; if a comment was meant, it needs a line of its own";
            notes.push(Note::new(Effect::Information, text).on(number).about(rule.as_str()));
        }
        list.push(rule);
    }
    if policy.rules() == 0 {
        return Err(ImportError::NoRule);
    }
    let text = "lines do not say what happens to empty referers, nor how much of a referer is \
        compared: empty ones are allowed, and queries are cut";
    notes.push(Note::new(Effect::Information, text));
    Ok(Imported { policy, notes })
}

pub(super) fn write(policy: &Policy) -> Exported {
    let mut notes = Vec::new();
    if policy.empty == EmptyReferer::Deny {
        notes.push(Note::new(Effect::Wider, "empty referers are denied"));
    }
    match policy.compare {
        Compare::WithQuery => notes.push(Note::new(Effect::Information, "queries are compared")),
        Compare::WithPath => {}
        Compare::Origin => notes.push(Note::new(Effect::Information, "paths are cut")),
    }
    let mut text = String::new();
    for note in &notes {
        text.extend([format!("# not said by the lines: {}\n", note.text)]);
    }
    for rule in &policy.allow {
        text.extend([format!("{}\n", escaped(rule, &mut notes))]);
    }
    for rule in &policy.deny {
        text.extend([format!("!{}\n", escaped(rule, &mut notes))]);
    }
    Exported { text, notes }
}

/// A rule on its line. One with a line break in it would become two; it matches nothing anyway, and
/// gets a space.
fn escaped(rule: &Pattern, notes: &mut Vec<Note>) -> String {
    let mut text = rule.as_str().to_owned();
    if text.contains(char::is_control) {
        let note = "control characters were replaced by spaces";
        notes.push(Note::new(Effect::Information, note).about(&*text));
        text = text.replace(char::is_control, " ");
    }
    if text.starts_with(['#', '!', '\\']) { format!("\\{text}") } else { text }
}
