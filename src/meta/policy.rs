//! Referer policies.

use std::sync::Arc;

use async_trait::async_trait;

use super::MetaError;
use crate::domain::name::BucketId;
use crate::domain::referer::{Policy, PolicyVersion, Record, VersionSummary};
use crate::domain::setting::{Change, ChangedBy};

/// How much of the history of a policy is kept. The newest version always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The most versions.
    pub versions: u32,
    /// The most bytes of rules in all of them.
    pub bytes: u64,
}

/// A policy that is reset, with the settings that would still refuse.
#[derive(Clone, Debug)]
pub struct Reset {
    /// Who resets the policy, and when.
    pub record: Record,
    /// How much of its history is kept.
    pub keep: Keep,
    /// What becomes of the settings.
    pub change: Change,
    /// Who changes these, and when.
    pub by: ChangedBy,
}

/// Referer policies and their history.
#[async_trait]
pub trait Policies: Send + Sync {
    /// Makes a policy the newest version of a bucket's, and forgets what is not to be kept.
    /// Returns the number of the version; `None` if the bucket is not there.
    async fn put_policy(
        &self,
        id: BucketId,
        policy: Arc<Policy>,
        record: Record,
        keep: Keep,
    ) -> Result<Option<PolicyVersion>, MetaError>;

    /// Makes the default policy the newest version of a bucket's, and changes a setting and records
    /// it: both or neither. Returns as [`Self::put_policy`].
    async fn reset_policy(
        &self,
        id: BucketId,
        reset: Reset,
    ) -> Result<Option<PolicyVersion>, MetaError>;

    /// Up to `limit` versions before that one, the newest first.
    async fn policy_versions(
        &self,
        id: BucketId,
        before: Option<PolicyVersion>,
        limit: u32,
    ) -> Result<Vec<VersionSummary>, MetaError>;

    /// A version, if it is kept.
    async fn policy_version(
        &self,
        id: BucketId,
        version: PolicyVersion,
    ) -> Result<Option<(Record, Policy)>, MetaError>;
}
