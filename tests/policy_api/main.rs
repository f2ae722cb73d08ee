//! The referer policy through the JSON API and the command line, against the real program.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests panic, and look into answers"
)]

mod bad_input;
mod changes;
mod check;
mod commands;
mod commands_beyond;
mod edits;
mod explain;
mod large;
mod support;
mod versions;
