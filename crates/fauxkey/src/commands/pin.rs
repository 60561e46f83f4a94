//! `fauxkey device pin`: what a computer does with a PIN, by authenticatorClientPIN.
use super::{Stop, choose};
use crate::cli::PinVerb;
use crate::control::{Control, Failure, FailureKind, Link};
use crate::output::Output;
use client::pin::{ChangePin, PinRetries, SetPin};
use client::{ClientError, Pin};
use rand::rand_core::{CryptoRng, UnwrapErr};
use rand::rngs::SysRng;
use serde_json::json;
use wire::ctap2::GetInfoResponse;

pub(super) fn pin(output: &Output, control: &dyn Control, verb: PinVerb) -> Result<(), Stop> {
    match verb {
        PinVerb::Set { pin, on } => {
            let key = Key::of(control, choose(control, &on)?.name)?;
            let pin = text(&pin)?;
            key.run(SetPin::begin(&key.info, pin, &mut random()))?;
            output.inform(&format!("{} has a PIN", key.device));
        }
        PinVerb::Change { present, new, on } => {
            let key = Key::of(control, choose(control, &on)?.name)?;
            let (present, new) = (text(&present)?, text(&new)?);
            key.run(ChangePin::begin(&key.info, present, new, &mut random()))?;
            output.inform(&format!("{} has another PIN", key.device));
        }
        PinVerb::Retries { on } => {
            let key = Key::of(control, choose(control, &on)?.name)?;
            let retries = key.run(PinRetries::begin(&key.info))?;
            let locked = retries.power_cycle == Some(true);
            output.result(&json!({ "retries": retries.left, "powerCycleNeeded": locked }), || {
                let also = if locked { ", after a power cycle" } else { "" };
                format!("{} wrong PINs are still allowed{also}", retries.left)
            })?;
        }
    }
    Ok(())
}

/// The PIN that was given on the command line, if one was.
pub(super) fn read(pin: Option<&str>) -> Result<Option<Pin>, Failure> {
    pin.map(text).transpose()
}

fn text(pin: &str) -> Result<Pin, Failure> {
    Pin::new(pin).map_err(|error| Failure::new(FailureKind::Invalid, format!("this can be no PIN: {error}")))
}

/// The operating system's randomness.
pub(super) fn random() -> impl CryptoRng {
    UnwrapErr(SysRng)
}

/// A device, seen from a computer.
struct Key<'a> {
    control: &'a dyn Control,
    device: String,
    info: GetInfoResponse,
}

impl<'a> Key<'a> {
    fn of(control: &'a dyn Control, device: String) -> Result<Self, Failure> {
        let answer = control.ctap2(&device, Link::Usb, &GetInfoResponse::request())?;
        let info = GetInfoResponse::decode(&answer).map_err(|error| {
            Failure::new(FailureKind::Broken, format!("{device} answered getInfo wrongly: {}", error.reason))
        })?;
        if info.option("clientPin").is_none() {
            let message = format!("{device} has no PIN: its profile does not do that");
            return Err(Failure::new(FailureKind::Refused, message)
                .hint("fauxkey device add key --profile security-key makes one that does"));
        }
        Ok(Self { control, device, info })
    }

    fn run<C: client::Ceremony>(
        &self,
        begun: Result<(C, Vec<u8>), ClientError>,
    ) -> Result<C::Outcome, Failure> {
        let refused = |why: ClientError| {
            let failure = Failure::new(FailureKind::Refused, format!("{}: {why}", self.device));
            match why.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        };
        let exchange =
            |message: &[u8]| self.control.ctap2(&self.device, Link::Usb, message).map_err(Ended::Broken);
        client::run(begun.map_err(refused)?, exchange).map_err(|ended| match ended {
            Ended::Refused(why) => refused(why),
            Ended::Broken(failure) => failure,
        })
    }
}

/// Why a sequence ended early.
enum Ended {
    Refused(ClientError),
    Broken(Failure),
}

impl From<ClientError> for Ended {
    fn from(why: ClientError) -> Self {
        Self::Refused(why)
    }
}
