//! Reading, replacing and editing, and that what was answered is in force.

use std::thread;

use serde_json::json;

use crate::support::{BUCKET, send, server};

const GOOD: Option<&str> = Some("https://good.example/page");
const EVIL: Option<&str> = Some("https://evil.example/page");
const CAT: &str = "/pictures/cat.txt";

#[test]
fn a_policy_is_in_force_when_it_is_answered() {
    let (_folder, server) = server();
    let first = server.admin("GET", BUCKET, &[], b"");
    assert_eq!(first.header("etag"), Some("\"1-0\""));
    let want = json!({
        "version": 0, "state": "in-force", "answering": 0, "referer_max_bytes": 20480,
        "policy": {
            "allow_empty_referer": true, "truncate_query_string": true, "truncate_path": false,
            "whitelist": [], "blacklist": [],
        },
    });
    assert_eq!(first.json(), want);

    let policy = json!({
        "allow_empty_referer": false, "truncate_query_string": true, "truncate_path": true,
        "whitelist": ["https://good.example/"], "blacklist": ["https://evil.example/"],
    });
    let put = server.admin("PUT", BUCKET, &[], policy.to_string().as_bytes());
    assert_eq!(put.json(), json!({"version": 1, "state": "in-force", "changed": true}));
    assert_eq!(put.header("etag"), Some("\"1-1\""));
    assert_eq!(server.get(CAT, GOOD).status, 200);
    assert_eq!(server.get(CAT, EVIL).status, 403);
    assert_eq!(server.get(CAT, None).status, 403);
    assert_eq!(server.api("GET", BUCKET, "", 200)["policy"], policy);

    let again = server.api("PUT", BUCKET, &policy.to_string(), 200);
    assert_eq!(again, json!({"version": 1, "state": "in-force", "changed": false}));
    let reset = server.api("POST", &format!("{BUCKET}/reset"), "", 200);
    assert_eq!(reset, json!({"version": 2, "state": "in-force", "changed": true}));
    assert_eq!(server.get(CAT, EVIL).status, 200);
}

#[test]
fn single_rules_are_added_and_removed() {
    let (_folder, server) = server();
    let rules = format!("{BUCKET}/rules");
    let done = server.api(
        "POST",
        &rules,
        r#"{"list":"whitelist","add":["https://good.example/"," b "]}"#,
        200,
    );
    assert_eq!((&done["version"], &done["changed"]), (&json!(1), &json!(true)));
    assert_eq!(done["added"], json!(["https://good.example/", "b"]));
    assert_eq!(server.get(CAT, EVIL).status, 403);

    let same = r#"{"list":"whitelist","add":["b"],"remove":["c"]}"#;
    let done = server.api("POST", &rules, same, 200);
    let want = json!({
        "version": 1, "state": "in-force", "changed": false,
        "added": [], "removed": [], "present": ["b"], "missing": ["c"],
    });
    assert_eq!(done, want);

    let edit = r#"{"list":"whitelist","add":["https://evil.example/"],"remove":["b"]}"#;
    assert_eq!(server.api("POST", &rules, edit, 200)["version"], 2);
    assert_eq!(server.get(CAT, EVIL).status, 200);
    let deny = r#"{"list":"blacklist","add":["https://evil.example/"]}"#;
    assert_eq!(server.api("POST", &rules, deny, 200)["version"], 3);
    assert_eq!(server.get(CAT, EVIL).status, 403);
    let versions = server.api("GET", &format!("{BUCKET}/versions"), "", 200);
    let how: Vec<_> = versions["versions"].as_array().unwrap().iter().map(|v| &v["how"]).collect();
    assert_eq!(how, ["add", "edit", "add"]);
}

#[test]
fn a_list_is_put_as_lines() {
    let (_folder, server) = server();
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":false,"blacklist":["x"]}"#, 200);
    let lines = "https://good.example/\r\n\n  中文 \n";
    let put = server.api("PUT", &format!("{BUCKET}/whitelist"), lines, 200);
    assert_eq!(put, json!({"version": 2, "state": "in-force", "changed": true}));
    let policy = server.api("GET", BUCKET, "", 200)["policy"].clone();
    assert_eq!(policy["whitelist"], json!(["https://good.example/", "中文"]));
    assert_eq!(policy["blacklist"], json!(["x"]));
    assert_eq!(policy["allow_empty_referer"], json!(false));
    for list in ["whitelist", "blacklist"] {
        let refused = server.api("PUT", &format!("{BUCKET}/{list}"), "\n \n", 400);
        assert!(refused["error"]["message"].as_str().unwrap().contains("empty=true"), "{refused}");
    }
    assert_eq!(server.api("GET", BUCKET, "", 200)["version"], 2, "nothing was opened");
    server.api("PUT", &format!("{BUCKET}/blacklist?empty=true"), "", 200);
    assert_eq!(server.api("GET", BUCKET, "", 200)["policy"]["blacklist"], json!([]));
}

#[test]
fn if_match_refuses_lost_updates() {
    let (_folder, server) = server();
    let put = |tag: &str, rule: &str| {
        let body = json!({"allow_empty_referer": true, "whitelist": [rule]}).to_string();
        server.admin("PUT", BUCKET, &[("if-match", tag)], body.as_bytes())
    };
    assert_eq!(put("*", "a").status, 200, "every bucket has a policy");
    assert_eq!(put("\"1-1\"", "b").status, 200);
    let late = put("\"1-1\"", "c");
    assert_eq!(
        (late.status, late.json()["error"]["code"].clone()),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(put("W/\"1-2\"", "c").status, 412);
    assert_eq!(put("\"1-1\", \"1-2\"", "c").status, 200);
    let reset = server.admin("POST", &format!("{BUCKET}/reset"), &[("if-match", "\"1-1\"")], b"");
    assert_eq!(reset.status, 412);
    assert_eq!(server.api("GET", BUCKET, "", 200)["version"], 3);
}

/// What was read of a bucket says nothing of one that was created since under its name.
#[test]
fn a_tag_is_of_one_bucket() {
    let (_folder, server) = server();
    let put = |tag: &str, rule: &str| {
        let body = json!({"allow_empty_referer": true, "whitelist": [rule]}).to_string();
        server.admin("PUT", BUCKET, &[("if-match", tag)], body.as_bytes())
    };
    let tag = put("*", "a").header("etag").unwrap().to_owned();
    let delete = send(&server.data, ("DELETE", "/pictures/cat.txt"), &[], b"");
    assert_eq!(delete.status, 204, "{}", delete.text());
    for command in ["rm", "create"] {
        let (code, _, err) = server.run(&["bucket", command, "pictures"]);
        assert_eq!(code, 0, "{err}");
    }
    let other = put("*", "b").header("etag").unwrap().to_owned();
    assert_ne!(tag, other);
    for old in [tag.as_str(), "\"2\"", "\"\"", "\"-1\"", "\"2-\"", "\"2-1-1\"", "\"2-x\""] {
        assert_eq!(put(old, "c").status, 412, "{old}");
    }
    assert_eq!(put(&other, "c").status, 200);
    assert_eq!(put("\"2\"", "d").status, 200, "a number is the version of whichever bucket it is");
}

/// Of those that change the same version one wins; whoever names none is put after the others.
/// What memory then says is what the database says after a restart.
#[test]
fn concurrent_changes_are_one_history() {
    let (_folder, server) = server();
    let put = |n: i32, tag: Option<&str>| {
        let body = json!({"allow_empty_referer": true, "whitelist": [format!("http://{n}/")]});
        let headers: Vec<_> = tag.iter().map(|tag| ("if-match", *tag)).collect();
        server.admin("PUT", BUCKET, &headers, body.to_string().as_bytes()).status
    };
    let statuses: Vec<u16> = thread::scope(|scope| {
        let tasks: Vec<_> = (0..8).map(|n| scope.spawn(move || put(n, Some("\"1-0\"")))).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 7, "{statuses:?}");
    thread::scope(|scope| {
        for n in 10..30 {
            scope.spawn(move || assert_eq!(put(n, None), 200));
        }
    });
    let before = server.api("GET", BUCKET, "", 200);
    assert_eq!(before["version"], 21);
    let versions = server.api("GET", &format!("{BUCKET}/versions"), "", 200);
    let numbers: Vec<_> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["version"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=21).rev().collect::<Vec<_>>());
    let server = server.restart();
    assert_eq!(server.api("GET", BUCKET, "", 200), before);
}

/// A stale tag refuses every call that changes something, and nothing is changed.
#[test]
fn a_call_for_another_version_changes_nothing() {
    let (_folder, server) = server();
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":true,"whitelist":["http://a/"]}"#, 200);
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":true,"whitelist":["http://b/"]}"#, 200);
    let settings = r#"{"missing":"deny","malformed":"deny"}"#;
    server.api("PUT", &format!("{BUCKET}/settings"), settings, 200);
    let state = || {
        ["", "/settings", "/limit", "/versions"]
            .map(|rest| server.api("GET", &format!("{BUCKET}{rest}"), "", 200))
    };
    let before = state();
    #[rustfmt::skip]
    let table = [
        ("PUT",  "",                     r#"{"allow_empty_referer":false}"#),
        ("PUT",  "?how=lint-fix",        r#"{"allow_empty_referer":false}"#),
        ("PUT",  "/whitelist",           "http://c/\n"),
        ("PUT",  "/blacklist",           "http://c/\n"),
        ("POST", "/rules",               r#"{"list":"whitelist","add":["http://c/"]}"#),
        ("POST", "/reset",               ""),
        ("POST", "/versions/1/rollback", ""),
        ("PUT",  "/settings",            "{}"),
        ("PUT",  "/limit",               r#"{"referer_max_bytes":100}"#),
    ];
    for (method, rest, body) in table {
        let path = format!("{BUCKET}{rest}");
        for tag in ["\"1-1\"", "\"1-3\"", "\"nothing\"", "W/\"1-2\""] {
            let late = server.admin(method, &path, &[("if-match", tag)], body.as_bytes());
            assert_eq!(late.status, 412, "{method} {rest} {tag}: {}", late.text());
        }
        assert_eq!(state(), before, "{method} {rest}");
    }
    let tag = server.admin("GET", &format!("{BUCKET}/versions/2"), &[], b"");
    let tag = tag.header("etag").unwrap();
    let reset = server.admin("POST", &format!("{BUCKET}/reset"), &[("if-match", tag)], b"");
    assert_eq!((reset.status, reset.header("etag")), (200, Some("\"1-3\"")));
    assert_eq!(state()[1]["missing"], "as-policy");
}
