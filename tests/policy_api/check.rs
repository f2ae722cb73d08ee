//! Looking through a policy, and taking it from and to other products, changes no bucket.

use serde_json::{Value, json};

use crate::support::{BUCKET, server, server_with};

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
    ];
    for (method, path, body, word) in table {
        let answer = server.api(method, &format!("{BUCKET}/{path}"), body, 400);
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{path}: {message}");
    }
}
