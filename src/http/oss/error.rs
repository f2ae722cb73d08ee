//! What a refused request is told.

use std::borrow::Cow;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Body as _;

use super::append::NEXT_POSITION;
use crate::domain::code::{Code, Reason};
use crate::domain::object::append::Unappendable;
use crate::service::error::{BodyError, Error};

/// A refused request: what the client is told, and what the log is told.
#[derive(Debug)]
pub struct OssError(Box<Refusal>);

/// What an [`OssError`] says.
#[derive(Debug)]
pub(super) struct Refusal {
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
    pub(in crate::http) fn saying(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::from(Reason::of(code)).with_message(message)
    }

    /// An argument that breaks a rule; the sentence says which.
    pub(in crate::http) fn invalid_argument(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::saying(Code::InvalidArgument, sentence)
    }

    /// An operation or feature that OSS has and we do not.
    pub(super) fn not_implemented(name: &str) -> Self {
        Self::saying(Code::NotImplemented, format!("{name} is not implemented."))
    }

    /// The same with other words.
    pub(super) fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same with a header.
    pub(in crate::http) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The same with an element of its own.
    pub(super) fn with_detail(mut self, name: &'static str, text: &str) -> Self {
        self.0.details.push((name, text.to_owned()));
        self
    }

    /// The same without elements of these names.
    pub(in crate::http) fn without_details(mut self, names: &[&str]) -> Self {
        self.0.details.retain(|(name, _)| !names.contains(name));
        self
    }

    /// What it says.
    pub(super) const fn refusal(&self) -> &Refusal {
        &self.0
    }

    /// What happened, if more did than that a rule was broken.
    pub(in crate::http) const fn cause(&self) -> Option<&Error> {
        self.0.cause.as_ref()
    }

    /// The code.
    pub(in crate::http) const fn code(&self) -> Code {
        self.0.reason.code
    }
}

impl From<Reason> for OssError {
    fn from(reason: Reason) -> Self {
        Self(Box::new(Refusal {
            message: reason.message.into(),
            reason,
            details: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }
}

impl From<Code> for OssError {
    fn from(code: Code) -> Self {
        Reason::of(code).into()
    }
}

impl From<Error> for OssError {
    fn from(err: Error) -> Self {
        let mut refused = Self::from(err.reason());
        if let Error::Policy(invalid) = &err {
            refused = refused.with_message(format!("{} ({invalid})", err.reason().message));
        }
        refused.0.details = err.details();
        if let Error::Unappendable(Unappendable::Position(end)) = &err {
            refused.0.headers.push((NEXT_POSITION, HeaderValue::from(*end)));
        }
        refused.0.cause = Some(err);
        refused
    }
}

impl From<BodyError> for OssError {
    fn from(err: BodyError) -> Self {
        Error::from(err).into()
    }
}

/// Reads the rest of a body that is refused, so that a client that sends before it listens gets
/// to read why. A client that waits for `100 Continue` has not sent anything.
pub(super) async fn drain_unread(headers: &HeaderMap, body: Body) {
    if !body.is_end_stream() && !headers.contains_key(header::EXPECT) {
        Box::pin(crate::http::body::drain(body)).await;
    }
}
