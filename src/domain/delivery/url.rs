//! The URLs that are signed for delivery domains.

use crate::domain::op::HostName;
use crate::domain::urlsign::Target;

/// The longest URL that is signed: as long as a head can be, and room for the signature.
const MAX_BYTES: usize = 16 * 1024;

/// A URL in parts, or a path alone. What follows `#` is for the client, and is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkUrl<'a> {
    /// `http://host:port`, as it was written; empty for a path.
    pub origin: &'a str,
    /// The path and the query.
    rest: &'a str,
}

/// Why a text is no URL that can be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is too long.
    #[error("a URL has at most {MAX_BYTES} bytes")]
    Length,
    /// It is neither a URL nor a path.
    #[error("it is no URL that begins with http:// or https://")]
    Form,
    /// It has no host, or one that is none.
    #[error("its host is not a host name with an optional port")]
    Host,
}

impl<'a> LinkUrl<'a> {
    /// Reads a URL, or a path that begins with `/`.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`].
    pub fn read(text: &'a str) -> Result<Self, InvalidUrl> {
        if text.len() > MAX_BYTES {
            return Err(InvalidUrl::Length);
        }
        let (url, _) = text.split_at(text.find('#').unwrap_or(text.len()));
        if url.starts_with('/') {
            return Ok(Self { origin: "", rest: url });
        }
        let start = ["http://", "https://"].into_iter().find(|scheme| {
            url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let start = start.ok_or(InvalidUrl::Form)?.len();
        let after = url.get(start..).unwrap_or_default();
        let end = start + after.find(['/', '?']).unwrap_or(after.len());
        let (origin, rest) = url.split_at(end);
        let url = Self { origin, rest };
        url.host().map(|_| url)
    }

    /// The host; `None` for a path.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl::Host`].
    pub fn host(&self) -> Result<Option<HostName>, InvalidUrl> {
        let Some((_, authority)) = self.origin.split_once("://") else { return Ok(None) };
        HostName::of_authority(authority).map(Some).map_err(|_| InvalidUrl::Host)
    }

    /// The path and the query. A URL without a path has the path `/`.
    pub fn target(&self) -> Target<'a> {
        let target = Target::split(self.rest);
        if target.path.is_empty() { Target { path: "/", ..target } } else { target }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_in_parts() {
        let target = |path, query| Target { path, query };
        #[rustfmt::skip]
        let table = [
            ("a URL",            "http://a.com/b/c.mp4",     Some("a.com"), "http://a.com",      target("/b/c.mp4", None)),
            ("with a port",      "HTTPS://A.com:8443/b?x=1", Some("a.com"), "HTTPS://A.com:8443", target("/b", Some("x=1"))),
            ("a fragment",       "http://a.com/b#c?d",       Some("a.com"), "http://a.com",      target("/b", None)),
            ("a query alone",    "http://a.com?x",           Some("a.com"), "http://a.com",      target("/", Some("x"))),
            ("nothing else",     "http://a.com",             Some("a.com"), "http://a.com",      target("/", None)),
            ("a path",           "/b?x#y",                   None,          "",                  target("/b", Some("x"))),
            ("a path of slashes", "//a.com/b",               None,          "",                  target("//a.com/b", None)),
        ];
        for (name, text, host, origin, want) in table {
            let url = LinkUrl::read(text).unwrap();
            let got = url.host().unwrap();
            assert_eq!(got.as_ref().map(HostName::as_str), host, "{name}");
            assert_eq!((url.origin, url.target()), (origin, want), "{name}");
        }
    }

    #[test]
    fn what_is_no_url() {
        let long = format!("/{}", "a".repeat(MAX_BYTES));
        #[rustfmt::skip]
        let table = [
            ("nothing",        "",                  InvalidUrl::Form),
            ("a fragment",     "#http://a.com/",    InvalidUrl::Form),
            ("a host alone",   "a.com/b",           InvalidUrl::Form),
            ("another scheme", "ftp://a.com/b",     InvalidUrl::Form),
            ("script",         "javascript:a()",    InvalidUrl::Form),
            ("one slash",      "http:/a.com/b",     InvalidUrl::Form),
            ("no host",        "http:///b",         InvalidUrl::Host),
            ("a user",         "http://u@a.com/b",  InvalidUrl::Host),
            ("a password",     "http://u:p@a.com/", InvalidUrl::Host),
            ("a space",        "http://a .com/b",   InvalidUrl::Host),
            ("too long",       &long,               InvalidUrl::Length),
        ];
        for (name, text, want) in table {
            assert_eq!(LinkUrl::read(text), Err(want), "{name}");
        }
    }
}
