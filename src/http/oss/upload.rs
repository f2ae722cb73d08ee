//! `PutObject`.

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::head::{Head, one};
use super::object::copy;
use super::{Answer, Call, Oss, OssError, announced};
use crate::domain::acl::ObjectAcl;
use crate::domain::code::{self, Code};
use crate::domain::object::tags::{InvalidTags, Tags};
use crate::domain::object::{MAX_OBJECT_BYTES, Overwrite, StorageClass};
use crate::http::body;
use crate::service::access::ObjectPermit;
use crate::service::cache::StoredObject;
use crate::service::error::Error;
use crate::service::object::{Content, NewObject};
use crate::wire::bucket::read_storage_class;

/// The most bytes of user metadata, names and values: OSS's limit.
const MAX_USER_METADATA_BYTES: usize = 8 * 1024;

/// Headers that are stored with an object beside user metadata.
pub(super) const STORED: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::EXPIRES,
];

/// `PUT /<bucket>/<key>`
pub(super) async fn put(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let prepare = |call: &Call| new_object(&call.head.parts.headers);
    let stored = receive(oss, call, (MAX_OBJECT_BYTES, prepare), async |new, content| {
        oss.app.put_object(permit, new, content).await
    });
    let stored = stored.await?;
    let mut response = Response::new(Body::empty());
    report(&stored, response.headers_mut());
    Ok(response)
}

/// Says what was written.
pub(super) fn report(stored: &StoredObject, headers: &mut HeaderMap) {
    let told = ["etag", "content-md5", "x-oss-hash-crc64ecma"].map(HeaderName::from_static);
    copy(&stored.lines, headers, &told);
}

/// Stores the body of a request, of at most so many bytes. `prepare` reads what else the request
/// says, and is done before any of the body is read; `store` takes both.
pub(super) async fn receive<P, R>(
    oss: &Oss,
    call: Call,
    (most, prepare): (u64, impl FnOnce(&Call) -> Result<P, OssError>),
    store: impl AsyncFnOnce(P, Content<'_>) -> Result<R, Error>,
) -> Result<R, OssError> {
    let read = |call: &Call| {
        // What else is wrong with a request says more than that its body is too long.
        let prepared = prepare(call)?;
        check_encoding(&call.head.parts.headers)?;
        check_length(&call.head, most)?;
        Ok((prepared, announced(&call.head, &call.caller)?))
    };
    let length = call.head.content_length().ok().flatten();
    let (prepared, announced) = match read(&call) {
        Ok(read) => read,
        Err(err) => {
            super::error::drain_unread(&call.head.parts.headers, call.body).await;
            return Err(err);
        }
    };
    let mut body = body::stream(call.body, most, oss.body_timeout);
    match store(prepared, Content { body: &mut body, announced, length }).await {
        Ok(stored) => Ok(stored),
        Err(err) => {
            // As with `drain_unread`: a client that waits for `100 Continue` listens.
            if !call.head.parts.headers.contains_key(header::EXPECT) {
                body::drain_rest(body).await;
            }
            Err(err.into())
        }
    }
}

/// Checks what a request says of the length of its body: it is at most `most` bytes, or the body
/// comes in chunks and tells as it ends.
pub(super) fn check_length(head: &Head, most: u64) -> Result<(), OssError> {
    let chunked = head.parts.headers.contains_key(header::TRANSFER_ENCODING);
    match head.content_length()? {
        None if !chunked => Err(Code::MissingContentLength.into()),
        Some(length) if length > most => Err(Code::EntityTooLarge.into()),
        None | Some(_) => Ok(()),
    }
}

/// Refuses a body in the frames that clients of S3 can put around one. OSS's signatures cover no
/// frames, and stored with them, the object would be another than its sender's. Nor does an object
/// say that it has them: the header would tell its readers of frames that are not there.
fn check_encoding(headers: &HeaderMap) -> Result<(), OssError> {
    const FRAMED: &str = "aws-chunked";

    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    if words.any(|word| word.trim_ascii().eq_ignore_ascii_case(FRAMED.as_bytes())) {
        let err = OssError::from(code::AWS_CHUNKED).with_detail("ArgumentName", "Content-Encoding");
        return Err(err.with_detail("ArgumentValue", FRAMED));
    }
    Ok(())
}

/// What headers say of an object that is made, beside its content: those of a request, or what
/// stands for them.
pub(super) fn new_object(headers: &HeaderMap) -> Result<NewObject, OssError> {
    check_encoding(headers)?;
    Ok(NewObject {
        headers: stored_headers(headers)?,
        storage_class: storage_class(headers)?,
        acl: object_acl(headers)?.unwrap_or_default(),
        tags: tags(headers)?,
        overwrite: overwrite(headers)?,
    })
}

/// Whether the request may replace an object: `x-oss-forbid-overwrite`.
pub(super) fn overwrite(headers: &HeaderMap) -> Result<Overwrite, OssError> {
    match one(headers, "x-oss-forbid-overwrite")? {
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Overwrite::Forbid),
        Some(text) if !text.eq_ignore_ascii_case("false") => {
            Err(code::FORBID_OVERWRITE_INVALID.into())
        }
        None | Some(_) => Ok(Overwrite::Allow),
    }
}

/// The class that the request asks for: `x-oss-storage-class`.
fn storage_class(headers: &HeaderMap) -> Result<Option<StorageClass>, OssError> {
    let text = one(headers, "x-oss-storage-class")?;
    text.map(|text| read_storage_class(text).map_err(OssError::from)).transpose()
}

/// The ACL that the request gives the object: `x-oss-object-acl`.
pub(super) fn object_acl(headers: &HeaderMap) -> Result<Option<ObjectAcl>, OssError> {
    let read = |text: &str| {
        text.parse().map_err(|err| OssError::invalid_argument(format!("x-oss-object-acl: {err}.")))
    };
    one(headers, "x-oss-object-acl")?.map(read).transpose()
}

/// The tags that the request gives the object: `x-oss-tagging`.
fn tags(headers: &HeaderMap) -> Result<Tags, OssError> {
    Ok(one(headers, "x-oss-tagging")?.map(Tags::read_header).transpose()?.unwrap_or_default())
}

impl From<InvalidTags> for OssError {
    fn from(err: InvalidTags) -> Self {
        let reason = err.reason();
        Self::from(reason).with_message(format!("{} ({err})", reason.message))
    }
}

/// The headers of a request that are stored with the object. Each is given once: of two, nobody
/// could say which one readers will get.
fn stored_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, OssError> {
    let mut stored: Vec<(String, String)> = Vec::new();
    let mut user_bytes = 0;
    for (name, value) in headers {
        let is_user = name.as_str().starts_with("x-oss-meta-");
        if !is_user && !STORED.contains(name) {
            continue;
        }
        let text = text_of(name, value)?;
        if stored.iter().any(|(given, _)| given == name.as_str()) {
            return Err(OssError::invalid_argument(format!("{name} is given more than once.")));
        }
        if is_user {
            user_bytes += name.as_str().len() - "x-oss-meta-".len() + text.len();
        }
        stored.push((name.as_str().to_owned(), text));
    }
    if user_bytes > MAX_USER_METADATA_BYTES {
        return Err(Code::MetadataTooLarge.into());
    }
    Ok(stored)
}

fn text_of(name: &HeaderName, value: &HeaderValue) -> Result<String, OssError> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned).map_err(|_| OssError::invalid_argument(format!("{name} is not UTF-8.")))
}
