//! `fauxkey doctor`: what works on this machine, and the one command that would make the rest work.
//!
//! | module | what it looks at |
//! |---|---|
//! | `home` | folders, disk, key and vault |
//! | `doors` | sockets, exec, uhid, USB/IP |
//! | `programs` | browsers and tools that `exec` can run, and readers of smart cards |
//! | `hybrid` | Bluetooth, the lab, and reading QR codes |
mod doors;
mod home;
mod hybrid;
mod programs;

use super::{Context, Exit, Stop};
use crate::control::DEFAULT_DEVICE;
use crate::drivers::{PcscAddress, UsbipAddress};
use crate::hybrid::radio::Radio;
use crate::output::{Output, Tone};
use crate::remote::Remote;
use rustix::process::geteuid;
use serde::Serialize;
use std::path::Path;

/// One thing that fauxkey uses.
#[derive(Serialize)]
struct Check {
    what: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Works,
    /// It would, after one command.
    NotYet,
    /// Nothing on this machine makes it work, and nothing else needs it.
    NotHere,
    /// It should.
    Broken,
}

impl Check {
    fn works(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, state: State::Works, detail: detail.into(), fix: None }
    }

    fn not_yet(what: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what, state: State::NotYet, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn not_here(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, state: State::NotHere, detail: detail.into(), fix: None }
    }

    fn broken(what: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what, state: State::Broken, detail: detail.into(), fix: Some(fix.into()) }
    }
}

pub(super) fn doctor(context: &Context) -> Result<Exit, Stop> {
    let home = &context.home;
    let running = Remote::find(home);
    let mut checks = vec![instance(running.as_ref())];
    checks.extend(
        [("settings", &home.config), ("data", &home.data), ("run files", &home.run)]
            .map(|(what, folder)| home::writable(what, folder)),
    );
    checks.push(home::disk(&home.data));
    checks.push(home::key(home));
    checks.push(home::vault(home, running.is_some()));
    checks.push(doors::unix_socket(&home.socket(DEFAULT_DEVICE)));
    checks.push(doors::tcp());
    checks.push(doors::exec(&home.exec()));
    checks.push(programs::programs());
    checks.push(doors::uhid(Path::new("/dev/uhid")));
    checks.push(doors::usbip(UsbipAddress::default()));
    checks.push(doors::vhci(Path::new("/sys/devices/platform")));
    checks.push(programs::pcsc(PcscAddress::default(), Path::new("/")));
    checks.push(hybrid::bluetooth(Radio::BlueZ { adapter: None }.advertiser()));
    checks.push(hybrid::lab(Path::new("/proc/self/exe")));
    checks.push(hybrid::codes());
    let output = &context.output;
    output
        .result(&checks, || checks.iter().map(|check| line(output, check)).collect::<Vec<_>>().join("\n"))?;
    let broken = checks.iter().any(|check| check.state == State::Broken);
    Ok(if broken { Exit::Found } else { Exit::Done })
}

fn line(output: &Output, check: &Check) -> String {
    let (state, tone) = match check.state {
        State::Works => ("works", None),
        State::NotYet => ("not yet", Some(Tone::Loud)),
        State::NotHere => ("not here", None),
        State::Broken => ("broken", Some(Tone::Error)),
    };
    let state = format!("{state:<9}");
    let state = tone.map_or_else(|| state.clone(), |tone| output.painted(&state, tone));
    let mut line = format!("{state} {:<12} {}", check.what, check.detail);
    if let Some(fix) = &check.fix {
        line.push_str(&format!("\n{:23}{fix}", ""));
    }
    line
}

fn instance(running: Option<&Remote>) -> Check {
    const WHAT: &str = "instance";
    match running {
        Some(remote) => Check::works(WHAT, format!("one runs, and answers at {}", remote.url())),
        None => Check::works(WHAT, "none runs; commands open the vault themselves"),
    }
}

/// What stands in front of a command for root.
fn sudo() -> &'static str {
    if geteuid().is_root() { "" } else { "sudo " }
}
