//! `refgate referer import` and `refgate referer export`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Failure;
use super::client::ClientArgs;
use super::form::{Form, word};
use super::referer::{read_bytes, read_extras, read_file};
use super::remote::{Remote, text};
use crate::domain::name::BucketName;
use crate::wire::policy_formats::{Export, Import, Note, export, import, lost};
use crate::wire::referer::write_policy_json;
use clap::{ArgGroup, Args};

/// The most bytes of a file in another product's format.
const MAX_IMPORT_BYTES: usize = 1 << 20;

/// What to read.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The format of the file: that of nginx (`valid_referers`), Tencent COS, Amazon S3 or Huawei OBS
    /// (a bucket policy), or plain lines (behind ! for the blacklist)
    #[arg(long, value_parser = word::<Import>(), value_name = "FORMAT")]
    from: Import,

    /// The file, or - for standard input
    file: PathBuf,

    /// The bucket whose policy is replaced; without it the policy is printed as JSON
    #[arg(long, value_name = "BUCKET")]
    to: Option<BucketName>,

    /// Go on without the rules that have no counterpart
    #[arg(long)]
    accept_losses: bool,

    #[command(flatten)]
    client: ClientArgs,
}

/// What to write.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("policy").required(true))]
pub(super) struct ExportArgs {
    /// The bucket; or name a file
    #[arg(group = "policy")]
    bucket: Option<BucketName>,

    /// A file with the policy as XML or JSON, or - for standard input; no server is asked
    #[arg(long, group = "policy")]
    file: Option<PathBuf>,

    /// A file with what goes beyond OSS, as `referer settings` shows it [default: nothing does]
    #[arg(long, value_name = "FILE", conflicts_with = "bucket")]
    settings: Option<PathBuf>,

    /// The format to write
    #[arg(long, value_parser = word::<Export>(), value_name = "FORMAT")]
    to: Export,

    /// Exit with 0 even if rules have no counterpart
    #[arg(long)]
    accept_losses: bool,

    #[command(flatten)]
    client: ClientArgs,
}

/// Reads a policy; what it could not take over goes to standard error, one note a line. Nothing is
/// put while rules are lost that nobody gave up.
pub(super) fn run_import(args: ImportArgs) -> Result<ExitCode, Failure> {
    let bytes = read_bytes(&args.file)?;
    let imported = import(args.from, &bytes, MAX_IMPORT_BYTES)
        .map_err(|err| Failure::of(&args.file.display().to_string(), err))?;
    print_notes(&imported.notes);
    let lost = if args.accept_losses { 0 } else { lost(&imported.notes) };
    let Some(bucket) = args.to else {
        say!("{}", write_policy_json(&imported.policy).trim_end());
        return complete(lost);
    };
    if lost > 0 {
        let sentence = "so nothing was put; --accept-losses puts the rest";
        return Err(Failure::Other(format!("{}, {sentence}", losses(lost))));
    }
    let remote = Remote::new(args.client, bucket)?;
    let (version, _) = remote.read()?;
    let done = remote.put(&imported.policy, "import", Some(version))?;
    let (allow, deny) = (imported.policy.allow.len(), imported.policy.deny.len());
    let bucket = remote.bucket();
    say!("{bucket}: {allow} patterns on the whitelist, {deny} on the blacklist");
    remote.print_outcome(&done, Form::Text);
    Ok(ExitCode::SUCCESS)
}

/// Writes a policy; what the format cannot say goes to standard error, too.
pub(super) fn run_export(args: ExportArgs) -> Result<ExitCode, Failure> {
    let lost = match (args.bucket, args.file) {
        (Some(bucket), _) => {
            let remote = Remote::new(args.client, bucket)?;
            let written = remote.get(&format!("/export?to={}", args.to))?;
            let notes = written.get("notes").cloned().unwrap_or_default();
            let notes: Vec<Note> = serde_json::from_value(notes)
                .map_err(|err| Failure::of("the server's answer is not an export", err))?;
            print_notes(&notes);
            say!("{}", text(&written, "text").trim_end());
            lost(&notes)
        }
        (None, file) => {
            let policy = read_file(&file.unwrap_or_else(|| "-".into()))?;
            let extras = read_extras(args.settings.as_deref())?;
            let written = export(&policy, &extras, args.to);
            print_notes(&written.notes);
            say!("{}", written.text.trim_end());
            lost(&written.notes)
        }
    };
    complete(if args.accept_losses { 0 } else { lost })
}

fn print_notes(notes: &[Note]) {
    for note in notes {
        eprintln!("{note}");
    }
}

/// A script that asks for the status only learns of losses, too.
fn complete(lost: usize) -> Result<ExitCode, Failure> {
    if lost == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let sentence = "and what is printed is without; --accept-losses is content with that";
    Err(Failure::Other(format!("{}, {sentence}", losses(lost))))
}

fn losses(lost: usize) -> String {
    match lost {
        1 => "1 rule has no counterpart".into(),
        n => format!("{n} rules have no counterpart"),
    }
}
