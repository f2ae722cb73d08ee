//! Metadata whose commits fail on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use refgate::domain::acl::BucketAcl;
use refgate::domain::cors::CorsRules;
use refgate::domain::iam::PolicyDocument;
use refgate::domain::name::{BlobId, BucketId, BucketName, ObjectKey, UploadId};
use refgate::domain::object::listing::{ListedObject, Position};
use refgate::domain::object::multipart::{ListedPart, ListedUpload, Part, PartNumber};
use refgate::domain::object::{Attributes, Extent, Object, Overwrite, StorageClass};
use refgate::domain::seal::KeyVersion;
use refgate::domain::setting::{Change, ChangeNumber, ChangedBy, RecordedChange};
use refgate::domain::stats::{Batch, Day, DayStats, Hour, HourStats};
use refgate::domain::time::UnixMillis;
use refgate::meta::iam::{Directory, Iam, IamChange, IamChanged};
use refgate::meta::sqlite::Sqlite;
use refgate::meta::{
    Bucket, Buckets, Changed, Completed, Completion, Cors, Created, Deleted, DeletedBucket, Edit,
    Edited, Grown, Growth, MetaError, Move, Moved, NewVersion, Objects, Packs, Put, PutPart,
    Settings, Stats, StoredSettings, UploadPlace, Uploads, Usage,
};
use tokio::sync::Notify;
use uuid::Uuid;

/// What becomes of the next commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Commit {
    #[default]
    Good,
    /// It fails, and nothing is changed.
    Lost,
    /// It fails, and everything is changed all the same.
    Kept,
    /// It fails, nothing is changed, and the next start finds it in the log: puts of objects
    /// alone, see [`FaultyMeta::recover`].
    Late,
}

type LatePut = (BucketId, ObjectKey, Object);

pub(super) struct FaultyMeta {
    pub(super) inner: Sqlite,
    next: Mutex<Commit>,
    late: Mutex<Option<LatePut>>,
    /// Once set, the next reading of an object stops between the answer and its return.
    pub(super) slow: Mutex<Option<Arc<SlowRead>>>,
    /// While set, users cannot be read.
    pub(super) blind: AtomicBool,
}

/// A read that has its answer and is told when to return it.
#[derive(Debug, Default)]
pub(super) struct SlowRead {
    /// The key of the object that is read; empty for any.
    pub(super) key: String,
    pub(super) has_read: Notify,
    pub(super) go_on: Notify,
}

impl FaultyMeta {
    pub(super) fn new(inner: Sqlite) -> Self {
        let (next, late, slow) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { inner, next, late, slow, blind: AtomicBool::new(false) }
    }

    pub(super) fn fail_next(&self, next: Commit) {
        *self.next.lock().unwrap() = next;
    }

    /// What a start after a crash does: a commit that failed late is there now.
    pub(super) async fn recover(&self) {
        let late = self.late.lock().unwrap().take();
        if let Some((bucket, key, object)) = late {
            let version = NewVersion::own(&object, Overwrite::Allow);
            self.inner.put_object(bucket, &key, version).await.unwrap();
        }
    }

    pub(super) fn take(&self) -> Commit {
        mem::take(&mut self.next.lock().unwrap())
    }

    pub(super) async fn change<T: Send>(
        &self,
        commit: Commit,
        change: impl Future<Output = Result<T, MetaError>> + Send,
    ) -> Result<T, MetaError> {
        match commit {
            Commit::Good => change.await,
            Commit::Kept => {
                change.await?;
                Err(failed())
            }
            Commit::Lost | Commit::Late => Err(failed()),
        }
    }
}

fn failed() -> MetaError {
    MetaError::Commit(Arc::new(sqlx::Error::WorkerCrashed))
}

#[async_trait]
impl Buckets for FaultyMeta {
    async fn all_buckets(&self) -> Result<Vec<Bucket>, MetaError> {
        self.inner.all_buckets().await
    }

    async fn create_bucket(
        &self,
        name: &BucketName,
        acl: BucketAcl,
        class: StorageClass,
        now: UnixMillis,
    ) -> Result<Created, MetaError> {
        self.change(self.take(), self.inner.create_bucket(name, acl, class, now)).await
    }

    async fn delete_bucket(&self, id: BucketId) -> Result<DeletedBucket, MetaError> {
        self.change(self.take(), self.inner.delete_bucket(id)).await
    }

    async fn bucket_usage(&self, id: BucketId) -> Result<Usage, MetaError> {
        self.inner.bucket_usage(id).await
    }
}

#[async_trait]
impl Settings for FaultyMeta {
    async fn change_setting(
        &self,
        id: BucketId,
        change: Change,
        by: ChangedBy,
        keep: u32,
    ) -> Result<Changed, MetaError> {
        self.change(self.take(), self.inner.change_setting(id, change, by, keep)).await
    }

    async fn settings_of(&self, id: BucketId) -> Result<Option<StoredSettings>, MetaError> {
        self.inner.settings_of(id).await
    }

    async fn setting_changes(
        &self,
        id: BucketId,
        before: Option<ChangeNumber>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, MetaError> {
        self.inner.setting_changes(id, before, limit).await
    }
}

#[async_trait]
impl Cors for FaultyMeta {
    async fn set_bucket_cors(
        &self,
        id: BucketId,
        rules: Option<Arc<CorsRules>>,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        self.change(self.take(), self.inner.set_bucket_cors(id, rules, now)).await
    }

    async fn bucket_cors(&self, id: BucketId) -> Result<Option<CorsRules>, MetaError> {
        self.inner.bucket_cors(id).await
    }
}

#[async_trait]
impl Objects for FaultyMeta {
    async fn find_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
    ) -> Result<Option<Object>, MetaError> {
        let found = self.inner.find_object(bucket, key).await;
        let is_slow = |slow: &mut Arc<SlowRead>| slow.key.is_empty() || slow.key == key.as_str();
        let slow = self.slow.lock().unwrap().take_if(is_slow);
        if let Some(slow) = slow {
            slow.has_read.notify_one();
            slow.go_on.notified().await;
        }
        found
    }

    async fn put_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: NewVersion<'_>,
    ) -> Result<Put, MetaError> {
        let commit = self.take();
        if commit == Commit::Late {
            *self.late.lock().unwrap() = Some((bucket, key.clone(), version.object.clone()));
        }
        self.change(commit, self.inner.put_object(bucket, key, version)).await
    }

    async fn edit_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        edit: Edit,
    ) -> Result<Edited, MetaError> {
        self.change(self.take(), self.inner.edit_object(bucket, key, edit)).await
    }

    fn may_hold_acls(&self, bucket: BucketId) -> bool {
        self.inner.may_hold_acls(bucket)
    }

    async fn grow_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        growth: Growth<'_>,
    ) -> Result<Grown, MetaError> {
        self.change(self.take(), self.inner.grow_object(bucket, key, growth)).await
    }

    async fn delete_objects(
        &self,
        bucket: BucketId,
        keys: &[ObjectKey],
    ) -> Result<Deleted, MetaError> {
        self.change(self.take(), self.inner.delete_objects(bucket, keys)).await
    }

    async fn objects_from(
        &self,
        bucket: BucketId,
        from: &[u8],
        limit: u32,
    ) -> Result<Vec<ListedObject>, MetaError> {
        self.inner.objects_from(bucket, from, limit).await
    }

    async fn unnamed_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, MetaError> {
        self.inner.unnamed_blobs(blobs).await
    }
}

#[async_trait]
impl Packs for FaultyMeta {
    async fn runs_of(&self, blobs: &[BlobId]) -> Result<BTreeMap<BlobId, Vec<Extent>>, MetaError> {
        self.inner.runs_of(blobs).await
    }

    async fn move_runs(&self, moves: Vec<Move>) -> Result<Moved, MetaError> {
        self.change(self.take(), self.inner.move_runs(moves)).await
    }
}

#[async_trait]
impl Iam for FaultyMeta {
    async fn directory(&self) -> Result<Directory, MetaError> {
        if self.blind.load(Ordering::SeqCst) {
            return Err(MetaError::Sql(sqlx::Error::WorkerCrashed));
        }
        self.inner.directory().await
    }

    async fn change_iam(
        &self,
        change: IamChange,
        now: UnixMillis,
    ) -> Result<IamChanged, MetaError> {
        self.change(self.take(), self.inner.change_iam(change, now)).await
    }

    async fn bucket_policy(&self, id: BucketId) -> Result<Option<Arc<PolicyDocument>>, MetaError> {
        self.inner.bucket_policy(id).await
    }

    async fn set_bucket_policy(
        &self,
        id: BucketId,
        document: Option<Arc<PolicyDocument>>,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        self.change(self.take(), self.inner.set_bucket_policy(id, document, now)).await
    }

    async fn master_keys_in_use(&self) -> Result<BTreeSet<KeyVersion>, MetaError> {
        self.inner.master_keys_in_use().await
    }
}

#[async_trait]
impl Uploads for FaultyMeta {
    async fn begin_upload(
        &self,
        place: UploadPlace<'_>,
        attributes: &Attributes,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        self.change(self.take(), self.inner.begin_upload(place, attributes, now)).await
    }

    async fn has_upload(&self, place: UploadPlace<'_>) -> Result<bool, MetaError> {
        self.inner.has_upload(place).await
    }

    async fn put_part(
        &self,
        place: UploadPlace<'_>,
        part: &Part,
        shared: &[BlobId],
    ) -> Result<PutPart, MetaError> {
        self.change(self.take(), self.inner.put_part(place, part, shared)).await
    }

    async fn complete_upload(
        &self,
        place: UploadPlace<'_>,
        completion: Completion,
    ) -> Result<Completed, MetaError> {
        self.change(self.take(), self.inner.complete_upload(place, completion)).await
    }

    async fn abort_upload(&self, place: UploadPlace<'_>) -> Result<Option<Vec<BlobId>>, MetaError> {
        self.change(self.take(), self.inner.abort_upload(place)).await
    }

    async fn parts_after(
        &self,
        id: UploadId,
        after: Option<PartNumber>,
        limit: u32,
    ) -> Result<Vec<ListedPart>, MetaError> {
        self.inner.parts_after(id, after, limit).await
    }

    async fn uploads_from(
        &self,
        bucket: BucketId,
        from: &Position,
        limit: u32,
    ) -> Result<Vec<ListedUpload>, MetaError> {
        self.inner.uploads_from(bucket, from, limit).await
    }
}

#[async_trait]
impl Stats for FaultyMeta {
    async fn add_stats(&self, batch: Arc<Batch>) -> Result<(), MetaError> {
        self.change(self.take(), self.inner.add_stats(batch)).await
    }

    async fn last_stats(&self, writer: Uuid) -> Result<u64, MetaError> {
        self.inner.last_stats(writer).await
    }

    async fn stats_of_days(
        &self,
        bucket: BucketId,
        first: Day,
    ) -> Result<BTreeMap<Day, DayStats>, MetaError> {
        self.inner.stats_of_days(bucket, first).await
    }

    async fn stats_of_hours(
        &self,
        bucket: BucketId,
        first: Hour,
    ) -> Result<BTreeMap<Hour, HourStats>, MetaError> {
        self.inner.stats_of_hours(bucket, first).await
    }

    async fn prune_stats(&self, first_day: Day, first_hour: Hour) -> Result<(), MetaError> {
        self.inner.prune_stats(first_day, first_hour).await
    }
}
