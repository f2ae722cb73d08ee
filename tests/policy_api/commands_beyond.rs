//! The commands that change a policy through the admin API: what they record, what they refuse.

use serde_json::{Value, json};

use crate::support::{BUCKET, KEY, Server, server};

fn write(server: &Server, name: &str, text: &str) -> String {
    let path = server.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn newest(server: &Server) -> Value {
    server.api("GET", &format!("{BUCKET}/versions?limit=1"), "", 200)["versions"][0].clone()
}

/// A command that must fail with one line that has these words.
fn fails(server: &Server, args: &[&str], words: &str) {
    let (code, out, err) = server.run(args);
    assert_eq!((code, out.as_str()), (1, ""), "{args:?}: {err}");
    let last = err.lines().last().unwrap_or_default();
    assert!(last.starts_with("refgate: ") && last.contains(words), "{args:?}: {err}");
}

#[test]
fn a_reset_refuses_nobody_and_is_recorded() {
    let (_folder, server) = server();
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":false,"whitelist":["http://a/"]}"#, 200);
    let extras = r#"{"missing": "deny", "malformed": "deny"}"#;
    server.api("PUT", &format!("{BUCKET}/settings"), extras, 200);
    assert_eq!(server.get("/pictures/cat.txt", None).status, 403);
    let (code, out, err) = server.run(&["referer", "reset", "pictures"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("nobody is refused"), "{out}");
    for referer in [None, Some("about:blank"), Some("http://b/")] {
        assert_eq!(server.get("/pictures/cat.txt", referer).status, 200, "{referer:?}");
    }
    assert_eq!(newest(&server)["how"], "reset");
}

#[test]
fn a_fix_is_recorded() {
    let (_folder, server) = server();
    let policy = r#"{"allow_empty_referer":false,"whitelist":["http://a.com","https://a.com/"]}"#;
    server.api("PUT", BUCKET, policy, 200);
    let lint = ["referer", "lint", "pictures"];
    let (code, out, err) = server.run(&lint);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    assert!(out.contains("example: http://a.com.evil.net/\n  fix (tightens): "), "{out}");
    assert!(out.ends_with("1 finding\n"), "{out}");
    assert_eq!(newest(&server)["version"], 1, "nothing was put");

    let (code, out, err) = server.run(&[&lint[..], &["--fix"]].concat());
    assert_eq!(code, 0, "{err}");
    let want = "changed:\n- whitelist: http://a.com\n+ whitelist: http://a.com/\n\
        version 2 is in force\nno findings\n";
    assert_eq!(out, want);
    assert_eq!(
        (&newest(&server)["how"], &newest(&server)["version"]),
        (&json!("lint-fix"), &json!(2))
    );
    let (code, out, _) = server.run(&[&lint[..], &["--fix", "--format", "json"]].concat());
    assert_eq!(code, 0);
    let want = json!({"total": 0, "by_code": {}, "findings": [], "changes": [], "put": null});
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), want);
    assert_eq!(newest(&server)["version"], 2, "there was nothing to fix");
}

/// A list over OSS's 20 KB is fixed as well.
#[test]
fn a_long_list_is_fixed() {
    let (_folder, server) = server();
    let lines = (0..1500).fold(String::new(), |all, n| all + &format!("*://site-{n}.example/\n"));
    let file = write(&server, "lines.txt", &(lines + "*://site-7.example/x\n"));
    let put = server.run(&["referer", "put", "pictures", &file, "--list", "whitelist"]);
    assert_eq!((put.0, put.1.as_str()), (0, "pictures: version 1 is in force\n"), "{}", put.2);
    let (code, out, err) = server.run(&["referer", "lint", "pictures", "--fix=same"]);
    assert_eq!(code, 1, "look-alikes are left: {err}");
    assert!(
        out.starts_with("changed:\n- whitelist: *://site-7.example/x\nversion 2 is"),
        "{out:.200}"
    );
    let summary = "1501 findings: 1500 look-alike-path, 1 empty-passes\n\
        the first 1000 are told; --limit asks for others\n";
    assert!(out.ends_with(summary), "{out:.200}");
    assert_eq!(newest(&server)["whitelist_rules"], 1500);
    assert_eq!(newest(&server)["how"], "lint-fix");
}

/// The settings of a file make the same difference as those of a bucket.
#[test]
fn a_lint_of_a_file_knows_settings_and_hosts() {
    let (_folder, server) = server();
    let policy = r#"{"allow_empty_referer":false,"whitelist":["http://a.com","https://a.com/"]}"#;
    let policy = write(&server, "policy.json", policy);
    let settings = write(&server, "settings.json", r#"{"strict_host": true}"#);
    let lint =
        |args: &[&str]| server.run(&[&["referer", "lint", "--file", &policy], args].concat());
    assert_eq!(lint(&[]).0, 1);
    assert_eq!(lint(&["--settings", &settings]).1, "no findings\n");
    let own = lint(&["--settings", &settings, "--own", "oss.example"]);
    assert!(own.1.starts_with("whitelist: own-endpoint\n"), "{}", own.1);
    let usage = server.run(&["referer", "lint", "pictures", "--settings", &settings]);
    assert_eq!(usage.0, 2, "a bucket has its own settings: {}", usage.2);
    assert_eq!(lint(&["--own", "https://a b"]).0, 2);
    let wrong = write(&server, "wrong.json", r#"{"strict": true}"#);
    fails(
        &server,
        &["referer", "lint", "--file", &policy, "--settings", &wrong],
        "unknown field `strict`",
    );
}

/// The environment that is enough for the server is enough for its commands.
#[test]
fn commands_know_where_the_server_listens() {
    let (_folder, server) = server();
    let ask = |data: &str, admin: &str| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_refgate"))
            .args(["referer", "history", "pictures"])
            .env("REFGATE_LISTEN", data)
            .env("REFGATE_ADMIN_LISTEN", admin)
            .env("REFGATE_ROOT_ACCESS_KEY_ID", KEY.0)
            .env("REFGATE_ROOT_ACCESS_KEY_SECRET", KEY.1)
            .current_dir(server.folder())
            .output()
            .unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    assert_eq!(ask(&server.data, &server.admin), (Some(0), String::new()));
    assert_eq!(ask("here", &server.admin).0, Some(2));
}

#[test]
fn an_empty_file_opens_no_bucket() {
    let (_folder, server) = server();
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":false,"whitelist":["http://a/"]}"#, 200);
    let file = write(&server, "empty.txt", "# nothing\n");
    let import = ["referer", "import", "--from", "lines", &file, "--to", "pictures"];
    fails(&server, &import, "there is no rule in it");
    let file = write(&server, "empty.txt", "\n");
    let put = ["referer", "put", "pictures", &file, "--list", "whitelist"];
    fails(&server, &put, "The body has no rule");
    assert_eq!(newest(&server)["version"], 1);
    assert_eq!(server.run(&[&put[..], &["--empty"]].concat()).0, 0);
    assert_eq!(newest(&server)["whitelist_rules"], 0);
}

#[test]
fn an_import_says_what_is_lost_before_it_writes() {
    let (_folder, server) = server();
    let lossy = write(&server, "lossy.conf", "valid_referers none *.example.com ~evil ~worse;");
    let import = ["referer", "import", "--from", "nginx", &lossy];
    let to = [&import[..], &["--to", "pictures"]].concat();
    fails(&server, &to, "2 rules have no counterpart, so nothing was put; --accept-losses");
    assert_eq!(newest(&server), Value::Null);
    let (code, out, err) = server.run(&[&to[..], &["--accept-losses"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("lost, line 1, `~evil`: "), "rule by rule: {err}");
    assert!(out.ends_with("pictures: version 1 is in force\n"), "{out}");
    assert_eq!(newest(&server)["how"], "import");

    let (code, out, err) = server.run(&import);
    assert_eq!(code, 1, "a script learns of it by the status");
    assert!(out.contains("\"whitelist\""), "{out}");
    let last = "2 rules have no counterpart, and what is printed is without; --accept-losses";
    assert!(err.contains(last), "{err}");
    let good = write(&server, "good.conf", "valid_referers none *.example.com;");
    assert_eq!(
        server.run(&["referer", "import", "--from", "nginx", &good, "--to", "pictures"]).0,
        0
    );
}

#[test]
fn an_export_says_what_is_lost() {
    let (_folder, server) = server();
    let export = |to: &str| server.run(&["referer", "export", "pictures", "--to", to]);
    server.api(
        "PUT",
        BUCKET,
        r#"{"allow_empty_referer":true,"whitelist":["http://a/","x:y"]}"#,
        200,
    );
    server.api("PUT", &format!("{BUCKET}/settings"), r#"{"missing": "deny"}"#, 200);
    let (code, out, err) = export("nginx");
    assert_eq!(code, 1, "{err}");
    assert!(
        out.contains("valid_referers none") && out.contains("# wider: the setting missing"),
        "{out}"
    );
    assert!(
        err.contains("lost, `x:y`: ") && err.contains("wider: the setting missing = deny"),
        "{err}"
    );
    let (code, out, err) = export("xml");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("<Referer>x:y</Referer>"), "{out}");
    assert_eq!(err, "wider: the setting missing = deny refuses every request without a referer\n");
}

/// What an administrator puts by hand is checked as the admin API checks it.
#[test]
fn a_bad_rule_is_refused_with_its_line() {
    let (_folder, server) = server();
    let long = "x".repeat(1025);
    let xml = |rule: &str| {
        format!(
            "<RefererConfiguration>\n<AllowEmptyReferer>true</AllowEmptyReferer>\n<RefererList>\n\
             <Referer>a</Referer>\n<Referer>{rule}</Referer></RefererList></RefererConfiguration>"
        )
    };
    let json =
        |rule: &str| format!("{{\"allow_empty_referer\":true,\n\"blacklist\":[\n\"{rule}\"]}}");
    let lines = |rule: &str| format!("a\n\n{rule}\n");
    #[rustfmt::skip]
    let table: [(&str, String, &[&str], &str); 6] = [
        ("long.xml",  xml(&long),   &[], "line 5, RefererList: the rule has 1025 bytes, it may have 1024"),
        ("tab.xml",   xml("a&#9;b"), &[], "line 5, RefererList: the rule has the control character '\\t'"),
        ("long.json", json(&long),  &[], "blacklist[0]: the rule has 1025 bytes, it may have 1024 at line 3"),
        ("nul.json",  json("a\\u0000b"), &[], "blacklist[0]: the rule has the control character '\\0' at line 3"),
        ("long.txt",  lines(&long), &["--list", "whitelist"], "line 3: the rule has 1025 bytes, it may have 1024"),
        ("nul.txt",   lines("a\0b"), &["--list", "blacklist"], "line 3: the rule has the control character '\\0'"),
    ];
    for (name, text, args, words) in table {
        let file = write(&server, name, &text);
        fails(&server, &[&["referer", "put", "pictures", &file], args].concat(), words);
    }
    fails(
        &server,
        &["referer", "put", "pictures", &write(&server, "a.txt", "a")],
        "begins neither",
    );
    for rule in ["a\tb", "", &long] {
        let (code, _, err) = server.run(&["referer", "add", "pictures", rule]);
        assert!(code == 2 && err.contains("the rule "), "{rule:?}: {err}");
    }
    assert_eq!(newest(&server), Value::Null, "nothing of it changed anything");
}

/// What is shown can be put again, as a whole.
#[test]
fn settings_come_from_a_file() {
    let (_folder, server) = server();
    let all = r#"{"mode": "monitor", "strict_host": true, "denial": {"answer": "substitute", "key": "a"}}"#;
    let file = write(&server, "settings.json", all);
    let settings =
        |args: &[&str]| server.run(&[&["referer", "settings", "pictures"], args].concat());
    assert_eq!(settings(&["--missing", "deny"]).0, 0);
    let (code, shown, err) = settings(&["--file", &file]);
    assert_eq!(code, 0, "{err}");
    assert!(shown.contains("\"missing\": \"as-policy\""), "what it leaves out is off: {shown}");
    let file = write(&server, "shown.json", &shown);
    assert_eq!(settings(&["--file", &file]).1, shown);
    assert_eq!(settings(&["--file", &file, "--mode", "enforce"]).0, 2);
    let wrong = write(&server, "wrong.json", r#"{"mode": "off"}"#);
    fails(
        &server,
        &["referer", "settings", "pictures", "--file", &wrong],
        "mode: \"off\" is none of",
    );
    assert_eq!(settings(&[]).1, shown, "it changed nothing");
}

#[test]
fn the_limit_of_oss_is_shown_and_changed() {
    let (_folder, server) = server();
    let limit = |args: &[&str]| server.run(&[&["referer", "limit", "pictures"], args].concat());
    let says =
        |bytes: u32| format!("pictures: PutBucketReferer may bring {bytes} bytes of rules\n");
    assert_eq!(limit(&[]).1, says(20_480));
    assert_eq!(limit(&["1048576"]).1, says(1_048_576));
    assert_eq!(limit(&["oss"]).1, says(20_480));
    assert_eq!(limit(&["much"]).0, 2);
    fails(&server, &["referer", "limit", "pictures", "67108865"], "at most 67108864");
}

/// Scripts read what people read.
#[test]
fn the_history_as_json() {
    let (_folder, server) = server();
    let json = |args: &[&str]| -> Value {
        let (code, out, err) = server.run(&[&["referer"], args, &["--format", "json"]].concat());
        assert_eq!(code, 0, "{args:?}: {err}");
        serde_json::from_str(&out).unwrap()
    };
    assert_eq!(json(&["add", "pictures", "http://a/"])["added"], json!(["http://a/"]));
    assert_eq!(json(&["remove", "pictures", "http://a/"])["version"], 2);
    assert_eq!(json(&["rollback", "pictures", "1"])["version"], 3);
    assert_eq!(json(&["diff", "pictures"])["whitelist"]["added"][0]["rule"], "http://a/");
    assert_eq!(json(&["history", "pictures"])["versions"][0]["how"], "rollback");
    assert_eq!(json(&["reset", "pictures"])["version"], 4);
}

/// Another server on the admin plane's address is said to be none of ours.
#[test]
fn another_server_is_named() {
    let (_folder, server) = server();
    let data = format!("http://{}", server.data);
    let args = ["referer", "reset", "pictures", "--admin-endpoint", &data];
    fails(&server, &args, "is not refgate's admin plane");
}
