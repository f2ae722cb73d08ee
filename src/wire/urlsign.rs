//! How URLs are signed, as JSON: how the admin API, the database and the command line have it. Keys
//! are no part of it.
//!
//! ```json
//! { "scheme": "ali-f", "validity": 1800, "time": "decimal", "parameters": { "sign": "token" } }
//! ```
//!
//! | field | is |
//! | --- | --- |
//! | `scheme` | the scheme; the only field that must be there |
//! | `validity`, `tolerance`, `max_future` | seconds |
//! | `time` | `decimal`, `hex`, `upper-hex`, … |
//! | `algorithm` | `md5`, `sha256`, … |
//! | `form` | `query` or `path` |
//! | `parameters` | new names of parameters by their own |
//! | `profile`, `us_length`, `regions` | Tencent VOD: `strict` or `compat`; a number; whether regions are known |
//! | `expression` | nginx: that of `secure_link_md5` |
//!
//! A field that is not there has the default of the scheme; one that is not known is an error.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::urlsign::{Algorithm, Choices, Form, Profile, Regions, TimeForm};

/// Choices as a request has them, read whole or not at all.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "ChoicesJson")]
pub struct ChoicesBody(pub Choices);

/// Why a text is not choices. The sentence names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidChoices(String);

/// Choices as they are in JSON. They live for one function call and are never passed on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ChoicesJson {
    scheme: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_future: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    us_length: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regions: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
}

impl TryFrom<ChoicesJson> for ChoicesBody {
    type Error = InvalidChoices;

    fn try_from(json: ChoicesJson) -> Result<Self, InvalidChoices> {
        let known = json.regions.unwrap_or_default();
        Ok(Self(Choices {
            scheme: read("scheme", &json.scheme)?,
            validity: json.validity,
            tolerance: json.tolerance,
            max_future: json.max_future,
            time: word::<TimeForm>("time", json.time)?,
            algorithm: word::<Algorithm>("algorithm", json.algorithm)?,
            form: word::<Form>("form", json.form)?,
            names: json.parameters.into_iter().collect(),
            profile: word::<Profile>("profile", json.profile)?,
            us_length: json.us_length,
            regions: if known { Regions::Known } else { Regions::Unknown },
            expression: json.expression,
        }))
    }
}

fn word<T: FromStr<Err: Display>>(
    name: &str,
    text: Option<String>,
) -> Result<Option<T>, InvalidChoices> {
    text.map(|text| read(name, &text)).transpose()
}

fn read<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, InvalidChoices> {
    text.parse().map_err(|err| InvalidChoices(format!("{name}: {err}")))
}

/// Reads choices.
///
/// # Errors
///
/// [`InvalidChoices`].
pub fn read_choices(json: &[u8]) -> Result<Choices, InvalidChoices> {
    let body: ChoicesBody =
        serde_json::from_slice(json).map_err(|err| InvalidChoices(err.to_string()))?;
    Ok(body.0)
}

/// Writes choices, without what is not chosen, so that they can be read again.
pub fn write_choices(choices: &Choices) -> serde_json::Value {
    let text = |word: &'static str| word.to_owned();
    let json = ChoicesJson {
        scheme: text(choices.scheme.as_str()),
        validity: choices.validity,
        tolerance: choices.tolerance,
        max_future: choices.max_future,
        time: choices.time.map(|time| text(time.as_str())),
        algorithm: choices.algorithm.map(|algorithm| text(algorithm.as_str())),
        form: choices.form.map(|form| text(form.as_str())),
        parameters: choices.names.iter().cloned().collect(),
        profile: choices.profile.map(|profile| text(profile.as_str())),
        us_length: choices.us_length,
        regions: (choices.regions == Regions::Known).then_some(true),
        expression: choices.expression.clone(),
    };
    serde_json::to_value(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::SecretKey;
    use crate::domain::urlsign::{Scheme, Settings};

    fn read_text(json: &str) -> Result<Choices, String> {
        read_choices(json.as_bytes()).map_err(|err| err.to_string())
    }

    #[test]
    fn a_scheme_alone_has_all_defaults() {
        assert_eq!(read_text(r#"{"scheme":"ali-a"}"#), Ok(Choices::new(Scheme::AliA)));
    }

    #[test]
    fn what_is_written_can_be_read() {
        for scheme in Scheme::ALL {
            let key = SecretKey::new("k".repeat(32));
            let settings = Settings::new(Choices::new(*scheme), key.clone(), None).unwrap();
            let effective = settings.effective();
            let again = read_text(&write_choices(&effective).to_string()).unwrap();
            assert_eq!(again, effective, "{scheme}");
            let settings = Settings::new(again, key, None).unwrap();
            assert_eq!(settings.effective(), effective, "{scheme}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        #[rustfmt::skip]
        let table = [
            ("{}",                                      "missing field `scheme`"),
            (r#"{"scheme":"x"}"#,                       "scheme: there is no signing scheme of that name"),
            (r#"{"scheme":"ali-d"}"#,                   "has not published the algorithm of its type D"),
            (r#"{"scheme":"type_e"}"#,                  "has not published the algorithm of its type E"),
            (r#"{"scheme":"ali-a","time":"octal"}"#,    "time: \"octal\" is none of decimal"),
            (r#"{"scheme":"ali-a","validity":-1}"#,     "invalid value"),
            (r#"{"scheme":"ali-a","validity":4294967296}"#, "invalid value"),
            (r#"{"scheme":"ali-a","key":"secret"}"#,    "unknown field `key`"),
            ("nonsense",                                "expected"),
        ];
        for (json, want) in table {
            let err = read_text(json).unwrap_err();
            assert!(err.contains(want), "{json}: {err}");
        }
    }
}
