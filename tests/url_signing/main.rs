//! Signed URLs against published examples and known forgeries.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;
mod vectors;
