//! The keys of a delivery domain.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OneArgs;
use crate::cli::Failure;
use crate::cli::client::Client;
use crate::cli::sign::settings::KeyArgs;
use crate::domain::secret::SecretKey;

/// Another key.
#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    #[command(flatten)]
    one: OneArgs,

    #[command(flatten)]
    keys: KeyArgs,
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

/// `refgate domain add-key`: the key of a file or of the environment, or one that is drawn.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn add(AddArgs { one, keys }: AddArgs) -> Result<(), Failure> {
    let key = keys.primary()?;
    let body = json!({ "key": key.as_ref().map(SecretKey::expose) }).to_string();
    let client = Client::new(one.client)?;
    let path = format!("domains/{}/keys/secondary", one.host);
    tell(&client.api(&Method::PUT, &path, (&[super::json()], body.into_bytes()))?);
    Ok(())
}

/// Tells which key signs and which verifies as well.
pub(super) fn tell(domain: &Value) {
    let id = |slot: &str| domain.pointer(&format!("/key_ids/{slot}")).and_then(Value::as_str);
    say!("primary    {}  signs, and verifies", id("primary").unwrap_or("-"));
    if let Some(secondary) = id("secondary") {
        say!("secondary  {secondary}  verifies");
    }
}
