//! The task that writes: takes what has queued up, transaction by transaction.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::mpsc;

use super::MAX_BATCH;
use super::job::{Failure, Job};
use super::turns::Turns;

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) commits: AtomicU64,
    pub(super) operations: AtomicU64,
}

pub(super) enum Message {
    Run(Box<dyn Job>),
    Stop,
}

/// How a transaction ended that could be ended.
#[derive(Clone, Copy, Debug)]
enum Ended {
    Committed,
    /// Its only operation failed, and nothing else.
    Undone,
}

pub(super) struct Task {
    link: Link,
    counters: Arc<Counters>,
    turns: Turns,
}

impl Task {
    pub(super) fn new(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        counters: Arc<Counters>,
    ) -> Self {
        let link = Link { connection: Some(connection), options };
        Self { link, counters, turns: Turns::default() }
    }

    pub(super) async fn serve(
        mut self,
        mut inbox: mpsc::Receiver<Message>,
    ) -> Result<(), sqlx::Error> {
        let mut messages = Vec::with_capacity(MAX_BATCH);
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        loop {
            let received = receive(&mut inbox, &mut messages, self.turns.len()).await;
            if received == 0 && self.turns.is_empty() {
                return self.link.end().await;
            }
            for message in messages.drain(..) {
                match message {
                    Message::Run(job) => jobs.push(job),
                    // What is queued is still received; nothing more can be queued.
                    Message::Stop => inbox.close(),
                }
            }
            if !jobs.is_empty() || !self.turns.is_empty() {
                self.perform(&mut jobs).await;
            }
        }
    }

    /// Performs a batch and answers all of it that was not put off.
    async fn perform(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        // A panic would end the task, and with it all writing until the next start. What it leaves
        // behind goes with the transaction and the connection.
        let mut has_begun = false;
        let attempt = AssertUnwindSafe(self.transact(jobs, &mut has_begun)).catch_unwind().await;
        let outcome = attempt.unwrap_or(Err(sqlx::Error::WorkerCrashed)).map_err(Failure::new);
        if matches!(outcome, Ok(Ended::Committed)) {
            let operations = u64::try_from(jobs.len()).unwrap_or(u64::MAX);
            self.counters.commits.fetch_add(1, Ordering::Relaxed);
            self.counters.operations.fetch_add(operations, Ordering::Relaxed);
        } else if outcome.is_err() {
            self.link.give_up().await;
        }
        if has_begun {
            self.turns.set_aside(jobs);
        } else {
            // Whoever waits would wait for ever if it stays like this, and the task with them.
            jobs.extend(self.turns.dissolve());
        }
        for job in jobs.drain(..) {
            job.answer(outcome.clone().map(|_| ()));
        }
    }

    /// Says whether there was a transaction at all.
    async fn transact(
        &mut self,
        jobs: &mut Vec<Box<dyn Job>>,
        has_begun: &mut bool,
    ) -> Result<Ended, sqlx::Error> {
        let connection = self.link.connected().await?;
        // Takes the lock at once: a transaction that begins by reading can be refused it later.
        let mut transaction = connection.begin_with("begin immediate").await?;
        *has_begun = true;
        if let ([only], true) = (jobs.as_mut_slice(), self.turns.is_empty()) {
            if !only.run_alone(&mut transaction).await? {
                transaction.rollback().await?;
                return Ok(Ended::Undone);
            }
        } else {
            self.turns.run(jobs, &mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(Ended::Committed)
    }
}

/// Takes what has queued up. Waits for something only if nothing waits to be run.
async fn receive(
    inbox: &mut mpsc::Receiver<Message>,
    messages: &mut Vec<Message>,
    put_off: usize,
) -> usize {
    if put_off == 0 {
        return inbox.recv_many(messages, MAX_BATCH).await;
    }
    inbox.recv_many(messages, MAX_BATCH).now_or_never().unwrap_or(0)
}

/// The connection that writes.
struct Link {
    /// Absent after a failure, until the next batch.
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
}

impl Link {
    async fn connected(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Connects anew after a failure.
    async fn reconnect(&self) -> Result<SqliteConnection, sqlx::Error> {
        const SQL: &str = "pragma wal_checkpoint(passive)";
        let mut connection = SqliteConnection::connect_with(&self.options).await?;
        // On a full disk the log cannot grow. Once copied it is begun anew in the space that it
        // has, and deletions, which make space, are possible again. If there is not even space
        // for the copy, the next commit says so.
        let _ = sqlx::query(SQL).execute(&mut connection).await;
        Ok(connection)
    }

    /// Ends a connection that failed.
    async fn give_up(&mut self) {
        if let Some(broken) = self.connection.take() {
            // Closing rolls back and gives up the lock before the next connection wants it. Its
            // own failure adds nothing to the one that is reported.
            let _ = broken.close().await;
        }
    }

    /// Copies the log into the database and closes it.
    async fn end(mut self) -> Result<(), sqlx::Error> {
        const SQL: &str = "pragma wal_checkpoint(truncate)";
        let connection = self.connected().await?;
        let copied = sqlx::query(SQL).execute(connection).await.map(|_| ());
        if let Some(connection) = self.connection.take() {
            connection.close().await?;
        }
        copied
    }
}
