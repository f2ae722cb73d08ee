//! Which keys a change leaves and which it takes.

use serde_json::{Value, json};

use super::keys::{OTHER, drop_key, show, step};
use super::{HOST, KEY, admin, auth_key, get, put, type_a};
use crate::support::clock::{self, wait_until};

/// A step that names its key can be asked for again, and takes no other key.
#[test]
fn steps_that_name_a_key_are_taken_once() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let ids = || show(&server, "")["key_ids"].clone();
    let go = |method, path: &str, body: &str| {
        let (response, json) = admin(&server, (method, &format!("/{HOST}/keys{path}")), &[], body);
        (response.status, json["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let old = ids()["primary"].as_str().unwrap().to_owned();
    let other = json!({ "key": OTHER }).to_string();
    assert_eq!(go("PUT", "/secondary", &other).0, 200);
    assert_eq!(go("PUT", "/secondary", &other).0, 200, "it is there");
    assert_eq!(go("PUT", "/secondary", "{}").0, 409, "another one");
    let new = ids()["secondary"].as_str().unwrap().to_owned();
    let swap = format!("/swap?primary={new}");
    assert_eq!(go("POST", &swap, "").0, 200);
    assert_eq!(go("POST", &swap, "").0, 200, "as if for the first time");
    assert_eq!(ids(), json!({ "primary": new, "secondary": old }));
    for (method, path, status) in [
        ("POST", "/swap?primary=00000000", 409),
        ("POST", "/swap?secondary=00000000", 400),
        ("DELETE", &*format!("/secondary?key={new}"), 409),
        ("DELETE", &format!("/secondary?key={new}&force=true"), 409),
        ("DELETE", "/secondary?force=yes", 400),
    ] {
        assert_eq!(go(method, path, "").0, status, "{method} {path}");
    }
    assert_eq!(ids(), json!({ "primary": new, "secondary": old }));
    step(&server, &["swap-keys"], None);
    step(&server, &["swap-keys"], None);
    let text = step(&server, &["drop-key"], None);
    assert!(text.contains(&new) && !text.contains(&old), "a key that nobody used goes: {text}");
    for (path, status, name) in [
        (format!("/secondary?key={old}"), 200, "it is gone already"),
        (format!("/secondary?key={old}&force=true"), 200, "and with force"),
        (format!("/secondary?key={new}"), 409, "it signs"),
        ("/secondary".to_owned(), 409, "none is named"),
    ] {
        assert_eq!(go("DELETE", &path, "").0, status, "{name}");
    }
    assert_eq!(ids(), json!({ "primary": new, "secondary": null }));
    assert_eq!(go("POST", &swap, "").0, 200, "it signs already");
}

/// A key is in use as long as links are good that it verified.
#[test]
fn a_key_in_use_is_not_dropped() {
    let server = super::server();
    let mut terms = type_a();
    terms["signing"] = json!({ "scheme": "ali-a", "validity": 1 });
    terms["keys"] = json!({ "primary": KEY, "secondary": OTHER });
    put(&server, HOST, &terms);
    let query = auth_key(OTHER, "/a.mp4", clock::now());
    assert_eq!(get(&server, &format!("/a.mp4?{query}")).status, 200);
    let (status, said) = drop_key(&server, "");
    assert_eq!(status, 409);
    assert!(said.contains("links are good for 1:"), "{said}");
    wait_until("links have ended", || drop_key(&server, "").0 == 200);
    let answer = show(&server, "")["key_ids"]["secondary"].clone();
    assert_eq!(answer, Value::Null);
}

/// What a body says of keys, on a domain that has a primary and a secondary.
#[test]
fn what_becomes_of_keys_that_are_there() {
    let server = super::server();
    let third = "thethirdkey89012";
    let both = json!({ "primary": KEY, "secondary": OTHER });
    #[rustfmt::skip]
    let table = [
        ("nothing",                   "ali-a", json!(null),                                    200, (Some(KEY), Some(OTHER))),
        ("an empty list",             "ali-a", json!({}),                                      200, (Some(KEY), Some(OTHER))),
        ("the same",                  "ali-a", both.clone(),                                   200, (Some(KEY), Some(OTHER))),
        ("the primary alone",         "ali-a", json!({ "primary": KEY }),                      200, (Some(KEY), Some(OTHER))),
        ("another primary",           "ali-a", json!({ "primary": third }),                    409, (Some(KEY), Some(OTHER))),
        ("another secondary",         "ali-a", json!({ "secondary": third }),                  409, (Some(KEY), Some(OTHER))),
        ("another, as it is said",    "ali-a", json!({ "primary": third, "replace": true }),   200, (Some(third), None)),
        ("one that is drawn",         "ali-a", json!({ "replace": true }),                     200, (None, None)),
        ("another scheme",            "ali-f", json!(null),                                    409, (Some(KEY), Some(OTHER))),
        ("another scheme, same key",  "ali-f", json!({ "primary": KEY }),                      409, (Some(KEY), Some(OTHER))),
        ("another scheme, same keys, though it is said", "ali-f", json!({ "primary": third, "secondary": KEY, "replace": true }), 409, (Some(KEY), Some(OTHER))),
        ("another scheme and key",    "ali-f", json!({ "primary": third }),                    200, (Some(third), None)),
        ("another scheme, drawn",     "ali-f", json!({}),                                      200, (None, None)),
    ];
    for (name, scheme, keys, status, (primary, secondary)) in table {
        let (mut terms, path) = (type_a(), format!("/{HOST}"));
        terms["keys"] = both.clone();
        put(&server, HOST, &terms);
        terms["signing"] = json!({ "scheme": scheme });
        terms["keys"] = keys;
        let (answer, said) = admin(&server, ("PUT", &path), &[], &terms.to_string());
        assert_eq!(answer.status, status, "{name}: {said}");
        let keys = show(&server, "/keys");
        let (is, was) = (&keys["primary"]["key"], &keys["secondary"]["key"]);
        assert_eq!(was, &json!(secondary), "{name}");
        match primary {
            Some(primary) => assert_eq!(is, &json!(primary), "{name}"),
            None => assert!(is != &json!(KEY) && is != &json!(OTHER), "{name}: drawn"),
        }
        assert_eq!(admin(&server, ("DELETE", &path), &[], "").0.status, 204);
    }
    // Beside a key that is there another can be put.
    put(&server, HOST, &type_a());
    let mut terms = type_a();
    terms["keys"] = json!({ "secondary": OTHER });
    put(&server, HOST, &terms);
    assert_eq!(show(&server, "/keys")["secondary"]["key"], json!(OTHER));
}
