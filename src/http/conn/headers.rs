//! The headers of requests.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use http::header::{AsHeaderName, GetAll};
use http::{HeaderMap, HeaderValue, header};

use crate::domain::name_set::NameSet;
use crate::domain::op::{HostName, InvalidHost};

static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

/// The headers of a request, with what is asked of all of them. The requests of a connection mostly bring
/// the same, and then share them: they are read once.
#[derive(Clone, Debug)]
pub struct Headers(Arc<Fields>);

#[derive(Debug)]
struct Fields {
    map: HeaderMap,
    names: NameSet,
    bytes: usize,
    host: Option<Result<HostName, InvalidHost>>,
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        let names = NameSet::of(map.keys());
        let bytes = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let mut hosts = map.get_all(header::HOST).iter();
        let only = hosts.next().filter(|_| hosts.next().is_none());
        let text = only.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let host = text.map(HostName::of_authority);
        Self(Arc::new(Fields { map, names, bytes, host }))
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
        if !self.may_have(&name) {
            return None;
        }
        let mut lines = self.0.map.get_all(name).iter();
        lines.next().filter(|_| lines.next().is_none())
    }

    /// How many bytes the lines take.
    pub fn bytes(&self) -> usize {
        self.0.bytes
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
