//! What is counted of the requests for a bucket's objects: how many were allowed and denied, who
//! sent people there, and what another policy would have said of them. Everything here is a pure
//! function of its arguments; the time is one of them.
//!
//! # What is exact and what is bounded
//!
//! | number | kept | is |
//! | --- | --- | --- |
//! | requests and bytes by verdict ([`Totals`]) | per day and hour | exact |
//! | origins of referers ([`Top`] of [`ORIGINS`]) | per day and outcome | a list of bounded size |
//! | referers themselves ([`Top`] of [`SUBJECTS`]) | per hour | a list of bounded size |
//!
//! A list of `k` entries over `N` requests misses nobody who sent more than `N / k` of them, and
//! the count of an entry is too high by at most its own `error`, which is at most `N / k`. What
//! is surely an entry's own is its count less its error, and its bytes. As long as no more than `k`
//! different keys have been seen, the list is exact. All of this also holds after lists were
//! merged ([`Top::merge`]).
//!
//! # What a request is to the statistics
//!
//! - Every request for an object whose bucket is there, once its signature was verified. Whether
//!   the ACL or a missing object refuses it afterwards does not matter: what is counted is what
//!   the referer policy said.
//! - Its bytes are those of the body that the answer promised, refusals included. Nobody counts
//!   how many of them the client took.
//! - With the referers themselves it is other bytes for a denied request: those of the object that
//!   it would have got if the policy had let it pass, by its range and conditions and by the ACL.
//!   That is what another policy would cost. The size of an object that is not in memory is not
//!   known; it is looked up behind the requests, for the next who asks for it.
//! - Days and hours are those of UTC.
//!
//! # Sources
//!
//! Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
//! Streams" (Space-Saving); Cafaro, Pulimeno, Tempesta, "A parallel space saving algorithm for
//! frequent items and the Hurwitz zeta distribution" (merging).

mod count;
mod ledger;
mod lists;
mod origin;
mod period;
mod simulate;
mod subject;
mod top;

pub use count::{Count, Outcome, Totals, Verdict};
pub use ledger::{Batch, Counted, DayStats, HourStats, Ledger, ORIGINS, SUBJECTS};
pub use lists::{Lists, Sight};
pub use origin::{MAX_ORIGIN_BYTES, origin};
pub use period::{Day, Hour};
pub use simulate::{Candidate, Change, OriginChange, Share, Simulation, simulate};
pub use subject::{MAX_SAMPLE_BYTES, MAX_SUBJECT_BYTES, Subject, SubjectKind};
pub use top::{Entry, InvalidTop, Requests, Top};
