//! The referer policy on the wire: whom it is asked about, and what header lines can say.
//!
//! Sources: OSS "Configure hotlink protection" (requests with an `Authorization` header are not
//! checked, signed URLs are), the pages of the EC numbers. That only a *verified* header counts,
//! and that the strictest of several lines decides, is ours.

use refgate::domain::acl::Access;
use refgate::domain::op::Action;

use crate::support::actions::{CORS, NOT_BY_V1_URL, example, on_objects, prepare};
use crate::support::policy::{BLACK_EC, EMPTY_EC, EVIL, GOOD, OPEN, OTHER, OTHER_EC, STRICT};
use crate::support::{
    Channel, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Response, Server, Signer,
};

const BUCKET: &str = "guarded";
const KEY: &str = "cat.png";
const CONTENT: &[u8] = b"not really a picture";

fn server(acl: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, acl);
    server.policy(BUCKET, &STRICT);
    server.done(Request::put(BUCKET, KEY, CONTENT));
    server
}

fn denied(ec: &str) -> (u16, String, String) {
    (403, "AccessDenied".into(), ec.into())
}

#[test]
fn the_policy_is_asked_unless_a_header_is_verified() {
    let server = server(PUBLIC_READ_WRITE);
    let referers = [(None, EMPTY_EC), (Some(EVIL), BLACK_EC), (Some(OTHER), OTHER_EC)];
    for action in on_objects() {
        for channel in Channel::ALL {
            let ask = |referer: Option<&str>| {
                prepare(&server, action, (BUCKET, KEY), CONTENT);
                let request = example(&server, action, BUCKET, KEY);
                let request = referer.into_iter().fold(request, Request::referer);
                server.send(&Signer::owner().sign(channel, request))
            };
            for (referer, ec) in referers {
                let response = ask(referer);
                if channel.is_header() {
                    assert!(response.status < 300, "{action:?} by {channel:?} from {referer:?}");
                } else {
                    let got = response.outcome();
                    assert_eq!(got, denied(ec), "{action:?} by {channel:?} from {referer:?}");
                    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(CONTENT));
                }
            }
            // A friend of the bucket is a stranger all the same.
            let closed = channel == Channel::Anonymous && action.access() == Access::Own;
            let granted = ask(Some(GOOD)).status < 300;
            assert_eq!(granted, !closed, "{action:?} by {channel:?} from a friend");
        }
    }
}

/// Passing the policy grants nothing.
#[test]
fn a_good_referer_is_no_permission() {
    let server = server(PRIVATE);
    for action in on_objects() {
        let response = server.send(&example(&server, action, BUCKET, KEY).referer(GOOD));
        let ec = if action == Action::GetObjectAcl {
            "0003-00000007"
        } else if action == Action::PutObjectAcl {
            "0003-00000008"
        } else if action.access() == Access::Own {
            ""
        } else {
            "0003-00000001"
        };
        assert_eq!(response.outcome(), denied(ec), "{action:?}");
    }
}

/// A bucket-level request accesses no object, unless it is a form, which names one: see `forms`.
#[test]
fn operations_on_the_bucket_are_not_asked() {
    let server = server(PRIVATE);
    for &action in Action::ALL.iter().filter(|a| !on_objects().any(|o| o == **a)) {
        if matches!(action, Action::DeleteBucket | Action::PostObject) {
            continue;
        }
        server.policy(BUCKET, &STRICT);
        server.done(Request::bucket("PUT", BUCKET).query("cors", "").body(CORS));
        for channel in [Channel::V1Url, Channel::V4Url] {
            if channel == Channel::V1Url && NOT_BY_V1_URL.contains(&action) {
                continue;
            }
            let request = example(&server, action, BUCKET, "no-such-key").referer(EVIL);
            let response = server.send(&Signer::owner().sign(channel, request));
            assert!(response.status < 300, "{action:?}: {}", response.error());
        }
    }
}

/// Nothing of an answer may show whether there is an object, or what it is like.
fn without_request_id(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let id = response.header("x-oss-request-id").unwrap();
    let text = response.error().replace(id, "");
    let vary = ["x-oss-request-id", "x-oss-server-time", "date", "x-oss-err"];
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| !vary.contains(&name.as_str()));
    (response.status, headers, text)
}

/// What makes a request another one.
type Change<'c> = &'c dyn Fn(Request) -> Request;

#[test]
fn a_denial_does_not_tell_whether_the_object_is_there() {
    let server = server(PUBLIC_READ);
    let etag = server.done(Request::get(BUCKET, KEY)).header("etag").unwrap().to_owned();
    let table: [(&str, Change<'_>); 9] = [
        ("plainly", &|r| r),
        ("a part", &|r| r.header("Range", "bytes=0-3")),
        ("no part", &|r| r.header("Range", "bytes=99-").header("x-oss-range-behavior", "standard")),
        ("not modified", &|r| r.header("If-None-Match", &etag)),
        ("the precondition failed", &|r| r.header("If-Match", "\"0\"")),
        ("not modified since", &|r| r.header("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")),
        ("modified since", &|r| r.header("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")),
        ("if-range", &|r| r.header("Range", "bytes=0-3").header("If-Range", &etag)),
        ("an override", &|r| r.query("response-content-type", "text/html")),
    ];
    for (name, change) in table {
        for action in [Action::GetObject, Action::HeadObject, Action::GetObjectMeta] {
            let ask =
                |key| server.send(&change(example(&server, action, BUCKET, key)).referer(OTHER));
            let (there, missing) = (ask(KEY), ask("xat.png"));
            assert_eq!(there.outcome(), denied(OTHER_EC), "{name}, {action:?}");
            assert_eq!(without_request_id(&there), without_request_id(&missing), "{name}");
            for header in ["etag", "last-modified", "content-range", "x-oss-hash-crc64ecma"] {
                assert_eq!(there.header(header), None, "{name}, {action:?}");
            }
        }
    }
}

#[test]
fn a_denial_is_not_to_be_kept_and_answers_vary() {
    let server = server(PUBLIC_READ);
    for method in ["GET", "HEAD"] {
        let ask = |referer| server.send(&Request::object(method, BUCKET, KEY).referer(referer));
        let (denied, granted) = (ask(EVIL), ask(GOOD));
        assert_eq!(denied.header("cache-control"), Some("no-store"), "{method}");
        assert_eq!((denied.status, granted.status), (403, 200));
        for response in [denied, granted] {
            assert_eq!(response.header("vary"), Some("Referer"), "{method}");
        }
    }
    server.policy(BUCKET, &OPEN);
    assert_eq!(server.send(&Request::get(BUCKET, KEY)).header("vary"), None);
}

/// Header lines as bytes, and the EC of the denial; empty if the request passes.
type Lines = (&'static str, &'static [&'static [u8]], &'static str);

#[rustfmt::skip]
const LINES: &[Lines] = &[
    ("a friend",                      &[b"Referer: http://good.example/"],                                        ""),
    ("a friend, in capitals",         &[b"REFERER: HTTP://GOOD.EXAMPLE/"],                                        ""),
    ("blanks around it",              &[b"Referer: \t http://good.example/ \t"],                                  ""),
    ("an empty value",                &[b"Referer:"],                                                             EMPTY_EC),
    ("blanks alone",                  &[b"Referer:  \t "],                                                        EMPTY_EC),
    ("friend, then enemy",            &[b"Referer: http://good.example/", b"Referer: http://evil.example/"],      BLACK_EC),
    ("enemy, then friend",            &[b"Referer: http://evil.example/", b"Referer: http://good.example/"],      BLACK_EC),
    ("friend, then other",            &[b"Referer: http://good.example/", b"Referer: http://other.example/"],     OTHER_EC),
    ("other, then friend",            &[b"Referer: http://other.example/", b"Referer: http://good.example/"],     OTHER_EC),
    ("friend, then nothing",          &[b"Referer: http://good.example/", b"Referer:"],                           EMPTY_EC),
    ("nothing, then friend",          &[b"Referer:", b"Referer: http://good.example/"],                           EMPTY_EC),
    ("lines apart",                   &[b"Referer: http://good.example/", b"Accept: */*", b"referer: http://evil.example/"], BLACK_EC),
    ("friend twice",                  &[b"Referer: http://good.example/", b"Referer: http://good.example/"],      ""),
    ("friend five times",             &[b"Referer: http://good.example/" as &[u8]; 5],                             OTHER_EC),
    ("two joined with a comma",       &[b"Referer: http://other.example/, http://good.example/"],                 OTHER_EC),
    ("joined, enemy first",           &[b"Referer: http://evil.example/, http://good.example/"],                  BLACK_EC),
    ("Referrer is no Referer",        &[b"Referrer: http://good.example/"],                                       EMPTY_EC),
    ("nor is Origin",                 &[b"Origin: http://good.example/"],                                         EMPTY_EC),
    ("nor X-Referer",                 &[b"X-Referer: http://good.example/"],                                      EMPTY_EC),
    ("another Referrer beside it",    &[b"Referer: http://other.example/", b"Referrer: http://good.example/"],    OTHER_EC),
    ("bytes that are no UTF-8",       &[b"Referer: \xd6\xd0\xce\xc4"],                                            OTHER_EC),
    ("a byte 0x80",                   &[b"Referer: \x80"],                                                        OTHER_EC),
    ("a byte 0xff",                   &[b"Referer: \xff"],                                                        OTHER_EC),
    ("0xa0 is no blank",              &[b"Referer: \xa0"],                                                        OTHER_EC),
    ("a friend's path in Latin-1",    &[b"Referer: http://good.example/\xe9\xff\x80"],                            ""),
    ("an enemy's path in Latin-1",    &[b"Referer: http://evil.example/\xe9\xff\x80"],                            BLACK_EC),
    ("hop by hop, an enemy",          &[b"Connection: referer, close", b"Referer: http://evil.example/"],         BLACK_EC),
    ("hop by hop, a friend",          &[b"Connection: close, referer", b"Referer: http://good.example/"],         ""),
    ("a friend's name in the query",  &[b"Referer: http://other.example/?http://good.example/"],                  OTHER_EC),
    ("a friend as the user",          &[b"Referer: http://good.example@other.example/"],                          OTHER_EC),
    ("a forwarded host",              &[b"X-Forwarded-Host: good.example", b"Referer: http://other.example/"],    OTHER_EC),
    ("another method in a header",    &[b"X-HTTP-Method-Override: PUT", b"Referer: http://other.example/"],       OTHER_EC),
];

#[test]
fn header_lines() {
    let server = server(PUBLIC_READ);
    for method in ["GET", "HEAD"] {
        for (name, lines, ec) in LINES {
            let start = format!("{method} /{BUCKET}/{KEY} HTTP/1.1\r\nHost: {}\r\n", server.data);
            let bytes = [start.as_bytes(), &lines.join(&b"\r\n"[..]), b"\r\n\r\n"].concat();
            let response = server.raw(&bytes).unwrap();
            let want = if ec.is_empty() { (200, String::new(), String::new()) } else { denied(ec) };
            let got = (response.status, response.element("Code").unwrap_or_default());
            let ec = response.header("x-oss-ec").unwrap_or_default().to_owned();
            assert_eq!((got.0, got.1, ec), want, "{method}, {name}");
        }
    }
}

/// Where blanks are allowed to be nobody, what is there and cannot be read is not nobody.
#[test]
fn what_is_not_text_is_never_taken_for_empty() {
    let server = server(PUBLIC_READ);
    server.policy(BUCKET, &crate::support::policy::Policy { allow_empty: true, ..STRICT });
    assert_eq!(server.send(&Request::get(BUCKET, KEY)).status, 200);
    for byte in 0x80..=0xff_u8 {
        for value in [vec![byte], vec![byte; 9]] {
            let response = server.send(&Request::get(BUCKET, KEY).referer(&value));
            assert_eq!(response.outcome(), denied(OTHER_EC), "{value:x?}");
        }
    }
}

/// No browser sends more than 4096 characters: W3C "Referrer Policy" cuts them to the origin.
#[test]
fn a_long_referer_is_nobodys() {
    let server = server(PUBLIC_READ);
    let ask = |length: usize| {
        let referer = GOOD.to_owned() + &"x".repeat(length - GOOD.len());
        server.send(&Request::get(BUCKET, KEY).referer(referer)).outcome()
    };
    assert_eq!(ask(4096).0, 200);
    for length in [4097, 8192, 16_384] {
        assert_eq!(ask(length), denied(OTHER_EC), "{length}");
    }
    assert_eq!(ask(65_536), (431, "RequestHeaderTooLarge".into(), String::new()));
}

/// Each verb that touches an object, where everybody may do everything but for the policy.
#[test]
fn an_authorization_that_proves_nothing_is_no_way_round() {
    let server = server(PUBLIC_READ_WRITE);
    let genuine = Signer::owner().sign(Channel::V4Header, Request::get(BUCKET, KEY));
    let genuine = String::from_utf8_lossy(genuine.value("authorization").unwrap()).into_owned();
    let table: &[&[&str]] = &[
        &["garbage"],
        &[""],
        &[" "],
        &["OSS"],
        &["OSS owner-of-the-tests"],
        &["OSS owner-of-the-tests:"],
        &["OSS :c2lnbmF0dXJl"],
        &["OSS2 AccessKeyId:owner-of-the-tests,Signature:c2lnbmF0dXJl"],
        &["oss owner-of-the-tests:c2lnbmF0dXJl"],
        &["Basic b3duZXI6c2VjcmV0"],
        &["Bearer token"],
        &["OSS4-HMAC-SHA256"],
        &["OSS4-HMAC-SHA256 Credential=a/b/c/d/e,Signature=0"],
        &["AWS4-HMAC-SHA256 Credential=a/20231216/cn-hangzhou/s3/aws4_request, Signature=0"],
        &["garbage", "garbage"],
        &["Basic b3duZXI6c2VjcmV0", &genuine],
        &[&genuine, &genuine],
    ];
    for lines in table {
        for action in on_objects() {
            for referer in [None, Some(EVIL), Some(GOOD)] {
                let request = example(&server, action, BUCKET, KEY);
                let request = referer.into_iter().fold(request, Request::referer);
                let request = lines.iter().fold(request, |r, line| r.header("Authorization", line));
                let status = server.send(&request).status;
                assert!([400, 403].contains(&status), "{lines:?}, {action:?}: {status}");
            }
        }
    }
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(CONTENT));
}
