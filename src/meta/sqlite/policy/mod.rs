//! Referer policies: each row is a version, the newest is the policy of its bucket.

mod pieces;
mod row;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::settings::ChangeSetting;
use super::writer::Operation;
use super::{Sqlite, read_error};
use crate::domain::name::{AccessKeyId, BucketId};
use crate::domain::referer::{Policy, PolicyVersion, Record, VersionSummary};
use crate::meta::{Keep, MetaError, Policies, Reset};
pub(super) use pieces::Pieces;
use row::{PolicyRow, SummaryRow, VersionRow, compare_word, empty_word, list_text, whole};

/// Lists of more bytes than this together are put in pieces. A row of less is written before
/// anybody notices.
const LONG_BYTES: usize = 256 * 1024;

#[async_trait]
impl Policies for Sqlite {
    async fn put_policy(
        &self,
        id: BucketId,
        policy: Arc<Policy>,
        record: Record,
        keep: Keep,
    ) -> Result<Option<PolicyVersion>, MetaError> {
        let put = self.put_version(id, policy, (record, keep)).await;
        // What was forgotten, or what is left of a failure.
        self.pieces.sweep_soon();
        put
    }

    async fn reset_policy(
        &self,
        id: BucketId,
        Reset { record, keep, change, by }: Reset,
    ) -> Result<Option<PolicyVersion>, MetaError> {
        let policy = Arc::new(Policy::default());
        let lists = Lists::Here { whitelist: list_text(&[]), blacklist: list_text(&[]) };
        let policy = PutPolicy { id, record, policy, rule_bytes: 0, lists, keep };
        let setting = ChangeSetting { id, change, by, keep: keep.versions };
        let reset = self.writer.submit(ResetPolicy { policy, setting }).await;
        self.pieces.sweep_soon();
        reset
    }

    async fn policy_versions(
        &self,
        id: BucketId,
        before: Option<PolicyVersion>,
        limit: u32,
    ) -> Result<Vec<VersionSummary>, MetaError> {
        const SQL: &str = "
            select version, at, who, how, note, whitelist_rules, blacklist_rules, rule_bytes
            from referer_versions where bucket_id = ?1 and version < ?2
            order by version desc limit ?3";
        let rows: Vec<SummaryRow> = sqlx::query_as(SQL)
            .bind(id.0)
            .bind(before.map_or(i64::MAX, |version| version.0))
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        rows.into_iter().map(|row| row.read(id)).collect()
    }

    async fn policy_version(
        &self,
        id: BucketId,
        version: PolicyVersion,
    ) -> Result<Option<(Record, Policy)>, MetaError> {
        const SQL: &str = "
            select at, who, how, note, bucket_id, version, empty, compare, whitelist_rules,
                   blacklist_rules, whitelist, blacklist, lists
            from referer_versions where bucket_id = ?1 and version = ?2";
        // One transaction, so that the pieces are there that the row names.
        let mut snapshot = self.readers.begin().await.map_err(read_error)?;
        let row: Option<VersionRow> = sqlx::query_as(SQL)
            .bind(id.0)
            .bind(version.0)
            .fetch_optional(&mut *snapshot)
            .await
            .map_err(read_error)?;
        match row {
            Some(row) => row.read(&mut snapshot).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Sqlite {
    async fn put_version(
        &self,
        id: BucketId,
        policy: Arc<Policy>,
        (record, keep): (Record, Keep),
    ) -> Result<Option<PolicyVersion>, MetaError> {
        let rule_bytes = policy.list_bytes();
        let lists = if rule_bytes > LONG_BYTES {
            Lists::InPieces(self.pieces.stage(&policy).await?)
        } else {
            Lists::Here { whitelist: list_text(&policy.allow), blacklist: list_text(&policy.deny) }
        };
        let rule_bytes = whole(rule_bytes);
        self.writer.submit(PutPolicy { id, record, policy, rule_bytes, lists, keep }).await
    }
}

/// The policies of all buckets that have one, with their versions, as a transaction sees them.
pub(super) async fn newest(
    snapshot: &mut SqliteConnection,
) -> Result<HashMap<i64, (PolicyVersion, Policy)>, MetaError> {
    const SQL: &str = "
        select bucket_id, version, empty, compare, whitelist_rules, blacklist_rules, whitelist,
               blacklist, lists
        from referer_versions v
        where version = (select max(version) from referer_versions where bucket_id = v.bucket_id)";
    let rows: Vec<PolicyRow> =
        sqlx::query_as(SQL).fetch_all(&mut *snapshot).await.map_err(read_error)?;
    let mut policies = HashMap::with_capacity(rows.len());
    for row in rows {
        let (bucket, version) = (row.bucket_id, PolicyVersion(row.version));
        policies.insert(bucket, (version, row.read(snapshot).await?));
    }
    Ok(policies)
}

/// Does work that takes as long as so many bytes do, where it holds up nobody. Rows that were
/// written before there were pieces can be long.
async fn at_leisure<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, MetaError> {
    if bytes <= LONG_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| MetaError::Sql(sqlx::Error::WorkerCrashed))
}

/// Where the lists of a version are.
enum Lists {
    Here { whitelist: String, blacklist: String },
    InPieces(pieces::Staged),
}

struct PutPolicy {
    id: BucketId,
    record: Record,
    policy: Arc<Policy>,
    rule_bytes: i64,
    lists: Lists,
    keep: Keep,
}

impl Operation for PutPolicy {
    type Answer = Option<PolicyVersion>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Answer, MetaError> {
        const SQL: &str = "
            insert into referer_versions
                (bucket_id, version, at, who, how, note, empty, compare,
                 whitelist_rules, blacklist_rules, rule_bytes, whitelist, blacklist, lists)
            select b.id,
                   1 + coalesce((select max(version) from referer_versions where bucket_id = b.id), 0),
                   ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
            from buckets b where b.id = ?1
            returning version";
        let (whitelist, blacklist, lists) = match &self.lists {
            Lists::Here { whitelist, blacklist } => (whitelist.as_str(), blacklist.as_str(), None),
            Lists::InPieces(staged) => ("", "", Some(staged.lists)),
        };
        let version: Option<i64> = sqlx::query_scalar(SQL)
            .bind(self.id.0)
            .bind(self.record.at.0)
            .bind(self.record.who.as_ref().map(AccessKeyId::as_str))
            .bind(self.record.how.as_str())
            .bind(self.record.note.as_str())
            .bind(empty_word(self.policy.empty))
            .bind(compare_word(self.policy.compare))
            .bind(whole(self.policy.allow.len()))
            .bind(whole(self.policy.deny.len()))
            .bind(self.rule_bytes)
            .bind(whitelist)
            .bind(blacklist)
            .bind(lists)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(version) = version else { return Ok(None) };
        self.forget(connection, version).await?;
        Ok(Some(PolicyVersion(version)))
    }
}

struct ResetPolicy {
    policy: PutPolicy,
    setting: ChangeSetting,
}

impl Operation for ResetPolicy {
    type Answer = Option<PolicyVersion>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Answer, MetaError> {
        self.setting.run(connection).await?;
        self.policy.run(connection).await
    }
}

impl PutPolicy {
    /// Removes the oldest versions, as many as are too many and as have too many bytes together
    /// with those after them.
    async fn forget(
        &self,
        connection: &mut SqliteConnection,
        newest: i64,
    ) -> Result<(), MetaError> {
        const SQL: &str = "
            delete from referer_versions where bucket_id = ?1 and version < ?2 and (
                version <= ?2 - ?3
                or version in (
                    select version from (
                        select version, sum(rule_bytes) over (order by version desc) as total
                        from referer_versions where bucket_id = ?1)
                    where total > ?4))";
        sqlx::query(SQL)
            .bind(self.id.0)
            .bind(newest)
            .bind(i64::from(self.keep.versions))
            .bind(i64::try_from(self.keep.bytes).unwrap_or(i64::MAX))
            .execute(connection)
            .await?;
        Ok(())
    }
}
