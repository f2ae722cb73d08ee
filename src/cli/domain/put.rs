//! `refgate domain put`.

use std::path::PathBuf;

use clap::Args;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value, json};

use super::OneArgs;
use crate::cli::Failure;
use crate::cli::client::Client;
use crate::cli::form::{Switch, word};
use crate::cli::sign::settings::{ChoiceArgs, key_of, one_standard_input, read_bytes};
use crate::domain::delivery::{DirectAccess, Playlists, Prefix};
use crate::domain::name::BucketName;
use crate::domain::op::HostName;
use crate::domain::word::words;
use crate::wire::urlsign::{read_choices, write_choices};

/// The most bytes of a file with settings.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// What a delivery domain is to be. What is not named stays as it is, or has its default.
#[derive(Debug, Args)]
pub(in crate::cli) struct PutArgs {
    #[command(flatten)]
    one: OneArgs,

    /// A JSON file with all of the settings, which replace those that are there, or - for standard
    /// input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    keys: KeyArgs,

    #[command(flatten)]
    named: NamedArgs,
}

/// The keys, in files. Without them those that are there stay, and a new domain gets one at random.
#[derive(Debug, Args)]
struct KeyArgs {
    /// A file with the key that signs, or - for standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// A file with another key that verifies; beside a key that is there, put it by add-key
    #[arg(long, value_name = "FILE")]
    secondary_key_file: Option<PathBuf>,

    /// Have these keys, or one that is drawn, take the place of those that are there, whose links are
    /// refused then
    #[arg(long)]
    replace_keys: bool,
}

/// Settings that are named one by one.
#[derive(Debug, Args)]
struct NamedArgs {
    /// The bucket that it serves
    #[arg(long)]
    bucket: Option<BucketName>,

    /// What stands before the path in every key; it ends with /
    #[arg(long)]
    prefix: Option<Prefix>,

    /// URLs are not signed
    #[arg(long, conflicts_with_all = ["scheme", "settings"])]
    unsigned: bool,

    #[command(flatten)]
    choices: ChoiceArgs,

    /// Whether the bucket's referer policy applies as well
    #[arg(long, value_parser = word::<Switch>(), value_name = "ON|OFF")]
    referer_policy: Option<Switch>,

    /// Whether objects are read with the owner's right: if URLs are signed, always, or as the ACL
    /// says
    #[arg(long, value_parser = word::<Origin>(), value_name = "WHEN")]
    origin_access: Option<Origin>,

    /// Unsigned requests for the same objects by the bucket's own hosts
    #[arg(long, value_parser = word::<DirectAccess>(), value_name = "WHAT")]
    direct_access: Option<DirectAccess>,

    /// Whether refusals say why, in X-Tengine-Error, or are all alike
    #[arg(long, value_parser = word::<Switch>(), value_name = "ON|OFF")]
    error_header: Option<Switch>,

    /// Whether the URIs in playlists are signed as they are given out: those in the directory that
    /// the link opens, or all on the host
    #[arg(long, value_parser = word::<Playlists>(), value_name = "WHAT")]
    playlists: Option<Playlists>,

    /// For how many seconds links are good of which nobody says more
    #[arg(long, value_name = "SECONDS")]
    t: Option<u32>,

    /// Seconds of a preview that such links are for; 0 is the whole
    #[arg(long, value_name = "SECONDS")]
    exper: Option<u32>,

    /// Clients that may use such a link; 0 is any number
    #[arg(long, value_name = "0-9")]
    rlimit: Option<u8>,
}

words! {
    /// With whose right objects are read.
    enum Origin {
        WhenSigned = "when-signed",
        Always = "always",
        ByAcl = "by-acl",
    }
}

impl From<Switch> for Value {
    fn from(switch: Switch) -> Self {
        Self::Bool(switch == Switch::On)
    }
}

impl From<Origin> for Value {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::WhenSigned => Self::Null,
            Origin::Always => Self::Bool(true),
            Origin::ByAcl => Self::Bool(false),
        }
    }
}

/// Changes the settings that are named, and shows what is in force then.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn run(args: PutArgs) -> Result<(), Failure> {
    let PutArgs { one: OneArgs { host, client }, file, keys, named } = args;
    one_standard_input(&[&file, &keys.key_file, &keys.secondary_key_file])?;
    let file = file.map(|file| read_bytes(&file, MAX_FILE_BYTES)).transpose()?;
    let keys = keys.read(&host)?;
    let client = Client::new(client)?;
    let path = format!("domains/{host}");
    let found = client.find(&path)?;
    let condition = condition(found.as_ref().map(|(headers, _)| headers));
    let present = found.and_then(|(_, body)| serde_json::from_slice::<Value>(&body).ok());
    let present = present.as_ref().and_then(|shown| shown.get("settings")).cloned();
    let mut settings = match file {
        Some(text) => serde_json::from_slice(&text)
            .map_err(|err| Failure::of("the file is not settings", err))?,
        None => present.and_then(|it| it.as_object().cloned()).unwrap_or_default(),
    };
    change(&mut settings, named)?;
    if !keys.is_empty() {
        let all = settings.entry("keys").or_insert(Value::Null);
        let mut merged = all.as_object().cloned().unwrap_or_default();
        merged.extend(keys);
        *all = merged.into();
    }
    let body = Value::Object(settings).to_string().into_bytes();
    let shown = client.api(&Method::PUT, &path, (&[super::json(), condition], body))?;
    say!("{shown:#}");
    super::note_warnings(&shown);
    Ok(())
}

impl KeyArgs {
    /// What of it is to be sent.
    fn read(self, host: &HostName) -> Result<Map<String, Value>, Failure> {
        if self.key_file.is_none() && self.secondary_key_file.is_some() {
            return Err(Failure::Usage(format!(
                "--secondary-key-file stands beside --key-file; to put another key beside the one that \
                 is there: refgate domain add-key {host} --key-file FILE",
            )));
        }
        let mut keys = Map::new();
        for (name, file) in [("primary", self.key_file), ("secondary", self.secondary_key_file)] {
            if let Some(file) = file {
                keys.insert(name.into(), key_of(&file)?.expose().into());
            }
        }
        if self.replace_keys {
            keys.insert("replace".into(), true.into());
        }
        Ok(keys)
    }
}

/// If somebody else changed the domain meanwhile, or made one, theirs must not be undone.
fn condition(found: Option<&HeaderMap>) -> (header::HeaderName, HeaderValue) {
    match found.and_then(|headers| headers.get(header::ETAG)) {
        Some(tag) => (header::IF_MATCH, tag.clone()),
        None => (header::IF_NONE_MATCH, HeaderValue::from_static("*")),
    }
}

fn change(settings: &mut Map<String, Value>, args: NamedArgs) -> Result<(), Failure> {
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            settings.insert(name.into(), value);
        }
    };
    set("bucket", args.bucket.map(|bucket| bucket.as_str().into()));
    set("prefix", args.prefix.map(|prefix| prefix.as_str().into()));
    set("referer_policy", args.referer_policy.map(Value::from));
    set("origin_access", args.origin_access.map(Value::from));
    set("direct_access", args.direct_access.map(|word| word.as_str().into()));
    set("error_header", args.error_header.map(Value::from));
    set("playlists", args.playlists.map(|word| word.as_str().into()));
    if args.unsigned {
        set("signing", Some(Value::Null));
    } else {
        let present = settings.get("signing").filter(|signing| !signing.is_null());
        let present = present.map(|signing| read_choices(signing.to_string().as_bytes()));
        let present = present.transpose().map_err(|err| Failure::Usage(err.to_string()))?;
        let chosen = args.choices.choices(present)?;
        if let Some(chosen) = chosen {
            settings.insert("signing".into(), write_choices(&chosen));
        }
    }
    let given = [
        ("t", args.t.map(Value::from)),
        ("exper", args.exper.map(Value::from)),
        ("rlimit", args.rlimit.map(Value::from)),
    ];
    let distribution = settings.entry("distribution").or_insert_with(|| json!({}));
    for (name, value) in given {
        if let (Some(value), Some(all)) = (value, distribution.as_object_mut()) {
            all.insert(name.into(), value);
        }
    }
    Ok(())
}
