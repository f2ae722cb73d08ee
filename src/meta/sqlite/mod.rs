//! Metadata in one SQLite file.
//!
//! # How it is used
//!
//! * WAL with `synchronous=FULL`: a commit returns when its log is on the disk.
//! * One connection writes, in a task of its own, and commits what has queued up as one
//!   transaction (`writer`). So no write ever waits for a lock of SQLite's, and 64 clients
//!   share an fsync.
//! * A pool of connections that cannot write answers reads. They see every write that was
//!   acknowledged, and are held up by none.
//! * The database is not mapped into memory: a read error of a mapped file ends the process,
//!   where a read error of `read` fails one request.
//!
//! What comes out of a row is checked as if a stranger had written it: a row that no type of
//! ours can hold is [`MetaError::Corrupt`] and never a default.

mod application;
mod bucket;
mod cors;
mod delivery;
mod extras;
mod iam;
mod migrate;
mod object;
mod policy;
mod settings;
mod stats;
#[cfg(test)]
mod tests;
mod upload;
mod writer;

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::MetaError;
use crate::domain::object::StorageClass;
use migrate::migrate;
use object::acls::Acls;
use policy::Pieces;
use writer::Writer;

/// Nobody but a person with a shell takes the database's lock from us; they get this long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages of the log after which a commit copies it into the database: 6 MiB. Whoever writes waits for
/// that, and the more there is, the longer. SQLite's own 4 MiB would have it copy more pages that soon
/// change again. Figures: `docs/performance.md`.
const CHECKPOINT_PAGES: &str = "1500";

/// Cache of the writing connection in KiB (negative is SQLite's way to say KiB): the upper levels
/// of every tree for millions of objects.
const WRITER_CACHE: &str = "-65536";

/// Keeps what a savepoint would undo in memory. Otherwise it goes to a file in the system's folder
/// for such, which takes more time than the writing itself. Not for migrations: they sort tables.
const UNDO_IN_MEMORY: &str = "pragma temp_store = memory";

/// Cache of one reading connection in KiB. The system's own cache holds the rest once for all.
const READER_CACHE: &str = "-16384";

/// Reading connections. Each has a thread that mostly waits for the disk, so more than cores.
const READERS: u32 = 8;

/// The metadata in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    readers: SqlitePool,
    writer: Arc<Writer>,
    pieces: Pieces,
    acls: Acls,
}

/// How well writes share transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupCommits {
    /// Transactions that were committed.
    pub commits: u64,
    /// Operations that were committed in them.
    pub operations: u64,
}

impl Sqlite {
    /// Opens the database at `path`, creates it if it is not there, and brings its schema up to
    /// date. The folder must be there. Needs a tokio runtime, on which the writer then runs.
    ///
    /// # Errors
    ///
    /// [`MetaError::Sql`] if the file cannot be opened, [`MetaError::Migrate`] if its schema is
    /// of a newer version or cannot be changed.
    pub async fn open(path: &Path) -> Result<Self, MetaError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("mmap_size", "0")
            .disable_statement_logging();
        let writing = options.clone().pragma("cache_size", WRITER_CACHE);
        let reading = options.pragma("cache_size", READER_CACHE).pragma("query_only", "on");

        make_private(path).map_err(sqlx::Error::Io)?;
        let mut connection = SqliteConnection::connect_with(&writing).await?;
        migrate(&mut connection).await?;
        sqlx::query(UNDO_IN_MEMORY).execute(&mut connection).await?;
        let writing = writing.pragma("temp_store", "memory");
        let acls = Acls::load(&mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            // A file does not hang up, so a connection is neither tested nor renewed.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(reading)
            .await?;
        let writer = Arc::new(Writer::start(connection, writing));
        let pieces = Pieces::of(readers.clone(), Arc::clone(&writer)).await?;
        // What a crash left of lists on their way.
        pieces.sweep_soon();
        Ok(Self { readers, writer, pieces, acls })
    }

    /// How well writes have shared transactions since the database was opened.
    pub fn group_commits(&self) -> GroupCommits {
        self.writer.group_commits()
    }

    /// Ends the use of the database: waits for reads, commits every write that has been queued,
    /// and copies the log into the database, so that the one file is all of it. What is asked
    /// afterwards is refused with [`MetaError::Stopped`]. A second call does nothing.
    ///
    /// Dropping instead of closing loses nothing that was acknowledged.
    ///
    /// # Errors
    ///
    /// [`MetaError`] if the log could not be copied. It is complete, and is copied at the next
    /// opening.
    pub async fn close(&self) -> Result<(), MetaError> {
        self.readers.close().await;
        self.writer.close().await
    }
}

/// Makes the file, if it is not there, so that only its owner may read it. SQLite gives the files
/// that it makes beside it the same permissions.
fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(|_| ())
}

/// What went wrong when reading.
fn read_error(error: sqlx::Error) -> MetaError {
    if matches!(error, sqlx::Error::PoolClosed) {
        return MetaError::Stopped;
    }
    MetaError::Sql(error)
}

/// The error for a row that breaks a rule of its type.
fn corrupt(table: &'static str, row: impl fmt::Display, reason: impl fmt::Display) -> MetaError {
    MetaError::Corrupt { table, row: row.to_string(), reason: reason.to_string() }
}

/// A column that is parsed by its type.
fn parsed<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: fmt::Display,
{
    text.parse().map_err(|error: T::Err| format!("{text:?}: {error}"))
}

/// A column that counts.
fn count(value: i64) -> Result<u64, String> {
    u64::try_from(value).map_err(|_| format!("{value} is negative"))
}

/// A column that holds a storage class.
fn storage_class(text: &str) -> Result<StorageClass, String> {
    StorageClass::parse(text).ok_or_else(|| format!("{text:?} is no storage class"))
}
