//! `refgate app`: programs that may have links made.

use std::process::ExitCode;

use clap::Subcommand;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::form::{Form, FormArgs};
use super::remote::{array, text};
use crate::domain::delivery::{ApplicationName, LinkScope};

/// What can be done with applications.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the applications, one a line: name, links in a minute, what it may have links to
    Ls {
        #[command(flatten)]
        form: FormArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Make an application. Its token is shown this once
    Create {
        /// Its name
        name: ApplicationName,
        /// What it may have links to: a host, or a directory of it as in cdn.example.com/shop/; may
        /// be repeated [default: every delivery domain]
        #[arg(long = "scope", value_name = "HOST[/DIR/]")]
        scopes: Vec<LinkScope>,
        /// How many links it may have in a minute [default: 600]
        #[arg(long, value_name = "N")]
        per_minute: Option<u32>,
        #[command(flatten)]
        form: FormArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete an application, whose token is refused then
    Rm {
        /// Its name
        name: ApplicationName,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// Runs a command.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Ls { form, client } => {
            let client = Client::new(client)?;
            let all = client.api(&Method::GET, "applications", (&[], Vec::new()))?;
            match form.format {
                Form::Json => say!("{all:#}"),
                Form::Text => array(&all, "applications").iter().for_each(line),
            }
        }
        Command::Create { name, scopes, per_minute, form, client } => {
            let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
            let mut body = json!({ "name": name.as_str(), "scopes": scopes });
            if let (Some(per_minute), Some(body)) = (per_minute, body.as_object_mut()) {
                body.insert("per_minute".to_owned(), per_minute.into());
            }
            let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let client = Client::new(client)?;
            let body = body.to_string().into_bytes();
            let made = client.api(&Method::POST, "applications", (&[json], body))?;
            match form.format {
                Form::Json => say!("{made:#}"),
                Form::Text => {
                    say!("{name}, whose token is shown this once:");
                    say!("  token  {}", text(&made, "token"));
                }
            }
        }
        Command::Rm { name, client } => {
            let client = Client::new(client)?;
            let path = format!("applications/{name}");
            client.api(&Method::DELETE, &path, (&[], Vec::new()))?;
            say!("deleted {name}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(application: &Value) {
    let scopes: Vec<_> = array(application, "scopes").iter().filter_map(Value::as_str).collect();
    let scopes = if scopes.is_empty() { "any".to_owned() } else { scopes.join(" ") };
    let per_minute = application.get("per_minute").and_then(Value::as_u64).unwrap_or_default();
    say!("{}  {per_minute} a minute  {scopes}", text(application, "name"));
}
