//! Playlists of signed links: players ask for what is in them without the playlist's own signature,
//! so what is in them is signed as it is given out. A link that is good for a preview gives a
//! playlist that ends early, and nothing else.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::denied::Stop;
use super::room::{self, LONG, LONG_SIGNED, Room};
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
        let place = Place { host: head.host(), path: self.pass.path, reach: Reach::Directory };
        let signature = self.pass.longest_signature(self.settings);
        let most = playlist::longest(&bytes, &place, signature);
        let room_to_write = room::to_write(most).await?;
        match self.rewrite(&bytes, &place, most) {
            Ok(text) => {
                drop((bytes, room));
                let body = (head.verb != Some(Verb::Head)).then_some(room_to_write);
                Ok(Some(answer(&found, text, body)))
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

    fn rewrite(
        &self,
        bytes: &[u8],
        place: &Place<'_>,
        most: usize,
    ) -> Result<String, InvalidPlaylist> {
        let rewrite = || {
            playlist::rewrite(bytes, place, self.pass.limits.preview, most, |child, target| {
                let signed = self.signs.then(|| self.pass.sign_child(self.settings, child, target));
                signed?.ok()
            })
        };
        let short = bytes.len() < LONG && most < LONG_SIGNED;
        if short { rewrite() } else { tokio::task::block_in_place(rewrite) }
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
        let room = room::to_read(found.size()).await?;
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

/// The answer with a playlist. It has nothing of the stored object that speaks of its bytes.
/// `body` is the room for its body, if it has one.
fn answer(found: &FoundObject, text: String, body: Option<Room>) -> Response<Body> {
    const OF_BYTES: [HeaderName; 5] = [
        header::ETAG,
        header::LAST_MODIFIED,
        header::ACCEPT_RANGES,
        HeaderName::from_static("content-md5"),
        HeaderName::from_static("x-oss-hash-crc64ecma"),
    ];
    let length = text.len();
    let body = body.map_or_else(Body::empty, |room| room::body(text, room));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    *headers = found.headers().into_owned();
    for name in OF_BYTES {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
