//! Why a request for an object passes or not.

use axum::body::Body;
use axum::response::Response;
use http::Method;
use serde::{Deserialize, Serialize};

use super::{MAX_SMALL_BYTES, at_leisure, json, state};
use crate::domain::code::Code;
use crate::domain::referer::explain::{Answer, Asked, Signed, explain as explain_asked};
use crate::domain::referer::lint::List;
use crate::domain::referer::{Facts, Referers, Verdict};
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
    /// What browsers say of who asks, and as what.
    sec_fetch_site: Option<String>,
    sec_fetch_dest: Option<String>,
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
    /// `monitor` if what is denied passes all the same.
    mode: &'static str,
    decision: &'static str,
    applies: bool,
    why_not: Option<String>,
    /// What the bucket says, or would say if it were asked: its policy and what goes beyond it.
    sentence: String,
    /// What follows is of the policy alone.
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
    at_leisure(move || answer(&question, &settings)).await
}

fn answer(question: &Question, settings: &Settings) -> Response {
    let (version, gate) = settings.referer.answering();
    let lines = question.referer.iter().chain(&question.referers);
    let signed = Signed::from(question.signed);
    let asked = Asked {
        method: &question.method,
        signed,
        referers: Referers::read(lines.map(String::as_bytes)),
    };
    let answer = explain_asked(gate.matcher(), &asked);
    let verdict = gate.decide(&Facts {
        referers: asked.referers,
        sec_fetch_site: question.sec_fetch_site.as_deref().map(str::as_bytes),
        sec_fetch_dest: question.sec_fetch_dest.as_deref().map(str::as_bytes),
    });
    let refused = signed != Signed::None && !question.verified;
    let (list, entry) = answer.rule().unzip();
    let denied = answer.exempt.is_none() && matches!(verdict, Verdict::Refuse { .. });
    json(&Explained {
        version: version.0,
        state: state(settings.referer.is_in_force()),
        mode: gate.extras().mode.as_str(),
        decision: if denied || refused { "deny" } else { "allow" },
        applies: answer.exempt.is_none() && !refused,
        why_not: why_not(&answer, refused),
        sentence: verdict.to_string(),
        step: answer.step().as_str(),
        list: list.map(List::as_str),
        rule: entry.map(|entry| entry.pattern.as_str()),
        position: entry.map(|entry| entry.position),
        subject: answer.explanation.subject.as_deref(),
        ec: verdict.refused().filter(|_| denied && !refused).and_then(|rule| rule.reason().ec),
    })
}

fn why_not(answer: &Answer<'_>, refused: bool) -> Option<String> {
    if refused {
        let sentence = "the signature is wrong, and the request is refused for that before";
        return Some(sentence.to_owned());
    }
    answer.exempt.map(|exempt| exempt.to_string())
}
