//! Playlists of signed links: players ask for what is in them without the playlist's own signature,
//! so what is in them is signed as it is given out. A link that is good for a preview gives a
//! playlist that ends early, and nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::denied::Stop;
use crate::domain::code::Code;
use crate::domain::delivery::Playlists;
use crate::domain::object::range::Slice;
use crate::domain::op::Verb;
use crate::domain::urlsign::playlist::{self, InvalidPlaylist, MAX_BYTES, Place, Reach};
use crate::domain::urlsign::{Denial, Pass, Reason, Settings};
use crate::http::oss::{Head, Oss, OssError, TRIES};
use crate::service::access::ObjectPermit;
use crate::service::delivery::{Admitted, Domain};
use crate::service::error::Error;
use crate::service::object::{FoundObject, Opened};

/// From so many bytes on, a playlist is worked on where it holds up no other request, and has to find
/// room.
const LARGE: usize = 64 << 10;

/// Up to so many bytes of an answer are what any download may hold.
const SMALL_ANSWER: usize = 256 << 10;

/// Room in memory for large playlists, in KiB: for all that are read, and for all that are on their way
/// to their clients.
static ROOM: Semaphore = Semaphore::const_new(128 << 10);

/// How long a playlist waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room that is taken, if any is needed.
type Room = Option<SemaphorePermit<'static>>;

/// What is to be done to the object of a request.
pub(super) struct Rewrite<'w> {
    settings: &'w Settings,
    pass: &'w Pass<'w>,
    /// Whether the object is a playlist, by its name.
    is_playlist: bool,
    signs: bool,
}

/// What is to be done to an object, if it is not given as it is stored.
pub(super) fn of<'w>(
    domain: &'w Arc<Domain>,
    permit: &ObjectPermit,
    admitted: &'w Admitted<'w>,
) -> Option<Rewrite<'w>> {
    let (settings, pass) = (domain.signing()?, admitted.pass.as_ref()?);
    let is_playlist = permit.key().as_str().to_ascii_lowercase().ends_with(".m3u8");
    let signs = domain.terms.playlists == Playlists::Signed;
    let wanted = pass.limits.preview.is_some() || (is_playlist && signs);
    wanted.then_some(Rewrite { settings, pass, is_playlist, signs })
}

impl Rewrite<'_> {
    /// Serves the playlist; `None` if the object is to be given as it is stored.
    ///
    /// Ranges and conditions do not count: the answer depends on the link, so there is no tag by
    /// which two of them were the same.
    pub(super) async fn serve(
        &self,
        oss: &Oss,
        permit: &ObjectPermit,
        head: &Head,
    ) -> Result<Option<Response<Body>>, Stop> {
        if !self.is_playlist {
            return Err(Denial::from(Reason::Preview).into());
        }
        let found = oss.app.find_content(permit).await?;
        if found.headers().contains_key(header::CONTENT_ENCODING) {
            return self.left_alone();
        }
        let Some((found, bytes, room)) = read(oss, permit, found).await? else {
            return self.left_alone();
        };
        match self.rewrite(&bytes, head.host()) {
            Ok(text) => {
                drop((bytes, room));
                Ok(Some(answer(&found, text, head.verb == Some(Verb::Head))?))
            }
            Err(
                InvalidPlaylist::Preview(_)
                | InvalidPlaylist::NotAPlaylist
                | InvalidPlaylist::Encoding
                | InvalidPlaylist::TooLarge,
            ) => self.left_alone(),
        }
    }

    /// What cannot be worked on: without a preview it is given as it is, and with one never.
    fn left_alone(&self) -> Result<Option<Response<Body>>, Stop> {
        match self.pass.limits.preview {
            Some(_) => Err(Denial::from(Reason::Preview).into()),
            None => Ok(None),
        }
    }

    fn rewrite(&self, bytes: &[u8], host: &str) -> Result<String, InvalidPlaylist> {
        let place = Place { host, path: self.pass.path, reach: Reach::Directory };
        let rewrite = || {
            playlist::rewrite(bytes, &place, self.pass.limits.preview, |child, target| {
                let signed = self.signs.then(|| self.pass.sign_child(self.settings, child, target));
                signed?.ok()
            })
        };
        if bytes.len() < LARGE { rewrite() } else { tokio::task::block_in_place(rewrite) }
    }
}

/// Reads an object as a whole; `None` if it is too long for a playlist.
async fn read(
    oss: &Oss,
    permit: &ObjectPermit,
    mut found: FoundObject,
) -> Result<Option<(FoundObject, Bytes, Room)>, Stop> {
    for _ in 0..TRIES {
        if found.size() > MAX_BYTES as u64 {
            return Ok(None);
        }
        let room = room_to_read(found.size()).await?;
        let whole = Slice { offset: 0, length: found.size() };
        match oss.app.open_object(permit, &found, whole).await? {
            Opened::Replaced(now) => found = now,
            Opened::Reader(reader) => {
                let bytes = reader.collect().await.map_err(Error::from)?;
                return Ok(Some((found, bytes, room)));
            }
        }
    }
    Err(OssError::from(Code::ServiceUnavailable).into())
}

fn busy() -> Stop {
    OssError::from(Code::ServiceUnavailable).into()
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}

/// Waits for room for a playlist that is read as a whole.
async fn room_to_read(size: u64) -> Result<Room, Stop> {
    if size < LARGE as u64 {
        return Ok(None);
    }
    let room = tokio::time::timeout(PATIENCE, ROOM.acquire_many(kib(size))).await;
    room.ok().and_then(Result::ok).map(Some).ok_or_else(busy)
}

/// The body of an answer, which keeps its room until it is sent or its client has gone.
fn body(text: String) -> Result<Body, Stop> {
    if text.len() <= SMALL_ANSWER {
        return Ok(Body::from(text));
    }
    let room = ROOM.try_acquire_many(kib(text.len() as u64)).map_err(|_| busy())?;
    let mut left = Bytes::from(text);
    let pieces = std::iter::from_fn(move || {
        // Held as long as there are pieces to come.
        let _ = &room;
        let piece = left.split_to(left.len().min(SMALL_ANSWER));
        (!piece.is_empty()).then_some(Ok::<_, Infallible>(piece))
    });
    Ok(Body::from_stream(stream::iter(pieces)))
}

/// The answer with a playlist. It has nothing of the stored object that speaks of its bytes.
fn answer(found: &FoundObject, text: String, is_head: bool) -> Result<Response<Body>, Stop> {
    const OF_BYTES: [HeaderName; 5] = [
        header::ETAG,
        header::LAST_MODIFIED,
        header::ACCEPT_RANGES,
        HeaderName::from_static("content-md5"),
        HeaderName::from_static("x-oss-hash-crc64ecma"),
    ];
    let length = text.len();
    let mut response = Response::new(if is_head { Body::empty() } else { body(text)? });
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    *headers = found.headers().into_owned();
    for name in OF_BYTES {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}
