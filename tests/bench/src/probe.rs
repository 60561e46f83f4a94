//! The prober: how long a whole plan takes before the tenant, which is in the same process and asked by HTTP.
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs whose middle is told.
const RUNS: usize = 5;

/// What was measured.
pub(crate) struct Figures {
    /// How many checks there are.
    pub(crate) checks: usize,
    /// Seconds that the whole plan takes, the process's start and the tenant's included.
    pub(crate) seconds: f64,
}

pub(crate) fn measure(binary: &Path) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let (mut took, mut checks) = (Vec::new(), 0);
    for _ in 0..RUNS {
        let begun = Instant::now();
        let status = Command::new(binary)
            .args(["probe", "--target", "tenant", "--behaviour", "current", "--out"])
            .arg(&report)
            .env("FAUXKEY_HOME", folder.path().join("home"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| {
                format!("cannot start {}: build it with `cargo build --release`", binary.display())
            })?;
        took.push(begun.elapsed().as_secs_f64());
        // 1 says that something was found, which is no matter here.
        ensure!(matches!(status.code(), Some(0 | 1)), "the probe ended with {status}");
        let read: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
        checks = read["results"].as_array().context("a report has results")?.len();
        ensure!(checks > 80, "only {checks} checks were made");
    }
    took.sort_by(f64::total_cmp);
    Ok(Figures { checks, seconds: took[RUNS / 2] })
}
