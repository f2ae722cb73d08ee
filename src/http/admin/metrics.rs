//! `GET /metrics`: figures for a monitoring system, in the text format of Prometheus.
//!
//! Labels have few values that are all known beforehand: no referer, bucket or key is one, so
//! whoever makes such up makes no series. Figures of single buckets are in the report.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use http::header;

use crate::domain::delivery::Unsigned;
use crate::domain::stats::Verdict;
use crate::service::App;
use crate::service::delivery::OUTCOMES;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/metrics", routing::get(metrics))
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let format = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, format), (header::CACHE_CONTROL, "no-store")], text(&app))
        .into_response()
}

fn text(app: &App) -> String {
    let decisions = app.decisions();
    let scrub = app.scrub_report();
    let mut out = Text::default();
    out.family("refgate_build_info", "gauge", "The version of the program");
    out.sample("refgate_build_info", Some(("version", env!("CARGO_PKG_VERSION"))), 1);
    out.family("refgate_buckets", "gauge", "Buckets");
    out.sample("refgate_buckets", None, app.bucket_count() as u64);
    let name = "refgate_referer_decisions_total";
    out.family(name, "counter", "Requests for objects by what the referer policy said");
    for verdict in Verdict::ALL {
        out.sample(name, Some(("verdict", verdict.as_str())), decisions.of(*verdict).requests);
    }
    let name = "refgate_referer_body_bytes_total";
    out.family(name, "counter", "Bytes of bodies promised to these requests");
    for verdict in Verdict::ALL {
        out.sample(name, Some(("verdict", verdict.as_str())), decisions.of(*verdict).bytes);
    }
    out.family("refgate_delivery_domains", "gauge", "Delivery domains");
    out.sample("refgate_delivery_domains", None, app.domain_count() as u64);
    let name = "refgate_delivery_requests_total";
    out.family(name, "counter", "Requests on delivery domains by what the signature check said");
    for (outcome, count) in OUTCOMES.iter().zip(app.delivered()) {
        out.sample(name, Some(("outcome", outcome)), count);
    }
    let name = "refgate_delivery_unsigned_playlists_total";
    out.family(name, "counter", "Playlists given with links that stayed unsigned, all or some");
    for (what, count) in Unsigned::ALL.iter().zip(app.unsigned_playlists()) {
        out.sample(name, Some(("what", what.as_str())), count);
    }
    let name = "refgate_scrub_removed_blobs_total";
    out.family(name, "counter", "Blobs that the scrub removed because no object names them");
    out.sample(name, None, scrub.removed);
    out.0
}

/// A text in the exposition format. Names and labels are part of the program, so they need no
/// escaping.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: u64) {
        let _ = match label {
            Some((label, of)) => writeln!(self.0, "{name}{{{label}=\"{of}\"}} {value}"),
            None => writeln!(self.0, "{name} {value}"),
        };
    }
}
