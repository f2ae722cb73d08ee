//! Counting what the referer policy says, and telling it to administrators.
//!
//! ```text
//! decision ─► Sighting ─► answer's bytes known ─► counters of the bucket (exact)
//!                                             └─► queue ─► lists in memory ─► database
//! ```
//!
//! * A request writes to atomics and to a queue of bounded length, and waits for nothing. When the
//!   queue is full, the request is in the totals and not on the lists; a report says how many are.
//! * One background task moves the queue into the lists every few milliseconds, and lists and
//!   counters into the database every few seconds. At a crash, at most that interval is lost.
//! * What was counted is in memory or in a numbered batch on its way, or in the database, and in
//!   one of them only; a report adds up all three while nothing moves.
//! * Lists take a bounded amount of memory. When it runs short, the buckets that were used longest
//!   ago are written down early.

mod counters;
mod flush;
mod record;
mod report;
mod slot;

pub use counters::Counters;
pub use record::{Asked, Keep, Recorder, Sighting, Withheld};
pub use report::Report;
