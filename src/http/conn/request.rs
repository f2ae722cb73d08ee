//! Requests, as a connection hands them to its service.

use axum::body::Body;
use bytes::Bytes;
use bytestring::ByteString;
use http::uri::{Authority, InvalidUri, PathAndQuery};
use http::{Method, Uri, Version};

use super::Headers;
use crate::domain::scan::none_is;

/// A request as it came in.
#[derive(Debug)]
pub struct Request {
    /// Its head.
    pub parts: Parts,
    /// Its body.
    pub body: Body,
}

/// The head of a request.
#[derive(Debug)]
pub struct Parts {
    /// The method.
    pub method: Method,
    /// What is asked for.
    pub target: RequestTarget,
    /// The version of HTTP.
    pub version: Version,
    /// The headers.
    pub headers: Headers,
}

impl From<http::Request<Body>> for Request {
    fn from(request: http::Request<Body>) -> Self {
        let (http::request::Parts { method, uri, version, headers, .. }, body) =
            request.into_parts();
        let target = RequestTarget(Form::Parsed(uri));
        let parts = Parts { method, target, version, headers: headers.into() };
        Self { parts, body }
    }
}

impl TryFrom<Request> for http::Request<Body> {
    type Error = InvalidUri;

    fn try_from(Request { parts, body }: Request) -> Result<Self, InvalidUri> {
        let mut request = Self::new(body);
        *request.method_mut() = parts.method;
        *request.uri_mut() = match parts.target.0 {
            Form::Plain { text, .. } => Uri::from_maybe_shared(text.into_bytes())?,
            Form::Parsed(uri) => uri,
        };
        *request.version_mut() = parts.version;
        *request.headers_mut() = parts.headers.into();
        Ok(request)
    }
}

/// The target of a request, of which nothing is decoded (RFC 9112, section 3.2).
///
/// Of next to all requests it is a path with or without a query. A [`Uri`] looks for more than that, and
/// each of those who ask for a path or a query asks what form it has.
#[derive(Clone, Debug)]
pub struct RequestTarget(Form);

#[derive(Clone, Debug)]
enum Form {
    /// A path, and a query behind a `?`.
    Plain {
        text: ByteString,
        /// How long the path is.
        path: usize,
    },
    /// Any of them, as hyper read it.
    Parsed(Uri),
}

impl Default for RequestTarget {
    /// `/`.
    fn default() -> Self {
        Self(Form::Parsed(Uri::default()))
    }
}

impl RequestTarget {
    /// A path with or without a query; `None` if it has anything that a [`Uri`] may refuse or leave out.
    pub(super) fn plain(text: Bytes) -> Option<Self> {
        let text = ByteString::try_from(text).ok()?;
        let is_other = |b: u8| {
            // `"` and `#`, `<` and `>` differ in one bit each; `{`, `|` and `}` are neighbours.
            let is_mark = u8::from(b | 1 == b'#') | u8::from(b | 2 == b'>') | u8::from(b == b'`');
            let is_brace = u8::from(b.wrapping_sub(b'{') < 3);
            u8::from(b.wrapping_sub(b'!') > b'~' - b'!') | is_mark | is_brace
        };
        if !text.starts_with('/') || !none_is(&text, is_other) {
            return None;
        }
        let path = memchr::memchr(b'?', text.as_bytes()).unwrap_or(text.len());
        Some(Self(Form::Plain { text, path }))
    }

    /// The path; of a target that has none, nothing.
    pub fn path(&self) -> &str {
        match &self.0 {
            Form::Plain { text, path } => text.get(..*path).unwrap_or_default(),
            Form::Parsed(uri) => uri.path(),
        }
    }

    /// What stands behind the `?`.
    pub fn query(&self) -> Option<&str> {
        match &self.0 {
            Form::Plain { text, path } => text.get(path + 1..),
            Form::Parsed(uri) => uri.query(),
        }
    }

    /// How many bytes path and query take.
    pub fn length(&self) -> usize {
        match &self.0 {
            Form::Plain { text, .. } => text.len(),
            Form::Parsed(uri) => uri.path_and_query().map_or(0, |both| both.as_str().len()),
        }
    }

    /// The host, if the target names one.
    pub fn authority(&self) -> Option<&str> {
        match &self.0 {
            Form::Plain { .. } => None,
            Form::Parsed(uri) => uri.authority().map(Authority::as_str),
        }
    }

    /// The same on the same host with another path and another query.
    ///
    /// # Errors
    ///
    /// They cannot be those of a URI.
    pub fn leading_to(&self, path: &str, query: Option<&str>) -> Result<Self, http::Error> {
        let text = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut parts = match &self.0 {
            Form::Plain { .. } => http::uri::Parts::default(),
            Form::Parsed(uri) => uri.clone().into_parts(),
        };
        parts.path_and_query = Some(PathAndQuery::try_from(text)?);
        Ok(Self(Form::Parsed(Uri::from_parts(parts)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn targets_that_are_plain() {
        #[rustfmt::skip]
        let table = [
            ("/",              "/",              None),
            ("/b/k",           "/b/k",           None),
            ("/b/k?",          "/b/k",           Some("")),
            ("/?a=1&b",        "/",              Some("a=1&b")),
            ("/a?b?c",         "/a",             Some("b?c")),
            ("/%e4%bd%a0/~!$", "/%e4%bd%a0/~!$", None),
        ];
        for (text, path, query) in table {
            let target = RequestTarget::plain(text.into()).unwrap();
            assert_eq!((target.path(), target.query(), target.length()), (path, query, text.len()));
        }
        for text in ["", "*", "b/k", "http://h/b/k", "/a#b", "/a b", "/ä", "/a?<b>", "/a\0"] {
            assert!(RequestTarget::plain(text.into()).is_none(), "{text}");
        }
    }

    #[test]
    fn another_path_is_on_the_same_host() {
        let get = |uri: &'static str| {
            let mut request = http::Request::new(Body::empty());
            *request.uri_mut() = Uri::from_static(uri);
            Request::from(request).parts.target
        };
        let plain = RequestTarget::plain(Bytes::from_static(b"/a?b")).unwrap();
        for (target, host) in
            [(get("http://h:1/a?b"), Some("h:1")), (get("/a?b"), None), (plain, None)]
        {
            assert_eq!((target.path(), target.query(), target.length()), ("/a", Some("b"), 4));
            for (path, query) in [("/c/d", None), ("/c", Some("")), ("/c", Some("x=?"))] {
                let other = target.leading_to(path, query).unwrap();
                assert_eq!((other.path(), other.query(), other.authority()), (path, query, host));
            }
            assert!(target.leading_to("/a b", None).is_err());
        }
    }

    proptest! {
        /// What is plain is what a URI makes of it.
        #[test]
        fn a_plain_target_is_read_as_a_uri_is(text in "/[ -~\\x00\\x7fé]{0,40}") {
            if let Some(target) = RequestTarget::plain(Bytes::from(text.clone())) {
                let uri = Uri::try_from(text).unwrap();
                prop_assert_eq!(target.path(), uri.path());
                prop_assert_eq!(target.query(), uri.query());
                let parts = Parts {
                    method: Method::GET,
                    target,
                    version: Version::HTTP_11,
                    headers: http::HeaderMap::new().into(),
                };
                let request = Request { parts, body: Body::empty() };
                let request = http::Request::try_from(request).unwrap();
                prop_assert_eq!(request.uri(), &uri);
            }
        }
    }
}
