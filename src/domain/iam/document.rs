//! A whole policy.

use super::Who;
use super::condition::{Circumstances, Holds};
use super::statement::{Asked, Effect, Realm, Statement};
use crate::domain::code::{self, Reason};
use crate::domain::json::Json;

/// The most bytes of a policy as it is written.
///
/// Source: the `EC` page 0030-00000001.
pub const MAX_POLICY_BYTES: usize = 16 * 1024;

/// Where a policy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is a user's: whom it means is clear.
    User,
    /// It is a bucket's, and says whom it means.
    Bucket,
    /// It narrows temporary credentials.
    Session,
}

/// A policy: what was written, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDocument {
    text: Box<str>,
    statements: Vec<Statement>,
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// It has too many bytes.
    #[error("the policy has {0} bytes, it may have {MAX_POLICY_BYTES}")]
    TooLarge(usize),
    /// It is not JSON.
    #[error("the policy is not JSON: {0}")]
    NotJson(String),
    /// `Version` is a text, but not `1`.
    #[error("Version is {0:?}, it must be \"1\"")]
    Version(String),
    /// A text in it is too long.
    #[error("{0} has a text of more than 4095 bytes")]
    TextTooLong(String),
    /// A text in a bucket policy has two wildcards `*` in a row.
    #[error("{0} has a text with two * in a row")]
    TwoStars(String),
    /// Anything else that is not as it should be; the sentence says what.
    #[error("{0}")]
    Element(String),
}

impl InvalidPolicy {
    /// The code, status and number for the client.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::TooLarge(_) => code::POLICY_TOO_LARGE,
            Self::Version(_) => code::POLICY_VERSION,
            Self::TextTooLong(_) => code::POLICY_TEXT_TOO_LONG,
            Self::TwoStars(_) => code::POLICY_TWO_STARS,
            Self::NotJson(_) | Self::Element(_) => code::POLICY_INVALID,
        }
    }
}

/// What a policy says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// A `Deny` applies.
    Denies,
    /// An `Allow` applies, and no `Deny`.
    Allows,
    /// Neither.
    Silent,
}

impl PolicyDocument {
    /// Reads a policy. `json` is what `text` holds.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`] names the element that is wrong. What is not known is an error and never
    /// passed over.
    pub fn read(text: &str, json: &Json, kind: Kind) -> Result<Self, InvalidPolicy> {
        let bad = |why: String| InvalidPolicy::Element(why);
        let Json::Object(members) = json else {
            return Err(bad(format!("the policy is {}, not an object", json.kind())));
        };
        let (mut version, mut statements) = (None, None);
        for (name, value) in members {
            match name.as_str() {
                "Version" => version = Some(value),
                "Statement" => statements = Some(read_statements(value, kind)?),
                other => return Err(bad(format!("the policy has {other}, which is not known"))),
            }
        }
        let version: &Json = version.ok_or_else(|| bad("the policy has no Version".into()))?;
        match version.as_text() {
            Some("1") => {}
            Some(other) => return Err(InvalidPolicy::Version(other.to_owned())),
            None => return Err(bad(format!("Version is {}, not \"1\"", version.kind()))),
        }
        let statements = statements.ok_or_else(|| bad("the policy has no Statement".into()))?;
        Ok(Self { text: text.into(), statements })
    }

    /// The policy as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Refuses a policy about another region or account.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::Element`] names the resource.
    pub fn check_realm(&self, realm: Realm<'_>) -> Result<(), InvalidPolicy> {
        for (number, statement) in (1..).zip(&self.statements) {
            if let Some(resource) = statement.elsewhere(realm) {
                return Err(InvalidPolicy::Element(format!(
                    "Statement {number} has the resource {resource:?}: here are the region {} \
                     and the account {}",
                    realm.region, realm.account
                )));
            }
        }
        Ok(())
    }

    /// What the policy says about a request.
    pub fn opinion(
        &self,
        who: Who<'_>,
        asked: &Asked,
        circumstances: &Circumstances<'_>,
    ) -> Opinion {
        let mut opinion = Opinion::Silent;
        for statement in &self.statements {
            match (statement.effect, statement.applies(who, asked, circumstances)) {
                (Effect::Deny, Holds::Yes | Holds::Unknown) => return Opinion::Denies,
                (Effect::Allow, Holds::Yes) => opinion = Opinion::Allows,
                (Effect::Allow, Holds::No | Holds::Unknown) | (Effect::Deny, Holds::No) => {}
            }
        }
        opinion
    }

    /// Whether the policy allows an operation on anything at all.
    pub(super) fn allows_somewhere(
        &self,
        who: Who<'_>,
        asked: &Asked,
        circumstances: &Circumstances<'_>,
    ) -> bool {
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.applies_somewhere(who, asked, circumstances) == Holds::Yes
        })
    }

    /// Whether the policy lets everybody in, from anywhere.
    ///
    /// Source: OSS "GetBucketPolicyStatus", "Block public access".
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(Statement::is_public)
    }
}

fn read_statements(json: &Json, kind: Kind) -> Result<Vec<Statement>, InvalidPolicy> {
    let statements = json.many();
    if statements.is_empty() {
        return Err(InvalidPolicy::Element("the policy has no statement".into()));
    }
    let numbered = (1..).zip(statements);
    numbered.map(|(n, one)| Statement::read(one, &format!("Statement {n}"), kind)).collect()
}
