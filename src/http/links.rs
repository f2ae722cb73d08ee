//! The distribution service: a program posts the URL of an object on a delivery domain and gets it
//! back signed, as plain text.
//!
//! It is a host of its own on the data plane, and there is one thing on it. What is sent and what is
//! answered is as the vendor's how-to has it; who may ask, for what and how often is not: there,
//! anybody gets any URL signed.
//!
//! Source: Tencent Cloud VOD "How to use key hotlink protection".

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::time::Instant;

use super::body;
use super::conn::{Connection, Parts, Reply, Request};
use super::oss::{Exchange, Known, Oss};
use crate::domain::op::HostName;
use crate::service::delivery::{Asker, CannotLink, NoLink};
use crate::service::error::BodyError;

/// What is served, for the test that compares it with `openapi.yaml`.
pub const ROUTES: &[(&str, &str)] = &[("post", PATH), ("options", PATH)];

/// Where it is, as in the how-to.
const PATH: &str = "/release/anti_leech_sign";

/// The most bytes of a body: the longest URL that is signed, and room.
const MAX_BODY_BYTES: usize = 17 * 1024;

/// The settings of the distribution service.
#[derive(Clone, Debug)]
pub struct LinkService {
    /// Its host.
    pub host: HostName,
    /// Whether anybody may ask, and not applications alone.
    pub open: bool,
}

/// Why there is no link: the status, and what is said beside it.
struct Refusal(StatusCode, String);

/// Answers a request.
pub(super) async fn handle(
    oss: &Arc<Oss>,
    service: &LinkService,
    (request, connection): (Request, Connection),
) -> Reply {
    let exchange = Exchange::begin(oss, (&request.parts, &connection), Instant::now());
    let Request { parts, body } = request;
    let mut known = Known::default();
    let response = match answer(oss, service, &parts, body).await {
        Ok(text) => plain(StatusCode::OK, text),
        Err(Refusal(status, why)) => {
            let reason = status.canonical_reason().unwrap_or_default();
            let text = if why.is_empty() { reason.to_owned() } else { format!("{reason}: {why}") };
            known.why = Some(text.clone());
            plain(status, text)
        }
    };
    exchange.finish(Ok(response), known)
}

async fn answer(
    oss: &Oss,
    service: &LinkService,
    parts: &Parts,
    body: Body,
) -> Result<String, Refusal> {
    let refused = match (parts.target.path(), &parts.method) {
        (PATH, &Method::POST) => asker(service, parts).err(),
        (PATH, &Method::OPTIONS) => {
            body::drain(body).await;
            return Ok(String::new());
        }
        (PATH, _) => Some(Refusal(StatusCode::METHOD_NOT_ALLOWED, String::new())),
        (_, _) => Some(Refusal(StatusCode::NOT_FOUND, String::new())),
    };
    if let Some(refusal) = refused {
        if !parts.headers.contains_key(header::EXPECT) {
            body::drain(body).await;
        }
        return Err(refusal);
    }
    let bytes = body::read(body, MAX_BODY_BYTES, oss.body_timeout).await?;
    let made = oss.app.distribute(asker(service, parts)?, url(&bytes)?)?;
    Ok(made.url)
}

/// Who asks. What is presented must be proved, also where nothing need be.
fn asker<'p>(service: &LinkService, parts: &'p Parts) -> Result<Asker<'p>, Refusal> {
    let unknown = || Refusal::from(NoLink::Unknown);
    let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = match (lines.next(), lines.next()) {
        (None, _) if service.open => return Ok(Asker::Anybody),
        (Some(value), None) => value.to_str().map_err(|_| unknown())?,
        (None | Some(_), _) => return Err(unknown()),
    };
    let (scheme, token) = value.split_once(' ').ok_or_else(unknown)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown());
    }
    Ok(Asker::Token(token.trim()))
}

/// The URL in a body: one line, which may end.
fn url(bytes: &[u8]) -> Result<&str, Refusal> {
    let bad = || Refusal(StatusCode::BAD_REQUEST, "the body is no URL".to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(bad());
    }
    Ok(text)
}

impl From<NoLink> for Refusal {
    fn from(err: NoLink) -> Self {
        let status = match &err {
            NoLink::Unknown => StatusCode::UNAUTHORIZED,
            NoLink::TooMany => StatusCode::TOO_MANY_REQUESTS,
            NoLink::NotAllowed => StatusCode::FORBIDDEN,
            NoLink::Link(CannotLink::Random) => StatusCode::INTERNAL_SERVER_ERROR,
            NoLink::Link(
                CannotLink::NotSigned(_)
                | CannotLink::Url(_)
                | CannotLink::OtherHost(_)
                | CannotLink::Order(_)
                | CannotLink::Sign(_),
            ) => StatusCode::BAD_REQUEST,
        };
        Self(status, err.to_string())
    }
}

impl From<BodyError> for Refusal {
    fn from(err: BodyError) -> Self {
        let status = match err {
            BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Incomplete(_) | BodyError::Refused(_) => StatusCode::BAD_REQUEST,
        };
        Self(status, err.to_string())
    }
}

/// An answer as the how-to has it, which no cache may keep: a link is for whoever asked.
fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST,OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization,Content-Type"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let more = match status {
        StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
        StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST, OPTIONS")),
        StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "60")),
        _ => None,
    };
    if let Some((name, value)) = more {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
