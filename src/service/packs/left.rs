//! What is left of packs: a pack of which most bodies were deleted or replaced keeps the disk space of
//! all. So what is left of several is written anew, together, once less than half of a pack is named.
//! Then packs take at most twice the space of what is in them, but for those that are young or that
//! very many objects name, and no body is written anew before half of its neighbours have gone.
//!
//! Which packs to look at is told by those that lost a name and still have one, and at the start by the
//! scrub. That is kept in memory alone, and bounded: what is forgotten, the next start finds.
//!
//! # Why nothing is lost
//!
//! The bytes are durable in their new blob, which counts as an upload on its way, before one transaction
//! changes all rows of the old one. That transaction looks first whether the rows name what they did
//! when the bytes were copied, and otherwise changes nothing. Then memory forgets the objects, and the
//! old blob is given up as by a deletion ([`super::super::inflight`]). Whoever reads it has it open or
//! pinned; whoever comes with the old place finds no file, and asks where the object is now.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::super::App;
use super::super::error::Error;
use super::super::inflight::Upload;
use super::super::object::end_upload;
use super::{MAX_BODIES, MAX_BYTES};
use crate::blob::BlobError;
use crate::domain::name::BlobId;
use crate::domain::object::Extent;
use crate::domain::object::extents::union;
use crate::domain::time::UnixMillis;
use crate::meta::{MetaError, Move};

/// How often packs are looked at.
const INTERVAL: Duration = Duration::from_secs(10);

/// How old a pack must be in milliseconds: what is replaced often goes by itself.
const MIN_AGE: i64 = 60_000;

/// How many packs are looked at together.
const AT_ONCE: usize = 64;

/// The rest between those, so that moving is a small part of what the disk does.
const REST: Duration = Duration::from_millis(50);

/// What is left of a pack.
struct Left {
    blob: BlobId,
    /// The runs that rows name.
    runs: Vec<Extent>,
    /// The bytes of these.
    ranges: Vec<Extent>,
}

impl Left {
    fn length(&self) -> u64 {
        self.ranges.iter().map(|range| range.length).sum()
    }

    /// Nobody makes a run of no bytes, and none would be moved.
    fn is_less_than_half_of(&self, length: u64) -> bool {
        self.runs.iter().all(|run| run.length > 0) && self.length().saturating_mul(2) < length
    }
}

/// What came of moving.
#[derive(Default)]
struct Outcome {
    /// How many packs no row names any more.
    gone: usize,
    /// Those that are to be looked at again: their rows have changed meanwhile, or they could not be
    /// read.
    changed: Vec<BlobId>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.gone += other.gone;
        self.changed.extend(other.changed);
    }
}

impl App {
    /// Writes what is left of packs anew, every now and then, once the scrub has looked at all blobs.
    pub fn start_moving(self: &Arc<Self>) {
        let app = self.clone();
        tokio::spawn(async move {
            loop {
                sleep(INTERVAL).await;
                if !app.scrub_has_ended() {
                    continue;
                }
                match app.move_left(UnixMillis(app.clock.now().0 - MIN_AGE)).await {
                    Ok(0) => {}
                    Ok(moved) => tracing::debug!(moved, "what was left of {moved} packs was moved"),
                    Err(err) => tracing::warn!(error = %err, "packs could not be moved: {err}"),
                }
            }
        });
    }

    /// Writes what is left of packs anew that were made before that time and of which less than half
    /// is named. Returns of how many.
    ///
    /// # Errors
    ///
    /// [`Error`]; what has not been moved stays where it is, and is looked at the next time.
    pub async fn move_left(self: &Arc<Self>, made_before: UnixMillis) -> Result<usize, Error> {
        let (mut moved, mut again) = (0, Vec::new());
        let ended = loop {
            let blobs = self.inflight.take_thinner(made_before, AT_ONCE);
            if blobs.is_empty() {
                break Ok(());
            }
            match self.move_left_of(&blobs).await {
                Ok(Outcome { gone, changed }) => {
                    moved += gone;
                    again.extend(changed);
                }
                Err(err) => {
                    again.extend(blobs);
                    break Err(err);
                }
            }
            sleep(REST).await;
        };
        self.inflight.add_thinner(again);
        ended.map(|()| moved)
    }

    async fn move_left_of(self: &Arc<Self>, blobs: &[BlobId]) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        let (mut together, mut bytes, mut ranges) = (Vec::new(), 0, 0);
        for left in self.less_than_half(blobs).await? {
            bytes += left.length();
            ranges += left.ranges.len();
            if !together.is_empty() && (bytes > MAX_BYTES as u64 || ranges > MAX_BODIES) {
                (bytes, ranges) = (left.length(), left.ranges.len());
                outcome.add(self.write_anew(mem::take(&mut together)).await?);
            }
            together.push(left);
        }
        outcome.add(self.write_anew(together).await?);
        Ok(outcome)
    }

    /// Those packs of which less than half is named. Such as parts of an upload name are left out:
    /// earlier builds copied parts by name, and their uploads come to an end.
    async fn less_than_half(&self, blobs: &[BlobId]) -> Result<Vec<Left>, Error> {
        let mut all = Vec::new();
        for (blob, runs) in self.meta.runs_of(blobs).await? {
            let left = Left { blob, ranges: union(&runs), runs };
            match self.blobs.length(blob).await {
                Ok(length) if left.is_less_than_half_of(length) => all.push(left),
                // One that has gone meanwhile is nobody's.
                Ok(_) | Err(BlobError::Missing(_)) => {}
                Err(err) => tracing::warn!(error = %err, "a pack is not moved: {err}"),
            }
        }
        Ok(all)
    }

    /// Which of some shared blobs that were found by the scrub are to be looked at again.
    pub(in crate::service) async fn look_at_left(&self, blobs: &[BlobId]) -> Result<(), Error> {
        let left = self.less_than_half(blobs).await?;
        self.inflight.add_thinner(left.into_iter().map(|left| left.blob));
        Ok(())
    }

    /// Writes what is left of packs into one blob, and has the rows name it.
    async fn write_anew(self: &Arc<Self>, all: Vec<Left>) -> Result<Outcome, Error> {
        if all.is_empty() {
            return Ok(Outcome::default());
        }
        let id = self.clock.blob_id().shared();
        // Before there is a file.
        let upload = self.inflight.begin_all(id, 1).pop();
        let (mut pieces, mut moves, mut offset) = (Vec::new(), Vec::new(), 0);
        let mut unread = Vec::new();
        for Left { blob, runs, ranges } in all {
            let bytes = match self.read_ranges(&ranges).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                // The others do not wait for a disk to mend.
                Err(err) => {
                    tracing::warn!(error = %err, "a pack is not moved yet: {err}");
                    unread.push(blob);
                    continue;
                }
            };
            pieces.push(bytes);
            let mut places = Vec::new();
            for from in ranges {
                places.push((from, Extent { blob: id, offset, length: from.length }));
                offset += from.length;
            }
            moves.push(Move { blob, runs, places });
        }
        if moves.is_empty() {
            return Ok(Outcome { gone: 0, changed: unread });
        }
        let blobs = self.blobs.clone();
        let written = spawn_blocking(move || blobs.write_whole(id, &pieces)).await;
        written.map_err(|_| Error::Fault("writing a pack panicked"))??;
        let mut outcome = self.name_anew(moves, upload).await?;
        outcome.changed.extend(unread);
        Ok(outcome)
    }

    /// Has the rows name what was written, and gives up the packs that they named.
    async fn name_anew(
        self: &Arc<Self>,
        moves: Vec<Move>,
        upload: Option<Upload>,
    ) -> Result<Outcome, Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let in_doubt = app.inflight.take_in_doubt();
            let mut changed: Vec<BlobId> = moves.iter().map(|moved| moved.blob).collect();
            let answer = app.meta.move_runs(moves).await;
            let done = answer.as_ref().is_ok_and(|moved| !moved.keys.is_empty());
            let fresh = upload.as_ref().map(|upload| upload.id);
            for (bucket, key) in answer.iter().flat_map(|moved| &moved.keys) {
                app.objects.remove(*bucket, key);
            }
            app.inflight.settle(in_doubt, done);
            end_upload(upload, &answer, done);
            if answer.as_ref().is_err_and(MetaError::is_in_doubt) {
                app.inflight.doubt(&changed);
            }
            let unnamed = answer?.unnamed;
            changed.retain(|blob| !unnamed.contains(blob));
            let gone = unnamed.len();
            app.inflight.give_up(unnamed);
            if done && !changed.is_empty() {
                // Some of what was written is named by nobody.
                app.inflight.add_thinner(fresh);
            }
            Ok(Outcome { gone, changed })
        })
        .await
    }

    /// The bytes of some ranges of a blob; `None` if it is not as its rows say, which stays as it is.
    async fn read_ranges(&self, ranges: &[Extent]) -> Result<Option<Bytes>, BlobError> {
        let mut all = Vec::new();
        for range in ranges {
            let reader = match self.blobs.open(range.blob).await {
                Ok(reader) => reader,
                Err(BlobError::Missing(_)) => return Ok(None),
                Err(err) => return Err(err),
            };
            let mut bytes = reader.stream(range.offset, range.length);
            loop {
                match bytes.try_next().await {
                    Ok(Some(piece)) => all.extend_from_slice(&piece),
                    Ok(None) => break,
                    Err(err @ BlobError::Truncated { .. }) => {
                        tracing::warn!(error = %err, "a pack is not moved: {err}");
                        return Ok(None);
                    }
                    Err(err) => return Err(err),
                }
            }
        }
        Ok(Some(all.into()))
    }
}
