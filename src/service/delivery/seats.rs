//! Clients of links that only so many may use.
//!
//! A client has its seat in memory before anybody else is asked for, so two of them never both get
//! the last one; and in the database before it gets anything, so a restart takes no seat away. A
//! seat that could not be written stays with its client, who is told of the failure and may ask
//! again. A client that is known costs a lock and no database, and a link without a limit neither.

use core::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Admitted, Domain};
use crate::domain::delivery::{ClientNet, Seat, Seating, Seats};
use crate::domain::name::DomainId;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::{Clients, Denial, Reason};
use crate::meta::MetaError;
use crate::service::App;
use crate::service::error::Error;

/// How many links can be counted at once: with 9 clients each they take about 25 MiB.
const MAX_LINKS: usize = 100_000;

/// The seats, with their lock.
#[derive(Debug)]
pub(super) struct Room(Mutex<Seats>);

impl Default for Room {
    fn default() -> Self {
        Self(Mutex::new(Seats::new(MAX_LINKS)))
    }
}

impl Room {
    fn seats(&self) -> MutexGuard<'_, Seats> {
        // It is whole between two steps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget(&self, domain: DomainId) {
        self.seats().forget(domain);
    }
}

impl super::Table {
    /// Takes over the seats that were stored.
    pub(in crate::service) fn seat(&self, stored: &[Seat]) {
        let mut seats = self.room.seats();
        for seat in stored {
            seats.restore(seat);
        }
    }

    /// Asks for a seat. A domain that is gone, by which the request was decided before, has none to
    /// give. That is asked under the lock, and whoever deletes a domain forgets its seats after that.
    fn ask(&self, domain: &Domain, seat: &Seat, (max, now): (u8, i64)) -> Seating {
        let mut seats = self.room.seats();
        if self.get(&domain.host).is_some_and(|there| there.id == domain.id) {
            seats.ask(seat, max, now)
        } else {
            Seating::Taken
        }
    }
}

/// A link that only so many clients may use.
#[derive(Clone, Copy, Debug)]
pub struct CountedLink {
    clients: Clients,
    until: i64,
}

impl Admitted<'_> {
    /// The link, if its clients are counted.
    pub fn counted(&self) -> Option<CountedLink> {
        let pass = self.pass.as_ref()?;
        pass.limits.clients.map(|clients| CountedLink { clients, until: pass.until })
    }
}

impl App {
    /// Counts a client of a link, unless it was counted before. `None` if it may use the link. Who
    /// cannot be told from others may not.
    ///
    /// # Errors
    ///
    /// [`Error`]: it could not be written down.
    pub async fn count_client(
        &self,
        domain: &Domain,
        link: CountedLink,
        client: Option<IpAddr>,
    ) -> Result<Option<Denial>, Error> {
        let Some(client) = client.map(ClientNet::of) else {
            return Ok(Some(Reason::Clients.into()));
        };
        let CountedLink { clients, until } = link;
        let seat = Seat { domain: domain.id, link: clients.link, client, until };
        let now = self.clock.now().as_secs();
        match self.domains.ask(domain, &seat, (clients.max, now)) {
            Seating::Kept => Ok(None),
            Seating::New => {
                self.meta.put_seat(&seat).await?;
                self.domains.room.seats().written(&seat);
                Ok(None)
            }
            Seating::Taken => Ok(Some(Reason::Clients.into())),
            Seating::Crowded => {
                tracing::warn!(
                    host = %domain.host,
                    "refused a link of {}: the clients of {MAX_LINKS} links are counted already",
                    domain.host,
                );
                Ok(Some(Reason::Clients.into()))
            }
        }
    }

    /// Forgets the clients of links that have ended.
    pub(in crate::service) async fn prune_seats(&self, now: UnixMillis) -> Result<(), MetaError> {
        self.domains.room.seats().sweep(now.as_secs());
        self.meta.prune_seats(now.as_secs()).await
    }
}
