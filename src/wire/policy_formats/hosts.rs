//! From rules about hosts, as nginx and COS have them, to patterns of URLs.
//!
//! A `*` of a pattern also runs over slashes, so `http://*.a.com/` would admit
//! `http://evil.net/x.a.com/` unless referers are cut to their origin. Rules without a path are
//! therefore compared with origins. A whitelist that has both paths and wildcards cannot have both
//! exactly; it keeps strangers out and gives up the paths.

use std::collections::HashSet;

use super::{Effect, ImportError, Note, pattern};
use crate::domain::referer::lint::List;
use crate::domain::referer::{Compare, Pattern};

/// A rule about hosts.
pub(super) struct HostRule {
    /// Where it is.
    pub(super) line: usize,
    /// As it was written.
    pub(super) source: String,
    /// The schemes that it is about.
    pub(super) schemes: &'static [&'static str],
    /// The hosts, with `*`.
    pub(super) hosts: Vec<String>,
    /// What the path must begin with, if it is more than a slash.
    pub(super) path: Option<String>,
    /// Where the host ends.
    pub(super) end: End,
}

/// Where a host ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At its last letter; a port may follow.
    Closed,
    /// Nowhere: the rule is a prefix.
    Open,
}

pub(super) const BOTH: &[&str] = &["http://", "https://"];

/// The patterns of rules of one list, and what they are to be compared with.
pub(super) struct Patterns {
    pub(super) compare: Compare,
    pub(super) rules: Vec<Pattern>,
    pub(super) notes: Vec<Note>,
    known: HashSet<String>,
}

pub(super) fn patterns(rules: &[HostRule], list: List) -> Result<Patterns, ImportError> {
    let paths = rules.iter().any(|rule| rule.path.is_some());
    let wild = rules.iter().any(|rule| rule.hosts.iter().any(|host| host.contains('*')));
    let compare = match list {
        List::Allow if paths && wild => Compare::Origin,
        List::Allow | List::Deny if paths => Compare::WithPath,
        List::Allow | List::Deny => Compare::Origin,
    };
    let mut all = Patterns { compare, rules: Vec::new(), notes: Vec::new(), known: HashSet::new() };
    for rule in rules {
        all.add(rule)?;
    }
    if compare == Compare::WithPath {
        let text = "rules have paths, so referers keep theirs: an origin that is sent without its \
            slash, as no current browser does, fits no rule";
        all.notes.push(Note::new(Effect::Narrower, text));
    }
    Ok(all)
}

impl Patterns {
    fn add(&mut self, rule: &HostRule) -> Result<(), ImportError> {
        let path = rule.path.as_deref().filter(|_| self.compare != Compare::Origin);
        if rule.path.is_some() && path.is_none() {
            let text = "the path is given up, because other rules have wildcards: all pages of \
                the host are admitted";
            self.note(rule, Effect::Wider, text);
        }
        if path.is_some_and(|path| path.contains(['*', '?'])) {
            self.note(rule, Effect::Wider, "* and ? in the path are wildcards here");
        }
        if path.is_some() && rule.end == End::Closed {
            self.note(rule, Effect::Narrower, "pages on other ports do not fit");
        }
        for host in &rule.hosts {
            for scheme in rule.schemes {
                match (path, rule.end) {
                    (Some(path), _) => self.push(&format!("{scheme}{host}{path}"), rule)?,
                    (None, End::Open) => self.push(&format!("{scheme}{host}"), rule)?,
                    (None, End::Closed) => {
                        self.push(&format!("{scheme}{host}/"), rule)?;
                        if !host.ends_with('*') {
                            self.push(&format!("{scheme}{host}:"), rule)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, text: &str, rule: &HostRule) -> Result<(), ImportError> {
        let new = pattern(text, rule.line)?.filter(|_| self.known.insert(text.to_owned()));
        self.rules.extend(new);
        Ok(())
    }

    fn note(&mut self, rule: &HostRule, effect: Effect, text: &str) {
        self.notes.push(Note::new(effect, text).on(rule.line).about(&*rule.source));
    }
}
