//! Policies of buckets and users about what a delivery domain serves: a link is no way around a
//! `Deny`.

use serde_json::{Value, json};

use super::{BODY, BUCKET, HOST, ask, get, link, put, type_a};
use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{Channel, PUBLIC_READ, Request, Server};

fn policy(server: &Server, effect: &str, condition: &Value) {
    let mut statement = json!({
        "Effect": effect, "Principal": ["*"], "Action": ["oss:GetObject"],
        "Resource": [format!("acs:oss:*:*:{BUCKET}/*")],
    });
    if !condition.is_null() {
        statement["Condition"] = condition.clone();
    }
    let document = json!({ "Version": "1", "Statement": [statement] });
    let request = Request::bucket("PUT", BUCKET).query("policy", "");
    server.done(request.body(document.to_string()));
}

#[test]
fn a_deny_wins_over_a_link() {
    let server = super::server();
    put(&server, HOST, &type_a());
    policy(&server, "Deny", &Value::Null);
    let refusal = get(&server, &link("/a.mp4"));
    assert_eq!(refusal.code(), refused(403, "AccessDenied"));
    assert_eq!(refusal.element("EC").as_deref(), Some("0003-00000101"));
    let from_a_page = json!({ "StringLike": { "acs:Referer": ["https://evil.example/*"] } });
    policy(&server, "Deny", &from_a_page);
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
    let headers = [("Referer", "https://evil.example/page")];
    assert_eq!(ask(&server, ("GET", HOST), &link("/a.mp4"), &headers).status, 403);
}

#[test]
fn the_client_of_a_domain_is_who_trusted_proxies_say() {
    let server = Start::default().flag("--trusted-proxy", "127.0.0.0/8").run();
    super::furnish(&server);
    put(&server, HOST, &type_a());
    policy(&server, "Deny", &json!({ "NotIpAddress": { "acs:SourceIp": "203.0.113.0/24" } }));
    let from = |list: &str| {
        let headers = [("X-Forwarded-For", list)];
        ask(&server, ("GET", HOST), &link("/a.mp4"), &headers).status
    };
    assert_eq!(from("203.0.113.5"), 200);
    assert_eq!(from("198.51.100.1"), 403);
    assert_eq!(from("203.0.113.5, unknown"), 403, "what cannot be read is not from there");
}

#[test]
fn a_bucket_that_its_policy_opens_is_warned_of() {
    let server = super::server();
    let warned =
        |needle: &str| put(&server, HOST, &type_a())["warnings"].to_string().contains(needle);
    let open = "by the bucket's own hosts";
    assert!(!warned(open));
    let office = json!({ "IpAddress": { "acs:SourceIp": "203.0.113.0/24" } });
    policy(&server, "Allow", &office);
    assert!(!warned(open), "an office is not everybody");
    policy(&server, "Allow", &Value::Null);
    assert!(warned(open));
}

/// What only signed requests may read, users read with their keys, as far as they may.
#[test]
fn whoever_has_a_key_needs_no_link() {
    let server = super::server();
    let mut terms = type_a();
    terms["direct_access"] = json!("signed-only");
    put(&server, HOST, &terms);
    let request = || Request::get(BUCKET, "vod/a.mp4");
    let alice = server.user_who_may("alice", &json!("oss:GetObject"), &json!("*"));
    let stranger = server.user("stranger");
    for channel in Channel::SIGNED {
        let given = server.send(&alice.sign(channel, request()));
        assert_eq!((given.status, given.body.as_slice()), (200, BODY.as_bytes()), "{channel:?}");
        assert_eq!(server.send(&stranger.sign(channel, request())).status, 403, "{channel:?}");
    }
    assert_eq!(server.send(&request()).status, 403);
    policy(&server, "Allow", &Value::Null);
    server.bucket(BUCKET, PUBLIC_READ);
    assert_eq!(server.send(&request()).status, 403, "whatever is allowed to everybody");
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
}
