//! `refgate referer report` and `refgate referer simulate`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use http::{HeaderValue, Method, header};
use serde_json::Value;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::extras::Switch;
use super::form::word;
use super::referer::read_file;
use crate::domain::name::BucketName;
use crate::domain::referer::{MalformedReferer, MissingReferer};
use crate::wire::referer::write_policy_json;

/// How many characters the longest bar has.
const BAR_WIDTH: u64 = 30;

/// What is to be reported.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The bucket
    bucket: BucketName,
    /// How many days, today included
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// How many origins are named
    #[arg(long, default_value_t = 10)]
    top: u32,
    /// The form in which it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    client: ClientArgs,
}

/// What is to be tried. What is not named stays as it is.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("candidate").required(true).multiple(true))]
pub(super) struct SimulateArgs {
    /// The bucket
    bucket: BucketName,
    /// A file with the policy as XML or JSON, or - for standard input
    #[arg(group = "candidate")]
    file: Option<PathBuf>,
    /// Whether a pattern's host must end where the referer's host ends
    #[arg(long, group = "candidate", value_parser = word::<Switch>(), value_name = "ON|OFF")]
    strict_host: Option<Switch>,
    /// What happens to a request without a referer
    #[arg(long, group = "candidate", value_parser = word::<MissingReferer>(), value_name = "WHAT")]
    missing: Option<MissingReferer>,
    /// What happens to a referer that is no URL of a page
    #[arg(long, group = "candidate", value_parser = word::<MalformedReferer>(), value_name = "WHAT")]
    malformed: Option<MalformedReferer>,
    /// On the requests of how many hours, this one included
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// The form in which it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    client: ClientArgs,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Shows who was let through and who was refused.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn show(args: ReportArgs) -> Result<(), Failure> {
    let ReportArgs { bucket, days, top, format, client } = args;
    let path = format!("buckets/{bucket}/referer/report?days={days}&top={top}");
    let client = Client::new(client)?;
    let report = json(&client.admin(&Method::GET, &path, (&[], Vec::new()))?.1)?;
    print(format, &report, report_text);
    Ok(())
}

/// Shows what another policy would have changed.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn simulate(args: SimulateArgs) -> Result<(), Failure> {
    let path = simulation_path(&args);
    let SimulateArgs { file, format, client, .. } = args;
    let policy = file.map(|file| read_file(&file)).transpose()?;
    let policy = policy.map(|policy| write_policy_json(&policy)).unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let client = Client::new(client)?;
    let sent = client.admin(&Method::POST, &path, (&headers, policy.into_bytes()))?;
    let answer = json(&sent.1)?;
    print(format, &answer, simulation_text);
    Ok(())
}

/// Where a simulation is asked for, with its settings.
fn simulation_path(args: &SimulateArgs) -> String {
    let SimulateArgs { bucket, hours, strict_host, missing, malformed, .. } = args;
    let mut path = format!("buckets/{bucket}/referer/simulate?hours={hours}");
    let strict = strict_host.map(|switch| switch == Switch::On).map(|on| on.to_string());
    let missing = missing.map(|word| word.to_string());
    let malformed = malformed.map(|word| word.to_string());
    for (name, value) in [("strict_host", strict), ("missing", missing), ("malformed", malformed)] {
        if let Some(value) = value {
            path.extend(["&", name, "=", &value]);
        }
    }
    path
}

fn json(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|err| Failure::of("the server's answer is not JSON", err))
}

fn print(format: Format, answer: &Value, text: impl Fn(&Value) -> String) {
    match format {
        Format::Text => say!("{}", text(answer).trim_end()),
        Format::Json => say!("{answer:#}"),
    }
}

fn report_text(report: &Value) -> String {
    let mut out = String::new();
    let rows = [
        ("allowed", "/totals/allowed"),
        ("  empty referer", "/totals/allowed/by_rule/empty_referer"),
        ("  no whitelist", "/totals/allowed/by_rule/no_whitelist"),
        ("  on the whitelist", "/totals/allowed/by_rule/whitelisted"),
        ("denied", "/totals/denied"),
        ("  empty referer", "/totals/denied/by_ec/0003-00000501"),
        ("  on the blacklist", "/totals/denied/by_ec/0003-00000502"),
        ("  not on the whitelist", "/totals/denied/by_ec/0003-00000503"),
        ("would be denied", "/totals/would_deny"),
        ("not checked (signed)", "/totals/not_checked"),
        ("not ready (503)", "/totals/not_ready"),
    ];
    line(
        &mut out,
        format_args!("{:<24}{:>12}  {:>10}", text(report, "/bucket"), "requests", "bytes"),
    );
    for (name, path) in rows {
        let count = report.pointer(path).unwrap_or(&Value::Null);
        let (requests, bytes) = (number(count, "/requests"), number(count, "/body_bytes"));
        line(&mut out, format_args!("{name:<24}{requests:>12}  {:>10}", size(bytes)));
    }
    days_text(&mut out, report);
    for (name, path) in [
        ("denied", "/origins/denied"),
        ("would be denied", "/origins/would_deny"),
        ("allowed", "/origins/allowed"),
    ] {
        origins_text(&mut out, name, report.pointer(path).unwrap_or(&Value::Null));
    }
    out
}

/// A bar for each day: `#` denied or would be, `=` allowed.
fn days_text(out: &mut String, report: &Value) {
    let days = report.pointer("/days").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let numbers = |day: &Value| {
        let denied = number(day, "/denied/requests") + number(day, "/would_deny/requests");
        (number(day, "/allowed/requests"), denied)
    };
    let most = days.iter().map(numbers).map(|(a, d)| a + d).max().unwrap_or(0);
    line(
        out,
        format_args!(
            "\n{:<12}{:>12}{:>12}  # denied or would be, = allowed",
            "day (UTC)", "allowed", "denied"
        ),
    );
    for day in days {
        let (allowed, denied) = numbers(day);
        let bar = bar(denied, most, "#") + &bar(allowed, most, "=");
        let row = format!("{:<12}{allowed:>12}{denied:>12}  {bar}", text(day, "/day"));
        line(out, format_args!("{}", row.trim_end()));
    }
}

fn origins_text(out: &mut String, name: &str, list: &Value) {
    let entries = list.pointer("/entries").and_then(Value::as_array);
    let entries = entries.map_or(&[][..], Vec::as_slice);
    if entries.is_empty() {
        return;
    }
    line(out, format_args!("\nmost {name}"));
    let most = entries.iter().map(|e| number(e, "/requests_at_most")).max().unwrap_or(0);
    for entry in entries {
        let (count, sure) =
            (number(entry, "/requests_at_most"), number(entry, "/requests_at_least"));
        let mark = if count == sure { " " } else { "≤" };
        let bytes = size(number(entry, "/body_bytes_at_least"));
        let bar = bar(count, most, "#");
        let (origin, sample) = (text(entry, "/origin"), text(entry, "/sample_object"));
        line(out, format_args!("{mark}{count:>11}  {bytes:>10}  {bar:<30}  {origin}  ({sample})"));
    }
    let missing = number(list, "/not_listed/requests");
    if missing > 0 {
        line(out, format_args!("{missing} requests are in the totals and not in this list"));
    }
}

fn simulation_text(answer: &Value) -> String {
    let mut out = String::new();
    let title = format!("{}, last {} hours", text(answer, "/bucket"), number(answer, "/hours"));
    line(&mut out, format_args!("{title:<32}{:>12}  {:>10}", "requests", "bytes"));
    for (name, path) in [
        ("recorded", "/recorded"),
        ("still allowed", "/still_allowed"),
        ("still denied", "/still_denied"),
        ("allowed now, would be denied", "/newly_denied"),
        ("denied now, would be allowed", "/newly_allowed"),
        ("unknown", "/unknown"),
    ] {
        let count = answer.pointer(path).unwrap_or(&Value::Null);
        let (requests, bytes) = (number(count, "/requests"), number(count, "/body_bytes"));
        line(
            &mut out,
            format_args!("{name:<32}{requests:>12}  {:>10}{}", size(bytes), more(count)),
        );
    }
    if text(answer, "/mode") == "monitor" {
        let sentence = "the bucket is monitored: what is called denied is marked, and served";
        line(&mut out, format_args!("{sentence}"));
    }
    line(&mut out, format_args!("bytes: what they got; of the denied, what they would have got"));
    if number(answer, "/hours") > number(answer, "/hours_kept") {
        let kept = number(answer, "/hours_kept");
        line(&mut out, format_args!("referers are kept for {kept} hours"));
    }
    for (name, path) in [
        ("allowed now, would be denied", "/newly_denied/origins"),
        ("denied now, would be allowed", "/newly_allowed/origins"),
    ] {
        let origins = answer.pointer(path).and_then(Value::as_array);
        let origins = origins.map_or(&[][..], Vec::as_slice);
        if !origins.is_empty() {
            line(&mut out, format_args!("\n{name}"));
        }
        for row in origins {
            let (requests, bytes) = (number(row, "/requests"), size(number(row, "/body_bytes")));
            let (origin, referer) = (text(row, "/origin"), text(row, "/sample_referer"));
            let more = more(row);
            line(
                &mut out,
                format_args!("{requests:>12}  {bytes:>10}{more}  {origin}  ({referer})"),
            );
        }
    }
    out
}

/// What is missing in a number of bytes.
fn more(count: &Value) -> String {
    match number(count, "/requests_of_unknown_size") {
        0 => String::new(),
        requests => format!(" and those of {requests} of unknown size"),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

/// A text for a terminal. Strangers chose it, so what a terminal could take for an instruction is
/// escaped.
fn text(value: &Value, path: &str) -> String {
    let text = value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let quoted = |c| matches!(c, '\'' | '"' | '\\');
    text.chars()
        .map(|c| if quoted(c) { c.to_string() } else { c.escape_debug().to_string() })
        .collect()
}

/// A bar, of at least one mark if there is anything at all.
fn bar(part: u64, most: u64, mark: &str) -> String {
    let marks = part.saturating_mul(BAR_WIDTH).div_ceil(most.max(1));
    mark.repeat(usize::try_from(marks).unwrap_or(0))
}

/// Bytes for people, in powers of 1000.
fn size(bytes: u64) -> String {
    let mut rest = bytes;
    let mut tenths = 0;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if rest < 1000 {
            return match unit {
                "B" => format!("{rest} B"),
                _ => format!("{rest}.{tenths} {unit}"),
            };
        }
        tenths = rest % 1000 / 100;
        rest /= 1000;
    }
    format!("{rest}.{tenths} PB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, want) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_999_999, "1.9 MB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(size(bytes), want);
        }
    }

    #[test]
    fn bars_show_what_there_is() {
        assert_eq!(bar(0, 10, "#"), "");
        assert_eq!(bar(1, 1_000_000, "#"), "#");
        assert_eq!(bar(10, 10, "#").len(), 30);
        assert_eq!(bar(0, 0, "#"), "");
    }

    #[test]
    fn a_terminal_gets_no_instructions() {
        let value = json!({ "origin": "http://\u{1b}[2J'中\u{202e}" });
        assert_eq!(text(&value, "/origin"), "http://\\u{1b}[2J'中\\u{202e}");
    }
}
