//! The way out: what every answer has, good or bad.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use tokio::time::Instant;

use super::error::Refusal;
use super::{Answer, Oss, OssError};
use crate::domain::name::RequestId;
use crate::domain::op::Target;
use crate::service::stats::Sighting;
use crate::wire::error_body::{ErrorBody, write_error};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-oss-request-id");
const SERVER_TIME: HeaderName = HeaderName::from_static("x-oss-server-time");
const EC: HeaderName = HeaderName::from_static("x-oss-ec");
const ERR: HeaderName = HeaderName::from_static("x-oss-err");

/// One request and its answer, for the headers that all answers have and for the log.
pub(super) struct Exchange {
    oss: Arc<Oss>,
    id: RequestId,
    started: Instant,
    method: Method,
    host: String,
    /// The request target, and the referer, for the log; not kept if nobody reads it.
    log: Option<(String, Option<HeaderValue>)>,
}

impl Exchange {
    pub(super) fn begin(oss: &Arc<Oss>, request: &Request<Body>, started: Instant) -> Self {
        let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
        let logged = tracing::enabled!(target: "refgate::access", tracing::Level::INFO);
        Self {
            oss: oss.clone(),
            id: oss.app.clock.request_id(),
            started,
            method: request.method().clone(),
            host: String::from_utf8_lossy(host.unwrap_or_default()).into_owned(),
            log: logged.then(|| {
                let referer = request.headers().get(header::REFERER).cloned();
                (request.uri().path().to_owned(), referer)
            }),
        }
    }

    /// Completes an answer.
    pub(super) fn finish(
        self,
        answer: Answer,
        target: Option<&Target>,
        sighting: Option<Sighting>,
    ) -> Response<Body> {
        let id = self.id.to_string();
        let mut denial = None;
        let mut response = match answer {
            Ok(response) => response,
            Err(err) => {
                let response = self.refuse(err.refusal(), &id);
                denial = Some(err);
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static("AliyunOSS"));
        if let Ok(value) = HeaderValue::try_from(&id) {
            headers.insert(REQUEST_ID, value);
        }
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        headers.insert(SERVER_TIME, HeaderValue::from(millis));
        if self.oss.vary_referer && target.is_some_and(|t| self.oss.app.varies_by_referer(t)) {
            headers.append(header::VARY, HeaderValue::from_static("Referer"));
        }
        if let Some(sighting) = sighting {
            sighting.answered(self.promised_bytes(&response));
        }
        self.record(&id, response.status(), denial.as_ref().map(OssError::refusal));
        response
    }

    /// How many bytes of body the answer promises.
    fn promised_bytes(&self, response: &Response<Body>) -> u64 {
        if self.method == Method::HEAD {
            return 0;
        }
        let announced = response.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse().ok());
        announced.or_else(|| response.body().size_hint().exact()).unwrap_or(0)
    }

    fn refuse(&self, err: &Refusal, id: &str) -> Response<Body> {
        let body = write_error(&ErrorBody {
            reason: &err.reason,
            message: &err.message,
            request_id: id,
            host: &self.host,
            details: &err.details,
        });
        let status = err.reason.code.status();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        if let Some(ec) = err.reason.ec {
            headers.insert(EC, HeaderValue::from_static(ec));
        }
        // Whoever keeps a refusal shows it to somebody who would not have been refused.
        if status == StatusCode::FORBIDDEN {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.extend(err.headers.iter().cloned());
        if self.method == Method::HEAD {
            // A HEAD has no body, so SDKs look for it here.
            let text = base64::engine::general_purpose::STANDARD.encode(&body);
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(ERR, value);
            }
        } else {
            *response.body_mut() = Body::from(body);
        }
        response
    }

    fn record(&self, id: &str, status: StatusCode, denial: Option<&Refusal>) {
        if let Some(err) = denial
            && err.reason.code.status().is_server_error()
            && let Some(cause) = &err.cause
        {
            let cause = chain(cause);
            tracing::error!(request_id = id, cause, "request {id} failed: {cause}");
        }
        let Some((path, referer)) = &self.log else { return };
        let rule = denial.and_then(|err| err.cause.as_ref()).map(ToString::to_string);
        tracing::info!(
            target: "refgate::access",
            request_id = id,
            method = %self.method,
            host = ?self.host,
            path = ?path,
            status = status.as_u16(),
            code = denial.map(|err| err.reason.code.as_str()),
            ec = denial.and_then(|err| err.reason.ec),
            why = ?rule.unwrap_or_default(),
            referer = ?referer.as_ref().map(|r| String::from_utf8_lossy(r.as_bytes()).into_owned()),
            duration_ms = self.started.elapsed().as_secs_f64() * 1000.0,
            "{} {path:?} {}", self.method, status.as_u16(),
        );
    }
}

/// An error with its sources, in one line.
fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(err) = source {
        text.push_str(": ");
        text.push_str(&err.to_string());
        source = err.source();
    }
    text
}

/// An XML body with status 200.
pub(super) fn xml(body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
