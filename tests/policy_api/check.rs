//! Looking through a policy, and taking it from and to other products, changes no bucket.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::{BUCKET, KEY, basic, server, server_with};
use crate::versions::oss;

fn codes(answer: &Value) -> Vec<&str> {
    answer["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

#[test]
fn a_lint_names_look_alikes_and_offers_a_policy_without_them() {
    let (_folder, server) = server();
    let policy = json!({"allow_empty_referer": false, "whitelist": ["http://a.com", "b.com"]});
    let lint = format!("{BUCKET}/lint");
    let answer = server.api("POST", &lint, &policy.to_string(), 200);
    assert_eq!(answer["fixed"], Value::Null);
    let look_alike = answer["findings"].as_array().unwrap().iter().find(|it| {
        it["rule"] == "http://a.com"
            && it["example"].as_str().is_some_and(|it| it.starts_with("http://a.com."))
    });
    assert!(look_alike.is_some(), "{answer}");
    assert!(answer["findings"].as_array().unwrap().iter().any(|it| it["rule"] == "b.com"));

    let fixed = server.api("POST", &format!("{lint}?fix=safe"), &policy.to_string(), 200);
    let white = fixed["fixed"]["whitelist"].as_array().unwrap();
    assert!(white.contains(&json!("http://a.com/")), "{fixed}");
    assert_eq!(server.api("GET", BUCKET, "", 200)["version"], 0, "nothing was put");
}

#[test]
fn without_a_body_the_lint_is_of_the_bucket() {
    let (_folder, server) = server();
    let lint = format!("{BUCKET}/lint");
    assert!(codes(&server.api("POST", &lint, "", 200)).is_empty());
    let policy =
        json!({"allow_empty_referer": false, "whitelist": ["http://a.com", "http://a.com"]});
    server.api("PUT", BUCKET, &policy.to_string(), 200);
    assert!(!codes(&server.api("POST", &lint, "", 200)).is_empty());
}

/// A body in chunks says at its end that it was none.
#[test]
fn an_empty_body_in_chunks_is_none() {
    let (_folder, server) = server();
    let mut stream = TcpStream::connect(&server.admin).unwrap();
    let head = format!(
        "POST {BUCKET}/lint HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n",
        basic(KEY),
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// OSS's own operation takes rules that are too long to be put; what was read can be put back.
#[test]
fn a_policy_with_a_long_rule_comes_back() {
    let (_folder, server) = server();
    let long = format!("http://a.com/{}", "x".repeat(1020));
    let xml = format!(
        "<RefererConfiguration><AllowEmptyReferer>false</AllowEmptyReferer><RefererList>\
         <Referer>{long}</Referer><Referer>http://b.com</Referer></RefererList>\
         </RefererConfiguration>"
    );
    let file = server.folder().join("policy.xml");
    std::fs::write(&file, xml.replace(&long, "http://a.com/x")).unwrap();
    let file = file.to_str().unwrap();
    let run = |args: &[&str]| server.run(&[&["referer"], args].concat());
    assert_eq!(run(&["put", "pictures", file]).0, 0);
    std::fs::write(file, &xml).unwrap();
    let (code, _, err) = run(&["put", "pictures", file]);
    assert!(code == 1 && err.contains("the rule has 1033 bytes"), "{err}");
    assert_eq!(oss(&server, "PUT", &xml).status, 200);

    let shown = server.api("GET", BUCKET, "", 200)["policy"].to_string();
    server.api("PUT", BUCKET, &shown, 200);
    server.api("PUT", BUCKET, &shown.replace("x\"", "y\""), 400);
    assert_eq!(run(&["put", "pictures", file]).0, 0, "{}", run(&["put", "pictures", file]).2);
    assert_eq!(run(&["simulate", "pictures", file]).0, 0);
    assert_eq!(run(&["lint", "--file", file]).0, 1);
    let (_, out, err) = run(&["lint", "pictures", "--fix=all"]);
    assert!(out.contains("+ whitelist: http://b.com/\n"), "{out} {err}");
}

#[test]
fn a_policy_comes_from_and_goes_to_nginx() {
    let (_folder, server) = server();
    let lines = "valid_referers none *.example.com ~evil;";
    let read = server.api("POST", &format!("{BUCKET}/import?from=nginx"), lines, 200);
    assert_eq!(read["policy"]["allow_empty_referer"], true);
    let notes = read["notes"].as_array().unwrap();
    let lost =
        notes.iter().any(|it| it["rule"].as_str().is_some_and(|rule| rule.contains("~evil")));
    assert!(lost, "what has no counterpart is named: {read}");
    assert_eq!(read["lost"], 1, "and counted");
    assert_eq!(server.api("GET", BUCKET, "", 200)["version"], 0, "nothing was put");

    server.api("PUT", BUCKET, &read["policy"].to_string(), 200);
    let written = server.api("GET", &format!("{BUCKET}/export?to=nginx"), "", 200);
    assert!(written["text"].as_str().unwrap().contains("valid_referers"), "{written}");
    let xml = server.api("GET", &format!("{BUCKET}/export?to=xml"), "", 200);
    assert!(xml["text"].as_str().unwrap().contains("<RefererConfiguration>"), "{xml}");
    assert_eq!(xml["notes"], json!([]));
    server.api("PUT", &format!("{BUCKET}/settings"), r#"{"strict_host": true}"#, 200);
    let xml = server.api("GET", &format!("{BUCKET}/export?to=xml"), "", 200);
    assert_eq!(xml["notes"][0]["effect"], "wider", "what the format cannot say is noted: {xml}");
}

/// The lint knows what the bucket asks for beyond OSS, and what the server knows of its own hosts.
#[test]
fn a_lint_knows_the_bucket_and_the_server() {
    let hosts = ["--base-domain", "oss.example", "--cname", "img.example=pictures"];
    let (_folder, server) = server_with(&hosts);
    let lint = format!("{BUCKET}/lint");
    let policy = json!({"allow_empty_referer": false, "truncate_path": true, "whitelist": [
        "https://a.com", "http://a.com/", "https://pictures.oss.example/",
    ]});
    server.api("PUT", BUCKET, &policy.to_string(), 200);
    let found = server.api("POST", &lint, "", 200);
    assert_eq!(found["version"], 1);
    let twins = ["scheme-twin"];
    assert_eq!(codes(&found), [&["look-alike-suffix"], &twins[..], &["own-endpoint"]].concat());
    let own = found["findings"].as_array().unwrap().last().unwrap();
    assert_eq!(own["example"], "https://img.example/");
    assert_eq!(own["fix"]["sentence"], "add `https://img.example/`, `http://img.example/`");

    server.api("PUT", &format!("{BUCKET}/settings"), r#"{"strict_host": true}"#, 200);
    let strict = server.api("POST", &lint, "", 200);
    assert_eq!(codes(&strict), ["scheme-twin", "own-endpoint"], "no look-alike passes");

    let fixed = server.api("POST", &format!("{lint}?fix=all&own=https://me.example"), "", 200);
    assert_eq!(codes(&fixed).len(), 3);
    assert_eq!(fixed["remaining"], json!({"total": 0, "by_code": {}, "findings": []}));
    let rules = fixed["fixed"]["whitelist"].as_array().unwrap();
    for rule in ["http://pictures.oss.example/", "http://img.example/", "https://me.example/"] {
        assert!(rules.contains(&json!(rule)), "{rule}: {fixed}");
    }
    let few = server.api("POST", &format!("{lint}?limit=1"), "", 200);
    assert_eq!((codes(&few).len(), &few["total"]), (1, &json!(2)));
    assert_eq!(few["by_code"], json!({"own-endpoint": 1, "scheme-twin": 1}));
    let other = server.api("POST", &lint, &policy.to_string(), 200);
    assert_eq!(other["version"], Value::Null, "a candidate is no version");
}

#[test]
fn bad_questions() {
    let (_folder, server) = server();
    #[rustfmt::skip]
    let table = [
        ("POST", "lint?fix=bold",     "",                         "fix"),
        ("POST", "lint?fixed=safe",   "",                         "fixed"),
        ("POST", "lint?own=a@b",      "",                         "own: \"a@b\" is no origin"),
        ("POST", "lint",              "{\"whitelist\": []}",      "allow_empty_referer"),
        ("POST", "import?from=word",  "",                         "from"),
        ("POST", "import",            "",                         "from"),
        ("POST", "import?from=s3",    "{",                        "The body"),
        ("GET",  "export?to=word",    "",                         "to"),
        ("POST", "lint?limit=10001",  "",                         "limit is 10001"),
        ("GET",  "versions?limit=0",   "",                        "limit is 0, it must be 1 to 100"),
        ("GET",  "versions?limit=101", "",                        "limit is 101"),
        ("GET",  "versions?limt=3",    "",                        "unknown field `limt`"),
    ];
    for (method, path, body, word) in table {
        let answer = server.api(method, &format!("{BUCKET}/{path}"), body, 400);
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{path}: {message}");
    }
    let first = server.api("GET", &format!("{BUCKET}/versions/0"), "", 404);
    let message = first["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Version 0 is the policy of a new bucket"), "{message}");
}
