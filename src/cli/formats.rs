//! `refgate referer import` and `refgate referer export`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::referer::{get, put, read_bytes, read_file};
use crate::domain::name::BucketName;
use crate::wire::policy_formats::{Effect, Export, Import, Note, export, import};
use crate::wire::referer::{write_policy, write_policy_json};

/// The most bytes of a file in another product's format.
const MAX_IMPORT_BYTES: usize = 1 << 20;

/// What to read.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The format of the file
    #[arg(long, value_enum)]
    from: From,

    /// The file, or - for standard input
    file: PathBuf,

    /// The bucket whose policy is replaced; without it the policy is printed as JSON
    #[arg(long, value_name = "BUCKET")]
    to: Option<BucketName>,

    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    /// `valid_referers` of nginx
    Nginx,
    /// A RefererConfiguration of Tencent COS
    Cos,
    /// A bucket policy of Amazon S3 with aws:Referer
    S3,
    /// A bucket policy of Huawei OBS with Referer
    Obs,
    /// A pattern a line, behind ! for the blacklist
    Lines,
}

/// What to write.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The bucket; or name a file
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    bucket: Option<BucketName>,

    /// A file with the policy as XML or JSON, or - for standard input; no server is asked
    #[arg(long)]
    file: Option<PathBuf>,

    /// The format to write
    #[arg(long, value_enum)]
    to: To,

    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// As OSS has it
    Xml,
    /// As refgate's commands read it
    Json,
    /// `valid_referers` of nginx
    Nginx,
    /// A pattern a line, behind ! for the blacklist
    Lines,
}

/// Reads a policy; what it could not take over goes to standard error, one note a line.
pub(super) fn run_import(args: ImportArgs) -> Result<ExitCode, Failure> {
    let format = match args.from {
        From::Nginx => Import::Nginx,
        From::Cos => Import::Cos,
        From::S3 => Import::S3,
        From::Obs => Import::Obs,
        From::Lines => Import::Lines,
    };
    let bytes = read_bytes(&args.file)?;
    let imported = import(format, &bytes, MAX_IMPORT_BYTES)
        .map_err(|err| Failure::of(&args.file.display().to_string(), err))?;
    print_notes(&imported.notes);
    match args.to {
        None => say!("{}", write_policy_json(&imported.policy).trim_end()),
        Some(bucket) => {
            put(&Client::new(args.client)?, &bucket, &imported.policy)?;
            let (allow, deny) = (imported.policy.allow.len(), imported.policy.deny.len());
            say!("{bucket}: {allow} patterns on the whitelist, {deny} on the blacklist");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a policy; what the format cannot say goes to standard error, too.
pub(super) fn run_export(args: ExportArgs) -> Result<ExitCode, Failure> {
    let policy = match (args.bucket, args.file) {
        (Some(bucket), _) => get(&Client::new(args.client)?, &bucket)?,
        (None, file) => read_file(&file.unwrap_or_else(|| "-".into()))?,
    };
    let format = match args.to {
        To::Xml => {
            say!("{}", String::from_utf8_lossy(&write_policy(&policy)));
            return Ok(ExitCode::SUCCESS);
        }
        To::Json => {
            say!("{}", write_policy_json(&policy).trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        To::Nginx => Export::Nginx,
        To::Lines => Export::Lines,
    };
    let exported = export(&policy, format);
    print_notes(&exported.notes);
    say!("{}", exported.text.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn print_notes(notes: &[Note]) {
    for note in notes {
        eprintln!("{note}");
    }
    let lost = notes.iter().filter(|note| note.effect == Effect::Lost).count();
    if lost > 0 {
        eprintln!("{lost} could not be taken over");
    }
}
