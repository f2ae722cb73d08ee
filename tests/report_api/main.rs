//! Who was refused, as administrators are told: the real server over real connections.

#![expect(clippy::unwrap_used, reason = "what is missing in an answer fails the test")]

mod simulate;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use http::HeaderMap;
use refgate::domain::auth::Signer;
use refgate::domain::op::Target;
use refgate::domain::query::Query;
use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use serde_json::{Value, json};
use tempfile::TempDir;

const ID: &str = "owner";
const SECRET: &str = "secret-of-the-owner";
const BODY: &str = "twelve bytes";

struct Server {
    process: Child,
    data: String,
    admin: String,
}

struct Answer {
    status: u16,
    body: String,
}

impl Server {
    fn start(folder: &TempDir) -> Self {
        let mut process = refgate(folder)
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--log", "warn"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut address = |name: &str| {
            let line = lines.by_ref().map(Result::unwrap).find(|l| l.trim().starts_with(name));
            line.unwrap().split("http://").nth(1).unwrap().to_owned()
        };
        let (data, admin) = (address("data"), address("admin"));
        // The rest is read, or the server would be held up by a full pipe.
        std::thread::spawn(move || lines.count());
        Self { process, data, admin }
    }

    fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }

    /// An object request on the data plane, with header lines.
    fn ask(&self, method: &str, lines: &[&str]) -> Answer {
        send(&self.data, method, "/photos/cat.txt", lines, "")
    }

    fn api(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{ID}:{SECRET}"));
        let line = format!("Authorization: Basic {pair}");
        let answer = send(&self.admin, method, path, &[&line], body);
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    fn report(&self, query: &str) -> Value {
        let path = format!("/api/v1/buckets/photos/referer/report{query}");
        let (status, report) = self.api("GET", &path, "");
        assert_eq!(status, 200, "{report}");
        report
    }

    fn command(&self, folder: &TempDir, args: &[&str], input: &str) -> String {
        let mut child = refgate(folder)
            .args(args)
            .env("REFGATE_ENDPOINT", format!("http://{}", self.data))
            .env("REFGATE_ADMIN_ENDPOINT", format!("http://{}", self.admin))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn refgate(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refgate"));
    command
        .current_dir(folder.path())
        .env_clear()
        .env("REFGATE_ROOT_ACCESS_KEY_ID", ID)
        .env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET);
    command
}

fn send(address: &str, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let lines = [lines, &[""]].concat().join("\r\n");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: body.to_owned() }
}

/// A server with a bucket, an object in it, and a policy. The upload was one allowed request.
fn photos(folder: &TempDir) -> Server {
    let server = Server::start(folder);
    server.command(folder, &["bucket", "create", "photos", "--acl", "public-read-write"], "");
    let line = ["Content-Type: text/plain"];
    assert_eq!(send(&server.data, "PUT", "/photos/cat.txt", &line, BODY).status, 200);
    let policy = json!({
        "allow_empty_referer": false,
        "whitelist": ["https://good.example/", "https://bad.example/"],
        "blacklist": ["https://bad.example/"],
    });
    server.command(folder, &["referer", "put", "photos", "-"], &policy.to_string());
    server
}

#[expect(clippy::disallowed_methods, reason = "a client has no other clock")]
fn signed() -> Vec<String> {
    let (id, secret) = (ID.parse().unwrap(), SecretKey::new(SECRET.to_owned()));
    let target = Target::Object("photos".parse().unwrap(), "cat.txt".parse().unwrap());
    let mut headers = HeaderMap::new();
    let signer = Signer {
        access_key_id: &id,
        secret: &secret,
        region: &"cn-hangzhou".parse().unwrap(),
        now: UnixMillis::from_system_time(SystemTime::now()),
    };
    signer.sign_v4_header("GET", &target, &Query::parse("").unwrap(), &mut headers);
    headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
}

/// Sends so many equal requests and returns the sum of the bytes of their bodies.
fn times(server: &Server, count: u64, status: u16, lines: &[&str]) -> u64 {
    (0..count)
        .map(|_| {
            let answer = server.ask("GET", lines);
            assert_eq!(answer.status, status, "{lines:?}");
            answer.body.len() as u64
        })
        .sum()
}

/// `[requests, bytes]` at a path of a report.
fn count(report: &Value, path: &str) -> [u64; 2] {
    let at = |name| report.pointer(&format!("{path}/{name}")).and_then(Value::as_u64).unwrap();
    [at("requests"), at("body_bytes")]
}

/// Holds the origins of the denied against the bytes that they got.
fn check_origins(report: &Value, [thief, empty, several]: [u64; 3]) {
    let days = report["days"].as_array().unwrap();
    assert_eq!(days.len(), 2);
    assert_eq!(count(report, "/origins/denied/not_listed"), [0, 0]);
    let denied = report.pointer("/origins/denied/entries").and_then(Value::as_array).unwrap();
    let row = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let at = |name: &str| row[name].as_u64().unwrap();
        assert_eq!(at("requests_at_most"), at("requests_at_least"));
        (text("origin"), at("requests_at_most"), at("body_bytes_at_least"), text("sample_object"))
    };
    let origins: Vec<_> = denied.iter().map(row).collect();
    assert!(origins.contains(&("https://thief.example".into(), 3, thief, "cat.txt".into())));
    assert!(origins.contains(&("(none)".into(), 4, empty, "cat.txt".into())));
    assert!(origins.contains(&("(malformed)".into(), 1, several, "cat.txt".into())));
    assert_eq!(origins.len(), 5);
}

#[test]
fn a_report_is_right_to_the_unit_and_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let server = photos(&folder);
    times(&server, 5, 200, &["Referer: https://good.example/page?x"]);
    assert_eq!(server.ask("HEAD", &["Referer: https://GOOD.example"]).status, 403);
    assert_eq!(server.ask("HEAD", &["Referer: https://GOOD.example/"]).status, 200);
    times(&server, 1, 206, &["Referer: https://good.example/", "Range: bytes=0-1"]);
    let thief = times(&server, 3, 403, &["Referer: https://thief.example/a"]);
    let bad = times(&server, 2, 403, &["Referer: https://bad.example/"]);
    let empty = times(&server, 4, 403, &[]);
    let several = times(&server, 1, 403, &["Referer: https://thief.example/", "Referer: x"]);
    let signed = signed();
    let lines: Vec<&str> = signed.iter().map(String::as_str).collect();
    times(&server, 2, 200, &lines);
    // A refusal before the policy is asked does not count.
    assert_eq!(send(&server.data, "GET", "/nothing/cat.txt", &[], "").status, 404);
    assert_eq!(send(&server.data, "GET", "/photos/", &[], "").status, 403, "a listing");

    let report = server.report("?days=2");
    assert_eq!(count(&report, "/totals/allowed/by_rule/empty_referer"), [1, 0], "the upload");
    assert_eq!(count(&report, "/totals/allowed/by_rule/whitelisted"), [7, 5 * 12 + 2]);
    assert_eq!(count(&report, "/totals/allowed"), [8, 62]);
    assert_eq!(count(&report, "/totals/denied/by_ec/0003-00000501"), [4, empty]);
    assert_eq!(count(&report, "/totals/denied/by_ec/0003-00000502"), [2, bad]);
    assert_eq!(count(&report, "/totals/denied/by_ec/0003-00000503"), [5, thief + several]);
    assert_eq!(count(&report, "/totals/would_deny"), [0, 0]);
    assert_eq!(count(&report, "/totals/not_checked"), [2, 24]);
    check_origins(&report, [thief, empty, several]);
    server.stop();

    let server = Server::start(&folder);
    assert_eq!(server.report("?days=2"), report, "nothing is lost or counted twice");
    times(&server, 1, 200, &["Referer: https://good.example/"]);
    assert_eq!(count(&server.report(""), "/totals/allowed"), [9, 74]);
    let text = server.command(&folder, &["referer", "report", "photos"], "");
    assert!(text.contains("https://thief.example"), "{text}");
}

#[test]
fn a_monitored_bucket_tells_who_would_be_refused() {
    let folder = TempDir::new().unwrap();
    let server = photos(&folder);
    server.command(&folder, &["referer", "settings", "photos", "--mode", "monitor"], "");
    times(&server, 3, 200, &["Referer: https://thief.example/a"]);
    times(&server, 2, 200, &[]);
    let report = server.report("");
    assert_eq!(count(&report, "/totals/would_deny/by_ec/0003-00000503"), [3, 36]);
    assert_eq!(count(&report, "/totals/would_deny/by_ec/0003-00000501"), [2, 24]);
    assert_eq!(count(&report, "/totals/denied"), [0, 0]);
    let first = "/origins/would_deny/entries/0/origin";
    assert_eq!(report.pointer(first).unwrap(), "https://thief.example");
}

#[test]
fn bad_requests_are_refused() {
    let folder = TempDir::new().unwrap();
    let server = photos(&folder);
    let report = "/api/v1/buckets/photos/referer/report";
    let simulate = "/api/v1/buckets/photos/referer/simulate";
    let policy = r#"{"allow_empty_referer":true}"#;
    #[rustfmt::skip]
    let table = [
        ("no days",           "GET",  format!("{report}?days=0"),        "",    400, "days is 0"),
        ("too many days",     "GET",  format!("{report}?days=3661"),     "",    400, "days is 3661"),
        ("days as text",      "GET",  format!("{report}?days=week"),     "",    400, "The query"),
        ("a negative number", "GET",  format!("{report}?days=-1"),       "",    400, "The query"),
        ("unknown parameter", "GET",  format!("{report}?dais=1"),        "",    400, "dais"),
        ("no top",            "GET",  format!("{report}?top=0"),         "",    400, "top is 0"),
        ("another method",    "PUT",  report.to_owned(),                 "",    405, "PUT"),
        ("no such bucket",    "GET",  report.replace("photos", "nobody"), "",   404, "bucket"),
        ("no bucket's name",  "GET",  report.replace("photos", "A"),     "",    400, "3 to 63"),
        ("nothing to try",    "POST", simulate.to_owned(),               "",    400, "nothing to try"),
        ("a setting as text", "POST", format!("{simulate}?strict_host=on"), "", 400, "strict_host"),
        ("no such setting",   "POST", format!("{simulate}?missing=maybe"),  "", 400, "maybe"),
        ("no policy",         "POST", simulate.to_owned(),               "[1]", 400, "The body"),
        ("no hours",          "POST", format!("{simulate}?hours=0"),     policy, 400, "hours is 0"),
        ("unknown field",     "POST", simulate.to_owned(), r#"{"allow_empty_referer":true,"x":1}"#, 400, "`x`"),
    ];
    for (name, method, path, body, status, word) in table {
        let (got, answer) = server.api(method, &path, body);
        assert_eq!(got, status, "{name}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{name}: {message}");
    }
    let long = json!({"allow_empty_referer": true, "whitelist": ["x".repeat(1025)]});
    let (status, answer) = server.api("POST", simulate, &long.to_string());
    assert_eq!(status, 400, "{answer}");
    for (method, path) in [("GET", report), ("POST", simulate)] {
        assert_eq!(send(&server.admin, method, path, &[], policy).status, 401);
        let wrong = "Authorization: Basic b3duZXI6d3Jvbmc=";
        assert_eq!(send(&server.admin, method, path, &[wrong], policy).status, 401);
    }
}
