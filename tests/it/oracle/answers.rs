//! Answers of a real authenticator, as they decode them.
use super::theirs;
use crate::extensions::{inputs, salts::Platform};
use crate::tokens::{PIN, token};
use authenticator::profile::{CredentialManagementClaims, Extension, Profile, Verification};
use ctap_types::ctap2::{
    client_pin, credential_management, get_assertion, get_info, large_blobs, make_credential,
};
use tests::platform::Pin;
use tests::{RP_ID, Rig, all_in, everything, listed, registration, sign_in};
use wire::cbor::{self, Value};
use wire::ctap2::client_pin::Subcommand as Pinning;
use wire::ctap2::credential_management::Subcommand as Managing;
use wire::ctap2::{
    ClientPin, ClientPinResponse, CredentialManagement, GetAssertion, GetAssertionResponse, GetInfoResponse,
    LargeBlobs, MakeCredential, MakeCredentialResponse, Permissions,
};
use wire::webauthn::AuthenticatorData;

/// What follows the status, which is OK.
fn members(reply: &[u8]) -> &[u8] {
    assert_eq!(reply[0], 0, "{reply:02x?}");
    &reply[1..]
}

/// They type encIdentifier and encCredStoreState as text, and have neither perCredMgmtRO nor pinComplexityPolicy:
/// without those, all of it.
#[test]
fn get_info_is_theirs_but_for_what_they_cannot_say() {
    let claims = all_in();
    let persistent =
        CredentialManagementClaims { persistent_read_only: false, ..claims.credential_management };
    let extensions =
        claims.extensions.iter().copied().filter(|e| *e != Extension::PinComplexityPolicy).collect();
    let profile =
        Profile { credential_management: persistent, tells_identifier: false, extensions, ..claims };
    // Nor fido-u2f.
    let profile = Profile { further_attestations: vec![], ..profile };
    for profile in [everything(), profile] {
        let mut rig = Rig::new(profile.clone());
        let reply = rig.call(&GetInfoResponse::request());
        let ours = GetInfoResponse::decode(&reply).unwrap();
        let read: get_info::Response = cbor_smol::cbor_deserialize(members(&reply)).unwrap();
        assert_eq!(read.aaguid.as_slice(), profile.aaguid.0);
        assert_eq!(read.versions.len(), ours.versions.len());
        let extensions = read.extensions.iter().flatten().map(|extension| <&str>::from(*extension));
        assert_eq!(extensions.collect::<Vec<_>>(), ours.extensions);
        let number = |theirs: Option<usize>| theirs.map(|n| u64::try_from(n).unwrap());
        assert_eq!(number(read.max_msg_size), ours.max_msg_size);
        assert_eq!(number(read.max_creds_in_list), ours.max_credential_count_in_list);
        assert_eq!(number(read.max_cred_id_length), ours.max_credential_id_length);
        assert_eq!(number(read.max_serialized_large_blob_array), ours.max_serialized_large_blob_array);
        assert_eq!(read.min_pin_length.map(u64::from), ours.min_pin_length);
        assert_eq!(read.force_pin_change, ours.force_pin_change);
        let protocols = read.pin_protocols.map(|list| list.iter().map(|p| i64::from(*p)).collect::<Vec<_>>());
        assert_eq!(protocols.unwrap_or_default(), ours.pin_uv_auth_protocols);
        let options = read.options.unwrap();
        let ours = |name: &str| ours.options.iter().find(|(option, _)| option == name).map(|(_, set)| *set);
        assert_eq!(Some(options.rk), ours("rk"));
        assert_eq!(options.client_pin, ours("clientPin"));
        assert_eq!(options.cred_mgmt, ours("credMgmt"));
        assert_eq!(options.large_blobs, ours("largeBlobs"));
        assert_eq!(options.pin_uv_auth_token, ours("pinUvAuthToken"));
        assert_eq!(options.always_uv, ours("alwaysUv"));
    }
}

#[test]
fn created_and_signed_with_every_extension_that_they_know() {
    for protocol in [1, 2] {
        let mut rig = Rig::new(all_in());
        let salts = Platform::agree(&mut rig, protocol).input(&[[7; 32], [8; 32]]);
        let request = MakeCredential {
            extensions: inputs(&[
                ("credBlob", cbor::bytes([1, 2, 3])),
                ("credProtect", 1.into()),
                ("hmac-secret", true.into()),
                ("hmac-secret-mc", salts.clone()),
                ("largeBlobKey", true.into()),
                ("thirdPartyPayment", true.into()),
            ]),
            ..registration("alice")
        };
        let reply = rig.call(&request.encode());
        let ours = MakeCredentialResponse::decode(&reply).unwrap();
        let read: make_credential::Response = theirs(members(&reply));
        assert_eq!(read.auth_data.as_slice(), ours.auth_data);
        assert_eq!(read.large_blob_key.map(|key| key.to_vec()), ours.large_blob_key);
        let data = AuthenticatorData::decode(&ours.auth_data).unwrap();
        let outputs = cbor::encode(&data.extensions.unwrap());
        let outputs: make_credential::ExtensionsOutput = theirs(&outputs);
        assert_eq!((outputs.cred_blob, outputs.cred_protect), (Some(true), Some(1)));
        assert_eq!((outputs.hmac_secret, outputs.third_party_payment), (Some(true), Some(true)));
        assert_eq!(
            outputs.hmac_secret_mc.map(|sealed| sealed.len()),
            Some(if protocol == 1 { 64 } else { 80 })
        );

        let request = GetAssertion {
            extensions: inputs(&[
                ("credBlob", true.into()),
                ("hmac-secret", salts),
                ("largeBlobKey", true.into()),
                ("thirdPartyPayment", true.into()),
            ]),
            ..sign_in()
        };
        let reply = rig.call(&request.encode());
        let ours = GetAssertionResponse::decode(&reply).unwrap();
        let read: get_assertion::Response = theirs(members(&reply));
        assert_eq!(read.signature.as_slice(), ours.signature);
        assert_eq!(read.user.unwrap().id.as_slice(), b"alice");
        assert_eq!(read.large_blob_key.map(|key| key.to_vec()), ours.large_blob_key);
        let data = AuthenticatorData::decode(&ours.auth_data).unwrap();
        let outputs = cbor::encode(&data.extensions.unwrap());
        let outputs: get_assertion::ExtensionsOutput = theirs(&outputs);
        assert_eq!(outputs.cred_blob.map(|blob| blob.to_vec()), Some(vec![1, 2, 3]));
        assert_eq!(outputs.third_party_payment, Some(true));
    }
}

#[test]
fn every_account_of_a_sequence() {
    let mut rig = Rig::new(everything());
    for user in ["alice", "bob"] {
        rig.call(&registration(user).encode());
    }
    let reply = rig.call(&sign_in().encode());
    let first: get_assertion::Response = theirs(members(&reply));
    assert_eq!(
        (first.user.unwrap().id.as_slice(), first.number_of_credentials),
        (b"bob".as_slice(), Some(2))
    );
    let reply = rig.call(&[0x08]);
    let next: get_assertion::Response = theirs(members(&reply));
    assert_eq!((next.user.unwrap().id.as_slice(), next.number_of_credentials), (b"alice".as_slice(), None));
}

#[test]
fn client_pin_answers_of_every_subcommand() {
    let profile = Profile { verification: Verification::OnRequest, ..all_in() };
    for platform in [Pin::new(1), Pin::new(2)] {
        let mut rig = Rig::new(profile.clone());
        platform.set(&mut rig, PIN).unwrap();
        let shared = platform.agree(&mut rig);
        let asked =
            |subcommand| ClientPin { protocol: Some(platform.protocol), ..ClientPin::new(subcommand) };
        for request in [
            asked(Pinning::GET_PIN_RETRIES),
            asked(Pinning::GET_KEY_AGREEMENT),
            shared.plain_token(PIN),
            shared.token_by_uv(Permissions::MC, None),
            asked(Pinning::GET_UV_RETRIES),
            shared.token_by_pin(PIN, Permissions::MC, Some(RP_ID)),
        ] {
            let reply = rig.call(&request.encode());
            let ours = ClientPinResponse::decode(&reply).unwrap();
            let read: client_pin::Response = theirs(members(&reply));
            assert_eq!(read.retries.map(u64::from), ours.pin_retries);
            assert_eq!(read.uv_retries.map(u64::from), ours.uv_retries);
            assert_eq!(read.power_cycle_state, ours.power_cycle_state);
            assert_eq!(read.pin_token.map(|sealed| sealed.to_vec()), ours.pin_uv_auth_token);
            let key = read.key_agreement.map(|key| (key.x.to_vec(), key.y.to_vec()));
            assert_eq!(key, ours.key_agreement.map(|key| (key.x.to_vec(), key.y.to_vec())));
        }
    }
}

#[test]
fn credential_management_answers_of_every_subcommand() {
    let mut rig = Rig::new(all_in());
    let extensions = inputs(&[
        ("credProtect", 2.into()),
        ("largeBlobKey", true.into()),
        ("thirdPartyPayment", true.into()),
    ]);
    rig.call(&MakeCredential { extensions, ..registration("alice") }.encode());
    rig.call(&registration("bob").encode());
    let mut elsewhere = registration("carol");
    elsewhere.rp.id = "other.example.test".into();
    rig.call(&elsewhere.encode());
    Pin::new(2).set(&mut rig, PIN).unwrap();
    let token = token(&mut rig, 2, Permissions::CM, None);

    let mut manage = |subcommand: Managing, raw_parameters: Option<Value>| {
        let mut message = vec![u8::try_from(subcommand.0).unwrap()];
        message.extend(raw_parameters.iter().flat_map(cbor::encode));
        let request = CredentialManagement {
            subcommand,
            raw_parameters,
            rp_id_hash: None,
            credential: None,
            user: None,
            protocol: Some(2),
            pin_uv_auth_param: Some(token.authenticate(&message)),
        };
        let reply = rig.call_silently(&request.encode());
        theirs::<credential_management::Response>(members(&reply))
    };
    let counted = manage(Managing::GET_CREDS_METADATA, None);
    assert_eq!(counted.existing_resident_credentials_count, Some(3));
    assert_eq!(counted.max_possible_remaining_residential_credentials_count, Some(97));
    let first = manage(Managing::ENUMERATE_RPS_BEGIN, None);
    let next = manage(Managing::ENUMERATE_RPS_NEXT, None);
    assert_eq!((first.total_rps, next.total_rps), (Some(2), None));
    let of = [first, next].into_iter().find(|rp| rp.rp.as_ref().is_some_and(|rp| rp.id == RP_ID)).unwrap();
    let hash = cbor::int_map([(1, Some(cbor::bytes(**of.rp_id_hash.as_ref().unwrap())))]);
    let bob = manage(Managing::ENUMERATE_CREDENTIALS_BEGIN, Some(hash));
    let alice = manage(Managing::ENUMERATE_CREDENTIALS_NEXT, None);
    assert_eq!((bob.total_credentials, alice.total_credentials), (Some(2), None));
    assert_eq!(bob.user.unwrap().id.as_slice(), b"bob");
    assert_eq!(alice.user.unwrap().name.unwrap().as_str(), "alice@example.test");
    let level = alice.cred_protect.map(|level| level as u8);
    assert_eq!(
        (level, alice.third_party_payment, alice.large_blob_key.is_some()),
        (Some(2), Some(true), true)
    );
    assert!(alice.public_key.is_some() && alice.credential_id.is_some());
}

#[test]
fn a_large_blob_array() {
    let mut rig = Rig::new(all_in());
    let request = LargeBlobs { get: Some(100), offset: Some(0), ..LargeBlobs::default() };
    let reply = rig.call(&request.encode());
    let read: large_blobs::Response = theirs(members(&reply));
    assert_eq!(read.config.unwrap().as_slice(), authenticator::store::NO_LARGE_BLOBS);
}

#[test]
fn refusals_are_a_status_that_they_know() {
    let mut rig = Rig::new(all_in());
    let nothing = rig.call(&GetAssertion { allow_list: vec![listed(b"none")], ..sign_in() }.encode());
    assert_eq!(nothing, [ctap_types::ctap2::Error::NoCredentials as u8]);
}
