//! Heads that no client library sends: what a proxy before us could read in another way than we
//! do, what breaks parsers, what is only too large.
//!
//! Sources: RFC 9112 (HTTP/1.1), RFC 9110 (semantics); OSS "Common error codes".

use crate::support::policy::STRICT;
use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{Connection, PUBLIC_READ, Request, Server};

const BUCKET: &str = "heads";
const SECRET: &[u8] = b"what only friends may see";

fn server() -> Server {
    furnished(Server::start())
}

/// A server that soon closes a connection on which nothing more comes, for [`all_of`].
fn impatient() -> Server {
    furnished(Start::default().flag("--header-timeout", "3").run())
}

fn furnished(server: Server) -> Server {
    server.bucket(BUCKET, PUBLIC_READ);
    server.policy(BUCKET, &STRICT);
    server.done(Request::put(BUCKET, "secret", SECRET));
    server.bucket("open", PUBLIC_READ);
    server.done(Request::put("open", "key", "content"));
    server
}

/// Everything that comes back for these bytes before the server closes.
fn all_of(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut connection = server.connect();
    connection.write(bytes);
    connection.rest()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn status_line(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == b'\r').unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Requests that would show the object if one of their two readings were believed. Those that an
/// RFC wants refused are refused; of the others it is enough that they show nothing.
#[test]
fn no_second_reading_of_a_head_shows_an_object() {
    const GET: &str = "GET /heads/secret HTTP/1.1\r\nHost: x\r\n";
    #[rustfmt::skip]
    let table: [(&str, String, Option<u16>); 17] = [
        ("9112, 5.2: a folded line",        format!("{GET}Referer: http://other.example/\r\n http://good.example/\r\n\r\n"),  Some(400)),
        ("9112, 5.2: folded from nothing",  format!("{GET}Referer:\r\n http://good.example/\r\n\r\n"),                        Some(400)),
        ("9112, 5.1: a blank before the colon", format!("{GET}Referer : http://good.example/\r\n\r\n"),                       Some(400)),
        ("a blank before the first name",   "GET /heads/secret HTTP/1.1\r\n Referer: http://good.example/\r\nHost: x\r\n\r\n".into(), Some(400)),
        ("9110, 5.5: a NUL in a value",     format!("{GET}Referer: http://good.example/\0\r\n\r\n"),                          Some(400)),
        ("a bare LF ends a line",           format!("{GET}Referer: http://good.example/\nReferer: http://evil.example/\r\n\r\n"), None),
        ("in the other order",              format!("{GET}Referer: http://evil.example/\nReferer: http://good.example/\r\n\r\n"), None),
        ("bare LFs alone",                  "GET /heads/secret HTTP/1.1\nHost: x\nReferer: http://evil.example/\n\n".into(),  None),
        ("a bare CR in a value",            format!("{GET}Referer: http://evil.example/\rReferer: http://good.example/\r\n\r\n"), None),
        ("a CR before the name",            format!("{GET}\rReferer: http://good.example/\r\n\r\n"),                          Some(400)),
        ("a name with a blank",             format!("{GET}Ref erer: http://good.example/\r\n\r\n"),                           Some(400)),
        ("no name",                         format!("{GET}: http://good.example/\r\n\r\n"),                                   Some(400)),
        ("no colon",                        format!("{GET}Referer\r\n\r\n"),                                                  Some(400)),
        ("HTTP/0.9",                        "GET /heads/secret\r\n\r\n".into(),                                               None),
        ("a version of the future",         "GET /heads/secret HTTP/3.7\r\nHost: x\r\n\r\n".into(),                           None),
        ("the preface of HTTP/2",           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(),                                        None),
        ("no HTTP at all",                  "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n".into(),                      None),
    ];
    let server = impatient();
    for (name, request, status) in table {
        let got = all_of(&server, request.as_bytes());
        assert!(!contains(&got, SECRET), "{name}");
        assert!(!contains(&got, b"HTTP/1.1 200"), "{name}");
        if let Some(status) = status {
            assert!(
                status_line(&got).contains(&status.to_string()),
                "{name}: {}",
                status_line(&got)
            );
        }
    }
}

/// RFC 9112, 3.2: one `Host`, no more and no less, and one that is a host.
#[test]
fn a_request_names_one_host() {
    let get = "GET /open/key HTTP/1.1\r\n";
    #[rustfmt::skip]
    let table = [
        ("one",                       format!("{get}Host: localhost\r\n"),                          200),
        ("none",                      get.to_owned(),                                               400),
        ("two",                       format!("{get}Host: localhost\r\nHost: localhost\r\n"),       400),
        ("two that differ",           format!("{get}Host: localhost\r\nHost: evil.example\r\n"),    400),
        ("a blank in it",             format!("{get}Host: local host\r\n"),                         400),
        ("a path in it",              format!("{get}Host: localhost/open\r\n"),                     400),
        ("a port that is none",       format!("{get}Host: localhost:http\r\n"),                     400),
        ("a bucket and a port",       "GET /key HTTP/1.1\r\nHost: open.localhost:80\r\n".into(),    200),
        ("in capitals",               "GET /key HTTP/1.1\r\nHost: OPEN.LocalHost\r\n".into(),       200),
        ("an absolute target",        "GET http://localhost/open/key HTTP/1.1\r\nHost: localhost\r\n".into(), 200),
        ("with another host",         "GET http://open.localhost/key HTTP/1.1\r\nHost: localhost\r\n".into(), 400),
        ("that names no host",        "GET http:///open/key HTTP/1.1\r\nHost: localhost\r\n".into(), 400),
        ("a forwarded host",          format!("{get}Host: localhost\r\nX-Forwarded-Host: heads.localhost\r\n"), 200),
    ];
    let server = server();
    for (name, head, status) in table {
        let response = server.raw(format!("{head}\r\n").as_bytes()).unwrap();
        assert_eq!(response.status, status, "{name}");
    }
}

/// RFC 9112, 6.1: both lengths at once are an attack or a mistake. One answer, and the end.
#[test]
fn nothing_is_smuggled_behind_two_lengths() {
    let smuggled = "GET /open/key HTTP/1.1\r\nHost: x\r\n\r\n";
    let fields = ["Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n"];
    let server = impatient();
    for [first, second] in [fields, [fields[1], fields[0]]] {
        let request =
            format!("PUT /heads/new HTTP/1.1\r\nHost: x\r\n{first}{second}\r\n0\r\n\r\n{smuggled}");
        let got = all_of(&server, request.as_bytes());
        assert!(!contains(&got, b"content\0") && !contains(&got, b"HTTP/1.1 200"), "{first}");
        assert_eq!(got.windows(9).filter(|w| *w == b"HTTP/1.1 ").count(), 1, "{first}");
    }
    assert_eq!(server.content(BUCKET, "new"), None);
}

/// A body that nobody asked for is read over, and not taken for a request.
#[test]
fn a_body_of_a_get_is_no_request() {
    let server = impatient();
    let inner = "GET /open/key HTTP/1.1\r\nHost: x\r\n\r\n";
    let request = format!(
        "GET /open/no-such-key HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{inner}",
        inner.len()
    );
    let got = all_of(&server, request.as_bytes());
    assert_eq!(got.windows(9).filter(|w| *w == b"HTTP/1.1 ").count(), 1);
    assert!(status_line(&got).contains("404"));
}

#[test]
fn requests_in_one_piece_are_answered_in_their_order() {
    let server = server();
    let requests = [
        ("GET", Request::get("open", "key"), 200),
        ("HEAD", Request::object("HEAD", "open", "key"), 200),
        ("GET", Request::get(BUCKET, "secret"), 403),
        ("GET", Request::get(BUCKET, "secret").referer("http://good.example/"), 200),
        ("GET", Request::get(BUCKET, "secret"), 403),
        ("DELETE", Request::object("DELETE", "open", "key"), 403),
        ("GET", Request::get("open", "no-such-key"), 404),
        ("GET", Request::get("open", "key"), 200),
    ];
    let bytes: Vec<u8> = requests.iter().flat_map(|(_, r, _)| r.bytes("x")).collect();
    let mut connection = server.connect();
    connection.write(&bytes);
    for (method, request, status) in &requests {
        assert_eq!(connection.answer(method).unwrap().status, *status, "{}", request.target());
    }
}

#[test]
fn http_1_0_needs_no_host_and_ends_with_its_answer() {
    let server = server();
    let mut connection = server.connect();
    connection.write(b"GET /open/key HTTP/1.0\r\n\r\n");
    let response = connection.answer("GET").unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, b"content".as_slice()));
    assert!(connection.rest().is_empty());
    let denied = server.raw(b"GET /heads/secret HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(denied.code(), refused(403, "AccessDenied"));
}

#[test]
fn methods_that_oss_does_not_have() {
    let server = impatient();
    for method in ["BREW", "PATCH", "TRACE", "get", "PROPFIND", "GETT", "G"] {
        for target in ["/", "/open", "/open/key"] {
            let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n");
            let response = server.raw(head.as_bytes()).unwrap();
            assert_eq!(response.code(), refused(405, "MethodNotAllowed"), "{method} {target}");
        }
    }
    for head in ["OPTIONS * HTTP/1.1", "CONNECT localhost:80 HTTP/1.1", "GET localhost:80 HTTP/1.1"]
    {
        let got = all_of(&server, format!("{head}\r\nHost: x\r\n\r\n").as_bytes());
        assert!(
            status_line(&got).contains(" 4") || got.is_empty(),
            "{head}: {}",
            status_line(&got)
        );
    }
}

/// A head over the limit gets an answer in OSS's form; only one that is far over it does not.
#[test]
fn a_head_that_is_too_large() {
    let server = impatient();
    let get = |fields: String| format!("GET /open/key HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let long = |length| get(format!("x-long: {}\r\n", "x".repeat(length)));
    assert_eq!(server.raw(long(16 * 1024).as_bytes()).unwrap().status, 200);
    let too_large = refused(431, "RequestHeaderTooLarge");
    for length in [64 * 1024, 100 * 1024] {
        let response = server.raw(long(length).as_bytes()).unwrap();
        assert_eq!(response.code(), too_large, "{length}");
        assert!(response.header("x-oss-request-id").is_some());
    }
    let few = "x-few: v\r\n".repeat(200);
    assert_eq!(server.raw(get(few).as_bytes()).unwrap().status, 200);
    let many = format!("x-many: {}\r\n", "x".repeat(700)).repeat(90);
    assert_eq!(server.raw(get(many).as_bytes()).unwrap().code(), too_large);
    let target = format!("GET /open/key?v={} HTTP/1.1\r\nHost: x\r\n\r\n", "v".repeat(40_000));
    assert_eq!(server.raw(target.as_bytes()).unwrap().code(), too_large);

    for head in [long(200 * 1024), get("x: y\r\n".repeat(5000)), long(4 << 20)] {
        let got = all_of(&server, head.as_bytes());
        assert!(got.is_empty() || status_line(&got).contains("431"), "{}", status_line(&got));
    }
}

/// What is refused on a connection says nothing about what comes next on it.
#[test]
fn a_refusal_is_of_one_request() {
    let server = server();
    let mut connection = server.connect();
    let mut ask = |request: Request| ask_on(&mut connection, &request);
    let friend = || Request::get(BUCKET, "secret").referer("http://good.example/");
    for _ in 0..3 {
        assert_eq!(ask(friend()), 200);
        assert_eq!(ask(Request::get(BUCKET, "secret")), 403);
        assert_eq!(ask(friend().header("Authorization", "garbage")), 400);
        assert_eq!(ask(friend().header("x-long", "x".repeat(40_000))), 431);
        assert_eq!(ask(Request::object("BREW", BUCKET, "secret")), 405);
        assert_eq!(ask(Request::get(BUCKET, "secret").query("x-oss-process", "")), 501);
    }
}

fn ask_on(connection: &mut Connection, request: &Request) -> u16 {
    connection.write(&request.bytes("x"));
    connection.answer(&request.method).unwrap().status
}
