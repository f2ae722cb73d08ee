//! Making links.

use serde_json::{Value, json};

use super::{BODY, BUCKET, HOST, admin, denied, get, put, type_a};
use crate::support::{Request, Server};

fn sign(server: &Server, order: &Value) -> (u16, Value) {
    let path = format!("/{HOST}/sign");
    let (response, made) = admin(server, ("POST", &path), &[], &order.to_string());
    (response.status, made)
}

#[test]
fn links_in_batches() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let urls: Vec<_> = (0..1000).map(|n| format!("http://{HOST}/a.mp4?n={n}")).collect();
    let (status, made) = sign(&server, &json!({ "urls": urls }));
    assert_eq!(status, 200);
    let links = made["links"].as_array().unwrap();
    assert_eq!(links.len(), 1000);
    for n in [0, 999] {
        let url = links[n]["url"].as_str().unwrap();
        let target = url.strip_prefix(&format!("http://{HOST}")).unwrap();
        assert!(target.starts_with(&format!("/a.mp4?n={n}&auth_key=")), "{target}");
        assert_eq!(get(&server, target).body, BODY.as_bytes());
    }
    let (refused, _) = sign(&server, &json!({ "urls": vec!["/a"; 1001] }));
    assert_eq!(refused, 400);
    #[rustfmt::skip]
    let table = [
        ("another host",      "http://other.example.com/a.mp4", "is not one of cdn.example.com"),
        ("no URL",            "javascript:alert(1)",            "no URL that begins with http"),
        ("nothing",           "",                               "no URL that begins with http"),
        ("a user",            "http://u@cdn.example.com/a",     "not a host name"),
        ("an escaped slash",  "/a%2fb",                         "escaped NUL, slash or backslash"),
        ("an escaped NUL",    "/a%00",                          "escaped NUL, slash or backslash"),
        ("dots",              "/a/../b",                        "segment '.' or '..'"),
        ("escaped dots",      "/a/%2e%2e/b",                    "segment '.' or '..'"),
        ("a backslash",       "/a\\b",                          "must be escaped"),
        ("half an escape",    "/a%4",                           "two hexadecimal digits"),
        ("signed already",    "/a?auth_key=1",                  "auth_key"),
    ];
    let urls: Vec<_> =
        table.iter().map(|(_, url, _)| *url).chain(["/a b\u{1}中.mp4", "/a.mp4#part"]).collect();
    let (status, made) = sign(&server, &json!({ "urls": urls }));
    assert_eq!(status, 200);
    for ((name, _, why), link) in table.iter().zip(made["links"].as_array().unwrap()) {
        let said = link["error"]["message"].as_str().unwrap_or_default();
        assert!(link["url"].is_null() && said.contains(why), "{name}: {link}");
    }
    let escaped = made["links"][table.len()]["url"].as_str().unwrap();
    assert!(escaped.starts_with("/a%20b%01%E4%B8%AD.mp4?auth_key="), "{escaped}");
    assert_eq!(get(&server, made["links"][table.len() + 1]["url"].as_str().unwrap()).status, 200);
}

#[test]
fn what_links_cannot_have() {
    let server = super::server();
    put(&server, HOST, &type_a());
    for order in [
        json!({ "urls": ["/a"], "lifetime": 0 }),
        json!({ "urls": ["/a"], "lifetime": 99_999_999 }),
        json!({ "urls": ["/a"], "random": "with-a-dash" }),
        json!({ "urls": ["/a"], "preview": 5 }),
        json!({ "urls": ["/a"], "clients": 3 }),
        json!({ "urls": ["/a"], "whref": "a.com" }),
        json!({ "urls": ["/a"], "method": "GET" }),
        json!({ "urls": ["/a"], "directory": 1 }),
    ] {
        let (_, made) = sign(&server, &order);
        assert!(made["links"][0]["error"]["message"].is_string(), "{order}: {made}");
    }
    for order in [
        json!({}),
        json!({ "urls": "/a" }),
        json!({ "urls": ["/a"], "client": "somebody" }),
        json!({ "urls": ["/a"], "key": "k" }),
    ] {
        assert_eq!(sign(&server, &order).0, 400, "{order}");
    }
    let (_, short) = sign(&server, &json!({ "urls": ["/a.mp4"], "lifetime": 10 }));
    let target = short["links"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(get(&server, &target).status, 200);
    crate::support::clock::wait_until("the link ends", || get(&server, &target).status == 403);
    assert!(denied(&get(&server, &target)).contains("expired timestamp="));
    put(&server, HOST, &json!({ "bucket": BUCKET }));
    let (_, made) = sign(&server, &json!({ "urls": ["/a"] }));
    assert!(made["links"][0]["error"]["message"].as_str().unwrap().contains("not signed"));
}

/// A whole directory by one signature of refgate's own scheme, for one method and one client.
#[test]
fn links_of_the_own_scheme() {
    let server = super::server();
    for name in ["vod/d/1.ts", "vod/d/2.ts", "vod/e/3.ts"] {
        server.done(Request::put(BUCKET, name, name));
    }
    put(
        &server,
        HOST,
        &json!({ "bucket": BUCKET, "prefix": "vod/", "signing": { "scheme": "refgate" } }),
    );
    let made_of = |order: &Value| {
        let (_, made) = sign(&server, order);
        let url = made["links"][0]["url"].as_str();
        url.unwrap_or_else(|| panic!("{order}: {made}")).to_owned()
    };
    let directory = made_of(&json!({ "urls": ["/d/1.ts"], "directory": 1 }));
    assert_eq!(get(&server, &directory).status, 200);
    assert_eq!(get(&server, &directory.replace("1.ts", "2.ts")).body, b"vod/d/2.ts");
    assert_eq!(get(&server, &directory.replace("/d/1", "/e/3")).status, 403);
    let head = made_of(&json!({ "urls": ["/a.mp4"], "method": "HEAD" }));
    assert_eq!(denied(&get(&server, &head)), "denied by req auth: invalid method");
    assert_eq!(super::ask(&server, ("HEAD", HOST), &head, &[]).status, 200);
    let own = made_of(&json!({ "urls": ["/a.mp4"], "client": "127.0.0.9" }));
    assert_eq!(get(&server, &own).status, 200, "the same network of 24 bits");
    let other = made_of(&json!({ "urls": ["/a.mp4"], "client": "192.0.2.1" }));
    assert_eq!(get(&server, &other).status, 403);
}
