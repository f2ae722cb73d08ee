//! Which version of a policy answers requests.

use std::sync::Arc;

use crate::domain::referer::{DependsOn, Extras, Gate, Policy, PolicyVersion};

/// A policy of at most so many rules is in force when its change returns. Compiling it takes
/// milliseconds.
const PROMPT_RULES: usize = 2000;

/// The same, in bytes of its rules.
const PROMPT_BYTES: usize = 256 * 1024;

/// The policy of a bucket with what goes beyond it: the newest version, and what answers requests.
#[derive(Clone, Debug)]
pub struct RefererState {
    extras: Arc<Extras>,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// The newest version answers.
    InForce { version: PolicyVersion, gate: Arc<Gate> },
    /// The newest version is being compiled. An older one answers, or, after a start, the newest
    /// as it is, with a provisional gate.
    Compiling { version: PolicyVersion, policy: Arc<Policy>, answering: Answering },
}

/// A gate with the version that it is of.
type Answering = (PolicyVersion, Arc<Gate>);

impl RefererState {
    /// A policy that was found at the start. A small one is compiled on the spot; a large one
    /// answers at once all the same, if slowly.
    pub(in crate::service) fn found(
        version: PolicyVersion,
        policy: Policy,
        extras: Extras,
    ) -> Self {
        let extras = Arc::new(extras);
        let stage = if is_prompt(&policy) {
            Stage::InForce { version, gate: Arc::new(Gate::new(policy, Extras::clone(&extras))) }
        } else {
            let policy = Arc::new(policy);
            let gate = Gate::provisional(Arc::clone(&policy), Extras::clone(&extras));
            Stage::Compiling { version, policy, answering: (version, Arc::new(gate)) }
        };
        Self { extras, stage }
    }

    /// The newest version, durable if not in force.
    pub fn policy(&self) -> &Policy {
        match &self.stage {
            Stage::InForce { gate, .. } => gate.policy(),
            Stage::Compiling { policy, .. } => policy,
        }
    }

    /// What goes beyond OSS.
    pub const fn extras(&self) -> &Arc<Extras> {
        &self.extras
    }

    /// The number of the newest version.
    pub const fn version(&self) -> PolicyVersion {
        match &self.stage {
            Stage::InForce { version, .. } | Stage::Compiling { version, .. } => *version,
        }
    }

    /// Whether the newest version answers requests.
    pub const fn is_in_force(&self) -> bool {
        matches!(self.stage, Stage::InForce { .. })
    }

    /// What answers requests, and which version it is of.
    pub const fn answering(&self) -> (PolicyVersion, &Arc<Gate>) {
        match &self.stage {
            Stage::InForce { version, gate }
            | Stage::Compiling { answering: (version, gate), .. } => (*version, gate),
        }
    }

    /// What of a request its answer depends on, now and before long.
    pub fn depends_on(&self) -> DependsOn {
        let (_, gate) = self.answering();
        if self.policy().is_default() {
            gate.depends_on()
        } else {
            gate.depends_on().max(DependsOn::Referer)
        }
    }

    /// The same versions with other settings. Compiles what answers, if strict hosts are new,
    /// which takes its time for a [long list](Self::is_long_with).
    pub(in crate::service) fn with_extras(&self, extras: Extras) -> Self {
        let with = |gate: &Arc<Gate>| Arc::new(gate.with_extras(extras.clone()));
        let stage = match &self.stage {
            Stage::InForce { version, gate } => {
                Stage::InForce { version: *version, gate: with(gate) }
            }
            Stage::Compiling { version, policy, answering: (answering, gate) } => {
                Stage::Compiling {
                    version: *version,
                    policy: Arc::clone(policy),
                    answering: (*answering, with(gate)),
                }
            }
        };
        Self { stage, extras: Arc::new(extras) }
    }

    /// Whether [`with_extras`](Self::with_extras) compiles a long list.
    pub(in crate::service) fn is_long_with(&self, extras: &Extras) -> bool {
        let (_, gate) = self.answering();
        gate.must_compile_for(extras) && !is_prompt(gate.policy())
    }

    /// What is to be compiled, and which version it is.
    pub(super) fn to_compile(&self) -> Option<(PolicyVersion, Arc<Policy>)> {
        match &self.stage {
            Stage::InForce { .. } => None,
            Stage::Compiling { version, policy, .. } => Some((*version, Arc::clone(policy))),
        }
    }

    /// Takes a newer version, which does not answer yet.
    pub(super) fn begin(&mut self, version: PolicyVersion, policy: Arc<Policy>) {
        let (old, gate) = self.answering();
        let answering = (old, Arc::clone(gate));
        self.stage = Stage::Compiling { version, policy, answering };
    }

    /// Has a gate answer, unless a newer one does. It is compiled with [`Self::extras`].
    pub(super) fn install(&mut self, compiled: PolicyVersion, gate: Arc<Gate>) {
        match &mut self.stage {
            Stage::Compiling { version, .. } if *version == compiled => {
                self.stage = Stage::InForce { version: compiled, gate };
            }
            // Of the same version, it replaces the provisional one.
            Stage::Compiling { answering, .. } if answering.0 <= compiled => {
                *answering = (compiled, gate);
            }
            Stage::Compiling { .. } | Stage::InForce { .. } => {}
        }
    }
}

/// Whether a policy is compiled while its change waits.
pub(in crate::service) fn is_prompt(policy: &Policy) -> bool {
    policy.rules() <= PROMPT_RULES && policy.list_bytes() <= PROMPT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{HostRule, Mode, Pattern};

    fn policy(rule: &str) -> Policy {
        Policy { allow: vec![Pattern::read(rule).unwrap()], ..Policy::default() }
    }

    fn gate(rule: &str) -> Arc<Gate> {
        Arc::new(Gate::new(policy(rule), Extras::default()))
    }

    fn found(version: i64, policy: Policy) -> RefererState {
        RefererState::found(PolicyVersion(version), policy, Extras::default())
    }

    fn answering(state: &RefererState) -> (i64, String) {
        let (version, gate) = state.answering();
        let rule = gate.policy().allow.first().map(|rule| rule.as_str().to_owned());
        (version.0, rule.unwrap_or_default())
    }

    #[test]
    fn the_old_version_answers_until_the_new_one_can() {
        let mut state = found(1, policy("one"));
        assert!(state.is_in_force());
        state.begin(PolicyVersion(2), Arc::new(policy("two")));
        assert!(!state.is_in_force());
        assert_eq!(state.policy(), &policy("two"), "what was put is what is read");
        assert_eq!(answering(&state), (1, "one".into()));
        state.install(PolicyVersion(2), gate("two"));
        assert!(state.is_in_force());
        assert_eq!(answering(&state), (2, "two".into()));
    }

    #[test]
    fn an_older_version_never_displaces_a_newer_one() {
        let mut state = found(1, policy("one"));
        for version in 2..=4 {
            state.begin(PolicyVersion(version), Arc::new(policy(&version.to_string())));
        }
        state.install(PolicyVersion(3), gate("3"));
        assert!(!state.is_in_force());
        assert_eq!(answering(&state), (3, "3".into()));
        state.install(PolicyVersion(2), gate("2"));
        assert_eq!(answering(&state), (3, "3".into()));
        state.install(PolicyVersion(4), gate("4"));
        state.install(PolicyVersion(3), gate("3"));
        assert!(state.is_in_force());
        assert_eq!(answering(&state), (4, "4".into()));
    }

    #[test]
    fn settings_reach_what_answers_and_what_will() {
        let extras = Extras { mode: Mode::Monitor, ..Extras::default() };
        let mut state = found(1, policy("one"));
        state.begin(PolicyVersion(2), Arc::new(policy("two")));
        let mut state = state.with_extras(extras.clone());
        assert_eq!(answering(&state), (1, "one".into()));
        assert_eq!(*state.answering().1.extras(), extras);
        assert_eq!(**state.extras(), extras);
        state.install(PolicyVersion(2), Arc::new(Gate::new(policy("two"), extras)));
        assert!(state.is_in_force());
    }

    #[test]
    fn only_new_strict_hosts_take_long_to_compile() {
        let rule = |n| Pattern::read(&format!("http://{n}.example/")).unwrap();
        let large = Policy { allow: (0..=PROMPT_RULES).map(rule).collect(), ..Policy::default() };
        let strict = Extras { host: HostRule::Strict, ..Extras::default() };
        let monitor = |extras: &Extras| Extras { mode: Mode::Monitor, ..extras.clone() };
        let mut state = found(7, large.clone());
        assert!(!state.is_long_with(&strict), "it is not compiled yet");
        state.install(PolicyVersion(7), Arc::new(Gate::new(large, Extras::default())));
        assert!(!state.is_long_with(&monitor(&Extras::default())));
        assert!(state.is_long_with(&strict));
        assert!(!state.with_extras(strict.clone()).is_long_with(&monitor(&strict)));
        assert!(!found(1, policy("one")).is_long_with(&strict));
    }

    #[test]
    fn a_large_policy_answers_from_the_start_on() {
        let rule = |n| Pattern::read(&format!("http://{n}.example/")).unwrap();
        let large = Policy { allow: (0..=PROMPT_RULES).map(rule).collect(), ..Policy::default() };
        let mut state = found(7, large.clone());
        let provisional = |state: &RefererState| state.answering().1.matcher().is_provisional();
        assert!(provisional(&state) && !state.is_in_force());
        assert_eq!(answering(&state), (7, "http://0.example/".into()));
        assert_eq!(state.depends_on(), DependsOn::Referer);
        // A newer one does not wait for it, and is not in its way.
        let newer = Arc::new(policy("newer"));
        let mut overtaken = state.clone();
        overtaken.begin(PolicyVersion(8), newer);
        overtaken.install(PolicyVersion(7), Arc::new(Gate::new(large.clone(), Extras::default())));
        assert!(!provisional(&overtaken) && !overtaken.is_in_force());
        overtaken.install(PolicyVersion(8), gate("newer"));
        assert_eq!(answering(&overtaken), (8, "newer".into()));

        state.install(PolicyVersion(7), Arc::new(Gate::new(large, Extras::default())));
        assert!(!provisional(&state) && state.is_in_force());
    }
}
