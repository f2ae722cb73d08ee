//! Bringing a database of an earlier version up to date, and telling of it: with millions of objects
//! a step takes a while, and whoever waits for the server wants to know what for.
//!
//! A step is one transaction. A server that is ended in the middle of one begins it anew.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use sqlx::SqliteConnection;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use tokio::time::timeout;

/// The schema, step by step. A step is never edited after it was released.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How often it is told that a step is not done yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Brings the schema up to date.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    let steps = missing(connection).await?;
    let count = steps.len();
    for (number, step) in (1..).zip(steps) {
        let (version, name) = (step.version, &*step.description);
        tracing::info!(
            version,
            "the database is of an earlier version: step {number} of {count}, {name}"
        );
        let applied = MIGRATIONS.run_to(version, &mut *connection);
        let telling = |seconds| {
            tracing::info!(
                version,
                seconds,
                "the database is being changed: step {number} of {count}, {name}, since {seconds} s"
            );
        };
        patiently(applied, telling).await?;
    }
    // A new database gets all steps at once, and any other is compared with all.
    MIGRATIONS.run(connection).await
}

/// The steps that a database of an earlier version lacks. A new one has none of which to tell.
async fn missing(
    connection: &mut SqliteConnection,
) -> Result<Vec<&'static Migration>, sqlx::Error> {
    const KNOWN: &str =
        "select exists (select 1 from sqlite_master where name = '_sqlx_migrations')";
    const LATEST: &str = "select max(version) from _sqlx_migrations";

    if !sqlx::query_scalar::<_, bool>(KNOWN).fetch_one(&mut *connection).await? {
        return Ok(Vec::new());
    }
    let latest: Option<i64> = sqlx::query_scalar(LATEST).fetch_one(connection).await?;
    let Some(latest) = latest else { return Ok(Vec::new()) };
    Ok(MIGRATIONS.iter().filter(|step| step.version > latest).collect())
}

/// Waits for something, and tells every now and then for how many seconds it has.
async fn patiently<F: Future>(awaited: F, telling: impl Fn(u64)) -> F::Output {
    let (mut awaited, mut waited) = (pin!(awaited), Duration::ZERO);
    loop {
        if let Ok(done) = timeout(PATIENCE, &mut awaited).await {
            return done;
        }
        waited += PATIENCE;
        telling(waited.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_long_is_told() {
        for (seconds, want) in [(0, vec![]), (4, vec![]), (12, vec![5, 10])] {
            let told = RefCell::new(Vec::new());
            let awaited = async {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                "done"
            };
            let done = patiently(awaited, |seconds| told.borrow_mut().push(seconds)).await;
            assert_eq!((done, told.into_inner()), ("done", want), "{seconds} s");
        }
    }
}
