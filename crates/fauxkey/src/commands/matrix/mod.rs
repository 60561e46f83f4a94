//! `fauxkey matrix`: a sign-up page in a browser, with every profile by every route at every attestation preference.
//!
//! | module | what |
//! |---|---|
//! | `plan` | which cells, and what is done on the page |
//! | `attester` | the test CA that the cells are attested by |
//! | `page` | doing it, and seeing what comes of it; `watch.js` and `hands.js` run in the page |
//! | `cell` | what came of it, and why |
//! | `report` | telling it |
//!
//! Every cell has a device and a browser's profile of its own. What the page asks of `navigator.credentials` passes through
//! `watch.js`, which says what was asked, and puts the cell's preference in its place; what the page sends is seen by
//! DevTools, and not touched.
mod attester;
mod cell;
mod page;
mod plan;
mod report;

use super::browser::driven::{Driven, Wanted};
use super::browser::programs::{self, Family, Found};
use super::{Context, Exit, Stop, exec};
use crate::cli::{Coordinates, Matrix, Route};
use crate::control::{Failure, FailureKind};
use crate::drivers::exec::library;
use crate::home::Home;
use crate::instance::Loan;
use crate::output::{Output, quoted};
use crate::probe::target::allowed::{Allowed, is_loopback};
use crate::process;
use crate::profiles::Profiles;
use attester::Attester;
use cell::{Cell, Device, Outcome};
use page::Visit;
use plan::Steps;
use report::Report;
use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;
use url::Url;

/// What a browser that nobody looks at, and that runs for one page, does without.
const QUIET: [&str; 7] = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--password-store=basic",
    "--mute-audio",
];

pub(super) fn run(context: &Context, arguments: &Matrix) -> Result<Exit, Stop> {
    let output = &context.output;
    let url = Url::parse(&arguments.url).map_err(|error| {
        Failure::new(FailureKind::Invalid, format!("{}: {error}", arguments.url))
            .hint("give the page's whole URL, such as http://localhost:8000/sign-up")
    })?;
    let allowed = Allowed::new(&arguments.authorised);
    allowed.check(&url)?;
    let steps = Steps::read(arguments.steps.as_deref(), arguments.accepted.as_deref()).map_err(misused)?;
    let cells = plan::cells(&arguments.profile, &arguments.route, &arguments.attestation, &arguments.only);
    let profiles = Profiles::of(&context.home);
    let models: Result<Vec<_>, _> = cells.iter().map(|at| profiles.find(&at.profile)).collect();
    let models = models.map_err(misused)?;
    let found = programs::find(arguments.browser.as_deref()).map_err(misused)?;
    if found.family == Family::Firefox {
        return Err(Failure::new(
            FailureKind::Invalid,
            "pages are driven by DevTools, which Firefox does not speak",
        )
        .hint("give --browser chromium; `fauxkey browser` opens Firefox")
        .into());
    }
    for host in Allowed::strangers(&arguments.authorised) {
        output.warn(&format!(
            "{host} is not of this machine: accounts are made there, because you said that you may test it"
        ));
    }
    let (loan, attester) = attester::borrow(context, &models).map_err(misused)?;
    let stopped = process::stop_flag()?;
    let trial = Trial {
        context,
        loan: &loan,
        attester: attester.as_ref(),
        arguments,
        found: &found,
        url: &url,
        allowed: &allowed,
        steps: &steps,
        more: browser_flags(arguments, &found),
        first: rand::random::<u32>() % 1_000_000 * 1000,
    };
    let mut report = Report {
        url: url.to_string(),
        browser: found.path.display().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        attested_by: attester.clone(),
        cells: Vec::new(),
    };
    for (place, at) in cells.iter().enumerate() {
        output.fleeting(&format!("[{}/{}] {at}", place + 1, cells.len()));
        let cell = match stopped.load(Ordering::Relaxed) {
            true => trial.not_tried(at, "the run was stopped by a signal".into()),
            false => trial.cell(place, at),
        };
        output.detail(&format!("[{}/{}] {at}: {}", place + 1, cells.len(), cell.outcome.word()));
        report.cells.push(cell);
    }
    output.fleeting("");
    let made = report.cells.iter().filter(|cell| cell.got.is_some()).count();
    if made > 0 && url.host_str().is_some_and(|host| !is_loopback(host)) {
        output.warn(&format!(
            "{made} passkeys were made; their accounts are left behind, and the report lists both"
        ));
    }
    let exit = told(output, arguments, &report)?;
    if stopped.load(Ordering::Relaxed) {
        return Err(Failure::new(FailureKind::Broken, "the run was stopped by a signal").into());
    }
    Ok(exit)
}

/// Exit code 1 says that a passkey was refused, and nothing else.
fn misused(failure: Failure) -> Failure {
    Failure { kind: FailureKind::Invalid, ..failure }
}

fn told(output: &Output, arguments: &Matrix, report: &Report) -> Result<Exit, Stop> {
    // The files first: who reads the table may not read it to its end.
    let forms: [(&Option<_>, &dyn Fn() -> String); 2] =
        [(&arguments.out, &|| report.to_json()), (&arguments.html, &|| report.to_html())];
    for (path, text) in forms {
        path.as_ref().map_or(Ok(()), |path| output.file(path, text().as_bytes()))?;
    }
    output.result(report, || report.to_table(output))?;
    let broken = |message: String, hint: &str| {
        Err(Failure::new(FailureKind::Broken, message).hint(hint.to_owned()).into())
    };
    match report.count(Outcome::Broken) {
        0 => {}
        cells => {
            return broken(
                format!("of {cells} cells it cannot be told whether a passkey was taken"),
                "--show shows the browser; --steps says what is to be done on the page",
            );
        }
    }
    if report.count(Outcome::Accepted) + report.count(Outcome::Refused) == 0 {
        return broken("no cell could be tried".into(), "`fauxkey doctor` says what works here");
    }
    Ok(if report.count(Outcome::Refused) > 0 { Exit::Found } else { Exit::Done })
}

fn browser_flags(arguments: &Matrix, found: &Found) -> Vec<OsString> {
    let mut flags: Vec<OsString> = QUIET.map(Into::into).to_vec();
    // chromium-headless-shell has no windows, and does not know the flag.
    if !arguments.show && !is_shell(found) {
        flags.push("--headless=new".into());
    }
    flags.extend(arguments.arguments.iter().cloned());
    flags
}

fn is_shell(found: &Found) -> bool {
    found.path.file_name().is_some_and(|name| name.to_string_lossy().contains("headless-shell"))
}

/// The folder that was given for the home, if the environment says another.
fn named(home: &Home) -> Option<&Path> {
    let usual = Home::from_environment().is_ok_and(|usual| usual == *home);
    home.data.parent().filter(|folder| !usual && Home::at(folder) == *home)
}

/// What all cells have in common.
struct Trial<'a> {
    context: &'a Context,
    loan: &'a Loan,
    attester: Option<&'a Attester>,
    arguments: &'a Matrix,
    found: &'a Found,
    url: &'a Url,
    allowed: &'a Allowed,
    steps: &'a Steps,
    more: Vec<OsString>,
    /// The number of the first cell, for names that no earlier run used.
    first: u32,
}

impl Trial<'_> {
    fn cell(&self, place: usize, at: &Coordinates) -> Cell {
        let route = match self.route(at) {
            Ok(route) => route,
            Err(why) => return self.not_tried(at, why),
        };
        let began = Instant::now();
        let wanted = Wanted {
            found: self.found,
            route,
            profile: &at.profile,
            loan: self.loan,
            any_certificate: self.arguments.any_certificate,
            more: &self.more,
        };
        let driven = match Driven::start(self.context, &wanted) {
            Ok(driven) => driven,
            Err(Stop::Failed(failure)) if failure.kind == FailureKind::Refused => {
                return self.not_tried(at, failure.to_string());
            }
            Err(Stop::Failed(failure)) => return self.broken(at, failure.to_string()),
            Err(Stop::Unwritten(error)) => return self.broken(at, error.to_string()),
        };
        let visit = Visit {
            url: self.url,
            preference: at.preference,
            steps: self.steps,
            allowed: self.allowed,
            number: self.first.wrapping_add(u32::try_from(place).unwrap_or_default()),
            patience: self.arguments.patience,
        };
        let mut seen = page::visit(&driven, &visit);
        let own = driven.device().map(|device| device.aaguid.clone()).unwrap_or_default();
        driven.close();
        if is_shell(self.found)
            && let Some((name, message)) = &mut seen.error
            && name == "NotSupportedError"
        {
            *message += "; chromium-headless-shell makes no discoverable credentials by itself: take --browser chromium";
        }
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Cell::of(at, &Device { own: &own, attester: self.attester }, seen, self.repeat(at), took)
    }

    /// What is asked of the browser, or why it is not.
    fn route(&self, at: &Coordinates) -> Result<Route, String> {
        let Some(route) = at.way.route() else {
            let profile =
                Profiles::of(&self.context.home).find(&at.profile).map_err(|failure| failure.message)?;
            let links = profile.authenticator.seen;
            if !links.iter().any(|(link, _)| *link == authenticator::Link::Hybrid) {
                return Err("it is no phone: its profile has no hybrid link".into());
            }
            return Err("a phone across the room takes a screen, a radio and a QR code: `fauxkey hybrid lab -- PROGRAM` has \
                        them; docs/aaguid.md says what pages see over it"
                .into());
        };
        if route == Route::Exec {
            if library().is_none() {
                return Err("exec is for Linux with glibc, on x86-64 and aarch64".into());
            }
            exec::program::find(self.found.path.as_os_str()).map_err(|failure| failure.to_string())?;
        }
        Ok(route)
    }

    fn not_tried(&self, at: &Coordinates, why: String) -> Cell {
        Cell::without(at, Outcome::NotTried, format!("Not tried: {why}."), self.repeat(at))
    }

    fn broken(&self, at: &Coordinates, why: String) -> Cell {
        Cell::without(at, Outcome::Broken, format!("It cannot be told: {why}."), self.repeat(at))
    }

    /// The line that tries a cell again.
    fn repeat(&self, at: &Coordinates) -> String {
        let mut words = vec!["fauxkey".into(), "matrix".into(), quoted(self.url.as_str())];
        words.extend(["--only".into(), quoted(&at.to_string())]);
        let Matrix { browser, steps, accepted, any_certificate, show, authorised, arguments, .. } =
            self.arguments;
        let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), quoted(&value)]);
        named(&self.context.home).iter().for_each(|folder| flag("home", folder.display().to_string()));
        browser.iter().for_each(|browser| flag("browser", browser.clone()));
        steps.iter().for_each(|steps| flag("steps", steps.display().to_string()));
        accepted.iter().for_each(|accepted| flag("accepted", accepted.clone()));
        authorised.iter().for_each(|host| flag("i-am-authorised-to-test", host.clone()));
        words.extend(any_certificate.then(|| "--any-certificate".into()));
        words.extend(show.then(|| "--show".into()));
        if !arguments.is_empty() {
            words.push("--".into());
            words.extend(arguments.iter().map(|argument| quoted(&argument.to_string_lossy())));
        }
        words.join(" ")
    }
}
