//! A server of its own for each test, and raw HTTP to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

pub(crate) const KEY: (&str, &str) = ("test-id", "test-secret");
pub(crate) const BUCKET: &str = "/api/v1/buckets/pictures/referer";

/// A running server. It is ended, as by an administrator, when the value is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) data: String,
    pub(crate) admin: String,
    folder: PathBuf,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_with(folder: &Path, flags: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_refgate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(flags)
            .args(["--log", "warn", "--data-dir"])
            .arg(folder)
            .env("REFGATE_ROOT_ACCESS_KEY_ID", KEY.0)
            .env("REFGATE_ROOT_ACCESS_KEY_SECRET", KEY.1)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut address = |plane: &str| {
            let line = lines.find(|line| line.as_ref().unwrap().trim_start().starts_with(plane));
            line.unwrap().unwrap().rsplit("http://").next().unwrap().to_owned()
        };
        let (data, admin) = (address("data"), address("admin"));
        // What else it says is read so that it can say it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, data, admin, folder: folder.to_owned() }
    }

    /// Ends the server and starts it again on the same folder.
    pub(crate) fn restart(self) -> Self {
        let folder = self.folder.clone();
        drop(self);
        Self::start(&folder)
    }

    /// The folder of its files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The command line, against this server.
    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        let done = Command::new(env!("CARGO_BIN_EXE_refgate"))
            .args(args)
            .env("REFGATE_ENDPOINT", format!("http://{}", self.data))
            .env("REFGATE_ADMIN_ENDPOINT", format!("http://{}", self.admin))
            .env("REFGATE_ROOT_ACCESS_KEY_ID", KEY.0)
            .env("REFGATE_ROOT_ACCESS_KEY_SECRET", KEY.1)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
    }

    /// A request of the administrator, which must be answered with that status.
    pub(crate) fn api(&self, method: &str, path: &str, body: &str, status: u16) -> Value {
        let answer = self.admin(method, path, &[], body.as_bytes());
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        answer.json()
    }

    /// A request of the administrator.
    pub(crate) fn admin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let basic = basic(KEY);
        let mut all = vec![("authorization", basic.as_str())];
        all.extend_from_slice(headers);
        send(&self.admin, (method, path), &all, body)
    }

    /// An anonymous request for an object, with that referer.
    pub(crate) fn get(&self, path: &str, referer: Option<&str>) -> Answer {
        let headers: Vec<_> = referer.iter().map(|value| ("referer", *value)).collect();
        send(&self.data, ("GET", path), &headers, b"")
    }

    /// A number of the report of the last days.
    pub(crate) fn report(&self, pointer: &str) -> u64 {
        let report = self.api("GET", &format!("{BUCKET}/report?days=2"), "", 200);
        report.pointer(pointer).and_then(Value::as_u64).unwrap()
    }

    /// Whether the newest version is in force.
    pub(crate) fn is_in_force(&self) -> bool {
        let explained = self.api("POST", &format!("{BUCKET}/explain"), "{}", 200);
        explained["state"] == "in-force"
    }

    /// Waits until the newest version is in force, and says for how long.
    pub(crate) fn wait_in_force(&self, at_most: Duration) -> Duration {
        let began = Instant::now();
        while !self.is_in_force() {
            assert!(began.elapsed() < at_most, "still not in force");
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM: the standard library can only kill.
        let id = self.process.id().to_string();
        Command::new("kill").arg(&id).status().unwrap();
        self.process.wait().unwrap();
    }
}

/// A server with a public bucket, `pictures`, that holds `cat.txt`.
pub(crate) fn server() -> (TempDir, Server) {
    server_with(&[])
}

/// The same, started with flags.
pub(crate) fn server_with(flags: &[&str]) -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let server = Server::start_with(folder.path(), flags);
    let (code, _, err) =
        server.run(&["bucket", "create", "pictures", "--acl", "public-read-write"]);
    assert_eq!(code, 0, "{err}");
    let put = send(&server.data, ("PUT", "/pictures/cat.txt"), &[], b"cat");
    assert_eq!(put.status, 200, "{}", put.text());
    (folder, server)
}

pub(crate) fn basic((id, secret): (&str, &str)) -> String {
    let text = format!("{id}:{secret}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

/// Sends one request on a connection of its own.
pub(crate) fn send(
    address: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = head(address, (method, path), headers, body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    read(stream)
}

/// Announces a body and breaks off within it.
pub(crate) fn send_half(address: &str, line: (&str, &str), headers: &[(&str, &str)], body: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = head(address, line, headers, 2 * body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).ok();
}

fn head(
    address: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    length: usize,
) -> String {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    head + "\r\n"
}

fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.chars().take(2000).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|err| panic!("{err}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(start.as_str()))
    }

    /// The message of an error of the JSON API.
    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }
}
