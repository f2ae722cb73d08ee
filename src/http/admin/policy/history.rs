//! The versions of a policy.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;

use super::{PolicyTag, at_leisure, changed, json, order, with_etag};
use crate::domain::name::AccessKeyId;
use crate::domain::referer::{
    ListDiff, Placed, Policy, PolicyVersion, Record, VersionSummary, diff,
};
use crate::http::admin::ApiError;
use crate::http::admin::api::{OnBucket, read_page};
use crate::service::App;
use crate::wire::referer::{PolicyView, flags};

type Names = Path<HashMap<String, String>>;

/// What is recorded of a version.
#[derive(Serialize)]
struct RecordView<'r> {
    version: i64,
    at: String,
    who: Option<&'r str>,
    how: &'static str,
    note: &'r str,
}

impl<'r> RecordView<'r> {
    fn of(version: PolicyVersion, record: &'r Record) -> Self {
        Self {
            version: version.0,
            at: record.at.to_rfc3339(),
            who: record.who.as_ref().map(AccessKeyId::as_str),
            how: record.how.as_str(),
            note: &record.note,
        }
    }
}

/// A version without its lists.
#[derive(Serialize)]
struct Summary<'r> {
    #[serde(flatten)]
    record: RecordView<'r>,
    whitelist_rules: u64,
    blacklist_rules: u64,
    rule_bytes: u64,
}

impl<'r> Summary<'r> {
    fn of(version: &'r VersionSummary) -> Self {
        Self {
            record: RecordView::of(version.version, &version.record),
            whitelist_rules: version.allow,
            blacklist_rules: version.deny,
            rule_bytes: version.bytes,
        }
    }
}

/// `GET …/referer/versions?before=&limit=`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    on: OnBucket,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Page<'r> {
        versions: Vec<Summary<'r>>,
        /// What `before` must be for the next page; null on the last.
        next_before: Option<i64>,
    }
    let (before, limit) = read_page(query.as_deref().unwrap_or_default())?;
    let before = before.map(PolicyVersion);
    let mut found = app.policy_versions(&on.permit, before, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_before = found.last().filter(|_| more).map(|last| last.version.0);
    Ok(json(&Page { versions: found.iter().map(Summary::of).collect(), next_before }))
}

/// `GET …/referer/versions/{version}`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    on: OnBucket,
    Path(names): Names,
) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Shown<'p> {
        #[serde(flatten)]
        record: RecordView<'p>,
        policy: PolicyView<'p>,
    }
    let version = version(&names, "version")?;
    if version == PolicyVersion::default() {
        let sentence = "Version 0 is the policy of a new bucket: it can be compared and rolled back to, \
            but nobody made it, so nothing is recorded of it.";
        return Err(ApiError::not_found(sentence));
    }
    let found = app.policy_version(&on.permit, version).await?;
    let (record, policy) = found.ok_or_else(|| not_kept(version))?;
    let answer = move || {
        let record = RecordView::of(version, &record);
        json(&Shown { record, policy: PolicyView(&policy) })
    };
    let tag = PolicyTag(on.permit.bucket().id, version);
    Ok(with_etag(at_leisure(answer).await?, tag))
}

/// `GET …/referer/versions/{version}/diff/{to}`
pub(super) async fn compare(
    State(app): State<Arc<App>>,
    on: OnBucket,
    Path(names): Names,
) -> Result<Response, ApiError> {
    let (from, to) = (version(&names, "version")?, version(&names, "to")?);
    let old = app.policy_at(&on.permit, from).await?.ok_or_else(|| not_kept(from))?;
    let new = app.policy_at(&on.permit, to).await?.ok_or_else(|| not_kept(to))?;
    at_leisure(move || json(&DiffView::of((from, &old), (to, &new)))).await
}

/// `POST …/referer/versions/{version}/rollback`
pub(super) async fn roll_back(
    State(app): State<Arc<App>>,
    on: OnBucket,
    Path(names): Names,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (order, bucket) = order(&on, &headers)?;
    let version = version(&names, "version")?;
    let outcome = app.roll_back(on.permit, order, version).await?;
    Ok(changed(bucket, &outcome.ok_or_else(|| not_kept(version))?))
}

fn version(names: &HashMap<String, String>, name: &str) -> Result<PolicyVersion, ApiError> {
    let text = names.get(name).map(String::as_str).unwrap_or_default();
    let number: Option<u32> = text.parse().ok();
    let number = number.ok_or_else(|| ApiError::not_found(format!("{text:?} is no version.")))?;
    Ok(PolicyVersion(number.into()))
}

fn not_kept(version: PolicyVersion) -> ApiError {
    ApiError::not_found(format!("Version {version} of the policy is not kept, or never was."))
}

#[derive(Serialize)]
struct DiffView<'p> {
    from: i64,
    to: i64,
    settings: Vec<Setting>,
    whitelist: ListView<'p>,
    blacklist: ListView<'p>,
}

/// A boolean that differs.
#[derive(Serialize)]
struct Setting {
    name: &'static str,
    from: bool,
    to: bool,
}

#[derive(Serialize)]
struct ListView<'p> {
    added: Vec<RuleView<'p>>,
    removed: Vec<RuleView<'p>>,
    reordered: bool,
}

#[derive(Serialize)]
struct RuleView<'p> {
    position: usize,
    rule: &'p str,
}

/// The booleans in which two policies differ.
fn settings(old: &Policy, new: &Policy) -> Vec<Setting> {
    let (old, new) = (flags(old), flags(new));
    old.into_iter()
        .zip(new)
        .filter(|((_, from), (_, to))| from != to)
        .map(|((name, from), (_, to))| Setting { name, from, to })
        .collect()
}

impl<'p> DiffView<'p> {
    fn of(
        (from, old): (PolicyVersion, &'p Policy),
        (to, new): (PolicyVersion, &'p Policy),
    ) -> Self {
        Self {
            from: from.0,
            to: to.0,
            settings: settings(old, new),
            whitelist: ListView::of(diff(&old.allow, &new.allow)),
            blacklist: ListView::of(diff(&old.deny, &new.deny)),
        }
    }
}

impl<'p> ListView<'p> {
    fn of(diff: ListDiff<'p>) -> Self {
        let views = |list: Vec<Placed<'p>>| {
            let view = |it: Placed<'p>| RuleView { position: it.position, rule: it.rule.as_str() };
            list.into_iter().map(view).collect()
        };
        Self { added: views(diff.added), removed: views(diff.removed), reordered: diff.reordered }
    }
}
