//! Registrations by real devices, `fixtures/attestation`: what TPMs, Android, SafetyNet and Apple really send.
use crate::*;
use serde_json::{Map, Value};
use std::path::Path;
use wire::base64url;
use wire::cose::Algorithm;
use wire::webauthn::json::{AttestationResponse, RegistrationResponse};
use wire::webauthn::{AttestationObject, AuthenticatorData};

/// One file of `fixtures/attestation`.
struct Device(Value);

impl Device {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/attestation");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        files.map(|path| Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())).collect()
    }

    fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap()
    }

    fn bytes(&self, member: &str) -> Vec<u8> {
        wire::hex::decode(self.text(member)).unwrap()
    }

    fn register(&self, attestation_object: Vec<u8>) -> Result<Registered, Rejection> {
        let mut party = RelyingParty::new(self.text("rpId"));
        party.origins = vec![self.text("origin").into()];
        party.attestation = AttestationPolicy {
            trust_anchors: vec![self.bytes("trustAnchor")],
            now: self.0["now"].as_u64(),
            ..AttestationPolicy::default()
        };
        let object = AttestationObject::decode(&self.bytes("attestationObject")).unwrap();
        let data = AuthenticatorData::decode(&object.auth_data).unwrap();
        let id = data.attested.unwrap().credential_id;
        let response = RegistrationResponse {
            id: base64url::encode(&id),
            raw_id: id.into(),
            response: AttestationResponse {
                client_data_json: self.bytes("clientDataJSON").into(),
                attestation_object: attestation_object.into(),
                authenticator_data: None,
                transports: vec![],
                public_key: None,
                public_key_algorithm: None,
            },
            authenticator_attachment: None,
            client_extension_results: Map::new(),
            kind: "public-key".into(),
        };
        let expected = RegistrationExpectation {
            challenge: self.bytes("challenge"),
            user_handle: b"somebody".to_vec(),
            user_verification: UserVerification::Preferred,
            conditional: false,
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            extensions: vec![],
            is_registered: &|_| false,
        };
        party.verify_registration(&expected, &response)
    }
}

#[test]
fn what_real_devices_attest_is_accepted() {
    let all = Device::all();
    assert_eq!(all.len(), 7);
    for device in all {
        let name = device.text("name");
        let registered =
            device.register(device.bytes("attestationObject")).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(registered.attestation, AttestationType::Basic, "{name}");
        assert!(name.starts_with(&registered.fmt), "{name}");
        assert_eq!(registered.trust_path.last(), Some(&device.bytes("trustAnchor")), "{name}");
        let sha_1 = registered.warnings.iter().any(|warning| warning.contains("SHA-1"));
        assert_eq!(sha_1, registered.fmt == "tpm", "{name}: {:?}", registered.warnings);
    }
}

/// A bit here and there: what is in a statement is signed, or read, or both.
#[test]
fn what_real_devices_attest_is_refused_with_a_bit_flipped() {
    for device in Device::all() {
        let good = device.bytes("attestationObject");
        // SafetyNet's `ver` is reserved, and nothing signs it.
        let ver = good.windows(4).position(|bytes| bytes == b"cver").map_or(0..0, |at| at + 5..at + 14);
        for at in (0..good.len())
            .step_by(29)
            .filter(|at| device.text("name") != "android-safetynet" || !ver.contains(at))
        {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(device.register(bad).is_err(), "{}, byte {at}", device.text("name"));
        }
    }
}
