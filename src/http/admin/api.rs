//! What all handlers of the JSON API share: who asks, about which bucket, with which body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::{Path, Query};
use base64::Engine as _;
use http::request::Parts;
use http::{Uri, header};
use serde::de::DeserializeOwned;

use super::ApiError;
use super::stats::within;
use crate::domain::code::{self, Code};
use crate::domain::name::BucketName;
use crate::domain::query;
use crate::http::body;
use crate::service::App;
use crate::service::access::{Administrator, BucketPermit};
use crate::service::error::Error;

/// How long the next 4 KiB of a body may take.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// The administrator, proved by HTTP Basic with the owner's access key.
pub(super) struct Admin(pub(super) Administrator);

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let denied = || ApiError::from(Error::Refused(code::NOT_AN_ADMINISTRATOR));
        let (id, secret) = basic(parts).ok_or_else(denied)?;
        let administrator = app.administrator(&id, &secret)?;
        if !parts.method.is_safe() && comes_from_elsewhere(parts) {
            let sentence = "A page of another site cannot change anything here.";
            return Err(ApiError::saying(Code::AccessDenied, sentence));
        }
        Ok(Self(administrator))
    }
}

/// Whether a browser sends the request for a page of another site. It would present the key that
/// its user once entered, whoever made the page. Programs send neither header.
fn comes_from_elsewhere(parts: &Parts) -> bool {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_none() || authority != text("host")
        }
        (None, None) => false,
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

/// Reads a JSON body of at most `max` bytes. What is wrong with it is named: an unknown field, a
/// wrong type, the line.
pub(super) async fn read_json<T: DeserializeOwned>(body: Body, max: usize) -> Result<T, ApiError> {
    let bytes = body::read(body, max, PATIENCE).await?;
    serde_json::from_slice(&bytes)
        .map_err(|err| ApiError::saying(Code::InvalidArgument, format!("The body: {err}.")))
}

/// Reads the query. What is wrong with it is named.
pub(super) fn read_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    let query = Query::try_from_uri(uri).map_err(|err| {
        ApiError::saying(Code::InvalidArgument, format!("The query: {}.", err.body_text()))
    })?;
    Ok(query.0)
}

/// Things on a page, unless the client asks for less.
const PAGE: u32 = 100;

/// Reads the query of a list, `before=&limit=`: what the page begins before, and how many there are
/// on it at most.
pub(super) fn read_page(query: &str) -> Result<(Option<i64>, u32), ApiError> {
    let bad = |sentence: String| ApiError::saying(Code::InvalidArgument, sentence);
    let query = query::Query::parse(query).map_err(|err| bad(format!("The query: {err}.")))?;
    let number = |name| {
        let number = query.first(name).map(str::parse::<u32>).transpose();
        number.map_err(|_| bad(format!("{name} must be a whole number.")))
    };
    let unknown = query.pairs().map(|(name, _)| name).find(|it| !matches!(*it, "before" | "limit"));
    if let Some(name) = unknown {
        return Err(bad(format!("The query: unknown field `{name}`.")));
    }
    let limit = within("limit", number("limit")?, (PAGE, PAGE))?;
    Ok((number("before")?.map(i64::from), limit))
}
