//! The parts of a pattern, as its owner will have thought of it: a scheme, a host, a path.

/// A normal pattern, taken apart. `lead`, `host` and `path` in a row are the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape<'p> {
    pub(super) scheme: Scheme,
    /// What precedes the host: `https://`, `*://`, `*`.
    pub(super) lead: &'p str,
    /// The host, with its port and wildcards.
    pub(super) host: &'p str,
    /// From the first slash behind the host on.
    pub(super) path: Option<&'p str>,
}

/// The scheme that a pattern asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
    /// A wildcard stands for it.
    Any,
    /// One that is no website's: `android-app://`, `mibrowser:`.
    Other,
    /// None, so that no URL begins like the pattern.
    Missing,
}

/// Beginnings that stand for both schemes; the longest first.
const ANY: [&str; 5] = ["http*://", "http?://", "*://", "*//", "*"];

impl<'p> Shape<'p> {
    pub(super) fn of(pattern: &'p str) -> Self {
        let (scheme, lead) = if pattern.starts_with("http://") {
            (Scheme::Http, "http://".len())
        } else if pattern.starts_with("https://") {
            (Scheme::Https, "https://".len())
        } else if let Some(any) = ANY.iter().find(|any| pattern.starts_with(**any)) {
            (Scheme::Any, any.len())
        } else {
            other(pattern)
        };
        let (lead, rest) = pattern.split_at_checked(lead).unwrap_or(("", pattern));
        match rest.find('/').and_then(|slash| rest.split_at_checked(slash)) {
            Some((host, path)) => Self { scheme, lead, host, path: Some(path) },
            None => Self { scheme, lead, host: rest, path: None },
        }
    }

    /// The schemes of websites that the pattern asks for.
    pub(super) const fn schemes(&self) -> &'static [&'static str] {
        match self.scheme {
            Scheme::Http => &["http://"],
            Scheme::Https => &["https://"],
            Scheme::Any => &["http://", "https://"],
            Scheme::Other | Scheme::Missing => &[],
        }
    }

    /// Whether the pattern asks for a host and nothing behind it.
    pub(super) fn is_origin(&self) -> bool {
        matches!(self.path, None | Some("/"))
    }

    /// What follows the host, at least a slash.
    pub(super) fn path_or_slash(&self) -> &'p str {
        self.path.unwrap_or("/")
    }

    /// Whether the first thing of the host is a wildcard: the one in it, or the one before it.
    fn begins_wild(&self) -> Option<&'p str> {
        self.host.strip_prefix('*').or_else(|| (self.lead == "*").then_some(self.host))
    }

    /// `a.com` of `*.a.com`.
    pub(super) fn apex(&self) -> Option<&'p str> {
        let domain = self.begins_wild()?.strip_prefix('.')?;
        (domain.contains('.') && !domain.contains(['*', '?', ':'])).then_some(domain)
    }

    /// `a.com` of `*a.com`, if that is a domain that is registered as it is: `*cdn.a.com` admits
    /// hosts of `a.com` alone.
    pub(super) fn domain_without_dot(&self) -> Option<&'p str> {
        let domain = self.begins_wild()?;
        (is_registered(domain) && !domain.contains(['*', '?', ':'])).then_some(domain)
    }
}

/// Names under which registries of countries register domains.
const SECOND_LEVEL: [&str; 9] = ["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];

/// Whether a name is one label and a suffix under which anybody can register. A guess without the
/// list of public suffixes, right for the common ones.
fn is_registered(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    match labels.as_slice() {
        [name, top] => !name.is_empty() && !top.is_empty(),
        [name, second, top] => !name.is_empty() && top.len() == 2 && SECOND_LEVEL.contains(second),
        _ => false,
    }
}

/// A scheme of an app, or none. `a.com:8080` has a port, not a scheme.
fn other(pattern: &str) -> (Scheme, usize) {
    let Some((scheme, rest)) = pattern.split_once(':') else { return (Scheme::Missing, 0) };
    let named = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-'));
    let port = rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '*' | '?' | '/'))
        && !rest.starts_with("//");
    if !named || port || scheme == "http" || scheme == "https" {
        return (Scheme::Missing, 0);
    }
    let slashes = if rest.starts_with("//") { "://".len() } else { ":".len() };
    (Scheme::Other, scheme.len() + slashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_patterns() {
        use Scheme::{Any, Http, Https, Missing, Other};
        #[rustfmt::skip]
        let table = [
            ("http://a.com", Http, "http://", "a.com", None),
            ("https://a.com:8/b/c", Https, "https://", "a.com:8", Some("/b/c")),
            ("*.a.com/", Any, "*", ".a.com", Some("/")),
            ("*://a.com", Any, "*://", "a.com", None),
            ("http*://a.com", Any, "http*://", "a.com", None),
            ("", Missing, "", "", None),
            ("a.com/b", Missing, "", "a.com", Some("/b")),
            ("localhost:8080", Missing, "", "localhost:8080", None),
            ("a.com:8080", Missing, "", "a.com:8080", None),
            ("http:/a.com", Missing, "", "http:", Some("/a.com")),
            ("android-app://com.x/", Other, "android-app://", "com.x", Some("/")),
            ("mibrowser:home", Other, "mibrowser:", "home", None),
        ];
        for (pattern, scheme, lead, host, path) in table {
            assert_eq!(Shape::of(pattern), Shape { scheme, lead, host, path }, "{pattern}");
        }
    }

    #[test]
    fn domains_behind_a_star() {
        #[rustfmt::skip]
        let table = [
            ("*.a.com", Some("a.com"), None),
            ("http://*.a.com/", Some("a.com"), None),
            ("*a.com", None, Some("a.com")),
            ("https://*a.co.uk/x", None, Some("a.co.uk")),
            ("*www.a.com", None, None),
            ("*.com", None, None),
            ("http://a.com", None, None),
            ("*://*.a.com/", Some("a.com"), None),
        ];
        for (pattern, apex, domain) in table {
            let shape = Shape::of(pattern);
            assert_eq!((shape.apex(), shape.domain_without_dot()), (apex, domain), "{pattern}");
        }
    }
}
