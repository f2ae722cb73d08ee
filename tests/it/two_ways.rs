//! A connection serves plain requests in a way of its own and others by a library. What comes of a
//! request does not depend on it.

use crate::delivery::{self, HOST};
use crate::support::policy::{EVIL, GOOD, STRICT};
use crate::support::{Channel, PRIVATE, PUBLIC_READ, Request, Response, Server, Signer};

const BUCKET: &str = "ways";
const PAGE: &str = "https://www.example.com";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ);
    server.policy(BUCKET, &STRICT);
    let rules = format!(
        "<CORSConfiguration><CORSRule><AllowedOrigin>{PAGE}</AllowedOrigin>\
         <AllowedMethod>GET</AllowedMethod><ExposeHeader>ETag</ExposeHeader></CORSRule>\
         </CORSConfiguration>"
    );
    server.done(Request::bucket("PUT", BUCKET).query("cors", "").body(rules));
    let kept = Request::put(BUCKET, "small", "what is in it")
        .header("Content-Type", "text/plain")
        .header("Cache-Control", "public, max-age=60")
        .header("x-oss-meta-empty", "")
        .header("x-oss-tagging", "a=b");
    server.done(kept);
    server.done(Request::put(BUCKET, "empty", ""));
    server.done(Request::put(BUCKET, "large", vec![b'x'; 3 << 20]));
    let link = Request::object("PUT", BUCKET, "link").query("symlink", "").body("");
    server.done(link.header("x-oss-symlink-target", "small"));
    delivery::furnish(&server);
    delivery::put(&server, HOST, &delivery::type_a());
    server
}

/// What a client is told, but for what differs from answer to answer.
fn told(response: &Response) -> (u16, Vec<(String, String)>, &[u8], bool) {
    const OF_EACH: [&str; 5] =
        ["date", "x-oss-request-id", "x-oss-server-time", "connection", "x-oss-err"];
    let mut headers: Vec<_> = response
        .headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .filter(|(name, _)| !OF_EACH.contains(&name.as_str()))
        .collect();
    headers.sort();
    // The body of a refusal names the request.
    let body = if response.status < 400 { &response.body[..] } else { b"" };
    (response.status, headers, body, response.torn)
}

fn requests(etag: &str) -> Vec<(&'static str, Request, u16)> {
    let get = |key| Request::get(BUCKET, key).referer(GOOD);
    let signed = |request| Signer::owner().sign(Channel::V4Header, request);
    vec![
        ("an object", get("small"), 200),
        ("of no bytes", get("empty"), 200),
        ("from a file", get("large"), 200),
        ("some bytes", get("small").header("Range", "bytes=2-5"), 206),
        ("some bytes of a file", get("large").header("Range", "bytes=1048570-1048580"), 206),
        (
            "none that are there",
            get("small").header("Range", "bytes=90-").header("x-oss-range-behavior", "standard"),
            416,
        ),
        ("not modified", get("small").header("If-None-Match", etag), 304),
        ("another version", get("small").header("If-Match", "\"no\""), 412),
        ("a head", Request::object("HEAD", BUCKET, "small").referer(GOOD), 200),
        ("what is not there", get("absent"), 404),
        ("its head", Request::object("HEAD", BUCKET, "absent").referer(GOOD), 404),
        ("a denial", Request::get(BUCKET, "small").referer(EVIL), 403),
        (
            "a denial that a page may read",
            Request::get(BUCKET, "small").referer(EVIL).header("Origin", PAGE),
            403,
        ),
        ("for a page", get("small").header("Origin", PAGE), 200),
        ("a symlink", get("link"), 200),
        ("some bytes through one", get("link").header("Range", "bytes=0-3"), 206),
        ("signed, with its tags counted", signed(Request::get(BUCKET, "small")), 200),
        (
            "with another type",
            signed(Request::get(BUCKET, "small").query("response-content-type", "text/html")),
            200,
        ),
        ("a listing", signed(Request::bucket("GET", BUCKET)), 200),
    ]
}

#[test]
fn an_answer_does_not_depend_on_the_way() {
    let server = server();
    let etag = server.done(Request::get(BUCKET, "small")).header("etag").unwrap().to_owned();
    for (name, request, status) in requests(&etag) {
        let plain = server.send(&request);
        let other = server.send(&request.clone().header("TE", "trailers"));
        assert_eq!(plain.status, status, "{name}");
        assert_eq!(told(&plain), told(&other), "{name}");
    }
}

#[test]
fn nor_does_that_of_a_delivery_domain() {
    let server = server();
    server.bucket("shown", PRIVATE);
    let object = Request::put("shown", "a", "public things");
    server.done(object.header("Cache-Control", "public, max-age=60, s-maxage=9"));
    let terms = serde_json::json!({
        "bucket": "shown", "signing": { "scheme": "ali-a" }, "keys": { "primary": delivery::KEY },
    });
    delivery::put(&server, "shown.example.com", &terms);
    let now = crate::support::clock::now();
    let link = |path: &str| {
        let digest = delivery::md5(&format!("{path}-{now}-0-0-{}", delivery::KEY));
        format!("{path}?auth_key={now}-0-0-{digest}")
    };
    let table = [
        ("a link", HOST, link("/a.mp4"), 200),
        ("one that is none", HOST, "/a.mp4".to_owned(), 403),
        ("what is not there", HOST, link("/b.mp4"), 404),
        ("what others say may be shared", "shown.example.com", link("/a"), 200),
    ];
    for (name, host, target, status) in table {
        for method in ["GET", "HEAD"] {
            let ask = |more: &[(&str, &str)]| delivery::ask(&server, (method, host), &target, more);
            let (plain, other) = (ask(&[]), ask(&[("TE", "trailers")]));
            assert_eq!(plain.status, status, "{name}, {method}");
            assert_eq!(told(&plain), told(&other), "{name}, {method}");
        }
    }
}
