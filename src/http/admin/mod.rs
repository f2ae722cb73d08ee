//! The admin plane: health and readiness. It never shares a listener with the data plane, which
//! serves what strangers uploaded.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};

use crate::service::App;

/// What the admin plane serves, for the test that compares it with `openapi.yaml`.
pub const ROUTES: &[(&str, &str)] = &[("get", "/healthz"), ("get", "/readyz")];

/// The routes of the admin plane.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", routing::get(healthz))
        .route("/readyz", routing::get(readyz))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
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
async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.ready().await {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(err) => {
            tracing::error!(error = %err, "not ready: {err}");
            problem(StatusCode::SERVICE_UNAVAILABLE, "NotReady", "the metadata does not answer")
        }
    }
}

async fn no_such_route(uri: Uri) -> Response {
    let message = format!("there is nothing at {}", uri.path());
    problem(StatusCode::NOT_FOUND, "NoSuchRoute", &message)
}

async fn no_such_method(method: Method, uri: Uri) -> Response {
    let message = format!("{method} is not defined for {}", uri.path());
    problem(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message)
}

/// The form of every error of the admin plane.
fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}
