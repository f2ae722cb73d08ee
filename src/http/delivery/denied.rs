//! What whoever is refused by a delivery domain gets.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::domain::delivery::ErrorHeader;
use crate::domain::op::Target;
use crate::domain::urlsign::Denial;
use crate::http::oss::{About, Answer, Known, OssError};
use crate::service::App;
use crate::service::delivery::Domain;
use crate::service::error::Error;

const TENGINE_ERROR: HeaderName = HeaderName::from_static("x-tengine-error");

/// Why a request ends without what it asked for.
pub(super) enum Stop {
    /// The domain refuses: the signature, or a limit of the link.
    Denied(Denial),
    /// The bucket refuses, or there is no such thing.
    Refused(OssError),
    /// The bucket refuses, and its owner chose what is given instead.
    Answered(Box<Response<Body>>),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<OssError> for Stop {
    fn from(err: OssError) -> Self {
        Self::Refused(err)
    }
}

impl From<Error> for Stop {
    fn from(err: Error) -> Self {
        Self::Refused(err.into())
    }
}

impl Stop {
    /// The answer, and what the log says of it.
    pub(super) fn answer(self, app: &App, domain: &Domain, known: &mut Known) -> Answer {
        match self {
            Self::Denied(denial) => {
                app.count_refused(domain, &denial);
                known.why = Some(denial.reason.why());
                let header = HeaderValue::try_from(denial.header());
                Ok(refusal(domain, (denial.status, header.ok()), known))
            }
            Self::Refused(err) => by_the_bucket(err, domain, known),
            Self::Answered(response) => Ok(*response),
        }
    }
}

/// A refusal of the bucket, or what it does not have. Where the bucket is, and where in it, is no
/// business of whoever has a link.
///
/// That the referer policy refused says that the signature was good, and so it is told where the
/// domain tells its reasons, and else nothing is.
fn by_the_bucket(err: OssError, domain: &Domain, known: &mut Known) -> Answer {
    let forbidden = err.code().status() == StatusCode::FORBIDDEN;
    let referer = match err.cause() {
        Some(Error::Referer { denial, .. }) if forbidden => Some(denial.clone()),
        Some(_) | None => None,
    };
    let by_referer = HeaderValue::from_static("denied by Referer ACL");
    if forbidden && is_hidden(domain) || referer.is_some() && domain.signing().is_some() {
        let header = referer.is_some().then_some(by_referer);
        known.why = err.cause().map(ToString::to_string);
        known.refused = referer;
        return Ok(refusal(domain, (StatusCode::FORBIDDEN.as_u16(), header), known));
    }
    let err = err.without_details(&["BucketName", "Key"]);
    Err(if referer.is_some() { err.with_header(TENGINE_ERROR, by_referer) } else { err })
}

fn is_hidden(domain: &Domain) -> bool {
    domain.terms.errors == ErrorHeader::Hidden
}

/// A refusal as the vendors' CDNs give it: the status in the body, and the reason in a header. It
/// may not be stored, or others would be shown it who have a link. Where reasons are hidden all are
/// alike.
fn refusal(
    domain: &Domain,
    (status, header): (u16, Option<HeaderValue>),
    known: &mut Known,
) -> Response<Body> {
    let hidden = is_hidden(domain);
    // What it depends on would tell at which step it was refused.
    known.about = Some(About::Named(Target::Bucket(domain.bucket.1.clone())));
    let status = StatusCode::from_u16(status).ok().filter(|_| !hidden);
    let status = status.unwrap_or(StatusCode::FORBIDDEN);
    let mut response = Response::new(Body::from(format!("{status}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, text);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(header) = header.filter(|_| !hidden) {
        headers.insert(TENGINE_ERROR, header);
    }
    response
}
