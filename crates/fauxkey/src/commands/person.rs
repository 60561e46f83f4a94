//! The person who answers where the user of a device is to be asked: at the terminal, if there is one, and called by a
//! notification where there is a desktop.
use super::notify::Notifier;
use crate::control::{Answer, Control, Gesture, Prompt};
use crate::instance::Happening;
use crate::output::{Output, Tone, shown};
use crate::question;
use emulator::Event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, QueueSelector, tcflush, tcgetattr, tcgetpgrp};
use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How often it is looked whether a question that was put is still open.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// Bytes of a line: terminals have no longer ones (N_TTY_BUF_SIZE), and give one at a time.
const LONGEST_LINE: usize = 4096;

/// Where a person is.
#[derive(Clone, Copy)]
pub(super) struct Where {
    /// Whether what is asked has to be said, or stands in a log that they see.
    pub(super) without_log: bool,
    /// Whether there may be somebody at the desktop.
    pub(super) desktop: bool,
}

/// Who sits there, and what they have been asked.
pub(super) struct Person {
    output: Output,
    control: Arc<dyn Control + Send + Sync>,
    place: Where,
    notifier: Option<Notifier>,
    /// Whether there is a terminal to ask at.
    terminal: bool,
    state: Mutex<State>,
    /// A question was put.
    put: Condvar,
}

#[derive(Default)]
struct State {
    /// The questions that are open, with the names of the devices that ask. The first was put.
    open: VecDeque<(String, Prompt)>,
    /// Lines are being read while a question is open.
    listening: bool,
}

/// What a line means.
#[derive(Debug, PartialEq)]
enum Meant {
    Gesture(Gesture),
    /// Nothing is to be done, until the program gives up.
    Nothing,
}

impl Person {
    /// Whoever is there, if anybody is.
    pub(super) fn there(
        output: Output,
        control: Arc<dyn Control + Send + Sync>,
        place: Where,
    ) -> Option<Arc<Self>> {
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        let notifier = place.desktop.then(Notifier::find).flatten();
        let (state, put) = Default::default();
        (terminal || notifier.is_some())
            .then(|| Arc::new(Self { output, control, place, notifier, terminal, state, put }))
    }

    /// Whether they can be asked in writing.
    pub(super) const fn is_at_the_terminal(&self) -> bool {
        self.terminal
    }

    /// Puts a question that a person is to answer, and takes back one that is over.
    pub(super) fn hear(self: &Arc<Self>, happening: &Happening) {
        match &happening.event {
            Event::Prompted(prompt) => self.prompted(&happening.device, prompt.into()),
            Event::PromptClosed(number) => self.closed(&happening.device, *number),
            Event::Authenticator(_)
            | Event::Winked
            | Event::Power(_)
            | Event::Fault(_)
            | Event::Noted(_)
            | Event::Traffic(_) => {}
        }
    }

    /// A device asks; whether a person is to answer, it says itself.
    pub(super) fn prompted(self: &Arc<Self>, device: &str, prompt: Prompt) {
        if !self.control.device(device).is_ok_and(|device| device.user.answer == Answer::Ask) {
            return;
        }
        if let Some(notifier) = &self.notifier {
            notifier.tell(device, &prompt);
        }
        if self.terminal {
            let mut state = self.state();
            state.open.push_back((device.to_owned(), prompt));
            if state.open.len() == 1 {
                self.ask(&mut state);
            }
        }
    }

    /// A question is over, whoever answered it.
    pub(super) fn closed(self: &Arc<Self>, device: &str, number: u64) {
        let is_it = |(asked, prompt): &(String, Prompt)| asked == device && prompt.number == number;
        let mut state = self.state();
        let was_put = state.open.front().is_some_and(is_it);
        state.open.retain(|open| !is_it(open));
        if was_put {
            self.ask(&mut state);
        }
    }

    /// Puts the first of the questions that are open.
    fn ask(self: &Arc<Self>, state: &mut State) {
        let Some((device, prompt)) = state.open.front() else { return };
        if !is_ours() {
            let elsewhere = "in the background: the page and the API answer";
            return self.output.say(&format!("{device}: {elsewhere}"));
        }
        // What was typed before the question is no answer to it.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        if self.place.without_log {
            self.output.say(&format!("{device}: {}", question::sentence(prompt)));
        }
        if prompt.choice {
            for (number, account) in (1..).zip(&prompt.accounts) {
                self.output.say(&format!("  {number}  {}", shown(account)));
            }
        }
        self.output.say_in(Tone::Hint, &format!("{device}: approve? [{}]", keys(prompt)));
        if !state.listening {
            let person = self.clone();
            // Without a thread nobody answers here, and the page and the API still do.
            let started = thread::Builder::new().name("terminal".into()).spawn(move || person.listen());
            state.listening = started.is_ok();
        }
        self.put.notify_all();
    }

    /// Reads lines, but only while a question is open: in between they are for whatever program has the terminal. Ends
    /// with the terminal.
    fn listen(self: &Arc<Self>) {
        let mut line = [0; LONGEST_LINE];
        loop {
            let mut state = self.state();
            while state.open.is_empty() {
                state = self.put.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            let stdin = io::stdin();
            let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&LOOK));
            match ready {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(_) => return,
            }
            // It may have been answered elsewhere just now, and the line be meant for somebody else.
            if self.state().open.is_empty() {
                continue;
            }
            if !is_ours() {
                // The system stops a program in the background that reads from its terminal.
                thread::sleep(LOOK.try_into().expect("a tenth of a second fits"));
                continue;
            }
            match rustix::io::read(&stdin, &mut line) {
                Ok(0) => return,
                Ok(len) => self.answer(&String::from_utf8_lossy(&line[..len])),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return,
            }
        }
    }

    /// Takes a line as the answer to the question that was put.
    fn answer(self: &Arc<Self>, line: &str) {
        let mut state = self.state();
        let Some((device, prompt)) = state.open.front().cloned() else { return };
        let gesture = match meant(&prompt, line) {
            Some(Meant::Gesture(gesture)) => gesture,
            Some(Meant::Nothing) => {
                state.open.pop_front();
                self.output.say(&format!("{device}: left alone until the program gives up"));
                return self.ask(&mut state);
            }
            None => return self.ask(&mut state),
        };
        drop(state);
        // It may have been answered elsewhere, or have timed out, just now.
        if let Err(failure) = self.control.answer(&device, prompt.number, gesture) {
            self.output.say(&failure.to_string());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether lines that are typed reach us: we are in the foreground, and no program reads single keys.
fn is_ours() -> bool {
    tcgetpgrp(io::stdin()).ok() == Some(getpgrp())
        && tcgetattr(io::stdin()).is_ok_and(|terminal| terminal.local_modes.contains(LocalModes::ICANON))
}

/// The answers that a question takes, for people.
fn keys(prompt: &Prompt) -> String {
    let choice = match prompt.accounts.len() {
        accounts if prompt.choice => format!(", 1 to {accounts} = as which account"),
        _ => String::new(),
    };
    let wrong = match prompt {
        Prompt { verification: true, .. } => ", f = wrong finger",
        Prompt { long_touch: true, .. } => ", s = a touch that is too short",
        Prompt { samples: Some(_), .. } => ", f = a bad sample",
        _ => "",
    };
    format!("Enter or y = yes, n = no{choice}{wrong}, t = let it time out")
}

/// What a line says in answer to that question, if anything.
fn meant(prompt: &Prompt, line: &str) -> Option<Meant> {
    Some(Meant::Gesture(match line.trim().to_lowercase().as_str() {
        "" | "y" | "yes" if prompt.verification => Gesture::Verified,
        "" | "y" | "yes" if prompt.long_touch => Gesture::LongTouch,
        "" | "y" | "yes" => Gesture::Present,
        number if account(prompt, number).is_some() => Gesture::Account(account(prompt, number)?),
        "n" | "no" => Gesture::Declined,
        // An older name of the same key.
        "f" | "w" if prompt.verification || prompt.samples.is_some() => Gesture::NotVerified,
        "s" if prompt.long_touch => Gesture::Present,
        "t" => return Some(Meant::Nothing),
        _ => return None,
    }))
}

/// The place of the account that a number stands for, counted from 1 as people do.
fn account(prompt: &Prompt, text: &str) -> Option<usize> {
    let place = text.parse::<usize>().ok()?.checked_sub(1)?;
    (prompt.choice && place < prompt.accounts.len()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::prompt;

    fn gesture(prompt: &Prompt, line: &str) -> Option<Gesture> {
        match meant(prompt, line)? {
            Meant::Gesture(gesture) => Some(gesture),
            Meant::Nothing => panic!("{line} is to do something"),
        }
    }

    #[test]
    fn a_number_chooses_an_account_where_there_is_a_choice() {
        for choice in [true, false] {
            let prompt = Prompt { accounts: vec!["ada".into(), "bea".into()], choice, ..prompt() };
            assert_eq!(keys(&prompt).contains("1 to 2 = as which account"), choice);
            for (line, account) in [("1", Some(0)), ("2", Some(1)), ("0", None), ("3", None)] {
                assert_eq!(
                    gesture(&prompt, line),
                    account.filter(|_| choice).map(Gesture::Account),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn each_question_takes_the_answers_that_it_offers() {
        let touch = Prompt { verification: false, ..prompt() };
        let long = Prompt { purpose: "reset".into(), long_touch: true, ..touch.clone() };
        let sample = Prompt { purpose: "enroll-sample".into(), samples: Some(2), ..touch.clone() };
        for (prompt, yes, wrong, short) in [
            (prompt(), Gesture::Verified, Some(Gesture::NotVerified), None),
            (touch, Gesture::Present, None, None),
            (long, Gesture::LongTouch, None, Some(Gesture::Present)),
            (sample, Gesture::Present, Some(Gesture::NotVerified), None),
        ] {
            for line in ["", "y\n", " YES "] {
                assert_eq!(gesture(&prompt, line), Some(yes), "{prompt:?}");
            }
            assert_eq!(gesture(&prompt, "n"), Some(Gesture::Declined));
            for (key, expected) in [("f", wrong), ("w", wrong), ("s", short)] {
                assert_eq!(gesture(&prompt, key), expected, "{key}: {prompt:?}");
            }
            assert_eq!(keys(&prompt).contains(", f = "), wrong.is_some());
            assert_eq!(keys(&prompt).contains(", s = "), short.is_some());
            assert_eq!(meant(&prompt, "t"), Some(Meant::Nothing));
            assert_eq!(meant(&prompt, "what?"), None);
        }
    }
}
