//! A policy as configuration for nginx: `valid_referers` for the whitelist, a test of the header for
//! each rule of the blacklist.
//!
//! Rules become regular expressions, because nginx's names neither have paths with wildcards nor end
//! where a pattern does. nginx removes the scheme before it compares, so a rule for one scheme
//! admits both.

use std::collections::BTreeMap;

use super::{Effect, Exported, Note};
use crate::domain::referer::{Compare, EmptyReferer, Pattern, Policy};

/// nginx does not start with `none` and expressions alone; this name can belong to nobody.
const NOBODY: &str = "refgate.invalid";

pub(super) fn write(policy: &Policy) -> Exported {
    let mut writer = Writer { compare: policy.compare, notes: Vec::new() };
    let deny: Vec<String> = policy.deny.iter().filter_map(|rule| writer.black(rule)).collect();
    let mut out =
        String::from("# For a location or server. Generated: changes belong elsewhere.\n");
    for expression in deny {
        out.extend([format!("if ($http_referer ~* \"{expression}\") {{\n    return 403;\n}}\n")]);
    }
    if policy.allow.is_empty() {
        out.push_str("# There is no whitelist: everything else passes.\n");
    } else {
        let mut words = Vec::new();
        if policy.empty == EmptyReferer::Allow {
            words.push("none".to_owned());
        }
        words.push(NOBODY.into());
        words.extend(writer.whitelist(&policy.allow));
        let text = "a Referer without a value is neither `none` nor valid to nginx";
        writer.notes.push(Note::new(Effect::Narrower, text));
        let words = words.join("\n               ");
        out.extend([format!("valid_referers {words};\n")]);
        out.push_str("if ($invalid_referer) {\n    return 403;\n}\n");
    }
    for note in &writer.notes {
        out.extend([format!("# {note}\n")]);
    }
    Exported { text: out, notes: writer.notes }
}

struct Writer {
    compare: Compare,
    notes: Vec<Note>,
}

/// What a rule becomes: the expression for what follows the scheme, and its schemes.
struct Expression {
    text: String,
    schemes: &'static [&'static str],
}

impl Writer {
    fn lost(&mut self, rule: &Pattern, text: &str) {
        self.notes.push(Note::new(Effect::Lost, text).about(rule.as_str()));
    }

    /// The parameters for the whitelist, each expression once.
    fn whitelist(&mut self, rules: &[Pattern]) -> Vec<String> {
        let mut words = Vec::new();
        let mut schemes: BTreeMap<String, (Vec<&str>, &Pattern)> = BTreeMap::new();
        for rule in rules {
            let text = normal(rule);
            if text.is_empty() {
                words.push("blocked".to_owned());
            }
            let Some(found) = self.expression(rule, &text) else { continue };
            let (known, _) = schemes.entry(found.text.clone()).or_insert_with(|| {
                words.push(format!("\"~{}\"", found.text));
                (Vec::new(), rule)
            });
            known.extend(found.schemes);
        }
        for (known, rule) in schemes.values() {
            for missing in ["http://", "https://"].iter().filter(|it| !known.contains(it)) {
                let text = format!("nginx does not look at the scheme: {missing} is admitted, too");
                self.notes.push(Note::new(Effect::Wider, text).about(rule.as_str()));
            }
        }
        words
    }

    /// The expression for what follows the scheme.
    fn expression(&mut self, rule: &Pattern, text: &str) -> Option<Expression> {
        const BOTH: &[&str] = &["http://", "https://"];
        let (schemes, anchored, rest): (&[&str], _, _) = match text {
            _ if text.starts_with("http://") => (&["http://"], true, text.get(7..)?),
            _ if text.starts_with("https://") => (&["https://"], true, text.get(8..)?),
            _ if text.starts_with("*://") => (BOTH, true, text.get(4..)?),
            _ if text.starts_with("http*://") => (BOTH, true, text.get(8..)?),
            _ if text.is_empty() => (BOTH, true, ""),
            _ if text.starts_with('*') && !text.contains("//") => (BOTH, false, text.get(1..)?),
            _ => {
                self.lost(rule, "valid_referers sees nothing that does not begin with http");
                return None;
            }
        };
        let lead = if anchored { "" } else { any(self.compare) };
        let body = self.body(rest);
        if body.is_none() {
            self.never(rule);
        }
        body.map(|body| Expression { text: format!("^{lead}{body}"), schemes })
    }

    fn never(&mut self, rule: &Pattern) {
        let text = "it can match nothing, so it is left out";
        self.notes.push(Note::new(Effect::Information, text).about(rule.as_str()));
    }

    /// The expression for a whole referer.
    fn black(&mut self, rule: &Pattern) -> Option<String> {
        let text = normal(rule);
        let any = any(self.compare);
        let leads = [("http://", "http://".to_owned()), ("https://", "https://".to_owned())];
        let wild = [("*://", format!("{any}://")), ("http*://", format!("http{any}://"))];
        let loose = [("*", format!("(?:[^/?#]*://)?{any}"))];
        let known = leads.iter().chain(&wild).chain(&loose);
        let mut known =
            known.filter_map(|(lead, to)| text.strip_prefix(lead).map(|rest| (rest, to)));
        let found = match (known.next(), self.compare) {
            (Some((rest, to)), _) => self.body(rest).map(|body| format!("^{to}{body}")),
            (None, Compare::WithPath | Compare::WithQuery) => {
                self.body(&text).map(|body| format!("^{body}"))
            }
            (None, Compare::Origin) => {
                self.lost(rule, "without a scheme it cannot be written for origins");
                return None;
            }
        };
        if found.is_none() {
            self.never(rule);
        }
        found
    }

    /// The expression for a part of a pattern that ends with it and, for origins, begins behind the
    /// scheme. `None` if no subject has such a part.
    fn body(&self, part: &str) -> Option<String> {
        let mut out = String::new();
        let mut chars = part.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, self.compare) {
                ('*', compare) => out.push_str(any(compare)),
                // An origin has at least its slash left.
                ('?', Compare::Origin) if chars.peek().is_none() => {}
                ('?', compare) => out.push_str(any(compare).trim_end_matches('*')),
                ('/', Compare::Origin) => {
                    // nginx gives expressions one byte too many behind https: a NUL.
                    out.push_str(r"(?:[/?#\x00]|$)");
                    return chars.all(|c| c == '*').then_some(out);
                }
                ('#', Compare::WithPath | Compare::Origin) => return None,
                (c, _) => literal(c, &mut out),
            }
        }
        Some(out)
    }
}

fn normal(rule: &Pattern) -> String {
    rule.as_str().to_ascii_lowercase().trim_end_matches('*').to_owned()
}

/// What `*` is in an expression.
const fn any(compare: Compare) -> &'static str {
    match compare {
        Compare::WithQuery => ".*",
        Compare::WithPath => "[^?#]*",
        Compare::Origin => "[^/?#]*",
    }
}

/// A character, written so that neither nginx nor the expression takes it for anything else.
fn literal(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '-' | '_') {
        out.push(c);
    } else if c == '.' {
        out.push_str("\\.");
    } else {
        let mut bytes = [0; 4];
        for byte in c.encode_utf8(&mut bytes).bytes() {
            out.extend([format!("\\x{byte:02x}")]);
        }
    }
}
