//! Which requests are plain.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use httparse::{EMPTY_HEADER, Status};

use crate::http::conn::{Headers, Parts, Request, RequestTarget};

/// The most header lines of a plain request. Browsers send about twenty.
const MOST_LINES: usize = 48;

/// The most of them that are kept for the next request of a connection, and of how many bytes the read may
/// be that they came with. With what is read of them, a connection that waits holds up to 5 KiB.
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

/// Headers of requests whose lines are not kept: a signature and a token are another for each or soon are,
/// and secrets that are not of use any more.
const OF_ONE_REQUEST: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("x-oss-security-token"),
    HeaderName::from_static("security-token"),
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
    /// The first request of some bytes and the length of its head; `None` if it is not plain. `whole` says
    /// that the bytes are all that were read together.
    pub(super) fn read(&mut self, bytes: &Bytes, whole: bool) -> Option<(Request, usize)> {
        self.read_known(bytes).or_else(|| self.read_new(bytes, whole))
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

    fn read_new(&mut self, bytes: &Bytes, whole: bool) -> Option<(Request, usize)> {
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
        let path = head.path?.as_bytes();
        let target = RequestTarget::plain(bytes.slice_ref(path))?;
        let count = head.headers.len();
        let headers = Headers::from(headers(bytes, head.headers)?);
        let behind_path = path.as_ptr_range().end.addr() - bytes.as_ptr().addr();
        let read = bytes.get(behind_path..length).filter(|_| whole && bytes.len() <= MOST_KEPT.1);
        let lines = read.and_then(|rest| rest.strip_prefix(VERSION));
        let may_keep =
            count <= MOST_KEPT.0 && !OF_ONE_REQUEST.iter().any(|it| headers.contains_key(it));
        let known = |lines| Known { lines: bytes.slice_ref(lines), headers: headers.clone() };
        self.known = lines.filter(|_| may_keep).map(known);
        Some((request(method, target, headers), length))
    }
}

fn request(method: Method, target: RequestTarget, headers: Headers) -> Request {
    let parts = Parts { method, target, version: Version::HTTP_11, headers };
    Request { parts, body: Body::empty() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_plain(bytes: &[u8]) -> Option<usize> {
        Reader::default().read(&Bytes::copy_from_slice(bytes), true).map(|(_, length)| length)
    }

    #[test]
    fn what_is_plain() {
        let get = |lines: &str| format!("GET /b/k HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        #[rustfmt::skip]
        let table = [
            ("a GET",                     get(""),                                  true),
            ("that keeps its connection", get("Connection: Keep-Alive\r\n"),        true),
            ("with a query",              get("").replace("/b/k", "/b/k?x=1&y"),    true),
            ("a HEAD",                    get("").replace("GET", "HEAD"),           true),
            ("an empty value",            get("Referer:\r\n"),                      true),
            ("many lines",                get(&"a: b\r\n".repeat(47)),              true),
            ("too many lines",            get(&"a: b\r\n".repeat(48)),              false),
            ("another method",            get("").replace("GET", "PUT"),            false),
            ("a method in small letters", get("").replace("GET", "get"),            false),
            ("HTTP/1.0",                  get("").replace("1.1", "1.0"),            false),
            ("an absolute target",        get("").replace("/b/k", "http://x/b/k"),  false),
            ("a mark to be escaped",      get("").replace("/b/k", "/b/{k}"),        false),
            ("a byte beyond ASCII",       get("").replace("/b/k", "/b/ä"),          false),
            ("a fragment",                get("").replace("/b/k", "/b/k#x"),        false),
            ("a target without a slash",  get("").replace("/b/k", "*"),             false),
            ("a body",                    get("Content-Length: 3\r\n"),             false),
            ("a body of nothing",         get("Content-Length: 0\r\n"),             false),
            ("chunks",                    get("Transfer-Encoding: chunked\r\n"),    false),
            ("another protocol",          get("Upgrade: h2c\r\n"),                  false),
            ("what it waits for",         get("Expect: 100-continue\r\n"),          false),
            ("that ends its connection",  get("Connection: close\r\n"),             false),
            ("two words for it",          get("Connection: keep-alive, TE\r\n"),    false),
            ("a folded line",             get("a: b\r\n c\r\n"),                    false),
            ("a blank before the colon",  get("a : b\r\n"),                         false),
            ("no HTTP",                   "\x16\x03\x01\r\n\r\n".to_owned(),        false),
        ];
        for (name, request, want) in table {
            assert_eq!(is_plain(request.as_bytes()), want.then_some(request.len()), "{name}");
            for end in 0..request.len() {
                assert_eq!(is_plain(&request.as_bytes()[..end]), None, "{name}: not whole");
            }
            let behind = format!("{request}GET / HT");
            assert_eq!(is_plain(behind.as_bytes()), want.then_some(request.len()), "{name}: more");
        }
    }

    #[test]
    fn a_request_has_all_that_its_head_says() {
        let bytes: &[u8] =
            b"GET /b/k%20?x=%2F HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: \xe9\r\n\r\n";
        let (request, _) = Reader::default().read(&Bytes::copy_from_slice(bytes), true).unwrap();
        assert_eq!(
            (request.parts.target.path(), request.parts.target.query()),
            ("/b/k%20", Some("x=%2F"))
        );
        assert_eq!(request.parts.headers["host"], "h");
        let two: Vec<_> =
            request.parts.headers.get_all("x-two").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(two, [b"1".as_slice(), b"\xe9"]);
    }

    /// Whether the second request is known to have the headers of the first.
    fn shares(first: &str, second: &str) -> bool {
        let mut reader = Reader::default();
        let mut read = |text: &str| {
            let (request, length) =
                reader.read(&Bytes::copy_from_slice(text.as_bytes()), true).unwrap();
            assert_eq!(length, text.len());
            request.parts.headers
        };
        std::ptr::eq(&raw const *read(first), &raw const *read(second))
    }

    #[test]
    fn header_lines_that_come_again_are_known() {
        let get = |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\n{lines}\r\n");
        let first = "Host: x\r\nReferer: http://a.com/\r\n";
        let signed = format!("{first}Authorization: OSS4-HMAC-SHA256 x\r\n");
        let long = format!("{first}Cookie: {}\r\n", "a".repeat(2048));
        #[rustfmt::skip]
        let table = [
            ("the same",               get("/a", first), get("/a", first),                             true),
            ("another target",         get("/a", first), get("/b/c?d", first),                         true),
            ("a HEAD",                 get("/a", first), get("/a", first).replace("GET", "HEAD"),      true),
            ("of another case",        get("/a", first), get("/a", &first.replace("Host", "host")),    false),
            ("one line more",          get("/a", first), get("/a", &format!("{first}Range: x\r\n")), false),
            ("one line fewer",         get("/a", first), get("/a", "Host: x\r\n"),                   false),
            ("in another order",       get("/a", first), get("/a", "Referer: http://a.com/\r\nHost: x\r\n"), false),
            ("ends without a return",  get("/a", first), get("/a", &first.replace('\r', "")),          false),
            ("with a signature",       get("/a", &signed), get("/a", &signed),                         false),
            ("long",                   get("/a", &long), get("/a", &long),                             false),
            ("many",                   get("/a", &"a: b\r\n".repeat(25)), get("/a", &"a: b\r\n".repeat(25)), false),
        ];
        for (name, first, second, want) in table {
            assert_eq!(shares(&first, &second), want, "{name}");
        }
        let mut reader = Reader::default();
        let mut kept = |text: &str, whole| {
            reader.read(&Bytes::copy_from_slice(text.as_bytes()), whole).unwrap();
            reader.known.is_some()
        };
        assert!(kept(&get("/a", first), true));
        assert!(
            !kept(&get("/a", "Host: y\r\n"), false),
            "it would hold what was read before it, too"
        );
    }

    /// Empty lines before a request are passed over (RFC 9112, section 2.2), and are none of its head.
    #[test]
    fn what_stands_before_a_request_is_not_known_as_its_lines() {
        let known = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
        for (before, second, length) in [
            ("\r\n", format!("GET /b HTTP/1.1\r\n{known}"), None),
            ("\r\n\r\n", format!("GET /b HTTP/1.1\r\n\r\n{known}"), Some(19)),
            ("\n", format!("GET /b HTTP/1.1\r\n{known}"), None),
        ] {
            let mut reader = Reader::default();
            assert!(
                reader.read(&Bytes::from([before, known].concat()), true).is_some(),
                "{before:?}"
            );
            let read = reader.read(&Bytes::from(second.clone()), true);
            assert_eq!(read.map(|(_, length)| length), length, "{before:?} {second}");
        }
    }

    proptest! {
        /// Whatever came before, a request is read as it is by itself.
        #[test]
        fn what_is_known_is_what_would_be_read(requests in prop::collection::vec((
            prop::sample::select(&["GET ", "HEAD ", "GET  ", "PUT ", "\r\nGET ", "\r\n\r\nGET ", "\nGET ", "get "][..]),
            prop::sample::select(&["/a", "/b?c=d", "/", "*", "/a b", "/{", "http://h/a", ""][..]),
            prop::sample::select(&[" HTTP/1.1\r\n", " HTTP/1.1\n", " HTTP/1.0\r\n", "  HTTP/1.1\r\n"][..]),
            prop::collection::vec(prop::sample::select(&[
                "Host: x\r\n", "host:x\r\n", "Referer: \r\n", "A: b\n", "Connection: close\r\n",
                "Content-Length: 0\r\n", "Authorization: y\r\n", "no line\r\n", " c: d\r\n",
                "GET /a HTTP/1.1\r\n",
            ][..]), 0..3),
            prop::sample::select(&["\r\n", "\n", "", "\r\nGET / HTTP/1.1\r\n\r\n", "\r\nX"][..]),
        ), 1..12)) {
            let mut reader = Reader::default();
            for (method, target, version, lines, end) in requests {
                let text = [method, target, version, &lines.concat(), end].concat();
                let bytes = Bytes::from(text);
                let show = |read: Option<(Request, usize)>| read.map(|(Request { parts, .. }, length)| {
                    let target = (parts.target.path().to_owned(), parts.target.query().map(str::to_owned));
                    (parts.method, target, parts.version, HeaderMap::from(parts.headers), length)
                });
                prop_assert_eq!(show(reader.read(&bytes, true)), show(Reader::default().read(&bytes, true)), "{:?}", bytes);
            }
        }
    }
}
