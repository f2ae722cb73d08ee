//! Which version of a policy answers requests.

use std::sync::Arc;

use crate::domain::code;
use crate::domain::referer::{Matcher, Policy, PolicyVersion};
use crate::service::error::Error;

/// A policy of at most so many rules is in force when its change returns. Compiling it takes
/// milliseconds.
const PROMPT_RULES: usize = 2000;

/// The same, in bytes of its rules.
const PROMPT_BYTES: usize = 256 * 1024;

/// The policy of a bucket: the newest version of it, and what answers requests.
#[derive(Clone, Debug)]
pub struct RefererState(Stage);

#[derive(Clone, Debug)]
enum Stage {
    /// The newest version answers.
    InForce { version: PolicyVersion, matcher: Arc<Matcher> },
    /// The newest version is being compiled. An older one answers, if there is one.
    Compiling { version: PolicyVersion, policy: Arc<Policy>, old: Option<Answering> },
}

/// A matcher with the version that it is of.
type Answering = (PolicyVersion, Arc<Matcher>);

impl RefererState {
    /// A policy that was found at the start. A small one is compiled on the spot.
    pub(in crate::service) fn found(version: PolicyVersion, policy: Policy) -> Self {
        Self(if is_prompt(&policy) {
            Stage::InForce { version, matcher: Arc::new(Matcher::new(policy)) }
        } else {
            Stage::Compiling { version, policy: Arc::new(policy), old: None }
        })
    }

    /// The newest version, durable if not in force.
    pub fn policy(&self) -> &Policy {
        match &self.0 {
            Stage::InForce { matcher, .. } => matcher.policy(),
            Stage::Compiling { policy, .. } => policy,
        }
    }

    /// The number of the newest version.
    pub const fn version(&self) -> PolicyVersion {
        match &self.0 {
            Stage::InForce { version, .. } | Stage::Compiling { version, .. } => *version,
        }
    }

    /// Whether the newest version answers requests.
    pub const fn is_in_force(&self) -> bool {
        matches!(self.0, Stage::InForce { .. })
    }

    /// What answers requests, and which version it is of.
    ///
    /// # Errors
    ///
    /// [`code::POLICY_NOT_READY`]: nothing does yet.
    pub fn answering(&self) -> Result<(PolicyVersion, &Arc<Matcher>), Error> {
        match &self.0 {
            Stage::InForce { version, matcher }
            | Stage::Compiling { old: Some((version, matcher)), .. } => Ok((*version, matcher)),
            Stage::Compiling { old: None, .. } => Err(Error::Refused(code::POLICY_NOT_READY)),
        }
    }

    /// Whether every request is answered alike, now and before long.
    pub fn is_default(&self) -> bool {
        let answers_all = self.answering().is_ok_and(|(_, it)| it.policy().is_default());
        answers_all && self.policy().is_default()
    }

    /// What is to be compiled, and which version it is.
    pub(super) fn to_compile(&self) -> Option<(PolicyVersion, Arc<Policy>)> {
        match &self.0 {
            Stage::InForce { .. } => None,
            Stage::Compiling { version, policy, .. } => Some((*version, Arc::clone(policy))),
        }
    }

    /// Takes a newer version, which does not answer yet.
    pub(super) fn begin(&mut self, version: PolicyVersion, policy: Arc<Policy>) {
        let old = self.answering().ok().map(|(version, matcher)| (version, Arc::clone(matcher)));
        self.0 = Stage::Compiling { version, policy, old };
    }

    /// Has a matcher answer, unless a newer one does.
    pub(super) fn install(&mut self, compiled: PolicyVersion, matcher: Arc<Matcher>) {
        if self.answering().is_ok_and(|(answering, _)| answering >= compiled) {
            return;
        }
        match &mut self.0 {
            Stage::Compiling { version, old, .. } if *version > compiled => {
                *old = Some((compiled, matcher));
            }
            Stage::Compiling { version, .. } | Stage::InForce { version, .. } => {
                self.0 = Stage::InForce { version: *version, matcher };
            }
        }
    }
}

/// Whether a policy is compiled while its change waits.
pub(super) fn is_prompt(policy: &Policy) -> bool {
    policy.rules() <= PROMPT_RULES && policy.list_bytes() <= PROMPT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::Pattern;

    fn policy(rule: &str) -> Policy {
        Policy { allow: vec![Pattern::read(rule).unwrap()], ..Policy::default() }
    }

    fn matcher(rule: &str) -> Arc<Matcher> {
        Arc::new(Matcher::new(policy(rule)))
    }

    fn answering(state: &RefererState) -> Option<(i64, String)> {
        let (version, matcher) = state.answering().ok()?;
        let rule = matcher.policy().allow.first().map(|rule| rule.as_str().to_owned());
        Some((version.0, rule.unwrap_or_default()))
    }

    #[test]
    fn the_old_version_answers_until_the_new_one_can() {
        let mut state = RefererState::found(PolicyVersion(1), policy("one"));
        assert!(state.is_in_force());
        state.begin(PolicyVersion(2), Arc::new(policy("two")));
        assert!(!state.is_in_force());
        assert_eq!(state.policy(), &policy("two"), "what was put is what is read");
        assert_eq!(answering(&state), Some((1, "one".into())));
        state.install(PolicyVersion(2), matcher("two"));
        assert!(state.is_in_force());
        assert_eq!(answering(&state), Some((2, "two".into())));
    }

    #[test]
    fn an_older_version_never_displaces_a_newer_one() {
        let mut state = RefererState::found(PolicyVersion(1), policy("one"));
        for version in 2..=4 {
            state.begin(PolicyVersion(version), Arc::new(policy(&version.to_string())));
        }
        state.install(PolicyVersion(3), matcher("3"));
        assert!(!state.is_in_force());
        assert_eq!(answering(&state), Some((3, "3".into())));
        state.install(PolicyVersion(2), matcher("2"));
        assert_eq!(answering(&state), Some((3, "3".into())));
        state.install(PolicyVersion(4), matcher("4"));
        state.install(PolicyVersion(3), matcher("3"));
        assert!(state.is_in_force());
        assert_eq!(answering(&state), Some((4, "4".into())));
    }

    #[test]
    fn nothing_answers_for_a_large_policy_after_a_start() {
        let rule = |n| Pattern::read(&format!("http://{n}.example/")).unwrap();
        let large = Policy { allow: (0..=PROMPT_RULES).map(rule).collect(), ..Policy::default() };
        let mut state = RefererState::found(PolicyVersion(7), large.clone());
        let refused = state.answering().map(|_| ()).unwrap_err().reason();
        assert_eq!(refused, code::POLICY_NOT_READY);
        assert!(!state.is_default());
        state.install(PolicyVersion(7), Arc::new(Matcher::new(large)));
        assert!(state.is_in_force());
    }
}
