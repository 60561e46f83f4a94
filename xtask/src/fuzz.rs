//! `cargo xtask fuzz`: the targets of `tests/fuzz`, by cargo-fuzz where it and a nightly toolchain are installed,
//! and otherwise by a driver of our own on the stable one, which mutates known inputs without seeing coverage.
use crate::workspace::{Workspace, run as run_command};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Stdio;

/// What to fuzz.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The targets; all if none is named
    #[arg(value_name = "TARGET", value_parser = TARGETS)]
    targets: Vec<String>,
    /// How long each
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// With which engine
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    engine: Engine,
    /// Where the mutations of our own driver begin
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Try this one input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// What chooses inputs.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// libFuzzer where it can run, else our own.
    Auto,
    /// cargo-fuzz with libFuzzer, which sees coverage; nightly.
    Libfuzzer,
    /// Seeded random mutations of fixtures, which see nothing; stable.
    Mutate,
}

const TARGETS: [&str; 9] =
    ["cbor", "ctaphid", "apdu", "usbip", "requests", "qr", "advert", "handshake", "frames"];

impl Args {
    /// Every target for so long, by what every machine has.
    pub(crate) fn briefly(seconds: u64) -> Self {
        Self { targets: Vec::new(), seconds, engine: Engine::Mutate, seed: 0, input: None }
    }
}

/// Fuzzes one target after the other.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let targets: Vec<&str> = match args.targets.is_empty() {
        true => TARGETS.into(),
        false => args.targets.iter().map(String::as_str).collect(),
    };
    let libfuzzer = args.input.is_none()
        && match args.engine {
            Engine::Mutate => false,
            Engine::Libfuzzer => true,
            Engine::Auto => has_cargo_fuzz(workspace),
        };
    if !libfuzzer {
        eprintln!("fuzz: random mutations on the stable toolchain, blind to coverage; cargo-fuzz sees more");
        return mutate(workspace, args, &targets);
    }
    let corpus = workspace.target().join("fuzz/corpus");
    let mut seeds = mutate_command(workspace);
    run_command(seeds.arg("--write").arg(&corpus).args(&targets))?;
    for target in targets {
        eprintln!("fuzz: {target} under libFuzzer for {} s", args.seconds);
        let mut command = workspace.command("cargo");
        command.args(["+nightly", "fuzz", "run", "--fuzz-dir", "tests/fuzz", "--features", "libfuzzer"]);
        command.arg("--target-dir").arg(workspace.target().join("fuzz")).arg(target).arg(corpus.join(target));
        // Of what this process was started with by cargo, the toolchain must not be passed on.
        for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC"] {
            command.env_remove(variable);
        }
        let artifacts = format!("-artifact_prefix={}/", workspace.target().join("fuzz").display());
        command.args(["--", "-verbosity=0", "-print_final_stats=1", "-max_len=8192", &artifacts]);
        run_command(command.arg(format!("-max_total_time={}", args.seconds)))?;
        println!("ok {target}");
    }
    Ok(())
}

fn mutate(workspace: &Workspace, args: &Args, targets: &[&str]) -> Result<()> {
    let mut command = mutate_command(workspace);
    command.args(["--seconds", &args.seconds.to_string(), "--seed", &args.seed.to_string()]);
    if let Some(input) = &args.input {
        if targets.len() != 1 {
            bail!("an input is for one target\nhint: name one of {}", TARGETS.join(", "));
        }
        command.arg("--input").arg(std::path::absolute(input)?);
    }
    run_command(command.args(targets))
}

fn mutate_command(workspace: &Workspace) -> std::process::Command {
    let mut command = workspace.cargo(["run", "--quiet", "--locked", "--release", "--bin", "mutate"]);
    command.args(["--manifest-path", "tests/fuzz/Cargo.toml", "--target-dir"]);
    command.arg(workspace.target().join("fuzz")).args(["--", "--fixtures", "fixtures", "--crashes"]);
    command.arg(workspace.target().join("fuzz/crashes"));
    command
}

fn has_cargo_fuzz(workspace: &Workspace) -> bool {
    let mut command = workspace.command("cargo");
    command.args(["+nightly", "fuzz", "--version"]).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
