//! Which of several faults is told: that of the earlier step. Each request begins with every fault, and they are taken
//! out one by one.
use crate::tokens::{self, PIN};
use authenticator::profile::Profile;
use tests::platform::Pin;
use tests::{RP_ID, Rig, all_in, everything, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::ctap2::{Command, GetAssertion, LargeBlobs, MakeCredential, MakeCredentialResponse, Permissions};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

/// Takes one fault out, after its status was told.
type Repair<T> = (Status, fn(&mut T, &[u8]));

/// Each status in turn, and then success. `sound` is what a fault may need to be repaired with.
fn repair<T>(
    rig: &mut Rig,
    mut request: T,
    sound: &[u8],
    encode: fn(&T) -> Vec<u8>,
    faults: &[Repair<T>],
) -> Vec<u8> {
    for (at, (expected, repair)) in faults.iter().enumerate() {
        assert_eq!(rig.call_silently(&encode(&request)), status(*expected), "fault {at}");
        repair(&mut request, sound);
    }
    let reply = rig.call(&encode(&request));
    assert_eq!(reply[0], 0, "nothing is wrong with it any more: {}", rig.reason());
    reply
}

fn short_lists() -> Profile {
    Profile { max_credential_count_in_list: 2, ..all_in() }
}

#[test]
fn make_credential_tells_the_fault_of_the_earliest_step() {
    let mut rig = tokens::protected(short_lists());
    let token = tokens::token(&mut rig, 2, Permissions::MC, None);
    let broken = MakeCredential {
        algorithms: vec![Algorithm::RS1],
        exclude_list: vec![listed(b"x"); 3],
        extensions: Some(cbor::text_map([("largeBlobKey", Some(Value::Bool(false)))])),
        up: Some(false),
        uv: Some(true),
        pin_uv_auth_param: Some(vec![0; 32]),
        enterprise_attestation: Some(3),
        ..registration("alice")
    };
    let sound = token.authenticate(&broken.client_data_hash);
    let reply = repair(
        &mut rig,
        broken,
        &sound,
        MakeCredential::encode,
        &[
            (Status::MISSING_PARAMETER, |it, _| it.pin_uv_auth_protocol = Some(3)),
            (Status::INVALID_PARAMETER, |it, _| it.pin_uv_auth_protocol = Some(2)),
            (Status::UNSUPPORTED_ALGORITHM, |it, _| it.algorithms.push(Algorithm::ES256)),
            (Status::INVALID_OPTION, |it, _| it.up = Some(true)),
            (Status::INVALID_PARAMETER, |it, _| it.enterprise_attestation = None),
            (Status::PIN_AUTH_INVALID, |it, sound| it.pin_uv_auth_param = Some(sound.into())),
            (Status::LIMIT_EXCEEDED, |it, _| it.exclude_list.truncate(2)),
            (Status::INVALID_OPTION, |it, _| it.extensions = None),
        ],
    );
    // Step 5: there is no built-in verification here, but beside a pinUvAuthParam uv counts as false.
    let made = MakeCredentialResponse::decode(&reply).unwrap();
    let flags = AuthenticatorData::decode(&made.auth_data).unwrap().flags;
    assert!(flags.contains(Flags::UV), "by the token");
    assert!(rig.prompts.iter().all(|prompt| !prompt.verification));
}

#[test]
fn make_credential_without_a_token_tells_its_options_first_and_the_lack_of_a_token_before_the_rest() {
    let mut rig =
        tokens::protected(Profile { discoverable: None, make_cred_uv_not_rqd: false, ..short_lists() });
    let broken = MakeCredential {
        exclude_list: vec![listed(b"x"); 3],
        uv: Some(true),
        up: Some(false),
        enterprise_attestation: Some(3),
        ..registration("alice")
    };
    let faults: [Repair<MakeCredential>; 3] = [
        (Status::INVALID_OPTION, |it, _| it.uv = None),
        (Status::UNSUPPORTED_OPTION, |it, _| it.rk = None),
        (Status::INVALID_OPTION, |it, _| it.up = None),
    ];
    let mut request = broken;
    for (expected, repair) in faults {
        assert_eq!(rig.call_silently(&request.encode()), status(expected));
        repair(&mut request, &[]);
    }
    assert_eq!(rig.call_silently(&request.encode()), status(Status::PUAT_REQUIRED));
}

#[test]
fn get_assertion_tells_the_fault_of_the_earliest_step() {
    let mut rig = tokens::protected(short_lists());
    let token = tokens::token(&mut rig, 2, Permissions::MC, None);
    let made = MakeCredential {
        rk: Some(false),
        pin_uv_auth_param: Some(token.authenticate(&registration("alice").client_data_hash)),
        pin_uv_auth_protocol: Some(2),
        ..registration("alice")
    };
    let made = MakeCredentialResponse::decode(&rig.call(&made.encode())).unwrap();
    let id = AuthenticatorData::decode(&made.auth_data).unwrap().attested.unwrap().credential_id;
    let token = tokens::token(&mut rig, 2, Permissions::GA, None);
    let broken = GetAssertion {
        allow_list: vec![listed(b"x"); 3],
        extensions: Some(cbor::text_map([("largeBlobKey", Some(Value::Bool(false)))])),
        rk: Some(false),
        uv: Some(true),
        pin_uv_auth_param: Some(vec![0; 32]),
        ..sign_in()
    };
    let sound = [token.authenticate(&broken.client_data_hash), id].concat();
    repair(
        &mut rig,
        broken,
        &sound,
        GetAssertion::encode,
        &[
            (Status::MISSING_PARAMETER, |it, _| it.pin_uv_auth_protocol = Some(3)),
            (Status::INVALID_PARAMETER, |it, _| it.pin_uv_auth_protocol = Some(2)),
            (Status::UNSUPPORTED_OPTION, |it, _| it.rk = None),
            (Status::PIN_AUTH_INVALID, |it, sound| it.pin_uv_auth_param = Some(sound[..32].into())),
            (Status::LIMIT_EXCEEDED, |it, _| it.allow_list.truncate(1)),
            (Status::NO_CREDENTIALS, |it, sound| it.allow_list.push(listed(&sound[32..]))),
            (Status::INVALID_OPTION, |it, _| it.extensions = None),
        ],
    );
}

#[test]
fn large_blobs_tells_the_fault_of_the_earliest_step() {
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::LBW, None);
    let longest = usize::try_from(all_in().max_msg_size).unwrap() - 64;
    let fragment = [0x80, 0x76, 0xBE];
    let message =
        [&[0xFF; 32], [0x0C, 0].as_slice(), &[0; 4], &<[u8; 32]>::from(sha2_of(&fragment))].concat();
    let sound = token.authenticate(&message);
    let broken = LargeBlobs {
        get: Some(1),
        set: Some(vec![0; longest + 1]),
        offset: None,
        length: None,
        pin_uv_auth_param: None,
        protocol: None,
    };
    repair(
        &mut rig,
        broken,
        &sound,
        LargeBlobs::encode,
        &[
            (Status::INVALID_PARAMETER, |it, _| it.offset = Some(7)),
            (Status::INVALID_PARAMETER, |it, _| it.get = None),
            (Status::INVALID_LENGTH, |it, _| {
                it.set = Some(vec![0x80, 0x76, 0xBE]);
                it.length = Some(1 << 40);
            }),
            (Status::INVALID_PARAMETER, |it, _| it.length = None),
            (Status::INVALID_SEQ, |it, _| it.offset = Some(0)),
            (Status::INVALID_PARAMETER, |it, _| it.length = Some(1 << 40)),
            (Status::LARGE_BLOB_STORAGE_FULL, |it, _| it.length = Some(16)),
            (Status::INVALID_PARAMETER, |it, _| it.length = Some(17)),
            (Status::PUAT_REQUIRED, |it, _| it.pin_uv_auth_param = Some(vec![0; 32])),
            (Status::MISSING_PARAMETER, |it, _| it.protocol = Some(3)),
            (Status::INVALID_PARAMETER, |it, _| it.protocol = Some(2)),
            (Status::PIN_AUTH_INVALID, |it, sound| it.pin_uv_auth_param = Some(sound.into())),
        ],
    );
}

fn sha2_of(bytes: &[u8]) -> sha2::digest::Output<sha2::Sha256> {
    use sha2::Digest;
    sha2::Sha256::digest(bytes)
}

#[test]
fn config_tells_an_unknown_subcommand_before_the_lack_of_a_token() {
    let mut rig = tokens::protected(all_in());
    let ask = |subcommand: u64| {
        [&[Command::CONFIG.0], cbor::encode(&cbor::int_map([(1, Some(subcommand.into()))])).as_slice()]
            .concat()
    };
    assert_eq!(rig.call_silently(&ask(0x7E)), status(Status::INVALID_PARAMETER));
    assert_eq!(rig.call_silently(&ask(2)), status(Status::PUAT_REQUIRED));
}

/// Every command that takes parameters, or could.
const COMMANDS: [Command; 10] = [
    Command::MAKE_CREDENTIAL,
    Command::GET_ASSERTION,
    Command::GET_INFO,
    Command::CLIENT_PIN,
    Command::RESET,
    Command::GET_NEXT_ASSERTION,
    Command::CREDENTIAL_MANAGEMENT,
    Command::SELECTION,
    Command::LARGE_BLOBS,
    Command::CONFIG,
];

#[test]
fn every_command_wants_canonical_cbor_before_it_looks_at_anything() {
    let mut rig = Rig::new(all_in());
    for command in COMMANDS {
        for (broken, what) in [
            (&[0xBFu8, 0xFF] as &[u8], "indefinite length"),
            (&[0xA0, 0x00], "a byte after the map"),
            (&[0xA1, 0x01], "truncated"),
            (&[0xA2, 0x02, 0x00, 0x01, 0x00], "keys out of order"),
            (&[0xA2, 0x01, 0x00, 0x01, 0x00], "a key twice"),
            (&[0xA1, 0x18, 0x01, 0x00], "an integer not in its shortest form"),
            (&[0xA1, 0x01, 0xC0, 0x00], "a tag"),
            (&[0xA1, 0x01, 0x61, 0xFF], "text that is not UTF-8"),
            (&[0xA1, 0x18, 0x7F, 0x81, 0x81, 0x81, 0x81, 0x00], "nested five deep"),
        ] {
            let message = [&[command.0], broken].concat();
            assert_eq!(rig.call_silently(&message), status(Status::INVALID_CBOR), "{command}: {what}");
        }
        // Four deep, under a key that nobody knows.
        let message = [&[command.0], [0xA1, 0x18, 0x7F, 0x81, 0x81, 0x81, 0x00].as_slice()].concat();
        assert_ne!(rig.call(&message), status(Status::INVALID_CBOR), "{command}: nested four deep");
    }
}

/// Firefox writes `uv` before `up`. Nothing else may be out of order, and no key may come twice.
#[test]
fn the_keys_of_options_may_stand_in_any_order_and_no_others() {
    let mut rig = Rig::new(everything());
    rig.call(&registration("alice").encode());
    let hash = [&[0x58, 0x20][..], &[7; 32]].concat();
    let message = |options: &[u8]| {
        let start = [&[0x02, 0xA3, 0x01, 0x72][..], RP_ID.as_bytes(), &[0x02], &hash, &[0x05]].concat();
        [&start, options].concat()
    };
    let up = [0x62, b'u', b'p', 0xF5];
    let uv = [0x62, b'u', b'v', 0xF5];
    let of = |keys: &[&[u8]]| [&[0xA0 | u8::try_from(keys.len()).unwrap()][..], &keys.concat()].concat();
    assert_eq!(RP_ID.len(), 18);
    for (options, expected) in [
        (of(&[&up, &uv]), Status::OK),
        (of(&[&uv, &up]), Status::OK),
        (of(&[&uv, &up, &up]), Status::INVALID_CBOR),
        (of(&[&uv, &uv]), Status::INVALID_CBOR),
        (vec![0xBF, 0x62, b'u', b'v', 0xF5, 0x62, b'u', b'p', 0xF5, 0xFF], Status::INVALID_CBOR),
        ([&of(&[&uv, &up])[..], &[0x00]].concat(), Status::INVALID_CBOR),
    ] {
        assert_eq!(rig.call(&message(&options))[0], expected.0, "{options:02x?}");
    }
    // The parameters themselves: options in front of the hash.
    let [hash_first, options_first] = [[2, 5], [5, 2]].map(|order| {
        let member = |key: u8| {
            if key == 2 { [&[2][..], &hash].concat() } else { [&[5][..], &of(&[&up, &uv])].concat() }
        };
        [&[0x02, 0xA3, 0x01, 0x72][..], RP_ID.as_bytes(), &member(order[0]), &member(order[1])].concat()
    });
    assert_eq!(rig.call(&hash_first)[0], 0);
    assert_eq!(rig.call(&options_first), status(Status::INVALID_CBOR));
}

#[test]
fn an_empty_list_counts_as_none() {
    let mut rig = Rig::new(all_in());
    Pin::new(2).set(&mut rig, PIN).unwrap();
    let token = tokens::token(&mut rig, 2, Permissions::MC, None);
    let request = MakeCredential {
        pin_uv_auth_param: Some(token.authenticate(&registration("alice").client_data_hash)),
        pin_uv_auth_protocol: Some(2),
        ..registration("alice")
    };
    let with_empty_list = |message: &[u8], key: i64| {
        let Value::Map(mut members) = cbor::decode(&message[1..]).unwrap() else { panic!() };
        members.push((key.into(), Value::Array(vec![])));
        [&message[..1], cbor::encode(&Value::Map(members)).as_slice()].concat()
    };
    assert_eq!(rig.call(&with_empty_list(&request.encode(), 5))[0], 0, "excludeList");
    assert_eq!(
        rig.call(&with_empty_list(&sign_in().encode(), 3))[0],
        0,
        "allowList: the passkey is discovered"
    );
}
