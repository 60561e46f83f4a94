//! A room with a computer and a phone: the computer shows a QR code, the phone reads it, and they meet over the hybrid
//! transport (CTAP 2.2 §11.5).
//!
//! It is all as it is with `fauxkey hybrid show` and `scan`, but for what stands between them: the tunnel service is of
//! this process, and adverts come by a socket.
use super::stage::{Computer, PHONE};
use crate::ceremony::{Ended, Session};
use crate::control::Failure;
use crate::hybrid::event::{Event, Outcome};
use crate::hybrid::radio::Radio;
use crate::hybrid::scan::{Devices, Scan};
use crate::hybrid::show::Desktop;
use crate::hybrid::ways::{OwnService, Ways};
use crate::rehearse::story::{broken, ensure};
use client::{Account, Create, Get, Origin};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};
use transport::hybrid::desktop::Config;
use transport::hybrid::phone::Patience;
use transport::hybrid::qr::Hint;
use wire::webauthn::json::{AuthenticationResponse, CreationOptions, RegistrationResponse, RequestOptions};

/// The room.
pub(super) struct Room {
    devices: Devices,
    /// Where each radio's socket is. A radio is for one transaction.
    folder: PathBuf,
    radios: u32,
    service: OwnService,
}

impl Room {
    /// Starts the tunnel service.
    pub(super) fn furnish(devices: Devices, folder: &Path) -> Result<Self, Failure> {
        Ok(Self { devices, folder: folder.into(), radios: 0, service: OwnService::start()? })
    }

    /// The ways, with a radio that nobody has used.
    fn ways(&mut self) -> Ways {
        self.radios += 1;
        let radio = Radio::Socket(self.folder.join(format!("radio-{}.sock", self.radios)));
        Ways { radio, tunnels: self.service.tunnels.clone() }
    }

    /// One transaction: both ends, each in a thread of its own.
    fn meet<T>(
        &mut self,
        hint: Hint,
        ceremony: impl FnOnce(&Session<'_>) -> Result<T, Ended>,
    ) -> Result<T, Failure> {
        let ways = self.ways();
        let desktop = Desktop::show(ways.clone(), &config(hint))?;
        let scan = look(&desktop, ways)?;
        let devices = &self.devices;
        let (result, phone) = thread::scope(|scope| {
            let phone = scope.spawn(move || {
                let mut steps = Vec::new();
                let outcome = scan.run(devices, &mut |event| steps.push(event.clone()));
                outcome.map(|outcome| (outcome, steps))
            });
            let result = ask(desktop, ceremony);
            (result, phone.join())
        });
        let phone = phone.map_err(|_| broken("the phone's end of the hybrid transport panicked"))?;
        match (result, phone) {
            // That the computer waited in vain is what came of it.
            (_, Err(failure)) => Err(failure),
            (Err(failure), Ok((outcome, _))) => {
                Err(Failure { message: format!("{}; for the phone: {outcome}", failure.message), ..failure })
            }
            (Ok(value), Ok((outcome, steps))) => {
                ensure(outcome == Outcome::Done, &format!("for the phone it ended otherwise: {outcome}"))?;
                let scanned = |step: &Event| matches!(step, Event::Scanned { hint: Some(told), .. } if told == hint.as_str());
                let near = |step: &Event| matches!(step, Event::Advertising { .. });
                ensure(steps.iter().any(scanned), "the code did not say what is coming")?;
                ensure(steps.iter().any(near), "the phone never said that it is near")?;
                Ok(value)
            }
        }
    }
}

impl Computer for Room {
    fn create(&mut self, origin: &str, options: &CreationOptions) -> Result<RegistrationResponse, Failure> {
        let origin = Origin::parse(origin).map_err(broken)?;
        let made = self.meet(Hint::MakeCredential, |session| {
            session.run(Create::begin(&origin, options, &session.platform)?, None)
        })?;
        let transports = &made.response.response.transports;
        ensure(transports.iter().any(|one| one == "hybrid"), &format!("its transports are {transports:?}"))?;
        Ok(made.response)
    }

    fn get(&mut self, origin: &str, options: &RequestOptions) -> Result<AuthenticationResponse, Failure> {
        let origin = Origin::parse(origin).map_err(broken)?;
        let signed = self.meet(Hint::GetAssertion, |session| {
            session.run(Get::begin(&origin, options, &session.platform, Account::Newest)?, None)
        })?;
        Ok(signed.response)
    }

    fn without_bluetooth(&mut self) -> Result<Option<String>, Failure> {
        let mut told = Vec::new();
        for hint in [Hint::MakeCredential, Hint::GetAssertion] {
            let ways = self.ways();
            let off = Ways { radio: Radio::Off, ..ways.clone() };
            let desktop = Desktop::show(ways, &config(hint))?;
            let scanned = look(&desktop, off.clone())?.run(&self.devices, &mut |_| {});
            told.push(refused("phone", scanned.map(drop))?);
            told.push(refused("computer", Desktop::show(off, &config(hint)).map(drop))?);
        }
        told.truncate(2);
        Ok(Some(told.join("; ")))
    }
}

/// The phone looks at the computer's screen.
fn look(desktop: &Desktop, ways: Ways) -> Result<Scan, Failure> {
    let code = desktop.code().ok_or_else(|| broken("the computer shows no code"))?;
    Ok(Scan { patience: patience(), ..Scan::new(PHONE, &code, ways)? })
}

/// The computer's end: the ceremony with whoever reads the code.
fn ask<T>(
    mut desktop: Desktop,
    ceremony: impl FnOnce(&Session<'_>) -> Result<T, Ended>,
) -> Result<T, Failure> {
    desktop.meet(&mut |_| {})?;
    desktop.ceremony(&|_| {}, ceremony).0.map_err(|failure| broken(failure.message))
}

/// What the code says.
fn config(hint: Hint) -> Config {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|now| now.as_secs());
    Config { hint: Some(hint), time, patience: patience(), ..Config::default() }
}

/// Nobody has to find a camera here.
fn patience() -> Patience {
    let seconds = Duration::from_secs(20);
    Patience { tunnel: seconds, desktop: seconds, request: seconds, farewell: seconds }
}

/// What a device without Bluetooth says, which must be that.
fn refused(whose: &str, result: Result<(), Failure>) -> Result<String, Failure> {
    match result {
        Ok(()) => Err(broken(format!("the {whose} did without Bluetooth"))),
        Err(failure) if failure.message.contains("Bluetooth is off") => {
            Ok(format!("the {whose} says: {}", failure.message))
        }
        Err(failure) => Err(Failure {
            message: format!("the {whose} says something else of its Bluetooth: {}", failure.message),
            ..failure
        }),
    }
}
