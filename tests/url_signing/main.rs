//! Signed URLs against published examples, known forgeries and other implementations.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod again;
mod clock;
mod forgeries;
mod heirs;
mod nginx;
mod own;
mod refusals;
mod relatives;
mod round_trip;
mod support;
mod vectors;
