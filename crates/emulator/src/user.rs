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
    /// Touches, and fails every verification and every sample, until there is no attempt left.
    WrongFinger,
    /// Like [`Answer::Approve`]; where accounts are to choose from, takes the one at that place, counted from 0, or
    /// the last.
    Account(usize),
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
            Answer::WrongFinger if takes_fingers(prompt) => Gesture::NotVerified,
            Answer::Account(account) if let Some(last) = last_choice(prompt) => {
                Gesture::Account(account.min(last))
            }
            Answer::Approve | Answer::Account(_) if prompt.verification => Gesture::Verified,
            Answer::Approve | Answer::Account(_) | Answer::WrongFinger
                if prompt.purpose == (Purpose::Reset { long_touch: true }) =>
            {
                Gesture::LongTouch
            }
            Answer::Approve | Answer::Account(_) | Answer::WrongFinger => Gesture::Present,
            Answer::Deny => Gesture::Declined,
            Answer::Ask | Answer::Ignore => return None,
        };
        Some((self.delay, gesture))
    }
}

/// Whether a finger is compared or enrolled.
fn takes_fingers(prompt: &Prompt) -> bool {
    prompt.verification || matches!(prompt.purpose, Purpose::EnrollSample { .. })
}

/// The place of the last account that is offered, if there is a choice.
fn last_choice(prompt: &Prompt) -> Option<usize> {
    match &prompt.purpose {
        Purpose::SignIn { choice: true, accounts, .. } => accounts.len().checked_sub(1),
        _ => None,
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
            Answer::WrongFinger => "wrong-finger",
            Answer::Account(place) => &format!("account {place}"),
        };
        if self.delay.is_zero() { f.write_str(answer) } else { write!(f, "{answer} after {:?}", self.delay) }
    }
}

/// Text that is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no user policy: expected approve, ask, deny, ignore, wrong-finger, account=N, or after=2s to approve later"
)]
pub struct InvalidPolicy(String);

impl FromStr for UserPolicy {
    type Err = InvalidPolicy;

    /// `approve` (or `auto`), `ask`, `deny`, `ignore`, `wrong-finger`, `account=1`; `after=2s` or `after=250ms` approves
    /// later, and `deny,after=2s` denies later.
    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let invalid = || InvalidPolicy(text.into());
        let mut policy = Self::APPROVE;
        for part in text.split(',') {
            match part.trim() {
                "approve" | "auto" => policy.answer = Answer::Approve,
                "ask" => policy.answer = Answer::Ask,
                "deny" => policy.answer = Answer::Deny,
                "ignore" => policy.answer = Answer::Ignore,
                "wrong-finger" => policy.answer = Answer::WrongFinger,
                other => match other.split_once('=') {
                    Some(("account", place)) => {
                        policy.answer = Answer::Account(place.parse().map_err(|_| invalid())?);
                    }
                    Some(("after", time)) => policy.delay = duration(time).ok_or_else(invalid)?,
                    _ => return Err(invalid()),
                },
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
    fn a_wrong_finger_is_shown_only_where_one_is_looked_at() {
        let (deadline, link) = (wire::time::Instant::POWER_UP, authenticator::Link::Usb);
        let gesture = |purpose, verification| {
            let prompt = Prompt { number: 1, purpose, verification, attempts: 3, link, deadline };
            UserPolicy::at_once(Answer::WrongFinger).answer(&prompt).unwrap().1
        };
        assert_eq!(gesture(Purpose::Select, true), Gesture::NotVerified);
        assert_eq!(gesture(Purpose::EnrollSample { remaining: 2 }, false), Gesture::NotVerified);
        assert_eq!(gesture(Purpose::Select, false), Gesture::Present);
        assert_eq!(gesture(Purpose::Reset { long_touch: true }, false), Gesture::LongTouch);
    }

    #[test]
    fn an_account_is_taken_where_there_is_a_choice_and_the_last_one_if_there_are_not_so_many() {
        let (deadline, link) = (wire::time::Instant::POWER_UP, authenticator::Link::Usb);
        let account = |name: &str| wire::ctap2::UserEntity {
            id: name.as_bytes().to_vec(),
            name: Some(name.into()),
            display_name: None,
        };
        let gesture = |place, choice| {
            let accounts = vec![account("alice"), account("bob")];
            let purpose = Purpose::SignIn { rp_id: "example.test".into(), accounts, choice };
            let prompt = Prompt { number: 1, purpose, verification: true, attempts: 3, link, deadline };
            UserPolicy::at_once(Answer::Account(place)).answer(&prompt).unwrap().1
        };
        assert_eq!(gesture(1, true), Gesture::Account(1));
        assert_eq!(gesture(7, true), Gesture::Account(1));
        assert_eq!(gesture(1, false), Gesture::Verified);
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
            ("wrong-finger", after(Answer::WrongFinger, 0)),
            ("account=1,after=2s", after(Answer::Account(1), 2000)),
        ] {
            assert_eq!(text.parse::<UserPolicy>(), policy, "{text}");
        }
        for bad in [
            "",
            "yes",
            "after=",
            "after=2",
            "after=-1s",
            "after=1e300s",
            "after=NaNs",
            "account=",
            "account=-1",
        ] {
            assert_eq!(bad.parse::<UserPolicy>(), Err(InvalidPolicy(bad.into())));
        }
    }
}
