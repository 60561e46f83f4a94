//! What profiles with a PIN and settings advertise of them.
use super::{configure, every, made, rp_ids};
use authenticator::profile::Verification;
use tests::platform::{Pin, Token};
use tests::{RP_ID, Rig, registration, status};
use wire::cbor;
use wire::ctap2::{BioEnrollmentResponse, ClientPin, Command, MakeCredential, Permissions, client_pin};
use wire::status::Status;
use wire::webauthn::Flags;

/// A PIN that every policy of a built-in profile lets pass.
const PIN: &str = "a1b2c3d4";

/// getCredsMetadata with that token, by either command.
fn count_credentials(command: Command, token: &Token) -> Vec<u8> {
    let param = token.authenticate(&[0x01]);
    let members = [(1, Some(1.into())), (3, Some(token.protocol.into())), (4, Some(cbor::bytes(param)))];
    [&[command.0], cbor::encode(&cbor::int_map(members)).as_slice()].concat()
}

#[test]
fn profiles_with_a_pin_take_it_and_give_tokens_for_what_they_advertise() {
    let mut tried = 0;
    every(|name, claims, info, _| {
        assert_eq!(
            info.option("clientPin"),
            claims.pin.as_ref().map(|_| false),
            "{name}: there, and not set"
        );
        for &protocol in &info.pin_uv_auth_protocols {
            tried += 1;
            let mut rig = Rig::new(claims.clone());
            let pin = Pin::new(protocol);
            let (min, max) = (info.min_pin_length.unwrap(), info.max_pin_length.unwrap_or(63));
            let digits = |len: u64| "7".repeat(usize::try_from(len).unwrap());
            for wrong in [min - 1, max + 1] {
                assert_eq!(
                    pin.set(&mut rig, &digits(wrong)),
                    Err(Status::PIN_POLICY_VIOLATION),
                    "{name} {wrong}"
                );
            }
            pin.set(&mut rig, &digits(min)).unwrap();
            pin.change(&mut rig, &digits(min), &digits(max)).unwrap();
            pin.change(&mut rig, &digits(max), PIN).unwrap();
            assert_eq!(super::info(&mut rig).option("clientPin"), Some(true), "{name}");
            assert_eq!(pin.retries(&mut rig).unwrap().0, 8, "{name}");

            for (permission, option) in [
                (Permissions::MC, "pinUvAuthToken"),
                (Permissions::GA, "pinUvAuthToken"),
                (Permissions::CM, "credMgmt"),
                (Permissions::BE, "bioEnroll"),
                (Permissions::LBW, "largeBlobs"),
                (Permissions::ACFG, "authnrCfg"),
                (Permissions::PCMR, "perCredMgmtRO"),
            ] {
                let given = pin.token(&mut rig, PIN, permission, Some(RP_ID)).err();
                let refused = match info.option("pinUvAuthToken") {
                    None => Some(Status::INVALID_SUBCOMMAND),
                    Some(_) => info.option(option).is_none().then_some(Status::UNAUTHORIZED_PERMISSION),
                };
                assert_eq!(given, refused, "{name}: {option}");
            }
            // makeCredUvNotRqd: only what can be discovered needs the PIN.
            let without = rig.call(&MakeCredential { rk: Some(false), ..registration("b") }.encode());
            let expected =
                if info.option("makeCredUvNotRqd") == Some(true) { 0 } else { Status::PUAT_REQUIRED.0 };
            assert_eq!(without[0], expected, "{name}: makeCredUvNotRqd");
            assert_eq!(
                rig.call_silently(&registration("b").encode()),
                status(Status::PUAT_REQUIRED),
                "{name}"
            );
            let token = |rig: &mut Rig, permissions, rp_id| match info.option("pinUvAuthToken") {
                None => pin.plain_token(rig, PIN).unwrap(),
                Some(_) => pin.token(rig, PIN, permissions, rp_id).unwrap(),
            };
            let given = token(&mut rig, Permissions::MC, Some(RP_ID));
            let request = registration("b");
            let param = Some(given.authenticate(&request.client_data_hash));
            let with =
                MakeCredential { pin_uv_auth_param: param, pin_uv_auth_protocol: Some(protocol), ..request };
            assert!(made(&rig.call(&with.encode())).1.flags.contains(Flags::UP | Flags::UV), "{name}");

            for (option, command, permission) in [
                ("credMgmt", Command::CREDENTIAL_MANAGEMENT, Permissions::CM),
                ("credentialMgmtPreview", Command::CREDENTIAL_MANAGEMENT_PREVIEW, Permissions::CM),
                ("perCredMgmtRO", Command::CREDENTIAL_MANAGEMENT, Permissions::PCMR),
            ] {
                if info.option(option) == Some(true) {
                    let given = token(&mut rig, permission, None);
                    assert_eq!(
                        rig.call_silently(&count_credentials(command, &given))[0],
                        0,
                        "{name}: {option}"
                    );
                }
            }
            let unknown =
                ClientPin { protocol: Some(3), ..ClientPin::new(client_pin::Subcommand::GET_KEY_AGREEMENT) };
            assert_eq!(
                pin.send(&mut rig, &unknown),
                Err(Status::INVALID_PARAMETER),
                "{name}: protocol three"
            );
        }
    });
    assert!(tried >= 4, "two profiles with two protocols each");
}

#[test]
fn profiles_have_the_settings_that_they_advertise_and_no_others() {
    every(|name, _, info, mut rig| {
        if info.option("authnrCfg").is_none() {
            return;
        }
        let mut send = |message: Vec<u8>| rig.call_silently(&message);
        let max = usize::try_from(info.max_rp_ids_for_set_min_pin_length.unwrap()).unwrap();
        let ids = |count| configure(3, Some(cbor::int_map([(2, Some(rp_ids(count)))])));
        assert_eq!(send(ids(max)), status(Status::OK), "{name}: maxRPIDsForSetMinPINLength");
        assert_eq!(send(ids(max + 1)), status(Status::KEY_STORE_FULL), "{name}");
        let longer = info.min_pin_length.unwrap() + 2;
        for (subcommand, advertised) in [
            (1, info.option("ep").is_some()),
            (3, info.option("setMinPINLength").is_some()),
            (4, info.long_touch_for_reset.is_some()),
            (5, false),
            (0xFF, false),
            // The last: from then on a token is wanted.
            (2, info.option("alwaysUv").is_some()),
        ] {
            let expected = if advertised { Status::OK } else { Status::INVALID_PARAMETER };
            let parameters = (subcommand == 3).then(|| cbor::int_map([(1, Some(longer.into()))]));
            assert_eq!(send(configure(subcommand, parameters)), status(expected), "{name}: {subcommand}");
        }
        let now = super::info(&mut rig);
        assert_eq!(now.option("alwaysUv"), Some(true), "{name}");
        assert_eq!(now.min_pin_length, Some(longer), "{name}");
        assert_eq!(now.long_touch_for_reset, info.long_touch_for_reset.map(|_| true), "{name}");
    });
}

/// A bioEnrollment request with the proof of a token over modality, subcommand and parameters.
fn enrolling(subcommand: u8, parameters: Option<cbor::Value>, token: &Token) -> Vec<u8> {
    let mut message = vec![1, subcommand];
    if let Some(parameters) = &parameters {
        message.extend(cbor::encode(parameters));
    }
    let members = [
        (1, Some(1.into())),
        (2, Some(subcommand.into())),
        (3, parameters),
        (4, Some(token.protocol.into())),
        (5, Some(cbor::bytes(token.authenticate(&message)))),
    ];
    [&[Command::BIO_ENROLLMENT.0], cbor::encode(&cbor::int_map(members)).as_slice()].concat()
}

#[test]
fn profiles_with_a_reader_enrol_as_many_fingers_as_they_hold_and_verify_by_them() {
    let mut tried = 0;
    every(|name, claims, info, mut rig| {
        let Verification::Enrollable { capacity, samples, preview: false, .. } = claims.verification else {
            return;
        };
        tried += 1;
        assert_eq!((info.option("bioEnroll"), info.option("uv")), (Some(false), Some(false)), "{name}");
        let pin = Pin::new(2);
        pin.set(&mut rig, PIN).unwrap();
        let mut token = pin.token(&mut rig, PIN, Permissions::BE, None).unwrap();
        for finger in 0..capacity {
            let begun = BioEnrollmentResponse::decode(&rig.call(&enrolling(1, None, &token))).unwrap();
            let id = begun.template_id.unwrap();
            let mut remaining = begun.remaining_samples.unwrap();
            assert_eq!(remaining, u64::from(samples) - 1, "{name}");
            while remaining > 0 {
                let of_finger = cbor::int_map([(1, Some(cbor::bytes(id.as_slice())))]);
                let next = BioEnrollmentResponse::decode(&rig.call(&enrolling(2, Some(of_finger), &token)));
                remaining = next.unwrap().remaining_samples.unwrap();
            }
            let now = super::info(&mut rig);
            assert_eq!((now.option("bioEnroll"), now.option("uv")), (Some(true), Some(true)), "{name}");
            // uvBioEnroll: whether the first finger may bring the next.
            let by_finger =
                pin.token_by_uv(&mut rig, Permissions::BE, None, |_| authenticator::Gesture::Verified);
            assert_eq!(by_finger.is_ok(), info.option("uvBioEnroll") == Some(true), "{name}: {finger}");
            token = by_finger.unwrap_or_else(|_| pin.token(&mut rig, PIN, Permissions::BE, None).unwrap());
        }
        assert_eq!(
            rig.call_silently(&enrolling(1, None, &token)),
            status(Status::FP_DATABASE_FULL),
            "{name}"
        );
        let verified = MakeCredential { uv: Some(true), ..registration("b") };
        assert!(made(&rig.call(&verified.encode())).1.flags.contains(Flags::UP | Flags::UV), "{name}");
    });
    assert!(tried > 0, "there is a profile with a reader");
}
