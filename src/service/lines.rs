//! Headers that are written once and sent many times.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Header lines as they stand on the wire: `name: value`, each with its end.
///
/// They take a quarter of a [`HeaderMap`]'s memory, and an answer that has them all is one copy away.
/// Made from headers alone, so no line can end within a value.
#[derive(Clone, Debug, Default)]
pub struct HeaderLines {
    bytes: Bytes,
    /// A bit for each name, which two names can share: most that is asked for is not there.
    names: u64,
}

impl HeaderLines {
    /// Writes headers down.
    pub fn new(headers: &HeaderMap) -> Self {
        let (mut lines, mut names) = (Vec::new(), 0);
        for (name, value) in headers {
            names |= bit_of(name);
            write_line(&mut lines, name.as_str(), value.as_bytes());
        }
        Self { bytes: lines.into(), names }
    }

    /// The lines.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value of a header.
    pub fn get(&self, name: &HeaderName) -> Option<HeaderValue> {
        if self.names & bit_of(name) == 0 {
            return None;
        }
        self.value(self.lines().find_map(|line| value_of(line, name))?)
    }

    /// The lines but for those of some names.
    #[must_use]
    pub fn without(&self, names: &[HeaderName]) -> Self {
        let is_kept = |line: &&[u8]| names.iter().all(|name| value_of(line, name).is_none());
        let mut kept = Vec::with_capacity(self.bytes.len());
        for line in self.lines().filter(is_kept) {
            kept.extend_from_slice(line);
            kept.extend_from_slice(b"\r\n");
        }
        Self { bytes: kept.into(), names: self.names }
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
            rest = behind.strip_prefix(b"\r\n")?;
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

/// Writes a header as it stands on the wire.
pub fn write_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

/// The value of a line, if it is of that name.
fn value_of<'l>(line: &'l [u8], name: &HeaderName) -> Option<&'l [u8]> {
    line.strip_prefix(name.as_str().as_bytes())?.strip_prefix(b": ")
}

/// The bit of a name, by its length and its last byte.
fn bit_of(name: &HeaderName) -> u64 {
    let name = name.as_str().as_bytes();
    let last = name.last().copied().unwrap_or_default();
    1 << (name.len().wrapping_mul(11).wrapping_add(last.into()) % 64)
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
            (http::header::ETAG, HeaderValue::from_static("\"1\"")),
            (HeaderName::from_static("x-oss-meta-a"), HeaderValue::from_static("b: c")),
        ]);
        let lines = HeaderLines::new(&headers);
        assert_eq!(lines.as_bytes(), b"etag: \"1\"\r\nx-oss-meta-a: b: c\r\n");
    }
}
