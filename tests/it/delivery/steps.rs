//! Which keys a change leaves and which it takes.

use serde_json::{Value, json};

use super::keys::{OTHER, drop_key, show, step};
use super::{BODY, BUCKET, HOST, KEY, admin, auth_key, get, put, type_a};
use crate::support::clock::{self, wait_until};
use crate::support::server::Start;
use crate::support::{Request, Server};

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
    terms["signing"] = json!({ "scheme": "ali-a", "validity": 10 });
    terms["keys"] = json!({ "primary": KEY, "secondary": OTHER });
    put(&server, HOST, &terms);
    let now = clock::now();
    let query = auth_key(OTHER, "/a.mp4", now);
    assert_eq!(get(&server, &format!("/a.mp4?{query}")).status, 200);
    let (status, said) = drop_key(&server, "");
    assert_eq!(status, 409);
    assert!(said.contains(&format!("are good until {}:", date(now + 10))), "{said}");
    wait_until("links have ended", || drop_key(&server, "").0 == 200);
    let answer = show(&server, "")["key_ids"]["secondary"].clone();
    assert_eq!(answer, Value::Null);
}

/// A second as the answers have it.
fn date(second: i64) -> String {
    let moment = jiff::Timestamp::from_second(second).unwrap();
    moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// Whether the secondary key stays because of links that end then.
fn stays(server: &Server, end: &str) {
    let (status, said) = drop_key(server, "");
    assert_eq!(status, 409, "{said}");
    assert!(said.contains(&format!("are good until {end}:")), "{said}");
}

/// Links can be good for longer than the domain has them by default. What counts is their own end,
/// of those that were asked for and of those that were made, also after a restart.
#[test]
fn a_key_stays_as_long_as_its_longest_link() {
    let server = super::server();
    let mut terms = type_a();
    terms["signing"] = json!({ "scheme": "ali-a", "validity": 1 });
    terms["keys"] = json!({ "primary": KEY, "secondary": OTHER });
    put(&server, HOST, &terms);
    // Every signer may write a time to come.
    let ahead = clock::now() + 86_400;
    for at in [ahead, ahead - 10] {
        let query = auth_key(OTHER, "/a.mp4", at);
        assert_eq!(get(&server, &format!("/a.mp4?{query}")).status, 200);
    }
    stays(&server, &date(ahead + 1));
    step(&server, &["swap-keys"], None);
    assert_eq!(drop_key(&server, "").0, 200, "the other key has no links");
    step(&server, &["add-key"], Some(KEY));

    let order = json!({ "urls": ["/a.mp4"], "lifetime": 172_800 });
    let path = format!("/{HOST}/sign");
    let (_, made) = admin(&server, ("POST", &path), &[], &order.to_string());
    let end = made["links"][0]["until"].as_str().unwrap().to_owned();
    step(&server, &["swap-keys"], None);
    stays(&server, &end);
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    stays(&server, &end);
    let target = made["links"][0]["url"].as_str().unwrap();
    assert_eq!(get(&server, target).body, BODY.as_bytes());
    step(&server, &["drop-key", "--force"], None);
    assert_eq!(get(&server, target).status, 403);
}

/// What a playlist leads to is signed by the primary key, whichever signed the playlist's own link.
#[test]
fn links_in_playlists_are_links_of_the_key_that_signs() {
    let server = super::server();
    server.done(Request::put(BUCKET, "vod/list.m3u8", "#EXTM3U\n#EXTINF:1,\ns0.ts\n"));
    let mut terms = type_a();
    terms["keys"] = json!({ "primary": KEY, "secondary": OTHER });
    put(&server, HOST, &terms);
    let now = clock::now();
    let query = auth_key(OTHER, "/list.m3u8", now);
    assert_eq!(get(&server, &format!("/list.m3u8?{query}")).status, 200);
    step(&server, &["swap-keys"], None);
    stays(&server, &date(now + 1800));
}

/// To sign nothing for a while is no way to have the keys of one scheme verify another.
#[test]
fn keys_are_of_their_scheme_while_nothing_is_signed() {
    let server = super::server();
    let path = format!("/{HOST}");
    let ask = |server: &Server, scheme: Option<&str>, keys: &Value| {
        let mut terms = type_a();
        terms["signing"] = scheme.map_or(Value::Null, |scheme| json!({ "scheme": scheme }));
        terms["keys"] = keys.clone();
        let (response, json) = admin(server, ("PUT", &path), &[], &terms.to_string());
        (response.status, json["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let (none, same) = (Value::Null, json!({ "primary": KEY }));
    assert_eq!(ask(&server, Some("ali-c"), &same).0, 201);
    assert_eq!(ask(&server, None, &none).0, 200);
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    for (name, keys) in [("those that are there", &none), ("the same", &same)] {
        let (status, said) = ask(&server, Some("ali-f"), keys);
        assert_eq!(status, 409, "{name}: {said}");
        assert!(said.contains("for ali-c"), "{name}: {said}");
    }
    assert_eq!(ask(&server, Some("ali-c"), &none).0, 200, "they are good for their own");
    assert_eq!(show(&server, "/keys")["primary"]["key"], json!(KEY));
    assert_eq!(ask(&server, None, &none).0, 200);
    assert_eq!(ask(&server, Some("ali-f"), &json!({ "primary": OTHER })).0, 200);
    assert_eq!(ask(&server, None, &none).0, 200);
    assert_eq!(ask(&server, Some("ali-c"), &none).0, 409, "and the new ones for theirs");
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
