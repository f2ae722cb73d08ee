//! Answers on their way out.

use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::mem;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;

use super::super::{Bounded, Reply};
use crate::service::lines::{length_of, write_line};

/// So few bytes of a body are copied behind its head: one buffer is sent faster than two.
const MOST_COPIED: usize = 4096;

/// About what the head of an answer takes beside its lines.
const USUAL: usize = 256;

/// What becomes of the connection behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Open,
    Close,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// The request was no HEAD.
    pub(super) wants_body: bool,
    /// No other follows on this connection.
    pub(super) is_last: bool,
}

/// How the end of a body is told (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// There is none. That of a HEAD tells how long it would be, if somebody knows.
    Nothing(Option<u64>),
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunks,
}

impl Framing {
    const fn length(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            Self::Nothing(length) => length,
            Self::Chunks => None,
        }
    }
}

/// Writes the answers of one connection.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// The head, and what stands between chunks: all that goes out before the next bytes of a body.
    ahead: Vec<u8>,
    date: Date,
}

impl Writer {
    /// Writes an answer.
    ///
    /// # Errors
    ///
    /// Of the connection; of the body, or because it has another length than was promised: then the
    /// client must not take what it got for the whole.
    pub(super) async fn write(
        &mut self,
        stream: &mut Bounded,
        reply: Reply,
        Kind { wants_body, is_last }: Kind,
    ) -> io::Result<After> {
        let told = length_told(&reply)?;
        let framing = framing(&reply.response, told, wants_body);
        let close = is_last || reply.response.headers().contains_key(header::CONNECTION);
        self.head(&reply, framing, framing.length().filter(|_| told.is_none()), is_last);
        let body = reply.response.into_body();
        match framing {
            Framing::Nothing(_) => self.flush(stream, &[]).await?,
            Framing::Length(length) => self.body(stream, body, length).await?,
            Framing::Chunks => self.chunks(stream, body).await?,
        }
        stream.flush().await?;
        spare::give(mem::take(&mut self.ahead));
        Ok(if close { After::Close } else { After::Open })
    }

    /// Writes a head, with the length if it is still to be told.
    fn head(&mut self, reply: &Reply, framing: Framing, length: Option<u64>, is_last: bool) {
        let (out, headers, status) =
            (&mut self.ahead, reply.response.headers(), reply.response.status());
        let (own, prepared) = reply.lines();
        let copied = framing.length().and_then(|length| usize::try_from(length).ok());
        let copied = copied.filter(|length| *length <= MOST_COPIED).unwrap_or_default();
        *out = spare::take();
        out.reserve(USUAL + own.len() + prepared.as_bytes().len() + copied);
        for piece in ["HTTP/1.1 ", status.as_str(), " ", reason(status), "\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
        for (name, value) in headers {
            write_line(out, name.as_str(), value.as_bytes());
        }
        debug_assert!(headers.keys().all(|name| prepared.get(name).is_none()), "{reply:?}");
        out.extend_from_slice(own);
        out.extend_from_slice(prepared.as_bytes());
        if let Some(length) = length {
            write_line(out, "content-length", itoa::Buffer::new().format(length).as_bytes());
        }
        if framing == Framing::Chunks {
            write_line(out, "transfer-encoding", b"chunked");
        }
        if is_last {
            write_line(out, "connection", b"close");
        }
        if !headers.contains_key(header::DATE) {
            write_line(out, "date", self.date.now().as_bytes());
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
            // What was announced of files has gone.
            stream.flush().await?;
        }
        self.flush(stream, &[]).await
    }

    /// Sends a body of which nobody knows the length.
    async fn chunks(&mut self, stream: &mut Bounded, mut body: Body) -> io::Result<()> {
        while let Some(data) = next(&mut body).await? {
            // Writing to memory does not fail.
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

/// A buffer for heads that the answers of a thread share, one after the other: then it is in the
/// processor's cache.
mod spare {
    use std::cell::Cell;

    /// Larger ones are not kept.
    const MOST_KEPT: usize = 16 * 1024;

    thread_local! {
        static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }

    pub(super) fn take() -> Vec<u8> {
        SPARE.take()
    }

    pub(super) fn give(mut buffer: Vec<u8>) {
        if buffer.capacity() <= MOST_KEPT {
            buffer.clear();
            SPARE.set(buffer);
        }
    }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Unknown")
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
fn framing(response: &Response<Body>, told: Option<u64>, wants_body: bool) -> Framing {
    if [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status()) {
        return Framing::Nothing(None);
    }
    let exact = || response.body().size_hint().exact();
    if !wants_body {
        // An empty body is not said to be one: it is left out of what a GET would get.
        return Framing::Nothing(exact().filter(|length| *length > 0));
    }
    told.or_else(exact).map_or(Framing::Chunks, Framing::Length)
}

/// The length of the body, as the answer tells it.
fn length_told(reply: &Reply) -> io::Result<Option<u64>> {
    let headers = reply.response.headers();
    match (length_of(headers), headers.contains_key(header::CONTENT_LENGTH)) {
        (None, true) => Err(ErrorKind::InvalidData.into()),
        (told, _) => Ok(told.or(reply.lines().1.length())),
    }
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
