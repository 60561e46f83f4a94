//! What is remembered over a power cycle, and what is never taken back.
use authenticator::profile::{Counter, Profile};
use authenticator::signer::DeterministicSigner;
use authenticator::store::StoreError;
use authenticator::{Authenticator, Progress, Request};
use std::time::Duration;
use tests::{NOW, Rig, USB, everything, listed, registration, rng, sign_in, status};
use wire::ctap2::{Command, GetAssertion, GetAssertionResponse, MakeCredential, MakeCredentialResponse};
use wire::status::Status;
use wire::webauthn::AuthenticatorData;

fn count(reply: &[u8]) -> u32 {
    AuthenticatorData::decode(&GetAssertionResponse::decode(reply).unwrap().auth_data).unwrap().sign_count
}

#[test]
fn passkeys_of_both_kinds_outlive_a_power_cycle() {
    let mut rig = Rig::new(everything());
    rig.call(&registration("alice").encode());
    let sealed = MakeCredential { rk: None, ..registration("bob") };
    let created = MakeCredentialResponse::decode(&rig.call(&sealed.encode())).unwrap();
    let id = AuthenticatorData::decode(&created.auth_data).unwrap().attested.unwrap().credential_id;
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(rig.call(&sign_in().encode())[0], 0);
    assert_eq!(rig.call(&GetAssertion { allow_list: vec![listed(&id)], ..sign_in() }.encode())[0], 0);
}

#[test]
fn a_command_that_waits_does_not_outlive_a_power_cycle() {
    let mut rig = Rig::new(everything());
    let _ = rig.authenticator.handle_request(NOW, USB, Request::Ctap2(&registration("a").encode()));
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(rig.authenticator.prompt(), None);
    assert_eq!(rig.authenticator.handle_cancel(NOW), None);
    for user in ["a", "b"] {
        rig.call(&registration(user).encode());
    }
    rig.call(&sign_in().encode());
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(rig.call_silently(&[Command::GET_NEXT_ASSERTION.0]), status(Status::NOT_ALLOWED));
}

#[test]
fn a_counter_never_goes_back_even_when_the_power_is_cut_without_a_word() {
    let mut rig = Rig::new(Profile { counter: Counter::Global, ..everything() });
    rig.call(&registration("alice").encode());
    let mut last = 0;
    for _ in 0..5 {
        for _ in 0..3 {
            let next = count(&rig.call(&sign_in().encode()));
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        // A new authenticator over the same store: the old one had no chance to say goodbye.
        let store = Box::new(rig.shelf.clone());
        let profile = Profile { counter: Counter::Global, ..everything() };
        rig.authenticator =
            Authenticator::power_up(NOW, profile, store, Box::new(DeterministicSigner), rng(2)).unwrap();
    }
}

#[test]
fn a_sign_in_whose_counter_cannot_be_reserved_is_refused_and_the_next_one_goes_on() {
    let mut rig = Rig::new(Profile { counter: Counter::Global, ..everything() });
    rig.call(&registration("alice").encode());
    rig.authenticator.power_cycle(NOW).unwrap();
    rig.shelf.refuse(Some(|| StoreError::Failed("no".into())));
    assert_eq!(rig.call(&sign_in().encode()), status(Status::OTHER));
    rig.shelf.refuse(None);
    assert!(count(&rig.call(&sign_in().encode())) > 1000, "above everything that was reserved");
}

#[test]
fn a_store_that_cannot_be_loaded_leaves_the_authenticator_as_it_was() {
    struct Unloadable;
    impl authenticator::store::Store for Unloadable {
        fn load(&mut self) -> Result<authenticator::store::Persistent, StoreError> {
            Err(StoreError::Failed("unreadable".into()))
        }
        fn commit(&mut self, _: &[authenticator::store::Change]) -> Result<(), StoreError> {
            Ok(())
        }
    }
    let refused = Authenticator::power_up(
        NOW,
        everything(),
        Box::new(Unloadable),
        Box::new(DeterministicSigner),
        rng(1),
    );
    assert_eq!(refused.err().unwrap().to_string(), "the store failed: unreadable");
}

#[test]
fn a_renamed_passkey_shows_its_new_names_after_verification_and_signs_as_before() {
    let mut rig = Rig::new(everything());
    rig.call(&registration("alice").encode());
    let id = rig.authenticator.passkeys()[0].id.clone();
    let changed = rig.authenticator.rename_passkey(NOW, &id, Some("al".into()), None);
    assert!(changed.result.unwrap());
    rig.authenticator.power_cycle(NOW).unwrap();
    let signed = rig.call(&GetAssertion { uv: Some(true), ..sign_in() }.encode());
    let user = GetAssertionResponse::decode(&signed).unwrap().user.unwrap();
    assert_eq!(
        (user.id.as_slice(), user.name.as_deref(), user.display_name),
        (b"alice".as_slice(), Some("al"), None)
    );
    assert!(!rig.authenticator.rename_passkey(NOW, b"foreign", None, None).result.unwrap());
}

#[test]
fn with_one_seed_everything_is_the_same_byte_for_byte() {
    let run = || {
        let mut rig = Rig::new(everything());
        let created = rig.call(&registration("alice").encode());
        [created, rig.call(&sign_in().encode())]
    };
    assert_eq!(run(), run());
}

#[test]
fn no_sequence_of_requests_gestures_and_time_panics() {
    use proptest::prelude::*;
    let message = prop_oneof![
        Just(registration("alice").encode()),
        Just(registration("bob").encode()),
        Just(sign_in().encode()),
        Just(vec![Command::GET_NEXT_ASSERTION.0]),
        Just(vec![Command::RESET.0]),
        Just(vec![Command::SELECTION.0]),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    let gestures = [
        authenticator::Gesture::Present,
        authenticator::Gesture::Verified,
        authenticator::Gesture::NotVerified,
        authenticator::Gesture::Declined,
    ];
    let steps = proptest::collection::vec((message, 0usize..6, 0u64..40_000), 1..30);
    proptest!(|(steps in steps)| {
        let mut rig = Rig::new(everything());
        let mut now = NOW;
        for (message, action, millis) in steps {
            now = now + Duration::from_millis(millis);
            let _ = rig.authenticator.handle_timeout(now);
            let _ = match action {
                0..4 => rig.authenticator.handle_gesture(now, gestures[action]),
                4 => rig.authenticator.handle_cancel(now),
                _ => None,
            };
            if let Progress::AwaitingUser(prompt) = rig.authenticator.handle_request(now, USB, Request::Ctap2(&message)) {
                prop_assert!(prompt.deadline > now);
            }
        }
    });
}
