//! A bucket's whole referer check: the policy that OSS knows, and the settings that it does not.
//!
//! # Order of rules
//!
//! | referer | setting | verdict, the first that applies | `EC` |
//! | --- | --- | --- | --- |
//! | missing | missing = `allow` | pass | |
//! | missing | missing = `deny` | refuse | 501 |
//! | missing, and the browser tells of a cross-site embed | missing = `deny-cross-site-embeds` | refuse | 501 |
//! | missing | otherwise | what the policy decides | 501 |
//! | present | any; the policy denies | refuse | that of the policy |
//! | present, malformed | malformed = `deny` | refuse | 503 |
//! | present, on the whitelist as text only | host = `strict` | refuse | 503 |
//! | present | otherwise | pass | |
//!
//! With several `Referer` lines each is decided and the strictest verdict stands; if all of them
//! pass, malformed = `deny` refuses the request for being several (503). With
//! mode = `monitor` a refusal becomes a pass that is marked.
//!
//! # What the settings mean
//!
//! - *Missing* is what it is to OSS: no `Referer`, or one without a value. Its setting holds with
//!   and without lists, so `deny` also closes what OSS leaves open for want of a whitelist.
//! - *A cross-site embed without a referer* says `Sec-Fetch-Site: cross-site` and a
//!   `Sec-Fetch-Dest` that only a page causes ([`Facts`]). Pages cannot forge either. Browsers send
//!   them to `https` and `localhost` alone, and programs not at all, so their absence says
//!   nothing: the policy decides.
//! - *Malformed* is what no browser sends as the address of a page: not `http` or `https`, no
//!   host, user information, a fragment, blanks, several lines, over-long. It is a class of its own
//!   with and without lists.
//! - *Strict hosts* hold for the whitelist. The blacklist keeps OSS's wider rule: there the
//!   wider rule denies more.
//!
//! # Sources
//!
//! W3C "Fetch Metadata Request Headers"; RFC 9110, section 10.1.3 (`Referer`). The rules are ours.

mod facts;
mod strict;
mod verdict;

use std::sync::Arc;

use super::patience::{Endless, Patience, Short, strictest};
use super::{
    Allowed, Decision, Extras, HostRule, MalformedReferer, Matcher, MissingReferer, Mode, Policy,
    Referers, url,
};
pub use facts::{Facts, FactsBuf};
use strict::StrictHosts;
pub(super) use strict::{MARK, marked_forms};
pub use verdict::{Passed, Refused, Verdict};

/// A bucket's referer check, compiled: a policy with the settings beyond OSS. Immutable, so
/// requests share it without a lock.
#[derive(Debug)]
pub struct Gate {
    matcher: Arc<Matcher>,
    extras: Extras,
    /// Whether no setting touches a decision, so that the matcher alone decides.
    is_plain: bool,
    strict: Option<Arc<StrictHosts>>,
}

/// Which headers of a request a bucket's answers depend on, for `Vary`; the greater has all of the
/// lesser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependsOn {
    /// None: everybody gets the same.
    Nothing,
    /// The referer.
    Referer,
    /// The referer, and what browsers say of the purpose of a request.
    RefererAndPurpose,
}

/// A verdict with what it was given on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasons<'g> {
    /// The verdict.
    pub verdict: Verdict<'g>,
    /// What the lists were compared with: the deciding line after truncation, in lower case. `None`
    /// when there was nothing to compare: a missing referer, one that is too long, too many lines.
    pub subject: Option<String>,
}

type Outcome<'g> = Result<Passed<'g>, Refused<'g>>;

impl Gate {
    /// Compiles a policy with its settings.
    pub fn new(policy: impl Into<Arc<Policy>>, extras: Extras) -> Self {
        Self::of(Arc::new(Matcher::new(policy)), extras)
    }

    /// Prepares a long policy with its settings to be asked until it is compiled: it answers the
    /// same, and slower ([`decide_soon`](Self::decide_soon)).
    pub fn provisional(policy: impl Into<Arc<Policy>>, extras: Extras) -> Self {
        Self::of(Arc::new(Matcher::provisional(policy)), extras)
    }

    /// Joins a compiled policy with its settings.
    pub fn of(matcher: Arc<Matcher>, extras: Extras) -> Self {
        Self::with_strict(matcher, extras, None)
    }

    /// `strict` is the list of the same policy for strict hosts, if there is one already.
    fn with_strict(
        matcher: Arc<Matcher>,
        extras: Extras,
        strict: Option<&Arc<StrictHosts>>,
    ) -> Self {
        let policy = matcher.policy();
        let strict = match (extras.host, strict) {
            (HostRule::Prefix, _) => None,
            (HostRule::Strict, Some(strict)) => Some(Arc::clone(strict)),
            (HostRule::Strict, None) if matcher.is_provisional() => {
                Some(Arc::new(StrictHosts::provisional(policy)))
            }
            (HostRule::Strict, None) => Some(Arc::new(StrictHosts::new(policy))),
        };
        let is_plain = strict.is_none()
            && extras.missing == MissingReferer::AsPolicy
            && extras.malformed == MalformedReferer::AsText;
        Self { matcher, extras, is_plain, strict }
    }

    /// The same settings with another policy.
    #[must_use]
    pub fn with_policy(&self, matcher: Arc<Matcher>) -> Self {
        Self::of(matcher, self.extras.clone())
    }

    /// The same policy with other settings. It is not compiled again, but for strict hosts if they
    /// are [new](Self::must_compile_for).
    #[must_use]
    pub fn with_extras(&self, extras: Extras) -> Self {
        Self::with_strict(Arc::clone(&self.matcher), extras, self.strict.as_ref())
    }

    /// Whether [`with_extras`](Self::with_extras) has to compile the whitelist for strict hosts.
    pub fn must_compile_for(&self, extras: &Extras) -> bool {
        extras.host == HostRule::Strict && self.strict.is_none() && !self.matcher.is_provisional()
    }

    /// The policy as it was put.
    pub fn policy(&self) -> &Policy {
        self.matcher.policy()
    }

    /// The policy, compiled.
    pub const fn matcher(&self) -> &Arc<Matcher> {
        &self.matcher
    }

    /// The settings.
    pub const fn extras(&self) -> &Extras {
        &self.extras
    }

    /// What answers depend on. Monitoring changes no answer, but whoever begins to enforce
    /// should not find what caches kept meanwhile, so it makes no difference.
    pub fn depends_on(&self) -> DependsOn {
        match self.extras.missing {
            MissingReferer::DenyCrossSiteEmbeds => DependsOn::RefererAndPurpose,
            MissingReferer::AsPolicy if self.is_plain && self.policy().is_default() => {
                DependsOn::Nothing
            }
            MissingReferer::AsPolicy | MissingReferer::Allow | MissingReferer::Deny => {
                DependsOn::Referer
            }
        }
    }

    /// Decides about a request by the [module's table](self). Without settings it is the matcher's
    /// decision, and allocates as little.
    pub fn decide<'g>(&'g self, facts: &Facts<'_>) -> Verdict<'g> {
        let Ok(outcome) = self.attempt(facts, Endless);
        self.verdict(outcome)
    }

    /// [`decide`](Self::decide), if that takes microseconds. `None` is for who has other requests to
    /// answer: rules have to be gone through, because the policy is
    /// [not compiled yet](Self::provisional) or because too many rules may fit, and the answer is
    /// not remembered.
    pub fn decide_soon<'g>(&'g self, facts: &Facts<'_>) -> Option<Verdict<'g>> {
        self.attempt(facts, Short).ok().map(|outcome| self.verdict(outcome))
    }

    fn attempt<P: Patience>(&self, facts: &Facts<'_>, patience: P) -> Result<Outcome<'_>, P::Over> {
        if self.is_plain {
            Ok(outcome(self.matcher.attempt(&facts.referers, patience)?))
        } else {
            self.judge(facts, patience)
        }
    }

    /// [`decide`](Self::decide), with the subject. It is for people who ask why; requests do not
    /// need it.
    pub fn explain(&self, facts: &Facts<'_>) -> Reasons<'_> {
        let lines = facts.referers.lines().unwrap_or_default();
        let judged = lines.iter().map(|line| {
            let Ok(outcome) = self.judge_line(line, facts, Endless);
            (outcome, self.matcher.compared(line))
        });
        let strictest = judged.max_by(|(a, a_subject), (b, b_subject)| {
            let strictness = verdict::strictness(a).cmp(&verdict::strictness(b));
            strictness.then_with(|| a_subject.cmp(b_subject))
        });
        let (line, subject) = strictest.unwrap_or_else(|| (self.judge_unread(facts), None));
        let outcome = self.judge_several(line, lines.len());
        let subject = subject.filter(|_| line == outcome);
        Reasons { verdict: self.verdict(outcome), subject }
    }

    fn verdict<'g>(&'g self, outcome: Outcome<'g>) -> Verdict<'g> {
        match (outcome, self.extras.mode) {
            (Ok(passed), _) => Verdict::Pass(passed),
            (Err(rule), Mode::Monitor) => Verdict::WouldRefuse(rule),
            (Err(rule), Mode::Enforce) => Verdict::Refuse { rule, answer: &self.extras.denial },
        }
    }

    fn judge<P: Patience>(&self, facts: &Facts<'_>, patience: P) -> Result<Outcome<'_>, P::Over> {
        let lines = facts.referers.lines().unwrap_or_default();
        let judged = lines.iter().map(|line| self.judge_line(line, facts, patience));
        let strictest = strictest(judged, verdict::strictness)?;
        Ok(self.judge_several(strictest.unwrap_or_else(|| self.judge_unread(facts)), lines.len()))
    }

    /// Judges lines that are too many to be read.
    fn judge_unread(&self, facts: &Facts<'_>) -> Outcome<'_> {
        outcome(self.matcher.decide(&facts.referers))
    }

    /// Judges a request by its strictest line and the number of those that were read.
    fn judge_several<'g>(&self, strictest: Outcome<'g>, lines: usize) -> Outcome<'g> {
        match strictest {
            Ok(_) if self.extras.malformed == MalformedReferer::Deny && lines != 1 => {
                Err(Refused::SeveralLines)
            }
            Ok(_) | Err(_) => strictest,
        }
    }

    fn judge_line<P: Patience>(
        &self,
        line: &[u8],
        facts: &Facts<'_>,
        patience: P,
    ) -> Result<Outcome<'_>, P::Over> {
        if line.is_empty() {
            return Ok(self.judge_missing(facts));
        }
        let allowed = match self.matcher.attempt(&Referers::read([line]), patience)? {
            Decision::Allow(allowed) => allowed,
            Decision::Deny(denied) => return Ok(Err(Refused::Policy(denied))),
        };
        if self.extras.malformed == MalformedReferer::Deny && url::is_malformed(line) {
            return Ok(Err(Refused::Malformed));
        }
        let (Some(strict), Allowed::Listed(plain)) = (&self.strict, allowed) else {
            return Ok(Ok(Passed::Policy(allowed)));
        };
        Ok(match strict.find(self.policy(), (line, plain), patience)? {
            Some(entry) => Ok(Passed::Policy(Allowed::Listed(entry))),
            None => Err(Refused::OtherHost(plain)),
        })
    }

    fn judge_missing(&self, facts: &Facts<'_>) -> Outcome<'_> {
        match self.extras.missing {
            MissingReferer::Allow => Ok(Passed::Missing),
            MissingReferer::Deny => Err(Refused::Missing),
            MissingReferer::DenyCrossSiteEmbeds if facts.is_cross_site_embed() => {
                Err(Refused::CrossSiteEmbed)
            }
            MissingReferer::AsPolicy | MissingReferer::DenyCrossSiteEmbeds => {
                outcome(self.matcher.decide(&Referers::read([])))
            }
        }
    }
}

fn outcome(decision: Decision<'_>) -> Outcome<'_> {
    match decision {
        Decision::Allow(allowed) => Ok(Passed::Policy(allowed)),
        Decision::Deny(denied) => Err(Refused::Policy(denied)),
    }
}

#[cfg(test)]
mod tests;
