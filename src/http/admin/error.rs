//! The form of every error of the admin plane.

use std::borrow::Cow;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::domain::code::{self, Code, Reason};
use crate::service::error::{BodyError, Error};

/// A refused request: `{"error": {"code", "message"}}` with the status of the code.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
}

impl ApiError {
    /// A refusal with words of its own.
    pub fn saying(code: Code, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { status: code.status(), code: code.as_str(), message: sentence.into() }
    }

    /// There is nothing of that name.
    pub fn not_found(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "NotFound", message: sentence.into() }
    }

    /// Something that is there is in the way.
    pub fn conflict(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::CONFLICT, code: "Conflict", message: sentence.into() }
    }

    /// The thing was changed since the client read it (`If-Match`).
    pub fn changed(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::saying(Code::PreconditionFailed, sentence)
    }
}

impl From<Error> for ApiError {
    fn from(err: Error) -> Self {
        if let Error::Domain(err) = &err {
            return Self::from(&**err);
        }
        let Reason { code, message, .. } = err.reason();
        if err.reason() == code::NOT_AN_ADMINISTRATOR {
            return Self { status: StatusCode::UNAUTHORIZED, ..Self::saying(code, message) };
        }
        if code == Code::InternalError {
            tracing::error!(error = ?err, "an admin request failed: {err}");
        }
        if let Error::Policy(invalid) = err {
            return Self::saying(code, format!("{invalid}."));
        }
        Self::saying(code, message)
    }
}

impl From<BodyError> for ApiError {
    fn from(err: BodyError) -> Self {
        let sentence = format!("{err}.");
        Self { message: sentence.into(), ..Error::from(err).into() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Basic realm=\"refgate\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
