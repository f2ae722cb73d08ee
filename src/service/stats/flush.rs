//! Moving what was counted into the database.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use super::record::{MOVED_AT_ONCE, Recorder};
use crate::domain::delivery::Tally;
use crate::domain::name::{BucketId, DomainId};
use crate::domain::stats::{Batch, Day, Hour, Ledger};
use crate::domain::time::UnixMillis;
use crate::meta::MetaError;
use crate::service::App;
use crate::service::delivery::Domain;
use crate::service::error::Error;

/// How often the queue is moved into the lists.
const MOVE_INTERVAL: Duration = Duration::from_millis(20);

/// How often lists and totals are written down: what a crash can cost.
const FLUSH_INTERVAL_MILLIS: u64 = 5000;

/// How many objects are looked up at once for whom they were refused: with [`MOVE_INTERVAL`], at
/// most 200 a second.
const LOOKED_UP_AT_ONCE: usize = 4;

/// How many buckets are written down in one operation, so that no upload waits long for it.
const BUCKETS_PER_BATCH: usize = 16;

/// How many counts of delivery domains are.
const TALLIES_PER_BATCH: usize = 500;

/// What is on its way to the database.
#[derive(Debug)]
pub(super) struct Flushing {
    writer: Uuid,
    /// The number of the last batch.
    number: u64,
    /// Batches that are not known to be written, the oldest first.
    pending: VecDeque<Arc<Batch>>,
    /// The hour of the last pruning.
    pruned: Option<Hour>,
    /// The server is stopping: nothing more is written.
    ended: bool,
}

impl Flushing {
    pub(super) fn new(writer: Uuid) -> Self {
        Self { writer, number: 0, pending: VecDeque::new(), pruned: None, ended: false }
    }

    /// Puts ledgers on their way.
    fn enqueue(&mut self, mut ledgers: Vec<(BucketId, Ledger)>) {
        while !ledgers.is_empty() {
            let rest = ledgers.split_off(ledgers.len().min(BUCKETS_PER_BATCH));
            self.push(ledgers, Vec::new());
            ledgers = rest;
        }
    }

    /// Puts what was counted of delivery domains on its way.
    fn enqueue_tallies(&mut self, tallies: &[(DomainId, Tally)]) {
        for tallies in tallies.chunks(TALLIES_PER_BATCH) {
            self.push(Vec::new(), tallies.to_vec());
        }
    }

    fn push(&mut self, ledgers: Vec<(BucketId, Ledger)>, tallies: Vec<(DomainId, Tally)>) {
        self.number += 1;
        let (writer, number) = (self.writer, self.number);
        self.pending.push_back(Arc::new(Batch { writer, number, ledgers, tallies }));
    }

    /// Batches that are not in the database, given the number of the last that is.
    fn unwritten(&self, last: u64) -> impl Iterator<Item = &Arc<Batch>> {
        self.pending.iter().filter(move |batch| batch.number > last)
    }
}

impl App {
    /// Starts the task that moves what was counted. It may be cut off at any point: what it was
    /// moving is in memory still, for [`finish`](Self::finish).
    pub fn start_stats(self: &Arc<Self>) {
        let app = self.clone();
        tokio::spawn(async move {
            let mut flushed = app.clock.now();
            loop {
                app.stats.tick(app.clock.now());
                app.move_sightings().await;
                app.look_up_wanted().await;
                let now = app.clock.now();
                // Also if the clock was set back.
                if now.0.abs_diff(flushed.0) >= FLUSH_INTERVAL_MILLIS {
                    flushed = now;
                    if let Err(err) = app.flush_stats().await {
                        tracing::warn!(error = %err, "statistics have to wait: {err}");
                    }
                }
                sleep(MOVE_INTERVAL).await;
            }
        });
    }

    /// Moves what is in the queue into the lists, and lists that need the room into the database.
    async fn move_sightings(&self) {
        while self.stats.move_some() == MOVED_AT_ONCE {
            self.make_room().await;
            tokio::task::yield_now().await;
        }
        self.make_room().await;
    }

    /// Has the sizes of objects at hand that refused requests asked for and memory did not know: a
    /// few at a time, so that strangers who ask for anything at all cost the database little.
    async fn look_up_wanted(&self) {
        for _ in 0..LOOKED_UP_AT_ONCE {
            let Some((bucket, key)) = self.stats.next_wanted() else { return };
            // One that is not there is as good as one that cannot be read: its size stays unknown.
            let _ = self.known_object(bucket, &key).await;
        }
    }

    async fn make_room(&self) {
        if !self.stats.lists().is_crowded() {
            return;
        }
        let mut flushing = self.stats.flushing.lock().await;
        // What cannot be written stays in memory, so there is no room to be made.
        if flushing.ended || self.write_pending(&mut flushing).await.is_err() {
            return;
        }
        let idle = self.stats.lists().take_idle();
        flushing.enqueue(idle);
        let _ = self.write_pending(&mut flushing).await;
    }

    /// Writes down what was counted, and once an hour deletes what is old.
    ///
    /// # Errors
    ///
    /// [`Error`]: what could not be written is kept, and will be tried again.
    pub async fn flush_stats(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut flushing = self.stats.flushing.lock().await;
        if !flushing.ended {
            self.write_stats(&mut flushing, now).await?;
        }
        Ok(())
    }

    /// Writes down what was counted, for the last time.
    pub(in crate::service) async fn end_stats(&self) {
        let now = self.clock.now();
        let mut flushing = self.stats.flushing.lock().await;
        flushing.ended = true;
        if let Err(err) = self.write_stats(&mut flushing, now).await {
            tracing::error!(error = %err, "the last statistics are lost: {err}");
        }
    }

    async fn write_stats(&self, flushing: &mut Flushing, now: UnixMillis) -> Result<(), MetaError> {
        self.write_pending(flushing).await?;
        self.write_key_ends().await?;
        flushing.enqueue(self.take_counted(now));
        flushing.enqueue_tallies(&self.take_tallies(now));
        self.write_pending(flushing).await?;
        let hour = Hour::of(now);
        if flushing.pruned != Some(hour) {
            let keep = self.stats.keep;
            let (day, first) = (Day::of(now).before(keep.days), hour.before(keep.hours));
            self.meta.prune_stats(day, first).await?;
            self.prune_seats(now).await?;
            self.meta.prune_key_ends(now.as_secs()).await?;
            flushing.pruned = Some(hour);
        }
        Ok(())
    }

    /// Writes what is on its way. A batch is given again until it is known to be written; it is
    /// added once.
    async fn write_pending(&self, flushing: &mut Flushing) -> Result<(), MetaError> {
        while let Some(batch) = flushing.pending.front() {
            self.meta.add_stats(batch.clone()).await?;
            flushing.pending.pop_front();
        }
        Ok(())
    }

    /// Takes lists and counters out of memory.
    fn take_counted(&self, now: UnixMillis) -> Vec<(BucketId, Ledger)> {
        self.stats.move_all();
        let lists = self.stats.lists().take();
        let mut ledgers: HashMap<BucketId, Ledger> = lists.into_iter().collect();
        for bucket in self.buckets.all() {
            for (hour, counted) in bucket.counters.take(now) {
                if !counted.is_zero() {
                    ledgers.entry(bucket.id).or_default().add_counted(hour, &counted);
                }
            }
        }
        ledgers.into_iter().collect()
    }
}

impl Recorder {
    /// What was counted of a bucket and is not in the database, given the number of the last batch
    /// that is. Nothing moves as long as `flushing` is held.
    pub(super) fn unwritten(
        &self,
        flushing: &Flushing,
        bucket: &crate::service::bucket::Bucket,
        (last, now): (u64, UnixMillis),
    ) -> Ledger {
        let mut ledger = Ledger::default();
        for batch in flushing.unwritten(last) {
            for (_, part) in batch.ledgers.iter().filter(|(id, _)| *id == bucket.id) {
                ledger.merge(part);
            }
        }
        self.move_all();
        if let Some(lists) = self.lists().of(bucket.id) {
            ledger.merge(lists);
        }
        for (hour, counted) in bucket.counters.peek(now) {
            ledger.add_counted(hour, &counted);
        }
        ledger
    }
}

impl App {
    /// What was counted of a delivery domain from a day on, wherever it is now: parts that add up.
    pub(in crate::service) async fn stats_of_domain(
        &self,
        domain: &Domain,
        first: Day,
    ) -> Result<Vec<Tally>, Error> {
        // Until it is released, nothing moves from memory into the database.
        let flushing = self.stats.flushing.lock().await;
        let last = self.meta.last_stats(flushing.writer).await?;
        let mut found = self.meta.tallies_of(domain.id, first).await?;
        let on_the_way = flushing.unwritten(last).flat_map(|batch| &batch.tallies);
        let own = on_the_way.filter(|(id, _)| *id == domain.id);
        found.extend(own.map(|(_, tally)| tally.clone()));
        found.extend(domain.peek_tallies(self.clock.now()));
        Ok(found)
    }
}

impl Flushing {
    /// Who writes.
    pub(super) const fn writer(&self) -> Uuid {
        self.writer
    }
}
