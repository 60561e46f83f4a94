//! `cargo xtask crash`: passkeys are made as fast as it goes, the process is killed with -9 at a random moment,
//! and everything that it had acknowledged must still sign.
//!
//! There is one home with two devices: a phone, and a security key with a signature counter. Each round runs one
//! of them, kills it while it registers and signs in, kills the next start while it opens its vault, starts it once
//! more, and signs in to every account. When all rounds are over, so does the other device.
mod accounts;
mod daemon;
mod link;

use crate::workspace::{Build, Workspace};
use accounts::{Accounts, Lost, Trouble};
use anyhow::{Context, Result, bail, ensure};
use daemon::{Daemon, Program};
use link::Link;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::thread;
use std::time::{Duration, Instant};

/// How often to kill.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many times to kill it while it works
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Repeats the moments of an earlier run
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Which build of fauxkey to kill
    #[arg(long, value_name = "BUILD", default_value = "release")]
    build: Build,
}

impl Args {
    /// That many rounds with a random seed.
    pub(crate) fn rounds(rounds: u32) -> Self {
        Self { rounds, seed: None, build: Build::Release }
    }
}

/// Milliseconds between the first registration and the kill.
const WORKING: std::ops::RangeInclusive<u64> = 5..=500;
/// Milliseconds between a start and the kill.
const OPENING: std::ops::RangeInclusive<u64> = 0..=30;

/// Kills and counts. The last line says what was lost.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let fauxkey = workspace.fauxkey(args.build)?;
    let seed = args.seed.unwrap_or_else(rand::random);
    println!("crash: seed {seed}");
    let home = tempfile::Builder::new().prefix("fauxkey-crash-").tempdir().context("cannot make a folder")?;
    let mut trial = Trial {
        program: Program { fauxkey, home: home.path().into() },
        rng: StdRng::seed_from_u64(seed),
        devices: [Accounts::phone(), Accounts::security_key()],
        lost: Vec::new(),
        unopened: 0,
    };
    let outcome = trial.rounds(args.rounds);
    for lost in &trial.lost {
        eprintln!("crash: {lost}");
    }
    if outcome.is_err() {
        eprintln!("crash: what is on disk stays in {}", home.keep().display());
        eprintln!("crash: --seed {seed} kills at the same moments again");
    }
    let acknowledged: usize = trial.devices.iter().map(|accounts| accounts.acknowledged).sum();
    let (lost, unopened) = (trial.lost.len(), trial.unopened);
    println!("crash: {} rounds, {acknowledged} acknowledged, {lost} lost, {unopened} unopened", args.rounds);
    outcome?;
    ensure!(acknowledged > 0, "nothing was acknowledged, so nothing was tried");
    Ok(())
}

/// One home, and what relying parties know of its devices.
struct Trial {
    program: Program,
    rng: StdRng,
    devices: [Accounts; 2],
    lost: Vec<Lost>,
    unopened: usize,
}

/// What happened before a kill.
struct Work {
    registered: usize,
    signed_in: usize,
    killed_after: Duration,
}

impl Trial {
    fn rounds(&mut self, rounds: u32) -> Result<()> {
        for round in 1..=rounds {
            let device = usize::from(round % 2 == 0);
            let work = self.kill_at_work(device)?;
            let opening = self.kill_opening(device)?;
            let signed = self.check(device)?;
            println!(
                "round {round}: {}: killed after {:?} with {} registered and {} signed in, then {opening:?} into the \
                 next start; {signed} passkeys sign",
                self.devices[device].name, work.killed_after, work.registered, work.signed_in,
            );
        }
        // The last round did not run the other device.
        self.check(usize::from(rounds % 2 == 1)).map(drop)
    }

    /// Registers, and signs in after every third registration, until the process is killed.
    fn kill_at_work(&mut self, device: usize) -> Result<Work> {
        let killed_after = Duration::from_millis(self.rng.random_range(WORKING));
        let (mut daemon, mut link) = self.start(device)?;
        let start = Instant::now();
        let killer = thread::spawn(move || {
            thread::sleep(killed_after);
            daemon.kill()
        });
        let accounts = &mut self.devices[device];
        let mut work = Work { registered: 0, signed_in: 0, killed_after };
        let trouble = loop {
            if let Err(trouble) = accounts.register(&mut link) {
                break trouble;
            }
            work.registered += 1;
            if work.registered.is_multiple_of(3) {
                if let Err(trouble) = accounts.sign_in(&mut link) {
                    break trouble;
                }
                work.signed_in += 1;
            }
        };
        let lived = start.elapsed();
        killer.join().expect("killing does not panic")?;
        match trouble {
            Trouble::Broken(_) if lived >= killed_after => Ok(work),
            other => Err(anyhow::Error::new(other).context(format!("while {} was at work", accounts.name))),
        }
    }

    /// Starts the process and kills it before or shortly after it has opened its vault.
    fn kill_opening(&mut self, device: usize) -> Result<Duration> {
        let after = Duration::from_millis(self.rng.random_range(OPENING));
        let accounts = &self.devices[device];
        let mut daemon = self.program.start(accounts.name, accounts.profile)?;
        thread::sleep(after);
        daemon.kill()?;
        Ok(after)
    }

    /// Signs in to all accounts of a device; it is killed afterwards, like everything here.
    fn check(&mut self, device: usize) -> Result<usize> {
        let (_daemon, mut link) = self.start(device)?;
        let (signed, lost) = self.devices[device].check(&mut link).context("while everything was to sign")?;
        self.lost.extend(lost);
        ensure!(self.lost.is_empty(), "acknowledged passkeys were lost");
        Ok(signed)
    }

    fn start(&mut self, device: usize) -> Result<(Daemon, Link)> {
        let accounts = &self.devices[device];
        let mut daemon = self.program.start(accounts.name, accounts.profile)?;
        match self.program.socket(&mut daemon)? {
            Ok(address) => Ok((daemon, Link::open(&address)?)),
            Err(why) => {
                self.unopened += 1;
                bail!("fauxkey did not come up after it was killed: {why}");
            }
        }
    }
}
