//! What is counted of requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::delivery::tally;
use super::writer::Operation;
use super::{Sqlite, corrupt, count, read_error};
use crate::domain::name::BucketId;
use crate::domain::stats::{
    Batch, Count, Day, DayStats, Entry, Hour, HourStats, Ledger, ORIGINS, Outcome, SUBJECTS, Top,
    Verdict,
};
use crate::meta::{MetaError, Stats};

#[async_trait]
impl Stats for Sqlite {
    async fn add_stats(&self, batch: Arc<Batch>) -> Result<(), MetaError> {
        self.writer.submit(AddStats(batch)).await
    }

    async fn last_stats(&self, writer: Uuid) -> Result<u64, MetaError> {
        const SQL: &str = "select number from referer_stats_writers where writer = ?1";
        let row: Option<i64> = sqlx::query_scalar(SQL)
            .bind(writer.as_bytes().as_slice())
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        count(row.unwrap_or(0)).map_err(|reason| corrupt("referer_stats_writers", writer, reason))
    }

    async fn stats_of_days(
        &self,
        bucket: BucketId,
        first: Day,
    ) -> Result<BTreeMap<Day, DayStats>, MetaError> {
        const TOTALS: &str = "
            select day, verdict, requests, bytes from referer_totals
            where bucket_id = ?1 and day >= ?2";
        const ORIGINS: &str = "
            select day, outcome, requests, bytes, floor, entries from referer_origins
            where bucket_id = ?1 and day >= ?2";
        let mut days = BTreeMap::<Day, DayStats>::new();
        let totals: Vec<(i64, String, i64, i64)> = sqlx::query_as(TOTALS)
            .bind(bucket.0)
            .bind(first.0)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        for (day, word, requests, bytes) in totals {
            let bad =
                |reason| corrupt("referer_totals", format!("{} {day} {word}", bucket.0), reason);
            let verdict = Verdict::parse(&word).ok_or_else(|| bad("no such verdict".into()))?;
            let sum = sum(requests, bytes).map_err(bad)?;
            days.entry(Day(day)).or_default().totals.add(verdict, sum);
        }
        let lists: Vec<(i64, String, i64, i64, i64, String)> = sqlx::query_as(ORIGINS)
            .bind(bucket.0)
            .bind(first.0)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        for (day, word, requests, bytes, floor, entries) in lists {
            let bad =
                |reason| corrupt("referer_origins", format!("{} {day} {word}", bucket.0), reason);
            let row = ListRow { requests, bytes, floor, entries };
            let outcome = outcome(&word).ok_or_else(|| bad("no such outcome".into()))?;
            let list = row.list(crate::domain::stats::ORIGINS).map_err(bad)?;
            *days.entry(Day(day)).or_default().top_mut(outcome) = list;
        }
        Ok(days)
    }

    async fn stats_of_hours(
        &self,
        bucket: BucketId,
        first: Hour,
    ) -> Result<BTreeMap<Hour, HourStats>, MetaError> {
        const SQL: &str = "
            select hour, checked_requests, checked_bytes, requests, bytes, floor, entries
            from referer_subjects where bucket_id = ?1 and hour >= ?2";
        let rows: Vec<(i64, i64, i64, i64, i64, i64, String)> = sqlx::query_as(SQL)
            .bind(bucket.0)
            .bind(first.0)
            .fetch_all(&self.readers)
            .await
            .map_err(read_error)?;
        let hour = |(hour, checked, checked_bytes, requests, bytes, floor, entries)| {
            let bad = |reason| corrupt("referer_subjects", format!("{} {hour}", bucket.0), reason);
            let row = ListRow { requests, bytes, floor, entries };
            let checked = sum(checked, checked_bytes).map_err(bad)?;
            let subjects = row.list(SUBJECTS).map_err(bad)?;
            Ok((Hour(hour), HourStats { checked, subjects }))
        };
        rows.into_iter().map(hour).collect()
    }

    async fn prune_stats(&self, first_day: Day, first_hour: Hour) -> Result<(), MetaError> {
        self.writer.submit(PruneStats { first_day, first_hour }).await
    }
}

struct AddStats(Arc<Batch>);

impl Operation for AddStats {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        const CLAIM: &str = "
            insert into referer_stats_writers (writer, number) values (?1, ?2)
            on conflict (writer) do update set number = excluded.number
            where excluded.number > number
            returning id";
        const BUCKET: &str = "select id from buckets where id = ?1";
        let Batch { writer, number, ledgers, tallies } = &*self.0;
        let claimed: Option<i64> = sqlx::query_scalar(CLAIM)
            .bind(writer.as_bytes().as_slice())
            .bind(stored(*number))
            .fetch_optional(&mut *connection)
            .await?;
        if claimed.is_none() {
            return Ok(());
        }
        for (bucket, ledger) in ledgers {
            let there: Option<i64> =
                sqlx::query_scalar(BUCKET).bind(bucket.0).fetch_optional(&mut *connection).await?;
            if there.is_some() {
                add_ledger(connection, *bucket, ledger).await?;
            }
        }
        tally::add(connection, tallies).await
    }
}

async fn add_ledger(
    connection: &mut SqliteConnection,
    bucket: BucketId,
    ledger: &Ledger,
) -> Result<(), MetaError> {
    for (day, stats) in &ledger.days {
        add_totals(connection, bucket, *day, stats).await?;
        for outcome in Outcome::ALL {
            add_origins(connection, bucket, *day, (outcome, stats.top(outcome))).await?;
        }
    }
    for (hour, stats) in &ledger.hours {
        add_subjects(connection, bucket, *hour, stats).await?;
    }
    Ok(())
}

async fn add_totals(
    connection: &mut SqliteConnection,
    bucket: BucketId,
    day: Day,
    stats: &DayStats,
) -> Result<(), MetaError> {
    const SQL: &str = "
        insert into referer_totals (bucket_id, day, verdict, requests, bytes)
        values (?1, ?2, ?3, ?4, ?5)
        on conflict (bucket_id, day, verdict) do update set
            requests = requests + excluded.requests, bytes = bytes + excluded.bytes";
    for (verdict, count) in stats.totals.iter().filter(|(_, count)| !count.is_zero()) {
        sqlx::query(SQL)
            .bind(bucket.0)
            .bind(day.0)
            .bind(verdict.as_str())
            .bind(stored(count.requests))
            .bind(stored(count.bytes))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn add_origins(
    connection: &mut SqliteConnection,
    bucket: BucketId,
    day: Day,
    (outcome, new): (Outcome, &Top),
) -> Result<(), MetaError> {
    const FIND: &str = "
        select requests, bytes, floor, entries from referer_origins
        where bucket_id = ?1 and day = ?2 and outcome = ?3";
    const WRITE: &str = "
        insert or replace into referer_origins
            (bucket_id, day, outcome, requests, bytes, floor, entries)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    if new.is_empty() {
        return Ok(());
    }
    let found: Option<ListRow> = sqlx::query_as(FIND)
        .bind(bucket.0)
        .bind(day.0)
        .bind(outcome.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let row = ListRow::of(&merged(found, ORIGINS, new));
    sqlx::query(WRITE)
        .bind(bucket.0)
        .bind(day.0)
        .bind(outcome.as_str())
        .bind(row.requests)
        .bind(row.bytes)
        .bind(row.floor)
        .bind(row.entries)
        .execute(connection)
        .await?;
    Ok(())
}

async fn add_subjects(
    connection: &mut SqliteConnection,
    bucket: BucketId,
    hour: Hour,
    new: &HourStats,
) -> Result<(), MetaError> {
    const FIND: &str = "
        select requests, bytes, floor, entries from referer_subjects
        where bucket_id = ?1 and hour = ?2";
    const WRITE: &str = "
        insert into referer_subjects (bucket_id, hour, checked_requests, checked_bytes,
                                      requests, bytes, floor, entries)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        on conflict (bucket_id, hour) do update set
            checked_requests = checked_requests + excluded.checked_requests,
            checked_bytes = checked_bytes + excluded.checked_bytes,
            requests = excluded.requests, bytes = excluded.bytes,
            floor = excluded.floor, entries = excluded.entries";
    let found: Option<ListRow> =
        sqlx::query_as(FIND).bind(bucket.0).bind(hour.0).fetch_optional(&mut *connection).await?;
    let row = ListRow::of(&merged(found, SUBJECTS, &new.subjects));
    sqlx::query(WRITE)
        .bind(bucket.0)
        .bind(hour.0)
        .bind(stored(new.checked.requests))
        .bind(stored(new.checked.bytes))
        .bind(row.requests)
        .bind(row.bytes)
        .bind(row.floor)
        .bind(row.entries)
        .execute(connection)
        .await?;
    Ok(())
}

/// A stored list with a new one. One that is damaged begins anew, because it would otherwise keep
/// everything that follows from being written; reading it is an error until then.
fn merged(found: Option<ListRow>, limit: usize, new: &Top) -> Top {
    let mut list = Top::new(limit);
    match found.map(|row| row.list(limit)) {
        Some(Ok(stored)) => list = stored,
        Some(Err(reason)) => tracing::error!(reason, "dropped a damaged list: {reason}"),
        None => {}
    }
    list.merge(new);
    list
}

struct PruneStats {
    first_day: Day,
    first_hour: Hour,
}

impl Operation for PruneStats {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        const TOTALS: &str = "delete from referer_totals where day < ?1";
        const ORIGINS: &str = "delete from referer_origins where day < ?1";
        const SUBJECTS: &str = "delete from referer_subjects where hour < ?1";
        /// Servers that run now are among the last that were started.
        const WRITERS: &str = "
            delete from referer_stats_writers
            where id < (select max(id) - 1000 from referer_stats_writers)";
        for (sql, first) in
            [(TOTALS, self.first_day.0), (ORIGINS, self.first_day.0), (SUBJECTS, self.first_hour.0)]
        {
            sqlx::query(sql).bind(first).execute(&mut *connection).await?;
        }
        tally::prune(connection, self.first_day).await?;
        sqlx::query(WRITERS).execute(connection).await?;
        Ok(())
    }
}

/// A list, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
struct ListRow {
    requests: i64,
    bytes: i64,
    floor: i64,
    entries: String,
}

/// An entry as it is in JSON: key, count, error, bytes, sample, unmeasured. The last was not there
/// from the beginning.
#[derive(Deserialize, Serialize)]
struct EntryJson(String, u64, u64, u64, String, #[serde(default)] u64);

impl ListRow {
    fn of(top: &Top) -> Self {
        let entries: Vec<EntryJson> = top
            .entries()
            .map(|e| {
                let (key, sample) = (e.key.to_string(), e.sample.into());
                EntryJson(key, e.count, e.error, e.bytes, sample, e.unmeasured)
            })
            .collect();
        Self {
            requests: stored(top.seen().requests),
            bytes: stored(top.seen().bytes),
            floor: stored(top.floor()),
            // Texts and numbers have a form in JSON, so this cannot fail.
            entries: serde_json::to_string(&entries).unwrap_or_else(|_| "[]".to_owned()),
        }
    }

    fn list(&self, limit: usize) -> Result<Top, String> {
        let entries: Vec<EntryJson> =
            serde_json::from_str(&self.entries).map_err(|error| error.to_string())?;
        let entry = |EntryJson(key, count, error, bytes, sample, unmeasured)| Entry {
            key: key.into(),
            count,
            error,
            bytes,
            unmeasured,
            sample: sample.into(),
        };
        let entries = entries.into_iter().map(entry).collect();
        Top::restore(limit, sum(self.requests, self.bytes)?, count(self.floor)?, entries)
            .map_err(|error| error.to_string())
    }
}

fn outcome(word: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word)
}

fn sum(requests: i64, bytes: i64) -> Result<Count, String> {
    Ok(Count { requests: count(requests)?, bytes: count(bytes)? })
}

/// A count as SQLite has it: 63 bits are enough for the bytes of all requests there will be.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
