//! `refgate referer history`: the versions of the policy, and between them the changes of what
//! decides beside it.

use http::Method;
use serde_json::Value;

use super::Failure;
use super::form::Form;
use super::remote::{Remote, array, number, printable, text};

/// Prints the newest of both, the newest first.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn print(remote: &Remote, limit: u32, form: Form) -> Result<(), Failure> {
    let mut page = remote.get(&format!("/versions?limit={limit}"))?;
    let path = format!("buckets/{}/changes?limit={limit}", remote.bucket());
    let changes = remote.client().api(&Method::GET, &path, (&[], Vec::new()))?;
    if form == Form::Json {
        if let (Some(page), Value::Object(changes)) = (page.as_object_mut(), changes) {
            page.insert("changes".into(), changes.get("changes").cloned().unwrap_or_default());
        }
        say!("{page:#}");
        return Ok(());
    }
    let versions = array(&page, "versions").iter().map(|it| (text(it, "at"), version_line(it)));
    let changes = array(&changes, "changes").iter().map(|it| (text(it, "at"), change_line(it)));
    let mut lines: Vec<_> = versions.chain(changes).collect();
    // Of those that were made at once the order stays: both lists have theirs.
    lines.sort_by(|(a, _), (b, _)| b.cmp(a));
    lines.iter().take(limit as usize).for_each(|(_, line)| say!("{line}"));
    Ok(())
}

fn version_line(version: &Value) -> String {
    format!(
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
    )
}

fn change_line(change: &Value) -> String {
    let (old, new) = (change.get("old"), change.get("new"));
    let swap = match (old.and_then(Value::as_object), new.and_then(Value::as_object)) {
        (Some(old), Some(new)) => {
            let fields = new.iter().filter(|(name, value)| old.get(*name) != Some(*value));
            let swap = |(name, new): (&String, _)| {
                format!("{name}: {} -> {}", shown(old.get(name)), shown(Some(new)))
            };
            fields.map(swap).collect::<Vec<_>>().join(", ")
        }
        _ => format!("{}: {} -> {}", text(change, "what"), shown(old), shown(new)),
    };
    let (at, how, who) = (text(change, "at"), text(change, "how"), text(change, "who"));
    format!("   -  {at}  {how:<9}  {swap}  {who}")
}

/// A value on one line. No limit is OSS's limit.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "oss".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(other) => printable(&other.to_string()),
    }
}
