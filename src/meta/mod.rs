//! Metadata: buckets, policies, objects, statistics, users. Traits here, one per aggregate; SQL in [`sqlite`].
//!
//! A method that writes returns when the write is durable. Time comes as an argument.

mod application;
mod delivery;
pub mod iam;
mod packs;
mod policy;
pub mod sqlite;
mod stats;
mod upload;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::acl::{BucketAcl, ObjectAcl};
use crate::domain::cors::CorsRules;
use crate::domain::iam::PolicyDocument;
use crate::domain::name::{BlobId, BucketId, BucketName, ObjectKey};
use crate::domain::object::listing::ListedObject;
use crate::domain::object::tags::Tags;
use crate::domain::object::{Object, Overwrite, StorageClass};
use crate::domain::referer::{Extras, Policy, PolicyVersion};
use crate::domain::setting::{Change, ChangeNumber, ChangedBy, RecordedChange};
use crate::domain::time::UnixMillis;

pub use application::{Applications, StoredApplication};
pub use delivery::{DeliveryDomain, DeliveryDomains, PutDomain};
pub use packs::{Move, Moved, Packs};
pub use policy::{Keep, Policies, Reset};
pub use stats::Stats;
pub use upload::{Completed, Completion, PutPart, UploadPlace, Uploads};

use iam::Iam;

/// Why metadata could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// The database failed: disk full, I/O error, or a bug of ours.
    #[error("the metadata database failed")]
    Sql(#[from] sqlx::Error),
    /// The transaction was not committed as far as we know. After a failing disk it may turn out
    /// to be durable at the next start all the same, so what it would name must not be deleted
    /// on the strength of this error: leave it to the scrub.
    #[error("the metadata database did not commit")]
    Commit(#[source] Arc<sqlx::Error>),
    /// The schema could not be brought up to date.
    #[error("the metadata database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what no type of ours can hold.
    #[error("row {row:?} of {table} is corrupt: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The writer has stopped: the server is shutting down or the writer died.
    #[error("the metadata writer has stopped")]
    Stopped,
}

impl MetaError {
    /// Whether the change may have happened all the same: a commit that failed can still survive
    /// a crash, and one whose writer has stopped may have been made before.
    pub const fn is_in_doubt(&self) -> bool {
        match self {
            Self::Commit(_) | Self::Stopped => true,
            Self::Sql(_) | Self::Migrate(_) | Self::Corrupt { .. } => false,
        }
    }
}

/// A bucket as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its number, never used twice.
    pub id: BucketId,
    /// Its name.
    pub name: BucketName,
    /// When it was created.
    pub created: UnixMillis,
    /// What it grants to strangers.
    pub acl: BucketAcl,
    /// The class of objects that are uploaded without one.
    pub storage_class: StorageClass,
    /// Its referer policy; the default one if none was ever put.
    pub policy: Policy,
    /// The version that the policy is.
    pub policy_version: PolicyVersion,
    /// Its own policy about who may do what, if it has one.
    pub policy_document: Option<Arc<PolicyDocument>>,
    /// What its owner asked for beyond OSS.
    pub extras: Extras,
    /// The most bytes of rules that `PutBucketReferer` may bring, if it is not OSS's.
    pub referer_max_bytes: Option<u32>,
    /// Its cross-origin rules, if it has any.
    pub cors: Option<CorsRules>,
}

/// The settings of a bucket as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSettings {
    /// What it grants to strangers.
    pub acl: BucketAcl,
    /// What its owner asked for beyond OSS.
    pub extras: Extras,
    /// The most bytes of rules that `PutBucketReferer` may bring, if it is not OSS's.
    pub referer_max_bytes: Option<u32>,
}

/// How much a bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of objects.
    pub objects: u64,
    /// The sum of their sizes in bytes.
    pub bytes: u64,
    /// The number of uploads in parts that are open.
    pub uploads: u64,
    /// The number of their parts.
    pub parts: u64,
    /// The sum of the parts' sizes in bytes.
    pub part_bytes: u64,
}

/// What came of creating a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New(Bucket),
    /// A bucket of that name is there already, and was left as it is.
    Exists,
}

/// What came of deleting a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedBucket {
    /// It is gone.
    Gone,
    /// It holds objects or open uploads, and was left as it is.
    NotEmpty,
    /// A delivery domain serves it, and it was left as it is.
    Served,
    /// It was not there.
    NoSuchBucket,
}

/// What came of changing a bucket's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is changed.
    Done,
    /// It was not there.
    NoSuchBucket,
}

/// A version of an object that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'n> {
    /// The version.
    pub object: &'n Object,
    /// Whether it may replace one that is there.
    pub overwrite: Overwrite,
    /// Those of its blobs that were not made for it. Each must be named by a row at the moment of
    /// writing: one that is not is about to be deleted.
    pub shared: &'n [BlobId],
    /// What must be there at the moment of writing, as far as its tag, date, ACL and tags go, if the
    /// version takes these from it.
    pub onto: Option<&'n Object>,
}

impl<'n> NewVersion<'n> {
    /// A version whose blobs were all made for it.
    pub const fn own(object: &'n Object, overwrite: Overwrite) -> Self {
        Self { object, overwrite, shared: &[], onto: None }
    }
}

/// What came of writing an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is written. The version that it replaced does not name its blobs any more.
    Done {
        /// The blobs to give up: see [`Packs`].
        unnamed: Vec<BlobId>,
    },
    /// An object is there and may not be replaced.
    Exists,
    /// A shared blob is not named any more, or something else is there than what it was to replace:
    /// the object that it came from was changed or deleted. Nothing was written.
    SourceGone,
    /// The bucket was deleted in the meantime.
    NoSuchBucket,
}

/// An object that bytes are appended to. What its owner chose for it stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct Growth<'g> {
    /// What it must be at the moment of writing, as far as its kind, size and extents go.
    pub from: &'g Object,
    /// What it becomes: these, its tag, checksum and date.
    pub to: &'g Object,
}

/// What came of appending to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grown {
    /// It is written. It does not name the blobs any more that it had before and does not have
    /// now.
    Done {
        /// The blobs to give up: see [`Packs`].
        unnamed: Vec<BlobId>,
    },
    /// It is not what it was, or not there. Nothing was written.
    Changed,
}

/// What changes of an object while its content stays. Its date stays, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Its ACL.
    Acl(ObjectAcl),
    /// All of its tags.
    Tags(Tags),
}

/// What came of editing an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It is changed.
    Done,
    /// It was not there.
    NoSuchKey,
}

/// What came of deleting objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// How many of the keys are done with. Those behind them are as they were.
    pub keys: usize,
    /// The blobs to give up: see [`Packs`].
    pub unnamed: Vec<BlobId>,
}

/// Buckets and their settings.
#[async_trait]
pub trait Buckets: Send + Sync {
    /// All buckets, in no order.
    async fn all_buckets(&self) -> Result<Vec<Bucket>, MetaError>;

    /// Creates a bucket.
    async fn create_bucket(
        &self,
        name: &BucketName,
        acl: BucketAcl,
        class: StorageClass,
        now: UnixMillis,
    ) -> Result<Created, MetaError>;

    /// Deletes an empty bucket.
    async fn delete_bucket(&self, id: BucketId) -> Result<DeletedBucket, MetaError>;

    /// How much a bucket holds; zero for one that is not there. Does not scan.
    async fn bucket_usage(&self, id: BucketId) -> Result<Usage, MetaError>;
}

/// What decides beside policies. It is read with the bucket.
#[async_trait]
pub trait Settings: Send + Sync {
    /// Changes a setting and records it, unless the new value is the old one: then it is written all
    /// the same, but not recorded. The newest `keep` records of a bucket are kept.
    async fn change_setting(
        &self,
        id: BucketId,
        change: Change,
        by: ChangedBy,
        keep: u32,
    ) -> Result<Changed, MetaError>;

    /// What the settings of a bucket are; `None` if it is not there.
    async fn settings_of(&self, id: BucketId) -> Result<Option<StoredSettings>, MetaError>;

    /// Up to `limit` changes before that one, the newest first.
    async fn setting_changes(
        &self,
        id: BucketId,
        before: Option<ChangeNumber>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, MetaError>;
}

/// Cross-origin rules of buckets. They are read with the bucket.
#[async_trait]
pub trait Cors: Send + Sync {
    /// Replaces a bucket's rules as a whole; `None` removes them.
    async fn set_bucket_cors(
        &self,
        id: BucketId,
        rules: Option<Arc<CorsRules>>,
        now: UnixMillis,
    ) -> Result<Changed, MetaError>;

    /// The rules of a bucket; `None` if it has none or is not there.
    async fn bucket_cors(&self, id: BucketId) -> Result<Option<CorsRules>, MetaError>;
}

/// Objects.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Finds an object.
    async fn find_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
    ) -> Result<Option<Object>, MetaError>;

    /// Writes an object.
    async fn put_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: NewVersion<'_>,
    ) -> Result<Put, MetaError>;

    /// Changes what an object has beside its content.
    async fn edit_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        edit: Edit,
    ) -> Result<Edited, MetaError>;

    /// Whether an object of the bucket may have an ACL of its own. Answers from memory, and says
    /// yes before such an object can be found.
    fn may_hold_acls(&self, bucket: BucketId) -> bool;

    /// Writes an object that has grown.
    async fn grow_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        growth: Growth<'_>,
    ) -> Result<Grown, MetaError>;

    /// Deletes those of the objects that are there, in one transaction: all of them, or the first
    /// ones if they have so many extents that other writes would wait for long.
    async fn delete_objects(
        &self,
        bucket: BucketId,
        keys: &[ObjectKey],
    ) -> Result<Deleted, MetaError>;

    /// Up to `limit` objects in the order of their keys' bytes, beginning with the first key at
    /// or after `from`.
    async fn objects_from(
        &self,
        bucket: BucketId,
        from: &[u8],
        limit: u32,
    ) -> Result<Vec<ListedObject>, MetaError>;

    /// Those of the blobs that no row names.
    async fn unnamed_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, MetaError>;
}

/// All of the metadata.
pub trait Meta:
    Applications
    + Buckets
    + Cors
    + DeliveryDomains
    + Policies
    + Settings
    + Objects
    + Packs
    + Uploads
    + Stats
    + Iam
{
}
impl<T> Meta for T where
    T: Applications
        + Buckets
        + Cors
        + DeliveryDomains
        + Policies
        + Settings
        + Objects
        + Packs
        + Uploads
        + Stats
        + Iam
{
}
