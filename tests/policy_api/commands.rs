//! The commands of the history.
