//! How many files the process may have open: each connection takes one, and two more while it
//! reads or writes an object of several blobs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections: the database, the log, uploads that outlive theirs.
const RESERVE: u64 = 64;

/// Raises the limit as far as the system lets us, and says how many connections on one plane fit
/// into it beside so many files that are kept open, a quarter of them kept for the other plane.
pub(super) fn connections_that_fit(kept_open: u32) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { maximum } else { current };
    // No limit at all is a large one.
    let limit = limit.unwrap_or(u64::from(u32::MAX));
    let connections = limit.saturating_sub(RESERVE + u64::from(kept_open)) / 3 / 4 * 3;
    usize::try_from(connections.max(1)).unwrap_or(usize::MAX)
}
