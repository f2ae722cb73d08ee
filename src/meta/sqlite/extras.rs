//! What buckets' owners ask for beyond OSS's referer policy.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::bucket::changed;
use super::writer::Operation;
use super::{Sqlite, corrupt, parsed};
use crate::domain::name::{BucketId, ObjectKey};
use crate::domain::referer::{DenialAnswer, Extras, RedirectUrl};
use crate::domain::time::UnixMillis;
use crate::meta::{Changed, MetaError, RefererExtras};

#[async_trait]
impl RefererExtras for Sqlite {
    async fn set_referer_extras(
        &self,
        id: BucketId,
        extras: &Extras,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        self.writer.submit(SetExtras { id, extras: extras.clone(), now }).await
    }
}

struct SetExtras {
    id: BucketId,
    extras: Extras,
    now: UnixMillis,
}

impl Operation for SetExtras {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const SQL: &str = "
            insert into referer_extras
                (bucket_id, mode, host, missing, malformed, denial, denial_to, updated)
            select id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 from buckets where id = ?1
            on conflict (bucket_id) do update set
                mode = excluded.mode, host = excluded.host, missing = excluded.missing,
                malformed = excluded.malformed, denial = excluded.denial,
                denial_to = excluded.denial_to, updated = excluded.updated";
        let (denial, denial_to) = denial_words(&self.extras.denial);
        let query = sqlx::query(SQL)
            .bind(self.id.0)
            .bind(self.extras.mode.as_str())
            .bind(self.extras.host.as_str())
            .bind(self.extras.missing.as_str())
            .bind(self.extras.malformed.as_str())
            .bind(denial)
            .bind(denial_to)
            .bind(self.now.0);
        Ok(changed(query.execute(connection).await?.rows_affected()))
    }
}

fn denial_words(denial: &DenialAnswer) -> (&'static str, Option<&str>) {
    match denial {
        DenialAnswer::Forbidden => ("forbidden", None),
        DenialAnswer::Redirect(url) => ("redirect", Some(url.as_str())),
        DenialAnswer::Substitute(key) => ("substitute", Some(key.as_str())),
    }
}

/// The columns of `referer_extras` beside a bucket, exactly as SQLite returns them. All are null
/// if the bucket has no row.
#[derive(sqlx::FromRow)]
pub(super) struct ExtrasRow {
    extras_of: Option<i64>,
    mode: Option<String>,
    host: Option<String>,
    missing: Option<String>,
    malformed: Option<String>,
    denial: Option<String>,
    denial_to: Option<String>,
}

impl TryFrom<&ExtrasRow> for Extras {
    type Error = MetaError;

    /// Nothing of a row that is there has a default.
    fn try_from(row: &ExtrasRow) -> Result<Self, MetaError> {
        let Some(id) = row.extras_of else { return Ok(Self::default()) };
        read(row).map_err(|reason| corrupt("referer_extras", id, reason))
    }
}

fn read(row: &ExtrasRow) -> Result<Extras, String> {
    fn word<T: std::str::FromStr<Err: std::fmt::Display>>(
        name: &str,
        column: Option<&str>,
    ) -> Result<T, String> {
        parsed(column.ok_or_else(|| format!("{name} is null"))?)
            .map_err(|reason| format!("{name}: {reason}"))
    }
    let to = row.denial_to.as_deref();
    Ok(Extras {
        mode: word("mode", row.mode.as_deref())?,
        host: word("host", row.host.as_deref())?,
        missing: word("missing", row.missing.as_deref())?,
        malformed: word("malformed", row.malformed.as_deref())?,
        denial: match (row.denial.as_deref(), to) {
            (Some("forbidden"), None) => DenialAnswer::Forbidden,
            (Some("redirect"), to) => DenialAnswer::Redirect(word::<RedirectUrl>("denial_to", to)?),
            (Some("substitute"), to) => {
                DenialAnswer::Substitute(word::<ObjectKey>("denial_to", to)?)
            }
            other => return Err(format!("denial is {other:?}")),
        },
    })
}
