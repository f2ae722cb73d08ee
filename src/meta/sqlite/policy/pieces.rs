//! Lists that are too long for one row, in pieces.
//!
//! Pieces are put one by one, each as an operation of its own, so that no other write waits for
//! more than one of them; and they are deleted a few at a time. What makes them the lists of a
//! version is the row that names their number. So whatever is cut off, by a crash or an error,
//! leaves pieces that no version names, and a sweep takes them away.
//!
//! # Invariants
//!
//! * A number is given to one list after another and never twice as long as the process lives.
//! * Pieces are on their way from before the first is put until the row that names them is
//!   durable or has failed. A sweep leaves them alone for so long.
//! * A sweep deletes pieces in the transaction in which it sees that no version names them. If the
//!   outcome of the row that does is in doubt, the sweep's own commit decides it: the log goes on
//!   without the row, or the sweep sees it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::TryStreamExt;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::row::{read_list, write_rule};
use crate::domain::referer::{Pattern, Policy};
use crate::meta::MetaError;
use crate::meta::sqlite::writer::{Operation, Writer};
use crate::meta::sqlite::{corrupt, read_error};

/// About how many bytes a piece has: a few milliseconds of the writer's time.
const PIECE_BYTES: usize = 256 * 1024;

/// Pieces that are deleted at once. Deleting one is faster than putting it.
const DELETED_AT_ONCE: i64 = 8;

const WHITELIST: &str = "whitelist";
const BLACKLIST: &str = "blacklist";

/// The pieces of all long lists.
#[derive(Clone, Debug)]
pub(in crate::meta::sqlite) struct Pieces {
    readers: SqlitePool,
    writer: Arc<Writer>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The last number that was given.
    last: AtomicI64,
    on_their_way: Mutex<HashSet<i64>>,
    /// Held while pieces are looked for that no version names.
    sweeping: tokio::sync::Mutex<()>,
}

/// Pieces that are on their way as long as this is held.
#[derive(Debug)]
pub(in crate::meta::sqlite) struct Staged {
    /// Their number.
    pub(super) lists: i64,
    shared: Arc<Shared>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.shared.on_their_way().remove(&self.lists);
    }
}

impl Shared {
    fn on_their_way(&self) -> MutexGuard<'_, HashSet<i64>> {
        // The set is whole after every operation on it, so a panic elsewhere does not spoil it.
        self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pieces {
    /// Takes up the pieces of a database.
    pub(in crate::meta::sqlite) async fn of(
        readers: SqlitePool,
        writer: Arc<Writer>,
    ) -> Result<Self, MetaError> {
        const SQL: &str = "
            select max(coalesce((select max(lists) from referer_pieces), 0),
                       coalesce((select max(lists) from referer_versions), 0))";
        let last: i64 = sqlx::query_scalar(SQL).fetch_one(&readers).await.map_err(read_error)?;
        let shared = Shared {
            last: AtomicI64::new(last),
            on_their_way: Mutex::default(),
            sweeping: tokio::sync::Mutex::default(),
        };
        Ok(Self { readers, writer, shared: Arc::new(shared) })
    }

    /// Puts the lists of a policy. No version names them yet.
    pub(in crate::meta::sqlite) async fn stage(
        &self,
        policy: &Policy,
    ) -> Result<Staged, MetaError> {
        let lists = self.shared.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.shared.on_their_way().insert(lists);
        let staged = Staged { lists, shared: Arc::clone(&self.shared) };
        let mut place = 0;
        for (list, mut rules) in [(WHITELIST, &*policy.allow), (BLACKLIST, &*policy.deny)] {
            while !rules.is_empty() {
                let (text, rest) = piece(rules);
                self.writer.submit(PutPiece { lists, place, list, text }).await?;
                rules = rest;
                place += 1;
            }
        }
        Ok(staged)
    }

    /// Deletes the pieces that no version names, behind whoever asks for it.
    pub(in crate::meta::sqlite) fn sweep_soon(&self) {
        let pieces = self.clone();
        tokio::spawn(async move {
            match pieces.sweep().await {
                // It goes on at the next start.
                Ok(()) | Err(MetaError::Stopped) => {}
                Err(err) => tracing::warn!(
                    error = %err, "lists that nobody needs any more could not be deleted: {err}",
                ),
            }
        });
    }

    pub(in crate::meta::sqlite) async fn sweep(&self) -> Result<(), MetaError> {
        const SQL: &str = "
            select distinct lists from referer_pieces p
            where not exists (select 1 from referer_versions v where v.lists = p.lists)";
        let _one = self.shared.sweeping.lock().await;
        let unnamed: Vec<i64> =
            sqlx::query_scalar(SQL).fetch_all(&self.readers).await.map_err(read_error)?;
        for lists in unnamed {
            if self.shared.on_their_way().contains(&lists) {
                continue;
            }
            while self.writer.submit(DeletePieces(lists)).await? > 0 {}
        }
        Ok(())
    }
}

/// The next piece of a list as text, and the rules that are left.
fn piece(rules: &[Pattern]) -> (String, &[Pattern]) {
    let mut text = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
    let mut taken = 0;
    for rule in rules {
        text.push(if taken == 0 { b'[' } else { b',' });
        write_rule(rule, &mut text);
        taken += 1;
        if text.len() >= PIECE_BYTES {
            break;
        }
    }
    text.push(b']');
    // JSON is UTF-8; what this would leave otherwise is no list, which is an error when it is read.
    (String::from_utf8(text).unwrap_or_default(), rules.get(taken..).unwrap_or_default())
}

/// Reads the whitelist and the blacklist of a number.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    lists: i64,
) -> Result<(Vec<Pattern>, Vec<Pattern>), MetaError> {
    const SQL: &str = "
        select place, list, rules from referer_pieces where lists = ?1 order by place";
    let bad = |place, reason| corrupt("referer_pieces", format_args!("{lists}, {place}"), reason);
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    let mut pieces = sqlx::query_as::<_, (i64, String, String)>(SQL).bind(lists).fetch(connection);
    while let Some((place, list, rules)) = pieces.try_next().await.map_err(read_error)? {
        let rules = read_list(&rules).map_err(|why| bad(place, why))?;
        match list.as_str() {
            WHITELIST => allow.extend(rules),
            BLACKLIST => deny.extend(rules),
            _ => return Err(bad(place, format!("list is {list:?}"))),
        }
    }
    Ok((allow, deny))
}

struct PutPiece {
    lists: i64,
    place: i64,
    list: &'static str,
    text: String,
}

impl Operation for PutPiece {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), MetaError> {
        const SQL: &str =
            "insert into referer_pieces (lists, place, list, rules) values (?1, ?2, ?3, ?4)";
        sqlx::query(SQL)
            .bind(self.lists)
            .bind(self.place)
            .bind(self.list)
            .bind(self.text.as_str())
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Deletes some pieces of a number, unless a version names it.
struct DeletePieces(i64);

impl Operation for DeletePieces {
    /// How many there were.
    type Answer = u64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<u64, MetaError> {
        const SQL: &str = "
            delete from referer_pieces where rowid in (
                select rowid from referer_pieces where lists = ?1
                    and not exists (select 1 from referer_versions where lists = ?1)
                limit ?2)";
        let query = sqlx::query(SQL).bind(self.0).bind(DELETED_AT_ONCE);
        Ok(query.execute(connection).await?.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_list() {
        let rule = |n: usize| Pattern::read(&format!("\"{n}\\é{}", "x".repeat(n % 1000))).unwrap();
        for count in [1, 2, 1000, 3000] {
            let list: Vec<Pattern> = (0..count).map(rule).collect();
            let (mut got, mut left) = (Vec::new(), list.as_slice());
            while !left.is_empty() {
                let (text, rest) = piece(left);
                assert!(text.len() <= PIECE_BYTES + 2048);
                assert!(rest.is_empty() || text.len() >= PIECE_BYTES, "it is worth its while");
                got.extend(read_list(&text).unwrap());
                left = rest;
            }
            assert_eq!(got, list);
        }
    }
}
