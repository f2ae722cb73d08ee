//! Buckets: the table of them in memory, and the use cases on them.
//!
//! All buckets with their settings are in memory, so that a request for an object asks no
//! database about its bucket. This process is the only writer of the database, and a change is
//! put into the table after it is durable and before it is acknowledged, so the table is exact.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::{ArcSwap, Guard};
use papaya::HashMap;
use tokio::sync::{Mutex, MutexGuard};

use super::App;
use super::access::{BucketPermit, NewBucketPermit, ServicePermit};
use super::error::Error;
use super::policy::RefererState;
use super::stats::Counters;
use crate::domain::acl::BucketAcl;
use crate::domain::code;
use crate::domain::cors::CorsRules;
use crate::domain::iam::PolicyDocument;
use crate::domain::name::{BucketId, BucketName};
use crate::domain::object::StorageClass;
use crate::domain::op::Level;
use crate::domain::referer::{DependsOn, MAX_LIST_BYTES};
use crate::domain::setting::Way;
use crate::domain::time::UnixMillis;
use crate::meta::{self, Created, DeletedBucket, Usage};

/// A bucket in memory.
#[derive(Debug)]
pub struct Bucket {
    /// Its number.
    pub id: BucketId,
    /// Its name.
    pub name: BucketName,
    /// When it was created.
    pub created: UnixMillis,
    /// The class of objects that are uploaded without one.
    pub storage_class: StorageClass,
    /// What was counted of the requests for its objects.
    pub(super) counters: Counters,
    settings: ArcSwap<Settings>,
    /// Held while settings change, so that they reach memory in the order of their commits.
    pub(super) changing: Mutex<()>,
    /// Held while a policy is compiled in the background.
    pub(super) compiling: Mutex<()>,
    /// Set while the outcome of a change of the policy is in doubt: it may yet turn up, so what is
    /// in memory is no reason to write nothing.
    pub(super) policy_in_doubt: AtomicBool,
    /// The same of the other settings.
    pub(super) settings_in_doubt: AtomicBool,
}

/// What a bucket's owner can change: immutable, replaced as a whole.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What strangers may do.
    pub acl: BucketAcl,
    /// The bucket's own policy about who may do what, if it has one.
    pub document: Option<Arc<PolicyDocument>>,
    /// The referer policy, and what answers by it.
    pub referer: RefererState,
    /// The most bytes of rules that `PutBucketReferer` may bring, if it is not OSS's.
    pub referer_max_bytes: Option<u32>,
    /// Which pages of other origins may read answers, if any.
    pub cors: Option<Arc<CorsRules>>,
}

impl Settings {
    /// The most bytes of rules that `PutBucketReferer` may bring.
    pub fn referer_limit(&self) -> usize {
        self.referer_max_bytes.map_or(MAX_LIST_BYTES, |bytes| bytes as usize)
    }
}

impl Bucket {
    /// The settings that are in force now.
    pub fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// What of a request the answers about the bucket, or about what is in it, depend on, so that a
    /// cache must keep them apart, and the cross-origin rules for their headers.
    pub fn answers_depend_on(&self, level: Level) -> (DependsOn, Option<Arc<CorsRules>>) {
        let settings = self.settings();
        let of_referer = (level == Level::Object).then(|| settings.referer.depends_on());
        (of_referer.unwrap_or(DependsOn::Nothing), settings.cors.clone())
    }

    /// Waits until no other change is under way.
    pub(super) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Changes the settings. [`Self::changing`] is held.
    pub(super) fn replace(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = Settings::clone(&self.settings.load());
        change(&mut settings);
        self.settings.store(Arc::new(settings));
    }
}

impl From<meta::Bucket> for Bucket {
    fn from(stored: meta::Bucket) -> Self {
        let settings = Settings {
            acl: stored.acl,
            document: stored.policy_document,
            referer: RefererState::found(stored.policy_version, stored.policy, stored.extras),
            referer_max_bytes: stored.referer_max_bytes,
            cors: stored.cors.map(Arc::new),
        };
        Self {
            id: stored.id,
            name: stored.name,
            created: stored.created,
            storage_class: stored.storage_class,
            counters: Counters::default(),
            settings: ArcSwap::from_pointee(settings),
            changing: Mutex::new(()),
            compiling: Mutex::new(()),
            policy_in_doubt: AtomicBool::new(false),
            settings_in_doubt: AtomicBool::new(false),
        }
    }
}

/// All buckets by name. Looking one up takes no lock. Every request does, and names come from those
/// who may create buckets, so the hash is a fast one with a secret.
#[derive(Debug, Default)]
pub struct Table(HashMap<BucketName, Arc<Bucket>, foldhash::fast::RandomState>);

impl Table {
    /// Finds a bucket.
    pub fn find(&self, name: &BucketName) -> Option<Arc<Bucket>> {
        self.0.pin().get(name).cloned()
    }

    /// Whether this very bucket is in the table.
    pub(super) fn has(&self, bucket: &Bucket) -> bool {
        self.find(&bucket.name).is_some_and(|present| present.id == bucket.id)
    }

    /// Puts a stored bucket into the table.
    pub fn add(&self, stored: meta::Bucket) {
        let bucket = Bucket::from(stored);
        self.0.pin().insert(bucket.name.clone(), Arc::new(bucket));
    }

    /// Takes this very bucket out. One that was created since under the same name stays.
    fn remove(&self, bucket: &Bucket) {
        let _ = self.0.pin().remove_if(&bucket.name, |_, present| present.id == bucket.id);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All buckets, in no order.
    pub(super) fn all(&self) -> Vec<Arc<Bucket>> {
        self.0.pin().values().cloned().collect()
    }

    fn sorted(&self) -> Vec<Arc<Bucket>> {
        let mut all = self.all();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

/// Which buckets a page of `ListBuckets` is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketQuery {
    /// Only names that begin with it.
    pub prefix: String,
    /// Only names after it.
    pub marker: String,
    /// The most buckets on the page.
    pub max_keys: usize,
}

/// A page of `ListBuckets`.
#[derive(Debug)]
pub struct BucketPage {
    /// The buckets in the order of their names.
    pub buckets: Vec<Arc<Bucket>>,
    /// The last name on the page, if there are more after it.
    pub next: Option<BucketName>,
}

impl App {
    /// Lists the buckets that the sender may see.
    pub fn list_buckets(&self, permit: &ServicePermit, query: &BucketQuery) -> BucketPage {
        let mut buckets = self.buckets.sorted();
        let wanted = |name: &str| name.starts_with(&query.prefix) && name > query.marker.as_str();
        buckets.retain(|bucket| wanted(bucket.name.as_str()) && self.may_see(permit, bucket));
        let more = buckets.len() > query.max_keys;
        buckets.truncate(query.max_keys);
        let next = buckets.last().filter(|_| more).map(|bucket| bucket.name.clone());
        BucketPage { buckets, next }
    }

    /// Creates a bucket. Its owner may ask for one that is there already; an ACL that is given
    /// then replaces the old one, as `PutBucket` does.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn create_bucket(
        self: &Arc<Self>,
        permit: NewBucketPermit,
        acl: Option<BucketAcl>,
        class: StorageClass,
    ) -> Result<(), Error> {
        if acl.is_some() {
            self.may_set_acl(&permit)?;
        }
        let app = self.clone();
        self.to_the_end(async move {
            // One at a time, so that the table never shows an older bucket over a newer one.
            let _creating = app.creating.lock().await;
            let name = permit.name();
            let now = app.clock.now();
            let wanted = acl.unwrap_or_default();
            match app.meta.create_bucket(name, wanted, class, now).await? {
                Created::New(bucket) => app.buckets.add(bucket),
                Created::Exists => {
                    let bucket = app.existing_bucket(name).await?;
                    if let Some(acl) = acl {
                        app.change_acl(&bucket, acl, Way::PutBucket).await?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Deletes an empty bucket.
    ///
    /// # Errors
    ///
    /// [`code::BUCKET_NOT_EMPTY`], [`code::BUCKET_SERVED`], or another [`Error`].
    pub async fn delete_bucket(self: &Arc<Self>, permit: BucketPermit) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let _creating = app.creating.lock().await;
            let bucket = permit.bucket();
            match app.meta.delete_bucket(bucket.id).await? {
                DeletedBucket::Gone => {
                    app.buckets.remove(bucket);
                    Ok(())
                }
                DeletedBucket::NotEmpty => Err(Error::Refused(code::BUCKET_NOT_EMPTY)),
                DeletedBucket::Served => Err(Error::Refused(code::BUCKET_SERVED)),
                DeletedBucket::NoSuchBucket => {
                    // An earlier deletion whose outcome was in doubt did happen.
                    app.buckets.remove(bucket);
                    Err(Error::NoSuchBucket(bucket.name.clone()))
                }
            }
        })
        .await
    }

    /// A bucket that the database has. Memory lacks it only if the outcome of its creation was in
    /// doubt.
    async fn existing_bucket(self: &Arc<Self>, name: &BucketName) -> Result<Arc<Bucket>, Error> {
        if let Some(bucket) = self.buckets.find(name) {
            return Ok(bucket);
        }
        let stored = self.meta.all_buckets().await?.into_iter().find(|b| b.name == *name);
        self.buckets.add(stored.ok_or_else(|| Error::NoSuchBucket(name.clone()))?);
        let bucket = self.buckets.find(name);
        let bucket = bucket.ok_or(Error::Fault("a bucket that was added is not there"))?;
        self.compile_soon(&bucket);
        Ok(bucket)
    }

    /// How much a bucket holds.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn bucket_usage(&self, permit: &BucketPermit) -> Result<Usage, Error> {
        Ok(self.meta.bucket_usage(permit.bucket().id).await?)
    }
}
