//! What is refused, with which words, and that it changes nothing.

use refgate::http::admin::ROUTES;

use crate::support::{BUCKET, KEY, basic, send, send_half, server};

/// Nobody but the owner reaches anything under `/api/`, whatever else is wrong with the request.
#[test]
fn strangers_reach_nothing() {
    let (_folder, server) = server();
    let keys = [
        None,
        Some(basic((KEY.0, "wrong"))),
        Some(basic(("wrong", KEY.1))),
        Some(basic(("", ""))),
        Some("Basic ???".to_owned()),
        Some("Bearer x".to_owned()),
    ];
    let mut tried = 0;
    for (method, route) in ROUTES.iter().filter(|(_, route)| route.starts_with("/api/")) {
        let path = route.replace("{bucket}", "pictures").replace("{version}", "1");
        let path = path.replace("{to}", "1");
        for key in &keys {
            let headers: Vec<_> = key.iter().map(|key| ("authorization", key.as_str())).collect();
            let method = method.to_uppercase();
            let answer = send(&server.admin, (&method, &path), &headers, b"{}");
            assert_eq!(answer.status, 401, "{method} {path} with {key:?}");
            assert_eq!(answer.json()["error"]["code"], "AccessDenied");
            assert!(answer.header("www-authenticate").is_some());
            tried += 1;
        }
    }
    assert!(tried >= 12 * keys.len());
}

/// A browser presents the key that its user once entered, whichever page asks.
#[test]
fn pages_of_other_sites_change_nothing() {
    let (_folder, server) = server();
    let reset = format!("{BUCKET}/reset");
    let own = format!("http://{}", server.admin);
    #[rustfmt::skip]
    let table: &[(&[(&str, &str)], u16)] = &[
        (&[], 200),
        (&[("origin", "http://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", &own)], 200),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site"), ("origin", &own)], 403),
        (&[("sec-fetch-site", "same-origin"), ("origin", "https://behind.a.proxy")], 200),
        (&[("sec-fetch-site", "none")], 200),
    ];
    for (headers, want) in table {
        assert_eq!(server.admin("POST", &reset, headers, b"").status, *want, "{headers:?}");
    }
    let read = server.admin("GET", BUCKET, &[("sec-fetch-site", "cross-site")], b"");
    assert_eq!(read.status, 200, "the page cannot read the answer");
}

#[test]
fn bad_requests_are_told_what_to_change() {
    let (_folder, server) = server();
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":true,"whitelist":["http://a/"]}"#, 200);
    let long = "x".repeat(1025);
    let long_rule =
        format!("{{\"allow_empty_referer\":true,\n\"whitelist\":[\n\"a\",\n\"{long}\"]}}");
    let many = format!(r#"{{"list":"whitelist","add":["{}"]}}"#, "x".repeat(1 << 20));
    let lines = format!("http://a\r\n\n{long}\nb");
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, u16, &str)] = &[
        ("PUT",  "",            "",                                            400, "EOF while parsing"),
        ("PUT",  "",            "[]",                                          400, "expected a JSON object"),
        ("PUT",  "",            "{}",                                          400, "missing field `allow_empty_referer`"),
        ("PUT",  "",            r#"{"allow_empty_referer":"yes"}"#,            400, "expected a boolean at line 1 column 28"),
        ("PUT",  "",            r#"{"allow_empty_referer":true,"colour":1}"#,  400, "unknown field `colour`"),
        ("PUT",  "",            r#"{"allow_empty_referer":true,"whitelist":[1]}"#, 400, "expected a string"),
        ("PUT",  "",            r#"{"allow_empty_referer":true,"blacklist":["a\u0007"]}"#, 400, "blacklist[0]: the rule has the control character"),
        ("PUT",  "",            &long_rule,                                    400, "whitelist[1]: the rule has 1025 bytes, it may have 1024 at line 4 "),
        ("PUT",  "/whitelist",  &lines,                                        400, "line 3: the rule has 1025 bytes"),
        ("PUT",  "/blacklist",  "a\nb\u{0}c",                                  400, "line 2: the rule has the control character"),
        ("PUT",  "/limit",      "{}",                                          400, "missing field `referer_max_bytes`"),
        ("PUT",  "/limit",      r#"{"referer_max_bytes":67108865}"#,           400, "at most 67108864"),
        ("PUT",  "/limit",      r#"{"referer_max_bytes":-1}"#,                 400, "expected u32"),
        ("POST", "/rules",      r#"{"add":["a"]}"#,                            400, "missing field `list`"),
        ("POST", "/rules",      r#"{"list":"greylist"}"#,                      400, "\"greylist\" is none of whitelist, blacklist"),
        ("POST", "/rules",      r#"{"list":"whitelist","added":["a"]}"#,       400, "unknown field `added`"),
        ("POST", "/rules",      r#"{"list":"whitelist","add":["a"," "]}"#,     400, "add[1]: the rule is empty"),
        ("POST", "/rules",      r#"{"list":"whitelist","remove":["a\n b"]}"#,  400, "remove[0]: the rule has the control character"),
        ("POST", "/rules",      &many,                                         400, "longer than 1048576 bytes"),
        ("POST", "/explain",    r#"{"referrer":"http://a"}"#,                  400, "unknown field `referrer`"),
        ("POST", "/explain",    r#"{"signed":"maybe"}"#,                       400, "\"maybe\" is none of none, url, header"),
        ("POST", "/explain",    r#"{"method":"G T"}"#,                         400, "no HTTP method"),
        ("POST", "/explain",    r#"{"referer":"a","referers":["b"]}"#,         400, "both"),
        ("POST", "/explain",    r#"{"referer":"a\nb"}"#,                       400, "referer has the character '\\n'"),
        ("POST", "/explain",    r#"{"query":"a=%"}"#,                          400, "query: the query has a '%'"),
        ("POST", "/explain",    r#"{"resource":"account"}"#,                   400, "\"account\" is none of object, bucket"),
        ("PUT",  "?how=oss-put", r#"{"allow_empty_referer":true}"#,            400, "\"oss-put\" is none of api-put, lint-fix, import"),
        ("PUT",  "?who=me",     r#"{"allow_empty_referer":true}"#,             400, "unknown field `who`"),
        ("GET",  "/versions?limit=x",    "",                                   400, "limit must be a whole number"),
        ("GET",  "/versions/2",          "",                                   404, "Version 2"),
        ("GET",  "/versions/x",          "",                                   404, "\"x\" is no version"),
        ("GET",  "/versions/-1",         "",                                   404, "\"-1\" is no version"),
        ("GET",  "/versions/1/diff/9",   "",                                   404, "Version 9"),
        ("POST", "/versions/9/rollback", "",                                   404, "Version 9"),
        ("GET",  "/nothing",             "",                                   404, "There is nothing at"),
        ("DELETE", "",                   "",                                   405, "DELETE is not defined"),
    ];
    for (method, rest, body, status, words) in table {
        let answer = server.admin(method, &format!("{BUCKET}{rest}"), &[], body.as_bytes());
        let name = format!("{method} {rest} {body:.60}");
        assert_eq!(answer.status, *status, "{name}: {}", answer.text());
        assert!(answer.message().contains(words), "{name}: {}", answer.message());
    }
    for (bucket, status) in [("nothing-here", 404), ("UPPER", 400)] {
        let path = format!("/api/v1/buckets/{bucket}/referer");
        assert_eq!(server.admin("GET", &path, &[], b"").status, status, "{bucket}");
    }
    let now = server.api("GET", BUCKET, "", 200);
    assert_eq!(now["version"], 1, "nothing of it changed anything");
}

#[test]
fn an_interrupted_upload_changes_nothing() {
    let (_folder, server) = server();
    let lines = "http://a.example/\n".repeat(10_000);
    let json = format!(r#"{{"allow_empty_referer":false,"whitelist":["{}"]}}"#, "a".repeat(99));
    let key = basic(KEY);
    let headers = [("authorization", key.as_str())];
    for (rest, body) in [("/whitelist", lines.as_str()), ("", &json)] {
        let path = format!("{BUCKET}{rest}");
        send_half(&server.admin, ("PUT", &path), &headers, body.as_bytes());
    }
    assert_eq!(server.api("GET", BUCKET, "", 200)["version"], 0);
    assert_eq!(server.get("/pictures/cat.txt", Some("http://b.example/")).status, 200);
}
