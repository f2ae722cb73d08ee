//! Conditions: what a statement asks of the circumstances of a request.

use core::net::IpAddr;
use std::borrow::Cow;

use super::glob::Glob;
use crate::domain::client::{ClientAddress, Network};
use crate::domain::json::Json;
use crate::domain::time::{UnixMillis, parse_rfc3339};

/// What is known of something that a request may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// It says nothing.
    Missing,
    /// It says something that cannot be read.
    Unreadable,
    /// It says this.
    Known(T),
}

/// The circumstances of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances<'r> {
    /// The client.
    pub client: ClientAddress,
    /// The server's clock.
    pub now: UnixMillis,
    /// `Referer`.
    pub referer: Fact<Cow<'r, str>>,
    /// What a listing of objects asks for.
    pub listing: Option<Listing<'r>>,
}

/// What a listing of objects asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<'r> {
    /// `prefix`, empty if there is none.
    pub prefix: Cow<'r, str>,
    /// `delimiter`, empty if there is none.
    pub delimiter: Cow<'r, str>,
    /// `max-keys`.
    pub max_keys: Fact<i64>,
}

impl Circumstances<'_> {
    /// The same, to keep.
    pub fn into_owned(self) -> Circumstances<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Circumstances {
            client: self.client,
            now: self.now,
            referer: match self.referer {
                Fact::Missing => Fact::Missing,
                Fact::Unreadable => Fact::Unreadable,
                Fact::Known(text) => Fact::Known(owned(text)),
            },
            listing: self.listing.map(|listing| Listing {
                prefix: owned(listing.prefix),
                delimiter: owned(listing.delimiter),
                max_keys: listing.max_keys,
            }),
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
    /// What it is about cannot be read.
    Unknown,
}

impl Holds {
    /// Whether both hold.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    const fn when(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    SourceIp,
    SecureTransport,
    CurrentTime,
    Referer,
    Prefix,
    Delimiter,
    MaxKeys,
}

const KEYS: [(&str, Key); 7] = [
    ("acs:SourceIp", Key::SourceIp),
    ("acs:SecureTransport", Key::SecureTransport),
    ("acs:CurrentTime", Key::CurrentTime),
    ("acs:Referer", Key::Referer),
    ("oss:Prefix", Key::Prefix),
    ("oss:Delimiter", Key::Delimiter),
    ("oss:MaxKeys", Key::MaxKeys),
];

/// How numbers and times are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Order {
    fn fits<T: Ord>(self, fact: &T, value: &T) -> bool {
        match self {
            Self::Equals => fact == value,
            Self::LessThan => fact < value,
            Self::LessThanEquals => fact <= value,
            Self::GreaterThan => fact > value,
            Self::GreaterThanEquals => fact >= value,
        }
    }
}

/// How an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Text,
    TextIgnoreCase,
    Like,
    Number(Order),
    Date(Order),
    Bool,
    Ip,
}

/// The operators: whether they are negated, and how they compare.
#[rustfmt::skip]
const OPERATORS: [(&str, bool, Compare); 21] = [
    ("StringEquals",              false, Compare::Text),
    ("StringNotEquals",           true,  Compare::Text),
    ("StringEqualsIgnoreCase",    false, Compare::TextIgnoreCase),
    ("StringNotEqualsIgnoreCase", true,  Compare::TextIgnoreCase),
    ("StringLike",                false, Compare::Like),
    ("StringNotLike",             true,  Compare::Like),
    ("NumericEquals",             false, Compare::Number(Order::Equals)),
    ("NumericNotEquals",          true,  Compare::Number(Order::Equals)),
    ("NumericLessThan",           false, Compare::Number(Order::LessThan)),
    ("NumericLessThanEquals",     false, Compare::Number(Order::LessThanEquals)),
    ("NumericGreaterThan",        false, Compare::Number(Order::GreaterThan)),
    ("NumericGreaterThanEquals",  false, Compare::Number(Order::GreaterThanEquals)),
    ("DateEquals",                false, Compare::Date(Order::Equals)),
    ("DateNotEquals",             true,  Compare::Date(Order::Equals)),
    ("DateLessThan",              false, Compare::Date(Order::LessThan)),
    ("DateLessThanEquals",        false, Compare::Date(Order::LessThanEquals)),
    ("DateGreaterThan",           false, Compare::Date(Order::GreaterThan)),
    ("DateGreaterThanEquals",     false, Compare::Date(Order::GreaterThanEquals)),
    ("Bool",                      false, Compare::Bool),
    ("IpAddress",                 false, Compare::Ip),
    ("NotIpAddress",              true,  Compare::Ip),
];

/// A value that a fact is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(Box<str>),
    TextIgnoreCase(Box<str>),
    Like(Glob),
    Number(Order, i64),
    Date(Order, UnixMillis),
    Bool(bool),
    Ip(Network),
}

/// One condition: a key, and values of which any must fit, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    key: Key,
    negated: bool,
    values: Vec<Value>,
}

impl Condition {
    /// Reads the condition that an operator makes of a key and its values. The error says what is
    /// wrong, as the end of a sentence.
    pub(super) fn read(operator: &str, name: &str, values: &[Json]) -> Result<Self, String> {
        let known = OPERATORS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(operator));
        let &(_, negated, compare) =
            known.ok_or_else(|| format!("has the operator {operator:?}, which is not known"))?;
        let known = KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let &(key, about) =
            known.ok_or_else(|| format!("has the key {name:?}, which is not known"))?;
        if !about.takes(compare) {
            return Err(format!("compares {key} by {operator}, which does not fit"));
        }
        if values.is_empty() {
            return Err(format!("has no value for {key}"));
        }
        let read = |value: &Json| {
            compare.value(value).ok_or_else(|| match value.as_text() {
                Some(text) => format!("has {text:?} for {key}, which {operator} cannot compare"),
                None => format!("has {} for {key}, which {operator} cannot compare", value.kind()),
            })
        };
        let values = values.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { key: about, negated, values })
    }

    /// Whether the condition holds.
    pub(super) fn holds(&self, circumstances: &Circumstances<'_>) -> Holds {
        let any = match self.key {
            Key::SourceIp => match circumstances.client.address {
                Some(address) => self.any(|value| value.fits_address(address)),
                None => return Holds::Unknown,
            },
            Key::SecureTransport => {
                self.any(|value| *value == Value::Bool(circumstances.client.secure))
            }
            Key::CurrentTime => self.any(|value| value.fits_time(circumstances.now)),
            Key::Referer => match &circumstances.referer {
                Fact::Known(text) => self.any(|value| value.fits_text(text)),
                Fact::Missing => false,
                Fact::Unreadable => return Holds::Unknown,
            },
            Key::Prefix | Key::Delimiter | Key::MaxKeys => {
                return match &circumstances.listing {
                    Some(listing) => self.holds_for(listing),
                    None => Holds::when(self.negated),
                };
            }
        };
        Holds::when(any != self.negated)
    }

    fn holds_for(&self, listing: &Listing<'_>) -> Holds {
        let any = match (self.key, &listing.max_keys) {
            (Key::Prefix, _) => self.any(|value| value.fits_text(&listing.prefix)),
            (Key::Delimiter, _) => self.any(|value| value.fits_text(&listing.delimiter)),
            (_, Fact::Known(number)) => self.any(|value| value.fits_number(*number)),
            (_, Fact::Missing) => false,
            (_, Fact::Unreadable) => return Holds::Unknown,
        };
        Holds::when(any != self.negated)
    }

    fn any(&self, fits: impl FnMut(&Value) -> bool) -> bool {
        self.values.iter().any(fits)
    }

    /// Whether the condition lets few clients through: their networks are listed, and none of
    /// them is wide.
    pub(super) fn pins_clients(&self) -> bool {
        let narrow = |value: &Value| matches!(value, Value::Ip(network) if !network.is_wide());
        !self.negated && self.key == Key::SourceIp && self.values.iter().all(narrow)
    }
}

impl Key {
    /// Whether a key can be compared in a way.
    const fn takes(self, compare: Compare) -> bool {
        match compare {
            Compare::Text | Compare::TextIgnoreCase | Compare::Like => {
                matches!(self, Self::Referer | Self::Prefix | Self::Delimiter)
            }
            Compare::Number(_) => matches!(self, Self::MaxKeys),
            Compare::Date(_) => matches!(self, Self::CurrentTime),
            Compare::Bool => matches!(self, Self::SecureTransport),
            Compare::Ip => matches!(self, Self::SourceIp),
        }
    }
}

impl Compare {
    /// Reads a value. Numbers and booleans may stand in quotes, as RAM has them.
    fn value(self, json: &Json) -> Option<Value> {
        let text = match json {
            Json::Text(text) | Json::Number(text) => text.as_str(),
            Json::Bool(true) => "true",
            Json::Bool(false) => "false",
            Json::Null | Json::List(_) | Json::Object(_) => return None,
        };
        let is_text = matches!(json, Json::Text(_));
        Some(match self {
            Self::Text => Value::Text(is_text.then_some(text)?.into()),
            Self::TextIgnoreCase => Value::TextIgnoreCase(is_text.then_some(text)?.into()),
            Self::Like => Value::Like(Glob::new(is_text.then_some(text)?)),
            Self::Number(order) => Value::Number(order, text.parse().ok()?),
            Self::Date(order) => Value::Date(order, parse_rfc3339(text)?),
            Self::Bool => Value::Bool(text.to_ascii_lowercase().parse().ok()?),
            Self::Ip => Value::Ip(text.parse().ok()?),
        })
    }
}

impl Value {
    fn fits_text(&self, fact: &str) -> bool {
        match self {
            Self::Text(text) => **text == *fact,
            Self::TextIgnoreCase(text) => text.eq_ignore_ascii_case(fact),
            Self::Like(glob) => glob.fits(fact),
            Self::Number(..) | Self::Date(..) | Self::Bool(_) | Self::Ip(_) => false,
        }
    }

    fn fits_number(&self, fact: i64) -> bool {
        matches!(self, Self::Number(order, value) if order.fits(&fact, value))
    }

    fn fits_time(&self, fact: UnixMillis) -> bool {
        matches!(self, Self::Date(order, value) if order.fits(&fact, value))
    }

    fn fits_address(&self, fact: IpAddr) -> bool {
        matches!(self, Self::Ip(network) if network.contains(fact))
    }
}
