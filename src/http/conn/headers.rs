//! The headers of requests.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use http::header::{AsHeaderName, GetAll};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::domain::name_set::NameSet;
use crate::domain::op::{HostName, InvalidHost};

static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

const SELECTING: [HeaderName; 6] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
];

/// The headers of a request, with what is asked of all of them. The requests of a connection mostly bring
/// the same, and then share them: they are read once.
#[derive(Clone)]
pub struct Headers(Arc<Fields>);

impl fmt::Debug for Headers {
    /// The names alone: values can be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.map.keys()).finish()
    }
}

struct Fields {
    map: HeaderMap,
    names: NameSet,
    bytes: usize,
    select: bool,
    host: Option<Result<HostName, InvalidHost>>,
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        let names = NameSet::of(map.keys());
        let bytes = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let select = SELECTING.iter().any(|name| map.contains_key(name));
        let value = only(&map, header::HOST);
        let text = value.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let host = text.map(HostName::of_authority);
        Self(Arc::new(Fields { map, names, bytes, select, host }))
    }
}

impl From<Headers> for HeaderMap {
    fn from(Headers(fields): Headers) -> Self {
        Arc::try_unwrap(fields).map_or_else(|shared| shared.map.clone(), |own| own.map)
    }
}

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        &self.0.map
    }
}

impl Headers {
    /// All lines of a name. It is in lower case, here and below.
    pub fn get_all<K: AsHeaderName + AsRef<str>>(&self, name: K) -> GetAll<'_, HeaderValue> {
        // An empty map says it of a name that is there without reading it.
        if self.may_have(&name) { self.0.map.get_all(name) } else { NONE.get_all(header::HOST) }
    }

    /// The first line of a name.
    pub fn get<K: AsHeaderName + AsRef<str>>(&self, name: K) -> Option<&HeaderValue> {
        if self.may_have(&name) { self.0.map.get(name) } else { None }
    }

    /// Whether there is a line of a name.
    pub fn contains_key<K: AsHeaderName + AsRef<str>>(&self, name: K) -> bool {
        self.may_have(&name) && self.0.map.contains_key(name)
    }

    /// The value of a header that is given once.
    pub fn only<K: AsHeaderName + AsRef<str>>(&self, name: K) -> Option<&HeaderValue> {
        if self.may_have(&name) { only(&self.0.map, name) } else { None }
    }

    /// How many bytes the lines take.
    pub fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// Whether any of them makes the answer depend on what the client has, or wants a part of it
    /// (RFC 9110, sections 13 and 14).
    pub fn select(&self) -> bool {
        self.0.select
    }

    /// The host of the one `Host` header; `None` unless there is one, in UTF-8.
    pub fn host(&self) -> Option<Result<&HostName, InvalidHost>> {
        self.0.host.as_ref().map(|host| host.as_ref().map_err(|err| *err))
    }

    /// `false` if there is no line of a name. Most of what is asked for is not there, and this says so
    /// without hashing the name.
    pub fn may_have(&self, name: impl AsRef<str>) -> bool {
        debug_assert!(!name.as_ref().bytes().any(|byte| byte.is_ascii_uppercase()));
        self.0.names.may_have(name.as_ref())
    }
}

fn only(map: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut lines = map.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(lines: &[(&'static str, &'static str)]) -> Headers {
        let lines = lines.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(name, value);
        }
        map.into()
    }

    #[test]
    fn the_host_is_that_of_the_only_line() {
        #[rustfmt::skip]
        let table: [(&[_], _); 6] = [
            (&[("host", "B.Example.com:80")],      Some(Ok("b.example.com"))),
            (&[("referer", "http://a.com/")],      None),
            (&[("host", "a.com"), ("host", "a.com")], None),
            (&[("host", "a b")],                   Some(Err(InvalidHost))),
            (&[("host", "")],                      Some(Err(InvalidHost))),
            (&[("host", "\u{e4}.com")],            Some(Err(InvalidHost))),
        ];
        for (lines, want) in table {
            let headers = of(lines);
            assert_eq!(headers.host().map(|host| host.map(HostName::as_str)), want, "{lines:?}");
        }
    }

    #[test]
    fn a_header_counts_as_one_if_it_is_given_once() {
        let headers = of(&[("a", "1"), ("b", "2"), ("b", "3")]);
        assert_eq!(headers.only("a").map(HeaderValue::as_bytes), Some(b"1".as_slice()));
        assert_eq!((headers.only("b"), headers.only("c")), (None, None));
    }

    #[test]
    fn what_selects_is_known() {
        for name in SELECTING {
            let line = (name.clone(), HeaderValue::from_static("x"));
            assert!(Headers::from(HeaderMap::from_iter([line])).select(), "{name}");
        }
        assert!(!of(&[("host", "x"), ("referer", "x"), ("if-unmodified", "x")]).select());
    }

    proptest! {
        /// Looking for a header finds what the map has.
        #[test]
        fn what_is_looked_for_is_found(
            lines in prop::collection::vec(("[a-c]{1,2}|if-match|host|range", "[x-z]{0,2}"), 0..8),
            name in "[a-d]{1,2}|if-match|host|range",
        ) {
            let mut map = HeaderMap::new();
            for (name, value) in lines {
                map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            let headers = Headers::from(map.clone());
            let found: Vec<_> = headers.get_all(&*name).iter().collect();
            prop_assert_eq!(found, map.get_all(&*name).iter().collect::<Vec<_>>());
            prop_assert_eq!(headers.get(&*name), map.get(&*name));
            prop_assert_eq!(headers.contains_key(&*name), map.contains_key(&*name));
            let bytes: usize = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
            prop_assert_eq!(headers.bytes(), bytes);
            prop_assert_eq!(HeaderMap::from(headers.clone()), map.clone());
            prop_assert_eq!(&*headers, &map);
        }
    }
}
