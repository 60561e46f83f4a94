//! The rehearsal: the whole story, unattended, each step judged by somebody other than who did it.
//!
//! There are two stories: of one device, and of a tenant with a phone. Each runs in a temporary home of its own, over real
//! CTAPHID on a real socket, or over the real hybrid transport, with the real vault. A step that does not end as it must
//! ends the rehearsal.
mod platform;
mod stage;
mod story;
mod tenant;

use crate::control::{Failure, FailureKind};
use ::tenant::Behaviour;
use clap::ValueEnum;
use serde::Serialize;
use std::time::Duration;
use tempfile::TempDir;

/// One step that went as it must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Which part of the story it belongs to, if that has parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What was done.
    pub what: String,
    /// What came of it.
    pub outcome: String,
    /// Who judged it, and by what.
    pub verified_by: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Plays the story with a device of `profile`; `told` hears of each step when it is done.
///
/// # Errors
/// The first step that did not end as it must, by name.
pub fn rehearse(profile: &str, told: &mut dyn FnMut(&Step)) -> Result<usize, Failure> {
    let folder = folder()?;
    let mut teller = Teller { told, part: None, steps: 0 };
    story::play(folder.path(), profile, &mut teller)?;
    Ok(teller.steps)
}

/// How a computer reaches a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CrossDevice {
    /// As a virtual security key, over CTAPHID
    Hid,
    /// As a phone across the room, by QR code, Bluetooth advert and tunnel
    Hybrid,
}

/// Plays the story of a tenant with that behaviour, and a phone that is another device to a computer in that way.
///
/// # Errors
/// The first step that did not end as it must, by name.
pub fn rehearse_tenant(
    behaviour: Behaviour,
    cross_device: CrossDevice,
    told: &mut dyn FnMut(&Step),
) -> Result<usize, Failure> {
    let folder = folder()?;
    let mut teller = Teller { told, part: None, steps: 0 };
    tenant::play(folder.path(), behaviour, cross_device, &mut teller)?;
    Ok(teller.steps)
}

fn folder() -> Result<TempDir, Failure> {
    tempfile::Builder::new().prefix("fauxkey-rehearsal-").tempdir().map_err(|error| {
        Failure::new(FailureKind::Broken, format!("cannot make a folder to rehearse in: {error}"))
            .hint("set TMPDIR to a folder that can be written")
    })
}

/// Counts steps, times them and passes them on.
struct Teller<'a> {
    told: &'a mut dyn FnMut(&Step),
    part: Option<String>,
    steps: usize,
}

/// What a step found.
struct Found {
    outcome: String,
    verified_by: String,
}

impl Found {
    fn new(outcome: impl Into<String>, verified_by: impl Into<String>) -> Self {
        Self { outcome: outcome.into(), verified_by: verified_by.into() }
    }
}

impl Teller<'_> {
    /// The steps from here on belong to that part.
    fn part(&mut self, part: &str) {
        self.part = Some(part.into());
    }

    /// Does a step. What it returns besides its findings is for the next ones.
    fn step<T>(
        &mut self,
        what: &str,
        act: impl FnOnce() -> Result<(Found, T), Failure>,
    ) -> Result<T, Failure> {
        let begun = std::time::Instant::now();
        let (found, value) = act().map_err(|failure| Failure {
            message: format!("the rehearsal failed at step {}, {what}: {}", self.steps + 1, failure.message),
            ..failure
        })?;
        self.steps += 1;
        let Found { outcome, verified_by } = found;
        (self.told)(&Step {
            part: self.part.clone(),
            what: what.into(),
            outcome,
            verified_by,
            millis: millis(begun.elapsed()),
        });
        Ok(value)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
