//! The command line against a server: what it says, and with which status it ends.

use std::path::Path;

use serde_json::Value;

use super::{BUCKET, HOST, KEY, admin, denied, get, link};
use crate::support::Server;
use crate::support::server::refgate;
use crate::support::sign::{KEY_ID, SECRET};

fn one(server: &Server) -> (u16, Value) {
    let (response, json) = admin(server, ("GET", &format!("/{HOST}")), &[], "");
    (response.status, json)
}

/// Runs a command, and returns its status, what it printed and what it complained of.
fn run(server: &Server, arguments: &[&str], key: Option<&str>) -> (Option<i32>, String, String) {
    let mut command = refgate(Path::new("."), &["domain"]);
    command.args(arguments).args(["--admin-endpoint", &format!("http://{}", server.admin)]);
    command.env("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID).env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET);
    command.envs(key.map(|key| ("REFGATE_SIGN_KEY", key)));
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

fn good(server: &Server, arguments: &[&str], key: Option<&str>) -> String {
    let (status, said, err) = run(server, arguments, key);
    assert_eq!(status, Some(0), "{arguments:?}: {err}");
    said
}

fn made() -> Server {
    let server = super::server();
    let terms = ["put", HOST, "--bucket", BUCKET, "--prefix", "vod/", "--scheme", "ali-a"];
    good(&server, &terms, Some(KEY));
    server
}

#[test]
fn a_domain_by_the_command_line() {
    let server = made();
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
    // What is not named stays.
    let shown = good(&server, &["put", HOST, "--validity", "60", "--error-header", "off"], None);
    assert!(
        shown.contains("\"validity\": 60") && shown.contains("\"scheme\": \"ali-a\""),
        "{shown}"
    );
    assert_eq!(denied(&get(&server, "/a.mp4")), "");
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
    assert!(good(&server, &["ls"], None).contains("cdn.example.com  videos/vod/  ali-a"));
    assert_eq!(
        serde_json::from_str::<Value>(&good(&server, &["show", HOST], None)).unwrap(),
        one(&server).1
    );
    let signed = good(&server, &["sign", HOST, "/a.mp4", "http://cdn.example.com/a.mp4"], None);
    let targets: Vec<_> =
        signed.lines().map(|line| line.trim_start_matches("http://cdn.example.com")).collect();
    assert!(
        targets.len() == 2 && targets.iter().all(|target| get(&server, target).status == 200),
        "{signed}"
    );
    good(&server, &["rm", HOST], None);
    assert_eq!(one(&server).0, 404);
}

#[test]
fn bad_input_is_a_sentence_and_a_status() {
    let server = made();
    #[rustfmt::skip]
    let table: &[(&[&str], Option<&str>, &str)] = &[
        (&["put", HOST, "--scheme", "ali-d"], None, "has not published"),
        (&["put", HOST, "--scheme", "none"], None, "no signing scheme"),
        (&["put", HOST, "--prefix", "../x/"], None, "out of the bucket"),
        (&["put", HOST, "--validity", "0"], None, "1 to 31536000"),
        (&["put", HOST, "--validity=-1"], None, "-1"),
        (&["put", HOST, "--validity", "99999999999999999999"], None, "validity"),
        (&["put", HOST], Some("short"), "has 6 to 128 characters"),
        (&["put", HOST, "--key-file", "/nowhere/key"], None, "/nowhere/key"),
        (&["put", HOST, "--file", "/nowhere/file"], None, "/nowhere/file"),
        (&["put", HOST, "--bucket", "nowhere"], None, "NoSuchBucket"),
        (&["put", "localhost", "--bucket", BUCKET], None, "Conflict"),
        (&["put", "a b", "--bucket", BUCKET], None, "a b"),
        (&["put", "new.example.com", "--scheme", "ali-a"], None, "missing field `bucket`"),
        (&["sign", HOST, "/a/../b"], None, "segment '.' or '..'"),
        (&["sign", HOST, "http://other.example.com/a"], None, "is not one of"),
        (&["add-key", HOST], Some("a-b-c-d-e-f"), "letters and digits"),
        (&["swap-keys", HOST], None, "no secondary key"),
        (&["drop-key", HOST], None, "no secondary key"),
        (&["show", "nowhere.example.com"], None, "NotFound"),
        (&["rm", "nowhere.example.com"], None, "NotFound"),
        (&["report", HOST, "--days", "0"], None, "days is 0"),
    ];
    let before = one(&server);
    for (arguments, key, why) in table {
        let (status, said, err) = run(&server, arguments, *key);
        assert!(matches!(status, Some(1 | 2)), "{arguments:?}: {status:?} {said}");
        assert!(err.contains(why), "{arguments:?}: {err}");
        assert!(!err.contains("panicked") && said.is_empty(), "{arguments:?}: {err}");
    }
    assert_eq!(one(&server), before);
}
