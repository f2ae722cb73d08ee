//! `/api/v1/buckets/{bucket}/referer/settings`: what an owner asks for beyond OSS.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::{Router, routing};
use http::{HeaderMap, HeaderValue, Response, header};
use sha2::{Digest, Sha256};

use super::ApiError;
use super::api::{OnBucket, read_json};
use crate::domain::referer::Extras;
use crate::service::App;
use crate::service::extras::Replace;
use crate::wire::referer::{ExtrasBody, write_extras_json};

pub(super) const PATH: &str = "/api/v1/buckets/{bucket}/referer/settings";

/// The most bytes of a body: a key of 1 023 bytes, each of them escaped, and room for the rest.
const MAX_BODY_BYTES: usize = 16 * 1024;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(PATH, routing::get(get).put(put))
}

/// `GET`: the settings, and their tag.
async fn get(State(app): State<Arc<App>>, on: OnBucket) -> Response<Body> {
    answer(&app.referer_extras(&on.permit))
}

/// `PUT`: replaces them as a whole; what the body leaves out is off. With `If-Match`, only those
/// that the tag is of. They are in force when the answer comes.
async fn put(
    State(app): State<Arc<App>>,
    on: OnBucket,
    headers: HeaderMap,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let ExtrasBody(extras) = read_json(body, MAX_BODY_BYTES).await?;
    let replace = replace(&headers, app.referer_extras(&on.permit))?;
    app.put_referer_extras(&on.admin, on.permit, extras.clone(), replace).await?;
    Ok(answer(&extras))
}

/// What a request may replace, if `current` is there.
fn replace(headers: &HeaderMap, current: Extras) -> Result<Replace, ApiError> {
    let mut conditions = headers.get_all(header::IF_MATCH).iter().peekable();
    if conditions.peek().is_none() {
        return Ok(Replace::Any);
    }
    let own = tag(&write_extras_json(&current));
    let listed = |value: &HeaderValue| {
        let tags = value.to_str().unwrap_or_default();
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == own)
    };
    if conditions.any(listed) {
        return Ok(Replace::Only(current));
    }
    Err(ApiError::changed("The settings are not those of If-Match; read them again."))
}

fn answer(extras: &Extras) -> Response<Body> {
    let json = write_extras_json(extras);
    let tag = HeaderValue::try_from(tag(&json));
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// The tag of settings: the same text, the same tag, also after a restart.
fn tag(json: &str) -> String {
    let digest = Sha256::digest(json.as_bytes());
    format!("\"{}\"", hex::encode(digest.get(..16).unwrap_or_default()))
}
