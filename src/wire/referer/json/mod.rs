//! Policies as JSON: how the command line and files have them.
//!
//! ```json
//! {
//!   "allow_empty_referer": false,
//!   "truncate_query_string": true,
//!   "truncate_path": false,
//!   "whitelist": ["https://*.example.com/"],
//!   "blacklist": []
//! }
//! ```

use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::tokens::ShortTokens;
use super::{Cut, InvalidPolicy, empty_referer, max_body_bytes};
use crate::domain::referer::{
    EmptyReferer, KnownRules, MAX_LARGE_LIST_BYTES, MAX_RULES, Pattern, Policy,
};
use crate::wire::xml::{XmlError, is_xml_safe};

/// A policy as it is in JSON. It lives for one function call and is never passed on.
#[derive(Debug)]
struct PolicyJson {
    allow_empty_referer: bool,
    truncate_query_string: Option<bool>,
    truncate_path: Option<bool>,
    whitelist: ListJson,
    blacklist: ListJson,
}

/// The fields of a policy.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    AllowEmptyReferer,
    TruncateQueryString,
    TruncatePath,
    Whitelist,
    Blacklist,
}

/// A list as far as it can be kept. Nobody may put one that is longer, so the rest is counted only.
#[derive(Debug, Default)]
struct ListJson {
    patterns: Vec<Pattern>,
    /// The bytes of all entries, and how many there are.
    bytes: usize,
    entries: usize,
}

impl ListJson {
    fn add(&mut self, pattern: Pattern) {
        self.bytes += pattern.as_str().len();
        self.entries += 1;
        if self.bytes <= MAX_LARGE_LIST_BYTES && self.entries <= MAX_RULES {
            self.patterns.push(pattern);
        }
    }
}

/// What is accepted as an entry of a list.
#[derive(Clone, Copy)]
enum Entries<'k> {
    /// Whatever OSS takes.
    OfOss,
    /// What an administrator may put, and what is there already.
    OfRules(&'k KnownRules),
}

impl Entries<'_> {
    /// Reads an entry. `None` is one to drop.
    fn read(self, text: &str) -> Result<Option<Pattern>, String> {
        match self {
            Self::OfOss if is_xml_safe(text) => Ok(Pattern::read(text)),
            Self::OfOss => Err("the entry has a character that XML cannot carry".into()),
            Self::OfRules(known) => known.read(text).map_err(|err| err.to_string()),
        }
    }
}

/// Reads a policy, whose lists may have so many bytes, from JSON. `allow_empty_referer` is required.
/// What is not there is as if it were not there in XML, except for the whitelist, which is empty
/// then.
///
/// # Errors
///
/// [`InvalidPolicy`]. Unlike in XML, an unknown field is an error: people write the file, and a
/// misspelt `blacklist` must not be one that denies nothing.
pub fn read_policy_json(json: &[u8], max_list_bytes: usize) -> Result<Policy, InvalidPolicy> {
    read(json, max_list_bytes, Entries::OfOss)
}

/// Reads a policy as [`read_policy_json`] does, with every entry checked to be a rule that an
/// administrator may put, or one of these.
///
/// # Errors
///
/// [`InvalidPolicy`], which names the entry and its line.
pub fn read_strict_policy_json(
    json: &[u8],
    max_list_bytes: usize,
    known: &KnownRules,
) -> Result<Policy, InvalidPolicy> {
    read(json, max_list_bytes, Entries::OfRules(known))
}

/// Reads a policy as [`read_strict_policy_json`] does, but as the text arrives: what is kept of it
/// is the policy. How long the text may be is for the reader to say.
///
/// # Errors
///
/// As [`read_strict_policy_json`]; an error of the reader is one of the text.
pub fn read_arriving_policy_json(
    json: impl Read,
    max_list_bytes: usize,
    known: &KnownRules,
) -> Result<Policy, InvalidPolicy> {
    // The parser asks for single bytes.
    let json = BufReader::with_capacity(BUFFER_BYTES, ShortTokens::new(json));
    let from = serde_json::Deserializer::from_reader(json);
    parsed(from, Entries::OfRules(known))?.within(max_list_bytes)
}

const BUFFER_BYTES: usize = 64 * 1024;

fn read(json: &[u8], max_list_bytes: usize, entries: Entries<'_>) -> Result<Policy, InvalidPolicy> {
    if json.len() > max_body_bytes(max_list_bytes) {
        return Err(InvalidPolicy::Xml(XmlError::TooLarge(json.len())));
    }
    parsed(serde_json::Deserializer::from_slice(json), entries)?.within(max_list_bytes)
}

/// Reads a text that is one policy.
fn parsed<'de, R: serde_json::de::Read<'de>>(
    mut from: serde_json::Deserializer<R>,
    entries: Entries<'_>,
) -> Result<PolicyJson, InvalidPolicy> {
    let policy = Whole(entries).deserialize(&mut from).map_err(unreadable)?;
    from.end().map_err(unreadable)?;
    Ok(policy)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what an error is mapped with")]
fn unreadable(err: serde_json::Error) -> InvalidPolicy {
    InvalidPolicy::Json(format!("the policy cannot be read: {err}"))
}

impl PolicyJson {
    /// The policy, if its lists have no more bytes than that.
    fn within(self, limit: usize) -> Result<Policy, InvalidPolicy> {
        let bytes = self.whitelist.bytes + self.blacklist.bytes;
        if bytes > limit {
            return Err(InvalidPolicy::TooLarge { bytes, limit });
        }
        let rules = self.whitelist.entries + self.blacklist.entries;
        if rules > MAX_RULES {
            return Err(InvalidPolicy::TooMany { rules, limit: MAX_RULES });
        }
        let cut = Cut {
            query: self.truncate_query_string.unwrap_or(true),
            path: self.truncate_path.unwrap_or(false),
        };
        Ok(Policy {
            empty: empty_referer(self.allow_empty_referer),
            compare: cut.into(),
            allow: self.whitelist.patterns,
            deny: self.blacklist.patterns,
        })
    }
}

/// Reads a policy.
struct Whole<'k>(Entries<'k>);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = PolicyJson;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<PolicyJson, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = PolicyJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicyJson, A::Error> {
        let Self(entries) = self;
        let (mut empty, mut query, mut path) = (None, None, None);
        let (mut white, mut black) = (None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::AllowEmptyReferer => {
                    once(empty.is_some(), "allow_empty_referer")?;
                    empty = Some(map.next_value()?);
                }
                Field::TruncateQueryString => {
                    once(query.is_some(), "truncate_query_string")?;
                    query = Some(map.next_value::<Option<bool>>()?);
                }
                Field::TruncatePath => {
                    once(path.is_some(), "truncate_path")?;
                    path = Some(map.next_value::<Option<bool>>()?);
                }
                Field::Whitelist => {
                    once(white.is_some(), "whitelist")?;
                    white = Some(map.next_value_seed(List { name: "whitelist", entries })?);
                }
                Field::Blacklist => {
                    once(black.is_some(), "blacklist")?;
                    black = Some(map.next_value_seed(List { name: "blacklist", entries })?);
                }
            }
        }
        Ok(PolicyJson {
            allow_empty_referer: empty
                .ok_or_else(|| Error::missing_field("allow_empty_referer"))?,
            truncate_query_string: query.flatten(),
            truncate_path: path.flatten(),
            whitelist: white.unwrap_or_default(),
            blacklist: black.unwrap_or_default(),
        })
    }
}

/// Refuses a field that was there before: of two the second would silently win.
fn once<E: Error>(is_there: bool, name: &'static str) -> Result<(), E> {
    if is_there { Err(E::duplicate_field(name)) } else { Ok(()) }
}

/// Reads a list.
struct List<'k> {
    name: &'static str,
    entries: Entries<'k>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ListJson;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<ListJson, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ListJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ListJson, A::Error> {
        let mut read = ListJson::default();
        for position in 0.. {
            let entry = Entry { list: self.name, position, entries: self.entries };
            match list.next_element_seed(entry)? {
                Some(Some(pattern)) => read.add(pattern),
                Some(None) => {}
                None => break,
            }
        }
        Ok(read)
    }
}

/// Reads an entry. What is wrong with it is said while the reader stands behind it, so that the
/// error has its line.
struct Entry<'k> {
    list: &'static str,
    position: usize,
    entries: Entries<'k>,
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = Option<Pattern>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Pattern>, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Entry<'_> {
    type Value = Option<Pattern>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<X: Error>(self, text: &str) -> Result<Option<Pattern>, X> {
        let Self { list, position, entries } = self;
        entries.read(text).map_err(|err| X::custom(format_args!("{list}[{position}]: {err}")))
    }
}

/// The booleans of a policy, as JSON has them.
pub fn flags(policy: &Policy) -> [(&'static str, bool); 3] {
    let cut = Cut::from(policy.compare);
    [
        ("allow_empty_referer", policy.empty == EmptyReferer::Allow),
        ("truncate_query_string", cut.query),
        ("truncate_path", cut.path),
    ]
}

/// A policy as JSON has it, with every field, as a part of a larger answer.
#[derive(Debug)]
pub struct PolicyView<'p>(pub &'p Policy);

impl Serialize for PolicyView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(policy) = self;
        let mut out = serializer.serialize_struct("Policy", 5)?;
        for (name, flag) in flags(policy) {
            out.serialize_field(name, &flag)?;
        }
        out.serialize_field("whitelist", &Texts(&policy.allow))?;
        out.serialize_field("blacklist", &Texts(&policy.deny))?;
        out.end()
    }
}

struct Texts<'p>(&'p [Pattern]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Pattern::as_str))
    }
}

/// Writes a policy as JSON for people, with every field and a line break at the end.
pub fn write_policy_json(policy: &Policy) -> String {
    // Booleans and lists of texts have a form in JSON, so this cannot fail.
    serde_json::to_string_pretty(&PolicyView(policy)).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests;
