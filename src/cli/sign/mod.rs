//! `refgate sign`: making and trying signed URLs by hand. No server is asked.

mod oss;
mod playlist;
pub(super) mod settings;
mod url;

use std::process::ExitCode;
use std::time::SystemTime;

use clap::Subcommand;

use super::Failure;
use crate::domain::time::UnixMillis;

/// What can be signed.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sign a URL of a delivery domain, or try one: exit 0 it passes, 1 it is denied
    Url(Box<url::UrlArgs>),
    /// Sign every URI of a playlist
    Playlist(Box<playlist::PlaylistArgs>),
    /// Sign a URL of OSS's own protocol with the owner's access key
    Oss(Box<oss::OssArgs>),
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Url(args) => url::run(*args),
        Command::Playlist(args) => playlist::run(*args),
        Command::Oss(args) => oss::run(*args),
    }
}

/// The time that was named, or the present.
#[expect(clippy::disallowed_methods, reason = "a command has no service and so no clock of it")]
fn moment(at: Option<i64>) -> UnixMillis {
    at.map_or_else(|| UnixMillis::from_system_time(SystemTime::now()), UnixMillis::from_secs)
}
