//! What a bucket's owner asks for beyond OSS, as JSON: how the admin API and the command line
//! have it.
//!
//! ```json
//! {
//!   "mode": "enforce",
//!   "strict_host": false,
//!   "missing": "as-policy",
//!   "malformed": "as-text",
//!   "denial": { "answer": "forbidden" }
//! }
//! ```
//!
//! The words are those of the domain. `denial` is also `{"answer": "redirect", "url": "…"}` or
//! `{"answer": "substitute", "key": "…"}`. A field that is not there has its default, which is that
//! of OSS; one that is not known is an error.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use crate::domain::referer::{DenialAnswer, Extras, HostRule};

/// Settings as a request has them, read whole or not at all.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "ExtrasJson")]
pub struct ExtrasBody(pub Extras);

/// Why a text is not settings. The sentence names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidExtras(String);

/// Settings as they are in JSON. They live for one function call and are never passed on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ExtrasJson {
    mode: Option<String>,
    strict_host: Option<bool>,
    missing: Option<String>,
    malformed: Option<String>,
    denial: Option<DenialView>,
}

/// The answer to a denial as it is in JSON.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "answer", rename_all = "lowercase", deny_unknown_fields)]
pub enum DenialView {
    /// OSS's 403. With braces, so that fields of the others are unknown ones.
    Forbidden {},
    /// 302 to another URL.
    Redirect {
        /// The URL.
        url: String,
    },
    /// The bytes of another object of the bucket.
    Substitute {
        /// Its name.
        key: String,
    },
}

impl DenialView {
    /// An answer as it is shown.
    pub fn new(answer: &DenialAnswer) -> Self {
        match answer {
            DenialAnswer::Forbidden => Self::Forbidden {},
            DenialAnswer::Redirect(url) => Self::Redirect { url: url.as_str().to_owned() },
            DenialAnswer::Substitute(key) => Self::Substitute { key: key.as_str().to_owned() },
        }
    }
}

impl TryFrom<ExtrasJson> for ExtrasBody {
    type Error = InvalidExtras;

    fn try_from(json: ExtrasJson) -> Result<Self, InvalidExtras> {
        let denial = match json.denial {
            None | Some(DenialView::Forbidden {}) => DenialAnswer::Forbidden,
            Some(DenialView::Redirect { url }) => DenialAnswer::Redirect(read("url", &url)?),
            Some(DenialView::Substitute { key }) => DenialAnswer::Substitute(read("key", &key)?),
        };
        Ok(Self(Extras {
            mode: word("mode", json.mode.as_deref())?,
            host: if json.strict_host == Some(true) { HostRule::Strict } else { HostRule::Prefix },
            missing: word("missing", json.missing.as_deref())?,
            malformed: word("malformed", json.malformed.as_deref())?,
            denial,
        }))
    }
}

fn word<T: FromStr<Err: Display> + Default>(
    name: &str,
    text: Option<&str>,
) -> Result<T, InvalidExtras> {
    text.map_or_else(|| Ok(T::default()), |text| read(name, text))
}

fn read<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, InvalidExtras> {
    text.parse().map_err(|err| InvalidExtras(format!("{name}: {err}")))
}

/// Reads settings from JSON.
///
/// # Errors
///
/// [`InvalidExtras`].
pub fn read_extras_json(json: &[u8]) -> Result<Extras, InvalidExtras> {
    let body: Result<ExtrasBody, _> = serde_json::from_slice(json);
    body.map(|body| body.0).map_err(|err| InvalidExtras(err.to_string()))
}

impl From<&Extras> for ExtrasJson {
    fn from(extras: &Extras) -> Self {
        Self {
            mode: Some(extras.mode.as_str().to_owned()),
            strict_host: Some(extras.host == HostRule::Strict),
            missing: Some(extras.missing.as_str().to_owned()),
            malformed: Some(extras.malformed.as_str().to_owned()),
            denial: Some(DenialView::new(&extras.denial)),
        }
    }
}

/// Settings as JSON has them, with every field, as a part of a larger answer.
#[derive(Debug)]
pub struct ExtrasView<'e>(pub &'e Extras);

impl Serialize for ExtrasView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ExtrasJson::from(self.0).serialize(serializer)
    }
}

/// Writes settings as JSON for people, with every field and a line break at the end.
pub fn write_extras_json(extras: &Extras) -> String {
    // Booleans and texts have a form in JSON, so this cannot fail.
    serde_json::to_string_pretty(&ExtrasView(extras)).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{MalformedReferer, MissingReferer, Mode};

    #[test]
    fn the_form_of_settings() {
        let extras = Extras {
            mode: Mode::Monitor,
            host: HostRule::Strict,
            missing: MissingReferer::DenyCrossSiteEmbeds,
            malformed: MalformedReferer::Deny,
            denial: DenialAnswer::Substitute("no/é.png".parse().unwrap()),
        };
        let want = r#"{
  "mode": "monitor",
  "strict_host": true,
  "missing": "deny-cross-site-embeds",
  "malformed": "deny",
  "denial": {
    "answer": "substitute",
    "key": "no/é.png"
  }
}
"#;
        assert_eq!(write_extras_json(&extras), want);
        assert_eq!(read_extras_json(want.as_bytes()), Ok(extras));
    }

    #[test]
    fn what_is_not_there_is_off() {
        assert_eq!(read_extras_json(b"{}"), Ok(Extras::default()));
        assert_eq!(
            read_extras_json(write_extras_json(&Extras::default()).as_bytes()),
            Ok(Extras::default())
        );
        let some = read_extras_json(br#"{"denial": {"answer": "redirect", "url": "http://a"}}"#);
        let url = DenialAnswer::Redirect("http://a".parse().unwrap());
        assert_eq!(some, Ok(Extras { denial: url, ..Extras::default() }));
    }

    #[test]
    fn what_is_wrong_is_named() {
        #[rustfmt::skip]
        let table = [
            ("", "EOF"),
            ("[]", "expected"),
            (r#"{"mod": "monitor"}"#, "unknown field `mod`"),
            (r#"{"mode": "Monitor"}"#, "mode: \"Monitor\" is none of"),
            (r#"{"mode": 1}"#, "expected a string"),
            (r#"{"mode": "monitor", "mode": "enforce"}"#, "duplicate field `mode`"),
            (r#"{"strict_host": "on"}"#, "expected a boolean"),
            (r#"{"missing": "deny-embeds"}"#, "missing: \"deny-embeds\" is none of"),
            (r#"{"malformed": ""}"#, "malformed: \"\" is none of"),
            (r#"{"denial": {}}"#, "missing field `answer`"),
            (r#"{"denial": "forbidden"}"#, "expected"),
            (r#"{"denial": {"answer": "teapot"}}"#, "unknown variant `teapot`"),
            (r#"{"denial": {"answer": "forbidden", "url": "http://a"}}"#, "unknown field `url`"),
            (r#"{"denial": {"answer": "redirect"}}"#, "missing field `url`"),
            (r#"{"denial": {"answer": "redirect", "url": "/a"}}"#, "url: the URL does not begin"),
            (r#"{"denial": {"answer": "redirect", "url": "http://a/\r\nb"}}"#, "url: the URL has '\\r'"),
            (r#"{"denial": {"answer": "substitute", "key": "/a"}}"#, "key: an object name does not begin"),
            (r#"{"denial": {"answer": "substitute", "key": ""}}"#, "key: an object name has 1 to"),
            (r#"{"denial": {"answer": "substitute", "key": "a", "url": "b"}}"#, "unknown field `url`"),
        ];
        for (json, want) in table {
            let err = read_extras_json(json.as_bytes()).unwrap_err().to_string();
            assert!(err.contains(want), "{json}: {err}");
        }
    }
}
