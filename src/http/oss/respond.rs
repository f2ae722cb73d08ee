//! The way out: what every answer has, good or bad.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body as _;
use tokio::time::Instant;
use tracing::field;

use super::error::Refusal;
use super::head::Head;
use super::{Answer, Oss, OssError, cors};
use crate::domain::code::Code;
use crate::domain::cors::VaryOrigin;
use crate::domain::delivery::cache_control;
use crate::domain::encode::lossy;
use crate::domain::name::RequestId;
use crate::domain::op::{Level, Target};
use crate::domain::referer::DependsOn;
use crate::http::conn::{Connection, Fixed, Headers, Parts, Reply, fixed};
use crate::service::App;
use crate::service::access::{Caller, ObjectPermit, Permit};
use crate::service::bucket::Bucket;
use crate::service::gate::RefererDenial;
use crate::service::lines::{HeaderLines, length_of};
use crate::service::stats::Sighting;
use crate::wire::error_body::{ErrorBody, write_error};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-oss-request-id");
const SERVER_TIME: HeaderName = HeaderName::from_static("x-oss-server-time");
pub(super) const EC: HeaderName = HeaderName::from_static("x-oss-ec");
const ERR: HeaderName = HeaderName::from_static("x-oss-err");
const WOULD_DENY: HeaderName = HeaderName::from_static("x-refgate-would-deny");

/// What came to be known of a request on its way, beside its answer.
#[derive(Debug, Default)]
pub(in crate::http) struct Known {
    /// What was asked of.
    pub(in crate::http) about: Option<About>,
    /// A refusal of the referer check that was answered otherwise than by an error.
    pub(in crate::http) refused: Option<RefererDenial>,
    /// A refusal that was not carried out because the bucket is only monitored.
    pub(in crate::http) would: Option<RefererDenial>,
    /// The number of the refusal that a signed request for an explanation is told.
    pub(in crate::http) debug: Option<&'static str>,
    /// That the referer check was asked and counts.
    pub(in crate::http) sighting: Option<Sighting>,
    /// Why a delivery domain refuses, or gives a playlist as it is.
    pub(in crate::http) why: Option<String>,
    /// Headers of the answer that were prepared, for a connection that takes lines.
    pub(in crate::http) lines: Option<HeaderLines>,
}

/// What a request was about.
#[derive(Debug)]
pub(in crate::http) enum About {
    /// This, which need not be there.
    Named(Target),
    /// An object of this bucket, be it there or not.
    ObjectOf(Arc<Bucket>),
}

impl About {
    /// What a permit is for.
    pub(in crate::http) fn of(permit: &Permit, target: &Target) -> Self {
        match permit.objects().next() {
            Some(permit) => Self::ObjectOf(permit.share_bucket()),
            None => Self::Named(target.clone()),
        }
    }
}

impl Known {
    /// Notes what is known of a request that was granted.
    pub(super) async fn note(
        &mut self,
        app: &App,
        permit: &Permit,
        (head, caller): (&Head, &Caller),
    ) {
        self.would = permit.objects().find_map(ObjectPermit::would_refuse).cloned();
        if caller.is_signed() && head.lenient(DEBUG) == Some("1") {
            for permit in permit.objects() {
                let denial = Box::pin(app.explain_denial(permit, &head.facts())).await;
                self.debug = self.debug.or(denial.and_then(|denial| denial.reason.ec));
            }
        }
    }
}

/// With the value `1`, a signed request asks whether the referer check would refuse it from
/// somebody who did not sign it.
const DEBUG: HeaderName = HeaderName::from_static("x-refgate-debug");

/// One request and its answer, for the headers that all answers have and for the log.
pub(in crate::http) struct Exchange {
    oss: Arc<Oss>,
    id: RequestId,
    started: Instant,
    method: Method,
    headers: Headers,
    /// Whether its connection takes lines.
    takes_lines: bool,
    /// Whether the answer is for the bearer of a link alone.
    for_bearer: bool,
    /// What the log says of the request; not kept if nobody reads it.
    log: Option<Logged>,
}

struct Logged {
    client: SocketAddr,
    path: String,
}

impl Exchange {
    pub(in crate::http) fn begin(
        oss: &Arc<Oss>,
        (parts, connection): (&Parts, &Connection),
        started: Instant,
    ) -> Self {
        let logged = tracing::enabled!(target: "refgate::access", tracing::Level::INFO);
        Self {
            oss: oss.clone(),
            id: oss.app.clock.request_id(),
            started,
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            takes_lines: connection.takes_lines,
            for_bearer: false,
            log: logged.then(|| Logged {
                client: connection.peer(),
                path: cut(parts.target.path()).to_owned(),
            }),
        }
    }

    /// Has no cache show the answer to somebody else, and no page tell others the link: it is for
    /// the bearer of a signed link. That holds for refusals, too.
    pub(in crate::http) fn is_for_bearer(&mut self) {
        self.for_bearer = true;
    }

    /// Has the log show this path and not that of the request.
    pub(in crate::http) fn log_path(&mut self, path: &str) {
        if let Some(log) = &mut self.log {
            cut(path).clone_into(&mut log.path);
        }
    }

    /// Has the log not show what could be a signature in the path: segments of 32 hexadecimal
    /// digits.
    pub(in crate::http) fn mask_path(&mut self) {
        let digest = |segment: &str| {
            segment.len() == 32 && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if let Some(log) = &mut self.log {
            let segments = log.path.split('/').map(|it| if digest(it) { "*" } else { it });
            log.path = segments.collect::<Vec<_>>().join("/");
        }
    }

    /// Completes an answer.
    pub(in crate::http) fn finish(self, answer: Answer, mut known: Known) -> Reply {
        let (mut reply, denial) = match answer {
            Ok(response) => {
                let reply = Reply::new(response, self.takes_lines);
                (reply.with_lines(known.lines.take()), None)
            }
            Err(err) => (self.refuse(err.refusal()), Some(err)),
        };
        self.limit_caching(&mut reply, denial.is_some());
        reply.add_fixed(fixed!("server", "AliyunOSS"));
        reply.add_id(REQUEST_ID, &self.id);
        match self.started.elapsed().as_millis() {
            0 => reply.add_fixed(fixed!("x-oss-server-time", "0")),
            millis => {
                let millis = u64::try_from(millis).unwrap_or(u64::MAX);
                reply.add(SERVER_TIME, &HeaderValue::from(millis));
            }
        }
        if let Some(ec) = known.debug {
            reply.add_word(WOULD_DENY, ec);
        }
        self.add_what_it_depends_on(known.about.as_ref(), &mut reply);
        if let Some(sighting) = known.sighting.take() {
            sighting.answered(self.promised_bytes(&reply.response));
        }
        self.record(&reply.response, (denial.as_ref().map(OssError::refusal), &known));
        reply
    }

    /// Says who may keep an answer, where not everybody may.
    fn limit_caching(&self, reply: &mut Reply, is_refusal: bool) {
        if is_refusal && reply.response.status() == StatusCode::FORBIDDEN {
            // Whoever keeps a refusal shows it to somebody who would not have been refused.
            reply.add_fixed(fixed!("cache-control", "no-store"));
        } else if self.for_bearer {
            match reply.take(&header::CACHE_CONTROL).as_slice() {
                [] => reply.add_fixed(fixed!("cache-control", "private")),
                given => {
                    let text = cache_control(given.iter().map(HeaderValue::as_bytes));
                    let private = HeaderValue::try_from(text);
                    let private = private.unwrap_or(HeaderValue::from_static("no-store"));
                    reply.add(header::CACHE_CONTROL, &private);
                }
            }
        }
        if self.for_bearer {
            reply.add_fixed(fixed!("referrer-policy", "no-referrer"));
        }
    }

    fn host(&self) -> Cow<'_, str> {
        let host = self.headers.get(header::HOST);
        host.map_or(Cow::Borrowed(""), |host| lossy(host.as_bytes()))
    }

    /// How many bytes of body the answer promises.
    fn promised_bytes(&self, response: &Response<Body>) -> u64 {
        if self.method == Method::HEAD {
            return 0;
        }
        let announced = length_of(response.headers());
        announced.or_else(|| response.body().size_hint().exact()).unwrap_or(0)
    }

    /// Adds what of the request the answer depends on, and for which pages of other origins it is.
    /// All in one line, of which some caches read no more.
    fn add_what_it_depends_on(&self, about: Option<&About>, reply: &mut Reply) {
        let (depends_on, rules) = match about {
            None => (DependsOn::Nothing, None),
            Some(About::ObjectOf(bucket)) => bucket.answers_depend_on(Level::Object),
            Some(About::Named(target)) => self.oss.app.answers_depend_on(target),
        };
        // Where the page is from that sends the request, as its browser says.
        let origin = || self.headers.only(header::ORIGIN);
        if let Some((rules, origin)) = rules.as_ref().and_then(|rules| Some((rules, origin()?))) {
            cors::let_read(rules, (origin, &self.method), reply.response.headers_mut());
        }
        let depends_on = if self.oss.vary_referer { depends_on } else { DependsOn::Nothing };
        let by_origin = rules.is_some_and(|rules| rules.vary() == VaryOrigin::Always);
        if let Some(names) = vary(depends_on, by_origin) {
            reply.add_fixed(names);
        }
    }

    fn refuse(&self, err: &Refusal) -> Reply {
        let is_head = self.method == Method::HEAD;
        let mut details = Cow::Borrowed(err.details.as_slice());
        if is_head {
            // They go into a header here, of which proxies and clients do not take much.
            let fits = |name| !matches!(name, "StringToSignBytes" | "CanonicalRequest");
            details = details.iter().filter(|(name, _)| fits(*name)).cloned().collect();
        }
        let id = self.id.digits();
        let body = write_error(&ErrorBody {
            reason: &err.reason,
            message: &err.message,
            request_id: std::str::from_utf8(&id).unwrap_or_default(),
            host: &self.host(),
            details: &details,
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = err.reason.code.status();
        response.headers_mut().extend(err.headers.iter().cloned());
        let mut reply = Reply::new(response, self.takes_lines);
        reply.add_fixed(fixed!("content-type", "application/xml"));
        reply.add_fixed(fixed!("x-content-type-options", "nosniff"));
        if let Some(ec) = err.reason.ec {
            reply.add_word(EC, ec);
        }
        if is_head {
            // A HEAD has no body, so SDKs look for it here.
            let text = base64::engine::general_purpose::STANDARD.encode(&body);
            if let Ok(value) = HeaderValue::try_from(text) {
                reply.add(ERR, &value);
            }
        } else {
            *reply.response.body_mut() = Body::from(body);
        }
        reply
    }

    fn record(&self, response: &Response<Body>, (refusal, known): (Option<&Refusal>, &Known)) {
        let cause = refusal.and_then(|refusal| refusal.cause.as_ref());
        // Being busy or not ready yet is no failure, and would fill the log.
        let failed = refusal.is_some_and(|refusal| refusal.reason.code == Code::InternalError);
        if let Some(cause) = cause.filter(|_| failed) {
            let (id, cause) = (self.id.to_string(), chain(cause));
            tracing::error!(request_id = id, cause, "request {id} failed: {cause}");
        }
        let Some(Logged { client, path }) = &self.log else { return };
        let text = |value: &HeaderValue| lossy(value.as_bytes()).into_owned();
        let length = response.headers().get(header::CONTENT_LENGTH).map(text);
        let bytes = length.or_else(|| response.body().size_hint().exact().map(|n| n.to_string()));
        let (would, refused) = (known.would.as_ref(), known.refused.as_ref());
        let rule = || Some(would.or(refused)?.rule.to_string());
        let reason = refusal.map(|refusal| refusal.reason).or_else(|| Some(refused?.reason));
        let method = &self.method;
        // Debug escapes what a client could break a line of the log with.
        tracing::info!(
            target: "refgate::access",
            request_id = %self.id,
            client = %client,
            %method,
            host = ?self.host(),
            path = ?path,
            status = response.status().as_u16(),
            bytes,
            code = reason.map(|reason| reason.code.as_str()),
            ec = reason.and_then(|reason| reason.ec),
            would = would.and_then(|denial| denial.reason.ec),
            why = cause.map(ToString::to_string).or_else(rule).or_else(|| known.why.clone()),
            referer = self.headers.get(header::REFERER).map(text).map(|text| cut(&text).to_owned()).map(field::debug),
            duration_us = u64::try_from(self.started.elapsed().as_micros()).ok(),
            "{method} {path:?}",
        );
    }
}

/// The names of the headers that an answer depends on.
const fn vary(referer: DependsOn, origin: bool) -> Option<Fixed> {
    Some(match (referer, origin) {
        (DependsOn::Nothing, false) => return None,
        (DependsOn::Nothing, true) => fixed!("vary", "Origin"),
        (DependsOn::Referer, false) => fixed!("vary", "Referer"),
        (DependsOn::Referer, true) => fixed!("vary", "Referer, Origin"),
        (DependsOn::RefererAndPurpose, false) => {
            fixed!("vary", "Referer, Sec-Fetch-Site, Sec-Fetch-Dest")
        }
        (DependsOn::RefererAndPurpose, true) => {
            fixed!("vary", "Referer, Sec-Fetch-Site, Sec-Fetch-Dest, Origin")
        }
    })
}

/// What the log shows of a text that a client chose.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(1024)).unwrap_or_default()
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
    let mut response = empty(StatusCode::OK);
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    // With room for what every answer gets.
    *response.headers_mut() = HeaderMap::with_capacity(12);
    response
}
