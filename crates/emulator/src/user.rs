//! The simulated user: a policy that maps a prompt to a gesture.
use authenticator::{Gesture, Prompt, Purpose};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What the user does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserPolicy {
    /// Agree, refuse, or leave it to somebody else.
    pub answer: Answer,
    /// How long the user takes.
    pub delay: Duration,
}

/// The kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Touches, for long where that is asked for, and passes verification; every sample of a finger is good.
    Approve,
    /// A person answers, at a terminal, a page or through the API.
    Ask,
    /// Says no.
    Deny,
    /// Does nothing until the command times out.
    Ignore,
}

impl UserPolicy {
    /// Agrees at once: what an unattended run wants.
    pub const APPROVE: Self = Self { answer: Answer::Approve, delay: Duration::ZERO };

    /// That answer, at once.
    pub const fn at_once(answer: Answer) -> Self {
        Self { answer, delay: Duration::ZERO }
    }

    /// The gesture for a prompt, and after how long; `None` where nobody or somebody else answers.
    pub fn answer(&self, prompt: &Prompt) -> Option<(Duration, Gesture)> {
        let gesture = match self.answer {
            Answer::Approve if prompt.verification => Gesture::Verified,
            Answer::Approve if prompt.purpose == (Purpose::Reset { long_touch: true }) => Gesture::LongTouch,
            Answer::Approve => Gesture::Present,
            Answer::Deny => Gesture::Declined,
            Answer::Ask | Answer::Ignore => return None,
        };
        Some((self.delay, gesture))
    }
}

impl Default for UserPolicy {
    fn default() -> Self {
        Self::APPROVE
    }
}

impl fmt::Display for UserPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = match self.answer {
            Answer::Approve => "approve",
            Answer::Ask => "ask",
            Answer::Deny => "deny",
            Answer::Ignore => "ignore",
        };
        if self.delay.is_zero() { f.write_str(answer) } else { write!(f, "{answer} after {:?}", self.delay) }
    }
}

/// Text that is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no user policy: expected approve, ask, deny, ignore, or after=2s to approve later")]
pub struct InvalidPolicy(String);

impl FromStr for UserPolicy {
    type Err = InvalidPolicy;

    /// `approve` (or `auto`), `ask`, `deny`, `ignore`; `after=2s` or `after=250ms` approves later, and
    /// `deny,after=2s` denies later.
    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let invalid = || InvalidPolicy(text.into());
        let mut policy = Self::APPROVE;
        for part in text.split(',') {
            match part.trim() {
                "approve" | "auto" => policy.answer = Answer::Approve,
                "ask" => policy.answer = Answer::Ask,
                "deny" => policy.answer = Answer::Deny,
                "ignore" => policy.answer = Answer::Ignore,
                other => {
                    policy.delay = other.strip_prefix("after=").and_then(duration).ok_or_else(invalid)?
                }
            }
        }
        Ok(policy)
    }
}

/// Seconds (`2s`, `0.5s`) or milliseconds (`250ms`).
fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(number) => Some(Duration::from_millis(number.parse().ok()?)),
        None => Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_approves_gives_what_is_asked_for() {
        let deadline = wire::time::Instant::POWER_UP;
        let link = authenticator::Link::Usb;
        for (purpose, verification, gesture) in [
            (Purpose::Select, false, Gesture::Present),
            (Purpose::Select, true, Gesture::Verified),
            (Purpose::Reset { long_touch: false }, false, Gesture::Present),
            (Purpose::Reset { long_touch: true }, false, Gesture::LongTouch),
            (Purpose::EnrollSample { remaining: 1 }, false, Gesture::Present),
        ] {
            let prompt = Prompt { number: 1, purpose, verification, attempts: 3, link, deadline };
            assert_eq!(UserPolicy::APPROVE.answer(&prompt), Some((Duration::ZERO, gesture)), "{prompt:?}");
            let denied = UserPolicy::at_once(Answer::Deny).answer(&prompt);
            assert_eq!(denied, Some((Duration::ZERO, Gesture::Declined)));
            assert_eq!(UserPolicy::at_once(Answer::Ask).answer(&prompt), None);
        }
    }

    #[test]
    fn policies_are_read_as_they_are_written_on_the_command_line() {
        let after = |answer, millis| Ok(UserPolicy { answer, delay: Duration::from_millis(millis) });
        for (text, policy) in [
            ("approve", after(Answer::Approve, 0)),
            ("auto", after(Answer::Approve, 0)),
            ("ask", after(Answer::Ask, 0)),
            ("deny", after(Answer::Deny, 0)),
            ("ignore", after(Answer::Ignore, 0)),
            ("after=2s", after(Answer::Approve, 2000)),
            ("after=0.5s", after(Answer::Approve, 500)),
            ("deny,after=250ms", after(Answer::Deny, 250)),
        ] {
            assert_eq!(text.parse::<UserPolicy>(), policy, "{text}");
        }
        for bad in ["", "yes", "after=", "after=2", "after=-1s", "after=1e300s", "after=NaNs"] {
            assert_eq!(bad.parse::<UserPolicy>(), Err(InvalidPolicy(bad.into())));
        }
    }
}
