//! `cargo xtask peers`: outside programs that judge us. Each is a Python script under `tests/peers` that prints
//! `ok CASE` or `FAILED CASE: why` for every case.
use crate::debian::{self, Package};
use crate::harness::Harness;
use crate::venv::Venv;
use crate::workspace::{Build, Workspace, run as run_to_end, shown};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

const REQUIREMENTS: &str = "tests/peers/requirements.txt";
/// The SDK is half a gigabyte, and beside nothing else.
const GRAPH_SDK: &str = "tests/peers/graph/requirements.txt";

/// Who is to judge.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Who is to judge
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<Peer>,
    /// Which build of fauxkey to judge
    #[arg(long, value_name = "BUILD", default_value = "release")]
    pub(crate) build: Build,
}

/// How much each judges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Everything.
    Full,
    /// What every run of `cargo xtask ci` has time for: the device suite on one profile.
    Quick,
}

/// The profile that the device suite judges when there is little time.
const QUICK_PROFILE: &str = "all-in";

/// An outside program.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// python-fido2's client and server, and py_webauthn, over the socket and the command line
    PythonFido2,
    /// The hybrid transport a second time, on python's cryptography: whether fixtures/hybrid is what it makes
    HybridVectors,
    /// python-fido2's own suite for live authenticators, over the socket
    PythonFido2Device,
    /// py_webauthn and python-fido2's server, asked about every field of a registration and a sign-in, changed once
    Mutations,
    /// SimpleWebAuthn and py_webauthn, asked about every attestation statement, correct and with each of its flaws
    Attestations,
    /// The metadata BLOB of `fauxkey mds`, read by python-fido2 and SimpleWebAuthn
    Mds,
    /// `fauxkey probe` against servers by SimpleWebAuthn, py_webauthn and python-fido2, and the tenant
    Probe,
    /// libfido2, hidapi and libudev of Debian, through `fauxkey exec`
    Libfido2,
    /// OpenSSH's keys and logins, through `fauxkey exec`
    Openssh,
    /// python-fido2 and raw APDUs over PC/SC: Debian's pcscd with the virtual reader of vsmartcard
    Pcsc,
    /// Debian's Chromium in its new headless mode, through `fauxkey exec`
    Chromium,
    /// Debian's chromium-headless-shell, through `fauxkey exec`
    ChromiumHeadlessShell,
    /// Firefox ESR, through `fauxkey exec`
    Firefox,
    /// Debian's Chromium with windows and a phone that scans its QR code, in `fauxkey hybrid lab`
    ChromiumHybrid,
    /// Pages that `fauxkey browser` answers beside Chromium, chromium-headless-shell and Firefox: extension and script
    Extension,
    /// Which AAGUID pages see over every route, and where passkeys are found
    Aaguid,
    /// `fauxkey matrix` on sign-up pages by py_webauthn, in Chromium, also across the room, its headless shell and Firefox ESR
    Matrix,
    /// fauxkey-playwright from its archive: Playwright and @simplewebauthn/server, in Chromium and chromium-headless-shell
    Playwright,
    /// fauxkey-selenium from its archive: Selenium and py_webauthn, in Chromium and Firefox ESR
    Selenium,
    /// pytest-fauxkey from its archive: pytest and py_webauthn, in Chromium and Firefox ESR
    Pytest,
    /// The phone page in Debian's Chromium, by keyboard alone and as a screen reader hears it
    Phone,
    /// The tenant's pages in Debian's Chromium, through `fauxkey exec`: the walk-through, in both behaviours
    Tenant,
    /// The tenant's walk-through with another device: Debian's Chromium shows its QR codes, a phone in `fauxkey hybrid lab`
    /// reads them
    TenantHybrid,
    /// Microsoft's client of Graph and one of OData, both for Node, and SQLite by odata-query, at the tenant
    Graph,
    /// Microsoft's Graph SDK for Python, at the tenant
    GraphSdk,
    /// How fast a page is by each route, beside Chromium's own virtual authenticator; part of `cargo xtask bench`
    PageSpeed,
}

/// Debian's, unmodified.
const LIBFIDO2: [Package; 2] = [
    Package::new("fido2-tools", "/usr/bin/fido2-token"),
    Package::new("libhidapi-hidraw0", "/usr/lib/libhidapi-hidraw.so.0"),
];
/// pyscard is built from source.
const PCSC: [Package; 5] = [
    Package { name: "pcscd", file: "/usr/sbin/pcscd", serves: true },
    Package::new("vsmartcard-vpcd", "/etc/reader.conf.d/vpcd"),
    Package::new("libpcsclite-dev", "/usr/include/PCSC/pcsclite.h"),
    Package::new("swig", "/usr/bin/swig"),
    Package::new("gcc", "/usr/bin/gcc"),
];
const CHROMIUM: Package = Package::new("chromium", "/usr/bin/chromium");
const HEADLESS_SHELL: Package = Package::new("chromium-headless-shell", "/usr/bin/chromium-headless-shell");
const FIREFOX: Package = Package::new("firefox-esr", "/usr/bin/firefox-esr");
const DRIVER: Package = Package::new("chromium-driver", "/usr/bin/chromedriver");
/// A screen that nobody looks at, with its keyboard.
const SCREEN: [Package; 2] =
    [Package::new("xvfb", "/usr/bin/Xvfb"), Package::new("xdotool", "/usr/bin/xdotool")];
const NODE: Package = Package::new("nodejs", "/usr/bin/node");
const NPM: Package = Package::new("npm", "/usr/bin/npm");
const OPENSSH: [Package; 3] = [
    Package::new("fido2-tools", "/usr/bin/fido2-token"),
    Package::new("openssh-client", "/usr/bin/ssh-keygen"),
    Package { name: "openssh-server", file: "/usr/sbin/sshd", serves: true },
];

impl Peer {
    /// Those that are quick enough for every run of `cargo xtask ci`.
    pub(crate) const QUICK: [Self; 12] = [
        Self::PythonFido2,
        Self::HybridVectors,
        Self::PythonFido2Device,
        Self::Mutations,
        Self::Libfido2,
        Self::Openssh,
        Self::ChromiumHeadlessShell,
        Self::ChromiumHybrid,
        Self::Playwright,
        Self::Tenant,
        Self::TenantHybrid,
        Self::Graph,
    ];

    /// The others, but for the device suite on every profile, which is a check of its own.
    pub(crate) const SLOW: [Self; 13] = [
        Self::Attestations,
        Self::Mds,
        Self::Probe,
        Self::Pcsc,
        Self::Chromium,
        Self::Firefox,
        Self::Extension,
        Self::Aaguid,
        Self::Matrix,
        Self::Selenium,
        Self::Pytest,
        Self::Phone,
        Self::GraphSdk,
    ];

    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::PythonFido2 => "tests/peers/python_fido2.py",
            Self::HybridVectors => "tests/peers/hybrid_vectors.py",
            Self::PythonFido2Device => "tests/peers/python_fido2_device.py",
            Self::Mutations => "tests/peers/mutations.py",
            Self::Attestations => "tests/peers/attestations.py",
            Self::Mds => "tests/peers/mds.py",
            Self::Probe => "tests/peers/probe.py",
            Self::Libfido2 => "tests/peers/libfido2.py",
            Self::Openssh => "tests/peers/openssh.py",
            Self::Pcsc => "tests/peers/pcsc.py",
            Self::Chromium | Self::ChromiumHeadlessShell | Self::Firefox => "tests/peers/browsers.py",
            Self::ChromiumHybrid => "tests/peers/chromium_hybrid.py",
            Self::Extension => "tests/peers/extension.py",
            Self::Aaguid => "tests/peers/aaguid.py",
            Self::Matrix => "tests/peers/matrix.py",
            Self::Playwright => "tests/peers/harness/playwright_story.py",
            Self::Selenium => "tests/peers/harness/selenium_story.py",
            Self::Pytest => "tests/peers/harness/pytest_story.py",
            Self::Phone => "tests/peers/phone_page.py",
            Self::Tenant => "tests/peers/tenant.py",
            Self::TenantHybrid => "tests/peers/tenant_hybrid.py",
            Self::Graph => "tests/peers/graph/graph.py",
            Self::GraphSdk => "tests/peers/graph/graph_sdk.py",
            Self::PageSpeed => "tests/peers/page_speed.py",
        }
    }

    /// The script's arguments, if it judges by several programs.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &["chromium"],
            Self::ChromiumHeadlessShell => &["chromium-headless-shell"],
            Self::Firefox => &["firefox"],
            Self::Extension => &[
                "chromium:extension",
                "chromium:script",
                "chromium-headless-shell:script",
                "firefox:extension",
            ],
            _ => &[],
        }
    }

    /// What it needs beside Python.
    fn packages(self) -> &'static [Package] {
        match self {
            Self::PythonFido2
            | Self::HybridVectors
            | Self::PythonFido2Device
            | Self::Mutations
            | Self::GraphSdk => &[],
            Self::Libfido2 => &LIBFIDO2,
            Self::Openssh => &OPENSSH,
            Self::Pcsc => &PCSC,
            Self::Chromium | Self::Phone | Self::Tenant => &[CHROMIUM],
            Self::ChromiumHeadlessShell => &[HEADLESS_SHELL],
            Self::Firefox => &[FIREFOX],
            Self::ChromiumHybrid | Self::TenantHybrid => &[CHROMIUM, SCREEN[0], SCREEN[1]],
            Self::Extension => &[CHROMIUM, HEADLESS_SHELL, FIREFOX],
            Self::Aaguid => &[CHROMIUM, HEADLESS_SHELL, FIREFOX, SCREEN[0], SCREEN[1]],
            Self::PageSpeed => &[CHROMIUM, HEADLESS_SHELL],
            Self::Matrix => &[CHROMIUM, HEADLESS_SHELL, FIREFOX, SCREEN[0]],
            Self::Graph | Self::Attestations | Self::Mds | Self::Probe => &[NODE, NPM],
            Self::Playwright => &[CHROMIUM, HEADLESS_SHELL, NODE, NPM],
            Self::Selenium | Self::Pytest => &[CHROMIUM, DRIVER, FIREFOX, NODE, NPM],
        }
    }

    /// Whether it needs a WebDriver for Firefox.
    pub(crate) fn drives_firefox(self) -> bool {
        matches!(self, Self::Selenium | Self::Pytest)
    }

    /// Whether it judges the program, and not what the tests alone can make or fixtures.
    fn runs_fauxkey(self) -> bool {
        !matches!(self, Self::Mutations | Self::Attestations | Self::HybridVectors)
    }

    /// Whether it judges a package for harnesses.
    fn is_harness(self) -> bool {
        matches!(self, Self::Playwright | Self::Selenium | Self::Pytest)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no peer is hidden");
        f.write_str(value.get_name())
    }
}

/// Lets each judge; their counts come last.
pub(crate) fn run(workspace: &Workspace, peers: &[Peer], build: Build, extent: Extent) -> Result<()> {
    let venv = Venv::with(workspace, REQUIREMENTS)?;
    let judged = peers.iter().any(|peer| peer.runs_fauxkey());
    let fauxkey = judged.then(|| workspace.fauxkey(build)).transpose()?;
    let mut results = Vec::new();
    let mut harness = None;
    for &peer in peers {
        debian::install(peer.packages())?;
        let python = match peer {
            Peer::GraphSdk => Venv::named(workspace, "graph-sdk", GRAPH_SDK)?.program("python"),
            _ => venv.program("python"),
        };
        let mut command = workspace.command(python);
        // -B: no __pycache__ in the source folder; -u: a case is shown when it is over.
        command.env("FAUXKEY_PEERS", workspace.target().join("peers"));
        command.args(["-B", "-u", peer.script()]).args(peer.arguments());
        if let Some(fauxkey) = &fauxkey {
            command.env("FAUXKEY", fauxkey);
        }
        if peer.is_harness() {
            let harness = match &harness {
                Some(harness) => harness,
                None => harness.insert(Harness::install(workspace)?),
            };
            let fauxkey = fauxkey.as_deref().context("the packages run fauxkey")?;
            command = harness.command(workspace, peer, fauxkey)?;
        }
        if peer == Peer::Mutations {
            command.env("FAUXKEY_MUTATIONS", mutations(workspace)?);
        }
        if peer == Peer::Attestations {
            command.env("FAUXKEY_ATTESTATIONS", example(workspace, "attestations")?);
        }
        if extent == Extent::Quick {
            command.env("FAUXKEY_PROFILES", QUICK_PROFILE);
        }
        let name = shown(&command);
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?;
        let mut count = Count::default();
        let output = child.stdout.take().context("its standard output is a pipe")?;
        for line in BufReader::new(output).lines() {
            let line = line.with_context(|| format!("cannot read what {name} prints"))?;
            count.line(&line);
            println!("{line}");
        }
        count.end(child.wait()?.success());
        results.push((peer, count));
    }
    for (peer, count) in &results {
        println!("peers: {peer}: {count}");
    }
    match results
        .iter()
        .filter(|(_, count)| count.failed > 0)
        .map(|(peer, _)| peer.to_string())
        .collect::<Vec<_>>()
    {
        failed if failed.is_empty() => Ok(()),
        failed => bail!("not satisfied: {}", failed.join(", ")),
    }
}

/// Every field of a registration and a sign-in, changed once: a file of what is posted then.
fn mutations(workspace: &Workspace) -> Result<PathBuf> {
    let path = workspace.target().join("peers").join("mutations.json");
    let mut maker = workspace.command(example(workspace, "mutations")?);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    run_to_end(maker.stdout(file))?;
    Ok(path)
}

/// A program of `tests/examples`, built with what the tests are built with, so that nothing is built twice.
fn example(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let all = ["--locked", "--quiet", "--workspace", "--exclude", "bench", "--example", name];
    run_to_end(&mut workspace.cargo(["build"].iter().chain(&all)))?;
    Ok(workspace.target().join("debug/examples").join(name))
}

/// Cases of one peer.
#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Count {
    fn line(&mut self, line: &str) {
        if line.starts_with("ok ") {
            self.passed += 1;
        } else if line.starts_with("FAILED ") {
            self.failed += 1;
        } else if line.starts_with("skipped ") {
            self.skipped += 1;
        }
    }

    /// A script that broke off without a failed case, or that had no case at all, has failed.
    fn end(&mut self, success: bool) {
        if self.failed == 0 && (!success || self.passed == 0) {
            self.failed = 1;
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str], success: bool) -> String {
        let mut count = Count::default();
        lines.iter().for_each(|line| count.line(line));
        count.end(success);
        count.to_string()
    }

    #[test]
    fn cases_are_counted_by_their_first_word() {
        assert_eq!(
            counted(&["ok a", "okay", " ok b", "FAILED c: d", "ok FAILED e"], false),
            "2 passed, 1 failed"
        );
    }

    #[test]
    fn a_script_that_breaks_off_has_failed() {
        assert_eq!(counted(&["ok a"], false), "1 passed, 1 failed");
        assert_eq!(counted(&["ok a"], true), "1 passed, 0 failed");
    }

    #[test]
    fn a_script_without_cases_has_failed() {
        assert_eq!(counted(&["all is well"], true), "0 passed, 1 failed");
    }
}
