//! Buckets and their referer policies.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::extras::ExtrasRow;
use super::writer::Operation;
use super::{Sqlite, corrupt, count, parsed, read_error, storage_class};
use crate::domain::acl::BucketAcl;
use crate::domain::name::{BucketId, BucketName};
use crate::domain::object::StorageClass;
use crate::domain::referer::{Compare, EmptyReferer, Extras, Pattern, Policy};
use crate::domain::time::UnixMillis;
use crate::meta::{Bucket, Buckets, Changed, Created, DeletedBucket, MetaError, Usage};

#[async_trait]
impl Buckets for Sqlite {
    async fn all_buckets(&self) -> Result<Vec<Bucket>, MetaError> {
        const SQL: &str = "
            select b.id, b.name, b.created, b.acl, b.storage_class,
                   p.bucket_id as policy_of, p.empty, p.compare, p.whitelist, p.blacklist,
                   e.bucket_id as extras_of, e.mode, e.host, e.missing, e.malformed, e.denial,
                   e.denial_to
            from buckets b left join referer_policies p on p.bucket_id = b.id
                           left join referer_extras e on e.bucket_id = b.id";
        let rows: Vec<BucketRow> =
            sqlx::query_as(SQL).fetch_all(&self.readers).await.map_err(read_error)?;
        rows.into_iter().map(Bucket::try_from).collect()
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
        self.writer.submit(DeleteBucket(id)).await
    }

    async fn set_bucket_acl(&self, id: BucketId, acl: BucketAcl) -> Result<Changed, MetaError> {
        self.writer.submit(SetAcl { id, acl }).await
    }

    async fn set_referer_policy(
        &self,
        id: BucketId,
        policy: &Policy,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        // Long lists are put into words here and not in the writer's time.
        let operation = SetPolicy {
            id,
            empty: empty_word(policy.empty),
            compare: compare_word(policy.compare),
            whitelist: list_text(&policy.allow),
            blacklist: list_text(&policy.deny),
            now,
        };
        self.writer.submit(operation).await
    }

    async fn bucket_usage(&self, id: BucketId) -> Result<Usage, MetaError> {
        const SQL: &str = "select object_count, byte_count from buckets where id = ?1";
        let row: Option<(i64, i64)> = sqlx::query_as(SQL)
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        let Some((objects, bytes)) = row else { return Ok(Usage::default()) };
        let bad = |reason| corrupt("buckets", id.0, reason);
        Ok(Usage { objects: count(objects).map_err(bad)?, bytes: count(bytes).map_err(bad)? })
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
                extras: Extras::default(),
            })
        }))
    }
}

struct DeleteBucket(BucketId);

impl Operation for DeleteBucket {
    type Answer = DeletedBucket;

    /// Goes by the counter. Should it ever be wrong, the foreign key of the objects still keeps
    /// a bucket from being deleted under them.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<DeletedBucket, MetaError> {
        const COUNT: &str = "select object_count from buckets where id = ?1";
        const DELETE: &str = "delete from buckets where id = ?1";
        let objects: Option<i64> =
            sqlx::query_scalar(COUNT).bind(self.0.0).fetch_optional(&mut *connection).await?;
        match objects {
            None => Ok(DeletedBucket::NoSuchBucket),
            Some(0) => {
                sqlx::query(DELETE).bind(self.0.0).execute(connection).await?;
                Ok(DeletedBucket::Gone)
            }
            Some(_) => Ok(DeletedBucket::NotEmpty),
        }
    }
}

struct SetAcl {
    id: BucketId,
    acl: BucketAcl,
}

impl Operation for SetAcl {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const SQL: &str = "update buckets set acl = ?2 where id = ?1";
        let query = sqlx::query(SQL).bind(self.id.0).bind(self.acl.as_str());
        Ok(changed(query.execute(connection).await?.rows_affected()))
    }
}

struct SetPolicy {
    id: BucketId,
    empty: &'static str,
    compare: &'static str,
    whitelist: String,
    blacklist: String,
    now: UnixMillis,
}

impl Operation for SetPolicy {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const SQL: &str = "
            insert into referer_policies (bucket_id, empty, compare, whitelist, blacklist, updated)
            select id, ?2, ?3, ?4, ?5, ?6 from buckets where id = ?1
            on conflict (bucket_id) do update set
                empty = excluded.empty, compare = excluded.compare,
                whitelist = excluded.whitelist, blacklist = excluded.blacklist,
                updated = excluded.updated";
        let query = sqlx::query(SQL)
            .bind(self.id.0)
            .bind(self.empty)
            .bind(self.compare)
            .bind(self.whitelist.as_str())
            .bind(self.blacklist.as_str())
            .bind(self.now.0);
        Ok(changed(query.execute(connection).await?.rows_affected()))
    }
}

pub(super) fn changed(rows: u64) -> Changed {
    if rows == 0 { Changed::NoSuchBucket } else { Changed::Done }
}

/// A row of `buckets` with its policy, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
struct BucketRow {
    id: i64,
    name: String,
    created: i64,
    acl: String,
    storage_class: String,
    /// Null if the bucket has no policy. Then the other columns of the policy are, too.
    policy_of: Option<i64>,
    empty: Option<String>,
    compare: Option<String>,
    whitelist: Option<String>,
    blacklist: Option<String>,
    #[sqlx(flatten)]
    extras: ExtrasRow,
}

impl TryFrom<BucketRow> for Bucket {
    type Error = MetaError;

    fn try_from(row: BucketRow) -> Result<Self, MetaError> {
        let bad = |reason| corrupt("buckets", row.id, reason);
        Ok(Self {
            id: BucketId(row.id),
            name: parsed(&row.name).map_err(bad)?,
            created: UnixMillis(row.created),
            acl: parsed(&row.acl).map_err(bad)?,
            storage_class: storage_class(&row.storage_class).map_err(bad)?,
            policy: match row.policy_of {
                None => Policy::default(),
                Some(id) => {
                    policy(&row).map_err(|reason| corrupt("referer_policies", id, reason))?
                }
            },
            extras: Extras::try_from(&row.extras)?,
        })
    }
}

/// Reads a policy that is there. Nothing of it has a default.
fn policy(row: &BucketRow) -> Result<Policy, String> {
    Ok(Policy {
        empty: match row.empty.as_deref() {
            Some("allow") => EmptyReferer::Allow,
            Some("deny") => EmptyReferer::Deny,
            other => return Err(format!("empty is {other:?}")),
        },
        compare: match row.compare.as_deref() {
            Some("with-query") => Compare::WithQuery,
            Some("with-path") => Compare::WithPath,
            Some("origin") => Compare::Origin,
            other => return Err(format!("compare is {other:?}")),
        },
        allow: list(row.whitelist.as_deref()).map_err(|why| format!("whitelist: {why}"))?,
        deny: list(row.blacklist.as_deref()).map_err(|why| format!("blacklist: {why}"))?,
    })
}

const fn empty_word(empty: EmptyReferer) -> &'static str {
    match empty {
        EmptyReferer::Allow => "allow",
        EmptyReferer::Deny => "deny",
    }
}

const fn compare_word(compare: Compare) -> &'static str {
    match compare {
        Compare::WithQuery => "with-query",
        Compare::WithPath => "with-path",
        Compare::Origin => "origin",
    }
}

fn list_text(patterns: &[Pattern]) -> String {
    patterns.iter().map(Pattern::as_str).collect::<serde_json::Value>().to_string()
}

fn list(text: Option<&str>) -> Result<Vec<Pattern>, String> {
    let entries: Vec<String> =
        serde_json::from_str(text.ok_or("is null")?).map_err(|error| error.to_string())?;
    let pattern = |entry: String| {
        Pattern::read(&entry)
            // A pattern is stored without white space around it; other text was not a pattern.
            .filter(|pattern| pattern.as_str() == entry)
            .ok_or_else(|| format!("{entry:?} is no pattern"))
    };
    entries.into_iter().map(pattern).collect()
}
