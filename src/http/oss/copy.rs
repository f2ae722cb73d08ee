//! `CopyObject`.

use http::{StatusCode, header};

use super::error::drain_unread;
use super::head::Head;
use super::respond::{empty, xml};
use super::upload::{new_object, object_acl};
use super::{Answer, Call, Oss, OssError};
use crate::domain::code::Code;
use crate::domain::object::conditional::Conditions;
use crate::domain::object::copy::{CopySource, Directive, InvalidCopySource};
use crate::service::access::CopyPermit;
use crate::service::object::{Copied, NewCopy};
use crate::wire::copy::write_copy_result;

/// The header that names what is copied.
pub(super) const COPY_SOURCE: &str = "x-oss-copy-source";

/// `PUT /<bucket>/<key>` with `x-oss-copy-source`. The request has no body to speak of.
pub(super) async fn copy(oss: &Oss, permit: CopyPermit, call: Call) -> Answer {
    let head = &call.head;
    drain_unread(&head.parts.headers, call.body).await;
    let new = NewCopy {
        conditions: conditions(head),
        metadata: directive(head, "x-oss-metadata-directive")?,
        tagging: directive(head, "x-oss-tagging-directive")?,
        acl: object_acl(&head.parts.headers)?,
        object: new_object(&head.parts.headers)?,
    };
    let copy = match oss.app.copy_object(permit, new).await? {
        Copied::Done(copy) => copy,
        Copied::NotModified => return Ok(empty(StatusCode::NOT_MODIFIED)),
    };
    let mut response = xml(write_copy_result(&copy.object.etag, copy.object.modified));
    let told = [header::ETAG, header::HeaderName::from_static("x-oss-hash-crc64ecma")];
    super::object::copy(&copy.lines, response.headers_mut(), &told);
    Ok(response)
}

/// What a request copies.
pub(super) fn source(head: &Head) -> Result<CopySource, OssError> {
    let text = head.one(COPY_SOURCE)?.unwrap_or_default();
    Ok(CopySource::read(text)?)
}

/// The conditions on the source of a copy.
pub(super) fn conditions(head: &Head) -> Conditions<'_> {
    let header = |name| head.lenient(header::HeaderName::from_static(name));
    Conditions {
        if_match: header("x-oss-copy-source-if-match"),
        if_none_match: header("x-oss-copy-source-if-none-match"),
        if_modified_since: header("x-oss-copy-source-if-modified-since"),
        if_unmodified_since: header("x-oss-copy-source-if-unmodified-since"),
        if_range: None,
    }
}

fn directive(head: &Head, name: &str) -> Result<Directive, OssError> {
    let wrong = || OssError::invalid_argument(format!("{name} must be COPY or REPLACE."));
    let read = |text: &str| Directive::parse(text).ok_or_else(wrong);
    Ok(head.one(name)?.map(read).transpose()?.unwrap_or_default())
}

impl From<InvalidCopySource> for OssError {
    fn from(err: InvalidCopySource) -> Self {
        let code = match err {
            InvalidCopySource::Shape => Code::InvalidArgument,
            InvalidCopySource::Bucket(_) => Code::InvalidBucketName,
            InvalidCopySource::Key(_) => Code::InvalidObjectName,
            InvalidCopySource::Version => Code::NotImplemented,
        };
        Self::saying(code, format!("{} ({COPY_SOURCE}: {err})", code.message()))
    }
}
