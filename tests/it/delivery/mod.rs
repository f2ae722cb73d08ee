//! Delivery domains: what a link gives, and what nothing gives.
//!
//! Links are signed here by the vendors' formulas, with a digest and `format!`, and not by the
//! server's engine.

mod again;
mod api;
mod cli;
mod distribution;
mod forgeries;
mod keys;
mod links;
mod playlists;
mod policies;
mod refusals;
mod regions;
mod room;
mod schemes;
mod seats;
mod steps;
mod terms;

use base64::Engine as _;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::support::sign::{KEY_ID, SECRET};
use crate::support::{Connection, PRIVATE, Request, Response, Server, clock};

pub(crate) const HOST: &str = "cdn.example.com";
/// The key of the vendor's examples.
pub(crate) const KEY: &str = "aliyuncdnexp1234";
pub(crate) const BUCKET: &str = "videos";
pub(crate) const BODY: &str = "what the object holds";

/// A server with a private bucket and an object `vod/a.mp4` in it.
pub(crate) fn server() -> Server {
    let server = Server::start();
    furnish(&server);
    server
}

pub(crate) fn furnish(server: &Server) {
    server.bucket(BUCKET, PRIVATE);
    server.done(Request::put(BUCKET, "vod/a.mp4", BODY).header("Content-Type", "video/mp4"));
}

/// The terms of most tests: type A of Alibaba Cloud CDN over the folder `vod/`.
pub(crate) fn type_a() -> Value {
    json!({
        "bucket": BUCKET, "prefix": "vod/", "signing": { "scheme": "ali-a" },
        "keys": { "primary": KEY },
    })
}

/// Asks the admin API, as the owner.
pub(crate) fn admin(
    server: &Server,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> (Response, Value) {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{KEY_ID}:{SECRET}"));
    let text = format!(
        "{method} /api/v1/domains{path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\
         Authorization: Basic {basic}\r\nContent-Length: {}\r\n{}\r\n{body}",
        body.len(),
        lines(headers),
    );
    let mut connection = Connection::open(&server.admin);
    connection.write(text.as_bytes());
    let response = connection.answer(method).unwrap();
    let json = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    (response, json)
}

fn lines(headers: &[(&str, &str)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat()
}

/// Makes or replaces a domain.
pub(crate) fn put(server: &Server, host: &str, terms: &Value) -> Value {
    let (response, json) = admin(server, ("PUT", &format!("/{host}")), &[], &terms.to_string());
    assert!(matches!(response.status, 200 | 201), "{} {json}", response.status);
    json
}

/// Asks for something on a host.
pub(crate) fn ask(
    server: &Server,
    (method, host): (&str, &str),
    target: &str,
    headers: &[(&str, &str)],
) -> Response {
    server.raw(&head((method, host), target, headers)).expect("the server answers")
}

/// The head of a request on a host.
fn head((method, host): (&str, &str), target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers = lines(headers);
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").into_bytes()
}

/// A GET on the domain of most tests.
pub(crate) fn get(server: &Server, target: &str) -> Response {
    ask(server, ("GET", HOST), target, &[])
}

pub(crate) fn md5(text: &str) -> String {
    md5_of(text.as_bytes())
}

pub(crate) fn md5_of(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// `?auth_key=…` of type A for a path, signed at that time.
pub(crate) fn auth_key(key: &str, path: &str, at: i64) -> String {
    format!("auth_key={at}-0-0-{}", md5(&format!("{path}-{at}-0-0-{key}")))
}

/// A link of type A that was signed now.
pub(crate) fn link(path: &str) -> String {
    format!("{path}?{}", auth_key(KEY, path, clock::now()))
}

/// Checks that a request was refused as a CDN does, and returns the reason.
pub(crate) fn denied(response: &Response) -> String {
    assert_eq!(response.status, 403, "{response:?}");
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("etag"), None);
    assert!(["", "403 Forbidden\n"].contains(&String::from_utf8_lossy(&response.body).as_ref()));
    response.header("x-tengine-error").unwrap_or_default().to_owned()
}
