//! Cross-origin rules of buckets.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::bucket::changed;
use super::writer::Operation;
use super::{Sqlite, corrupt, parsed, read_error};
use crate::domain::cors::{CorsMethod, CorsRule, CorsRules, MaxAge, VaryOrigin};
use crate::domain::name::BucketId;
use crate::domain::time::UnixMillis;
use crate::meta::{Changed, Cors, MetaError};

#[async_trait]
impl Cors for Sqlite {
    async fn set_bucket_cors(
        &self,
        id: BucketId,
        rules: Option<Arc<CorsRules>>,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        match rules {
            Some(rules) => self.writer.submit(SetCors { id, rules, now }).await,
            None => self.writer.submit(DeleteCors(id)).await,
        }
    }

    async fn bucket_cors(&self, id: BucketId) -> Result<Option<CorsRules>, MetaError> {
        const SQL: &str = "
            select rules as cors_rules, vary_origin as cors_vary
            from bucket_cors where bucket_id = ?1";
        let row: Option<CorsRow> = sqlx::query_as(SQL)
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        row.map_or(Ok(None), |row| row.read(id.0))
    }
}

struct SetCors {
    id: BucketId,
    rules: Arc<CorsRules>,
    now: UnixMillis,
}

impl Operation for SetCors {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const SQL: &str = "
            insert into bucket_cors (bucket_id, rules, vary_origin, updated)
            select id, ?2, ?3, ?4 from buckets where id = ?1
            on conflict (bucket_id) do update set
                rules = excluded.rules, vary_origin = excluded.vary_origin,
                updated = excluded.updated";
        let query = sqlx::query(SQL)
            .bind(self.id.0)
            .bind(text(&self.rules))
            .bind(self.rules.vary() == VaryOrigin::Always)
            .bind(self.now.0);
        Ok(changed(query.execute(connection).await?.rows_affected()))
    }
}

struct DeleteCors(BucketId);

impl Operation for DeleteCors {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const DELETE: &str = "delete from bucket_cors where bucket_id = ?1";
        const EXISTS: &str = "select count(*) from buckets where id = ?1";
        sqlx::query(DELETE).bind(self.0.0).execute(&mut *connection).await?;
        let found: i64 = sqlx::query_scalar(EXISTS).bind(self.0.0).fetch_one(connection).await?;
        Ok(changed(u64::from(found > 0)))
    }
}

/// The columns of `bucket_cors` beside a bucket, exactly as SQLite returns them. Both are null if
/// the bucket has no row.
#[derive(sqlx::FromRow)]
pub(super) struct CorsRow {
    cors_rules: Option<String>,
    cors_vary: Option<i64>,
}

impl CorsRow {
    /// Reads the rules. Nothing of a row that is there has a default.
    pub(super) fn read(&self, bucket: i64) -> Result<Option<CorsRules>, MetaError> {
        let Some(rules) = &self.cors_rules else { return Ok(None) };
        let bad = |reason| corrupt("bucket_cors", bucket, reason);
        let vary = match self.cors_vary {
            Some(0) => VaryOrigin::Never,
            Some(1) => VaryOrigin::Always,
            other => return Err(bad(format!("vary_origin is {other:?}"))),
        };
        read(rules, vary).map(Some).map_err(bad)
    }
}

/// A rule as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRule {
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    exposed: Vec<String>,
    max_age: Option<u32>,
}

fn text(rules: &CorsRules) -> String {
    fn texts<T: ToString>(list: &[T]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }
    let stored = rules.rules().iter().map(|rule| StoredRule {
        origins: texts(&rule.origins),
        methods: texts(&rule.methods),
        headers: texts(&rule.headers),
        exposed: texts(&rule.exposed),
        max_age: rule.max_age.map(MaxAge::seconds),
    });
    // Texts and numbers have a form in JSON, so this cannot fail; what it would leave is no list,
    // which the table refuses.
    serde_json::to_string(&stored.collect::<Vec<_>>()).unwrap_or_default()
}

fn read(text: &str, vary: VaryOrigin) -> Result<CorsRules, String> {
    fn list<T: FromStr<Err: Display>>(texts: &[String]) -> Result<Vec<T>, String> {
        texts.iter().map(|text| parsed(text)).collect()
    }
    let stored: Vec<StoredRule> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rule = |stored: StoredRule| {
        let method = |text: &String| {
            CorsMethod::parse(text).ok_or_else(|| format!("{text:?} is no method of a rule"))
        };
        let max_age = stored.max_age.map(|seconds| {
            MaxAge::new(seconds).ok_or_else(|| format!("{seconds} are too many seconds"))
        });
        Ok(CorsRule {
            origins: list(&stored.origins)?,
            methods: stored.methods.iter().map(method).collect::<Result<_, _>>()?,
            headers: list(&stored.headers)?,
            exposed: list(&stored.exposed)?,
            max_age: max_age.transpose()?,
        })
    };
    let rules = stored.into_iter().map(rule).collect::<Result<_, String>>()?;
    CorsRules::new(rules, vary).map_err(|error| error.to_string())
}
