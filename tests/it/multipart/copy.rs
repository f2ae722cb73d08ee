//! UploadPartCopy.
//!
//! That the referer policy guards the source is ours: it is a way by which an object's bytes leave.

use super::*;
use crate::support::policy::{EMPTY_EC, EVIL, GOOD, STRICT};
use crate::support::{Channel, PRIVATE, Signer};

/// A source, the range of it that is asked for and the one that is told, and what that has.
type Row<'r> = (&'r str, Option<&'r str>, Option<&'r str>, &'r [u8]);

/// A request to make a part of an object.
fn copy(upload: &Upload<'_>, number: usize, source: &str) -> Request {
    let source = crate::support::request::escape(source, b"/");
    upload.part_request(number).header("x-oss-copy-source", source).body("")
}

fn ranged(upload: &Upload<'_>, number: usize, source: &str, range: &str) -> Request {
    copy(upload, number, source).header("x-oss-copy-source-range", range)
}

/// No byte moves of what lies in one blob. What lies in several is written anew, so that every part
/// is one run of bytes.
#[test]
fn a_part_of_an_object_is_a_part() {
    let server = server();
    let (plain, parts) =
        (content(1, 300_000), [content(2, LEAST), content(3, LEAST), content(4, 9)]);
    server.done(Request::put(BUCKET, "plain", &plain));
    let source = Upload::begin(&server, "of parts");
    let list: Vec<_> =
        parts.iter().enumerate().map(|(at, part)| (at + 1, source.part(at + 1, part))).collect();
    assert_eq!(source.complete(&list).status, 200);
    let of_parts = parts.concat();
    assert_eq!(blobs(&server), 4);

    let upload = Upload::begin(&server, KEY);
    let mut whole = Vec::new();
    let mut list = Vec::new();
    #[rustfmt::skip]
    let copies: [Row<'_>; 6] = [
        ("plain",    None,                     None,                               &plain),
        ("plain",    Some("bytes=0-102399"),   Some("bytes 0-102399/300000"),      &plain[..LEAST]),
        ("plain",    Some("bytes=100000-"),    Some("bytes 100000-299999/300000"), &plain[100_000..]),
        ("of parts", Some("bytes=5-204800"),   Some("bytes 5-204800/204809"),      &of_parts[5..=204_800]),
        ("of parts", None,                     None,                               &of_parts),
        ("of parts", Some("bytes=-3"),         Some("bytes 204806-204808/204809"), &of_parts[of_parts.len() - 3..]),
    ];
    for (at, (key, range, told, want)) in copies.into_iter().enumerate() {
        let source = format!("/{BUCKET}/{key}");
        let request = match range {
            Some(range) => ranged(&upload, at + 1, &source, range),
            None => copy(&upload, at + 1, &source),
        };
        let answer = server.done(request);
        assert_eq!(answer.element("ETag"), Some(tag(want)), "{key} {range:?}");
        assert_eq!(answer.header("content-range"), told, "{key} {range:?}");
        assert!(answer.element("LastModified").unwrap().contains(".000Z"));
        whole.extend_from_slice(want);
        list.push((at + 1, tag(want)));
    }
    assert_eq!(blobs(&server), 4 + 2, "of two copies that lie in several parts");
    // The sources go first: what is shared stays, the end of the one and all of the other.
    for key in ["plain", "of parts"] {
        server.done(Request::object("DELETE", BUCKET, key));
    }
    wait_for_blobs(&server, 2 + 2);
    let done = upload.complete(&list);
    assert_eq!(done.header("x-oss-hash-crc64ecma"), Some(crc(&whole).as_str()), "{}", done.error());
    assert_eq!(blobs(&server), 4);
    assert!(server.content(BUCKET, KEY).unwrap() == whole);
    server.done(Request::object("DELETE", BUCKET, KEY));
    wait_for_blobs(&server, 0);
}

#[test]
fn conditions_and_ranges_of_the_source() {
    let server = server();
    let bytes = content(1, 1000);
    server.done(Request::put(BUCKET, "source", &bytes));
    let (source, etag) = (format!("/{BUCKET}/source"), tag(&bytes));
    let upload = Upload::begin(&server, KEY);
    let (past, future) = ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    #[rustfmt::skip]
    let table = [
        ("x-oss-copy-source-if-match",            "\"0\"",         412, "PreconditionFailed"),
        ("x-oss-copy-source-if-unmodified-since", past,            412, "PreconditionFailed"),
        ("x-oss-copy-source-if-none-match",       etag.as_str(),   304, ""),
        ("x-oss-copy-source-if-modified-since",   future,          304, ""),
        ("x-oss-copy-source-range",               "bytes=0-1000",  416, "InvalidRange"),
        ("x-oss-copy-source-range",               "bytes=1000-",   416, "InvalidRange"),
        ("x-oss-copy-source-range",               "0-9",           400, "InvalidArgument"),
        ("x-oss-copy-source-range",               "bytes=0-1,3-4", 400, "InvalidArgument"),
    ];
    for (name, value, status, code) in table {
        let answer = server.owner(copy(&upload, 1, &source).header(name, value));
        assert_eq!(answer.code(), refused(status, code), "{name}: {value}");
        assert_eq!(upload.parts(), [""; 0], "{name}: {value}");
    }
    for (name, value) in [
        ("x-oss-copy-source-if-match", etag.as_str()),
        ("x-oss-copy-source-if-none-match", "\"0\""),
        ("x-oss-copy-source-if-modified-since", past),
        ("x-oss-copy-source-if-unmodified-since", future),
    ] {
        server.done(copy(&upload, 1, &source).header(name, value));
    }
    #[rustfmt::skip]
    let sources = [
        ("/no-such-bucket/key",   404, "NoSuchBucket"),
        ("/in-parts/no-such-key", 404, "NoSuchKey"),
        ("in-parts/source",       400, "InvalidArgument"),
    ];
    for (source, status, code) in sources {
        assert_eq!(
            server.owner(copy(&upload, 2, source)).code(),
            refused(status, code),
            "{source}"
        );
    }
    assert_eq!(upload.parts().len(), 1);
}

/// A copy reads its source: who may not read that may not copy of it.
#[test]
fn a_source_is_read_by_the_rules_of_its_bucket() {
    let server = server();
    server.bucket("guarded", PRIVATE);
    server.done(Request::put("guarded", "key", "secret"));
    let upload = Upload::begin(&server, KEY);
    let ask = |channel: Channel, referer: Option<&str>| {
        let request = ranged(&upload, 1, "/guarded/key", "bytes=0-2");
        let request = referer.into_iter().fold(request, Request::referer);
        server.send(&Signer::owner().sign(channel, request)).outcome()
    };
    let denied = |ec: &str| (403, "AccessDenied".to_owned(), ec.to_owned());
    assert_eq!(ask(Channel::Anonymous, None), denied("0003-00000001"));
    server.policy("guarded", &STRICT);
    for channel in [Channel::V1Url, Channel::V4Url] {
        assert_eq!(ask(channel, None), denied(EMPTY_EC), "{channel:?}");
        assert_eq!(ask(channel, Some(EVIL)), denied("0003-00000502"), "{channel:?}");
    }
    assert_eq!(upload.parts(), [""; 0]);
    assert_eq!(ask(Channel::V4Url, Some(GOOD)).0, 200);
    assert_eq!(ask(Channel::V4Header, Some(EVIL)).0, 200);
}
