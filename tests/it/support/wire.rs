//! A connection, and what comes back on it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::clock::PATIENCE;

/// A connection to a server, over which anything can be sent.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read and not asked for yet.
    unread: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the connection ended before the announced end of the body.
    pub(crate) torn: bool,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes. A server that has closed the connection does not take them; its answer, which
    /// says why, can still be read.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).ok();
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_writing(&self) {
        self.stream.shutdown(Shutdown::Write).ok();
    }

    /// Reads an answer; `None` if the connection ends instead.
    pub(crate) fn answer(&mut self, method: &str) -> Option<Response> {
        let mut response = self.head()?;
        let bodyless = method == "HEAD" || matches!(response.status, 100..200 | 204 | 304);
        if !bodyless {
            let length = response.length();
            response.body = self.take(length);
            response.torn = response.body.len() < length;
        }
        Some(response)
    }

    /// Reads the head of an answer, and leaves its body.
    pub(crate) fn head(&mut self) -> Option<Response> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            if self.fill() == 0 {
                return None;
            }
        };
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let field = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers = lines.map(field).collect();
        Some(Response { status, headers, body: Vec::new(), torn: false })
    }

    /// Reads so many bytes, or as many as there are before the connection ends.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length && self.fill() > 0 {}
        let there = self.unread.len().min(length);
        self.unread.drain(..there).collect()
    }

    /// Waits for the connection to end, and returns what came before it did.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.unread)
    }

    /// Whether something comes within this time, or the connection ends.
    pub(crate) fn anything_within(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let mut byte = [0; 1];
        let peeked = self.stream.peek(&mut byte);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match peeked {
            Ok(_) => true,
            Err(err) => !is_timeout(&err) && err.kind() != ErrorKind::Interrupted,
        }
    }

    /// Reads what is there; 0 at the end of the connection, however it ended.
    fn fill(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                count
            }
            Err(err) if err.kind() == ErrorKind::Interrupted => self.fill(),
            Err(err) => {
                assert!(!is_timeout(&err), "the server neither answers nor closes");
                0
            }
        }
    }
}

fn is_timeout(err: &std::io::Error) -> bool {
    matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

impl Response {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The announced length of the body.
    pub(crate) fn length(&self) -> usize {
        assert_eq!(self.header("transfer-encoding"), None, "all lengths are known");
        self.header("content-length").map_or(0, |text| text.parse().unwrap())
    }

    /// The error body: that of a `HEAD` stands in a header.
    pub(crate) fn error(&self) -> String {
        let of_head = self.header("x-oss-err").map(|text| STANDARD.decode(text).unwrap());
        String::from_utf8(of_head.unwrap_or_else(|| self.body.clone())).unwrap()
    }

    /// The text of an element of the body.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let text = self.error();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    }

    /// Status, code and EC: what clients tell errors apart by.
    pub(crate) fn outcome(&self) -> (u16, String, String) {
        (
            self.status,
            self.element("Code").unwrap_or_default(),
            self.header("x-oss-ec").unwrap_or_default().to_owned(),
        )
    }

    /// Status and code.
    pub(crate) fn code(&self) -> (u16, String) {
        let (status, code, _) = self.outcome();
        (status, code)
    }
}

/// A status and a code, to compare with.
pub(crate) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
