//! What whoever is refused by a delivery domain gets.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::domain::delivery::ErrorHeader;
use crate::domain::urlsign::Denial;
use crate::http::oss::{Answer, Known, OssError};
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
        let shown = domain.terms.errors == ErrorHeader::Shown;
        match self {
            Self::Denied(denial) => {
                app.count_refused(domain, &denial);
                known.why = Some(denial.reason.why());
                Ok(refusal(&denial, shown))
            }
            Self::Refused(err) if shown && is_by_referer(&err) => {
                let value = HeaderValue::from_static("denied by Referer ACL");
                Err(err.with_header(TENGINE_ERROR, value))
            }
            Self::Refused(err) => Err(err),
            Self::Answered(response) => Ok(*response),
        }
    }
}

fn is_by_referer(err: &OssError) -> bool {
    matches!(err.cause(), Some(Error::Referer { .. }))
}

/// A refusal as the vendors' CDNs give it: the status in the body, and the reason in a header. It
/// may not be stored, or others would be shown it who have a link.
fn refusal(denial: &Denial, shown: bool) -> Response<Body> {
    let status = StatusCode::from_u16(denial.status).unwrap_or(StatusCode::FORBIDDEN);
    let mut response = Response::new(Body::from(format!("{status}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, text);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if shown && let Ok(value) = HeaderValue::try_from(denial.header()) {
        headers.insert(TENGINE_ERROR, value);
    }
    response
}
