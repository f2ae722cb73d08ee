//! Temporary credentials: a key with a security token.
//!
//! Sources: OSS "Use temporary credentials provided by STS", the `EC` pages 0002-00000003 to
//! 0002-00000007 and 0003-00000301.

use serde_json::json;

use crate::support::wire::refused;
use crate::support::{Channel, PRIVATE, Request, Response, Server, Signer};

const BUCKET: &str = "temporary";
const KEY: &str = "object";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    server.done(Request::put(BUCKET, KEY, "content"));
    server
}

fn get() -> Request {
    Request::get(BUCKET, KEY)
}

#[track_caller]
fn is(response: &Response, code: &str, ec: &str) {
    assert_eq!(response.code(), refused(403, code), "{}", response.error());
    assert_eq!(response.element("EC").as_deref(), Some(ec));
}

#[test]
fn they_are_good_in_every_way_of_signing_and_no_more_than_their_user() {
    let server = server();
    server.user_who_may("alice", &json!("oss:Get*"), &json!("*"));
    let alice = server.temporary(&json!({ "user": "alice", "duration_seconds": 900 }));
    assert!(alice.id.starts_with("STS."), "{}", alice.id);
    for channel in Channel::SIGNED {
        let response = server.send(&alice.sign(channel, get()));
        assert_eq!((response.status, &*response.body), (200, b"content".as_slice()), "{channel:?}");
        let put = server.send(&alice.sign(channel, Request::put(BUCKET, KEY, "x")));
        is(&put, "AccessDenied", "0003-00000001");
    }
    server.allow("alice", &json!("oss:Put*"), &json!("*"));
    assert_eq!(server.send(&alice.sign(Channel::V4Header, get())).status, 403);
    server.api_done("DELETE", "users/alice", None);
    server.user_who_may("alice", &json!("*"), &json!("*"));
    let gone = server.send(&alice.sign(Channel::V4Header, get()));
    is(&gone, "InvalidSecurityToken", "0002-00000006");
}

#[test]
fn a_token_that_is_missing_or_wrong_opens_nothing() {
    let server = server();
    let alice = server.user_who_may("alice", &json!("*"), &json!("*"));
    let (one, two) = (
        server.temporary(&json!({ "user": "alice" })),
        server.temporary(&json!({ "user": "alice" })),
    );
    let token = |token: Option<&str>| Signer { token: token.map(str::to_owned), ..one.clone() };
    let real = one.token.clone().unwrap();
    let cut = &real[..real.len() - 4];
    #[rustfmt::skip]
    let table = [
        ("missing",           token(None),                                           "InvalidAccessKeyId",                   Some("0002-00000003")),
        ("another's",         token(two.token.as_deref()),                           "AccessKeyIdAndSecurityTokenNotMatch",  Some("0002-00000004")),
        ("made up",           token(Some("CAIS-made-up")),                           "InvalidSecurityToken",                 Some("0002-00000006")),
        ("cut",               token(Some(cut)),                                      "InvalidSecurityToken",                 Some("0002-00000006")),
        ("expired",           server.ended(),                                        "SecurityTokenExpired",                 Some("0002-00000007")),
        ("of a wrong secret", Signer { secret: "guessed".into(), ..one.clone() },    "SignatureDoesNotMatch",                Some("0002-00000040")),
        ("with a permanent key", Signer { token: Some(real.clone()), ..alice.clone() }, "InvalidAccessKeyId",               None),
        ("with the owner's key", Signer { token: Some(real.clone()), ..Signer::owner() }, "InvalidAccessKeyId",             None),
    ];
    for (name, signer, code, ec) in table {
        for channel in Channel::SIGNED {
            let response = server.send(&signer.sign(channel, get()));
            assert_eq!(response.code(), refused(403, code), "{name} {channel:?}");
            assert_eq!(response.element("EC").as_deref(), ec, "{name} {channel:?}");
            let body = String::from_utf8(response.body).unwrap();
            assert!(!body.contains(&one.secret), "{name}");
        }
    }
    assert_eq!(server.send(&one.sign(Channel::V4Header, get())).status, 200);
}

/// The V1 signer of alibabacloud-oss-v2 sends its token so, and does not sign it.
#[test]
fn the_token_may_stand_in_a_header_of_another_name() {
    let server = server();
    server.user_who_may("alice", &json!("*"), &json!("*"));
    let alice = server.temporary(&json!({ "user": "alice" }));
    let bare = Signer { token: None, ..alice.clone() };
    let token = alice.token.unwrap();
    let signed = bare.sign(Channel::V1Header, get()).header("security-token", &token);
    assert_eq!(server.send(&signed).status, 200);
    let both = signed.header("x-oss-security-token", "another");
    assert_eq!(server.send(&both).status, 400);
}

#[test]
fn a_policy_of_their_own_only_narrows() {
    let server = server();
    server.user_who_may("alice", &json!(["oss:GetObject", "oss:PutObject"]), &json!("*"));
    let only = |action: &str| {
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
        let policy = json!({ "Version": "1", "Statement": [statement] });
        server.temporary(&json!({ "user": "alice", "policy": policy }))
    };
    let put = || Request::put(BUCKET, "other", "x");
    let ask = |signer: &Signer, request| server.send(&signer.sign(Channel::V4Header, request));
    let reads = only("oss:GetObject");
    assert_eq!(ask(&reads, get()).status, 200);
    is(&ask(&reads, put()), "AccessDenied", "0003-00000301");
    let lists = only("oss:ListObjects");
    is(&ask(&lists, Request::bucket("GET", BUCKET)), "AccessDenied", "0003-00000202");
    // Not even what everybody may.
    server.bucket(BUCKET, "public-read");
    is(&ask(&lists, get()), "AccessDenied", "0003-00000301");
}

#[test]
fn those_of_nobody_may_do_what_their_policy_says() {
    let server = server();
    let statement = json!([
        { "Effect": "Allow", "Action": "oss:*", "Resource": format!("acs:oss:*:*:{BUCKET}/*") },
        { "Effect": "Deny", "Action": "oss:DeleteObject", "Resource": "*" },
    ]);
    let policy = json!({ "Version": "1", "Statement": statement });
    let role = server.temporary(&json!({ "policy": policy }));
    let ask = |request| server.send(&role.sign(Channel::V4Header, request));
    assert_eq!(ask(get()).status, 200);
    assert_eq!(ask(Request::put(BUCKET, KEY, "x")).status, 200);
    is(&ask(Request::object("DELETE", BUCKET, KEY)), "AccessDenied", "0003-00000201");
    is(&ask(Request::bucket("GET", BUCKET)), "AccessDenied", "0003-00000202");
}
