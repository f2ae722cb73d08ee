//! What an object has beside its content: its ACL, its tags, and what a symlink stands for.

use http::{HeaderName, HeaderValue, StatusCode, header};

use super::error::drain_unread;
use super::object::copy;
use super::respond::{empty, xml};
use super::upload::{new_object, object_acl};
use super::{Answer, Call, Oss, OssError};
use crate::domain::code::{self, Code};
use crate::domain::encode::{form_decode_bytes, percent_encode_path};
use crate::domain::name::ObjectKey;
use crate::domain::object::tags::Tags;
use crate::service::access::ObjectPermit;
use crate::wire::bucket::write_acl;
use crate::wire::tagging::{InvalidTagging, MAX_TAGGING_BYTES, read_tagging, write_tagging};

const SYMLINK_TARGET: HeaderName = HeaderName::from_static("x-oss-symlink-target");

/// `GET /<bucket>/<key>?acl`
pub(super) async fn get_acl(oss: &Oss, permit: ObjectPermit) -> Answer {
    let stored = oss.app.find_object(&permit).await?;
    Ok(xml(write_acl(&oss.account(), stored.object.attributes.acl)))
}

/// `PUT /<bucket>/<key>?acl`
pub(super) async fn put_acl(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    drain_unread(&call.head.parts.headers, call.body).await;
    if call.head.one("x-oss-object-acl")?.is_none_or(str::is_empty) {
        return Err(code::OBJECT_ACL_MISSING.into());
    }
    let acl = object_acl(&call.head.parts.headers)?.unwrap_or_default();
    oss.app.put_object_acl(permit, acl).await?;
    Ok(empty(StatusCode::OK))
}

/// `GET /<bucket>/<key>?symlink`
pub(super) async fn get_symlink(oss: &Oss, permit: ObjectPermit) -> Answer {
    let stored = oss.app.find_object(&permit).await?;
    let target = stored.object.link.as_ref().ok_or(code::NOT_A_SYMLINK)?;
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    copy(&stored.lines, headers, &[header::ETAG, header::LAST_MODIFIED]);
    let value = HeaderValue::try_from(percent_encode_path(target.as_str()));
    headers.insert(SYMLINK_TARGET, value.map_err(|_| Code::InternalError)?);
    Ok(response)
}

/// `PUT /<bucket>/<key>?symlink`
pub(super) async fn put_symlink(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    drain_unread(&call.head.parts.headers, call.body).await;
    let target = match call.head.one(SYMLINK_TARGET.as_str())? {
        None | Some("") => return Err(code::SYMLINK_WITHOUT_TARGET.into()),
        Some(text) => symlink_target(text)?,
    };
    let stored = oss.app.put_symlink(permit, new_object(&call.head.parts.headers)?, target).await?;
    let mut response = empty(StatusCode::OK);
    copy(&stored.lines, response.headers_mut(), &[header::ETAG]);
    Ok(response)
}

fn symlink_target(text: &str) -> Result<ObjectKey, OssError> {
    let invalid = |why: String| {
        let message = format!("{} ({SYMLINK_TARGET}: {why})", Code::InvalidObjectName.message());
        OssError::saying(Code::InvalidObjectName, message)
    };
    let bytes = form_decode_bytes(text).map_err(|err| invalid(err.to_string()))?;
    ObjectKey::from_bytes(&bytes).map_err(|err| invalid(err.to_string()))
}

/// `GET /<bucket>/<key>?tagging`
pub(super) async fn get_tags(oss: &Oss, permit: ObjectPermit) -> Answer {
    let stored = oss.app.find_object(&permit).await?;
    Ok(xml(write_tagging(&stored.object.attributes.tags)))
}

/// `PUT /<bucket>/<key>?tagging`
pub(super) async fn put_tags(oss: &Oss, permit: ObjectPermit, call: Call) -> Answer {
    let body = call.read_body(MAX_TAGGING_BYTES, oss).await?;
    oss.app.put_object_tags(permit, read_tagging(&body)?).await?;
    Ok(empty(StatusCode::OK))
}

/// `DELETE /<bucket>/<key>?tagging`
pub(super) async fn delete_tags(oss: &Oss, permit: ObjectPermit) -> Answer {
    oss.app.put_object_tags(permit, Tags::default()).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

impl From<InvalidTagging> for OssError {
    fn from(err: InvalidTagging) -> Self {
        match err {
            InvalidTagging::Tags(tags) => tags.into(),
            InvalidTagging::Xml(_) | InvalidTagging::Shape => {
                let code = Code::MalformedXML;
                Self::saying(code, format!("{} ({err})", code.message()))
            }
        }
    }
}
