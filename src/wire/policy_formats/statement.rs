//! One statement of a bucket policy: what it says about referers.

use serde::Deserialize;
use serde_json::Value;

use super::{Effect, Note};

/// Whose bucket policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    Aws,
    Huawei,
}

/// A value or a list of values.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Many<T> {
    Several(Vec<T>),
    One(T),
}

impl<T> Many<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::Several(all) => all,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

/// A statement as it is in JSON. It lives for one function call and is never passed on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: String,
    principal: Option<Value>,
    not_principal: Option<Value>,
    action: Option<Many<String>>,
    not_action: Option<Value>,
    resource: Option<Many<String>>,
    not_resource: Option<Value>,
    #[serde(default)]
    condition: super::bucket_policy::Pairs<super::bucket_policy::Pairs<Many<Value>>>,
}

/// When a statement holds, as far as referers are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Always.
    Any,
    /// For a referer that is listed, and for none if `empty`.
    In { values: Vec<Text>, empty: bool },
    /// For a referer that is not listed, and for none if `empty`.
    NotIn { values: Vec<Text>, empty: bool },
    /// Without a referer.
    Empty,
    /// With any referer.
    Present,
}

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It says when it holds.
    Holds(Test),
    /// It is about something else.
    Unrelated,
    /// It is about everybody's reading, and cannot be said.
    Lost,
}

/// A value that a referer is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Whether `*` and `?` are wildcards.
    pub(super) like: bool,
}

impl Statement {
    /// What the statement says. What cannot be taken over is noted. `part` is the part of the bucket
    /// that others are about: rules have none, so only one can be taken for the whole.
    pub(super) fn outcome(
        &self,
        vendor: Vendor,
        name: &str,
        part: &mut Option<Vec<String>>,
        notes: &mut Vec<Note>,
    ) -> Outcome {
        let mut lost = |why: &str| notes.push(Note::new(Effect::Lost, why).about(name));
        if self.not_principal.is_some() || self.not_action.is_some() || self.not_resource.is_some()
        {
            lost("NotPrincipal, NotAction and NotResource are not read");
            return Outcome::Lost;
        }
        if !self.principal.as_ref().is_some_and(is_everybody) {
            lost("it is about named users, whose signed requests no policy is asked about");
            return Outcome::Unrelated;
        }
        if !self.action.as_ref().is_some_and(|it| it.as_slice().iter().any(|a| reads(a))) {
            lost("it is not about reading objects");
            return Outcome::Unrelated;
        }
        let when = match self.referer_test(vendor) {
            Ok(when) => when,
            Err(why) => {
                lost(&why);
                return Outcome::Lost;
            }
        };
        let Some(own) = self.part() else { return Outcome::Holds(when) };
        let denies = self.effect == "Deny";
        if denies && when == Test::Any {
            lost("it closes a part of the bucket whatever the referer, which is for an ACL to say");
            return Outcome::Unrelated;
        }
        if *part.get_or_insert_with(|| own.clone()) != own {
            lost("it is about another part of the bucket than a statement before it");
            return Outcome::Lost;
        }
        let effect = if denies { Effect::Narrower } else { Effect::Wider };
        let why = "it is about a part of the bucket; here it is about all of it";
        notes.push(Note::new(effect, why).about(name));
        Outcome::Holds(when)
    }

    /// What the statement is about, if that is not the whole bucket.
    fn part(&self) -> Option<Vec<String>> {
        let whole = |resource: &String| {
            resource == "*" || resource.strip_suffix("/*").is_some_and(|it| !it.contains('/'))
        };
        let resources = self.resource.as_ref().map(Many::as_slice).unwrap_or_default();
        let mut part = resources.to_vec();
        part.sort_unstable();
        (!resources.iter().any(whole)).then_some(part)
    }

    fn referer_test(&self, vendor: Vendor) -> Result<Test, String> {
        let key = match vendor {
            Vendor::Aws => "aws:referer",
            Vendor::Huawei => "referer",
        };
        let (mut test, mut present) = (None, None);
        for (operator, keys) in &self.condition.0 {
            for (name, values) in &keys.0 {
                if !name.eq_ignore_ascii_case(key) {
                    return Err(format!("it has a condition on {name}, too"));
                }
                if operator.eq_ignore_ascii_case("null") {
                    present = Some(!is_true(values).ok_or("Null is neither true nor false")?);
                } else if test.is_some() {
                    return Err("it has several conditions on the referer".into());
                } else {
                    test = Some(one_test(operator, values, vendor)?);
                }
            }
        }
        Ok(match (test, present) {
            (None, None) => Test::Any,
            (Some(test), None) => test,
            (None, Some(true)) => Test::Present,
            (None, Some(false)) => Test::Empty,
            (Some(Test::In { values, .. }), Some(true)) => Test::In { values, empty: false },
            (Some(Test::NotIn { values, .. }), Some(true)) => Test::NotIn { values, empty: false },
            (Some(_), Some(_)) => {
                return Err("its conditions on the referer exclude each other".into());
            }
        })
    }
}

fn one_test(operator: &str, given: &Many<Value>, vendor: Vendor) -> Result<Test, String> {
    let short = operator.to_ascii_lowercase();
    let (base, if_exists) = match short.strip_suffix("ifexists") {
        Some(base) => (base, true),
        None => (short.as_str(), false),
    };
    let (negated, like) = match base {
        "stringequals" | "stringequalsignorecase" | "streq" | "streqi" => (false, false),
        "stringnotequals" | "stringnotequalsignorecase" | "strneq" | "strneqi" => (true, false),
        "stringlike" | "strl" => (false, true),
        "stringnotlike" | "strnl" => (true, true),
        _ => return Err(format!("the operator {operator} is not read")),
    };
    let mut listed = Vec::new();
    let mut null = false;
    for value in given.as_slice() {
        let Value::String(text) = value else { return Err(format!("{value} is not a text")) };
        if text.is_empty() || (vendor == Vendor::Huawei && text == "${null}") {
            null = true;
        } else {
            listed.push(Text { text: text.clone(), like });
        }
    }
    // A missing key fits no value. A negated operator then holds, as does one with IfExists; an
    // empty value in the list is meant for the missing referer.
    let values = listed;
    Ok(if negated {
        Test::NotIn { values, empty: !null || if_exists }
    } else {
        Test::In { values, empty: null || if_exists }
    })
}

fn is_true(values: &Many<Value>) -> Option<bool> {
    match values.as_slice() {
        [Value::Bool(value)] => Some(*value),
        [Value::String(text)] if text.eq_ignore_ascii_case("true") => Some(true),
        [Value::String(text)] if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn is_everybody(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text == "*",
        Value::Array(all) => all.iter().any(is_everybody),
        Value::Object(kinds) => kinds
            .iter()
            .any(|(kind, who)| matches!(kind.as_str(), "AWS" | "ID") && is_everybody(who)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn reads(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let name = action.rsplit(':').next().unwrap_or_default();
    match name.strip_suffix('*') {
        Some(begin) => "getobject".starts_with(begin),
        None => name == "getobject",
    }
}
