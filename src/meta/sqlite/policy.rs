//! Referer policies: each row is a version, the newest is the policy of its bucket.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::bucket::changed;
use super::writer::Operation;
use super::{Sqlite, corrupt, count, parsed, read_error};
use crate::domain::name::{AccessKeyId, BucketId};
use crate::domain::referer::{
    Compare, EmptyReferer, How, Pattern, Policy, PolicyVersion, Record, VersionSummary,
};
use crate::domain::time::UnixMillis;
use crate::meta::{Changed, Keep, MetaError, Policies};

/// Lists of more bytes are put into words, and read, by a thread that may take its time.
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
        // Long lists are put into words here and not in the writer's time.
        let rule_bytes = policy.list_bytes();
        let words = {
            let policy = Arc::clone(&policy);
            at_leisure(rule_bytes, move || (list_text(&policy.allow), list_text(&policy.deny)))
        };
        let (whitelist, blacklist) = words.await?;
        let operation = PutPolicy {
            id,
            record,
            policy,
            rule_bytes: whole(rule_bytes),
            whitelist,
            blacklist,
            keep,
        };
        self.writer.submit(operation).await
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
            select at, who, how, note, empty, compare, whitelist, blacklist
            from referer_versions where bucket_id = ?1 and version = ?2";
        let row: Option<VersionRow> = sqlx::query_as(SQL)
            .bind(id.0)
            .bind(version.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        let Some(row) = row else { return Ok(None) };
        let bytes = row.whitelist.len() + row.blacklist.len();
        at_leisure(bytes, move || row.read(id, version).map(Some)).await?
    }

    async fn set_referer_max_bytes(
        &self,
        id: BucketId,
        bytes: Option<u32>,
    ) -> Result<Changed, MetaError> {
        self.writer.submit(SetMaxBytes { id, bytes }).await
    }
}

/// Does work that takes as long as so many bytes do, where it holds up nobody.
async fn at_leisure<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, MetaError> {
    if bytes <= LONG_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| MetaError::Sql(sqlx::Error::WorkerCrashed))
}

struct PutPolicy {
    id: BucketId,
    record: Record,
    policy: Arc<Policy>,
    rule_bytes: i64,
    whitelist: String,
    blacklist: String,
    keep: Keep,
}

impl Operation for PutPolicy {
    type Answer = Option<PolicyVersion>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Answer, MetaError> {
        const SQL: &str = "
            insert into referer_versions
                (bucket_id, version, at, who, how, note, empty, compare,
                 whitelist_rules, blacklist_rules, rule_bytes, whitelist, blacklist)
            select b.id,
                   1 + coalesce((select max(version) from referer_versions where bucket_id = b.id), 0),
                   ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
            from buckets b where b.id = ?1
            returning version";
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
            .bind(self.whitelist.as_str())
            .bind(self.blacklist.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(version) = version else { return Ok(None) };
        self.forget(connection, version).await?;
        Ok(Some(PolicyVersion(version)))
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

struct SetMaxBytes {
    id: BucketId,
    bytes: Option<u32>,
}

impl Operation for SetMaxBytes {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const SQL: &str = "update buckets set referer_max_bytes = ?2 where id = ?1";
        let query = sqlx::query(SQL).bind(self.id.0).bind(self.bytes);
        Ok(changed(query.execute(connection).await?.rows_affected()))
    }
}

/// The columns of a row that are what was put.
pub(super) struct PolicyRow<'r> {
    pub(super) empty: &'r str,
    pub(super) compare: &'r str,
    pub(super) whitelist: &'r str,
    pub(super) blacklist: &'r str,
}

impl PolicyRow<'_> {
    /// Reads a policy that is there. Nothing of it has a default.
    pub(super) fn read(&self, bucket: i64, version: i64) -> Result<Policy, MetaError> {
        let bad = |reason| corrupt_version(bucket, version, reason);
        Ok(Policy {
            empty: match self.empty {
                "allow" => EmptyReferer::Allow,
                "deny" => EmptyReferer::Deny,
                other => return Err(bad(format!("empty is {other:?}"))),
            },
            compare: match self.compare {
                "with-query" => Compare::WithQuery,
                "with-path" => Compare::WithPath,
                "origin" => Compare::Origin,
                other => return Err(bad(format!("compare is {other:?}"))),
            },
            allow: list(self.whitelist).map_err(|why| bad(format!("whitelist: {why}")))?,
            deny: list(self.blacklist).map_err(|why| bad(format!("blacklist: {why}")))?,
        })
    }
}

fn corrupt_version(bucket: i64, version: i64, reason: String) -> MetaError {
    corrupt("referer_versions", format_args!("{bucket}, {version}"), reason)
}

/// A row without its lists, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
struct SummaryRow {
    version: i64,
    at: i64,
    who: Option<String>,
    how: String,
    note: String,
    whitelist_rules: i64,
    blacklist_rules: i64,
    rule_bytes: i64,
}

impl SummaryRow {
    fn read(self, bucket: BucketId) -> Result<VersionSummary, MetaError> {
        let version = self.version;
        let bad = |reason| corrupt_version(bucket.0, version, reason);
        Ok(VersionSummary {
            version: PolicyVersion(version),
            allow: count(self.whitelist_rules).map_err(bad)?,
            deny: count(self.blacklist_rules).map_err(bad)?,
            bytes: count(self.rule_bytes).map_err(bad)?,
            record: record(self.at, self.who.as_deref(), &self.how, self.note).map_err(bad)?,
        })
    }
}

/// A row without its key, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
struct VersionRow {
    at: i64,
    who: Option<String>,
    how: String,
    note: String,
    empty: String,
    compare: String,
    whitelist: String,
    blacklist: String,
}

impl VersionRow {
    fn read(self, bucket: BucketId, version: PolicyVersion) -> Result<(Record, Policy), MetaError> {
        let row = PolicyRow {
            empty: &self.empty,
            compare: &self.compare,
            whitelist: &self.whitelist,
            blacklist: &self.blacklist,
        };
        let policy = row.read(bucket.0, version.0)?;
        let record = record(self.at, self.who.as_deref(), &self.how, self.note);
        Ok((record.map_err(|reason| corrupt_version(bucket.0, version.0, reason))?, policy))
    }
}

fn record(at: i64, who: Option<&str>, how: &str, note: String) -> Result<Record, String> {
    Ok(Record {
        at: UnixMillis(at),
        who: who.map(parsed).transpose()?,
        how: How::parse(how).ok_or_else(|| format!("how is {how:?}"))?,
        note,
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

/// A length as SQLite has numbers. No list in memory has a length that does not fit.
fn whole(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn list_text(patterns: &[Pattern]) -> String {
    let texts: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
    // A list of texts has a form in JSON, so this cannot fail; what it would leave is no list,
    // which is an error when it is read.
    serde_json::to_string(&texts).unwrap_or_default()
}

fn list(text: &str) -> Result<Vec<Pattern>, String> {
    let entries: Vec<String> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let pattern = |entry: String| {
        Pattern::read(&entry)
            // A pattern is stored without white space around it; other text was not a pattern.
            .filter(|pattern| pattern.as_str() == entry)
            .ok_or_else(|| format!("{entry:?} is no pattern"))
    };
    entries.into_iter().map(pattern).collect()
}
