//! Who changed what decides beside the policy, and changes that must not undo each other.

use serde_json::{Value, json};

use crate::support::{BUCKET, KEY, Server, server};

const CHANGES: &str = "/api/v1/buckets/pictures/changes";

fn changes(server: &Server, query: &str) -> Value {
    server.api("GET", &format!("{CHANGES}{query}"), "", 200)
}

/// `(how, what, old, new)` of all changes, the newest first.
fn told(server: &Server) -> Vec<Value> {
    let changes = changes(server, "");
    let told = |it: &Value| {
        assert_eq!(it["who"], KEY.0);
        assert!(it["at"].as_str().unwrap().ends_with('Z'));
        json!([it["how"], it["what"], it["old"], it["new"]])
    };
    changes["changes"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn every_change_is_told() {
    let (_folder, server) = server();
    assert_eq!(changes(&server, ""), json!({"changes": [], "next_before": null}));
    let settings = format!("{BUCKET}/settings");
    let limit = format!("{BUCKET}/limit");
    let default = server.api("GET", &settings, "", 200);
    let strict = server.api(
        "PUT",
        &settings,
        r#"{"missing":"deny","strict_host":true,"denial":{"answer":"redirect","url":"https://a/"}}"#,
        200,
    );
    for _ in 0..2 {
        server.api("PUT", &limit, r#"{"referer_max_bytes":1048576}"#, 200);
        let acl = ["bucket", "create", "pictures", "--acl", "private"];
        let (code, _, err) = server.run(&acl);
        assert_eq!(code, 0, "{err}");
    }
    server.api("PUT", &limit, r#"{"referer_max_bytes":null}"#, 200);
    server.api("POST", &format!("{BUCKET}/reset"), "", 200);
    let open = server.api("GET", &settings, "", 200);
    assert_eq!((&open["missing"], &open["strict_host"]), (&json!("as-policy"), &json!(true)));
    let want = [
        json!(["reset", "referer-settings", strict, open]),
        json!(["api", "referer-limit", 1_048_576, null]),
        json!(["put-bucket", "acl", "public-read-write", "private"]),
        json!(["api", "referer-limit", null, 1_048_576]),
        json!(["api", "referer-settings", default, strict]),
    ];
    assert_eq!(told(&server), want, "what is there already is no change");

    let server = server.restart();
    assert_eq!(told(&server), want);
    let all = changes(&server, "")["changes"].clone();
    let page = changes(&server, "?limit=2");
    assert_eq!(page["changes"], json!([all[0], all[1]]));
    assert_eq!(page["next_before"], all[1]["number"]);
    let rest = changes(&server, &format!("?limit=3&before={}", page["next_before"]));
    assert_eq!(rest, json!({"changes": [all[2], all[3], all[4]], "next_before": null}));
}

#[test]
fn a_bucket_of_another_name_has_none_and_strangers_are_told_nothing() {
    let (_folder, server) = server();
    server.api("GET", "/api/v1/buckets/others/changes", "", 404);
    server.api("GET", &format!("{CHANGES}?before=x"), "", 400);
    server.api("GET", &format!("{CHANGES}?limit=-1"), "", 400);
    server.api("PUT", CHANGES, "{}", 405);
    for path in [CHANGES.to_owned(), format!("{BUCKET}/limit")] {
        let answer = crate::support::send(&server.admin, ("GET", &path), &[], b"");
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[test]
fn a_tag_guards_the_limit() {
    let (_folder, server) = server();
    let limit = format!("{BUCKET}/limit");
    let put =
        |tag: &str, body: &str| server.admin("PUT", &limit, &[("if-match", tag)], body.as_bytes());
    let shown = server.admin("GET", &limit, &[], b"");
    assert_eq!(shown.json(), json!({"referer_max_bytes": null}));
    let tag = shown.header("etag").unwrap().to_owned();
    let set = put(&tag, r#"{"referer_max_bytes":100}"#);
    assert_eq!((set.status, set.json()), (200, json!({"referer_max_bytes": 100})));
    let late = put(&tag, r#"{"referer_max_bytes":200}"#);
    assert_eq!(late.status, 412, "{}", late.text());
    assert_eq!(late.json()["error"]["code"], "PreconditionFailed");
    assert_eq!(put("W/\"x\"", r#"{"referer_max_bytes":200}"#).status, 412);
    assert_eq!(put("no tag", r#"{"referer_max_bytes":200}"#).status, 400);
    assert_eq!(server.api("GET", &limit, "", 200)["referer_max_bytes"], 100);
    let next = set.header("etag").unwrap();
    assert_eq!(put(&format!("\"x\", {next}"), r#"{"referer_max_bytes":200}"#).status, 200);
    assert_eq!(put("*", r#"{"referer_max_bytes":null}"#).header("etag"), Some(tag.as_str()));
    for bad in
        ["{}", r#"{"referer_max_bytes":-1}"#, r#"{"referer_max_bytes":67108865}"#, "{\"x\":1}"]
    {
        assert_eq!(put("*", bad).status, 400, "{bad}");
    }
    assert_eq!(told(&server).len(), 3);
}

/// `*` asks that there be settings, and there always are, whatever others do at the same time.
#[test]
fn a_star_is_never_too_late() {
    let (_folder, server) = server();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..25 {
                    let mode = ["enforce", "monitor"][(thread + round) % 2];
                    let settings = format!(r#"{{"mode":"{mode}"}}"#);
                    let limit = format!(r#"{{"referer_max_bytes":{}}}"#, thread + round);
                    for (rest, body) in [("settings", settings), ("limit", limit)] {
                        let path = format!("{BUCKET}/{rest}");
                        let put = server.admin("PUT", &path, &[("if-match", "*")], body.as_bytes());
                        assert_eq!(put.status, 200, "{}", put.text());
                    }
                }
            });
        }
    });
    // One history: each change begins where the one before it ended.
    let all = told(&server);
    for what in ["referer-settings", "referer-limit"] {
        let of: Vec<_> = all.iter().filter(|it| it[1] == what).collect();
        assert!(of.windows(2).all(|pair| pair[0][2] == pair[1][3]), "{what}: {of:?}");
    }
}
