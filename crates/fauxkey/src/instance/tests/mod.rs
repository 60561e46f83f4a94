//! What can be done with an instance, without and with a disk.
mod accounts;
mod devices;
mod disk;
mod fingers;
mod messages;
mod passkeys;
mod scans;
mod simulation;

use super::*;
use crate::control::{Answer, Link, User};
use crate::drivers::testing::{GET_INFO, make_credential};
use std::thread;
use std::time::Duration;
use wire::ctap2::MakeCredentialResponse;
use wire::status::Status;
use wire::webauthn::AuthenticatorData;

/// An instance in memory with a device called `phone`.
fn phone() -> Instance {
    let instance = Instance::ephemeral(None).unwrap();
    instance.add_device("phone", DEFAULT_PROFILE).unwrap();
    instance
}

/// Makes a passkey and returns its credential ID.
fn make_passkey(instance: &Instance, device: &str, rp_id: &str, user_name: &str) -> Vec<u8> {
    let response = instance.ctap2(device, Link::Internal, &make_credential(rp_id, user_name)).unwrap();
    let made = MakeCredentialResponse::decode(&response).unwrap();
    let data = AuthenticatorData::decode(&made.auth_data).unwrap();
    data.attested.unwrap().credential_id
}

fn status(response: &[u8]) -> Status {
    Status(response[0])
}

fn user(answer: Answer) -> User {
    User { answer, delay_ms: 0 }
}

/// The number of the question that is open on the phone, as soon as there is one above `after`.
fn question(instance: &Instance, after: u64) -> u64 {
    for _ in 0..1_000 {
        match instance.prompt("phone").unwrap() {
            Some(prompt) if prompt.number > after => return prompt.number,
            _ => thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("nobody was asked")
}
