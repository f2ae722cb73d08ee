//! `refgate domain sign`.

use std::net::IpAddr;
use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OneArgs;
use crate::cli::Failure;
use crate::cli::client::Client;

/// How many URLs are sent at once: what the server takes.
const AT_ONCE: usize = 1000;

/// What to sign.
#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    #[command(flatten)]
    one: OneArgs,

    /// The URLs, or paths that begin with /
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,

    /// For how many seconds the links are good [default: what the domain says]
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<u32>,

    /// Tencent VOD: so many seconds may be seen; 0 is the whole
    #[arg(long, value_name = "SECONDS")]
    preview: Option<u32>,

    /// Tencent VOD, refgate: so many different clients may use each link; 0 is any number
    #[arg(long, value_name = "0-9")]
    clients: Option<u8>,

    /// refgate: sign all below the first so many directories of the path
    #[arg(long, value_name = "DEPTH")]
    directory: Option<usize>,

    /// refgate: the only method that is allowed
    #[arg(long)]
    method: Option<String>,

    /// refgate, nginx: the address of the client
    #[arg(long, value_name = "ADDRESS")]
    client_address: Option<IpAddr>,
}

/// Signs URLs, one a line: status 1 if one of them could not be.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn run(args: SignArgs) -> Result<ExitCode, Failure> {
    let client = Client::new(args.one.client)?;
    let path = format!("domains/{}/sign", args.one.host);
    let mut all_signed = true;
    for urls in args.urls.chunks(AT_ONCE) {
        let body = json!({
            "urls": urls,
            "lifetime": args.lifetime,
            "preview": args.preview,
            "clients": args.clients,
            "directory": args.directory,
            "method": args.method,
            "client": args.client_address,
        });
        let body = body.to_string().into_bytes();
        let answer = client.api(&Method::POST, &path, (&[super::json()], body))?;
        let links = answer.get("links").and_then(Value::as_array);
        for (url, link) in urls.iter().zip(links.into_iter().flatten()) {
            if let Some(signed) = link.get("url").and_then(Value::as_str) {
                say!("{signed}");
                continue;
            }
            let why = link.pointer("/error/message").and_then(Value::as_str);
            eprintln!("refgate: {url:?}: {}", why.unwrap_or("no link"));
            all_signed = false;
        }
    }
    Ok(if all_signed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
