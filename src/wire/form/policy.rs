//! The field `policy`: base64 of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::code::{
    POST_POLICY_ARGUMENTS, POST_POLICY_BOUND, POST_POLICY_EMPTY, POST_POLICY_INVALID,
    POST_POLICY_KIND, POST_POLICY_MATCHING, POST_POLICY_NO_CONDITION, POST_POLICY_NO_CONDITIONS,
    POST_POLICY_NOT_A_LIST, POST_POLICY_RANGE, POST_POLICY_TYPE, POST_POLICY_UNREADABLE, Reason,
};
use crate::domain::form::{InvalidPostPolicy, PostPolicy};
use crate::domain::json::Json;

/// Why the field cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicyField {
    /// Not base64.
    #[error("it is not base64")]
    Base64,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// Not JSON.
    #[error("Invalid JSON: {0}")]
    Json(String),
    /// Not a policy.
    #[error(transparent)]
    Policy(#[from] InvalidPostPolicy),
}

impl InvalidPolicyField {
    /// The refusal as the client sees it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Base64 | Self::Encoding | Self::Json(_) => POST_POLICY_UNREADABLE,
            Self::Policy(err) => match err {
                InvalidPostPolicy::NotAnObject(_)
                | InvalidPostPolicy::Unknown(_)
                | InvalidPostPolicy::NoExpiration
                | InvalidPostPolicy::Expiration
                | InvalidPostPolicy::NotOneMember => POST_POLICY_INVALID,
                InvalidPostPolicy::Empty => POST_POLICY_EMPTY,
                InvalidPostPolicy::NoConditions => POST_POLICY_NO_CONDITIONS,
                InvalidPostPolicy::NotAList => POST_POLICY_NOT_A_LIST,
                InvalidPostPolicy::NoCondition => POST_POLICY_NO_CONDITION,
                InvalidPostPolicy::Kind(_) => POST_POLICY_KIND,
                InvalidPostPolicy::Matching(_) => POST_POLICY_MATCHING,
                InvalidPostPolicy::Arguments(_) => POST_POLICY_ARGUMENTS,
                InvalidPostPolicy::Type(_) => POST_POLICY_TYPE,
                InvalidPostPolicy::Bound => POST_POLICY_BOUND,
                InvalidPostPolicy::Range => POST_POLICY_RANGE,
            },
        }
    }
}

/// Reads the field.
///
/// # Errors
///
/// [`InvalidPolicyField`].
pub fn read_post_policy(field: &str) -> Result<PostPolicy, InvalidPolicyField> {
    let bytes = STANDARD.decode(field).map_err(|_| InvalidPolicyField::Base64)?;
    let text = String::from_utf8(bytes).map_err(|_| InvalidPolicyField::Encoding)?;
    let json: Json = serde_json::from_str(&without_escaped_dollars(&text))
        .map_err(|err| InvalidPolicyField::Json(err.to_string().chars().take(200).collect()))?;
    Ok(PostPolicy::read(&json)?)
}

/// OSS's policies may escape a dollar sign, as in `user/eric/\${filename}`: JSON does not know that.
fn without_escaped_dollars(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('$') => out.push('$'),
            Some(escaped) => out.extend(['\\', escaped]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::code::Code;
    use crate::domain::form::{SizeRange, UploadForm};
    use crate::domain::time::UnixMillis;

    fn read(text: &str) -> Result<PostPolicy, InvalidPolicyField> {
        read_post_policy(&STANDARD.encode(text))
    }

    /// The policy that the vendor's Java SDK makes in its tests, with its escaped dollar sign.
    #[test]
    fn the_policy_of_the_java_sdk() {
        let field = "eyJleHBpcmF0aW9uIjoiMjAyMi0wMy0xOVQwMzo0NDowNi40NzZaIiwiY29uZGl0aW9ucyI6W3siYnVja2V0IjoiZ2VuLXB\
                     vc3QtcG9saWN5In0sWyJlcSIsIiRrZXkiLCJ1c2VyL2VyaWMvXCR7ZmlsZW5hbWV9Il0sWyJzdGFydHMtd2l0aCIsIiRrZXkiLCJ1c2VyL2VyaWMiXSxb\
                     InN0YXJ0cy13aXRoIiwiJHgtb3NzLW1ldGEtdGFnIiwiZHVtbXlfZXRhZyJdLFsiY29udGVudC1sZW5ndGgtcmFuZ2UiLDEsMTAyNF1dfQ==";
        let policy = read_post_policy(field).unwrap();
        let mut form = UploadForm::default();
        assert!(form.fields.insert("key", "user/eric/${filename}".into()));
        assert!(form.fields.insert("x-oss-meta-tag", "dummy_etag".into()));
        let bucket = "gen-post-policy".parse().unwrap();
        // 2022-03-19T03:44:06.476Z
        let end = UnixMillis(1_647_661_446_476);
        let allowed = policy.check(&bucket, &form, end);
        assert_eq!(allowed, Ok(SizeRange { least: 1, most: 1024 }));
        assert!(policy.check(&bucket, &form, UnixMillis(end.0 + 1)).is_err());
        assert!(policy.check(&"another".parse().unwrap(), &form, end).is_err());
    }

    #[test]
    fn a_backslash_before_a_dollar_is_an_escape_only_if_it_is_not_escaped() {
        let json = |condition: &str| {
            format!("{{\"expiration\":\"2022-03-19T03:44:06Z\",\"conditions\":[{condition}]}}")
        };
        let holds = |value: &str, condition: &str| {
            let mut form = UploadForm::default();
            assert!(form.fields.insert("a", value.into()));
            let policy = read(&json(condition)).unwrap();
            policy.check(&"bucket".parse().unwrap(), &form, UnixMillis(0)).is_ok()
        };
        assert!(holds("$", r#"{"a":"\$"}"#));
        assert!(holds("\\$", r#"{"a":"\\$"}"#));
        assert!(holds("\\$", r#"{"a":"\\\$"}"#));
        assert!(holds("\n\"é", r#"{"a":"\n\"\u00e9"}"#));
    }

    /// The examples of the `EC` pages.
    #[test]
    fn the_examples_of_the_manual() {
        let on = |conditions: &str| {
            format!(r#"{{"expiration":"2023-02-19T13:19:00.000Z","conditions":{conditions}}}"#)
        };
        #[rustfmt::skip]
        let table = [
            (r#"{"expiration": "2023-02-19T13:19:00.000Z"}"#.to_owned(),                       "0006-00000207"),
            ("{}".to_owned(),                                                                  "0006-00000209"),
            (on("123"),                                                                        "0006-00000214"),
            (on("[]"),                                                                         "0006-00000215"),
            (on(r#"[["$key"],["content-length-range", 0, 1048576000]]"#),                      "0006-00000216"),
            (on(r#"[["starts-with", "$key", "user/user1", "test"]]"#),                         "0006-00000218"),
            (on(r#"[["content-length-range", 20, 10]]"#),                                      "0006-00000219"),
            (on(r#"[["content-length-range", 10, "test"]]"#),                                  "0006-00000221"),
            (on(r#"[123, ["content-length-range", 10, 1024]]"#),                               "0006-00000222"),
            (on(r#"[["not-in", "cache-control", "no-cache"]]"#),                               "0006-00000224"),
            ("{expiration: 1}".to_owned(),                                                     "0006-00000201"),
            (on("[").replace('}', ""),                                                         "0006-00000201"),
        ];
        for (text, ec) in table {
            let reason = read(&text).unwrap_err().reason();
            assert_eq!((reason.code, reason.ec), (Code::InvalidPolicyDocument, Some(ec)), "{text}");
        }
        let valid = r#"[["content-length-range", 1, 1024], ["eq", "$success_action_status", "201"],
            ["starts-with", "$key", "user/eric/"], ["in", "$content-type", ["image/jpg", "image/png"]],
            ["not-in", "$cache-control", ["no-cache"]]]"#;
        assert!(read(&on(valid)).is_ok());
        assert_eq!(read_post_policy("*"), Err(InvalidPolicyField::Base64));
        assert_eq!(read_post_policy(&STANDARD.encode(b"\xff")), Err(InvalidPolicyField::Encoding));
        let deep = "[".repeat(100_000);
        assert!(matches!(read(&deep), Err(InvalidPolicyField::Json(_))));
    }
}
