//! `cargo xtask ci`: every check in turn, each named and timed. A failed one does not keep the others from running.
use crate::peers::{self, Peer};
use crate::venv::Venv;
use crate::workspace::{Build, Workspace, run as run_command};
use crate::{bench, crash, dist, fuzz, vm};
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};

/// How much to check.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also what takes long: the bench program and many more crash rounds
    #[arg(long)]
    all: bool,
    /// Also known vulnerabilities in dependencies, from the advisory database, which is fetched
    #[arg(long)]
    advisories: bool,
    /// Only these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
}

/// A check.
struct Check {
    name: &'static str,
    when: When,
    run: fn(&Workspace) -> Result<()>,
}

/// When a check is made, unless it is asked for by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Every time.
    Ever,
    /// With `--all`.
    All,
    /// With `--advisories`.
    Advisories,
}

const CHECKS: [Check; 19] = [
    Check { name: "format", when: When::Ever, run: format },
    Check { name: "clippy", when: When::Ever, run: clippy },
    Check { name: "doc", when: When::Ever, run: doc },
    Check { name: "deny", when: When::Ever, run: deny },
    Check { name: "advisories", when: When::Advisories, run: advisories },
    Check { name: "test", when: When::Ever, run: test },
    Check { name: "release", when: When::Ever, run: release },
    Check { name: "rehearse", when: When::Ever, run: rehearse },
    Check { name: "peers", when: When::Ever, run: quick_peers },
    Check { name: "crash", when: When::Ever, run: few_crashes },
    Check { name: "vm", when: When::Ever, run: vm_tier_1 },
    Check { name: "device-suite", when: When::All, run: device_suite },
    Check { name: "more-peers", when: When::All, run: more_peers },
    Check { name: "many-crashes", when: When::All, run: many_crashes },
    Check { name: "vm-tier-2", when: When::All, run: vm_tier_2 },
    Check { name: "vm-bluetooth", when: When::All, run: vm_bluetooth },
    Check { name: "fuzz", when: When::All, run: some_fuzz },
    Check { name: "dist", when: When::All, run: portable },
    Check { name: "bench", when: When::All, run: bench_program },
];

/// Makes the checks and ends with a table.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let checks = chosen(args)?;
    let mut results: Vec<(&str, Duration, Result<()>)> = Vec::new();
    for check in checks {
        eprintln!("\nci: {} …", check.name);
        let start = Instant::now();
        let result = (check.run)(workspace);
        if let Err(error) = &result {
            eprintln!("ci: {}: {error:#}", check.name);
        }
        results.push((check.name, start.elapsed(), result));
    }
    println!();
    for (name, took, result) in &results {
        let outcome = result
            .as_ref()
            .map_or_else(|error| format!("failed: {}", first_line(error)), |()| "passed".into());
        println!("{name:12} {:6.1} s  {outcome}", took.as_secs_f64());
    }
    let total: Duration = results.iter().map(|(_, took, _)| *took).sum();
    println!("{:12} {:6.1} s", "together", total.as_secs_f64());
    let failed = results.iter().filter(|(_, _, result)| result.is_err()).count();
    println!("\nci: {} passed, {failed} failed", results.len() - failed);
    if failed > 0 {
        bail!("{failed} of {} checks failed", results.len());
    }
    Ok(())
}

/// A hint, or what a program printed, has been shown already.
fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

/// The checks that the flags ask for, in order; at least one.
fn chosen(args: &Args) -> Result<Vec<&'static Check>> {
    if let Some(unknown) = args.only.iter().find(|name| CHECKS.iter().all(|check| check.name != **name)) {
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        bail!("there is no check {unknown:?}\nhint: the checks are {}", names.join(", "));
    }
    let wanted = |check: &&Check| match check.when {
        _ if !args.only.is_empty() => args.only.iter().any(|name| name == check.name),
        When::Ever => true,
        When::All => args.all,
        When::Advisories => args.advisories,
    };
    Ok(CHECKS.iter().filter(wanted).collect())
}

/// The bench program brings rival authenticators, one of which compiles a C library for minutes; it is checked
/// where it is run.
const BUT_BENCH: [&str; 4] = ["--locked", "--workspace", "--exclude", "bench"];

fn format(workspace: &Workspace) -> Result<()> {
    // -l: the files, and not what would change in each.
    run_command(&mut workspace.cargo(["fmt", "--all", "--", "--check", "-l"]))?;
    run_command(&mut workspace.cargo(["fmt", PRELOAD[0], PRELOAD[1], "--", "--check", "-l"]))
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(["clippy", "--quiet"]);
    run_command(command.args(BUT_BENCH).args(["--all-targets", "--", "--deny", "warnings"]))?;
    // Its only target is the library: there are no tests without std, and release is what it is built in.
    run_command(preload(workspace, "clippy").args(["--release", "--", "--deny", "warnings"]))
}

fn doc(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(["doc", "--quiet", "--no-deps"]);
    run_command(command.args(BUT_BENCH).env("RUSTDOCFLAGS", "--deny warnings"))?;
    run_command(
        preload(workspace, "doc").args(["--no-deps", "--release"]).env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

/// The library that goes into other programs, which is no member of the workspace.
const PRELOAD: [&str; 2] = ["--manifest-path", "crates/preload/Cargo.toml"];

/// A cargo command on it, in a folder of its own for what is built.
fn preload(workspace: &Workspace, command: &str) -> std::process::Command {
    let mut cargo = workspace.cargo([command, "--quiet", "--locked"]);
    cargo.args(PRELOAD).arg("--target-dir").arg(workspace.target().join("preload"));
    cargo
}

fn deny(workspace: &Workspace) -> Result<()> {
    cargo_deny(workspace, &["licenses", "bans", "sources"])
}

fn advisories(workspace: &Workspace) -> Result<()> {
    cargo_deny(workspace, &["advisories"])
}

fn cargo_deny(workspace: &Workspace, what: &[&str]) -> Result<()> {
    let venv = Venv::with(workspace, "xtask/requirements.txt")?;
    let mut command = workspace.command(venv.program("cargo-deny"));
    run_command(command.args(["--locked", "check", "--hide-inclusion-graph"]).args(what))
}

fn test(workspace: &Workspace) -> Result<()> {
    run_command(workspace.cargo(["test", "--quiet", "--no-fail-fast"]).args(BUT_BENCH))
}

fn release(workspace: &Workspace) -> Result<()> {
    workspace.fauxkey(Build::Release).map(drop)
}

fn rehearse(workspace: &Workspace) -> Result<()> {
    let fauxkey = workspace.fauxkey(Build::Release)?;
    let home = tempfile::tempdir().context("cannot make a folder for the rehearsal")?;
    run_command(workspace.command(fauxkey).arg("rehearse").env("FAUXKEY_HOME", home.path()))
}

fn quick_peers(workspace: &Workspace) -> Result<()> {
    peers::run(workspace, &Peer::QUICK, Build::Release, peers::Extent::Quick)
}

fn few_crashes(workspace: &Workspace) -> Result<()> {
    crash::run(workspace, &crash::Args::rounds(10))
}

fn device_suite(workspace: &Workspace) -> Result<()> {
    peers::run(workspace, &[Peer::PythonFido2Device], Build::Release, peers::Extent::Full)
}

/// Those that take longer, or much to install.
fn more_peers(workspace: &Workspace) -> Result<()> {
    peers::run(workspace, &Peer::SLOW, Build::Release, peers::Extent::Full)
}

fn many_crashes(workspace: &Workspace) -> Result<()> {
    crash::run(workspace, &crash::Args::rounds(200))
}

fn vm_tier_1(workspace: &Workspace) -> Result<()> {
    vm::run(workspace, &vm::Args::tier(vm::Tier::First))
}

fn vm_tier_2(workspace: &Workspace) -> Result<()> {
    vm::run(workspace, &vm::Args::tier(vm::Tier::Second))
}

fn vm_bluetooth(workspace: &Workspace) -> Result<()> {
    vm::run(workspace, &vm::Args::tier(vm::Tier::Bluetooth))
}

fn some_fuzz(workspace: &Workspace) -> Result<()> {
    fuzz::run(workspace, &fuzz::Args::briefly(30))
}

fn portable(workspace: &Workspace) -> Result<()> {
    dist::run(workspace, &dist::Args::all())
}

fn bench_program(workspace: &Workspace) -> Result<()> {
    let mut command =
        workspace.cargo(["clippy", "--quiet", "--locked", "--package", "bench", "--all-targets"]);
    run_command(command.args(["--", "--deny", "warnings"]))?;
    bench::run(workspace, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: bool, advisories: bool, only: &[&str]) -> Vec<&'static str> {
        let only = only.iter().map(|name| (*name).to_owned()).collect();
        chosen(&Args { all, advisories, only }).unwrap().iter().map(|check| check.name).collect()
    }

    #[test]
    fn without_a_flag_everything_quick_is_checked() {
        let names = names(false, false, &[]);
        assert!(
            names.contains(&"test") && !names.contains(&"bench") && !names.contains(&"advisories"),
            "{names:?}"
        );
        assert_eq!(names.len(), CHECKS.iter().filter(|check| check.when == When::Ever).count());
    }

    #[test]
    fn all_and_advisories_add_to_it() {
        assert_eq!(names(true, true, &[]).len(), CHECKS.len());
    }

    #[test]
    fn a_check_is_made_alone_when_it_is_named() {
        assert_eq!(names(true, true, &["deny"]), ["deny"]);
    }

    #[test]
    fn a_check_that_does_not_exist_is_refused() {
        let only = vec!["test".into(), "tset".into()];
        let error = chosen(&Args { all: false, advisories: false, only }).err().unwrap();
        assert!(
            error.to_string().starts_with("there is no check \"tset\"\nhint: the checks are format, clippy")
        );
    }
}
