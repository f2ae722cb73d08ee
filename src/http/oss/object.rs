//! Reading and deleting an object.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::respond::empty;
use super::{Answer, Call, Oss, OssError};
use crate::domain::code::{self, Code};
use crate::domain::object::conditional::{Conditions, Outcome};
use crate::domain::object::range::{Part, RangeBehavior, Slice, select};
use crate::service::access::ObjectPermit;
use crate::service::cache::StoredObject;

/// The parameters that override a header of the answer, in signed requests.
///
/// Source: OSS "GetObject", override response headers.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-content-type", header::CONTENT_TYPE),
    ("response-expires", header::EXPIRES),
];

/// `GET /<bucket>/<key>`
pub(super) async fn get(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let overrides = overrides(&call)?;
    let found = oss.app.find_object(&permit).await?;
    if let Plan::Answer(response) = plan(&call, &found)? {
        return Ok(response);
    }
    let opened = oss.app.open_object(&permit, found).await?;
    // The object may have been replaced since it was found; what counts is what was opened.
    let stored = opened.stored.clone();
    match plan(&call, &stored)? {
        Plan::Answer(response) => Ok(response),
        Plan::Send(slice, mut response) => {
            response.headers_mut().extend(overrides);
            if slice.length > 0 {
                *response.body_mut() = Body::from_stream(opened.stream(slice));
            }
            Ok(response)
        }
    }
}

/// `HEAD /<bucket>/<key>`
pub(super) async fn head(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let overrides = overrides(&call)?;
    let found = oss.app.find_object(&permit).await?;
    match plan(&call, &found)? {
        Plan::Answer(response) => Ok(response),
        Plan::Send(_, mut response) => {
            response.headers_mut().extend(overrides);
            Ok(response)
        }
    }
}

/// `HEAD /<bucket>/<key>?objectMeta`: the length, the tag and the date alone.
pub(super) async fn get_meta(oss: &Oss, permit: ObjectPermit, _call: Call) -> Answer {
    let found = oss.app.find_object(&permit).await?;
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(found.object.size));
    copy(&found.headers, headers, &[header::ETAG, header::LAST_MODIFIED]);
    Ok(response)
}

/// `DELETE /<bucket>/<key>`
pub(super) async fn delete(oss: &Oss, permit: ObjectPermit) -> Answer {
    oss.app.delete_object(permit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// How a request for an object is answered.
enum Plan {
    /// At once, without its bytes.
    Answer(Response<Body>),
    /// With this part of its bytes, or none if the object is empty.
    Send(Slice, Response<Body>),
}

/// Judges the conditions and the range of a request for this version of an object.
fn plan(call: &Call, stored: &Arc<StoredObject>) -> Result<Plan, OssError> {
    let object = &stored.object;
    let conditions = conditions(call);
    match conditions.judge(&object.etag, object.modified) {
        Outcome::Failed => return Err(Code::PreconditionFailed.into()),
        Outcome::NotModified => return Ok(Plan::Answer(not_modified(stored))),
        Outcome::Proceed => {}
    }
    let range = call.head.lenient(header::RANGE);
    let range = range.filter(|_| conditions.range_counts(&object.etag, object.modified));
    let part = select(range, object.size, range_behavior(call));
    let (status, slice) = match part {
        Part::Whole => (StatusCode::OK, Slice { offset: 0, length: object.size }),
        Part::Slice(slice) => (StatusCode::PARTIAL_CONTENT, slice),
        Part::Unsatisfiable => return Err(unsatisfiable(object.size)),
    };
    let mut response = empty(status);
    let headers = response.headers_mut();
    *headers = stored.headers.clone();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(slice.length));
    if let Part::Slice(slice) = part {
        let range = HeaderValue::try_from(slice.content_range(object.size));
        headers.insert(header::CONTENT_RANGE, range.map_err(|_| Code::InternalError)?);
        // It is the digest of the whole, and a client would hold it against the part.
        headers.remove("content-md5");
    }
    Ok(Plan::Send(slice, response))
}

fn conditions(call: &Call) -> Conditions<'_> {
    Conditions {
        if_match: call.head.lenient(header::IF_MATCH),
        if_none_match: call.head.lenient(header::IF_NONE_MATCH),
        if_modified_since: call.head.lenient(header::IF_MODIFIED_SINCE),
        if_unmodified_since: call.head.lenient(header::IF_UNMODIFIED_SINCE),
        if_range: call.head.lenient(header::IF_RANGE),
    }
}

fn range_behavior(call: &Call) -> RangeBehavior {
    match call.head.one("x-oss-range-behavior") {
        Ok(Some("standard")) => RangeBehavior::Standard,
        Ok(_) | Err(_) => RangeBehavior::Lenient,
    }
}

/// A 304 has the headers that a cache needs to go on using what it has (RFC 9110, 15.4.5).
fn not_modified(stored: &StoredObject) -> Response<Body> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    let kept = [header::ETAG, header::LAST_MODIFIED, header::CACHE_CONTROL, header::EXPIRES];
    copy(&stored.headers, response.headers_mut(), &kept);
    response
}

fn unsatisfiable(size: u64) -> OssError {
    let err = OssError::from(Code::InvalidRange);
    match HeaderValue::try_from(format!("bytes */{size}")) {
        Ok(value) => err.with_header(header::CONTENT_RANGE, value),
        Err(_) => err,
    }
}

pub(super) fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name, value.clone());
        }
    }
}

/// The headers that the request overrides. Only somebody who signed may: anyone else could make
/// a stored text a page of this host.
fn overrides(call: &Call) -> Result<HeaderMap, OssError> {
    let mut headers = HeaderMap::new();
    for (parameter, name) in OVERRIDES {
        let Some(text) = call.head.query.first(parameter) else { continue };
        if !call.caller.is_signed() {
            return Err(code::OVERRIDES_UNSIGNED.into());
        }
        let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| {
            OssError::invalid_argument(format!("{parameter} has a control character."))
        })?;
        headers.insert(name, value);
    }
    Ok(headers)
}
