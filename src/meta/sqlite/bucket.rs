//! Buckets.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::cors::CorsRow;
use super::iam::bucket_policies;
use super::policy::newest;
use super::settings::SettingsRow;
use super::writer::Operation;
use super::{Sqlite, corrupt, count, parsed, read_error, storage_class};
use crate::domain::acl::BucketAcl;
use crate::domain::iam::PolicyDocument;
use crate::domain::name::{BucketId, BucketName};
use crate::domain::object::StorageClass;
use crate::domain::referer::{Extras, Policy, PolicyVersion};
use crate::domain::time::UnixMillis;
use crate::meta::{
    Bucket, Buckets, Changed, Created, DeletedBucket, MetaError, StoredSettings, Usage,
};

#[async_trait]
impl Buckets for Sqlite {
    async fn all_buckets(&self) -> Result<Vec<Bucket>, MetaError> {
        const SQL: &str = "
            select b.id, b.name, b.created, b.acl, b.storage_class, b.referer_max_bytes,
                   e.bucket_id as extras_of, e.mode, e.host, e.missing, e.malformed, e.denial,
                   e.denial_to,
                   c.rules as cors_rules, c.vary_origin as cors_vary
            from buckets b left join referer_extras e on e.bucket_id = b.id
                           left join bucket_cors c on c.bucket_id = b.id";
        let mut snapshot = self.readers.begin().await.map_err(read_error)?;
        let rows: Vec<BucketRow> =
            sqlx::query_as(SQL).fetch_all(&mut *snapshot).await.map_err(read_error)?;
        let mut policies = newest(&mut snapshot).await?;
        let mut documents = bucket_policies(&mut snapshot).await?;
        let bucket = |row: BucketRow| {
            // A bucket without a version has the default policy.
            let policy = policies.remove(&row.id).unwrap_or_default();
            let document = documents.remove(&row.id);
            row.read(policy, document)
        };
        rows.into_iter().map(bucket).collect()
    }

    async fn create_bucket(
        &self,
        name: &BucketName,
        acl: BucketAcl,
        class: StorageClass,
        now: UnixMillis,
    ) -> Result<Created, MetaError> {
        self.writer.submit(CreateBucket { name: name.clone(), acl, class, now }).await
    }

    async fn delete_bucket(&self, id: BucketId) -> Result<DeletedBucket, MetaError> {
        let deleted = self.writer.submit(DeleteBucket(id)).await;
        self.pieces.sweep_soon();
        deleted
    }

    async fn bucket_usage(&self, id: BucketId) -> Result<Usage, MetaError> {
        const SQL: &str = "
            select object_count, byte_count, upload_count, part_count, part_bytes
            from buckets where id = ?1";
        let row: Option<(i64, i64, i64, i64, i64)> = sqlx::query_as(SQL)
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        let Some((objects, bytes, uploads, parts, part_bytes)) = row else {
            return Ok(Usage::default());
        };
        let count = |value| count(value).map_err(|reason| corrupt("buckets", id.0, reason));
        Ok(Usage {
            objects: count(objects)?,
            bytes: count(bytes)?,
            uploads: count(uploads)?,
            parts: count(parts)?,
            part_bytes: count(part_bytes)?,
        })
    }
}

struct CreateBucket {
    name: BucketName,
    acl: BucketAcl,
    class: StorageClass,
    now: UnixMillis,
}

impl Operation for CreateBucket {
    type Answer = Created;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Created, MetaError> {
        const SQL: &str = "
            insert into buckets (name, created, acl, storage_class) values (?1, ?2, ?3, ?4)
            on conflict (name) do nothing
            returning id";
        let id: Option<i64> = sqlx::query_scalar(SQL)
            .bind(self.name.as_str())
            .bind(self.now.0)
            .bind(self.acl.as_str())
            .bind(self.class.as_str())
            .fetch_optional(connection)
            .await?;
        Ok(id.map_or(Created::Exists, |id| {
            Created::New(Bucket {
                id: BucketId(id),
                name: self.name.clone(),
                created: self.now,
                acl: self.acl,
                storage_class: self.class,
                policy: Policy::default(),
                policy_version: PolicyVersion::default(),
                policy_document: None,
                extras: Extras::default(),
                referer_max_bytes: None,
                cors: None,
            })
        }))
    }
}

struct DeleteBucket(BucketId);

impl Operation for DeleteBucket {
    type Answer = DeletedBucket;

    /// Goes by the counters. Should one ever be wrong, the foreign keys of objects and uploads still
    /// keep a bucket from being deleted under them.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<DeletedBucket, MetaError> {
        const COUNT: &str = "select object_count + upload_count from buckets where id = ?1";
        const SERVED: &str = "select 1 from delivery_domains where bucket_id = ?1 limit 1";
        const DELETE: &str = "delete from buckets where id = ?1";
        let held: Option<i64> =
            sqlx::query_scalar(COUNT).bind(self.0.0).fetch_optional(&mut *connection).await?;
        match held {
            None => Ok(DeletedBucket::NoSuchBucket),
            Some(0) => {
                let query = sqlx::query_scalar::<_, i64>(SERVED).bind(self.0.0);
                if query.fetch_optional(&mut *connection).await?.is_some() {
                    return Ok(DeletedBucket::Served);
                }
                sqlx::query(DELETE).bind(self.0.0).execute(connection).await?;
                Ok(DeletedBucket::Gone)
            }
            Some(_) => Ok(DeletedBucket::NotEmpty),
        }
    }
}

pub(super) fn changed(rows: u64) -> Changed {
    if rows == 0 { Changed::NoSuchBucket } else { Changed::Done }
}

/// A row of `buckets` with its settings, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
struct BucketRow {
    id: i64,
    name: String,
    created: i64,
    storage_class: String,
    #[sqlx(flatten)]
    settings: SettingsRow,
    #[sqlx(flatten)]
    cors: CorsRow,
}

impl BucketRow {
    fn read(
        self,
        (policy_version, policy): (PolicyVersion, Policy),
        policy_document: Option<Arc<PolicyDocument>>,
    ) -> Result<Bucket, MetaError> {
        let bad = |reason| corrupt("buckets", self.id, reason);
        let StoredSettings { acl, extras, referer_max_bytes } = self.settings.read(self.id)?;
        Ok(Bucket {
            id: BucketId(self.id),
            name: parsed(&self.name).map_err(bad)?,
            created: UnixMillis(self.created),
            acl,
            storage_class: storage_class(&self.storage_class).map_err(bad)?,
            policy,
            policy_version,
            policy_document,
            extras,
            referer_max_bytes,
            cors: self.cors.read(self.id)?,
        })
    }
}
