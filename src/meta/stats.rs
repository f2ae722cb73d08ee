//! Statistics.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::MetaError;
use crate::domain::name::BucketId;
use crate::domain::stats::{Batch, Day, DayStats, Hour, HourStats};

/// What is counted of requests.
#[async_trait]
pub trait Stats: Send + Sync {
    /// Adds a batch, unless it was added before: giving it twice adds it once. What it says of
    /// buckets that are not there is dropped.
    async fn add_stats(&self, batch: Arc<Batch>) -> Result<(), MetaError>;

    /// The number of the last batch of a writer that was added; 0 if there is none.
    async fn last_stats(&self, writer: Uuid) -> Result<u64, MetaError>;

    /// What was counted of a bucket on a day and those after it.
    async fn stats_of_days(
        &self,
        bucket: BucketId,
        first: Day,
    ) -> Result<BTreeMap<Day, DayStats>, MetaError>;

    /// What was counted of a bucket in an hour and those after it.
    async fn stats_of_hours(
        &self,
        bucket: BucketId,
        first: Hour,
    ) -> Result<BTreeMap<Hour, HourStats>, MetaError>;

    /// Deletes what was counted before a day and, of the referers themselves, before an hour.
    async fn prune_stats(&self, first_day: Day, first_hour: Hour) -> Result<(), MetaError>;
}
