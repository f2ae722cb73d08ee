//! The referer check of a request for an object: what its bucket's gate says, and what becomes of
//! that.

use std::sync::Arc;

use super::access::ObjectPermit;
use super::bucket::Bucket;
use super::error::Error;
use crate::domain::code::Reason;
use crate::domain::name::ObjectKey;
use crate::domain::op::Action;
use crate::domain::referer::{DenialAnswer, Facts, Mode, RedirectUrl, Refused, Verdict};
use crate::domain::stats;

/// What the referer check refused, or would refuse if the bucket were not only monitored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefererDenial {
    /// What the client is told.
    pub reason: Reason,
    /// The rule, for the log alone.
    pub rule: String,
}

impl RefererDenial {
    pub(super) fn of(rule: &Refused<'_>) -> Self {
        Self { reason: rule.reason(), rule: rule.to_string() }
    }
}

/// What a client whom the referer policy denies gets instead of an error.
#[derive(Debug)]
pub enum Instead {
    /// It is sent there.
    Redirect(RedirectUrl),
    /// It gets this object. The owner chose it for everybody, so no ACL is asked.
    Substitute(Box<ObjectPermit>),
}

/// What a decision counts as, and what becomes of the request.
pub(super) type Checked = (stats::Verdict, Result<Option<RefererDenial>, Error>);

/// Asks a bucket's gate. Each request for an object that obeys the policy comes here once, with
/// its verdict, whether it is refused, passes, or passes because the bucket is monitored.
///
/// Returns what the decision counts as, and what would have been refused. While no policy answers
/// yet there is no decision, and the request is refused as such.
pub(super) fn check_referer(
    bucket: &Arc<Bucket>,
    (action, key): (Action, &ObjectKey),
    facts: &Facts<'_>,
) -> Result<Checked, Error> {
    let settings = bucket.settings();
    let gate = match settings.referer.answering() {
        Ok((_, gate)) => gate,
        // Who only monitors wants nobody refused, whatever happens.
        Err(_) if settings.referer.extras().mode == Mode::Monitor => {
            return Ok((stats::Verdict::NotChecked, Ok(None)));
        }
        Err(err) => return Err(err),
    };
    let verdict = gate.decide(facts);
    let checked = match verdict {
        Verdict::Pass(_) => Ok(None),
        Verdict::WouldRefuse(rule) => Ok(Some(RefererDenial::of(&rule))),
        Verdict::Refuse { rule, answer } => Err(Error::Referer {
            bucket: bucket.name.clone(),
            denial: RefererDenial::of(&rule),
            instead: instead(bucket, (action, key), answer),
        }),
    };
    Ok((stats::Verdict::of(&verdict), checked))
}

/// What a refused request gets instead of an error. Only reading an object has such an answer;
/// programs that write, or ask for metadata alone, read the error. The substitute itself has no
/// substitute.
fn instead(
    bucket: &Arc<Bucket>,
    (action, key): (Action, &ObjectKey),
    answer: &DenialAnswer,
) -> Option<Instead> {
    if !matches!(action, Action::GetObject | Action::HeadObject) {
        return None;
    }
    match answer {
        DenialAnswer::Forbidden => None,
        DenialAnswer::Redirect(url) => Some(Instead::Redirect(url.clone())),
        DenialAnswer::Substitute(other) if other == key => None,
        DenialAnswer::Substitute(other) => {
            Some(Instead::Substitute(Box::new(ObjectPermit::of_substitute(bucket, other))))
        }
    }
}
