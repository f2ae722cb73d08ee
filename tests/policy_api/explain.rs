//! Why a request passes or not: what is explained is what the server does, and the command line
//! says the same of a file.

use serde_json::{Value, json};

use crate::support::{BUCKET, Server, send, server};

const CAT: &str = "/pictures/cat.txt";

fn explain(server: &Server, question: &Value) -> Value {
    server.api("POST", &format!("{BUCKET}/explain"), &question.to_string(), 200)
}

fn settings(server: &Server, settings: &Value) {
    server.api("PUT", &format!("{BUCKET}/settings"), &settings.to_string(), 200);
}

fn guard(server: &Server) {
    let policy = json!({
        "allow_empty_referer": false,
        "whitelist": ["https://other.example/", "https://good.example"],
        "blacklist": ["https://good.example/bad"],
    });
    server.api("PUT", BUCKET, &policy.to_string(), 200);
}

#[test]
fn an_explanation_says_what_a_request_is_told() {
    let (_folder, server) = server();
    guard(&server);
    let full = explain(&server, &json!({"method": "GET", "referer": "HTTPS://good.example/bad?x"}));
    let want = json!({
        "version": 1, "state": "in-force", "mode": "enforce", "decision": "deny",
        "operation": "GetObject", "applies": true, "why_not": null, "would_deny": false,
        "ec": "0003-00000502", "denial": {"answer": "forbidden"},
        "sentence": "denied: on the blacklist, rule 1 `https://good.example/bad`",
        "step": "blacklist", "list": "blacklist", "rule": "https://good.example/bad",
        "position": 0, "subject": "https://good.example/bad",
    });
    assert_eq!(full, want);
    #[rustfmt::skip]
    let table = [
        (json!({}),                                                        "deny",  true,  json!("0003-00000501")),
        (json!({"referer": "https://good.example/"}),                      "allow", true,  json!(null)),
        (json!({"referer": "https://evil.example/", "signed": "url"}),     "deny",  true,  json!("0003-00000503")),
        (json!({"referer": "https://evil.example/", "signed": "header"}),  "allow", false, json!(null)),
        (json!({"signed": "header", "verified": false}),                   "deny",  false, json!(null)),
        (json!({"signed": "url", "verified": false, "referer": "https://good.example/"}), "deny", false, json!(null)),
        (json!({"referers": ["https://good.example/", "https://evil.example/"]}), "deny", true, json!("0003-00000503")),
        (json!({"resource": "bucket"}),                                    "allow", false, json!(null)),
        (json!({"method": "OPTIONS"}),                                     "allow", false, json!(null)),
        (json!({"method": "TRACE"}),                                       "deny",  false, json!(null)),
        (json!({"method": "get"}),                                         "deny",  false, json!(null)),
    ];
    for (question, decision, applies, ec) in table {
        let got = explain(&server, &question);
        assert_eq!(got["decision"], decision, "{question}: {got}");
        assert_eq!(got["applies"], applies, "{question}: {got}");
        assert_eq!(got["why_not"].is_null(), applies, "{question}: {got}");
        assert_eq!(got["ec"], ec, "{question}: {got}");
    }
}

/// Every question is also asked of the server itself: it refuses with the same number, or it does
/// not come to the check.
#[test]
fn an_explanation_is_what_happens() {
    let (_folder, server) = server();
    guard(&server);
    let all = [
        json!({}),
        json!({"strict_host": true}),
        json!({"missing": "deny-cross-site-embeds", "malformed": "deny"}),
        json!({"missing": "allow", "mode": "monitor"}),
        json!({"missing": "deny", "denial": {"answer": "redirect", "url": "https://no.example/"}}),
    ];
    let referers = [
        None,
        Some("https://good.example/page"),
        Some("https://good.example.evil.net/"),
        Some("https://good.example@evil.net/"),
        Some("https://good.example/bad"),
        Some("https://evil.net/"),
    ];
    let fetch = [("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image")];
    for extras in &all {
        settings(&server, extras);
        for (method, referer) in
            ["GET", "HEAD", "PUT", "OPTIONS", "get"].iter().flat_map(|m| referers.map(|r| (*m, r)))
        {
            let headers: Vec<_> =
                referer.map(|it| ("referer", it)).into_iter().chain(fetch).collect();
            let answer = send(&server.data, (method, CAT), &headers, b"");
            let got = explain(
                &server,
                &json!({
                    "method": method, "referer": referer,
                    "sec_fetch_site": "cross-site", "sec_fetch_dest": "image",
                }),
            );
            let name = format!("{extras} {method} {referer:?}: {} {got}", answer.status);
            // A preflight is answered by the rules for origins, of which the bucket has none.
            let passes = answer.status == 200 || method == "OPTIONS";
            assert_eq!(passes, got["decision"] == "allow", "{name}");
            let refused = got["denial"].is_object();
            let is_refusal =
                answer.header("x-oss-ec").is_some_and(|ec| ec.starts_with("0003-000005"));
            assert_eq!(is_refusal || answer.status == 302, refused, "{name}");
            let marked = if refused { got["ec"].as_str() } else { None };
            assert!(marked.is_none() || answer.header("x-oss-ec") == marked, "{name}");
            let applies = method != "get" && method != "OPTIONS";
            assert_eq!(got["applies"], applies, "{name}");
        }
    }
}

/// What goes beyond OSS is explained too: by the step, the rule, and what it would have been.
#[test]
fn what_goes_beyond_oss_is_explained() {
    let (_folder, server) = server();
    guard(&server);
    settings(&server, &json!({"strict_host": true, "mode": "monitor"}));
    let got = explain(&server, &json!({"referer": "https://good.example.evil.net/"}));
    for (field, want) in [
        ("decision", json!("allow")),
        ("would_deny", json!(true)),
        ("ec", json!("0003-00000503")),
        ("step", json!("strict-host")),
        ("list", json!("whitelist")),
        ("rule", json!("https://good.example")),
        ("position", json!(1)),
        ("subject", json!("https://good.example.evil.net/")),
        ("denial", json!(null)),
        ("mode", json!("monitor")),
    ] {
        assert_eq!(got[field], want, "{field}: {got}");
    }
}

/// A server and a file give the same answer in the same form.
#[test]
fn the_command_line_says_the_same_of_a_file() {
    let (folder, server) = server();
    guard(&server);
    let extras = json!({"strict_host": true, "missing": "deny-cross-site-embeds"});
    settings(&server, &extras);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (policy, beyond) = (path("policy.json"), path("settings.json"));
    for (file, args) in [
        (&policy, ["get", "pictures", "--format", "json"].as_slice()),
        (&beyond, &["settings", "pictures"]),
    ] {
        let (code, shown, err) = server.run(&[&["referer"], args].concat());
        assert_eq!(code, 0, "{err}");
        std::fs::write(file, shown).unwrap();
    }
    let file = ["--file", policy.as_str(), "--settings", beyond.as_str()];
    #[rustfmt::skip]
    let table: &[(&[&str], i32)] = &[
        (&[], 1),
        (&["--referer", "https://good.example/"], 0),
        (&["--referer", "https://good.example.evil.net/"], 1),
        (&["--referer", "https://good.example/", "--referer", "https://evil.net/"], 1),
        (&["--referer", "https://good.example/", "--referer", "https://evil.net/", "--one-request"], 1),
        (&["--referer", "https://evil.net/", "--signed", "url"], 1),
        (&["--referer", "https://evil.net/", "--signed", "header"], 0),
        (&["--signed", "header", "--unverified"], 1),
        (&["--sec-fetch-site", "cross-site", "--sec-fetch-dest", "image"], 1),
        (&["--resource", "bucket"], 0),
        (&["--resource", "bucket", "--query", "acl", "--method", "DELETE"], 1),
        (&["--method", "get"], 1),
    ];
    for command in ["explain", "check"] {
        for (args, want) in table {
            let on_server = server.run(&[&["referer", command, "pictures"], *args].concat());
            let offline = server.run(&[&["referer", command], &file[..], args].concat());
            assert_eq!((on_server.0, on_server.2.as_str()), (*want, ""), "{command} {args:?}");
            let by = "  by: version 1\n";
            assert_eq!(offline.1, on_server.1.replace(by, ""), "{command} {args:?}");
            let format: &[&str] = &["--format", "json"];
            let json =
                |args: &[&str]| -> Value { serde_json::from_str(&server.run(args).1).unwrap() };
            let mut on_server = json(&[&["referer", command, "pictures"], *args, format].concat());
            let offline = json(&[&["referer", command], &file[..], args, format].concat());
            for told in on_server.as_array_mut().unwrap() {
                assert_eq!(told["answer"]["version"], 1);
                told["answer"]["version"] = Value::Null;
                told["answer"]["state"] = Value::Null;
            }
            assert_eq!(offline, on_server, "{command} {args:?}");
        }
    }
}
