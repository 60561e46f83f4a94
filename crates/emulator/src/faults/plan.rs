//! The faults that are armed on one device, shared by the decorators of its doors.
use super::effect::{Door, Effect, check};
use super::fault::{Fault, InvalidFault, command};
use super::kind::Kind;
use crate::traffic::Towards;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use ring::digest;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wire::ctap2::Command;

/// A fault that is armed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Armed {
    /// Names it until it is disarmed; not given twice on one device.
    pub id: u64,
    /// What it is. [`Fault::times`] and [`Fault::after`] are as they were when it was armed.
    pub fault: Fault,
    /// How often it has struck.
    pub struck: u64,
}

/// A fault struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Which one.
    pub id: u64,
    /// What kind.
    pub kind: Kind,
    /// What it did, for people.
    pub what: String,
}

/// Where a counter that does not count begins to go backwards.
const HIGH: u32 = 1_000;
/// Strikes kept for an owner that does not ask for them.
const STRIKES_KEPT: usize = 1_024;

/// The faults of one device. Clones share them.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Mutex<State>>);

struct State {
    rng: ChaCha20Rng,
    armed: Vec<Loaded>,
    last_id: u64,
    strikes: VecDeque<Strike>,
    /// The command that is being answered.
    command: Option<Command>,
}

struct Loaded {
    armed: Armed,
    effect: Effect,
    command: Option<Command>,
    rp_id_hash: Option<[u8; 32]>,
    /// Occasions that it still lets pass.
    after: u32,
    /// Strikes that are left, if not all.
    left: Option<u32>,
    /// Counters that it told.
    told: Option<u32>,
}

impl Default for Faults {
    /// None is armed, and the seed is 0.
    fn default() -> Self {
        let (armed, strikes, command) = Default::default();
        let rng = ChaCha20Rng::seed_from_u64(0);
        Self(Arc::new(Mutex::new(State { rng, armed, last_id: 0, strikes, command })))
    }
}

/// What a door knows of an occasion.
#[derive(Clone, Copy, Default)]
pub(super) struct Occasion<'a> {
    pub(super) towards: Option<Towards>,
    pub(super) rp_id_hash: Option<&'a [u8; 32]>,
    /// Whether there is a signature.
    pub(super) signed: bool,
    /// Whether there is a model.
    pub(super) attested: bool,
}

/// A fault that strikes now.
pub(super) struct Striking<'a> {
    pub(super) effect: &'a Effect,
    pub(super) rng: &'a mut ChaCha20Rng,
    told: &'a mut Option<u32>,
}

impl Striking<'_> {
    /// The counter to tell in place of `real`.
    pub(super) fn counter(&mut self, real: u32) -> u32 {
        let told = match (self.effect, *self.told) {
            (Effect::CounterBackwards, None) if real < 2 => HIGH,
            // Below everything that a counter that counts has told.
            (Effect::CounterBackwards, None) => 1,
            (Effect::CounterBackwards, Some(told)) => told.saturating_sub(1),
            (Effect::CounterFrozen, told) => told.unwrap_or(real),
            (Effect::CounterJumping(by), told) => told.unwrap_or(real).saturating_add(*by),
            _ => real,
        };
        *self.told = Some(told);
        told
    }
}

impl Faults {
    /// From now on this seed decides, and what is armed strikes by chance as if it had just been armed.
    pub(crate) fn seed(&self, seed: u64) {
        self.state().rng = ChaCha20Rng::seed_from_u64(seed);
    }

    /// Arms a fault.
    ///
    /// # Errors
    /// If it makes no sense.
    pub(crate) fn arm(&self, fault: Fault) -> Result<Armed, InvalidFault> {
        let effect = check(&fault)?;
        let hash = |rp_id: &String| {
            let hash = digest::digest(&digest::SHA256, rp_id.as_bytes());
            hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
        };
        let mut state = self.state();
        state.last_id += 1;
        let armed = Armed { id: state.last_id, struck: 0, fault };
        state.armed.push(Loaded {
            command: armed.fault.command.as_deref().and_then(command),
            rp_id_hash: armed.fault.rp_id.as_ref().map(hash),
            after: armed.fault.after,
            left: armed.fault.times,
            told: None,
            armed: armed.clone(),
            effect,
        });
        Ok(armed)
    }

    /// All that are armed, and those that have struck as often as they may.
    pub(crate) fn armed(&self) -> Vec<Armed> {
        self.state().armed.iter().map(|loaded| loaded.armed.clone()).collect()
    }

    /// Disarms one; false if there is none with that ID.
    pub(crate) fn disarm(&self, id: u64) -> bool {
        let armed = &mut self.state().armed;
        let before = armed.len();
        armed.retain(|loaded| loaded.armed.id != id);
        armed.len() < before
    }

    /// Disarms all.
    pub(crate) fn clear(&self) {
        self.state().armed.clear();
    }

    /// A command comes in, or none that has a name.
    pub(crate) fn begin(&self, command: Option<Command>) {
        self.state().command = command;
    }

    /// The next strike that was not told yet.
    pub(crate) fn poll(&self) -> Option<Strike> {
        self.state().strikes.pop_front()
    }

    /// Every fault of that door that strikes on this occasion, in the order in which they were armed. `act` says what
    /// it did, or `None` where there was nothing to do, which is then no strike.
    pub(super) fn strike(
        &self,
        door: Door,
        occasion: Occasion<'_>,
        mut act: impl FnMut(Striking<'_>) -> Option<String>,
    ) {
        let mut state = self.state();
        let State { rng, armed, strikes, command, .. } = &mut *state;
        for loaded in armed {
            if !loaded.concerns(door, occasion, *command) || !loaded.is_due(rng) {
                continue;
            }
            let Loaded { effect, told, left, armed, .. } = loaded;
            let Some(what) = act(Striking { effect, rng, told }) else { continue };
            armed.struck += 1;
            if let Some(left) = left {
                *left -= 1;
            }
            if strikes.len() == STRIKES_KEPT {
                strikes.pop_front();
            }
            strikes.push_back(Strike { id: armed.id, kind: armed.fault.fault, what });
        }
    }

    /// How long the device vanishes now, if it does; zero is for good.
    pub(crate) fn vanish(&self) -> Option<Duration> {
        let mut away = None;
        self.strike(Door::Request, Occasion::default(), |striking| {
            let Effect::Vanish(time) = striking.effect else { return None };
            away = Some(*time);
            Some(if time.is_zero() {
                "the power is gone".into()
            } else {
                format!("the power is gone for {time:?}")
            })
        });
        away
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state().armed.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    fn concerns(&self, door: Door, occasion: Occasion<'_>, command: Option<Command>) -> bool {
        let fault = &self.armed.fault;
        let here = fault.fault.door() == door && self.left != Some(0);
        let way = fault.towards.map_or(Towards::Platform, Towards::from);
        let this_way = occasion.towards.is_none_or(|towards| towards == way);
        let here_signed = self.rp_id_hash.is_none_or(|hash| occasion.rp_id_hash == Some(&hash));
        let asked = match self.command {
            Some(wanted) => command == Some(wanted),
            None if door == Door::Reply || door == Door::Request => {
                matches!(command, Some(Command::MAKE_CREDENTIAL | Command::GET_ASSERTION))
            }
            None => true,
        };
        let applies = match self.effect {
            Effect::BadSignature | Effect::DamagedDer | Effect::OtherKey => occasion.signed,
            Effect::OtherAaguid(_) => occasion.attested,
            _ => true,
        };
        here && this_way && here_signed && asked && applies
    }

    /// Whether it strikes on an occasion that concerns it.
    fn is_due(&mut self, rng: &mut ChaCha20Rng) -> bool {
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.armed.fault.chance.is_none_or(|chance| rng.random_range(0..100) < chance)
    }
}
