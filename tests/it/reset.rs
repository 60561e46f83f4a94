//! authenticatorReset, CTAP 2.1 §6.6: when, over what, by which touch, and what is left.
use crate::tokens::{self, PIN};
use authenticator::profile::{Profile, Verification};
use authenticator::store::{Change, Finger, NO_LARGE_BLOBS, PIN_RETRIES, State, Store, UV_RETRIES};
use authenticator::{Gesture, Link, Purpose, Via};
use std::time::Duration;
use tests::platform::Pin;
use tests::{NOW, Rig, USB, all_in, everything, listed, registration, sign_in, status};
use wire::cbor;
use wire::ctap2::client_pin::Subcommand;
use wire::ctap2::{
    ClientPin, Command, GetAssertion, GetInfoResponse, LargeBlobs, MakeCredential, MakeCredentialResponse,
    Permissions,
};
use wire::status::Status;
use wire::time::Instant;
use wire::webauthn::AuthenticatorData;

const RESET: [u8; 1] = [Command::RESET.0];

fn reset(rig: &mut Rig, gesture: Gesture) -> Status {
    reset_at(rig, NOW, USB, gesture)
}

fn reset_at(rig: &mut Rig, now: Instant, via: Via, gesture: Gesture) -> Status {
    Status(rig.call_with(now, via, &RESET, |_| gesture)[0])
}

fn state(rig: &Rig) -> State {
    rig.shelf.stored().state.unwrap()
}

fn info(rig: &mut Rig) -> GetInfoResponse {
    GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap()
}

/// Changes what is stored behind the authenticator's back, and cuts the power.
fn edit(rig: &mut Rig, change: impl FnOnce(&mut State)) {
    let mut state = state(rig);
    change(&mut state);
    rig.shelf.commit(&[Change::PutState(state)]).unwrap();
    rig.authenticator.power_cycle(NOW).unwrap();
}

/// With a reader in which a finger is enrolled.
fn with_finger() -> Rig {
    let verification = Verification::Enrollable { capacity: 5, samples: 3, preview: false, by_finger: false };
    let mut rig = tokens::protected(Profile { verification, ..all_in() });
    edit(&mut rig, |state| state.verification.fingers = vec![Finger { id: vec![1], name: None }]);
    rig
}

#[test]
fn reset_ends_stored_and_sealed_credentials_alike() {
    let mut rig = Rig::new(everything());
    rig.call(&registration("alice").encode());
    let sealed = MakeCredential { rk: Some(false), ..registration("bob") };
    let created = MakeCredentialResponse::decode(&rig.call(&sealed.encode())).unwrap();
    let id = AuthenticatorData::decode(&created.auth_data).unwrap().attested.unwrap().credential_id;
    let by_list = GetAssertion { allow_list: vec![listed(&id)], ..sign_in() }.encode();
    assert_eq!(rig.call(&by_list)[0], 0);

    assert_eq!(rig.call(&[Command::RESET.0]), status(Status::OK));
    assert!(rig.shelf.stored().credentials.is_empty());
    assert_eq!(rig.call(&sign_in().encode()), status(Status::NO_CREDENTIALS));
    assert_eq!(rig.call(&by_list), status(Status::NO_CREDENTIALS), "the sealing key was changed");
}

#[test]
fn reset_is_open_for_ten_seconds_after_power_up_whatever_came_first() {
    let mut rig = Rig::new(everything());
    let reset = [Command::RESET.0];
    let ten = NOW + Duration::from_secs(10);
    let late = NOW + Duration::from_millis(10_001);
    rig.call_with(ten, USB, &GetInfoResponse::request(), |_| unreachable!());
    assert_eq!(rig.call_with(ten, USB, &reset, |_| Gesture::Declined), status(Status::OPERATION_DENIED));
    assert_eq!(rig.call_with(ten, USB, &reset, |_| Gesture::TimedOut), status(Status::USER_ACTION_TIMEOUT));
    assert_eq!(rig.call_with(late, USB, &reset, |_| unreachable!()), status(Status::NOT_ALLOWED));
    rig.authenticator.power_cycle(late).unwrap();
    assert_eq!(
        rig.call_with(late, USB, &reset, |_| Gesture::Present),
        status(Status::OK),
        "a power cycle opens it again"
    );
}

/// Windows and Chromium ask before they reset (google/OpenSK issue 448).
#[test]
fn what_platforms_ask_first_does_not_close_the_window() {
    let mut rig = tokens::protected(all_in());
    rig.call_silently(&GetInfoResponse::request());
    for subcommand in [Subcommand::GET_PIN_RETRIES, Subcommand::GET_KEY_AGREEMENT] {
        let request = ClientPin { protocol: Some(2), ..ClientPin::new(subcommand) };
        assert_eq!(rig.call_silently(&request.encode())[0], 0);
    }
    rig.call(&[Command::SELECTION.0]);
    assert_eq!(reset_at(&mut rig, NOW + Duration::from_secs(10), USB, Gesture::Present), Status::OK);
}

#[test]
fn a_reset_asks_for_a_touch_and_takes_no_verification() {
    let mut rig = with_finger();
    for gesture in [Gesture::Present, Gesture::LongTouch, Gesture::Verified] {
        rig.prompts.clear();
        assert_eq!(reset(&mut rig, gesture), Status::OK);
        assert_eq!(rig.prompts.len(), 1);
        assert_eq!(rig.prompts[0].purpose, Purpose::Reset { long_touch: false });
        assert!(!rig.prompts[0].verification, "whoever forgot the PIN and lost the finger can reset");
    }
}

/// CTAP 2.3 §6.6. What a short touch is answered with is a guess; see `Gesture::consent`.
#[test]
fn where_a_long_touch_is_wanted_a_short_one_resets_nothing() {
    let mut rig = tokens::protected(all_in());
    edit(&mut rig, |state| state.settings.long_touch_for_reset = true);
    assert_eq!(info(&mut rig).long_touch_for_reset, Some(true));
    let commits = rig.shelf.commits();
    for (gesture, expected) in [
        (Gesture::Present, Status::USER_ACTION_TIMEOUT),
        (Gesture::Verified, Status::USER_ACTION_TIMEOUT),
        (Gesture::NotVerified, Status::USER_ACTION_TIMEOUT),
        (Gesture::TimedOut, Status::USER_ACTION_TIMEOUT),
        (Gesture::Declined, Status::OPERATION_DENIED),
    ] {
        rig.prompts.clear();
        assert_eq!(reset(&mut rig, gesture), expected, "{gesture:?}");
        assert_eq!(rig.prompts[0].purpose, Purpose::Reset { long_touch: true });
    }
    assert_eq!(rig.shelf.commits(), commits);
    assert_eq!(reset(&mut rig, Gesture::LongTouch), Status::OK);
    assert_eq!(info(&mut rig).long_touch_for_reset, Some(false), "the setting is gone, too");
    assert_eq!(reset(&mut rig, Gesture::Present), Status::OK);
}

#[test]
fn a_long_touch_is_a_touch_everywhere_else_and_no_verification() {
    let mut rig = Rig::new(everything());
    let call = |rig: &mut Rig, message: &[u8]| rig.call_with(NOW, USB, message, |_| Gesture::LongTouch)[0];
    assert_eq!(call(&mut Rig::new(all_in()), &[Command::SELECTION.0]), 0);
    assert_eq!(call(&mut rig, &registration("a").encode()), 0);
    let verified = MakeCredential { uv: Some(true), ..registration("b") };
    assert_eq!(call(&mut rig, &verified.encode()), Status::OPERATION_DENIED.0);
}

#[test]
fn only_the_transports_that_get_info_tells_of_may_reset() {
    let profile = Profile { transports_for_reset: vec!["usb".into(), "internal".into()], ..all_in() };
    for (link, expected) in [
        (Link::Usb, Status::OK),
        (Link::Internal, Status::OK),
        (Link::Nfc, Status::OPERATION_DENIED),
        (Link::Hybrid, Status::INVALID_COMMAND),
    ] {
        let mut rig = tokens::protected(profile.clone());
        assert_eq!(info(&mut rig).transports_for_reset, ["usb", "internal"]);
        let via = Via { link, channel: 1 };
        assert_eq!(reset_at(&mut rig, NOW, via, Gesture::Present), expected, "{link:?}");
        assert_eq!(rig.prompts.len(), usize::from(expected == Status::OK), "{link:?}");
        assert_eq!(state(&rig).verification.pin.is_some(), expected != Status::OK);
    }
    for link in [Link::Usb, Link::Internal, Link::Nfc] {
        let via = Via { link, channel: 1 };
        assert_eq!(
            reset_at(&mut Rig::new(all_in()), NOW, via, Gesture::Present),
            Status::OK,
            "none told: all"
        );
    }
}

#[test]
fn a_reset_forgets_pin_fingers_retries_blobs_and_who_it_was() {
    let mut rig = with_finger();
    tokens::token(&mut rig, 2, Permissions::PCMR, None);
    let blobs = [cbor::encode(&cbor::Value::Array(vec![])), vec![7; 20]].concat();
    edit(&mut rig, |state| {
        state.verification.pin_retries = 3;
        state.verification.uv_retries = 1;
        state.verification.uv_count_since_pin = 4;
        state.large_blobs = blobs;
    });
    let before = state(&rig);
    assert!(before.verification.persistent_token.is_some());
    assert_eq!(reset(&mut rig, Gesture::Present), Status::OK);
    let after = state(&rig);
    assert!(after.verification.pin.is_none() && after.verification.persistent_token.is_none());
    assert_eq!(after.verification.fingers, []);
    assert_eq!((after.verification.pin_retries, after.verification.uv_retries), (PIN_RETRIES, UV_RETRIES));
    assert_eq!(after.verification.uv_count_since_pin, 0);
    assert_eq!(after.large_blobs, NO_LARGE_BLOBS);
    assert_ne!(after.sealing_key.expose(), before.sealing_key.expose());
    assert_ne!(after.device_identifier, before.device_identifier);
    assert_ne!(after.cred_store_state, before.cred_store_state);
    assert_eq!(after.counter_ceiling, before.counter_ceiling, "a counter never goes back");
    let info = info(&mut rig);
    assert_eq!((info.option("clientPin"), info.option("uv")), (Some(false), Some(false)));
    assert_eq!((info.option("bioEnroll"), info.enc_identifier), (Some(false), None));
    let get = LargeBlobs { get: Some(64), offset: Some(0), ..LargeBlobs::default() };
    let array = cbor::int_map([(1, Some(cbor::bytes(NO_LARGE_BLOBS)))]);
    assert_eq!(rig.call_silently(&get.encode()), [vec![0], cbor::encode(&array)].concat());
}

#[test]
fn no_token_outlives_a_reset() {
    for protocol in [1, 2] {
        let mut rig = tokens::protected(all_in());
        let token = tokens::token(&mut rig, protocol, Permissions::GA, None);
        let persistent = tokens::token(&mut rig, protocol, Permissions::PCMR, None);
        assert_eq!(reset(&mut rig, Gesture::Present), Status::OK);
        let request = GetAssertion { up: Some(false), ..sign_in() };
        let param = Some(token.authenticate(&request.client_data_hash));
        let request =
            GetAssertion { pin_uv_auth_param: param, pin_uv_auth_protocol: Some(protocol), ..request };
        assert_eq!(rig.call_silently(&request.encode()), status(Status::PIN_AUTH_INVALID));
        // getCredsMetadata.
        let param = persistent.authenticate(&[0x01]);
        let members = [(1, Some(1.into())), (3, Some(protocol.into())), (4, Some(cbor::bytes(param)))];
        let members = cbor::encode(&cbor::int_map(members));
        let count = [&[Command::CREDENTIAL_MANAGEMENT.0], members.as_slice()];
        assert_eq!(rig.call_silently(&count.concat()), status(Status::PIN_AUTH_INVALID));
    }
}

#[test]
fn a_locked_or_blocked_pin_is_forgotten_with_its_lock() {
    let platform = Pin::new(2);
    let mut rig = tokens::protected(all_in());
    for _ in 0..3 {
        let _wrong = platform.plain_token(&mut rig, "wrong");
    }
    assert_eq!(platform.plain_token(&mut rig, PIN).err(), Some(Status::PIN_AUTH_BLOCKED));
    assert_eq!(reset(&mut rig, Gesture::Present), Status::OK);
    assert_eq!(platform.set(&mut rig, "another one"), Ok(()));
    assert!(platform.plain_token(&mut rig, "another one").is_ok());
    edit(&mut rig, |state| state.verification.pin_retries = 0);
    assert_eq!(platform.plain_token(&mut rig, PIN).err(), Some(Status::PIN_BLOCKED));
    assert_eq!(reset(&mut rig, Gesture::Present), Status::OK);
    assert_eq!(platform.set(&mut rig, PIN), Ok(()));
    assert_eq!(platform.retries(&mut rig), Ok((8, Some(false))));
}

#[test]
fn a_reset_that_cannot_be_stored_forgets_nothing() {
    let mut rig = with_finger();
    rig.shelf.refuse(Some(|| authenticator::store::StoreError::Failed("no".into())));
    assert_eq!(reset(&mut rig, Gesture::Present), Status::OTHER);
    rig.shelf.refuse(None);
    assert_eq!(info(&mut rig).option("uv"), Some(true));
    assert!(Pin::new(2).plain_token(&mut rig, PIN).is_ok());
}
