//! Symlinks.
//!
//! Sources: OSS "PutSymlink", "GetSymlink", "GetObject" (which headers are whose, the errors), the
//! pages of the EC numbers; the SDKs' tests against the real service (a symlink to a symlink can
//! be made and not be read).

use crate::support::clock::wait_until;
use crate::support::policy::Policy;
use crate::support::wire::refused;
use crate::support::{PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Server};

const BUCKET: &str = "symlinks";
const TARGET: &str = "a folder/target+é.txt";
const CONTENT: &[u8] = b"hello world";
/// Source: OSS "common HTTP headers", the CRC-64 of these bytes; RFC 1321 for the MD5.
const CRC64: &str = "5981764153023615706";
const ETAG: &str = "\"5EB63BBBE01EEED093CB22BB8F5ACDC3\"";

fn server(acl: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, acl);
    let target = Request::put(BUCKET, TARGET, CONTENT).header("Content-Type", "text/plain");
    server.done(target.header("x-oss-meta-of", "target"));
    server
}

fn link(key: &str, target: &str) -> Request {
    let target = crate::support::request::escape(target, b"");
    let request = Request::object("PUT", BUCKET, key).query("symlink", "").body("");
    request.header("x-oss-symlink-target", target)
}

fn target_of(server: &Server, key: &str) -> String {
    let response = server.done(Request::get(BUCKET, key).query("symlink", ""));
    let text = response.header("x-oss-symlink-target").unwrap();
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

#[test]
fn a_symlink_is_read_as_its_target() {
    let server = server(PRIVATE);
    let written = server.done(link("link", TARGET).header("x-oss-meta-of", "link"));
    assert_ne!(written.header("etag"), Some(ETAG), "the symlink's own");
    for method in ["GET", "HEAD"] {
        let response = server.done(Request::object(method, BUCKET, "link"));
        for (name, want) in [
            ("content-length", "11"),
            ("etag", ETAG),
            ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
            ("x-oss-hash-crc64ecma", CRC64),
            ("x-oss-object-type", "Symlink"),
            ("x-oss-meta-of", "link"),
            ("content-type", "application/octet-stream"),
        ] {
            assert_eq!(response.header(name), Some(want), "{method}: {name}");
        }
        assert_eq!(response.body, if method == "GET" { CONTENT } else { b"" });
    }
    let part = server.done(Request::get(BUCKET, "link").header("Range", "bytes=6-10"));
    assert_eq!((part.status, part.body.as_slice()), (206, &b"world"[..]));
    assert_eq!(part.header("content-range"), Some("bytes 6-10/11"));
    let same = server.owner(Request::get(BUCKET, "link").header("If-None-Match", ETAG));
    assert_eq!(same.status, 304);
    let meta = server.done(Request::object("HEAD", BUCKET, "link").query("objectMeta", ""));
    assert_eq!((meta.header("etag"), meta.header("content-length")), (Some(ETAG), Some("11")));
}

#[test]
fn get_symlink_tells_the_target_and_the_symlinks_own_tag() {
    let server = server(PRIVATE);
    let written = server.done(link("link", TARGET));
    assert_eq!(target_of(&server, "link"), TARGET);
    let response = server.done(Request::get(BUCKET, "link").query("symlink", ""));
    assert_eq!(response.header("etag"), written.header("etag"));
    assert!(response.header("last-modified").is_some());
    assert_eq!(response.length(), 0);

    server.done(link("link", "another"));
    assert_eq!(target_of(&server, "link"), "another");
}

/// A cache that keeps the answer must learn of a change of either.
#[test]
fn the_date_of_a_symlink_is_the_later_of_two() {
    let server = server(PRIVATE);
    server.done(link("link", TARGET));
    let date =
        |key| server.done(Request::get(BUCKET, key)).header("last-modified").map(str::to_owned);
    let first = date("link");
    wait_until("the target is newer", || {
        server.done(Request::put(BUCKET, TARGET, CONTENT));
        date(TARGET) != first
    });
    assert_eq!(date("link"), date(TARGET));
    let replaced = date("link");
    wait_until("the symlink is newer", || {
        server.done(link("link", TARGET));
        date("link") != replaced
    });
    assert_ne!(date("link"), date(TARGET));
}

#[test]
fn what_a_symlink_may_stand_for_shows_when_it_is_read() {
    let server = server(PRIVATE);
    server.done(link("link", TARGET));
    server.done(link("to nothing", "absent"));
    server.done(link("to a symlink", "link"));
    server.done(link("to itself", "to itself"));
    #[rustfmt::skip]
    let table = [
        ("to nothing",   404, "SymlinkTargetNotExist", "0026-00000012"),
        ("to a symlink", 400, "InvalidTargetType",     ""),
        ("to itself",    400, "InvalidTargetType",     ""),
        ("absent",       404, "NoSuchKey",             "0026-00000001"),
    ];
    for (key, status, code, ec) in table {
        for method in ["GET", "HEAD"] {
            let got = server.owner(Request::object(method, BUCKET, key)).outcome();
            assert_eq!(got, (status, code.to_owned(), ec.to_owned()), "{method} {key}");
        }
    }
    assert_eq!(target_of(&server, "to nothing"), "absent");
    assert_eq!(target_of(&server, "to a symlink"), "link");
}

#[test]
fn symlinks_that_are_none() {
    let server = server(PRIVATE);
    let bare = || Request::object("PUT", BUCKET, "link").query("symlink", "").body("");
    let to = |text: &str| bare().header("x-oss-symlink-target", text);
    let long = "k".repeat(1024);
    #[rustfmt::skip]
    let table = [
        ("no target",         bare(),         400, "MissingArgument",   "0043-00000001"),
        ("an empty one",      to(""),         400, "MissingArgument",   "0043-00000001"),
        ("not a name",        to("/key"),     400, "InvalidObjectName", ""),
        ("too long",          to(&long),      400, "InvalidObjectName", ""),
        ("a lone percent",    to("a%"),       400, "InvalidObjectName", ""),
        ("not UTF-8",         to("%ff"),      400, "InvalidObjectName", ""),
        ("another ACL",       to("a").header("x-oss-object-acl", "x"), 400, "InvalidArgument", ""),
    ];
    for (name, request, status, code, ec) in table {
        let got = server.owner(request).outcome();
        assert_eq!(got, (status, code.to_owned(), ec.to_owned()), "{name}");
    }
    assert_eq!(server.keys(BUCKET), [TARGET]);
    let not_one = server.owner(Request::get(BUCKET, TARGET).query("symlink", "")).outcome();
    assert_eq!(not_one, (400, "NotSymlink".into(), "0043-00000101".into()));
    let absent = server.owner(Request::get(BUCKET, "absent").query("symlink", ""));
    assert_eq!(absent.code(), refused(404, "NoSuchKey"));
}

#[test]
fn a_symlink_is_an_object() {
    let server = server(PRIVATE);
    server.done(link("link", TARGET));
    let forbidden = link("link", "x").header("x-oss-forbid-overwrite", "true");
    assert_eq!(server.owner(forbidden).code(), refused(409, "FileAlreadyExists"));
    let listed = server.done(Request::bucket("GET", BUCKET).query("prefix", "link"));
    assert_eq!(listed.element("Type").as_deref(), Some("Symlink"));
    assert_eq!(listed.element("Size").as_deref(), Some("0"));

    let copy = Request::object("PUT", BUCKET, "copy").body("");
    server.done(copy.header("x-oss-copy-source", "/symlinks/link"));
    assert_eq!(target_of(&server, "copy"), TARGET, "it is the symlink that is copied");

    server.done(Request::object("DELETE", BUCKET, "link"));
    assert_eq!(server.content(BUCKET, TARGET).as_deref(), Some(CONTENT));
    server.done(Request::put(BUCKET, "copy", "an object of its own"));
    let plain = server.done(Request::get(BUCKET, "copy"));
    assert_eq!(plain.header("x-oss-object-type"), Some("Normal"));
    assert_eq!(server.content(BUCKET, TARGET).as_deref(), Some(CONTENT));
    server.done(link("copy", TARGET));
    assert_eq!(server.done(Request::get(BUCKET, "copy")).body, CONTENT, "and back");
}

/// OSS checks both when the target is read. A stranger who may write can make symlinks to anything.
#[test]
fn reading_takes_the_right_to_both() {
    let server = server(PUBLIC_READ_WRITE);
    assert_eq!(server.send(&link("link", TARGET)).status, 200);
    let set = |key: &str, acl: &str| {
        let request = Request::object("PUT", BUCKET, key).query("acl", "");
        server.done(request.header("x-oss-object-acl", acl).body(""));
    };
    #[rustfmt::skip]
    let table = [
        ("default",   "default",   200),
        (PRIVATE,     PUBLIC_READ, 403),
        (PUBLIC_READ, PRIVATE,     403),
        (PRIVATE,     PRIVATE,     403),
    ];
    for (of_link, of_target, status) in table {
        set("link", of_link);
        set(TARGET, of_target);
        for method in ["GET", "HEAD"] {
            let got = server.send(&Request::object(method, BUCKET, "link"));
            assert_eq!(got.status, status, "{method} {of_link} to {of_target}");
            assert!(status == 200 || got.header("etag").is_none());
        }
        let meta = Request::object("HEAD", BUCKET, "link").query("objectMeta", "");
        assert_eq!(server.send(&meta).status, status, "{of_link} to {of_target}");
    }
    // In a private bucket, what is not open is refused alike, there or not.
    server.bucket(BUCKET, PRIVATE);
    set("link", PUBLIC_READ);
    server.done(link("to nothing", "absent").header("x-oss-object-acl", PUBLIC_READ));
    for key in ["link", "to nothing"] {
        let got = server.send(&Request::get(BUCKET, key)).outcome();
        assert_eq!(got, (403, "AccessDenied".into(), "0003-00000001".into()), "{key}");
    }
}

/// What the owner gives to those who are refused may be a symlink, but none that strangers turned
/// to what is not for them.
#[test]
fn a_substitute_opens_nothing_that_is_closed() {
    let server = server(PUBLIC_READ_WRITE);
    server.done(Request::put(BUCKET, "open", "for all"));
    let closed = Request::put(BUCKET, "closed", "secret");
    server.done(closed.header("x-oss-object-acl", PRIVATE));
    let policy = Policy { allow_empty: false, white: &["http://good.example/"], black: &[] };
    server.policy(BUCKET, &policy);
    substitute(&server, "instead");
    let ask = || server.send(&Request::get(BUCKET, TARGET));

    server.done(link("instead", "open"));
    assert_eq!((ask().status, ask().body), (200, b"for all".to_vec()));
    server.done(link("instead", "closed"));
    let response = ask();
    assert_eq!(response.outcome(), (403, "AccessDenied".into(), "0003-00000501".into()));
    server.done(link("instead", "absent"));
    assert_eq!(ask().status, 403);
}

/// Sets what is given to those whom the referer policy refuses, as the admin API does.
fn substitute(server: &Server, key: &str) {
    let body = serde_json::json!({ "denial": { "answer": "substitute", "key": key } });
    server.api_done("PUT", &format!("buckets/{BUCKET}/referer/settings"), Some(&body));
}
