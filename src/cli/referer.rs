//! `refgate referer`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use http::Method;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::explain::{self, ExplainArgs};
use super::extras;
use super::formats::{self, ExportArgs, ImportArgs};
use super::history;
use super::lint::{self, LintArgs};
use super::report::{self, ReportArgs, SimulateArgs};
use crate::domain::name::BucketName;
use crate::domain::referer::{
    Decision, MAX_LARGE_LIST_BYTES, MAX_LIST_BYTES, Matcher, Policy, Referers,
};
use crate::wire::referer::{
    max_body_bytes, read_policy, read_policy_json, write_policy, write_policy_json,
};

/// The most bytes of a policy file.
const MAX_FILE_BYTES: u64 = max_body_bytes(MAX_LARGE_LIST_BYTES) as u64;

/// What can be done with the referer policy of a bucket.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the policy
    Get {
        /// The bucket
        bucket: BucketName,
        /// The form in which it is shown
        #[arg(long, value_enum, default_value_t = Format::Xml)]
        format: Format,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Replace the policy as a whole
    Put {
        /// The bucket
        bucket: BucketName,
        /// A file with the policy as XML or JSON, or - for standard input
        file: PathBuf,
        /// Put it through the admin API, as lists over OSS's 20 KB always are
        #[arg(long)]
        large: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Remove both lists and allow empty referers. What was asked for beyond OSS stays; the admin
    /// API's reset takes that back, too
    Reset {
        /// The bucket
        bucket: BucketName,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show and change what goes beyond OSS: monitoring, strict hosts, missing referers, denials
    Settings(Box<extras::SettingsArgs>),
    #[command(flatten)]
    History(history::Command),
    /// Say what the policy decides about a referer, and by which rule: exit 0 allowed, 1 denied.
    /// What goes beyond OSS is not asked
    Check {
        /// The bucket
        bucket: BucketName,
        /// The referer; without it, that of a request that has none
        #[arg(long, value_name = "URL")]
        referer: Option<String>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show who was let through and who was refused
    Report(Box<ReportArgs>),
    /// Say what another policy would have changed for the requests of the last hours
    Simulate(Box<SimulateArgs>),
    /// Say why requests pass or not, step by step: exit 0 all allowed, 1 otherwise
    Explain(Box<ExplainArgs>),
    /// Say what is probably wrong with the policy, and fix it: exit 0 nothing, 1 findings
    Lint(Box<LintArgs>),
    /// Read a policy of nginx, Tencent COS, Amazon S3, Huawei OBS or plain lines
    Import(Box<ImportArgs>),
    /// Write the policy as XML, as JSON, for nginx or as plain lines
    Export(Box<ExportArgs>),
}

/// The form of a policy.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// As OSS has it.
    Xml,
    /// For people and scripts.
    Json,
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Get { bucket, format, client } => {
            let policy = get(&Client::new(client)?, &bucket)?;
            let text = match format {
                Format::Xml => String::from_utf8_lossy(&write_policy(&policy)).into_owned(),
                Format::Json => write_policy_json(&policy),
            };
            say!("{}", text.trim_end());
        }
        Command::Put { bucket, file, large, client } => {
            let policy = read_file(&file)?;
            let client = Client::new(client)?;
            if large || policy.list_bytes() > MAX_LIST_BYTES {
                return history::put_large(&client, &bucket, &policy);
            }
            put(&client, &bucket, &policy)?;
            let (allow, deny) = (policy.allow.len(), policy.deny.len());
            say!("{bucket}: {allow} patterns on the whitelist, {deny} on the blacklist");
        }
        Command::Reset { bucket, client } => {
            put(&Client::new(client)?, &bucket, &Policy::default())?;
            say!("{bucket}: no lists, empty referers are allowed");
        }
        Command::Settings(args) => extras::run(*args)?,
        Command::History(command) => return history::run(command),
        Command::Check { bucket, referer, client } => {
            let policy = get(&Client::new(client)?, &bucket)?;
            return Ok(check(policy, referer.as_deref()));
        }
        Command::Report(args) => report::show(*args)?,
        Command::Simulate(args) => report::simulate(*args)?,
        Command::Explain(args) => return explain::run(*args),
        Command::Lint(args) => return lint::run(*args),
        Command::Import(args) => return formats::run_import(*args),
        Command::Export(args) => return formats::run_export(*args),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn get(client: &Client, bucket: &BucketName) -> Result<Policy, Failure> {
    let body = client.send(&Method::GET, Some(bucket), "referer", (&[], Vec::new()))?;
    read_policy(&body, MAX_LARGE_LIST_BYTES)
        .map_err(|err| Failure::of("the server's answer is not a policy", err))
}

pub(super) fn put(client: &Client, bucket: &BucketName, policy: &Policy) -> Result<(), Failure> {
    let headers = [("content-type", "application/xml")];
    let body = write_policy(policy);
    client.send(&Method::PUT, Some(bucket), "referer", (&headers, body)).map(|_| ())
}

/// Reads a policy from a file, as XML or as JSON.
pub(super) fn read_file(path: &Path) -> Result<Policy, Failure> {
    let bytes = read_bytes(path)?;
    let looks_like_json = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let policy = if looks_like_json {
        read_policy_json(&bytes, MAX_LARGE_LIST_BYTES).map_err(|err| err.to_string())
    } else {
        read_policy(&bytes, MAX_LARGE_LIST_BYTES).map_err(|err| err.to_string())
    };
    policy.map_err(|err| Failure::of(&format!("{} is not a policy", path.display()), err))
}

/// Reads a file, or standard input for `-`, of at most [`MAX_FILE_BYTES`].
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => std::io::stdin().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes),
        _ => std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|err| Failure::of(&format!("cannot read {shown}"), err))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::Other(format!("{shown} is over {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Prints what the server decides: the matcher and the policy are the server's own.
fn check(policy: Policy, referer: Option<&str>) -> ExitCode {
    let matcher = Matcher::new(policy);
    let explanation = matcher.explain(&Referers::read(referer.map(str::as_bytes)));
    say!("{}", explanation.decision);
    if let Some(subject) = &explanation.subject {
        say!("compared: {subject}");
    }
    match explanation.decision {
        Decision::Allow(_) => ExitCode::SUCCESS,
        Decision::Deny(denied) => {
            say!("EC: {}", denied.reason().ec.unwrap_or("none"));
            ExitCode::FAILURE
        }
    }
}
