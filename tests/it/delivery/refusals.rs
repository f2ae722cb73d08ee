//! What a refusal tells to whoever gets it.

use serde_json::{Value, json};

use super::{BUCKET, HOST, ask, auth_key, denied, get, link, put, server, type_a};
use crate::support::policy::{EVIL, GOOD, STRICT};
use crate::support::wire::refused;
use crate::support::{PUBLIC_READ, Request, Response, Server, clock};

/// The headers of an answer but for those that no two answers share.
fn shape(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let own = ["x-oss-request-id", "x-oss-server-time", "date"];
    let headers = response.headers.iter();
    let headers = headers.filter(|(name, _)| !own.contains(&name.as_str())).cloned();
    (response.status, headers.collect(), String::from_utf8(response.body.clone()).unwrap())
}

fn hidden(mut terms: Value) -> Value {
    terms["error_header"] = json!(false);
    terms
}

fn deny_all(server: &Server) {
    let statement = json!({
        "Effect": "Deny", "Principal": ["*"], "Action": ["oss:GetObject"],
        "Resource": [format!("acs:oss:*:*:{BUCKET}/*")],
    });
    let document = json!({ "Version": "1", "Statement": [statement] }).to_string();
    server.done(Request::bucket("PUT", BUCKET).query("policy", "").body(document));
}

/// Where reasons are hidden nobody learns at which step he was refused: not even that his signature
/// was good.
#[test]
fn hidden_refusals_are_all_alike() {
    let server = server();
    server.policy(BUCKET, &STRICT);
    put(&server, HOST, &hidden(type_a()));
    let expired = format!("/a.mp4?{}", auth_key(super::KEY, "/a.mp4", clock::now() - 1801));
    let forged = format!("/a.mp4?{}", auth_key("another1", "/a.mp4", clock::now()));
    for method in ["GET", "HEAD"] {
        let ask = |target: &str, referer| {
            shape(&ask(&server, (method, HOST), target, &[("Referer", referer)]))
        };
        let want = ask("/a.mp4", GOOD);
        assert_eq!(want.0, 403);
        #[rustfmt::skip]
        let table = [
            ("expired",                  expired.clone(),        GOOD),
            ("forged",                   forged.clone(),         GOOD),
            ("a path of two readings",   link("/a%2fb"),         GOOD),
            ("by the referer policy",    link("/a.mp4"),         EVIL),
            ("nothing there, by the referer policy", link("/missing.mp4"), EVIL),
        ];
        for (name, target, referer) in &table {
            assert_eq!(ask(target, referer), want, "{method} {name}");
        }
    }
    let want = shape(&get(&server, "/a.mp4"));
    deny_all(&server);
    let by_policy = ask(&server, ("GET", HOST), &link("/a.mp4"), &[("Referer", GOOD)]);
    assert_eq!(shape(&by_policy), want, "by a policy of the bucket");
    let log = server.stop().log;
    assert!(log.contains("ec=\"0003-00000502\"") && log.contains("the link has expired"), "{log}");
}

/// nginx's 410 says that a link was genuine.
#[test]
fn a_hidden_refusal_does_not_tell_what_was_genuine() {
    let server = server();
    let key = "a-secret-of-nginx";
    let mut terms = json!({
        "bucket": BUCKET, "prefix": "vod/", "keys": { "primary": key },
        "signing": { "scheme": "nginx", "expression": "$secure_link_expires$uri $secret" },
    });
    put(&server, HOST, &terms);
    let end = clock::now() - 1;
    let digest = <md5::Md5 as md5::Digest>::digest(format!("{end}/a.mp4 {key}"));
    let digest = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, digest);
    let target = format!("/a.mp4?md5={digest}&expires={end}");
    assert_eq!(get(&server, &target).status, 410);
    terms["error_header"] = json!(false);
    put(&server, HOST, &terms);
    assert_eq!(shape(&get(&server, &target)), shape(&get(&server, "/a.mp4")));
}

/// A domain that is not signed passes the bucket's words on, unless they are hidden.
#[test]
fn a_domain_without_signatures_says_what_its_bucket_says() {
    let server = server();
    server.bucket(BUCKET, PUBLIC_READ);
    server.policy(BUCKET, &STRICT);
    let terms = json!({ "bucket": BUCKET, "prefix": "vod/" });
    put(&server, HOST, &terms);
    let evil = || ask(&server, ("GET", HOST), "/a.mp4", &[("Referer", EVIL)]);
    assert_eq!(evil().code(), refused(403, "AccessDenied"));
    assert_eq!(evil().header("x-tengine-error"), Some("denied by Referer ACL"));
    assert_eq!(evil().element("EC").as_deref(), Some("0003-00000502"));
    assert_eq!(evil().element("BucketName"), None);
    put(&server, HOST, &hidden(terms));
    assert_eq!(denied(&evil()), "");
}

/// Whoever has a link has no business with where the objects are.
#[test]
fn what_is_not_there_does_not_tell_where_it_was_looked_for() {
    let server = server();
    put(&server, HOST, &type_a());
    for target in ["/missing.mp4", "/", "/vod/a.mp4"] {
        let missing = get(&server, &link(target));
        assert_eq!(missing.code(), refused(404, "NoSuchKey"), "{target}");
        let text = String::from_utf8(missing.body).unwrap();
        assert!(!text.contains("vod/") && !text.contains(BUCKET), "{target}: {text}");
        let head = ask(&server, ("HEAD", HOST), &link(target), &[]);
        let told = head.header("x-oss-err").unwrap();
        let told =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, told).unwrap();
        assert!(!String::from_utf8(told).unwrap().contains("vod/"), "{target}");
    }
}
