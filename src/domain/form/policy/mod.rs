//! The policy of a form: what its signer lets a form be.
//!
//! ```text
//! {"expiration": "2014-12-01T12:00:00.000Z",
//!  "conditions": [{"bucket": "johnsmith"}, ["starts-with", "$key", "user/eric/"]]}
//! ```
//!
//! All conditions must hold. A condition on a field that the form does not have holds for `not-in`
//! alone. What cannot be read is an error: a condition that is passed over is none.

#[cfg(test)]
mod tests;

use super::UploadForm;
use crate::domain::json::Json;
use crate::domain::name::BucketName;
use crate::domain::time::{UnixMillis, parse_rfc3339};

/// A policy that was read. It is worth nothing until the signature over it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostPolicy {
    expiration: UnixMillis,
    conditions: Vec<Condition>,
}

/// How many bytes the file may have, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeRange {
    /// The fewest.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl SizeRange {
    /// Any number of bytes.
    pub const ANY: Self = Self { least: 0, most: u64::MAX };
}

/// Why a form is not one that its policy allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// The policy has ended.
    #[error("Policy expired.")]
    Expired,
    /// A condition does not hold: its text.
    #[error("Policy Condition failed: {0}")]
    Condition(String),
}

/// Why a policy cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPostPolicy {
    /// Not an object.
    #[error("the policy is {0} and not an object")]
    NotAnObject(&'static str),
    /// A member that no policy has.
    #[error("{0:?} is unknown")]
    Unknown(String),
    /// Neither `expiration` nor `conditions`.
    #[error("expiration and conditions are missing")]
    Empty,
    /// No `expiration`.
    #[error("expiration is missing")]
    NoExpiration,
    /// `expiration` is no time.
    #[error("expiration is not a time as in 2014-12-01T12:00:00.000Z")]
    Expiration,
    /// No `conditions`.
    #[error("conditions are missing")]
    NoConditions,
    /// `conditions` is no list.
    #[error("conditions are not a list")]
    NotAList,
    /// `conditions` is an empty list.
    #[error("conditions are an empty list")]
    NoCondition,
    /// A condition is neither an object nor a list.
    #[error("a condition is {0} and neither an object nor a list")]
    Kind(&'static str),
    /// A condition as an object has not one member.
    #[error(
        "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
    )]
    NotOneMember,
    /// A way of matching that is unknown, or none.
    #[error("{0:?} is no way of matching")]
    Matching(String),
    /// A condition has too few or too many arguments.
    #[error("{0} has a wrong number of arguments")]
    Arguments(&'static str),
    /// An argument is of a wrong kind.
    #[error("{0} has an argument of a wrong type")]
    Type(&'static str),
    /// The ends of a `content-length-range` are no numbers.
    #[error("content-length-range has an end that is not a whole number")]
    Bound,
    /// A `content-length-range` ends before it begins.
    #[error("content-length-range ends before it begins")]
    Range,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Equals(Field, String),
    StartsWith(Field, String),
    In(Field, Vec<String>),
    NotIn(Field, Vec<String>),
    Length(SizeRange),
}

/// The name of a field, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field(String);

impl PostPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// [`InvalidPostPolicy`].
    pub fn read(json: &Json) -> Result<Self, InvalidPostPolicy> {
        let Json::Object(members) = json else {
            return Err(InvalidPostPolicy::NotAnObject(json.kind()));
        };
        let known = |name: &str| ["expiration", "conditions"].contains(&name);
        let names = || members.iter().map(|(name, _)| name.to_ascii_lowercase());
        if let Some(name) = names().find(|name| !known(name)) {
            return Err(InvalidPostPolicy::Unknown(name.chars().take(64).collect()));
        }
        let member = |wanted: &str| {
            members.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, it)| it)
        };
        let (expiration, conditions) = match (member("expiration"), member("conditions")) {
            (None, None) => return Err(InvalidPostPolicy::Empty),
            (None, Some(_)) => return Err(InvalidPostPolicy::NoExpiration),
            (Some(_), None) => return Err(InvalidPostPolicy::NoConditions),
            (Some(expiration), Some(conditions)) => (expiration, conditions),
        };
        let expiration = expiration.as_text().and_then(parse_rfc3339);
        let Json::List(conditions) = conditions else { return Err(InvalidPostPolicy::NotAList) };
        if conditions.is_empty() {
            return Err(InvalidPostPolicy::NoCondition);
        }
        Ok(Self {
            expiration: expiration.ok_or(InvalidPostPolicy::Expiration)?,
            conditions: conditions.iter().map(Condition::read).collect::<Result<_, _>>()?,
        })
    }

    /// Asks about a form for a bucket, and says how large its file may be.
    ///
    /// # Errors
    ///
    /// [`Unmet`]: the end of the policy, or the first condition that does not hold.
    pub fn check(
        &self,
        bucket: &BucketName,
        form: &UploadForm,
        now: UnixMillis,
    ) -> Result<SizeRange, Unmet> {
        if now > self.expiration {
            return Err(Unmet::Expired);
        }
        let mut allowed = SizeRange::ANY;
        for condition in &self.conditions {
            if let Condition::Length(range) = condition {
                allowed.least = allowed.least.max(range.least);
                allowed.most = allowed.most.min(range.most);
            }
            if !condition.holds(bucket, form) {
                return Err(Unmet::Condition(condition.shown()));
            }
        }
        Ok(allowed)
    }
}

impl Condition {
    fn read(json: &Json) -> Result<Self, InvalidPostPolicy> {
        match json {
            Json::Object(members) => match members.as_slice() {
                [(name, Json::Text(value))] => Ok(Self::Equals(Field::named(name), value.clone())),
                [_] => Err(InvalidPostPolicy::Type("a condition")),
                _ => Err(InvalidPostPolicy::NotOneMember),
            },
            Json::List(items) => Self::read_list(items),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {
                Err(InvalidPostPolicy::Kind(json.kind()))
            }
        }
    }

    fn read_list(items: &[Json]) -> Result<Self, InvalidPostPolicy> {
        let Some((matching, arguments)) = items.split_first() else {
            return Err(InvalidPostPolicy::Matching(String::new()));
        };
        let matching = matching.as_text().unwrap_or_default();
        let two = |name| match arguments {
            [field, value] => {
                let field = field.as_text().ok_or(InvalidPostPolicy::Type(name))?;
                Ok((Field::named(field), value))
            }
            _ => Err(InvalidPostPolicy::Arguments(name)),
        };
        let text = |name| {
            let (field, value) = two(name)?;
            let value = value.as_text().ok_or(InvalidPostPolicy::Type(name))?;
            Ok((field, value.to_owned()))
        };
        let texts = |name| {
            let (field, value) = two(name)?;
            let Json::List(values) = value else { return Err(InvalidPostPolicy::Type(name)) };
            let values = values.iter().map(|value| value.as_text().map(str::to_owned));
            let values = values.collect::<Option<_>>().ok_or(InvalidPostPolicy::Type(name))?;
            Ok((field, values))
        };
        match matching {
            "eq" => text("eq").map(|(field, value)| Self::Equals(field, value)),
            "starts-with" => {
                text("starts-with").map(|(field, value)| Self::StartsWith(field, value))
            }
            "in" => texts("in").map(|(field, values)| Self::In(field, values)),
            "not-in" => texts("not-in").map(|(field, values)| Self::NotIn(field, values)),
            "content-length-range" => read_range(arguments).map(Self::Length),
            other => Err(InvalidPostPolicy::Matching(other.chars().take(64).collect())),
        }
    }

    fn holds(&self, bucket: &BucketName, form: &UploadForm) -> bool {
        let value = |field: &Field| field.value(bucket, form);
        match self {
            Self::Equals(field, want) => value(field) == Some(want),
            Self::StartsWith(field, want) => value(field).is_some_and(|it| it.starts_with(want)),
            Self::In(field, list) => value(field).is_some_and(|it| list.iter().any(|x| x == it)),
            Self::NotIn(field, list) => {
                let becomes = if field.0 == "key" { form.key_text() } else { None };
                !list.iter().any(|it| value(field) == Some(it) || becomes.as_ref() == Some(it))
            }
            // How long the file is shows when it has come.
            Self::Length(_) => true,
        }
    }

    /// The condition as the error shows it.
    fn shown(&self) -> String {
        match self {
            Self::Equals(field, value) => format!("[\"eq\", \"${}\", {value:?}]", field.0),
            Self::StartsWith(field, value) => {
                format!("[\"starts-with\", \"${}\", {value:?}]", field.0)
            }
            Self::In(field, list) => format!("[\"in\", \"${}\", {list:?}]", field.0),
            Self::NotIn(field, list) => format!("[\"not-in\", \"${}\", {list:?}]", field.0),
            Self::Length(SizeRange { least, most }) => {
                format!("[\"content-length-range\", {least}, {most}]")
            }
        }
    }
}

impl Field {
    /// The field of a name, with or without the `$` that policies put before it.
    fn named(text: &str) -> Self {
        Self(text.strip_prefix('$').unwrap_or(text).to_ascii_lowercase())
    }

    /// What the form says. The bucket is no field: it is the one that is posted to.
    fn value<'f>(&self, bucket: &'f BucketName, form: &'f UploadForm) -> Option<&'f str> {
        match self.0.as_str() {
            "bucket" => Some(bucket.as_str()),
            "content-type" => form.content_type(),
            name => form.fields.get(name),
        }
    }
}

fn read_range(ends: &[Json]) -> Result<SizeRange, InvalidPostPolicy> {
    let [least, most] = ends else {
        return Err(InvalidPostPolicy::Arguments("content-length-range"));
    };
    let number = |end: &Json| match end {
        Json::Number(text) => text.parse().map_err(|_| InvalidPostPolicy::Bound),
        Json::Null | Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => {
            Err(InvalidPostPolicy::Bound)
        }
    };
    let range = SizeRange { least: number(least)?, most: number(most)? };
    if range.least > range.most { Err(InvalidPostPolicy::Range) } else { Ok(range) }
}
