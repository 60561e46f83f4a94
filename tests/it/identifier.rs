//! encIdentifier and encCredStoreState, CTAP 2.2 and 2.3 §6.4, opened as a platform that holds the persistent token
//! does.
use crate::tokens;
use aes::Aes128;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use authenticator::Gesture;
use authenticator::profile::{CredentialManagementClaims, Profile};
use hkdf::Hkdf;
use sha2::Sha256;
use tests::platform::{Pin, Token};
use tests::{NOW, Rig, USB, all_in, registration, sign_in, status};
use wire::cbor;
use wire::ctap2::credential_management::Subcommand;
use wire::ctap2::{Command, CredentialManagement, GetInfoResponse, MakeCredential, Permissions};
use wire::status::Status;

fn info(rig: &mut Rig) -> GetInfoResponse {
    GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap()
}

fn open(token: &Token, member: &str, sealed: &[u8]) -> [u8; 16] {
    let mut key = [0; 16];
    Hkdf::<Sha256>::new(Some(&[0; 32]), token.value()).expand(member.as_bytes(), &mut key).unwrap();
    let (iv, sealed) = sealed.split_at(16);
    let iv: [u8; 16] = iv.try_into().unwrap();
    let cipher = cbc::Decryptor::<Aes128>::new(&key.into(), &iv.into());
    cipher.decrypt_padded_vec::<NoPadding>(sealed).unwrap().try_into().unwrap()
}

/// The device identifier and the state of the credential store.
fn told(rig: &mut Rig, token: &Token) -> ([u8; 16], [u8; 16]) {
    let info = info(rig);
    let identifier = open(token, "encIdentifier", &info.enc_identifier.unwrap());
    (identifier, open(token, "encCredStoreState", &info.enc_cred_store_state.unwrap()))
}

fn register(rig: &mut Rig, user: &str, rk: bool) {
    let token = tokens::token(rig, 2, Permissions::MC, None);
    let request = MakeCredential { rk: Some(rk), ..registration(user) };
    let param = token.authenticate(&request.client_data_hash);
    let request = MakeCredential { pin_uv_auth_param: Some(param), pin_uv_auth_protocol: Some(2), ..request };
    assert_eq!(rig.call(&request.encode())[0], 0);
}

/// deleteCredential or updateUserInformation of the newest passkey.
fn manage(rig: &mut Rig, subcommand: Subcommand) {
    let newest = rig.authenticator.passkeys().remove(0);
    let id = cbor::text_map([("id", Some(cbor::bytes(newest.id))), ("type", Some(cbor::text("public-key")))]);
    let user = cbor::text_map([("id", Some(cbor::bytes(newest.user.id)))]);
    let user = (subcommand == Subcommand::UPDATE_USER_INFORMATION).then_some(user);
    let parameters = cbor::int_map([(2, Some(id)), (3, user)]);
    let token = tokens::token(rig, 2, Permissions::CM, None);
    let message = [&[u8::try_from(subcommand.0).unwrap()], cbor::encode(&parameters).as_slice()].concat();
    let request = CredentialManagement {
        subcommand,
        raw_parameters: Some(parameters),
        rp_id_hash: None,
        credential: None,
        user: None,
        protocol: Some(2),
        pin_uv_auth_param: Some(token.authenticate(&message)),
    };
    assert_eq!(rig.call_silently(&request.encode()), status(Status::OK));
}

#[test]
fn nothing_is_told_before_somebody_holds_the_persistent_token() {
    let mut rig = tokens::protected(all_in());
    let before = info(&mut rig);
    assert_eq!((before.enc_identifier, before.enc_cred_store_state), (None, None));
    tokens::token(&mut rig, 2, Permissions::CM, None);
    assert_eq!(info(&mut rig).enc_identifier, None, "another token is not that token");
    tokens::token(&mut rig, 2, Permissions::PCMR, None);
    let after = info(&mut rig);
    assert_eq!(after.enc_identifier.unwrap().len(), 32);
    assert_eq!(after.enc_cred_store_state.unwrap().len(), 32);
}

#[test]
fn a_profile_that_does_not_tell_does_not_tell() {
    let read_only = CredentialManagementClaims { standard: true, preview: false, persistent_read_only: true };
    let profile = Profile { tells_identifier: false, credential_management: read_only, ..all_in() };
    let mut rig = tokens::protected(profile);
    tokens::token(&mut rig, 2, Permissions::PCMR, None);
    let info = info(&mut rig);
    assert_eq!((info.enc_identifier, info.enc_cred_store_state), (None, None));
}

#[test]
fn the_same_is_told_in_other_words_each_time() {
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::PCMR, None);
    let first = told(&mut rig, &token);
    let state = rig.shelf.stored().state.unwrap();
    assert_eq!(first, (state.device_identifier, state.cred_store_state));
    assert_ne!(first.0, first.1);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..8 {
        let info = info(&mut rig);
        assert!(seen.insert(info.enc_identifier.unwrap()[..16].to_vec()), "a fresh IV");
        assert!(seen.insert(info.enc_cred_store_state.unwrap()[..16].to_vec()), "a fresh IV");
        assert_eq!(told(&mut rig, &token), first);
    }
    rig.authenticator.power_cycle(NOW).unwrap();
    assert_eq!(told(&mut rig, &token), first);
}

#[test]
fn the_state_changes_with_every_change_of_a_discoverable_credential_in_the_same_commit() {
    type Deed = (&'static str, fn(&mut Rig));
    let changes: [Deed; 7] = [
        ("another", |rig| register(rig, "bob", true)),
        ("the same account", |rig| register(rig, "alice", true)),
        ("updateUserInformation", |rig| manage(rig, Subcommand::UPDATE_USER_INFORMATION)),
        ("deleteCredential", |rig| manage(rig, Subcommand::DELETE_CREDENTIAL)),
        ("again one", |rig| register(rig, "alice", true)),
        ("its owner renames", |rig| {
            let id = rig.authenticator.passkeys()[0].id.clone();
            assert!(rig.authenticator.rename_passkey(NOW, &id, None, None).result.unwrap());
        }),
        ("its owner deletes", |rig| {
            let id = rig.authenticator.passkeys()[0].id.clone();
            assert!(rig.authenticator.delete_passkey(NOW, &id).result.unwrap());
        }),
    ];
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::PCMR, None);
    register(&mut rig, "alice", true);
    let mut before = told(&mut rig, &token);
    for (what, change) in changes {
        let commits = rig.shelf.commits();
        change(&mut rig);
        let after = told(&mut rig, &token);
        assert_eq!(after.0, before.0, "{what}: who it is does not change");
        assert_ne!(after.1, before.1, "{what}");
        let ceiling = rig.shelf.stored().state.unwrap().counter_ceiling;
        assert!(ceiling > 1, "{what}: the reservation of signature counters is kept");
        // Getting a token commits the retries of the PIN as well.
        let tokens = usize::from(!what.starts_with("its owner"));
        assert!(rig.shelf.commits() - commits <= 1 + 2 * tokens, "{what}");
        before = after;
    }
}

#[test]
fn the_state_stays_where_no_discoverable_credential_changes() {
    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::PCMR, None);
    register(&mut rig, "alice", true);
    let before = told(&mut rig, &token);
    register(&mut rig, "bob", false);
    assert_eq!(rig.call(&sign_in().encode())[0], 0);
    assert!(!rig.authenticator.delete_passkey(NOW, b"nothing").result.unwrap());
    assert_eq!(told(&mut rig, &token), before);
}

#[test]
fn a_new_pin_and_a_reset_end_what_the_old_token_could_read() {
    let mut rig = tokens::protected(all_in());
    tokens::token(&mut rig, 2, Permissions::PCMR, None);
    Pin::new(2).change(&mut rig, tokens::PIN, "another one").unwrap();
    assert_eq!(info(&mut rig).enc_identifier, None);

    let mut rig = tokens::protected(all_in());
    let token = tokens::token(&mut rig, 2, Permissions::PCMR, None);
    let before = told(&mut rig, &token);
    assert_eq!(rig.call_with(NOW, USB, &[Command::RESET.0], |_| Gesture::Present), status(Status::OK));
    assert_eq!(info(&mut rig).enc_identifier, None);
    Pin::new(2).set(&mut rig, tokens::PIN).unwrap();
    let token = tokens::token(&mut rig, 2, Permissions::PCMR, None);
    let after = told(&mut rig, &token);
    assert!(after.0 != before.0 && after.1 != before.1, "somebody else now");
}
