//! `fauxkey doctor`: what works on this machine, and the one command that would make the rest work.
use super::{Context, DEFAULT_DEVICE, Exit, Stop};
use crate::control::{Failure, FailureKind};
use crate::drivers::UsbipAddress;
use crate::drivers::uhid::LET_IN;
use crate::drivers::usbip::Server;
use crate::home::Home;
use crate::instance::Instance;
use crate::output::{Output, Tone};
use crate::remote::Remote;
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

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
            .map(|(what, folder)| writable(what, folder)),
    );
    checks.push(disk(&home.data));
    checks.push(key(home));
    checks.push(vault(home, running.is_some()));
    checks.push(unix_socket(&home.socket(DEFAULT_DEVICE)));
    checks.push(tcp());
    checks.push(exec(&home.exec()));
    checks.push(uhid(Path::new("/dev/uhid")));
    checks.push(usbip(UsbipAddress::default()));
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

/// Whether a folder is writable, or can be made.
fn writable(what: &'static str, folder: &Path) -> Check {
    let there = existing(folder);
    if !there.is_dir() {
        let fix = format!("mv {0} {0}.old", there.display());
        return Check::broken(what, format!("{} is no folder", there.display()), fix);
    }
    match access(&there, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if there == folder => Check::works(what, folder.display().to_string()),
        Ok(()) => Check::works(what, format!("{}, made when needed", folder.display())),
        Err(error) => {
            let detail = format!("cannot write to {}: {}", there.display(), io::Error::from(error));
            let fix = match there == folder {
                true => format!("sudo chown \"$USER\" {}", folder.display()),
                false => "export FAUXKEY_HOME=DIR, with a folder that you can write to".into(),
            };
            Check::broken(what, detail, fix)
        }
    }
}

/// The folder, or the nearest one above it that exists.
fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).into()
}

/// The vault keeps a reserve, and takes no new passkeys on a disk that is nearly full.
fn disk(folder: &Path) -> Check {
    const WHAT: &str = "disk";
    const LITTLE: u64 = 64 << 20;
    match statvfs(existing(folder)) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let detail = format!("{} MiB free for {}", free >> 20, folder.display());
            if free >= LITTLE {
                Check::works(WHAT, detail)
            } else {
                Check::broken(WHAT, detail, "make room; deleting passkeys still works")
            }
        }
        Err(error) => {
            let detail = format!("cannot tell how much is free: {}", io::Error::from(error));
            Check::broken(WHAT, detail, format!("ls -ld {}", folder.display()))
        }
    }
}

fn key(home: &Home) -> Check {
    const WHAT: &str = "key file";
    let path = home.vault_key();
    let shown = path.display();
    match fs::metadata(&path) {
        Ok(metadata) => match metadata.permissions().mode() & 0o777 {
            mode if mode & 0o077 == 0 => Check::works(WHAT, format!("{shown}, mode {mode:04o}")),
            mode => {
                let detail = format!("{shown} has mode {mode:04o}: others than its owner may use it");
                Check::broken(WHAT, detail, format!("chmod 600 {shown}"))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && !home.vault().exists() => {
            Check::works(WHAT, "none yet; made with the vault")
        }
        Err(error) => Check::broken(
            WHAT,
            format!("cannot read {shown}: {error}"),
            "put the key file back; without it nothing in the vault can be read",
        ),
    }
}

fn vault(home: &Home, running: bool) -> Check {
    const WHAT: &str = "vault";
    let shown = home.vault().display().to_string();
    if running {
        return Check::works(WHAT, format!("{shown}, held by the running instance"));
    }
    if !home.vault().exists() {
        return Check::works(WHAT, format!("{shown}, made at first use"));
    }
    match Instance::open(home) {
        Ok(_closed_again) => Check::works(WHAT, format!("{shown} opens")),
        Err(Failure { kind: FailureKind::Conflict, message, hint }) => {
            Check { what: WHAT, state: State::NotYet, detail: message, fix: hint }
        }
        Err(Failure { message, hint, .. }) => {
            Check { what: WHAT, state: State::Broken, detail: message, fix: hint }
        }
    }
}

/// Binds a socket beside the usual one, or in the folder for temporary files while there is no such folder.
fn unix_socket(usual: &Path) -> Check {
    const WHAT: &str = "unix sockets";
    // sockaddr_un has 108 bytes for a path and the zero that ends it.
    const LONGEST: usize = 107;
    let len = usual.as_os_str().len();
    if len > LONGEST {
        let detail = format!("{} has {len} bytes, and the system takes {LONGEST}", usual.display());
        return Check::broken(WHAT, detail, "fauxkey run --socket unix:/tmp/phone.sock, or a shorter --home");
    }
    let folder = usual.parent().filter(|folder| folder.is_dir()).map_or_else(std::env::temp_dir, Into::into);
    let path = folder.join(format!(".fauxkey-doctor-{}", std::process::id()));
    let bound = UnixListener::bind(&path);
    // It is there only if it was bound.
    let _ = fs::remove_file(&path);
    match bound {
        Ok(_) => Check::works(WHAT, usual.display().to_string()),
        Err(error) => Check::broken(
            WHAT,
            format!("cannot bind one in {}: {error}", folder.display()),
            "fauxkey run --socket tcp:127.0.0.1:0",
        ),
    }
}

fn tcp() -> Check {
    const WHAT: &str = "loopback";
    match TcpListener::bind(("127.0.0.1", 0)) {
        Ok(_) => Check::works(WHAT, "127.0.0.1, for the control API and the page"),
        Err(error) => {
            Check::broken(WHAT, format!("cannot listen on 127.0.0.1: {error}"), "sudo ip link set lo up")
        }
    }
}

/// The door for programs that `fauxkey exec` starts.
fn exec(folder: &Path) -> Check {
    const WHAT: &str = "exec";
    if crate::drivers::exec::library().is_none() {
        let detail = "for Linux with glibc on x86-64 and aarch64 alone";
        return Check { what: WHAT, state: State::NotHere, detail: detail.into(), fix: None };
    }
    let noexec = |folder: &Path| {
        statvfs(existing(folder)).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::NOEXEC))
    };
    if noexec(folder) && noexec(&std::env::temp_dir()) {
        let detail =
            format!("{} is mounted noexec, so programs cannot load a library from there", folder.display());
        return Check::broken(
            WHAT,
            detail,
            "export TMPDIR=DIR, with a folder from which programs can be run",
        );
    }
    Check::works(WHAT, "programs see the devices: fauxkey exec -- fido2-token -L")
}

/// The kernel's door for HID devices of a program.
fn uhid(path: &Path) -> Check {
    const WHAT: &str = "uhid";
    let shown = path.display();
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Check::works(WHAT, format!("{shown}: browsers on this machine can see the device")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Check {
            what: WHAT,
            state: State::NotYet,
            detail: format!(
                "{shown} is root's alone: browsers would see the device (systemd's own rules then let you in to \
                 its /dev/hidraw)"
            ),
            fix: Some(LET_IN.into()),
        },
        Err(_) if has_module("uhid") => Check {
            what: WHAT,
            state: State::NotYet,
            detail: format!("{shown} is not there: browsers would see the device"),
            fix: Some("sudo modprobe uhid".into()),
        },
        Err(error) => Check {
            what: WHAT,
            state: State::NotHere,
            detail: format!("{shown}: {error}, and no such module for this kernel; sockets do without"),
            fix: None,
        },
    }
}

/// The server needs a port, and whoever imports on this machine the kernel's virtual host controller.
fn usbip(address: UsbipAddress) -> Check {
    const WHAT: &str = "usbip";
    let here = match has_module("vhci_hcd") || has_module("vhci-hcd") {
        true => "this kernel can import: sudo modprobe vhci-hcd && sudo usbip attach -r 127.0.0.1 -b 1-1",
        false => "this kernel has no vhci-hcd to import with, others may",
    };
    match Server::bind(address) {
        Ok(_closed_again) => Check::works(WHAT, format!("{address} is free for --attach usbip; {here}")),
        Err(failure) => Check {
            what: WHAT,
            state: State::NotYet,
            detail: failure.message,
            fix: Some("fauxkey run --attach usbip --usbip 127.0.0.1:3241".into()),
        },
    }
}

/// Whether the running kernel has a module, loaded or not.
fn has_module(name: &str) -> bool {
    let Ok(release) = fs::read_to_string("/proc/sys/kernel/osrelease") else { return false };
    let folder = Path::new("/lib/modules").join(release.trim());
    let listed = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let file = format!("/{name}.ko");
    listed("modules.dep").contains(&file) || listed("modules.builtin").contains(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        assert_eq!(existing(&deep), folder.path());
        assert!(writable("data", &deep).state == State::Works);
        fs::write(folder.path().join("a"), "").unwrap();
        let check = writable("data", &deep);
        assert!(
            check.state == State::Broken && check.detail.ends_with("/a is no folder"),
            "{}",
            check.detail
        );
    }

    #[test]
    fn a_port_that_is_taken_is_no_fault_and_has_a_way_around() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address: UsbipAddress = taken.local_addr().unwrap().to_string().parse().unwrap();
        let check = usbip(address);
        assert!(check.state == State::NotYet && check.fix.is_some(), "{}", check.detail);
        drop(taken);
        assert!(usbip(address).state == State::Works);
    }

    #[test]
    fn what_keeps_uhid_shut_has_one_command_that_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("uhid");
        fs::write(&node, "").unwrap();
        assert!(uhid(&node).state == State::Works);
        assert!(LET_IN.contains("KERNEL==\"uhid\"") && LET_IN.matches("TAG+=").count() == 1);
        assert!(uhid(&folder.path().join("none")).state != State::Works);
    }

    #[test]
    fn a_socket_path_that_is_too_long_is_noticed() {
        let check = unix_socket(Path::new(&format!("/tmp/{}", "x".repeat(103))));
        assert!(check.state == State::Broken && check.detail.contains("107"), "{}", check.detail);
        assert!(unix_socket(&std::env::temp_dir().join("phone.sock")).state == State::Works);
    }

    #[test]
    fn a_key_file_that_others_may_read_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        assert!(key(&home).state == State::Works, "none is needed before there is a vault");
        fs::create_dir_all(home.vault_key().parent().unwrap()).unwrap();
        fs::write(home.vault_key(), "").unwrap();
        for (mode, state) in [(0o600, State::Works), (0o400, State::Works), (0o640, State::Broken)] {
            fs::set_permissions(home.vault_key(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(key(&home).state == state, "{mode:o}");
        }
    }
}
