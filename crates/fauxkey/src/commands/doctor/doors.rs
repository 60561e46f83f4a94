//! The doors: sockets, exec, uhid, USB/IP.
use super::home::existing;
use super::{Check, State, sudo};
use crate::drivers::UsbipAddress;
use crate::drivers::uhid::LET_IN;
use crate::drivers::usbip::Server;
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::geteuid;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Binds a socket beside the usual one, or in the folder for temporary files while there is no such folder.
pub(super) fn unix_socket(usual: &Path) -> Check {
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

pub(super) fn tcp() -> Check {
    const WHAT: &str = "loopback";
    match TcpListener::bind(("127.0.0.1", 0)) {
        Ok(_) => Check::works(WHAT, "127.0.0.1, for the control API and the page"),
        Err(error) => {
            Check::broken(WHAT, format!("cannot listen on 127.0.0.1: {error}"), "sudo ip link set lo up")
        }
    }
}

/// The door for programs that `fauxkey exec` starts.
pub(super) fn exec(folder: &Path) -> Check {
    const WHAT: &str = "exec";
    if crate::drivers::exec::library().is_none() {
        let detail = "for Linux with glibc on x86-64 and aarch64 alone";
        return Check::not_here(WHAT, detail);
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
pub(super) fn uhid(path: &Path) -> Check {
    const WHAT: &str = "uhid";
    let shown = path.display();
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Check::works(WHAT, format!("{shown}: browsers on this machine can see the device")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && geteuid().is_root() => {
            Check::not_here(WHAT, format!("{shown} is refused even to root: the container was not given it"))
        }
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
            fix: Some(format!("{}modprobe uhid", sudo())),
        },
        Err(error) => Check {
            what: WHAT,
            state: State::NotHere,
            detail: format!("{shown}: {error}, and no such module for this kernel; sockets do without"),
            fix: None,
        },
    }
}

/// The server needs a port.
pub(super) fn usbip(address: UsbipAddress) -> Check {
    const WHAT: &str = "usbip";
    match Server::bind(address) {
        Ok(_closed_again) => Check::works(WHAT, format!("{address} is free for --attach usbip")),
        Err(failure) => {
            Check::not_yet(WHAT, failure.message, "fauxkey run --attach usbip --usbip 127.0.0.1:3241")
        }
    }
}

/// Whoever imports over USB/IP on this machine needs the kernel's virtual host controller.
pub(super) fn vhci(platform: &Path) -> Check {
    const WHAT: &str = "usb import";
    if platform.join("vhci_hcd.0").exists() {
        return Check::works(WHAT, format!("{}usbip attach -r 127.0.0.1 -b 1-1", sudo()));
    }
    match has_module("vhci-hcd") || has_module("vhci_hcd") {
        true => Check::not_yet(
            WHAT,
            "this kernel can import what --attach usbip exports",
            format!("{}modprobe vhci-hcd", sudo()),
        ),
        false => Check::not_here(
            WHAT,
            "no module vhci-hcd for this kernel; virtual machines and others may have it",
        ),
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
    fn a_host_controller_that_is_loaded_can_import() {
        let folder = tempfile::tempdir().unwrap();
        assert!(vhci(folder.path()).state != State::Works);
        fs::create_dir(folder.path().join("vhci_hcd.0")).unwrap();
        assert!(vhci(folder.path()).state == State::Works);
    }
}
