//! What was counted of delivery domains.

use sqlx::SqliteConnection;

use crate::domain::delivery::{Count, Outcome, Tally};
use crate::domain::name::DomainId;
use crate::domain::stats::Day;
use crate::domain::time::UnixMillis;
use crate::meta::MetaError;
use crate::meta::sqlite::{Sqlite, corrupt, count, read_error};

/// Adds what was counted. What it says of domains that are not there is dropped.
pub(in crate::meta::sqlite) async fn add(
    connection: &mut SqliteConnection,
    tallies: &[(DomainId, Tally)],
) -> Result<(), MetaError> {
    const ADD: &str = "
        insert into delivery_tallies (domain, day, outcome, detail, requests, latest)
        select ?1, ?2, ?3, ?4, ?5, ?6 from delivery_domains where id = ?1
        on conflict (domain, day, outcome, detail) do update set
            requests = requests + excluded.requests, latest = max(latest, excluded.latest)";
    for (id, Tally { day, outcome, count }) in tallies {
        let (word, detail) = words(outcome);
        sqlx::query(ADD)
            .bind(id.0.as_bytes().as_slice())
            .bind(day.0)
            .bind(word)
            .bind(detail)
            .bind(i64::try_from(count.requests).unwrap_or(i64::MAX))
            .bind(count.latest.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Deletes what was counted before a day.
pub(in crate::meta::sqlite) async fn prune(
    connection: &mut SqliteConnection,
    first: Day,
) -> Result<(), MetaError> {
    const PRUNE: &str = "delete from delivery_tallies where day < ?1";
    sqlx::query(PRUNE).bind(first.0).execute(connection).await?;
    Ok(())
}

pub(super) async fn read(
    sqlite: &Sqlite,
    id: DomainId,
    first: Day,
) -> Result<Vec<Tally>, MetaError> {
    const READ: &str = "
        select day, outcome, detail, requests, latest from delivery_tallies
        where domain = ?1 and day >= ?2";
    let rows: Vec<(i64, String, String, i64, i64)> = sqlx::query_as(READ)
        .bind(id.0.as_bytes().as_slice())
        .bind(first.0)
        .fetch_all(&sqlite.readers)
        .await
        .map_err(read_error)?;
    let tally = |(day, word, detail, requests, latest): (i64, String, String, i64, i64)| {
        let bad =
            |reason| corrupt("delivery_tallies", format!("{id} {day} {word} {detail}"), reason);
        let requests = count(requests).map_err(bad)?;
        let outcome = outcome(&word, &detail).map_err(bad)?;
        let count = Count { requests, latest: UnixMillis(latest) };
        Ok(Tally { day: Day(day), outcome, count })
    };
    rows.into_iter().map(tally).collect()
}

fn words(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Verified(id) => ("verified", id),
        Outcome::Refused(refusal) => ("refused", refusal.as_str()),
        Outcome::Open => ("open", ""),
    }
}

fn outcome(word: &str, detail: &str) -> Result<Outcome, String> {
    match word {
        "verified" => Ok(Outcome::Verified(detail.to_owned())),
        "refused" => Ok(Outcome::Refused(detail.parse().map_err(|err| format!("{err}"))?)),
        "open" => Ok(Outcome::Open),
        _ => Err(format!("{word:?} is no outcome")),
    }
}
