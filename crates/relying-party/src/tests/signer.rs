//! The smallest thing that can make valid ceremonies, and lie about any part of one.
use super::makers::{AndroidKey, Apple, SafetyNet, Tpm};
use super::pki::{Authority, Leaf, NOW};
use crate::signature::{sha256, subject_public_key_info};
use crate::*;
use rand_core::SeedableRng;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use rsa::signature::SignatureEncoding as _;
use rsa::traits::PublicKeyParts as _;
use std::sync::{Arc, LazyLock};
use wire::aaguid::Aaguid;
use wire::base64url;
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::json::{
    AssertionResponse, AttestationResponse, AuthenticationResponse, RegistrationResponse,
};
use wire::webauthn::{self, AttestationObject, AttestedCredentialData, AuthenticatorData, ClientData, Flags};

pub(super) const RP_ID: &str = "login.example.test";
pub(super) const ORIGIN: &str = "https://login.example.test";
pub(super) const TOP_ORIGIN: &str = "https://portal.example.test";
pub(super) const CREDENTIAL_ID: [u8; 20] = [0xFB; 20];
pub(super) const USER_HANDLE: [u8; 16] = [0x55; 16];
pub(super) const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::ES256,
    Algorithm::EDDSA,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::ML_DSA_44,
    Algorithm::ML_DSA_65,
];

/// A key pair.
pub(super) enum Key {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<rsa::PrivateKey>),
    MlDsa44(Box<ml_dsa::SigningKey<ml_dsa::MlDsa44>>),
    MlDsa65(Box<ml_dsa::SigningKey<ml_dsa::MlDsa65>>),
}

impl Key {
    /// One key an algorithm, made once.
    pub(super) fn of(algorithm: Algorithm) -> Arc<Self> {
        static KEYS: LazyLock<[Arc<Key>; 6]> = LazyLock::new(|| {
            let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| {
                let rng = SystemRandom::new();
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
                EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &rng).unwrap()
            };
            let mut rng = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
            [
                Key::P256(ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)),
                Key::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()),
                Key::P384(ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)),
                Key::Rsa(Box::new(rsa::PrivateKey::new(&mut rng, 2048).unwrap())),
                Key::MlDsa44(Box::new(ml_dsa::SigningKey::from_seed(&[7; 32].into()))),
                Key::MlDsa65(Box::new(ml_dsa::SigningKey::from_seed(&[7; 32].into()))),
            ]
            .map(Arc::new)
        });
        KEYS.iter().find(|key| key.public().algorithm() == algorithm).unwrap().clone()
    }

    pub(super) fn public(&self) -> PublicKey {
        match self {
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                PublicKey::P256 { x: point[1..33].try_into().unwrap(), y: point[33..].try_into().unwrap() }
            }
            Self::P384(key) => {
                let point = key.public_key().as_ref();
                PublicKey::P384 { x: point[1..49].try_into().unwrap(), y: point[49..].try_into().unwrap() }
            }
            Self::Ed25519(key) => PublicKey::Ed25519 { x: key.public_key().as_ref().try_into().unwrap() },
            Self::Rsa(key) => PublicKey::Rsa { n: key.n_bytes().into(), e: key.e_bytes().into() },
            Self::MlDsa44(key) => {
                PublicKey::MlDsa44 { key: Box::new(ml_dsa::Keypair::verifying_key(&**key).encode().into()) }
            }
            Self::MlDsa65(key) => {
                PublicKey::MlDsa65 { key: Box::new(ml_dsa::Keypair::verifying_key(&**key).encode().into()) }
            }
        }
    }

    pub(super) fn sign(&self, auth_data: &[u8], client_data_json: &[u8]) -> Vec<u8> {
        let message = [auth_data, &sha256(client_data_json)].concat();
        match self {
            Self::P256(key) | Self::P384(key) => {
                key.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(key) => key.sign(&message).as_ref().to_vec(),
            Self::Rsa(key) => {
                let key = rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new((**key).clone());
                rsa::signature::Signer::sign(&key, &message).to_vec()
            }
            Self::MlDsa44(key) => ml_dsa::Signer::sign(&**key, &message).encode().to_vec(),
            Self::MlDsa65(key) => ml_dsa::Signer::sign(&**key, &message).encode().to_vec(),
        }
    }
}

/// A signature by the key of RS256.
pub(super) fn sign_with_rsa(message: &[u8]) -> Vec<u8> {
    let Key::Rsa(key) = &*Key::of(Algorithm::RS256) else { unreachable!() };
    let key = rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new((**key).clone());
    rsa::signature::Signer::sign(&key, message).to_vec()
}

/// A signature of RS1 by the key of RS256.
pub(super) fn sign_with_sha_1(message: &[u8]) -> Vec<u8> {
    let Key::Rsa(key) = &*Key::of(Algorithm::RS256) else { unreachable!() };
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, message);
    // The DigestInfo of RFC 8017 §9.2 note 1.
    let info =
        [b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14".as_slice(), hash.as_ref()].concat();
    key.sign(rsa::Pkcs1v15Sign::new_unprefixed(), &info).unwrap()
}

fn client_data(ceremony: &str, challenge: &[u8]) -> ClientData {
    ClientData {
        ceremony: ceremony.into(),
        challenge: base64url::encode(challenge),
        origin: ORIGIN.into(),
        cross_origin: Some(false),
        top_origin: None,
    }
}

/// What stands in the attestation object.
#[derive(Clone)]
pub(super) enum Statement {
    None,
    PackedSelf,
    /// Packed self attestation, but these bytes for a signature.
    PackedSignature(Vec<u8>),
    /// Packed, by a certified key; the function spoils something.
    Packed(fn(&mut Leaf)),
    /// As a U2F key attests; the same.
    FidoU2f(fn(&mut Leaf)),
    /// As a TPM attests; the same.
    Tpm(fn(&mut Tpm)),
    /// As Android's keystore attests; the same.
    AndroidKey(fn(&mut AndroidKey)),
    /// As SafetyNet attested; the same.
    SafetyNet(fn(&mut SafetyNet)),
    /// As Apple attests; the same.
    Apple(fn(&mut Apple)),
    /// Each of these.
    Compound(Vec<Statement>),
    /// This format and this statement.
    Other(&'static str, Value),
}

/// A registration, in parts that can be spoilt before it is put together and signed.
#[derive(Clone)]
pub(super) struct Registration {
    pub(super) party: RelyingParty,
    pub(super) expected: RegistrationExpectation<'static>,
    pub(super) key: Arc<Key>,
    pub(super) client: ClientData,
    /// In place of what `client` encodes to.
    pub(super) client_json: Option<Vec<u8>>,
    pub(super) data: AuthenticatorData,
    /// In place of what `data` encodes to.
    pub(super) auth_data: Option<Vec<u8>>,
    pub(super) statement: Statement,
    /// In place of what all that encodes to.
    pub(super) object: Option<Vec<u8>>,
    /// Last of all.
    pub(super) edit: fn(&mut RegistrationResponse),
}

impl Registration {
    pub(super) fn new(algorithm: Algorithm, statement: Statement) -> Self {
        let key = Key::of(algorithm);
        let attestation = AttestationPolicy {
            trust_anchors: vec![Authority::trusted().certificate.clone()],
            now: Some(NOW),
            ..AttestationPolicy::default()
        };
        Self {
            party: RelyingParty { attestation, ..RelyingParty::new(RP_ID) },
            expected: RegistrationExpectation {
                challenge: b"an unguessable challenge, honest".to_vec(),
                user_handle: USER_HANDLE.to_vec(),
                user_verification: UserVerification::Required,
                conditional: false,
                algorithms: ALGORITHMS.to_vec(),
                extensions: vec!["credProps".into(), "hmacCreateSecret".into()],
                is_registered: &|_| false,
            },
            client: client_data(webauthn::Ceremony::CREATE, b"an unguessable challenge, honest"),
            client_json: None,
            data: AuthenticatorData {
                rp_id_hash: sha256(RP_ID.as_bytes()),
                flags: Flags::UP | Flags::UV | Flags::AT | Flags::ED,
                sign_count: 7,
                attested: Some(AttestedCredentialData {
                    aaguid: Aaguid([0x90; 16]),
                    credential_id: CREDENTIAL_ID.into(),
                    public_key: key.public(),
                }),
                extensions: Some(cbor::text_map([("hmac-secret", Some(true.into()))])),
            },
            key,
            auth_data: None,
            statement,
            object: None,
            edit: |_| {},
        }
    }

    /// The other algorithm's key signs, while the credential public key stays.
    pub(super) fn signed_by_another(&mut self) {
        self.key = Key::of(match &*self.key {
            Key::P256(_) => Algorithm::EDDSA,
            _ => Algorithm::ES256,
        });
    }

    pub(super) fn client_data_json(&self) -> Vec<u8> {
        self.client_json.clone().unwrap_or_else(|| self.client.encode())
    }

    pub(super) fn auth_data(&self) -> Vec<u8> {
        self.auth_data.clone().unwrap_or_else(|| self.data.encode())
    }

    fn attestation_object(&self) -> Vec<u8> {
        let (fmt, att_stmt) = self.att_stmt(&self.statement);
        AttestationObject { fmt: fmt.into(), att_stmt, auth_data: self.auth_data() }.encode()
    }

    /// The bytes that most formats sign or hash.
    pub(super) fn message(&self) -> Vec<u8> {
        [self.auth_data().as_slice(), &sha256(&self.client_data_json())].concat()
    }

    /// Format and statement.
    fn att_stmt(&self, statement: &Statement) -> (&'static str, Value) {
        let packed = |sig: Vec<u8>| {
            let alg = self.data.attested.as_ref().map_or(Algorithm::ES256, |a| a.public_key.algorithm());
            ("packed", cbor::text_map([("alg", Some(alg.0.into())), ("sig", Some(cbor::bytes(sig)))]))
        };
        let auth_data = self.auth_data();
        match statement {
            Statement::None => ("none", Value::Map(vec![])),
            Statement::PackedSelf => packed(self.key.sign(&auth_data, &self.client_data_json())),
            Statement::PackedSignature(sig) => packed(sig.clone()),
            Statement::Packed(spoil) => {
                let leaf = self.leaf(*spoil);
                let sig = leaf.sign(&[auth_data.as_slice(), &sha256(&self.client_data_json())].concat());
                let alg = Some(leaf.alg.0.into());
                ("packed", cbor::text_map([("alg", alg), ("sig", Some(sig)), ("x5c", Some(leaf.x5c()))]))
            }
            Statement::FidoU2f(spoil) => {
                let leaf = self.leaf(*spoil);
                let hash = sha256(&self.client_data_json());
                let mut signed = [&[0], self.data.rp_id_hash.as_slice(), &hash].concat();
                if let Some(AttestedCredentialData {
                    credential_id,
                    public_key: PublicKey::P256 { x, y },
                    ..
                }) = &self.data.attested
                {
                    signed.extend([credential_id.as_slice(), &[4], x, y].concat());
                }
                ("fido-u2f", cbor::text_map([("sig", Some(leaf.sign(&signed))), ("x5c", Some(leaf.x5c()))]))
            }
            Statement::Tpm(spoil) => ("tpm", Tpm::new(self, *spoil).statement(self)),
            Statement::AndroidKey(spoil) => ("android-key", AndroidKey::new(self, *spoil).statement(self)),
            Statement::SafetyNet(spoil) => {
                ("android-safetynet", SafetyNet::new(self, *spoil).statement(self))
            }
            Statement::Apple(spoil) => ("apple", Apple::new(self, *spoil).statement()),
            Statement::Compound(parts) => {
                let parts = parts.iter().map(|part| {
                    let (fmt, att_stmt) = self.att_stmt(part);
                    cbor::text_map([("fmt", Some(cbor::text(fmt))), ("attStmt", Some(att_stmt))])
                });
                ("compound", Value::Array(parts.collect()))
            }
            Statement::Other(fmt, att_stmt) => (*fmt, att_stmt.clone()),
        }
    }

    fn leaf(&self, spoil: fn(&mut Leaf)) -> Leaf {
        let mut leaf = Leaf::new([0x90; 16]);
        spoil(&mut leaf);
        leaf
    }

    pub(super) fn response(&self) -> RegistrationResponse {
        let attested = self.data.attested.as_ref();
        let id = attested.map_or(vec![], |attested| attested.credential_id.clone());
        let mut response = RegistrationResponse {
            id: base64url::encode(&id),
            raw_id: id.into(),
            response: AttestationResponse {
                client_data_json: self.client_data_json().into(),
                attestation_object: self.object.clone().unwrap_or_else(|| self.attestation_object()).into(),
                authenticator_data: Some(self.auth_data().into()),
                transports: vec!["hybrid".into(), "internal".into()],
                public_key: attested
                    .and_then(|attested| Some(subject_public_key_info(&attested.public_key)?.into())),
                public_key_algorithm: attested.map(|attested| attested.public_key.algorithm().0),
            },
            authenticator_attachment: Some("cross-platform".into()),
            client_extension_results: [("credProps".to_owned(), serde_json::json!({"rk": true}))]
                .into_iter()
                .collect(),
            kind: "public-key".into(),
        };
        (self.edit)(&mut response);
        response
    }

    pub(super) fn run_without(&self, left_out: &[Step]) -> Result<Registered, Rejection> {
        self.party.verify_registration_without(left_out, &self.expected, &self.response())
    }

    pub(super) fn run(&self) -> Result<Registered, Rejection> {
        self.party.verify_registration(&self.expected, &self.response())
    }
}

/// A sign-in, in parts that can be spoilt before it is put together and signed.
#[derive(Clone)]
pub(super) struct SignIn {
    pub(super) party: RelyingParty,
    pub(super) expected: AuthenticationExpectation,
    pub(super) record: StoredCredential,
    pub(super) key: Arc<Key>,
    pub(super) client: ClientData,
    /// In place of what `client` encodes to.
    pub(super) client_json: Option<Vec<u8>>,
    pub(super) data: AuthenticatorData,
    /// In place of what `data` encodes to.
    pub(super) auth_data: Option<Vec<u8>>,
    pub(super) user_handle: Option<Vec<u8>>,
    /// Last of all.
    pub(super) edit: fn(&mut AuthenticationResponse),
}

impl SignIn {
    pub(super) fn new(algorithm: Algorithm, identified: bool) -> Self {
        let key = Key::of(algorithm);
        Self {
            party: RelyingParty::new(RP_ID),
            expected: AuthenticationExpectation {
                challenge: b"another unguessable challenge".to_vec(),
                user_verification: UserVerification::Required,
                allowed: if identified { vec![vec![1; 20], CREDENTIAL_ID.into()] } else { vec![] },
                user_handle: identified.then(|| USER_HANDLE.into()),
                extensions: vec!["appid".into(), "prf".into()],
            },
            record: StoredCredential {
                id: CREDENTIAL_ID.into(),
                user_handle: USER_HANDLE.into(),
                public_key: key.public(),
                sign_count: 7,
                backup_eligible: false,
                backed_up: false,
                uv_initialized: true,
                transports: vec!["internal".into()],
            },
            client: client_data(webauthn::Ceremony::GET, b"another unguessable challenge"),
            client_json: None,
            data: AuthenticatorData {
                rp_id_hash: sha256(RP_ID.as_bytes()),
                flags: Flags::UP | Flags::UV | Flags::ED,
                sign_count: 8,
                attested: None,
                extensions: Some(cbor::text_map([("hmac-secret", Some(cbor::bytes([9; 48])))])),
            },
            key,
            auth_data: None,
            user_handle: (!identified).then(|| USER_HANDLE.into()),
            edit: |_| {},
        }
    }

    pub(super) fn response(&self) -> AuthenticationResponse {
        let client_data_json = self.client_json.clone().unwrap_or_else(|| self.client.encode());
        let auth_data = self.auth_data.clone().unwrap_or_else(|| self.data.encode());
        let mut response = AuthenticationResponse {
            id: base64url::encode(&CREDENTIAL_ID),
            raw_id: CREDENTIAL_ID.to_vec().into(),
            response: AssertionResponse {
                signature: self.key.sign(&auth_data, &client_data_json).into(),
                client_data_json: client_data_json.into(),
                authenticator_data: auth_data.into(),
                user_handle: self.user_handle.clone().map(Into::into),
            },
            authenticator_attachment: Some("platform".into()),
            client_extension_results: [("appid".to_owned(), false.into())].into_iter().collect(),
            kind: "public-key".into(),
        };
        (self.edit)(&mut response);
        response
    }

    pub(super) fn run_without(&self, left_out: &[Step]) -> Result<Authenticated, Rejection> {
        self.party.verify_authentication_without(left_out, &self.expected, &self.response(), &self.record)
    }

    pub(super) fn run(&self) -> Result<Authenticated, Rejection> {
        self.party.verify_authentication(&self.expected, &self.response(), &self.record)
    }
}
