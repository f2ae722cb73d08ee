//! Who is let through and who is refused, and what another policy would change.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::{Json, Router, routing};
use http::Uri;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ApiError;
use super::api::{OnBucket, read_query};
use super::policy::read_candidate;
use crate::domain::code::{Code, REFERER_BLACKLISTED, REFERER_EMPTY, REFERER_NOT_WHITELISTED};
use crate::domain::name::BucketName;
use crate::domain::referer::{HostRule, MalformedReferer, MissingReferer};
use crate::domain::stats::{
    Candidate, Change, Count, Outcome, Share, Simulation, Top, Totals, Verdict,
};
use crate::service::App;
use crate::service::bucket::Bucket;
use crate::service::stats::{Keep, Report};
use crate::wire::word::Word;

/// Where reports are.
pub(super) const REPORT: &str = "/api/v1/buckets/{bucket}/referer/report";

/// Where policies are tried.
pub(super) const SIMULATE: &str = "/api/v1/buckets/{bucket}/referer/simulate";

/// The most days of a report.
pub(super) const MAX_DAYS: u32 = 3660;

/// The most hours of a simulation.
const MAX_HOURS: u32 = 2400;

/// The most origins that a report names per outcome.
const MAX_TOP: u32 = 256;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(REPORT, routing::get(report)).route(SIMULATE, routing::post(simulate))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportQuery {
    days: Option<u32>,
    top: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SimulateQuery {
    hours: Option<u32>,
    strict_host: Option<bool>,
    missing: Option<Word<MissingReferer>>,
    malformed: Option<Word<MalformedReferer>>,
}

impl SimulateQuery {
    /// The settings that are to be tried.
    fn candidate(self) -> Candidate {
        Candidate {
            policy: None,
            host: self.strict_host.map(|on| if on { HostRule::Strict } else { HostRule::Prefix }),
            missing: self.missing.map(|Word(missing)| missing),
            malformed: self.malformed.map(|Word(malformed)| malformed),
        }
    }
}

/// `GET …/referer/report?days=7&top=20`
async fn report(
    State(app): State<Arc<App>>,
    OnBucket { permit, .. }: OnBucket,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    let query: ReportQuery = read_query(&uri)?;
    let days = within("days", query.days, (7, MAX_DAYS))?;
    let top = within("top", query.top, (20, MAX_TOP))?;
    let report = app.referer_report(&permit, days).await?;
    let of = (&permit.bucket().name, app.stats_kept());
    Ok(Json(report_json(of, &report, top as usize)))
}

/// `POST …/referer/simulate?hours=24&strict_host=&missing=&malformed=`, perhaps with a policy
async fn simulate(
    State(app): State<Arc<App>>,
    OnBucket { permit, .. }: OnBucket,
    uri: Uri,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let query: SimulateQuery = read_query(&uri)?;
    let hours = within("hours", query.hours, (24, MAX_HOURS))?;
    let mut candidate = query.candidate();
    candidate.policy = read_candidate(&permit, body).await?;
    if candidate.is_empty() {
        let sentence = "There is nothing to try: neither a policy nor a setting.";
        return Err(ApiError::saying(Code::InvalidArgument, sentence));
    }
    let simulation = app.simulate_referer_policy(&permit, candidate, hours).await?;
    let of = (permit.bucket(), app.stats_kept());
    Ok(Json(simulation_json(of, hours, &simulation)))
}

/// A number of a query, or what it is by default.
pub(super) fn within(
    name: &str,
    value: Option<u32>,
    (default, most): (u32, u32),
) -> Result<u32, ApiError> {
    let value = value.unwrap_or(default);
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    let sentence = format!("{name} is {value}, it must be 1 to {most}.");
    Err(ApiError::saying(Code::InvalidArgument, sentence))
}

fn report_json((bucket, keep): (&BucketName, Keep), report: &Report, top: usize) -> Value {
    let day = |(day, totals): &(_, Totals)| {
        let mut fields = totals_json(totals);
        fields.insert("day".into(), json!(format!("{day}")));
        Value::Object(fields)
    };
    let list = |outcome| {
        let total = report.sum.totals.sum(Some(outcome));
        top_json(report.sum.top(outcome), total, top)
    };
    json!({
        "bucket": bucket.as_str(),
        "time_zone": "UTC",
        "days_kept": keep.days,
        "days": report.days.iter().map(day).collect::<Vec<_>>(),
        "totals": totals_json(&report.sum.totals),
        "origins": {
            "allowed": list(Outcome::Allowed),
            "denied": list(Outcome::Denied),
            "would_deny": list(Outcome::WouldDeny),
        },
    })
}

fn totals_json(totals: &Totals) -> Map<String, Value> {
    let parts = |outcome, name: &str, parts: [(&str, Verdict); 3]| {
        let mut fields = count_json(totals.sum(outcome));
        let parts = parts
            .into_iter()
            .map(|(key, verdict)| (key.to_owned(), Value::Object(count_json(totals.of(verdict)))));
        fields.insert(name.into(), Value::Object(parts.collect()));
        Value::Object(fields)
    };
    let ec = |verdicts: [Verdict; 3]| {
        let reasons = [REFERER_EMPTY, REFERER_BLACKLISTED, REFERER_NOT_WHITELISTED];
        let [empty, listed, not_listed] = reasons.map(|reason| reason.ec.unwrap_or_default());
        let [a, b, c] = verdicts;
        [(empty, a), (listed, b), (not_listed, c)]
    };
    let rules = [
        ("empty_referer", Verdict::AllowedEmpty),
        ("no_whitelist", Verdict::AllowedNoWhitelist),
        ("whitelisted", Verdict::AllowedListed),
    ];
    let denied = ec([Verdict::DeniedEmpty, Verdict::DeniedListed, Verdict::DeniedNotListed]);
    let would =
        ec([Verdict::WouldDenyEmpty, Verdict::WouldDenyListed, Verdict::WouldDenyNotListed]);
    let mut fields = Map::new();
    fields.insert("allowed".into(), parts(Some(Outcome::Allowed), "by_rule", rules));
    fields.insert("denied".into(), parts(Some(Outcome::Denied), "by_ec", denied));
    fields.insert("would_deny".into(), parts(Some(Outcome::WouldDeny), "by_ec", would));
    let alone = [("not_checked", Verdict::NotChecked), ("not_ready", Verdict::NotReady)];
    for (name, verdict) in alone {
        fields.insert(name.into(), Value::Object(count_json(totals.of(verdict))));
    }
    fields
}

fn count_json(count: Count) -> Map<String, Value> {
    let fields = [("requests", count.requests), ("body_bytes", count.bytes)];
    fields.into_iter().map(|(name, number)| (name.to_owned(), number.into())).collect()
}

fn top_json(top: &Top, total: Count, most: usize) -> Value {
    let entry = |entry: crate::domain::stats::Entry| {
        json!({
            "origin": &*entry.key,
            "requests_at_most": entry.count,
            "requests_at_least": entry.sure().requests,
            "body_bytes_at_least": entry.bytes,
            "sample_object": &*entry.sample,
        })
    };
    json!({
        "not_listed": count_json(total.less(top.seen())),
        "requests_of_unnamed_origin_at_most": top.floor(),
        "entries": top.entries().take(most).map(entry).collect::<Vec<_>>(),
    })
}

fn simulation_json((bucket, keep): (&Bucket, Keep), hours: u32, simulation: &Simulation) -> Value {
    let unknown = simulation.unknown.requests.saturating_mul(10_000);
    let hundredths = unknown.checked_div(simulation.recorded.requests).unwrap_or(0);
    json!({
        "bucket": bucket.name.as_str(),
        "mode": bucket.settings().referer.extras().mode.as_str(),
        "hours": hours,
        "hours_kept": keep.hours,
        "recorded": count_json(simulation.recorded),
        "unknown": count_json(simulation.unknown),
        "unknown_percent": f64::from(u32::try_from(hundredths).unwrap_or(10_000)) / 100.0,
        "still_allowed": share_json(simulation.still_allowed),
        "still_denied": share_json(simulation.still_denied),
        "newly_denied": change_json(&simulation.newly_denied),
        "newly_allowed": change_json(&simulation.newly_allowed),
    })
}

fn change_json(change: &Change) -> Value {
    let origin = |row: &crate::domain::stats::OriginChange| {
        let mut fields = share_json(row.share);
        fields.insert("origin".into(), row.origin.clone().into());
        fields.insert("sample_referer".into(), row.referer.clone().into());
        Value::Object(fields)
    };
    let mut fields = share_json(change.share);
    fields.insert("origins".into(), change.origins.iter().map(origin).collect());
    Value::Object(fields)
}

fn share_json(share: Share) -> Map<String, Value> {
    let mut fields = count_json(share.count);
    fields.insert("requests_of_unknown_size".into(), share.unmeasured.into());
    fields
}
