//! What decides beside a bucket's policy: its ACL, what its owner asks for beyond OSS, and how
//! long lists may be. Every change is recorded with who made it, and is durable, then in memory,
//! then acknowledged.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::App;
use super::access::{Administrator, BucketPermit};
use super::bucket::{Bucket, Settings};
use super::error::Error;
use super::policy::compute;
use crate::domain::acl::BucketAcl;
use crate::domain::code::Code;
use crate::domain::name::AccessKeyId;
use crate::domain::referer::Extras;
use crate::domain::setting::{Change, ChangeNumber, ChangedBy, RecordedChange, Swap, Way};
use crate::meta::{Changed, StoredSettings};

/// Which value a change may replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replace<T> {
    /// Whatever is there.
    Any,
    /// This one alone: somebody who read it and sends it back changed must not undo what another
    /// did meanwhile.
    Only(T),
}

impl<T: PartialEq> Replace<T> {
    fn check(&self, present: &T) -> Result<(), Error> {
        match self {
            Self::Only(expected) if expected != present => {
                Err(Error::Code(Code::PreconditionFailed))
            }
            Self::Any | Self::Only(_) => Ok(()),
        }
    }
}

impl App {
    /// What a bucket's owner asked for beyond OSS.
    pub fn referer_extras(&self, permit: &BucketPermit) -> Extras {
        Extras::clone(permit.bucket().settings().referer.extras())
    }

    /// Replaces what a bucket's owner asked for beyond OSS, as a whole. It is in force when this
    /// returns.
    ///
    /// # Errors
    ///
    /// [`Code::PreconditionFailed`] if something else is there than what is to be replaced, or
    /// another [`Error`].
    pub async fn put_referer_extras(
        self: &Arc<Self>,
        by: &Administrator,
        permit: BucketPermit,
        extras: Extras,
        replace: Replace<Extras>,
    ) -> Result<(), Error> {
        let (app, by) = (self.clone(), (by.access_key_id().clone(), Way::Api));
        self.to_the_end(async move {
            let change = move |now: &Settings| {
                let old = Extras::clone(now.referer.extras());
                replace.check(&old)?;
                Ok(Change::Referer(Box::new(Swap { old, new: extras })))
            };
            app.change_setting(permit.bucket(), by, change).await
        })
        .await
    }

    /// Sets how many bytes of rules `PutBucketReferer` may bring; `None` is OSS's limit.
    ///
    /// # Errors
    ///
    /// [`Code::PreconditionFailed`] if another limit is there than the one to be replaced, or
    /// another [`Error`].
    pub async fn set_referer_max_bytes(
        self: &Arc<Self>,
        by: &Administrator,
        permit: BucketPermit,
        bytes: Option<u32>,
        replace: Replace<Option<u32>>,
    ) -> Result<(), Error> {
        let (app, by) = (self.clone(), (by.access_key_id().clone(), Way::Api));
        self.to_the_end(async move {
            let change = move |now: &Settings| {
                replace.check(&now.referer_max_bytes)?;
                Ok(Change::RefererLimit(Swap { old: now.referer_max_bytes, new: bytes }))
            };
            app.change_setting(permit.bucket(), by, change).await
        })
        .await
    }

    /// Replaces a bucket's ACL.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn put_bucket_acl(
        self: &Arc<Self>,
        permit: BucketPermit,
        acl: BucketAcl,
    ) -> Result<(), Error> {
        let app = self.clone();
        let change = async move { app.change_acl(permit.bucket(), acl, Way::PutBucketAcl).await };
        self.to_the_end(change).await
    }

    pub(super) async fn change_acl(
        &self,
        bucket: &Bucket,
        acl: BucketAcl,
        how: Way,
    ) -> Result<(), Error> {
        let change = move |now: &Settings| Ok(Change::Acl(Swap { old: now.acl, new: acl }));
        self.change_setting(bucket, (self.owner().clone(), how), change).await
    }

    /// The changes of a bucket's settings before that one, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn setting_changes(
        &self,
        permit: &BucketPermit,
        before: Option<ChangeNumber>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, Error> {
        Ok(self.meta.setting_changes(permit.bucket().id, before, limit).await?)
    }

    /// Changes a setting: works the change out from what is there, makes it durable with its
    /// record, and puts it into force. What is there already is not written again, unless the
    /// outcome of an earlier change is in doubt.
    async fn change_setting(
        &self,
        bucket: &Bucket,
        (who, how): (AccessKeyId, Way),
        change: impl FnOnce(&Settings) -> Result<Change, Error>,
    ) -> Result<(), Error> {
        let _changing = bucket.changing().await;
        self.change_held(bucket, (who, how), change).await
    }

    /// The same for whoever holds the bucket's lock.
    pub(super) async fn change_held(
        &self,
        bucket: &Bucket,
        (who, how): (AccessKeyId, Way),
        change: impl FnOnce(&Settings) -> Result<Change, Error>,
    ) -> Result<(), Error> {
        let in_doubt = bucket.settings_in_doubt.load(Ordering::Relaxed);
        if in_doubt {
            self.read_settings(bucket).await?;
        }
        let before = bucket.settings();
        let change = change(&before)?;
        if change.is_none() && !in_doubt {
            return Ok(());
        }
        let after = self.with_change(&before, change.clone()).await?;
        let by = ChangedBy { at: self.clock.now(), who: who.clone(), how };
        let keep = self.keep.versions;
        match self.meta.change_setting(bucket.id, change.clone(), by, keep).await {
            Ok(Changed::Done) => {}
            Ok(Changed::NoSuchBucket) => return Err(Error::NoSuchBucket(bucket.name.clone())),
            Err(err) => {
                if err.is_in_doubt() {
                    bucket.settings_in_doubt.store(true, Ordering::Relaxed);
                    self.read_settings(bucket).await?;
                }
                return Err(err.into());
            }
        }
        // The log has gone on, so an earlier change cannot turn up any more.
        bucket.settings_in_doubt.store(false, Ordering::Relaxed);
        bucket.replace(|settings| *settings = after);
        tracing::info!(
            bucket = %bucket.name, by = %who, how = how.as_str(), change = ?change,
            "changed the {} of {}", change.what(), bucket.name,
        );
        Ok(())
    }

    /// Takes what the database has after a commit in doubt, so that what is shown and enforced is
    /// what is stored.
    pub(super) async fn read_settings(&self, bucket: &Bucket) -> Result<(), Error> {
        let Some(stored) = self.meta.settings_of(bucket.id).await? else { return Ok(()) };
        let StoredSettings { acl, extras, referer_max_bytes } = stored;
        let now = bucket.settings();
        let swap = Swap { old: Extras::clone(now.referer.extras()), new: extras };
        let mut after = self.with_change(&now, Change::Referer(Box::new(swap))).await?;
        (after.acl, after.referer_max_bytes) = (acl, referer_max_bytes);
        bucket.replace(|settings| *settings = after);
        Ok(())
    }

    /// The settings after a change.
    pub(super) async fn with_change(
        &self,
        before: &Settings,
        change: Change,
    ) -> Result<Settings, Error> {
        let mut after = before.clone();
        match change {
            Change::Acl(Swap { new, .. }) => after.acl = new,
            Change::RefererLimit(Swap { new, .. }) => after.referer_max_bytes = new,
            Change::Referer(swap) if swap.old == swap.new => {}
            Change::Referer(swap) => {
                let state = before.referer.clone();
                // A long list takes its time to compile for new strict hosts, and requests go on.
                let is_long = state.is_long_with(&swap.new);
                let _slot = if is_long { Some(self.compiler().await?) } else { None };
                after.referer = compute(move || state.with_extras(swap.new)).await?;
            }
        }
        Ok(after)
    }
}
