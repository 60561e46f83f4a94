//! Requests: ours is theirs, and theirs is ours.
use super::theirs;
use crate::extensions::{inputs, salts::Platform};
use ctap_types::ctap2::client_pin::{PinV1Subcommand, Request as TheirClientPin};
use ctap_types::ctap2::config::Request as TheirConfig;
use ctap_types::ctap2::credential_management::{Request as TheirManagement, Subcommand as TheirManaging};
use ctap_types::ctap2::large_blobs::Request as TheirLargeBlobs;
use ctap_types::ctap2::{Request, get_assertion, make_credential};
use tests::platform::Pin;
use tests::{RP_ID, Rig, all_in, listed, registration, sign_in};
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::ctap2::client_pin::Subcommand as Pinning;
use wire::ctap2::config::Subcommand as Configuring;
use wire::ctap2::credential_management::Subcommand as Managing;
use wire::ctap2::{
    ClientPin, Config, CredentialManagement, GetAssertion, LargeBlobs, MakeCredential, Permissions,
};

/// What ours reads out of the bytes that theirs writes.
fn ours(message: &[u8]) -> wire::ctap2::Request {
    wire::ctap2::Request::decode(message).unwrap()
}

#[test]
fn make_credential_is_theirs_with_every_member_that_they_know() {
    let mut rig = Rig::new(all_in());
    let salts = Platform::agree(&mut rig, 2).input(&[[7; 32], [8; 32]]);
    let full = MakeCredential {
        algorithms: vec![Algorithm::ES256, Algorithm::EDDSA],
        exclude_list: vec![listed(b"one"), listed(b"two")],
        extensions: inputs(&[
            ("credBlob", cbor::bytes([1, 2, 3])),
            ("credProtect", 2.into()),
            ("hmac-secret", true.into()),
            ("hmac-secret-mc", salts),
            ("largeBlobKey", true.into()),
            ("minPinLength", true.into()),
            ("thirdPartyPayment", true.into()),
        ]),
        uv: Some(true),
        up: Some(true),
        pin_uv_auth_param: Some(vec![9; 32]),
        pin_uv_auth_protocol: Some(2),
        enterprise_attestation: Some(1),
        attestation_formats: Some(vec!["packed".into(), "none".into()]),
        ..registration("alice")
    };
    for ours in [full, registration("bob")] {
        let message = ours.encode();
        let Ok(Request::MakeCredential(theirs)) = Request::deserialize(&message) else {
            panic!("it does not decode")
        };
        assert_eq!(theirs.client_data_hash.as_ref(), ours.client_data_hash);
        assert_eq!((theirs.rp.id.as_str(), theirs.user.id.as_slice()), (RP_ID, ours.user.id.as_slice()));
        assert_eq!(theirs.user.name.as_ref().map(|n| n.as_str()), ours.user.name.as_deref());
        let display_name = theirs.user.display_name.as_ref().map(|n| n.as_str());
        assert_eq!(display_name, ours.user.display_name.as_deref());
        assert_eq!(theirs.pub_key_cred_params.0.len(), ours.algorithms.len());
        assert_eq!(theirs.exclude_list.map_or(0, |list| list.len()), ours.exclude_list.len());
        let options = theirs.options.unwrap();
        assert_eq!((options.rk, options.up, options.uv), (ours.rk, ours.up, ours.uv));
        assert_eq!(theirs.pin_auth.map(|param| param.to_vec()), ours.pin_uv_auth_param);
        assert_eq!(theirs.pin_protocol.map(i64::from), ours.pin_uv_auth_protocol);
        assert_eq!(theirs.enterprise_attestation.map(i64::from), ours.enterprise_attestation);
        let Some(extensions) = theirs.extensions else { continue };
        assert_eq!(extensions.cred_protect, Some(2));
        assert_eq!(extensions.cred_blob.map(|blob| blob.to_vec()), Some(vec![1, 2, 3]));
        assert_eq!(extensions.hmac_secret_mc.unwrap().salt_enc.len(), 16 + 64);
        let told = [extensions.hmac_secret, extensions.large_blob_key, extensions.min_pin_length];
        assert_eq!((told, extensions.third_party_payment), ([Some(true); 3], Some(true)));
    }
}

/// They cut names and drop unusable algorithms, so that the bytes are the same only for what they keep whole.
#[test]
fn make_credential_that_they_write_is_read_as_it_was() {
    let ours = MakeCredential { exclude_list: vec![listed(b"one")], ..registration("alice") };
    let message = ours.encode();
    theirs::<make_credential::Request<'_>>(&message[1..]);
}

#[test]
fn get_assertion_is_theirs_with_every_member_that_they_know() {
    let mut rig = Rig::new(all_in());
    let salts = Platform::agree(&mut rig, 1).input(&[[7; 32]]);
    let full = GetAssertion {
        allow_list: vec![listed(b"one"), listed(b"two")],
        extensions: inputs(&[
            ("credBlob", true.into()),
            ("hmac-secret", salts),
            ("largeBlobKey", true.into()),
            ("thirdPartyPayment", true.into()),
        ]),
        up: Some(false),
        uv: Some(true),
        pin_uv_auth_param: Some(vec![9; 16]),
        pin_uv_auth_protocol: Some(1),
        ..sign_in()
    };
    for ours in [full, sign_in()] {
        let message = ours.encode();
        let read: get_assertion::Request<'_> = theirs(&message[1..]);
        assert_eq!((read.rp_id, read.client_data_hash.as_ref()), (RP_ID, ours.client_data_hash.as_slice()));
        let ids: Vec<Vec<u8>> = read.allow_list.iter().flatten().map(|listed| listed.id.to_vec()).collect();
        assert_eq!(ids, ours.allow_list.iter().map(|listed| listed.id.clone()).collect::<Vec<_>>());
        let options = read.options.as_ref().map(|options| (options.up, options.uv));
        assert_eq!(options.unwrap_or_default(), (ours.up, ours.uv));
        assert_eq!(read.pin_auth.map(|param| param.to_vec()), ours.pin_uv_auth_param);
        assert_eq!(read.pin_protocol.map(i64::from), ours.pin_uv_auth_protocol);
        assert_eq!(read.extensions.is_some(), ours.extensions.is_some());
    }
}

#[test]
fn commands_without_parameters_are_theirs() {
    for (byte, name) in [(0x04, "GetInfo"), (0x07, "Reset"), (0x08, "GetNextAssertion"), (0x0B, "Selection")]
    {
        assert_eq!(format!("{:?}", Request::deserialize(&[byte]).unwrap()), name);
        ours(&[byte]);
    }
}

#[test]
fn client_pin_is_theirs_in_every_subcommand_and_protocol() {
    for platform in [Pin::new(1), Pin::new(2)] {
        let shared = platform.agree(&mut Rig::new(all_in()));
        let asked =
            |subcommand| ClientPin { protocol: Some(platform.protocol), ..ClientPin::new(subcommand) };
        let permissions = Permissions::MC | Permissions::CM;
        let requests = [
            (asked(Pinning::GET_PIN_RETRIES), PinV1Subcommand::GetRetries),
            (asked(Pinning::GET_KEY_AGREEMENT), PinV1Subcommand::GetKeyAgreement),
            (shared.set_pin(b"1234"), PinV1Subcommand::SetPin),
            (shared.change_pin("1234", b"56789"), PinV1Subcommand::ChangePin),
            (shared.plain_token("1234"), PinV1Subcommand::GetPinToken),
            (
                shared.token_by_uv(permissions, Some(RP_ID)),
                PinV1Subcommand::GetPinUvAuthTokenUsingUvWithPermissions,
            ),
            (asked(Pinning::GET_UV_RETRIES), PinV1Subcommand::GetUVRetries),
            (
                shared.token_by_pin("1234", permissions, Some(RP_ID)),
                PinV1Subcommand::GetPinUvAuthTokenUsingPinWithPermissions,
            ),
        ];
        for (request, subcommand) in requests {
            let message = request.encode();
            let read: TheirClientPin<'_> = theirs(&message[1..]);
            assert_eq!(
                (read.pin_protocol.map(i64::from), &read.sub_command),
                (request.protocol, &subcommand)
            );
            let key = read.key_agreement.map(|key| (key.x.to_vec(), key.y.to_vec()));
            let own = request.key_agreement.is_some().then_some(&shared.key_agreement);
            assert_eq!(key, own.map(|key| (key.x.to_vec(), key.y.to_vec())), "{subcommand:?}");
            assert_eq!(read.pin_auth.map(|b| b.to_vec()), request.pin_uv_auth_param, "{subcommand:?}");
            assert_eq!(read.new_pin_enc.map(|b| b.to_vec()), request.new_pin_enc, "{subcommand:?}");
            assert_eq!(read.pin_hash_enc.map(|b| b.to_vec()), request.pin_hash_enc, "{subcommand:?}");
            assert_eq!(read.permissions.map(i64::from), request.permissions, "{subcommand:?}");
            assert_eq!(read.rp_id, request.rp_id.as_deref(), "{subcommand:?}");
            assert_eq!(ours(&message), wire::ctap2::Request::ClientPin(request));
        }
    }
}

#[test]
fn credential_management_is_theirs_in_every_subcommand() {
    let descriptor =
        cbor::text_map([("id", Some(cbor::bytes([4; 32]))), ("type", Some(cbor::text("public-key")))]);
    let user = cbor::text_map([
        ("id", Some(cbor::bytes(*b"alice"))),
        ("name", Some(cbor::text("alice@example.test"))),
        ("displayName", Some(cbor::text("Alice"))),
    ]);
    let by_hash = cbor::int_map([(1, Some(cbor::bytes([3; 32])))]);
    let by_id = cbor::int_map([(2, Some(descriptor.clone()))]);
    let with_user = cbor::int_map([(2, Some(descriptor)), (3, Some(user))]);
    let requests = [
        (Managing::GET_CREDS_METADATA, None, TheirManaging::GetCredsMetadata),
        (Managing::ENUMERATE_RPS_BEGIN, None, TheirManaging::EnumerateRpsBegin),
        (Managing::ENUMERATE_RPS_NEXT, None, TheirManaging::EnumerateRpsGetNextRp),
        (Managing::ENUMERATE_CREDENTIALS_BEGIN, Some(by_hash), TheirManaging::EnumerateCredentialsBegin),
        (Managing::ENUMERATE_CREDENTIALS_NEXT, None, TheirManaging::EnumerateCredentialsGetNextCredential),
        (Managing::DELETE_CREDENTIAL, Some(by_id), TheirManaging::DeleteCredential),
        (Managing::UPDATE_USER_INFORMATION, Some(with_user), TheirManaging::UpdateUserInformation),
    ];
    for (subcommand, raw_parameters, expected) in requests {
        let request = CredentialManagement {
            subcommand,
            raw_parameters,
            rp_id_hash: None,
            credential: None,
            user: None,
            protocol: Some(2),
            pin_uv_auth_param: Some(vec![5; 32]),
        };
        let message = request.encode();
        let read: TheirManagement<'_> = theirs(&message[1..]);
        assert_eq!((read.sub_command, read.pin_protocol), (expected, Some(2)));
        assert_eq!(read.pin_auth.map(|b| b.to_vec()), request.pin_uv_auth_param);
        let wire::ctap2::Request::CredentialManagement(again) = ours(&message) else { panic!() };
        let Some(parameters) = read.sub_command_params else {
            assert_eq!(again.raw_parameters, None);
            continue;
        };
        assert_eq!(parameters.rp_id_hash.map(|hash| **hash), again.rp_id_hash);
        let id = parameters.credential_id.map(|descriptor| descriptor.id.to_vec());
        assert_eq!(id, again.credential.map(|descriptor| descriptor.id));
        let name = parameters.user.and_then(|user| user.name.map(|name| name.as_str().to_owned()));
        assert_eq!(name, again.user.and_then(|user| user.name));
    }
}

#[test]
fn large_blobs_is_theirs_reading_and_writing() {
    let read = LargeBlobs { get: Some(960), offset: Some(17), ..LargeBlobs::default() };
    let write = LargeBlobs {
        set: Some(vec![6; 40]),
        offset: Some(0),
        length: Some(40),
        pin_uv_auth_param: Some(vec![5; 32]),
        protocol: Some(2),
        ..LargeBlobs::default()
    };
    for request in [read, write] {
        let message = request.encode();
        let read: TheirLargeBlobs<'_> = theirs(&message[1..]);
        assert_eq!((read.get.map(u64::from), Some(u64::from(read.offset))), (request.get, request.offset));
        assert_eq!(read.set.map(|fragment| fragment.to_vec()), request.set);
        assert_eq!(read.length.map(u64::from), request.length);
        assert_eq!(read.pin_uv_auth_param.map(|b| b.to_vec()), request.pin_uv_auth_param);
        assert_eq!(read.pin_uv_auth_protocol.map(i64::from), request.protocol);
        assert_eq!(ours(&message), wire::ctap2::Request::LargeBlobs(request));
    }
}

#[test]
fn config_is_theirs_in_every_subcommand() {
    let rp_ids = Value::Array(vec![cbor::text(RP_ID), cbor::text("other.example.test")]);
    let parameters = cbor::int_map([(1, Some(8.into())), (2, Some(rp_ids)), (3, Some(true.into()))]);
    for (subcommand, raw_parameters) in [
        (Configuring::ENABLE_ENTERPRISE_ATTESTATION, None),
        (Configuring::TOGGLE_ALWAYS_UV, None),
        (Configuring::SET_MIN_PIN_LENGTH, Some(parameters)),
        (Configuring::ENABLE_LONG_TOUCH_FOR_RESET, None),
    ] {
        let request = Config {
            subcommand,
            raw_parameters,
            new_min_pin_length: None,
            min_pin_length_rp_ids: None,
            force_change_pin: None,
            pin_complexity_policy: None,
            protocol: Some(2),
            pin_uv_auth_param: Some(vec![5; 32]),
        };
        let message = request.encode();
        let read: TheirConfig<'_> = theirs(&message[1..]);
        assert_eq!((read.sub_command as i64, read.pin_protocol), (subcommand.0, Some(2)));
        let wire::ctap2::Request::Config(again) = ours(&message) else { panic!() };
        let Some(parameters) = read.sub_command_params else {
            assert_eq!(again.raw_parameters, None);
            continue;
        };
        assert_eq!(parameters.new_min_pin_length.map(u64::from), again.new_min_pin_length);
        assert_eq!(parameters.force_change_pin, again.force_change_pin);
        let rp_ids =
            parameters.min_pin_length_rp_ids.map(|ids| ids.iter().map(ToString::to_string).collect());
        assert_eq!(rp_ids, again.min_pin_length_rp_ids);
    }
}
