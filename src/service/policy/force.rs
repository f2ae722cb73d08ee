//! Bringing versions into force.

use std::sync::Arc;

use tokio::sync::SemaphorePermit;

use super::compute;
use super::state::is_prompt;
use crate::domain::referer::{Extras, Gate, Policy, PolicyVersion};
use crate::service::App;
use crate::service::bucket::Bucket;
use crate::service::error::Error;

/// How many large policies are compiled at once. Two, so that one of a million rules does not
/// hold up one of a few thousand.
pub(in crate::service) const COMPILERS: usize = 2;

impl App {
    /// Has a durable version answer: at once if it is small. The bucket's lock is held.
    pub(super) async fn bring_into_force(
        self: &Arc<Self>,
        bucket: &Arc<Bucket>,
        version: PolicyVersion,
        policy: Arc<Policy>,
    ) -> Result<(), Error> {
        bucket.replace(|settings| settings.referer.begin(version, Arc::clone(&policy)));
        if is_prompt(&policy) {
            let extras = bucket.settings().referer.extras().clone();
            match compile(policy, extras).await {
                Ok(gate) => bucket.replace(|settings| settings.referer.install(version, gate)),
                Err(err) => {
                    // It is durable, so it must come into force some time.
                    self.compile_soon(bucket);
                    return Err(err);
                }
            }
        } else {
            self.compile_soon(bucket);
        }
        Ok(())
    }

    /// Has the newest version of a large policy compiled in the background.
    pub(in crate::service) fn compile_soon(self: &Arc<Self>, bucket: &Arc<Bucket>) {
        if bucket.settings().referer.is_in_force() {
            return;
        }
        let (app, bucket) = (Arc::clone(self), Arc::clone(bucket));
        tokio::spawn(async move {
            if let Err(err) = app.compile_newest(&bucket).await {
                // The older version goes on answering, or, after a start, this one, slowly.
                tracing::error!(
                    bucket = %bucket.name, error = %err,
                    "the referer policy of {} could not be compiled: {err}", bucket.name,
                );
            }
        });
    }

    /// A slot to compile something long in.
    pub(in crate::service) async fn compiler(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.compilers.acquire().await.map_err(|_| Error::Fault("no more compiling"))
    }

    /// Compiles until the newest version is in force. One task a bucket at a time; the others
    /// then find nothing to do.
    async fn compile_newest(&self, bucket: &Bucket) -> Result<(), Error> {
        let _one = bucket.compiling.lock().await;
        let _slot = self.compiler().await?;
        loop {
            let Some((version, policy)) = bucket.settings().referer.to_compile() else {
                return Ok(());
            };
            let began = self.clock.now();
            let extras = bucket.settings().referer.extras().clone();
            let mut gate = compile(policy, Arc::clone(&extras)).await?;
            let _changing = bucket.changing.lock().await;
            let now = bucket.settings().referer.extras().clone();
            if now != extras {
                gate = compute(move || Arc::new(gate.with_extras(Extras::clone(&now)))).await?;
            }
            bucket.replace(|settings| settings.referer.install(version, gate));
            tracing::info!(
                bucket = %bucket.name, version = version.0,
                duration_ms = self.clock.now().0.saturating_sub(began.0),
                "version {version} of the referer policy of {} is in force", bucket.name,
            );
        }
    }
}

async fn compile(policy: Arc<Policy>, extras: Arc<Extras>) -> Result<Arc<Gate>, Error> {
    compute(move || Arc::new(Gate::new(policy, Extras::clone(&extras)))).await
}
