//! What another policy would change.

use super::*;

const SIMULATE: &str = "/api/v1/buckets/photos/referer/simulate";

impl Server {
    fn simulate(&self, query: &str, body: &str) -> Value {
        let (status, answer) = self.api("POST", &format!("{SIMULATE}?hours=2{query}"), body);
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// `[requests, bytes, requests of unknown size]` at a path of a simulation.
fn share(answer: &Value, path: &str) -> [u64; 3] {
    let [requests, bytes] = count(answer, path);
    let unknown = answer.pointer(&format!("{path}/requests_of_unknown_size")).unwrap();
    [requests, bytes, unknown.as_u64().unwrap()]
}

#[test]
fn a_simulation_says_what_would_change() {
    let folder = TempDir::new().unwrap();
    let server = photos(&folder);
    times(&server, 5, 200, &["Referer: https://good.example/page"]);
    // Of the twelve bytes of the object, by range and condition.
    times(&server, 3, 403, &["Referer: https://thief.example/a"]);
    times(&server, 1, 403, &["Referer: https://thief.example/a", "Range: bytes=2-4"]);
    let etag = "If-None-Match: \"C91FA94E14CF2FA5474BECEFF788C0DC\"";
    times(&server, 1, 403, &["Referer: https://thief.example/a", etag]);
    times(&server, 1, 403, &["Referer: https://thief.example/a", "If-Match: \"none\""]);
    assert_eq!(server.ask("HEAD", &["Referer: https://thief.example/a"]).status, 403);
    let candidate = json!({
        "allow_empty_referer": false,
        "whitelist": ["https://thief.example/"],
    });
    let answer = server.simulate("", &candidate.to_string());
    assert_eq!(answer["hours_kept"], 72);
    assert_eq!(count(&answer, "/recorded"), [13, 5 * 12 + 3 * 12 + 3]);
    assert_eq!(count(&answer, "/unknown"), [0, 0]);
    assert_eq!(share(&answer, "/newly_denied"), [5, 60, 0]);
    assert_eq!(share(&answer, "/newly_allowed"), [7, 3 * 12 + 3, 0]);
    // The upload had no referer. It was allowed by the policy of its time; now neither would.
    assert_eq!(share(&answer, "/still_denied"), [1, 0, 0]);
    assert_eq!(answer["newly_denied"]["origins"][0]["origin"], "https://good.example");
    assert_eq!(answer["newly_allowed"]["origins"][0]["sample_referer"], "https://thief.example/a");
    let args = ["referer", "simulate", "photos", "-", "--hours", "2"];
    let text = server.command(&folder, &args, &candidate.to_string());
    assert!(text.contains("https://good.example"), "{text}");
}

/// After a start memory knows no object. The first who is denied has its size looked up for those
/// who come after.
#[test]
fn a_size_that_is_not_in_memory_is_said_to_be_unknown() {
    let folder = TempDir::new().unwrap();
    photos(&folder).stop();
    let server = Server::start(&folder);
    let thief = ["Referer: https://thief.example/"];
    times(&server, 1, 403, &thief);
    assert_eq!(send(&server.data, "GET", "/photos/nobody", &thief, "").status, 403);
    let everybody = json!({"allow_empty_referer": true}).to_string();
    let newly = || share(&server.simulate("", &everybody), "/newly_allowed");
    // The upload is one of them: it had no referer.
    assert_eq!(newly(), [3, 0, 2]);
    let mut requests = 3;
    loop {
        times(&server, 1, 403, &thief);
        requests += 1;
        let [counted, bytes, unknown] = newly();
        assert_eq!(counted, requests);
        assert_eq!(bytes, 12 * (requests - 1 - unknown));
        if bytes > 0 {
            break;
        }
        assert!(requests < 1000, "the size is never looked up");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn settings_beyond_oss_are_tried_alone_or_with_a_policy() {
    let folder = TempDir::new().unwrap();
    let server = photos(&folder);
    let open = json!({"allow_empty_referer": true, "whitelist": ["https://good.example"]});
    server.command(&folder, &["referer", "put", "photos", "-"], &open.to_string());
    times(&server, 4, 200, &["Referer: https://good.example/page"]);
    times(&server, 3, 200, &["Referer: https://good.example.evil.net/"]);
    times(&server, 2, 200, &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image"]);
    times(&server, 1, 200, &["Referer: https://good.example/#x"]);
    let newly_denied = |query: &str, body: &str| {
        let [requests, bytes, _] = share(&server.simulate(query, body), "/newly_denied");
        (requests, bytes)
    };
    assert_eq!(newly_denied("&strict_host=true", ""), (3, 36));
    assert_eq!(newly_denied("&missing=deny-cross-site-embeds", ""), (2, 24));
    assert_eq!(newly_denied("&missing=deny", ""), (3, 24), "the upload had none either");
    assert_eq!(newly_denied("&malformed=deny", ""), (1, 12));
    assert_eq!(newly_denied("&missing=as-policy", ""), (0, 0));
    let closed = json!({"allow_empty_referer": false, "whitelist": ["https://good.example"]});
    assert_eq!(newly_denied("&strict_host=true", &closed.to_string()), (3 + 3, 36 + 24));
    let args = ["referer", "simulate", "photos", "--strict-host", "on", "--format", "json"];
    let answer: Value = serde_json::from_str(&server.command(&folder, &args, "")).unwrap();
    assert_eq!(share(&answer, "/newly_denied"), [3, 36, 0]);
    // Nothing of this changed anything.
    times(&server, 1, 200, &["Referer: https://good.example.evil.net/"]);
}

/// What a denied request would not have got by the ACL either costs nothing.
#[test]
fn what_the_acl_keeps_from_strangers_is_not_counted() {
    let folder = TempDir::new().unwrap();
    let server = photos(&folder);
    server.command(&folder, &["bucket", "create", "photos", "--acl", "private"], "");
    times(&server, 2, 403, &["Referer: https://thief.example/"]);
    let answer = server.simulate("", &json!({"allow_empty_referer": true}).to_string());
    assert_eq!(share(&answer, "/newly_allowed"), [3, 0, 0]);
}
