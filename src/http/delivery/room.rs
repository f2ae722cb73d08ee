//! Room in memory for long playlists.
//!
//! Whatever playlists there are and however many links to them are used at once, those that are read
//! and worked on and those that are on their way to their clients take no more than this together.
//! Room is taken before the memory is. A playlist that is short and stays short, as almost all are,
//! takes what any download may.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::denied::Stop;
use crate::domain::code::Code;
use crate::http::oss::OssError;

/// From so many bytes on, a playlist needs room to be read, and is worked on where it holds up no
/// other request.
pub(super) const LONG: usize = 64 << 10;

/// From so many bytes on, it needs room with its links signed.
pub(super) const LONG_SIGNED: usize = 192 << 10;

/// For playlists as they are stored, in KiB.
static TO_READ: Semaphore = Semaphore::const_new(32 << 10);

/// For playlists with their links signed, in KiB. Whoever waits for this has been read and whoever
/// has it waits for nothing, so nobody waits for ever.
static TO_WRITE: Semaphore = Semaphore::const_new(96 << 10);

/// How long a playlist waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room that is taken, if any is needed.
pub(super) type Room = Option<SemaphorePermit<'static>>;

/// Waits for room for a playlist of so many bytes that is read as a whole.
pub(super) async fn to_read(bytes: u64) -> Result<Room, Stop> {
    if bytes < LONG as u64 { Ok(None) } else { take(&TO_READ, bytes).await.map(Some) }
}

/// Waits for room for so many bytes of a playlist with its links signed.
pub(super) async fn to_write(bytes: usize) -> Result<Room, Stop> {
    if bytes < LONG_SIGNED { Ok(None) } else { take(&TO_WRITE, bytes as u64).await.map(Some) }
}

async fn take(from: &'static Semaphore, bytes: u64) -> Result<SemaphorePermit<'static>, Stop> {
    let room = tokio::time::timeout(PATIENCE, from.acquire_many(kib(bytes))).await;
    let busy = || OssError::from(Code::ServiceUnavailable).into();
    room.ok().and_then(Result::ok).ok_or_else(busy)
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}

/// The body of an answer, which keeps the room that it needs until it is sent or its client has gone.
pub(super) fn body(mut text: String, room: Room) -> Body {
    text.shrink_to_fit();
    if text.len() < LONG_SIGNED {
        return Body::from(text);
    }
    let room = room.and_then(|mut room| room.split(kib(text.len() as u64) as usize));
    let mut left = Bytes::from(text);
    let pieces = std::iter::from_fn(move || {
        // Held as long as there are pieces to come.
        let _ = &room;
        let piece = left.split_to(left.len().min(LONG_SIGNED));
        (!piece.is_empty()).then_some(Ok::<_, Infallible>(piece))
    });
    Body::from_stream(stream::iter(pieces))
}
