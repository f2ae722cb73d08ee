//! The origin of a referer: who sent the visitor.

/// An origin of more bytes than this is no origin: a host name has at most 253.
pub const MAX_ORIGIN_BYTES: usize = 300;

/// The origin of an empty referer.
const NONE: &str = "(none)";

/// The origin of a referer that has none.
pub(super) const MALFORMED: &str = "(malformed)";

/// `scheme://host[:port]` of a referer, in ASCII lower case; `(none)` for an empty one,
/// `(malformed)` for one without an origin. No origin begins with `(`.
///
/// User information is not part of it: `https://good.com@evil.com/` comes from `evil.com`. A `\`
/// ends a host like `/` does, as browsers have it.
///
/// ```
/// use refgate::domain::stats::origin;
///
/// assert_eq!(origin("HTTPS://WWW.Example.com:8080/a?b"), "https://www.example.com:8080");
/// assert_eq!(origin(""), "(none)");
/// assert_eq!(origin("about:blank"), "(malformed)");
/// ```
pub fn origin(referer: &str) -> String {
    if referer.is_empty() {
        return NONE.to_owned();
    }
    read(referer).unwrap_or_else(|| MALFORMED.to_owned())
}

fn read(referer: &str) -> Option<String> {
    // A `://` behind an earlier colon would follow what is no scheme.
    let (scheme, rest) = referer.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    // Every request that is counted comes by here, so nothing is looked for by characters.
    let end = rest.bytes().position(|b| matches!(b, b'/' | b'?' | b'#' | b'\\'));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    if !is_scheme(scheme) || !is_place(place) {
        return None;
    }
    let mut origin = [scheme, "://", place].concat();
    origin.make_ascii_lowercase();
    (origin.len() <= MAX_ORIGIN_BYTES).then_some(origin)
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && text.bytes().all(inner)
}

/// A host, perhaps with a port. Of the host no more is asked than that it can be shown: others
/// judge names.
fn is_place(text: &str) -> bool {
    let shown = |c: char| match c {
        '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}' => false,
        '\0'..='\x7f' => c.is_ascii_graphic(),
        _ => !c.is_whitespace() && !c.is_control(),
    };
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, "")) => (text, ""),
        Some((_, after)) => match after.strip_prefix(':') {
            Some(port) => (text, port),
            None => return false,
        },
        None => text.split_once(':').unwrap_or((text, "")),
    };
    !host.is_empty()
        && host.chars().all(shown)
        && port.len() <= 5
        && port.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rustfmt::skip]
    const ORIGINS: &[(&str, &str, &str)] = &[
        ("a page",                     "https://a.com/b?c#d",            "https://a.com"),
        ("an origin without a slash",  "http://a.com",                   "http://a.com"),
        ("case",                       "HTTP://WWW.A.com/B",             "http://www.a.com"),
        ("a port",                     "http://a.com:8080/",             "http://a.com:8080"),
        ("a query behind the host",    "http://a.com?b/c",               "http://a.com"),
        ("a fragment behind the host", "https://evil.com#.good.com/",    "https://evil.com"),
        ("user information",           "https://good.com@evil.com/",     "https://evil.com"),
        ("a password",                 "https://good.com:x@evil.com/",   "https://evil.com"),
        ("a backslash",                "https://evil.com\\.good.com/",   "https://evil.com"),
        ("a URL in the path",          "https://evil.com/https://a.com", "https://evil.com"),
        ("a URL in the query",         "https://evil.com?https://a.com", "https://evil.com"),
        ("IPv6",                       "http://[::1]:8080/",             "http://[::1]:8080"),
        ("IPv6 without a port",        "http://[::1]/",                  "http://[::1]"),
        ("an app",                     "android-app://com.x/b",          "android-app://com.x"),
        ("another script",             "http://中。文/ü",                 "http://中。文"),
        ("empty",                      "",                               "(none)"),
        ("null",                       "null",                           "(malformed)"),
        ("no authority",               "about:blank",                    "(malformed)"),
        ("a file",                     "file:///home/b",                 "(malformed)"),
        ("no scheme",                  "good.com/b",                     "(malformed)"),
        ("no scheme, two slashes",     "//good.com/b",                   "(malformed)"),
        ("one slash",                  "https:/good.com/b",              "(malformed)"),
        ("a scheme of digits",         "1://a.com/",                     "(malformed)"),
        ("a port that is none",        "http://a.com:x/",                "(malformed)"),
        ("a host with a blank",        "http://a b/",                    "(malformed)"),
        ("text that imitates ours",    "(none)",                         "(malformed)"),
    ];

    #[test]
    fn origins() {
        for (name, referer, want) in ORIGINS {
            assert_eq!(origin(referer), *want, "{name}");
        }
        let long = format!("http://{}.com/", "a".repeat(MAX_ORIGIN_BYTES));
        assert_eq!(origin(&long), "(malformed)");
    }

    proptest! {
        #[test]
        fn an_origin_is_short_and_stays_what_it_is(referer in "\\PC{0,40}|[a:/@?#\\[\\]\\\\. ]{0,20}|https?://\\PC{0,400}") {
            let first = origin(&referer);
            prop_assert!(first.len() <= MAX_ORIGIN_BYTES);
            prop_assert!(first.chars().all(|c| !c.is_control()));
            if !first.starts_with('(') {
                prop_assert_eq!(origin(&first), first);
            }
        }
    }
}
