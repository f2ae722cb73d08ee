//! The data plane: one listener, and what serves a request is decided by its host.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};

use super::delivery;
use super::oss::{Oss, authority};

/// Answers a request on the data plane: as a delivery domain if its host is one, and in OSS's
/// protocol on every other.
pub async fn handle(oss: Arc<Oss>, request: Request<Body>) -> Response<Body> {
    let host = authority((request.uri(), request.headers()), request.version());
    // What cannot be read is told in OSS's words.
    match host.ok().and_then(|host| oss.app.delivery_domain(host)) {
        Some(domain) => Box::pin(delivery::handle(&oss, &domain, request)).await,
        None => oss.handle(request).await,
    }
}
