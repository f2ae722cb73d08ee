//! Playlists of signed links: players ask for what is in them without the playlist's own signature,
//! so what is in them is signed as it is given out. A link that is good for a preview gives a
//! playlist that ends early, and nothing else.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::denied::Stop;
use super::room::{self, Guest, LONG, LONG_SIGNED, Room};
use crate::domain::code::Code;
use crate::domain::delivery::{Playlists, Unsigned};
use crate::domain::name::DomainId;
use crate::domain::object::range::Slice;
use crate::domain::op::Verb;
use crate::domain::urlsign::playlist::{self, InvalidPlaylist, MAX_BYTES, Place, Reach, Rewritten};
use crate::domain::urlsign::{Denial, Parent, Pass, Reason, Settings};
use crate::http::oss::{Head, Known, Oss, OssError, TRIES};
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
    playlists: Playlists,
    domain: DomainId,
}

/// A playlist in memory, and where it is.
struct Stored<'r> {
    bytes: &'r [u8],
    place: Place<'r>,
    /// How many bytes it can get with its links signed.
    most: usize,
}

impl Stored<'_> {
    /// Whether it is worked on at once and needs no room, as almost all are.
    const fn is_short(&self) -> bool {
        self.bytes.len() < LONG && self.most < LONG_SIGNED
    }
}

/// What is to be done to an object, if it is not given as it is stored.
pub(super) fn of<'w>(
    domain: &'w Arc<Domain>,
    permit: &ObjectPermit,
    admitted: &'w Admitted<'w>,
) -> Option<Rewrite<'w>> {
    let (settings, pass) = (domain.signing()?, admitted.pass.as_deref()?);
    let end = permit.key().as_str().as_bytes().last_chunk::<5>();
    let is_playlist = end.is_some_and(|end| end.eq_ignore_ascii_case(b".m3u8"));
    let playlists = domain.terms.playlists;
    let signs = playlists != Playlists::Plain;
    let wanted = pass.limits.preview.is_some() || (is_playlist && signs);
    wanted.then_some(Rewrite { settings, pass, is_playlist, playlists, domain: domain.id })
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
        (head, known): (&Head, &mut Known),
    ) -> Result<Option<Response<Body>>, Stop> {
        if !self.is_playlist {
            return Err(Denial::from(Reason::Preview).into());
        }
        let found = oss.app.find_content(permit).await?;
        if found.header(&header::CONTENT_ENCODING).is_some() {
            return self.left_alone("it is compressed", (oss, known));
        }
        let guest = Guest::new(head.client(&oss.proxies).address, self.domain);
        let Some((found, bytes, room)) = read(oss, permit, (guest, found)).await? else {
            return self.left_alone(InvalidPlaylist::TooLarge, (oss, known));
        };
        let parent = Parent::new(self.settings, self.pass)?;
        let place = Place { host: head.host(), path: self.pass.path, reach: self.reach(&parent) };
        let signature = parent.longest_signature();
        let most = playlist::longest(&bytes, &place, signature);
        let stored = Stored { bytes: &bytes, place, most };
        let is_head = head.verb == Some(Verb::Head);
        let made = if is_head && !stored.is_short() {
            self.survey(&stored, guest).await?
        } else {
            self.sign(&stored, &parent, guest).await?
        };
        drop((bytes, room));
        match made {
            Ok((beyond, content)) => {
                if beyond > 0 && self.signs() {
                    oss.app.count_unsigned(Unsigned::Links);
                    known.why = Some(format!("links that stay unsigned, out of reach: {beyond}"));
                }
                Ok(Some(answer(&found, content, is_head)))
            }
            Err(err) => self.left_alone(err, (oss, known)),
        }
    }

    /// The playlist with its links signed, and how many of them stay as they are.
    async fn sign(
        &self,
        stored: &Stored<'_>,
        parent: &Parent<'_>,
        guest: Guest,
    ) -> Result<Made, Stop> {
        let room = room::to_write(guest, stored.most).await?;
        let preview = self.pass.limits.preview;
        let rewrite = || {
            playlist::rewrite(stored.bytes, &stored.place, preview, stored.most, |child, target| {
                self.signs().then(|| parent.sign_child(child, target))?.ok()
            })
        };
        let made = if stored.is_short() { rewrite() } else { tokio::task::block_in_place(rewrite) };
        Ok(made.map(|Rewritten { text, beyond }| (beyond, Content::Text(text, room))))
    }

    /// What a HEAD of a long playlist learns without anything being signed: all but its length
    /// (RFC 9110, 8.6). Only of one that gets too long by its signatures it says more than a GET.
    async fn survey(&self, stored: &Stored<'_>, guest: Guest) -> Result<Made, Stop> {
        let _room = room::to_write(guest, stored.bytes.len()).await?;
        let preview = self.pass.limits.preview;
        let survey = || playlist::survey(stored.bytes, &stored.place, preview);
        let beyond = tokio::task::block_in_place(survey);
        Ok(beyond.map(|beyond| (beyond, Content::Unmeasured)))
    }

    /// What cannot be worked on: without a preview it is given as it is, and with one never.
    fn left_alone(
        &self,
        why: impl std::fmt::Display,
        (oss, known): (&Oss, &mut Known),
    ) -> Result<Option<Response<Body>>, Stop> {
        if self.pass.limits.preview.is_some() {
            return Err(Denial::from(Reason::Preview).into());
        }
        oss.app.count_unsigned(Unsigned::Whole);
        known.why = Some(format!("a playlist that stays unsigned: {why}"));
        Ok(None)
    }

    fn signs(&self) -> bool {
        match self.playlists {
            Playlists::Signed | Playlists::SignedHost => true,
            Playlists::Plain => false,
        }
    }

    fn reach<'p>(&self, parent: &Parent<'p>) -> Reach<'p> {
        match self.playlists {
            Playlists::SignedHost => Reach::Host,
            Playlists::Signed | Playlists::Plain => Reach::Within(parent.directory()),
        }
    }
}

/// How many links of a playlist stay as they are, and what is answered; or why it stays as it is.
type Made = Result<(usize, Content), InvalidPlaylist>;

/// What is answered of a playlist.
enum Content {
    /// Its text, and the room that it takes.
    Text(String, Room),
    /// Its head alone, without a length.
    Unmeasured,
}

/// Reads an object as a whole; `None` if it is too long for a playlist.
async fn read(
    oss: &Oss,
    permit: &ObjectPermit,
    (guest, mut found): (Guest, FoundObject),
) -> Result<Option<(FoundObject, Bytes, Room)>, Stop> {
    for _ in 0..TRIES {
        if found.size() > MAX_BYTES as u64 {
            return Ok(None);
        }
        let room = room::to_read(guest, found.size()).await?;
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

/// The answer with a playlist, or that to a HEAD of it. It has nothing of the stored object that
/// speaks of its bytes.
fn answer(found: &FoundObject, content: Content, is_head: bool) -> Response<Body> {
    const OF_BYTES: [HeaderName; 6] = [
        header::CONTENT_LENGTH,
        header::ETAG,
        header::LAST_MODIFIED,
        header::ACCEPT_RANGES,
        HeaderName::from_static("content-md5"),
        HeaderName::from_static("x-oss-hash-crc64ecma"),
    ];
    let (length, body) = match content {
        Content::Text(text, _) if is_head => (Some(text.len()), Body::empty()),
        Content::Text(text, room) => (Some(text.len()), room::body(text, room)),
        Content::Unmeasured => (None, Body::empty()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    *headers = found.headers();
    for name in OF_BYTES {
        headers.remove(name);
    }
    headers.extend(length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
    response
}
