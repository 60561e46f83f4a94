//! The person at the terminal, who answers where the user of a device is to be asked.
use crate::control::{Answer, Control, Gesture};
use crate::instance::{Happening, Instance};
use crate::output::{Output, Tone};
use authenticator::Prompt;
use emulator::Event;
use rustix::process::getpgrp;
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};
use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal};
use std::sync::mpsc::Sender;
use std::thread;

/// Who sits at the terminal, and what they have been asked.
pub struct Person {
    /// Starts to read lines; `None` once it does, or if there is nobody.
    listen: Option<Box<dyn FnOnce() + Send>>,
    there: bool,
    open: VecDeque<(String, Prompt)>,
}

impl Person {
    /// Nobody.
    pub fn absent() -> Self {
        Self { listen: None, there: false, open: VecDeque::new() }
    }

    /// Whoever sits at the terminal, if there is one; their lines go to `lines`.
    ///
    /// Nothing is read before the first question: a program in the background that reads is stopped by the system.
    pub fn at_the_terminal<T: Send + 'static>(lines: Sender<T>, wrap: fn(String) -> T) -> Self {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Self::absent();
        }
        let listen = move || {
            let typed = io::stdin().lock().lines().map_while(Result::ok);
            // Nobody listens any more once it stops.
            let _ended = typed.map(|line| lines.send(wrap(line))).find(Result::is_err);
        };
        Self { listen: Some(Box::new(listen)), there: true, open: VecDeque::new() }
    }

    /// Whether there is anybody.
    pub fn is_there(&self) -> bool {
        self.there
    }

    /// Shows a question that a person is to answer, and takes back one that is over.
    pub fn hear(&mut self, output: &Output, instance: &Instance, happening: &Happening) {
        if !self.there {
            return;
        }
        let device = &happening.device;
        match &happening.event {
            Event::Prompted(prompt) => {
                let asks = instance.device(device).is_ok_and(|device| device.user.answer == Answer::Ask);
                if asks {
                    self.open.push_back((device.clone(), prompt.clone()));
                    if self.open.len() == 1 {
                        self.ask(output);
                    }
                }
            }
            Event::PromptClosed(number) => {
                let is_it = |(asked, prompt): &(String, Prompt)| asked == device && prompt.number == *number;
                let was_asked = self.open.front().is_some_and(is_it);
                self.open.retain(|open| !is_it(open));
                if was_asked {
                    self.ask(output);
                }
            }
            Event::Authenticator(_) | Event::Winked | Event::Power(_) => {}
        }
    }

    /// Asks the first of the questions that are open.
    fn ask(&mut self, output: &Output) {
        let Some((device, prompt)) = self.open.front() else { return };
        if tcgetpgrp(io::stdin()).ok() != Some(getpgrp()) {
            return output.say(&format!("{device}: in the background: the page and the API answer"));
        }
        // What was typed before the question is no answer to it.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        let wrong = if prompt.verification { ", w = wrong finger" } else { "" };
        output.say_in(Tone::Hint, &format!("{device}: approve? [Enter or y = yes, n = no{wrong}]"));
        if let Some(listen) = self.listen.take() {
            // Without a thread nobody answers here, and the page and the API still do.
            let _ = thread::Builder::new().name("terminal".into()).spawn(listen);
        }
    }

    /// Takes a line as the answer to the question that was asked.
    pub fn answer(&mut self, output: &Output, instance: &Instance, line: &str) {
        let Some((device, prompt)) = self.open.front() else { return };
        let gesture = match line.trim().to_lowercase().as_str() {
            "" | "y" | "yes" if prompt.verification => Gesture::Verified,
            "" | "y" | "yes" => Gesture::Present,
            "n" | "no" => Gesture::Declined,
            "w" if prompt.verification => Gesture::NotVerified,
            _ => return self.ask(output),
        };
        // It may have been answered elsewhere, or have timed out, just now.
        if let Err(failure) = instance.answer(device, prompt.number, gesture) {
            output.say(&failure.to_string());
        }
    }
}
