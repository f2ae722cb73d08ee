//! What a bucket's owner asks for beyond OSS's referer policy.

use std::sync::Arc;

use super::App;
use super::access::{Administrator, BucketPermit};
use super::error::Error;
use crate::domain::code::Code;
use crate::domain::referer::Extras;
use crate::meta::Changed;

/// Which settings a change may replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Whatever is there.
    Any,
    /// These alone: somebody who read them and sends them back changed must not undo what
    /// another did meanwhile.
    Only(Extras),
}

impl App {
    /// The settings of a bucket.
    pub fn referer_extras(&self, permit: &BucketPermit) -> Extras {
        permit.bucket().settings().referer.extras().clone()
    }

    /// Replaces the settings of a bucket as a whole. They are in force when this returns.
    ///
    /// # Errors
    ///
    /// [`Code::PreconditionFailed`] if other settings are there than those to replace, or another
    /// [`Error`].
    pub async fn put_referer_extras(
        self: &Arc<Self>,
        by: &Administrator,
        permit: BucketPermit,
        extras: Extras,
        replace: Replace,
    ) -> Result<(), Error> {
        let (app, by) = (self.clone(), by.access_key_id().clone());
        self.to_the_end(async move {
            let bucket = permit.bucket();
            let _changing = bucket.changing().await;
            let gate = bucket.settings().referer.clone();
            if matches!(replace, Replace::Only(expected) if expected != *gate.extras()) {
                return Err(Error::Code(Code::PreconditionFailed));
            }
            // A long list takes its time to compile for strict hosts, and requests go on.
            let wanted = extras.clone();
            let compiled = tokio::task::spawn_blocking(move || gate.with_extras(wanted)).await;
            let gate = compiled.map_err(|_| Error::Fault("compiling a policy panicked"))?;
            match app.meta.set_referer_extras(bucket.id, &extras, app.clock.now()).await? {
                Changed::Done => {
                    bucket.replace(|settings| settings.referer = Arc::new(gate));
                    tracing::info!(
                        bucket = %bucket.name, by = %by, mode = extras.mode.as_str(),
                        host = extras.host.as_str(), missing = extras.missing.as_str(),
                        malformed = extras.malformed.as_str(), denial = ?extras.denial,
                        "replaced the referer settings of {}", bucket.name,
                    );
                    Ok(())
                }
                Changed::NoSuchBucket => Err(Error::NoSuchBucket(bucket.name.clone())),
            }
        })
        .await
    }
}
