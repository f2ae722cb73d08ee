//! What is kept with an object beside its content, and for how long.
//!
//! Sources: OSS "PutObject" (which headers, 8 KiB of user metadata, that an upload replaces all of
//! the object that was there), "CopyObject", "PutSymlink".

use crate::support::wire::refused;
use crate::support::{PRIVATE, Request, Response, Server};

const BUCKET: &str = "metadata";
const KEY: &str = "object";

const KEPT: [(&str, &str); 8] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "max-age=60"),
    ("content-disposition", "attachment; filename=\"a b.html\""),
    ("content-encoding", "identity"),
    ("content-language", "zh-CN, en"),
    ("expires", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ("x-oss-meta-author", "alice"),
    ("x-oss-meta-empty", ""),
];

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    server
}

fn put() -> Request {
    KEPT.iter().fold(Request::put(BUCKET, KEY, "content"), |request, (name, value)| {
        request.header(name, value)
    })
}

fn copy_onto_itself() -> Request {
    let request = Request::object("PUT", BUCKET, KEY).body("");
    request.header("x-oss-copy-source", format!("/{BUCKET}/{KEY}"))
}

fn symlink() -> Request {
    let request = Request::object("PUT", BUCKET, KEY).query("symlink", "").body("");
    request.header("x-oss-symlink-target", "target")
}

fn kept(response: &Response) -> Vec<(&str, &str)> {
    KEPT.iter().filter_map(|(name, _)| Some((*name, response.header(name)?))).collect()
}

#[test]
fn headers_are_kept_and_given_back() {
    let server = server();
    server.done(put());
    for method in ["GET", "HEAD"] {
        let response = server.done(Request::object(method, BUCKET, KEY));
        assert_eq!(kept(&response), KEPT, "{method}");
    }
    let part = server.done(Request::get(BUCKET, KEY).header("Range", "bytes=0-1"));
    assert_eq!(kept(&part), KEPT, "a part");
    // A header that OSS does not keep.
    server.done(put().header("X-Other", "value"));
    assert_eq!(server.done(Request::get(BUCKET, KEY)).header("x-other"), None);
}

#[test]
fn what_is_kept_goes_with_the_version_that_had_it() {
    let server = server();
    server.done(Request::put(BUCKET, "target", "content"));
    for (name, write) in [
        ("an upload", Request::put(BUCKET, KEY, "new")),
        ("a copy onto itself", copy_onto_itself()),
        ("a symlink", symlink()),
    ] {
        server.done(put().header("x-oss-tagging", "a=b").header("x-oss-storage-class", "IA"));
        server.done(write);
        let response = server.done(Request::get(BUCKET, KEY));
        assert_eq!(kept(&response), [("content-type", "application/octet-stream")], "{name}");
        let class = response.header("x-oss-storage-class");
        // Of a copy onto itself only what is said of it changes.
        let want = if name == "a copy onto itself" { "IA" } else { "Standard" };
        assert_eq!(class, Some(want), "{name}");
    }
}

#[test]
fn user_metadata_has_eight_kibibytes() {
    let server = server();
    let with = |request: Request, length: usize| {
        // Names count, without their common beginning.
        let request = request.header("x-oss-meta-ab", "v".repeat(4000));
        request.header("x-oss-meta-cd", "v".repeat(length - 4004))
    };
    server.done(Request::put(BUCKET, "target", "content"));
    for (name, request) in [
        ("an upload", Request::put(BUCKET, KEY, "content")),
        ("a copy", copy_onto_itself()),
        ("a symlink", symlink()),
    ] {
        assert_eq!(server.owner(with(request.clone(), 8192)).status, 200, "{name}");
        let before = server.done(Request::get(BUCKET, KEY)).headers.len();
        let got = server.owner(with(request, 8193)).code();
        assert_eq!(got, refused(400, "MetadataTooLarge"), "{name}");
        assert_eq!(server.done(Request::get(BUCKET, KEY)).headers.len(), before, "{name}");
    }
}
