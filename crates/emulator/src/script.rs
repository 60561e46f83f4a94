//! A user who follows a script: on the n-th question of that kind, do that.
use crate::user::{Answer, InvalidPolicy, UserPolicy};
use authenticator::{Gesture, Prompt, Purpose};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a user does, question by question. In TOML:
///
/// ```toml
/// otherwise = "approve"      # as for UserPolicy; absent: what the user does anyway
///
/// [[steps]]
/// purpose = "sign-in"        # any, if absent
/// rpId = "example.test"      # any, if absent
/// prompt = 2                 # the second such question; each, if absent
/// do = "wrong-finger"        # as for UserPolicy
/// delayMs = 250              # 0, if absent
/// ```
///
/// A question is answered by the first step that is about it. Every step counts every question that it could be
/// about, whoever answers it; a question that is asked again after a wrong finger counts again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Script {
    /// In the order in which they are tried.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What is done where no step is about the question: a [`UserPolicy`] as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
}

/// One thing that a scripted user does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Only for this RP ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<String>,
    /// Only for this purpose, as [`purpose`] names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Only for the question with this number among those, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<u64>,
    /// What to do: a [`UserPolicy`] as text.
    #[serde(rename = "do")]
    pub act: String,
    /// How long it takes, in milliseconds, where `do` does not say it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The names of all purposes.
pub const PURPOSES: [&str; 10] = [
    "register",
    "already-registered",
    "sign-in",
    "nothing-to-sign-in",
    "token",
    "u2f-register",
    "u2f-sign-in",
    "select",
    "reset",
    "enroll-sample",
];

/// What a purpose is called in scripts and in the API: one of [`PURPOSES`].
pub fn purpose(purpose: &Purpose) -> &'static str {
    PURPOSES[match purpose {
        Purpose::Register { .. } => 0,
        Purpose::AlreadyRegistered { .. } => 1,
        Purpose::SignIn { .. } => 2,
        Purpose::NothingToSignIn { .. } => 3,
        Purpose::Token { .. } => 4,
        Purpose::U2f { registers: true, .. } => 5,
        Purpose::U2f { registers: false, .. } => 6,
        Purpose::Select => 7,
        Purpose::Reset { .. } => 8,
        Purpose::EnrollSample { .. } => 9,
    }]
}

/// Why a script cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScript {
    /// A step does what nobody can do.
    #[error("step {step}: {why}")]
    Act {
        /// Which, counted from 1.
        step: usize,
        /// Why not.
        why: InvalidPolicy,
    },
    /// There is no such purpose.
    #[error("step {step}: there is no purpose `{purpose}`: there are {}", PURPOSES.join(", "))]
    Purpose {
        /// Which, counted from 1.
        step: usize,
        /// As written.
        purpose: String,
    },
    /// Questions are counted from 1.
    #[error("step {0}: prompt is a number from 1")]
    Prompt(usize),
    /// What is done otherwise is nothing.
    #[error("otherwise: {0}")]
    Otherwise(InvalidPolicy),
}

/// A script that is followed.
#[derive(Debug)]
pub(crate) struct Playing {
    script: Script,
    policies: Vec<UserPolicy>,
    /// For each step, the questions so far that it could be about.
    seen: Vec<u64>,
    otherwise: Option<UserPolicy>,
}

impl Playing {
    /// # Errors
    /// If the script makes no sense.
    pub(crate) fn new(script: Script) -> Result<Self, InvalidScript> {
        let mut policies = Vec::new();
        for (at, step) in script.steps.iter().enumerate() {
            let number = at + 1;
            let policy: UserPolicy =
                step.act.parse().map_err(|why| InvalidScript::Act { step: number, why })?;
            let said = policy.delay;
            let delay = if said.is_zero() { Duration::from_millis(step.delay_ms) } else { said };
            policies.push(UserPolicy { delay, ..policy });
            let unknown = step.purpose.as_ref().filter(|name| !PURPOSES.contains(&name.as_str()));
            if let Some(purpose) = unknown {
                return Err(InvalidScript::Purpose { step: number, purpose: purpose.clone() });
            }
            if step.prompt == Some(0) {
                return Err(InvalidScript::Prompt(number));
            }
        }
        let otherwise = script.otherwise.as_deref().map(str::parse).transpose();
        let otherwise = otherwise.map_err(InvalidScript::Otherwise)?;
        Ok(Self { seen: vec![0; script.steps.len()], script, policies, otherwise })
    }

    pub(crate) fn script(&self) -> &Script {
        &self.script
    }

    /// What the user does about this question; it counts from now on.
    fn policy(&mut self, prompt: &Prompt) -> Option<UserPolicy> {
        let mut found = None;
        for ((step, seen), policy) in self.script.steps.iter().zip(&mut self.seen).zip(&self.policies) {
            let rp_fits = step.rp_id.as_deref().is_none_or(|rp_id| prompt.purpose.rp_id() == Some(rp_id));
            let purpose_fits = step.purpose.as_deref().is_none_or(|name| purpose(&prompt.purpose) == name);
            if rp_fits && purpose_fits {
                *seen += 1;
                if found.is_none() && step.prompt.is_none_or(|number| number == *seen) {
                    found = Some(*policy);
                }
            }
        }
        found.or(self.otherwise)
    }
}

/// The simulated user of one device.
#[derive(Debug, Default)]
pub(crate) struct Person {
    pub(crate) policy: UserPolicy,
    pub(crate) script: Option<Playing>,
}

impl Person {
    /// What they do about a question that has just been raised.
    pub(crate) fn policy_for(&mut self, prompt: &Prompt) -> UserPolicy {
        self.script.as_mut().and_then(|script| script.policy(prompt)).unwrap_or(self.policy)
    }

    /// The gesture for a question that is open, by the policy alone, and after how long.
    pub(crate) fn answer(&self, prompt: &Prompt) -> Option<(Duration, Gesture)> {
        self.policy.answer(prompt)
    }
}

impl Answer {
    /// Whether somebody with this answer would touch a device at all.
    pub(crate) fn is_willing(self) -> bool {
        !matches!(self, Self::Deny | Self::Ignore)
    }
}
