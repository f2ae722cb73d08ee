//! Handlers of uploads in parts: their beginning, their end, and listing them.

mod part;

use http::{HeaderName, StatusCode, header};

use super::error::drain_unread;
use super::list::{encoding, limit, name};
use super::object::copy;
use super::respond::{empty, xml};
use super::upload::{new_object, object_acl, overwrite};
use super::{Answer, Call, Oss, OssError};
use crate::domain::acl::ObjectAcl;
use crate::domain::code::{self, Code};
use crate::domain::name::UploadId;
use crate::domain::object::Overwrite;
use crate::domain::object::listing::ListQuery;
use crate::domain::object::multipart::{PartNumber, Selection};
use crate::domain::query::Query;
use crate::service::access::{BucketPermit, ObjectPermit};
use crate::service::error::Error;
use crate::service::multipart::Ending;
use crate::wire::multipart::{
    InvalidCompletion, MAX_COMPLETION_BYTES, PartList, Target, UploadList, read_completion,
    write_begun, write_completed, write_part_list, write_upload_list,
};

pub(super) use part::{copy_part, upload_part};

/// The most bytes of a body that means nothing.
const MAX_IDLE_BYTES: usize = 64 * 1024;

/// The most entries of a page, and as many as one has if the request does not say: OSS's limits.
const MAX_ENTRIES: u32 = 1000;

/// The upload that a request names. An id that is none is that of no upload.
fn upload_id(query: &Query) -> Result<UploadId, OssError> {
    let text = query.first("uploadId").unwrap_or_default();
    let none = |_| Error::NoSuchUpload { reason: code::NO_SUCH_UPLOAD, id: text.to_owned() };
    Ok(text.parse().map_err(none)?)
}

fn target<'t>(permit: &'t ObjectPermit, query: &Query) -> Result<Target<'t>, OssError> {
    let encoding = encoding(query)?;
    Ok(Target { bucket: &permit.bucket().name, key: permit.key(), encoding })
}

/// `POST /<bucket>/<key>?uploads`
pub(super) async fn begin(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let permitted = permit.clone();
    let read = new_object(&call.head.parts.headers)
        .and_then(|new| Ok((new, target(&permitted, &call.head.query)?)));
    let ((new, target), call) = or_drained(read, call).await?;
    call.read_body(MAX_IDLE_BYTES, oss).await?;
    let id = oss.app.begin_upload(permit, new).await?;
    Ok(xml(write_begun(&target, id)))
}

/// `POST /<bucket>/<key>?uploadId`
pub(super) async fn complete(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let permitted = permit.clone();
    let read = completion(&call).and_then(|it| Ok((it, target(&permitted, &call.head.query)?)));
    let ((Completion { id, overwrite, acl, all }, target), call) = or_drained(read, call).await?;
    let location = location(oss, &call);
    // A list of parts is long; nobody sends one for nothing.
    let there = oss.app.check_upload(&permit, id).await.map_err(OssError::from);
    let ((), call) = or_drained(there, call).await?;
    let body = call.read_body(MAX_COMPLETION_BYTES, oss).await?;
    let selection = match (all, body.is_empty()) {
        (true, true) => Selection::All,
        (true, false) => return Err(code::COMPLETE_ALL_WITH_BODY.into()),
        (false, _) => read_completion(&body)?,
    };
    let stored = oss.app.complete_upload(permit, id, Ending { selection, overwrite, acl }).await?;
    let mut response = xml(write_completed(&target, &location, &stored.object.etag));
    let told = [header::ETAG, HeaderName::from_static("x-oss-hash-crc64ecma")];
    copy(&stored.lines, response.headers_mut(), &told);
    Ok(response)
}

/// What the head of a completion says.
struct Completion {
    id: UploadId,
    overwrite: Overwrite,
    acl: Option<ObjectAcl>,
    all: bool,
}

fn completion(call: &Call) -> Result<Completion, OssError> {
    let headers = &call.head.parts.headers;
    Ok(Completion {
        id: upload_id(&call.head.query)?,
        overwrite: overwrite(headers)?,
        acl: object_acl(headers)?,
        all: wants_all(call)?,
    })
}

/// What a head says, or its refusal once the body is out of the way: before that, its sender may not
/// hear of it.
async fn or_drained<T>(read: Result<T, OssError>, call: Call) -> Result<(T, Call), OssError> {
    match read {
        Ok(value) => Ok((value, call)),
        Err(err) => {
            drain_unread(&call.head.parts.headers, call.body).await;
            Err(err)
        }
    }
}

/// Whether the object is to be made of all parts: `x-oss-complete-all`.
fn wants_all(call: &Call) -> Result<bool, OssError> {
    match call.head.one("x-oss-complete-all")? {
        None => Ok(false),
        Some("yes") => Ok(true),
        Some(_) => Err(OssError::invalid_argument("x-oss-complete-all must be yes.")),
    }
}

/// The URL of the object: where the request went, without its parameters.
fn location(oss: &Oss, Call { head, .. }: &Call) -> String {
    format!("{}://{}{}", head.scheme(&oss.proxies), head.host(), head.parts.target.path())
}

/// `DELETE /<bucket>/<key>?uploadId`
pub(super) async fn abort(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    oss.app.abort_upload(permit, upload_id(&call.head.query)?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `GET /<bucket>/<key>?uploadId`
pub(super) async fn list_parts(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let query = &call.head.query;
    let id = upload_id(query)?;
    let max_parts = limit(query, "max-parts", MAX_ENTRIES, MAX_ENTRIES)?;
    let after = after(query)?;
    // A marker beyond all numbers is behind all parts.
    let behind = PartNumber::new(after.min(PartNumber::MAX.into()));
    let page = oss.app.list_parts(&permit, id, behind, max_parts).await?;
    let target = target(&permit, query)?;
    let (parts, more) = (&page.parts, page.more);
    Ok(xml(write_part_list(&PartList { target, id, after, max_parts, parts, more })))
}

/// `part-number-marker`
fn after(query: &Query) -> Result<u64, OssError> {
    let wrong = || OssError::invalid_argument("part-number-marker must be a number.");
    match query.first("part-number-marker") {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| wrong()),
    }
}

/// `GET /<bucket>?uploads`
pub(super) async fn list_uploads(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let query = &call.head.query;
    let wanted = ListQuery {
        prefix: name(query, "prefix")?,
        delimiter: name(query, "delimiter")?,
        after: name(query, "key-marker")?,
        max_keys: limit(query, "max-uploads", MAX_ENTRIES, MAX_ENTRIES)?,
    };
    let behind = id_marker(query)?;
    let encoding = encoding(query)?;
    let page = oss.app.list_uploads(&permit, wanted.clone(), behind).await?;
    Ok(xml(write_upload_list(&UploadList {
        bucket: &permit.bucket().name,
        query: &wanted,
        behind,
        encoding,
        page: &page,
    })))
}

/// `upload-id-marker`
fn id_marker(query: &Query) -> Result<Option<UploadId>, OssError> {
    let text = query.first("upload-id-marker").filter(|text| !text.is_empty());
    let wrong = |_| OssError::invalid_argument("upload-id-marker is not the id of an upload.");
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

impl From<InvalidCompletion> for OssError {
    fn from(err: InvalidCompletion) -> Self {
        let code = match &err {
            InvalidCompletion::Xml(_) | InvalidCompletion::Shape => Code::MalformedXML,
            InvalidCompletion::Number(_) => Code::InvalidArgument,
        };
        Self::saying(code, format!("{} ({err})", code.message()))
    }
}
