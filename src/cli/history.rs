//! The commands of `refgate referer` about single rules and about the history of a policy.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::changes;
use super::client::ClientArgs;
use super::form::{Form, FormArgs};
use super::referer::{Format, print_policy};
use super::remote::{self, Remote, array, number, printable, text};
use crate::domain::name::BucketName;
use crate::domain::referer::lint::List;
use crate::domain::referer::{Pattern, read_rule};

/// What can be done with single rules, and with the versions of a policy.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the versions of the policy and the changes of the settings and the ACL, newest first
    History {
        /// The bucket
        bucket: BucketName,
        /// The most lines
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        #[command(flatten)]
        form: FormArgs,
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
        form: FormArgs,
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
        form: FormArgs,
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
    #[arg(required = true, value_name = "RULE", value_parser = rule)]
    rules: Vec<Pattern>,
    /// The blacklist instead
    #[arg(long)]
    blacklist: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    client: ClientArgs,
}

fn rule(text: &str) -> Result<Pattern, String> {
    let rule = read_rule(text).map_err(|err| err.to_string())?;
    rule.ok_or_else(|| "the rule is empty".into())
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::History { bucket, limit, form, client } => {
            changes::print(&Remote::new(client, bucket)?, limit, form.format)?;
        }
        Command::Show { bucket, version, format, client } => {
            let shown = Remote::new(client, bucket)?.get(&format!("/versions/{version}"))?;
            print_policy(&remote::policy(&shown, "policy")?, format);
        }
        Command::Diff { bucket, from, to, form, client } => {
            let remote = Remote::new(client, bucket)?;
            let to = to.map_or_else(|| newest(&remote), |to| Ok(to.into()))?;
            let from = from.map_or(to.saturating_sub(1), u64::from);
            let diff = remote.get(&format!("/versions/{from}/diff/{to}"))?;
            match form.format {
                Form::Text => print_diff(&diff),
                Form::Json => say!("{diff:#}"),
            }
        }
        Command::Rollback { bucket, version, form, client } => {
            let remote = Remote::new(client, bucket)?;
            let done = remote.post(&format!("/versions/{version}/rollback"), None)?;
            remote.print_outcome(&done, form.format);
        }
        Command::Add(args) => edit("add", args)?,
        Command::Remove(args) => edit("remove", args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn edit(how: &str, args: RuleArgs) -> Result<(), Failure> {
    let list = if args.blacklist { List::Deny } else { List::Allow };
    let rules: Vec<&str> = args.rules.iter().map(Pattern::as_str).collect();
    let remote = Remote::new(args.client, args.bucket)?;
    let done = remote.post("/rules", Some(&json!({ "list": list.as_str(), how: rules })))?;
    if args.form.format == Form::Text {
        for (field, words) in
            [("present", "was on the list already"), ("missing", "was not on the list")]
        {
            for rule in array(&done, field).iter().filter_map(Value::as_str) {
                say!("{} {words}", printable(rule));
            }
        }
    }
    remote.print_outcome(&done, args.form.format);
    Ok(())
}

fn newest(remote: &Remote) -> Result<u64, Failure> {
    let page = remote.get("/versions?limit=1")?;
    let newest = array(&page, "versions").first().map(|newest| number(newest, "version"));
    newest.ok_or_else(|| Failure::Other("the policy was never changed".into()))
}

/// One line a difference. People count rules from 1.
fn print_diff(diff: &Value) {
    say!("from version {} to version {}", number(diff, "from"), number(diff, "to"));
    for setting in array(diff, "settings") {
        let flag = |name| setting.get(name).and_then(Value::as_bool).unwrap_or_default();
        say!("~ {}: {} -> {}", text(setting, "name"), flag("from"), flag("to"));
    }
    for name in List::ALL.iter().map(|list| list.as_str()) {
        let list = diff.get(name).unwrap_or(&Value::Null);
        for (mark, field) in [('-', "removed"), ('+', "added")] {
            for it in array(list, field) {
                let place = number(it, "position").saturating_add(1);
                say!("{mark} {name} {place}: {}", printable(text(it, "rule")));
            }
        }
        if list.get("reordered").and_then(Value::as_bool) == Some(true) {
            say!("~ {name}: in another order");
        }
    }
}
