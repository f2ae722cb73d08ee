//! Reading and deleting an object.

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::head::Head;
use super::respond::empty;
use super::{Answer, Call, Known, Oss, OssError, sending};
use crate::domain::code::{self, Code};
use crate::domain::object::conditional::{Conditions, Outcome};
use crate::domain::object::range::{Part, RangeBehavior, Slice, select};
use crate::domain::op::{Action, Verb};
use crate::service::access::ObjectPermit;
use crate::service::error::Error;
use crate::service::lines::{HeaderLines, OF_304};
use crate::service::object::{FoundObject, Opened};

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

/// How often an object may be replaced between finding and opening it before we give up.
pub(in crate::http) const TRIES: usize = 10;

/// `GET /<bucket>/<key>`
pub(super) async fn get(
    oss: &Oss,
    permit: ObjectPermit,
    (call, known): (Call, &mut Known),
) -> Answer {
    let overrides = overrides(&call)?;
    let takes_lines = call.head.connection.takes_lines && overrides.is_empty();
    let mut found = oss.app.find_content(&permit).await?;
    for _ in 0..TRIES {
        let lines = found.lines().filter(|_| takes_lines);
        let Wanted::Part(part) = judge(&call.head, &found)? else {
            known.lines = lines.map(HeaderLines::of_not_modified);
            return Ok(not_modified(known.lines.is_none().then_some(&found)));
        };
        let slice = slice_of(part, found.size());
        match oss.app.open_object(&permit, &found, slice).await? {
            // What is asked for is judged anew: it may not be modified any more, or shorter.
            Opened::Replaced(now) => found = now,
            Opened::Reader(reader) => {
                let tags = tag_count(oss, &permit, &found).await?;
                let sending = reader.send().map_err(Error::from)?;
                let (mut response, lines) = match lines {
                    Some(lines) => prepared((lines, found.size()), part)?,
                    None => describe(&found, part)?,
                };
                response.headers_mut().extend(overrides);
                response.headers_mut().extend(tags);
                let connection = &call.head.connection;
                *response.body_mut() = sending::body(sending, slice.length, connection);
                known.lines = lines;
                return Ok(response);
            }
        }
    }
    Err(Code::ServiceUnavailable.into())
}

/// `HEAD /<bucket>/<key>`: what a GET of the whole object would say. A range is for GET alone
/// (RFC 9110, 14.2).
pub(super) async fn head(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let overrides = overrides(&call)?;
    let found = oss.app.find_content(&permit).await?;
    if let Wanted::Nothing = judge(&call.head, &found)? {
        return Ok(not_modified(Some(&found)));
    }
    let tags = tag_count(oss, &permit, &found).await?;
    let (mut response, _) = describe(&found, Part::Whole)?;
    response.headers_mut().extend(overrides);
    response.headers_mut().extend(tags);
    Ok(response)
}

/// `HEAD /<bucket>/<key>?objectMeta`: the length, the tag and the date alone.
pub(super) async fn get_meta(oss: &Oss, permit: ObjectPermit, _call: Call) -> Answer {
    let found = oss.app.find_content(&permit).await?;
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(found.size()));
    for name in [header::ETAG, header::LAST_MODIFIED] {
        headers.extend(found.header(&name).map(|value| (name, value)));
    }
    Ok(response)
}

/// `DELETE /<bucket>/<key>`
pub(super) async fn delete(oss: &Oss, permit: ObjectPermit) -> Answer {
    oss.app.delete_object(permit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// What a request wants of the version of an object that is there.
enum Wanted {
    /// Nothing: the client has it.
    Nothing,
    /// This part of its bytes.
    Part(Part),
}

/// Judges the conditions and the range of a request.
fn judge(head: &Head, found: &FoundObject) -> Result<Wanted, OssError> {
    if !head.parts.headers.select() {
        return Ok(Wanted::Part(Part::Whole));
    }
    let conditions = conditions(head);
    match conditions.judge(found.etag(), found.modified()) {
        Outcome::Failed => return Err(Code::PreconditionFailed.into()),
        Outcome::NotModified => return Ok(Wanted::Nothing),
        Outcome::Proceed => {}
    }
    let is_get = head.verb == Some(Verb::Get);
    let range = head.lenient(header::RANGE).filter(|_| is_get);
    let range = range.filter(|_| conditions.range_counts(found.etag(), found.modified()));
    match select(range, found.size(), range_behavior(head)) {
        Part::Unsatisfiable => Err(unsatisfiable(found.size())),
        part @ (Part::Whole | Part::Slice(_)) => Ok(Wanted::Part(part)),
    }
}

/// How many bytes of an object a GET gets.
pub(super) fn bytes_sent(head: &Head, found: &FoundObject) -> u64 {
    match judge(head, found) {
        Ok(Wanted::Part(Part::Slice(slice))) => slice.length,
        Ok(Wanted::Part(Part::Whole)) => found.size(),
        Ok(Wanted::Part(Part::Unsatisfiable) | Wanted::Nothing) | Err(_) => 0,
    }
}

/// The answer with a part of an object, its bytes left out, and the lines that stand for more headers.
type Described = (Response<Body>, Option<HeaderLines>);

fn describe(found: &FoundObject, part: Part) -> Result<Described, OssError> {
    let size = found.size();
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = found.headers();
    if let Part::Slice(slice) = part {
        let (status, of_part) = headers_of_part(slice, size)?;
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for name in OF_WHOLE {
            headers.remove(name);
        }
        headers.extend(of_part);
    }
    Ok((response, None))
}

/// The same for a connection that writes the header lines of an object as they are.
fn prepared((lines, size): (&HeaderLines, u64), part: Part) -> Result<Described, OssError> {
    let mut response = Response::new(Body::empty());
    let lines = match part {
        Part::Slice(slice) => {
            let (status, of_part) = headers_of_part(slice, size)?;
            *response.status_mut() = status;
            response.headers_mut().extend(of_part);
            lines.without(&OF_WHOLE)
        }
        Part::Whole | Part::Unsatisfiable => lines.clone(),
    };
    Ok((response, Some(lines)))
}

/// Headers that a part has otherwise than the whole, or not at all: a client would hold the digest
/// of the whole against it.
const OF_WHOLE: [HeaderName; 2] = [header::CONTENT_LENGTH, HeaderName::from_static("content-md5")];

fn headers_of_part(
    slice: Slice,
    size: u64,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 2]), OssError> {
    let range = HeaderValue::try_from(slice.content_range(size));
    let range = range.map_err(|_| Code::InternalError)?;
    let length = HeaderValue::from(slice.length);
    let headers = [(header::CONTENT_LENGTH, length), (header::CONTENT_RANGE, range)];
    Ok((StatusCode::PARTIAL_CONTENT, headers))
}

const fn slice_of(part: Part, size: u64) -> Slice {
    match part {
        Part::Slice(slice) => slice,
        Part::Whole | Part::Unsatisfiable => Slice { offset: 0, length: size },
    }
}

/// The header that says how many tags an object has, to those who may read them.
async fn tag_count(
    oss: &Oss,
    permit: &ObjectPermit,
    found: &FoundObject,
) -> Result<Option<(HeaderName, HeaderValue)>, OssError> {
    const TAG_COUNT: HeaderName = HeaderName::from_static("x-oss-tagging-count");
    let tags = found.named.object.attributes.tags.len();
    let told = tags > 0 && is_granted(oss.app.also(permit, Action::GetObjectTagging).await)?;
    Ok(told.then(|| (TAG_COUNT, HeaderValue::from(tags))))
}

/// Whether it was not refused. That it could not be decided is an error.
fn is_granted(granted: Result<(), Error>) -> Result<bool, Error> {
    match granted {
        Ok(()) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(err) => Err(err),
    }
}

fn conditions(head: &Head) -> Conditions<'_> {
    Conditions {
        if_match: head.lenient(header::IF_MATCH),
        if_none_match: head.lenient(header::IF_NONE_MATCH),
        if_modified_since: head.lenient(header::IF_MODIFIED_SINCE),
        if_unmodified_since: head.lenient(header::IF_UNMODIFIED_SINCE),
        if_range: head.lenient(header::IF_RANGE),
    }
}

fn range_behavior(head: &Head) -> RangeBehavior {
    match head.one("x-oss-range-behavior") {
        Ok(Some("standard")) => RangeBehavior::Standard,
        Ok(_) | Err(_) => RangeBehavior::Lenient,
    }
}

/// A 304, with the headers of the object unless they stand in lines.
fn not_modified(found: Option<&FoundObject>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    if let Some(found) = found {
        let of_object = |name| found.header(&name).map(|value| (name, value));
        response.headers_mut().extend(OF_304.into_iter().filter_map(of_object));
    }
    response
}

fn unsatisfiable(size: u64) -> OssError {
    let err = OssError::from(Code::InvalidRange);
    match HeaderValue::try_from(format!("bytes */{size}")) {
        Ok(value) => err.with_header(header::CONTENT_RANGE, value),
        Err(_) => err,
    }
}

pub(super) fn copy(from: &HeaderLines, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name, value);
        }
    }
}

/// The headers that the request overrides. Only somebody who signed may: anyone else could make
/// a stored text a page of this host.
fn overrides(call: &Call) -> Result<HeaderMap, OssError> {
    let mut headers = HeaderMap::new();
    if call.head.query.is_empty() {
        return Ok(headers);
    }
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
