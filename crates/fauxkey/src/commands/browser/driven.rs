//! A browser in the hands of a program: its page is driven over DevTools, and sees one device that is kept nowhere.
use super::super::exec::{Ephemeral, run_of};
use super::super::{Context, Stop, run};
use super::pipe::Pipe;
use super::programs::{Found, Start};
use super::{CLOSE, LOOK, Opened, devtools};
use crate::cli::{Attach, Door, Route, Run};
use crate::control::{Failure, FailureKind};
use crate::drivers::exec::Place;
use crate::extension::{self, Pairing};
use crate::instance::Loan;
use crate::page::{Choice, Front};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// How often it is tried to remove a browser's profile.
const REMOVALS: usize = 20;

/// A browser that has been started for one page.
pub(in crate::commands) struct Driven {
    opened: Opened,
    pipe: Pipe,
    session: String,
    events: Receiver<Value>,
    device: Device,
    data: TempDir,
}

/// The device of its pages.
enum Device {
    /// The browser speaks CTAP to it.
    Exec(Box<Ephemeral>),
    /// fauxkey does.
    Beside(Box<run::Running>),
}

/// Which browser, how, and with which device.
pub(in crate::commands) struct Wanted<'a> {
    /// The browser.
    pub(in crate::commands) found: &'a Found,
    /// By which way its pages see the device; not `Auto`.
    pub(in crate::commands) route: Route,
    /// Of which profile the device is.
    pub(in crate::commands) profile: &'a str,
    /// What the home lends it.
    pub(in crate::commands) loan: &'a Loan,
    /// Whether pages with any certificate are to open.
    pub(in crate::commands) any_certificate: bool,
    /// More arguments for the browser.
    pub(in crate::commands) more: &'a [OsString],
}

impl Driven {
    /// Starts device and browser, both new and both gone at the end.
    ///
    /// # Errors
    /// Refused, if this browser has no such route; and what keeps either from starting.
    pub(in crate::commands) fn start(context: &Context, wanted: &Wanted<'_>) -> Result<Self, Stop> {
        let data = tempfile::Builder::new().prefix("fauxkey-browser-").tempdir()?;
        let device = Device::start(context, wanted)?;
        match Self::open(context, wanted, &device, &data) {
            Ok((opened, pipe, session, events)) => Ok(Self { opened, pipe, session, events, device, data }),
            Err(failure) => {
                device.stop();
                Err(failure.into())
            }
        }
    }

    fn open(
        context: &Context,
        wanted: &Wanted<'_>,
        device: &Device,
        data: &TempDir,
    ) -> Result<(Opened, Pipe, String, Receiver<Value>), Failure> {
        let start = Start {
            found: wanted.found,
            data: data.path(),
            any_certificate: wanted.any_certificate,
            environment: match device {
                Device::Exec(ephemeral) => &ephemeral.environment,
                Device::Beside(_) => &[],
            },
            more: wanted.more,
            verbose: context.output.verbose,
        };
        let mut browser = devtools::Browser::start(&start)?;
        let (mut package, mut front) = (None, None);
        if let Device::Beside(running) = device {
            if wanted.route == Route::Extension {
                let pairing = Pairing::new(&running.served.url, &running.served.token, Choice::default());
                match load(&browser, &pairing) {
                    Ok(folder) => package = Some(folder),
                    Err(failure) => {
                        browser.kill();
                        return Err(failure);
                    }
                }
            } else {
                front = Some(Arc::new(Front::new(running.instance.clone(), Choice::default())));
            }
        }
        let (child, pipe, session, events) = browser.drive(front)?;
        // Whoever holds the pipe keeps the browser.
        let opened = Opened { child, _package: package, _line: Box::new(pipe.clone()) };
        Ok((opened, pipe, session, events))
    }

    /// The device that its pages see.
    pub(in crate::commands) fn device(&self) -> Option<&crate::control::Device> {
        match &self.device {
            Device::Exec(ephemeral) => ephemeral.running.devices.first(),
            Device::Beside(running) => running.devices.first(),
        }
    }

    /// Asks the page's session for something.
    ///
    /// # Errors
    /// What the browser says against it, or that it is gone.
    pub(in crate::commands) fn ask(&self, method: &str, parameters: Value) -> Result<Value, String> {
        self.pipe.ask(Some(&self.session), method, parameters)
    }

    /// The events of the page's session until `end`, or until `enough` says so.
    pub(in crate::commands) fn hear(&self, end: Instant, mut enough: impl FnMut(&Value) -> bool) {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else { return };
            if event["sessionId"] == self.session.as_str() && enough(&event) {
                return;
            }
        }
    }

    /// How long is waited between two looks at a page.
    pub(in crate::commands) fn shortly() -> Instant {
        Instant::now() + LOOK
    }

    /// Ends the browser, and then the device.
    pub(in crate::commands) fn close(mut self) {
        // Asked so, it writes what it has to write before it goes. It may not answer any more.
        let _gone = self.pipe.send(None, "Browser.close", json!({}));
        let begun = Instant::now();
        while matches!(self.opened.child.try_wait(), Ok(None)) && begun.elapsed() < CLOSE {
            thread::sleep(LOOK);
        }
        self.opened.close();
        self.device.stop();
        // Its other processes outlive the first by a moment, and write again what was just removed.
        for _ in 0..REMOVALS {
            let _tried_again = std::fs::remove_dir_all(self.data.path());
            thread::sleep(LOOK);
            if !self.data.path().exists() {
                return;
            }
        }
    }
}

impl Device {
    fn start(context: &Context, wanted: &Wanted<'_>) -> Result<Self, Stop> {
        if wanted.route == Route::Exec {
            return Ok(Self::Exec(Box::new(Ephemeral::start(context, wanted.loan, wanted.profile)?)));
        }
        let run = Run {
            attach: vec![Attach { device: None, doors: vec![Door::Socket] }],
            ephemeral: true,
            ..run_of(None, Some(wanted.profile), None)
        };
        let place = Place::new(context.home.exec());
        let running = run::start_on(|| Ok(wanted.loan.instance()), context, &run, &place)?;
        Ok(Self::Beside(Box::new(running)))
    }

    fn stop(self) {
        match self {
            Self::Exec(ephemeral) => ephemeral.running.stop(),
            Self::Beside(running) => running.stop(),
        }
    }
}

fn load(browser: &devtools::Browser, pairing: &Pairing) -> Result<TempDir, Failure> {
    let folder = tempfile::Builder::new().prefix("fauxkey-extension-").tempdir();
    let folder = folder.map_err(|error| {
        Failure::new(FailureKind::Broken, format!("cannot make a folder for the extension: {error}"))
    })?;
    extension::write(folder.path(), Some(pairing))?;
    browser.load_extension(folder.path()).map_err(|why| {
        Failure::new(FailureKind::Refused, format!("the browser takes no extension: {why}"))
            .hint("take --route script")
    })?;
    Ok(folder)
}
