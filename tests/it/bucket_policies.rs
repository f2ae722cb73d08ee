//! Policies of buckets.
//!
//! Sources: OSS "Bucket policy" (the order of decisions, what reaches the bucket's owner),
//! "PutBucketPolicy", "GetBucketPolicyStatus", the `EC` pages 0003-00000101 and 0030-….

use serde_json::{Value, json};

use crate::support::policy::STRICT;
use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{Channel, PRIVATE, PUBLIC_READ, Request, Response, Server, Signer};

const BUCKET: &str = "with-a-policy";
const KEY: &str = "object";

fn ready(server: Server) -> Server {
    server.bucket(BUCKET, PRIVATE);
    server.done(Request::put(BUCKET, KEY, "content"));
    server
}

fn server() -> Server {
    ready(Server::start())
}

fn policy(method: &str) -> Request {
    Request::bucket(method, BUCKET).query("policy", "")
}

fn put(server: &Server, statements: &Value) {
    let document = json!({ "Version": "1", "Statement": statements });
    server.done(policy("PUT").body(document.to_string()));
}

/// A statement about the bucket's objects.
fn statement(effect: &str, principal: &str, condition: Value) -> Value {
    let mut statement = json!({
        "Effect": effect, "Principal": [principal], "Action": ["oss:GetObject"],
        "Resource": [format!("acs:oss:*:*:{BUCKET}/*")],
    });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    statement
}

fn get() -> Request {
    Request::get(BUCKET, KEY)
}

#[track_caller]
fn is_denied(response: &Response, ec: &str) {
    assert_eq!(response.code(), refused(403, "AccessDenied"), "{}", response.error());
    assert_eq!(response.element("EC").as_deref(), Some(ec));
}

#[test]
fn a_policy_comes_back_as_it_was_put() {
    let server = server();
    let missing = server.owner(policy("GET"));
    assert_eq!(missing.code(), refused(404, "NoSuchBucketPolicy"));
    assert_eq!(missing.element("EC").as_deref(), Some("0030-00000006"));
    let status = || {
        let response = server.done(Request::bucket("GET", BUCKET).query("policyStatus", ""));
        response.element("IsPublic").unwrap()
    };
    assert_eq!(status(), "false");
    let text = "{ \"Version\": \"1\",\n  \"Statement\": {\"Effect\":\"Allow\", \"Principal\":\"*\",\
                \"Action\":\"oss:GetObject\",\"Resource\":\"*\"}}";
    server.done(policy("PUT").body(text));
    let got = server.done(policy("GET"));
    assert_eq!(String::from_utf8(got.body).unwrap(), text);
    assert_eq!(status(), "true");
    let by_api = server.api_done("GET", &format!("buckets/{BUCKET}/policy"), None);
    assert_eq!(by_api["Statement"]["Effect"], "Allow");
    for _ in 0..2 {
        assert_eq!(server.done(policy("DELETE")).status, 204);
    }
    assert_eq!(server.owner(policy("GET")).status, 404);
    assert_eq!(status(), "false");
}

#[test]
fn strangers_and_users_get_what_it_says_before_any_acl() {
    let server = server();
    let alice = server.user("alice");
    let ask = |signer: &Signer| server.send(&signer.sign(Channel::V4Header, get()));
    is_denied(&server.send(&get()), "0003-00000001");
    put(&server, &json!([statement("Allow", "*", Value::Null)]));
    assert_eq!(server.send(&get()).status, 200);
    assert_eq!(ask(&alice).status, 200);
    put(&server, &json!([statement("Allow", "alice", Value::Null)]));
    is_denied(&server.send(&get()), "0003-00000001");
    assert_eq!(ask(&alice).status, 200);
    server.bucket(BUCKET, PUBLIC_READ);
    put(&server, &json!([statement("Deny", "*", Value::Null)]));
    is_denied(&server.send(&get()), "0003-00000101");
    is_denied(&ask(&alice), "0003-00000101");
    assert_eq!(server.owner(get()).status, 200, "everybody does not include the owner");
    server.allow("alice", &json!("*"), &json!("*"));
    is_denied(&ask(&alice), "0003-00000101");
    server.done(policy("DELETE"));
    assert_eq!((server.send(&get()).status, ask(&alice).status), (200, 200));
}

/// Everybody under a condition includes the owner, but nobody is locked out.
#[test]
fn the_owner_always_gets_at_the_policy() {
    let server = server();
    let everywhere = json!({ "IpAddress": { "acs:SourceIp": ["0.0.0.0/0", "::/0"] } });
    let all = json!({
        "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": everywhere,
    });
    put(&server, &json!([all]));
    is_denied(&server.owner(get()), "0003-00000101");
    is_denied(&server.owner(Request::bucket("GET", BUCKET)), "0003-00000101");
    is_denied(&server.owner(Request::bucket("GET", BUCKET).query("acl", "")), "0003-00000101");
    assert_eq!(server.owner(policy("GET")).status, 200);
    assert_eq!(server.owner(policy("DELETE")).status, 204);
    assert_eq!(server.owner(get()).status, 200);
    put(&server, &json!([all]));
    server.api_done("DELETE", &format!("buckets/{BUCKET}/policy"), None);
    assert_eq!(server.owner(get()).status, 200);
}

/// The referer policy is asked first, and both must let a request pass.
#[test]
fn a_condition_on_the_referer_does_not_replace_the_referer_policy() {
    let server = server();
    let good = "https://good.example/page";
    let condition = json!({ "StringLike": { "acs:Referer": ["https://good.example/*"] } });
    put(&server, &json!([statement("Allow", "*", condition)]));
    let ask = |referers: &[&str]| server.send(&referers.iter().fold(get(), Request::referer));
    assert_eq!(ask(&[good]).status, 200);
    is_denied(&ask(&["https://evil.example/"]), "0003-00000001");
    is_denied(&ask(&[]), "0003-00000001");
    is_denied(&ask(&[good, "https://good.example/"]), "0003-00000001");
    server.policy(BUCKET, &STRICT);
    is_denied(&ask(&[good]), "0003-00000503");
}

#[test]
fn a_policy_holds_at_its_time() {
    let server = server();
    let (past, future) = ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    #[rustfmt::skip]
    let table = [
        ("until then",     "DateLessThan",    future, 200),
        ("until long ago", "DateLessThan",    past,   403),
        ("since then",     "DateGreaterThan", past,   200),
        ("not yet",        "DateGreaterThan", future, 403),
    ];
    for (name, operator, time, want) in table {
        let condition = json!({ operator: { "acs:CurrentTime": time } });
        put(&server, &json!([statement("Allow", "*", condition)]));
        assert_eq!(server.send(&get()).status, want, "{name}");
    }
}

#[test]
fn the_client_is_who_trusted_proxies_say() {
    let office = json!({ "IpAddress": { "acs:SourceIp": "203.0.113.0/24" } });
    let secure = json!({ "Bool": { "acs:SecureTransport": "true" } });
    let ask = |server: &Server, headers: &[(&str, &str)]| {
        let with = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
        server.send(&headers.iter().fold(get(), with)).status
    };
    let from = [("X-Forwarded-For", "203.0.113.5")];
    let tls = [("X-Forwarded-Proto", "https")];

    let alone = server();
    put(&alone, &json!([statement("Allow", "*", office.clone())]));
    assert_eq!(ask(&alone, &from), 403, "a stranger who writes the header");
    put(
        &alone,
        &json!([statement("Allow", "*", json!({ "IpAddress": { "acs:SourceIp": "127.0.0.1" } }))]),
    );
    assert_eq!(ask(&alone, &from), 200);
    put(&alone, &json!([statement("Allow", "*", secure.clone())]));
    assert_eq!(ask(&alone, &tls), 403);

    let behind = ready(Start::default().flag("--trusted-proxy", "127.0.0.0/8").run());
    put(&behind, &json!([statement("Allow", "*", office.clone())]));
    #[rustfmt::skip]
    let table = [
        ("the office",                "203.0.113.5",            200),
        ("elsewhere",                 "198.51.100.1",           403),
        ("the office, made up",       "203.0.113.5, 198.51.100.1", 403),
        ("behind two proxies",        "203.0.113.5, 127.0.0.9", 200),
        ("what cannot be read",       "203.0.113.5, unknown",   403),
    ];
    for (name, list, want) in table {
        assert_eq!(ask(&behind, &[("X-Forwarded-For", list)]), want, "{name}");
    }
    put(&behind, &json!([statement("Allow", "*", secure)]));
    assert_eq!((ask(&behind, &tls), ask(&behind, &[])), (200, 403));
    // Unreadable is not "not from there".
    behind.bucket(BUCKET, PUBLIC_READ);
    let outside = json!({ "NotIpAddress": { "acs:SourceIp": "203.0.113.0/24" } });
    put(&behind, &json!([statement("Deny", "*", outside)]));
    assert_eq!(ask(&behind, &from), 200);
    assert_eq!(ask(&behind, &[("X-Forwarded-For", "unknown")]), 403);
}

#[test]
fn the_source_of_a_copy_is_decided_by_its_own_bucket() {
    let server = server();
    server.bucket("target", PRIVATE);
    let alice = server.user_who_may("alice", &json!("*"), &json!("*"));
    let copy = || {
        Request::object("PUT", "target", "copy")
            .header("x-oss-copy-source", format!("/{BUCKET}/{KEY}"))
            .body("")
    };
    put(&server, &json!([statement("Deny", "alice", Value::Null)]));
    is_denied(&server.send(&alice.sign(Channel::V4Header, copy())), "0003-00000101");
    assert_eq!(server.content("target", "copy"), None);
    server.done(policy("DELETE"));
    assert_eq!(server.send(&alice.sign(Channel::V4Header, copy())).status, 200);
}

/// A part is as good a way to read an object as a copy.
#[test]
fn the_source_of_a_part_is_decided_by_its_own_bucket() {
    let server = server();
    server.bucket("target", PRIVATE);
    let on_target = json!("acs:oss:*:*:target/*");
    let alice = server.user_who_may("alice", &json!("oss:PutObject"), &on_target);
    let ask = |request| server.send(&alice.sign(Channel::V4Header, request));
    let begin = Request::object("POST", "target", "copy").query("uploads", "").body("");
    let id = ask(begin).element("UploadId").unwrap();
    let part = || {
        let request = Request::put("target", "copy", "").query("partNumber", "1");
        let source = format!("/{BUCKET}/{KEY}");
        ask(request.query("uploadId", &id).header("x-oss-copy-source", source))
    };
    is_denied(&part(), "0003-00000001");
    put(&server, &json!([statement("Deny", "alice", Value::Null)]));
    server.bucket(BUCKET, PUBLIC_READ);
    is_denied(&part(), "0003-00000101");
    put(&server, &json!([statement("Allow", "alice", Value::Null)]));
    server.bucket(BUCKET, PRIVATE);
    assert_eq!(part().status, 200);
}

/// A symlink gives nobody a right to what it stands for, also to none who may read the symlink.
#[test]
fn the_target_of_a_symlink_is_decided_about_for_itself() {
    let server = server();
    let link = Request::object("PUT", BUCKET, "links/a").query("symlink", "").body("");
    server.done(link.header("x-oss-symlink-target", KEY));
    let on = |key: &str| json!(format!("acs:oss:*:*:{BUCKET}/{key}"));
    let allow = |key: &str| json!({ "Effect": "Allow", "Action": "oss:Get*", "Resource": on(key) });
    let deny = |key: &str| json!({ "Effect": "Deny", "Action": "oss:Get*", "Resource": on(key) });
    let alice = server.user("alice");
    #[rustfmt::skip]
    let table = [
        ("the symlink alone",        json!([allow("links/*")]),                      403),
        ("the target alone",         json!([allow(KEY)]),                            403),
        ("both",                     json!([allow("links/*"), allow(KEY)]),          200),
        ("all, the target denied",   json!([allow("*"), deny(KEY)]),                 403),
        ("all, the symlink denied",  json!([allow("*"), deny("links/*")]),           403),
    ];
    for (name, statements, want) in table {
        server.user_policy("alice", &statements);
        for method in ["GET", "HEAD"] {
            let request = Request::object(method, BUCKET, "links/a");
            for channel in Channel::SIGNED {
                let got = server.send(&alice.sign(channel, request.clone()));
                assert_eq!(got.status, want, "{name}: {method} {channel:?}");
                assert!(want == 200 || got.header("etag").is_none(), "{name}");
            }
        }
    }
    // The bucket's own policy is asked about both as well.
    server.bucket(BUCKET, PUBLIC_READ);
    let stranger = || server.send(&Request::get(BUCKET, "links/a")).status;
    assert_eq!(stranger(), 200);
    let mut shut = statement("Deny", "*", Value::Null);
    shut["Resource"] = json!([on(KEY)]);
    put(&server, &json!([shut]));
    assert_eq!(stranger(), 403);
}

#[test]
fn what_is_no_policy_is_refused_and_changes_nothing() {
    let server = server();
    let good = json!({ "Version": "1", "Statement": [statement("Allow", "alice", Value::Null)] });
    server.done(policy("PUT").body(good.to_string()));
    let but = |name: &str, value: Value| {
        let mut document = good.clone();
        document["Statement"][0][name] = value;
        document.to_string()
    };
    #[rustfmt::skip]
    let table = [
        ("nothing",             String::new(),                                        "0030-00000005", "EOF"),
        ("not JSON",            "{".into(),                                           "0030-00000005", "EOF"),
        ("too large",           " ".repeat(16 * 1024) + "{}",                         "0030-00000001", "16 KB"),
        ("version 2",           good.to_string().replace("\"1\"", "\"2\""),           "0030-00000002", "\"2\""),
        ("a long text",         but("Resource", json!("x".repeat(4096))),             "0030-00000003", "Resource"),
        ("two stars",           but("Resource", json!("acs:oss:*:*:a/**")),           "0030-00000007", "Resource"),
        ("an unknown element",  but("Sid", json!("x")),                               "0030-00000005", "Sid"),
        ("an unknown key",      but("Condition", json!({"StringEquals": {"acs:UserAgent": "x"}})), "0030-00000005", "acs:UserAgent"),
        ("an unknown operator", but("Condition", json!({"StringIs": {"acs:Referer": "x"}})), "0030-00000005", "StringIs"),
        ("another service",     but("Action", json!("ecs:*")),                        "0030-00000005", "ecs:*"),
        ("another region",      but("Resource", json!("acs:oss:cn-beijing:*:x")),     "0030-00000005", "cn-beijing"),
        ("an element twice",    good.to_string().replacen("\"Effect\"", "\"effect\":1,\"Effect\"", 1), "0030-00000005", "twice"),
    ];
    for (name, body, ec, text) in table {
        let response = server.owner(policy("PUT").body(body));
        assert_eq!(response.code(), refused(400, "InvalidPolicyDocument"), "{name}");
        assert_eq!(response.element("EC").as_deref(), Some(ec), "{name}");
        let message = response.element("Message").unwrap();
        assert!(message.contains(text), "{name}: {message}");
        let kept: Value = serde_json::from_slice(&server.done(policy("GET")).body).unwrap();
        assert_eq!(kept, good, "{name}");
    }
}

#[test]
fn a_policy_outlives_a_restart_and_goes_with_its_bucket() {
    let server = server();
    put(&server, &json!([statement("Allow", "*", Value::Null)]));
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    assert_eq!(server.send(&get()).status, 200);
    server.done(Request::object("DELETE", BUCKET, KEY));
    server.done(Request::bucket("DELETE", BUCKET));
    server.bucket(BUCKET, PRIVATE);
    assert_eq!(server.owner(policy("GET")).status, 404);
}
