//! The keys of a delivery domain.
//!
//! Keys of a domain are in files. The variable that `refgate sign` reads is for that command: what is
//! set for it in a shell must not become the key of a domain.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OneArgs;
use crate::cli::Failure;
use crate::cli::client::Client;
use crate::cli::sign::settings::key_of;
use crate::domain::secret::SecretKey;

/// Another key.
#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    #[command(flatten)]
    one: OneArgs,

    /// A file with the key, or - for standard input [default: one is drawn]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Put it in the place of the secondary key that is there, whose links are refused then
    #[arg(long)]
    replace: bool,
}

/// Which key is to sign.
#[derive(Debug, Args)]
pub(in crate::cli) struct SwapArgs {
    #[command(flatten)]
    one: OneArgs,

    /// The id of the key that is to sign; if it does already, nothing changes, so that the command
    /// can be given again [default: the key that is secondary now]
    #[arg(value_name = "KEY_ID", value_parser = key_id)]
    key: Option<String>,
}

/// Which key is to go.
#[derive(Debug, Args)]
pub(in crate::cli) struct DropArgs {
    #[command(flatten)]
    one: OneArgs,

    /// The id of the key that is to go; if it is gone and no other has its place, nothing changes,
    /// so that the command can be given again [default: the key that is secondary now]
    #[arg(value_name = "KEY_ID", value_parser = key_id)]
    key: Option<String>,

    /// Drop it although links of it are good that the server verified or made; they are refused then
    #[arg(long)]
    force: bool,
}

fn key_id(text: &str) -> Result<String, &'static str> {
    let good = text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if good { Ok(text.to_owned()) } else { Err("the id of a key is 8 hexadecimal digits") }
}

/// `refgate domain keys`: one a line: which it is, its id, the key.
pub(super) fn show(keys: &Value) {
    for slot in ["primary", "secondary"] {
        let text = |name: &str| keys.pointer(&format!("/{slot}/{name}")).and_then(Value::as_str);
        if let Some(key) = text("key") {
            say!("{slot:<9}  {}  {key}", text("id").unwrap_or("-"));
        }
    }
}

/// `refgate domain add-key`: the key of a file, or one that is drawn.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn add(AddArgs { one, key_file, replace }: AddArgs) -> Result<(), Failure> {
    let key = key_file.as_deref().map(key_of).transpose()?;
    let body = json!({ "key": key.as_ref().map(SecretKey::expose), "replace": replace });
    let body = body.to_string().into_bytes();
    let client = Client::new(one.client)?;
    let path = format!("domains/{}/keys/secondary", one.host);
    tell(&client.api(&Method::PUT, &path, (&[super::json()], body))?);
    Ok(())
}

/// `refgate domain swap-keys`. The key is always named, so that a change of somebody else in between
/// is not undone.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn swap(SwapArgs { one, key }: SwapArgs) -> Result<(), Failure> {
    let client = Client::new(one.client)?;
    let path = format!("domains/{}", one.host);
    let key = named(&client, &path, key)?;
    let query = key.map(|key| format!("?primary={key}")).unwrap_or_default();
    tell(&client.api(&Method::POST, &format!("{path}/keys/swap{query}"), (&[], Vec::new()))?);
    Ok(())
}

/// `refgate domain drop-key`. The key is always named.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn drop(DropArgs { one, key, force }: DropArgs) -> Result<(), Failure> {
    let client = Client::new(one.client)?;
    let path = format!("domains/{}", one.host);
    let key = named(&client, &path, key)?;
    let key = key.map(|key| format!("&key={key}")).unwrap_or_default();
    let path = format!("{path}/keys/secondary?force={force}{key}");
    tell(&client.api(&Method::DELETE, &path, (&[], Vec::new()))?);
    Ok(())
}

/// The key that was named, or the one that is secondary now, if there is one.
fn named(client: &Client, path: &str, key: Option<String>) -> Result<Option<String>, Failure> {
    if key.is_some() {
        return Ok(key);
    }
    let domain = client.api(&Method::GET, path, (&[], Vec::new()))?;
    let id = domain.pointer("/key_ids/secondary").and_then(Value::as_str);
    Ok(id.map(str::to_owned))
}

/// Tells which key signs and which verifies as well.
fn tell(domain: &Value) {
    let id = |slot: &str| domain.pointer(&format!("/key_ids/{slot}")).and_then(Value::as_str);
    say!("primary    {}  signs, and verifies", id("primary").unwrap_or("-"));
    if let Some(secondary) = id("secondary") {
        say!("secondary  {secondary}  verifies");
    }
    super::note_warnings(domain);
}
