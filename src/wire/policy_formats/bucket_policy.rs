//! Bucket policies of S3 and OBS: statements with conditions on the referer.
//!
//! A request is allowed if a statement allows it and none denies it. Referers are compared as they
//! are, from beginning to end: the policy compares with the query, and a value that does not end in
//! `*` becomes a beginning. A value that is an origin and no more gets a slash on the whitelist.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::statement::{Outcome, Statement, Test, Text, Vendor};
use super::{Effect, ImportError, Imported, Note, pattern, syntax};
use crate::domain::referer::lint::{List, covers};
use crate::domain::referer::{Compare, EmptyReferer, Pattern, Policy};

/// The members of an object, none of them twice: of two the second would silently win.
#[derive(Debug)]
pub(super) struct Pairs<V>(pub(super) Vec<(String, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<V>(std::marker::PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Members<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut pairs, mut names) = (Vec::new(), HashSet::new());
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if !names.insert(name.to_ascii_lowercase()) {
                        return Err(A::Error::custom(format!("{name} is there twice")));
                    }
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}

/// A bucket policy, with its statements in a list or with the only one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Document<S> {
    #[expect(dead_code, reason = "there in every policy, and without meaning for this")]
    version: Option<Value>,
    #[expect(dead_code, reason = "a name for people")]
    id: Option<Value>,
    statement: S,
}

pub(super) fn read(json: &str, vendor: Vendor) -> Result<Imported, ImportError> {
    let statements = match serde_json::from_str::<Document<Vec<Statement>>>(json) {
        Ok(document) => document.statement,
        Err(err) => match serde_json::from_str::<Document<Statement>>(json) {
            Ok(document) => vec![document.statement],
            Err(_) => return Err(syntax(err.line(), err.to_string())),
        },
    };
    let (mut rules, mut part) = (Rules::default(), None);
    for (number, statement) in (1..).zip(&statements) {
        let sid = statement.sid.as_deref().unwrap_or_default();
        let name = format!("statement {number} {sid}");
        let outcome = statement.outcome(vendor, name.trim(), &mut part, &mut rules.notes);
        match (statement.effect.as_str(), outcome) {
            ("Allow", Outcome::Holds(when)) => rules.allow(when)?,
            ("Deny", Outcome::Holds(when)) => rules.deny(when, name.trim())?,
            // What such a statement grants must not count as granted to everybody.
            ("Allow", Outcome::Lost) => drop(rules.granted.get_or_insert_default()),
            ("Allow" | "Deny", Outcome::Lost | Outcome::Unrelated) => {}
            (other, _) => {
                return Err(ImportError::Inexpressible(format!(
                    "{}: Effect is {other:?}, not Allow or Deny",
                    name.trim()
                )));
            }
        }
    }
    rules.finish()
}

/// What the statements that were read so far say together.
#[derive(Default)]
struct Rules {
    /// What statements allow, if one that is about referers does.
    granted: Option<Granted>,
    /// Lists of which each must have the referer.
    required: Vec<Vec<Pattern>>,
    black: Vec<Pattern>,
    deny_empty: bool,
    notes: Vec<Note>,
}

/// What statements with `Allow` admit together.
#[derive(Default)]
struct Granted {
    all: bool,
    listed: Vec<Pattern>,
    except: Option<Vec<Pattern>>,
    empty: bool,
}

impl Rules {
    fn allow(&mut self, when: Test) -> Result<(), ImportError> {
        let mut granted = self.granted.take().unwrap_or_default();
        match when {
            Test::Any => {
                granted.all = true;
                granted.empty = true;
            }
            Test::Present => granted.all = true,
            Test::Empty => granted.empty = true,
            Test::In { values, empty } => {
                granted.listed.extend(self.patterns(&values, List::Allow)?);
                granted.empty |= empty;
            }
            Test::NotIn { values, empty } => {
                if granted.except.is_some() {
                    let text = "several statements allow all but some referers, which one list \
                        cannot say";
                    return Err(ImportError::Inexpressible(text.into()));
                }
                granted.except = Some(self.patterns(&values, List::Deny)?);
                granted.empty |= empty;
            }
        }
        self.granted = Some(granted);
        Ok(())
    }

    fn deny(&mut self, when: Test, name: &str) -> Result<(), ImportError> {
        match when {
            Test::Any | Test::Present => {
                let text =
                    format!("{name}: it denies whoever sends a referer, so there is no list");
                return Err(ImportError::Inexpressible(text));
            }
            Test::Empty => self.deny_empty = true,
            Test::In { values, empty } => {
                let new = self.patterns(&values, List::Deny)?;
                self.black.extend(new);
                self.deny_empty |= empty;
            }
            Test::NotIn { values, empty } => {
                let new = self.patterns(&values, List::Allow)?;
                self.required.push(new);
                self.deny_empty |= empty;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Imported, ImportError> {
        let granted = self.granted.take();
        let grants_empty = granted.as_ref().is_none_or(|it| it.empty);
        let mut white = None;
        match granted {
            Some(Granted { all: false, listed, except: None, .. }) => white = Some(listed),
            Some(Granted { all: false, listed, except: Some(except), .. }) => {
                if !listed.is_empty() {
                    let text = "one statement allows some referers and another all but some, which \
                        one list cannot say";
                    return Err(ImportError::Inexpressible(text.into()));
                }
                self.black.extend(except);
            }
            Some(_) | None => {}
        }
        for required in std::mem::take(&mut self.required) {
            white = Some(match white {
                None => required,
                Some(white) => self.common(&white, &required)?,
            });
        }
        if white.is_none() && self.black.is_empty() && !self.deny_empty {
            let text = "no statement says anything about referers that could be taken over";
            return Err(ImportError::Inexpressible(text.into()));
        }
        let deny_empty = self.deny_empty || !grants_empty;
        let mut allow = match white {
            Some(white) if white.is_empty() => return Err(ImportError::NothingLeft),
            Some(white) => white,
            // Without a whitelist an empty referer would pass.
            None if deny_empty => Pattern::read("*").into_iter().collect(),
            None => Vec::new(),
        };
        dedup(&mut allow);
        dedup(&mut self.black);
        let empty = if deny_empty { EmptyReferer::Deny } else { EmptyReferer::Allow };
        let text = "upper and lower case are the same here";
        self.notes.push(Note::new(Effect::Wider, text));
        let policy = Policy { empty, compare: Compare::WithQuery, allow, deny: self.black };
        Ok(Imported { policy, notes: self.notes })
    }

    /// The rules of two lists that the other list covers: what both admit, as far as that can be
    /// said by their rules.
    fn common(&mut self, a: &[Pattern], b: &[Pattern]) -> Result<Vec<Pattern>, ImportError> {
        const MAX_PAIRS: usize = 4_000_000;
        if a == b {
            return Ok(a.to_vec());
        }
        if a.len().saturating_mul(b.len()) > MAX_PAIRS {
            let text = "two long lists that both must have a referer cannot be made one";
            return Err(ImportError::Inexpressible(text.into()));
        }
        let covered = |rule: &Pattern, by: &[Pattern]| by.iter().any(|wide| covers(wide, rule));
        let (mut both, mut rest) = (Vec::new(), Vec::new());
        for (rules, others) in [(a, b), (b, a)] {
            for rule in rules {
                let part = if covered(rule, others) { &mut both } else { &mut rest };
                part.push(rule.clone());
            }
        }
        for rule in rest.iter().filter(|rule| !both.iter().any(|narrow| covers(rule, narrow))) {
            let text = "another statement must admit the referer, too, and has no such rule";
            self.notes.push(Note::new(Effect::Narrower, text).about(rule.as_str()));
        }
        Ok(both)
    }

    fn patterns(&mut self, values: &[Text], list: List) -> Result<Vec<Pattern>, ImportError> {
        let mut all = Vec::with_capacity(values.len());
        for value in values {
            all.extend(self.pattern(value, list)?);
        }
        Ok(all)
    }

    fn pattern(&mut self, value: &Text, list: List) -> Result<Option<Pattern>, ImportError> {
        let mut note = |effect, text: &str| {
            self.notes.push(Note::new(effect, text).about(&*value.text));
        };
        let wider = if list == List::Allow { Effect::Wider } else { Effect::Narrower };
        let mut text = value.text.replace("${*}", "?").replace("${?}", "?").replace("${$}", "$");
        if text.contains("${") {
            note(Effect::Lost, "a policy variable has no value here");
            return Ok(None);
        }
        let literal = !value.like && text.contains(['*', '?']);
        if literal || value.text.contains("${*}") || value.text.contains("${?}") {
            note(wider, "* and ? are always wildcards here");
        }
        if text.trim_matches([' ', '\t', '\r', '\n']).len() < text.len() {
            note(wider, "the blanks around it, for which it never matched, are cut");
        }
        text.truncate(text.trim_end_matches([' ', '\t', '\r', '\n']).len());
        if !(value.like && text.ends_with('*')) {
            let slashes = text.bytes().filter(|byte| *byte == b'/').count();
            if list == List::Allow && slashes == 2 && text.contains("://") {
                text.push('/');
                note(wider, "it fitted the origin alone; it gets a slash and fits its pages");
            } else {
                note(wider, "it fitted whole referers; here it fits those that begin like it, too");
            }
        }
        pattern(&text, 1).map_err(|err| ImportError::Inexpressible(err.to_string()))
    }
}

fn dedup(rules: &mut Vec<Pattern>) {
    let mut known = HashSet::new();
    rules.retain(|rule| known.insert(rule.as_str().to_ascii_lowercase()));
}
