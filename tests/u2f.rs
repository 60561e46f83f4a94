//! The platform's side of CTAP1.
use crate::{NOW, Rig, USB, all_in};
use authenticator::profile::{Attestation, Profile};
use authenticator::{Gesture, Progress, Request as Message, Via};
use emulator::attestation::CertificateSummary;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use wire::apdu::{Response, StatusWord};
use wire::cose::Algorithm;
use wire::ctap1::{AuthenticateResponse, Control, RegisterResponse, RegistrationData, Request};
use wire::time::Instant;

/// The challenge parameter of the sample requests.
pub const CHALLENGE: [u8; 32] = [0xC4; 32];

/// Everything of CTAP 2.3, and U2F.
pub fn with_u2f() -> Profile {
    let mut profile = all_in();
    profile.versions.insert(0, "U2F_V2".into());
    profile
}

/// U2F and nothing else.
pub fn u2f_only() -> Profile {
    Profile {
        versions: vec!["U2F_V2".into()],
        algorithms: vec![Algorithm::ES256],
        attestation: Attestation::FidoU2f,
        further_attestations: Vec::new(),
        ..with_u2f()
    }
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
        let certificate = CertificateSummary::of(&answer.certificate).expect("it is a certificate");
        let key = VerifyingKey::from_sec1_bytes(&certificate.public_key).expect("its key is on the curve");
        key.verify(&signed.encode(), &signature).expect("the signature is good");
        answer
    }
}

/// Reads the data of a `U2F_AUTHENTICATE` answer and verifies the signature with a key's coordinates.
pub fn verified(id: &str, x: &[u8; 32], y: &[u8; 32], data: &[u8]) -> AuthenticateResponse {
    verified_over(id, &CHALLENGE, x, y, data)
}

/// The same with another challenge parameter.
pub fn verified_over(
    id: &str,
    challenge: &[u8; 32],
    x: &[u8; 32],
    y: &[u8; 32],
    data: &[u8],
) -> AuthenticateResponse {
    let answer = AuthenticateResponse::decode(data).expect("it is well formed");
    let counter = answer.counter.to_be_bytes();
    let signed = [application(id).as_slice(), &[answer.presence], &counter, challenge].concat();
    let point = [&[4], x.as_slice(), y].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).expect("the key is on the curve");
    let signature = Signature::from_der(&answer.signature).expect("it is DER");
    key.verify(&signed, &signature).expect("the signature is good");
    answer
}
