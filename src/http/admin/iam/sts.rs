//! `/api/v1/sts`: temporary credentials.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::ApiError;
use super::super::api::{Admin, read_json};
use super::{Answer, answer, named};
use crate::domain::code::Code;
use crate::domain::iam::{Kind, MAX_POLICY_BYTES, PolicyDocument};
use crate::service::App;
use crate::service::error::Error;
use crate::service::iam::{Grantee, MAX_SESSION_POLICY_BYTES, SECONDS, Temporary};

/// How long credentials are good if nothing is said.
///
/// Source: STS "AssumeRole", `DurationSeconds`.
const DEFAULT_SECONDS: u32 = 3600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    user: Option<String>,
    policy: Option<Box<RawValue>>,
    duration_seconds: Option<u32>,
}

/// `POST …/sts`
pub(super) async fn make(State(app): State<Arc<App>>, Admin(by): Admin, body: Body) -> Answer {
    let bad = |sentence: String| ApiError::saying(Code::InvalidArgument, sentence);
    let Wanted { user, policy, duration_seconds } = read_json(body, 2 * MAX_POLICY_BYTES).await?;
    let seconds = duration_seconds.unwrap_or(DEFAULT_SECONDS);
    if !SECONDS.contains(&seconds) {
        let (least, most) = (SECONDS.start(), SECONDS.end());
        return Err(bad(format!("duration_seconds is {seconds}, it must be {least} to {most}.")));
    }
    let policy = policy.as_deref().map(session_policy).transpose()?;
    let grantee = match (&user, policy) {
        (Some(user), policy) => Grantee::User(named(user)?, policy),
        (None, Some(policy)) => Grantee::Policy(policy),
        (None, None) => return Err(bad("A user or a policy is needed, or both.".into())),
    };
    let missing = || ApiError::not_found(format!("There is no user {}.", user.unwrap_or_default()));
    let made = app.make_temporary(&by, grantee, seconds)?.ok_or_else(missing)?;
    Ok(answer(StatusCode::CREATED, &temporary_json(&made)))
}

fn session_policy(json: &RawValue) -> Result<Arc<PolicyDocument>, ApiError> {
    let text = json.get();
    if text.len() > MAX_SESSION_POLICY_BYTES {
        let sentence = format!(
            "The policy has {} bytes, it may have {MAX_SESSION_POLICY_BYTES} here.",
            text.len()
        );
        return Err(ApiError::saying(Code::InvalidPolicyDocument, sentence));
    }
    Ok(Arc::new(PolicyDocument::parse(text, Kind::Session).map_err(Error::from)?))
}

fn temporary_json(made: &Temporary) -> Value {
    json!({
        "access_key_id": made.id.as_str(),
        "access_key_secret": made.secret.expose(),
        "security_token": made.token.expose(),
        "expiration": made.end.to_rfc3339(),
    })
}
