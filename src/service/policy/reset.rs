//! Resetting a policy: what it refuses, and what settings beyond OSS would still refuse, go together.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::App;
use super::super::access::BucketPermit;
use super::super::bucket::{Bucket, Settings};
use super::super::error::Error;
use super::{Draft, Order, Outcome};
use crate::domain::referer::{Extras, How, MalformedReferer, MissingReferer, Policy, Record};
use crate::domain::setting::{Change, ChangedBy, Swap, Way};
use crate::meta::Reset;

impl App {
    /// Removes both lists, allows empty referers, and takes back what beyond OSS would still refuse:
    /// afterwards nobody is refused. All of it is durable, or nothing.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn reset_policy(
        self: &Arc<Self>,
        permit: BucketPermit,
        order: Order,
    ) -> Result<Outcome, Error> {
        let (app, bucket) = (self.clone(), permit.into_bucket());
        self.to_the_end(async move {
            let _changing = bucket.changing.lock().await;
            let (settings_in_doubt, policy_in_doubt) = app.learn_what_is_stored(&bucket).await?;
            let now = bucket.settings();
            let change = opening(&now);
            let opens = settings_in_doubt || !change.is_none();
            let empties = policy_in_doubt || *now.referer.policy() != Policy::default();
            if opens && empties {
                return app.reset_both(&bucket, order, (&now, change)).await;
            }
            // One of these writes, if any does. First what has a condition.
            let by = (order.who.clone(), Way::Reset);
            let draft = |_: &Policy| Draft::of(Policy::default(), How::Reset);
            let outcome = app.change_policy_held(&bucket, order, draft).await?;
            app.change_held(&bucket, by, |now| Ok(opening(now))).await?;
            Ok(outcome)
        })
        .await
    }

    /// Has memory know what the database has, and tells what of it is in doubt: the settings, the
    /// policy.
    async fn learn_what_is_stored(
        self: &Arc<Self>,
        bucket: &Arc<Bucket>,
    ) -> Result<(bool, bool), Error> {
        let settings = bucket.settings_in_doubt.load(Ordering::Relaxed);
        let policy = bucket.policy_in_doubt.load(Ordering::Relaxed);
        if settings {
            self.read_settings(bucket).await?;
        }
        if policy {
            self.read_newest(bucket).await?;
        }
        Ok((settings, policy))
    }

    async fn reset_both(
        self: &Arc<Self>,
        bucket: &Arc<Bucket>,
        order: Order,
        (now, change): (&Settings, Change),
    ) -> Result<Outcome, Error> {
        order.expect.check(now.referer.version())?;
        let after = self.with_change(now, change.clone()).await?;
        let (at, who) = (self.clock.now(), order.who);
        let by = ChangedBy { at, who: who.clone(), how: Way::Reset };
        let record = Record { at, who: Some(who), how: How::Reset, note: String::new() };
        let reset = Reset { record, keep: self.keep, change, by };
        let version = match self.meta.reset_policy(bucket.id, reset).await {
            Ok(Some(version)) => version,
            Ok(None) => return Err(Error::NoSuchBucket(bucket.name.clone())),
            Err(err) => {
                if err.is_in_doubt() {
                    bucket.settings_in_doubt.store(true, Ordering::Relaxed);
                    bucket.policy_in_doubt.store(true, Ordering::Relaxed);
                    self.learn_what_is_stored(bucket).await?;
                }
                return Err(err.into());
            }
        };
        bucket.settings_in_doubt.store(false, Ordering::Relaxed);
        bucket.policy_in_doubt.store(false, Ordering::Relaxed);
        tracing::info!(
            bucket = %bucket.name, version = version.0,
            "version {version} of the referer policy of {} refuses nobody, and no setting does",
            bucket.name,
        );
        bucket.replace(|settings| *settings = after);
        self.bring_into_force(bucket, version, Arc::new(Policy::default())).await?;
        let in_force = bucket.settings().referer.is_in_force();
        Ok(Outcome { version, in_force, changed: true, report: () })
    }
}

/// What takes back what beyond OSS refuses requests that an empty policy lets pass.
fn opening(now: &Settings) -> Change {
    let old = Extras::clone(now.referer.extras());
    let (missing, malformed) = (MissingReferer::AsPolicy, MalformedReferer::AsText);
    let new = Extras { missing, malformed, ..old.clone() };
    Change::Referer(Box::new(Swap { old, new }))
}
