//! `refgate referer settings`.

use std::path::PathBuf;

use clap::Args;
use http::{Method, header};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::form::word;
use super::referer::read_extras;
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::referer::{
    DenialAnswer, Extras, HostRule, MalformedReferer, MissingReferer, Mode, RedirectUrl,
};
use crate::domain::word::words;
use crate::wire::referer::{read_extras_json, write_extras_json};

const PATH: &str = "referer/settings";

/// The settings beyond OSS. What is not named stays as it is.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// The bucket
    bucket: BucketName,

    /// Replace them all by those of a file, in the form in which they are shown; what it leaves out
    /// is off
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mode", "strict_host", "missing", "malformed", "denial"])]
    file: Option<PathBuf>,

    /// Whether refusals are carried out: enforce, or monitor to mark them only
    #[arg(long, value_parser = word::<Mode>())]
    mode: Option<Mode>,

    /// Whether a pattern's host must end where the referer's host ends
    #[arg(long, value_parser = word::<Switch>(), value_name = "ON|OFF")]
    strict_host: Option<Switch>,

    /// What happens to a request without a referer
    #[arg(long, value_parser = word::<MissingReferer>(), value_name = "WHAT")]
    missing: Option<MissingReferer>,

    /// What happens to a referer that is no URL of a page
    #[arg(long, value_parser = word::<MalformedReferer>(), value_name = "WHAT")]
    malformed: Option<MalformedReferer>,

    /// Answer denials with OSS's 403
    #[arg(long, group = "denial")]
    forbid: bool,

    /// Answer denials with a redirect to this URL
    #[arg(long, group = "denial", value_name = "URL")]
    redirect: Option<RedirectUrl>,

    /// Answer denials with this object of the bucket
    #[arg(long, group = "denial", value_name = "KEY")]
    substitute: Option<ObjectKey>,

    #[command(flatten)]
    client: ClientArgs,
}

words! {
    /// A setting that is there or not.
    pub(super) enum Switch {
        On = "on",
        Off = "off",
    }
}

impl From<Switch> for HostRule {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::On => Self::Strict,
            Switch::Off => Self::Prefix,
        }
    }
}

/// Changes the settings that are named, and shows what is in force then.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn run(args: SettingsArgs) -> Result<(), Failure> {
    let SettingsArgs { bucket, client, file, .. } = args;
    let replaced = file.map(|file| read_extras(Some(&file))).transpose()?;
    let client = Client::new(client)?;
    let path = format!("buckets/{bucket}/{PATH}");
    let (headers, body) = client.admin(&Method::GET, &path, (&[], Vec::new()))?;
    let before = read(&body)?;
    let denial = match (args.forbid, args.redirect, args.substitute) {
        (_, Some(url), _) => DenialAnswer::Redirect(url),
        (_, _, Some(key)) => DenialAnswer::Substitute(key),
        (true, None, None) => DenialAnswer::Forbidden,
        (false, None, None) => before.denial.clone(),
    };
    let named = Extras {
        mode: args.mode.unwrap_or(before.mode),
        host: args.strict_host.map_or(before.host, HostRule::from),
        missing: args.missing.unwrap_or(before.missing),
        malformed: args.malformed.unwrap_or(before.malformed),
        denial,
    };
    let after = replaced.unwrap_or(named);
    if after != before {
        // If somebody else changed them meanwhile, theirs must not be undone.
        let tag = headers.get(header::ETAG).map(|tag| (header::IF_MATCH, tag.clone()));
        let tag: Vec<_> = tag.into_iter().collect();
        let body = write_extras_json(&after).into_bytes();
        client.admin(&Method::PUT, &path, (&tag, body))?;
    }
    say!("{}", write_extras_json(&after).trim_end());
    Ok(())
}

fn read(body: &[u8]) -> Result<Extras, Failure> {
    read_extras_json(body).map_err(|err| Failure::of("the server's answer is not settings", err))
}
