//! Bodies of requests: read with a bound on their length and on the client's slowness.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use crate::service::error::BodyError;
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
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
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
    let reading = Reading { body, patience, waiting: patience, progress: 0, left: max, max };
    stream::unfold(Some(reading), async |reading| {
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

/// Reads and forgets a body that nobody wants, so that a client that is still sending gets to
/// read its answer. Only so much of it: a large rest ends with the connection.
pub async fn drain(body: Body) {
    const MOST: u64 = 1 << 20;
    const PATIENCE: Duration = Duration::from_secs(5);

    let mut pieces = stream(body, MOST, PATIENCE);
    while let Some(Ok(_)) = pieces.next().await {}
}

/// Reads and forgets the rest of an upload that failed on our side. Most clients listen only when
/// they have sent everything, and one that is hung up on before reports a broken connection where
/// it should report a full disk. A very large rest ends with the connection all the same.
pub async fn drain_rest(mut pieces: object::Body) {
    const MOST: usize = 64 << 20;
    const LONGEST: Duration = Duration::from_secs(10);

    let mut left = MOST;
    let reading = async {
        while let Some(Ok(piece)) = pieces.next().await {
            let Some(rest) = left.checked_sub(piece.len()) else { return };
            left = rest;
        }
    };
    // Late or done, the client is answered now.
    let _ = timeout(LONGEST, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slowly(pieces: Vec<(u64, usize)>) -> Body {
        Body::from_stream(stream::iter(pieces).then(|(seconds, length)| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; length]))
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

    #[tokio::test]
    async fn a_body_is_bounded() {
        let body = || Body::from(vec![b'x'; 10]);
        let patience = Duration::from_secs(1);
        assert_eq!(read(body(), 10, patience).await.unwrap().len(), 10);
        assert!(matches!(read(body(), 9, patience).await, Err(BodyError::TooLarge(9))));
    }
}
