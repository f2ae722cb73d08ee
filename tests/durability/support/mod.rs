//! What these tests have in common: a server, a client, and contents that betray a mixture.

pub(crate) mod client;
pub(crate) mod content;
pub(crate) mod server;

use std::time::Duration;

use tokio::time::Instant;

/// Waits until a condition holds. It must, soon: the limit only keeps a failure from hanging.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    const LIMIT: Duration = Duration::from_mins(3);
    const PAUSE: Duration = Duration::from_millis(2);

    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "waited in vain for {what}");
        std::thread::sleep(PAUSE);
    }
}

/// A number of the environment, for those who want more of a test.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting of the server")]
pub(crate) fn wanted(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
