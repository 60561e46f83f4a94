//! What a phone answers over hybrid, CTAP 2.2 §11.5, as clients have come to know phones.
mod choice;
mod prf;

use authenticator::profile::{Extension, Profile, Seen, Verification};
use authenticator::{Gesture, Link, Prompt, Purpose, Via};
use emulator::DeviceProfile;
use tests::{NOW, Rig, all_in, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::{
    Command, GetAssertion, GetAssertionResponse, GetInfoResponse, MakeCredential, MakeCredentialResponse,
};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

/// Across the room.
const HYBRID: Via = Via { link: Link::Hybrid, channel: 0 };

/// Every built-in profile that is a phone.
fn phones() -> impl Iterator<Item = DeviceProfile> {
    let is_phone =
        |profile: &DeviceProfile| profile.authenticator.seen.iter().any(|(link, _)| *link == Link::Hybrid);
    DeviceProfile::built_in().into_iter().filter(is_phone)
}

/// A phone that can do over USB what it can, and over hybrid these.
fn phone_with(extensions: &[Extension]) -> Profile {
    let seen = Seen {
        transports: vec!["hybrid".into()],
        platform: false,
        versions: None,
        aaguid: None,
        extensions: Some(extensions.into()),
    };
    Profile { verification: Verification::OnRequest, seen: vec![(Link::Hybrid, seen)], ..all_in() }
}

/// The user agrees, and takes the first account where there is a choice.
fn agree(prompt: &Prompt) -> Gesture {
    if prompt.verification { Gesture::Verified } else { Gesture::Present }
}

fn call(rig: &mut Rig, message: &[u8]) -> Vec<u8> {
    rig.call_with(NOW, HYBRID, message, agree)
}

/// As Chromium asks: of a verified user, for a passkey that is discoverable.
fn create(rig: &mut Rig, request: MakeCredential) -> (MakeCredentialResponse, AuthenticatorData) {
    let reply = call(rig, &MakeCredential { uv: Some(true), ..request }.encode());
    let response = MakeCredentialResponse::decode(&reply).unwrap_or_else(|_| panic!("{}", rig.reason()));
    let data = AuthenticatorData::decode(&response.auth_data).unwrap();
    (response, data)
}

fn create_id(rig: &mut Rig, user: &str) -> Vec<u8> {
    create(rig, registration(user)).1.attested.unwrap().credential_id
}

fn get(rig: &mut Rig, request: GetAssertion, user: impl FnMut(&Prompt) -> Gesture) -> GetAssertionResponse {
    let reply = rig.call_with(NOW, HYBRID, &GetAssertion { uv: Some(true), ..request }.encode(), user);
    GetAssertionResponse::decode(&reply).unwrap_or_else(|_| panic!("{}", rig.reason()))
}

fn info(rig: &mut Rig) -> GetInfoResponse {
    let ask = GetInfoResponse::request();
    GetInfoResponse::decode(&rig.call_with(NOW, HYBRID, &ask, |_| unreachable!())).unwrap()
}

/// Byte by byte as iOS 16 and Chromium's Android answer: the passkeys' AAGUID is in neither.
#[test]
fn get_info_is_that_of_the_operating_system() {
    let ios = [
        &[0x00, 0xA4, 0x01, 0x81, 0x68][..],
        b"FIDO_2_0",
        &[0x03, 0x50, 0xF2, 0x4A, 0x8E, 0x70, 0xD0, 0xD3, 0xF8, 0x2C, 0x29, 0x37, 0x32, 0x52, 0x3C],
        &[0xC4, 0xDE, 0x5A, 0x04, 0xA2, 0x62, b'r', b'k', 0xF5, 0x62, b'u', b'v', 0xF5, 0x09, 0x82, 0x68],
        b"internal",
        &[0x66],
        b"hybrid",
    ]
    .concat();
    let android = [
        &[0x00, 0xA5, 0x01, 0x82, 0x68][..],
        b"FIDO_2_0",
        &[0x68],
        b"FIDO_2_1",
        &[0x02, 0x81, 0x63],
        b"prf",
        &[0x03, 0x50],
        &[0; 16],
        &[0x04, 0xA2, 0x62, b'r', b'k', 0xF5, 0x62, b'u', b'v', 0xF5, 0x09, 0x83, 0x65],
        b"cable",
        &[0x66],
        b"hybrid",
        &[0x68],
        b"internal",
    ]
    .concat();
    for (name, expected) in [
        ("ms-authenticator-ios", &ios),
        ("ms-authenticator-android", &android),
        ("google-password-manager", &android),
    ] {
        let mut rig = Rig::new(DeviceProfile::named(name).unwrap().authenticator);
        assert_eq!(call(&mut rig, &GetInfoResponse::request()), *expected, "{name}");
        assert_eq!(rig.prompts, [], "nobody is asked");
    }
}

#[test]
fn get_info_has_no_member_and_no_option_that_phones_do_not_tell() {
    for phone in phones() {
        let mut rig = Rig::new(phone.authenticator.clone());
        let reply = call(&mut rig, &GetInfoResponse::request());
        let Value::Map(members) = cbor::decode(&reply[1..]).unwrap() else { panic!("{}", phone.name) };
        let keys = members.iter().map(|(key, _)| i64::try_from(key.as_integer().unwrap()).unwrap());
        assert!(keys.into_iter().all(|key| [1, 2, 3, 4, 9].contains(&key)), "{}: {members:?}", phone.name);
        let options = [("rk".to_owned(), true), ("uv".to_owned(), true)];
        assert_eq!(info(&mut rig).options, options, "{}: without uv browsers give up", phone.name);
    }
    // Nor do they say who they are to holders of a token, whatever they say over USB.
    let mut rig = Rig::new(phone_with(&[]));
    let told = info(&mut rig);
    assert_eq!((told.enc_identifier, told.enc_cred_store_state, told.max_msg_size), (None, None, None));
    assert_eq!((told.extensions, told.options.len()), (vec![], 2));
}

#[test]
fn passkeys_have_the_aaguid_and_the_flags_of_the_profile() {
    for phone in phones() {
        let claims = &phone.authenticator;
        let mut rig = Rig::new(claims.clone());
        let (response, data) = create(&mut rig, registration("alice"));
        assert_eq!(data.attested.unwrap().aaguid, claims.aaguid, "{}", phone.name);
        let backup = Flags::BE.when(claims.backup.eligible) | Flags::BS.when(claims.backup.backed_up);
        assert_eq!(data.flags, Flags::UP | Flags::UV | Flags::AT | backup, "{}", phone.name);
        assert_eq!((response.fmt.as_str(), data.sign_count), ("none", 0), "{}", phone.name);
        let signed = get(&mut rig, sign_in(), agree);
        let data = AuthenticatorData::decode(&signed.auth_data).unwrap();
        assert_eq!((data.flags, data.sign_count), (Flags::UP | Flags::UV | backup, 0), "{}", phone.name);
        // Microsoft Authenticator's are bound to the phone, whatever the phone's own passkeys are.
        if phone.name.starts_with("ms-authenticator") {
            assert_eq!(backup, Flags::default(), "{}", phone.name);
        }
    }
}

#[test]
fn four_commands_are_answered_and_no_other() {
    let profiles = phones().map(|phone| (phone.name, phone.authenticator));
    for (name, profile) in profiles.chain([("everything".into(), phone_with(&[]))]) {
        let mut rig = Rig::new(profile);
        let selects = info(&mut rig).versions.iter().any(|version| version == "FIDO_2_1");
        for byte in 0..=0xFF {
            let there = match Command(byte) {
                Command::MAKE_CREDENTIAL | Command::GET_ASSERTION | Command::GET_INFO => true,
                Command::SELECTION => selects,
                _ => false,
            };
            let refused = call(&mut rig, &[byte]) == status(Status::INVALID_COMMAND);
            assert_eq!(refused, !there, "{name}: {}", Command(byte));
            let empty = call(&mut rig, &[byte, 0xA0]) == status(Status::INVALID_COMMAND);
            assert_eq!(empty, !there, "{name}: {} without parameters", Command(byte));
        }
    }
}

#[test]
fn a_refusal_is_a_status_of_ctap() {
    for phone in phones() {
        let mut rig = Rig::new(phone.authenticator);
        let name = phone.name;
        assert_eq!(call(&mut rig, &sign_in().encode()), status(Status::NO_CREDENTIALS), "{name}: none");
        assert!(matches!(rig.prompts.last().unwrap().purpose, Purpose::NothingToSignIn { .. }), "{name}");
        let id = create_id(&mut rig, "alice");
        let request = MakeCredential { uv: Some(true), ..registration("bob") }.encode();
        for gesture in [Gesture::Declined, Gesture::TimedOut] {
            let denied = rig.call_with(NOW, HYBRID, &request, |_| gesture);
            assert_eq!(denied, status(Status::OPERATION_DENIED), "{name}: a registration, {gesture:?}");
            let denied = rig.call_with(NOW, HYBRID, &sign_in().encode(), |_| gesture);
            assert_eq!(denied, status(Status::OPERATION_DENIED), "{name}: a sign-in, {gesture:?}");
        }
        let again = MakeCredential { exclude_list: vec![listed(&id)], ..registration("alice") };
        assert_eq!(call(&mut rig, &again.encode()), status(Status::CREDENTIAL_EXCLUDED), "{name}");
        let other = GetAssertion { allow_list: vec![listed(b"another's")], ..sign_in() };
        assert_eq!(call(&mut rig, &other.encode()), status(Status::NO_CREDENTIALS), "{name}: another's");
        assert_eq!(rig.authenticator.passkey_count(), 1, "{name}");
    }
}

#[test]
fn nothing_is_done_without_its_user() {
    for phone in phones() {
        let mut rig = Rig::new(phone.authenticator);
        let id = create_id(&mut rig, "alice");
        for allow_list in [vec![], vec![listed(&id)]] {
            rig.prompts.clear();
            let silent = GetAssertion { up: Some(false), allow_list, ..sign_in() };
            let response = GetAssertionResponse::decode(&call(&mut rig, &silent.encode())).unwrap();
            assert!(matches!(rig.prompts[0].purpose, Purpose::SignIn { .. }), "{}", phone.name);
            let data = AuthenticatorData::decode(&response.auth_data).unwrap();
            assert!(data.flags.contains(Flags::UP), "{}: the user was there", phone.name);
        }
    }
}

/// Over hybrid getInfo tells no limits, and clients keep to none.
#[test]
fn lists_are_as_long_as_a_message_and_a_message_as_one_of_noise() {
    let profile = DeviceProfile::named("ms-authenticator-ios").unwrap().authenticator;
    let over = usize::try_from(profile.max_credential_count_in_list).unwrap() + 1;
    let mut rig = Rig::new(profile);
    let id = create_id(&mut rig, "alice");
    let list = |len: usize| [vec![listed(&[0xEE; 100]); len], vec![listed(&id)]].concat();
    let request = GetAssertion { allow_list: list(over), ..sign_in() };
    assert!(request.encode().len() > 8_000, "longer than CTAPHID can carry, too");
    let refused = rig.call_with(NOW, tests::USB, &request.encode(), agree);
    assert_eq!(refused, status(Status::REQUEST_TOO_LARGE));
    assert_eq!(get(&mut rig, request, agree).credential.unwrap().id, id);
    let request = MakeCredential { exclude_list: list(over), ..registration("alice") };
    assert_eq!(call(&mut rig, &request.encode()), status(Status::CREDENTIAL_EXCLUDED));

    let longest = |extra: usize| {
        let extensions = |pad: usize| {
            let pad = cbor::text_map([("pad", Some(cbor::bytes(vec![0; pad])))]);
            GetAssertion { extensions: Some(pad), ..sign_in() }.encode()
        };
        let around = extensions(60_000).len() - 60_000;
        extensions(65_535 + extra - around)
    };
    assert_eq!(longest(0).len(), 65_535);
    assert_eq!(call(&mut rig, &longest(0))[0], 0, "{}", rig.reason());
    assert_eq!(call(&mut rig, &longest(1)), status(Status::REQUEST_TOO_LARGE));
}

#[test]
fn extensions_are_done_over_the_links_whose_get_info_has_them() {
    let request = |name: &str, input: Value| {
        let extensions = Some(cbor::text_map([(name, Some(input))]));
        MakeCredential { extensions, uv: Some(true), ..registration("alice") }
    };
    // credProtect is there over USB alone.
    let mut rig = Rig::new(phone_with(&[Extension::Prf]));
    let (response, data) = create(&mut rig, request("credProtect", 2.into()));
    assert_eq!((data.extensions, response.unsigned_extension_outputs), (None, None));
    let mut rig = Rig::new(phone_with(&[Extension::CredProtect]));
    let (response, data) = create(&mut rig, request("credProtect", 2.into()));
    assert_eq!(data.extensions, Some(cbor::text_map([("credProtect", Some(2.into()))])));
    assert_eq!(response.unsigned_extension_outputs, None);
    // largeBlob of CTAP 2.3, as iOS has it.
    let wanted = cbor::text_map([("support", Some(cbor::text("preferred")))]);
    let mut rig = Rig::new(DeviceProfile::named("icloud-keychain").unwrap().authenticator);
    let (response, _) = create(&mut rig, request("largeBlob", wanted));
    let supported = cbor::text_map([("supported", Some(true.into()))]);
    let expected = cbor::text_map([("largeBlob", Some(supported))]);
    assert_eq!(response.unsigned_extension_outputs, Some(expected));
}
