//! The command line against a server: what it says, and with which status it ends.

use std::io::Write as _;
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

/// Runs a command, with a file that has the key, and returns its status, what it printed and what it complained of.
fn run(server: &Server, arguments: &[&str], key: Option<&str>) -> (Option<i32>, String, String) {
    let mut command = refgate(Path::new("."), &["domain"]);
    command.args(arguments).args(["--admin-endpoint", &format!("http://{}", server.admin)]);
    command.env("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID).env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET);
    // What is set for `refgate sign` is no key of a domain.
    command.env("REFGATE_SIGN_KEY", "of-another-command").env("REFGATE_SIGN_SECONDARY_KEY", "x");
    let file = key.map(|key| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{key}").unwrap();
        file
    });
    if let Some(file) = &file {
        command.arg("--key-file").arg(file.path());
    }
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

pub(super) fn good(server: &Server, arguments: &[&str], key: Option<&str>) -> String {
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
        (&["put", HOST, "--replace-keys"], Some("short"), "has 6 to 128 characters"),
        (&["put", HOST], Some("anotherkey1234567"), "--replace-keys"),
        (&["put", HOST, "--secondary-key-file", "/nowhere/key"], None, "domain add-key cdn.example.com"),
        (&["put", HOST, "--key-file", "-", "--secondary-key-file", "-"], None, "only one file"),
        (&["put", HOST, "--scheme", "ali-c"], None, "every scheme needs keys of its own"),
        (&["put", HOST, "--scheme", "ali-c"], Some(KEY), "one of these is there for ali-a"),
        (&["add-key", HOST, "--secondary-key-file", "/nowhere/key"], None, "--secondary-key-file"),
        (&["swap-keys", HOST, "primary"], None, "8 hexadecimal digits"),
        (&["swap-keys", HOST, "00000000"], None, "no secondary key"),
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

/// A harmless change changes no key, whatever stands in the shell for other commands.
#[test]
fn keys_go_only_if_that_is_said() {
    let server = made();
    good(&server, &["add-key", HOST], Some("anotherkey5678901"));
    let keys = || good(&server, &["keys", HOST], None);
    let before = keys();
    assert!(before.contains(KEY) && before.contains("anotherkey5678901"), "{before}");
    good(&server, &["put", HOST, "--error-header", "on"], None);
    good(&server, &["put", HOST, "--validity", "60"], Some(KEY));
    good(&server, &["add-key", HOST], Some("anotherkey5678901"));
    for arguments in [&["put", HOST], &["add-key", HOST]] {
        let (status, _, err) = run(&server, arguments, Some("thethirdkey89012"));
        assert!(status == Some(1) && err.contains("would be refused"), "{err}");
    }
    let (status, _, err) = run(&server, &["add-key", HOST], None);
    assert!(status == Some(1) && err.contains("--replace"), "{err}");
    assert_eq!(keys(), before);
    good(&server, &["add-key", HOST, "--replace"], Some("thethirdkey89012"));
    assert!(keys().contains(KEY) && keys().contains("thethirdkey89012"), "{}", keys());
    good(&server, &["put", HOST, "--replace-keys"], Some("afourthkey890123"));
    assert!(keys().contains("afourthkey890123") && keys().lines().count() == 1, "{}", keys());
    good(&server, &["put", HOST, "--replace-keys"], None);
    assert!(!keys().contains("afourthkey890123"), "another one is drawn");
    let drawn = keys();
    good(&server, &["put", HOST, "--scheme", "ali-f", "--replace-keys"], None);
    assert!(keys() != drawn && keys().lines().count() == 1, "{}", keys());
    let (_, _, err) = run(&server, &["put", "a.example.com", "--bucket", BUCKET], None);
    assert!(!err.contains("note"), "{err}");
}

#[test]
fn two_domains_of_one_key_are_warned_of() {
    let server = made();
    let other = ["put", "b.example.com", "--bucket", BUCKET, "--scheme", "ali-c"];
    let (status, shown, err) = run(&server, &other, Some(KEY));
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("note: other domains have the same key (cdn.example.com)"), "{err}");
    assert!(shown.contains("other domains have the same key (cdn.example.com)"), "{shown}");
    let (status, _) = one(&server);
    assert_eq!(status, 200);
    assert!(
        one(&server).1["warnings"].to_string().contains("(b.example.com)"),
        "and the other way"
    );
    good(&server, &["put", "b.example.com", "--unsigned"], None);
    assert!(!one(&server).1["warnings"].to_string().contains("same key"), "{}", one(&server).1);
    good(&server, &["put", "b.example.com", "--scheme", "ali-c", "--replace-keys"], None);
    assert!(!one(&server).1["warnings"].to_string().contains("same key"), "{}", one(&server).1);
    // The secondary key of one is the primary of the other.
    let (_, _, err) = run(&server, &["add-key", "b.example.com"], Some(KEY));
    assert!(err.contains("(cdn.example.com)") && !err.contains(KEY), "{err}");
    // One that has both keys takes the place of one other in the list.
    let third = "thethirdkey89012";
    for (host, keys) in [(HOST, [KEY, third]), ("a.example.com", [KEY, third])] {
        good(&server, &["put", host, "--bucket", BUCKET, "--scheme", "ali-a"], Some(keys[0]));
        good(&server, &["add-key", host], Some(keys[1]));
    }
    good(&server, &["put", "c.example.com", "--bucket", BUCKET, "--scheme", "ali-a"], Some(third));
    let all = "(a.example.com, b.example.com, c.example.com)";
    assert!(one(&server).1["warnings"].to_string().contains(all), "{}", one(&server).1);
}
