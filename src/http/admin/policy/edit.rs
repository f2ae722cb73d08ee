//! Changing a part of a policy: single rules, one list, or everything back to the default.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use futures_util::StreamExt;
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};

use super::{PolicyTag, changed, json, order, state, with_etag};
use crate::domain::code::Code;
use crate::domain::referer::lint::List;
use crate::domain::referer::{MAX_LARGE_LIST_BYTES, Pattern, read_rule};
use crate::http::admin::ApiError;
use crate::http::admin::api::{OnBucket, PATIENCE, read_json, read_query};
use crate::http::body;
use crate::service::App;
use crate::service::policy::RuleEdit;
use crate::wire::referer::{BadLine, Lines};
use crate::wire::word::Word;

/// The most bytes of rules that are added or removed one by one, with what JSON adds.
const MAX_EDIT_BYTES: usize = 1 << 20;

/// The most bytes of lines: rules of a usual length with their ends, and blank lines among them.
const MAX_LINES_BYTES: u64 = 2 * MAX_LARGE_LIST_BYTES as u64;

/// `POST …/referer/rules`
pub(super) async fn edit_rules(
    State(app): State<Arc<App>>,
    on: OnBucket,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        list: Word<List>,
        #[serde(default)]
        add: Vec<String>,
        #[serde(default)]
        remove: Vec<String>,
    }
    #[derive(Serialize)]
    struct Done<'r> {
        version: i64,
        state: &'static str,
        changed: bool,
        added: Vec<&'r str>,
        removed: Vec<&'r str>,
        present: Vec<&'r str>,
        missing: Vec<&'r str>,
    }
    let (order, bucket) = order(&on, &headers)?;
    let wanted: Wanted = read_json(body, MAX_EDIT_BYTES).await?;
    let edit = RuleEdit {
        list: wanted.list.0,
        add: rules("add", &wanted.add)?,
        remove: rules("remove", &wanted.remove)?,
    };
    let outcome = app.edit_rules(on.permit, order, edit).await?;
    let answer = json(&Done {
        version: outcome.version.0,
        state: state(outcome.in_force),
        changed: outcome.changed,
        added: texts(&outcome.report.added),
        removed: texts(&outcome.report.removed),
        present: texts(&outcome.report.present),
        missing: texts(&outcome.report.missing),
    });
    Ok(with_etag(answer, PolicyTag(bucket, outcome.version)))
}

/// The rules of a field, each of which must be one.
fn rules(field: &str, texts: &[String]) -> Result<Vec<Pattern>, ApiError> {
    let rule = |(position, text): (usize, &String)| {
        let bad = |why: String| {
            let sentence = format!("The body: {field}[{position}]: {why}.");
            ApiError::saying(Code::InvalidArgument, sentence)
        };
        let rule = read_rule(text).map_err(|err| bad(err.to_string()))?;
        rule.ok_or_else(|| bad("the rule is empty".into()))
    };
    texts.iter().enumerate().map(rule).collect()
}

fn texts(rules: &[Pattern]) -> Vec<&str> {
    rules.iter().map(Pattern::as_str).collect()
}

/// `POST …/referer/reset`. What its body says is of no importance.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    on: OnBucket,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    body::drain(body).await;
    let (order, bucket) = order(&on, &headers)?;
    Ok(changed(bucket, &app.reset_policy(on.permit, order).await?))
}

/// `PUT …/referer/whitelist`
pub(super) async fn put_whitelist(
    State(app): State<Arc<App>>,
    on: OnBucket,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    put_list(&app, on, (List::Allow, &uri, &headers), body).await
}

/// `PUT …/referer/blacklist`
pub(super) async fn put_blacklist(
    State(app): State<Arc<App>>,
    on: OnBucket,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    put_list(&app, on, (List::Deny, &uri, &headers), body).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Whether the list may become empty.
    #[serde(default)]
    empty: bool,
}

async fn put_list(
    app: &Arc<App>,
    on: OnBucket,
    (list, uri, headers): (List, &Uri, &HeaderMap),
    body: Body,
) -> Result<Response, ApiError> {
    let query: ListQuery = read_query(uri)?;
    let (order, bucket) = order(&on, headers)?;
    let rules = read_lines(body).await?;
    if rules.is_empty() && !query.empty {
        // A file that was cut off or is the wrong one must not open the bucket.
        let sentence = "The body has no rule; if the list is to be empty, say so with empty=true.";
        return Err(ApiError::saying(Code::InvalidArgument, sentence));
    }
    Ok(changed(bucket, &app.put_list(on.permit, order, (list, rules)).await?))
}

/// Reads rules as they arrive. A body is read to its end even when a line of it is bad, so that a
/// client that sends before it listens gets to read which.
async fn read_lines(body: Body) -> Result<Vec<Pattern>, ApiError> {
    let mut pieces = body::stream(body, MAX_LINES_BYTES, PATIENCE);
    let mut lines = Ok(Lines::new(MAX_LARGE_LIST_BYTES));
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        lines = lines.and_then(|mut lines: Lines| lines.push(&piece).map(|()| lines));
    }
    Ok(lines.and_then(Lines::finish)?)
}

impl From<BadLine> for ApiError {
    fn from(err: BadLine) -> Self {
        Self::saying(Code::InvalidArgument, format!("The body: {err}."))
    }
}
