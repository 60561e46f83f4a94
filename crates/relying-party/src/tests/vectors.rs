//! The test vectors of WebAuthn Level 3 §16: ceremonies that somebody else made.
use crate::*;
use serde_json::{Map, Value};
use std::path::Path;
use wire::base64url;
use wire::webauthn::json::{
    AssertionResponse, AttestationResponse, AuthenticationResponse, RegistrationResponse,
};
use wire::webauthn::{AttestationObject, AuthenticatorData, Flags};

/// The root that certifies the attestation keys of the vectors.
fn root() -> Vec<u8> {
    let text = include_str!("../../../../fixtures/webauthn/attestation-ca.txt");
    let lines: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    wire::hex::decode(&lines).unwrap()
}

/// One file of `fixtures/webauthn`.
struct Vector(Value);

impl Vector {
    fn text(&self, member: &str) -> Option<String> {
        self.0[member].as_str().map(Into::into)
    }

    fn bytes(&self, ceremony: &str, member: &str) -> Vec<u8> {
        wire::hex::decode(self.0[ceremony][member].as_str().unwrap()).unwrap()
    }

    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/webauthn");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let vectors = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        vectors.map(|path| Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())).collect()
    }

    fn party(&self) -> RelyingParty {
        RelyingParty {
            origins: vec![self.text("origin").unwrap()],
            top_origins: self.text("topOrigin").into_iter().collect(),
            attestation: AttestationPolicy {
                trust_anchors: vec![root()],
                now: Some(super::pki::NOW),
                ..AttestationPolicy::default()
            },
            ..RelyingParty::new(self.text("rpId").unwrap())
        }
    }

    fn register(&self) -> Result<Registered, Rejection> {
        self.register_at(&self.party())
    }

    fn register_at(&self, party: &RelyingParty) -> Result<Registered, Rejection> {
        self.register_without(&[], party)
    }

    fn register_without(&self, left_out: &[Step], party: &RelyingParty) -> Result<Registered, Rejection> {
        let id = self.bytes("registration", "credentialId");
        let response = RegistrationResponse {
            id: base64url::encode(&id),
            raw_id: id.into(),
            response: AttestationResponse {
                client_data_json: self.bytes("registration", "clientDataJSON").into(),
                attestation_object: self.bytes("registration", "attestationObject").into(),
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
            challenge: self.bytes("registration", "challenge"),
            user_handle: b"somebody".to_vec(),
            user_verification: UserVerification::Preferred,
            conditional: false,
            algorithms: party.algorithms.clone(),
            extensions: vec![],
            is_registered: &|_| false,
        };
        party.verify_registration_without(left_out, &expected, &response)
    }

    /// The record as a relying party would have it that takes formats which ours does not.
    fn record(&self) -> StoredCredential {
        let object = AttestationObject::decode(&self.bytes("registration", "attestationObject")).unwrap();
        let data = AuthenticatorData::decode(&object.auth_data).unwrap();
        let attested = data.attested.unwrap();
        assert_eq!(attested.credential_id, self.bytes("registration", "credentialId"));
        StoredCredential {
            id: attested.credential_id,
            user_handle: b"somebody".to_vec(),
            public_key: attested.public_key,
            sign_count: data.sign_count,
            backup_eligible: data.flags.contains(Flags::BE),
            backed_up: data.flags.contains(Flags::BS),
            uv_initialized: data.flags.contains(Flags::UV),
            transports: vec![],
        }
    }

    fn sign_in(&self, record: &StoredCredential) -> Result<Authenticated, Rejection> {
        let expected = AuthenticationExpectation {
            challenge: self.bytes("authentication", "challenge"),
            user_verification: UserVerification::Preferred,
            allowed: vec![record.id.clone()],
            user_handle: Some(record.user_handle.clone()),
            extensions: vec![],
        };
        let response = AuthenticationResponse {
            id: base64url::encode(&record.id),
            raw_id: record.id.clone().into(),
            response: AssertionResponse {
                client_data_json: self.bytes("authentication", "clientDataJSON").into(),
                authenticator_data: self.bytes("authentication", "authenticatorData").into(),
                signature: self.bytes("authentication", "signature").into(),
                user_handle: None,
            },
            authenticator_attachment: None,
            client_extension_results: Map::new(),
            kind: "public-key".into(),
        };
        self.party().verify_authentication(&expected, &response, record)
    }
}

#[test]
fn the_vectors_of_the_specification_end_as_their_formats_say() {
    let mut ends: Vec<(String, Result<AttestationType, Step>)> = Vec::new();
    for vector in Vector::all() {
        let name = vector.text("name").unwrap();
        assert!(vector.text("source").unwrap().starts_with("W3C Web Authentication Level 3, §16."), "{name}");
        let end = vector.register();
        if let Ok(registered) = &end {
            assert_eq!(registered.credential, vector.record(), "{name}");
            assert_eq!(registered.aaguid.0.as_slice(), vector.bytes("registration", "aaguid"), "{name}");
        }
        ends.push((name, end.map(|registered| registered.attestation).map_err(|rejection| rejection.step)));
    }
    ends.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("android-key-es256", Err(Step::AndroidKeyOrigin)),
        ("apple-es256", Ok(AttestationType::Basic)),
        ("fido-u2f-es256", Ok(AttestationType::Basic)),
        ("none-es256", Ok(AttestationType::None)),
        ("none-es256-crossOrigin", Ok(AttestationType::None)),
        ("none-es256-long-credential-id", Ok(AttestationType::None)),
        ("none-es256-topOrigin", Ok(AttestationType::None)),
        ("packed-eddsa", Ok(AttestationType::Basic)),
        ("packed-es256", Ok(AttestationType::Basic)),
        ("packed-self-es256", Ok(AttestationType::SelfAttestation)),
        ("tpm-es256", Ok(AttestationType::Basic)),
    ];
    assert_eq!(ends, expected.map(|(name, end)| (name.to_owned(), end)));
}

/// Its authorization lists are empty, where §8.4 wants an origin and a purpose in their union.
#[test]
fn nothing_but_the_key_s_origin_and_purpose_is_wrong_with_the_android_key_of_the_specification() {
    let all = Vector::all();
    let vector = all.iter().find(|vector| vector.text("name").unwrap() == "android-key-es256").unwrap();
    let without = |left_out: &[Step]| {
        let registered = vector.register_without(left_out, &vector.party());
        registered.map(|registered| registered.attestation).map_err(|rejection| rejection.step)
    };
    assert_eq!(without(&[Step::AndroidKeyOrigin]), Err(Step::AndroidKeyPurpose));
    assert_eq!(without(&[Step::AndroidKeyPurpose]), Err(Step::AndroidKeyOrigin));
    let both = [Step::AndroidKeyOrigin, Step::AndroidKeyPurpose];
    assert_eq!(without(&both), Ok(AttestationType::Basic));
}

#[test]
fn every_assertion_of_the_specification_verifies_with_its_own_key_and_no_other() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 11);
    for vector in &vectors {
        let record = vector.record();
        vector.sign_in(&record).unwrap();
        for other in &vectors {
            let public_key = other.record().public_key;
            if public_key != record.public_key {
                let rejection =
                    vector.sign_in(&StoredCredential { public_key, ..record.clone() }).unwrap_err();
                assert_eq!(rejection.step, Step::Signature);
            }
        }
    }
}

#[test]
fn the_framed_vectors_are_refused_where_no_frame_is_expected() {
    let vectors = Vector::all().into_iter().filter(|vector| vector.text("topOrigin").is_some());
    let mut framed: Vec<Vector> = vectors.collect();
    assert_eq!(framed.len(), 2);
    for vector in &mut framed {
        vector.0["topOrigin"] = Value::Null;
        assert_eq!(vector.register().unwrap_err().step, Step::CrossOrigin);
        assert_eq!(vector.sign_in(&vector.record()).unwrap_err().step, Step::CrossOrigin);
    }
}

#[test]
fn the_certified_vectors_are_refused_without_their_root_and_once_it_has_expired() {
    let certified: Vec<_> =
        Vector::all().into_iter().filter(|v| v.register().is_ok_and(|r| !r.trust_path.is_empty())).collect();
    assert_eq!(certified.len(), 5);
    for vector in &certified {
        assert_eq!(vector.register().unwrap().trust_path[1], root());
        let register = |anchors: Vec<Vec<u8>>, now| {
            let mut party = vector.party();
            (party.attestation.trust_anchors, party.attestation.now) = (anchors, Some(now));
            vector.register_at(&party).map_err(|rejection| rejection.step)
        };
        assert_eq!(register(vec![], super::pki::NOW), Err(Step::TrustAnchors));
        let foreign = super::pki::Authority::trusted().certificate.clone();
        assert_eq!(register(vec![foreign], super::pki::NOW), Err(Step::AttestationChain));
        assert_eq!(register(vec![root()], 40_000_000_000), Err(Step::CertificateValidity));
        assert_eq!(register(vec![root()], 1_700_000_000), Err(Step::CertificateValidity));
    }
}
