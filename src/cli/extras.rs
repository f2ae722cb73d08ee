//! `refgate referer settings`.

use std::str::FromStr;

use clap::Args;
use http::{Method, header};

use super::Failure;
use super::client::{Client, ClientArgs};
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::referer::{
    DenialAnswer, Extras, HostRule, MalformedReferer, MissingReferer, Mode, RedirectUrl,
};
use crate::wire::referer::{read_extras_json, write_extras_json};

const PATH: &str = "referer/settings";

/// The settings beyond OSS. What is not named stays as it is.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// The bucket
    bucket: BucketName,

    /// Whether refusals are carried out: enforce, or monitor to mark them only
    #[arg(long)]
    mode: Option<Mode>,

    /// Whether a pattern's host must end where the referer's host ends: on or off
    #[arg(long, value_name = "ON|OFF")]
    strict_host: Option<Switch>,

    /// A request without a referer: as-policy, allow, deny or deny-cross-site-embeds
    #[arg(long, value_name = "WHAT")]
    missing: Option<MissingReferer>,

    /// A referer that is no URL of a page: as-text or deny
    #[arg(long, value_name = "WHAT")]
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

/// `on` or `off`.
#[derive(Clone, Copy, Debug)]
struct Switch(HostRule);

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self(HostRule::Strict)),
            "off" => Ok(Self(HostRule::Prefix)),
            _ => Err("it is on or off"),
        }
    }
}

/// Changes the settings that are named, and shows what is in force then.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn run(args: SettingsArgs) -> Result<(), Failure> {
    let SettingsArgs { bucket, client, .. } = args;
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
    let after = Extras {
        mode: args.mode.unwrap_or(before.mode),
        host: args.strict_host.map_or(before.host, |Switch(host)| host),
        missing: args.missing.unwrap_or(before.missing),
        malformed: args.malformed.unwrap_or(before.malformed),
        denial,
    };
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
