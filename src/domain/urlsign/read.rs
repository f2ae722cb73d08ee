//! Finding the fields of a signature in a URL.

use std::borrow::Cow;

use super::denial::{Denial, Reason};
use super::field::{Field, Fields};
use super::row::{Absent, Layout, Param};
use super::settings::Settings;

/// The path and the query of a request, as they stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path, with its escapes.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Splits a path with a query.
    pub fn split(text: &'a str) -> Self {
        let (path, query) = cut(text, b'?');
        Self { path, query }
    }
}

/// A URL without its signature, and the signature.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) path: &'a str,
    query: Option<&'a str>,
    /// The parts of the query that are not of the signature, in their order.
    pub(super) rest: Vec<&'a str>,
}

/// Whether a URL has any of the parameters of the settings.
pub(super) fn is_presented(settings: &Settings, target: Target<'_>) -> bool {
    let params = settings.row().layouts.iter().flat_map(Layout::params);
    parts(target.query).any(|part| {
        let name = cut(part, b'=').0;
        let plain = unescaped(name).unwrap_or(Cow::Borrowed(name));
        params.clone().any(|param| settings.spellings(param).0 == plain)
    })
}

/// Finds the fields, wherever the scheme of the settings has them.
pub(super) fn read<'a>(settings: &Settings, target: Target<'a>) -> Result<Reading<'a>, Denial> {
    let mut reading = Reading::of(target);
    reading.find(settings)?;
    Ok(reading)
}

/// The first two segments of a path are fields; what follows is the path.
fn from_path<'a>(
    places: [Field; 2],
    path: &'a str,
    fields: &mut Fields<'a>,
) -> Result<&'a str, Denial> {
    let absent = || Denial::from(Reason::NoSignature);
    let mut rest = path;
    for field in places {
        let inner = rest.strip_prefix('/').ok_or_else(absent)?;
        let (value, _) = inner.split_once('/').ok_or_else(absent)?;
        rest = inner.get(value.len()..).ok_or_else(absent)?;
        fields.set(field, value);
    }
    Ok(rest)
}

impl<'a> Reading<'a> {
    /// One of which nothing was found.
    pub(super) fn of(target: Target<'a>) -> Self {
        Self { fields: Fields::default(), path: target.path, query: target.query, rest: Vec::new() }
    }

    /// Finds the fields, wherever the scheme of the settings has them.
    pub(super) fn find(&mut self, settings: &Settings) -> Result<(), Denial> {
        let layouts = settings.row().layouts;
        for layout in layouts {
            if let Layout::Path(places) = layout {
                self.path = from_path(*places, self.path, &mut self.fields)?;
                self.rest = parts(self.query).collect();
                return Ok(());
            }
            self.rest.clear();
            for part in parts(self.query) {
                if !self.take(settings, layout, part)? {
                    self.rest.push(part);
                }
            }
            let has = |param: &Param| self.fields.find(param.field).is_some();
            if layouts.len() == 1 || layout.params().iter().any(has) {
                return self.complete(settings, layout);
            }
        }
        Err(Reason::NoSignature.into())
    }

    /// Takes a part of the query that is of the signature.
    fn take(
        &mut self,
        settings: &Settings,
        layout: &Layout,
        part: &'a str,
    ) -> Result<bool, Denial> {
        for param in layout.params() {
            let (name, also) = settings.spellings(param);
            let value = value_of(part, name).or_else(|| value_of(part, also?));
            let Some(value) = value else { continue };
            if self.fields.find(param.field).is_some() {
                return Err(Reason::Duplicate(name.to_owned()).into());
            }
            self.fields.set(param.field, value);
            return Ok(true);
        }
        // A name with escapes is another one for whoever does not undo them.
        let Some(plain) = unescaped(cut(part, b'=').0) else { return Ok(false) };
        for param in layout.params() {
            let (name, also) = settings.spellings(param);
            if plain == name || also == Some(&plain) {
                return Err(Reason::Duplicate(name.to_owned()).into());
            }
        }
        Ok(false)
    }

    /// Checks that everything is there, and splits what stands in one parameter.
    fn complete(&mut self, settings: &Settings, layout: &Layout) -> Result<(), Denial> {
        for param in layout.params() {
            if !param.optional && self.fields.find(param.field).is_none() {
                return Err(missing(settings, settings.spellings(param).0));
            }
        }
        match layout {
            Layout::Query(_) | Layout::Path(_) => Ok(()),
            Layout::Joined { param, mark, fields } => {
                let split = self.split(param.field, *mark, fields);
                let bad = || Reason::Argument(settings.spellings(param).0.to_owned()).into();
                split.ok_or_else(bad)
            }
        }
    }

    /// Splits the value of a field into exactly so many.
    fn split(&mut self, joined: Field, mark: u8, fields: &[Field]) -> Option<()> {
        let (last, before) = fields.split_last()?;
        let all = self.fields.get(joined);
        let mut rest = all;
        for name in before {
            // They are short.
            let at = rest.bytes().position(|byte| byte == mark)?;
            self.fields.set(*name, rest.get(..at)?);
            rest = rest.get(at + 1..)?;
        }
        self.fields.set(*last, rest);
        self.fields.set(Field::Joined, all.get(..all.len() - rest.len() - 1)?);
        memchr::memchr(mark, rest.as_bytes()).is_none().then_some(())
    }
}

/// The value of a part of a query, if it has that name.
fn value_of<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    match part.strip_prefix(name)? {
        "" => Some(""),
        rest => rest.strip_prefix('='),
    }
}

fn missing(settings: &Settings, name: &str) -> Denial {
    match settings.row().absent {
        Absent::Argument => Reason::NoArgument(name.to_owned()).into(),
        Absent::EncodedOrPlain => Reason::NoSignature.into(),
    }
}

/// The parts of a query; none if there is no query, and an empty one of an empty query.
fn parts(query: Option<&str>) -> impl Iterator<Item = &str> {
    let mut rest = query;
    std::iter::from_fn(move || {
        let (part, behind) = cut(rest?, b'&');
        rest = behind;
        Some(part)
    })
}

/// What stands before a mark, and what behind it if there is one. A search for a byte: every signed
/// request has several, and those for characters take twice as long.
fn cut(text: &str, mark: u8) -> (&str, Option<&str>) {
    let Some(at) = memchr::memchr(mark, text.as_bytes()) else { return (text, None) };
    (text.get(..at).unwrap_or_default(), text.get(at + 1..))
}

/// A name with its escapes undone, if it has any. One that is no text then is no name of ours.
fn unescaped(name: &str) -> Option<Cow<'_, str>> {
    let has_any = name.as_bytes().contains(&b'%');
    has_any.then(|| percent_encoding::percent_decode_str(name).decode_utf8().ok()).flatten()
}
