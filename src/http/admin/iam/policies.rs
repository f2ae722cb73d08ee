//! `/api/v1/policies`: policies that users can be given.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::json;

use super::super::ApiError;
use super::super::api::Admin;
use super::{Answer, answer, done, named, policy_json, read_policy};
use crate::domain::iam::{Kind, PolicyName, UserName};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::iam::IamChange;

/// `GET …/policies`
pub(super) async fn list(State(app): State<Arc<App>>, Admin(by): Admin) -> Answer {
    let policies = app.policies(&by)?;
    let policies: Vec<_> = policies
        .iter()
        .map(|it| json!({ "name": it.name.as_str(), "updated": it.updated.to_rfc3339() }))
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "policies": policies })))
}

/// `GET …/policies/{policy}`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(policy): Path<String>,
) -> Answer {
    shown(&app, &by, &named(&policy)?)
}

/// `PUT …/policies/{policy}` with the policy: creates it, or replaces it for all who have it.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(policy): Path<String>,
    body: Body,
) -> Answer {
    let name: PolicyName = named(&policy)?;
    let document = Arc::new(read_policy(body, Kind::User).await?);
    done(app.change_iam(&by, IamChange::PutPolicy(name.clone(), document)).await?, &policy)?;
    shown(&app, &by, &name)
}

/// `DELETE …/policies/{policy}`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(policy): Path<String>,
) -> Answer {
    let name: PolicyName = named(&policy)?;
    done(app.change_iam(&by, IamChange::DeletePolicy(name)).await?, &policy)?;
    Ok(answer(StatusCode::OK, &json!({ "deleted": policy })))
}

fn shown(app: &App, by: &Administrator, name: &PolicyName) -> Answer {
    let found = app.policy(by, name)?;
    let missing = || ApiError::not_found(format!("There is no policy {name}."));
    let (policy, users) = found.ok_or_else(missing)?;
    let json = json!({
        "name": name.as_str(),
        "updated": policy.updated.to_rfc3339(),
        "users": users.iter().map(UserName::as_str).collect::<Vec<_>>(),
        "document": policy_json(&policy.document)?,
    });
    Ok(answer(StatusCode::OK, &json))
}
