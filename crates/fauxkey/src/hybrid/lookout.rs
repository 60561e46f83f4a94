//! A phone that looks at a screen, and scans every code that appears there, each once.
use super::event::{Event, Outcome};
use super::image;
use super::scan::{Devices, Scan};
use super::ways::Ways;
use crate::control::Failure;
use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// How many codes are remembered, so that none is scanned twice.
const REMEMBERED: usize = 64;

/// What the phone says.
pub enum Said<'a> {
    /// Something happened.
    Event(&'a Event),
    /// A ceremony ended.
    Outcome(&'a Outcome),
    /// Nothing came of a code.
    Failure(&'a Failure),
}

/// Looks at the screen of a display, or of the environment's, until it is over.
pub fn look(
    (devices, device): (&Devices, &str),
    ways: &Ways,
    display: Option<&str>,
    is_over: &dyn Fn() -> bool,
    tell: &dyn Fn(Said<'_>),
) {
    let mut seen = VecDeque::new();
    while !is_over() {
        thread::sleep(LOOK);
        // There may be no screen yet, or no longer.
        let Ok(screen) = image::screen(display) else { continue };
        let Ok(code) = screen.codes_at_a_glance().and_then(image::for_a_phone) else { continue };
        if seen.contains(&code) {
            continue;
        }
        seen.push_back(code.clone());
        if seen.len() > REMEMBERED {
            seen.pop_front();
        }
        let scanned = Scan::new(device, &code, ways.clone())
            .and_then(|scan| scan.run(devices, &mut |event: &Event| tell(Said::Event(event))));
        match &scanned {
            Ok(outcome) => tell(Said::Outcome(outcome)),
            Err(failure) => tell(Said::Failure(failure)),
        }
    }
}
