//! `AppendObject`.

use http::{HeaderName, StatusCode, header};

use super::head::Head;
use super::object::copy;
use super::respond::empty;
use super::upload::{new_object, receive};
use super::{Answer, Call, Oss, OssError};
use crate::domain::code;
use crate::domain::object::append::MAX_APPENDABLE_BYTES;
use crate::service::access::ObjectPermit;

/// Where the next append goes.
pub(super) const NEXT_POSITION: HeaderName = HeaderName::from_static("x-oss-next-append-position");

/// `POST /<bucket>/<key>?append&position`
pub(super) async fn append(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    // What is wrong with a position is said elsewhere.
    let most = position(&call.head).ok().and_then(|at| MAX_APPENDABLE_BYTES.checked_sub(at));
    let most = most.unwrap_or(MAX_APPENDABLE_BYTES);
    let prepare = |call: &Call| Ok((position(&call.head)?, new_object(&call.head.parts.headers)?));
    let stored = receive(oss, call, (most, prepare), async |(position, new), content| {
        oss.app.append_object(permit, position, new, content).await
    });
    let stored = stored.await?;
    let mut response = empty(StatusCode::OK);
    let told = [
        header::ETAG,
        NEXT_POSITION,
        HeaderName::from_static("x-oss-hash-crc64ecma"),
        HeaderName::from_static("x-oss-object-type"),
    ];
    copy(&stored.lines, response.headers_mut(), &told);
    Ok(response)
}

/// `position`
fn position(head: &Head) -> Result<u64, OssError> {
    let text = head.query.first("position").filter(|text| !text.is_empty());
    let text = text.ok_or(code::POSITION_MISSING)?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    Ok(text.parse().ok().filter(|_| digits).ok_or(code::POSITION_INVALID)?)
}
