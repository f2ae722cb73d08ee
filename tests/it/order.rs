//! Which refusal a request gets that deserves several: signature or expiry, then the bucket, the
//! referer, the ACL, the object. OSS leaves the order open but for the first; it is ours.

use crate::support::policy::{EVIL, GOOD, OTHER_EC, STRICT};
use crate::support::wire::refused;
use crate::support::{
    Channel, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Server, Signer, clock,
};

const CLOSED: &str = "closed";
const OPEN: &str = "readable";

fn server() -> Server {
    let server = Server::start();
    for (bucket, acl) in [(CLOSED, PRIVATE), (OPEN, PUBLIC_READ)] {
        server.bucket(bucket, acl);
        server.policy(bucket, &STRICT);
        server.done(Request::put(bucket, "key", "content"));
    }
    server
}

#[test]
fn a_signature_comes_before_the_bucket() {
    let server = server();
    let forger = Signer { secret: "guessed".into(), ..Signer::owner() };
    let late = Signer { at: clock::now() - 3600, lifetime: 60, ..Signer::owner() };
    for channel in Channel::SIGNED {
        let request = Request::get("no-such-bucket", "key").referer(EVIL);
        let code = server.send(&forger.sign(channel, request.clone())).code();
        assert_eq!(code, refused(403, "SignatureDoesNotMatch"), "{channel:?}");
        if !channel.is_header() {
            let got = server.send(&late.sign(channel, request)).outcome();
            assert!(got.2.starts_with("0002-"), "{channel:?}: {got:?}");
        }
    }
}

#[test]
fn a_signature_comes_before_the_referer() {
    let server = server();
    let forger = Signer { secret: "guessed".into(), ..Signer::owner() };
    let late = Signer { at: clock::now() - 3600, lifetime: 60, ..Signer::owner() };
    for (channel, expired) in [(Channel::V1Url, "0002-00000069"), (Channel::V4Url, "0002-00000236")]
    {
        let request = Request::get(OPEN, "key").referer(EVIL);
        let code = server.send(&forger.sign(channel, request.clone())).code();
        assert_eq!(code, refused(403, "SignatureDoesNotMatch"), "{channel:?}");
        let got = server.send(&late.sign(channel, request)).outcome();
        assert_eq!(got, (403, "AccessDenied".into(), expired.into()), "{channel:?}");
    }
}

#[test]
fn the_bucket_comes_before_the_referer() {
    let got = server().send(&Request::get("no-such-bucket", "key").referer(EVIL)).outcome();
    assert_eq!(got, (404, "NoSuchBucket".into(), "0015-00000101".into()));
}

/// The documentation's example of a denial is of a bucket that strangers could not read anyway.
#[test]
fn the_referer_comes_before_the_acl() {
    let server = server();
    let ask = |referer| server.send(&Request::get(CLOSED, "key").referer(referer)).outcome();
    let denied = |ec: &str| (403, "AccessDenied".to_owned(), ec.to_owned());
    assert_eq!(ask("http://other.example/"), denied(OTHER_EC));
    assert_eq!(ask(GOOD), denied("0003-00000001"));
}

#[test]
fn the_referer_comes_before_the_object() {
    let server = server();
    for bucket in [OPEN, CLOSED] {
        for channel in [Channel::Anonymous, Channel::V1Url, Channel::V4Url] {
            let request = Request::get(bucket, "no-such-key").referer("http://other.example/");
            let got = server.send(&Signer::owner().sign(channel, request)).outcome();
            assert_eq!(got.2, OTHER_EC, "{bucket} by {channel:?}");
        }
    }
}

#[test]
fn the_acl_comes_before_the_object() {
    let server = server();
    let ask = |bucket| server.send(&Request::get(bucket, "no-such-key").referer(GOOD)).outcome();
    assert_eq!(ask(CLOSED), (403, "AccessDenied".into(), "0003-00000001".into()));
    assert_eq!(ask(OPEN), (404, "NoSuchKey".into(), "0026-00000001".into()));
}

/// The SDK for Go puts a policy without a list on a bucket that is not there, and expects 404.
#[test]
fn the_bucket_comes_before_the_body() {
    let body = "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer>\
                </RefererConfiguration>";
    let server = server();
    let ask = |bucket| {
        let request = Request::bucket("PUT", bucket).query("referer", "").body(body);
        server.owner(request).outcome()
    };
    assert_eq!(ask("no-such-bucket"), (404, "NoSuchBucket".into(), "0015-00000101".into()));
    assert_eq!(ask(OPEN), (400, "MalformedXML".into(), "0033-00000005".into()));
}

/// A denial of an upload costs the server nothing that the sender chooses.
#[test]
fn a_denied_upload_is_not_read_to_its_end() {
    let server = server();
    server.bucket("inbox", PUBLIC_READ_WRITE);
    server.policy("inbox", &STRICT);
    let mut connection = server.connect();
    let head = "PUT /inbox/key HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\
                Expect: 100-continue\r\n\r\n";
    connection.write(head.as_bytes());
    assert_eq!(connection.answer("PUT").unwrap().status, 403, "and no 100 before it");
    assert!(connection.rest().is_empty(), "what is left unread ends the connection");
}
