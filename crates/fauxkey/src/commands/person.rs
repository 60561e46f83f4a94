//! The person at the terminal, who answers where the user of a device is to be asked.
use crate::control::{Answer, Control, Gesture};
use crate::instance::{Happening, Instance};
use crate::log;
use crate::output::{Output, Tone};
use authenticator::{Prompt, Purpose};
use emulator::Event;
use rustix::process::getpgrp;
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};
use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Who sits at the terminal, and what they have been asked.
pub struct Person {
    output: Output,
    instance: Arc<Instance>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The questions that are open, with the names of the devices that ask. The first was put.
    open: VecDeque<(String, Prompt)>,
    /// Lines are being read.
    listening: bool,
}

impl Person {
    /// Whoever sits at the terminal, if there is one.
    pub fn at_the_terminal(output: Output, instance: &Arc<Instance>) -> Option<Arc<Self>> {
        let there = io::stdin().is_terminal() && io::stderr().is_terminal();
        there.then(|| Arc::new(Self { output, instance: instance.clone(), state: Mutex::default() }))
    }

    /// Puts a question that a person is to answer, and takes back one that is over.
    pub fn hear(self: &Arc<Self>, happening: &Happening) {
        let device = &happening.device;
        match &happening.event {
            Event::Prompted(prompt) => {
                let asks = |device: &str| self.instance.device(device).map(|device| device.user.answer);
                if asks(device) == Ok(Answer::Ask) {
                    let mut state = self.state();
                    state.open.push_back((device.clone(), prompt.clone()));
                    if state.open.len() == 1 {
                        self.ask(&mut state);
                    }
                }
            }
            Event::PromptClosed(number) => {
                let is_it = |(asked, prompt): &(String, Prompt)| asked == device && prompt.number == *number;
                let mut state = self.state();
                let was_put = state.open.front().is_some_and(is_it);
                state.open.retain(|open| !is_it(open));
                if was_put {
                    self.ask(&mut state);
                }
            }
            Event::Authenticator(_)
            | Event::Winked
            | Event::Power(_)
            | Event::Fault(_)
            | Event::Noted(_)
            | Event::Traffic(_) => {}
        }
    }

    /// Puts the first of the questions that are open.
    ///
    /// Nothing is read before that: the system stops a program in the background that reads from its terminal.
    fn ask(self: &Arc<Self>, state: &mut State) {
        let Some((device, prompt)) = state.open.front() else { return };
        if tcgetpgrp(io::stdin()).ok() != Some(getpgrp()) {
            return self.output.say(&format!("{device}: in the background: the page and the API answer"));
        }
        // What was typed before the question is no answer to it.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        let wrong = match prompt.purpose {
            _ if prompt.verification => ", w = wrong finger",
            Purpose::Reset { long_touch: true } => ", s = a touch that is too short",
            Purpose::EnrollSample { .. } => ", w = a bad sample",
            _ => "",
        };
        let choice = match &prompt.purpose {
            Purpose::SignIn { accounts, choice: true, .. } => {
                for (number, account) in (1..).zip(accounts) {
                    self.output.say(&format!("  {number}  {}", log::account(account)));
                }
                format!(", 1 to {} = as which account", accounts.len())
            }
            _ => String::new(),
        };
        self.output
            .say_in(Tone::Hint, &format!("{device}: approve? [Enter or y = yes, n = no{choice}{wrong}]"));
        if !state.listening {
            let person = self.clone();
            let listen = move || {
                for line in io::stdin().lock().lines().map_while(Result::ok) {
                    person.answer(&line);
                }
            };
            // Without a thread nobody answers here, and the page and the API still do.
            state.listening = thread::Builder::new().name("terminal".into()).spawn(listen).is_ok();
        }
    }

    /// Takes a line as the answer to the question that was put.
    fn answer(self: &Arc<Self>, line: &str) {
        let mut state = self.state();
        let Some((device, prompt)) = state.open.front().cloned() else { return };
        let Some(gesture) = meant(&prompt, line) else { return self.ask(&mut state) };
        drop(state);
        // It may have been answered elsewhere, or have timed out, just now.
        if let Err(failure) = self.instance.answer(&device, prompt.number, gesture) {
            self.output.say(&failure.to_string());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a line says in answer to that question, if anything.
fn meant(prompt: &Prompt, line: &str) -> Option<Gesture> {
    let long = prompt.purpose == (Purpose::Reset { long_touch: true });
    let sample = matches!(prompt.purpose, Purpose::EnrollSample { .. });
    Some(match line.trim().to_lowercase().as_str() {
        "" | "y" | "yes" if prompt.verification => Gesture::Verified,
        "" | "y" | "yes" if long => Gesture::LongTouch,
        "" | "y" | "yes" => Gesture::Present,
        number if account(prompt, number).is_some() => Gesture::Account(account(prompt, number)?),
        "n" | "no" => Gesture::Declined,
        "w" if prompt.verification || sample => Gesture::NotVerified,
        "s" if long => Gesture::Present,
        _ => return None,
    })
}

/// The place of the account that a number stands for, counted from 1 as people do.
fn account(prompt: &Prompt, text: &str) -> Option<usize> {
    let Purpose::SignIn { accounts, choice: true, .. } = &prompt.purpose else { return None };
    let place = text.parse::<usize>().ok()?.checked_sub(1)?;
    (place < accounts.len()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator::Link;
    use wire::time::Instant;

    #[test]
    fn a_number_chooses_an_account_where_there_is_a_choice() {
        let user = wire::ctap2::UserEntity { id: vec![1], name: None, display_name: None };
        for choice in [true, false] {
            let purpose = Purpose::SignIn { rp_id: "a.test".into(), accounts: vec![user.clone(); 2], choice };
            let deadline = Instant::POWER_UP;
            let prompt =
                Prompt { number: 1, purpose, verification: true, attempts: 3, link: Link::Usb, deadline };
            for (line, account) in [("1", Some(0)), ("2", Some(1)), ("0", None), ("3", None)] {
                assert_eq!(meant(&prompt, line), account.filter(|_| choice).map(Gesture::Account), "{line}");
            }
        }
    }

    #[test]
    fn each_question_takes_the_answers_that_it_offers() {
        let (reset, long) = (Purpose::Reset { long_touch: false }, Purpose::Reset { long_touch: true });
        let sample = Purpose::EnrollSample { remaining: 2 };
        for (purpose, verification, yes, wrong, short) in [
            (Purpose::Select, true, Gesture::Verified, Some(Gesture::NotVerified), None),
            (Purpose::Select, false, Gesture::Present, None, None),
            (reset, false, Gesture::Present, None, None),
            (long, false, Gesture::LongTouch, None, Some(Gesture::Present)),
            (sample, false, Gesture::Present, Some(Gesture::NotVerified), None),
        ] {
            let deadline = Instant::POWER_UP;
            let prompt = Prompt { number: 1, purpose, verification, attempts: 3, link: Link::Usb, deadline };
            for line in ["", "y\n", " YES "] {
                assert_eq!(meant(&prompt, line), Some(yes), "{prompt:?}");
            }
            assert_eq!(meant(&prompt, "n"), Some(Gesture::Declined));
            assert_eq!(meant(&prompt, "w"), wrong, "{prompt:?}");
            assert_eq!(meant(&prompt, "s"), short, "{prompt:?}");
            assert_eq!(meant(&prompt, "what?"), None);
        }
    }
}
