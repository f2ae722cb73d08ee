//! The probes.

use std::sync::Arc;

use axum::extract::State;
use axum::{Json, Router, routing};
use serde_json::{Value, json};

use super::ApiError;
use crate::domain::code::Code;
use crate::service::App;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/healthz", routing::get(healthz)).route("/readyz", routing::get(readyz))
}

/// `GET /healthz`: the process runs. Says how far the scrub is.
async fn healthz(State(app): State<Arc<App>>) -> Json<Value> {
    let scrub = app.scrub_report();
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "scrub": { "finished": scrub.finished, "seen": scrub.seen, "removed": scrub.removed },
    }))
}

/// `GET /readyz`: the metadata answers.
async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    app.ready().await.map_err(|err| {
        tracing::error!(error = %err, "not ready: {err}");
        ApiError::saying(Code::ServiceUnavailable, "The metadata does not answer.")
    })?;
    Ok(Json(json!({ "status": "ready" })))
}
