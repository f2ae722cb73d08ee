//! `/api/v1/buckets/{bucket}/policy`: the policy of a bucket, as `?policy` has it. Here it is not
//! asked itself, so the administrator gets at it whatever it says.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use super::super::ApiError;
use super::super::api::OnBucket;
use super::{Answer, answer, policy_json, read_policy};
use crate::domain::code::NO_SUCH_BUCKET_POLICY;
use crate::domain::iam::Kind;
use crate::service::App;
use crate::service::error::Error;

/// `GET`
pub(super) async fn get(OnBucket { permit, .. }: OnBucket) -> Answer {
    let settings = permit.bucket().settings();
    let missing = || ApiError::from(Error::Refused(NO_SUCH_BUCKET_POLICY));
    let document = settings.document.as_ref().ok_or_else(missing)?;
    Ok(answer(StatusCode::OK, &policy_json(document)?))
}

/// `PUT` with the policy
pub(super) async fn put(State(app): State<Arc<App>>, on: OnBucket, body: Body) -> Answer {
    let document = Arc::new(read_policy(body, Kind::Bucket).await?);
    app.put_bucket_policy(on.permit, Some(Arc::clone(&document))).await?;
    Ok(answer(StatusCode::OK, &policy_json(&document)?))
}

/// `DELETE`
pub(super) async fn delete(State(app): State<Arc<App>>, on: OnBucket) -> Answer {
    let bucket = on.permit.bucket().name.clone();
    app.put_bucket_policy(on.permit, None).await?;
    Ok(answer(StatusCode::OK, &json!({ "deleted": bucket.as_str() })))
}
