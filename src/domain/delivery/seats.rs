//! Links that only so many clients may use: who has a seat.
//!
//! A client that has a seat keeps it as long as its link is good. The table is bounded, and a seat is
//! never taken from a link that has not ended, because its clients would be counted anew: links that
//! have ended leave, and when there are none of those, a link that nobody has used yet is refused.
//!
//! Source: Tencent Cloud VOD "Key hotlink protection", `rlimit`. How clients are told apart and for
//! how long they are counted is decided here.

use core::net::IpAddr;
use std::collections::HashMap;

use crate::domain::name::DomainId;
use crate::domain::urlsign::LinkId;

/// Whom a link counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which one
/// subscriber has as many addresses as he likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClientNet {
    /// An address of IPv4.
    V4([u8; 4]),
    /// The first half of an address of IPv6.
    V6([u8; 8]),
}

impl ClientNet {
    /// The client with this address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                Self::V6(address.octets().first_chunk().copied().unwrap_or_default())
            }
        }
    }

    /// As it is stored: 4 or 8 bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::V4(bytes) => bytes,
            Self::V6(bytes) => bytes,
        }
    }

    /// Reads what was stored.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let four = bytes.try_into().map(Self::V4);
        four.or_else(|_| bytes.try_into().map(Self::V6)).ok()
    }
}

/// A client of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The domain of the link.
    pub domain: DomainId,
    /// The link.
    pub link: LinkId,
    /// The client.
    pub client: ClientNet,
    /// The last second of the link, after the epoch.
    pub until: i64,
}

/// What becomes of a client that uses a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seating {
    /// It has a seat, which is durable.
    Kept,
    /// It has a seat that is to be written down before anything is given.
    New,
    /// Others have all seats of the link.
    Taken,
    /// There is no room for another link.
    Crowded,
}

/// Who has a seat.
#[derive(Debug)]
pub struct Seats {
    links: HashMap<(DomainId, LinkId), Row>,
    /// How many links there can be.
    most: usize,
    /// No link ends before that.
    first_end: i64,
}

/// The seats of one link: at most 9.
#[derive(Debug)]
struct Row {
    until: i64,
    /// The end with which those seats were written down that are durable. The link can end later
    /// since: when the tolerance of its domain was raised.
    written: i64,
    /// With whether they are durable.
    clients: Vec<(ClientNet, bool)>,
}

impl Seats {
    /// A table for so many links.
    pub fn new(most: usize) -> Self {
        Self { links: HashMap::new(), most, first_end: i64::MAX }
    }

    /// Gives a client a seat, if it has none and there is one. `now` is in seconds after the epoch.
    pub fn ask(&mut self, seat: &Seat, max: u8, now: i64) -> Seating {
        if let Some(row) = self.links.get_mut(&(seat.domain, seat.link)) {
            return row.ask(seat, max);
        }
        if self.links.len() >= self.most {
            self.sweep(now);
        }
        if self.links.len() >= self.most {
            return Seating::Crowded;
        }
        self.row(seat).seat(seat.client, false);
        Seating::New
    }

    /// Remembers that a seat is durable, and with it those of the other clients until that time. What
    /// was forgotten meanwhile, with its domain, stays so.
    pub fn written(&mut self, seat: &Seat) {
        if let Some(row) = self.links.get_mut(&(seat.domain, seat.link)) {
            row.seat(seat.client, true);
            row.written = row.written.max(seat.until);
        }
    }

    /// Takes over a seat that was written down.
    pub fn restore(&mut self, seat: &Seat) {
        let row = self.row(seat);
        row.seat(seat.client, true);
        row.until = row.until.max(seat.until);
        row.written = row.written.min(seat.until);
    }

    /// The seats of a link; none if they are not known.
    fn row(&mut self, seat: &Seat) -> &mut Row {
        self.first_end = self.first_end.min(seat.until);
        let empty = Row { until: seat.until, written: seat.until, clients: Vec::new() };
        self.links.entry((seat.domain, seat.link)).or_insert(empty)
    }

    /// Removes links that have ended.
    pub fn sweep(&mut self, now: i64) {
        if self.first_end < now {
            self.links.retain(|_, row| row.until >= now);
            self.first_end = self.links.values().map(|row| row.until).min().unwrap_or(i64::MAX);
        }
    }

    /// Removes the links of a domain that is gone.
    pub fn forget(&mut self, domain: DomainId) {
        self.links.retain(|(of, _), _| *of != domain);
    }
}

impl Row {
    fn ask(&mut self, seat: &Seat, max: u8) -> Seating {
        let known = self.clients.iter().find(|(client, _)| *client == seat.client);
        let known = known.map(|(_, durable)| *durable);
        if known.is_none() && self.clients.len() >= usize::from(max) {
            return Seating::Taken;
        }
        self.until = self.until.max(seat.until);
        if known == Some(true) && seat.until <= self.written {
            return Seating::Kept;
        }
        self.seat(seat.client, false);
        Seating::New
    }

    /// Gives a client a seat, or remembers that its seat is durable.
    fn seat(&mut self, client: ClientNet, durable: bool) {
        match self.clients.iter_mut().find(|(known, _)| *known == client) {
            Some((_, known)) => *known |= durable,
            None => self.clients.push((client, durable)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn seat(domain: u128, link: u8, client: &str, until: i64) -> Seat {
        Seat {
            domain: DomainId(Uuid::from_u128(domain)),
            link: LinkId([link; 16]),
            client: ClientNet::of(client.parse().unwrap()),
            until,
        }
    }

    #[test]
    fn who_is_one_client() {
        #[rustfmt::skip]
        let table = [
            ("the same address",           "192.0.2.1",     "192.0.2.1",        true),
            ("its neighbour",              "192.0.2.1",     "192.0.2.2",        false),
            ("the form that IPv6 has",     "192.0.2.1",     "::ffff:192.0.2.1", true),
            ("one /64",                    "2001:db8::1",   "2001:db8::ffff:1", true),
            ("the next /64",               "2001:db8::1",   "2001:db8:0:1::1",  false),
        ];
        for (name, one, other, want) in table {
            let [one, other] = [one, other].map(|text| ClientNet::of(text.parse().unwrap()));
            assert_eq!(one == other, want, "{name}");
            assert_eq!(ClientNet::from_bytes(one.as_bytes()), Some(one), "{name}");
        }
        assert_eq!(ClientNet::from_bytes(&[1; 5]), None);
    }

    #[test]
    fn who_gets_a_seat() {
        use Seating::{Crowded, Kept, New, Taken};
        let mut seats = Seats::new(2);
        let (a, b, c) = ("192.0.2.1", "192.0.2.2", "2001:db8::3");
        #[rustfmt::skip]
        let table = [
            ("the first client",                     seat(1, 1, a, 50), 2, 10, New),
            ("again, before it was written",         seat(1, 1, a, 50), 2, 10, New),
            ("the second",                           seat(1, 1, b, 50), 2, 10, New),
            ("the third",                            seat(1, 1, c, 50), 2, 10, Taken),
            ("the same link of another domain",      seat(2, 1, c, 20), 1, 10, New),
            ("a third link",                         seat(2, 2, c, 90), 1, 20, Crowded),
            ("when another link has ended",          seat(2, 2, c, 90), 1, 21, New),
            ("what has ended was forgotten",         seat(2, 1, a, 20), 1, 21, Crowded),
            ("those who have a seat are not asked",  seat(1, 1, b, 50), 2, 21, New),
        ];
        for (name, seat, max, now, want) in table {
            assert_eq!(seats.ask(&seat, max, now), want, "{name}");
        }
        seats.written(&seat(1, 1, a, 50));
        assert_eq!(seats.ask(&seat(1, 1, a, 50), 2, 21), Kept);
        assert_eq!(seats.ask(&seat(1, 1, b, 50), 2, 21), New, "not written yet");
        seats.forget(DomainId(Uuid::from_u128(1)));
        seats.written(&seat(1, 1, a, 50));
        assert_eq!(seats.ask(&seat(1, 1, c, 50), 1, 21), New, "what was written late is forgotten");
    }

    /// A tolerance that is raised makes links end later: their clients keep their seats until then.
    #[test]
    fn a_link_that_ends_later_keeps_its_clients() {
        use Seating::{Kept, New, Taken};
        let mut seats = Seats::new(2);
        let (a, b, c) = ("192.0.2.1", "192.0.2.2", "192.0.2.3");
        for client in [a, b] {
            seats.restore(&seat(1, 1, client, 50));
            assert_eq!(seats.ask(&seat(1, 1, client, 50), 2, 10), Kept);
        }
        assert_eq!(seats.ask(&seat(1, 1, a, 80), 2, 40), New, "to be written down again");
        seats.sweep(60);
        assert_eq!(seats.ask(&seat(1, 1, c, 80), 2, 60), Taken);
        assert_eq!(seats.ask(&seat(1, 1, a, 80), 2, 60), New, "as long as it is not written");
        seats.written(&seat(1, 1, a, 80));
        assert_eq!(seats.ask(&seat(1, 1, a, 80), 2, 60), Kept);
        assert_eq!(seats.ask(&seat(1, 1, b, 80), 2, 60), Kept, "the seats of a link end together");
        assert_eq!(seats.ask(&seat(1, 1, b, 50), 2, 60), Kept, "the tolerance is as it was");
        seats.sweep(81);
        assert_eq!(seats.ask(&seat(1, 1, c, 80), 2, 81), New);
    }
}
