//! Users, their access keys and policies; policies of buckets; temporary credentials.

mod bucket_policy;
mod keys;
mod policies;
mod sts;
mod users;

use std::sync::Arc;

use axum::body::Body;
use axum::{Router, routing};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use super::ApiError;
use super::api::PATIENCE;
use crate::domain::code::Code;
use crate::domain::iam::{Kind, MAX_POLICY_BYTES, PolicyDocument};
use crate::http::body;
use crate::service::App;
use crate::service::error::Error;
use crate::service::iam::{IamChanged, MAX_KEYS, MAX_POLICIES_OF_USER};

pub(super) const USERS: &str = "/api/v1/users";
pub(super) const USER: &str = "/api/v1/users/{user}";
pub(super) const USER_KEYS: &str = "/api/v1/users/{user}/keys";
pub(super) const USER_POLICY: &str = "/api/v1/users/{user}/policies/{policy}";
pub(super) const KEY: &str = "/api/v1/keys/{key}";
pub(super) const ROTATE: &str = "/api/v1/keys/{key}/rotate";
pub(super) const POLICIES: &str = "/api/v1/policies";
pub(super) const POLICY: &str = "/api/v1/policies/{policy}";
pub(super) const BUCKET_POLICY: &str = "/api/v1/buckets/{bucket}/policy";
pub(super) const STS: &str = "/api/v1/sts";

/// The most bytes of a small body.
const MAX_BODY_BYTES: usize = 4096;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(USERS, routing::get(users::list).post(users::create))
        .route(USER, routing::get(users::get).delete(users::delete))
        .route(USER_KEYS, routing::post(keys::create))
        .route(USER_POLICY, routing::put(users::attach).delete(users::detach))
        .route(KEY, routing::put(keys::enable).delete(keys::delete))
        .route(ROTATE, routing::post(keys::rotate))
        .route(POLICIES, routing::get(policies::list))
        .route(POLICY, routing::get(policies::get).put(policies::put).delete(policies::delete))
        .route(
            BUCKET_POLICY,
            routing::get(bucket_policy::get).put(bucket_policy::put).delete(bucket_policy::delete),
        )
        .route(STS, routing::post(sts::make))
}

/// An answer, which no cache may keep: some hold secrets, and all of them change.
type Answer = Result<http::Response<Body>, ApiError>;

fn answer(status: StatusCode, json: &Value) -> http::Response<Body> {
    let mut response = http::Response::new(Body::from(json.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A name in the path.
fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|err| ApiError::saying(Code::InvalidArgument, format!("{text:?}: {err}.")))
}

/// Reads a policy: the body as it is.
async fn read_policy(body: Body, kind: Kind) -> Result<PolicyDocument, ApiError> {
    let bytes = body::read(body, 2 * MAX_POLICY_BYTES, PATIENCE).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| ApiError::saying(Code::InvalidPolicyDocument, "The policy is not UTF-8."))?;
    Ok(PolicyDocument::parse(text, kind).map_err(Error::from)?)
}

/// A policy as a JSON value. What is kept was read from JSON.
fn policy_json(document: &PolicyDocument) -> Result<Value, ApiError> {
    let read = serde_json::from_str(document.as_str());
    Ok(read.map_err(|_| Error::Fault("a policy is no JSON"))?)
}

/// Why a change was not made, or nothing if it was.
fn done(changed: IamChanged, what: &str) -> Result<(), ApiError> {
    match changed {
        IamChanged::Done => Ok(()),
        IamChanged::NoSuchUser => Err(ApiError::not_found(format!("There is no user {what}."))),
        IamChanged::NoSuchKey => {
            Err(ApiError::not_found(format!("There is no access key {what}.")))
        }
        IamChanged::NoSuchPolicy => Err(ApiError::not_found(format!("There is no policy {what}."))),
        IamChanged::Exists => Err(ApiError::conflict(format!("There is a user {what} already."))),
        IamChanged::InUse => Err(ApiError::conflict(format!(
            "Users have the policy {what}; take it from them first."
        ))),
        IamChanged::TooMany => Err(ApiError::conflict(format!(
            "There are too many: a user has at most {MAX_KEYS} access keys and {MAX_POLICIES_OF_USER} policies."
        ))),
    }
}
