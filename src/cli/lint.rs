//! `refgate referer lint`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::Failure;
use super::client::{Client, ClientArgs};
use super::referer::{get, put, read_file};
use crate::domain::name::BucketName;
use crate::domain::referer::lint::{Finding, LintContext, List, Safety, fixed, lint};
use crate::domain::referer::{Pattern, Policy};
use crate::wire::lint::{FindingView, compared, described};
use crate::wire::referer::{write_policy, write_policy_json};

/// What to look through, and what to do about it.
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// The bucket; or name a file
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    bucket: Option<BucketName>,

    /// A file with the policy as XML or JSON, or - for standard input; no server is asked
    #[arg(long)]
    file: Option<PathBuf>,

    /// Apply fixes: `same` changes no decision, `safe` may also deny look-alikes, `all` may also let
    /// in more of the hosts that the policy names
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "safe")]
    fix: Option<Accept>,

    /// Where the fixed policy goes with --file: XML if the name ends in .xml, else JSON
    #[arg(long, value_name = "FILE", requires_all = ["fix", "file"])]
    output: Option<PathBuf>,

    /// An origin of your own that must not be denied, with its scheme; repeat it for others
    #[arg(long = "own", value_name = "https://HOST")]
    own: Vec<String>,

    /// The form of the findings
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,

    #[command(flatten)]
    client: ClientArgs,
}

/// Which fixes are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Accept {
    /// Those that change no decision.
    Same,
    /// Those, and those that deny more.
    Safe,
    /// Those that let in more, too.
    All,
}

impl Accept {
    const fn limit(self) -> Safety {
        match self {
            Self::Same => Safety::SameMeaning,
            Self::Safe => Safety::Tightens,
            Self::All => Safety::Widens,
        }
    }
}

/// For whom the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

/// Says what is probably wrong: status 0 if nothing is, 1 otherwise.
pub(super) fn run(args: LintArgs) -> Result<ExitCode, Failure> {
    let mut own = args.own;
    let source = match (args.bucket, args.file) {
        (Some(bucket), _) => {
            let client = Client::new(args.client)?;
            own.extend(public(client.endpoint()).map(str::to_owned));
            Source::Bucket(client, bucket)
        }
        (None, file) => Source::File(file.unwrap_or_else(|| "-".into())),
    };
    let before = match &source {
        Source::Bucket(client, bucket) => get(client, bucket)?,
        Source::File(file) => read_file(file)?,
    };
    let context = LintContext { own };
    let after = args.fix.map(|accept| {
        let limit = accept.limit();
        fixed(&before, &context, |_, safety| safety <= limit)
    });
    let shown = after.as_ref().unwrap_or(&before);
    let findings = lint(shown, &context);
    let changes = after.as_ref().map(|after| differences(&before, after)).unwrap_or_default();
    match args.format {
        Form::Text => print_text(shown, &findings, &changes),
        Form::Json => print_json(shown, &findings, &changes),
    }
    if let Some(after) = after.filter(|after| *after != before) {
        source.write(&after, args.output.as_deref())?;
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The server's address, unless only the machine itself knows it by that: no page has it.
fn public(endpoint: &str) -> Option<&str> {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let local = ["127.", "localhost", "[::1]", "0.0.0.0", "[::]"];
    (!local.iter().any(|it| host.starts_with(it))).then_some(endpoint)
}

enum Source {
    Bucket(Client, BucketName),
    File(PathBuf),
}

impl Source {
    fn write(&self, policy: &Policy, output: Option<&Path>) -> Result<(), Failure> {
        let Some(output) = output else {
            match self {
                Self::Bucket(client, bucket) => {
                    put(client, bucket, policy)?;
                    eprintln!("{bucket}: the policy was replaced");
                }
                Self::File(_) => eprintln!("nothing was written: name a file with --output"),
            }
            return Ok(());
        };
        let xml = output.extension().is_some_and(|it| it.eq_ignore_ascii_case("xml"));
        let text = if xml { write_policy(policy) } else { write_policy_json(policy).into_bytes() };
        std::fs::write(output, text)
            .map_err(|err| Failure::of(&format!("cannot write {}", output.display()), err))
    }
}

/// What changed, one thing a line. Rules that only moved are not there: order has no meaning.
fn differences(before: &Policy, after: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    if before.compare != after.compare {
        lines.push(format!("- compared: {}", compared(before.compare)));
        lines.push(format!("+ compared: {}", compared(after.compare)));
    }
    for list in [List::Allow, List::Deny] {
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

/// A text on one line, without anything that a terminal would take for an instruction.
pub(super) fn printable(text: &str) -> String {
    Pattern::read(text).map(|text| text.to_string()).unwrap_or_default()
}

fn print_text(policy: &Policy, findings: &[Finding], changes: &[String]) {
    for finding in findings {
        let place = match (finding.list, finding.position) {
            (Some(list), Some(at)) => {
                let rule = list.of(policy).get(at).map(ToString::to_string).unwrap_or_default();
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
            say!("  fix ({}): {}", fix.safety.as_str(), described(&fix.edit));
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

fn print_json(policy: &Policy, findings: &[Finding], changes: &[String]) {
    let findings: Vec<_> = findings.iter().map(|it| FindingView::new(policy, it)).collect();
    let report = serde_json::json!({ "findings": findings, "changes": changes });
    say!("{report:#}");
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
        ] {
            assert_eq!(public(endpoint).is_some(), want, "{endpoint}");
        }
    }
}
