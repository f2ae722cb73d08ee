//! Delivery domains.

use async_trait::async_trait;

use super::MetaError;
use crate::domain::delivery::{KeyEnd, Seat, Tally, Terms};
use crate::domain::name::{BucketId, DomainId};
use crate::domain::op::HostName;
use crate::domain::seal::Sealed;
use crate::domain::stats::Day;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::Scheme;

/// A delivery domain as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryDomain {
    /// Its id, never used twice.
    pub id: DomainId,
    /// Its host.
    pub host: HostName,
    /// The bucket that it serves.
    pub bucket: BucketId,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was changed last.
    pub updated: UnixMillis,
    /// Its terms.
    pub terms: Terms,
    /// The scheme that its keys are of, also while URLs are not signed. `None` if it has none, or
    /// they are from before this was kept.
    pub key_scheme: Option<Scheme>,
    /// The key that signs and verifies.
    pub primary: Option<Sealed>,
    /// The key that verifies as well.
    pub secondary: Option<Sealed>,
}

/// What came of writing a delivery domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutDomain {
    /// It is written.
    Done,
    /// The bucket is not there.
    NoSuchBucket,
    /// A domain of another id has the host.
    HostTaken,
}

/// Delivery domains.
#[async_trait]
pub trait DeliveryDomains: Send + Sync {
    /// All delivery domains, in no order.
    async fn all_domains(&self) -> Result<Vec<DeliveryDomain>, MetaError>;

    /// Finds the delivery domain of a host.
    async fn find_domain(&self, host: &HostName) -> Result<Option<DeliveryDomain>, MetaError>;

    /// Writes a delivery domain as a whole, in place of that of the same id.
    async fn put_domain(&self, domain: &DeliveryDomain) -> Result<PutDomain, MetaError>;

    /// Deletes a delivery domain and what was counted of it. Says whether it was there.
    async fn delete_domain(&self, id: DomainId) -> Result<bool, MetaError>;

    /// What was counted of a delivery domain on a day and those after it, in no order. It is added
    /// with the other [statistics](super::Stats::add_stats).
    async fn tallies_of(&self, id: DomainId, first: Day) -> Result<Vec<Tally>, MetaError>;

    /// Writes down until when links of keys are good, if their domains are there. A later end that is
    /// there stays.
    async fn put_key_ends(&self, ends: Vec<KeyEnd>) -> Result<(), MetaError>;

    /// The last second of the links of a key, by its id, as far as it was written down.
    async fn key_end(&self, id: DomainId, key_id: &str) -> Result<Option<i64>, MetaError>;

    /// Deletes the ends before this second.
    async fn prune_key_ends(&self, now: i64) -> Result<(), MetaError>;

    /// The clients of all links that end at this second or after it, in no order.
    async fn seats(&self, now: i64) -> Result<Vec<Seat>, MetaError>;

    /// Writes a client of a link down, if its domain is there. Twice is once. The other clients of
    /// the link stay as long as this one.
    async fn put_seat(&self, seat: &Seat) -> Result<(), MetaError>;

    /// Deletes the clients of links that ended before this second.
    async fn prune_seats(&self, now: i64) -> Result<(), MetaError>;
}
