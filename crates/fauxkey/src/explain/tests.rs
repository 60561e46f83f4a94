use super::*;
use wire::cbor::{Value, bytes, encode, int_map, text, text_map};
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::{AttestationObject, AttestedCredentialData, AuthenticatorData, ClientData, Flags};
use wire::{base64url, hex};

mod errors;
mod fixtures;
mod kinds;
mod oddities;
mod properties;

const AUTHENTICATOR_IOS: &str = "90a3ccdf-635c-4729-a248-9b709135078f";

/// RFC 6979 A.2.5.
fn p256() -> PublicKey {
    let coordinate = |digits: &str| hex::decode(digits).unwrap().try_into().unwrap();
    PublicKey::P256 {
        x: coordinate("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
        y: coordinate("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
    }
}

/// RFC 8032 §7.1 TEST 1.
fn ed25519() -> PublicKey {
    let x = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
    PublicKey::Ed25519 { x: x.try_into().unwrap() }
}

/// Authenticator data of a registration with nothing odd about it: it counts, too.
fn registered() -> AuthenticatorData {
    AuthenticatorData {
        rp_id_hash: [0xA5; 32],
        flags: Flags::UP | Flags::UV | Flags::AT,
        sign_count: 7,
        attested: Some(AttestedCredentialData {
            aaguid: AUTHENTICATOR_IOS.parse().unwrap(),
            credential_id: (0x40..0x60).collect(),
            public_key: p256(),
        }),
        extensions: None,
    }
}

/// Authenticator data of a sign-in with nothing odd about it.
fn signed_in() -> AuthenticatorData {
    AuthenticatorData { flags: Flags::UP | Flags::UV, attested: None, ..registered() }
}

fn attestation_object(fmt: &str, att_stmt: Value, data: &AuthenticatorData) -> Vec<u8> {
    AttestationObject { fmt: fmt.into(), att_stmt, auth_data: data.encode() }.encode()
}

fn none() -> Vec<u8> {
    attestation_object("none", Value::Map(vec![]), &registered())
}

fn client_data(ceremony: &str) -> ClientData {
    ClientData {
        ceremony: ceremony.into(),
        challenge: base64url::encode(&[0x5A; 32]),
        origin: "https://login.example.test".into(),
        cross_origin: Some(false),
        top_origin: None,
    }
}

/// The shape of an ECDSA signature in DER.
const SIGNATURE: [u8; 8] = [0x30, 6, 2, 1, 1, 2, 1, 1];

fn registration() -> serde_json::Value {
    let id = base64url::encode(&registered().attested.unwrap().credential_id);
    serde_json::json!({
        "id": id,
        "rawId": id,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": { "credProps": { "rk": true } },
        "response": {
            "clientDataJSON": base64url::encode(&client_data("webauthn.create").encode()),
            "attestationObject": base64url::encode(&none()),
            "authenticatorData": base64url::encode(&registered().encode()),
            "transports": ["hybrid", "internal"],
            "publicKey": "MFkw",
            "publicKeyAlgorithm": -7
        }
    })
}

fn authentication() -> serde_json::Value {
    let id = base64url::encode(&registered().attested.unwrap().credential_id);
    serde_json::json!({
        "id": id,
        "rawId": id,
        "type": "public-key",
        "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": base64url::encode(&client_data("webauthn.get").encode()),
            "authenticatorData": base64url::encode(&signed_in().encode()),
            "signature": base64url::encode(&SIGNATURE),
            "userHandle": base64url::encode(&[1; 16])
        }
    })
}

fn creation_options() -> serde_json::Value {
    serde_json::json!({
        "rp": { "id": "login.example.test", "name": "Example" },
        "user": { "id": base64url::encode(&[1; 16]), "name": "adele@example.test", "displayName": "Adele" },
        "challenge": base64url::encode(&[0x5A; 32]),
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 }],
        "timeout": 60500,
        "excludeCredentials": [{ "type": "public-key", "id": base64url::encode(&[2; 16]), "transports": ["usb"] }],
        "authenticatorSelection": { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
        "hints": ["hybrid"],
        "attestation": "direct",
        "extensions": { "credProps": true }
    })
}

fn request_options() -> serde_json::Value {
    serde_json::json!({
        "challenge": base64url::encode(&[0x5A; 32]),
        "rpId": "login.example.test",
        "allowCredentials": [{ "type": "public-key", "id": base64url::encode(&[2; 16]) }],
        "userVerification": "required"
    })
}

fn get_info() -> Value {
    let texts = |list: &[&str]| Some(Value::Array(list.iter().map(|item| text(*item)).collect()));
    int_map([
        (0x01, texts(&["FIDO_2_0", "FIDO_2_1"])),
        (0x02, texts(&["credProtect", "hmac-secret"])),
        (0x03, Some(bytes(registered().attested.unwrap().aaguid.0))),
        (
            0x04,
            Some(text_map([
                ("rk", Some(true.into())),
                ("uv", Some(true.into())),
                ("pinUvAuthToken", Some(true.into())),
            ])),
        ),
        (0x05, Some(1200.into())),
        (0x06, Some(Value::Array(vec![2.into()]))),
        (0x09, texts(&["hybrid", "internal"])),
    ])
}

fn make_credential() -> Value {
    let parameter = text_map([("alg", Some(Algorithm::ES256.0.into())), ("type", Some(text("public-key")))]);
    int_map([
        (0x01, Some(bytes([0x11; 32]))),
        (0x02, Some(text_map([("id", Some(text("login.example.test"))), ("name", Some(text("Example")))]))),
        (0x03, Some(text_map([("id", Some(bytes([1; 16]))), ("name", Some(text("adele")))]))),
        (0x04, Some(Value::Array(vec![parameter]))),
        (0x07, Some(text_map([("rk", Some(true.into())), ("uv", Some(true.into()))]))),
    ])
}

fn get_assertion() -> Value {
    int_map([(0x01, Some(text("login.example.test"))), (0x02, Some(bytes([0x11; 32])))])
}

/// A message: its first byte and its members.
fn message(first: u8, members: &Value) -> Vec<u8> {
    [vec![first], encode(members)].concat()
}

fn made() -> Value {
    int_map([(1, Some(text("none"))), (2, Some(bytes(registered().encode()))), (3, Some(Value::Map(vec![])))])
}

fn asserted() -> Value {
    let credential = text_map([("id", Some(bytes([2; 16]))), ("type", Some(text("public-key")))]);
    int_map([(1, Some(credential)), (2, Some(bytes(signed_in().encode()))), (3, Some(bytes(SIGNATURE)))])
}

fn explained(input: impl AsRef<[u8]>) -> Explanation {
    let input = input.as_ref();
    explain(input, None).unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(input)))
}

/// Explains bytes in hexadecimal digits, so that nothing hangs on whether they could be text.
fn explained_bytes(bytes: &[u8]) -> Explanation {
    explained(hex::encode(bytes))
}

/// The line at a path such as `authData/flags`.
fn line<'a>(explanation: &'a Explanation, path: &str) -> &'a Node {
    let mut nodes = &explanation.tree;
    let mut found = None;
    for label in path.split('/') {
        let node = nodes.iter().find(|node| node.label == label);
        let node = node.unwrap_or_else(|| panic!("no {label} of {path} in\n{explanation}"));
        nodes = &node.children;
        found = Some(node);
    }
    found.unwrap()
}

/// The sentence that begins or goes on like that.
fn is_odd(explanation: &Explanation, words: &str) -> bool {
    explanation.odd.iter().any(|odd| odd.contains(words))
}
