//! Programs that see the devices: browsers and tools through `exec`, and those of PC/SC.
use super::{Check, sudo};
use crate::commands::exec::program;
use crate::control::FailureKind;
use crate::drivers::PcscAddress;
use crate::drivers::pcsc::listens;
use std::ffi::OsStr;
use std::path::Path;

/// What people point a virtual device at, by the names that distributions give them.
const KNOWN: [&str; 10] = [
    "chromium",
    "chromium-browser",
    "chromium-headless-shell",
    "google-chrome",
    "microsoft-edge",
    "firefox",
    "firefox-esr",
    "ssh-keygen",
    "fido2-token",
    "pamu2fcfg",
];

/// Which of them are here, and which of those let the devices in.
pub(super) fn programs() -> Check {
    const WHAT: &str = "programs";
    let (mut see, mut refuse) = (Vec::new(), Vec::new());
    for name in KNOWN {
        match program::find(OsStr::new(name)) {
            Ok(_) => see.push(name),
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => refuse.push(failure.message),
        }
    }
    let install = format!("{}apt-get install chromium", sudo());
    let debian = Path::new("/usr/bin/apt-get").exists();
    match (see.is_empty(), refuse.is_empty()) {
        (false, true) => Check::works(WHAT, format!("exec shows the devices to {}", see.join(", "))),
        (false, false) => {
            Check::works(WHAT, format!("exec shows the devices to {}; {}", see.join(", "), refuse.join("; ")))
        }
        (true, false) if debian => Check::not_yet(WHAT, refuse.join("; "), install),
        (true, false) => Check::not_here(WHAT, refuse.join("; ")),
        (true, true) if debian => Check::not_yet(WHAT, "no browser is here that exec could run", install),
        (true, true) => Check::not_here(WHAT, "no browser is here that exec could run"),
    }
}

/// The virtual reader, and the service that brings it. `root` is where their files are.
pub(super) fn pcsc(address: PcscAddress, root: &Path) -> Check {
    const WHAT: &str = "pcsc";
    let slot = address.slot(0).expect("the first slot is free of other devices");
    if listens(slot) {
        return Check::works(WHAT, format!("a virtual reader waits at {address}: fauxkey run --attach pcsc"));
    }
    let there = |path: &str| root.join(path).exists();
    let sudo = sudo();
    match (there("usr/sbin/pcscd"), there("etc/reader.conf.d/vpcd"), there("usr/bin/apt-get")) {
        (true, true, _) => {
            let start = match there("run/systemd/system") {
                true => format!("{sudo}systemctl restart pcscd"),
                false => format!("{sudo}mkdir -p /run/pcscd && {sudo}pcscd"),
            };
            Check::not_yet(WHAT, "pcscd and its virtual reader are installed and do not run", start)
        }
        (_, _, true) => Check::not_yet(
            WHAT,
            "programs of PC/SC would see a card, on vsmartcard's virtual reader",
            format!("{sudo}apt-get install pcscd vsmartcard-vpcd"),
        ),
        _ => Check::not_here(
            WHAT,
            "no pcscd with vsmartcard's virtual reader (vpcd), and no package of it known here",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use std::fs;
    use std::net::TcpListener;

    #[test]
    fn a_reader_works_or_would_after_one_command_or_cannot_be_had() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address: PcscAddress = listener.local_addr().unwrap().to_string().parse().unwrap();
        let root = tempfile::tempdir().unwrap();
        assert!(pcsc(address, root.path()).state == State::Works);
        drop(listener);
        let touch = |path: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        let fix = || pcsc(address, root.path()).fix;
        assert!(pcsc(address, root.path()).state == State::NotHere);
        touch("usr/bin/apt-get");
        assert!(fix().unwrap().ends_with("apt-get install pcscd vsmartcard-vpcd"));
        touch("usr/sbin/pcscd");
        touch("etc/reader.conf.d/vpcd");
        assert!(fix().unwrap().ends_with("pcscd"));
        touch("run/systemd/system/x");
        assert!(fix().unwrap().ends_with("systemctl restart pcscd"));
    }
}
