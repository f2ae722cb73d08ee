//! Settings, and what the server leaves in its folder and its log.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::support::policy::{EVIL, STRICT};
use crate::support::server::{Start, refgate};
use crate::support::sign::{KEY_ID, SECRET};
use crate::support::{Channel, PUBLIC_READ, Request, Server, Signer};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs a server that cannot start.
fn fails(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = refgate(folder, &["serve", "--listen", "127.0.0.1:0"]);
    command.args(["--admin-listen", "127.0.0.1:0"]).args(arguments);
    command.envs(environment.iter().copied()).output().unwrap()
}

/// The one line of standard error.
fn line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty(), "nothing but the line");
    text
}

#[test]
fn a_wrong_setting_is_one_line_that_names_it_and_status_2() {
    #[rustfmt::skip]
    let flags: [(&str, &str); 11] = [
        ("--listen",           "nowhere"),
        ("--admin-listen",     "localhost"),
        ("--region",           "oss-cn-hangzhou"),
        ("--cname",            "images.example"),
        ("--vary-referer",     "perhaps"),
        ("--object-cache-mib", "plenty"),
        ("--max-connections",  "0"),
        ("--header-timeout",   "0"),
        ("--body-timeout",     "86401"),
        ("--shutdown-timeout", "soon"),
        ("--log-format",       "xml"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (flag, value) in flags {
        let name = flag.trim_start_matches("--").replace('-', "_");
        let variable = match flag {
            "--cname" => "REFGATE_CNAMES".to_owned(),
            _ => format!("REFGATE_{}", name.to_ascii_uppercase()),
        };
        let attempts = [
            // A flag can be given once, so those that `fails` gives go through the environment.
            (
                "environment",
                refgate(folder.path(), &["serve"]).env(&variable, value).output().unwrap(),
            ),
            ("flag", refgate(folder.path(), &["serve", flag, value]).output().unwrap()),
        ];
        for (source, output) in attempts {
            let text = line(&output);
            assert_eq!(output.status.code(), Some(2), "{source} {flag}: {text}");
            assert!(text.replace('-', "_").contains(&name), "{source} {flag}: {text}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}

#[test]
fn a_wrong_file_is_one_line_that_names_it_and_status_2() {
    let folder = tempfile::tempdir().unwrap();
    #[rustfmt::skip]
    let table = [
        ("colour = \"red\"",          "colour"),
        ("listen = 9000",             "line 1"),
        ("\n\nlisten = \"nowhere\"",  "line 3"),
        ("region = \"Region\"",       "region"),
        ("header_timeout = 0",        "header_timeout"),
        ("cnames = [\"a=B\"]",        "cnames"),
        ("root_access_key_id = \"a\"", "root_access_key_secret"),
        ("this is no TOML",           "line 1"),
    ];
    for (text, want) in table {
        fs::write(folder.path().join("refgate.toml"), text).unwrap();
        let output = fails(folder.path(), &[], &[]);
        let text = line(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(want), "{text}");
    }
    fs::remove_file(folder.path().join("refgate.toml")).unwrap();
    for output in [
        fails(folder.path(), &["--config", "missing.toml"], &[]),
        fails(folder.path(), &[], &[("REFGATE_CONFIG", "missing.toml")]),
    ] {
        let text = line(&output);
        assert_eq!(output.status.code(), Some(2));
        assert!(text.contains("missing.toml"), "{text}");
    }
}

#[test]
fn half_an_access_key_is_refused_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let halves =
        [("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET), ("REFGATE_ROOT_ACCESS_KEY_ID", KEY_ID)];
    for half in halves {
        let output = fails(folder.path(), &[], &[half]);
        let text = line(&output);
        assert_eq!(output.status.code(), Some(2));
        assert!(text.contains("root_access_key") && !text.contains(SECRET), "{text}");
    }
}

#[test]
fn flags_are_over_the_environment_over_the_file_over_the_defaults() {
    let location = |start: Start, file: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("refgate.toml"), file).unwrap();
        let server = start.run_in(folder);
        let mut regions = ["cn-hangzhou", "by-file", "by-variable", "by-flag"].into_iter();
        let is_it = |region: &&str| {
            let signer = Signer { region: (*region).into(), ..Signer::owner() };
            server.send(&signer.sign(Channel::V4Header, Request::service("GET"))).status == 200
        };
        regions.find(is_it).unwrap()
    };
    let file = "region = \"by-file\"\n";
    let variable = || Start::default().env("REFGATE_REGION", "by-variable");
    assert_eq!(location(Start::default(), ""), "cn-hangzhou");
    assert_eq!(location(Start::default(), file), "by-file");
    assert_eq!(location(variable(), file), "by-variable");
    assert_eq!(location(variable().flag("--region", "by-flag"), file), "by-flag");
}

#[test]
fn a_named_file_takes_the_place_of_the_usual_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("refgate.toml"), "region = \"usual\"").unwrap();
    fs::write(folder.path().join("other.toml"), "vary_referer = false").unwrap();
    let server = Start::default().flag("--config", "other.toml").run_in(folder);
    server.bucket("vary", PUBLIC_READ);
    server.policy("vary", &STRICT);
    assert_eq!(server.send(&Request::get("vary", "key").referer(EVIL)).header("vary"), None);
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let server = Server::start();
    let data_dir = server.data_dir();
    let folder = tempfile::tempdir().unwrap();
    let output = fails(folder.path(), &["--data-dir", data_dir.to_str().unwrap()], &[]);
    let text = line(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("another refgate is running"), "{text}");
    assert!(text.contains(data_dir.to_str().unwrap()), "{text}");
}

#[test]
fn an_address_that_is_taken_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    for flag in ["--listen", "--admin-listen"] {
        let free = if flag == "--listen" { "--admin-listen" } else { "--listen" };
        let arguments = ["serve", flag, &address, free, "127.0.0.1:0"];
        let output = refgate(folder.path(), &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = line(&output);
        assert!(text.contains(&address), "{text}");
    }
}

/// The access key is made once, shown once, and for its owner's eyes.
#[test]
fn a_made_access_key_is_shown_once_and_kept_from_others() {
    let server = Start::default().own_key().run();
    let data = server.data_dir();
    let credentials = data.join("root-credentials.toml");
    assert_eq!((mode(&data), mode(&credentials)), (0o700, 0o600));
    let kept = fs::read_to_string(&credentials).unwrap();
    let value = |name: &str| {
        let line = kept.lines().find(|line| line.starts_with(name)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let (id, secret) = (value("access_key_id"), value("access_key_secret"));
    let signer = Signer { id: id.clone(), secret: secret.clone(), ..Signer::owner() };
    let status = |server: &Server| {
        server.send(&signer.sign(Channel::V4Header, Request::service("GET"))).status
    };
    assert_eq!(status(&server), 200);
    let (ended, folder) = server.stop_for_restart();
    assert_eq!(ended.printed.matches(&secret).count(), 1);
    assert!(!ended.log.contains(&secret));

    let again = Start::default().own_key().run_in(folder);
    assert_eq!(status(&again), 200, "the same key");
    let ended = again.stop();
    assert!(ended.printed.contains(&id) && !ended.printed.contains(&secret));
    assert!(!ended.log.contains(&secret));
}

/// Whoever reads the log must not be able to sign, nor to repeat what others signed.
#[test]
fn the_log_holds_no_secret_and_no_signature() {
    let server = Start::default().flag("--log", "trace").run();
    server.bucket("logged", PUBLIC_READ);
    server.policy("logged", &STRICT);
    server.done(Request::put("logged", "key", "content"));
    let mut signatures = Vec::new();
    for channel in Channel::SIGNED {
        for secret in [SECRET, "guessed"] {
            let signer = Signer { secret: secret.into(), ..Signer::owner() };
            let request = signer.sign(channel, Request::get("logged", "key").referer(EVIL));
            server.send(&request);
            let header =
                request.value("authorization").map(|v| String::from_utf8_lossy(v).into_owned());
            let url = request.query.iter().find(|(name, _)| name.ends_with("ignature"));
            let text = header.or_else(|| url.map(|(_, value)| value.clone())).unwrap();
            let last = text.rsplit([':', ',']).next().unwrap();
            signatures.push(last.trim_start_matches("Signature=").to_owned());
        }
    }
    server.owner(Request::get("logged", "no-such-key").header("x-oss-date", "twice"));
    let ended = server.stop();
    assert!(ended.log.contains("logged"), "there is a log");
    for text in [&ended.log, &ended.printed] {
        assert!(!text.contains(SECRET));
        for signature in &signatures {
            assert!(!text.contains(signature), "{signature}");
        }
    }
}

/// A line of the log is one line, whatever a client sends.
#[test]
fn a_client_cannot_write_lines_into_the_log() {
    let server = Server::start();
    server.bucket("logged", PUBLIC_READ);
    let forged = "x\n2026-01-01T00:00:00Z  INFO refgate::access: forged";
    server.send(&Request::get("logged", forged).referer(b"\xff\x9b"));
    server.send(&Request::get("logged", forged).referer(b"\x1b[2J"));
    server.raw(b"GET /logged/key HTTP/1.1\r\nHost: \xff\x1b[31m\r\n\r\n");
    let log = server.stop().log;
    assert!(log.contains("forged"), "it is logged");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log}");
    assert!(!log.contains('\x1b'), "{log}");
}
