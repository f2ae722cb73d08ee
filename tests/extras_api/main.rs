//! The settings beyond OSS, over the program itself: what they do to requests for objects, that
//! OSS's own API neither shows nor loses them, and what the admin API takes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "these are tests: they may panic"
)]

mod api;
mod server;

use refgate::domain::auth::Signer;
use refgate::domain::op::Target;
use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use server::{Answer, ID, SECRET, Server};
use tempfile::TempDir;

const SETTINGS: &str = "/api/v1/buckets/pics/referer/settings";
const GOOD: (&str, &str) = ("referer", "https://good.com/page");
const THIEF: (&str, &str) = ("referer", "https://thief.com/page");
const POLICY: &str = "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer>\
    <RefererList><Referer>https://good.com</Referer></RefererList></RefererConfiguration>";

/// A server with a public bucket `pics`, which holds `a.png` and `no.png` and is for
/// `https://good.com`.
fn guarded() -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    make(&server, folder.path(), "public-read-write");
    for (key, kind, body) in [("a.png", "image/png", "picture"), ("no.png", "image/gif", "stop")] {
        let headers = [("content-type", kind), ("cache-control", "max-age=9")];
        let line = format!("PUT /pics/{key}");
        let put = server::send(&server.data, &line, &headers, body.as_bytes());
        assert_eq!(put.status, 200, "{put:?}");
    }
    make(&server, folder.path(), "public-read");
    put_policy(&server, folder.path());
    (folder, server)
}

/// Makes the bucket, or gives it another ACL.
fn make(server: &Server, folder: &std::path::Path, acl: &str) {
    let made = server.command(folder, &["bucket", "create", "pics", "--acl", acl]);
    assert_eq!(made.0, 0, "{made:?}");
}

fn put_policy(server: &Server, folder: &std::path::Path) {
    std::fs::write(folder.join("policy.xml"), POLICY).unwrap();
    let put = server.command(folder, &["referer", "put", "pics", "policy.xml"]);
    assert_eq!(put.0, 0, "{put:?}");
}

/// A request line with a V4 URL.
#[expect(clippy::disallowed_methods, reason = "a URL is signed for the server's own clock")]
fn signed(method: &str, key: &str) -> String {
    let (id, region) = (ID.parse().unwrap(), "cn-hangzhou".parse().unwrap());
    let signer = Signer {
        access_key_id: &id,
        secret: &SecretKey::new(SECRET.to_owned()),
        region: &region,
        now: UnixMillis::from_system_time(std::time::SystemTime::now()),
    };
    let target = Target::Object("pics".parse().unwrap(), key.parse().unwrap());
    format!("{method} /pics/{key}?{}", signer.presign_v4(method, &target, &[], 600))
}

fn set(server: &Server, json: &str) {
    let answer = server.admin(&format!("PUT {SETTINGS}"), &[], json);
    assert_eq!(answer.status, 200, "{json}: {}", answer.text());
}

/// Whoever keeps such an answer shows it to somebody who would get another one.
fn assert_is_not_kept(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert!(answer.header("vary").unwrap().contains("Referer"), "{answer:?}");
    for name in ["etag", "last-modified", "accept-ranges", "expires", "content-range"] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
}

#[test]
fn a_monitored_bucket_refuses_nobody_and_marks() {
    let (_folder, server) = guarded();
    set(&server, r#"{"mode": "monitor"}"#);
    for line in ["GET /pics/a.png", "HEAD /pics/a.png"] {
        let passed = server.data(line, &[THIEF]);
        assert_eq!(passed.status, 200, "{line}");
        assert_eq!(passed.header("x-refgate-would-deny"), None, "strangers learn nothing");
        assert_eq!(passed.header("cache-control"), Some("max-age=9"));
        let event = server.logged(line);
        assert_eq!(event["would"], "0003-00000503", "{event}");
        assert_eq!(event["status"], 200);
        assert!(event["why"].as_str().unwrap().contains("not on the whitelist"), "{event}");
    }
    server.data("GET /pics/a.png", &[GOOD]);
    assert_eq!(server.logged("GET /pics/a.png").get("would"), None);

    set(&server, "{}");
    let refused = server.data("GET /pics/a.png", &[THIEF]);
    assert_eq!(refused.status, 403);
    assert_is_not_kept(&refused);
    let event = server.logged("GET /pics/a.png");
    assert_eq!((event.get("would"), &event["ec"]), (None, &"0003-00000503".into()), "{event}");
}

/// What a monitoring system is told: counts by verdict, and no name that a client made up.
#[test]
fn metrics_count_what_was_decided() {
    let (_folder, server) = guarded();
    set(&server, r#"{"mode": "monitor"}"#);
    server.data("GET /pics/a.png", &[THIEF]);
    set(&server, "{}");
    server.data("GET /pics/a.png", &[THIEF]);
    server.data("GET /pics/a.png", &[GOOD]);
    let text = server.admin("GET /metrics", &[], "").text();
    for (verdict, count) in [
        ("would-deny-not-whitelisted", 1),
        ("denied-not-whitelisted", 1),
        ("allowed-whitelisted", 1),
    ] {
        let line = format!("refgate_referer_decisions_total{{verdict=\"{verdict}\"}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(!text.contains("thief") && !text.contains("pics"), "{text}");
}

/// After a reset nobody is refused, whatever the bucket had asked for beyond OSS.
#[test]
fn a_reset_takes_back_what_would_still_refuse() {
    let (_folder, server) = guarded();
    set(&server, r#"{"missing": "deny", "malformed": "deny", "mode": "enforce"}"#);
    assert_eq!(server.data("GET /pics/a.png", &[]).status, 403);
    let reset = server.admin("POST /api/v1/buckets/pics/referer/reset", &[], "");
    assert_eq!(reset.status, 200, "{}", reset.text());
    for headers in [&[][..], &[THIEF], &[("Referer", "about:blank")]] {
        assert_eq!(server.data("GET /pics/a.png", headers).status, 200, "{headers:?}");
    }
}

#[test]
fn a_signed_request_may_ask_what_would_be_denied() {
    const DEBUG: (&str, &str) = ("x-refgate-debug", "1");
    let (_folder, server) = guarded();
    set(&server, r#"{"mode": "monitor"}"#);
    let would = |line: &str, headers: &[(&str, &str)]| {
        let answer = server.data(line, headers);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("x-refgate-would-deny").map(str::to_owned)
    };
    let ec = Some("0003-00000503".to_owned());
    assert_eq!(would(&signed("GET", "a.png"), &[THIEF, DEBUG]), ec);
    assert_eq!(would(&signed("HEAD", "a.png"), &[THIEF, DEBUG]), ec);
    assert_eq!(would(&signed("GET", "a.png"), &[GOOD, DEBUG]), None);
    assert_eq!(would(&signed("GET", "a.png"), &[THIEF]), None);
    assert_eq!(would(&signed("GET", "a.png"), &[THIEF, ("x-refgate-debug", "0")]), None);
    assert_eq!(would("GET /pics/a.png", &[THIEF, DEBUG]), None, "nobody signed");
}

#[test]
fn strict_hosts_stop_look_alikes() {
    let (_folder, server) = guarded();
    let status = |referer| server.data("GET /pics/a.png", &[("referer", referer)]).status;
    assert_eq!(status("https://good.com.evil.net/"), 200, "OSS compares beginnings");
    set(&server, r#"{"strict_host": true}"#);
    assert_eq!(status("https://good.com.evil.net/"), 403);
    assert_eq!(status("https://good.com@evil.net/"), 403);
    assert_eq!(status("https://good.com:8443/page"), 200);
    assert_eq!(status("https://good.com"), 200);
    let refused = server.data("HEAD /pics/a.png", &[("referer", "https://good.com.evil.net/")]);
    assert_eq!(refused.header("x-oss-ec"), Some("0003-00000503"));
    assert!(refused.header("x-oss-err").is_some());
}

/// What browsers send with `referrerpolicy="no-referrer"`, and what others send.
#[test]
fn embeds_without_a_referer() {
    let (_folder, server) = guarded();
    let fetch = |site, dest| [("sec-fetch-site", site), ("sec-fetch-dest", dest)];
    set(&server, r#"{"missing": "deny-cross-site-embeds"}"#);
    for (headers, want) in [
        (fetch("cross-site", "image").to_vec(), 403),
        (fetch("cross-site", "video").to_vec(), 403),
        (fetch("cross-site", "document").to_vec(), 200),
        (fetch("same-site", "image").to_vec(), 200),
        (fetch("same-origin", "image").to_vec(), 200),
        (fetch("none", "document").to_vec(), 200),
        (vec![], 200),
        (vec![("sec-fetch-dest", "image")], 200),
        ([fetch("cross-site", "image").to_vec(), vec![GOOD]].concat(), 200),
        ([fetch("cross-site", "image").to_vec(), vec![("referer", "")]].concat(), 403),
    ] {
        let answer = server.data("GET /pics/a.png", &headers);
        assert_eq!(answer.status, want, "{headers:?}");
        let vary = answer.header("vary").unwrap();
        assert_eq!(vary, "Referer, Sec-Fetch-Site, Sec-Fetch-Dest");
        assert_eq!(answer.header("x-oss-ec"), (want == 403).then_some("0003-00000501"));
    }
    for (missing, want) in [("allow", 200), ("deny", 403), ("as-policy", 200)] {
        set(&server, &format!(r#"{{"missing": "{missing}"}}"#));
        assert_eq!(server.data("GET /pics/a.png", &[]).status, want, "{missing}");
        assert_eq!(server.data("GET /pics/a.png", &[GOOD]).header("vary"), Some("Referer"));
    }
    assert_eq!(server.data(&signed("PUT", "b.png"), &[]).status, 200, "by OSS's rule");
    set(&server, r#"{"missing": "deny"}"#);
    assert_eq!(server.data(&signed("PUT", "b.png"), &[]).status, 403, "URLs are checked");
}

#[test]
fn malformed_referers() {
    let (folder, server) = guarded();
    let reset = server.command(folder.path(), &["referer", "reset", "pics"]);
    assert_eq!(reset.0, 0, "{reset:?}");
    set(&server, r#"{"malformed": "deny"}"#);
    for (referers, want) in [
        (vec!["https://a.com/"], 200),
        (vec![], 200),
        (vec!["null"], 403),
        (vec!["android-app://com.x/"], 403),
        (vec!["https://good.com@evil.com/"], 403),
        (vec!["https://good.com/", "https://good.com/"], 403),
    ] {
        let headers: Vec<_> = referers.iter().map(|value| ("referer", *value)).collect();
        let answer = server.data("GET /pics/a.png", &headers);
        assert_eq!(answer.status, want, "{referers:?}");
        assert_eq!(answer.header("x-oss-ec"), (want == 403).then_some("0003-00000503"));
        assert_eq!(answer.header("vary"), Some("Referer"), "without lists, too");
    }
}

#[test]
fn a_redirect() {
    let (_folder, server) = guarded();
    set(&server, r#"{"denial": {"answer": "redirect", "url": "https://good.com/no?x=1"}}"#);
    for line in ["GET /pics/a.png", "HEAD /pics/a.png", "GET /pics/missing.png"] {
        let sent = server.data(line, &[THIEF, ("range", "bytes=0-1"), ("if-none-match", "*")]);
        assert_eq!(sent.status, 302, "{line}");
        assert_eq!(sent.header("location"), Some("https://good.com/no?x=1"));
        assert_eq!(sent.header("x-oss-ec"), Some("0003-00000503"));
        assert!(sent.body.is_empty());
        assert_is_not_kept(&sent);
    }
    let event = server.logged("GET /pics/missing.png");
    assert_eq!((&event["status"], &event["ec"]), (&302.into(), &"0003-00000503".into()), "{event}");
    assert!(event["why"].as_str().unwrap().contains("not on the whitelist"), "{event}");
    for line in ["PUT /pics/a.png", "DELETE /pics/a.png", "HEAD /pics/a.png?objectMeta"] {
        assert_eq!(server.data(line, &[THIEF]).status, 403, "{line}");
    }
    assert_eq!(server.data("GET /pics/a.png", &[GOOD]).status, 200);

    let here = format!("http://{}/pics/no.png", server.data);
    set(&server, &format!(r#"{{"denial": {{"answer": "redirect", "url": "{here}"}}}}"#));
    assert_eq!(server.data("GET /pics/a.png", &[THIEF]).header("location"), Some(here.as_str()));
    assert_eq!(server.data("GET /pics/no.png", &[THIEF]).status, 403, "it does not lead back");
}

#[test]
fn a_substitute() {
    let (folder, server) = guarded();
    set(&server, r#"{"denial": {"answer": "substitute", "key": "no.png"}}"#);
    for (line, body) in
        [("GET /pics/a.png", "stop"), ("HEAD /pics/a.png", ""), ("GET /pics/missing.png", "stop")]
    {
        let given = server.data(line, &[THIEF, ("range", "bytes=0-1"), ("if-none-match", "*")]);
        assert_eq!(given.status, 200, "{line}");
        assert_eq!(given.header("content-type"), Some("image/gif"));
        assert_eq!(given.header("content-length"), Some("4"));
        assert_eq!(given.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(given.header("x-oss-ec"), Some("0003-00000503"));
        assert_eq!(given.text(), body);
        assert_is_not_kept(&given);
    }
    for line in ["PUT /pics/a.png", "DELETE /pics/a.png", "HEAD /pics/a.png?objectMeta"] {
        assert_eq!(server.data(line, &[THIEF]).status, 403, "{line}");
    }
    let itself = server.data("GET /pics/no.png", &[THIEF]);
    assert_eq!((itself.status, itself.header("x-oss-ec")), (403, Some("0003-00000503")));
    assert_eq!(server.data("GET /pics/a.png", &[GOOD]).text(), "picture");

    assert_eq!(server.data(&signed("DELETE", "no.png"), &[GOOD]).status, 204);
    let missing = server.data("GET /pics/a.png", &[THIEF]);
    assert_eq!(missing.status, 403, "there is nothing to give");
    assert!(missing.text().contains("<EC>0003-00000503</EC>"));
    assert_is_not_kept(&missing);

    // The owner chose the substitute for everybody: the ACL is not asked.
    let put = server::send(&server.data, &signed("PUT", "no.png"), &[GOOD], b"again");
    assert_eq!(put.status, 200);
    make(&server, folder.path(), "private");
    assert_eq!(server.data("GET /pics/a.png", &[THIEF]).text(), "again");
    assert_eq!(server.data("GET /pics/a.png", &[GOOD]).status, 403);
}

/// An SDK replaces the policy as a whole and knows nothing of the settings.
#[test]
fn policies_neither_show_nor_lose_the_settings() {
    let (folder, server) = guarded();
    let xml = |server: &Server| server.command(folder.path(), &["referer", "get", "pics"]).1;
    let before = xml(&server);
    let json = r#"{"mode": "monitor", "strict_host": true, "denial": {"answer": "substitute", "key": "no.png"}}"#;
    set(&server, json);
    assert_eq!(xml(&server), before);
    let shown = server.admin(&format!("GET {SETTINGS}"), &[], "").text();
    put_policy(&server, folder.path());
    server.command(folder.path(), &["referer", "reset", "pics"]);
    assert_eq!(server.admin(&format!("GET {SETTINGS}"), &[], "").text(), shown);
    put_policy(&server, folder.path());

    server.stop();
    let server = Server::start(folder.path());
    let again = server.admin(&format!("GET {SETTINGS}"), &[], "").text();
    assert_eq!(again, shown, "a restart keeps them");
    server.data("GET /pics/a.png", &[("referer", "https://good.com.evil.net/")]);
    assert_eq!(server.logged("GET /pics/a.png")["would"], "0003-00000503", "and they are in force");
}
