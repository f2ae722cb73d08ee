//! Operations that wait for their turn, and how those of one transaction are run.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::oneshot;

use super::held::Held;
use super::{LIGHT, MetaError, Operation};

/// Why a batch failed, told to every operation of it.
pub(super) type Failure = Arc<sqlx::Error>;

/// An [`Operation`] of any kind, with the one who waits for it.
///
/// An error of running means that the whole transaction is lost; what concerns an operation alone is
/// kept for its answer.
#[async_trait]
pub(super) trait Job: Any + Send {
    /// Runs the operation as the only one of its transaction. Whether that is to be committed; if
    /// not, it is to be undone.
    async fn run_alone(&mut self, transaction: &mut SqliteConnection) -> Result<bool, sqlx::Error>;

    /// Runs the operation, together with those right behind it that can be joined with it. Returns
    /// how many of them that were. Those that are heavy, or about an object that is held, are put off
    /// instead.
    async fn run(
        &mut self,
        behind: &mut [Box<dyn Job>],
        transaction: &mut SqliteConnection,
        held: &mut Held,
    ) -> Result<usize, sqlx::Error>;

    /// Runs an operation that was put off, and tells its weight, at least 1; `None` if that is more
    /// than there is room for, and it stays put off.
    async fn run_in_turn(
        &mut self,
        room: usize,
        transaction: &mut SqliteConnection,
        held: &mut Held,
    ) -> Result<Option<usize>, sqlx::Error>;

    fn is_put_off(&self) -> bool;

    /// Tells the one who asked, who may have gone.
    fn answer(self: Box<Self>, batch: Result<(), Failure>);
}

pub(super) struct Queued<O: Operation> {
    operation: O,
    result: Option<Result<O::Answer, MetaError>>,
    is_put_off: bool,
    reply: oneshot::Sender<Result<O::Answer, MetaError>>,
}

impl<O: Operation> Queued<O> {
    pub(super) const fn new(
        operation: O,
        reply: oneshot::Sender<Result<O::Answer, MetaError>>,
    ) -> Self {
        Self { operation, result: None, is_put_off: false, reply }
    }

    /// Whether the operation may not be run before one that waits.
    fn is_held(&self, held: &Held) -> bool {
        !held.is_empty() && held.holds(&self.operation.objects())
    }

    fn put_off(&mut self, held: &mut Held) {
        self.is_put_off = true;
        held.hold(&self.operation.objects());
    }

    /// How many of the jobs right behind can be joined: those of the same kind, each about another
    /// object.
    fn joinable(&self, behind: &[Box<dyn Job>], held: &Held) -> usize {
        let Some(own) = self.operation.subject() else { return 0 };
        let mut subjects = HashSet::from([own]);
        let others = behind.iter().map_while(|job| {
            let same: &Self = of_kind(job.as_ref())?;
            same.operation.subject().filter(|_| !same.is_held(held))
        });
        others.take_while(|other| subjects.insert(*other)).count()
    }

    async fn run_if_light(
        &mut self,
        transaction: &mut SqliteConnection,
        held: &mut Held,
    ) -> Result<(), sqlx::Error> {
        if weight(&self.operation, transaction).await? > LIGHT {
            self.put_off(held);
            return Ok(());
        }
        self.run_apart(transaction).await
    }

    /// Runs the operation inside a savepoint of its own.
    async fn run_apart(&mut self, transaction: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let mut savepoint = transaction.begin().await?;
        let result = spared(self.operation.run(&mut savepoint).await)?;
        if result.is_ok() {
            savepoint.commit().await?;
        } else {
            savepoint.rollback().await?;
        }
        self.result = Some(result);
        Ok(())
    }
}

/// The weight of an operation. If it cannot be told, running it will tell why.
async fn weight(
    operation: &impl Operation,
    transaction: &mut SqliteConnection,
) -> Result<usize, sqlx::Error> {
    Ok(spared(operation.weight(transaction).await)?.unwrap_or_default())
}

/// Runs operations about different objects inside one savepoint. If that fails, nothing of it stays,
/// and no operation has an answer.
async fn run_joined<O: Operation>(
    group: &mut [&mut Queued<O>],
    transaction: &mut SqliteConnection,
) -> Result<bool, sqlx::Error> {
    let mut savepoint = transaction.begin().await?;
    let operations: Vec<&O> = group.iter().map(|queued| &queued.operation).collect();
    let answers = spared(O::run_joined(&operations, &mut savepoint).await)?;
    match answers {
        Ok(Some(answers)) if answers.len() == group.len() => {
            savepoint.commit().await?;
            for (queued, answer) in group.iter_mut().zip(answers) {
                queued.result = Some(Ok(answer));
            }
            Ok(true)
        }
        Ok(_) | Err(_) => {
            savepoint.rollback().await?;
            Ok(false)
        }
    }
}

#[async_trait]
impl<O: Operation> Job for Queued<O> {
    async fn run_alone(&mut self, transaction: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        let result = spared(self.operation.run(transaction).await)?;
        let is_done = result.is_ok();
        self.result = Some(result);
        Ok(is_done)
    }

    async fn run(
        &mut self,
        behind: &mut [Box<dyn Job>],
        transaction: &mut SqliteConnection,
        held: &mut Held,
    ) -> Result<usize, sqlx::Error> {
        if self.is_held(held) {
            self.put_off(held);
            return Ok(0);
        }
        let joined = self.joinable(behind, held);
        let behind = behind.iter_mut().take(joined);
        let mut group = vec![self];
        group.extend(behind.filter_map(|job| of_kind_mut(job.as_mut())));
        // Halves of halves lead to the one that cannot be joined, and leave the others joined.
        let mut parts = vec![group.as_mut_slice()];
        while let Some(part) = parts.pop() {
            if let [only] = part {
                only.run_if_light(transaction, held).await?;
            } else if !run_joined(part, transaction).await? {
                let (front, back) = part.split_at_mut(part.len() / 2);
                parts.extend([back, front]);
            }
        }
        Ok(joined)
    }

    async fn run_in_turn(
        &mut self,
        room: usize,
        transaction: &mut SqliteConnection,
        held: &mut Held,
    ) -> Result<Option<usize>, sqlx::Error> {
        self.is_put_off = false;
        held.release(&self.operation.objects());
        let weight = weight(&self.operation, transaction).await?.max(1);
        if weight > room {
            self.put_off(held);
            return Ok(None);
        }
        self.run_apart(transaction).await?;
        Ok(Some(weight))
    }

    fn is_put_off(&self) -> bool {
        self.is_put_off
    }

    fn answer(self: Box<Self>, batch: Result<(), Failure>) {
        let Self { operation, result, is_put_off: _, reply } = *self;
        // What the operation holds is free when whoever asked goes on.
        drop(operation);
        let result = match batch {
            Ok(()) => result.unwrap_or(Err(MetaError::Stopped)),
            Err(failure) => Err(MetaError::Commit(failure)),
        };
        let _ = reply.send(result);
    }
}

/// A job as one of a kind, if it is.
fn of_kind<O: Operation>(job: &dyn Job) -> Option<&Queued<O>> {
    let job: &dyn Any = job;
    job.downcast_ref()
}

fn of_kind_mut<O: Operation>(job: &mut dyn Job) -> Option<&mut Queued<O>> {
    let job: &mut dyn Any = job;
    job.downcast_mut()
}

/// What became of an operation, unless the transaction may not go on after it.
fn spared<T>(result: Result<T, MetaError>) -> Result<Result<T, MetaError>, sqlx::Error> {
    match result {
        Err(MetaError::Sql(error)) if !spares_transaction(&error) => Err(error),
        result => Ok(result),
    }
}

/// Whether the transaction goes on after an error. SQLite promises that for a statement that is
/// wrong or breaks a constraint; after all else it may have been rolled back as a whole.
fn spares_transaction(error: &sqlx::Error) -> bool {
    /// `SQLITE_ERROR`, `_TOOBIG`, `_CONSTRAINT`, `_MISMATCH`, `_RANGE`.
    const STATEMENT: [u32; 5] = [1, 18, 19, 20, 25];
    if let sqlx::Error::Database(error) = error {
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        // The low byte is the error, the rest tells its kind.
        return code.is_some_and(|code| STATEMENT.contains(&(code & 0xff)));
    }
    matches!(
        error,
        sqlx::Error::RowNotFound
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
    )
}
