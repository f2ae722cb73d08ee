//! `/api/v1/users`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ApiError;
use super::super::api::{Admin, read_json};
use super::{Answer, MAX_BODY_BYTES, answer, done, named};
use crate::domain::iam::{PolicyName, UserName};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::iam::{IamChange, KeySummary, User};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
}

/// `GET …/users`
pub(super) async fn list(State(app): State<Arc<App>>, Admin(by): Admin) -> Answer {
    let users: Vec<_> = app.users(&by)?.iter().map(|user| user_json(user)).collect();
    Ok(answer(StatusCode::OK, &json!({ "users": users })))
}

/// `POST …/users`
pub(super) async fn create(State(app): State<Arc<App>>, Admin(by): Admin, body: Body) -> Answer {
    let NewUser { name } = read_json(body, MAX_BODY_BYTES).await?;
    let name: UserName = named(&name)?;
    done(app.change_iam(&by, IamChange::CreateUser(name.clone())).await?, name.as_str())?;
    shown(&app, &by, &name, StatusCode::CREATED)
}

/// `GET …/users/{user}`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(user): Path<String>,
) -> Answer {
    shown(&app, &by, &named(&user)?, StatusCode::OK)
}

/// `DELETE …/users/{user}`: its keys and temporary credentials open nothing any more.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(user): Path<String>,
) -> Answer {
    let name: UserName = named(&user)?;
    done(app.change_iam(&by, IamChange::DeleteUser(name)).await?, &user)?;
    Ok(answer(StatusCode::OK, &json!({ "deleted": user })))
}

/// `PUT …/users/{user}/policies/{policy}`
pub(super) async fn attach(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(path): Path<(String, String)>,
) -> Answer {
    change_policies(&app, &by, path, IamChange::Attach).await
}

/// `DELETE …/users/{user}/policies/{policy}`
pub(super) async fn detach(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(path): Path<(String, String)>,
) -> Answer {
    change_policies(&app, &by, path, IamChange::Detach).await
}

async fn change_policies(
    app: &Arc<App>,
    by: &Administrator,
    (user, policy): (String, String),
    change: impl FnOnce(UserName, PolicyName) -> IamChange,
) -> Answer {
    let name: UserName = named(&user)?;
    let change = change(name.clone(), named(&policy)?);
    let changed = app.change_iam(by, change).await?;
    let about = if app.user(by, &name)?.is_some() { &policy } else { &user };
    done(changed, about)?;
    shown(app, by, &name, StatusCode::OK)
}

fn shown(app: &App, by: &Administrator, name: &UserName, status: StatusCode) -> Answer {
    let user = app.user(by, name)?;
    let user = user.ok_or_else(|| ApiError::not_found(format!("There is no user {name}.")))?;
    Ok(answer(status, &user_json(&user)))
}

fn user_json(user: &User) -> Value {
    json!({
        "name": user.name.as_str(),
        "created": user.created.to_rfc3339(),
        "keys": user.keys.iter().map(key_json).collect::<Vec<_>>(),
        "policies": user.policies.iter().map(PolicyName::as_str).collect::<Vec<_>>(),
    })
}

pub(super) fn key_json(key: &KeySummary) -> Value {
    json!({
        "access_key_id": key.id.as_str(),
        "enabled": key.enabled,
        "created": key.created.to_rfc3339(),
    })
}
