//! `refgate bucket`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use http::Method;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::referer::read_bytes;
use crate::domain::acl::BucketAcl;
use crate::domain::encode::percent_encode;
use crate::domain::name::BucketName;
use crate::wire::xml::{Element, Limits};

/// What can be done with buckets.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the buckets, one a line: when created, name
    Ls {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Create a bucket
    Create {
        /// Its name: 3 to 63 of a-z, 0-9 and '-'
        bucket: BucketName,
        /// What strangers may do: private, public-read or public-read-write
        #[arg(long)]
        acl: Option<BucketAcl>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show or set what strangers may do with a bucket's objects
    Acl {
        /// Its name
        bucket: BucketName,
        /// The ACL to set: private, public-read or public-read-write
        #[arg(long)]
        set: Option<BucketAcl>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show, put and delete the policy of a bucket, which says who may do what
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Delete an empty bucket
    Rm {
        /// Its name
        bucket: BucketName,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// What can be done with the policy of a bucket.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Show the policy
    Get {
        /// The bucket
        bucket: BucketName,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Put a policy from a file in place of the one that is there
    Put {
        /// The bucket
        bucket: BucketName,
        /// Bucket policy in JSON, - for standard input
        file: PathBuf,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete the policy
    Rm {
        /// The bucket
        bucket: BucketName,
        #[command(flatten)]
        client: ClientArgs,
    },
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Ls { client } => list(&Client::new(client)?)?,
        Command::Create { bucket, acl, client } => {
            let headers = acl.map(|acl| ("x-oss-acl", acl.as_str()));
            let headers: Vec<_> = headers.into_iter().collect();
            let client = Client::new(client)?;
            client.send(&Method::PUT, Some(&bucket), "", (&headers, Vec::new()))?;
            say!("created {bucket}");
        }
        Command::Acl { bucket, set, client } => {
            let client = Client::new(client)?;
            if let Some(acl) = set {
                let headers = [("x-oss-acl", acl.as_str())];
                client.send(&Method::PUT, Some(&bucket), "acl", (&headers, Vec::new()))?;
            }
            let body = client.send(&Method::GET, Some(&bucket), "acl", (&[], Vec::new()))?;
            say!("{}", client.grant(&body)?);
        }
        Command::Policy(command) => policy(command)?,
        Command::Rm { bucket, client } => {
            let client = Client::new(client)?;
            client.send(&Method::DELETE, Some(&bucket), "", (&[], Vec::new()))?;
            say!("deleted {bucket}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// By the admin API, which no bucket policy can shut.
fn policy(command: PolicyCommand) -> Result<(), Failure> {
    let path = |bucket: &BucketName| format!("buckets/{bucket}/policy");
    match command {
        PolicyCommand::Get { bucket, client } => {
            let client = Client::new(client)?;
            say!("{:#}", client.api(&Method::GET, &path(&bucket), (&[], Vec::new()))?);
        }
        PolicyCommand::Put { bucket, file, client } => {
            let body = read_bytes(&file)?;
            Client::new(client)?.api(&Method::PUT, &path(&bucket), (&[], body))?;
            say!("put the policy of {bucket}");
        }
        PolicyCommand::Rm { bucket, client } => {
            Client::new(client)?.api(&Method::DELETE, &path(&bucket), (&[], Vec::new()))?;
            say!("deleted the policy of {bucket}");
        }
    }
    Ok(())
}

fn list(client: &Client) -> Result<(), Failure> {
    let mut marker = String::new();
    loop {
        let query = format!("max-keys=1000&marker={}", percent_encode(&marker));
        let body = client.send(&Method::GET, None, &query, (&[], Vec::new()))?;
        let page = Element::read(&body, Limits::new(4 << 20, 20_000))
            .map_err(|err| Failure::of("the server's answer is not a list", err))?;
        let text = |of: &Element, name: &str| {
            of.all(name).next().map(|e| e.text().to_owned()).unwrap_or_default()
        };
        for bucket in page.all("Buckets").flat_map(|buckets| buckets.all("Bucket")) {
            say!("{}  {}", text(bucket, "CreationDate"), text(bucket, "Name"));
        }
        marker = text(&page, "NextMarker");
        if marker.is_empty() {
            return Ok(());
        }
    }
}
