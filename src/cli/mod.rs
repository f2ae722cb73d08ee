//! The command line.
//!
//! Exit status: 0 done, 1 failed (or, for `referer check` and `explain` and
//! `sign url --verify`, denied; for `referer lint`, something to look at; for `referer import` and
//! `export`, a rule was lost), 2 wrong usage or setting. A failure is one line
//! on standard error.

#[macro_use]
mod say;

mod application;
mod bucket;
mod changes;
mod client;
mod credentials;
mod domain;
mod explain;
mod extras;
mod form;
mod formats;
mod history;
mod iam;
mod lint;
mod log;
mod master_key;
mod object;
mod open_files;
mod private_file;
mod referer;
mod remote;
mod report;
mod serve;
mod sign;
mod threads;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::config::{Layer, SettingError};

/// An object store that speaks Alibaba Cloud OSS's protocol and decides who may embed its objects
#[derive(Debug, Parser)]
#[command(name = "refgate", version, about, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Without a command, refgate serves with its defaults: objects and database in
./refgate-data, OSS's protocol on 127.0.0.1:9000, health on 127.0.0.1:9001.

The other commands talk to a running server, but for `sign`. They find its address and the
owner's access key where `serve` does: flags, REFGATE_... variables,
refgate.toml, the data folder.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve(Box<ServeArgs>),
    /// Delivery domains: hosts that serve a bucket by signed URLs
    #[command(subcommand)]
    Domain(domain::Command),
    /// Applications: programs that may have links made
    #[command(subcommand)]
    App(application::Command),
    /// List, create and delete buckets
    #[command(subcommand)]
    Bucket(bucket::Command),
    /// Upload, download, list and delete objects, and sign URLs
    #[command(subcommand)]
    Object(object::Command),
    /// List, create and delete users, and give them policies
    #[command(subcommand)]
    User(iam::UserCommand),
    /// List, create, rotate, disable and delete the access keys of users
    #[command(subcommand)]
    Key(iam::KeyCommand),
    /// List, show, put and delete the policies that users can be given
    #[command(subcommand)]
    Policy(iam::PolicyCommand),
    /// Make temporary credentials
    Sts(iam::StsArgs),
    /// Show, set, reset and try the referer policy of a bucket
    #[command(subcommand)]
    Referer(referer::Command),
    /// Sign URLs and playlists by hand
    #[command(subcommand)]
    Sign(sign::Command),
}

/// The settings of the server.
#[derive(Debug, Default, Args)]
struct ServeArgs {
    /// Settings file [default: refgate.toml, if there is one]
    #[arg(short, long, env = "REFGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    layer: Layer,
}

/// Why a command ends without having done what it was asked for.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// A setting cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The command line or the environment cannot be read; the sentence says why.
    #[error("{0}")]
    Usage(String),
    /// Anything else; the sentence says what.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// What failed and why, in one line.
    fn of(what: &str, why: impl std::fmt::Display) -> Self {
        Self::Other(format!("{what}: {why}"))
    }

    /// What failed, with all the causes of the error.
    fn caused(what: &str, err: &dyn std::error::Error) -> Self {
        let mut text = format!("{what}: {err}");
        let mut source = err.source();
        while let Some(err) = source {
            text.push_str(": ");
            text.push_str(&err.to_string());
            source = err.source();
        }
        Self::Other(text)
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(err) => return usage(&err),
    };
    let done = match cli.command {
        None => no_arguments().and_then(|args| serve::run(*args)),
        Some(Command::Serve(args)) => serve::run(*args),
        Some(Command::App(command)) => application::run(command),
        Some(Command::Bucket(command)) => bucket::run(command),
        Some(Command::Domain(command)) => domain::run(command),
        Some(Command::Object(command)) => object::run(command),
        Some(Command::User(command)) => iam::user(command),
        Some(Command::Key(command)) => iam::key(command),
        Some(Command::Policy(command)) => iam::policy(command),
        Some(Command::Sts(args)) => iam::sts(args),
        Some(Command::Referer(command)) => referer::run(command),
        Some(Command::Sign(command)) => sign::run(command),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("refgate: {}", one_line(&failure.to_string()));
            match failure {
                Failure::Setting(_) | Failure::Usage(_) => ExitCode::from(2),
                Failure::Other(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// `refgate` alone is `refgate serve`: the same flags, so the same environment.
fn no_arguments() -> Result<Box<ServeArgs>, Failure> {
    match Cli::try_parse_from(["refgate", "serve"]) {
        Ok(Cli { command: Some(Command::Serve(args)) }) => Ok(args),
        Ok(_) => Ok(Box::default()),
        Err(err) => Err(Failure::Usage(sentence(&err))),
    }
}

/// Help goes to standard output as it is; a mistake is one line and status 2.
fn usage(err: &clap::Error) -> ExitCode {
    if !err.use_stderr() {
        say!("{}", err.to_string().trim_end());
        return ExitCode::SUCCESS;
    }
    if err.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        eprint!("{err}");
    } else {
        eprintln!("refgate: {}", sentence(err));
    }
    ExitCode::from(2)
}

/// What is wrong with the command line, without the examples that clap adds.
fn sentence(err: &clap::Error) -> String {
    let text = err.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    format!("{} (see refgate --help)", one_line(first.trim_start_matches("error: ")))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
