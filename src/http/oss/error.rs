//! What a refused request is told.

use std::borrow::Cow;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::domain::auth::AuthError;
use crate::domain::code::{Code, Reason};
use crate::service::error::{BodyError, Error};

/// A refusal: what the client is told, and what the log is told.
#[derive(Debug)]
pub struct OssError {
    /// The code and its number.
    pub(super) reason: Reason,
    /// The text for a person.
    pub(super) message: Cow<'static, str>,
    /// Elements of this error alone.
    pub(super) details: Vec<(&'static str, String)>,
    /// Headers of this error alone.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// What happened, for the log.
    pub(super) cause: Option<Error>,
}

impl OssError {
    /// A refusal with words of its own.
    pub(super) fn saying(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::from(Reason::of(code)) }
    }

    /// An argument that breaks a rule; the sentence says which.
    pub(super) fn invalid_argument(sentence: String) -> Self {
        Self::saying(Code::InvalidArgument, sentence)
    }

    /// An operation or feature that OSS has and we do not.
    pub(super) fn not_implemented(name: &str) -> Self {
        Self::saying(Code::NotImplemented, format!("{name} is not implemented."))
    }

    /// The same with a header.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<Reason> for OssError {
    fn from(reason: Reason) -> Self {
        Self {
            message: reason.message.into(),
            reason,
            details: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }
    }
}

impl From<Code> for OssError {
    fn from(code: Code) -> Self {
        Reason::of(code).into()
    }
}

impl From<Error> for OssError {
    fn from(err: Error) -> Self {
        Self { details: err.details(), ..Self { cause: Some(err), ..Self::blank() } }.explained()
    }
}

impl From<BodyError> for OssError {
    fn from(err: BodyError) -> Self {
        Error::from(err).into()
    }
}

impl From<AuthError> for OssError {
    fn from(err: AuthError) -> Self {
        Error::from(err).into()
    }
}

impl OssError {
    fn blank() -> Self {
        Reason::of(Code::InternalError).into()
    }

    fn explained(mut self) -> Self {
        if let Some(cause) = &self.cause {
            self.reason = cause.reason();
            self.message = self.reason.message.into();
        }
        self
    }
}

/// Reads the rest of a body that is refused, so that a client that sends before it listens gets
/// to read why. A client that waits for `100 Continue` has not sent anything.
pub(super) async fn drain_unread(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        crate::http::body::drain(body).await;
    }
}
