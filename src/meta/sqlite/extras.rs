//! What buckets' owners ask for beyond OSS's referer policy, as columns and as a record.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{corrupt, parsed};
use crate::domain::name::ObjectKey;
use crate::domain::referer::{DenialAnswer, Extras, RedirectUrl};
use crate::meta::MetaError;

/// The columns of `referer_extras`, in their words. A record of a change has the same.
#[derive(Debug, Deserialize, Serialize, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtrasWords {
    pub(super) mode: Option<String>,
    pub(super) host: Option<String>,
    pub(super) missing: Option<String>,
    pub(super) malformed: Option<String>,
    pub(super) denial: Option<String>,
    /// The URL or the object's key.
    pub(super) denial_to: Option<String>,
}

impl ExtrasWords {
    pub(super) fn of(extras: &Extras) -> Self {
        let (denial, denial_to) = match &extras.denial {
            DenialAnswer::Forbidden => ("forbidden", None),
            DenialAnswer::Redirect(url) => ("redirect", Some(url.as_str())),
            DenialAnswer::Substitute(key) => ("substitute", Some(key.as_str())),
        };
        let owned = |word: &str| Some(word.to_owned());
        Self {
            mode: owned(extras.mode.as_str()),
            host: owned(extras.host.as_str()),
            missing: owned(extras.missing.as_str()),
            malformed: owned(extras.malformed.as_str()),
            denial: owned(denial),
            denial_to: denial_to.and_then(owned),
        }
    }

    /// Nothing of what is there has a default.
    pub(super) fn read(&self) -> Result<Extras, String> {
        fn word<T: FromStr<Err: Display>>(name: &str, column: Option<&str>) -> Result<T, String> {
            parsed(column.ok_or_else(|| format!("{name} is null"))?)
                .map_err(|reason| format!("{name}: {reason}"))
        }
        let to = self.denial_to.as_deref();
        Ok(Extras {
            mode: word("mode", self.mode.as_deref())?,
            host: word("host", self.host.as_deref())?,
            missing: word("missing", self.missing.as_deref())?,
            malformed: word("malformed", self.malformed.as_deref())?,
            denial: match (self.denial.as_deref(), to) {
                (Some("forbidden"), None) => DenialAnswer::Forbidden,
                (Some("redirect"), to) => {
                    DenialAnswer::Redirect(word::<RedirectUrl>("denial_to", to)?)
                }
                (Some("substitute"), to) => {
                    DenialAnswer::Substitute(word::<ObjectKey>("denial_to", to)?)
                }
                other => return Err(format!("denial is {other:?}")),
            },
        })
    }
}

/// The columns of `referer_extras` beside a bucket, exactly as SQLite returns them. All are null
/// if the bucket has no row.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct ExtrasRow {
    extras_of: Option<i64>,
    #[sqlx(flatten)]
    words: ExtrasWords,
}

impl TryFrom<&ExtrasRow> for Extras {
    type Error = MetaError;

    fn try_from(row: &ExtrasRow) -> Result<Self, MetaError> {
        let Some(id) = row.extras_of else { return Ok(Self::default()) };
        row.words.read().map_err(|reason| corrupt("referer_extras", id, reason))
    }
}
