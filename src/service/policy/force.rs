//! Bringing versions into force.

use std::sync::Arc;

use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::sleep;

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
            let compile = || app.compile_newest(&bucket);
            until_done(compile, || app.buckets.has(&bucket)).await;
        });
    }

    /// A slot to compile something long in. Nobody waits for a bucket's lock with one in hand:
    /// who holds the lock may wait for a slot.
    pub(in crate::service) async fn compiler(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.compilers.acquire().await.map_err(|_| Error::Fault("no more compiling"))
    }

    /// Compiles until the newest version is in force. One task a bucket at a time; the others
    /// then find nothing to do.
    async fn compile_newest(&self, bucket: &Bucket) -> Result<(), Error> {
        let _one = bucket.compiling.lock().await;
        while !bucket.settings().referer.is_in_force() {
            let slot = self.compiler().await?;
            let Some((version, policy)) = bucket.settings().referer.to_compile() else {
                return Ok(());
            };
            let began = self.clock.now();
            let extras = bucket.settings().referer.extras().clone();
            let mut gate = compile(policy, Arc::clone(&extras)).await?;
            drop(slot);
            let _changing = bucket.changing.lock().await;
            let now = bucket.settings().referer.extras().clone();
            if now != extras {
                let is_long = gate.must_compile_for(&now);
                let _slot = if is_long { Some(self.compiler().await?) } else { None };
                gate = compute(move || Arc::new(gate.with_extras(Extras::clone(&now)))).await?;
            }
            bucket.replace(|settings| settings.referer.install(version, gate));
            tracing::info!(
                bucket = %bucket.name, version = version.0,
                duration_ms = self.clock.now().0.saturating_sub(began.0),
                "version {version} of the referer policy of {} is in force", bucket.name,
            );
        }
        Ok(())
    }
}

/// How long to wait before a policy that could not be compiled is tried again, at first and at the
/// most. What was wrong may be over by then, and nobody has to put the policy again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// Compiles until that is done, or nobody wants it any more. Meanwhile the older version goes on
/// answering, or, after a start, this one, slowly.
async fn until_done<F: Future<Output = Result<(), Error>>>(
    compile: impl Fn() -> F,
    is_wanted: impl Fn() -> bool,
) {
    let (mut pause, longest) = PAUSES;
    while let Err(err) = compile().await
        && is_wanted()
    {
        tracing::error!(error = %err, "a referer policy could not be compiled: {err}");
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(longest);
    }
}

async fn compile(policy: Arc<Policy>, extras: Arc<Extras>) -> Result<Arc<Gate>, Error> {
    compute(move || Arc::new(Gate::new(policy, Extras::clone(&extras)))).await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_compiled_is_tried_again() {
        #[rustfmt::skip]
        let table = [
            ("at once",                     0, true,  1, 0),
            ("the third time",              2, true,  3, 1 + 2),
            ("pauses grow to five minutes", 11, true, 12, (1 << 9) - 1 + 2 * 300),
            ("the bucket is gone",          2, false, 1, 0),
        ];
        for (name, failures, wanted, tries, seconds) in table {
            let tried = Cell::new(0);
            let compile = || async {
                tried.set(tried.get() + 1);
                if tried.get() > failures { Ok(()) } else { Err(Error::Fault("it panicked")) }
            };
            let seconds = Duration::from_secs(seconds);
            let early = seconds.saturating_sub(Duration::from_millis(1));
            let in_time = timeout(early, until_done(compile, || wanted)).await.is_ok();
            assert_eq!(in_time, seconds.is_zero(), "{name}");
            tried.set(0);
            let late = seconds + Duration::from_millis(1);
            assert!(timeout(late, until_done(compile, || wanted)).await.is_ok(), "{name}");
            assert_eq!(tried.get(), tries, "{name}");
        }
    }
}
