//! Replacing a key while links of both are in use, and keeping keys to themselves.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::cli::good;
use super::{HOST, KEY, admin, auth_key, denied, get, link, put, type_a};
use crate::support::clock::{self, wait_until};
use crate::support::server::Start;
use crate::support::{Response, Server};

pub(super) const OTHER: &str = "anotherkey5678901";

pub(super) fn show(server: &Server, path: &str) -> Value {
    let (response, json) = admin(server, ("GET", &format!("/{HOST}{path}")), &[], "");
    assert_eq!(response.status, 200, "{json}");
    json
}

/// Requests by the id of the key that verified them.
fn verified(server: &Server) -> HashMap<String, u64> {
    let report = show(server, "/report?days=2");
    let counts = report["keys"].as_array().unwrap().iter();
    counts
        .map(|it| (it["id"].as_str().unwrap().to_owned(), it["requests"].as_u64().unwrap()))
        .collect()
}

/// A step by the command line, which says what it did.
pub(super) fn step(server: &Server, arguments: &[&str], key: Option<&str>) -> String {
    good(server, &[arguments, &[HOST]].concat(), key)
}

/// Drops the secondary key by the API: the status, and what is said.
pub(super) fn drop_key(server: &Server, query: &str) -> (u16, String) {
    let path = format!("/{HOST}/keys/secondary{query}");
    let (response, json) = admin(server, ("DELETE", &path), &[], "");
    (response.status, json["error"]["message"].as_str().unwrap_or_default().to_owned())
}

/// Signers: which key they sign with now, how often each was used, and whether they go on.
struct Signers {
    key: AtomicUsize,
    used: [AtomicU64; 2],
    answers: AtomicU64,
    done: AtomicBool,
}

impl Signers {
    /// Signs and asks until told to stop. Every link must be good.
    fn run(&self, server: &Server) {
        while !self.done.load(Ordering::SeqCst) {
            let which = self.key.load(Ordering::SeqCst);
            let query = auth_key([KEY, OTHER][which], "/a.mp4", clock::now());
            let given = get(server, &format!("/a.mp4?{query}"));
            assert_eq!(given.status, 200, "key {which}: {given:?}");
            self.used[which].fetch_add(1, Ordering::SeqCst);
            self.answers.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Lets requests pass: so many that those of before are answered.
    fn settle(&self) {
        let before = self.answers.load(Ordering::SeqCst);
        wait_until("requests pass", || self.answers.load(Ordering::SeqCst) > before + 20);
    }
}

struct Stop<'s>(&'s Signers);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::SeqCst);
    }
}

/// Put the other key, move the signers, swap, drop: no request is refused on the way, and the report
/// says when nobody needs the old key any more.
#[test]
fn no_request_is_refused_while_a_key_is_replaced() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let old = show(&server, "")["key_ids"]["primary"].as_str().unwrap().to_owned();
    let signers = Signers {
        key: AtomicUsize::new(0),
        used: [AtomicU64::new(0), AtomicU64::new(0)],
        answers: AtomicU64::new(0),
        done: AtomicBool::new(false),
    };
    let new = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| signers.run(&server));
        }
        let _stop = Stop(&signers);
        signers.settle();
        let said = step(&server, &["add-key"], Some(OTHER));
        assert!(said.contains(&format!("primary    {old}  signs")), "{said}");
        signers.settle();
        signers.key.store(1, Ordering::SeqCst);
        signers.settle();
        let new = show(&server, "")["key_ids"]["secondary"].as_str().unwrap().to_owned();
        let said = step(&server, &["swap-keys"], None);
        assert!(said.contains(&format!("primary    {new}  signs")), "{said}");
        signers.settle();
        // The old key verifies nothing any more, so it can go.
        let before = verified(&server)[&old];
        signers.settle();
        assert_eq!(verified(&server)[&old], before);
        // As far as the server knows: somebody who had a link a moment ago may come again with it.
        let (refused, said) = drop_key(&server, "");
        assert_eq!(refused, 409);
        assert!(said.contains(&format!("links of the key {old} that it verified")), "{said}");
        step(&server, &["drop-key", "--force"], None);
        signers.settle();
        new
    });
    let [of_old, of_new] = signers.used.each_ref().map(|used| used.load(Ordering::SeqCst));
    let want = HashMap::from([(old.clone(), of_old), (new.clone(), of_new)]);
    assert_eq!(verified(&server), want, "exact, also of the key that is gone");
    let query = auth_key(KEY, "/a.mp4", clock::now());
    assert!(denied(&get(&server, &format!("/a.mp4?{query}"))).contains("invalid md5hash="));

    let text = step(&server, &["report"], None);
    assert!(text.contains(&format!("primary    {new}")), "{text}");
    assert!(text.contains(&format!("dropped    {old}")), "{text}");
    assert!(text.contains("refused    signature          1"), "{text}");
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    assert_eq!(verified(&server), want, "after a restart");
}

#[test]
fn every_outcome_is_counted_by_its_reason() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let now = clock::now();
    for target in [
        link("/a.mp4"),
        link("/missing.mp4"),
        "/a.mp4".to_owned(),
        format!("/a.mp4?{}", auth_key(KEY, "/a.mp4", now - 1900)),
        format!("/a.mp4?{0}&{0}", auth_key(KEY, "/a.mp4", now)),
        link("/a%2fb"),
        format!("/a.mp4?{}", auth_key("wrong1", "/a.mp4", now)),
    ] {
        get(&server, &target);
    }
    let report = show(&server, "/report?days=2");
    let reasons: Vec<_> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["reason"].as_str().unwrap(),
                it["requests"].as_u64().unwrap(),
                it["latest"].is_string(),
            )
        })
        .collect();
    let once = |reason| (reason, 1, true);
    let want = ["path", "missing", "duplicate", "expired", "signature"].map(once);
    assert_eq!(reasons, want);
    assert_eq!(report["keys"][0]["requests"], json!(2));
    assert_eq!(report["open"], json!({ "requests": 0, "latest": null }));
    put(&server, HOST, &json!({ "bucket": super::BUCKET, "origin_access": true }));
    assert_eq!(get(&server, "/vod/a.mp4").status, 200);
    let report = show(&server, "/report?days=2");
    assert_eq!(report["open"]["requests"], json!(1));
    assert_eq!(report["keys"][0]["requests"], json!(2), "what was counted before stays");
    for bad in ["/report?days=0", "/report?days=x", "/report?week=1"] {
        let (response, _) = admin(&server, ("GET", &format!("/{HOST}{bad}")), &[], "");
        assert_eq!(response.status, 400, "{bad}");
    }
    let mut connection = crate::support::Connection::open(&server.admin);
    connection.write(b"GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n");
    let metrics = String::from_utf8(connection.answer("GET").unwrap().body).unwrap();
    for line in [
        "refgate_delivery_domains 1",
        "refgate_delivery_requests_total{outcome=\"verified\"} 2",
        "refgate_delivery_requests_total{outcome=\"refused\"} 5",
        "refgate_delivery_requests_total{outcome=\"open\"} 1",
        "refgate_delivery_unsigned_playlists_total{what=\"whole\"} 0",
        "refgate_delivery_unsigned_playlists_total{what=\"links\"} 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
    }
}

#[test]
fn keys_are_shown_on_request_and_nowhere_else() {
    let server = super::server();
    let mut terms = type_a();
    terms["keys"] = json!({ "primary": KEY, "secondary": OTHER });
    let made = put(&server, HOST, &terms);
    let (_, all) = admin(&server, ("GET", ""), &[], "");
    for shown in [made, show(&server, ""), all, show(&server, "/report")] {
        assert!(![KEY, OTHER].iter().any(|key| shown.to_string().contains(key)), "{shown}");
    }
    let keys = show(&server, "/keys");
    assert_eq!((&keys["primary"]["key"], &keys["secondary"]["key"]), (&json!(KEY), &json!(OTHER)));
    let said = step(&server, &["keys"], None);
    assert!(said.contains(KEY) && said.contains(OTHER), "{said}");
    let data = server.data_dir();
    let (ended, folder) = server.stop_for_restart();
    assert!(![KEY, OTHER].iter().any(|key| ended.log.contains(key)));
    assert!(ended.log.contains("showed the keys of cdn.example.com"));
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let holds = |key: &str| bytes.windows(key.len()).any(|it| it == key.as_bytes());
        assert!(!holds(KEY) && !holds(OTHER), "{}", path.display());
    }
    drop(folder);
}

#[test]
fn keys_that_cannot_be_change_nothing() {
    let server = super::server();
    let before = put(&server, HOST, &type_a());
    let key = |text: &str| json!({ "key": text }).to_string();
    let long = "k".repeat(129);
    #[rustfmt::skip]
    let table = [
        ("too short",              "PUT",    "/keys/secondary", key("short"),        400, "has 6 to 128 characters"),
        ("too long",               "PUT",    "/keys/secondary", key(&long),          400, "has 6 to 128 characters"),
        ("a dash",                 "PUT",    "/keys/secondary", key("with-a-dash"),  400, "letters and digits"),
        ("not ASCII",              "PUT",    "/keys/secondary", key("schlüssel"),    400, "letters and digits"),
        ("a line break",           "PUT",    "/keys/secondary", key("abcdef\n"),     400, "letters and digits"),
        ("empty",                  "PUT",    "/keys/secondary", key(""),             400, "a key is empty"),
        ("the primary",            "PUT",    "/keys/secondary", key(KEY),            400, "may begin or end with the other"),
        ("the primary and more",   "PUT",    "/keys/secondary", key(&format!("{KEY}0")), 400, "may begin or end with the other"),
        ("a number",               "PUT",    "/keys/secondary", "{\"key\":1234567}".to_owned(), 400, "a key is text"),
        ("not JSON",               "PUT",    "/keys/secondary", "secret-text".to_owned(), 400, "The body"),
        ("nothing to swap with",   "POST",   "/keys/swap",      String::new(),       409, "has no secondary key"),
        ("nothing to drop",        "DELETE", "/keys/secondary", String::new(),       409, "has no secondary key"),
    ];
    for (name, method, path, body, status, why) in &table {
        let (response, json) = admin(&server, (method, &format!("/{HOST}{path}")), &[], body);
        let said = json["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(response.status, *status, "{name}: {said}");
        assert!(said.contains(why), "{name}: {said}");
        assert!(!said.contains("secret-text") && !said.contains("1234567"), "{name}: {said}");
    }
    assert_eq!(show(&server, ""), before);
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
    let nowhere = admin(&server, ("POST", "/nowhere.example.com/keys/swap"), &[], "").0;
    assert_eq!(nowhere.status, 404);
    put(&server, "open.example.com", &json!({ "bucket": super::BUCKET }));
    let unsigned = admin(&server, ("PUT", "/open.example.com/keys/secondary"), &[], "{}").0;
    assert_eq!(unsigned.status, 400);
}

/// A step that is meant for what somebody saw is not taken twice.
#[test]
fn steps_are_guarded_by_the_tag() {
    let server = super::server();
    let tag = |response: &Response| response.header("etag").unwrap().to_owned();
    let body = type_a().to_string();
    let (made, _) = admin(&server, ("PUT", &format!("/{HOST}")), &[], &body);
    let first = tag(&made);
    let go = |method, path: &str, tag: &str, body: &str| {
        admin(&server, (method, &format!("/{HOST}{path}")), &[("If-Match", tag)], body).0
    };
    let added = go("PUT", "/keys/secondary", &first, "{}");
    assert_eq!(added.status, 200);
    let second = tag(&added);
    assert_eq!(go("PUT", "/keys/secondary", &first, "{}").status, 412);
    let swapped = go("POST", "/keys/swap", &second, "");
    assert_eq!(swapped.status, 200);
    assert_eq!(go("POST", "/keys/swap", &second, "").status, 412, "not back again");
    assert_eq!(go("DELETE", "", &second, "").status, 412);
    assert_eq!(go("PUT", "", &second, &body).status, 412);
    assert_eq!(go("DELETE", "/keys/secondary", &tag(&swapped), "").status, 200);
    assert_eq!(go("DELETE", "", "*", "").status, 204);
}
