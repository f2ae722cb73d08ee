//! `refgate sign oss`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cli::Failure;
use crate::cli::client::{Client, ClientArgs};
use crate::domain::encode::percent_encode_path;
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::op::Target;

/// The longest that a V4 URL can be good for.
const MAX_V4_SECONDS: u32 = 604_800;

/// The object, and what may be done to it.
#[derive(Debug, Args)]
pub(in crate::cli) struct OssArgs {
    /// The bucket
    bucket: BucketName,

    /// The object
    key: ObjectKey,

    /// The method that is allowed
    #[arg(long, default_value = "GET", value_parser = ["GET", "HEAD", "PUT", "DELETE"])]
    method: String,

    /// For how many seconds the URL is good; with V4 at most 604800
    #[arg(long, value_name = "SECONDS", default_value_t = 3600,
          value_parser = clap::value_parser!(u32).range(1..))]
    expires: u32,

    /// The version of the signature
    #[arg(long, value_enum, default_value_t = Version::V4)]
    signature: Version,

    /// A parameter of the request, such as response-content-type; repeat it for others
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,

    /// Where the bucket stands in the URL: with a vendor's endpoint, in the host
    #[arg(long, value_enum, default_value_t = Style::Path)]
    style: Style,

    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Version {
    /// HMAC-SHA1. For clients that know nothing else
    V1,
    /// HMAC-SHA256
    V4,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Style {
    /// In the path
    Path,
    /// In the host
    Host,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let own = ["OSSAccessKeyId", "Expires", "Signature", "Security-Token"];
    if name.is_empty() || own.contains(&name) || name.starts_with("x-oss-signature") {
        return Err("it is NAME=VALUE, and no parameter of the signature".into());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Prints a URL that carries the owner's signature.
pub(super) fn run(args: OssArgs) -> Result<ExitCode, Failure> {
    if matches!(args.signature, Version::V4) && args.expires > MAX_V4_SECONDS {
        let sentence = format!("a V4 URL is good for at most {MAX_V4_SECONDS} seconds");
        return Err(Failure::Usage(sentence));
    }
    if matches!(args.signature, Version::V1) && args.key.as_str().contains('?') {
        // Such a URL would also be one of a sub-resource of the bucket.
        let sentence = "version 1 cannot sign an object whose name has a question mark";
        return Err(Failure::Usage(sentence.into()));
    }
    let client = Client::new(args.client)?;
    let endpoint = client.endpoint();
    let place = match args.style {
        Style::Path => format!("{endpoint}/{}", args.bucket),
        Style::Host => endpoint.replacen("://", &format!("://{}.", args.bucket), 1),
    };
    let url = format!("{place}/{}", percent_encode_path(args.key.as_str()));
    let target = Target::Object(args.bucket, args.key);
    let parameters: Vec<_> =
        args.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let signer = client.signer();
    let query = match args.signature {
        Version::V4 => signer.presign_v4(&args.method, &target, &parameters, args.expires),
        Version::V1 => {
            let end = signer.now.as_secs().saturating_add(args.expires.into());
            let end = u32::try_from(end).map_err(|err| Failure::of("cannot sign", err))?;
            signer.presign_v1(&args.method, &target, &parameters, end)
        }
    };
    say!("{url}?{query}");
    Ok(ExitCode::SUCCESS)
}
