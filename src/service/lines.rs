//! Headers that are written once and sent many times.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::domain::name_set::NameSet;

/// The headers of an answer with an object that a 304 has, too: those that a cache needs to go on
/// using what it has (RFC 9110, 15.4.5).
pub const OF_304: [HeaderName; 4] =
    [header::ETAG, header::LAST_MODIFIED, header::CACHE_CONTROL, header::EXPIRES];

/// How a line ends.
const END: &[u8] = b"\r\n";

/// Header lines as they stand on the wire: `name: value`, each with its end.
///
/// They take a quarter of a [`HeaderMap`]'s memory, and an answer that has them all is one copy away.
/// Made from headers alone, so no line can end within a value.
#[derive(Clone, Debug, Default)]
pub struct HeaderLines {
    bytes: Bytes,
    /// How many of the bytes are the lines that a 304 has, too. They come first.
    unmodified: usize,
    /// The length that they tell.
    length: Option<u64>,
    names: NameSet,
}

impl HeaderLines {
    /// Writes headers down.
    pub fn new(headers: &HeaderMap) -> Self {
        let mut lines = Vec::new();
        let mut write = |of_304: bool| {
            for (name, value) in headers.iter().filter(|it| OF_304.contains(it.0) == of_304) {
                write_line(&mut lines, name.as_str(), value.as_bytes());
            }
            lines.len()
        };
        let unmodified = write(true);
        write(false);
        let names = NameSet::of(headers.keys());
        Self { bytes: lines.into(), unmodified, length: length_of(headers), names }
    }

    /// The length of a body as they tell it, for whoever sends it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Those of them that a 304 has.
    #[must_use]
    pub fn of_not_modified(&self) -> Self {
        Self { bytes: self.bytes.slice(..self.unmodified), length: None, ..*self }
    }

    /// The lines.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value of a header.
    pub fn get(&self, name: &HeaderName) -> Option<HeaderValue> {
        if !self.names.may_have(name.as_str()) {
            return None;
        }
        self.value(self.lines().find_map(|line| value_of(line, name))?)
    }

    /// The lines but for those of some names.
    #[must_use]
    pub fn without(&self, names: &[HeaderName]) -> Self {
        let (mut kept, mut unmodified) = (Vec::with_capacity(self.bytes.len()), self.unmodified);
        let mut end = 0;
        for line in self.lines() {
            end += line.len() + END.len();
            if names.iter().all(|name| value_of(line, name).is_none()) {
                kept.extend_from_slice(line);
                kept.extend_from_slice(END);
            } else if end <= self.unmodified {
                unmodified -= line.len() + END.len();
            }
        }
        let length = self.length.filter(|_| !names.contains(&header::CONTENT_LENGTH));
        Self { bytes: kept.into(), unmodified, length, names: self.names }
    }

    /// The headers, with room for so many more.
    pub fn to_map(&self, more: usize) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.lines().count() + more);
        headers.extend(self.lines().filter_map(|line| {
            let (name, rest) = line.split_at_checked(memchr::memchr(b':', line)?)?;
            let value = self.value(rest.strip_prefix(b": ")?)?;
            Some((HeaderName::from_bytes(name).ok()?, value))
        }));
        headers
    }

    /// The lines without their ends.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_bytes();
        std::iter::from_fn(move || {
            let (line, behind) = rest.split_at_checked(memchr::memchr(b'\r', rest)?)?;
            rest = behind.strip_prefix(END)?;
            Some(line)
        })
    }

    /// A value of ours, which shares our memory.
    fn value(&self, value: &[u8]) -> Option<HeaderValue> {
        if value.is_empty() {
            return Some(HeaderValue::from_static(""));
        }
        HeaderValue::from_maybe_shared(self.bytes.slice_ref(value)).ok()
    }
}

/// The length of a body as headers tell it.
pub fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Writes a header as it stands on the wire.
pub fn write_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for piece in [name.as_bytes(), b": ", value, END] {
        out.extend_from_slice(piece);
    }
}

/// The value of a line, if it is of that name.
fn value_of<'l>(line: &'l [u8], name: &HeaderName) -> Option<&'l [u8]> {
    line.strip_prefix(name.as_str().as_bytes())?.strip_prefix(b": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever a header can hold comes back.
        #[test]
        fn what_is_written_is_read(pairs in prop::collection::vec(
            ("[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,20}", prop::collection::vec(any::<u8>(), 0..40)), 0..20,
        )) {
            let pairs = pairs.iter().filter_map(|(name, value)| {
                Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value).ok()?))
            });
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, value);
            }
            let lines = HeaderLines::new(&headers);
            prop_assert_eq!(&lines.to_map(3), &headers);
            for name in headers.keys() {
                prop_assert_eq!(lines.get(name), headers.get(name).cloned());
            }
            prop_assert_eq!(lines.get(&HeaderName::from_static("not-there-of-20-letters")), None);
            if let Some(name) = headers.keys().next().cloned() {
                headers.remove(&name);
                prop_assert_eq!(lines.without(&[name]).to_map(0), headers);
            }
        }
    }

    #[test]
    fn lines_stand_as_they_are_sent() {
        let headers = HeaderMap::from_iter([
            (header::ETAG, HeaderValue::from_static("\"1\"")),
            (HeaderName::from_static("x-oss-meta-a"), HeaderValue::from_static("b: c")),
        ]);
        let lines = HeaderLines::new(&headers);
        assert_eq!(lines.as_bytes(), b"etag: \"1\"\r\nx-oss-meta-a: b: c\r\n");
    }

    #[test]
    fn a_304_has_the_first_of_them() {
        let names = ["content-type", "etag", "content-length", "expires", "date"];
        let names = names.map(HeaderName::from_static);
        let value = HeaderValue::from_static("x");
        let lines = HeaderLines::new(
            &names.clone().map(|name| (name, value.clone())).into_iter().collect(),
        );
        let of_304 = lines.of_not_modified();
        assert_eq!(of_304.as_bytes(), b"etag: x\r\nexpires: x\r\n");
        assert_eq!(of_304.get(&header::CONTENT_LENGTH), None);
        for name in names {
            let fewer = lines.without(std::slice::from_ref(&name));
            let want = of_304.without(std::slice::from_ref(&name));
            assert_eq!(fewer.of_not_modified().as_bytes(), want.as_bytes(), "{name}");
            assert!(fewer.as_bytes().len() < lines.as_bytes().len(), "{name}");
        }
    }
}
