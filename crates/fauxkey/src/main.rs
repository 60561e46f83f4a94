//! fauxkey: a phone full of passkeys, as a process.
//!
//! The binary is the only room that meets the world: files, sockets, terminals, clocks. What the protocols mean
//! is decided below, in `emulator`, `client` and the crates that they stand on.
#![allow(unreachable_pub, reason = "`pub` says what other modules may use, as it would in a library")]

mod announce;
mod api;
mod app;
mod ca;
mod ceremony;
mod child;
mod cli;
mod commands;
mod control;
mod devices;
mod drivers;
mod explain;
mod extension;
mod files;
mod home;
mod hybrid;
mod instance;
mod log;
mod output;
mod page;
mod probe;
mod process;
mod profiles;
mod question;
mod rehearse;
mod remote;
mod runtime;
mod tenant;
mod trace;

use clap::Parser;
use cli::Cli;
use commands::{Exit, Stop, exec};
use control::{Failure, FailureKind};
use output::Output;
use std::io;
use std::process::ExitCode;

/// Done.
const DONE: u8 = 0;
/// Refused, or found.
const REFUSED: u8 = 1;
/// Wrong use, or broken.
const BROKEN: u8 = 2;

fn main() -> ExitCode {
    // Before this process is closed to others: its namespace's users are for another one to map.
    if let Some(code) = commands::lab_stage() {
        return code;
    }
    process::harden();
    if std::env::args_os().next().is_some_and(|name| name == exec::OWNER) {
        process::forgo_core_files();
        // Whoever started it says that it cannot be heard of.
        return exec::own().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    ExitCode::from(match Cli::try_parse() {
        Ok(arguments) => {
            // `exec` starts other people's programs, which are to find things as they were.
            if !matches!(arguments.verb, Some(cli::Verb::Exec(_) | cli::Verb::Hybrid(_))) {
                process::forgo_core_files();
            }
            let everywhere = &arguments.everywhere;
            let output = Output::new(everywhere.json, everywhere.verbose, everywhere.color);
            ended(&output, commands::run(arguments, output))
        }
        Err(message) => not_understood(&message),
    })
}

/// Says how it ended, and gives the exit code for that.
fn ended(output: &Output, result: Result<Exit, Stop>) -> u8 {
    let failure = match result {
        Ok(Exit::Done) => return DONE,
        Ok(Exit::Found) => return REFUSED,
        Ok(Exit::Program(code)) => return code,
        Err(Stop::Failed(failure)) => failure,
        // Whoever reads has had enough, as in `fauxkey passkey list | head -1`.
        Err(Stop::Unwritten(error)) if error.kind() == io::ErrorKind::BrokenPipe => return DONE,
        Err(Stop::Unwritten(error)) => {
            Failure::new(FailureKind::Broken, format!("cannot write the results: {error}"))
        }
    };
    output.failure(&failure, None);
    match failure.kind {
        FailureKind::NotFound | FailureKind::Conflict | FailureKind::Refused => REFUSED,
        FailureKind::Invalid | FailureKind::Forbidden | FailureKind::Broken => BROKEN,
    }
}

/// Help and version are results; everything else that clap has to say is a failure.
fn not_understood(message: &clap::Error) -> u8 {
    if !message.use_stderr() {
        // A pipe that closed early is no failure either.
        let _ = message.print();
        return DONE;
    }
    let typed = |flag: &str| std::env::args_os().any(|argument| argument == flag);
    let output = Output::new(typed("--json"), false, clap::ColorChoice::Auto);
    let (failure, usage) = cli::wrong_use(&message.render().to_string());
    output.failure(&failure, usage.as_deref());
    BROKEN
}
