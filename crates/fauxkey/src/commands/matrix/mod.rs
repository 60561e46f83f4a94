//! `fauxkey matrix`: a sign-up page in a browser, with every profile by every route at every attestation preference.
//!
//! | module | what |
//! |---|---|
//! | `plan` | which cells, and what is done on the page |
//! | `attester` | the test CA that the cells are attested by |
//! | `across`, `way_out` | cells with a phone across the room: in a lab, and how the browser there reaches the page |
//! | `page` | doing it, and seeing what comes of it; `watch.js` and `hands.js` run in the page |
//! | `cell` | what came of it, and why |
//! | `report` | telling it |
//!
//! Every cell has a device and a browser's profile of its own. What the page asks of `navigator.credentials` passes through
//! `watch.js`, which says what was asked, and puts the cell's preference in its place; what the page sends is seen by
//! DevTools or WebDriver BiDi, and not touched.
mod across;
mod attester;
mod cell;
mod page;
mod plan;
mod report;
mod way_out;

use super::browser::driven::{Driven, Wanted, can_show};
use super::browser::programs::{self, Family, Found};
use super::{Context, Exit, Stop, exec};
use crate::cli::{Coordinates, Matrix, PATIENCE, Way};
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
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use transport::hybrid::domain::ASSIGNED_HOSTS;
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

/// Why what is left is not tried.
const STOPPED: &str = "the run was stopped by a signal";

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
        way_out: arguments.way_out.as_deref().map(led).transpose()?,
        first: rand::random::<u32>() % 1_000_000 * 1000,
    };
    let mut report = Report {
        url: url.to_string(),
        browser: found.path.display().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        attested_by: attester.clone(),
        cells: Vec::new(),
    };
    // By their places: those across the room are tried together, and stand where they were asked for.
    let (apart, here) = (0..cells.len()).partition::<Vec<_>, _>(|place| trial.takes_a_lab(&cells[*place]));
    let mut found = Vec::new();
    for place in here {
        let at = &cells[place];
        output.fleeting(&format!("[{}/{}] {at}", found.len() + 1, cells.len()));
        let cell = match stopped.load(Ordering::Relaxed) {
            true => trial.not_tried(at, STOPPED.into()),
            false => trial.cell(place, at),
        };
        output.detail(&format!("[{}/{}] {at}: {}", found.len() + 1, cells.len(), cell.outcome.word()));
        found.push((place, cell));
    }
    let room: Vec<Coordinates> = apart.iter().map(|place| cells[*place].clone()).collect();
    if !room.is_empty() {
        output.fleeting(&format!(
            "[{}-{}/{}] across the room, in a lab",
            found.len() + 1,
            cells.len(),
            cells.len()
        ));
        found.extend(apart.into_iter().zip(trial.across(&room, &stopped)));
    }
    found.sort_by_key(|(place, _)| *place);
    report.cells = found.into_iter().map(|(_, cell)| cell).collect();
    output.fleeting("");
    let made = report.cells.iter().filter(|cell| cell.got.is_some()).count();
    if made > 0 && url.host_str().is_some_and(|host| !is_loopback(host)) {
        output.warn(&format!(
            "{made} passkeys were made; their accounts are left behind, and the report lists both"
        ));
    }
    let exit = told(output, arguments, &report)?;
    if stopped.load(Ordering::Relaxed) {
        return Err(Failure::new(FailureKind::Broken, STOPPED).into());
    }
    Ok(exit)
}

/// Where what is outside of the lab is reached from.
fn led(socket: &Path) -> Result<SocketAddr, Failure> {
    way_out::lead(socket).map_err(|error| {
        Failure::new(FailureKind::Broken, format!("there is no way out of the lab: {error}"))
    })
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
    /// In a lab: where what is outside is reached from.
    way_out: Option<SocketAddr>,
    /// The number of the first cell, for names that no earlier run used.
    first: u32,
}

impl Trial<'_> {
    fn cell(&self, place: usize, at: &Coordinates) -> Cell {
        if let Err(why) = self.possible(at) {
            return self.not_tried(at, why);
        }
        let more = self.browser_flags(at.way);
        let began = Instant::now();
        let wanted = Wanted {
            found: self.found,
            way: at.way,
            show: self.arguments.show,
            profile: &at.profile,
            loan: self.loan,
            any_certificate: self.arguments.any_certificate,
            more: &more,
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
            at,
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

    /// Why a cell cannot be tried here, in a sentence without its end.
    fn possible(&self, at: &Coordinates) -> Result<(), String> {
        match at.way {
            Way::Exec => {
                if library().is_none() {
                    return Err("exec is for Linux with glibc, on x86-64 and aarch64".into());
                }
                exec::program::find(self.found.path.as_os_str())
                    .map(drop)
                    .map_err(|failure| failure.to_string())
            }
            Way::Script if self.is_firefox() => {
                Err("Firefox has no pipe of DevTools for the route script: take extension".into())
            }
            Way::Hybrid if self.is_firefox() => {
                Err("Firefox shows no QR codes for phones on Linux: take --browser chromium".into())
            }
            Way::Script | Way::Extension => Ok(()),
            Way::Hybrid => {
                let profile = Profiles::of(&self.context.home).find(&at.profile);
                let links = profile.map_err(|failure| failure.message)?.authenticator.seen;
                if !links.iter().any(|(link, _)| *link == authenticator::Link::Hybrid) {
                    return Err("it is no phone: its profile has no hybrid link".into());
                }
                if !cfg!(target_os = "linux") {
                    return Err(
                        "a phone across the room takes `fauxkey hybrid lab`, which is for Linux".into()
                    );
                }
                if is_shell(self.found) {
                    return Err("chromium-headless-shell has no windows to show a QR code in: take --browser chromium".into());
                }
                can_show(self.arguments.show)
            }
        }
    }

    /// Whether a cell is tried by another process of ours, in a lab.
    fn takes_a_lab(&self, at: &Coordinates) -> bool {
        at.way == Way::Hybrid && !across::is_lab() && self.possible(at).is_ok()
    }

    /// The cells of a lab.
    fn across(&self, cells: &[Coordinates], stopped: &AtomicBool) -> Vec<Cell> {
        let mut found = match stopped.load(Ordering::Relaxed) {
            true => Err(STOPPED.to_owned()),
            false => across::try_all(self, cells, stopped),
        };
        let told = |at: &Coordinates| match &mut found {
            Ok(found) => {
                let place = found.iter().position(|cell| cell.is_at(at));
                place.map(|place| found.swap_remove(place)).ok_or("the lab's report does not have it".into())
            }
            Err(why) => Err(why.clone()),
        };
        let outcomes: Vec<_> = cells.iter().map(told).collect();
        let cells = cells.iter().zip(outcomes);
        cells.map(|(at, cell)| cell.unwrap_or_else(|why| self.not_tried(at, why))).collect()
    }

    fn is_firefox(&self) -> bool {
        self.found.family == Family::Firefox
    }

    fn browser_flags(&self, way: Way) -> Vec<OsString> {
        if self.is_firefox() {
            let hidden = (!self.arguments.show).then(|| "--headless".into());
            return hidden.into_iter().chain(self.arguments.arguments.iter().cloned()).collect();
        }
        let mut flags: Vec<OsString> = QUIET.map(Into::into).to_vec();
        if way == Way::Hybrid {
            // The screen that the phone looks at is an X server's.
            flags.push("--ozone-platform=x11".into());
            if let Some(address) = self.way_out {
                let tunnels = ASSIGNED_HOSTS.map(|host| format!(";{host}")).concat();
                flags.push(format!("--proxy-server=socks5://{address}").into());
                flags.push(format!("--proxy-bypass-list=<-loopback>{tunnels}").into());
            }
        // chromium-headless-shell has no windows, and does not know the flag.
        } else if !self.arguments.show && !is_shell(self.found) {
            flags.push("--headless=new".into());
        }
        flags.extend(self.arguments.arguments.iter().cloned());
        flags
    }

    fn not_tried(&self, at: &Coordinates, why: String) -> Cell {
        Cell::without(at, Outcome::NotTried, format!("Not tried: {why}."), self.repeat(at))
    }

    fn broken(&self, at: &Coordinates, why: String) -> Cell {
        Cell::without(at, Outcome::Broken, format!("It cannot be told: {why}."), self.repeat(at))
    }

    /// The line that tries a cell again.
    fn repeat(&self, at: &Coordinates) -> String {
        let words = self.words(vec!["--only".into(), at.to_string().into()]);
        let words = words.iter().map(|word| quoted(&word.to_string_lossy()));
        std::iter::once("fauxkey".into()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The arguments of this run, with others for what is tried and what becomes of it.
    fn words(&self, more: Vec<OsString>) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["matrix".into(), self.url.as_str().into()];
        words.extend(more);
        let Matrix {
            browser, steps, accepted, patience, any_certificate, show, authorised, arguments, ..
        } = self.arguments;
        let mut flag = |name: &str, value: &OsStr| words.extend([format!("--{name}").into(), value.into()]);
        named(&self.context.home).iter().for_each(|folder| flag("home", folder.as_os_str()));
        browser.iter().for_each(|browser| flag("browser", browser.as_ref()));
        steps.iter().for_each(|steps| flag("steps", steps.as_os_str()));
        accepted.iter().for_each(|accepted| flag("accepted", accepted.as_ref()));
        if *patience != PATIENCE {
            flag("patience", format!("{}ms", patience.as_millis()).as_ref());
        }
        authorised.iter().for_each(|host| flag("i-am-authorised-to-test", host.as_ref()));
        words.extend(any_certificate.then(|| "--any-certificate".into()));
        words.extend(show.then(|| "--show".into()));
        if !arguments.is_empty() {
            words.push("--".into());
            words.extend(arguments.iter().cloned());
        }
        words
    }
}
