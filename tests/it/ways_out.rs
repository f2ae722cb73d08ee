//! Every way by which bytes of an object leave, or anything about them, under a referer policy: one
//! list, asked by everybody who has to obey it.
//!
//! Source: OSS "Configure hotlink protection" (an object that is accessed anonymously or by a signed
//! URL); that each of these is an access is ours.

use crate::support::policy::{BLACK_EC, EMPTY_EC, EVIL, GOOD, OTHER, OTHER_EC, STRICT};
use crate::support::{Channel, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Server, Signer};

const GUARDED: &str = "guarded";
const OPEN: &str = "not-guarded";
const KEY: &str = "cat.png";
const CONTENT: &[u8] = b"not really a picture";
const ETAG: &str = "\"54E4E4D4E0C4C8D6E9FE3A8B32B8E98A\"";

/// A way out, the request, and its status where it is granted.
type Way = (&'static str, Request, u16);

fn ways(etag: &str, upload: &str) -> Vec<Way> {
    let get = || Request::get(GUARDED, KEY);
    let head = |key| Request::object("HEAD", GUARDED, key);
    let link = || Request::get(GUARDED, "link");
    let copy = |from: &str| {
        let request = Request::object("PUT", OPEN, "copy").body("");
        request.header("x-oss-copy-source", format!("/{GUARDED}/{from}"))
    };
    let part = |from: &str| copy(from).query("partNumber", "1").query("uploadId", upload);
    vec![
        ("the whole", get(), 200),
        ("a part", get().header("Range", "bytes=0-3"), 206),
        ("from an offset", get().header("Range", "bytes=4-"), 206),
        ("the part of a version", get().header("Range", "bytes=0-3").header("If-Range", etag), 206),
        ("not modified", get().header("If-None-Match", etag), 304),
        (
            "not modified since",
            get().header("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
            304,
        ),
        ("another version", get().header("If-Match", ETAG), 412),
        ("the head", head(KEY), 200),
        ("not modified, its head", head(KEY).header("If-None-Match", etag), 304),
        ("length and date", head(KEY).query("objectMeta", ""), 200),
        ("through a symlink", link(), 200),
        ("a part through a symlink", link().header("Range", "bytes=0-3"), 206),
        ("not modified, through a symlink", link().header("If-None-Match", etag), 304),
        ("the head through a symlink", head("link"), 200),
        ("where a symlink leads", link().query("symlink", ""), 200),
        ("a copy into another bucket", copy(KEY), 200),
        (
            "a copy unless it is the same",
            copy(KEY).header("x-oss-copy-source-if-none-match", etag),
            304,
        ),
        ("a copy of a symlink", copy("link"), 200),
        ("a part of an upload to another bucket", part(KEY), 200),
        ("some bytes of one", part(KEY).header("x-oss-copy-source-range", "bytes=0-3"), 200),
        ("one through a symlink", part("link"), 200),
    ]
}

/// A server, the tag of the object, and an upload to the bucket that is not guarded.
fn server() -> (Server, String, String) {
    let server = Server::start();
    server.bucket(GUARDED, PUBLIC_READ);
    server.bucket(OPEN, PUBLIC_READ_WRITE);
    server.policy(GUARDED, &STRICT);
    let written = server.done(Request::put(GUARDED, KEY, CONTENT));
    let link = Request::object("PUT", GUARDED, "link").query("symlink", "").body("");
    server.done(link.header("x-oss-symlink-target", KEY));
    let etag = written.header("etag").unwrap().to_owned();
    let upload = Request::object("POST", OPEN, "copy").query("uploads", "").body("");
    let upload = server.done(upload).element("UploadId").unwrap();
    (server, etag, upload)
}

#[test]
fn no_way_out_is_without_a_guard() {
    let (server, etag, upload) = server();
    for (name, request, granted) in ways(&etag, &upload) {
        for channel in Channel::ALL {
            let ask = |referer: Option<&str>| {
                let request = referer.into_iter().fold(request.clone(), Request::referer);
                server.send(&Signer::owner().sign(channel, request))
            };
            let referers = [(None, EMPTY_EC), (Some(EVIL), BLACK_EC), (Some(OTHER), OTHER_EC)];
            for (referer, ec) in referers {
                let response = ask(referer);
                if channel.is_header() {
                    assert_eq!(response.status, granted, "{name}: {channel:?} from {referer:?}");
                    server.done(Request::object("DELETE", OPEN, "copy"));
                    continue;
                }
                let want = (403, "AccessDenied".to_owned(), ec.to_owned());
                assert_eq!(response.outcome(), want, "{name}: {channel:?} from {referer:?}");
                for header in ["etag", "last-modified", "content-range", "x-oss-symlink-target"] {
                    assert_eq!(response.header(header), None, "{name}: {channel:?}");
                }
                assert_eq!(server.keys(OPEN), [""; 0], "{name}: nothing was copied");
            }
            assert_eq!(ask(Some(GOOD)).status, granted, "{name}: {channel:?} from a friend");
            server.done(Request::object("DELETE", OPEN, "copy"));
        }
    }
}

/// A refusal of the target's bucket comes first, and one of the source's is no less a refusal.
#[test]
fn both_ends_of_a_copy_are_guarded() {
    let (server, ..) = server();
    server.policy(OPEN, &STRICT);
    let copy = Request::object("PUT", OPEN, "copy").body("");
    let copy = copy.header("x-oss-copy-source", format!("/{GUARDED}/{KEY}"));
    assert_eq!(server.send(&copy).outcome().2, EMPTY_EC);
    server.bucket(OPEN, PUBLIC_READ_WRITE);
    assert_eq!(server.send(&copy.referer(GOOD)).status, 200);
}
