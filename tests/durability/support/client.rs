//! A client that shares no code with the server: HTTP/1.1 over a socket, Signature V1.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

/// No request of these tests takes longer, so one that does hangs.
const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) const KEY_ID: &str = "durability";
pub(crate) const KEY_SECRET: &str = "a secret of these tests";

/// A connection that is opened when it is needed.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        elements(&self.text(), name).into_iter().next()
    }

    /// The reply, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Checks that this is an error of ours that tells nothing of the cause.
    #[track_caller]
    pub(crate) fn expect_fault(&self) {
        assert!((500..600).contains(&self.status), "{}: {}", self.status, self.text());
        assert_eq!(self.element("Code").as_deref(), Some("InternalError"), "{}", self.text());
    }
}

/// The texts of all elements of that name. Enough for answers whose form is known.
pub(crate) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = xml.split(&open).skip(1);
    pieces.filter_map(|piece| piece.split(&close).next()).map(str::to_owned).collect()
}

type Headers<'h> = &'h [(&'h str, &'h str)];

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Sends a request as it is.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: &[u8],
    ) -> io::Result<Reply> {
        let head = head(method, path, headers, body.len() as u64);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(self.connect()?),
        };
        connection.get_mut().write_all(head.as_bytes())?;
        // A server that fails answers before it has read everything, and hangs up.
        let sent = connection.get_mut().write_all(body);
        let reply =
            read_reply(&mut connection, method).map_err(|error| sent.err().unwrap_or(error))?;
        if reply.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(reply)
    }

    /// Sends a request with a signature in its header.
    pub(crate) fn signed(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Reply> {
        self.signed_with(method, path, None, body)
    }

    /// The same with one of OSS's own headers.
    pub(crate) fn signed_with(
        &mut self,
        method: &str,
        path: &str,
        own: Option<(&str, &str)>,
        body: &[u8],
    ) -> io::Result<Reply> {
        let headers = signed_headers(method, path, own, body);
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.send(method, path, &headers, body)
    }

    /// GET by a signed URL: the ACL is passed, the referer policy is not.
    pub(crate) fn get_by_url(&mut self, path: &str, referer: Option<&str>) -> io::Result<Reply> {
        let expires = now() + Duration::from_mins(10);
        let expires = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let signature = sign(&format!("GET\n\n\n{expires}\n{path}"));
        let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let url = format!("{path}?OSSAccessKeyId={KEY_ID}&Expires={expires}&Signature={signature}");
        let headers: Vec<_> = referer.iter().map(|referer| ("referer", *referer)).collect();
        self.send("GET", &url, &headers, b"")
    }

    /// Makes a bucket that everybody may write to.
    #[track_caller]
    pub(crate) fn open_bucket(&mut self, path: &str) {
        self.signed("PUT", path, b"").unwrap().expect(200);
        self.put_acl(path, "public-read-write").unwrap().expect(200);
    }

    pub(crate) fn put_acl(&mut self, bucket: &str, acl: &str) -> io::Result<Reply> {
        self.signed_with("PUT", &format!("{bucket}?acl"), Some(("x-oss-acl", acl)), b"")
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn put(&mut self, path: &str, body: &[u8]) -> io::Result<Reply> {
        self.send("PUT", path, &[], body)
    }

    pub(crate) fn delete(&mut self, path: &str) -> io::Result<Reply> {
        self.send("DELETE", path, &[], b"")
    }

    /// A connection of its own, for requests that are not sent to their end.
    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// The headers that sign a request, and `own`, one of OSS's headers.
pub(crate) fn signed_headers(
    method: &str,
    path: &str,
    own: Option<(&str, &str)>,
    body: &[u8],
) -> Vec<(String, String)> {
    let (date, md5) = (httpdate::fmt_http_date(now()), STANDARD.encode(Md5::digest(body)));
    let line = own.map(|(name, value)| format!("{name}:{value}\n")).unwrap_or_default();
    let text = format!("{method}\n{md5}\n\n{date}\n{line}{}", resource(path));
    let authorization = format!("OSS {KEY_ID}:{}", sign(&text));
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = [("date", date), ("content-md5", md5), ("authorization", authorization)];
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(own).collect()
}

/// The head of a request.
pub(crate) fn head(method: &str, path: &str, headers: Headers<'_>, length: u64) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    if method == "PUT" || method == "POST" {
        write!(head, "content-length: {length}\r\n").unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head + "\r\n"
}

/// The body of a `DeleteMultipleObjects` for keys that need no escaping.
pub(crate) fn delete_body<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    let keys = keys.into_iter().map(|key| format!("<Object><Key>{key}</Key></Object>"));
    format!("<Delete><Quiet>true</Quiet>{}</Delete>", keys.collect::<String>())
}

/// Reads a status line and headers.
pub(crate) fn read_head(from: &mut impl BufRead) -> io::Result<Reply> {
    let early = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut line = || {
        let mut line = String::new();
        from.read_line(&mut line)?;
        line.strip_suffix("\r\n").map(str::to_owned).ok_or_else(early)
    };
    let status = line()?.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut reply =
        Reply { status: status.ok_or_else(early)?, headers: Vec::new(), body: Vec::new() };
    loop {
        let line = line()?;
        match line.split_once(": ") {
            Some((name, value)) => {
                reply.headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
            None => return Ok(reply),
        }
    }
}

fn read_reply(from: &mut impl BufRead, method: &str) -> io::Result<Reply> {
    let mut reply = read_head(from)?;
    let bodyless = method == "HEAD" || reply.status == 204 || reply.status == 304;
    let length = reply.header("content-length").map(|length| length.parse().unwrap());
    assert!(reply.header("transfer-encoding").is_none(), "every answer has a length");
    if !bodyless {
        let mut body = vec![0; length.unwrap_or(0)];
        from.read_exact(&mut body)?;
        reply.body = body;
    }
    Ok(reply)
}

/// What a V1 signature says of a path: its sub-resources and no other parameters.
fn resource(path: &str) -> &str {
    match path.split_once('?') {
        Some((
            before,
            "acl" | "cors" | "delete" | "policy" | "referer" | "stat" | "tagging" | "uploads",
        )) => {
            debug_assert!(!before.is_empty());
            path
        }
        Some((before, _)) => before,
        None => path,
    }
}

fn sign(text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(KEY_SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[expect(clippy::disallowed_methods, reason = "a client has its own clock")]
fn now() -> SystemTime {
    SystemTime::now()
}
