//! The machine with Bluetooth: the kernel's virtual controllers, driven by `btvirt` of BlueZ, and BlueZ' own daemon on a
//! message bus, all in a file system in memory.
use super::initramfs::Initramfs;
use super::machine::{Count, Machine};
use super::prepare::Kernel;
use super::{Args, CASES_SH};
use crate::debian::{self, Package};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// They bring the message bus with them.
const PACKAGES: [Package; 2] = [
    Package { name: "bluez", file: "/usr/libexec/bluetooth/bluetoothd", serves: true },
    Package::new("bluez-test-tools", "/usr/bin/btvirt"),
];
/// What the kernel's Bluetooth asks for by name has to be there already.
const MODULES: [&str; 7] = ["hci_vhci", "cmac", "ecb", "aes_generic", "ccm", "algif_hash", "algif_skcipher"];
const PROGRAMS: [&str; 7] = [
    "/usr/bin/btvirt",
    "/usr/bin/btmon",
    "/usr/bin/hciconfig",
    "/usr/bin/bluetoothctl",
    "/usr/libexec/bluetooth/bluetoothd",
    "/usr/bin/dbus-daemon",
    "/usr/bin/dbus-uuidgen",
];
/// As they are on this machine: who may say what on the bus, and more.
const FILES: [&str; 3] = [
    "/usr/share/dbus-1/system.conf",
    "/etc/dbus-1/system.d/bluetooth.conf",
    // It says that controllers are powered as they come.
    "/etc/bluetooth/main.conf",
];
/// The bus does not run as root.
const USERS: &str = "root:x:0:0::/root:/bin/sh\nmessagebus:x:100:100::/:/bin/sh\n";
const GROUPS: &str = "root:x:0:\nmessagebus:x:100:\n";

/// Three to five times what it takes on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn run(
    workspace: &Workspace,
    args: &Args,
    kernel: &Kernel,
    fauxkey: &Path,
    folder: &Path,
) -> Result<Count> {
    debian::install(&PACKAGES)?;
    let mut initramfs = Initramfs::with_busybox(include_str!("../../../tests/vm/bluetooth.sh"))?;
    initramfs.file("lib/cases.sh", 0o644, CASES_SH.into());
    initramfs.modules(kernel, &MODULES)?;
    for program in PROGRAMS {
        initramfs.program(Path::new(program))?;
    }
    initramfs.program(fauxkey)?;
    for file in FILES {
        let content = fs::read(file).with_context(|| format!("cannot read {file}"))?;
        initramfs.file(file.trim_start_matches('/'), 0o644, content);
    }
    initramfs.file("etc/passwd", 0o644, USERS.into());
    initramfs.file("etc/group", 0o644, GROUPS.into());
    let image = folder.join("bluetooth.img");
    initramfs.write(&image)?;
    let machine = Machine {
        kernel: kernel.image(),
        initramfs: &image,
        memory: 1_024,
        words: String::new(),
        devices: Vec::new(),
        patience: PATIENCE,
        verbose: args.verbose,
    };
    machine.run(workspace, "bluetooth")
}
