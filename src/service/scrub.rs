//! The scrub: removes blobs that no row names. A crash leaves such blobs behind, and nothing
//! else does for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::TryStreamExt;

use super::App;
use super::error::Error;

/// How far the scrub is.
#[derive(Debug, Default)]
pub struct ScrubProgress {
    seen: AtomicU64,
    removed: AtomicU64,
    finished: AtomicBool,
    ended: AtomicBool,
}

/// What the scrub has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubReport {
    /// Blobs that were looked at.
    pub seen: u64,
    /// Blobs that no row named, and that are gone.
    pub removed: u64,
    /// Whether it has looked at all of them.
    pub finished: bool,
}

impl ScrubProgress {
    /// What the scrub has done so far.
    pub fn report(&self) -> ScrubReport {
        ScrubReport {
            seen: self.seen.load(Ordering::Relaxed),
            removed: self.removed.load(Ordering::Relaxed),
            finished: self.finished.load(Ordering::Acquire),
        }
    }
}

impl App {
    /// Runs the scrub behind the server, once. It may be cut off at any point.
    pub fn start_scrub(self: &Arc<Self>) {
        let app = self.clone();
        tokio::spawn(async move {
            match app.scrub().await {
                Ok(ScrubReport { seen, removed, .. }) => tracing::info!(
                    seen,
                    removed,
                    "the scrub looked at {seen} blobs and removed {removed} that no object names",
                ),
                Err(err) => tracing::error!(error = %err, "the scrub stopped: {err}"),
            }
            app.scrub.ended.store(true, Ordering::Release);
        });
    }

    /// Whether the scrub is over, be it that it stopped early.
    pub(super) fn scrub_has_ended(&self) -> bool {
        self.scrub.ended.load(Ordering::Acquire)
    }

    /// Looks at every blob and removes those that no row names.
    ///
    /// An upload is registered before its file exists and until its row is durable. So a file
    /// that is seen here and then is neither registered nor named belongs to nobody, whatever
    /// goes on at the same time.
    ///
    /// # Errors
    ///
    /// [`Error`]; what has been removed by then was rightly removed.
    pub async fn scrub(&self) -> Result<ScrubReport, Error> {
        let mut batches = self.blobs.list();
        while let Some(mut batch) = batches.try_next().await? {
            self.scrub.seen.fetch_add(batch.len() as u64, Ordering::Relaxed);
            self.inflight.exclude(&mut batch);
            let mut unnamed = self.meta.unnamed_blobs(&batch).await?;
            batch.retain(|id| id.is_shared() && !unnamed.contains(id));
            if let Err(err) = self.look_at_left(&batch).await {
                tracing::warn!(error = %err, "shared blobs were not looked at: {err}");
            }
            self.pins.give_up(&mut unnamed);
            for blob in unnamed {
                self.blobs.delete(blob).await?;
                self.scrub.removed.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.scrub.finished.store(true, Ordering::Release);
        Ok(self.scrub.report())
    }
}
