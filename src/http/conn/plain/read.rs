//! Which requests are plain.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use httparse::{EMPTY_HEADER, Status};

use crate::http::conn::{Parts, Request, RequestTarget};

/// The most header lines of a plain request. Browsers send about twenty.
const MOST_LINES: usize = 48;

/// Headers that change how a message is read or how its connection goes on.
const OF_MESSAGES: [HeaderName; 6] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    header::TE,
    header::TRAILER,
];

/// The first request of some bytes and the length of its head; `None` if it is not plain.
///
/// A plain request is a GET or a HEAD of HTTP/1.1 for a path of marks that need no escape, whose head is
/// there to its end, and which has no body and asks nothing of its connection but to keep it open.
pub(super) fn plain(bytes: &Bytes) -> Option<(Request, usize)> {
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
    let headers = headers(bytes, head.headers)?;
    let parts = Parts { method, target, version: Version::HTTP_11, headers };
    Some((Request { parts, body: Body::empty() }, length))
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
