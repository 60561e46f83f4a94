//! authenticatorCredentialManagement, CTAP 2.1 §6.8, subcommand by subcommand.
mod sequences;

use crate::tokens;
use authenticator::Via;
use authenticator::profile::{CredentialManagementClaims, Extension, Profile};
use authenticator::store::{Change, Credential, CredentialExtensions, Store, StoreError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;
use tests::platform::{Pin, Token};
use tests::{NOW, RP_ID, Rig, USB, all_in, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::ctap2::credential_management::Subcommand;
use wire::ctap2::{
    Command, CredentialManagement, GetAssertion, GetAssertionResponse, MakeCredential,
    MakeCredentialResponse, Permissions, RpEntity, UserEntity,
};
use wire::status::Status;
use wire::time::Instant;
use wire::webauthn::AuthenticatorData;

const COUNT: Subcommand = Subcommand::GET_CREDS_METADATA;
const RPS: Subcommand = Subcommand::ENUMERATE_RPS_BEGIN;
const NEXT_RP: Subcommand = Subcommand::ENUMERATE_RPS_NEXT;
const CREDENTIALS: Subcommand = Subcommand::ENUMERATE_CREDENTIALS_BEGIN;
const NEXT_CREDENTIAL: Subcommand = Subcommand::ENUMERATE_CREDENTIALS_NEXT;
const DELETE: Subcommand = Subcommand::DELETE_CREDENTIAL;
const UPDATE: Subcommand = Subcommand::UPDATE_USER_INFORMATION;

fn request(subcommand: Subcommand, raw_parameters: Option<Value>) -> CredentialManagement {
    CredentialManagement {
        subcommand,
        raw_parameters,
        rp_id_hash: None,
        credential: None,
        user: None,
        protocol: None,
        pin_uv_auth_param: None,
    }
}

fn hash(rp_id: &str) -> [u8; 32] {
    Sha256::digest(rp_id).into()
}

fn credentials_of(rp_id: &str) -> CredentialManagement {
    request(CREDENTIALS, Some(cbor::int_map([(1, Some(cbor::bytes(hash(rp_id))))])))
}

fn descriptor(id: &[u8]) -> Value {
    cbor::text_map([("id", Some(cbor::bytes(id))), ("type", Some(cbor::text("public-key")))])
}

fn delete(id: &[u8]) -> CredentialManagement {
    request(DELETE, Some(cbor::int_map([(2, Some(descriptor(id)))])))
}

fn update(id: &[u8], user: &UserEntity) -> CredentialManagement {
    let user = cbor::text_map([
        ("id", Some(cbor::bytes(user.id.as_slice()))),
        ("name", user.name.as_deref().map(cbor::text)),
        ("displayName", user.display_name.as_deref().map(cbor::text)),
    ]);
    request(UPDATE, Some(cbor::int_map([(2, Some(descriptor(id))), (3, Some(user))])))
}

/// The request with the proof of a token over its subcommand and parameters.
fn proven(request: CredentialManagement, token: &Token) -> CredentialManagement {
    let mut message = vec![u8::try_from(request.subcommand.0).unwrap()];
    if let Some(parameters) = &request.raw_parameters {
        message.extend(cbor::encode(parameters));
    }
    let param = token.authenticate(&message);
    CredentialManagement { pin_uv_auth_param: Some(param), protocol: Some(token.protocol), ..request }
}

fn send(rig: &mut Rig, request: &CredentialManagement) -> Vec<u8> {
    rig.call_silently(&request.encode())
}

/// A request with a fresh token that has cm and no relying party.
fn manage(rig: &mut Rig, request: CredentialManagement) -> Vec<u8> {
    let token = tokens::token(rig, 2, Permissions::CM, None);
    send(rig, &proven(request, &token))
}

fn send_at(rig: &mut Rig, now: Instant, via: Via, subcommand: Subcommand) -> Vec<u8> {
    rig.call_with(now, via, &request(subcommand, None).encode(), |_| unreachable!())
}

/// The members of a response.
fn members(reply: &[u8]) -> BTreeMap<i64, Value> {
    assert_eq!(reply[0], 0, "{reply:02x?}");
    let Value::Map(members) = cbor::decode(&reply[1..]).unwrap() else { panic!() };
    members
        .into_iter()
        .map(|(key, value)| (i64::try_from(key.as_integer().unwrap()).unwrap(), value))
        .collect()
}

fn keys(members: &BTreeMap<i64, Value>) -> Vec<i64> {
    members.keys().copied().collect()
}

/// Registers a discoverable credential with a PIN; its ID and its public key as it stands in attested data.
fn register(rig: &mut Rig, rp_id: &str, user: &str) -> (Vec<u8>, Value) {
    let token = tokens::token(rig, 2, Permissions::MC, Some(rp_id));
    let request = registration(user);
    let request = MakeCredential {
        rp: RpEntity { id: rp_id.into(), name: Some(format!("At {rp_id}")) },
        pin_uv_auth_param: Some(token.authenticate(&request.client_data_hash)),
        pin_uv_auth_protocol: Some(2),
        ..request
    };
    let created = MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap();
    let attested = AuthenticatorData::decode(&created.auth_data).unwrap().attested.unwrap();
    // The COSE key ends the authenticator data, as there are no extensions.
    let at = 37 + 16 + 2 + attested.credential_id.len();
    (attested.credential_id, cbor::decode(&created.auth_data[at..]).unwrap())
}

/// Three credentials at two relying parties, and their IDs.
fn three() -> (Rig, [Vec<u8>; 3]) {
    let mut rig = tokens::protected(all_in());
    let ids = [("a.test", "alice"), ("b.test", "bob"), ("a.test", "carol")];
    let ids = ids.map(|(rp_id, user)| register(&mut rig, rp_id, user).0);
    (rig, ids)
}

#[test]
fn what_is_not_there_is_refused() {
    let mut rig = Rig::new(all_in());
    for unknown in [0, 8, 0x7F, 0xFF, 0x101, i64::MAX] {
        let reply = send(&mut rig, &request(Subcommand(unknown), None));
        assert_eq!(reply, status(Status::INVALID_SUBCOMMAND), "{unknown}");
    }
    for (standard, preview) in [(false, false), (true, false), (false, true), (true, true)] {
        let credential_management =
            CredentialManagementClaims { standard, preview, persistent_read_only: false };
        let mut rig = Rig::new(Profile { credential_management, ..all_in() });
        for (command, there) in
            [(Command::CREDENTIAL_MANAGEMENT, standard), (Command::CREDENTIAL_MANAGEMENT_PREVIEW, preview)]
        {
            let message = [&[command.0], &request(COUNT, None).encode()[1..]].concat();
            let wanted = if there { Status::PUAT_REQUIRED } else { Status::INVALID_COMMAND };
            assert_eq!(rig.call_silently(&message), status(wanted), "{command}");
        }
    }
}

#[test]
fn every_first_subcommand_wants_a_token_over_exactly_this_with_cm() {
    let (mut rig, [id, ..]) = three();
    let user = UserEntity { id: b"alice".into(), ..UserEntity::default() };
    let all =
        [request(COUNT, None), request(RPS, None), credentials_of("a.test"), update(&id, &user), delete(&id)];
    for request in all.clone() {
        assert_eq!(send(&mut rig, &request), status(Status::PUAT_REQUIRED), "{request:?}");
        for protocol in [1, 2] {
            let token = tokens::token(&mut rig, protocol, Permissions::CM, None);
            let with = |protocol| CredentialManagement { protocol, ..proven(request.clone(), &token) };
            assert_eq!(send(&mut rig, &with(None)), status(Status::MISSING_PARAMETER));
            assert_eq!(send(&mut rig, &with(Some(3))), status(Status::INVALID_PARAMETER));
            assert_eq!(send(&mut rig, &with(Some(3 - protocol))), status(Status::PIN_AUTH_INVALID));
            let others = all.iter().filter(|other| **other != request);
            let others = others.map(|other| proven(other.clone(), &token).pin_uv_auth_param);
            for wrong in others.chain([Some(vec![]), Some(vec![0; 16]), Some(vec![0; 32])]) {
                let request =
                    CredentialManagement { pin_uv_auth_param: wrong, ..proven(request.clone(), &token) };
                assert_eq!(send(&mut rig, &request), status(Status::PIN_AUTH_INVALID), "{request:?}");
            }
        }
        for permission in [Permissions::MC, Permissions::GA, Permissions::LBW, Permissions::ACFG] {
            let token = tokens::token(&mut rig, 2, permission, None);
            let reply = send(&mut rig, &proven(request.clone(), &token));
            assert_eq!(reply, status(Status::PIN_AUTH_INVALID), "{permission:?}");
        }
    }
    assert_eq!(rig.authenticator.passkey_count(), 3);
    for request in all {
        for command in [Command::CREDENTIAL_MANAGEMENT, Command::CREDENTIAL_MANAGEMENT_PREVIEW] {
            let (mut rig, protocol) = (three().0, 1);
            let token = tokens::token(&mut rig, protocol, Permissions::CM, None);
            let message = proven(request.clone(), &token).encode();
            let reply = rig.call_silently(&[&[command.0], &message[1..]].concat());
            assert_eq!(reply[0], 0, "{command} {request:?}");
        }
    }
}

#[test]
fn parameters_that_a_subcommand_needs_are_missed() {
    let (mut rig, [id, ..]) = three();
    let credential = || cbor::int_map([(2, Some(descriptor(&id)))]);
    let user = || cbor::int_map([(3, Some(cbor::text_map([("id", Some(cbor::bytes(*b"alice")))])))]);
    for (subcommand, parameters) in [
        (CREDENTIALS, None),
        (CREDENTIALS, Some(credential())),
        (DELETE, None),
        (DELETE, Some(user())),
        (UPDATE, None),
        (UPDATE, Some(credential())),
        (UPDATE, Some(user())),
    ] {
        let request = request(subcommand, parameters);
        assert_eq!(manage(&mut rig, request.clone()), status(Status::MISSING_PARAMETER), "{request:?}");
        // Of two faults: no proof at all comes first, then its protocol.
        assert_eq!(send(&mut rig, &request), status(Status::PUAT_REQUIRED), "{request:?}");
        let odd = CredentialManagement { pin_uv_auth_param: Some(vec![0; 16]), protocol: Some(3), ..request };
        assert_eq!(send(&mut rig, &odd), status(Status::INVALID_PARAMETER), "{odd:?}");
    }
    let short = request(CREDENTIALS, Some(cbor::int_map([(1, Some(cbor::bytes([1; 31])))])));
    assert_eq!(manage(&mut rig, short), status(Status::INVALID_LENGTH));
}

#[test]
fn metadata_counts_what_is_there_and_what_fits() {
    let mut rig = tokens::protected(Profile { discoverable: Some(3), ..all_in() });
    for there in 0..=3 {
        let counts = members(&manage(&mut rig, request(COUNT, None)));
        assert_eq!(counts, BTreeMap::from([(1, there.into()), (2, (3 - there).into())]));
        if there < 3 {
            register(&mut rig, RP_ID, &format!("user {there}"));
        }
    }
}

#[test]
fn with_nothing_stored_there_is_nothing_to_enumerate() {
    let mut rig = tokens::protected(all_in());
    assert_eq!(manage(&mut rig, request(RPS, None)), status(Status::NO_CREDENTIALS));
    assert_eq!(manage(&mut rig, credentials_of(RP_ID)), status(Status::NO_CREDENTIALS));
    register(&mut rig, RP_ID, "alice");
    assert_eq!(manage(&mut rig, credentials_of("b.test")), status(Status::NO_CREDENTIALS));
    for next in [NEXT_RP, NEXT_CREDENTIAL] {
        assert_eq!(send(&mut rig, &request(next, None)), status(Status::NOT_ALLOWED));
    }
}

/// Stores a credential again with what extensions keep, as they would have.
fn keep(rig: &mut Rig, id: &[u8], extensions: CredentialExtensions) {
    let credential = rig.shelf.stored().credentials.by_id(id).unwrap().clone();
    let change = Change::PutCredential(Box::new(Credential { extensions, ..credential }));
    rig.shelf.clone().commit(&[change]).unwrap();
    rig.authenticator.power_cycle(NOW).unwrap();
}

#[test]
fn what_extensions_keep_is_told_where_they_are_advertised() {
    let extensions = |cred_protect, large_blob_key: bool, third_party_payment| CredentialExtensions {
        cred_protect,
        large_blob_key: large_blob_key.then(|| [7; 32].into()),
        third_party_payment,
        ..CredentialExtensions::default()
    };
    for cred_protect in 1..=3 {
        for large_blob_key in [false, true] {
            for payment in [false, true] {
                let mut rig = tokens::protected(all_in());
                let (id, _) = register(&mut rig, RP_ID, "alice");
                keep(&mut rig, &id, extensions(cred_protect, large_blob_key, payment));
                let told = members(&manage(&mut rig, credentials_of(RP_ID)));
                assert_eq!(told[&10], Value::from(cred_protect));
                assert_eq!(told.get(&11).cloned(), large_blob_key.then(|| cbor::bytes([7; 32])));
                assert_eq!(told[&12], Value::Bool(payment));
            }
        }
    }
    let bare = Profile { extensions: vec![Extension::HmacSecret], ..all_in() };
    let mut rig = tokens::protected(bare);
    register(&mut rig, RP_ID, "alice");
    let told = members(&manage(&mut rig, credentials_of(RP_ID)));
    assert_eq!(keys(&told), [6, 7, 8, 9]);
}

#[test]
fn a_token_for_one_relying_party_sees_and_changes_that_one_only() {
    let (mut rig, [alice, bob, _]) = three();
    let user = |id: &[u8]| UserEntity { id: id.into(), ..UserEntity::default() };
    let token = tokens::token(&mut rig, 2, Permissions::CM, Some("a.test"));
    let foreign = [
        request(COUNT, None),
        request(RPS, None),
        credentials_of("b.test"),
        update(&bob, &user(b"bob")),
        delete(&bob),
    ];
    for request in foreign {
        let reply = send(&mut rig, &proven(request.clone(), &token));
        assert_eq!(reply, status(Status::PIN_AUTH_INVALID), "{request:?}");
    }
    let own = [credentials_of("a.test"), update(&alice, &user(b"alice")), delete(&alice)];
    for request in own {
        assert_eq!(send(&mut rig, &proven(request.clone(), &token))[0], 0, "{request:?}");
    }
    assert_eq!(rig.authenticator.passkey_count(), 2);
    assert_eq!(rig.authenticator.passkey(&bob).unwrap().user.name.as_deref(), Some("bob@example.test"));
}

#[test]
fn delete_forgets_one_credential_for_good() {
    let (mut rig, [alice, bob, carol]) = three();
    let token = tokens::token(&mut rig, 2, Permissions::CM, None);
    let commits = rig.shelf.commits();
    assert_eq!(send(&mut rig, &proven(delete(&alice), &token)), status(Status::OK));
    assert_eq!(rig.shelf.commits(), commits + 1);
    assert_eq!(manage(&mut rig, delete(&alice)), status(Status::NO_CREDENTIALS), "twice");
    rig.authenticator.power_cycle(NOW).unwrap();
    let left: Vec<_> = rig.authenticator.passkeys().into_iter().map(|passkey| passkey.id).collect();
    assert_eq!(left, [carol, bob]);
    let by_list = GetAssertion { rp_id: "a.test".into(), allow_list: vec![listed(&alice)], ..sign_in() };
    assert_eq!(rig.call(&by_list.encode()), status(Status::NO_CREDENTIALS));
}

#[test]
fn a_credential_in_its_own_id_can_be_neither_told_deleted_nor_renamed() {
    let mut rig = tokens::protected(all_in());
    let request = MakeCredential { rk: Some(false), ..registration("alice") };
    let created = MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap();
    let id = AuthenticatorData::decode(&created.auth_data).unwrap().attested.unwrap().credential_id;
    for request in [credentials_of(RP_ID), delete(&id), update(&id, &request.user)] {
        assert_eq!(manage(&mut rig, request), status(Status::NO_CREDENTIALS));
    }
}

#[test]
fn update_gives_names_and_takes_those_that_are_absent_or_empty() {
    let text = |text: &str| Some(String::from(text));
    for name in [None, text(""), text("new@example.test")] {
        for display_name in [None, text(""), text("New")] {
            let (mut rig, [alice, ..]) = three();
            let before = rig.authenticator.passkey(&alice).unwrap();
            let user =
                UserEntity { id: b"alice".into(), name: name.clone(), display_name: display_name.clone() };
            assert_eq!(manage(&mut rig, update(&alice, &user)), status(Status::OK));
            rig.authenticator.power_cycle(NOW).unwrap();
            let after = rig.authenticator.passkey(&alice).unwrap();
            let given = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
            let wanted =
                UserEntity { id: b"alice".into(), name: given(&name), display_name: given(&display_name) };
            assert_eq!(after.user, wanted);
            assert_eq!(
                (after.public_key, after.rp, after.created),
                (before.public_key, before.rp, before.created)
            );
            assert_eq!(rig.authenticator.passkey_count(), 3);

            let token = tokens::token(&mut rig, 2, Permissions::GA, None);
            let request =
                GetAssertion { rp_id: "a.test".into(), allow_list: vec![listed(&alice)], ..sign_in() };
            let request = GetAssertion {
                pin_uv_auth_param: Some(token.authenticate(&request.client_data_hash)),
                pin_uv_auth_protocol: Some(2),
                ..request
            };
            let signed = GetAssertionResponse::decode(&rig.call(&request.encode())).unwrap();
            assert_eq!(signed.user, Some(wanted), "what a sign-in tells");
        }
    }
}

#[test]
fn update_is_for_the_account_that_the_credential_is_of() {
    let (mut rig, [alice, ..]) = three();
    for id in [b"carol".as_slice(), b"", b"alice2"] {
        let user = UserEntity { id: id.into(), name: Some("x".into()), display_name: None };
        assert_eq!(manage(&mut rig, update(&alice, &user)), status(Status::INVALID_PARAMETER));
    }
    let user = UserEntity { id: b"alice".into(), ..UserEntity::default() };
    assert_eq!(manage(&mut rig, update(b"nothing", &user)), status(Status::NO_CREDENTIALS));
    assert_eq!(rig.authenticator.passkey(&alice).unwrap().user.name.as_deref(), Some("alice@example.test"));
}

#[test]
fn before_ctap_2_1_any_token_managed_credentials_and_nothing_was_renamed() {
    let credential_management =
        CredentialManagementClaims { standard: false, preview: true, persistent_read_only: false };
    let mut rig = tokens::protected(Profile {
        versions: vec!["FIDO_2_0".into(), "FIDO_2_1_PRE".into()],
        credential_management,
        pin_uv_auth_token: false,
        config_commands: vec![],
        large_blobs: None,
        ..all_in()
    });
    let token = Pin::new(1).plain_token(&mut rig, tokens::PIN).unwrap();
    let request = registration("alice");
    let made = MakeCredential {
        pin_uv_auth_param: Some(token.authenticate(&request.client_data_hash)),
        pin_uv_auth_protocol: Some(1),
        ..request
    };
    assert_eq!(rig.call(&made.encode())[0], 0);
    let id = rig.authenticator.passkeys()[0].id.clone();
    let count = self::request(COUNT, None);
    let mut preview = |request: CredentialManagement| {
        let message = proven(request, &token).encode();
        rig.call_silently(&[&[0x41], &message[1..]].concat())
    };
    assert_eq!(members(&preview(count.clone()))[&1], Value::from(1));
    assert_eq!(preview(update(&id, &made.user)), status(Status::INVALID_SUBCOMMAND));
    assert_eq!(preview(delete(&id)), status(Status::OK));
}

#[test]
fn the_persistent_token_reads_over_power_cycles_and_writes_nothing() {
    for protocol in [1, 2] {
        let (mut rig, [id, ..]) = three();
        let token = tokens::token(&mut rig, protocol, Permissions::PCMR, None);
        let user = UserEntity { id: b"alice".into(), ..UserEntity::default() };
        let count = request(COUNT, None);
        for _ in 0..2 {
            for (request, next) in [
                (count.clone(), None),
                (request(RPS, None), Some(NEXT_RP)),
                (credentials_of("a.test"), Some(NEXT_CREDENTIAL)),
            ] {
                assert_eq!(send(&mut rig, &proven(request, &token))[0], 0);
                if let Some(next) = next {
                    assert_eq!(send_at(&mut rig, NOW, USB, next)[0], 0);
                }
            }
            for request in [delete(&id), update(&id, &user)] {
                let reply = send(&mut rig, &proven(request, &token));
                assert_eq!(reply, status(Status::PIN_AUTH_INVALID));
            }
            let altered = proven(request(RPS, None), &token).pin_uv_auth_param;
            let altered =
                CredentialManagement { pin_uv_auth_param: altered, ..proven(count.clone(), &token) };
            assert_eq!(send(&mut rig, &altered), status(Status::PIN_AUTH_INVALID), "over another subcommand");
            rig.authenticator.power_cycle(NOW).unwrap();
        }
        let late = NOW + Duration::from_secs(86_400);
        let reply = rig.call_with(late, USB, &proven(count.clone(), &token).encode(), |_| unreachable!());
        assert_eq!(reply[0], 0, "it has no timer");
        Pin::new(2).change(&mut rig, tokens::PIN, "another one").unwrap();
        assert_eq!(send(&mut rig, &proven(count.clone(), &token)), status(Status::PIN_AUTH_INVALID));
    }
}

#[test]
fn a_store_that_fails_deletes_and_renames_nothing() {
    let (mut rig, [id, ..]) = three();
    let user = UserEntity { id: b"alice".into(), ..UserEntity::default() };
    for (failure, wanted) in [
        ((|| StoreError::Full) as fn() -> StoreError, Status::KEY_STORE_FULL),
        (|| StoreError::Failed("the disk is gone".into()), Status::OTHER),
    ] {
        for request in [delete(&id), update(&id, &user)] {
            let token = tokens::token(&mut rig, 2, Permissions::CM, None);
            rig.shelf.refuse(Some(failure));
            assert_eq!(send(&mut rig, &proven(request, &token)), status(wanted));
            rig.shelf.refuse(None);
            let name = rig.authenticator.passkey(&id).unwrap().user.name;
            assert_eq!(name.as_deref(), Some("alice@example.test"));
        }
    }
}
