//! Handlers of the parts of an upload.

use axum::body::Body;
use base64::Engine as _;
use http::{HeaderValue, Response, StatusCode};

use super::super::copy::conditions;
use super::super::error::drain_unread;
use super::super::head::Head;
use super::super::respond::{empty, xml};
use super::super::upload::receive;
use super::super::{Answer, Call, Oss, OssError};
use super::upload_id;
use crate::domain::code::{self, Code};
use crate::domain::object::ETag;
use crate::domain::object::multipart::{MAX_PART_BYTES, Part, PartNumber};
use crate::service::access::{CopyPermit, ObjectPermit};
use crate::service::multipart::part::{CopiedPart, PartCopy, PartId};
use crate::wire::multipart::write_copied_part;

/// `PUT /<bucket>/<key>?partNumber&uploadId`
pub(in crate::http::oss) async fn upload_part(
    oss: &Oss,
    permit: ObjectPermit,
    call: Call,
) -> Answer {
    let prepare = |call: &Call| part_id(&call.head);
    let part = receive(oss, call, (MAX_PART_BYTES, prepare), async |id, content| {
        oss.app.upload_part(permit, id, content).await
    });
    described(&part.await?)
}

/// `PUT /<bucket>/<key>?partNumber&uploadId` with `x-oss-copy-source`. The request has no body to
/// speak of.
pub(in crate::http::oss) async fn copy_part(oss: &Oss, permit: CopyPermit, call: Call) -> Answer {
    let head = &call.head;
    drain_unread(&head.parts.headers, call.body).await;
    let id = part_id(head)?;
    let range = head.one("x-oss-copy-source-range")?;
    let copy = PartCopy { conditions: conditions(head), range };
    match oss.app.copy_part(permit, id, copy).await? {
        CopiedPart::NotModified => Ok(empty(StatusCode::NOT_MODIFIED)),
        CopiedPart::Done { part, slice, of } => {
            let mut response = xml(write_copied_part(&ETag::of_md5(&part.md5), part.modified));
            describe(&part, &mut response)?;
            if range.is_some() {
                response.headers_mut().insert("content-range", value(slice.content_range(of))?);
            }
            Ok(response)
        }
    }
}

/// Which part a request writes.
fn part_id(head: &Head) -> Result<PartId, OssError> {
    let number = head.query.first("partNumber").filter(|text| !text.is_empty());
    let number = number.ok_or(code::PART_NUMBER_MISSING)?;
    let number = PartNumber::parse(number).ok_or_else(|| {
        OssError::from(code::PART_NUMBER_INVALID)
            .with_detail("ArgumentName", "PartNumber")
            .with_detail("ArgumentValue", number)
    })?;
    Ok(PartId { upload: upload_id(&head.query)?, number })
}

fn described(part: &Part) -> Answer {
    let mut response = empty(StatusCode::OK);
    let md5 = base64::engine::general_purpose::STANDARD.encode(part.md5);
    response.headers_mut().insert("content-md5", value(md5)?);
    describe(part, &mut response)?;
    Ok(response)
}

fn describe(part: &Part, response: &mut Response<Body>) -> Result<(), OssError> {
    let headers = response.headers_mut();
    headers.insert("etag", value(ETag::of_md5(&part.md5).quoted())?);
    headers.insert("x-oss-hash-crc64ecma", value(part.crc64.to_string())?);
    Ok(())
}

fn value(text: String) -> Result<HeaderValue, OssError> {
    HeaderValue::try_from(text).map_err(|_| Code::InternalError.into())
}
