//! `refgate referer lint`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::Failure;
use super::client::ClientArgs;
use super::form::{Form, FormArgs, word};
use super::referer::{read_extras, read_file};
use super::remote::{self, Remote, printable};
use crate::domain::encode::percent_encode;
use crate::domain::name::BucketName;
use crate::domain::op::is_local;
use crate::domain::referer::lint::{Accept, LintContext, List, OwnPlace, fixed, survey};
use crate::domain::referer::{Pattern, Policy, PolicyVersion};
use crate::wire::lint::{SurveyView, compared};
use crate::wire::referer::{write_policy, write_policy_json};

/// What to look through, and what to do about it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("policy").required(true))]
pub(super) struct LintArgs {
    /// The bucket, whose server is asked; or name a file
    #[arg(group = "policy")]
    bucket: Option<BucketName>,

    /// A file with the policy as XML or JSON, or - for standard input; no server is asked
    #[arg(long, group = "policy")]
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

    /// The most findings that are told
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(..=10_000))]
    limit: u16,

    #[command(flatten)]
    form: FormArgs,

    #[command(flatten)]
    client: ClientArgs,
}

/// What was found, and what was done about it.
struct Report {
    /// In the policy as it is, or as it is with its fixes.
    found: SurveyView<'static>,
    /// What the fixes changed.
    changes: Vec<String>,
    /// What came of putting that.
    put: Option<Value>,
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
            let Report { found: SurveyView { total, by_code, findings }, changes, put } = &report;
            let report = json!({
                "total": total, "by_code": by_code, "findings": findings,
                "changes": changes, "put": put,
            });
            say!("{report:#}");
        }
    }
    Ok(if report.found.total == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has the server look through the bucket's policy; it knows the settings and its own hosts.
fn of_bucket(args: LintArgs, bucket: BucketName) -> Result<Report, Failure> {
    let remote = Remote::new(args.client, bucket)?;
    let mut own: Vec<String> = args.own.iter().flat_map(OwnPlace::origins).cloned().collect();
    own.extend(public(remote.client().endpoint()).map(str::to_owned));
    let query = format!("/lint?limit={}&own={}", args.limit, percent_encode(&own.join(",")));
    let Some(accept) = args.fix else {
        let found = found(remote.post(&query, None)?)?;
        return Ok(Report { found, changes: Vec::new(), put: None });
    };
    let (version, before) = remote.read()?;
    let linted = remote.post(&format!("{query}&fix={accept}"), None)?;
    if linted.get("version").and_then(Value::as_i64).map(PolicyVersion) != Some(version) {
        let sentence = "the policy was changed while it was looked through; try again";
        return Err(Failure::Other(sentence.into()));
    }
    let after = remote::policy(&linted, "fixed")?;
    let put = || remote.put(&after, "lint-fix", Some(version));
    let put = (after != before).then(put).transpose()?;
    let changes = differences(&before, &after);
    let found = found(linted.get("remaining").cloned().unwrap_or_default())?;
    Ok(Report { found, changes, put })
}

/// Reads what was found.
fn found(json: Value) -> Result<SurveyView<'static>, Failure> {
    serde_json::from_value(json).map_err(|err| Failure::of("the answer is not a lint", err))
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
    let survey = survey(&after, &context, args.limit.into());
    let found = found(json!(SurveyView::new(&after, &survey)))?;
    Ok(Report { found, changes: differences(&before, &after), put: None })
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

fn print_text(Report { found, changes, put }: &Report) {
    if !changes.is_empty() {
        say!("changed:\n{}", changes.join("\n"));
    }
    if let Some(done) = put {
        say!("{}", remote::outcome(done));
    }
    for finding in &found.findings {
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
    say!("{}", summary(found));
}

/// How many findings there are.
fn summary(found: &SurveyView<'_>) -> String {
    let SurveyView { total, by_code, findings } = found;
    let mut kinds: Vec<_> = by_code.iter().collect();
    kinds.sort_by_key(|(_, count)| Reverse(**count));
    let kinds: Vec<_> = kinds.iter().map(|(code, count)| format!("{count} {code}")).collect();
    let counts = match total {
        0 => return "no findings".into(),
        1 => "1 finding".to_owned(),
        n => format!("{n} findings: {}", kinds.join(", ")),
    };
    let shown = findings.len();
    if shown < *total {
        format!("{counts}\nthe first {shown} are told; --limit asks for others")
    } else {
        counts
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
