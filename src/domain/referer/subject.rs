//! From the header lines of a request to what patterns are matched against.

use std::borrow::Cow;

use super::Compare;
use crate::domain::encode::lossy;
use crate::domain::scan::none_is;

/// A referer of more bytes than this, blanks around it aside, is never compared: no browser sends
/// one. W3C "Referrer Policy" cuts a referrer of over 4096 characters to its origin. Cutting it
/// here too would let a client choose what is compared, and comparing it would let a client choose
/// how long a decision takes.
pub const MAX_REFERER_BYTES: usize = 4096;

/// More `Referer` lines than this are not looked at. A request has at most one; a careless proxy
/// may add another.
pub const MAX_LINES: usize = 4;

/// The `Referer` of a request: all of its header lines, without the blanks around them. Reading
/// one borrows from the request and allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Referers<'r> {
    lines: [&'r [u8]; MAX_LINES],
    /// How many there are; over [`MAX_LINES`] when there are too many.
    count: usize,
}

impl<'r> Referers<'r> {
    /// Takes the values of all `Referer` header lines of a request, as they came.
    ///
    /// ```
    /// use refgate::domain::referer::Referers;
    ///
    /// assert_eq!(Referers::read([]), Referers::read([b" \t".as_slice()]));
    /// ```
    pub fn read(values: impl IntoIterator<Item = &'r [u8]>) -> Self {
        let mut referers = Self { lines: [b""; MAX_LINES], count: 0 };
        for value in values {
            if let Some(line) = referers.lines.get_mut(referers.count) {
                *line = trim(value);
            }
            referers.count = referers.count.saturating_add(1);
        }
        // A request without the header is decided like one whose header is empty.
        referers.count = referers.count.clamp(1, MAX_LINES + 1);
        referers
    }

    /// The lines, at least one; `None` when they are too many to be looked at.
    pub(super) fn lines(&self) -> Option<&[&'r [u8]]> {
        self.lines.get(..self.count)
    }

    /// The line of a request that has one; empty if it has none. `None` for a request of several.
    pub fn sole(&self) -> Option<&'r [u8]> {
        match self.lines()? {
            [line] => Some(line),
            _ => None,
        }
    }
}

/// Cuts the optional white space of RFC 9110, section 5.6.3.
fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// What patterns are matched against: the part of a line that the policy compares, in ASCII lower
/// case. Borrows from the line where nothing had to change.
pub(super) fn subject(line: &[u8], compare: Compare) -> Cow<'_, str> {
    match lossy(line) {
        Cow::Borrowed(text) => truncate(text, compare),
        Cow::Owned(text) => Cow::Owned(truncate(&text, compare).into_owned()),
    }
}

/// Whether what is compared of a referer is known from its beginning: nothing that may follow
/// changes it.
pub fn is_settled(beginning: &[u8], compare: Compare) -> bool {
    let now = subject(beginning, compare);
    [b"x".as_slice(), b"/x"].iter().all(|rest| subject(&[beginning, rest].concat(), compare) == now)
}

fn truncate(text: &str, compare: Compare) -> Cow<'_, str> {
    match compare {
        Compare::WithQuery => lower(text),
        Compare::WithPath => lower(before_query(text)),
        Compare::Origin => {
            let origin = before_path(before_query(text));
            // Appends the slash, unless it stands in the text just behind the origin.
            match text.get(..=origin.len()) {
                Some(slashed) if slashed.ends_with('/') => lower(slashed),
                _ => Cow::Owned(origin.to_ascii_lowercase() + "/"),
            }
        }
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if none_is(text, |b| u8::from(b.wrapping_sub(b'A') <= b'Z' - b'A')) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_ascii_lowercase())
    }
}

/// The text up to `?` or `#`.
pub(super) fn before_query(text: &str) -> &str {
    let end = memchr::memchr2(b'?', b'#', text.as_bytes());
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// `scheme://authority` of an URL. Of anything else, what precedes the first slash: a `://` behind
/// another slash is part of a path.
pub(super) fn before_path(url: &str) -> &str {
    let slash = |text: &str| memchr::memchr(b'/', text.as_bytes());
    let Some(first) = slash(url) else { return url };
    let (scheme, rest) = url.split_at(first);
    let Some(authority) = rest.strip_prefix("//").filter(|_| scheme.ends_with(':')) else {
        return scheme;
    };
    slash(authority).and_then(|path| url.get(..first + "//".len() + path)).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(name, referer, with query, with path, origin)`.
    type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

    #[rustfmt::skip]
    const SUBJECTS: &[Row] = &[
        ("a full URL", "http://a.com/b/c?d#e", "http://a.com/b/c?d#e", "http://a.com/b/c", "http://a.com/"),
        ("case", "HTTPS://WWW.Good.COM/Ä", "https://www.good.com/Ä", "https://www.good.com/Ä", "https://www.good.com/"),
        ("Safari's origin has no slash", "http://a.com", "http://a.com", "http://a.com", "http://a.com/"),
        ("Chrome's origin has one", "http://a.com/", "http://a.com/", "http://a.com/", "http://a.com/"),
        ("two slashes are cut to one", "http://a.com//b", "http://a.com//b", "http://a.com//b", "http://a.com/"),
        ("a query without a path", "http://a.com?b/c", "http://a.com?b/c", "http://a.com", "http://a.com/"),
        ("a fragment without a path", "https://evil.com#.good.com/", "https://evil.com#.good.com/", "https://evil.com", "https://evil.com/"),
        ("? within a fragment", "http://a.com/b#c?d", "http://a.com/b#c?d", "http://a.com/b", "http://a.com/"),
        ("%3F is not a query", "http://a.com/b%3Fc", "http://a.com/b%3fc", "http://a.com/b%3fc", "http://a.com/"),
        ("a port", "http://a.com:8080/b", "http://a.com:8080/b", "http://a.com:8080/b", "http://a.com:8080/"),
        ("IPv6", "http://[::1]:8080/b", "http://[::1]:8080/b", "http://[::1]:8080/b", "http://[::1]:8080/"),
        ("user information stays", "https://good.com@evil.com/", "https://good.com@evil.com/", "https://good.com@evil.com/", "https://good.com@evil.com/"),
        ("a password stays", "https://good.com:x@evil.com/b", "https://good.com:x@evil.com/b", "https://good.com:x@evil.com/b", "https://good.com:x@evil.com/"),
        ("a backslash is a character", "https:\\\\good.com\\b", "https:\\\\good.com\\b", "https:\\\\good.com\\b", "https:\\\\good.com\\b/"),
        ("one slash", "https:/good.com/b", "https:/good.com/b", "https:/good.com/b", "https:/"),
        ("three slashes", "https:///good.com/b", "https:///good.com/b", "https:///good.com/b", "https:///"),
        ("no scheme", "good.com/b", "good.com/b", "good.com/b", "good.com/"),
        ("no scheme, no path", "good.com", "good.com", "good.com", "good.com/"),
        ("no scheme, two slashes", "//good.com/b", "//good.com/b", "//good.com/b", "/"),
        ("a URL within the path", "evil.com/http://good.com/b", "evil.com/http://good.com/b", "evil.com/http://good.com/b", "evil.com/"),
        ("a URL within the path of a URL", "https://evil.com/https://good.com/", "https://evil.com/https://good.com/", "https://evil.com/https://good.com/", "https://evil.com/"),
        ("a blob", "blob:https://good.com/b", "blob:https://good.com/b", "blob:https://good.com/b", "blob:https://good.com/"),
        ("an app", "android-app://com.x/b", "android-app://com.x/b", "android-app://com.x/b", "android-app://com.x/"),
        ("no authority", "about:blank", "about:blank", "about:blank", "about:blank/"),
        ("null", "null", "null", "null", "null/"),
        ("a file", "file:///home/b", "file:///home/b", "file:///home/b", "file:///"),
        ("a query alone is not empty", "?b", "?b", "", "/"),
        ("escapes stay", "https://good.com%2eevil.net%00%0D", "https://good.com%2eevil.net%00%0d", "https://good.com%2eevil.net%00%0d", "https://good.com%2eevil.net%00%0d/"),
        ("multi-byte characters", "http://中。文/ü?é", "http://中。文/ü?é", "http://中。文/ü", "http://中。文/"),
        ("a multi-byte character behind the origin", "http://a.com?é", "http://a.com?é", "http://a.com", "http://a.com/"),
    ];

    #[test]
    fn subjects() {
        for (name, referer, query, path, origin) in SUBJECTS {
            let cut = |compare| subject(referer.as_bytes(), compare);
            assert_eq!(cut(Compare::WithQuery), *query, "{name}, with query");
            assert_eq!(cut(Compare::WithPath), *path, "{name}, with path");
            assert_eq!(cut(Compare::Origin), *origin, "{name}, origin");
        }
    }

    #[test]
    fn a_usual_subject_is_borrowed() {
        for compare in [Compare::WithQuery, Compare::WithPath, Compare::Origin] {
            let cut = subject(b"https://a.com/b", compare);
            assert!(matches!(cut, Cow::Borrowed(_)), "{compare:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_read_lossily() {
        assert_eq!(subject(b"\x80", Compare::WithPath), "\u{fffd}");
        assert_eq!(
            subject(b"HTTP://\xd6\xd0.com/A?\xff", Compare::Origin),
            "http://\u{fffd}\u{fffd}.com/"
        );
    }

    #[test]
    fn lines_are_trimmed_and_counted() {
        let lines = |values: &[&'static str]| {
            Referers::read(values.iter().map(|value| value.as_bytes()))
                .lines()
                .map(|lines| lines.iter().map(|l| String::from_utf8_lossy(l)).collect::<Vec<_>>())
        };
        assert_eq!(lines(&[]), Some(vec!["".into()]), "absent is empty");
        assert_eq!(lines(&[""]), Some(vec!["".into()]));
        assert_eq!(lines(&["  \t "]), Some(vec!["".into()]));
        assert_eq!(lines(&[" a b\t", ""]), Some(vec!["a b".into(), "".into()]));
        assert_eq!(lines(&["\u{a0}"]), Some(vec!["\u{a0}".into()]), "only SP and HTAB are blank");
        assert_eq!(lines(&["a"; MAX_LINES]).map(|lines| lines.len()), Some(MAX_LINES));
        assert_eq!(lines(&["a"; MAX_LINES + 1]), None);
    }
}
