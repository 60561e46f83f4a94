//! Runs targets on mutations of known inputs, without nightly and without coverage: a random walk, and no more.
//!
//! `mutate --fixtures DIR --crashes DIR --seconds N --seed N TARGET…` fuzzes; `mutate --fixtures DIR --write DIR
//! TARGET…` writes seeds for libFuzzer; `mutate --input FILE TARGET` tries one input.
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fs;
use std::io::Write;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The longest input.
const LONGEST: usize = 8_192;
/// An input that takes longer is a finding.
const TOO_LONG: Duration = Duration::from_secs(5);
/// Numbers that are the edge of something.
const EDGES: [u32; 10] = [0, 1, 23, 24, 0x7F, 0xFF, 0x100, 0xFFFF, 0x7FFF_FFFF, u32::MAX];

struct Arguments {
    fixtures: PathBuf,
    crashes: PathBuf,
    write: Option<PathBuf>,
    input: Option<PathBuf>,
    seconds: u64,
    seed: u64,
    targets: Vec<String>,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| run(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mutate: {error}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments {
        fixtures: "fixtures".into(),
        crashes: "target/fuzz/crashes".into(),
        write: None,
        input: None,
        seconds: 10,
        seed: 0,
        targets: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text:?} is no number"));
        match word.as_str() {
            "--fixtures" => arguments.fixtures = value()?.into(),
            "--crashes" => arguments.crashes = value()?.into(),
            "--write" => arguments.write = Some(value()?.into()),
            "--input" => arguments.input = Some(value()?.into()),
            "--seconds" => arguments.seconds = number(value()?)?,
            "--seed" => arguments.seed = number(value()?)?,
            _ if word.starts_with('-') => return Err(format!("there is no {word}")),
            _ => arguments.targets.push(word),
        }
    }
    if arguments.targets.is_empty() {
        arguments.targets = fuzz::TARGETS.iter().map(|(name, _)| (*name).into()).collect();
    }
    Ok(arguments)
}

/// False if there was a finding.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let mut clean = true;
    for name in &arguments.targets {
        let target = fuzz::TARGETS.iter().find(|(known, _)| known == name);
        let (_, target) = target.ok_or_else(|| format!("there is no target {name:?}"))?;
        if let Some(file) = &arguments.input {
            let input = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            target(&input);
            println!("{name}: nothing happens");
            continue;
        }
        let seeds = fuzz::seeds::of(name, &arguments.fixtures);
        if seeds.is_empty() {
            return Err(format!("no seeds for {name} in {}", arguments.fixtures.display()));
        }
        match &arguments.write {
            Some(folder) => write_seeds(&folder.join(name), &seeds).map_err(|error| error.to_string())?,
            None => clean &= walk(name, *target, &seeds, arguments)?,
        }
    }
    Ok(clean)
}

fn write_seeds(folder: &Path, seeds: &[Vec<u8>]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    seeds
        .iter()
        .enumerate()
        .try_for_each(|(number, seed)| fs::write(folder.join(format!("seed-{number}")), seed))
}

/// All seeds, and mutations of them until the time is over; false at the first finding.
fn walk(name: &str, target: fn(&[u8]), seeds: &[Vec<u8>], arguments: &Arguments) -> Result<bool, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let begun = Instant::now();
    let mut tried = 0u64;
    while begun.elapsed() < Duration::from_secs(arguments.seconds) || tried < seeds.len() as u64 {
        let input = match usize::try_from(tried).ok().and_then(|index| seeds.get(index)) {
            Some(seed) => seed.clone(),
            None => mutated(&mut rng, seeds),
        };
        let start = Instant::now();
        let outcome = panic::catch_unwind(|| target(&input));
        tried += 1;
        if outcome.is_ok() && start.elapsed() < TOO_LONG {
            continue;
        }
        let what = if outcome.is_ok() { "took too long" } else { "panicked" };
        let file = arguments.crashes.join(format!("{name}-{}-{tried}", arguments.seed));
        fs::create_dir_all(&arguments.crashes)
            .and_then(|()| fs::write(&file, &input))
            .map_err(|e| e.to_string())?;
        println!("FAILED {name}: {what} after {tried} inputs with seed {}", arguments.seed);
        println!("again: cargo xtask fuzz --input {} {name}", file.display());
        return Ok(false);
    }
    println!("ok {name}: {tried} inputs in {:.0} s, seed {}", begun.elapsed().as_secs_f64(), arguments.seed);
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    Ok(true)
}

fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    if end == 0 { 0 } else { usize::try_from(rng.next_u64()).unwrap_or(usize::MAX) % end }
}

fn mutated(rng: &mut ChaCha8Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[below(rng, seeds.len())].clone();
    for _ in 0..1 + below(rng, 8) {
        let at = below(rng, input.len() + 1);
        let byte = rng.next_u32().to_be_bytes()[0];
        match below(rng, 8) {
            0 => drop(input.get_mut(at).map(|there| *there ^= 1 << (byte & 7))),
            1 => drop(input.get_mut(at).map(|there| *there = byte)),
            2 => input.insert(at, byte),
            3 => {
                let end = input.len().min(at + 1 + below(rng, 16));
                input.drain(at.min(end)..end);
            }
            4 => {
                let edge = EDGES[below(rng, EDGES.len())].to_be_bytes();
                let edge = &edge[below(rng, 4)..];
                let end = input.len().min(at + edge.len());
                input[at..end].copy_from_slice(&edge[..end - at]);
            }
            5 => {
                let end = input.len().min(at + 1 + below(rng, 64));
                let block = input[at..end].to_vec();
                let to = below(rng, input.len() + 1);
                input.splice(to..to, block);
            }
            6 => {
                let other = &seeds[below(rng, seeds.len())];
                let from = below(rng, other.len() + 1);
                input.truncate(at);
                input.extend(&other[from..]);
            }
            _ => {
                let other = seeds[below(rng, seeds.len())].clone();
                // Behind the first byte, which chooses what is set up.
                input.extend(other.get(1..).unwrap_or_default());
            }
        }
    }
    input.truncate(LONGEST);
    input
}
