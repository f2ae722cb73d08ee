//! Why a request passes or not.

use axum::body::Body;
use axum::response::Response;

use super::{MAX_SMALL_BYTES, at_leisure, json, state};
use crate::domain::code::Code;
use crate::domain::referer::explain::explain as explain_asked;
use crate::http::admin::ApiError;
use crate::http::admin::api::{OnBucket, read_json};
use crate::service::bucket::Settings;
use crate::wire::explain::{Explained, InvalidQuestion, Question};

/// `POST …/referer/explain`
pub(super) async fn explain(on: OnBucket, body: Body) -> Result<Response, ApiError> {
    let question: Question = read_json(body, MAX_SMALL_BYTES).await?;
    let settings = on.permit.bucket().settings();
    at_leisure(move || answer(&question, &settings)).await?
}

fn answer(question: &Question, settings: &Settings) -> Result<Response, ApiError> {
    let asked = question.asked()?;
    let (version, gate) = settings.referer.answering();
    let answer = explain_asked(gate, &asked);
    let origin = (version.0, state(settings.referer.is_in_force()));
    Ok(json(&Explained::new(gate, &answer, Some(origin))))
}

impl From<InvalidQuestion> for ApiError {
    fn from(err: InvalidQuestion) -> Self {
        Self::saying(Code::InvalidArgument, format!("The body: {err}."))
    }
}
