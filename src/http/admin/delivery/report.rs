//! What was counted of a delivery domain: above all, how many requests each key still verifies.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Json, Router, routing};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::OnHost;
use crate::domain::delivery::{Count, Outcome, Refusal, Tally};
use crate::domain::urlsign::{Settings, Slot};
use crate::http::admin::ApiError;
use crate::http::admin::api::read_query;
use crate::http::admin::stats::{MAX_DAYS, within};
use crate::service::App;
use crate::service::delivery::DomainReport;

pub(in crate::http::admin) const REPORT: &str = "/api/v1/domains/{host}/report";

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(REPORT, routing::get(report))
}

#[derive(Serialize)]
struct Report {
    host: String,
    time_zone: &'static str,
    from: String,
    to: String,
    keys: Vec<Key>,
    refused: Vec<Refused>,
    open: Counted,
    days: Vec<DayView>,
}

#[derive(Serialize)]
struct Key {
    id: String,
    /// `None` for a key that the domain has no more.
    slot: Option<&'static str>,
    #[serde(flatten)]
    counted: Counted,
}

#[derive(Serialize)]
struct Refused {
    reason: &'static str,
    #[serde(flatten)]
    counted: Counted,
}

#[derive(Serialize)]
struct Counted {
    requests: u64,
    latest: Option<String>,
}

#[derive(Default, Serialize)]
struct DayView {
    day: String,
    verified: BTreeMap<String, u64>,
    refused: BTreeMap<&'static str, u64>,
    open: u64,
}

impl From<Count> for Counted {
    fn from(Count { requests, latest }: Count) -> Self {
        Self { requests, latest: (requests > 0).then(|| latest.to_rfc3339()) }
    }
}

/// `GET …/report?days=7`
async fn report(
    State(app): State<Arc<App>>,
    on: OnHost,
    uri: Uri,
) -> Result<Json<Report>, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Days {
        days: Option<u32>,
    }
    let query: Days = read_query(&uri)?;
    let days = within("days", query.days, (7, MAX_DAYS))?;
    Ok(Json(view(&app.domain_report(&on.admin, &on.host, days).await?)))
}

fn view(report: &DomainReport) -> Report {
    let DomainReport { domain, days: (from, to), tallies } = report;
    let keys = domain.signing().map(Settings::keys);
    let id = |slot| keys.and_then(|keys| keys.id(slot));
    let (mut verified, mut refused, mut open) = (Vec::new(), BTreeMap::new(), Count::default());
    for slot in [Slot::Primary, Slot::Secondary] {
        verified.extend(id(slot).map(|id| (id.to_owned(), Some(slot), Count::default())));
    }
    for Tally { outcome, count, .. } in tallies {
        match outcome {
            Outcome::Verified(id) => match verified.iter_mut().find(|(known, ..)| known == id) {
                Some((.., sum)) => *sum += *count,
                None => verified.push((id.clone(), None, *count)),
            },
            Outcome::Refused(refusal) => {
                *refused.entry(*refusal).or_insert_with(Count::default) += *count;
            }
            Outcome::Open => open += *count,
        }
    }
    let key = |(id, slot, count): (String, Option<Slot>, Count)| Key {
        id,
        slot: slot.map(Slot::as_str),
        counted: count.into(),
    };
    let reason = |(refusal, count): (Refusal, Count)| Refused {
        reason: refusal.as_str(),
        counted: count.into(),
    };
    Report {
        host: domain.host.to_string(),
        time_zone: "UTC",
        from: from.to_string(),
        to: to.to_string(),
        keys: verified.into_iter().map(key).collect(),
        refused: refused.into_iter().map(reason).collect(),
        open: open.into(),
        days: by_day(tallies),
    }
}

/// Days on which there was nothing are left out.
fn by_day(tallies: &[Tally]) -> Vec<DayView> {
    let mut days = BTreeMap::new();
    for Tally { day, outcome, count } in tallies {
        let view = days.entry(*day).or_insert_with(DayView::default);
        match outcome {
            Outcome::Verified(id) => {
                *view.verified.entry(id.clone()).or_default() += count.requests;
            }
            Outcome::Refused(refusal) => {
                *view.refused.entry(refusal.as_str()).or_default() += count.requests;
            }
            Outcome::Open => view.open += count.requests,
        }
    }
    days.into_iter().map(|(day, view)| DayView { day: day.to_string(), ..view }).collect()
}
