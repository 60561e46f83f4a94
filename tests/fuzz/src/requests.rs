//! Sequences of requests and everything that can happen between them, to one authenticator.
use crate::Input;
use authenticator::signer::DeterministicSigner;
use authenticator::store::MemoryStore;
use authenticator::{Authenticator, Gesture, Link, Progress, Request, Via};
use emulator::DeviceProfile;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::time::Duration;
use wire::time::Instant;

/// A refusal is one byte, nothing waits without a question, and getInfo works after everything.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let name = if input.byte() & 1 == 0 { "all-in" } else { "security-key" };
    let profile = DeviceProfile::named(name).expect("it is built in").authenticator;
    let capacity = profile.discoverable;
    let store = Box::new(MemoryStore::default());
    let rng = Box::new(ChaCha8Rng::seed_from_u64(7));
    let signer = Box::new(DeterministicSigner);
    let mut now = Instant::POWER_UP;
    let mut authenticator = Authenticator::power_up(now, profile, store, signer, rng).expect("memory loads");
    while !input.is_empty() {
        let progress = match input.byte() {
            0..=15 => {
                now = now + Duration::from_millis(input.number().into());
                authenticator.handle_timeout(now)
            }
            16..=31 => authenticator.handle_cancel(now),
            32 => {
                authenticator.power_cycle(now).expect("memory loads");
                None
            }
            111..=127 => authenticator.proceed(now),
            33..=110 => authenticator.handle_gesture(now, gesture(input.byte())),
            operation => {
                let link = if operation & 1 == 0 { Link::Usb } else { Link::Hybrid };
                let via = Via { link, channel: u32::from(operation % 3) };
                let len = input.number().into();
                Some(authenticator.handle_request(now, via, Request::Ctap2(input.take(len))))
            }
        };
        match progress {
            Some(Progress::Reply(reply)) => check(&reply),
            Some(Progress::AwaitingUser(prompt)) => {
                assert_eq!(authenticator.prompt(), Some(&prompt), "it waits for another question");
            }
            // It is done by one of the operations.
            Some(Progress::Processing) | None => {}
        }
        while authenticator.poll_event().is_some() {}
        if let Some(capacity) = capacity {
            assert!(authenticator.passkey_count() <= usize::try_from(capacity).unwrap_or(usize::MAX));
        }
    }
    if let Some(Progress::Reply(reply)) = authenticator.handle_cancel(now) {
        check(&reply);
    }
    match authenticator.handle_request(now, Via { link: Link::Usb, channel: 1 }, Request::Ctap2(&[4])) {
        Progress::Reply(reply) => {
            wire::ctap2::GetInfoResponse::decode(&reply).expect("getInfo works after everything");
        }
        other => panic!("getInfo asks: {other:?}"),
    }
}

fn check(reply: &[u8]) {
    match reply {
        [0, body @ ..] => assert!(body.is_empty() || wire::cbor::decode(body).is_ok(), "not canonical"),
        [_refused] => {}
        other => panic!("neither a success nor a status: {other:02x?}"),
    }
}

fn gesture(byte: u8) -> Gesture {
    match byte % 8 {
        0..=3 => Gesture::Verified,
        4 => Gesture::Present,
        5 => Gesture::NotVerified,
        6 => Gesture::Declined,
        _ => Gesture::TimedOut,
    }
}
