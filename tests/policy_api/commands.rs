//! The commands of the history.

use crate::support::{BUCKET, server};

#[test]
fn the_history_from_the_command_line() {
    let (folder, server) = server();
    let run = |args: &[&str]| {
        let (code, out, err) = server.run(&[&["referer"], args].concat());
        assert_eq!(code, 0, "{args:?}: {err}");
        out
    };
    let add = run(&["add", "pictures", "http://a.example/", "http://b.example/"]);
    assert_eq!(add, "pictures: version 1 is in force\n");
    let again = run(&["add", "pictures", "http://a.example/"]);
    assert_eq!(
        again,
        "http://a.example/ was on the list already\npictures: nothing to change, the policy is version 1\n"
    );
    run(&["add", "pictures", "--blacklist", "http://evil.example/"]);
    run(&["remove", "pictures", "http://a.example/"]);
    assert_eq!(
        run(&["diff", "pictures"]),
        "from version 2 to version 3\n- whitelist 1: http://a.example/\n"
    );
    assert_eq!(
        run(&["diff", "pictures", "1", "2"]),
        "from version 1 to version 2\n+ blacklist 1: http://evil.example/\n"
    );
    assert_eq!(run(&["rollback", "pictures", "1"]), "pictures: version 4 is in force\n");
    let history = run(&["history", "pictures"]);
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].contains("rollback") && lines[0].ends_with("test-id  (to version 1)"),
        "{history}"
    );
    assert!(run(&["show", "pictures", "2"]).contains("<RefererBlacklist><Referer>http://evil"));
    assert!(run(&["show", "pictures", "2", "--format", "json"]).contains("\"blacklist\": [\n"));
    assert!(run(&["history", "pictures", "--limit", "1"]).lines().count() == 1);

    let (code, _, err) = server.run(&["referer", "rollback", "pictures", "9"]);
    assert_eq!(code, 1);
    assert!(err.contains("NotFound: Version 9 of the policy is not kept"), "{err}");

    let small = folder.path().join("small.json");
    std::fs::write(&small, r#"{"allow_empty_referer": true, "whitelist": ["c"]}"#).unwrap();
    let small = small.to_str().unwrap();
    run(&["put", "pictures", small]);
    assert_eq!(server.api("GET", &format!("{BUCKET}/versions/5"), "", 200)["how"], "oss-put");
}

/// Changes of what goes beyond the policy stand between its versions.
#[test]
fn the_history_has_the_settings_too() {
    let (_folder, server) = server();
    let run = |args: &[&str]| {
        let (code, out, err) = server.run(&[&["referer"], args].concat());
        assert_eq!(code, 0, "{args:?}: {err}");
        out
    };
    run(&["add", "pictures", "http://a.example/"]);
    run(&["settings", "pictures", "--mode", "monitor", "--redirect", "https://a.example/"]);
    run(&["limit", "pictures", "1048576"]);
    run(&["add", "pictures", "http://b.example/", "http://c.example/"]);
    let history = run(&["history", "pictures", "--limit", "4"]);
    let lines: Vec<&str> = history.lines().collect();
    assert!(lines[0].starts_with("   2  ") && lines[0].contains("  add  "), "{history}");
    assert!(lines[1].starts_with("   -  "), "{history}");
    assert!(lines[1].ends_with("  api        referer-limit: oss -> 1048576  test-id"), "{history}");
    let denial =
        r#"denial: {"answer":"forbidden"} -> {"answer":"redirect","url":"https://a.example/"}"#;
    let want = format!("  {denial}, mode: enforce -> monitor  test-id");
    assert!(lines[2].ends_with(&want), "{history}");
    assert!(lines[3].starts_with("   1  "), "{history}");
    let json = run(&["history", "pictures", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["versions"].as_array().unwrap().len(), 2);
    assert_eq!(json["changes"][0]["what"], "referer-limit");
}

/// What is over OSS's limit goes through the admin API, and says so.
#[test]
fn a_long_list_is_put_from_the_command_line() {
    let (folder, server) = server();
    let rules: Vec<String> = (0..5000).map(|n| format!("http://site-{n}.example/")).collect();
    let policy = serde_json::json!({"allow_empty_referer": true, "whitelist": rules});
    let file = folder.path().join("long.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    let (code, out, err) = server.run(&["referer", "put", "pictures", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("putting them through the admin API"), "{err}");
    assert!(out.starts_with("pictures: 5000 patterns on the whitelist"), "{out}");
    server.wait_in_force(std::time::Duration::from_mins(5));
    let (code, out, err) = server.run(&["referer", "get", "pictures", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("http://site-4999.example/"));
}
