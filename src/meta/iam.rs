//! Users, their access keys and policies, and the policies of buckets.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Changed, MetaError};
use crate::domain::iam::{PolicyDocument, PolicyName, UserId, UserName};
use crate::domain::name::{AccessKeyId, BucketId};
use crate::domain::seal::{KeyVersion, Sealed};
use crate::domain::time::UnixMillis;

/// The most access keys of a user.
///
/// Source: RAM "Limits".
pub const MAX_KEYS: usize = 2;

/// The most policies of a user.
///
/// Source: RAM "Limits", custom policies of a RAM user.
pub const MAX_POLICIES_OF_USER: usize = 20;

/// The most users, and the most policies: all of them are in memory.
pub const MAX_USERS_OR_POLICIES: usize = 10_000;

/// A user as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// Its name.
    pub name: UserName,
    /// When it was created.
    pub created: UnixMillis,
}

/// An access key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub id: AccessKeyId,
    /// Whose it is.
    pub user: UserId,
    /// The secret half.
    pub secret: Sealed,
    /// Whether it may be used.
    pub enabled: bool,
    /// When it was created.
    pub created: UnixMillis,
}

/// A policy of users as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Its name.
    pub name: PolicyName,
    /// What it says.
    pub document: Arc<PolicyDocument>,
    /// When it was put.
    pub updated: UnixMillis,
}

/// All users with what belongs to them, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// The users.
    pub users: Vec<User>,
    /// Their keys.
    pub keys: Vec<AccessKey>,
    /// The policies.
    pub policies: Vec<NamedPolicy>,
    /// Which user has which policy.
    pub attached: Vec<(UserId, PolicyName)>,
}

/// A new key: its public half, and its secret, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half.
    pub secret: Sealed,
}

/// A change of users, keys or policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IamChange {
    /// Creates a user.
    CreateUser(UserName),
    /// Deletes a user with its keys.
    DeleteUser(UserName),
    /// Gives a user one more key, of at most [`MAX_KEYS`].
    CreateKey(UserName, NewKey),
    /// Enables or disables a key of a user.
    EnableKey(UserName, AccessKeyId, bool),
    /// Deletes a key of a user.
    DeleteKey(UserName, AccessKeyId),
    /// Disables a key of a user and gives a new one in its place. The user's other key goes, if it
    /// is disabled.
    RotateKey(UserName, AccessKeyId, NewKey),
    /// Creates a policy or replaces it.
    PutPolicy(PolicyName, Arc<PolicyDocument>),
    /// Deletes a policy that no user has.
    DeletePolicy(PolicyName),
    /// Gives a user a policy, of at most [`MAX_POLICIES_OF_USER`]. It may have it already.
    Attach(UserName, PolicyName),
    /// Takes a policy from a user. It need not have it.
    Detach(UserName, PolicyName),
}

/// What came of a change of users, keys or policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IamChanged {
    /// It is done.
    Done,
    /// There is no such user.
    NoSuchUser,
    /// The user has no such key.
    NoSuchKey,
    /// There is no such policy.
    NoSuchPolicy,
    /// There is a user of that name.
    Exists,
    /// A user has the policy.
    InUse,
    /// There are as many as there may be.
    TooMany,
}

/// Users, their keys and policies.
#[async_trait]
pub trait Iam: Send + Sync {
    /// All of them, as of one moment.
    async fn directory(&self) -> Result<Directory, MetaError>;

    /// Changes something.
    async fn change_iam(&self, change: IamChange, now: UnixMillis)
    -> Result<IamChanged, MetaError>;

    /// The policy of a bucket, if it has one. It is read with the bucket, too.
    async fn bucket_policy(&self, id: BucketId) -> Result<Option<Arc<PolicyDocument>>, MetaError>;

    /// Replaces or removes the policy of a bucket.
    async fn set_bucket_policy(
        &self,
        id: BucketId,
        document: Option<Arc<PolicyDocument>>,
        now: UnixMillis,
    ) -> Result<Changed, MetaError>;

    /// The versions of the master key under which something is sealed.
    async fn master_keys_in_use(&self) -> Result<BTreeSet<KeyVersion>, MetaError>;
}
