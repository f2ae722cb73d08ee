//! The short way of plain requests.
//!
//! Most of what is asked of this server is the GET of an object, and its head comes in one piece.
//! Such requests are read and answered here, with the parser that hyper has and with nothing else
//! between the socket and the service. The first request that is not [plain](read) hands the
//! connection to hyper, for good and with every byte that was not answered yet: whatever has a body,
//! wants another protocol, comes in pieces or cannot be read is hyper's, and so is the refusal of it.
//!
//! A connection that waits for a request holds no memory for one but the [header lines](Reader) of the last.
//! What a request needs, its future too, is taken when it comes and given back with its answer: with
//! hundreds of connections it is the same memory again and again, and in the processor's cache.
//!
//! The bounds are those of hyper's way: a head has its time, counted from the end of the answer
//! before it, and once more from the hand-over; what a client does not take ends the connection
//! ([`super::bounded`]); a request whose client has gone is given up; and the server closes
//! connections that wait for a request when it stops.

mod read;
mod write;

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::task::{Poll, ready};

use bytes::Bytes;
use http::Method;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Answering, Bounded, Connection, Request};
use read::Reader;
use write::{After, Kind, Writer};

/// How much is read at once. A head that is longer is not plain.
const MOST_READ: usize = 8 * 1024;

/// What becomes of a connection when its plain requests are answered.
pub(super) enum Next {
    /// It is over.
    Closed,
    /// The next request is not plain: these bytes of it were read.
    Other(Bytes),
}

/// Answers plain requests, one after the other, until one comes that is not.
///
/// # Errors
///
/// Of the connection, or of a body that ended early.
pub(super) async fn serve<S>(
    stream: &mut Bounded,
    connection: &Connection,
    (patience, stop): (Duration, &CancellationToken),
    service: &S,
) -> io::Result<Next>
where
    S: Fn(Request, Connection) -> Answering,
{
    let connection = Connection { takes_lines: true, ..connection.clone() };
    let (mut reader, mut writer) = (Reader::default(), Writer::default());
    let (mut received, mut unread) = (Bytes::new(), Bytes::new());
    let mut deadline = std::pin::pin!(sleep(patience));
    let mut stopped = std::pin::pin!(stop.cancelled());
    loop {
        let whole = unread.is_empty();
        if whole {
            unread = std::mem::take(&mut received);
        }
        if unread.is_empty() {
            deadline.as_mut().reset(Instant::now() + patience);
            unread = tokio::select! {
                biased;
                read = read_fresh(stream) => read?,
                () = &mut stopped => Bytes::new(),
                () = &mut deadline => Bytes::new(),
            };
            if unread.is_empty() {
                return Ok(Next::Closed);
            }
        }
        let Some((request, length)) = reader.read(&unread, whole) else {
            return Ok(Next::Other(unread));
        };
        unread = unread.split_off(length);
        let wants_body = request.parts.method != Method::HEAD;
        let reply = {
            let mut answering = service(request, connection.clone());
            tokio::select! {
                biased;
                reply = &mut answering => reply,
                () = gone(stream, &mut received), if unread.is_empty() => return Ok(Next::Closed),
            }
        };
        let kind = Kind { wants_body, is_last: stop.is_cancelled() };
        match writer.write(stream, reply, kind).await? {
            After::Open => {}
            After::Close => {
                stream.shutdown().await?;
                return Ok(Next::Closed);
            }
        }
    }
}

/// Reads what there is; nothing at the end. Onto the stack, and what came, mostly little, is copied.
async fn read_fresh(stream: &mut Bounded) -> io::Result<Bytes> {
    poll_fn(|context| {
        let mut room = [MaybeUninit::uninit(); MOST_READ];
        let mut room = ReadBuf::uninit(&mut room);
        ready!(stream.as_mut().poll_read(context, &mut room))?;
        Poll::Ready(Ok(Bytes::copy_from_slice(room.filled())))
    })
    .await
}

/// Waits until the client has gone. What it sends meanwhile is kept, and then it is not asked again.
async fn gone(stream: &mut Bounded, received: &mut Bytes) {
    if let Ok(read) = read_fresh(stream).await
        && !read.is_empty()
    {
        *received = read;
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
