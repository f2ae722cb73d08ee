//! `refgate referer`.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::json;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::explain::{self, Detail, ExplainArgs};
use super::extras;
use super::form::{Form, FormArgs, word};
use super::formats::{self, ExportArgs, ImportArgs};
use super::history;
use super::lint::{self, LintArgs};
use super::remote::{Remote, number};
use super::report::{self, ReportArgs, SimulateArgs};
use crate::domain::name::BucketName;
use crate::domain::referer::lint::List;
use crate::domain::referer::{
    Extras, Gate, KnownRules, MAX_LARGE_LIST_BYTES, MAX_LIST_BYTES, Policy,
};
use crate::wire::referer::{
    max_body_bytes, read_extras_json, read_policy, read_policy_json, read_strict_policy,
    read_strict_policy_json, write_policy, write_policy_json,
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
    /// Replace the policy as a whole, or one of its lists
    Put(PutArgs),
    /// Remove both lists, allow empty referers, and take back what would still refuse beyond OSS
    Reset {
        /// The bucket
        bucket: BucketName,
        #[command(flatten)]
        form: FormArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show and change how many bytes of rules OSS's own PutBucketReferer may bring
    Limit {
        /// The bucket
        bucket: BucketName,
        /// The bytes, up to 67108864, or `oss` for OSS's own limit
        bytes: Option<Limit>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show and change what goes beyond OSS: monitoring, strict hosts, missing referers, denials
    Settings(Box<extras::SettingsArgs>),
    #[command(flatten)]
    History(history::Command),
    /// Say what is decided about a request, and by which rule: exit 0 allowed, 1 denied
    Check(Box<ExplainArgs>),
    /// Say why requests pass or not, step by step: exit 0 all allowed, 1 otherwise
    Explain(Box<ExplainArgs>),
    /// Show who was let through and who was refused
    Report(Box<ReportArgs>),
    /// Say what another policy would have changed for the requests of the last hours
    Simulate(Box<SimulateArgs>),
    /// Say what is probably wrong with the policy, and fix it: exit 0 nothing, 1 findings
    Lint(Box<LintArgs>),
    /// Read a policy of nginx, Tencent COS, Amazon S3, Huawei OBS or plain lines
    Import(Box<ImportArgs>),
    /// Write the policy as XML, as JSON, for nginx or as plain lines
    Export(Box<ExportArgs>),
}

/// What is put.
#[derive(Debug, Args)]
pub(super) struct PutArgs {
    /// The bucket
    bucket: BucketName,
    /// A file with the policy as XML or JSON, or - for standard input
    file: PathBuf,
    /// The file holds a rule a line, which replace this list; the rest of the policy stays
    #[arg(long, value_parser = word::<List>())]
    list: Option<List>,
    /// The list may become empty, which opens a whitelist to everybody
    #[arg(long, requires = "list")]
    empty: bool,
    /// Put it through the admin API, as lists over OSS's 20 KB always are
    #[arg(long)]
    large: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// The form of a policy.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// As OSS has it.
    Xml,
    /// For people and scripts.
    Json,
}

/// A limit of the bytes of rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(Option<u32>);

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = if text == "oss" { Some(None) } else { text.parse().ok().map(Some) };
        bytes.map(Self).ok_or("it is a number of bytes, or oss")
    }
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Get { bucket, format, client } => {
            print_policy(&get(&Client::new(client)?, &bucket)?, format);
        }
        Command::Put(args) => put(args)?,
        Command::Reset { bucket, form, client } => {
            let remote = Remote::new(client, bucket)?;
            let done = remote.post("/reset", None)?;
            if form.format == Form::Text {
                let bucket = remote.bucket();
                say!("{bucket}: no lists, empty referers are allowed, nobody is refused");
            }
            remote.print_outcome(&done, form.format);
        }
        Command::Limit { bucket, bytes, client } => limit(&Remote::new(client, bucket)?, bytes)?,
        Command::Settings(args) => extras::run(*args)?,
        Command::History(command) => return history::run(command),
        Command::Check(args) => return explain::run(*args, Detail::Decision),
        Command::Explain(args) => return explain::run(*args, Detail::Steps),
        Command::Report(args) => report::show(*args)?,
        Command::Simulate(args) => report::simulate(*args)?,
        Command::Lint(args) => return lint::run(*args),
        Command::Import(args) => return formats::run_import(*args),
        Command::Export(args) => return formats::run_export(*args),
    }
    Ok(ExitCode::SUCCESS)
}

fn get(client: &Client, bucket: &BucketName) -> Result<Policy, Failure> {
    let body = client.send(&Method::GET, Some(bucket), "referer", (&[], Vec::new()))?;
    read_policy(&body, MAX_LARGE_LIST_BYTES)
        .map_err(|err| Failure::of("the server's answer is not a policy", err))
}

/// Puts a policy by OSS's operation, or, if it is too long for that, through the admin API.
fn put(args: PutArgs) -> Result<(), Failure> {
    let PutArgs { bucket, file, list, empty, large, client } = args;
    if let Some(list) = list {
        let lines = read_bytes(&file)?;
        let remote = Remote::new(client, bucket)?;
        let done = remote.put_lines(list, lines, empty)?;
        remote.print_outcome(&done, Form::Text);
        return Ok(());
    }
    let (remote, policy) = read_to_put(&file, bucket, client)?;
    let bucket = remote.bucket();
    let bytes = policy.list_bytes();
    let (allow, deny) = (policy.allow.len(), policy.deny.len());
    let counts = format!("{bucket}: {allow} patterns on the whitelist, {deny} on the blacklist");
    if !large && bytes <= MAX_LIST_BYTES {
        let headers = [("content-type", "application/xml")];
        let sent = (&headers[..], write_policy(&policy));
        remote.client().send(&Method::PUT, Some(bucket), "referer", sent)?;
        say!("{counts}");
        return Ok(());
    }
    if !large {
        eprintln!(
            "The lists have {bytes} bytes, OSS's own operation takes {MAX_LIST_BYTES}: putting them through the admin API."
        );
    }
    let done = remote.put(&policy, "api-put", None)?;
    say!("{counts}");
    remote.print_outcome(&done, Form::Text);
    Ok(())
}

/// Sets the limit, if one is named, and shows it.
fn limit(remote: &Remote, wanted: Option<Limit>) -> Result<(), Failure> {
    if let Some(Limit(bytes)) = wanted {
        remote.put_limit(&json!({ "referer_max_bytes": bytes }))?;
    }
    let bytes = number(&remote.get("")?, "referer_max_bytes");
    say!("{}: PutBucketReferer may bring {bytes} bytes of rules", remote.bucket());
    Ok(())
}

/// Shows a policy.
pub(super) fn print_policy(policy: &Policy, format: Format) {
    let text = match format {
        Format::Xml => String::from_utf8_lossy(&write_policy(policy)).into_owned(),
        Format::Json => write_policy_json(policy),
    };
    say!("{}", text.trim_end());
}

/// Reads a policy from a file, as XML or as JSON, with whatever rules OSS takes.
pub(super) fn read_file(path: &Path) -> Result<Policy, Failure> {
    parse(path, &read_bytes(path)?, None)
}

/// Reads a policy that is to be put. Every rule is checked to be one that an administrator may put,
/// or that the bucket has: what was read can be put back.
fn read_to_put(
    path: &Path,
    bucket: BucketName,
    client: ClientArgs,
) -> Result<(Remote, Policy), Failure> {
    let bytes = read_bytes(path)?;
    let wrong = match parse(path, &bytes, Some(&KnownRules::default())) {
        Ok(policy) => return Ok((Remote::new(client, bucket)?, policy)),
        Err(wrong) => wrong,
    };
    let found = Remote::new(client, bucket)
        .and_then(|remote| Ok((get(remote.client(), remote.bucket())?, remote)));
    let Ok((present, remote)) = found else { return Err(wrong) };
    let policy = parse(path, &bytes, Some(&KnownRules::of(&present)))?;
    Ok((remote, policy))
}

/// Reads a policy, of which every rule is checked if there are known ones beside the good.
fn parse(path: &Path, bytes: &[u8], known: Option<&KnownRules>) -> Result<Policy, Failure> {
    let no_policy =
        |why: &dyn Display| Failure::of(&format!("{} is no policy", path.display()), why);
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let policy = match (text.trim_ascii_start().first(), known) {
        (Some(b'{'), Some(known)) => read_strict_policy_json(text, MAX_LARGE_LIST_BYTES, known),
        (Some(b'{'), None) => read_policy_json(text, MAX_LARGE_LIST_BYTES),
        (Some(b'<'), Some(known)) => read_strict_policy(text, MAX_LARGE_LIST_BYTES, known),
        (Some(b'<'), None) => read_policy(text, MAX_LARGE_LIST_BYTES),
        _ => return Err(no_policy(&"it begins neither like JSON nor like XML")),
    };
    policy.map_err(|err| no_policy(&err))
}

/// Reads what goes beyond OSS from a file; nothing does without one.
pub(super) fn read_extras(path: Option<&Path>) -> Result<Extras, Failure> {
    let Some(path) = path else { return Ok(Extras::default()) };
    read_extras_json(&read_bytes(path)?)
        .map_err(|err| Failure::of(&format!("{} is no settings", path.display()), err))
}

/// Compiles the policy of a file with the settings of another.
pub(super) fn read_gate(policy: &Path, settings: Option<&Path>) -> Result<Gate, Failure> {
    Ok(Gate::new(read_file(policy)?, read_extras(settings)?))
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
