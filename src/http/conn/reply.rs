//! Answers, as a service hands them to their connection.

use axum::body::Body;
use http::header::Entry;
use http::{HeaderName, HeaderValue, Response};

use crate::domain::name::RequestId;
use crate::service::lines::{HeaderLines, write_line};

/// An answer. On a connection that takes lines, headers stand beside those of the response as they
/// are sent: no map of them is made to be taken apart again.
#[derive(Debug, Default)]
pub struct Reply {
    /// Status, headers and body.
    pub response: Response<Body>,
    /// Lines of this answer alone; `None` if the connection takes no lines.
    own: Option<Vec<u8>>,
    /// Lines that many answers have.
    prepared: HeaderLines,
}

/// A header that many answers have, also as it is sent. Made by `fixed!`.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// The name, in lower case.
    pub name: &'static str,
    /// The value.
    pub value: &'static str,
    /// Both, with the end of the line.
    pub line: &'static str,
}

/// A [`Fixed`] header of two literals. What cannot be one does not compile.
macro_rules! fixed {
    ($name:literal, $value:literal) => {{
        const {
            core::mem::forget(http::HeaderName::from_static($name));
            core::mem::forget(http::HeaderValue::from_static($value));
        }
        let line = concat!($name, ": ", $value, "\r\n");
        $crate::http::conn::Fixed { name: $name, value: $value, line }
    }};
}
pub(in crate::http) use fixed;

impl From<Response<Body>> for Reply {
    fn from(response: Response<Body>) -> Self {
        Self { response, ..Self::default() }
    }
}

impl Reply {
    /// An answer for a connection that takes lines or does not.
    pub fn new(response: Response<Body>, takes_lines: bool) -> Self {
        /// About what the lines take that every answer has.
        const USUAL: usize = 256;
        let own = takes_lines.then(|| Vec::with_capacity(USUAL));
        Self { response, own, prepared: HeaderLines::default() }
    }

    /// The same with lines that were prepared. There are none if the connection takes no lines.
    #[must_use]
    pub fn with_lines(self, prepared: Option<HeaderLines>) -> Self {
        debug_assert!(prepared.is_none() || self.own.is_some(), "{self:?}");
        Self { prepared: prepared.unwrap_or_default(), ..self }
    }

    /// Adds a header that the answer does not have yet.
    pub fn add(&mut self, name: HeaderName, value: &HeaderValue) {
        debug_assert!(self.has_no(&name), "{name} would stand twice: {self:?}");
        match &mut self.own {
            Some(lines) => write_line(lines, name.as_str(), value.as_bytes()),
            None => {
                self.response.headers_mut().insert(name, value.clone());
            }
        }
    }

    /// Adds the id of the request.
    pub fn add_id(&mut self, name: HeaderName, id: &RequestId) {
        self.add_unchecked(name, &id.digits());
    }

    /// Adds a header with a word of the program for its value.
    pub fn add_word(&mut self, name: HeaderName, word: &'static str) {
        self.add_unchecked(name, word.as_bytes());
    }

    /// Adds a header with a value of ours, which needs no check in a line, and that the answer does not
    /// have yet.
    fn add_unchecked(&mut self, name: HeaderName, value: &[u8]) {
        debug_assert!(value.iter().all(u8::is_ascii_graphic), "{name}: {value:?}");
        debug_assert!(self.has_no(&name), "{name} would stand twice: {self:?}");
        if let Some(lines) = &mut self.own {
            write_line(lines, name.as_str(), value);
        } else if let Ok(value) = HeaderValue::from_bytes(value) {
            self.response.headers_mut().insert(name, value);
        }
    }

    /// Adds a header that is there in full, and that the answer does not have yet.
    pub fn add_fixed(&mut self, header: Fixed) {
        let Fixed { name, value, line } = header;
        debug_assert!(
            self.has_no(&HeaderName::from_static(name)),
            "{name} would stand twice: {self:?}"
        );
        match &mut self.own {
            Some(lines) => lines.extend_from_slice(line.as_bytes()),
            None => self.add(HeaderName::from_static(name), &HeaderValue::from_static(value)),
        }
    }

    /// Whether a header that is added does not stand twice; in a map it takes the other's place.
    fn has_no(&self, name: &HeaderName) -> bool {
        let in_lines = self.own.as_ref().is_some_and(|own| {
            let named = |line: &[u8]| line.starts_with(format!("{name}: ").as_bytes());
            self.response.headers().contains_key(name) || own.split(|it| *it == b'\n').any(named)
        });
        !in_lines && self.prepared.get(name).is_none()
    }

    /// Takes a header out that it had before any was [added](Self::add), with all of its lines.
    pub fn take(&mut self, name: &HeaderName) -> Vec<HeaderValue> {
        let mut values = Vec::new();
        if let Some(value) = self.prepared.get(name) {
            self.prepared = self.prepared.without(std::slice::from_ref(name));
            values.push(value);
        }
        let headers = self.response.headers_mut();
        // An empty map that is asked for a place for a name takes memory for it.
        if headers.contains_key(name)
            && let Entry::Occupied(lines) = headers.entry(name)
        {
            values.extend(lines.remove_entry_mult().1);
        }
        values
    }

    /// Its lines: those of its own, and those that were prepared.
    pub(super) fn lines(&self) -> (&[u8], &HeaderLines) {
        (self.own.as_deref().unwrap_or_default(), &self.prepared)
    }

    /// The response, of a connection that takes no lines.
    pub(super) fn into_response(self) -> Response<Body> {
        debug_assert!(self.own.is_none(), "lines that nobody writes: {self:?}");
        self.response
    }
}
