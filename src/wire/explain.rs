//! Questions about requests and their answers as JSON, for the admin API and the command line.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::referer::DenialView;
use super::word::Word;
use crate::domain::query::{InvalidQuery, Query};
use crate::domain::referer::explain::{Answer, Asked, Resource, Signed};
use crate::domain::referer::lint::List;
use crate::domain::referer::{Facts, Gate, Referers};

/// A request to explain. Without a referer it has none.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The method: methods have case.
    #[serde(default = "get")]
    pub method: String,
    /// What the request is about.
    #[serde(default)]
    pub resource: Word<Resource>,
    /// Its query, without the parameters of a signature.
    #[serde(default)]
    pub query: String,
    /// The value of its `Referer`.
    pub referer: Option<String>,
    /// The values of several `Referer` lines.
    #[serde(default)]
    pub referers: Vec<String>,
    /// What browsers say of who asks.
    pub sec_fetch_site: Option<String>,
    /// What browsers say of what is asked for.
    pub sec_fetch_dest: Option<String>,
    /// Where it has a signature.
    #[serde(default)]
    pub signed: Word<Signed>,
    /// Whether the signature is right.
    #[serde(default = "yes")]
    pub verified: bool,
}

/// Why a question cannot be asked. The sentence names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// Not a method.
    #[error("method is no HTTP method")]
    Method,
    /// The query cannot be read.
    #[error("query: {0}")]
    Query(#[from] InvalidQuery),
    /// One line or several?
    #[error("referer and referers are both there")]
    TwoReferers,
    /// No request can have such a header.
    #[error("{field} has the character {character:?}, which no header can have")]
    Header {
        /// The field.
        field: &'static str,
        /// The character.
        character: char,
    },
}

impl Default for Question {
    fn default() -> Self {
        Self {
            method: get(),
            resource: Word::default(),
            query: String::new(),
            referer: None,
            referers: Vec::new(),
            sec_fetch_site: None,
            sec_fetch_dest: None,
            signed: Word::default(),
            verified: true,
        }
    }
}

fn get() -> String {
    "GET".into()
}

const fn yes() -> bool {
    true
}

impl Question {
    /// The request that it is about.
    ///
    /// # Errors
    ///
    /// [`InvalidQuestion`].
    pub fn asked(&self) -> Result<Asked<'_>, InvalidQuestion> {
        if http::Method::from_bytes(self.method.as_bytes()).is_err() {
            return Err(InvalidQuestion::Method);
        }
        if self.referer.is_some() && !self.referers.is_empty() {
            return Err(InvalidQuestion::TwoReferers);
        }
        let lines = || self.referer.iter().chain(&self.referers).map(String::as_str);
        let site = self.sec_fetch_site.as_deref();
        let dest = self.sec_fetch_dest.as_deref();
        lines().try_for_each(|line| header("referer", line))?;
        header("sec_fetch_site", site.unwrap_or_default())?;
        header("sec_fetch_dest", dest.unwrap_or_default())?;
        Ok(Asked {
            method: &self.method,
            resource: self.resource.0,
            query: Query::parse(&self.query)?,
            signed: self.signed.0,
            verified: self.verified,
            facts: Facts {
                referers: Referers::read(lines().map(str::as_bytes)),
                sec_fetch_site: site.map(str::as_bytes),
                sec_fetch_dest: dest.map(str::as_bytes),
            },
        })
    }
}

/// Checks that a header can have such a value.
fn header(field: &'static str, text: &str) -> Result<(), InvalidQuestion> {
    match text.chars().find(|c| c.is_ascii_control() && *c != '\t') {
        Some(character) => Err(InvalidQuestion::Header { field, character }),
        None => Ok(()),
    }
}

/// The answer to a question. It is read by the command line, too, which shows that of a server and
/// its own alike.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Explained<'a> {
    /// The version that answers; `None` for the policy of a file.
    pub version: Option<i64>,
    /// Whether that is the newest.
    pub state: Option<Cow<'a, str>>,
    /// `monitor` if what is denied passes all the same.
    pub mode: Cow<'a, str>,
    /// `allow` or `deny`.
    pub decision: Cow<'a, str>,
    /// The operation that is asked for, if it is served.
    pub operation: Option<Cow<'a, str>>,
    /// Whether the check is made.
    pub applies: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// Whether the request passes only because the bucket is monitored.
    pub would_deny: bool,
    /// The `EC` of the refusal, carried out or only marked.
    pub ec: Option<Cow<'a, str>>,
    /// What whoever is refused gets.
    pub denial: Option<DenialView>,
    /// What the bucket says, or would say if it were asked, and so does what follows.
    pub sentence: String,
    /// The step that decided.
    pub step: Cow<'a, str>,
    /// The list of the rule.
    pub list: Option<Cow<'a, str>>,
    /// The rule that matched.
    pub rule: Option<Cow<'a, str>>,
    /// Where in its list, from 0.
    pub position: Option<usize>,
    /// What the rules were compared with.
    pub subject: Option<Cow<'a, str>>,
}

/// The version that answers, and whether that is the newest; of a server.
pub type Origin = (i64, &'static str);

impl<'a> Explained<'a> {
    /// The answer of a gate.
    pub fn new(gate: &'a Gate, answer: &'a Answer<'a>, origin: Option<Origin>) -> Self {
        let (list, entry) = answer.reasons.rule().unzip();
        Self {
            version: origin.map(|(version, _)| version),
            state: origin.map(|(_, state)| state.into()),
            mode: gate.extras().mode.as_str().into(),
            decision: if answer.is_allowed() { "allow" } else { "deny" }.into(),
            operation: answer.operation.map(|action| action.name().into()),
            applies: answer.why_not.is_none(),
            why_not: answer.why_not.map(|why_not| why_not.to_string()),
            would_deny: answer.would_deny(),
            ec: answer.ec().map(Into::into),
            denial: answer.denial().map(DenialView::new),
            sentence: answer.reasons.verdict.to_string(),
            step: answer.reasons.step().as_str().into(),
            list: list.map(|list: List| list.as_str().into()),
            rule: entry.map(|entry| entry.pattern.as_str().into()),
            position: entry.map(|entry| entry.position),
            subject: answer.reasons.subject.as_deref().map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::explain::explain;
    use crate::domain::referer::{Extras, HostRule, Pattern, Policy};
    use serde_json::json;

    fn question(json: &serde_json::Value) -> Question {
        serde_json::from_value(json.clone()).unwrap()
    }

    #[test]
    fn the_form_of_an_answer() {
        let allow = Pattern::read("http://a.com").into_iter().collect();
        let extras = Extras { host: HostRule::Strict, ..Extras::default() };
        let gate = Gate::new(Policy { allow, ..Policy::default() }, extras);
        let asked = question(&json!({"referer": "http://A.com.evil.net/y?z"}));
        let answer = explain(&gate, &asked.asked().unwrap());
        let shown = Explained::new(&gate, &answer, Some((3, "in-force")));
        let want = json!({
            "version": 3,
            "state": "in-force",
            "mode": "enforce",
            "decision": "deny",
            "operation": "GetObject",
            "applies": true,
            "why_not": null,
            "would_deny": false,
            "ec": "0003-00000503",
            "denial": { "answer": "forbidden" },
            "sentence": "denied: the host of the referer is not that of rule 1 `http://a.com` (strict hosts)",
            "step": "strict-host",
            "list": "whitelist",
            "rule": "http://a.com",
            "position": 0,
            "subject": "http://a.com.evil.net/y",
        });
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json, want);
        let read: Explained<'_> = serde_json::from_value(json).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), want, "it is read back");
    }

    #[test]
    fn questions_that_cannot_be_asked() {
        for (json, want) in [
            (json!({"method": "G T"}), "method is no HTTP method"),
            (json!({"method": ""}), "method is no HTTP method"),
            (json!({"referer": "a", "referers": ["b"]}), "referer and referers are both there"),
            (
                json!({"referers": ["a", "b\r\nc"]}),
                "referer has the character '\\r', which no header can have",
            ),
            (
                json!({"sec_fetch_dest": "\u{0}"}),
                "sec_fetch_dest has the character '\\0', which no header can have",
            ),
            (
                json!({"query": "a=%"}),
                "query: the query has a '%' that two hexadecimal digits do not follow",
            ),
        ] {
            let err = question(&json).asked().unwrap_err();
            assert_eq!(err.to_string(), want, "{json}");
        }
        assert!(question(&json!({})).asked().is_ok());
        let said = |json: &str| serde_json::from_str::<Question>(json).unwrap_err().to_string();
        assert!(said(r#"{"signed": "maybe"}"#).contains("\"maybe\" is none of none, url, header"));
        assert!(said(r#"{"referrer": "a"}"#).contains("unknown field `referrer`"));
    }
}
