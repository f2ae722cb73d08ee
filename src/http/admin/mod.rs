//! The admin plane: health, readiness, and the JSON API. It never shares a listener with the data
//! plane, which serves what strangers uploaded.
//!
//! Everything below `/api/` needs the owner's access key (HTTP Basic: id and secret); the two
//! probes need none and tell nothing. Every error is `{"error": {"code", "message"}}`.

mod api;
mod applications;
mod delivery;
mod error;
mod health;
mod iam;
mod metrics;
mod own;
mod policy;
mod settings;
mod stats;
mod tags;

use std::sync::Arc;

use axum::{Extension, Router};
use http::{Method, Uri};

use crate::domain::code::Code;
use crate::service::App;

pub use error::ApiError;
pub use own::OwnHosts;

/// What the admin plane serves, for the test that compares it with `openapi.yaml`.
#[rustfmt::skip]
pub const ROUTES: &[(&str, &str)] = &[
    ("get",  "/healthz"),
    ("get",  "/readyz"),
    ("get",  "/metrics"),
    ("get",  "/api/v1/buckets/{bucket}/referer"),
    ("put",  "/api/v1/buckets/{bucket}/referer"),
    ("put",  "/api/v1/buckets/{bucket}/referer/whitelist"),
    ("put",  "/api/v1/buckets/{bucket}/referer/blacklist"),
    ("post", "/api/v1/buckets/{bucket}/referer/rules"),
    ("post", "/api/v1/buckets/{bucket}/referer/reset"),
    ("post", "/api/v1/buckets/{bucket}/referer/explain"),
    ("post", "/api/v1/buckets/{bucket}/referer/lint"),
    ("post", "/api/v1/buckets/{bucket}/referer/import"),
    ("get",  "/api/v1/buckets/{bucket}/referer/export"),
    ("get",  "/api/v1/buckets/{bucket}/referer/versions"),
    ("get",  "/api/v1/buckets/{bucket}/referer/versions/{version}"),
    ("get",  "/api/v1/buckets/{bucket}/referer/versions/{version}/diff/{to}"),
    ("post", "/api/v1/buckets/{bucket}/referer/versions/{version}/rollback"),
    ("get",  settings::SETTINGS),
    ("put",  settings::SETTINGS),
    ("get",  settings::LIMIT),
    ("put",  settings::LIMIT),
    ("get",  settings::CHANGES),
    ("get",  delivery::ALL),
    ("get",  delivery::ONE),
    ("put",  delivery::ONE),
    ("delete", delivery::ONE),
    ("get",  delivery::KEYS),
    ("put",  delivery::SECONDARY),
    ("delete", delivery::SECONDARY),
    ("post", delivery::SWAP),
    ("post", delivery::SIGN),
    ("get",  applications::ALL),
    ("post", applications::ALL),
    ("delete", applications::ONE),
    ("get",  iam::USERS),
    ("post", iam::USERS),
    ("get",  iam::USER),
    ("delete", iam::USER),
    ("post", iam::USER_KEYS),
    ("put",  iam::USER_POLICY),
    ("delete", iam::USER_POLICY),
    ("put",  iam::KEY),
    ("delete", iam::KEY),
    ("post", iam::ROTATE),
    ("get",  iam::POLICIES),
    ("get",  iam::POLICY),
    ("put",  iam::POLICY),
    ("delete", iam::POLICY),
    ("get",  iam::BUCKET_POLICY),
    ("put",  iam::BUCKET_POLICY),
    ("delete", iam::BUCKET_POLICY),
    ("post", iam::STS),
    ("get",  delivery::REPORT),
    ("get",  stats::REPORT),
    ("post", stats::SIMULATE),
];

/// The routes of the admin plane.
pub fn router(app: Arc<App>, own: OwnHosts) -> Router {
    Router::new()
        .merge(health::router())
        .merge(metrics::router())
        .merge(stats::router())
        .merge(settings::router())
        .merge(delivery::router())
        .merge(applications::router())
        .merge(iam::router())
        .merge(policy::router().layer(Extension(Arc::new(own))))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
}

async fn no_such_route(uri: Uri) -> ApiError {
    ApiError::not_found(format!("There is nothing at {}.", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    let sentence = format!("{method} is not defined for {}.", uri.path());
    ApiError::saying(Code::MethodNotAllowed, sentence)
}
