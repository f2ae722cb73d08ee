//! The one writer: a task that owns the only connection that writes.
//!
//! It takes what has queued up and commits it as one transaction (group commit): while one
//! batch waits for the disk, the next gathers. A single client never waits for a batch to fill. What
//! takes long waits until what is light has been run: `turns` tells who is run in which transaction.
//!
//! # Invariants
//!
//! * An answer is given only after the commit that it tells of. No commit, no success.
//! * Each operation has a savepoint of its own, so one that fails leaves no trace of itself and
//!   does not touch its neighbours. Neighbours that are joined ([`Operation::subject`]) share one:
//!   if one of them fails, they are undone together and run in halves, down to that one alone. An
//!   operation that is the only one of its transaction needs no savepoint.
//! * An error that may have cost SQLite the whole transaction (disk full, I/O, corruption), or a
//!   panic, fails the whole batch, and the connection is replaced: a savepoint outside a transaction would
//!   be a transaction, and commit half of what then counts as failed. If there can be no transaction
//!   at all, it fails those that were put off, too.
//! * A queued operation is executed even if whoever asked for it has gone.
//! * Operations about one object are run in the order in which they came.

mod held;
mod job;
mod task;
mod turns;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::object::write::Place;
use super::{GroupCommits, MetaError};
use job::Queued;
use task::{Counters, Message, Task};

/// The most operations that one transaction takes from the queue: bounds how long the first of them
/// waits for the last, and how much one failed commit takes with it.
const MAX_BATCH: usize = 512;

/// The most operations that wait to be taken from the queue. Beyond it, asking waits. Those that were
/// put off wait beside it: of them there are as many as requests are open that are heavy.
const MAX_QUEUE: usize = 2 * MAX_BATCH;

/// The weight up to which an operation is light, and run before what is heavier. [`MAX_BATCH`] of this
/// weight take about as long as one of [`MAX_WEIGHT`].
pub(super) const LIGHT: usize = 16;

/// How much of what is heavier a transaction takes, unless one alone is heavier: as much as the most
/// extents of an object.
const MAX_WEIGHT: usize = 10_000;

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

    /// The objects that the operation is about. None that came later and is about one of them is run
    /// before it.
    fn objects(&self) -> Vec<Place<'_>> {
        self.subject().into_iter().collect()
    }

    /// About how many rows of extents and parts the operation reads, writes or deletes. Asked in the
    /// transaction, unless the operation is its only one or is joined.
    fn weight(
        &self,
        _connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<usize, MetaError>> + Send {
        async { Ok(0) }
    }

    /// Performs operations with different [subjects](Self::subject) inside one savepoint, and answers
    /// each in their order. What they leave is what [`Self::run`] for one after the other leaves. `None`
    /// if one of them is too heavy for that.
    fn run_joined(
        group: &[&Self],
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Option<Vec<Self::Answer>>, MetaError>> + Send {
        async move {
            let mut answers = Vec::with_capacity(group.len());
            for operation in group {
                answers.push(operation.run(connection).await?);
            }
            Ok(Some(answers))
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
        let task = Task::new(connection, options, Arc::clone(&counters));
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
