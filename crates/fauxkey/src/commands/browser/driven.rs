//! A browser in the hands of a program: its page is driven, and sees one device that is kept nowhere.
use super::super::exec::{Ephemeral, run_of};
use super::super::{Context, Stop, run};
use super::bidi::{self, BidiTab};
use super::devtools_tab::DevToolsTab;
use super::programs::{self, Family, Found, Start};
use super::screen::Screen;
use super::tab::Tab;
use super::{CLOSE, LOOK, Opened, devtools};
use crate::cli::{Attach, Door, Run, Way};
use crate::control::{Failure, FailureKind};
use crate::drivers::exec::Place;
use crate::extension::{self, Pairing};
use crate::hybrid::lookout::{self, Said};
use crate::hybrid::scan::Devices;
use crate::hybrid::ways::{self, Ways};
use crate::instance::Loan;
use crate::page::{Choice, Front};
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// How often it is tried to remove a browser's profile.
const REMOVALS: usize = 20;

/// A browser that has been started for one page.
pub(in crate::commands) struct Driven {
    opened: Opened,
    tab: Box<dyn Tab>,
    device: Device,
    data: TempDir,
}

/// The device of its pages.
enum Device {
    /// The browser speaks CTAP to it.
    Exec(Box<Ephemeral>),
    /// fauxkey does.
    Beside(Box<run::Running>),
    /// The browser does, with a phone that scans its QR code.
    Across(Box<Across>),
}

/// A phone across the room.
struct Across {
    running: run::Running,
    /// What the browser's windows are on.
    display: String,
    /// It, unless it is the user's.
    screen: Option<Screen>,
    heard: Arc<Heard>,
}

/// What is heard of the phone, and what it hears.
#[derive(Default)]
struct Heard {
    /// What it said of how ceremonies ended.
    said: Mutex<Vec<String>>,
    /// Whether it has seen a code.
    begun: AtomicBool,
    /// It need not look any longer.
    over: AtomicBool,
}

/// Which browser, how, and with which device.
pub(in crate::commands) struct Wanted<'a> {
    /// The browser.
    pub(in crate::commands) found: &'a Found,
    /// By which way its pages see the device.
    pub(in crate::commands) way: Way,
    /// Whether a browser with windows has them on this screen, and not on one that nobody looks at.
    pub(in crate::commands) show: bool,
    /// Of which profile the device is.
    pub(in crate::commands) profile: &'a str,
    /// What the home lends it.
    pub(in crate::commands) loan: &'a Loan,
    /// Whether pages with any certificate are to open.
    pub(in crate::commands) any_certificate: bool,
    /// More arguments for the browser.
    pub(in crate::commands) more: &'a [OsString],
}

impl Wanted<'_> {
    fn start<'a>(
        &'a self,
        context: &Context,
        environment: &'a [(&'static str, OsString)],
        data: &'a TempDir,
    ) -> Start<'a> {
        Start {
            found: self.found,
            data: data.path(),
            any_certificate: self.any_certificate,
            environment,
            more: self.more,
            verbose: context.output.verbose,
        }
    }
}

impl Driven {
    /// Starts device and browser, both new and both gone at the end.
    ///
    /// # Errors
    /// Refused, if this browser has no such route; and what keeps either from starting.
    pub(in crate::commands) fn start(context: &Context, wanted: &Wanted<'_>) -> Result<Self, Stop> {
        let data = tempfile::Builder::new().prefix("fauxkey-browser-").tempdir()?;
        let device = Device::start(context, wanted)?;
        let opened = match wanted.found.family {
            Family::Chromium => Self::open(context, wanted, &device, &data),
            Family::Firefox => Self::open_firefox(context, wanted, &device, &data),
        };
        match opened {
            Ok((opened, tab)) => Ok(Self { opened, tab, device, data }),
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
    ) -> Result<(Opened, Box<dyn Tab>), Failure> {
        let environment = device.environment();
        let mut browser = devtools::Browser::start(&wanted.start(context, &environment, data))?;
        let (mut package, mut front) = (None, None);
        if let Device::Beside(running) = device {
            if wanted.way == Way::Extension {
                match load(&browser, &pairing(running)) {
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
        Ok((opened, Box::new(DevToolsTab { pipe, session, events })))
    }

    fn open_firefox(
        context: &Context,
        wanted: &Wanted<'_>,
        device: &Device,
        data: &TempDir,
    ) -> Result<(Opened, Box<dyn Tab>), Failure> {
        programs::write_preferences(data.path())?;
        let environment = device.environment();
        let (mut child, mut line) = bidi::start(&wanted.start(context, &environment, data))?;
        let package = match device {
            Device::Beside(running) => {
                written(&pairing(running)).and_then(|package| match line.install(package.path()) {
                    Ok(()) => Ok(Some(package)),
                    Err(why) => Err(bidi::broken(&why)),
                })
            }
            Device::Exec(_) | Device::Across(_) => Ok(None),
        };
        let opened = package.and_then(|package| {
            BidiTab::new(line).map(|tab| (package, tab)).map_err(|why| bidi::broken(&why))
        });
        match opened {
            Ok((package, tab)) => {
                Ok((Opened { child, _package: package, _line: Box::new(()) }, Box::new(tab)))
            }
            Err(failure) => {
                bidi::end(&mut child);
                Err(failure)
            }
        }
    }

    /// The device that its pages see.
    pub(in crate::commands) fn device(&self) -> Option<&crate::control::Device> {
        match &self.device {
            Device::Exec(ephemeral) => ephemeral.running.devices.first(),
            Device::Beside(running) => running.devices.first(),
            Device::Across(across) => across.running.devices.first(),
        }
    }

    /// What a phone across the room said of what it could not do.
    pub(in crate::commands) fn said(&self) -> Vec<String> {
        match &self.device {
            Device::Across(across) => lock(&across.heard.said).clone(),
            Device::Exec(_) | Device::Beside(_) => Vec::new(),
        }
    }

    /// Whether a phone across the room has seen a QR code; `None` where there is no such phone.
    pub(in crate::commands) fn has_seen_a_code(&self) -> Option<bool> {
        match &self.device {
            Device::Across(across) => Some(across.heard.begun.load(Ordering::Relaxed)),
            Device::Exec(_) | Device::Beside(_) => None,
        }
    }

    /// Takes what the browser's dialog has chosen, while there is no QR code: with the hint hybrid that is a phone. Not on
    /// a screen of the user's, who has keys of their own. Whether there was anything to take.
    pub(in crate::commands) fn choose(&self) -> bool {
        let Device::Across(across) = &self.device else { return false };
        let screen = across.screen.as_ref().filter(|_| !across.heard.begun.load(Ordering::Relaxed));
        screen.is_some_and(Screen::choose)
    }

    /// The page.
    pub(in crate::commands) fn tab(&self) -> &dyn Tab {
        &*self.tab
    }

    /// How long is waited between two looks at a page.
    pub(in crate::commands) fn shortly() -> Instant {
        Instant::now() + LOOK
    }

    /// Ends the browser, and then the device.
    pub(in crate::commands) fn close(mut self) {
        self.tab.quit();
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
        if wanted.way == Way::Exec {
            return Ok(Self::Exec(Box::new(Ephemeral::start(context, wanted.loan, wanted.profile)?)));
        }
        let run = Run {
            attach: vec![Attach { device: None, doors: vec![Door::Socket] }],
            ephemeral: true,
            ..run_of(None, Some(wanted.profile), None)
        };
        let place = Place::new(context.home.exec());
        let running = run::start_on(|| Ok(wanted.loan.instance()), context, &run, &place)?;
        if wanted.way == Way::Hybrid {
            return Ok(Self::Across(Box::new(Across::start(running, wanted.show)?)));
        }
        Ok(Self::Beside(Box::new(running)))
    }

    /// What the browser finds it by.
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        match self {
            Self::Exec(ephemeral) => ephemeral.environment.clone(),
            Self::Beside(_) => Vec::new(),
            Self::Across(across) => vec![("DISPLAY", across.display.clone().into())],
        }
    }

    fn stop(self) {
        match self {
            Self::Exec(ephemeral) => ephemeral.running.stop(),
            Self::Beside(running) => running.stop(),
            Self::Across(across) => {
                across.heard.over.store(true, Ordering::Relaxed);
                across.running.stop();
            }
        }
    }
}

impl Across {
    /// Puts a screen there, and the phone in front of it.
    fn start(running: run::Running, show: bool) -> Result<Self, Failure> {
        match Self::in_front_of(&running, show) {
            Ok((display, screen, heard)) => Ok(Self { running, display, screen, heard }),
            Err(failure) => {
                running.stop();
                Err(failure)
            }
        }
    }

    fn in_front_of(
        running: &run::Running,
        show: bool,
    ) -> Result<(String, Option<Screen>, Arc<Heard>), Failure> {
        let ways = Ways::find(&ways::Said::of_environment()?, None)?;
        let own = shown_on().filter(|_| show);
        let screen = if own.is_none() { Some(Screen::start()?) } else { None };
        let display = own.or_else(|| screen.as_ref().map(|screen| screen.name.clone())).unwrap_or_default();
        let heard = Arc::new(Heard::default());
        let devices: Devices = running.instance.clone();
        let device = running.devices.first().map(|device| device.name.clone()).unwrap_or_default();
        let (hears, looked_at) = (heard.clone(), display.clone());
        let look = move || {
            let tell = |what: Said<'_>| {
                hears.begun.store(true, Ordering::Relaxed);
                match what {
                    Said::Failure(failure) => lock(&hears.said).push(failure.to_string()),
                    Said::Outcome(outcome) => lock(&hears.said).push(outcome.to_string()),
                    Said::Event(_) => {}
                }
            };
            let is_over = || hears.over.load(Ordering::Relaxed);
            lookout::look((&devices, &device), &ways, Some(&looked_at), &is_over, &tell);
        };
        thread::Builder::new()
            .name("phone".into())
            .spawn(look)
            .map_err(|error| Failure::new(FailureKind::Broken, format!("cannot start a thread: {error}")))?;
        Ok((display, screen, heard))
    }
}

/// Why no browser can show a QR code here, and what to do.
///
/// # Errors
/// That, in a sentence without its end.
pub(in crate::commands) fn can_show(show: bool) -> Result<(), String> {
    match show {
        true if shown_on().is_some() => Ok(()),
        true => Err("--show shows the browser on this screen, and there is none: DISPLAY is not set".into()),
        false if Screen::is_to_be_had() => Ok(()),
        false => Err(
            "the browser shows its QR code on a screen that nobody looks at, and there is no Xvfb for it: \
                      `sudo apt-get install xvfb`, or give --show"
                .into(),
        ),
    }
}

/// The user's own screen.
fn shown_on() -> Option<String> {
    std::env::var("DISPLAY").ok().filter(|display| !display.is_empty())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn load(browser: &devtools::Browser, pairing: &Pairing) -> Result<TempDir, Failure> {
    let folder = written(pairing)?;
    browser.load_extension(folder.path()).map_err(|why| {
        Failure::new(FailureKind::Refused, format!("the browser takes no extension: {why}"))
            .hint("take --route script")
    })?;
    Ok(folder)
}

fn pairing(running: &run::Running) -> Pairing {
    Pairing::new(&running.served.url, &running.served.token, Choice::default())
}

/// The extension, for pages of these devices.
fn written(pairing: &Pairing) -> Result<TempDir, Failure> {
    let folder = tempfile::Builder::new().prefix("fauxkey-extension-").tempdir();
    let folder = folder.map_err(|error| {
        Failure::new(FailureKind::Broken, format!("cannot make a folder for the extension: {error}"))
    })?;
    extension::write(folder.path(), Some(pairing))?;
    Ok(folder)
}
