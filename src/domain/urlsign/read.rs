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
        match text.split_once('?') {
            Some((path, query)) => Self { path, query: Some(query) },
            None => Self { path: text, query: None },
        }
    }
}

/// A URL without its signature, and the signature.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) path: &'a str,
    /// The parts of the query that are not of the signature, in their order.
    pub(super) rest: Vec<&'a str>,
}

/// Whether a URL has any of the parameters of the settings.
pub(super) fn is_presented(settings: &Settings, target: Target<'_>) -> bool {
    let mut parts = target.query.into_iter().flat_map(|query| query.split('&'));
    let params = settings.row().layouts.iter().flat_map(Layout::params);
    parts.any(|part| {
        let name = decoded(part.split('=').next().unwrap_or_default());
        params.clone().any(|param| settings.spellings(param).0 == name)
    })
}

/// Finds the fields, wherever the scheme of the settings has them.
pub(super) fn read<'a>(settings: &Settings, target: Target<'a>) -> Result<Reading<'a>, Denial> {
    let query = target.query.unwrap_or_default();
    let parts = || query.split('&').filter(|_| target.query.is_some());
    for layout in settings.row().layouts {
        let mut reading =
            Reading { fields: Fields::default(), path: target.path, rest: Vec::new() };
        if let Layout::Path(places) = layout {
            reading.path = from_path(*places, target.path, &mut reading.fields)?;
            reading.rest.extend(parts());
            return Ok(reading);
        }
        let mut found = Found::new(settings, layout);
        for part in parts() {
            if !found.take(part)? {
                reading.rest.push(part);
            }
        }
        if found.any() || settings.row().layouts.len() == 1 {
            reading.fields = found.fields(settings)?;
            return Ok(reading);
        }
    }
    Err(Reason::NoSignature.into())
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

/// What was found of the parameters of a layout.
struct Found<'s, 'a> {
    layout: &'static Layout,
    places: Vec<Place<'s, 'a>>,
}

/// A parameter, by the names that it has, and its value.
struct Place<'s, 'a> {
    param: &'static Param,
    name: &'s str,
    also: Option<&'s str>,
    value: Option<&'a str>,
}

impl<'s, 'a> Found<'s, 'a> {
    fn new(settings: &'s Settings, layout: &'static Layout) -> Self {
        let place = |param: &'static Param| {
            let (name, also) = settings.spellings(param);
            Place { param, name, also, value: None }
        };
        Self { layout, places: layout.params().iter().map(place).collect() }
    }

    /// Takes a part of the query that is of the signature.
    fn take(&mut self, part: &'a str) -> Result<bool, Denial> {
        let (name, value) = cut(part, b'=');
        let value = value.unwrap_or_default();
        let plain = decoded(name);
        let named = |place: &&mut Place<'_, '_>| place.name == plain || place.also == Some(&plain);
        let Some(place) = self.places.iter_mut().find(named) else { return Ok(false) };
        // A name with escapes is another one for whoever does not undo them.
        if place.value.is_some() || plain != name {
            return Err(Reason::Duplicate(place.name.to_owned()).into());
        }
        place.value = Some(value);
        Ok(true)
    }

    fn any(&self) -> bool {
        self.places.iter().any(|place| place.value.is_some())
    }

    fn fields(&self, settings: &Settings) -> Result<Fields<'a>, Denial> {
        let mut fields = Fields::default();
        for place in &self.places {
            match place.value {
                None if place.param.optional => {}
                None => return Err(missing(settings, place.name)),
                Some(value) => fields.set(place.param.field, value),
            }
        }
        match (self.layout, self.places.first()) {
            (Layout::Joined { mark, fields: names, .. }, Some(place)) => {
                split(place.value.unwrap_or_default(), *mark, names)
                    .ok_or_else(|| Reason::Argument(place.name.to_owned()).into())
            }
            (Layout::Query(_) | Layout::Joined { .. } | Layout::Path(_), _) => Ok(fields),
        }
    }
}

fn missing(settings: &Settings, name: &str) -> Denial {
    match settings.row().absent {
        Absent::Argument => Reason::NoArgument(name.to_owned()).into(),
        Absent::EncodedOrPlain => Reason::NoSignature.into(),
    }
}

/// Splits a value into exactly so many fields.
fn split<'a>(value: &'a str, mark: u8, names: &[Field]) -> Option<Fields<'a>> {
    let mut fields = Fields::default();
    let mut rest = Some(value);
    for name in names {
        let (field, behind) = cut(rest?, mark);
        fields.set(*name, field);
        rest = behind;
    }
    rest.is_none().then_some(fields)
}

/// What stands before a mark, and what behind it if there is one. A search for a byte: every signed
/// request has several, and those for characters take twice as long.
fn cut(text: &str, mark: u8) -> (&str, Option<&str>) {
    let Some(at) = memchr::memchr(mark, text.as_bytes()) else { return (text, None) };
    (text.get(..at).unwrap_or_default(), text.get(at + 1..))
}

/// A name with its escapes undone. One that is no text stays as it is: it is no name of ours.
fn decoded(name: &str) -> Cow<'_, str> {
    if !name.as_bytes().contains(&b'%') {
        return Cow::Borrowed(name);
    }
    percent_encoding::percent_decode_str(name).decode_utf8().unwrap_or(Cow::Borrowed(name))
}
