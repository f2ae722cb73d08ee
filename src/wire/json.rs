//! Reading JSON into a [`Json`] tree. Of two members of one name the second would silently win,
//! so they are an error, and names that differ in case only are one name.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::domain::json::Json;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let (mut members, mut names) = (Vec::new(), HashSet::new());
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom(format!("{name} is there twice")));
            }
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_what_was_written() {
        let text = r#"{"b": [null, true, -1, 18446744073709551615, 1.5], "a": "x"}"#;
        let numbers = ["-1", "18446744073709551615", "1.5"].map(|n| Json::Number(n.into()));
        let list = [vec![Json::Null, Json::Bool(true)], numbers.to_vec()].concat();
        let want = vec![("b".into(), Json::List(list)), ("a".into(), Json::Text("x".into()))];
        assert_eq!(serde_json::from_str::<Json>(text).unwrap(), Json::Object(want));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let deep = "[".repeat(1000);
        for (text, want) in [
            (r#"{"a": 1, "a": 2}"#, "a is there twice"),
            (r#"{"x": {"Effect": 1, "effect": 2}}"#, "effect is there twice"),
            ("{} {}", "trailing"),
            (deep.as_str(), "recursion"),
        ] {
            let err = serde_json::from_str::<Json>(text).unwrap_err().to_string();
            assert!(err.contains(want), "{text:.20}: {err}");
        }
    }
}
