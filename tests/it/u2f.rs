//! CTAP1: FIDO U2F Raw Message Formats 1.2, and how it goes together with CTAP2 (CTAP 2.1 §10).
mod by_a_client;
mod framing;
mod over_ctaphid;
mod presence;
mod with_ctap2;

use authenticator::profile::{Counter, Profile};
use authenticator::signer::DeterministicSigner;
use tests::u2f::{CHALLENGE, authenticate, register, u2f_only, verified, with_u2f};
use tests::{NOW, RP_ID, Rig, everything};
use wire::apdu::StatusWord;
use wire::ctap1::{Control, Request};

const OTHER: &str = "https://other.example.test/app-id.json";

/// §4.3.
#[test]
fn a_registration_answers_a_key_a_handle_a_certificate_and_a_signature_and_stores_nothing() {
    for profile in [with_u2f(), u2f_only()] {
        let mut rig = Rig::new(profile);
        let commits = rig.shelf.commits();
        let first = rig.register_u2f(RP_ID);
        let second = rig.register_u2f(RP_ID);
        assert_ne!(first.key_handle, second.key_handle);
        assert_ne!(first.x, second.x);
        assert_eq!(rig.shelf.commits(), commits);
        assert_eq!(rig.shelf.stored().credentials.len(), 0);
    }
}

/// §4.1: an AppID of any length, as only its hash comes here.
#[test]
fn a_handle_has_at_most_255_bytes() {
    let answer = Rig::new(with_u2f()).register_u2f(&"a".repeat(1000));
    assert!((1..=255).contains(&answer.key_handle.len()), "{}", answer.key_handle.len());
}

#[test]
fn without_a_certificate_there_is_no_registration() {
    let mut rig = Rig::with_signer(with_u2f(), Box::new(DeterministicSigner));
    assert_eq!(rig.u2f(&register(RP_ID)), StatusWord::CONDITIONS_NOT_SATISFIED);
    rig.touch(NOW);
    assert_eq!(rig.u2f(&register(RP_ID)), StatusWord::UNKNOWN);
}

/// §5.4.
#[test]
fn an_authentication_signs_application_presence_counter_and_challenge() {
    let mut rig = Rig::new(with_u2f());
    let key = rig.register_u2f(RP_ID);
    let other = rig.register_u2f(OTHER);
    let mut last = 0;
    for (id, key) in [(RP_ID, &key), (OTHER, &other), (RP_ID, &key)] {
        let data = rig.u2f_touched(&authenticate(Control::EnforcePresence, id, &key.key_handle));
        let answer = verified(id, &key.x, &key.y, &data);
        assert_eq!(answer.presence, 1);
        assert!(answer.counter > last, "{} after {last}", answer.counter);
        last = answer.counter;
    }
}

/// §5.1: dont-enforce-user-presence-and-sign.
#[test]
fn an_authentication_that_does_not_enforce_presence_signs_at_once_and_says_that_nobody_was_there() {
    let mut rig = Rig::new(with_u2f());
    let key = rig.register_u2f(RP_ID);
    let request = authenticate(Control::DontEnforcePresence, RP_ID, &key.key_handle);
    let response = rig.u2f_at(NOW, &request);
    assert_eq!(response.status, StatusWord::NO_ERROR);
    assert_eq!(verified(RP_ID, &key.x, &key.y, &response.data).presence, 0);
    assert_eq!(rig.authenticator.prompt(), None);
}

/// §5.1: check-only.
#[test]
fn check_only_says_whose_a_handle_is_and_asks_nobody() {
    let mut rig = Rig::new(with_u2f());
    let handle = rig.register_u2f(RP_ID).key_handle;
    let check = |id, handle: &[u8]| authenticate(Control::CheckOnly, id, handle);
    assert_eq!(rig.u2f(&check(RP_ID, &handle)), StatusWord::CONDITIONS_NOT_SATISFIED);
    assert_eq!(rig.u2f(&check(OTHER, &handle)), StatusWord::WRONG_DATA);
    assert_eq!(rig.u2f(&check(RP_ID, b"a stranger's")), StatusWord::WRONG_DATA);
    assert_eq!(rig.u2f(&check(RP_ID, b"")), StatusWord::WRONG_DATA);
    assert_eq!(rig.authenticator.prompt(), None);
}

/// §5.3: before the user is asked, so that a platform finds the right key without a touch.
#[test]
fn a_handle_that_is_not_ours_or_not_for_that_application_is_wrong_data() {
    let mut rig = Rig::new(with_u2f());
    let handle = rig.register_u2f(RP_ID).key_handle;
    for control in [Control::EnforcePresence, Control::DontEnforcePresence, Control::CheckOnly] {
        assert_eq!(rig.u2f(&authenticate(control, OTHER, &handle)), StatusWord::WRONG_DATA, "{control:?}");
        for bit in 0..handle.len() * 8 {
            let mut bent = handle.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(rig.u2f(&authenticate(control, RP_ID, &bent)), StatusWord::WRONG_DATA, "bit {bit}");
        }
        for len in 0..handle.len() {
            let cut = authenticate(control, RP_ID, &handle[..len]);
            assert_eq!(rig.u2f(&cut), StatusWord::WRONG_DATA, "{len} bytes");
        }
        assert_eq!(rig.authenticator.prompt(), None, "nobody is asked about a stranger's key");
    }
}

/// Another sealing key does not open it.
#[test]
fn a_handle_from_before_a_reset_is_wrong_data() {
    let mut rig = Rig::new(with_u2f());
    let handle = rig.register_u2f(RP_ID).key_handle;
    assert_eq!(rig.authenticator.factory_reset(NOW).result, Ok(()));
    let request = authenticate(Control::CheckOnly, RP_ID, &handle);
    assert_eq!(rig.u2f(&request), StatusWord::WRONG_DATA);
}

/// §6.2.
#[test]
fn the_version_is_told_without_a_touch() {
    let response = Rig::new(with_u2f()).u2f_at(NOW, &Request::Version);
    assert_eq!((response.data.as_slice(), response.status), (b"U2F_V2".as_slice(), StatusWord::NO_ERROR));
}

#[test]
fn a_profile_without_u2f_has_none_of_its_instructions() {
    let mut rig = Rig::new(everything());
    let handle = [7; 32];
    for request in [register(RP_ID), authenticate(Control::CheckOnly, RP_ID, &handle), Request::Version] {
        assert_eq!(rig.u2f(&request), StatusWord::INS_NOT_SUPPORTED, "{request:?}");
    }
    assert_eq!(rig.authenticator.prompt(), None);
}

/// WebAuthn Level 3 §6.1.1: reserved ahead, so that a power cut does not take it back.
#[test]
fn the_counter_never_goes_back_over_a_power_cycle() {
    let mut rig = Rig::new(with_u2f());
    let key = rig.register_u2f(RP_ID);
    let request = authenticate(Control::DontEnforcePresence, RP_ID, &key.key_handle);
    let commits = rig.shelf.commits();
    let mut last = 0;
    for _ in 0..3 {
        for _ in 0..5 {
            let data = rig.u2f_at(NOW, &request).data;
            let counter = verified(RP_ID, &key.x, &key.y, &data).counter;
            assert!(counter > last);
            last = counter;
        }
        rig.authenticator.power_cycle(NOW).unwrap();
    }
    assert_eq!(rig.shelf.commits() - commits, 3, "one reservation a power-up");
}

#[test]
fn a_profile_that_does_not_count_answers_zero() {
    let mut rig = Rig::new(Profile { counter: Counter::Zero, ..with_u2f() });
    let key = rig.register_u2f(RP_ID);
    let request = authenticate(Control::DontEnforcePresence, RP_ID, &key.key_handle);
    for _ in 0..2 {
        assert_eq!(verified(RP_ID, &key.x, &key.y, &rig.u2f_at(NOW, &request).data).counter, 0);
    }
}

/// Nothing is acknowledged before it is durable.
#[test]
fn a_counter_that_cannot_be_reserved_signs_nothing() {
    use authenticator::store::StoreError;
    let mut rig = Rig::new(with_u2f());
    let key = rig.register_u2f(RP_ID);
    let request = authenticate(Control::DontEnforcePresence, RP_ID, &key.key_handle);
    for (error, status) in [
        ((|| StoreError::Full) as fn() -> StoreError, StatusWord::NOT_ENOUGH_MEMORY),
        (|| StoreError::Failed("on purpose".into()), StatusWord::UNKNOWN),
    ] {
        rig.shelf.refuse(Some(error));
        let response = rig.u2f_at(NOW, &request);
        assert_eq!((response.data.as_slice(), response.status), ([].as_slice(), status));
    }
    rig.shelf.refuse(None);
    let data = rig.u2f_at(NOW, &request).data;
    assert_eq!(verified(RP_ID, &key.x, &key.y, &data).counter, 1, "none was lost on the way");
}

#[test]
fn every_refusal_has_a_reason() {
    let mut rig = Rig::new(with_u2f());
    let reason = |rig: &mut Rig| {
        std::iter::from_fn(|| rig.authenticator.poll_event()).find_map(|event| match event {
            authenticator::Event::U2fAnswered { outcome: Err(why), .. } => Some(why.reason.into_owned()),
            _ => None,
        })
    };
    for (request, part) in [
        (register(RP_ID), "the user is asked"),
        (authenticate(Control::CheckOnly, RP_ID, &CHALLENGE), "§5.3"),
    ] {
        rig.u2f(&request);
        let told = reason(&mut rig).unwrap_or_default();
        assert!(told.contains(part), "{told}");
    }
}
