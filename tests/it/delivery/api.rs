//! Making and changing delivery domains, by the admin API and by the command line.

use serde_json::{Value, json};

use super::{BUCKET, HOST, KEY, admin, get, link, put, type_a};
use crate::support::server::{Start, refgate};
use crate::support::sign::{KEY_ID, SECRET};
use crate::support::{Connection, PRIVATE, Request, Server};

fn one(server: &Server) -> (u16, Value) {
    let (response, json) = admin(server, ("GET", &format!("/{HOST}")), &[], "");
    (response.status, json)
}

#[test]
fn a_domain_from_its_making_to_its_end() {
    let server = super::server();
    let path = format!("/{HOST}");
    let body = type_a().to_string();
    assert_eq!(one(&server).0, 404);
    let only_new = [("If-None-Match", "*")];
    let (made, shown) = admin(&server, ("PUT", &path), &only_new, &body);
    assert_eq!(made.status, 201);
    assert_eq!(shown["settings"]["bucket"], json!(BUCKET));
    assert_eq!(
        shown["settings"]["referer_policy"],
        json!(true),
        "both must pass, unless it is said"
    );
    assert_eq!(shown["settings"]["direct_access"], json!("by-acl"));
    assert_eq!(admin(&server, ("PUT", &path), &only_new, &body).0.status, 409, "it is there");
    assert_eq!(one(&server), (200, shown.clone()));
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);

    // What is shown can be put again; the key stays.
    let (again, _) = admin(&server, ("PUT", &path), &[], &shown["settings"].to_string());
    assert_eq!(again.status, 200);
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
    // Another prefix is in force with the answer.
    let mut terms = type_a();
    terms["prefix"] = json!("other/");
    put(&server, HOST, &terms);
    assert_eq!(get(&server, &link("/a.mp4")).status, 404);
    // Another scheme without another key is refused, and nothing changes.
    let (refused, said) = admin(
        &server,
        ("PUT", &path),
        &[],
        r#"{"bucket":"videos","signing":{"scheme":"refgate"}}"#,
    );
    assert_eq!(refused.status, 409, "{said}");
    assert_eq!(get(&server, &link("/a.mp4")).status, 404);

    let bucket = Request::bucket("DELETE", BUCKET);
    server.done(Request::object("DELETE", BUCKET, "vod/a.mp4"));
    assert_eq!(server.owner(bucket.clone()).status, 409, "a bucket that is served stays");
    assert_eq!(admin(&server, ("DELETE", &path), &[], "").0.status, 204);
    assert_eq!(admin(&server, ("DELETE", &path), &[], "").0.status, 404);
    server.done(bucket);
}

#[test]
fn domains_in_pages() {
    let server = super::server();
    for n in 0..5 {
        put(&server, &format!("d{n}.example.com"), &type_a());
    }
    let page = |query: &str| {
        let (response, json) = admin(&server, ("GET", query), &[], "");
        assert_eq!(response.status, 200, "{query}");
        let hosts = json["domains"].as_array().unwrap().iter();
        let hosts: Vec<_> = hosts.map(|it| it["host"].as_str().unwrap()[..2].to_owned()).collect();
        (hosts.join(" "), json["next"].as_str().map(str::to_owned))
    };
    assert_eq!(page("?limit=2"), ("d0 d1".into(), Some("d1.example.com".into())));
    assert_eq!(page("?limit=3&after=d1.example.com"), ("d2 d3 d4".into(), None));
    assert_eq!(page("").0, "d0 d1 d2 d3 d4");
    assert_eq!(page("?limit=0").0, "d0");
    assert_eq!(admin(&server, ("GET", "?limit=x"), &[], "").0.status, 400);
    assert_eq!(admin(&server, ("GET", "?first=d"), &[], "").0.status, 400);
}

#[test]
fn nobody_but_the_owner_gets_near_a_domain() {
    let server = super::server();
    put(&server, HOST, &type_a());
    for (method, path) in [
        ("GET", ""),
        ("GET", "/cdn.example.com"),
        ("PUT", "/cdn.example.com"),
        ("DELETE", "/cdn.example.com"),
        ("GET", "/cdn.example.com/keys"),
        ("PUT", "/cdn.example.com/keys/secondary"),
        ("DELETE", "/cdn.example.com/keys/secondary"),
        ("POST", "/cdn.example.com/keys/swap"),
        ("POST", "/cdn.example.com/sign"),
        ("GET", "/cdn.example.com/report"),
    ] {
        let mut connection = Connection::open(&server.admin);
        let head = format!(
            "{method} /api/v1/domains{path} HTTP/1.1\r\nHost: admin\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        connection.write(head.as_bytes());
        let answer = connection.answer(method).unwrap();
        assert_eq!(answer.status, 401, "{method} {path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(KEY));
    }
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
}

/// Terms that cannot be: a name, the terms, the status and a part of the sentence.
#[rustfmt::skip]
fn bad_terms() -> Vec<(&'static str, String, u16, &'static str)> {
    let with = |fields: Value| {
        let mut terms = type_a();
        terms.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        terms.to_string()
    };
    let keys = json!({ "primary": "k".repeat(32), "replace": true });
    let signing = |fields: Value| with(json!({ "signing": fields, "keys": keys }));
        vec![
        ("unknown scheme",     signing(json!({ "scheme": "md5" })),                       400, "no signing scheme of that name"),
        ("type D",             signing(json!({ "scheme": "ali-d" })),                     400, "has not published the algorithm of its type D"),
        ("type E",             signing(json!({ "scheme": "type_e" })),                    400, "has not published the algorithm of its type E"),
        ("a short key",        with(json!({ "keys": { "primary": "short", "replace": true } })),           400, "has 6 to 128 characters"),
        ("a key with a dash",  with(json!({ "keys": { "primary": "a-b-c-d-e-f", "replace": true } })),     400, "letters and digits"),
        ("a short VOD key",    with(json!({ "signing": { "scheme": "tencent-vod" }, "keys": { "primary": "seven77" } })), 400, "has 8 to 40 characters"),
        ("a long Tencent key", with(json!({ "signing": { "scheme": "tencent-a" }, "keys": { "primary": "k".repeat(41) } })), 400, "has 6 to 40 characters"),
        ("a short own key",    with(json!({ "signing": { "scheme": "refgate" }, "keys": { "primary": "k".repeat(31) } })), 400, "has 32 to 128 characters"),
        ("keys alike",         with(json!({ "keys": { "primary": "abcdefgh", "secondary": "abcdefghi", "replace": true } })), 400, "begin or end with the other"),
        ("keys unsigned",      r#"{"bucket":"videos","keys":{"primary":"abcdefgh"}}"#.to_owned(), 400, "none without a signing scheme"),
        ("a validity of 0",    signing(json!({ "scheme": "ali-a", "validity": 0 })),      400, "1 to 31536000 seconds"),
        ("over a year",        signing(json!({ "scheme": "ali-a", "validity": 31_536_001 })), 400, "1 to 31536000 seconds"),
        ("over 32 bits",       signing(json!({ "scheme": "ali-a", "validity": 4_294_967_296_u64 })), 400, "invalid value"),
        ("a tolerance of days", signing(json!({ "scheme": "ali-a", "tolerance": 86_401 })), 400, "at most 86400 seconds"),
        ("a name of type A",   signing(json!({ "scheme": "ali-a", "parameters": { "auth_key": "k" } })), 400, "no parameter"),
        ("two of one name",    signing(json!({ "scheme": "ali-f", "parameters": { "sign": "x", "time": "x" } })), 400, "have the name"),
        ("a name with &",      signing(json!({ "scheme": "ali-f", "parameters": { "sign": "a&b" } })), 400, "characters A-Z"),
        ("a foreign setting",  signing(json!({ "scheme": "ali-a", "profile": "strict" })), 400, "has no setting"),
        ("regions",            signing(json!({ "scheme": "tencent-vod", "regions": true })), 400, "nothing that tells where a client is"),
        ("an expression",      signing(json!({ "scheme": "nginx", "expression": "$uri" })), 400, "signing"),
        ("out of the bucket",  with(json!({ "prefix": "../other/" })),                    400, "out of the bucket"),
        ("out of it, late",    with(json!({ "prefix": "a/../../b/" })),                   400, "out of the bucket"),
        ("from the root",      with(json!({ "prefix": "/vod/" })),                        400, "does not begin with"),
        ("a name, no folder",  with(json!({ "prefix": "vod" })),                          400, "ends with"),
        ("a control byte",     with(json!({ "prefix": "a\n/" })),                         400, "control character"),
        ("a preview of type A", with(json!({ "distribution": { "exper": 1 } })),          400, "cannot be good for a preview"),
        ("clients of type A",  with(json!({ "distribution": { "rlimit": 1 } })),          400, "cannot be limited"),
        ("ten clients",        with(json!({ "distribution": { "rlimit": 10 } })),         400, "limited to 1 to 9"),
        ("no such bucket",     with(json!({ "bucket": "nowhere" })),                      404, "bucket"),
        ("no bucket",          "{}".to_owned(),                                           400, "missing field `bucket`"),
        ("an unknown field",   with(json!({ "colour": "red" })),                          400, "unknown field"),
        ("no JSON",            "bucket=videos".to_owned(),                                400, "The body"),
        ("too long",           with(json!({ "prefix": "a".repeat(70_000) })),             400, ""),
    ]
}

#[test]
fn what_cannot_be_changes_nothing() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let before = one(&server);
    for (name, body, status, why) in &bad_terms() {
        let (response, json) = admin(&server, ("PUT", &format!("/{HOST}")), &[], body);
        let said = json["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(response.status, *status, "{name}: {said}");
        assert!(said.contains(why), "{name}: {said}");
    }
    for host in ["127.0.0.1", "localhost", "a..b", "-", "%00", "a%20b", "x.%2f", "[::1]"] {
        let (response, _) =
            admin(&server, ("PUT", &format!("/{host}")), &[], &type_a().to_string());
        assert!([400, 404, 409].contains(&response.status), "{host}: {}", response.status);
    }
    assert_eq!(one(&server), before);
    assert_eq!(admin(&server, ("GET", ""), &[], "").1["domains"].as_array().unwrap().len(), 1);
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
}

/// A server that lost its master key does not serve with whatever keys it can open: it says so.
#[test]
fn without_the_master_key_there_is_no_server() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let key = server.data_dir().join("master-key.toml");
    let (_, folder) = server.stop_for_restart();
    let elsewhere = folder.path().join("elsewhere.toml");
    std::fs::rename(&key, &elsewhere).unwrap();
    let output = refgate(
        folder.path(),
        &["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
    )
    .env("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID)
    .env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET)
    .output()
    .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("key"), "{said}");
    // Another one may have been made, which opens nothing.
    std::fs::rename(&elsewhere, &key).unwrap();
    let server = Start::default().run_in(folder);
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
    server.bucket("another", PRIVATE);
}

/// Settings that make a domain's host something else are refused at the start: one of the two would
/// be shadowed.
#[test]
fn a_server_does_not_start_with_a_host_for_two_things() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let (_, folder) = server.stop_for_restart();
    for (flag, value, why) in [
        ("--cname", "cdn.example.com=videos", "is a host of the bucket"),
        ("--base-domain", "example.com", "is a host of the bucket"),
        ("--base-domain", "cdn.example.com", "is a domain below which buckets are"),
        ("--public-endpoint", "cdn.example.com:9000", "is the public endpoint"),
        (
            "--sign-host",
            "cdn.example.com",
            "sign_host = cdn.example.com: the host is a delivery domain",
        ),
    ] {
        let ports = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let mut command = refgate(folder.path(), &ports);
        command.env("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID);
        command.env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET);
        let output = command.args([flag, value]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flag}: {said}");
        assert!(said.contains(HOST) && said.contains(why), "{flag}: {said}");
    }
    let server = Start::default().run_in(folder);
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
}
