//! Recorded changes of settings, as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use super::referer::ExtrasView;
use crate::domain::setting::{Change, RecordedChange, Swap};

/// A recorded change, as a part of a larger answer. The values have the form in which each setting
/// is put: an ACL its word, a limit a number or null, what goes beyond OSS an object.
#[derive(Debug, Serialize)]
pub struct ChangeView<'c> {
    number: i64,
    at: String,
    who: &'c str,
    how: &'static str,
    what: &'static str,
    old: Value,
    new: Value,
}

impl<'c> ChangeView<'c> {
    /// The view of a change.
    pub fn of(recorded: &'c RecordedChange) -> Self {
        let (old, new) = match &recorded.change {
            Change::Acl(Swap { old, new }) => (json!(old.as_str()), json!(new.as_str())),
            Change::Referer(swap) => (json!(ExtrasView(&swap.old)), json!(ExtrasView(&swap.new))),
            Change::RefererLimit(Swap { old, new }) => (json!(old), json!(new)),
        };
        Self {
            number: recorded.number.0,
            at: recorded.by.at.to_rfc3339(),
            who: recorded.by.who.as_str(),
            how: recorded.by.how.as_str(),
            what: recorded.change.what(),
            old,
            new,
        }
    }
}
