//! Requests across origins: the operations on a bucket's rules, preflights, and what an answer
//! needs for a browser to show it to a page of another origin.
//!
//! Every answer about a bucket gets these headers, refusals too: without them a browser hides the
//! status and the body, and its page is told of a network error where it was refused for a reason.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::respond::{empty, xml};
use super::{Answer, Call, Oss, OssError};
use crate::domain::code;
use crate::domain::cors::{CorsMethod, CorsRules, CrossOrigin, ExposedHeader, Granted, GrantedTo};
use crate::service::access::{BucketPermit, PreflightPermit};
use crate::wire::cors::{InvalidCors, MAX_CORS_BYTES, read_cors, write_cors};

/// `GET /<bucket>?cors`
pub(super) fn get(oss: &Oss, permit: &BucketPermit) -> Answer {
    Ok(xml(write_cors(&*oss.app.bucket_cors(permit)?)))
}

/// `PUT /<bucket>?cors`
pub(super) async fn put(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let body = call.read_body(MAX_CORS_BYTES, oss).await?;
    oss.app.put_bucket_cors(permit, read_cors(&body)?).await?;
    Ok(empty(StatusCode::OK))
}

/// `DELETE /<bucket>?cors`
pub(super) async fn delete(oss: &Oss, permit: BucketPermit) -> Answer {
    oss.app.delete_bucket_cors(permit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `OPTIONS /<bucket>/<key>`: what a browser asks before a request that a page could not send
/// without scripts.
pub(super) fn preflight(permit: &PreflightPermit, call: &Call) -> Answer {
    let head = &call.head;
    let origin = head.one("origin")?.ok_or(code::PREFLIGHT_WITHOUT_ORIGIN)?;
    let method = head.one("access-control-request-method")?;
    let method = method.ok_or(code::PREFLIGHT_WITHOUT_METHOD)?.to_ascii_uppercase();
    let headers: Vec<&str> = asked_headers(&head.parts.headers)?;
    let rules = permit.rules().ok_or(code::CORS_NOT_ENABLED)?;
    let granted = CorsMethod::parse(&method)
        .and_then(|method| rules.find(&CrossOrigin { origin, method, headers: &headers }))
        // They are written into the answer, so they must be names and nothing else.
        .filter(|_| headers.iter().all(|name| HeaderName::from_bytes(name.as_bytes()).is_ok()))
        .ok_or(code::CORS_NOT_ALLOWED)?;

    let mut response = empty(StatusCode::OK);
    let answer = response.headers_mut();
    grant(&granted, origin, answer);
    let methods = granted.rule.methods.iter().map(|method| method.as_str());
    insert_list(answer, header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    insert_list(answer, header::ACCESS_CONTROL_ALLOW_HEADERS, headers.into_iter());
    if let Some(max_age) = granted.rule.max_age {
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(max_age.seconds()));
    }
    Ok(response)
}

/// The headers that a page wants to send.
fn asked_headers(headers: &HeaderMap) -> Result<Vec<&str>, OssError> {
    let mut names = Vec::new();
    for line in headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        let line = std::str::from_utf8(line.as_bytes()).map_err(|_| code::CORS_NOT_ALLOWED)?;
        names.extend(line.split(',').map(str::trim).filter(|name| !name.is_empty()));
    }
    Ok(names)
}

/// Adds what lets a page of another origin read an answer, if the bucket's rules say so.
pub(super) fn let_read(
    rules: &CorsRules,
    (origin, method): (&HeaderValue, &Method),
    answer: &mut HeaderMap,
) {
    let origin = std::str::from_utf8(origin.as_bytes()).ok();
    let (Some(origin), Some(method)) = (origin, CorsMethod::parse(method.as_str())) else { return };
    if let Some(granted) = rules.find(&CrossOrigin { origin, method, headers: &[] }) {
        grant(&granted, origin, answer);
    }
}

fn grant(granted: &Granted<'_>, origin: &str, answer: &mut HeaderMap) {
    let to = match granted.to {
        GrantedTo::Everybody => Ok(HeaderValue::from_static("*")),
        GrantedTo::Asking => HeaderValue::from_bytes(origin.as_bytes()),
    };
    let Ok(to) = to else { return };
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, to);
    let exposed = granted.rule.exposed.iter().map(ExposedHeader::as_str);
    insert_list(answer, header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

/// Inserts a header that is a list of names, unless it is empty.
fn insert_list<'n>(answer: &mut HeaderMap, name: HeaderName, names: impl Iterator<Item = &'n str>) {
    let list = names.collect::<Vec<_>>().join(", ");
    if let (false, Ok(value)) = (list.is_empty(), HeaderValue::try_from(list)) {
        answer.insert(name, value);
    }
}

impl From<InvalidCors> for OssError {
    fn from(err: InvalidCors) -> Self {
        let reason = err.reason();
        Self::from(reason).with_message(format!("{} ({err})", reason.message))
    }
}
