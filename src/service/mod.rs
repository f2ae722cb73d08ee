//! Use cases: what the server does, in terms of the domain. The service knows the traits of
//! `meta` and `blob` and neither SQL nor HTTP bodies; it holds the only clock and the only
//! randomness.
//!
//! # Modules
//!
//! | module | holds |
//! | --- | --- |
//! | [`access`] | from a request's claim to a [`access::Permit`], the only key to a bucket |
//! | [`bucket`] | buckets in memory, and the use cases on them |
//! | [`delivery`] | delivery domains in memory, and the use cases on them |
//! | [`gate`] | the referer check of a request |
//! | [`settings`] | what decides beside policies, and who changed it |
//! | [`policy`] | referer policies: their history, and bringing them into force |
//! | [`object`] | reading, writing, copying, deleting, listing objects |
//! | [`multipart`] | uploads in parts |
//! | [`cache`], [`lines`] | object metadata in memory |
//! | [`inflight`], [`scrub`], `pins` | blobs that no row names: yet, or any more |
//! | `packs` | small bodies that are written together |
//! | [`stats`] | counting what the referer policy says, and telling it |
//! | [`iam`] | users, their keys and policies |
//! | [`vault`] | sealing secrets |
//! | [`clock`] | time, ids, randomness |

pub mod access;
pub mod bucket;
pub mod cache;
pub mod clock;
pub mod cors;
pub mod delivery;
pub mod error;
pub mod gate;
pub mod iam;
pub mod inflight;
pub mod lines;
pub mod multipart;
pub mod object;
mod packs;
mod pins;
pub mod policy;
pub mod scrub;
pub mod settings;
pub mod stats;
pub mod vault;

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::task::TaskTracker;

use crate::blob::BlobStore;
use crate::domain::name::{AccessKeyId, Region};
use crate::domain::op::HostRules;
use crate::domain::seal::Keyring;
use crate::domain::secret::SecretKey;
use crate::domain::stats::Totals;
use crate::meta::{Keep, Meta};

use access::RootKey;
use cache::ObjectCache;
use clock::Clock;
use error::Error;
use inflight::InFlight;
use packs::Packs;
use pins::Pins;
use scrub::ScrubProgress;
use vault::Vault;

/// What the service is built from.
pub struct Parts {
    /// The metadata.
    pub meta: Arc<dyn Meta>,
    /// The bytes.
    pub blobs: Arc<dyn BlobStore>,
    /// The clock.
    pub clock: Clock,
    /// The region that signatures are made for.
    pub region: Region,
    /// Which hosts OSS's protocol is spoken on.
    pub hosts: HostRules,
    /// Whether something tells in which region a client is.
    pub knows_regions: bool,
    /// The owner's access key.
    pub root: (AccessKeyId, SecretKey),
    /// The master key, which seals all other secrets.
    pub master_keys: Keyring,
    /// How much memory object metadata may take.
    pub object_cache_bytes: u64,
    /// How much of the history of a policy is kept.
    pub keep: Keep,
    /// How long statistics are kept.
    pub keep_stats: stats::Keep,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The server's state and its use cases. Shared by all requests.
pub struct App {
    /// Time and ids.
    pub clock: Clock,
    region: Region,
    hosts: HostRules,
    knows_regions: bool,
    root: RootKey,
    /// Seals secrets for the database.
    vault: Vault,
    /// The users; `None` while they cannot be read.
    users: ArcSwapOption<iam::Directory>,
    /// Held while users, keys or policies change, so that memory is as the last commit left it.
    changing_users: Mutex<()>,
    meta: Arc<dyn Meta>,
    blobs: Arc<dyn BlobStore>,
    buckets: bucket::Table,
    domains: delivery::Table,
    applications: delivery::Applications,
    objects: ObjectCache,
    inflight: InFlight,
    packs: Packs,
    pins: Pins,
    scrub: ScrubProgress,
    keep: Keep,
    /// Slots for compiling large policies.
    compilers: Semaphore,
    scanners: gate::Scanners,
    /// Slots for writing bytes anew that are copied of several places.
    rewriters: Semaphore,
    stats: Arc<stats::Recorder>,
    /// Held while a bucket is created or deleted.
    creating: Mutex<()>,
    /// Work that must end before the process does.
    tasks: TaskTracker,
}

impl App {
    /// Builds the service and loads all buckets and users.
    ///
    /// # Errors
    ///
    /// [`Error`]: the buckets or the users cannot be read. A policy that cannot be read is such an error too:
    /// a server that does not know whom to refuse does not serve.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, Error> {
        let buckets = bucket::Table::default();
        for bucket in parts.meta.all_buckets().await? {
            buckets.add(bucket);
        }
        let vault = Vault::new(parts.master_keys);
        let stored = parts.meta.all_domains().await?;
        let domains = delivery::load(stored, &buckets, &vault)?;
        domains.seat(&parts.meta.seats(parts.clock.now().as_secs()).await?);
        let applications = delivery::Applications::default();
        applications.load(parts.meta.all_applications().await?);
        let users = iam::Directory::open(parts.meta.directory().await?, &vault)?;
        let stats = stats::Recorder::new(parts.keep_stats, parts.clock.unique());
        let (pins, tasks) = (Pins::default(), TaskTracker::new());
        let both = (parts.meta.clone(), parts.blobs.clone());
        let inflight = InFlight::new(both, pins.clone(), tasks.clone());
        let app = Arc::new(Self {
            clock: parts.clock,
            region: parts.region,
            hosts: parts.hosts,
            knows_regions: parts.knows_regions,
            root: RootKey::new(parts.root),
            vault,
            users: ArcSwapOption::from_pointee(users),
            changing_users: Mutex::new(()),
            buckets,
            domains,
            applications,
            objects: ObjectCache::new(parts.object_cache_bytes),
            packs: Packs::new(parts.blobs.clone(), inflight.clone()),
            inflight,
            pins,
            meta: parts.meta,
            blobs: parts.blobs,
            scrub: ScrubProgress::default(),
            keep: parts.keep,
            compilers: Semaphore::new(policy::COMPILERS),
            scanners: gate::Scanners::default(),
            rewriters: Semaphore::new(multipart::part::REWRITERS),
            stats: Arc::new(stats),
            creating: Mutex::new(()),
            tasks,
        });
        for bucket in app.buckets.all() {
            app.compile_soon(&bucket);
        }
        Ok(app)
    }

    /// The region that signatures are made for.
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// The id of the owner of all buckets, as XML bodies show it.
    pub const fn owner(&self) -> &AccessKeyId {
        self.root.id()
    }

    /// How far the scrub is.
    pub fn scrub_report(&self) -> scrub::ScrubReport {
        self.scrub.report()
    }

    /// What the referer policies decided since the start, of all buckets together.
    pub fn decisions(&self) -> Totals {
        self.stats.totals_since_start()
    }

    /// How many buckets there are.
    pub fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// Whether the metadata answers.
    ///
    /// # Errors
    ///
    /// [`Error`] if it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        self.meta.bucket_usage(crate::domain::name::BucketId(0)).await?;
        Ok(())
    }

    /// Runs a change to its end even if the client goes away: between the commit and the end of
    /// the change, memory would contradict the database.
    async fn to_the_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let task = self.tasks.spawn(change);
        task.await.map_err(|_| Error::Fault("a change panicked"))?
    }

    /// Waits until all changes that were begun have come to their end, and writes down what was
    /// counted.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.end_stats().await;
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("region", &self.region).finish_non_exhaustive()
    }
}
