//! What decides beside policies, and the records of its changes.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use super::bucket::changed;
use super::extras::{ExtrasRow, ExtrasWords};
use super::writer::Operation;
use super::{Sqlite, corrupt, parsed, read_error};
use crate::domain::acl::BucketAcl;
use crate::domain::name::BucketId;
use crate::domain::referer::Extras;
use crate::domain::setting::{Change, ChangeNumber, ChangedBy, RecordedChange, Swap};
use crate::domain::time::UnixMillis;
use crate::meta::{Changed, MetaError, Settings, StoredSettings};

#[async_trait]
impl Settings for Sqlite {
    async fn change_setting(
        &self,
        id: BucketId,
        change: Change,
        by: ChangedBy,
        keep: u32,
    ) -> Result<Changed, MetaError> {
        self.writer.submit(ChangeSetting { id, change, by, keep }).await
    }

    async fn settings_of(&self, id: BucketId) -> Result<Option<StoredSettings>, MetaError> {
        const SQL: &str = "
            select b.acl, b.referer_max_bytes, e.bucket_id as extras_of, e.mode, e.host, e.missing,
                   e.malformed, e.denial, e.denial_to
            from buckets b left join referer_extras e on e.bucket_id = b.id where b.id = ?1";
        let row: Option<SettingsRow> = sqlx::query_as(SQL)
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        row.map(|row| row.read(id.0)).transpose()
    }

    async fn setting_changes(
        &self,
        id: BucketId,
        before: Option<ChangeNumber>,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, MetaError> {
        const SQL: &str = "
            select id, at, who, how, what, old, new from setting_changes
            where bucket_id = ?1 and id < ?2 order by id desc limit ?3";
        let rows: Vec<ChangeRow> = sqlx::query_as(SQL)
            .bind(id.0)
            .bind(before.map_or(i64::MAX, |before| before.0))
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        rows.into_iter().map(ChangeRow::read).collect()
    }
}

/// The settings beside a bucket, exactly as SQLite returns them.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct SettingsRow {
    acl: String,
    referer_max_bytes: Option<u32>,
    #[sqlx(flatten)]
    extras: ExtrasRow,
}

impl SettingsRow {
    pub(super) fn read(self, bucket: i64) -> Result<StoredSettings, MetaError> {
        Ok(StoredSettings {
            acl: parsed(&self.acl).map_err(|reason| corrupt("buckets", bucket, reason))?,
            extras: Extras::try_from(&self.extras)?,
            referer_max_bytes: self.referer_max_bytes,
        })
    }
}

pub(super) struct ChangeSetting {
    pub(super) id: BucketId,
    pub(super) change: Change,
    pub(super) by: ChangedBy,
    pub(super) keep: u32,
}

impl Operation for ChangeSetting {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        let rows = match &self.change {
            Change::Acl(Swap { new, .. }) => self.set_acl(connection, *new).await?,
            Change::Referer(swap) => self.set_extras(connection, &swap.new).await?,
            Change::RefererLimit(Swap { new, .. }) => self.set_limit(connection, *new).await?,
        };
        if rows > 0 && !self.change.is_none() {
            self.record(connection).await?;
        }
        Ok(changed(rows))
    }
}

impl ChangeSetting {
    async fn set_acl(
        &self,
        connection: &mut SqliteConnection,
        acl: BucketAcl,
    ) -> Result<u64, MetaError> {
        const SQL: &str = "update buckets set acl = ?2 where id = ?1";
        let query = sqlx::query(SQL).bind(self.id.0).bind(acl.as_str());
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn set_limit(
        &self,
        connection: &mut SqliteConnection,
        bytes: Option<u32>,
    ) -> Result<u64, MetaError> {
        const SQL: &str = "update buckets set referer_max_bytes = ?2 where id = ?1";
        let query = sqlx::query(SQL).bind(self.id.0).bind(bytes);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn set_extras(
        &self,
        connection: &mut SqliteConnection,
        extras: &Extras,
    ) -> Result<u64, MetaError> {
        const SQL: &str = "
            insert into referer_extras
                (bucket_id, mode, host, missing, malformed, denial, denial_to, updated)
            select id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 from buckets where id = ?1
            on conflict (bucket_id) do update set
                mode = excluded.mode, host = excluded.host, missing = excluded.missing,
                malformed = excluded.malformed, denial = excluded.denial,
                denial_to = excluded.denial_to, updated = excluded.updated";
        let words = ExtrasWords::of(extras);
        let query = sqlx::query(SQL)
            .bind(self.id.0)
            .bind(words.mode)
            .bind(words.host)
            .bind(words.missing)
            .bind(words.malformed)
            .bind(words.denial)
            .bind(words.denial_to)
            .bind(self.by.at.0);
        Ok(query.execute(connection).await?.rows_affected())
    }

    /// Records the change, and forgets the oldest.
    async fn record(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        const SQL: &str = "
            insert into setting_changes (bucket_id, at, who, how, what, old, new)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        const FORGET: &str = "
            delete from setting_changes where bucket_id = ?1 and id in (
                select id from setting_changes where bucket_id = ?1
                order by id desc limit -1 offset ?2)";
        let (old, new) = match &self.change {
            Change::Acl(Swap { old, new }) => (text(&old.as_str()), text(&new.as_str())),
            Change::Referer(swap) => {
                (text(&ExtrasWords::of(&swap.old)), text(&ExtrasWords::of(&swap.new)))
            }
            Change::RefererLimit(Swap { old, new }) => (text(old), text(new)),
        };
        sqlx::query(SQL)
            .bind(self.id.0)
            .bind(self.by.at.0)
            .bind(self.by.who.as_str())
            .bind(self.by.how.as_str())
            .bind(self.change.what())
            .bind(old)
            .bind(new)
            .execute(&mut *connection)
            .await?;
        sqlx::query(FORGET).bind(self.id.0).bind(self.keep).execute(connection).await?;
        Ok(())
    }
}

fn text(value: &impl Serialize) -> String {
    // Words and numbers have a form in JSON, so this cannot fail; what it would leave is no JSON,
    // which is an error when it is read.
    serde_json::to_string(value).unwrap_or_default()
}

/// A row of `setting_changes`, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
struct ChangeRow {
    id: i64,
    at: i64,
    who: String,
    how: String,
    what: String,
    old: String,
    new: String,
}

impl ChangeRow {
    fn read(self) -> Result<RecordedChange, MetaError> {
        let bad = |reason| corrupt("setting_changes", self.id, reason);
        Ok(RecordedChange {
            number: ChangeNumber(self.id),
            by: ChangedBy {
                at: UnixMillis(self.at),
                who: parsed(&self.who).map_err(bad)?,
                how: parsed(&self.how).map_err(bad)?,
            },
            change: self.change().map_err(bad)?,
        })
    }

    fn change(&self) -> Result<Change, String> {
        let change = match self.what.as_str() {
            "acl" => Change::Acl(self.swap(|word: String| parsed(&word))?),
            "referer-settings" => {
                Change::Referer(Box::new(self.swap(|words: ExtrasWords| words.read())?))
            }
            "referer-limit" => Change::RefererLimit(self.swap(Ok)?),
            other => return Err(format!("what is {other:?}")),
        };
        Ok(change)
    }

    fn swap<J: DeserializeOwned, T>(
        &self,
        read: impl Fn(J) -> Result<T, String>,
    ) -> Result<Swap<T>, String> {
        let value = |json: &str| {
            let value = serde_json::from_str(json).map_err(|error| error.to_string())?;
            read(value)
        };
        Ok(Swap { old: value(&self.old)?, new: value(&self.new)? })
    }
}
