//! Users, their keys and their policies.
//!
//! Sources: OSS "RAM policy", the `EC` pages 0002-00000903, 0003-00000201 and 0003-00000202; RAM
//! "Limits" for two keys a user.

use std::fs;

use serde_json::{Value, json};

use crate::support::policy::STRICT;
use crate::support::server::{Start, refgate};
use crate::support::wire::refused;
use crate::support::{Channel, PRIVATE, Request, Response, Server, Signer};

const BUCKET: &str = "of-users";
const KEY: &str = "folder/object";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    server.done(Request::put(BUCKET, KEY, "content"));
    server
}

fn ask(server: &Server, signer: &Signer, request: Request) -> Response {
    server.send(&signer.sign(Channel::V4Header, request))
}

fn status(server: &Server, signer: &Signer, request: Request) -> u16 {
    ask(server, signer, request).status
}

#[track_caller]
fn is_denied(response: &Response, ec: &str) {
    assert_eq!(response.code(), refused(403, "AccessDenied"), "{}", response.error());
    assert_eq!(response.element("EC").as_deref(), Some(ec));
}

fn referer(method: &str) -> Request {
    Request::bucket(method, BUCKET).query("referer", "")
}

#[test]
fn whoever_may_only_read_a_referer_policy_does_not_write_it() {
    let server = server();
    server.policy(BUCKET, &STRICT);
    let policy = server.policy_of(BUCKET);
    let resource = json!(format!("acs:oss:*:*:{BUCKET}"));
    let auditor = server.user_who_may("auditor", &json!("oss:GetBucketReferer"), &resource);
    for channel in [Channel::V1Header, Channel::V4Header, Channel::V4Url] {
        let read = server.send(&auditor.sign(channel, referer("GET")));
        assert_eq!((read.status, String::from_utf8(read.body).unwrap()), (200, policy.clone()));
        let write = server.send(&auditor.sign(channel, referer("PUT").body("<x/>")));
        is_denied(&write, "0003-00000202");
    }
    for request in [
        Request::get(BUCKET, KEY),
        Request::bucket("GET", BUCKET),
        Request::bucket("GET", BUCKET).query("acl", ""),
        Request::service("GET"),
    ] {
        assert_eq!(status(&server, &auditor, request), 403);
    }
    assert_eq!(server.policy_of(BUCKET), policy);
}

/// The policy's history names the key that changed it.
#[test]
fn a_change_is_recorded_with_the_key_of_the_user() {
    let server = server();
    let editor = server.user_who_may("editor", &json!("oss:PutBucketReferer"), &json!("*"));
    let put = ask(&server, &editor, referer("PUT").body(STRICT.xml()));
    assert_eq!(put.status, 200);
    let versions = server.api_done("GET", &format!("buckets/{BUCKET}/referer/versions"), None);
    assert_eq!(versions["versions"][0]["who"], editor.id.as_str(), "{versions}");
}

#[test]
fn a_key_opens_nothing_from_the_moment_it_is_disabled() {
    let server = server();
    let alice = server.user_who_may("alice", &json!("*"), &json!("*"));
    let get = || Request::get(BUCKET, KEY);
    let set = |enabled: bool| {
        let body = json!({ "enabled": enabled });
        let key = server.api_done("PUT", &format!("keys/{}", alice.id), Some(&body));
        assert_eq!(key["enabled"], enabled);
    };
    assert_eq!(status(&server, &alice, get()), 200);
    for _ in 0..3 {
        set(false);
        for channel in Channel::SIGNED {
            let response = server.send(&alice.sign(channel, get()));
            assert_eq!(response.code(), refused(403, "InvalidAccessKeyId"), "{channel:?}");
            assert_eq!(response.element("EC").as_deref(), Some("0002-00000903"));
        }
        set(true);
        assert_eq!(status(&server, &alice, get()), 200);
    }
    server.api_done("DELETE", &format!("keys/{}", alice.id), None);
    let response = ask(&server, &alice, get());
    assert_eq!(response.element("EC").as_deref(), Some("0002-00000902"), "it is unknown now");
}

#[test]
fn a_user_has_two_keys_and_a_rotated_one_is_disabled() {
    let server = server();
    let first = server.user_who_may("alice", &json!("*"), &json!("*"));
    let get = || Request::get(BUCKET, KEY);
    let of = |made: &Value| Signer {
        id: made["access_key_id"].as_str().unwrap().into(),
        secret: made["access_key_secret"].as_str().unwrap().into(),
        ..Signer::owner()
    };
    let rotated = server.api_done("POST", &format!("keys/{}/rotate", first.id), None);
    assert_eq!(rotated["user"], "alice");
    let second = of(&rotated);
    assert_eq!(status(&server, &first, get()), 403);
    assert_eq!(status(&server, &second, get()), 200);
    let (status_of_third, answer) = server.api("POST", "users/alice/keys", None);
    assert_eq!(status_of_third, 409, "{answer}");
    // The old one can come back while a client still has it; then there is no room for a third.
    let on = json!({ "enabled": true });
    server.api_done("PUT", &format!("keys/{}", first.id), Some(&on));
    assert_eq!(status(&server, &first, get()), 200);
    assert_eq!(server.api("POST", &format!("keys/{}/rotate", first.id), None).0, 409);
    assert_eq!(status(&server, &first, get()), 200, "nothing was changed");
    let user = server.api_done("GET", "users/alice", None);
    assert_eq!(user["keys"].as_array().unwrap().len(), 2, "{user}");
    assert!(!user.to_string().contains(&second.secret), "a secret is shown once");
}

#[test]
fn policies_come_into_force_at_once_and_a_deny_wins() {
    let server = server();
    let alice = server.user("alice");
    let get = || Request::get(BUCKET, KEY);
    is_denied(&ask(&server, &alice, get()), "0003-00000001");
    let allow = json!({ "Effect": "Allow", "Action": "oss:*", "Resource": "*" });
    let deny = |prefix: &str| {
        let resource = format!("acs:oss:*:*:{BUCKET}/{prefix}*");
        json!({ "Effect": "Deny", "Action": "oss:GetObject", "Resource": resource })
    };
    server.user_policy("alice", &json!([allow]));
    assert_eq!(status(&server, &alice, get()), 200);
    server.user_policy("alice", &json!([allow, deny("folder/")]));
    is_denied(&ask(&server, &alice, get()), "0003-00000201");
    server.user_policy("alice", &json!([allow, deny("other/")]));
    assert_eq!(status(&server, &alice, get()), 200);
    server.api_done("DELETE", "users/alice/policies/of-alice", None);
    is_denied(&ask(&server, &alice, get()), "0003-00000001");
}

#[test]
fn users_outlive_a_restart_and_their_secrets_are_nowhere_to_be_read() {
    let server = server();
    let alice = server.user_who_may("alice", &json!("oss:Get*"), &json!("*"));
    let (ended, folder) = server.stop_for_restart();
    assert!(!ended.log.contains(&alice.secret) && !ended.printed.contains(&alice.secret));
    for entry in fs::read_dir(folder.path().join("refgate-data")).unwrap() {
        let path = entry.unwrap().path();
        let content = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let found = content.windows(alice.secret.len()).any(|w| w == alice.secret.as_bytes());
        assert!(!found, "{} has the secret", path.display());
    }
    let server = Start::default().run_in(folder);
    assert_eq!(status(&server, &alice, Request::get(BUCKET, KEY)), 200);
    assert_eq!(status(&server, &alice, Request::put(BUCKET, KEY, "x")), 403);
}

#[test]
fn a_server_without_its_master_key_does_not_start_and_makes_no_other() {
    let server = server();
    server.user("alice");
    let (_, folder) = server.stop_for_restart();
    let key = folder.path().join("refgate-data/master-key.toml");
    let kept = fs::read_to_string(&key).unwrap();
    let fails = |want: &str| {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let output = refgate(folder.path(), &arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let last = text.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(last.starts_with("refgate: ") && last.contains(want), "{text}");
    };
    fs::remove_file(&key).unwrap();
    fails("is missing");
    assert!(!key.exists());
    let version_2 = kept.replace("version = 1", "version = 2");
    fs::write(&key, version_2).unwrap();
    set_private(&key);
    fails("no version 1");
    let line = kept.lines().find(|line| line.starts_with("key = ")).unwrap();
    let another = format!("key = \"{}=\"", "A".repeat(43));
    fs::write(&key, kept.replace(line, &another)).unwrap();
    set_private(&key);
    fails("does not open");
    fs::write(&key, kept).unwrap();
    set_private(&key);
    let server = Start::default().run_in(folder);
    assert_eq!(server.api_done("GET", "users", None)["users"][0]["name"], "alice");
}

fn set_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_copy_takes_reading_the_source_and_writing_the_target() {
    let server = server();
    let copy = || {
        Request::object("PUT", BUCKET, "copy")
            .header("x-oss-copy-source", format!("/{BUCKET}/{KEY}"))
            .body("")
    };
    let on = |key: &str| json!(format!("acs:oss:*:*:{BUCKET}/{key}"));
    let (read, write) = ("oss:GetObject", "oss:PutObject");
    let allow = |action, key| json!({ "Effect": "Allow", "Action": action, "Resource": on(key) });
    let alice = server.user("alice");
    #[rustfmt::skip]
    let table = [
        ("writing alone",       json!([allow(write, "copy")]),                     403),
        ("reading alone",       json!([allow(read, KEY)]),                         403),
        ("reading the target",  json!([allow(write, "copy"), allow(read, "copy")]), 403),
        ("writing the source",  json!([allow(write, KEY), allow(read, KEY)]),      403),
        ("both",                json!([allow(write, "copy"), allow(read, KEY)]),   200),
    ];
    for (name, statements, want) in table {
        server.user_policy("alice", &statements);
        assert_eq!(status(&server, &alice, copy()), want, "{name}");
        assert_eq!(server.content(BUCKET, "copy").is_some(), want == 200, "{name}");
    }
}

/// One that may not be deleted refuses all, before any is.
#[test]
fn each_of_many_objects_is_decided_about() {
    let server = server();
    let put_all = || {
        for key in ["old/1", "old/2", "new/1"] {
            server.done(Request::put(BUCKET, key, "content"));
        }
    };
    put_all();
    let delete = |keys: &[&str]| {
        let keys = keys.join("</Key></Object><Object><Key>");
        let body = format!("<Delete><Object><Key>{keys}</Key></Object></Delete>");
        Request::bucket("POST", BUCKET).query("delete", "").body(body)
    };
    let old = json!(format!("acs:oss:*:*:{BUCKET}/old/*"));
    let cleaner = server.user_who_may("cleaner", &json!("oss:DeleteObject"), &old);
    let refused_one = ask(&server, &cleaner, delete(&["old/1", "new/1", "old/2"]));
    is_denied(&refused_one, "0003-00000202");
    assert_eq!(refused_one.element("Key").as_deref(), Some("new/1"));
    assert_eq!(server.keys(BUCKET), [KEY, "new/1", "old/1", "old/2"]);
    assert_eq!(status(&server, &cleaner, delete(&["old/1", "old/2"])), 200);
    assert_eq!(server.keys(BUCKET), [KEY, "new/1"]);
    put_all();
    server.user_policy(
        "cleaner",
        &json!([
            { "Effect": "Allow", "Action": "oss:*", "Resource": "*" },
            { "Effect": "Deny", "Action": "oss:DeleteObject", "Resource": old },
        ]),
    );
    is_denied(&ask(&server, &cleaner, delete(&["new/1", "old/1"])), "0003-00000204");
    assert_eq!(server.keys(BUCKET), [KEY, "new/1", "old/1", "old/2"]);
    let stranger = server.user("stranger");
    is_denied(&ask(&server, &stranger, delete(&["new/1"])), "0003-00000202");
}

#[test]
fn a_listing_of_buckets_shows_what_the_user_may_see() {
    let server = server();
    for bucket in ["photos-1", "photos-2", "secrets"] {
        server.bucket(bucket, PRIVATE);
    }
    let names = |signer: &Signer| {
        let response = ask(&server, signer, Request::service("GET"));
        assert_eq!(response.status, 200, "{}", response.error());
        let text = String::from_utf8(response.body).unwrap();
        let names =
            text.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let alice = server.user_who_may("alice", &json!("oss:ListBuckets"), &json!("*"));
    assert_eq!(names(&alice), [BUCKET, "photos-1", "photos-2", "secrets"]);
    server.allow("alice", &json!("oss:List*"), &json!("acs:oss:*:*:photos-*"));
    assert_eq!(names(&alice), ["photos-1", "photos-2"]);
    server.allow("alice", &json!("oss:ListObjects"), &json!("*"));
    is_denied(&ask(&server, &alice, Request::service("GET")), "0003-00000202");
}

#[test]
fn a_bucket_is_created_with_an_acl_by_whoever_may_set_it() {
    let server = server();
    let put = |bucket: &str, acl: Option<&str>| {
        let request = Request::bucket("PUT", bucket).body("");
        acl.map_or(request.clone(), |acl| request.header("x-oss-acl", acl))
    };
    let own = json!("acs:oss:*:*:alices-*");
    let alice = server.user_who_may("alice", &json!("oss:PutBucket"), &own);
    assert_eq!(status(&server, &alice, put("alices-1", None)), 200);
    assert_eq!(status(&server, &alice, put("bobs-1", None)), 403);
    assert_eq!(status(&server, &alice, put("alices-2", Some("public-read"))), 403);
    assert_eq!(status(&server, &alice, put("alices-1", Some("public-read"))), 403);
    server.allow("alice", &json!(["oss:PutBucket", "oss:PutBucketAcl"]), &own);
    assert_eq!(status(&server, &alice, put("alices-2", Some("public-read"))), 200);
}

/// What a listing is for is a condition of many a vendor's example.
#[test]
fn a_listing_may_depend_on_its_prefix() {
    let server = server();
    let alice = server.user("alice");
    server.user_policy(
        "alice",
        &json!([{
            "Effect": "Allow", "Action": "oss:ListObjects", "Resource": format!("acs:oss:*:*:{BUCKET}"),
            "Condition": { "StringLike": { "oss:Prefix": ["", "folder/*"], "oss:Delimiter": "/" } },
        }]),
    );
    let list = |parameters: &[(&str, &str)]| {
        let request = Request::bucket("GET", BUCKET);
        let request = parameters.iter().fold(request, |r, (name, value)| r.query(name, value));
        status(&server, &alice, request)
    };
    assert_eq!(list(&[("delimiter", "/")]), 200);
    assert_eq!(list(&[("delimiter", "/"), ("prefix", "folder/")]), 200);
    assert_eq!(list(&[("list-type", "2"), ("delimiter", "/"), ("prefix", "folder/a")]), 200);
    assert_eq!(list(&[("prefix", "folder/")]), 403);
    assert_eq!(list(&[("delimiter", "/"), ("prefix", "other/")]), 403);
    // Two of a parameter count as the first, for the policy and for the listing.
    assert_eq!(list(&[("delimiter", "/"), ("prefix", "other/"), ("prefix", "folder/")]), 403);
}

#[test]
fn what_the_admin_api_refuses_changes_nothing() {
    let server = server();
    server.user("alice");
    let before = server.api_done("GET", "users", None);
    let policy = |statement: Value| json!({ "Version": "1", "Statement": statement });
    let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let with = |name: &str, value: Value| {
        let mut statement = allow.clone();
        statement[name] = value;
        policy(statement)
    };
    let many = json!("x".repeat(17_000));
    #[rustfmt::skip]
    let table = [
        ("POST",   "users",                      json!({"name": "alice"}),        409, "already"),
        ("POST",   "users",                      json!({"name": "a b"}),          400, "a b"),
        ("POST",   "users",                      json!({"name": "root"}),         400, "root"),
        ("POST",   "users",                      json!({"name": "b", "x": 1}),    400, "x"),
        ("GET",    "users/bob",                  Value::Null,                     404, "bob"),
        ("DELETE", "users/bob",                  Value::Null,                     404, "bob"),
        ("POST",   "users/bob/keys",             Value::Null,                     404, "bob"),
        ("PUT",    "users/alice/policies/none",  Value::Null,                     404, "policy none"),
        ("PUT",    "users/bob/policies/none",    Value::Null,                     404, "user bob"),
        ("PUT",    "keys/LTAInone",              json!({"enabled": false}),       404, "LTAInone"),
        ("POST",   "keys/LTAInone/rotate",       Value::Null,                     404, "LTAInone"),
        ("GET",    "policies/none",              Value::Null,                     404, "none"),
        ("DELETE", "policies/none",              Value::Null,                     404, "none"),
        ("PUT",    "policies/a.b",               policy(allow.clone()),           400, "a.b"),
        ("PUT",    "policies/p",                 json!([]),                       400, "a list"),
        ("PUT",    "policies/p",                 json!({"Version": "2", "Statement": [allow]}), 400, "Version"),
        ("PUT",    "policies/p",                 with("Condition", json!({"StringEquals": {"acs:Foo": "x"}})), 400, "acs:Foo"),
        ("PUT",    "policies/p",                 with("Principal", json!("*")),   400, "Principal"),
        ("PUT",    "policies/p",                 with("Resource", json!("acs:oss:cn-beijing:*:x")), 400, "cn-beijing"),
        ("PUT",    "policies/p",                 with("Resource", many),          400, "16384"),
        ("POST",   "sts",                        json!({}),                       400, "user or a policy"),
        ("POST",   "sts",                        json!({"user": "bob"}),          404, "bob"),
        ("POST",   "sts",                        json!({"user": "alice", "duration_seconds": 899}), 400, "900"),
        ("POST",   "sts",                        json!({"user": "alice", "duration_seconds": 43201}), 400, "43200"),
        ("POST",   "sts",                        json!({"policy": {"Version": "1"}}), 400, "Statement"),
        ("POST",   "sts",                        json!({"policy": with("Resource", json!("x".repeat(2048)))}), 400, "2048"),
    ];
    for (method, path, body, want, text) in table {
        let body = (!body.is_null()).then_some(body);
        let (status, answer) = server.api(method, path, body.as_ref());
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!(status, want, "{method} {path}: {answer}");
        assert!(message.contains(text), "{method} {path}: {answer}");
    }
    assert_eq!(server.api_done("GET", "users", None), before);
    assert_eq!(server.api_done("GET", "policies", None), json!({ "policies": [] }));
    let held = json!({ "Version": "1", "Statement": [allow] });
    server.api_done("PUT", "policies/held", Some(&held));
    server.api_done("PUT", "users/alice/policies/held", None);
    assert_eq!(server.api("DELETE", "policies/held", None).0, 409);
    let shown = server.api_done("GET", "policies/held", None);
    assert_eq!((&shown["document"], &shown["users"]), (&held, &json!(["alice"])));
}
