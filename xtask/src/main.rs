//! The project's chores: `cargo xtask --help`.
mod bench;
mod bindings;
mod ci;
mod crash;
mod debian;
mod dist;
mod fuzz;
mod harness;
mod peers;
mod venv;
mod vm;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// The project's chores. Each ends with a status other than 0 when something failed, or when nothing was done.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything that must hold before a change lands: format, lints, documents, licences, tests, peers, crashes
    Ci(ci::Args),
    /// Let outside programs judge us; what they need is installed under target/peers
    Peers(peers::Args),
    /// Kill fauxkey with -9 at random moments while passkeys are made, and count what was lost
    Crash(crash::Args),
    /// A real Linux kernel in QEMU: uhid and USB/IP before libfido2, python-fido2 and Chromium
    Vm(vm::Args),
    /// Look for inputs that do what none may do
    Fuzz(fuzz::Args),
    /// The portable binary, the packages for test harnesses, and their checksums, in target/dist
    Dist(dist::Args),
    /// Measure; what follows goes to the bench program, such as --help
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let outcome = Workspace::here().and_then(|workspace| match Cli::parse().chore {
        Chore::Ci(args) => ci::run(&workspace, &args),
        Chore::Peers(args) => peers::run(&workspace, &args.names, args.build, peers::Extent::Full),
        Chore::Crash(args) => crash::run(&workspace, &args),
        Chore::Vm(args) => vm::run(&workspace, &args),
        Chore::Fuzz(args) => fuzz::run(&workspace, &args),
        Chore::Dist(args) => dist::run(&workspace, &args),
        Chore::Bench(args) => bench::run(&workspace, &args.args),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
