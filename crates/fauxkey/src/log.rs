//! What happens on devices, one line an event.
use crate::announce::Announced;
use crate::output::{Output, shown};
use authenticator::{Prompt, Purpose};
use emulator::Event;
use wire::apdu::StatusWord;
use wire::ctap2::UserEntity;

/// An event on a device as a line, or `None` where only `verbose` is interested.
pub fn line(device: &str, event: &Event, verbose: bool) -> Option<String> {
    let what = match event {
        Event::Prompted(prompt) => format!("asks: {}", question(prompt)),
        Event::PromptClosed(_) if verbose => "no longer asks".into(),
        Event::Authenticator(authenticator::Event::Answered { command, via, outcome }) => {
            let outcome = match outcome {
                Ok(()) => "done".into(),
                Err(why) => format!("refused with {}: {}", why.status, shown(&why.reason)),
            };
            format!("{command} over {}: {outcome}", via.link.transport())
        }
        Event::Authenticator(authenticator::Event::U2fAnswered { instruction, via, outcome }) => {
            let outcome = match outcome {
                Ok(()) => "done".into(),
                // The question says it already, and to a platform that only checks, it is no refusal.
                Err(why) if why.status == StatusWord::CONDITIONS_NOT_SATISFIED && !verbose => return None,
                Err(why) => format!("refused with {}: {}", why.status, shown(&why.reason)),
            };
            format!("{instruction} over {}: {outcome}", via.link.transport())
        }
        Event::Authenticator(authenticator::Event::Committed { changes }) if verbose => match changes {
            1 => "stored 1 change".into(),
            several => format!("stored {several} changes"),
        },
        Event::Fault(strike) => format!("fault {}: {}", strike.kind, strike.what),
        Event::Winked => "winks".into(),
        Event::Power(on) => format!("power {}", if *on { "on" } else { "off" }),
        Event::PromptClosed(_) | Event::Authenticator(_) | Event::Noted(_) | Event::Traffic(_) => {
            return None;
        }
    };
    Some(format!("{device}: {what}"))
}

/// What a prompt asks, in one line.
pub fn question(prompt: &Prompt) -> String {
    let how = match prompt.purpose {
        _ if prompt.verification => "face, finger or code",
        Purpose::Reset { long_touch: true } => "long touch",
        _ => "touch",
    };
    let what = match &prompt.purpose {
        Purpose::Register { rp, user } => {
            format!("a new passkey at {} for {}", shown(&rp.id), account(user))
        }
        Purpose::AlreadyRegistered { rp } => {
            format!("a new passkey at {}, which already has one here", shown(&rp.id))
        }
        Purpose::SignIn { rp_id, accounts, .. } => match accounts.as_slice() {
            [] => format!("sign-in at {}", shown(rp_id)),
            [one] => format!("sign-in at {} as {}", shown(rp_id), account(one)),
            [first, other] => {
                format!("sign-in at {} as {} or {}", shown(rp_id), account(first), account(other))
            }
            [first, rest @ ..] => {
                format!("sign-in at {} as {}, or one of {} others", shown(rp_id), account(first), rest.len())
            }
        },
        Purpose::NothingToSignIn { rp_id } => {
            format!("sign-in at {}, which has no passkey here", shown(rp_id))
        }
        Purpose::Token { rp_id: Some(rp_id), .. } => format!("to unlock it for {}", shown(rp_id)),
        Purpose::Token { rp_id: None, .. } => "to unlock it".into(),
        Purpose::U2f { registers, application, rp_id } => {
            let what = if *registers { "a new U2F key" } else { "sign-in by U2F" };
            match rp_id {
                Some(rp_id) => format!("{what} at {}", shown(rp_id)),
                None => format!("{what} for the application {}", wire::hex::encode(application)),
            }
        }
        Purpose::Select => "whether this is the authenticator to use".into(),
        Purpose::Reset { .. } => "to forget everything".into(),
        Purpose::EnrollSample { remaining: 1 } => "the last sample of a finger".into(),
        Purpose::EnrollSample { remaining } => {
            format!("a sample of a finger, of {remaining} that are needed")
        }
    };
    format!("{what} ({how})")
}

/// What an account is called.
pub fn account(user: &UserEntity) -> String {
    match user.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => shown(name),
        None => "an account without a name".into(),
    }
}

/// Says loudly, once, that a relying party is somebody's real one.
pub fn announce(announced: &mut Announced, output: &Output, rp_id: &str) {
    if announced.is_first_use(rp_id) {
        output.warn(&format!("{} is no test name: a software passkey there protects nothing", shown(rp_id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator::Link;
    use std::time::Duration;
    use wire::ctap2::{Command, RpEntity};
    use wire::status::Status;
    use wire::time::Instant;

    fn prompt(purpose: Purpose, verification: bool) -> Prompt {
        let deadline = Instant::since_power_up(Duration::from_secs(30));
        Prompt { number: 1, purpose, verification, attempts: 3, link: Link::Usb, deadline }
    }

    fn user(name: Option<&str>) -> UserEntity {
        UserEntity { id: vec![1], name: name.map(Into::into), display_name: None }
    }

    #[test]
    fn a_prompt_names_the_relying_party_and_the_account() {
        let rp = RpEntity { id: "example.test".into(), name: None };
        let register = Purpose::Register { rp, user: user(Some("ada")) };
        assert_eq!(
            question(&prompt(register, true)),
            "a new passkey at example.test for ada (face, finger or code)"
        );
        let accounts = vec![user(Some("ada")), user(None), user(None)];
        let sign_in = Purpose::SignIn { rp_id: "example.test".into(), accounts, choice: false };
        assert_eq!(
            question(&prompt(sign_in, false)),
            "sign-in at example.test as ada, or one of 2 others (touch)"
        );
    }

    #[test]
    fn a_prompt_says_what_kind_of_touch_is_wanted() {
        for (purpose, expected) in [
            (Purpose::Reset { long_touch: false }, "to forget everything (touch)"),
            (Purpose::Reset { long_touch: true }, "to forget everything (long touch)"),
            (Purpose::EnrollSample { remaining: 3 }, "a sample of a finger, of 3 that are needed (touch)"),
            (Purpose::EnrollSample { remaining: 1 }, "the last sample of a finger (touch)"),
        ] {
            assert_eq!(question(&prompt(purpose, false)), expected);
        }
    }

    #[test]
    fn a_refusal_says_its_status_and_its_reason() {
        let event = Event::Authenticator(authenticator::Event::Answered {
            command: Command::GET_ASSERTION,
            via: authenticator::Via { link: Link::Hybrid, channel: 1 },
            outcome: Err(Status::NO_CREDENTIALS.because("CTAP 2.1 §6.2.2 step 7: none")),
        });
        assert_eq!(
            line("phone", &event, false).as_deref(),
            Some(
                "phone: authenticatorGetAssertion over hybrid: refused with 0x2E NO_CREDENTIALS: CTAP 2.1 §6.2.2 step 7: none"
            )
        );
    }

    #[test]
    fn a_u2f_prompt_names_the_application_as_far_as_it_is_known() {
        let asked = |registers, rp_id: Option<&str>| {
            let purpose = Purpose::U2f { registers, application: [0xAB; 32], rp_id: rp_id.map(Into::into) };
            question(&prompt(purpose, false))
        };
        assert_eq!(asked(true, Some("example.test")), "a new U2F key at example.test (touch)");
        let unknown = format!("sign-in by U2F for the application {} (touch)", "ab".repeat(32));
        assert_eq!(asked(false, None), unknown);
    }

    #[test]
    fn u2f_answers_have_names_and_waiting_for_a_touch_is_for_the_curious() {
        let via = authenticator::Via { link: Link::Usb, channel: 1 };
        let event = |outcome| {
            let instruction = wire::ctap1::Instruction::AUTHENTICATE;
            Event::Authenticator(authenticator::Event::U2fAnswered { instruction, via, outcome })
        };
        let log = |outcome, verbose| line("key", &event(outcome), verbose);
        assert_eq!(log(Ok(()), false).as_deref(), Some("key: U2F_AUTHENTICATE over usb: done"));
        let refused = "key: U2F_AUTHENTICATE over usb: refused with 0x6A80 WRONG_DATA: why";
        assert_eq!(log(Err(StatusWord::WRONG_DATA.because("why")), false).as_deref(), Some(refused));
        let waits = || Err(StatusWord::CONDITIONS_NOT_SATISFIED.because("no touch yet"));
        assert_eq!(log(waits(), false), None);
        assert!(log(waits(), true).is_some());
    }

    #[test]
    fn what_only_the_curious_want_is_left_out() {
        for event in
            [Event::PromptClosed(1), Event::Authenticator(authenticator::Event::Committed { changes: 1 })]
        {
            assert_eq!(line("phone", &event, false), None);
            assert!(line("phone", &event, true).is_some());
        }
    }
}
