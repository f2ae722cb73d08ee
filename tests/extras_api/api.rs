//! The admin API and the command.

use super::*;

#[test]
fn what_is_there_by_default() {
    let (_folder, server) = guarded();
    let shown = server.admin(&format!("GET {SETTINGS}"), &[], "");
    assert_eq!(shown.status, 200);
    assert_eq!(shown.header("content-type"), Some("application/json"));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let json: serde_json::Value = serde_json::from_slice(&shown.body).unwrap();
    let want = serde_json::json!({
        "mode": "enforce", "strict_host": false, "missing": "as-policy", "malformed": "as-text",
        "denial": { "answer": "forbidden" },
    });
    assert_eq!(json, want);
}

#[test]
fn only_the_owner_is_let_in() {
    let (_folder, server) = guarded();
    for line in [format!("GET {SETTINGS}"), format!("PUT {SETTINGS}")] {
        for headers in [vec![], vec![("authorization", "Basic dGVzdC1pZDp3cm9uZw==")]] {
            let answer = server::send(&server.admin, &line, &headers, b"{}");
            assert_eq!(answer.status, 401, "{line} {headers:?}");
        }
    }
    let other = "/api/v1/buckets/other/referer/settings";
    assert_eq!(server.admin(&format!("GET {other}"), &[], "").status, 404);
    assert_eq!(server.admin(&format!("PUT {other}"), &[], "{}").status, 404);
    assert_eq!(server.admin(&format!("POST {SETTINGS}"), &[], "{}").status, 405);
}

#[test]
fn bad_settings_are_refused_by_name_and_change_nothing() {
    let (_folder, server) = guarded();
    set(&server, r#"{"mode": "monitor"}"#);
    let url = |url: &str| format!(r#"{{"denial": {{"answer": "redirect", "url": "{url}"}}}}"#);
    let key = |key: &str| format!(r#"{{"denial": {{"answer": "substitute", "key": "{key}"}}}}"#);
    #[rustfmt::skip]
    let table = [
        (String::new(), "InvalidArgument", "The body"),
        ("no".into(), "InvalidArgument", "line 1"),
        (r#"{"mode": "enforce", "strict_hosts": true}"#.into(), "InvalidArgument", "`strict_hosts`"),
        (r#"{"mode": "off"}"#.into(), "InvalidArgument", "mode: "),
        (r#"{"strict_host": 1}"#.into(), "InvalidArgument", "boolean"),
        (r#"{"missing": null, "malformed": "allow"}"#.into(), "InvalidArgument", "malformed: "),
        (r#"{"denial": {"answer": "substitute", "url": "https://a.com/"}}"#.into(), "InvalidArgument", "`url`"),
        (url("/no.png"), "InvalidArgument", "url: "),
        (url("javascript:alert(1)"), "InvalidArgument", "url: "),
        (url(r"https://a.com/\r\nSet-Cookie: a=b"), "InvalidArgument", "'\\r'"),
        (url(r"https://a.com/\u0000"), "InvalidArgument", "'\\0'"),
        (url("https://me:pw@a.com/"), "InvalidArgument", "user information"),
        (url(&format!("https://a.com/{}", "x".repeat(2048))), "InvalidArgument", "2062 bytes"),
        (key(""), "InvalidArgument", "key: "),
        (key("/no.png"), "InvalidArgument", "key: "),
        (key(&"x".repeat(1024)), "InvalidArgument", "key: "),
        (format!("{{{}}}", " ".repeat(20_000)), "EntityTooLarge", "16384"),
    ];
    for (body, code, words) in table {
        let answer = server.admin(&format!("PUT {SETTINGS}"), &[], &body);
        let shown: String = body.chars().take(80).collect();
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text());
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(json["error"]["code"], code, "{shown}: {json}");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{shown}: {message}");
    }
    let shown = server.admin(&format!("GET {SETTINGS}"), &[], "").text();
    assert!(shown.contains("monitor"), "{shown}");
}

#[test]
fn a_tag_guards_against_lost_updates() {
    let (_folder, server) = guarded();
    let put = |tag: &str, body: &str| {
        server.admin(&format!("PUT {SETTINGS}"), &[("if-match", tag)], body)
    };
    let tag = server.admin(&format!("GET {SETTINGS}"), &[], "").header("etag").unwrap().to_owned();
    let changed = put(&tag, r#"{"mode": "monitor"}"#);
    assert_eq!(changed.status, 200);
    let late = put(&tag, r#"{"strict_host": true}"#);
    assert_eq!(late.status, 412, "{}", late.text());
    let next = changed.header("etag").unwrap().to_owned();
    assert_eq!(put(&format!("\"x\", {next}"), r#"{"strict_host": true}"#).status, 200);
    assert_eq!(
        put("*", "{}").header("etag"),
        Some(tag.as_str()),
        "the same settings, the same tag"
    );
}

#[test]
fn the_command_changes_what_is_named() {
    let (folder, server) = guarded();
    let run = |args: &[&str]| {
        server.command(folder.path(), &[&["referer", "settings", "pics"], args].concat())
    };
    let (code, shown, _) = run(&[]);
    assert_eq!(code, 0);
    assert!(shown.contains(r#""mode": "enforce""#), "{shown}");
    let (code, shown, err) = run(&["--mode", "monitor", "--strict-host", "on"]);
    assert_eq!(code, 0, "{err}");
    assert!(shown.contains(r#""strict_host": true"#), "{shown}");
    let (_, shown, _) = run(&["--missing", "deny-cross-site-embeds", "--substitute", "no.png"]);
    assert!(shown.contains("monitor") && shown.contains("no.png"), "{shown}");
    let (_, shown, _) = run(&["--forbid", "--mode", "enforce", "--malformed", "deny"]);
    assert!(shown.contains("deny-cross-site-embeds") && shown.contains("forbidden"), "{shown}");
    let now = server.admin(&format!("GET {SETTINGS}"), &[], "").text();
    assert_eq!(now, shown, "what is shown is in force");

    for (args, code) in [
        (vec!["--mode", "off"], 2),
        (vec!["--strict-host", "yes"], 2),
        (vec!["--redirect", "ftp://a.com/"], 2),
        (vec!["--substitute", "/a"], 2),
        (vec!["--forbid", "--substitute", "a"], 2),
        (vec!["--admin-endpoint", "localhost"], 2),
        (vec!["--admin-endpoint", "http://127.0.0.1:1"], 1),
    ] {
        let (got, out, err) = run(&args);
        assert_eq!((got, out.as_str()), (code, ""), "{args:?}: {err}");
        assert!(err.starts_with("refgate: ") && err.lines().count() == 1, "{err}");
    }
    let other = server.command(folder.path(), &["referer", "settings", "other"]);
    assert_eq!(other.0, 1);
    assert!(other.2.contains("NoSuchBucket"), "{}", other.2);
}
