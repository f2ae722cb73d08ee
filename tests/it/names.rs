//! Keys that somebody might take for something else. The rules for a single key are in the
//! unit tests and in the client tests; here several of them meet.
//!
//! Source: OSS "Object naming conventions": UTF-8, case-sensitive, 1 to 1023 bytes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::wire::refused;
use crate::support::{PUBLIC_READ_WRITE, Request, Server};

const BUCKET: &str = "names";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    server
}

/// Sends a request whose path is written as it stands.
fn by_hand(server: &Server, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let head = format!(
        "{method} /{BUCKET}/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    server.raw(head.as_bytes()).unwrap().code()
}

#[test]
fn twins_stay_apart_and_are_listed_by_their_bytes() {
    let twins = [
        "README",
        "Readme",
        "readme",
        "caf\u{e9}",
        "cafe\u{301}",
        "a/b",
        "a//b",
        "a/./b",
        "a/../b",
        "a\\b",
        "a%2Fb",
        "a b",
        "a+b",
        "a%20b",
        "a\u{200b}b",
        "\u{ff0e}\u{ff0e}/a",
        "CON",
        "\u{10ffff}",
    ];
    let server = server();
    for key in twins {
        server.done(Request::put(BUCKET, key, key));
    }
    for key in twins {
        assert_eq!(server.content(BUCKET, key).as_deref(), Some(key.as_bytes()), "{key:?}");
    }
    let mut sorted = twins;
    sorted.sort_unstable_by_key(|key| key.as_bytes());
    assert_eq!(server.keys(BUCKET), sorted);
    for (deleted, key) in sorted.iter().enumerate() {
        server.done(Request::object("DELETE", BUCKET, key));
        assert_eq!(server.keys(BUCKET), sorted[deleted + 1..], "{key:?} alone is gone");
    }
}

#[test]
fn a_key_against_the_rules_is_refused_by_every_verb() {
    let longest = "k".repeat(1023);
    #[rustfmt::skip]
    let table = [
        ("a NUL",                   "a%00b".to_owned(),         "InvalidObjectName"),
        ("a leading slash",         "/a".to_owned(),            "InvalidObjectName"),
        ("the same, escaped",       "%2fa".to_owned(),          "InvalidObjectName"),
        ("a leading backslash",     "%5ca".to_owned(),          "InvalidObjectName"),
        ("1024 bytes",              format!("{longest}k"),      "InvalidObjectName"),
        ("1024 bytes, escaped",     "%6b".repeat(1024),         "InvalidObjectName"),
        ("no UTF-8",                "%c0%ae%c0%ae/a".to_owned(), "InvalidObjectName"),
        ("no escape",               "%zz".to_owned(),           "InvalidArgument"),
        ("half an escape",          "a%2".to_owned(),           "InvalidArgument"),
    ];
    let server = server();
    for (name, path, code) in &table {
        for method in ["PUT", "GET", "DELETE"] {
            assert_eq!(by_hand(&server, method, path, ""), refused(400, code), "{method}, {name}");
        }
    }
    assert_eq!(server.keys(BUCKET), [""; 0]);
    assert_eq!(by_hand(&server, "PUT", &longest, "").0, 200);
    assert_eq!(by_hand(&server, "PUT", &"%e4%b8%ad".repeat(341), "").0, 200, "1023 bytes");
}

/// `POST ?delete` names keys in its body. It takes none that no object can have, and leaves all
/// as it was if one is wrong.
#[test]
fn names_in_a_body_obey_the_same_rules() {
    let server = server();
    server.done(Request::put(BUCKET, "kept", "content"));
    for key in ["", "/a", "\\a", "&#0;", &"k".repeat(1024)] {
        let body = format!(
            "<Delete><Object><Key>kept</Key></Object><Object><Key>{key}</Key></Object></Delete>"
        );
        let request = Request::bucket("POST", BUCKET).query("delete", "").body(body);
        assert_eq!(server.owner(request).status, 400, "{key:?}");
        assert_eq!(server.keys(BUCKET), ["kept"], "{key:?}");
    }
}

/// A key never becomes a path, whatever it looks like.
#[test]
fn nothing_is_written_beside_the_store() {
    let server = server();
    let before = files_outside_blobs(&server);
    for path in [
        "../evil",
        "..%2f..%2fevil",
        "%2e%2e/%2e%2e/evil",
        "a/../../../evil",
        "meta.sqlite",
        "LOCK",
    ] {
        assert_eq!(by_hand(&server, "PUT", path, "evil").0, 200, "{path}");
    }
    assert_eq!(files_outside_blobs(&server), before);
    assert_eq!(
        by_hand(&server, "GET", "..%2frefgate-data%2fmeta.sqlite", ""),
        refused(404, "NoSuchKey")
    );
}

fn files_outside_blobs(server: &Server) -> Vec<PathBuf> {
    let data = server.data_dir();
    let mut files = Vec::new();
    walk(data.parent().unwrap(), &data.join("blobs"), &mut files);
    files.sort();
    files
}

fn walk(folder: &Path, left_out: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path != left_out {
            walk(&path, left_out, files);
        } else {
            files.push(path);
        }
    }
}
