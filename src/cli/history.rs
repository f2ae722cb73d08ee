//! The commands of `refgate referer` that ask the JSON API: the history of a policy, single rules,
//! and lists that are too long for OSS's operation.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::referer::Format;
use crate::domain::name::BucketName;
use crate::domain::referer::{MAX_LARGE_LIST_BYTES, MAX_LIST_BYTES, Pattern, Policy};
use crate::wire::referer::{read_policy_json, write_policy, write_policy_json};

/// What can be done with single rules, and with the versions of a policy.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the versions of the policy, the newest first
    History {
        /// The bucket
        bucket: BucketName,
        /// The most versions
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show a version of the policy
    Show {
        /// The bucket
        bucket: BucketName,
        /// The version
        version: u32,
        /// The form in which it is shown
        #[arg(long, value_enum, default_value_t = Format::Xml)]
        format: Format,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show how versions of the policy differ
    Diff {
        /// The bucket
        bucket: BucketName,
        /// The older version; 0 is the policy of a new bucket [default: the one before]
        from: Option<u32>,
        /// The newer version [default: the newest]
        to: Option<u32>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Put a version of the policy again, as a new version
    Rollback {
        /// The bucket
        bucket: BucketName,
        /// The version
        version: u32,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Add rules at the end of the whitelist
    Add(RuleArgs),
    /// Remove rules from the whitelist
    Remove(RuleArgs),
}

/// Rules of a list.
#[derive(Debug, Args)]
pub(super) struct RuleArgs {
    /// The bucket
    bucket: BucketName,
    /// The rules
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<String>,
    /// The blacklist instead
    #[arg(long)]
    blacklist: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// The policy of a bucket, in the JSON API.
struct Remote {
    client: Client,
    path: String,
}

impl Remote {
    fn new(client: ClientArgs, bucket: &BucketName) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(client)?, path: path(bucket) })
    }

    fn get(&self, rest: &str) -> Result<Value, Failure> {
        self.client.api(&Method::GET, &format!("{}{rest}", self.path), Vec::new())
    }

    fn post(&self, rest: &str, body: &Value) -> Result<Value, Failure> {
        let path = format!("{}{rest}", self.path);
        self.client.api(&Method::POST, &path, body.to_string().into_bytes())
    }
}

fn path(bucket: &BucketName) -> String {
    format!("buckets/{bucket}/referer")
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::History { bucket, limit, client } => {
            let page = Remote::new(client, &bucket)?.get(&format!("/versions?limit={limit}"))?;
            array(&page, "versions").iter().for_each(print_version);
        }
        Command::Show { bucket, version, format, client } => {
            let shown = Remote::new(client, &bucket)?.get(&format!("/versions/{version}"))?;
            print_policy(&shown, format)?;
        }
        Command::Diff { bucket, from, to, client } => {
            let remote = Remote::new(client, &bucket)?;
            let to = to.map_or_else(|| newest(&remote), |to| Ok(to.into()))?;
            let from = from.map_or(to.saturating_sub(1), u64::from);
            print_diff(&remote.get(&format!("/versions/{from}/diff/{to}"))?);
        }
        Command::Rollback { bucket, version, client } => {
            let remote = Remote::new(client, &bucket)?;
            let done = remote.post(&format!("/versions/{version}/rollback"), &json!({}))?;
            print_outcome(&bucket, &done);
        }
        Command::Add(args) => edit("add", args)?,
        Command::Remove(args) => edit("remove", args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn edit(how: &str, args: RuleArgs) -> Result<(), Failure> {
    let list = if args.blacklist { "blacklist" } else { "whitelist" };
    let remote = Remote::new(args.client, &args.bucket)?;
    let done = remote.post("/rules", &json!({ "list": list, how: args.rules }))?;
    for (field, words) in
        [("present", "was on the list already"), ("missing", "was not on the list")]
    {
        for rule in array(&done, field) {
            say!("{} {words}", printable(rule));
        }
    }
    print_outcome(&args.bucket, &done);
    Ok(())
}

/// Puts a policy that is too long for OSS's operation.
pub(super) fn put_large(
    client: &Client,
    bucket: &BucketName,
    policy: &Policy,
) -> Result<ExitCode, Failure> {
    let bytes = policy.list_bytes();
    if bytes > MAX_LIST_BYTES {
        eprintln!(
            "The lists have {bytes} bytes, OSS's own operation takes {MAX_LIST_BYTES}: putting them through the admin API."
        );
    }
    let body = write_policy_json(policy).into_bytes();
    let done = client.api(&Method::PUT, &path(bucket), body)?;
    let (allow, deny) = (policy.allow.len(), policy.deny.len());
    say!("{bucket}: {allow} patterns on the whitelist, {deny} on the blacklist");
    print_outcome(bucket, &done);
    Ok(ExitCode::SUCCESS)
}

fn newest(remote: &Remote) -> Result<u64, Failure> {
    let page = remote.get("/versions?limit=1")?;
    let newest = array(&page, "versions").first().map(|newest| number(newest, "version"));
    newest.ok_or_else(|| Failure::Other("the policy was never changed".into()))
}

fn print_policy(shown: &Value, format: Format) -> Result<(), Failure> {
    let json = shown.get("policy").map(Value::to_string).unwrap_or_default();
    let policy = read_policy_json(json.as_bytes(), MAX_LARGE_LIST_BYTES)
        .map_err(|err| Failure::of("the server's answer is not a policy", err))?;
    let text = match format {
        Format::Xml => String::from_utf8_lossy(&write_policy(&policy)).into_owned(),
        Format::Json => write_policy_json(&policy),
    };
    say!("{}", text.trim_end());
    Ok(())
}

fn print_version(version: &Value) {
    say!(
        "{:>4}  {}  {:<9}  {:>7} allow  {:>7} deny  {}{}",
        number(version, "version"),
        text(version, "at"),
        text(version, "how"),
        number(version, "whitelist_rules"),
        number(version, "blacklist_rules"),
        version.get("who").and_then(Value::as_str).unwrap_or("-"),
        match text(version, "note") {
            "" => String::new(),
            note => format!("  ({note})"),
        },
    );
}

/// One line a difference. People count rules from 1.
fn print_diff(diff: &Value) {
    say!("from version {} to version {}", number(diff, "from"), number(diff, "to"));
    for setting in array(diff, "settings") {
        let flag = |name| setting.get(name).and_then(Value::as_bool).unwrap_or_default();
        say!("~ {}: {} -> {}", text(setting, "name"), flag("from"), flag("to"));
    }
    for name in ["whitelist", "blacklist"] {
        let list = diff.get(name).unwrap_or(&Value::Null);
        for (mark, field) in [('-', "removed"), ('+', "added")] {
            for it in array(list, field) {
                let place = number(it, "position").saturating_add(1);
                let rule = it.get("rule").map(printable).unwrap_or_default();
                say!("{mark} {name} {place}: {rule}");
            }
        }
        if list.get("reordered").and_then(Value::as_bool) == Some(true) {
            say!("~ {name}: in another order");
        }
    }
}

fn print_outcome(bucket: &BucketName, done: &Value) {
    let version = number(done, "version");
    if done.get("changed").and_then(Value::as_bool) == Some(false) {
        say!("{bucket}: nothing to change, the policy is version {version}");
    } else if text(done, "state") == "in-force" {
        say!("{bucket}: version {version} is in force");
    } else {
        say!("{bucket}: version {version} is kept and comes into force within seconds");
    }
}

fn array<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// A rule on one line, without what a terminal could take for an instruction.
fn printable(rule: &Value) -> String {
    let rule = rule.as_str().and_then(Pattern::read);
    rule.map(|rule| rule.to_string()).unwrap_or_default()
}
