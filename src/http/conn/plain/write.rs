//! Answers on their way out.

use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;

use super::super::Bounded;
use crate::service::lines::HeaderLines;

/// So few bytes of a body are copied behind its head: one buffer is sent faster than two.
const MOST_COPIED: usize = 4096;

/// What becomes of the connection behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Open,
    Close,
}

/// How the end of a body is told (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// There is none.
    Nothing,
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunks,
}

/// Writes the answers of one connection.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// The head, and what stands between chunks: all that goes out before the next bytes of a body.
    ahead: Vec<u8>,
    date: Date,
}

impl Writer {
    /// Writes an answer whose request did or did not want a body.
    ///
    /// # Errors
    ///
    /// Of the connection; of the body, or because it has another length than was promised: then the
    /// client must not take what it got for the whole.
    pub(super) async fn write(
        &mut self,
        stream: &mut Bounded,
        response: Response<Body>,
        (wants_body, last): (bool, bool),
    ) -> io::Result<After> {
        let (parts, body) = response.into_parts();
        let framing = framing(&parts, &body, wants_body)?;
        let close = last || parts.headers.contains_key(header::CONNECTION);
        self.head(&parts, framing, last);
        match framing {
            Framing::Nothing => self.flush(stream, &[]).await?,
            Framing::Length(length) => self.body(stream, body, length).await?,
            Framing::Chunks => self.chunks(stream, body).await?,
        }
        stream.flush().await?;
        Ok(if close { After::Close } else { After::Open })
    }

    fn head(&mut self, parts: &Parts, framing: Framing, last: bool) {
        let out = &mut self.ahead;
        out.clear();
        for piece in ["HTTP/1.1 ", parts.status.as_str(), " ", reason(parts.status), "\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
        for (name, value) in &parts.headers {
            line(out, name.as_str(), value.as_bytes());
        }
        let lines: Option<&HeaderLines> = parts.extensions.get();
        out.extend_from_slice(lines.map_or(b"", HeaderLines::as_bytes));
        if let Framing::Length(length) = framing
            && lines.is_none()
            && !parts.headers.contains_key(header::CONTENT_LENGTH)
        {
            // Writing to memory does not fail.
            let _ = write!(out, "content-length: {length}\r\n");
        }
        if framing == Framing::Chunks {
            line(out, "transfer-encoding", b"chunked");
        }
        if last {
            line(out, "connection", b"close");
        }
        if !parts.headers.contains_key(header::DATE) {
            line(out, "date", self.date.now().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Sends a body of a known length.
    async fn body(&mut self, stream: &mut Bounded, mut body: Body, length: u64) -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            let data = next(&mut body).await?.ok_or(ErrorKind::UnexpectedEof)?;
            left = left.checked_sub(data.len() as u64).ok_or(ErrorKind::InvalidData)?;
            self.flush(stream, &data).await?;
        }
        self.flush(stream, &[]).await
    }

    /// Sends a body of which nobody knows the length.
    async fn chunks(&mut self, stream: &mut Bounded, mut body: Body) -> io::Result<()> {
        while let Some(data) = next(&mut body).await? {
            let _ = write!(self.ahead, "{:x}\r\n", data.len());
            self.flush(stream, &data).await?;
            self.ahead.extend_from_slice(b"\r\n");
        }
        self.ahead.extend_from_slice(b"0\r\n\r\n");
        self.flush(stream, &[]).await
    }

    /// Writes what goes ahead, and bytes of a body.
    async fn flush(&mut self, stream: &mut Bounded, mut data: &[u8]) -> io::Result<()> {
        // What is sent from a file is not read: an error of the disk would come as a signal.
        if data.len() <= MOST_COPIED && !stream.get_ref().is_announced(data) {
            self.ahead.extend_from_slice(data);
            data = &[];
        }
        let mut ahead = self.ahead.as_slice();
        while !(ahead.is_empty() && data.is_empty()) {
            let pieces = [IoSlice::new(ahead), IoSlice::new(data)];
            let written = stream.write_vectored(&pieces).await?;
            if written == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            let of_data = written.saturating_sub(ahead.len());
            ahead = ahead.get(written..).unwrap_or_default();
            data = data.get(of_data..).unwrap_or_default();
        }
        self.ahead.clear();
        Ok(())
    }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Unknown")
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The next bytes of a body; `None` behind its end. Trailers are nobody's here.
async fn next(body: &mut Body) -> io::Result<Option<Bytes>> {
    while let Some(frame) = body.frame().await {
        match frame.map_err(io::Error::other)?.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

/// How the end of an answer's body is told.
fn framing(parts: &Parts, body: &Body, wants_body: bool) -> io::Result<Framing> {
    let bodyless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&parts.status);
    if !wants_body || bodyless {
        return Ok(Framing::Nothing);
    }
    let announced = announced(&parts.headers)?;
    let length = announced.or_else(|| body.size_hint().exact());
    Ok(length.map_or(Framing::Chunks, Framing::Length))
}

fn announced(headers: &HeaderMap) -> io::Result<Option<u64>> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// The time, as answers tell it. It is written once a second.
#[derive(Debug, Default)]
struct Date {
    second: u64,
    text: String,
}

impl Date {
    #[expect(
        clippy::disallowed_methods,
        reason = "a header of the protocol, as hyper writes it: nothing is decided by it"
    )]
    fn now(&mut self) -> &str {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        }
        &self.text
    }
}
