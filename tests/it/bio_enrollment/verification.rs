//! A finger that was enrolled verifies its user: CTAP 2.1 §6.5.3.1 and §6.5.5.7.3 with a reader.
use super::*;
use tests::platform::Pin;
use tests::{registration, sign_in};
use wire::ctap2::{GetAssertion, MakeCredential, MakeCredentialResponse};
use wire::webauthn::{AuthenticatorData, Flags};

const PLATFORM: Pin = Pin::new(2);

fn by_uv(rig: &mut Rig, gesture: Gesture) -> Status {
    PLATFORM.token_by_uv(rig, Permissions::MC, None, |_| gesture).err().unwrap_or(Status::OK)
}

fn register(rig: &mut Rig, gesture: Gesture) -> Vec<u8> {
    let request = MakeCredential { uv: Some(true), ..registration("alice") };
    rig.call_with(NOW, USB, &request.encode(), |_| gesture)
}

#[test]
fn uv_and_the_token_by_uv_work_from_the_first_finger_to_the_last() {
    let mut platform = Enroller::new(with_reader());
    assert_eq!(register(&mut platform.rig, Gesture::Verified), status(Status::INVALID_OPTION));
    assert_eq!(by_uv(&mut platform.rig, Gesture::Verified), Status::NOT_ALLOWED);
    let mut platform = Enroller::with(platform.rig);
    let id = platform.enrol();

    let created = MakeCredentialResponse::decode(&register(&mut platform.rig, Gesture::Verified)).unwrap();
    let data = AuthenticatorData::decode(&created.auth_data).unwrap();
    assert!(data.flags.contains(Flags::UP | Flags::UV));
    let request = GetAssertion { uv: Some(true), ..sign_in() };
    assert_eq!(platform.rig.call(&request.encode())[0], 0);
    assert_eq!(by_uv(&mut platform.rig, Gesture::Verified), Status::OK);

    let mut platform = Enroller::with(platform.rig);
    assert_eq!(platform.send(request_removal(&id)), status(Status::OK));
    assert_eq!(register(&mut platform.rig, Gesture::Verified), status(Status::INVALID_OPTION));
    assert_eq!(platform.rig.call(&request.encode()), status(Status::INVALID_OPTION));
    assert_eq!(by_uv(&mut platform.rig, Gesture::Verified), Status::NOT_ALLOWED);
}

fn request_removal(id: &[u8]) -> BioEnrollment {
    request(REMOVE, of(id))
}

#[test]
fn wrong_fingers_lock_the_reader_and_the_pin_opens_it() {
    let mut platform = Enroller::new(with_reader());
    platform.enrol();
    let rig = &mut platform.rig;
    assert_eq!(PLATFORM.uv_retries(rig), Ok(5));
    assert_eq!(by_uv(rig, Gesture::NotVerified), Status::UV_INVALID, "three attempts within one command");
    assert_eq!(register(rig, Gesture::NotVerified), status(Status::PUAT_REQUIRED), "there is a PIN");
    assert_eq!(PLATFORM.uv_retries(rig), Ok(0));
    assert_eq!(by_uv(rig, Gesture::Verified), Status::UV_BLOCKED);
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(by_uv(rig, Gesture::Verified), Status::UV_BLOCKED, "a power cycle does not help");
    let mut platform = Enroller::with(platform.rig);
    assert_eq!(PLATFORM.uv_retries(&mut platform.rig), Ok(5), "the PIN does");
    assert_eq!(by_uv(&mut platform.rig, Gesture::Verified), Status::OK);
}

#[test]
fn a_finger_protects_what_a_pin_protects() {
    let mut platform = Enroller::new(with_reader());
    platform.enrol();
    assert_eq!(platform.rig.call_silently(&registration("a").encode()), status(Status::PUAT_REQUIRED));
    // alwaysUv: the finger is asked for although nobody asked for it.
    let token = tokens::token(&mut platform.rig, 2, Permissions::ACFG, None);
    let toggle = [[0xFF; 32].as_slice(), &[Command::CONFIG.0, 2]].concat();
    let members =
        [(1, Some(2.into())), (3, Some(2.into())), (4, Some(cbor::bytes(token.authenticate(&toggle))))];
    let toggle = [&[Command::CONFIG.0], cbor::encode(&cbor::int_map(members)).as_slice()].concat();
    assert_eq!(platform.rig.call_silently(&toggle), status(Status::OK));
    platform.rig.prompts.clear();
    let created = MakeCredentialResponse::decode(&platform.rig.call(&registration("a").encode())).unwrap();
    assert!(AuthenticatorData::decode(&created.auth_data).unwrap().flags.contains(Flags::UV));
    assert!(platform.rig.prompts.len() == 1 && platform.rig.prompts[0].verification);
}

/// CTAP 2.1 §6.4, 0x11 and 0x12: without preferredPlatformUvAttempts the authenticator itself lets a finger try again.
#[test]
fn get_info_tells_of_verification_what_is_done() {
    let mut platform = Enroller::new(with_reader());
    assert_eq!(platform.info().preferred_platform_uv_attempts, None);
    platform.enrol();
    platform.rig.prompts.clear();
    assert_eq!(by_uv(&mut platform.rig, Gesture::NotVerified), Status::UV_INVALID);
    assert_eq!(platform.rig.prompts.len(), 3);
    for (profile, modality) in [
        (with_reader(), Some(0x02)),
        (Profile { verification: Verification::OnRequest, ..all_in() }, Some(0x02)),
        (all_in(), None),
        (tests::everything(), None),
    ] {
        let reply = Rig::new(profile).call_silently(&GetInfoResponse::request());
        assert_eq!(GetInfoResponse::decode(&reply).unwrap().uv_modality, modality, "what a token is had by");
    }
}

/// CTAP 2.1 §6.4, uvBioEnroll.
#[test]
fn a_finger_enrols_the_next_one_only_where_the_profile_says_so() {
    for by_finger in [false, true] {
        let verification =
            Verification::Enrollable { capacity: CAPACITY, samples: SAMPLES, preview: false, by_finger };
        let mut platform = Enroller::new(Profile { verification, ..all_in() });
        assert_eq!(platform.info().option("uvBioEnroll"), by_finger.then_some(true));
        platform.enrol();
        match PLATFORM.token_by_uv(&mut platform.rig, Permissions::BE, None, |_| Gesture::Verified) {
            Ok(token) => {
                assert!(by_finger);
                platform.token = token;
                platform.enrol();
                assert_eq!(platform.told().len(), 2);
            }
            Err(refused) => assert_eq!((refused, by_finger), (Status::UNAUTHORIZED_PERMISSION, false)),
        }
    }
}

#[test]
fn the_owner_enrols_without_pin_and_samples() {
    let mut rig = Rig::new(with_reader());
    let authenticator = &mut rig.authenticator;
    let thumb = authenticator.add_finger(NOW, Some("thumb".into())).result.unwrap();
    let nameless = authenticator.add_finger(NOW, None).result.unwrap();
    assert_eq!(authenticator.fingers(), [thumb.clone(), nameless.clone()]);
    assert_eq!((thumb.name.as_deref(), nameless.name), (Some("thumb"), None));
    authenticator.rename_finger(NOW, &nameless.id, "index".into()).result.unwrap();
    assert_eq!(authenticator.fingers()[1].name.as_deref(), Some("index"));
    let longer = "x".repeat(65);
    let status = |changed: authenticator::Changed<()>| changed.result.unwrap_err().status;
    assert_eq!(status(authenticator.rename_finger(NOW, &thumb.id, longer.clone())), Status::INVALID_LENGTH);
    assert_eq!(status(authenticator.rename_finger(NOW, b"nobody's", "x".into())), Status::INVALID_OPTION);
    assert_eq!(status(authenticator.remove_finger(NOW, b"nobody's")), Status::INVALID_OPTION);
    assert_eq!(
        authenticator.add_finger(NOW, Some(longer)).result.unwrap_err().status,
        Status::INVALID_LENGTH
    );
    authenticator.add_finger(NOW, Some(String::new())).result.unwrap();
    assert_eq!(authenticator.add_finger(NOW, None).result.unwrap_err().status, Status::FP_DATABASE_FULL);
    authenticator.remove_finger(NOW, &thumb.id).result.unwrap();
    assert_eq!(rig.shelf.stored().state.unwrap().verification.fingers, rig.authenticator.fingers());
    assert_eq!(rig.authenticator.fingers().len(), 2);
    assert_eq!(register(&mut rig, Gesture::Verified)[0], 0);

    let none = Rig::new(all_in()).authenticator.add_finger(NOW, None).result.unwrap_err();
    assert_eq!(none.status, Status::INVALID_COMMAND);
}

#[test]
fn an_owners_finger_cancels_the_command_that_waits() {
    use authenticator::{Progress, Request};
    let mut platform = Enroller::new(with_reader());
    let message = proven(request(BEGIN, None), &platform.token).encode();
    let authenticator = &mut platform.rig.authenticator;
    let _ = authenticator.handle_request(NOW, USB, Request::Ctap2(&message));
    let refused = authenticator.remove_finger(NOW, b"nobody's");
    assert!(refused.cancelled.is_none(), "what changes nothing disturbs nobody");
    let changed = authenticator.add_finger(NOW, None);
    assert_eq!(changed.cancelled, Some(Progress::Reply(status(Status::KEEPALIVE_CANCEL))));
    assert!(changed.result.is_ok());
}
