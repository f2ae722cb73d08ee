//! Room in memory for long playlists.
//!
//! Whatever playlists there are and however many links to them are used at once, those that are read
//! and worked on and those that are on their way to their clients take no more than this together.
//! Room is taken before the memory is. A playlist that is short and stays short, as almost all are,
//! takes what any download may.
//!
//! There is room for four of the longest. One client may hold a quarter of it and one domain a half,
//! so that clients who read slowly, or not at all, are in the way of themselves, and then of their
//! domain, before they are in the way of others. Whoever waits for a share of its own waits in a queue
//! of its own.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::denied::Stop;
use crate::domain::code::Code;
use crate::domain::delivery::ClientNet;
use crate::domain::name::DomainId;
use crate::domain::urlsign::playlist::{MAX_BYTES, MAX_SIGNED_BYTES};
use crate::http::oss::OssError;

/// From so many bytes on, a playlist needs room to be read, and is worked on where it holds up no
/// other request.
pub(super) const LONG: usize = 64 << 10;

/// From so many bytes on, it needs room with its links signed.
pub(super) const LONG_SIGNED: usize = 192 << 10;

/// For playlists as they are stored.
static TO_READ: Rooms = Rooms::four_of(MAX_BYTES);

/// For playlists with their links signed. Whoever waits for this has been read and whoever has it
/// waits for nothing, so nobody waits for ever.
static TO_WRITE: Rooms = Rooms::four_of(MAX_SIGNED_BYTES);

/// How long a playlist waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// For whom room is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    client: Option<ClientNet>,
    domain: DomainId,
}

impl Guest {
    /// A client of a domain. Those whose address is not known share what one may hold.
    pub(super) fn new(client: Option<IpAddr>, domain: DomainId) -> Self {
        Self { client: client.map(ClientNet::of), domain }
    }
}

/// Who may hold a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Client(Option<ClientNet>),
    Domain(DomainId),
}

/// Room of one kind, in KiB.
struct Rooms {
    all: Semaphore,
    /// What one client may hold, which is what the longest playlist needs.
    share: usize,
    /// What is left to those who hold or want some.
    shares: Mutex<BTreeMap<Holder, Weak<Semaphore>>>,
}

/// Room that is taken: of the share of the client, of that of the domain, and of what all have.
#[derive(Debug)]
pub(super) struct Taken {
    client: OwnedSemaphorePermit,
    domain: OwnedSemaphorePermit,
    all: SemaphorePermit<'static>,
}

/// Room that is taken, if any is needed.
pub(super) type Room = Option<Taken>;

/// Waits for room for a playlist of so many bytes that is read as a whole.
pub(super) async fn to_read(guest: Guest, bytes: u64) -> Result<Room, Stop> {
    if bytes < LONG as u64 { Ok(None) } else { TO_READ.take(guest, bytes).await.map(Some) }
}

/// Waits for room for so many bytes of a playlist with its links signed.
pub(super) async fn to_write(guest: Guest, bytes: usize) -> Result<Room, Stop> {
    let short = bytes < LONG_SIGNED;
    if short { Ok(None) } else { TO_WRITE.take(guest, bytes as u64).await.map(Some) }
}

impl Rooms {
    /// Room for four playlists of so many bytes each.
    const fn four_of(longest: usize) -> Self {
        let share = longest.div_ceil(1 << 10);
        let all = Semaphore::const_new(4 * share);
        Self { all, share, shares: Mutex::new(BTreeMap::new()) }
    }

    async fn take(&'static self, guest: Guest, bytes: u64) -> Result<Taken, Stop> {
        let taken = tokio::time::timeout(PATIENCE, self.acquire(guest, kib(bytes))).await;
        let busy = || OssError::from(Code::ServiceUnavailable).into();
        taken.ok().and_then(Result::ok).ok_or_else(busy)
    }

    /// Each waits in the queue of its client first, and then in that of its domain, so that nobody is
    /// in the queue of all who could not go on at once.
    async fn acquire(&'static self, guest: Guest, kib: u32) -> Result<Taken, AcquireError> {
        let client = self.share_of(Holder::Client(guest.client), self.share);
        let client = client.acquire_many_owned(kib).await?;
        let domain = self.share_of(Holder::Domain(guest.domain), 2 * self.share);
        let domain = domain.acquire_many_owned(kib).await?;
        Ok(Taken { client, domain, all: self.all.acquire_many(kib).await? })
    }

    /// The share of a holder, which is there as long as somebody holds or wants some of it.
    fn share_of(&self, holder: Holder, kib: usize) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = shares.get(&holder).and_then(Weak::upgrade) {
            return there;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(kib));
        shares.insert(holder, Arc::downgrade(&share));
        share
    }
}

impl Taken {
    /// So much of it; the rest is free again.
    fn of_it(mut self, kib: u32) -> Option<Self> {
        let kib = kib as usize;
        Some(Self {
            client: self.client.split(kib)?,
            domain: self.domain.split(kib)?,
            all: self.all.split(kib)?,
        })
    }
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
    let room = room.and_then(|room| room.of_it(kib(text.len() as u64)));
    let mut left = Bytes::from(text);
    let pieces = std::iter::from_fn(move || {
        // Held as long as there are pieces to come.
        let _ = &room;
        let piece = left.split_to(left.len().min(LONG_SIGNED));
        (!piece.is_empty()).then_some(Ok::<_, Infallible>(piece))
    });
    Body::from_stream(stream::iter(pieces))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn guest(client: &str, domain: u128) -> Guest {
        Guest::new(client.parse().ok(), DomainId(Uuid::from_u128(domain)))
    }

    async fn finds(rooms: &'static Rooms, guest: Guest, bytes: u64) -> Option<Taken> {
        rooms.take(guest, bytes).await.ok()
    }

    /// One client may hold a quarter and one domain a half; what others hold is not in the way.
    #[tokio::test(start_paused = true)]
    async fn nobody_holds_the_room_of_all() {
        static ROOMS: Rooms = Rooms::four_of(8 << 20);
        let first = finds(&ROOMS, guest("192.0.2.1", 1), 5 * MIB).await;
        let rest = finds(&ROOMS, guest("192.0.2.1", 2), 3 * MIB).await;
        assert!(first.is_some() && rest.is_some());
        #[rustfmt::skip]
        let table = [
            ("more for the same client",            "192.0.2.1",          1, 64 << 10, false),
            ("on another domain",                   "192.0.2.1",          3, 64 << 10, false),
            ("by its address in IPv6",              "::ffff:192.0.2.1",   1, 64 << 10, false),
            ("another client of a domain",           "192.0.2.2",          2, 8 * MIB,  true),
            ("somebody whose address is not known", "unknown",            3, 8 * MIB,  true),
        ];
        let mut held = Vec::new();
        for (name, client, domain, bytes, want) in table {
            let taken = finds(&ROOMS, guest(client, domain), bytes).await;
            assert_eq!(taken.is_some(), want, "{name}");
            held.extend(taken);
        }
        let six = finds(&ROOMS, guest("2001:db8::1", 1), 3 * MIB).await;
        assert!(six.is_some(), "the first domain has 11 of 16 left");
        assert!(finds(&ROOMS, guest("2001:db8::2", 4), 6 * MIB).await.is_none(), "one /64");
        let other = finds(&ROOMS, guest("2001:db8:1::1", 1), 8 * MIB).await;
        assert!(other.is_none(), "there are 5 left of all");
        assert!(finds(&ROOMS, guest("192.0.2.3", 4), 5 * MIB).await.is_some());
        drop(first);
        assert!(finds(&ROOMS, guest("192.0.2.1", 1), 5 * MIB).await.is_some(), "free again");
        drop((rest, held, six));
        let one = finds(&ROOMS, guest("192.0.2.9", 9), 8 * MIB).await;
        assert!(one.is_some());
        assert_eq!(ROOMS.shares.lock().unwrap().len(), 2, "who holds nothing is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn a_domain_holds_a_half() {
        static ROOMS: Rooms = Rooms::four_of(8 << 20);
        let one = finds(&ROOMS, guest("192.0.2.1", 1), 8 * MIB).await;
        let two = finds(&ROOMS, guest("192.0.2.2", 1), 8 * MIB).await;
        assert!(one.is_some() && two.is_some());
        assert!(finds(&ROOMS, guest("192.0.2.3", 1), 64 << 10).await.is_none());
        assert!(finds(&ROOMS, guest("192.0.2.3", 2), 8 * MIB).await.is_some());
    }

    /// Who waits for a share of its own holds up nobody else, and gets it when it is free.
    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_share_is_in_nobodys_way() {
        static ROOMS: Rooms = Rooms::four_of(8 << 20);
        let first = finds(&ROOMS, guest("192.0.2.1", 1), 8 * MIB).await;
        let waits = tokio::spawn(finds(&ROOMS, guest("192.0.2.1", 1), 8 * MIB));
        tokio::task::yield_now().await;
        let at_once =
            tokio::time::timeout(Duration::ZERO, finds(&ROOMS, guest("192.0.2.2", 1), 8 * MIB));
        assert!(at_once.await.is_ok_and(|taken| taken.is_some()));
        drop(first);
        assert!(waits.await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_keeps_what_it_needs_alone() {
        static ROOMS: Rooms = Rooms::four_of(8 << 20);
        let (one, other) = (guest("192.0.2.1", 1), guest("192.0.2.2", 1));
        for (bytes, left) in [(MIB, 7), (LONG_SIGNED as u64 - 1, 8)] {
            let room = finds(&ROOMS, one, 8 * MIB).await;
            let sent = body("x".repeat(usize::try_from(bytes).unwrap()), room);
            assert!(finds(&ROOMS, one, left * MIB).await.is_some(), "{bytes}");
            assert!(finds(&ROOMS, one, left * MIB + 1).await.is_none(), "{bytes}");
            assert!(finds(&ROOMS, other, 8 * MIB).await.is_some(), "{bytes}");
            drop(sent);
            assert!(finds(&ROOMS, one, 8 * MIB).await.is_some(), "{bytes}");
        }
    }
}
