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
mod lines;
mod tokens;

pub use extras::{
    DenialView, ExtrasBody, ExtrasView, InvalidExtras, read_extras_json, write_extras_json,
};
pub use json::{
    PolicyView, flags, read_arriving_policy_json, read_policy_json, read_strict_policy_json,
    write_policy_json,
};
pub use lines::{BadLine, Lines};

use super::xml::{Element, Limits, XmlError, XmlWriter};
use crate::domain::code::{
    REFERER_LISTS_TOO_LARGE, REFERER_XML_BAD_ALLOW_EMPTY, REFERER_XML_BAD_TRUNCATE_PATH,
    REFERER_XML_BAD_TRUNCATE_QUERY, REFERER_XML_MALFORMED, REFERER_XML_NO_ALLOW_EMPTY,
    REFERER_XML_NO_LIST, Reason,
};
use crate::domain::referer::{
    Compare, EmptyReferer, InvalidRule, KnownRules, MAX_RULES, Newer, Pattern, Policy,
};

#[cfg(test)]
mod tests;

/// The most bytes of a body of lists of so many bytes. OSS's 20 KB need less than half of the
/// megabyte, each entry one byte long and every byte escaped, with room for white space; longer
/// lists are of entries of a usual length, twice or three times as long with their tags.
pub const fn max_body_bytes(max_list_bytes: usize) -> usize {
    const LEAST: usize = 1024 * 1024;
    let usual = 3 * max_list_bytes;
    if usual < LEAST { LEAST } else { usual }
}

/// A body of more elements is not read. OSS's lists can have 20 480 entries of one byte; the rest
/// is for empty ones, which are dropped. An element takes some hundred bytes of memory, so there
/// are bounds where the lists may be long, too.
const fn max_elements(max_list_bytes: usize) -> usize {
    let elements = max_list_bytes / 8;
    if elements < 65_536 {
        65_536
    } else if elements > MAX_RULES {
        MAX_RULES
    } else {
        elements
    }
}

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
    /// The lists are over the limit of the bucket.
    #[error("the lists have {bytes} bytes, they may have {limit}")]
    TooLarge {
        /// What they have.
        bytes: usize,
        /// What they may have.
        limit: usize,
    },
    /// The lists have more rules than an administrator may put.
    #[error("the lists have {rules} rules, they may have {limit}")]
    TooMany {
        /// What they have.
        rules: usize,
        /// What they may have.
        limit: usize,
    },
    /// An entry of a list that an administrator put is no rule.
    #[error("line {line}, {list}: {reason}")]
    Rule {
        /// The list.
        list: &'static str,
        /// The line of the entry, from 1.
        line: usize,
        /// What is wrong with it.
        reason: InvalidRule,
    },
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
            Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Xml(XmlError::TooLarge(_) | XmlError::TooManyElements(_)) => {
                REFERER_LISTS_TOO_LARGE
            }
            Self::Xml(_)
            | Self::Root(_)
            | Self::Repeated(_)
            | Self::StrayText(_)
            | Self::NestedEntry
            | Self::Rule { .. }
            | Self::Json(_) => REFERER_XML_MALFORMED,
        }
    }
}

/// Reads a policy whose lists may have so many bytes.
///
/// # Errors
///
/// As [`read_put`].
pub fn read_policy(xml: &[u8], max_list_bytes: usize) -> Result<Policy, InvalidPolicy> {
    read_put(xml, max_list_bytes).map(|(policy, _)| policy)
}

/// Reads the body of `PutBucketReferer`, whose lists may have so many bytes, and says which of the
/// newer elements it does not have.
///
/// # Errors
///
/// [`InvalidPolicy`]: the first that applies, in the order of the published numbers but for
/// `RefererList`, whose absence is reported before an `AllowTruncateQueryString` that is no boolean.
/// The vendor's example of that error has both.
pub fn read_put(xml: &[u8], max_list_bytes: usize) -> Result<(Policy, Vec<Newer>), InvalidPolicy> {
    read(xml, max_list_bytes, |entry, _| Ok(Pattern::read(entry.text())))
}

/// Reads a policy as [`read_policy`] does, with every entry checked to be a rule that an
/// administrator may put, or one of these.
///
/// # Errors
///
/// As [`read_put`], and [`InvalidPolicy::Rule`], which names the entry's line.
pub fn read_strict_policy(
    xml: &[u8],
    max_list_bytes: usize,
    known: &KnownRules,
) -> Result<Policy, InvalidPolicy> {
    let rule = |entry: &Element, list| {
        let line = entry.line();
        known.read(entry.text()).map_err(|reason| InvalidPolicy::Rule { list, line, reason })
    };
    read(xml, max_list_bytes, rule).map(|(policy, _)| policy)
}

fn read(
    xml: &[u8],
    max_list_bytes: usize,
    entry: impl Fn(&Element, &'static str) -> Result<Option<Pattern>, InvalidPolicy>,
) -> Result<(Policy, Vec<Newer>), InvalidPolicy> {
    let limits = Limits::new(max_body_bytes(max_list_bytes), max_elements(max_list_bytes));
    let root = Element::read(xml, limits)?;
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
    let newer = [
        (cut_query, Newer::TruncateQuery),
        (cut_path, Newer::TruncatePath),
        (blacklist, Newer::Blacklist),
    ];
    let absent = newer.iter().filter(|(it, _)| it.is_none()).map(|(_, part)| *part).collect();
    let cut_query = optional(cut_query, Flag::AllowTruncateQueryString, true)?;
    let cut_path = optional(cut_path, Flag::TruncatePath, false)?;
    let policy = Policy {
        empty,
        compare: Cut { query: cut_query, path: cut_path }.into(),
        allow: entries(whitelist, WHITELIST, &entry)?,
        deny: blacklist.map_or(Ok(Vec::new()), |list| entries(list, BLACKLIST, &entry))?,
    };
    Ok((within_limit(policy, max_list_bytes)?, absent))
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

fn within_limit(policy: Policy, limit: usize) -> Result<Policy, InvalidPolicy> {
    match policy.list_bytes() {
        bytes if bytes > limit => Err(InvalidPolicy::TooLarge { bytes, limit }),
        _ => Ok(policy),
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

fn entries(
    list: &Element,
    name: &'static str,
    read: impl Fn(&Element, &'static str) -> Result<Option<Pattern>, InvalidPolicy>,
) -> Result<Vec<Pattern>, InvalidPolicy> {
    refuse_text(list, name)?;
    if list.all(ENTRY).any(|entry| !entry.children().is_empty()) {
        return Err(InvalidPolicy::NestedEntry);
    }
    list.all(ENTRY).filter_map(|entry| read(entry, name).transpose()).collect()
}

fn refuse_text(container: &Element, name: &'static str) -> Result<(), InvalidPolicy> {
    if container.text().is_empty() { Ok(()) } else { Err(InvalidPolicy::StrayText(name)) }
}
