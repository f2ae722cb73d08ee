//! Why a request for an object passes or not.

use axum::body::Body;
use axum::response::Response;
use http::Method;
use serde::{Deserialize, Serialize};

use super::{MAX_SMALL_BYTES, at_leisure, json, state};
use crate::domain::code::Code;
use crate::domain::referer::Referers;
use crate::domain::referer::explain::{Answer, Asked, Signed, explain as explain_asked};
use crate::domain::referer::lint::List;
use crate::http::admin::ApiError;
use crate::http::admin::api::{OnBucket, read_json};
use crate::service::bucket::Settings;

/// A request to explain. Without a referer it has none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default = "get")]
    method: String,
    referer: Option<String>,
    /// The values of several `Referer` lines.
    #[serde(default)]
    referers: Vec<String>,
    #[serde(default)]
    signed: SignedWord,
    /// Whether the signature is right.
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SignedWord {
    #[default]
    None,
    Url,
    Header,
}

impl From<SignedWord> for Signed {
    fn from(word: SignedWord) -> Self {
        match word {
            SignedWord::None => Self::None,
            SignedWord::Url => Self::Url,
            SignedWord::Header => Self::Header,
        }
    }
}

fn get() -> String {
    "GET".into()
}

const fn yes() -> bool {
    true
}

#[derive(Serialize)]
struct Explained<'a> {
    /// The version that answers.
    version: i64,
    /// Whether that is the newest.
    state: &'static str,
    decision: &'static str,
    applies: bool,
    why_not: Option<String>,
    /// What the policy says, or would say if it were asked.
    sentence: String,
    step: &'static str,
    list: Option<&'static str>,
    rule: Option<&'a str>,
    /// Where in its list, from 0.
    position: Option<usize>,
    subject: Option<&'a str>,
    ec: Option<&'static str>,
}

/// `POST …/referer/explain`
pub(super) async fn explain(on: OnBucket, body: Body) -> Result<Response, ApiError> {
    let question: Question = read_json(body, MAX_SMALL_BYTES).await?;
    let bad = |sentence| ApiError::saying(Code::InvalidArgument, sentence);
    if Method::from_bytes(question.method.as_bytes()).is_err() {
        return Err(bad("The body: method is no HTTP method."));
    }
    if question.referer.is_some() && !question.referers.is_empty() {
        return Err(bad("The body: referer and referers are both there."));
    }
    let settings = on.permit.bucket().settings();
    at_leisure(move || answer(&question, &settings)).await?
}

fn answer(question: &Question, settings: &Settings) -> Result<Response, ApiError> {
    let (version, matcher) = settings.referer.answering()?;
    let lines = question.referer.iter().chain(&question.referers);
    let signed = Signed::from(question.signed);
    let asked = Asked {
        method: &question.method,
        signed,
        referers: Referers::read(lines.map(String::as_bytes)),
    };
    let answer = explain_asked(matcher, &asked);
    let refused = signed != Signed::None && !question.verified;
    let (list, entry) = answer.rule().unzip();
    let allowed = answer.is_allowed() && !refused;
    Ok(json(&Explained {
        version: version.0,
        state: state(settings.referer.is_in_force()),
        decision: if allowed { "allow" } else { "deny" },
        applies: answer.exempt.is_none() && !refused,
        why_not: why_not(&answer, refused),
        sentence: answer.explanation.decision.to_string(),
        step: answer.step().as_str(),
        list: list.map(List::as_str),
        rule: entry.map(|entry| entry.pattern.as_str()),
        position: entry.map(|entry| entry.position),
        subject: answer.explanation.subject.as_deref(),
        ec: answer.ec().filter(|_| !refused),
    }))
}

fn why_not(answer: &Answer<'_>, refused: bool) -> Option<String> {
    if refused {
        let sentence = "the signature is wrong, and the request is refused for that before";
        return Some(sentence.to_owned());
    }
    answer.exempt.map(|exempt| exempt.to_string())
}
