//! The distribution service: programs have URLs signed by posting them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{BODY, BUCKET, HOST, ask, furnish, get, lines, md5, put, type_a};
use crate::support::server::{Start, refgate};
use crate::support::sign::{KEY_ID, SECRET};
use crate::support::{Request, Response, Server};

/// The key of the vendor's examples.
const VOD: &str = "24FEQmTzro4V5u3D5epW";
const SIGN: &str = "sign.example.com";
const PATH: &str = "/release/anti_leech_sign";

fn start(open: bool) -> Start {
    Start::default()
        .flag("--sign-host", SIGN)
        .flag("--sign-open", if open { "true" } else { "false" })
}

/// A domain of Tencent VOD whose links are as the how-to's configuration says.
fn vod(server: &Server, distribution: &Value) {
    let terms = json!({
        "bucket": BUCKET, "signing": { "scheme": "tencent-vod" }, "distribution": distribution,
    });
    put(server, HOST, &terms);
}

fn server(open: bool) -> Server {
    let server = start(open).run();
    furnish(&server);
    vod(&server, &json!({ "key": VOD, "t": 1800, "exper": 0, "rlimit": 0 }));
    server
}

fn post(server: &Server, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let headers = lines(headers);
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {SIGN}\r\nConnection: close\r\nContent-Length: {}\r\n\
         {headers}\r\n",
        body.len()
    );
    let response = server.raw(&[head.as_bytes(), body].concat()).unwrap();
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert_eq!(response.header("access-control-allow-methods"), Some("POST,OPTIONS"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    response
}

fn text(response: &Response) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    String::from_utf8(response.body.clone()).unwrap()
}

/// The target of a link that was made.
fn target(url: &str) -> &str {
    url.strip_prefix(&format!("http://{HOST}")).unwrap()
}

fn parameter<'u>(url: &'u str, name: &str) -> Option<&'u str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Makes an application, and returns the header with its token.
fn application(server: &Server, wanted: &Value) -> String {
    let made = server.api_done("POST", "applications", Some(wanted));
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("rgapp_") && token.len() == 46, "{token}");
    format!("Bearer {token}")
}

/// The lines of the how-to, but for the names of hosts: curl finds the server by its settings.
#[test]
fn the_lines_of_the_how_to() {
    let server = server(true);
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("silent\nconnect-to = \"::{}\"\n", server.data);
    fs::write(folder.path().join(".curlrc"), settings).unwrap();
    let run = |line: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("CURL_HOME", folder.path()).env_remove("http_proxy");
        let done = command.output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let url = format!("http://{HOST}/vod/a.mp4");
    let unsigned = run(&format!("curl -I \"{url}\""));
    assert!(unsigned.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{unsigned}");
    let signed = run(&format!("curl -d '{url}' http://{SIGN}{PATH}"));
    assert!(signed.starts_with(&format!("{url}?t=")), "{signed}");
    let given = run(&format!("curl -I \"{signed}\""));
    assert!(given.starts_with("HTTP/1.1 200 OK\r\n"), "{given}");
    assert!(given.contains("video/mp4"), "{given}");
    assert_eq!(run(&format!("curl \"{signed}\"")), BODY);
    assert!(server.stop().log.contains("signs URLs for anybody"), "it warns at the start");
}

/// The configuration of the how-to, checked by the formula of the vendor's page.
#[test]
fn links_are_as_the_configuration_says() {
    let server = server(true);
    server.done(Request::put(BUCKET, "root.mp4", BODY));
    #[rustfmt::skip]
    let table = [
        ("as it is by default",  json!({ "key": VOD }),                               "0", "0", "/vod/"),
        ("with limits",          json!({ "key": VOD, "t": 60, "exper": 300, "rlimit": 3 }), "300", "3", "/vod/"),
        ("an object at the root", json!({ "key": VOD, "rlimit": 9 }),                 "0", "9", "/"),
    ];
    for (name, distribution, exper, rlimit, directory) in table {
        vod(&server, &distribution);
        let object = if directory == "/" { "root.mp4" } else { "a.mp4" };
        let url = text(&post(&server, &[], format!("http://{HOST}{directory}{object}").as_bytes()));
        let field = |field| parameter(&url, field).unwrap_or_else(|| panic!("{name}: {url}"));
        let (t, us) = (field("t"), field("us"));
        assert_eq!((field("exper"), field("rlimit")), (exper, rlimit), "{name}");
        assert_eq!(
            field("sign"),
            md5(&format!("{VOD}{directory}{t}{exper}{rlimit}{us}")),
            "{name}"
        );
        let left = i64::from_str_radix(t, 16).unwrap() - crate::support::clock::now();
        let wanted = distribution["t"].as_i64().unwrap_or(1800);
        assert!((wanted - 30..=wanted).contains(&left), "{name}: {left}");
        let order: Vec<_> = ["t=", "exper=", "rlimit=", "us=", "sign="]
            .iter()
            .map(|name| {
                url.find(&format!("{}{name}", if *name == "t=" { '?' } else { '&' })).unwrap()
            })
            .collect();
        assert!(order.is_sorted(), "{url}");
        let want = if exper == "0" { 200 } else { 403 };
        assert_eq!(get(&server, target(&url)).status, want, "{name}");
    }
    // A query that is there is kept, and what follows `#` is for the client.
    vod(&server, &json!({ "key": VOD }));
    let body = format!("http://{HOST}/vod/a.mp4?x=1&y=%20#here\r\n");
    let url = text(&post(&server, &[], body.as_bytes()));
    assert!(url.starts_with(&format!("http://{HOST}/vod/a.mp4?x=1&y=%20&t=")), "{url}");
    assert_eq!(get(&server, target(&url)).body, BODY.as_bytes());
    let body = format!("http://{HOST}:8080/vod/中.mp4");
    let url = text(&post(&server, &[], body.as_bytes()));
    assert!(url.starts_with(&format!("http://{HOST}:8080/vod/%E4%B8%AD.mp4?t=")), "{url}");
    // Every scheme.
    put(&server, HOST, &type_a());
    let url = text(&post(&server, &[], format!("http://{HOST}/a.mp4").as_bytes()));
    assert_eq!(get(&server, target(&url)).body, BODY.as_bytes());
}

#[test]
fn what_a_browser_asks_before() {
    let server = server(false);
    let headers = [
        ("Origin", "https://shop.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization"),
    ];
    let given = ask(&server, ("OPTIONS", SIGN), PATH, &headers);
    assert_eq!(given.status, 200);
    assert_eq!(given.header("access-control-allow-origin"), Some("*"));
    assert_eq!(given.header("access-control-allow-methods"), Some("POST,OPTIONS"));
    assert!(given.header("access-control-allow-headers").unwrap().contains("Authorization"));
    assert_eq!(given.header("access-control-allow-credentials"), None);
    assert!(given.body.is_empty());
    for (method, path, status) in [
        ("GET", PATH, 405),
        ("PUT", PATH, 405),
        ("GET", "/", 404),
        ("POST", "/videos/vod/a.mp4", 404),
    ] {
        assert_eq!(ask(&server, (method, SIGN), path, &[]).status, status, "{method} {path}");
    }
}

#[test]
fn who_may_ask() {
    let server = server(false);
    let url = format!("http://{HOST}/vod/a.mp4");
    let token = application(&server, &json!({ "name": "player" }));
    let mut changed = token.clone();
    changed.replace_range(token.len() - 1.., if token.ends_with('a') { "b" } else { "a" });
    let lower = token.replacen("Bearer", "bearer", 1);
    let basic = token.replacen("Bearer", "Basic", 1);
    let two = format!("{token}\r\nAuthorization: {token}");
    #[rustfmt::skip]
    let table: &[(&str, Option<&str>, u16)] = &[
        ("nobody",                  None,                           401),
        ("an application",          Some(&token),   200),
        ("in lower case",           Some(&lower),   200),
        ("another scheme",          Some(&basic),   401),
        ("a changed token",         Some(&changed), 401),
        ("no token",                Some("Bearer"), 401),
        ("an empty token",          Some("Bearer "), 401),
        ("two of them",             Some(&two),     401),
        ("the owner's key",         Some("OSS LTAI:AAAA"), 401),
    ];
    for (name, value, want) in table {
        let header: Vec<_> = value.map(|value| ("Authorization", value)).into_iter().collect();
        let given = post(&server, &header, url.as_bytes());
        assert_eq!(given.status, *want, "{name}");
        if *want == 401 {
            assert_eq!(given.header("www-authenticate"), Some("Bearer"), "{name}");
        }
    }
    // What is presented counts, also where nothing need be.
    let (_, folder) = server.stop_for_restart();
    let server = start(true).run_in(folder);
    assert_eq!(post(&server, &[], url.as_bytes()).status, 200);
    assert_eq!(post(&server, &[("Authorization", &changed)], url.as_bytes()).status, 401);
    assert_eq!(post(&server, &[("Authorization", &token)], url.as_bytes()).status, 200, "it stays");
    let plain = server.data_dir().join("meta.sqlite");
    let secret = token.trim_start_matches("Bearer ").as_bytes();
    let kept = fs::read(plain).unwrap();
    assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret), "the token is not stored");
    server.api_done("DELETE", "applications/player", None);
    assert_eq!(post(&server, &[("Authorization", &token)], url.as_bytes()).status, 401);
    let log = server.stop().log;
    assert!(!log.contains("rgapp_"), "nor logged");
}

#[test]
fn what_an_application_may_have() {
    let server = server(false);
    put(&server, "open.example.com", &json!({ "bucket": BUCKET }));
    let wanted = json!({ "name": "shop", "scopes": [format!("{HOST}/vod/")], "per_minute": 20 });
    let token = application(&server, &wanted);
    let all = application(&server, &json!({ "name": "all" }));
    #[rustfmt::skip]
    let table = [
        ("its directory",            format!("http://{HOST}/vod/a.mp4"),           200, 200),
        ("in capitals, with a port", "HTTPS://CDN.Example.com:8443/vod/a.mp4".into(), 200, 200),
        ("another directory",        format!("http://{HOST}/a.mp4"),               403, 200),
        ("one that begins alike",    format!("http://{HOST}/vod2/a.mp4"),          403, 200),
        ("out of it by dots",        format!("http://{HOST}/vod/../a.mp4"),        400, 400),
        ("out of it by escapes",     format!("http://{HOST}/vod/..%2fa.mp4"),      400, 400),
        ("no delivery domain",       "http://elsewhere.example/vod/a.mp4".into(),  403, 403),
        ("one without signatures",   "http://open.example.com/vod/a.mp4".into(),   403, 403),
        ("the data plane",           format!("http://{}/videos/vod/a.mp4", server.data), 403, 403),
        ("the service itself",       format!("http://{SIGN}/vod/a.mp4"),           403, 403),
    ];
    for (name, url, want, of_all) in table {
        for (token, want) in [(&token, want), (&all, of_all)] {
            let given = post(&server, &[("Authorization", token)], url.as_bytes());
            assert_eq!(given.status, want, "{name}");
        }
    }
    let asked = || post(&server, &[("Authorization", &token)], b"junk").status;
    let paced = (0..30).map(|_| asked()).find(|status| *status == 429);
    assert_eq!(paced, Some(429), "so many in a minute");
    let url = format!("http://{HOST}/vod/a.mp4");
    assert_eq!(post(&server, &[("Authorization", &all)], url.as_bytes()).status, 200);
}

#[test]
fn junk_is_refused() {
    let server = server(true);
    let long = format!("http://{HOST}/{}", "a".repeat(16 * 1024));
    let longer = "a".repeat(1 << 20);
    #[rustfmt::skip]
    let table: &[(&str, &[u8], u16)] = &[
        ("nothing",             b"",                                    400),
        ("a line end",          b"\r\n",                                400),
        ("words",               b"give me a link",                      400),
        ("a path",              b"/vod/a.mp4",                          400),
        ("another scheme",      b"ftp://cdn.example.com/vod/a.mp4",     400),
        ("no host",             b"http:///vod/a.mp4",                   400),
        ("a user",              b"http://u@cdn.example.com/vod/a.mp4",  400),
        ("two lines",           b"http://cdn.example.com/a\nhttp://cdn.example.com/b", 400),
        ("a control byte",      b"http://cdn.example.com/a\x01",        400),
        ("a NUL",               b"http://cdn.example.com/a\0",          400),
        ("an escaped NUL",      b"http://cdn.example.com/a%00",         400),
        ("a backslash",         b"http://cdn.example.com/vod\\a.mp4",   400),
        ("bytes of no text",    b"http://cdn.example.com/\xff\xfe",     400),
        ("signed already",      b"http://cdn.example.com/vod/a.mp4?t=1", 400),
        ("a form",              b"url=http%3A%2F%2Fcdn.example.com%2F", 400),
        ("too long",            long.as_bytes(),                        400),
        ("far too long",        longer.as_bytes(),                      413),
    ];
    for (name, body, want) in table {
        let given = post(&server, &[], body);
        assert_eq!(given.status, *want, "{name}: {given:?}");
        assert!(given.body.starts_with(if *want == 400 { b"Bad Request" } else { b"Payload" }));
    }
}

#[test]
fn applications_that_cannot_be() {
    let server = server(false);
    application(&server, &json!({ "name": "player" }));
    #[rustfmt::skip]
    let table = [
        (json!({ "name": "player" }),                                409),
        (json!({ "name": "" }),                                      400),
        (json!({ "name": "a b" }),                                   400),
        (json!({}),                                                  400),
        (json!({ "name": "a", "token": "mine" }),                    400),
        (json!({ "name": "a", "per_minute": 0 }),                    400),
        (json!({ "name": "a", "per_minute": 1_000_001 }),            400),
        (json!({ "name": "a", "scopes": ["cdn.example.com/vod"] }),  400),
        (json!({ "name": "a", "scopes": ["http://cdn.example.com/"] }), 400),
        (json!({ "name": "a", "scopes": ["cdn.example.com/../"] }),  400),
        (json!({ "name": "a", "scopes": vec!["a.com"; 101] }),       400),
    ];
    for (wanted, want) in table {
        assert_eq!(server.api("POST", "applications", Some(&wanted)).0, want, "{wanted}");
    }
    let all = server.api_done("GET", "applications", None);
    let all = all["applications"].as_array().unwrap();
    assert_eq!(
        (all.len(), &all[0]["name"], &all[0]["per_minute"]),
        (1, &json!("player"), &json!(600))
    );
    assert!(all[0].get("token").is_none(), "shown once");
    assert_eq!(server.api("DELETE", "applications/other", None).0, 404);
    // The host is there for nothing else.
    let (taken, _) =
        super::admin(&server, ("PUT", &format!("/{SIGN}")), &[], &type_a().to_string());
    assert_eq!(taken.status, 409);
}

#[test]
fn applications_by_the_command_line() {
    let server = server(false);
    let run = |arguments: &[&str]| {
        let mut command = refgate(Path::new("."), &["app"]);
        command.args(arguments).args(["--admin-endpoint", &format!("http://{}", server.admin)]);
        command.env("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID);
        command.env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET);
        let done = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    let (status, said, _) =
        run(&["create", "shop", "--scope", "cdn.example.com/vod/", "--per-minute", "5"]);
    assert_eq!(status, Some(0));
    let token = said.split_whitespace().last().unwrap();
    let bearer = format!("Bearer {token}");
    let url = format!("http://{HOST}/vod/a.mp4");
    assert_eq!(post(&server, &[("Authorization", &bearer)], url.as_bytes()).status, 200);
    assert_eq!(run(&["ls"]).1, "shop  5 a minute  cdn.example.com/vod/\n");
    let (status, _, err) = run(&["create", "shop"]);
    assert!(status == Some(1) && err.contains("already") && err.lines().count() == 1, "{err}");
    let (status, _, err) = run(&["create", "b", "--scope", "cdn.example.com/vod"]);
    assert!(status == Some(2) && err.lines().count() == 1, "{err}");
    assert_eq!(run(&["rm", "shop"]).0, Some(0));
    assert_eq!(run(&["rm", "shop"]).0, Some(1));
    assert_eq!(post(&server, &[("Authorization", &bearer)], url.as_bytes()).status, 401);
}

#[test]
fn a_host_that_is_there_for_something_else() {
    let server = Server::start();
    furnish(&server);
    put(&server, HOST, &type_a());
    let (_, folder) = server.stop_for_restart();
    for (host, why) in [
        ("localhost", "is a domain below which buckets are"),
        ("photos.localhost", "is a host of the bucket"),
        ("127.0.0.1", "is an address"),
        (HOST, "is a delivery domain"),
    ] {
        let mut command = refgate(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--admin-listen", "127.0.0.1:0", "--sign-host", host]);
        let done = command.output().unwrap();
        let err = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{host}: {err}");
        assert!(err.contains(why), "{host}: {err}");
    }
}
