//! What whoever is denied by the referer check gets instead of an error, if the bucket's owner
//! asked for that.
//!
//! A substitute is answered with 200, as servers do that rewrite such requests (nginx, Apache):
//! players and style sheets take nothing else. `x-oss-ec` says what it is. Nothing of the request but
//! GET or HEAD counts: no range, no condition, and there is no tag or date of the substitute by
//! which it could be taken for the object. Neither answer may be stored.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

use super::head::Head;
use super::object::{TRIES, bytes_sent, copy};
use super::respond::{EC, Known, empty};
use super::{Answer, Oss, OssError, sending};
use crate::domain::code::Code;
use crate::domain::object::range::Slice;
use crate::domain::op::Verb;
use crate::domain::referer::RedirectUrl;
use crate::service::access::ObjectPermit;
use crate::service::error::Error;
use crate::service::gate::Instead;
use crate::service::object::Opened;

/// Answers a refused request. What becomes known has the denial of a good answer, as an error speaks
/// for itself, and what the request would have got.
pub(in crate::http) async fn answer(
    oss: &Oss,
    head: &Head,
    err: OssError,
    known: &mut Known,
) -> Answer {
    if let Some(sighting) = &mut known.sighting {
        sighting.measure(|found| bytes_sent(head, found));
    }
    let Some(Error::Referer { instead: Some(instead), denial, .. }) = err.cause() else {
        return Err(err);
    };
    let answered = match instead {
        Instead::Redirect(url) => redirect(head, url),
        Instead::Substitute(permit) => substitute(oss, head, permit).await,
    };
    match answered {
        Ok(mut response) => {
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if let Some(ec) = denial.reason.ec {
                headers.insert(EC, HeaderValue::from_static(ec));
            }
            known.refused = Some(denial.clone());
            Ok(response)
        }
        Err(No::Answer) => Err(err),
        Err(No::Way(failure)) => Err(failure.into()),
    }
}

/// Why there is no such answer.
enum No {
    /// There is nothing to give: it stays with the error.
    Answer,
    /// We failed.
    Way(Error),
}

impl From<Error> for No {
    fn from(err: Error) -> Self {
        // Nothing there, a symlink to nothing, or one to what is not for everybody.
        let nothing = err.reason().code.status().is_client_error();
        if nothing { Self::Answer } else { Self::Way(err) }
    }
}

/// A redirect, unless it would lead back here: whoever is refused brings the same referer again.
fn redirect(head: &Head, url: &RedirectUrl) -> Result<Response<Body>, No> {
    if url.leads_to(head.host(), head.parts.target.path()) {
        return Err(No::Answer);
    }
    let location = HeaderValue::try_from(url.as_str());
    let location = location.map_err(|_| No::Way(Error::Fault("a URL is no header value")))?;
    let mut response = empty(StatusCode::FOUND);
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

async fn substitute(oss: &Oss, head: &Head, permit: &ObjectPermit) -> Result<Response<Body>, No> {
    /// What a client needs to make sense of the bytes.
    const KEPT: [header::HeaderName; 5] = [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_DISPOSITION,
        header::X_CONTENT_TYPE_OPTIONS,
    ];

    let mut found = oss.app.find_content(permit).await?;
    for _ in 0..TRIES {
        let size = found.size();
        let whole = Slice { offset: 0, length: size };
        let reader = match oss.app.open_object(permit, &found, whole).await? {
            Opened::Reader(reader) => reader,
            Opened::Replaced(now) => {
                found = now;
                continue;
            }
        };
        let mut response = empty(StatusCode::OK);
        copy(&found.named.lines, response.headers_mut(), &KEPT);
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        if head.verb == Some(Verb::Get) && size > 0 {
            let sending = reader.send().map_err(Error::from)?;
            *response.body_mut() = sending::body(sending, size, &head.connection);
        }
        return Ok(response);
    }
    Err(No::Way(Error::Code(Code::ServiceUnavailable)))
}
