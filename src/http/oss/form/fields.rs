//! The fields of a form that stand for headers of a `PutObject`.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::super::error::OssError;
use super::super::head::Head;
use super::super::upload::{STORED, new_object};
use crate::domain::code;
use crate::domain::form::UploadForm;
use crate::domain::op::unserved_feature;
use crate::domain::query::Query;
use crate::service::object::{Announced, NewObject};

/// Refuses what the head of a request asks for and is not there. Of its headers few count, but
/// passing one over that asks for encryption would be a lie.
pub(super) fn check_features(head: &Head) -> Result<(), OssError> {
    match unserved_feature(&head.parts.headers, &head.query) {
        Some(name) => Err(OssError::not_implemented(name)),
        None => Ok(()),
    }
}

/// Takes what may stand in the head of the request instead of the form into the form, so that the
/// policy is asked about it: the ACL of the object. A field counts more than the header.
pub(super) fn take_from_head(form: &mut UploadForm, head: &Head) -> Result<(), OssError> {
    const ACL: &str = "x-oss-object-acl";
    if form.fields.get(ACL).is_none()
        && let Some(acl) = head.one(ACL)?
    {
        let acl = acl.to_owned();
        // It was not there, so it is new.
        let _ = form.fields.insert(ACL, acl);
    }
    Ok(())
}

/// What a form says of the object that it makes, given [its headers](as_headers).
pub(super) fn read(
    form: &UploadForm,
    headers: &HeaderMap,
) -> Result<(NewObject, Announced), OssError> {
    /// Fields by which OSS is asked to tell another server.
    const CALLBACKS: [&str; 2] = ["callback", "callback-var"];

    let callback = CALLBACKS.iter().any(|name| form.fields.get(name).is_some());
    let callback = callback.then_some("upload callback");
    if let Some(name) = callback.or_else(|| unserved_feature(headers, &Query::default())) {
        return Err(OssError::not_implemented(name));
    }
    match form.fields.get("x-oss-forbid-overwrite") {
        None | Some("true" | "false") => {}
        Some(_) => return Err(code::FORM_FORBID_OVERWRITE.into()),
    }
    let md5 = form.fields.get("content-md5").map(|text| Announced::read_md5(text.as_bytes()));
    let announced = Announced { md5: md5.transpose()?, sha256: None };
    Ok((new_object(headers)?, announced))
}

/// The fields of a form that stand for headers, as such. The others belong to the form, or mean nothing to OSS.
pub(super) fn as_headers(form: &UploadForm) -> Result<HeaderMap, OssError> {
    let mut headers = HeaderMap::new();
    let meant = |name: &str| {
        name.starts_with("x-oss-") || STORED.iter().any(|stored| stored.as_str() == name)
    };
    for (name, value) in form.fields.iter().filter(|(name, _)| meant(name)) {
        let invalid = |what: &str| {
            let name: String = name.chars().take(64).collect();
            OssError::invalid_argument(format!("The {what} of field {name:?} is not valid."))
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid("value"))?;
        headers.insert(name, value);
    }
    // It may stand in three places, of which the policy was asked about the one that counts.
    headers.remove(header::CONTENT_TYPE);
    if let Some(text) = form.content_type() {
        let value = HeaderValue::from_bytes(text.as_bytes());
        let invalid = || OssError::invalid_argument("The content type is not valid.");
        headers.insert(header::CONTENT_TYPE, value.map_err(|_| invalid())?);
    }
    Ok(headers)
}
