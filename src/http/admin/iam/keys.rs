//! `/api/v1/keys`, and the keys of a user.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::super::ApiError;
use super::super::api::{Admin, read_json};
use super::users::key_json;
use super::{Answer, MAX_BODY_BYTES, answer, done, named};
use crate::domain::iam::UserName;
use crate::domain::name::AccessKeyId;
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::iam::{IamChange, MadeKey};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    enabled: bool,
}

/// `POST …/users/{user}/keys`: a new key. This answer alone has its secret.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(user): Path<String>,
) -> Answer {
    let name: UserName = named(&user)?;
    match app.create_key(&by, name.clone()).await? {
        Ok(made) => Ok(made_json(&made, &name)),
        Err(why) => done(why, &user).map(|()| answer(StatusCode::OK, &json!({}))),
    }
}

/// `PUT …/keys/{key}`: enables or disables it.
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(key): Path<String>,
    body: Body,
) -> Answer {
    let Wanted { enabled } = read_json(body, MAX_BODY_BYTES).await?;
    let (user, id) = find(&app, &by, &key)?;
    let change = IamChange::EnableKey(user.clone(), id.clone(), enabled);
    done(app.change_iam(&by, change).await?, &key)?;
    let user = app.user(&by, &user)?;
    let found = user.as_ref().and_then(|user| user.keys.iter().find(|key| key.id == id));
    let found = found.ok_or_else(|| gone(&key))?;
    Ok(answer(StatusCode::OK, &key_json(found)))
}

/// `DELETE …/keys/{key}`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(key): Path<String>,
) -> Answer {
    let (user, id) = find(&app, &by, &key)?;
    done(app.change_iam(&by, IamChange::DeleteKey(user, id)).await?, &key)?;
    Ok(answer(StatusCode::OK, &json!({ "deleted": key })))
}

/// `POST …/keys/{key}/rotate`: disables the key and gives its user a new one. This answer alone
/// has its secret.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(key): Path<String>,
) -> Answer {
    let (user, id) = find(&app, &by, &key)?;
    match app.rotate_key(&by, (user.clone(), id)).await? {
        Ok(made) => Ok(made_json(&made, &user)),
        Err(why) => done(why, &key).map(|()| answer(StatusCode::OK, &json!({}))),
    }
}

/// Whose key it is.
fn find(app: &App, by: &Administrator, text: &str) -> Result<(UserName, AccessKeyId), ApiError> {
    let id: AccessKeyId = named(text)?;
    let user = app.owner_of_key(by, &id)?.ok_or_else(|| gone(text))?;
    Ok((user, id))
}

fn gone(id: &str) -> ApiError {
    ApiError::not_found(format!("There is no access key {id}."))
}

fn made_json(made: &MadeKey, user: &UserName) -> http::Response<Body> {
    let json = json!({
        "user": user.as_str(),
        "access_key_id": made.id.as_str(),
        "access_key_secret": made.secret.expose(),
    });
    answer(StatusCode::CREATED, &json)
}
