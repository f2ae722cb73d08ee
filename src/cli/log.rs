//! The log: one line an event, on standard error.

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, SettingError};

/// Starts the log. Lines are written by a thread of their own, so a slow terminal or pipe delays
/// no request; they are flushed when the guard is dropped.
///
/// # Errors
///
/// [`SettingError`]: the filter cannot be read.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<WorkerGuard, SettingError> {
    let invalid = |err: tracing_subscriber::filter::ParseError| SettingError::Value {
        name: "log",
        value: filter.into(),
        reason: err.to_string(),
    };
    let filter = EnvFilter::builder().parse(filter).map_err(invalid)?;
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let builder = fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(guard)
}
