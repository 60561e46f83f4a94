//! A device, and a program that talks CTAPHID to it, for the tests of the drivers.
use super::hid::Hid;
use crate::runtime::{DeviceHandle, spawn};
use authenticator::store::{MemoryStore, StoreError};
use client::ctaphid::{Device, Event, Host};
use emulator::{DeviceProfile, FastSigner, VirtualAuthenticator};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use wire::cose::Algorithm;
use wire::ctap2::{MakeCredential, RpEntity, UserEntity};
use wire::ctaphid::Report;

/// getInfo.
pub(crate) const GET_INFO: &[u8] = &[0x04];

pub(crate) fn profile() -> DeviceProfile {
    DeviceProfile::named("ms-authenticator-ios").unwrap()
}

/// A running device with a HID interface.
pub(crate) fn device() -> (DeviceHandle, Hid) {
    let handle = spawn::<StoreError>("test", |now| {
        let store = Box::new(MemoryStore::default());
        let rng = Box::new(UnwrapErr(SysRng));
        VirtualAuthenticator::new(now, profile(), store, Box::new(FastSigner::default()), rng)
    });
    let handle = handle.unwrap();
    let hid = Hid::plug(&handle, &profile()).unwrap();
    (handle, hid)
}

/// A registration of a discoverable passkey.
pub(crate) fn make_credential(rp_id: &str, user_name: &str) -> Vec<u8> {
    MakeCredential {
        client_data_hash: [7; 32],
        rp: RpEntity { id: rp_id.into(), name: None },
        user: UserEntity { id: user_name.into(), name: Some(user_name.into()), display_name: None },
        algorithms: vec![Algorithm::ES256],
        exclude_list: Vec::new(),
        extensions: None,
        rk: Some(true),
        up: None,
        uv: None,
        pin_uv_auth_param: None,
        pin_uv_auth_protocol: None,
        enterprise_attestation: None,
        attestation_formats: None,
    }
    .encode()
}

/// What carries reports, whatever it is.
pub(crate) trait Wire {
    fn write(&mut self, report: &Report);
    /// The next report; it panics if there is none.
    fn read(&mut self) -> Report;
}

/// A program with a channel of its own.
pub(crate) struct Program<W> {
    pub(crate) wire: W,
    pub(crate) device: Device,
    host: Host,
}

impl<W: Wire> Program<W> {
    /// Opens a channel.
    pub(crate) fn open(mut wire: W, nonce: u8) -> Self {
        let mut host = Host::new([nonce; 8]);
        match talk(&mut wire, &mut host) {
            Event::Opened(device) => Self { wire, device, host },
            other => panic!("{other:?}"),
        }
    }

    /// Sends a message and returns the response.
    pub(crate) fn cbor(&mut self, message: &[u8]) -> Vec<u8> {
        self.host.send_cbor(message).unwrap();
        self.answer()
    }

    /// Asks for an echo of `len` bytes.
    pub(crate) fn ping(&mut self, len: usize) {
        let payload: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
        self.host.send_ping(&payload).unwrap();
        assert_eq!(self.answer(), payload);
    }

    fn answer(&mut self) -> Vec<u8> {
        match talk(&mut self.wire, &mut self.host) {
            Event::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }
}

fn talk(wire: &mut impl Wire, host: &mut Host) -> Event {
    while let Some(report) = host.poll_report() {
        wire.write(&report);
    }
    loop {
        match host.handle_report(&wire.read()).unwrap() {
            None | Some(Event::KeepAlive(_)) => {}
            Some(event) => return event,
        }
    }
}
