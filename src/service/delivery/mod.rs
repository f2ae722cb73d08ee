//! Delivery domains: the table of them in memory, and the use cases on them.
//!
//! All of them are in memory, with their keys open and their settings compiled. A change is durable
//! first, then in the table, then acknowledged: whatever request begins after that is decided by
//! it. One that has begun holds the domain that it was decided by, and is not disturbed.

mod admit;
mod applications;
mod change;
mod ends;
mod error;
mod keys;
mod seats;
mod sign;
mod steps;
mod tally;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::App;
use super::bucket;
use super::error::Error;
use super::vault::Vault;
use crate::domain::delivery::{DirectAccess, Everybody, Prefix, Surroundings, Tally, Terms};
use crate::domain::name::{BucketId, BucketName, DomainId, ObjectKey};
use crate::domain::op::HostName;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::{Keys, Settings};
use crate::meta::{DeliveryDomain, MetaError};
use crate::service::access::Administrator;
use seats::Room;
use tally::{ByKey, Counters, Running};

pub use admit::{Admitted, LastLink};
pub(super) use applications::Applications;
pub use applications::{Asker, MAX_APPLICATIONS, MadeApplication, NoLink, NotMade};
pub use change::{Change, NewDomain, Replace};
pub use error::DomainError;
pub use keys::{KeyPair, NewKeys};
pub use seats::CountedLink;
pub use sign::{CannotLink, LinkOrder, MadeLink};
pub use steps::KeyStep;
pub use tally::{DomainReport, OUTCOMES};

/// The most delivery domains: each is in memory, with its keys.
const MAX_DOMAINS: usize = 10_000;

/// A delivery domain in memory: immutable, replaced as a whole.
#[derive(Debug)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Its host.
    pub host: HostName,
    /// The bucket that it serves, by its number and its name.
    pub bucket: (BucketId, BucketName),
    /// When it was made.
    pub created: UnixMillis,
    /// When it was changed last.
    pub updated: UnixMillis,
    /// Its terms.
    pub terms: Terms,
    /// Its keys, also while signing is switched off.
    pub(super) keys: Option<KeyPair>,
    signing: Option<Settings>,
    /// What is counted, of all settings that the domain had.
    counters: Arc<Counters>,
    by_key: ByKey,
}

impl Domain {
    /// How URLs are signed; `None` if they are not.
    pub const fn signing(&self) -> Option<&Settings> {
        self.signing.as_ref()
    }

    /// Opens the keys of a stored domain and compiles its settings.
    fn found(
        stored: DeliveryDomain,
        bucket: BucketName,
        (vault, counters): (&Vault, Arc<Counters>),
    ) -> Result<Self, Error> {
        let keys = KeyPair::open(&stored, vault)?;
        let signing = keys::settings(&stored.terms, keys.as_ref());
        let signing = signing.map_err(|err| MetaError::Corrupt {
            table: "delivery_domains",
            row: stored.host.to_string(),
            reason: err.to_string(),
        })?;
        Ok(Self {
            id: stored.id,
            host: stored.host,
            bucket: (stored.bucket, bucket),
            created: stored.created,
            updated: stored.updated,
            terms: stored.terms,
            keys,
            by_key: counters.by_key(signing.as_ref()),
            counters,
            signing,
        })
    }

    /// What was counted and is not on its way to the database.
    pub(super) fn peek_tallies(&self, now: UnixMillis) -> Vec<Tally> {
        self.counters.peek(now)
    }
}

/// All delivery domains. Looking one up takes no lock.
#[derive(Debug, Default)]
pub struct Table {
    now: ArcSwap<Snapshot>,
    /// Held while domains change, so that they reach memory in the order of their commits. The
    /// hosts whose last change is in doubt: memory may be behind the database about them.
    changing: Mutex<Vec<HostName>>,
    /// Requests on all of them since the start.
    running: Running,
    /// Clients of links that only so many may use.
    room: Room,
}

/// Domains by host. Every request asks, for names that strangers choose, so the hash is a fast one
/// with a secret.
type ByHost = HashMap<HostName, Arc<Domain>, foldhash::fast::RandomState>;

#[derive(Clone, Debug, Default)]
struct Snapshot {
    by_host: ByHost,
    /// The domains that verify by each key, by its id, in the order of their hosts.
    by_key: HashMap<String, Vec<Arc<Domain>>>,
    /// The parts of buckets that only signed requests may read by the bucket's own hosts, with the
    /// domains that say so.
    closed: HashMap<BucketId, Vec<(HostName, Prefix)>>,
}

impl Snapshot {
    fn of(by_host: ByHost) -> Self {
        let mut closed = HashMap::<_, Vec<_>>::new();
        let mut by_key = HashMap::<_, Vec<_>>::new();
        let mut all: Vec<_> = by_host.values().collect();
        all.sort_unstable_by(|a, b| a.host.cmp(&b.host));
        for domain in all {
            let keys = domain.signing().map(Settings::keys);
            for id in keys.into_iter().flat_map(Keys::ids) {
                by_key.entry(id.to_owned()).or_default().push(Arc::clone(domain));
            }
            match domain.terms.direct {
                DirectAccess::ByAcl => {}
                DirectAccess::SignedOnly => {
                    let part = (domain.host.clone(), domain.terms.prefix.clone());
                    closed.entry(domain.bucket.0).or_default().push(part);
                }
            }
        }
        Self { by_host, by_key, closed }
    }
}

impl Table {
    /// Whether unsigned requests by the bucket's own hosts are refused for this object.
    pub fn closes(&self, bucket: BucketId, key: &ObjectKey) -> bool {
        let now = self.now.load();
        let closed = now.closed.get(&bucket);
        closed.is_some_and(|parts| parts.iter().any(|(_, prefix)| prefix.holds(key)))
    }

    /// Another domain that has unsigned requests refused for some of what this one serves.
    fn closing(&self, domain: &Domain) -> Option<HostName> {
        let now = self.now.load();
        let mut closed = now.closed.get(&domain.bucket.0).into_iter().flatten();
        let overlaps = |prefix: &Prefix| prefix.overlaps(&domain.terms.prefix);
        let found = closed.find(|(by, prefix)| *by != domain.host && overlaps(prefix));
        found.map(|(by, _)| by.clone())
    }

    /// The hosts of other domains that verify by a key of this one, in their order.
    fn sharing_a_key(&self, domain: &Domain, most: usize) -> Vec<HostName> {
        let now = self.now.load();
        let Some(keys) = domain.keys.as_ref() else { return Vec::new() };
        let ids = domain.signing().into_iter().flat_map(|it| it.keys().ids());
        // An id is short, and could be that of another key.
        let same = |other: &&Arc<Domain>| {
            let other = other.keys.iter().flat_map(KeyPair::all);
            other.into_iter().any(|other| keys.all().any(|key| key.matches(other)))
        };
        let of = |id: &str| {
            let all = now.by_key.get(id).into_iter().flatten();
            all.filter(|other| other.host != domain.host).filter(same).take(most)
        };
        let mut hosts: Vec<_> = ids.flat_map(of).map(|other| other.host.clone()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.truncate(most);
        hosts
    }

    /// Changes the table. `changing` is held.
    fn replace(&self, change: impl FnOnce(&mut ByHost)) {
        let mut by_host = self.now.load().by_host.clone();
        change(&mut by_host);
        self.now.store(Arc::new(Snapshot::of(by_host)));
    }

    /// The domain of a host.
    pub fn get(&self, host: &HostName) -> Option<Arc<Domain>> {
        self.get_if_any(|| Some(host))
    }

    /// The same, where the host is only asked for if there is any domain.
    pub fn get_if_any<H: Deref<Target = HostName>>(
        &self,
        host: impl FnOnce() -> Option<H>,
    ) -> Option<Arc<Domain>> {
        let now = self.now.load();
        if now.by_host.is_empty() { None } else { now.by_host.get(&*host()?).cloned() }
    }

    fn len(&self) -> usize {
        self.now.load().by_host.len()
    }

    fn all(&self) -> Vec<Arc<Domain>> {
        self.now.load().by_host.values().cloned().collect()
    }

    /// The counters of the domain of this id, also if it is new.
    fn counters_of(&self, host: &HostName, id: DomainId) -> Arc<Counters> {
        let known = self.get(host).filter(|domain| domain.id == id);
        known.map(|domain| Arc::clone(&domain.counters)).unwrap_or_default()
    }
}

/// Reads all stored domains into a table.
///
/// # Errors
///
/// [`Error`]: one cannot be read. A server that does not know who may read what does not serve.
pub(super) fn load(
    stored: Vec<DeliveryDomain>,
    buckets: &bucket::Table,
    vault: &Vault,
) -> Result<Table, Error> {
    let names: HashMap<_, _> =
        buckets.all().into_iter().map(|bucket| (bucket.id, bucket.name.clone())).collect();
    let mut by_host = ByHost::default();
    for domain in stored {
        let name = names.get(&domain.bucket).cloned();
        let name =
            name.ok_or(Error::Fault("a delivery domain serves a bucket that is not there"))?;
        let domain = Domain::found(domain, name, (vault, Arc::default()))?;
        by_host.insert(domain.host.clone(), Arc::new(domain));
    }
    let table = Table::default();
    table.replace(|all| *all = by_host);
    Ok(table)
}

impl App {
    /// All delivery domains in the order of their hosts.
    pub fn domains(&self, _by: &Administrator) -> Vec<Arc<Domain>> {
        let mut all = self.domains.all();
        all.sort_unstable_by(|a, b| a.host.cmp(&b.host));
        all
    }

    /// The hosts of all delivery domains, in their order.
    pub fn delivery_hosts(&self) -> Vec<HostName> {
        let mut hosts: Vec<_> = self.domains.all().iter().map(|it| it.host.clone()).collect();
        hosts.sort_unstable();
        hosts
    }

    /// The delivery domain of a host.
    ///
    /// # Errors
    ///
    /// [`DomainError::NoSuchDomain`].
    pub fn domain(&self, _by: &Administrator, host: &HostName) -> Result<Arc<Domain>, Error> {
        self.domain_of(host)
    }

    /// What there is around a domain that can make it weak. Of the hosts that share a key with it
    /// there are a few if they are many.
    pub fn surroundings(&self, domain: &Domain) -> Surroundings {
        const FEW: usize = 3;
        let (_, bucket) = &domain.bucket;
        Surroundings {
            everybody: Everybody { reads: self.is_open(bucket), writes: self.is_writable(bucket) },
            knows_regions: self.knows_regions,
            closed_by: self.domains.closing(domain),
            sharing: self.domains.sharing_a_key(domain, FEW),
        }
    }

    /// The hosts whose links may be for clients of some regions while nothing tells regions, in their
    /// order: they refuse all such links.
    pub fn hosts_without_regions(&self) -> Vec<HostName> {
        let all = if self.knows_regions { Vec::new() } else { self.domains.all() };
        let asking = all.iter().filter(|domain| domain.terms.asks_for_regions());
        let mut hosts: Vec<_> = asking.map(|domain| domain.host.clone()).collect();
        hosts.sort_unstable();
        hosts
    }

    fn domain_of(&self, host: &HostName) -> Result<Arc<Domain>, Error> {
        self.domains.get(host).ok_or_else(|| DomainError::NoSuchDomain(host.clone()).into())
    }
}
