//! The crate's promises, one file a subject.
mod conveyance;
mod create;
mod ctaphid;
mod extensions;
mod get;
mod graph;
mod hybrid;
mod options;
mod origin;
mod peer;
mod pin;
mod preflight;
mod verification;

use crate::{Client, Link, Origin, Platform};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wire::aaguid::Aaguid;
use wire::cbor;
use wire::cose::PublicKey;
use wire::ctap2::{Descriptor, GetAssertionResponse, GetInfoResponse, MakeCredentialResponse, UserEntity};
use wire::webauthn::{AttestedCredentialData, AuthenticatorData, Flags};

const RP_ID: &str = "example.test";
const IOS: Aaguid =
    Aaguid([0x90, 0xA3, 0xCC, 0xDF, 0x63, 0x5C, 0x47, 0x29, 0xA2, 0x48, 0x9B, 0x70, 0x91, 0x35, 0x07, 0x8F]);

fn origin() -> Origin {
    Origin::parse("https://login.example.test").unwrap()
}

/// A phone that keeps passkeys and verifies its user.
fn info() -> GetInfoResponse {
    GetInfoResponse {
        versions: vec!["FIDO_2_0".into(), "FIDO_2_1".into()],
        aaguid: IOS,
        options: [("rk", true), ("uv", true)].map(|(name, value)| (name.into(), value)).into(),
        max_msg_size: Some(7609),
        max_credential_count_in_list: Some(8),
        max_credential_id_length: Some(128),
        transports: vec!["internal".into(), "hybrid".into()],
        ..GetInfoResponse::default()
    }
}

fn with_options(options: &[(&str, bool)]) -> GetInfoResponse {
    let options = options.iter().map(|(name, value)| ((*name).into(), *value)).collect();
    GetInfoResponse { options, ..info() }
}

fn platform(client: Client) -> Platform {
    Platform::new(client, Link::Usb, info())
}

/// Options for a registration, with `members` put over the usual ones.
fn creation_json(members: Value) -> Value {
    let mut options = json!({
        "rp": { "id": RP_ID, "name": "Example" },
        "user": { "id": "AQID", "name": "adele", "displayName": "Adele Example" },
        "challenge": "Y2hhbGxlbmdl",
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -8 }],
    });
    for (key, value) in members.as_object().unwrap() {
        options[key] = value.clone();
    }
    options
}

fn p256() -> PublicKey {
    PublicKey::P256 { x: [0x11; 32], y: [0x22; 32] }
}

fn created(aaguid: Aaguid, id: &[u8], public_key: PublicKey) -> AuthenticatorData {
    AuthenticatorData {
        rp_id_hash: Sha256::digest(RP_ID).into(),
        flags: Flags::UP | Flags::UV | Flags::AT,
        sign_count: 0,
        attested: Some(AttestedCredentialData { aaguid, credential_id: id.into(), public_key }),
        extensions: None,
    }
}

fn asserted() -> AuthenticatorData {
    AuthenticatorData { flags: Flags::UP | Flags::UV, attested: None, ..created(IOS, b"", p256()) }
}

/// `packed` with the credential's own signature, or with a certificate.
fn packed(certificate: bool) -> cbor::Value {
    cbor::text_map([
        ("alg", Some((-7).into())),
        ("sig", Some(cbor::bytes(*b"signature"))),
        ("x5c", certificate.then(|| cbor::Value::Array(vec![cbor::bytes(*b"certificate")]))),
    ])
}

fn made(data: &AuthenticatorData) -> Vec<u8> {
    MakeCredentialResponse {
        fmt: "packed".into(),
        auth_data: data.encode(),
        att_stmt: packed(false),
        ep_att: false,
        large_blob_key: None,
        unsigned_extension_outputs: None,
    }
    .encode()
}

fn descriptor(id: impl Into<Vec<u8>>) -> Descriptor {
    Descriptor { id: id.into(), transports: Vec::new() }
}

fn user(id: u8, name: Option<&str>) -> UserEntity {
    UserEntity { id: vec![id], name: name.map(Into::into), display_name: None }
}

fn assertion(id: Option<&[u8]>, user: Option<UserEntity>, count: Option<u64>) -> GetAssertionResponse {
    GetAssertionResponse {
        credential: id.map(descriptor),
        auth_data: asserted().encode(),
        signature: b"signature".into(),
        user,
        number_of_credentials: count,
        user_selected: false,
        large_blob_key: None,
        unsigned_extension_outputs: None,
    }
}
