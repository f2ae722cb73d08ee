//! What all handlers of the JSON API share: who asks, about which bucket, with which body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::Path;
use base64::Engine as _;
use http::header;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::domain::code::{self, Code};
use crate::domain::name::BucketName;
use crate::http::body;
use crate::service::App;
use crate::service::access::{Administrator, BucketPermit};
use crate::service::error::Error;

/// How long the next 4 KiB of a body may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The administrator, proved by HTTP Basic with the owner's access key.
pub(super) struct Admin(pub(super) Administrator);

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let denied = || ApiError::from(Error::Refused(code::NOT_AN_ADMINISTRATOR));
        let (id, secret) = basic(parts).ok_or_else(denied)?;
        Ok(Self(app.administrator(&id, &secret)?))
    }
}

fn basic(parts: &Parts) -> Option<(String, String)> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The administrator with the bucket that the path names as `{bucket}`.
pub(super) struct OnBucket {
    /// Who asks.
    pub(super) admin: Administrator,
    /// The right to the bucket.
    pub(super) permit: BucketPermit,
}

impl FromRequestParts<Arc<App>> for OnBucket {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Admin(admin) = Admin::from_request_parts(parts, app).await?;
        let path =
            Path::<std::collections::HashMap<String, String>>::from_request_parts(parts, app);
        let names = path.await.map_err(|err| ApiError::not_found(err.to_string()))?;
        let name = names.get("bucket").map(String::as_str).unwrap_or_default();
        let name: BucketName = name.parse().map_err(|err| {
            ApiError::saying(Code::InvalidBucketName, format!("{name:?}: {err}."))
        })?;
        let permit = app.manage(&admin, &name)?;
        Ok(Self { admin, permit })
    }
}

/// Reads a body of at most `max` bytes.
pub(super) async fn read_body(body: Body, max: usize) -> Result<bytes::Bytes, ApiError> {
    Ok(body::read(body, max, PATIENCE).await?)
}

/// Reads a JSON body of at most `max` bytes. What is wrong with it is named: an unknown field, a
/// wrong type, the line.
pub(super) async fn read_json<T: DeserializeOwned>(body: Body, max: usize) -> Result<T, ApiError> {
    let bytes = body::read(body, max, PATIENCE).await?;
    serde_json::from_slice(&bytes)
        .map_err(|err| ApiError::saying(Code::InvalidArgument, format!("The body: {err}.")))
}
