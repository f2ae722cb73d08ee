//! Handlers of the policy of a bucket.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

use super::respond::{empty, xml};
use super::{Answer, Call, Oss};
use crate::domain::code::{self, Code};
use crate::domain::iam::{InvalidPolicy, Kind, MAX_POLICY_BYTES, PolicyDocument};
use crate::service::access::BucketPermit;
use crate::service::error::Error;
use crate::wire::bucket::write_policy_status;

/// `PUT /<bucket>?policy`
pub(super) async fn put(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let body = call.read_body(MAX_POLICY_BYTES, oss).await.map_err(|err| {
        let too_long = err.code() == Code::EntityTooLarge;
        if too_long { code::POLICY_TOO_LARGE.into() } else { err }
    })?;
    let text = std::str::from_utf8(&body)
        .map_err(|err| Error::from(InvalidPolicy::NotJson(err.to_string())))?;
    let document = PolicyDocument::parse(text, Kind::Bucket).map_err(Error::from)?;
    oss.app.put_bucket_policy(permit, Some(Arc::new(document))).await?;
    Ok(empty(StatusCode::OK))
}

/// `GET /<bucket>?policy`: the policy as it was put.
pub(super) fn get(permit: &BucketPermit) -> Answer {
    let settings = permit.bucket().settings();
    let document = settings.document.as_ref().ok_or(code::NO_SUCH_BUCKET_POLICY)?;
    let mut response = Response::new(Body::from(document.as_str().to_owned()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// `DELETE /<bucket>?policy`, also if there is none.
pub(super) async fn delete(oss: &Oss, permit: BucketPermit) -> Answer {
    oss.app.put_bucket_policy(permit, None).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `GET /<bucket>?policyStatus`: whether the policy lets everybody in.
pub(super) fn get_status(permit: &BucketPermit) -> Response<Body> {
    let settings = permit.bucket().settings();
    let public = settings.document.as_ref().is_some_and(|document| document.is_public());
    xml(write_policy_status(public))
}
