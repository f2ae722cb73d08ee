//! What somebody may do who is not the owner, for every operation there is.
//!
//! Source: OSS "Bucket ACLs": private gives strangers nothing, public-read reading objects,
//! public-read-write reading, writing and deleting them.

use refgate::domain::acl::Access;
use refgate::domain::op::Action;

use crate::support::actions::{CORS, NOT_BY_V1_URL, example, is_signed_in_its_head, prepare};
use crate::support::clock;
use crate::support::wire::refused;
use crate::support::{
    Channel, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Response, Server, Signer,
};

/// The exceptions to "strangers may do nothing", as OSS's manual has them: an operation that is new
/// is the owner's unless it reads or writes an object.
const OPEN_TO_READERS: [Action; 4] =
    [Action::GetObject, Action::HeadObject, Action::GetObjectMeta, Action::GetSymlink];
const OPEN_TO_WRITERS: [Action; 12] = [
    Action::PutObject,
    Action::PostObject,
    Action::CopyObject,
    Action::PutSymlink,
    Action::AppendObject,
    Action::InitiateMultipartUpload,
    Action::UploadPart,
    Action::UploadPartCopy,
    Action::CompleteMultipartUpload,
    Action::AbortMultipartUpload,
    Action::ListParts,
    Action::DeleteObject,
];
/// Preflights: browsers send them without credentials, and they open nothing.
const OPEN_TO_ALL: [Action; 2] = [Action::OptionBucket, Action::OptionObject];

const BUCKET: &str = "strangers";
const KEY: &str = "object";
const CONTENT: &[u8] = b"the owner's";

fn server(acl: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, acl);
    server
}

/// Puts what the examples of operations are about.
fn ready(server: &Server, action: Action) {
    prepare(server, action, (BUCKET, KEY), CONTENT);
    server.done(Request::bucket("PUT", BUCKET).query("cors", "").body(CORS));
}

/// Sends a stranger's request for an operation about an object that is there.
fn ask(server: &Server, action: Action) -> Response {
    ready(server, action);
    server.send(&example(server, action, BUCKET, KEY))
}

fn is_open(acl: &str, action: Action) -> bool {
    match acl {
        _ if OPEN_TO_ALL.contains(&action) => true,
        PUBLIC_READ => OPEN_TO_READERS.contains(&action),
        PUBLIC_READ_WRITE => OPEN_TO_READERS.contains(&action) || OPEN_TO_WRITERS.contains(&action),
        _ => false,
    }
}

#[test]
fn strangers_do_what_the_acl_says_and_nothing_else() {
    for acl in [PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE] {
        let server = server(acl);
        for &action in Action::ALL {
            let response = ask(&server, action);
            if is_open(acl, action) {
                assert!((200..300).contains(&response.status), "{action:?} on {acl}");
            } else {
                assert_eq!(response.code(), refused(403, "AccessDenied"), "{action:?} on {acl}");
            }
        }
    }
}

/// The table that the server decides by says the same as the lists above.
#[test]
fn the_exceptions_are_those_of_the_table() {
    for &action in Action::ALL {
        let want = match action.access() {
            Access::Read | Access::Anyone => (true, true),
            Access::Write => (false, true),
            Access::Own => (false, false),
        };
        let got = (is_open(PUBLIC_READ, action), is_open(PUBLIC_READ_WRITE, action));
        assert_eq!(got, want, "{action:?}");
    }
}

/// Otherwise the tests of this file would show only that the examples are bad requests.
#[test]
fn the_owner_may_do_all_of_it_in_every_way_of_signing() {
    let server = server(PRIVATE);
    for &action in Action::ALL.iter().filter(|action| is_signed_in_its_head(**action)) {
        for channel in Channel::SIGNED {
            ready(&server, action);
            let response =
                server.send(&Signer::owner().sign(channel, example(&server, action, BUCKET, KEY)));
            let by_v1_url = channel == Channel::V1Url && NOT_BY_V1_URL.contains(&action);
            let want = match (action == Action::DeleteBucket, by_v1_url) {
                (true, _) => 409..410,
                (false, true) => 403..404,
                (false, false) => 200..300,
            };
            let text = response.error();
            assert!(want.contains(&response.status), "{action:?} by {channel:?}: {text}");
        }
    }
}

/// A way of signing that proves nothing, and the answer to it.
struct Forgery {
    name: &'static str,
    signer: Signer,
    channels: &'static [Channel],
    code: &'static str,
}

fn forgeries() -> [Forgery; 6] {
    const URLS: &[Channel] = &[Channel::V1Url, Channel::V4Url];
    const HEADERS: &[Channel] = &[Channel::V1Header, Channel::V4Header];
    let owner = Signer::owner();
    let (now, hour) = (clock::now(), 3600);
    [
        Forgery {
            name: "a wrong secret",
            signer: Signer { secret: "guessed".into(), ..owner.clone() },
            channels: &Channel::SIGNED,
            code: "SignatureDoesNotMatch",
        },
        Forgery {
            name: "an unknown key",
            signer: Signer { id: "nobody".into(), ..owner.clone() },
            channels: &Channel::SIGNED,
            code: "InvalidAccessKeyId",
        },
        Forgery {
            name: "an expired URL",
            signer: Signer { at: now - hour, lifetime: 60, ..owner.clone() },
            channels: URLS,
            code: "AccessDenied",
        },
        Forgery {
            name: "a URL of the future",
            signer: Signer { at: now + hour, ..owner.clone() },
            channels: &[Channel::V4Url],
            code: "AccessDenied",
        },
        Forgery {
            name: "a header of the past",
            signer: Signer { at: now - hour, ..owner.clone() },
            channels: HEADERS,
            code: "RequestTimeTooSkewed",
        },
        Forgery {
            name: "a header of the future",
            signer: Signer { at: now + hour, ..owner },
            channels: HEADERS,
            code: "RequestTimeTooSkewed",
        },
    ]
}

/// Also where everybody may read and write: a signature that is there must hold.
#[test]
fn a_signature_that_does_not_hold_opens_nothing() {
    let server = server(PUBLIC_READ_WRITE);
    server.done(Request::put(BUCKET, KEY, CONTENT));
    let policy = server.policy_of(BUCKET);
    let signed = || Action::ALL.iter().filter(|action| is_signed_in_its_head(**action));
    for Forgery { name, signer, channels, code } in forgeries() {
        for &action in signed() {
            for &channel in channels {
                let response =
                    server.send(&signer.sign(channel, example(&server, action, BUCKET, KEY)));
                assert_eq!(response.code(), refused(403, code), "{name}, {channel:?}, {action:?}");
            }
        }
    }
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(CONTENT));
    assert_eq!(server.policy_of(BUCKET), policy);
    let acl = server.done(Request::bucket("GET", BUCKET).query("acl", ""));
    assert_eq!(acl.element("Grant").as_deref(), Some(PUBLIC_READ_WRITE));
}

/// A signature is good for one request: not for another method, bucket, key or operation.
#[test]
fn a_signature_is_good_for_one_request_only() {
    let server = server(PRIVATE);
    server.bucket("another", PRIVATE);
    server.done(Request::put(BUCKET, KEY, CONTENT));
    server.done(Request::put("another", KEY, CONTENT));
    server.done(Request::put(BUCKET, "second", CONTENT));
    for channel in Channel::SIGNED {
        let signed = Signer::owner().sign(channel, Request::get(BUCKET, KEY));
        assert_eq!(server.send(&signed).body, CONTENT, "{channel:?}");
        let changed = [
            Request { method: "HEAD".into(), ..signed.clone() },
            Request { method: "DELETE".into(), ..signed.clone() },
            Request { bucket: Some("another".into()), ..signed.clone() },
            Request { key: Some("second".into()), ..signed.clone() },
            Request { key: None, ..signed.clone() }.query("referer", ""),
            signed.clone().query("response-content-type", "text/html"),
            signed.clone().header("x-oss-meta-added", "later"),
        ];
        for request in changed {
            let response = server.send(&request);
            let want = refused(403, "SignatureDoesNotMatch");
            assert_eq!(
                response.code(),
                want,
                "{channel:?} {} {}",
                request.method,
                request.target()
            );
        }
    }
    assert_eq!(server.keys(BUCKET), [KEY, "second"]);
}
