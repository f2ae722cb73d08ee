//! `refgate domain report`.

use std::fmt::Write;

use clap::Args;
use http::Method;
use serde_json::Value;

use super::OneArgs;
use crate::cli::Failure;
use crate::cli::client::Client;
use crate::cli::form::{Form, FormArgs};

/// What is to be reported.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    #[command(flatten)]
    one: OneArgs,

    /// How many days, today included
    #[arg(long, default_value_t = 7)]
    days: u32,

    #[command(flatten)]
    form: FormArgs,
}

/// Shows how many requests each key verified, and how many were refused and why.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn run(ReportArgs { one, days, form }: ReportArgs) -> Result<(), Failure> {
    let client = Client::new(one.client)?;
    let path = format!("domains/{}/report?days={days}", one.host);
    let report = client.api(&Method::GET, &path, (&[], Vec::new()))?;
    match form.format {
        Form::Json => say!("{report:#}"),
        Form::Text => say!("{}", text(&report).trim_end()),
    }
    Ok(())
}

fn text(report: &Value) -> String {
    let mut out = String::new();
    let word = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut line = |name: &str, what: &str, counted: &Value| {
        let requests = counted.get("requests").and_then(Value::as_u64).unwrap_or_default();
        let latest = word(counted, "latest").map(|at| format!("  the last {at}"));
        // Writing to a text does not fail.
        let _ = writeln!(out, "{name:<9}  {what:<9}  {requests:>9}{}", latest.unwrap_or_default());
    };
    let list = |name: &str| report.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for key in list("keys") {
        let slot = word(&key, "slot").unwrap_or_else(|| "dropped".to_owned());
        line(&slot, &word(&key, "id").unwrap_or_default(), &key);
    }
    for refused in list("refused") {
        line("refused", &word(&refused, "reason").unwrap_or_default(), &refused);
    }
    if let Some(open) = report.get("open").filter(|it| it.get("requests") != Some(&Value::from(0)))
    {
        line("unsigned", "-", open);
    }
    if out.is_empty() { "no requests".to_owned() } else { out }
}
