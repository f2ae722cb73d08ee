//! Referer policies as XML (`PutBucketReferer`, `GetBucketReferer`) and as JSON (command line).
//!
//! A policy decides who may read, so a body is not guessed at: whatever could be meant in two ways
//! is refused. What cannot be is tolerated, as far as SDKs need it.
//!
//! | in the XML | is read as |
//! | --- | --- |
//! | `AllowEmptyReferer`, `RefererList` | required |
//! | no `AllowTruncateQueryString` | `true`, as the SDKs' tests against the service have it |
//! | no `TruncatePath` | `false` |
//! | `TruncatePath` with `AllowTruncateQueryString` false | both true: a path is cut with its query |
//! | no `RefererBlacklist` | an empty one |
//! | an empty `Referer` | nothing |
//! | a `Referer` twice, or in both lists | what it says |
//! | any order, unknown elements, namespaces | of no importance |
//! | a known element twice, but for `Referer` | an error |
//! | elements within a `Referer`, or text around one | an error |
//!
//! # Sources
//!
//! OSS "PutBucketReferer", "GetBucketReferer", and the pages of `EC` 0033-00000001 to -05. Where
//! they leave a question open, the integration tests of the SDKs for Java, Go and Python answer it.

mod extras;
mod json;

pub use extras::{ExtrasBody, InvalidExtras, read_extras_json, write_extras_json};
pub use json::{read_policy_json, write_policy_json};

use super::xml::{Element, Limits, XmlError, XmlWriter};
use crate::domain::code::{
    REFERER_LISTS_TOO_LARGE, REFERER_XML_BAD_ALLOW_EMPTY, REFERER_XML_BAD_TRUNCATE_PATH,
    REFERER_XML_BAD_TRUNCATE_QUERY, REFERER_XML_MALFORMED, REFERER_XML_NO_ALLOW_EMPTY,
    REFERER_XML_NO_LIST, Reason,
};
use crate::domain::referer::{Compare, EmptyReferer, MAX_LIST_BYTES, Pattern, Policy};

#[cfg(test)]
mod tests;

/// A body of more bytes is not read. Entries of [`MAX_LIST_BYTES`] in all need less than half of it,
/// each one byte long and every byte escaped, with room for white space.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A body of more elements is not read. The lists can have [`MAX_LIST_BYTES`] entries of one byte;
/// the rest is for empty ones, which are dropped.
const MAX_ELEMENTS: usize = 65_536;

/// Why a policy is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// Not XML, or too much of it.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The root has another name: its first characters.
    #[error("the root element is {0:?}, it must be RefererConfiguration")]
    Root(String),
    /// An element that may be there once is there again: which one was meant?
    #[error("{0} is given more than once")]
    Repeated(&'static str),
    /// Text where elements are expected, probably an entry without its `Referer`.
    #[error("{0} has text in it, it must have elements")]
    StrayText(&'static str),
    /// An element within a `Referer`, probably a `<` that was not escaped.
    #[error("a Referer has an element in it, it must have text")]
    NestedEntry,
    /// An element that must be there is not.
    #[error("{} is missing", .0.name())]
    Missing(Required),
    /// A boolean is neither `true` nor `false`.
    #[error("{} must be true or false", .0.name())]
    NotBoolean(Flag),
    /// The lists are over [`MAX_LIST_BYTES`].
    #[error("the lists have {0} bytes, they may have {MAX_LIST_BYTES}")]
    TooLarge(usize),
    /// An entry of a JSON policy could not be given back as XML.
    #[error("the entry {0:?} has a character that XML cannot carry")]
    Character(String),
    /// Not JSON, or not the JSON of a policy.
    #[error("{0}")]
    Json(String),
}

/// An element that a policy must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// `AllowEmptyReferer`.
    AllowEmptyReferer,
    /// `RefererList`.
    RefererList,
}

/// An element that is a boolean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `AllowEmptyReferer`.
    AllowEmptyReferer,
    /// `AllowTruncateQueryString`.
    AllowTruncateQueryString,
    /// `TruncatePath`.
    TruncatePath,
}

const CONFIGURATION: &str = "RefererConfiguration";
const WHITELIST: &str = "RefererList";
const BLACKLIST: &str = "RefererBlacklist";
const ENTRY: &str = "Referer";

impl Required {
    const fn name(self) -> &'static str {
        match self {
            Self::AllowEmptyReferer => Flag::AllowEmptyReferer.name(),
            Self::RefererList => WHITELIST,
        }
    }
}

impl Flag {
    const fn name(self) -> &'static str {
        match self {
            Self::AllowEmptyReferer => "AllowEmptyReferer",
            Self::AllowTruncateQueryString => "AllowTruncateQueryString",
            Self::TruncatePath => "TruncatePath",
        }
    }
}

impl InvalidPolicy {
    /// The refusal as the client sees it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing(Required::AllowEmptyReferer) => REFERER_XML_NO_ALLOW_EMPTY,
            Self::Missing(Required::RefererList) => REFERER_XML_NO_LIST,
            Self::NotBoolean(Flag::AllowEmptyReferer) => REFERER_XML_BAD_ALLOW_EMPTY,
            Self::NotBoolean(Flag::AllowTruncateQueryString) => REFERER_XML_BAD_TRUNCATE_QUERY,
            Self::NotBoolean(Flag::TruncatePath) => REFERER_XML_BAD_TRUNCATE_PATH,
            Self::TooLarge(_) | Self::Xml(XmlError::TooLarge(_) | XmlError::TooManyElements(_)) => {
                REFERER_LISTS_TOO_LARGE
            }
            Self::Xml(_)
            | Self::Root(_)
            | Self::Repeated(_)
            | Self::StrayText(_)
            | Self::NestedEntry
            | Self::Character(_)
            | Self::Json(_) => REFERER_XML_MALFORMED,
        }
    }
}

/// Reads the body of `PutBucketReferer`.
///
/// # Errors
///
/// [`InvalidPolicy`]: the first that applies, in the order of the published numbers but for
/// `RefererList`, whose absence is reported before an `AllowTruncateQueryString` that is no boolean.
/// The vendor's example of that error has both.
pub fn read_policy(xml: &[u8]) -> Result<Policy, InvalidPolicy> {
    let root = Element::read(xml, Limits::new(MAX_BODY_BYTES, MAX_ELEMENTS))?;
    if root.name() != CONFIGURATION {
        return Err(InvalidPolicy::Root(root.name().chars().take(64).collect()));
    }
    refuse_text(&root, CONFIGURATION)?;
    let allow_empty = one(&root, Flag::AllowEmptyReferer.name())?;
    let whitelist = one(&root, WHITELIST)?;
    let cut_query = one(&root, Flag::AllowTruncateQueryString.name())?;
    let cut_path = one(&root, Flag::TruncatePath.name())?;
    let blacklist = one(&root, BLACKLIST)?;

    let allow_empty = allow_empty.ok_or(InvalidPolicy::Missing(Required::AllowEmptyReferer))?;
    let empty = empty_referer(boolean(allow_empty, Flag::AllowEmptyReferer)?);
    let whitelist = whitelist.ok_or(InvalidPolicy::Missing(Required::RefererList))?;
    let optional = |element: Option<&Element>, flag, default| {
        element.map_or(Ok(default), |element| boolean(element, flag))
    };
    let cut_query = optional(cut_query, Flag::AllowTruncateQueryString, true)?;
    let cut_path = optional(cut_path, Flag::TruncatePath, false)?;
    within_limit(Policy {
        empty,
        compare: Cut { query: cut_query, path: cut_path }.into(),
        allow: entries(whitelist, WHITELIST)?,
        deny: blacklist.map_or(Ok(Vec::new()), |list| entries(list, BLACKLIST))?,
    })
}

/// Writes the answer of `GetBucketReferer`, in the order of the page. All booleans and `RefererList`
/// are always there, because SDKs fail without them; an empty blacklist is not, because OSS leaves
/// it out. No entry is empty, because a [`Pattern`] is not.
pub fn write_policy(policy: &Policy) -> Vec<u8> {
    let cut = Cut::from(policy.compare);
    let entries = |x: &mut XmlWriter, name, list: &[Pattern]| {
        x.element(name, |x| list.iter().for_each(|entry| x.text(ENTRY, entry.as_str())));
    };
    XmlWriter::document(CONFIGURATION, |x| {
        x.text(Flag::AllowEmptyReferer.name(), policy.empty == EmptyReferer::Allow);
        x.text(Flag::AllowTruncateQueryString.name(), cut.query);
        x.text(Flag::TruncatePath.name(), cut.path);
        entries(x, WHITELIST, &policy.allow);
        if !policy.deny.is_empty() {
            entries(x, BLACKLIST, &policy.deny);
        }
    })
}

/// What is cut from a referer, in the two booleans of OSS.
#[derive(Clone, Copy)]
struct Cut {
    query: bool,
    path: bool,
}

impl From<Cut> for Compare {
    fn from(cut: Cut) -> Self {
        match (cut.path, cut.query) {
            (true, _) => Self::Origin,
            (false, true) => Self::WithPath,
            (false, false) => Self::WithQuery,
        }
    }
}

impl From<Compare> for Cut {
    fn from(compare: Compare) -> Self {
        match compare {
            Compare::WithQuery => Self { query: false, path: false },
            Compare::WithPath => Self { query: true, path: false },
            Compare::Origin => Self { query: true, path: true },
        }
    }
}

const fn empty_referer(allowed: bool) -> EmptyReferer {
    if allowed { EmptyReferer::Allow } else { EmptyReferer::Deny }
}

fn within_limit(policy: Policy) -> Result<Policy, InvalidPolicy> {
    match policy.list_bytes() {
        0..=MAX_LIST_BYTES => Ok(policy),
        size => Err(InvalidPolicy::TooLarge(size)),
    }
}

/// The child of a name that may be there once.
fn one<'x>(parent: &'x Element, name: &'static str) -> Result<Option<&'x Element>, InvalidPolicy> {
    let mut found = parent.all(name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(InvalidPolicy::Repeated(name)),
    }
}

fn boolean(element: &Element, flag: Flag) -> Result<bool, InvalidPolicy> {
    match element.text() {
        _ if !element.children().is_empty() => Err(InvalidPolicy::NotBoolean(flag)),
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(InvalidPolicy::NotBoolean(flag)),
    }
}

fn entries(list: &Element, name: &'static str) -> Result<Vec<Pattern>, InvalidPolicy> {
    refuse_text(list, name)?;
    if list.all(ENTRY).any(|entry| !entry.children().is_empty()) {
        return Err(InvalidPolicy::NestedEntry);
    }
    Ok(list.all(ENTRY).filter_map(|entry| Pattern::read(entry.text())).collect())
}

fn refuse_text(container: &Element, name: &'static str) -> Result<(), InvalidPolicy> {
    if container.text().is_empty() { Ok(()) } else { Err(InvalidPolicy::StrayText(name)) }
}
