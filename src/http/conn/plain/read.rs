//! Which requests are plain.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use httparse::{EMPTY_HEADER, Status};

use crate::http::conn::{Headers, Parts, Request, RequestTarget};

/// The most header lines of a plain request. Browsers send about twenty.
const MOST_LINES: usize = 48;

/// The most of them that are kept for the next request of a connection, and how many bytes may have
/// come with them: a connection that waits holds these and no more.
const MOST_KEPT: (usize, usize) = (24, 2048);

/// What ends the first line of a plain request, behind its target.
const VERSION: &[u8] = b" HTTP/1.1\r\n";

/// Headers that change how a message is read or how its connection goes on.
const OF_MESSAGES: [HeaderName; 6] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    header::TE,
    header::TRAILER,
];

/// Reads the plain requests of one connection.
///
/// A plain request is a GET or a HEAD of HTTP/1.1 for a path of marks that need no escape, whose head is
/// there to its end, and which has no body and asks nothing of its connection but to keep it open.
///
/// What a client asks for one after the other differs in its first line, and mostly in nothing else. So
/// the last header lines are kept as they came, and where the same bytes follow a first line, what was
/// read of them is known.
#[derive(Debug, Default)]
pub(super) struct Reader {
    known: Option<Known>,
}

/// Header lines of a plain request with the end of its head, and what they say.
struct Known {
    lines: Bytes,
    headers: Headers,
}

impl std::fmt::Debug for Known {
    /// They can have secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("bytes", &self.lines.len()).finish_non_exhaustive()
    }
}

impl Reader {
    /// The first request of some bytes and the length of its head; `None` if it is not plain.
    pub(super) fn read(&mut self, bytes: &Bytes) -> Option<(Request, usize)> {
        self.read_known(bytes).or_else(|| self.read_new(bytes))
    }

    fn read_known(&self, bytes: &Bytes) -> Option<(Request, usize)> {
        let Known { lines, headers } = self.known.as_ref()?;
        let (method, start) = match bytes.as_ref() {
            [b'G', b'E', b'T', b' ', ..] => (Method::GET, 4),
            [b'H', b'E', b'A', b'D', b' ', ..] => (Method::HEAD, 5),
            _ => return None,
        };
        let end = start + memchr::memchr(b' ', bytes.get(start..)?)?;
        let rest = bytes.get(end..)?.strip_prefix(VERSION)?;
        if !rest.starts_with(lines) {
            return None;
        }
        let target = RequestTarget::plain(bytes.slice(start..end))?;
        let length = end + VERSION.len() + lines.len();
        Some((request(method, target, headers.clone()), length))
    }

    fn read_new(&mut self, bytes: &Bytes) -> Option<(Request, usize)> {
        let mut lines = [EMPTY_HEADER; MOST_LINES];
        let mut head = httparse::Request::new(&mut lines);
        let Ok(Status::Complete(length)) = head.parse(bytes) else { return None };
        let method = match head.method {
            Some("GET") => Method::GET,
            Some("HEAD") => Method::HEAD,
            _ => return None,
        };
        if head.version != Some(1) {
            return None;
        }
        let target = RequestTarget::plain(bytes.slice_ref(head.path?.as_bytes()))?;
        let count = head.headers.len();
        let headers = Headers::from(headers(bytes, head.headers)?);
        self.known = known((bytes, length), (count, &headers));
        Some((request(method, target, headers), length))
    }
}

fn request(method: Method, target: RequestTarget, headers: Headers) -> Request {
    let parts = Parts { method, target, version: Version::HTTP_11, headers };
    Request { parts, body: Body::empty() }
}

/// What is kept of a request. A signature is another for each, so nothing is of one that has one.
fn known((bytes, length): (&Bytes, usize), (count, headers): (usize, &Headers)) -> Option<Known> {
    let (most_lines, most_bytes) = MOST_KEPT;
    if count > most_lines || bytes.len() > most_bytes || headers.contains_key(header::AUTHORIZATION)
    {
        return None;
    }
    let start = memchr::memchr(b'\n', bytes)? + 1;
    Some(Known { lines: bytes.slice(start..length), headers: headers.clone() })
}

fn headers(bytes: &Bytes, lines: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
        let keeps_open = || line.value.eq_ignore_ascii_case(b"keep-alive");
        if OF_MESSAGES.contains(&name) || (name == header::CONNECTION && !keeps_open()) {
            return None;
        }
        // An empty value lies nowhere.
        let value = if line.value.is_empty() { Bytes::new() } else { bytes.slice_ref(line.value) };
        headers.append(name, HeaderValue::from_maybe_shared(value).ok()?);
    }
    Some(headers)
}
