//! Until when links of a key are good, as far as the server can know: those that the key verified,
//! and those that the server made with it. A key goes when all of them have ended.
//!
//! The greatest end stays in memory and is written down with what was counted, every few seconds.
//! Nothing is taken out: whoever asks takes the greater of memory's and the database's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::Domain;
use super::tally::OfKey;
use crate::domain::delivery::KeyEnd;
use crate::domain::urlsign::{Pass, Slot};
use crate::meta::MetaError;
use crate::service::App;
use crate::service::error::Error;

/// How many ends are written down at once.
const ENDS_AT_ONCE: usize = 500;

/// The last second of the links of a key, after the epoch.
#[derive(Debug, Default)]
pub(super) struct End {
    seen: AtomicI64,
    written: AtomicI64,
}

impl End {
    /// Takes note of a link.
    pub(super) fn see(&self, until: i64) {
        // A link is asked for many times, and has one end.
        if self.seen.load(Ordering::Relaxed) < until {
            self.seen.fetch_max(until, Ordering::Relaxed);
        }
    }

    /// The end, if it is not written down.
    pub(super) fn unwritten(&self) -> Option<i64> {
        let seen = self.seen.load(Ordering::Relaxed);
        (seen > self.written.load(Ordering::Relaxed)).then_some(seen)
    }

    fn get(&self) -> i64 {
        self.seen.load(Ordering::Relaxed)
    }

    fn wrote(&self, until: i64) {
        self.written.fetch_max(until, Ordering::Relaxed);
    }
}

impl Domain {
    /// Takes note of a link that was made with the key that signs.
    pub(super) fn made_link(&self, until: i64) {
        if let Some(key) = self.by_key.of(Slot::Primary) {
            key.end.see(until);
        }
    }

    /// Takes note of links that were made for what a playlist leads to: they end with its own, and
    /// the key that signs is not always the one that verified that.
    pub fn made_playlist(&self, pass: &Pass<'_>) {
        self.made_link(pass.until);
    }
}

impl App {
    /// The last second of the links of a key that a domain has; `None` if there were none.
    pub(super) async fn end_of_links(
        &self,
        domain: &Domain,
        key_id: &str,
    ) -> Result<Option<i64>, Error> {
        let stored = self.meta.key_end(domain.id, key_id).await?;
        let all = domain.counters.all_keys();
        let seen = all.iter().filter(|(known, _)| known == key_id).map(|(_, of)| of.end.get());
        Ok(seen.filter(|end| *end > 0).chain(stored).max())
    }

    /// Writes ends down, as far as they are not.
    pub(in crate::service) async fn write_key_ends(&self) -> Result<(), MetaError> {
        let unwritten = |domain: &Arc<Domain>| {
            let id = domain.id;
            let end = move |(key, of): (String, Arc<OfKey>)| {
                let until = of.end.unwritten()?;
                Some((KeyEnd { domain: id, key, until }, of))
            };
            domain.counters.all_keys().into_iter().filter_map(end)
        };
        let all: Vec<_> = self.domains.all().iter().flat_map(unwritten).collect();
        for some in all.chunks(ENDS_AT_ONCE) {
            let ends = some.iter().map(|(end, _)| end.clone()).collect();
            self.meta.put_key_ends(ends).await?;
            for (end, of) in some {
                of.end.wrote(end.until);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_end_stays_and_is_written_once() {
        let end = End::default();
        assert_eq!((end.get(), end.unwritten()), (0, None));
        for (until, want) in [(20, 20), (10, 20), (30, 30)] {
            end.see(until);
            assert_eq!((end.get(), end.unwritten()), (want, Some(want)), "{until}");
        }
        end.wrote(20);
        assert_eq!(end.unwritten(), Some(30), "what came in between is not written");
        end.wrote(30);
        end.see(25);
        assert_eq!((end.get(), end.unwritten()), (30, None));
    }
}
