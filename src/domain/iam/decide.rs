//! The decision: what all policies together say.

use std::sync::Arc;

use super::condition::Circumstances;
use super::document::{Opinion, PolicyDocument};
use super::name::UserName;
use super::statement::Asked;

/// Who asks, as far as policies tell people apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// Nobody in particular.
    Anonymous,
    /// The owner of all buckets.
    Owner,
    /// A user, also by temporary credentials.
    User(&'a UserName),
    /// The bearer of temporary credentials that were made for no user.
    Unnamed,
}

/// The policies that are asked about a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voices<'a> {
    /// Those of the user.
    pub user: &'a [Arc<PolicyDocument>],
    /// The one that narrows temporary credentials.
    pub session: Option<&'a PolicyDocument>,
    /// The bucket's.
    pub bucket: Option<&'a PolicyDocument>,
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A `Deny` of the user's policies.
    ByUserPolicy,
    /// The policy of temporary credentials denies, or does not allow.
    BySessionPolicy,
    /// A `Deny` of the bucket's policy.
    ByBucketPolicy,
    /// Nothing grants it.
    NotGranted,
}

/// Decides by the table of the [module](super). `acl` is whether the ACL grants it.
///
/// # Errors
///
/// [`Denial`].
pub fn decide(
    voices: Voices<'_>,
    who: Who<'_>,
    asked: &Asked,
    circumstances: &Circumstances<'_>,
    acl: bool,
) -> Result<(), Denial> {
    let opinion = |document: &PolicyDocument| document.opinion(who, asked, circumstances);
    let mut allowed = acl || who == Who::Owner;
    for document in voices.user {
        match opinion(document) {
            Opinion::Denies => return Err(Denial::ByUserPolicy),
            Opinion::Allows => allowed = true,
            Opinion::Silent => {}
        }
    }
    match voices.session.map(opinion) {
        None | Some(Opinion::Allows) => {}
        Some(Opinion::Denies | Opinion::Silent) => return Err(Denial::BySessionPolicy),
    }
    match voices.bucket.map(opinion) {
        Some(Opinion::Denies) => return Err(Denial::ByBucketPolicy),
        Some(Opinion::Allows) => allowed = true,
        None | Some(Opinion::Silent) => {}
    }
    if allowed { Ok(()) } else { Err(Denial::NotGranted) }
}

/// Whether there may be anything that somebody is allowed to do this to. Where the answer is no,
/// a request that names many things need not be read.
pub fn may_do_somewhere(
    voices: Voices<'_>,
    who: Who<'_>,
    asked: &Asked,
    circumstances: &Circumstances<'_>,
) -> bool {
    let allows = |document: &PolicyDocument| document.allows_somewhere(who, asked, circumstances);
    who == Who::Owner
        || voices.session.is_none_or(allows)
            && (voices.user.iter().any(|document| allows(document))
                || voices.bucket.is_some_and(allows))
}
