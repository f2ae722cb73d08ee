//! Who is run in a transaction, and who waits for the next.
//!
//! Completing, copying or deleting an object of 10 000 extents takes up to a tenth of a second; most
//! writes take less than a thousandth of that. So each transaction takes all light operations that
//! have queued up, and of the heavy ones as many as [`MAX_WEIGHT`] allows, one at least: whoever is
//! light waits for one heavy operation and not for all that queued up before it, and no heavy one is
//! kept waiting by light ones.
//!
//! A light operation overtakes heavy ones that way, but none that is about the same object, and none
//! that is overtaken was acknowledged. Two clients that write one object at once may see either order.
//! Of one client whose request was cut off, and which asks again, the later one is the later one.

use std::collections::VecDeque;

use sqlx::SqliteConnection;

use super::MAX_WEIGHT;
use super::held::Held;
use super::job::Job;

/// Those that were put off.
#[derive(Default)]
pub(super) struct Turns {
    /// In the order in which they came.
    waiting: VecDeque<Box<dyn Job>>,
    /// What they are about.
    held: Held,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Runs those of the jobs that are light, and of all that were put off those whose turn it is.
    /// What has been run is in `jobs` afterwards, and nothing else unless it fails.
    pub(super) async fn run(
        &mut self,
        jobs: &mut Vec<Box<dyn Job>>,
        transaction: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        let mut rest = jobs.as_mut_slice();
        while let Some((first, behind)) = rest.split_first_mut() {
            let joined = first.run(behind, transaction, &mut self.held).await?;
            rest = behind.get_mut(joined..).unwrap_or_default();
        }
        self.set_aside(jobs);
        // However heavy the first is.
        let mut room = usize::MAX;
        while room > 0
            && let Some(job) = self.waiting.pop_front()
        {
            // Part of the batch from here on: what fails with it is not tried again.
            jobs.push(job);
            let Some(job) = jobs.last_mut() else { return Ok(()) };
            let Some(weight) = job.run_in_turn(room, transaction, &mut self.held).await? else {
                break;
            };
            room = room.min(MAX_WEIGHT).saturating_sub(weight);
        }
        if let Some(next) = jobs.pop_if(|job| job.is_put_off()) {
            self.waiting.push_front(next);
        }
        Ok(())
    }

    /// All that were put off: their turn will not come.
    pub(super) fn dissolve(&mut self) -> impl Iterator<Item = Box<dyn Job>> {
        self.held = Held::default();
        self.waiting.drain(..)
    }

    /// Takes those that were put off out of the jobs.
    pub(super) fn set_aside(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        self.waiting.extend(jobs.extract_if(.., |job| job.is_put_off()));
    }
}
