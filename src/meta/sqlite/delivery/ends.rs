//! Until when links of keys are good.

use sqlx::SqliteConnection;

use crate::domain::delivery::KeyEnd;
use crate::domain::name::DomainId;
use crate::meta::MetaError;
use crate::meta::sqlite::writer::Operation;
use crate::meta::sqlite::{Sqlite, read_error};

/// Writes ends down. Those of domains that are not there are dropped.
pub(super) struct Put(pub(super) Vec<KeyEnd>);

impl Operation for Put {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        const PUT: &str = "
            insert into delivery_key_ends (domain, key, until)
            select ?1, ?2, ?3 from delivery_domains where id = ?1
            on conflict (domain, key) do update set until = max(until, excluded.until)";
        for KeyEnd { domain, key, until } in &self.0 {
            sqlx::query(PUT)
                .bind(domain.0.as_bytes().as_slice())
                .bind(key.as_str())
                .bind(until)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

/// Deletes the ends that are before this second.
pub(super) const PRUNE: &str = "delete from delivery_key_ends where until < ?1";

pub(super) async fn read(
    sqlite: &Sqlite,
    id: DomainId,
    key_id: &str,
) -> Result<Option<i64>, MetaError> {
    const READ: &str = "select until from delivery_key_ends where domain = ?1 and key = ?2";
    sqlx::query_scalar(READ)
        .bind(id.0.as_bytes().as_slice())
        .bind(key_id)
        .fetch_optional(&sqlite.readers)
        .await
        .map_err(read_error)
}
