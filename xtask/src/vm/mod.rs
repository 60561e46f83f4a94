//! `cargo xtask vm`: fauxkey before a real Linux kernel, Debian's, under QEMU without KVM. Real `/dev/uhid`, real
//! `vhci_hcd`, real `/dev/hidraw`; the machine's first program is a script of `tests/vm`, which prints `ok CASE` or
//! `FAILED CASE: why` for every case.
//!
//! Tier 1 boots into a file system in memory and takes about ten seconds: libfido2's tools over uhid and over
//! USB/IP, with the server in the machine and outside of it. Tier 2 has this machine's own file system, read-only,
//! and runs python-fido2 and headless Chromium in it. The tier Bluetooth has two controllers of the kernel's own making,
//! and BlueZ' daemon over them: what one advertises, the other one hears.
mod bluetooth;
mod initramfs;
mod machine;
mod prepare;

use crate::debian;
use crate::venv::Venv;
use crate::workspace::{Build, Workspace, shown};
use anyhow::{Context, Result, bail};
use initramfs::Initramfs;
use machine::{Count, Machine};
use prepare::Kernel;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which machines to start.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// 1 for what takes seconds, 2 for browsers and python-fido2 too, bluetooth for adverts on the air
    #[arg(long, default_value = "1")]
    tier: Tier,
    /// Only the cases of this name: tier1, python, chromium or bluetooth
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Which build of fauxkey to try
    #[arg(long, value_name = "BUILD", default_value = "release")]
    build: Build,
    /// Show all that the machines print
    #[arg(long)]
    verbose: bool,
}

/// A set of machines.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Tier {
    /// What takes seconds
    #[value(name = "1")]
    First,
    /// Browsers and python-fido2 too
    #[value(name = "2")]
    Second,
    /// BlueZ over two controllers
    Bluetooth,
}

impl Tier {
    fn cases(self) -> &'static [&'static str] {
        match self {
            Self::First => &CASES[..1],
            Self::Second => &CASES[..3],
            Self::Bluetooth => &CASES[3..],
        }
    }
}

impl Args {
    /// A tier of the release build.
    pub(crate) fn tier(tier: Tier) -> Self {
        Self { tier, only: None, build: Build::Release, verbose: false }
    }
}

/// Names of cases.
const CASES: [&str; 4] = ["tier1", "python", "chromium", "bluetooth"];

/// What every machine needs on this one. QEMU of Debian 12 replaces a newer `qemu-utils`.
const PACKAGES: [&str; 4] = ["qemu-system-x86", "busybox-static", "kmod", "xz-utils"];
/// What tier 1 needs besides.
const TOOLS: [&str; 2] = ["fido2-tools", "usbip"];
/// What tier 2 needs besides.
const MORE_PACKAGES: [&str; 3] = ["chromium-headless-shell", "curl", "udev"];
const REQUIREMENTS: &str = "tests/peers/requirements.txt";

/// Modules of tier 1, and of tier 2.
const MODULES: [&str; 6] = ["virtio_pci", "virtio_net", "uhid", "hid-generic", "usbhid", "vhci-hcd"];
const ROOT_MODULES: [&str; 4] = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

/// How cases are named, tried and told.
const CASES_SH: &str = include_str!("../../../tests/vm/cases.sh");

/// Three to five times what they take on a quiet machine.
const TIER_1: Duration = Duration::from_secs(90);
const PYTHON: Duration = Duration::from_secs(300);
const CHROMIUM: Duration = Duration::from_secs(360);

/// Starts the machines; the count comes last.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    if let Some(only) = &args.only
        && !CASES.contains(&only.as_str())
    {
        bail!("there are no cases {only:?}\nhint: there are {}", CASES.join(", "));
    }
    let wants = |name: &str| match &args.only {
        Some(only) => only == name,
        None => args.tier.cases().contains(&name),
    };
    debian::install_named(&PACKAGES)?;
    let folder = workspace.target().join("vm");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let kernel = Kernel::prepare(workspace, &folder)?;
    let fauxkey = workspace.fauxkey(args.build)?;
    let mut count = Count::default();
    if wants("tier1") {
        debian::install_named(&TOOLS)?;
        count += tier_1(workspace, args, &kernel, &fauxkey, &folder)?;
    }
    if wants("python") || wants("chromium") {
        debian::install_named(&MORE_PACKAGES)?;
        let venv = Venv::with(workspace, REQUIREMENTS)?;
        let root = root_initramfs(&kernel, &folder)?;
        let outside =
            Outside { root: &root, kernel: &kernel, fauxkey: &fauxkey, python: venv.program("python") };
        if wants("python") {
            count += outside.run(workspace, args, "python", "python.sh", PYTHON, 1_024)?;
        }
        if wants("chromium") {
            for door in ["uhid", "usbip"] {
                count += outside.run(
                    workspace,
                    args,
                    &format!("chromium {door}"),
                    "chromium.sh",
                    CHROMIUM,
                    3_072,
                )?;
            }
        }
    }
    if wants("bluetooth") {
        count += bluetooth::run(workspace, args, &kernel, &fauxkey, &folder)?;
    }
    println!("vm: {count}");
    if count.failed > 0 {
        bail!("not satisfied");
    }
    Ok(())
}

fn tier_1(
    workspace: &Workspace,
    args: &Args,
    kernel: &Kernel,
    fauxkey: &Path,
    folder: &Path,
) -> Result<Count> {
    let mut initramfs = Initramfs::with_busybox(include_str!("../../../tests/vm/tier1.sh"))?;
    initramfs.file("lib/cases.sh", 0o644, CASES_SH.into());
    initramfs.modules(kernel, &MODULES)?;
    for program in [
        fauxkey,
        Path::new("/usr/bin/fido2-token"),
        Path::new("/usr/bin/fido2-cred"),
        Path::new("/usr/sbin/usbip"),
    ] {
        initramfs.program(program)?;
    }
    // `usbip` looks names of vendors up, and wants the file more than the names.
    initramfs.file("usr/share/misc/usb.ids", 0o644, Vec::new());
    let image = folder.join("tier1.img");
    initramfs.write(&image)?;
    let server = Server::start(workspace, fauxkey, folder)?;
    let machine = Machine {
        kernel: kernel.image(),
        initramfs: &image,
        memory: 512,
        words: format!("host_port={}", server.port),
        devices: vec!["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,romfile="],
        patience: TIER_1,
        verbose: args.verbose,
    };
    machine.run(workspace, "tier1")
}

/// The first file system of tier 2, which mounts this machine's own.
fn root_initramfs(kernel: &Kernel, folder: &Path) -> Result<PathBuf> {
    let mut initramfs = Initramfs::with_busybox(include_str!("../../../tests/vm/root.sh"))?;
    initramfs.modules(kernel, &[&ROOT_MODULES[..], &MODULES].concat())?;
    let image = folder.join("root.img");
    initramfs.write(&image)?;
    Ok(image)
}

/// Machines that have this machine's programs.
struct Outside<'a> {
    root: &'a Path,
    kernel: &'a Kernel,
    fauxkey: &'a Path,
    python: PathBuf,
}

impl Outside<'_> {
    fn run(
        &self,
        workspace: &Workspace,
        args: &Args,
        name: &str,
        script: &str,
        patience: Duration,
        memory: u32,
    ) -> Result<Count> {
        let script = workspace.root().join("tests/vm").join(script);
        let word = |name: &str, path: &Path| match path.to_str().filter(|path| !path.contains(' ')) {
            Some(path) => Ok(format!("{name}={path}")),
            None => bail!("{} cannot be a word of a kernel's command line", path.display()),
        };
        let door = name.split_once(' ').map_or("uhid", |(_, door)| door);
        let words = [
            word("run", &script)?,
            word("fauxkey", self.fauxkey)?,
            word("python", &self.python)?,
            format!("door={door}"),
        ];
        let machine = Machine {
            kernel: self.kernel.image(),
            initramfs: self.root,
            memory,
            words: words.join(" "),
            devices: vec![
                "-fsdev",
                "local,id=r,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device",
                "virtio-9p-pci,fsdev=r,mount_tag=hostroot",
            ],
            patience,
            verbose: args.verbose,
        };
        machine.run(workspace, name)
    }
}

/// A USB/IP server outside of the machine, which finds it at 10.0.2.2.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(workspace: &Workspace, fauxkey: &Path, folder: &Path) -> Result<Self> {
        let ready = folder.join("ready.json");
        let _none = fs::remove_file(&ready);
        let mut command: Command = workspace.command(fauxkey);
        command.args(["run", "--ephemeral", "--profile", "security-key", "--attach", "usbip"]);
        command.args(["--usbip", "127.0.0.1:0", "--exit-with-parent", "--ready-file"]).arg(&ready);
        let name = shown(&command);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut server = Self { child: child.with_context(|| format!("cannot start {name}"))?, port: 0 };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            if let Ok(text) = fs::read_to_string(&ready) {
                let ready: serde_json::Value =
                    serde_json::from_str(&text).context("ready.json is no JSON")?;
                let address = ready["devices"][0]["attached"][0].as_str().unwrap_or_default();
                let port =
                    address.split_once('/').and_then(|(server, _)| server.rsplit_once(':')?.1.parse().ok());
                server.port = port.with_context(|| format!("no port in {address:?}"))?;
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended with {status}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("{name} was not ready within a minute")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ = self.child.wait();
    }
}
