//! The one writer: a task that owns the only connection that writes.
//!
//! It takes what has queued up and commits it as one transaction (group commit): while one
//! batch waits for the disk, the next gathers. A single client never waits for a batch to fill.
//!
//! # Invariants
//!
//! * An answer is given only after the commit that it tells of. No commit, no success.
//! * Each operation has a savepoint of its own, so one that fails leaves no trace of itself and
//!   does not touch its neighbours. Neighbours that are joined ([`Operation::subject`]) share one:
//!   if one of them fails, they are undone together and run one by one. An operation that is the
//!   only one of its transaction needs no savepoint.
//! * An error that may have cost SQLite the whole transaction (disk full, I/O, corruption), or a
//!   panic, fails the whole batch, and the connection is replaced: a savepoint outside a transaction would
//!   be a transaction, and commit half of what then counts as failed.
//! * A queued operation is executed even if whoever asked for it has gone.

mod job;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::object::write::Place;
use super::{GroupCommits, MetaError};
use job::{Failure, Job, Queued};

/// The most operations of one transaction: bounds how long the first of them waits for the last,
/// and how much one failed commit takes with it.
const MAX_BATCH: usize = 512;

/// The most operations that wait. Beyond it, asking waits.
const MAX_QUEUE: usize = 2 * MAX_BATCH;

/// Something that is written as a whole or not at all.
pub(super) trait Operation: Send + Sync + 'static {
    /// What whoever asked gets to know.
    type Answer: Send + 'static;

    /// Performs the operation inside a savepoint, or a transaction of its own, that the caller
    /// opened and ends.
    fn run(
        &self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Self::Answer, MetaError>> + Send;

    /// The object that the operation is about, if it can be joined with neighbours of its kind that
    /// are about others. Most of what a small write takes is the way to SQLite's thread and back for
    /// each statement; what is joined goes that way once for all.
    fn subject(&self) -> Option<Place<'_>> {
        None
    }

    /// Performs operations with different [subjects](Self::subject) inside one savepoint, and answers
    /// each in their order. What they leave is what [`Self::run`] for one after the other leaves.
    fn run_joined(
        group: &[&Self],
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, MetaError>> + Send {
        async move {
            let mut answers = Vec::with_capacity(group.len());
            for operation in group {
                answers.push(operation.run(connection).await?);
            }
            Ok(answers)
        }
    }
}

/// The way to the writer.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    counters: Arc<Counters>,
    /// Ends with what became of the last checkpoint. Taken by the one who closes.
    task: Mutex<Option<JoinHandle<Result<(), sqlx::Error>>>>,
}

impl Writer {
    /// Starts the task. `options` serve to replace the connection after it failed.
    pub(super) fn start(connection: SqliteConnection, options: SqliteConnectOptions) -> Self {
        let (queue, inbox) = mpsc::channel(MAX_QUEUE);
        let counters = Arc::<Counters>::default();
        let task = Task { connection: Some(connection), options, counters: Arc::clone(&counters) };
        Self { queue, counters, task: Mutex::new(Some(tokio::spawn(task.serve(inbox)))) }
    }

    /// Queues an operation and waits until it is durable.
    pub(super) async fn submit<O: Operation>(&self, operation: O) -> Result<O::Answer, MetaError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Queued::new(operation, reply));
        self.queue.send(Message::Run(job)).await.map_err(|_| MetaError::Stopped)?;
        answer.await.map_err(|_| MetaError::Stopped)?
    }

    /// Takes no more operations, commits those that are queued, and ends the task.
    pub(super) async fn close(&self) -> Result<(), MetaError> {
        let mut task = self.task.lock().await;
        let Some(running) = task.as_mut() else { return Ok(()) };
        // An error here means that the task has ended already; waiting for it tells why.
        let _ = self.queue.send(Message::Stop).await;
        let ended = running.await;
        *task = None;
        Ok(ended.map_err(|_| MetaError::Stopped)??)
    }

    pub(super) fn group_commits(&self) -> GroupCommits {
        GroupCommits {
            commits: self.counters.commits.load(Ordering::Relaxed),
            operations: self.counters.operations.load(Ordering::Relaxed),
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    commits: AtomicU64,
    operations: AtomicU64,
}

enum Message {
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

struct Task {
    /// Absent after a failure, until the next batch.
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    counters: Arc<Counters>,
}

impl Task {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Message>) -> Result<(), sqlx::Error> {
        let mut messages = Vec::with_capacity(MAX_BATCH);
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        while inbox.recv_many(&mut messages, MAX_BATCH).await > 0 {
            for message in messages.drain(..) {
                match message {
                    Message::Run(job) => jobs.push(job),
                    // What is queued is still received; nothing more can be queued.
                    Message::Stop => inbox.close(),
                }
            }
            if !jobs.is_empty() {
                self.perform(&mut jobs).await;
            }
        }
        self.end().await
    }

    /// Performs a batch and answers all of it.
    async fn perform(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        // A panic would end the task, and with it all writing until the next start. What it leaves
        // behind goes with the transaction and the connection.
        let attempt = AssertUnwindSafe(self.transact(jobs)).catch_unwind().await;
        let outcome = attempt.unwrap_or(Err(sqlx::Error::WorkerCrashed)).map_err(Failure::new);
        if matches!(outcome, Ok(Ended::Committed)) {
            let operations = u64::try_from(jobs.len()).unwrap_or(u64::MAX);
            self.counters.commits.fetch_add(1, Ordering::Relaxed);
            self.counters.operations.fetch_add(operations, Ordering::Relaxed);
        } else if outcome.is_err()
            && let Some(broken) = self.connection.take()
        {
            // Closing rolls back and gives up the lock before the next connection wants it. Its
            // own failure adds nothing to the one that is reported.
            let _ = broken.close().await;
        }
        for job in jobs.drain(..) {
            job.answer(outcome.clone().map(|_| ()));
        }
    }

    async fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Ended, sqlx::Error> {
        let connection = self.connected().await?;
        // Takes the lock at once: a transaction that begins by reading can be refused it later.
        let mut transaction = connection.begin_with("begin immediate").await?;
        if let [only] = jobs {
            if !only.run_alone(&mut transaction).await? {
                transaction.rollback().await?;
                return Ok(Ended::Undone);
            }
        } else {
            let mut waiting = jobs;
            while let Some((first, behind)) = waiting.split_first_mut() {
                let joined = first.run(behind, &mut transaction).await?;
                waiting = behind.get_mut(joined..).unwrap_or_default();
            }
        }
        transaction.commit().await?;
        Ok(Ended::Committed)
    }

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
