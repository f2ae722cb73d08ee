//! A server of its own for a test, and requests to it byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine as _;

pub(crate) const ID: &str = "test-id";
pub(crate) const SECRET: &str = "test-secret";

/// A running server. It ends with the value.
pub(crate) struct Server {
    process: Child,
    pub(crate) data: String,
    pub(crate) admin: String,
    log: Receiver<String>,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_refgate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--log", "info", "--log-format", "json", "--data-dir"])
            .arg(folder)
            .current_dir(folder)
            .env("REFGATE_ROOT_ACCESS_KEY_ID", ID)
            .env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, log) = channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
        });
        let mut addresses = ["data", "admin"].map(|name| (name, String::new()));
        let mut stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        while addresses.iter().any(|(_, address)| address.is_empty()) {
            let line = stdout.next().expect("the server says where it is").unwrap();
            for (name, address) in &mut addresses {
                if let Some(rest) = line.trim().strip_prefix(*name) {
                    rest.trim().trim_start_matches("http://").clone_into(address);
                }
            }
        }
        thread::spawn(move || stdout.for_each(drop));
        let [(_, data), (_, admin)] = addresses;
        Self { process, data, admin, log }
    }

    /// Ends the server as an operator does, and waits for it.
    pub(crate) fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }

    /// The next line of the access log about a request.
    pub(crate) fn logged(&self, line: &str) -> serde_json::Value {
        loop {
            let logged = self.log.recv_timeout(Duration::from_mins(1));
            let logged = logged.expect("the request is logged");
            let event: serde_json::Value = serde_json::from_str(&logged).unwrap_or_default();
            let text = |name: &str| event[name].as_str().unwrap_or_default().trim_matches('"');
            let asked = format!("{} {}", text("method"), text("path"));
            if text("target") == "refgate::access" && asked == line {
                return event;
            }
        }
    }

    /// Sends a request to the data plane.
    pub(crate) fn data(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        send(&self.data, line, headers, b"")
    }

    /// Sends a request to the admin plane, as the owner.
    pub(crate) fn admin(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{ID}:{SECRET}"));
        let basic = format!("Basic {basic}");
        let mut all = vec![("authorization", basic.as_str())];
        all.extend(headers);
        send(&self.admin, line, &all, body.as_bytes())
    }

    /// Runs a command against the server.
    pub(crate) fn command(&self, folder: &Path, args: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_refgate"))
            .args(args)
            .current_dir(folder)
            .env("REFGATE_ROOT_ACCESS_KEY_ID", ID)
            .env("REFGATE_ROOT_ACCESS_KEY_SECRET", SECRET)
            .env("REFGATE_ENDPOINT", format!("http://{}", self.data))
            .env("REFGATE_ADMIN_ENDPOINT", format!("http://{}", self.admin))
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} comes twice");
        value
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.text())
    }
}

pub(crate) fn send(address: &str, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut request = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    request.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let pair = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    Answer { status, headers: lines.map(pair).collect(), body: bytes[end + 4..].to_vec() }
}
