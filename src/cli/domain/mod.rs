//! `refgate domain`: delivery domains.

mod keys;
mod links;
mod put;
mod report;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::form::{Form, FormArgs};
use crate::domain::op::HostName;

/// What can be done with delivery domains.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the delivery domains, one a line: host, bucket, prefix, scheme
    Ls {
        #[command(flatten)]
        form: FormArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show a delivery domain
    Show(OneArgs),
    /// Make a delivery domain, or change what is named of one
    Put(Box<put::PutArgs>),
    /// Delete a delivery domain, with its keys
    Rm(OneArgs),
    /// Show the keys of a delivery domain
    Keys(OneArgs),
    /// Put another key, which verifies as well: the first step of replacing one
    AddKey(keys::AddArgs),
    /// Have the two keys change places, so that the other one signs: the second step
    SwapKeys(keys::SwapArgs),
    /// Take the secondary key away, whose links are refused then: the last step
    DropKey(keys::DropArgs),
    /// Show how many requests each key verified, and how many were refused and why
    Report(report::ReportArgs),
    /// Make links: sign URLs of a delivery domain, or paths
    Sign(Box<links::SignArgs>),
}

/// One delivery domain.
#[derive(Debug, Args)]
pub(super) struct OneArgs {
    /// Its host
    host: HostName,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Ls { form, client } => list(&Client::new(client)?, form.format)?,
        Command::Show(one) => say!("{:#}", on_domain(one, &Method::GET, "")?),
        Command::Put(args) => put::run(*args)?,
        Command::Rm(one) => {
            let client = Client::new(one.client)?;
            client.admin(&Method::DELETE, &format!("domains/{}", one.host), (&[], Vec::new()))?;
            say!("deleted {}", one.host);
        }
        Command::Keys(one) => keys::show(&on_domain(one, &Method::GET, "/keys")?),
        Command::AddKey(args) => keys::add(args)?,
        Command::SwapKeys(args) => keys::swap(args)?,
        Command::DropKey(args) => keys::drop(args)?,
        Command::Report(args) => report::run(args)?,
        Command::Sign(args) => return links::run(*args),
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks for something of one domain.
fn on_domain(one: OneArgs, method: &Method, rest: &str) -> Result<Value, Failure> {
    let client = Client::new(one.client)?;
    client.api(method, &format!("domains/{}{rest}", one.host), (&[], Vec::new()))
}

/// What is weak about a domain, for whoever has just changed it.
fn note_warnings(domain: &Value) {
    let warnings = domain.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
        eprintln!("refgate: note: {warning}");
    }
}

fn json() -> (HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

/// All domains, page by page.
fn list(client: &Client, form: Form) -> Result<(), Failure> {
    let mut after = String::new();
    let mut all = Vec::new();
    loop {
        let path = format!("domains?limit=1000&after={after}");
        let mut page = client.api(&Method::GET, &path, (&[], Vec::new()))?;
        if let Some(Value::Array(domains)) = page.get_mut("domains").map(Value::take) {
            all.extend(domains);
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    match form {
        Form::Json => say!("{:#}", Value::Array(all)),
        Form::Text => {
            for domain in &all {
                let text = |path: &str| domain.pointer(path).and_then(Value::as_str).unwrap_or("-");
                say!(
                    "{}  {}/{}  {}",
                    text("/host"),
                    text("/settings/bucket"),
                    text("/settings/prefix"),
                    text("/settings/signing/scheme"),
                );
            }
        }
    }
    Ok(())
}
