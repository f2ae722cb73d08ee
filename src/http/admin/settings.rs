//! What decides beside a policy: what an owner asks for beyond OSS, the limit of
//! `PutBucketReferer`, and who changed them and the ACL.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::{Router, routing};
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::api::{OnBucket, read_json, read_page};
use super::policy::json;
use super::tags::{IfMatch, tag_of, tagged};
use crate::domain::code::Code;
use crate::domain::referer::MAX_LARGE_LIST_BYTES;
use crate::domain::setting::ChangeNumber;
use crate::service::App;
use crate::service::settings::Replace;
use crate::wire::changes::ChangeView;
use crate::wire::referer::{ExtrasBody, write_extras_json};

pub(super) const SETTINGS: &str = "/api/v1/buckets/{bucket}/referer/settings";
pub(super) const LIMIT: &str = "/api/v1/buckets/{bucket}/referer/limit";
pub(super) const CHANGES: &str = "/api/v1/buckets/{bucket}/changes";

/// The most bytes of a body: a key of 1 023 bytes, each of them escaped, and room for the rest.
const MAX_BODY_BYTES: usize = 16 * 1024;

pub(super) fn router() -> Router<Arc<App>> {
    use routing::get;
    Router::new()
        .route(SETTINGS, get(get_settings).put(put_settings))
        .route(LIMIT, get(get_limit).put(put_limit))
        .route(CHANGES, get(list_changes))
}

/// What a request may replace, if `present` is there and has this tag. `changed` says what is not
/// what `If-Match` names.
fn replace<T>(
    headers: &HeaderMap,
    (present, tag): (T, &str),
    changed: &'static str,
) -> Result<Replace<T>, ApiError> {
    match IfMatch::read(headers)? {
        IfMatch::Anything => Ok(Replace::Any),
        IfMatch::OneOf(tags) if tags.iter().any(|it| it == tag) => Ok(Replace::Only(present)),
        IfMatch::OneOf(_) => Err(ApiError::changed(changed)),
    }
}

/// `GET …/referer/settings`: what an owner asks for beyond OSS, with its tag.
async fn get_settings(State(app): State<Arc<App>>, on: OnBucket) -> Response {
    tagged(write_extras_json(&app.referer_extras(&on.permit)))
}

/// `PUT …/referer/settings`: replaces it as a whole; what the body leaves out is off. It is in
/// force when the answer comes.
async fn put_settings(
    State(app): State<Arc<App>>,
    on: OnBucket,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    const CHANGED: &str = "The settings are not those of If-Match; read them again.";
    let ExtrasBody(extras) = read_json(body, MAX_BODY_BYTES).await?;
    let present = app.referer_extras(&on.permit);
    let tag = tag_of(&write_extras_json(&present));
    let replace = replace(&headers, (present, &tag), CHANGED)?;
    app.put_referer_extras(&on.admin, on.permit, extras.clone(), replace).await?;
    Ok(tagged(write_extras_json(&extras)))
}

/// The limit of `PutBucketReferer`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    // Not optional to name, but null is OSS's own limit.
    #[serde(deserialize_with = "Option::deserialize")]
    referer_max_bytes: Option<u32>,
}

impl Limit {
    fn text(referer_max_bytes: Option<u32>) -> String {
        // A number has a form in JSON, so this cannot fail.
        serde_json::to_string(&Self { referer_max_bytes }).unwrap_or_default()
    }
}

/// `GET …/referer/limit`
async fn get_limit(on: OnBucket) -> Response {
    tagged(Limit::text(on.permit.bucket().settings().referer_max_bytes))
}

/// `PUT …/referer/limit`
async fn put_limit(
    State(app): State<Arc<App>>,
    on: OnBucket,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    const CHANGED: &str = "The limit is not that of If-Match; read it again.";
    let Limit { referer_max_bytes: bytes } = read_json(body, MAX_BODY_BYTES).await?;
    if bytes.is_some_and(|bytes| bytes as usize > MAX_LARGE_LIST_BYTES) {
        let sentence = format!("referer_max_bytes: may be at most {MAX_LARGE_LIST_BYTES}.");
        return Err(ApiError::saying(Code::InvalidArgument, sentence));
    }
    let present = on.permit.bucket().settings().referer_max_bytes;
    let replace = replace(&headers, (present, &tag_of(&Limit::text(present))), CHANGED)?;
    app.set_referer_max_bytes(&on.admin, on.permit, bytes, replace).await?;
    Ok(tagged(Limit::text(bytes)))
}

/// `GET …/changes?before=&limit=`
async fn list_changes(
    State(app): State<Arc<App>>,
    on: OnBucket,
    uri: Uri,
) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Page<'c> {
        changes: Vec<ChangeView<'c>>,
        /// What `before` must be for the next page; null on the last.
        next_before: Option<i64>,
    }
    let (before, limit) = read_page(uri.query().unwrap_or_default())?;
    let mut found = app.setting_changes(&on.permit, before.map(ChangeNumber), limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_before = found.last().filter(|_| more).map(|last| last.number.0);
    Ok(json(&Page { changes: found.iter().map(ChangeView::of).collect(), next_before }))
}
