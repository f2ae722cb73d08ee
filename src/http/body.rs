//! Bodies of requests: read with a bound on their length and on the client's slowness.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, timeout};

use crate::domain::code::{Code, Reason};
use crate::service::error::{BodyError, Error};
use crate::service::object;

/// How many bytes must arrive within the time-out for it to begin anew. A client that sends a
/// byte now and then would otherwise hold a connection for ever.
const PROGRESS_BYTES: usize = 4096;

struct Reading {
    body: Body,
    patience: Duration,
    /// What is left of the patience. Only waiting for the client uses it up, not what is done
    /// with what came.
    waiting: Duration,
    progress: usize,
    left: u64,
    max: u64,
}

impl Reading {
    fn new(body: Body, max: u64, patience: Duration) -> Self {
        Self { body, patience, waiting: patience, progress: 0, left: max, max }
    }

    /// The next piece. Of a body that is too long, some of the rest is [forgotten](drain) first.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let piece = self.piece().await;
        if let Err(BodyError::TooLarge(_)) = piece {
            drain(std::mem::take(&mut self.body)).await;
        }
        piece
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let asked = Instant::now();
            let frame = timeout(self.waiting, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| BodyError::TooSlow)? else { return Ok(None) };
            self.waiting = self.waiting.saturating_sub(asked.elapsed());
            let frame = frame.map_err(|err| BodyError::Incomplete(err.to_string()))?;
            // Trailers mean nothing to OSS.
            let Ok(bytes) = frame.into_data() else { continue };
            self.left =
                self.left.checked_sub(bytes.len() as u64).ok_or(BodyError::TooLarge(self.max))?;
            self.progress += bytes.len();
            if self.progress >= PROGRESS_BYTES {
                self.progress = 0;
                self.waiting = self.patience;
            }
            return Ok(Some(bytes));
        }
    }
}

/// A body as a stream of at most `max` bytes, of which the next 4 KiB always arrive within
/// `patience`. At its end it may be asked again.
pub fn stream(body: Body, max: u64, patience: Duration) -> object::Body {
    stream::unfold(Some(Reading::new(body, max, patience)), async |reading| {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(reading))),
            Ok(None) => None,
            Err(err) => Some((Err(err), None)),
        }
    })
    .fuse()
    .boxed()
}

/// The body, unless nothing comes: not even one in chunks has to say before its end that it is empty.
///
/// # Errors
///
/// [`BodyError`].
pub async fn unless_empty(mut pieces: object::Body) -> Result<Option<object::Body>, BodyError> {
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if !piece.is_empty() {
            let first = stream::iter([Ok(piece)]);
            return Ok(Some(first.chain(pieces).fuse().boxed()));
        }
    }
    Ok(None)
}

/// Reads a whole body of at most `max` bytes.
///
/// # Errors
///
/// [`BodyError`].
pub async fn read(body: Body, max: usize, patience: Duration) -> Result<Bytes, BodyError> {
    let mut pieces = stream(body, max as u64, patience);
    let mut whole = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        whole.extend_from_slice(&piece?);
    }
    Ok(whole.freeze())
}

/// So much of a whole body a connection holds anyway.
const OWN_BYTES: usize = 256 * 1024;

/// How much longer bodies take together, in KiB.
static ROOM: Semaphore = Semaphore::const_new(ROOM_KIB);

/// 64 MiB.
const ROOM_KIB: usize = 64 * 1024;

/// How long a body that is longer waits for room.
const ROOM_PATIENCE: Duration = Duration::from_secs(30);

/// A whole body, with the room that it takes.
struct Roomed {
    bytes: BytesMut,
    _room: SemaphorePermit<'static>,
}

impl AsRef<[u8]> for Roomed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The same for bodies that anybody can send: those of many connections take no more than a fixed
/// amount of memory together.
///
/// # Errors
///
/// [`BodyError`]; [`Code::ServiceUnavailable`] if there is no room for it in time.
pub async fn read_in_room(body: Body, max: usize, patience: Duration) -> Result<Bytes, BodyError> {
    read_in(&ROOM, ROOM_KIB, stream(body, max as u64, patience), max).await
}

async fn read_in(
    room: &'static Semaphore,
    all: usize,
    mut pieces: object::Body,
    max: usize,
) -> Result<Bytes, BodyError> {
    let mut bytes = BytesMut::new();
    let mut taken = None;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if taken.is_none() && bytes.len() + piece.len() > OWN_BYTES {
            // At once, so that no two wait for each other. One that is longer than all there is
            // has all there is.
            let wanted = max.div_ceil(1024).min(all);
            let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
            let got = timeout(ROOM_PATIENCE, room.acquire_many(wanted)).await;
            let full = BodyError::Refused(Reason::of(Code::ServiceUnavailable));
            taken = Some(got.ok().and_then(Result::ok).ok_or(full)?);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(match taken {
        None => bytes.freeze(),
        Some(room) => Bytes::from_owner(Roomed { bytes, _room: room }),
    })
}

/// So much of a body is gathered before anybody reads it. Shorter ones are there then, and their
/// reader waits for nobody.
const GATHERED_BYTES: usize = 256 * 1024;

/// How many longer bodies are read at once. Each has a thread that waits for its client.
static READERS: Semaphore = Semaphore::const_new(8);

/// How long another one waits for that.
const READER_PATIENCE: Duration = Duration::from_secs(30);

/// How many pieces of a body may wait for their reader.
const PIECES_AHEAD: usize = 2;

/// A body for a reader that may wait: piece by piece, as it arrives.
#[derive(Debug)]
pub struct Arriving {
    piece: Bytes,
    others: mpsc::Receiver<Bytes>,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.others.blocking_recv() {
                Some(next) => self.piece = next,
                None => return Ok(0),
            }
        }
        let read = self.piece.split_to(self.piece.len().min(buffer.len()));
        buffer.iter_mut().zip(&read).for_each(|(to, from)| *to = *from);
        Ok(read.len())
    }
}

/// Reads a body as it arrives, where that holds up no other request. The body is read to its end
/// even if the reader has seen enough, so that a client that sends before it listens gets to read
/// why; and if it breaks off, nothing comes of what was read.
///
/// # Errors
///
/// [`Error::Body`], or [`Code::ServiceUnavailable`] if too many others are being read.
pub async fn read_arriving<T: Send + 'static>(
    mut pieces: object::Body,
    read: impl FnOnce(Arriving) -> T + Send + 'static,
) -> Result<T, Error> {
    let mut start = BytesMut::new();
    let mut ended = false;
    while !ended && start.len() < GATHERED_BYTES {
        match pieces.next().await {
            Some(piece) => start.extend_from_slice(&piece?),
            None => ended = true,
        }
    }
    let _slot = if ended { None } else { Some(slot().await?) };
    let (send, others) = mpsc::channel(PIECES_AHEAD);
    let arriving = Arriving { piece: start.freeze(), others };
    let reading = tokio::task::spawn_blocking(move || read(arriving));
    // At its end a body may be asked again.
    while let Some(piece) = pieces.next().await {
        // Who has seen enough takes no more.
        let _ = send.send(piece?).await;
    }
    drop(send);
    reading.await.map_err(|_| Error::Fault("reading a body panicked"))
}

async fn slot() -> Result<SemaphorePermit<'static>, Error> {
    let slot = timeout(READER_PATIENCE, READERS.acquire()).await;
    slot.ok().and_then(Result::ok).ok_or(Error::Code(Code::ServiceUnavailable))
}

/// How long the rest of a body is read that nobody wants. Late or done, the client is answered then.
const LONGEST_DRAIN: Duration = Duration::from_secs(10);

/// Reads and forgets a body that nobody wants, so that a client that is still sending gets to
/// read its answer. Only so much of it: a large rest ends with the connection.
pub async fn drain(body: Body) {
    const MOST: u64 = 1 << 20;
    const PATIENCE: Duration = Duration::from_secs(5);

    let mut reading = Reading::new(body, MOST, PATIENCE);
    let _ =
        timeout(LONGEST_DRAIN, async { while let Ok(Some(_)) = reading.piece().await {} }).await;
}

/// Reads and forgets the rest of an upload that failed on our side. Most clients listen only when
/// they have sent everything, and one that is hung up on before reports a broken connection where
/// it should report a full disk. A very large rest ends with the connection all the same.
pub async fn drain_rest(mut pieces: object::Body) {
    const MOST: usize = 64 << 20;

    let mut left = MOST;
    let reading = async {
        while let Some(Ok(piece)) = pieces.next().await {
            let Some(rest) = left.checked_sub(piece.len()) else { return };
            left = rest;
        }
    };
    let _ = timeout(LONGEST_DRAIN, reading).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn slowly(pieces: Vec<(u64, usize)>) -> Body {
        Body::from_stream(stream::iter(pieces).then(|(seconds, length)| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, io::Error>(Bytes::from(vec![b'x'; length]))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_must_make_progress() {
        let patience = Duration::from_secs(10);
        let trickle = slowly(vec![(3, 1); 100]);
        assert!(matches!(read(trickle, 9999, patience).await, Err(BodyError::TooSlow)));
        let steady = slowly(vec![(9, 4096); 10]);
        assert_eq!(read(steady, 1 << 20, patience).await.unwrap().len(), 40_960);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_a_body_is_not_waited_for_long() {
        let patience = Duration::from_mins(1);
        let trickle = || slowly(vec![(4, 4096); 100]);
        let begun = Instant::now();
        drain(trickle()).await;
        assert_eq!(begun.elapsed(), LONGEST_DRAIN);
        drain_rest(stream(trickle(), 1 << 20, patience)).await;
        assert_eq!(begun.elapsed(), 2 * LONGEST_DRAIN);
        assert!(matches!(read(trickle(), 1, patience).await, Err(BodyError::TooLarge(1))));
        assert_eq!(begun.elapsed(), 3 * LONGEST_DRAIN + Duration::from_secs(4));
    }

    #[tokio::test]
    async fn a_body_is_read_as_it_arrives() {
        fn all(mut arriving: Arriving) -> usize {
            io::copy(&mut arriving, &mut io::sink()).unwrap().try_into().unwrap()
        }
        let patience = Duration::from_secs(10);
        for pieces in [vec![], vec![1], vec![300_000], vec![100_000; 20], vec![1, 0, 400_000, 0, 7]]
        {
            let length: usize = pieces.iter().sum();
            let body = slowly(pieces.iter().map(|length| (0, *length)).collect());
            let read = read_arriving(stream(body, 10 << 20, patience), all).await;
            assert_eq!(read.unwrap(), length, "{pieces:?}");
        }
        // A reader that has seen enough does not stop the client, and an end that is none counts.
        let body = || slowly(vec![(0, 100_000); 20]);
        let bored = read_arriving(stream(body(), 10 << 20, patience), |_| "enough").await;
        assert_eq!(bored.unwrap(), "enough");
        let broken = read_arriving(stream(body(), 1 << 20, patience), all).await;
        assert!(matches!(broken, Err(Error::Body(BodyError::TooLarge(_)))));
    }

    #[tokio::test(start_paused = true)]
    async fn long_bodies_take_turns() {
        const MIB: usize = 1 << 20;
        static TWO_MIB: Semaphore = Semaphore::const_new(2048);
        let read = |length: usize, max: usize| {
            let pieces = vec![(0, length / 4); 4];
            let pieces = stream(slowly(pieces), max as u64, Duration::from_secs(10));
            read_in(&TWO_MIB, 2048, pieces, max)
        };
        let full = |read: Result<Bytes, BodyError>| {
            let reason = Reason::of(Code::ServiceUnavailable);
            matches!(read, Err(BodyError::Refused(refused)) if refused == reason)
        };
        let first = read(MIB, MIB).await.unwrap();
        let second = read(MIB, MIB).await.unwrap();
        assert_eq!((first.len(), second.len()), (MIB, MIB));
        assert!(full(read(MIB, MIB).await), "there is no room while both are held");
        assert_eq!(read(OWN_BYTES, MIB).await.unwrap().len(), OWN_BYTES, "short ones need none");
        // What is read from one keeps its room.
        let piece = first.slice(..1);
        drop(first);
        assert!(full(read(MIB, MIB).await));
        drop(piece);
        let third = read(MIB, MIB).await.unwrap();
        drop((second, third));
        assert_eq!(read(8 * MIB, 8 * MIB).await.unwrap().len(), 8 * MIB, "longer than the room");
        assert_eq!(TWO_MIB.available_permits(), 2048);
    }

    #[tokio::test]
    async fn a_body_is_bounded() {
        let body = || Body::from(vec![b'x'; 10]);
        let patience = Duration::from_secs(1);
        assert_eq!(read(body(), 10, patience).await.unwrap().len(), 10);
        assert!(matches!(read(body(), 9, patience).await, Err(BodyError::TooLarge(9))));
    }

    /// A client that sends before it listens gets to read that its body is too long.
    #[tokio::test]
    async fn the_rest_of_a_body_that_is_too_long_is_read() {
        const PIECE: usize = 1000;
        for (name, pieces, wanted) in [
            ("all of it", 1000, 1000),
            ("no more than a MiB behind what is too long", 9999, 18 + (1 << 20) / PIECE + 1),
        ] {
            let so_far = Arc::new(AtomicUsize::new(0));
            let counter = so_far.clone();
            let body = stream::iter(0..pieces).map(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok::<_, io::Error>(Bytes::from_static(&[b'x'; PIECE]))
            });
            let read = read(Body::from_stream(body), 17 * PIECE, Duration::from_secs(10)).await;
            assert!(matches!(read, Err(BodyError::TooLarge(_))), "{name}");
            assert_eq!(so_far.load(Ordering::Relaxed), wanted, "{name}");
        }
    }
}
