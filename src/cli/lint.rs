//! `refgate referer lint`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::Failure;
use super::client::ClientArgs;
use super::form::{Form, FormArgs, word};
use super::referer::{read_extras, read_file};
use super::remote::{self, Remote, printable};
use crate::domain::encode::percent_encode;
use crate::domain::name::BucketName;
use crate::domain::op::is_local;
use crate::domain::referer::lint::{Accept, LintContext, List, OwnPlace, fixed, lint};
use crate::domain::referer::{Pattern, Policy, PolicyVersion};
use crate::wire::lint::{FindingView, compared};
use crate::wire::referer::{write_policy, write_policy_json};

/// What to look through, and what to do about it.
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// The bucket, whose server is asked; or name a file
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    bucket: Option<BucketName>,

    /// A file with the policy as XML or JSON, or - for standard input; no server is asked
    #[arg(long)]
    file: Option<PathBuf>,

    /// A file with what goes beyond OSS, as `referer settings` shows it [default: nothing does]
    #[arg(long, value_name = "FILE", conflicts_with = "bucket")]
    settings: Option<PathBuf>,

    /// Apply fixes: `same` changes no decision, `safe` may also deny look-alikes, `all` may also let
    /// in more of the hosts that the policy names
    #[arg(long, value_parser = word::<Accept>(), num_args = 0..=1, require_equals = true, default_missing_value = "safe")]
    fix: Option<Accept>,

    /// Where the fixed policy goes with --file: XML if the name ends in .xml, else JSON
    #[arg(long, value_name = "FILE", requires = "fix", conflicts_with = "bucket")]
    output: Option<PathBuf>,

    /// A host or origin of your own that must not be denied; repeat it for others. A server knows
    /// its own hosts
    #[arg(long = "own", value_name = "https://HOST")]
    own: Vec<OwnPlace>,

    #[command(flatten)]
    form: FormArgs,

    #[command(flatten)]
    client: ClientArgs,
}

/// What was found.
struct Report {
    /// In the policy as it is, or as it is with its fixes.
    findings: Vec<FindingView<'static>>,
    /// What the fixes changed.
    changes: Vec<String>,
}

/// Says what is probably wrong: status 0 if nothing is, 1 otherwise.
pub(super) fn run(args: LintArgs) -> Result<ExitCode, Failure> {
    let form = args.form.format;
    let report = match args.bucket.clone() {
        Some(bucket) => of_bucket(args, bucket)?,
        None => of_file(args)?,
    };
    match form {
        Form::Text => print_text(&report),
        Form::Json => {
            let Report { findings, changes } = &report;
            say!("{:#}", serde_json::json!({ "findings": findings, "changes": changes }));
        }
    }
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has the server look through the bucket's policy; it knows the settings and its own hosts.
fn of_bucket(args: LintArgs, bucket: BucketName) -> Result<Report, Failure> {
    let remote = Remote::new(args.client, bucket)?;
    let mut own: Vec<String> = args.own.iter().flat_map(OwnPlace::origins).cloned().collect();
    own.extend(public(remote.client().endpoint()).map(str::to_owned));
    let own = percent_encode(&own.join(","));
    let Some(accept) = args.fix else {
        let linted = remote.post(&format!("/lint?own={own}"), None)?;
        return Ok(Report { findings: findings(&linted, "findings")?, changes: Vec::new() });
    };
    let (version, before) = remote.read()?;
    let linted = remote.post(&format!("/lint?own={own}&fix={accept}"), None)?;
    if linted.get("version").and_then(Value::as_i64).map(PolicyVersion) != Some(version) {
        let sentence = "the policy was changed while it was looked through; try again";
        return Err(Failure::Other(sentence.into()));
    }
    let after = remote::policy(&linted, "fixed")?;
    if after != before {
        let done = remote.put(&after, "lint-fix", Some(version))?;
        if args.form.format == Form::Text {
            remote.print_outcome(&done, Form::Text);
        }
    }
    let changes = differences(&before, &after);
    Ok(Report { findings: findings(&linted, "remaining")?, changes })
}

fn findings(linted: &Value, name: &str) -> Result<Vec<FindingView<'static>>, Failure> {
    serde_json::from_value(linted.get(name).cloned().unwrap_or_default())
        .map_err(|err| Failure::of("the server's answer is not a lint", err))
}

/// The server's address, unless only the machine itself knows it by that: no page has it.
fn public(endpoint: &str) -> Option<&str> {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, authority)| authority);
    (!is_local(authority) && endpoint.parse::<OwnPlace>().is_ok()).then_some(endpoint)
}

fn of_file(args: LintArgs) -> Result<Report, Failure> {
    let before = read_file(&args.file.unwrap_or_else(|| "-".into()))?;
    let extras = read_extras(args.settings.as_deref())?;
    let context = LintContext { own: args.own, extras };
    let after = args.fix.map(|accept| {
        let after = fixed(&before, &context, |_, safety| accept.allows(safety));
        if args.output.is_none() && after != before {
            eprintln!("nothing was written: name a file with --output");
        }
        after
    });
    let after = after.unwrap_or_else(|| before.clone());
    if let Some(output) = args.output {
        let xml = output.extension().is_some_and(|it| it.eq_ignore_ascii_case("xml"));
        let text = if xml { write_policy(&after) } else { write_policy_json(&after).into_bytes() };
        std::fs::write(&output, text)
            .map_err(|err| Failure::of(&format!("cannot write {}", output.display()), err))?;
    }
    let found = lint(&after, &context);
    let views: Vec<_> = found.iter().map(|it| FindingView::new(&after, it)).collect();
    let findings = findings(&serde_json::json!({ "findings": views }), "findings")?;
    Ok(Report { findings, changes: differences(&before, &after) })
}

/// What changed, one thing a line. Rules that only moved are not there: order has no meaning.
fn differences(before: &Policy, after: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    if before.compare != after.compare {
        lines.push(format!("- compared: {}", compared(before.compare)));
        lines.push(format!("+ compared: {}", compared(after.compare)));
    }
    for &list in List::ALL {
        let (old, new) = (list.of(before), list.of(after));
        lines.extend(beyond(old, new).map(|rule| format!("- {list}: {rule}")));
        lines.extend(beyond(new, old).map(|rule| format!("+ {list}: {rule}")));
    }
    lines
}

/// The rules of the first list that the second has not, or not as often.
fn beyond<'p>(rules: &'p [Pattern], others: &'p [Pattern]) -> impl Iterator<Item = &'p Pattern> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for rule in others {
        *counts.entry(rule.as_str()).or_default() += 1;
    }
    rules.iter().filter(move |rule| match counts.get_mut(rule.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    })
}

fn print_text(Report { findings, changes }: &Report) {
    for finding in findings {
        let place = match (&finding.list, finding.position) {
            (Some(list), Some(at)) => {
                let rule = finding.rule.as_deref().map(printable).unwrap_or_default();
                format!("{list}, rule {} `{rule}`", at.saturating_add(1))
            }
            (Some(list), None) => list.to_string(),
            (None, _) => "policy".into(),
        };
        say!("{place}: {}", finding.code);
        say!("  {}", finding.sentence);
        if let Some(example) = &finding.example {
            say!("  example: {}", printable(example));
        }
        if let Some(fix) = &finding.fix {
            say!("  fix ({}): {}", fix.safety, fix.sentence);
        }
    }
    if !changes.is_empty() {
        say!("changed:\n{}", changes.join("\n"));
    }
    match findings.len() {
        0 => say!("no findings"),
        1 => say!("1 finding"),
        n => say!("{n} findings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::Compare;

    #[test]
    fn differences_count_rules() {
        let rules = |list: &[&str]| list.iter().filter_map(|text| Pattern::read(text)).collect();
        let before = Policy { allow: rules(&["a", "b", "b"]), ..Policy::default() };
        let after = Policy {
            compare: Compare::Origin,
            allow: rules(&["b", "c"]),
            deny: rules(&["d"]),
            ..Policy::default()
        };
        let want = [
            "- compared: the URL without its query",
            "+ compared: scheme and host (TruncatePath)",
            "- whitelist: a",
            "- whitelist: b",
            "+ whitelist: c",
            "+ blacklist: d",
        ];
        assert_eq!(differences(&before, &after), want);
        assert_eq!(differences(&after, &after), [""; 0]);
    }

    #[test]
    fn local_addresses_have_no_pages() {
        for (endpoint, want) in [
            ("http://127.0.0.1:9000", false),
            ("http://localhost:9000", false),
            ("https://oss.example.com", true),
            ("https://example.com/oss", false),
        ] {
            assert_eq!(public(endpoint).is_some(), want, "{endpoint}");
        }
    }
}
