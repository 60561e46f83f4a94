//! The platform's side of CTAP1, and a signer that can attest.
use crate::{NOW, Rig, USB, all_in};
use authenticator::profile::Profile;
use authenticator::signer::{Attested, Attester, DeterministicSigner, Signed, Signer, SignerError};
use authenticator::store::KeyPair;
use authenticator::{Gesture, Progress, Request as Message, Via};
use p256::ecdsa::signature::{Signer as _, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use wire::apdu::{Response, StatusWord};
use wire::cose::Algorithm;
use wire::ctap1::{AuthenticateResponse, Control, RegisterResponse, RegistrationData, Request};
use wire::hex;
use wire::time::Instant;
use wire::webauthn::AuthenticatorData;

/// The challenge parameter of the sample requests.
pub const CHALLENGE: [u8; 32] = [0xC4; 32];

/// The attestation key and certificate of the example in FIDO U2F Raw Message Formats 1.2 §8.1. The key is
/// published there: it is good for nothing but tests.
const KEY: &str = "f3fccc0d00d8031954f90864d43c247f4bf5f0665c6b50cc17749a27d1cf7664";
const CERTIFICATE: &str = "3082013c3081e4a003020102020a47901280001155957352300a06082a8648ce3d0403023017311530130603\
    550403130c476e756262792050696c6f74301e170d3132303831343138323933325a170d3133303831343138323933325a3031312f302d060355\
    0403132650696c6f74476e756262792d302e342e312d34373930313238303030313135353935373335323059301306072a8648ce3d020106082a\
    8648ce3d030107034200048d617e65c9508e64bcc5673ac82a6799da3c1446682c258c463fffdf58dfd2fa3e6c378b53d795c4a4dffb4199edd7\
    862f23abaf0203b4b8911ba0569994e101300a06082a8648ce3d0403020347003044022060cdb6061e9c22262d1aac1d96d8c70829b2366531dd\
    a268832cb836bcd30dfa0220631b1459f09e6330055722c8d89b7f48883b9089b88d60d1d9795902b30410df";

/// Deterministic keys, with a certificate for U2F.
#[derive(Clone, Copy, Default)]
pub struct Certified;

impl Signer for Certified {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        DeterministicSigner.generate(algorithm, rng)
    }

    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        hash: &[u8; 32],
    ) -> Result<Signed, SignerError> {
        DeterministicSigner.sign(key, data, hash)
    }

    fn attest_u2f(&mut self, by: Attester, registration: &RegistrationData) -> Result<Attested, SignerError> {
        if by != Attester::Batch {
            return Err(SignerError::NoAttestationKey);
        }
        let signature: Signature = attestation_key().sign(&registration.encode());
        Ok(Attested {
            auth_data: Vec::new(),
            signature: signature.to_der().as_bytes().to_vec(),
            algorithm: Algorithm::ES256,
            chain: vec![certificate()],
        })
    }
}

/// The certificate with which [`Certified`] attests, in DER.
pub fn certificate() -> Vec<u8> {
    hex::decode(CERTIFICATE).expect("it is hexadecimal")
}

fn attestation_key() -> SigningKey {
    SigningKey::from_slice(&hex::decode(KEY).expect("it is hexadecimal")).expect("it is a scalar")
}

/// Everything of CTAP 2.3, and U2F.
pub fn with_u2f() -> Profile {
    let mut profile = all_in();
    profile.versions.insert(0, "U2F_V2".into());
    profile
}

/// U2F and nothing else.
pub fn u2f_only() -> Profile {
    Profile { versions: vec!["U2F_V2".into()], ..with_u2f() }
}

/// Of that profile, with deterministic keys and a certificate.
pub fn rig(profile: Profile) -> Rig {
    Rig::with_signer(profile, Box::new(Certified))
}

/// The application parameter of an AppID or RP ID.
pub fn application(id: &str) -> [u8; 32] {
    Sha256::digest(id).into()
}

/// A registration for an AppID or RP ID.
pub fn register(id: &str) -> Request {
    Request::Register { challenge: CHALLENGE, application: application(id) }
}

/// A sign-in for an AppID or RP ID.
pub fn authenticate(control: Control, id: &str, key_handle: &[u8]) -> Request {
    let key_handle = key_handle.into();
    Request::Authenticate { control, challenge: CHALLENGE, application: application(id), key_handle }
}

impl Rig {
    /// Sends a request APDU, which is answered at once.
    pub fn apdu(&mut self, now: Instant, via: Via, apdu: &[u8]) -> Response {
        match self.authenticator.handle_request(now, via, Message::U2f(apdu)) {
            Progress::Reply(reply) => Response::decode(&reply).expect("an answer ends in a status word"),
            other => panic!("U2F never waits: {other:?}"),
        }
    }

    /// Sends a U2F request over USB.
    pub fn u2f_at(&mut self, now: Instant, request: &Request) -> Response {
        self.apdu(now, USB, &request.encode())
    }

    /// Sends a U2F request at power-up; the status word of its answer.
    pub fn u2f(&mut self, request: &Request) -> StatusWord {
        self.u2f_at(NOW, request).status
    }

    /// Sends a U2F request as a platform does: again, when the user has touched.
    pub fn u2f_touched(&mut self, request: &Request) -> Vec<u8> {
        assert_eq!(self.u2f(request), StatusWord::CONDITIONS_NOT_SATISFIED);
        self.touch(NOW);
        let Response { data, status } = self.u2f_at(NOW, request);
        assert_eq!(status, StatusWord::NO_ERROR);
        data
    }

    /// The user touches, which no command waits for.
    pub fn touch(&mut self, now: Instant) {
        assert!(self.authenticator.prompt().is_some(), "nobody is asked");
        assert_eq!(self.authenticator.handle_gesture(now, Gesture::Present), None);
    }

    /// Registers by U2F, and verifies the answer.
    pub fn register_u2f(&mut self, id: &str) -> RegisterResponse {
        let answer = RegisterResponse::decode(&self.u2f_touched(&register(id))).expect("it is well formed");
        let RegisterResponse { x, y, key_handle, .. } = answer.clone();
        let signed =
            RegistrationData { application: application(id), challenge: CHALLENGE, key_handle, x, y };
        let signature = Signature::from_der(&answer.signature).expect("it is DER");
        attestation_key()
            .verifying_key()
            .verify(&signed.encode(), &signature)
            .expect("the signature is good");
        answer
    }
}

/// Reads the data of a `U2F_AUTHENTICATE` answer and verifies the signature with a key's coordinates.
pub fn verified(id: &str, x: &[u8; 32], y: &[u8; 32], data: &[u8]) -> AuthenticateResponse {
    let answer = AuthenticateResponse::decode(data).expect("it is well formed");
    let counter = answer.counter.to_be_bytes();
    let signed = [application(id).as_slice(), &[answer.presence], &counter, &CHALLENGE].concat();
    let point = [&[4], x.as_slice(), y].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).expect("the key is on the curve");
    let signature = Signature::from_der(&answer.signature).expect("it is DER");
    key.verify(&signed, &signature).expect("the signature is good");
    answer
}
