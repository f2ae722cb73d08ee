//! `/api/v1/domains`: delivery domains.
//!
//! What is answered about a domain has its tag; a change can name in `If-Match` the tag that it is
//! meant for, and with `If-None-Match: *` a domain is only made and never replaced.

mod keys;
mod links;
mod report;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use axum::{Router, routing};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::api::{Admin, read_json, read_query};
use super::tags::{IfMatch, tag_of, tagged};
use crate::domain::code::Code;
use crate::domain::delivery::warnings;
use crate::domain::op::HostName;
use crate::domain::urlsign::{Settings, Slot};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::delivery::{Domain, DomainError, NewDomain, NewKeys, Replace};
use crate::service::error::Error;
use crate::wire::delivery::{DomainBody, DomainView, KeyText, KeysBody};

pub(super) const ALL: &str = "/api/v1/domains";
pub(super) const ONE: &str = "/api/v1/domains/{host}";
pub(super) use keys::{KEYS, SECONDARY, SWAP};
pub(super) use links::SIGN;
pub(super) use report::REPORT;

/// The most bytes of a body: a prefix and an expression, escaped, and room for the rest.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most domains on a page.
const MAX_PAGE: usize = 1000;

pub(super) fn router() -> Router<Arc<App>> {
    use routing::get;
    Router::new()
        .route(ALL, get(list))
        .route(ONE, get(show).put(put).delete(delete))
        .merge(keys::router())
        .merge(links::router())
        .merge(report::router())
}

/// The administrator with the host that the path names as `{host}`.
pub(super) struct OnHost {
    /// Who asks.
    pub(super) admin: Administrator,
    /// The host.
    pub(super) host: HostName,
}

impl FromRequestParts<Arc<App>> for OnHost {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Admin(admin) = Admin::from_request_parts(parts, app).await?;
        let path = Path::<String>::from_request_parts(parts, app).await;
        let Path(host) = path.map_err(|err| ApiError::not_found(err.to_string()))?;
        let host = host
            .parse()
            .map_err(|err| ApiError::saying(Code::InvalidArgument, format!("{host:?}: {err}.")))?;
        Ok(Self { admin, host })
    }
}

/// A domain, as it is answered.
#[derive(Serialize)]
struct Shown<'d> {
    host: &'d str,
    settings: DomainView<'d>,
    key_ids: Option<KeyIds<'d>>,
    created: String,
    updated: String,
    warnings: Vec<Cow<'static, str>>,
}

#[derive(Serialize)]
struct KeyIds<'d> {
    primary: Option<&'d str>,
    secondary: Option<&'d str>,
}

fn shown(app: &App, domain: &Domain) -> String {
    let (_, bucket) = &domain.bucket;
    let keys = domain.signing().map(Settings::keys);
    let shown = Shown {
        host: domain.host.as_str(),
        settings: DomainView::new(bucket, &domain.terms),
        key_ids: keys.map(|keys| KeyIds {
            primary: keys.id(Slot::Primary),
            secondary: keys.id(Slot::Secondary),
        }),
        created: domain.created.to_rfc3339(),
        updated: domain.updated.to_rfc3339(),
        warnings: warnings(&domain.terms, domain.signing(), &app.surroundings(domain)),
    };
    // Texts, numbers and lists of them have a form in JSON.
    serde_json::to_string(&shown).unwrap_or_default()
}

/// `GET /api/v1/domains?after=&limit=`
async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    uri: Uri,
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        after: Option<String>,
        limit: Option<usize>,
    }
    let page: Page = read_query(&uri)?;
    let limit = page.limit.unwrap_or(100).clamp(1, MAX_PAGE);
    let after = page.after.unwrap_or_default();
    let mut domains = app.domains(&admin);
    domains.retain(|domain| domain.host.as_str() > after.as_str());
    let more = domains.len() > limit;
    domains.truncate(limit);
    let next = domains.last().filter(|_| more).map(|domain| domain.host.as_str());
    let next = serde_json::to_string(&next).unwrap_or_default();
    let texts: Vec<_> = domains.iter().map(|domain| shown(&app, domain)).collect();
    Ok(tagged(format!("{{\"domains\":[{}],\"next\":{next}}}", texts.join(","))))
}

/// `GET /api/v1/domains/{host}`
async fn show(State(app): State<Arc<App>>, on: OnHost) -> Result<Response, ApiError> {
    Ok(tagged(shown(&app, &*app.domain(&on.admin, &on.host)?)))
}

/// `PUT /api/v1/domains/{host}`: makes or replaces a domain, which is in force when the answer
/// comes. What the body leaves out has its default, but for keys: those that are there stay, and go
/// only if the body says so or with their scheme.
async fn put(
    State(app): State<Arc<App>>,
    on: OnHost,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let DomainBody { bucket, terms, keys } = read_json(body, MAX_BODY_BYTES).await?;
    let key = |key: Option<KeyText>| key.map(|KeyText(key)| key);
    let keys = keys.map(|KeysBody { primary, secondary, replace }| NewKeys {
        primary: key(primary),
        secondary: key(secondary),
        replace,
    });
    let replace = replace(&app, &on, &headers)?;
    let new = NewDomain { bucket, terms, keys };
    let change = app.put_domain(&on.admin, on.host, new, replace).await?;
    let mut response = tagged(shown(&app, &change.domain));
    if change.made {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// Which domain a request may replace.
fn replace(app: &App, on: &OnHost, headers: &HeaderMap) -> Result<Replace, ApiError> {
    if let Some(value) = headers.get(header::IF_NONE_MATCH) {
        if value.as_bytes() != b"*" || headers.contains_key(header::IF_MATCH) {
            let sentence = "If-None-Match must be *, and If-Match must not be there.";
            return Err(ApiError::saying(Code::InvalidArgument, sentence));
        }
        return Ok(Replace::Nothing);
    }
    match IfMatch::read(headers)? {
        IfMatch::Anything => Ok(Replace::Any),
        IfMatch::OneOf(tags) => {
            let domain = app.domain(&on.admin, &on.host)?;
            let tag = tag_of(&shown(app, &domain));
            if tags.contains(&tag) {
                return Ok(Replace::Only(domain));
            }
            Err(Error::from(DomainError::Changed(on.host.clone())).into())
        }
    }
}

/// `DELETE /api/v1/domains/{host}`
async fn delete(
    State(app): State<Arc<App>>,
    on: OnHost,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let replace = replace(&app, &on, &headers)?;
    app.delete_domain(&on.admin, on.host, replace).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<&DomainError> for ApiError {
    fn from(err: &DomainError) -> Self {
        let sentence = format!("The delivery domain: {err}.");
        match err {
            DomainError::NoSuchDomain(_) => Self::not_found(sentence),
            DomainError::Used(..)
            | DomainError::Exists(_)
            | DomainError::TooMany
            | DomainError::OtherKeys(_)
            | DomainError::OtherScheme(..)
            | DomainError::KeyOfScheme(_)
            | DomainError::SecondaryThere(_)
            | DomainError::OtherSecondary(_)
            | DomainError::KeyInUse { .. }
            | DomainError::NoSecondary(_) => Self::conflict(sentence),
            DomainError::Changed(_) => Self::changed(sentence),
            DomainError::NoName(_)
            | DomainError::Signing(_)
            | DomainError::Issue(_)
            | DomainError::Regions
            | DomainError::KeysWithoutScheme => Self::saying(Code::InvalidArgument, sentence),
        }
    }
}
