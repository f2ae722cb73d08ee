//! The history of a policy.

use refgate::domain::auth::Signer;
use refgate::domain::name::Region;
use refgate::domain::op::Target;
use refgate::domain::query::Query;
use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use serde_json::{Value, json};

use crate::support::{Answer, BUCKET, KEY, Server, send, server};

/// A request of OSS's protocol about the bucket's policy, signed by the owner.
#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
pub(crate) fn oss(server: &Server, method: &str, body: &str) -> Answer {
    let region: Region = "cn-hangzhou".parse().unwrap();
    let (id, secret) = (KEY.0.parse().unwrap(), SecretKey::new(KEY.1.to_owned()));
    let signer = Signer {
        access_key_id: &id,
        secret: &secret,
        region: &region,
        now: UnixMillis::from_system_time(std::time::SystemTime::now()),
    };
    let mut headers = http::HeaderMap::new();
    let target = Target::Bucket("pictures".parse().unwrap());
    signer.sign_v4_header(method, &target, &Query::parse("referer").unwrap(), &mut headers);
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    send(&server.data, (method, "/pictures/?referer"), &headers, body.as_bytes())
}

pub(crate) fn configuration(allow: &[&str], rest: &str) -> String {
    let entries: String = allow.iter().flat_map(|it| ["<Referer>", it, "</Referer>"]).collect();
    format!(
        "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer><RefererList>{entries}</RefererList>{rest}</RefererConfiguration>"
    )
}

fn versions(server: &Server) -> Vec<Value> {
    let answer = server.api("GET", &format!("{BUCKET}/versions"), "", 200);
    answer["versions"].as_array().unwrap().clone()
}

#[test]
fn every_change_is_a_version() {
    let (_folder, server) = server();
    assert_eq!(versions(&server), [json!(null); 0]);
    assert_eq!(oss(&server, "PUT", &configuration(&["http://a/", "http://b/"], "")).status, 200);
    server.api("PUT", &format!("{BUCKET}/whitelist"), "http://b/\nhttp://c/", 200);
    server.api("POST", &format!("{BUCKET}/reset"), "", 200);
    let before = versions(&server);
    let how: Vec<_> = before.iter().map(|version| version["how"].as_str().unwrap()).collect();
    assert_eq!(how, ["reset", "api-lines", "oss-put"]);
    for version in &before {
        assert_eq!(version["who"], KEY.0);
        assert_eq!(version["note"], "");
        assert!(version["at"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!((&before[1]["whitelist_rules"], &before[1]["rule_bytes"]), (&json!(2), &json!(18)));

    let server = server.restart();
    assert_eq!(versions(&server), before);
    let second = server.admin("GET", &format!("{BUCKET}/versions/2"), &[], b"");
    assert_eq!(second.header("etag"), Some("\"1-2\""));
    let second = second.json();
    assert_eq!((&second["version"], &second["how"]), (&json!(2), &json!("api-lines")));
    assert_eq!(second["policy"]["whitelist"], json!(["http://b/", "http://c/"]));
    let page = server.api("GET", &format!("{BUCKET}/versions?limit=2"), "", 200);
    assert_eq!(page["next_before"], 2);
    let rest = server.api("GET", &format!("{BUCKET}/versions?limit=2&before=2"), "", 200);
    assert_eq!(rest, json!({"versions": [before[2]], "next_before": null}));
}

#[test]
fn versions_are_compared() {
    let (_folder, server) = server();
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":true,"whitelist":["a","b","c"]}"#, 200);
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":false,"truncate_path":true,"whitelist":["c","b","d"],"blacklist":["x"]}"#, 200);
    let diff = server.api("GET", &format!("{BUCKET}/versions/1/diff/2"), "", 200);
    let want = json!({
        "from": 1, "to": 2,
        "settings": [
            {"name": "allow_empty_referer", "from": true, "to": false},
            {"name": "truncate_path", "from": false, "to": true},
        ],
        "whitelist": {
            "added": [{"position": 2, "rule": "d"}],
            "removed": [{"position": 0, "rule": "a"}],
            "reordered": true,
        },
        "blacklist": {"added": [{"position": 0, "rule": "x"}], "removed": [], "reordered": false},
    });
    assert_eq!(diff, want);
    let from_nothing = server.api("GET", &format!("{BUCKET}/versions/0/diff/1"), "", 200);
    assert_eq!(from_nothing["whitelist"]["added"].as_array().unwrap().len(), 3);
    assert_eq!(from_nothing["settings"], json!([]));
}

#[test]
fn a_version_is_put_again() {
    let (_folder, server) = server();
    let evil = Some("http://evil.example/");
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":true,"whitelist":["http://a/"]}"#, 200);
    server.api("POST", &format!("{BUCKET}/reset"), "", 200);
    assert_eq!(server.get("/pictures/cat.txt", evil).status, 200);
    let back = server.api("POST", &format!("{BUCKET}/versions/1/rollback"), "", 200);
    assert_eq!(back, json!({"version": 3, "state": "in-force", "changed": true}));
    assert_eq!(server.get("/pictures/cat.txt", evil).status, 403);
    let again = server.api("POST", &format!("{BUCKET}/versions/1/rollback"), "", 200);
    assert_eq!(again, json!({"version": 3, "state": "in-force", "changed": false}));
    let newest = &versions(&server)[0];
    assert_eq!((&newest["how"], &newest["note"]), (&json!("rollback"), &json!("to version 1")));
    let late = format!("{BUCKET}/versions/2/rollback");
    assert_eq!(server.admin("POST", &late, &[("if-match", "\"1-2\"")], b"").status, 412);
}

/// Old SDKs cannot send the newer elements and clear them with every policy that they put.
#[test]
fn what_an_old_client_drops_is_noted_and_can_be_had_back() {
    let (_folder, server) = server();
    let newer = "<TruncatePath>true</TruncatePath><RefererBlacklist><Referer>x</Referer><Referer>y</Referer></RefererBlacklist>";
    assert_eq!(oss(&server, "PUT", &configuration(&["http://a/"], newer)).status, 200);
    assert_eq!(oss(&server, "PUT", &configuration(&["http://b/"], "")).status, 200);
    let said = "<TruncatePath>false</TruncatePath><RefererBlacklist/>";
    server.api("POST", &format!("{BUCKET}/versions/1/rollback"), "", 200);
    assert_eq!(oss(&server, "PUT", &configuration(&["http://b/"], said)).status, 200);
    let all = versions(&server);
    let notes: Vec<_> = all.iter().rev().map(|it| it["note"].as_str().unwrap()).collect();
    let dropped = "dropped, not in the request: TruncatePath (true), RefererBlacklist (2 rules)";
    assert_eq!(notes, ["", dropped, "to version 1", ""]);
    let first = server.api("GET", &format!("{BUCKET}/versions/1"), "", 200);
    assert_eq!(first["policy"]["blacklist"], json!(["x", "y"]));
}

/// OSS's limit holds for its own operation until an administrator raises it.
#[test]
fn the_limit_of_the_xml_can_be_raised() {
    let (_folder, server) = server();
    let rule = format!("http://{}/", "x".repeat(1000));
    let large = configuration(&[rule.as_str(); 25], "");
    let refused = oss(&server, "PUT", &large);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("<Code>InlineDataTooLarge</Code>"), "{}", refused.text());
    let limit = format!("{BUCKET}/limit");
    let set = server.api("PUT", &limit, r#"{"referer_max_bytes":1048576}"#, 200);
    assert_eq!(set, json!({"referer_max_bytes": 1_048_576}));
    assert_eq!(oss(&server, "PUT", &large).status, 200);
    let server = server.restart();
    assert_eq!(server.api("GET", BUCKET, "", 200)["referer_max_bytes"], 1_048_576);
    server.api("PUT", &limit, r#"{"referer_max_bytes":null}"#, 200);
    assert_eq!(oss(&server, "PUT", &configuration(&vec!["a"; 20_481], "")).status, 400);
    assert_eq!(server.api("GET", BUCKET, "", 200)["policy"]["whitelist"][24], rule);
}
