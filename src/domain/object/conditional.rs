//! Conditional requests.
//!
//! Sources: RFC 9110, section 13.2.2 (order); OSS "GetObject" (304 and 412), "CopyObject".

use super::ETag;
use crate::domain::time::{UnixMillis, parse_http_date, parse_rfc3339};

/// The conditions of a request, as its headers have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the headers of the same names")]
pub struct Conditions<'a> {
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub if_modified_since: Option<&'a str>,
    pub if_unmodified_since: Option<&'a str>,
    pub if_range: Option<&'a str>,
}

/// What the conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request proceeds.
    Proceed,
    /// The client has this version: status 304.
    NotModified,
    /// A condition does not hold: status 412.
    Failed,
}

impl Conditions<'_> {
    /// Judges a GET or HEAD of an object. An entity tag overrules the date beside it; a date that
    /// cannot be read counts as absent.
    pub fn judge(&self, etag: &ETag, modified: UnixMillis) -> Outcome {
        let after = |date: &str| read_date(date).map(|d| modified.as_secs() > d.as_secs());
        let failed = match (self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => !lists(tags, etag),
            (None, Some(date)) => after(date).unwrap_or(false),
            (None, None) => false,
        };
        let unchanged = match (self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => lists(tags, etag),
            (None, Some(date)) => after(date).is_some_and(|after| !after),
            (None, None) => false,
        };
        match (failed, unchanged) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::NotModified,
            (false, false) => Outcome::Proceed,
        }
    }

    /// Whether a `Range` still counts: `If-Range` names this version, by tag or by date, or is
    /// absent.
    pub fn range_counts(&self, etag: &ETag, modified: UnixMillis) -> bool {
        match self.if_range.map(str::trim) {
            None => true,
            Some(tag) if tag.starts_with('"') => tag.trim_matches('"') == etag.as_str(),
            Some(date) => {
                parse_http_date(date).is_some_and(|date| date.as_secs() == modified.as_secs())
            }
        }
    }
}

/// Reads a date. The manual shows those of a copy's conditions as in XML bodies.
fn read_date(text: &str) -> Option<UnixMillis> {
    parse_http_date(text).or_else(|| parse_rfc3339(text))
}

/// Whether a list of entity tags has this one. Quotes may be missing, as SDKs leave them out, and
/// `W/` does not count: all of our tags are strong. Hexadecimal case does not count either.
fn lists(tags: &str, etag: &ETag) -> bool {
    tags.split(',').map(str::trim).any(|tag| {
        let bare = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
        tag == "*" || bare.eq_ignore_ascii_case(etag.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Conditions<'static> = Conditions {
        if_match: None,
        if_none_match: None,
        if_modified_since: None,
        if_unmodified_since: None,
        if_range: None,
    };
    const OLD: &str = "Wed, 28 Dec 2022 10:27:40 GMT";
    const SAME: &str = "Wed, 28 Dec 2022 10:27:41 GMT";
    const NEW: &str = "Wed, 28 Dec 2022 10:27:42 GMT";

    fn object() -> (ETag, UnixMillis) {
        // Written within a second, of which HTTP dates show nothing.
        (ETag::from_stored("5D41402ABC4B2A76B9719D911017C592"), UnixMillis(1_672_223_261_789))
    }

    #[test]
    fn judgements() {
        use Outcome::{Failed, NotModified, Proceed};
        let this = Some("\"5D41402ABC4B2A76B9719D911017C592\"");
        let bare = Some("5d41402abc4b2a76b9719d911017c592");
        let many = Some("\"x\", W/\"5D41402ABC4B2A76B9719D911017C592\"");
        let other = Some("\"x\"");
        #[rustfmt::skip]
        let table = [
            ("no condition",                Conditions { ..NONE }, Proceed),
            ("if-match holds",              Conditions { if_match: this, ..NONE }, Proceed),
            ("if-match without quotes",     Conditions { if_match: bare, ..NONE }, Proceed),
            ("if-match fails",              Conditions { if_match: other, ..NONE }, Failed),
            ("if-match any",                Conditions { if_match: Some("*"), ..NONE }, Proceed),
            ("if-none-match, the same",     Conditions { if_none_match: this, ..NONE }, NotModified),
            ("if-none-match, one of many",  Conditions { if_none_match: many, ..NONE }, NotModified),
            ("if-none-match, another",      Conditions { if_none_match: other, ..NONE }, Proceed),
            ("modified since",              Conditions { if_modified_since: Some(OLD), ..NONE }, Proceed),
            ("not modified since",          Conditions { if_modified_since: Some(SAME), ..NONE }, NotModified),
            ("unmodified since",            Conditions { if_unmodified_since: Some(SAME), ..NONE }, Proceed),
            ("modified after all",          Conditions { if_unmodified_since: Some(OLD), ..NONE }, Failed),
            ("the manual's form of a date",  Conditions { if_modified_since: Some("2022-12-28T10:27:41.000Z"), ..NONE }, NotModified),
            ("a tag overrules the date",    Conditions { if_none_match: other, if_modified_since: Some(NEW), ..NONE }, Proceed),
            ("the same for the other pair", Conditions { if_match: this, if_unmodified_since: Some(OLD), ..NONE }, Proceed),
            ("412 before 304",              Conditions { if_match: other, if_none_match: this, ..NONE }, Failed),
            ("an unreadable date is absent", Conditions { if_modified_since: Some("soon"), ..NONE }, Proceed),
        ];
        let (etag, modified) = object();
        for (name, conditions, want) in table {
            assert_eq!(conditions.judge(&etag, modified), want, "{name}");
        }
    }

    #[test]
    fn a_range_counts_for_the_version_it_was_meant_for() {
        let (etag, modified) = object();
        #[rustfmt::skip]
        let table = [
            (None, true),
            (Some("\"5D41402ABC4B2A76B9719D911017C592\""), true),
            (Some("\"x\""), false),
            (Some("W/\"5D41402ABC4B2A76B9719D911017C592\""), false),
            (Some(SAME), true),
            (Some(OLD), false),
            (Some("soon"), false),
        ];
        for (if_range, want) in table {
            let conditions = Conditions { if_range, ..NONE };
            assert_eq!(conditions.range_counts(&etag, modified), want, "{if_range:?}");
        }
    }
}
