//! Referer policies: changing them, their history, and bringing them into force.
//!
//! A change is durable first, then in memory, then in force, then acknowledged; but a policy of
//! a few thousand rules or more is acknowledged when it is durable and compiled behind the back of
//! the requests. Until it is in force the one before it answers. After a start there is none
//! before it: then its rules are gone through, a few requests at a time, and those that would
//! have to wait long for that are refused as unavailable, and never let through.
//!
//! # Invariants
//!
//! * Changes of a bucket's policy are made one after the other, by the bucket's lock, so what
//!   reaches memory comes in the order of the commits.
//! * A matcher replaces one of an older version only. A large policy that was compiled for long
//!   does not displace a small one that was put in the meantime.

mod force;
mod reset;
mod state;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::App;
use super::access::BucketPermit;
use super::bucket::Bucket;
use super::error::Error;
use crate::domain::code;
use crate::domain::name::AccessKeyId;
use crate::domain::referer::lint::List;
use crate::domain::referer::{
    Edited, How, MAX_LARGE_LIST_BYTES, MAX_RULES, Newer, Pattern, Policy, PolicyVersion, Record,
    VersionSummary, edit, lost,
};

pub(super) use force::COMPILERS;
pub use state::RefererState;
pub(super) use state::is_prompt;

/// Which version a change is meant for (`If-Match`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whichever is the newest.
    Any,
    /// The newest, if it is one of these.
    OneOf(Vec<PolicyVersion>),
}

impl Expect {
    fn check(&self, newest: PolicyVersion) -> Result<(), Error> {
        match self {
            Self::OneOf(versions) if !versions.contains(&newest) => {
                Err(Error::Refused(code::POLICY_CHANGED))
            }
            Self::Any | Self::OneOf(_) => Ok(()),
        }
    }
}

/// Who changes a policy, and on what condition.
#[derive(Clone, Debug)]
pub struct Order {
    /// The access key.
    pub who: AccessKeyId,
    /// The condition.
    pub expect: Expect,
}

/// What came of a change.
#[derive(Debug)]
pub struct Outcome<R = ()> {
    /// The newest version after it.
    pub version: PolicyVersion,
    /// Whether that one answers requests.
    pub in_force: bool,
    /// Whether it is another than before: what is put and there already makes no version.
    pub changed: bool,
    /// What else there is to say.
    pub report: R,
}

/// A change as it was worked out from the policy before it.
struct Draft<R> {
    policy: Policy,
    how: How,
    note: String,
    report: R,
}

impl Draft<()> {
    const fn of(policy: Policy, how: How) -> Self {
        Self { policy, how, note: String::new(), report: () }
    }
}

/// Rules to add to a list and to remove from it.
#[derive(Clone, Debug)]
pub struct RuleEdit {
    /// The list.
    pub list: List,
    /// Rules to add.
    pub add: Vec<Pattern>,
    /// Rules to remove, before the others are added.
    pub remove: Vec<Pattern>,
}

impl App {
    /// Replaces a policy as a whole, as `PutBucketReferer` does. What the request did not have,
    /// and so cleared without saying so, is recorded.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn put_oss_policy(
        self: &Arc<Self>,
        permit: BucketPermit,
        policy: Policy,
        absent: Vec<Newer>,
    ) -> Result<Outcome, Error> {
        let who = permit.who().unwrap_or(self.owner()).clone();
        let order = Order { who, expect: Expect::Any };
        let draft = move |old: &Policy| {
            let note = lost(old, &absent).unwrap_or_default();
            Draft { note, ..Draft::of(policy, How::OssPut) }
        };
        self.change_policy(permit.into_bucket(), order, draft).await
    }

    /// Replaces a policy as a whole.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn put_policy(
        self: &Arc<Self>,
        permit: BucketPermit,
        order: Order,
        (policy, how): (Policy, How),
    ) -> Result<Outcome, Error> {
        self.change_policy(permit.into_bucket(), order, move |_| Draft::of(policy, how)).await
    }

    /// Replaces one list.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn put_list(
        self: &Arc<Self>,
        permit: BucketPermit,
        order: Order,
        (list, rules): (List, Vec<Pattern>),
    ) -> Result<Outcome, Error> {
        let draft = move |old: &Policy| Draft::of(old.with_list(list, rules), How::ApiLines);
        self.change_policy(permit.into_bucket(), order, draft).await
    }

    /// Adds and removes single rules.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn edit_rules(
        self: &Arc<Self>,
        permit: BucketPermit,
        order: Order,
        RuleEdit { list, add, remove }: RuleEdit,
    ) -> Result<Outcome<Edited>, Error> {
        let draft = move |old: &Policy| {
            let (rules, report) = edit(list.of(old), &add, &remove);
            let how = match (report.added.is_empty(), report.removed.is_empty()) {
                (_, true) => How::Add,
                (true, false) => How::Remove,
                (false, false) => How::Edit,
            };
            Draft { policy: old.with_list(list, rules), how, note: String::new(), report }
        };
        self.change_policy(permit.into_bucket(), order, draft).await
    }

    /// Puts the policy of a version again. Returns `None` if it is not kept.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn roll_back(
        self: &Arc<Self>,
        permit: BucketPermit,
        order: Order,
        version: PolicyVersion,
    ) -> Result<Option<Outcome>, Error> {
        let Some(policy) = self.policy_at(&permit, version).await? else { return Ok(None) };
        let note = format!("to version {version}");
        let draft = move |_: &Policy| Draft { note, ..Draft::of(policy, How::Rollback) };
        self.change_policy(permit.into_bucket(), order, draft).await.map(Some)
    }

    /// The versions before that one, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn policy_versions(
        &self,
        permit: &BucketPermit,
        before: Option<PolicyVersion>,
        limit: u32,
    ) -> Result<Vec<VersionSummary>, Error> {
        Ok(self.meta.policy_versions(permit.bucket().id, before, limit).await?)
    }

    /// A version, if it is kept.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn policy_version(
        &self,
        permit: &BucketPermit,
        version: PolicyVersion,
    ) -> Result<Option<(Record, Policy)>, Error> {
        Ok(self.meta.policy_version(permit.bucket().id, version).await?)
    }

    /// The policy of a version, if it is kept; that of version 0 is the default.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn policy_at(
        &self,
        permit: &BucketPermit,
        version: PolicyVersion,
    ) -> Result<Option<Policy>, Error> {
        if version == PolicyVersion::default() {
            return Ok(Some(Policy::default()));
        }
        Ok(self.policy_version(permit, version).await?.map(|(_, policy)| policy))
    }

    /// Changes a policy: works the new one out from the newest, makes it durable, and brings it
    /// into force or has that done.
    async fn change_policy<R: Send + 'static>(
        self: &Arc<Self>,
        bucket: Arc<Bucket>,
        order: Order,
        draft: impl FnOnce(&Policy) -> Draft<R> + Send + 'static,
    ) -> Result<Outcome<R>, Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let _changing = bucket.changing.lock().await;
            app.change_policy_held(&bucket, order, draft).await
        })
        .await
    }

    /// The same for whoever holds the bucket's lock.
    async fn change_policy_held<R: Send + 'static>(
        self: &Arc<Self>,
        bucket: &Arc<Bucket>,
        order: Order,
        draft: impl FnOnce(&Policy) -> Draft<R> + Send + 'static,
    ) -> Result<Outcome<R>, Error> {
        let in_doubt = bucket.policy_in_doubt.load(Ordering::Relaxed);
        if in_doubt {
            self.read_newest(bucket).await?;
        }
        let before = bucket.settings().referer.clone();
        let version = before.version();
        order.expect.check(version)?;
        let (draft, changed) = compute(move || {
            let draft = draft(before.policy());
            let changed = in_doubt || draft.policy != *before.policy();
            (draft, changed)
        })
        .await?;
        let Draft { policy, how, note, report } = draft;
        let version = if changed {
            let record = Record { at: self.clock.now(), who: Some(order.who), how, note };
            self.make_version(bucket, policy, record).await?
        } else {
            version
        };
        let in_force = bucket.settings().referer.is_in_force();
        Ok(Outcome { version, in_force, changed, report })
    }

    /// Makes a policy the newest version. The bucket's lock is held.
    async fn make_version(
        self: &Arc<Self>,
        bucket: &Arc<Bucket>,
        policy: Policy,
        record: Record,
    ) -> Result<PolicyVersion, Error> {
        if policy.list_bytes() > MAX_LARGE_LIST_BYTES || policy.rules() > MAX_RULES {
            return Err(Error::Refused(code::REFERER_LISTS_OVER_ALL_LIMITS));
        }
        let policy = Arc::new(policy);
        let how = record.how.as_str();
        let put = self.meta.put_policy(bucket.id, Arc::clone(&policy), record, self.keep).await;
        let version = match put {
            Ok(Some(version)) => version,
            Ok(None) => return Err(Error::NoSuchBucket(bucket.name.clone())),
            Err(err) => {
                if err.is_in_doubt() {
                    bucket.policy_in_doubt.store(true, Ordering::Relaxed);
                    self.read_newest(bucket).await?;
                }
                return Err(err.into());
            }
        };
        // Whatever turns up of an earlier change is an older version now.
        bucket.policy_in_doubt.store(false, Ordering::Relaxed);
        let (allow, deny) = (policy.allow.len(), policy.deny.len());
        tracing::info!(
            bucket = %bucket.name, version = version.0, how, allow, deny,
            "the referer policy of {} has version {version}: {allow} patterns allow, {deny} deny",
            bucket.name,
        );
        self.bring_into_force(bucket, version, policy).await?;
        Ok(version)
    }

    /// Takes what the database has after a commit in doubt, so that memory is not behind it.
    async fn read_newest(self: &Arc<Self>, bucket: &Arc<Bucket>) -> Result<(), Error> {
        let newest = self.meta.policy_versions(bucket.id, None, 1).await?;
        let Some(VersionSummary { version, .. }) = newest.into_iter().next() else { return Ok(()) };
        if version <= bucket.settings().referer.version() {
            return Ok(());
        }
        let Some((_, policy)) = self.meta.policy_version(bucket.id, version).await? else {
            return Ok(());
        };
        self.bring_into_force(bucket, version, Arc::new(policy)).await
    }
}

/// Works something out where it holds up no request.
pub(super) async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Fault("a computation panicked"))
}
