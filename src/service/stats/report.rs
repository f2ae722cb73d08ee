//! What administrators are told.

use std::sync::Arc;

use super::Keep;
use crate::domain::referer::Gate;
use crate::domain::stats::{Candidate, Day, DayStats, Hour, Ledger, Simulation, Totals, simulate};
use crate::domain::time::UnixMillis;
use crate::service::App;
use crate::service::access::BucketPermit;
use crate::service::error::Error;
use crate::service::policy::{compute, is_prompt};

/// What was counted of a bucket over some days.
#[derive(Clone, Debug)]
pub struct Report {
    /// Totals by day, the oldest first, without a gap.
    pub days: Vec<(Day, Totals)>,
    /// The sum over all days, with the origins.
    pub sum: DayStats,
}

impl App {
    /// Tells what was counted of a bucket on this day of UTC and the days before it, `days` in
    /// all. Everything that was answered before the call is in it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn referer_report(&self, permit: &BucketPermit, days: u32) -> Result<Report, Error> {
        let now = self.clock.now();
        let last = Day::of(now);
        let first = last.before(days.saturating_sub(1));
        let ledger = self.ledger(permit, now, Since::Day(first)).await?;
        let days = (first.0..=last.0)
            .map(|number| {
                let day = Day(number);
                let totals = ledger.days.get(&day).map(|stats| stats.totals);
                (day, totals.unwrap_or_default())
            })
            .collect();
        Ok(Report { days, sum: ledger.sum_of_days(first, last) })
    }

    /// How long statistics are kept.
    pub fn stats_kept(&self) -> Keep {
        self.stats.keep
    }

    /// Tells what other rules would have said of the requests of this hour and the hours before it,
    /// `hours` in all, beside what the rules in force say of them. A monitored bucket is asked as if
    /// it enforced.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn simulate_referer_policy(
        self: &Arc<Self>,
        permit: &BucketPermit,
        candidate: Candidate,
        hours: u32,
    ) -> Result<Simulation, Error> {
        let now = self.clock.now();
        let last = Hour::of(now);
        let first = last.before(hours.saturating_sub(1));
        let ledger = self.ledger(permit, now, Since::Hour(first)).await?;
        let current = Arc::clone(permit.bucket().settings().referer.answering().1);
        let app = Arc::clone(self);
        // To its end, so that the slot is held as long as something is compiled.
        self.to_the_end(async move {
            let (current, candidate) = app.compile_candidate(current, candidate).await?;
            compute(move || {
                let hours = ledger.hours.range(first..=last).map(|(_, stats)| stats);
                simulate(hours, &current, &candidate)
            })
            .await
        })
        .await
    }

    /// Compiles what is to be tried, and what answers if it is not compiled yet. Long lists take a
    /// slot, as those do that are put.
    async fn compile_candidate(
        &self,
        current: Arc<Gate>,
        candidate: Candidate,
    ) -> Result<(Arc<Gate>, Gate), Error> {
        let policy = candidate.policy.as_ref().unwrap_or(current.policy());
        let is_long = !is_prompt(policy) || current.matcher().is_provisional();
        let _slot = if is_long { Some(self.compiler().await?) } else { None };
        compute(move || {
            let current = if current.matcher().is_provisional() {
                Arc::new(current.with_policy(Arc::new(current.matcher().compiled())))
            } else {
                current
            };
            let candidate = candidate.compile(&current);
            (current, candidate)
        })
        .await
    }

    /// What was counted of a bucket, wherever it is now.
    async fn ledger(
        &self,
        permit: &BucketPermit,
        now: UnixMillis,
        since: Since,
    ) -> Result<Ledger, Error> {
        let bucket = permit.bucket();
        // Until it is released, nothing moves from memory into the database.
        let flushing = self.stats.flushing.lock().await;
        let last = self.meta.last_stats(flushing.writer()).await?;
        let mut ledger = Ledger::default();
        match since {
            Since::Day(first) => ledger.days = self.meta.stats_of_days(bucket.id, first).await?,
            Since::Hour(first) => ledger.hours = self.meta.stats_of_hours(bucket.id, first).await?,
        }
        ledger.merge(&self.stats.unwritten(&flushing, bucket, (last, now)));
        Ok(ledger)
    }
}

/// What is read of a ledger.
#[derive(Clone, Copy, Debug)]
enum Since {
    /// Its days, from this one on.
    Day(Day),
    /// Its hours, from this one on.
    Hour(Hour),
}
