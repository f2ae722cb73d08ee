//! Programs that may have links made.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::writer::Operation;
use super::{Sqlite, corrupt, parsed, read_error};
use crate::domain::delivery::{Application, ApplicationName};
use crate::domain::time::UnixMillis;
use crate::meta::{Applications, MetaError, StoredApplication};

type Row = (String, Vec<u8>, String, i64, i64);

#[async_trait]
impl Applications for Sqlite {
    async fn all_applications(&self) -> Result<Vec<StoredApplication>, MetaError> {
        const READ: &str =
            "select name, digest, scopes, per_minute, created from link_applications";
        let rows: Vec<Row> =
            sqlx::query_as(READ).fetch_all(&self.readers).await.map_err(read_error)?;
        let read =
            |row: &Row| read(row).map_err(|reason| corrupt("link_applications", &row.0, reason));
        rows.iter().map(read).collect()
    }

    async fn create_application(&self, new: &StoredApplication) -> Result<bool, MetaError> {
        self.writer.submit(Create(new.clone())).await
    }

    async fn delete_application(&self, name: &ApplicationName) -> Result<bool, MetaError> {
        self.writer.submit(Delete(name.clone())).await
    }
}

/// Reads a row. Nothing of it has a default.
fn read((name, digest, scopes, per_minute, created): &Row) -> Result<StoredApplication, String> {
    let scopes: Vec<String> =
        serde_json::from_str(scopes).map_err(|err| format!("scopes: {err}"))?;
    let application = Application {
        name: parsed(name)?,
        scopes: scopes.iter().map(|scope| parsed(scope)).collect::<Result<_, _>>()?,
        per_minute: u32::try_from(*per_minute).map_err(|_| format!("{per_minute} in a minute"))?,
        created: UnixMillis(*created),
    };
    application.check().map_err(|err| err.to_string())?;
    let digest = digest.as_slice().try_into().map_err(|_| "the digest is too short")?;
    Ok(StoredApplication { application, digest })
}

struct Create(StoredApplication);

impl Operation for Create {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, MetaError> {
        const CREATE: &str = "
            insert into link_applications (name, digest, scopes, per_minute, created)
            values (?1, ?2, ?3, ?4, ?5) on conflict (name) do nothing";
        let StoredApplication { application, digest } = &self.0;
        let scopes: Vec<_> = application.scopes.iter().map(ToString::to_string).collect();
        let done = sqlx::query(CREATE)
            .bind(application.name.as_str())
            .bind(digest.as_slice())
            // A list of texts has a form in JSON.
            .bind(serde_json::to_string(&scopes).unwrap_or_default())
            .bind(application.per_minute)
            .bind(application.created.0)
            .execute(connection)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

struct Delete(ApplicationName);

impl Operation for Delete {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, MetaError> {
        const DELETE: &str = "delete from link_applications where name = ?1";
        let done = sqlx::query(DELETE).bind(self.0.as_str()).execute(connection).await?;
        Ok(done.rows_affected() > 0)
    }
}
