//! `refgate object`: objects, through the data plane.

mod list;
mod transfer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::form::{Form, FormArgs};
use crate::domain::acl::BucketAcl;
use crate::domain::name::{BucketName, ObjectKey};

/// What can be done with objects.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Upload a file of up to 5 GiB
    Put {
        /// The bucket
        bucket: BucketName,
        /// The object's name
        key: ObjectKey,
        /// The file, - for standard input
        file: PathBuf,
        /// Its media type
        #[arg(long, default_value = "application/octet-stream")]
        content_type: String,
        /// Refuse to replace an object
        #[arg(long)]
        no_overwrite: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Download an object
    Get {
        /// The bucket
        bucket: BucketName,
        /// The object's name
        key: ObjectKey,
        /// The file to write, - for standard output
        file: PathBuf,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List objects, one a line: when modified, bytes, name
    Ls {
        /// The bucket
        bucket: BucketName,
        /// Only names that begin with it
        #[arg(long, default_value = "")]
        prefix: String,
        /// Show what shares the rest of a name up to this as one, as folders are shown
        #[arg(long, default_value = "")]
        delimiter: String,
        #[command(flatten)]
        form: FormArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show what is known of an object
    Stat {
        /// The bucket
        bucket: BucketName,
        /// The object's name
        key: ObjectKey,
        #[command(flatten)]
        form: FormArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete objects
    Rm {
        /// The bucket
        bucket: BucketName,
        /// The objects' names
        #[arg(required = true)]
        keys: Vec<ObjectKey>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show or set the ACL of an object
    Acl {
        /// The bucket
        bucket: BucketName,
        /// The object's name
        key: ObjectKey,
        /// The ACL to set: default, private, public-read or public-read-write
        #[arg(long, value_parser = object_acl)]
        set: Option<String>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Make a URL that is good for a while. Asks no server
    Sign {
        /// The bucket
        bucket: BucketName,
        /// The object's name
        key: ObjectKey,
        /// How long the URL is good, in seconds
        #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=604_800))]
        expires: u32,
        /// What it is for
        #[arg(long, default_value = "GET", value_parser = ["GET", "HEAD", "PUT", "DELETE"])]
        method: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// `default` is that of the bucket.
fn object_acl(text: &str) -> Result<String, String> {
    if text != "default" {
        text.parse::<BucketAcl>().map_err(|err| format!("default, or {err}"))?;
    }
    Ok(text.to_owned())
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Put { bucket, key, file, content_type, no_overwrite, client } => {
            let mut headers = vec![("content-type", content_type.as_str())];
            if no_overwrite {
                headers.push(("x-oss-forbid-overwrite", "true"));
            }
            transfer::put(&Client::new(client)?, (&bucket, &key), &file, &headers)?;
        }
        Command::Get { bucket, key, file, client } => {
            transfer::get(&Client::new(client)?, (&bucket, &key), &file)?;
        }
        Command::Ls { bucket, prefix, delimiter, form, client } => {
            list::print(&Client::new(client)?, &bucket, (&prefix, &delimiter), form.format)?;
        }
        Command::Stat { bucket, key, form, client } => {
            let client = Client::new(client)?;
            let answer = client.object(&Method::HEAD, (&bucket, &key), "", &[])?;
            print_headers(answer.headers(), form.format);
        }
        Command::Rm { bucket, keys, client } => {
            let client = Client::new(client)?;
            for key in &keys {
                client.object(&Method::DELETE, (&bucket, key), "", &[])?;
                say!("deleted {bucket}/{key}");
            }
        }
        Command::Acl { bucket, key, set, client } => {
            acl(&Client::new(client)?, (&bucket, &key), set.as_deref())?;
        }
        Command::Sign { bucket, key, expires, method, client } => {
            say!("{}", Client::new(client)?.sign(&method, (&bucket, &key), expires));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn acl(
    client: &Client,
    object: (&BucketName, &ObjectKey),
    set: Option<&str>,
) -> Result<(), Failure> {
    if let Some(acl) = set {
        client.object(&Method::PUT, object, "acl", &[("x-oss-object-acl", acl)])?;
    }
    let mut answer = client.object(&Method::GET, object, "acl", &[])?;
    say!("{}", client.grant(&client.read(&mut answer)?)?);
    Ok(())
}

/// The headers of an answer that say something about the object.
fn print_headers(headers: &HeaderMap, form: Form) {
    let about = |name: &str| {
        let other = ["x-oss-request-id", "x-oss-server-time"];
        name.starts_with("x-oss-") && !other.contains(&name)
            || name.starts_with("content-")
            || matches!(name, "etag" | "last-modified" | "cache-control" | "expires")
    };
    let shown = headers.iter().filter(|(name, _)| about(name.as_str()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = shown.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    match form {
        Form::Text => shown.for_each(|(name, value)| say!("{name}: {value}")),
        Form::Json => {
            let all: Map<_, _> = shown.map(|(name, value)| (name, Value::from(value))).collect();
            say!("{:#}", Value::from(all));
        }
    }
}
