//! CopyObject.
//!
//! Sources: OSS "CopyObject" (directives, conditions, self-copy); "PutObjectACL" (reading the
//! source of a copy is reading it). That the referer policy guards the source is ours: it is a way
//! by which an object's bytes leave.

use crate::support::policy::{EMPTY_EC, EVIL, GOOD, STRICT};
use crate::support::wire::refused;
use crate::support::{
    Channel, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Response, Server, Signer,
};

const FROM: &str = "source-bucket";
const TO: &str = "target-bucket";
const CONTENT: &[u8] = b"hello world";
/// Source: OSS "common HTTP headers", the CRC-64 of these bytes; RFC 1321 for the MD5.
const CRC64: &str = "5981764153023615706";
const ETAG: &str = "\"5EB63BBBE01EEED093CB22BB8F5ACDC3\"";

fn server() -> Server {
    let server = Server::start();
    server.bucket(FROM, PRIVATE);
    server.bucket(TO, PUBLIC_READ_WRITE);
    let source = Request::put(FROM, "a/b c+d", CONTENT).header("Content-Type", "text/plain");
    server.done(source.header("x-oss-meta-kind", "source").header("Cache-Control", "no-cache"));
    server
}

/// A request to copy; the source is escaped as SDKs do.
fn copy((bucket, key): (&str, &str), to: (&str, &str)) -> Request {
    let source = format!("/{bucket}/{}", crate::support::request::escape(key, b""));
    Request::object("PUT", to.0, to.1).header("x-oss-copy-source", source).body("")
}

fn source() -> (&'static str, &'static str) {
    (FROM, "a/b c+d")
}

fn of_copy(server: &Server, key: &str) -> Response {
    server.done(Request::get(TO, key))
}

#[test]
fn a_copy_is_the_same_and_outlives_its_source() {
    let server = server();
    let response = server.done(copy(source(), (TO, "copy")));
    assert_eq!(response.header("etag"), Some(ETAG));
    assert_eq!(response.header("x-oss-hash-crc64ecma"), Some(CRC64));
    assert_eq!(response.element("ETag").as_deref(), Some(ETAG));
    assert!(response.element("LastModified").unwrap().contains(".000Z"));
    server.done(Request::object("DELETE", FROM, "a/b c+d"));

    let copy = of_copy(&server, "copy");
    assert_eq!(copy.body, CONTENT);
    for (name, want) in [
        ("etag", ETAG),
        ("x-oss-hash-crc64ecma", CRC64),
        ("content-type", "text/plain"),
        ("cache-control", "no-cache"),
        ("x-oss-meta-kind", "source"),
        ("x-oss-object-type", "Normal"),
        ("x-oss-storage-class", "Standard"),
    ] {
        assert_eq!(copy.header(name), Some(want), "{name}");
    }
}

#[test]
fn directives_say_whose_headers_a_copy_has() {
    let server = server();
    let ask = |to: (&str, &str), directive: Option<&str>| {
        let from = if to.0 == TO { source() } else { to };
        let request = copy(from, to).header("x-oss-meta-kind", "request");
        let request = request.header("Content-Type", "image/png");
        let request = match directive {
            Some(text) => request.header("x-oss-metadata-directive", text),
            None => request,
        };
        server.owner(request)
    };
    let (old, new) = (("text/plain", "source", Some("no-cache")), ("image/png", "request", None));
    #[rustfmt::skip]
    let table = [
        ("by default the source's", TO,   "1",       None,            old),
        ("copied",                  TO,   "2",       Some("COPY"),    old),
        ("replaced",                TO,   "3",       Some("REPLACE"), new),
        ("in any case of letters",  TO,   "4",       Some("Replace"), new),
        ("itself, whatever it says", FROM, "a/b c+d", Some("COPY"),   new),
    ];
    for (name, bucket, key, directive, (content_type, kind, cache)) in table {
        assert_eq!(ask((bucket, key), directive).status, 200, "{name}");
        let copy = server.done(Request::get(bucket, key));
        assert_eq!(copy.body, CONTENT, "{name}");
        assert_eq!(copy.header("content-type"), Some(content_type), "{name}");
        assert_eq!(copy.header("x-oss-meta-kind"), Some(kind), "{name}");
        assert_eq!(copy.header("cache-control"), cache, "{name}");
    }
    let got = ask((TO, "5"), Some("MOVE")).code();
    assert_eq!(got, refused(400, "InvalidArgument"));
    assert_eq!(server.content(TO, "5"), None);
}

#[test]
fn conditions_on_the_source() {
    let server = server();
    let (past, future) = ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    #[rustfmt::skip]
    let table = [
        ("x-oss-copy-source-if-match",            ETAG,   200, ""),
        ("x-oss-copy-source-if-match",            "\"0\"", 412, "PreconditionFailed"),
        ("x-oss-copy-source-if-none-match",       "\"0\"", 200, ""),
        ("x-oss-copy-source-if-none-match",       ETAG,   304, ""),
        ("x-oss-copy-source-if-modified-since",   past,   200, ""),
        ("x-oss-copy-source-if-modified-since",   future, 304, ""),
        ("x-oss-copy-source-if-unmodified-since", future, 200, ""),
        ("x-oss-copy-source-if-unmodified-since", past,   412, "PreconditionFailed"),
    ];
    for (n, (name, value, status, code)) in table.into_iter().enumerate() {
        let key = format!("copy-{n}");
        let got = server.owner(copy(source(), (TO, &key)).header(name, value)).code();
        assert_eq!(got, refused(status, code), "{name}: {value}");
        assert_eq!(server.content(TO, &key).is_some(), status == 200, "{name}: {value}");
    }
}

#[test]
fn a_copy_may_be_forbidden_to_replace() {
    let server = server();
    server.done(Request::put(TO, "there", "old"));
    let ask =
        |key| server.owner(copy(source(), (TO, key)).header("x-oss-forbid-overwrite", "true"));
    assert_eq!(ask("there").code(), refused(409, "FileAlreadyExists"));
    assert_eq!(server.content(TO, "there").as_deref(), Some(&b"old"[..]));
    assert_eq!(ask("new").status, 200);
    let replaced = server.owner(copy(source(), (TO, "there")));
    assert_eq!(replaced.status, 200);
    assert_eq!(server.content(TO, "there").as_deref(), Some(CONTENT));
}

#[test]
fn sources_that_are_none() {
    let server = server();
    #[rustfmt::skip]
    let table = [
        ("no bucket",         "/no-such-bucket/key",              404, "NoSuchBucket"),
        ("no object",         "/source-bucket/no-such-key",       404, "NoSuchKey"),
        ("no slash before",   "source-bucket/a",                  400, "InvalidArgument"),
        ("no key",            "/source-bucket",                   400, "InvalidArgument"),
        ("a bad bucket",      "/Source/key",                      400, "InvalidBucketName"),
        ("a bad key",         "/source-bucket//key",              400, "InvalidObjectName"),
        ("a version",         "/source-bucket/key?versionId=CAE", 501, "NotImplemented"),
    ];
    for (name, source, status, code) in table {
        let request = Request::object("PUT", TO, "copy").header("x-oss-copy-source", source);
        assert_eq!(server.owner(request.body("")).code(), refused(status, code), "{name}");
    }
    let twice = copy(source(), (TO, "copy")).header("x-oss-copy-source", "/source-bucket/b");
    assert_eq!(server.send(&twice).code(), refused(400, "InvalidArgument"));
    let by_post = Request::object("POST", TO, "copy").query("append", "").query("position", "0");
    let by_post = by_post.header("x-oss-copy-source", "/source-bucket/a").body("");
    assert_eq!(server.owner(by_post).code(), refused(501, "NotImplemented"));
    assert_eq!(server.keys(TO), [""; 0]);
}

/// A copy reads its source: who may not read that may not copy it, and is refused in the same
/// words.
#[test]
fn a_source_is_read_by_the_rules_of_its_bucket() {
    let server = server();
    let denied = |ec: &str| (403, "AccessDenied".to_owned(), ec.to_owned());
    let ask = |channel: Channel, referer: Option<&str>| {
        let request = referer.into_iter().fold(copy(source(), (TO, "copy")), Request::referer);
        server.send(&Signer::owner().sign(channel, request)).outcome()
    };
    let done = (200, String::new(), String::new());
    assert_eq!(ask(Channel::Anonymous, None), denied("0003-00000001"), "a private source");

    let acl = Request::bucket("PUT", FROM).query("acl", "").header("x-oss-acl", PUBLIC_READ);
    server.done(acl.body(""));
    assert_eq!(ask(Channel::Anonymous, None), done);

    server.done(Request::object("DELETE", TO, "copy"));
    server.policy(FROM, &STRICT);
    for channel in [Channel::Anonymous, Channel::V1Url, Channel::V4Url] {
        assert_eq!(ask(channel, None), denied(EMPTY_EC), "{channel:?}");
        assert_eq!(ask(channel, Some(EVIL)), denied("0003-00000502"), "{channel:?}");
        assert_eq!(server.content(TO, "copy"), None, "{channel:?}");
        assert_eq!(ask(channel, Some(GOOD)), done, "{channel:?}");
        server.done(Request::object("DELETE", TO, "copy"));
    }
    for channel in [Channel::V1Header, Channel::V4Header] {
        assert_eq!(ask(channel, Some(EVIL)), done, "{channel:?}");
    }
}

/// What a stranger is told of the target comes before anything about the source.
#[test]
fn the_target_comes_before_the_source() {
    let server = server();
    server.bucket("closed", PRIVATE);
    let got = server.send(&copy(("no-such-bucket", "key"), ("closed", "copy"))).outcome();
    assert_eq!(got, (403, "AccessDenied".into(), "0003-00000001".into()));
}
