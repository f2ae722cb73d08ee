//! AppendObject.
//!
//! Source: OSS "AppendObject", and the pages of its errors by their EC. What a checksum must be is
//! computed by others' code.

use std::sync::Barrier;
use std::thread;

use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

use crate::support::clock::wait_until;
use crate::support::wire::refused;
use crate::support::{PUBLIC_READ_WRITE, Request, Response, Server};

const BUCKET: &str = "appended-to";
const KEY: &str = "app/log";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    server
}

fn request(position: &str, body: impl AsRef<[u8]>) -> Request {
    let request = Request::object("POST", BUCKET, KEY).query("append", "");
    request.query("position", position).body(body)
}

fn append(server: &Server, position: usize, body: impl AsRef<[u8]>) -> Response {
    server.owner(request(&position.to_string(), body))
}

fn crc(bytes: &[u8]) -> String {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, bytes).to_string()
}

fn blobs(server: &Server) -> usize {
    let list = |folder: std::path::PathBuf| {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
    };
    list(server.data_dir().join("blobs")).flat_map(list).flat_map(list).count()
}

#[test]
fn an_object_grows() {
    let server = server();
    let first = request("0", "hello ").header("Content-Type", "text/x-log");
    let first =
        server.done(first.header("x-oss-meta-owner", "first").header("Cache-Control", "no-cache"));
    assert_eq!(first.header("x-oss-next-append-position"), Some("6"));
    assert_eq!(first.header("x-oss-object-type"), Some("Appendable"));
    assert_eq!(first.header("x-oss-hash-crc64ecma"), Some(crc(b"hello ").as_str()));
    // What a later append says beside its bytes means nothing.
    let second = request("6", "world").header("Content-Type", "image/png");
    let second = server.done(second.header("x-oss-meta-owner", "second"));
    assert_eq!(second.header("x-oss-next-append-position"), Some("11"));
    // The vendor's own example of a checksum.
    assert_eq!(second.header("x-oss-hash-crc64ecma"), Some("5981764153023615706"));
    assert_ne!(second.header("etag"), first.header("etag"));
    for method in ["GET", "HEAD"] {
        let answer = server.done(Request::object(method, BUCKET, KEY));
        for (name, want) in [
            ("content-length", Some("11")),
            ("etag", second.header("etag")),
            ("x-oss-hash-crc64ecma", Some("5981764153023615706")),
            ("x-oss-next-append-position", Some("11")),
            ("x-oss-object-type", Some("Appendable")),
            ("content-type", Some("text/x-log")),
            ("x-oss-meta-owner", Some("first")),
            ("cache-control", Some("no-cache")),
            ("content-md5", None),
        ] {
            assert_eq!(answer.header(name), want, "{method} {name}");
        }
    }
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"hello world"[..]));
    let part = server.done(Request::get(BUCKET, KEY).header("Range", "bytes=4-7"));
    assert_eq!(part.body, b"o wo");
    server.done(request("11", ""));
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"hello world"[..]));
}

#[test]
fn an_empty_object_grows_too() {
    let server = server();
    server.done(request("0", ""));
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b""[..]));
    server.done(request("0", ""));
    server.done(request("0", "now"));
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"now"[..]));
}

#[test]
fn what_cannot_be_appended_changes_nothing() {
    let server = server();
    let ask = |request: Request| {
        let answer = server.owner(request);
        let next = answer.header("x-oss-next-append-position").map(str::to_owned);
        (answer.outcome(), next)
    };
    let want = |status: u16, code: &str, ec: &str, next: Option<&str>| {
        ((status, code.to_owned(), ec.to_owned()), next.map(str::to_owned))
    };
    let elsewhere = |next| want(409, "PositionNotEqualToLength", "0026-00000016", Some(next));
    assert_eq!(ask(request("5", "x")), elsewhere("0"), "there is nothing yet");
    assert_eq!(server.content(BUCKET, KEY), None);
    server.done(request("0", "12345"));
    let missing = Request::object("POST", BUCKET, KEY).query("append", "").body("x");
    let invalid = |ec| want(400, "InvalidArgument", ec, None);
    let long = request("5", "").header("Expect", "100-continue");
    let long = Request { body: None, ..long }.header("Content-Length", "5368709116");
    #[rustfmt::skip]
    let table = [
        ("from the beginning",  request("0", "x"),                       elsewhere("5")),
        ("behind the end",      request("6", "x"),                       elsewhere("5")),
        ("far behind",          request("9999999999999", "x"),           elsewhere("5")),
        ("no position",         missing,                                 invalid("0016-00000501")),
        ("an empty position",   request("", "x"),                        invalid("0016-00000501")),
        ("a word",              request("test", "x"),                    invalid("0016-00000502")),
        ("before the beginning", request("-1", "x"),                     invalid("0016-00000502")),
        ("a sign",              request("+5", "x"),                      invalid("0016-00000502")),
        ("past 64 bits",        request("99999999999999999999", "x"),    invalid("0016-00000502")),
        ("more than 5 GiB",     long,                                    want(400, "EntityTooLarge", "", None)),
        ("another digest",      request("5", "x").header("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="), want(400, "InvalidDigest", "", None)),
    ];
    for (name, request, want) in table {
        assert_eq!(ask(request), want, "{name}");
        assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"12345"[..]), "{name}");
    }
    wait_until("nothing is left behind", || blobs(&server) == 1);

    let closed = || want(409, "ObjectNotAppendable", "0026-00000017", None);
    server.done(Request::put(BUCKET, KEY, "12345"));
    assert_eq!(ask(request("5", "x")), closed(), "an object that was put");
    let upload = Request::object("POST", BUCKET, KEY).query("uploads", "").body("");
    let id = server.done(upload).element("UploadId").unwrap();
    let part = Request::put(BUCKET, KEY, "12345").query("partNumber", "1").query("uploadId", &id);
    server.done(part);
    let complete = Request::object("POST", BUCKET, KEY).query("uploadId", &id);
    server.done(complete.header("x-oss-complete-all", "yes").body(""));
    assert_eq!(ask(request("5", "x")), closed(), "an object of parts");
    let link = Request::object("PUT", BUCKET, KEY).query("symlink", "");
    server.done(link.header("x-oss-symlink-target", "other").body(""));
    assert_eq!(ask(request("0", "x")), closed(), "a symlink");
}

/// However small the appends are, the blobs stay few, and what a reader has begun to read stays.
#[test]
fn many_small_appends_make_few_blobs() {
    let server = server();
    let mut whole = Vec::new();
    for number in 0..400 {
        let line = format!("line {number} {}\n", "x".repeat(number % 50));
        let answer = append(&server, whole.len(), &line);
        assert_eq!(answer.status, 200, "{}", answer.error());
        whole.extend_from_slice(line.as_bytes());
        assert_eq!(answer.header("x-oss-hash-crc64ecma"), Some(crc(&whole).as_str()));
    }
    assert!(server.content(BUCKET, KEY).unwrap() == whole);
    wait_until("what is given up is deleted", || blobs(&server) < 14);
    // A large one behind them, with its digest, which is that of the append alone.
    let large = "0123456789".repeat(100_000);
    let md5 = Md5::digest(&large);
    let md5 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, md5);
    let request = request(&whole.len().to_string(), &large).header("Content-MD5", md5);
    server.done(request);
    whole.extend_from_slice(large.as_bytes());
    assert!(server.content(BUCKET, KEY).unwrap() == whole);
    let (from, to) = (whole.len() - large.len() - 7, whole.len() - large.len() + 7);
    let range = Request::get(BUCKET, KEY).header("Range", format!("bytes={from}-{to}"));
    assert_eq!(server.done(range).body, &whole[from..=to]);
    server.done(Request::object("DELETE", BUCKET, KEY));
    wait_until("all is deleted", || blobs(&server) == 0);
}

#[test]
fn of_two_appends_at_one_position_one_wins() {
    let server = server();
    let mut whole = Vec::new();
    for round in 0..20 {
        let bodies = [0, 1, 2].map(|number| format!("{round}/{number} ").repeat(100 * number + 1));
        let barrier = Barrier::new(bodies.len());
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |body| {
                barrier.wait();
                append(&server, whole.len(), body).code()
            };
            let threads: Vec<_> =
                bodies.iter().map(|body| scope.spawn(move || ask(body))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<_> = (0..bodies.len()).filter(|&at| answers[at].0 == 200).collect();
        let [winner] = won[..] else { panic!("{answers:?}") };
        for (at, answer) in answers.iter().enumerate().filter(|(at, _)| *at != winner) {
            assert_eq!(*answer, refused(409, "PositionNotEqualToLength"), "{at}");
        }
        whole.extend_from_slice(bodies[winner].as_bytes());
        assert!(server.content(BUCKET, KEY).unwrap() == whole);
    }
    server.done(Request::object("DELETE", BUCKET, KEY));
    wait_until("nothing is left behind", || blobs(&server) == 0);
}

/// One appends at the end and another where the first will end: the first is whole, and the other
/// is behind it or nowhere.
#[test]
fn appends_at_two_positions_at_once() {
    let server = server();
    let mut whole = Vec::new();
    for round in 0..20 {
        let (first, second) = (vec![b'a'; 1 + round * 1000], vec![b'b'; 70_000 - round * 3000]);
        let barrier = Barrier::new(2);
        let ask = |position, body: &[u8]| {
            barrier.wait();
            append(&server, position, body).code()
        };
        let end = whole.len();
        let (before, behind) = thread::scope(|scope| {
            let before = scope.spawn(|| ask(end, &first));
            let behind = scope.spawn(|| ask(end + first.len(), &second));
            (before.join().unwrap(), behind.join().unwrap())
        });
        assert_eq!(before.0, 200, "{before:?}");
        whole.extend_from_slice(&first);
        if behind.0 == 200 {
            whole.extend_from_slice(&second);
        } else {
            assert_eq!(behind, refused(409, "PositionNotEqualToLength"));
        }
        assert!(server.content(BUCKET, KEY).unwrap() == whole, "round {round}");
    }
}

/// Somebody else makes another object of the same length while bytes are on their way.
#[test]
fn an_append_does_not_bring_back_what_was_replaced() {
    let server = server();
    server.done(request("0", "old content"));
    let bytes = request("11", vec![b'x'; 600_000]).bytes(&server.data);
    let mut connection = server.connect();
    let (now, later) = bytes.split_at(bytes.len() - 1000);
    connection.write(now);
    wait_until("the append is on its way", || blobs(&server) == 2);
    server.done(Request::object("DELETE", BUCKET, KEY));
    server.done(request("0", "new content"));
    connection.write(later);
    let answer = connection.answer("POST").unwrap();
    assert!([409, 503].contains(&answer.status), "{}", answer.error());
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"new content"[..]));
    wait_until("nothing is left behind", || blobs(&server) == 1);
}

/// An object that is appended to can be copied, and each goes its own way.
#[test]
fn a_copy_does_not_grow_with_its_source() {
    let server = server();
    server.done(request("0", "shared"));
    let copy = Request::object("PUT", BUCKET, "copy");
    server.done(copy.header("x-oss-copy-source", format!("/{BUCKET}/{KEY}")).body(""));
    server.done(request("6", " and more"));
    assert_eq!(server.content(BUCKET, "copy").as_deref(), Some(&b"shared"[..]));
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"shared and more"[..]));
    server.done(Request::object("DELETE", BUCKET, KEY));
    assert_eq!(server.content(BUCKET, "copy").as_deref(), Some(&b"shared"[..]));
}
