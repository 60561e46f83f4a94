//! Everything at once: PIN × finger × proof of verification × protocol × rk × extensions × algorithm, in memory, with
//! what is stored compared after each with what should be.
//!
//! The first algorithm goes through every subset of the extensions, the second through none, each alone and all, the
//! slow ones through none and all.
use crate::extensions::{inputs, salts::Platform, salts::SALT};
use crate::tokens::PIN;
use authenticator::Gesture;
use authenticator::profile::{Profile, Verification};
use authenticator::store::{Credential, PIN_RETRIES, Persistent, UV_RETRIES};
use tests::platform::{Pin, Token};
use tests::{ALGORITHMS, NOW, RP_ID, Rig, SLOW, USB, all_in, listed, registration, sign_in, status};
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::ctap2::{GetAssertion, GetAssertionResponse, MakeCredential, MakeCredentialResponse, Permissions};
use wire::status::Status;
use wire::webauthn::{AuthenticatorData, Flags};

const BLOB: [u8; 3] = [1, 2, 3];
const EXTENSIONS: [&str; 8] = [
    "credProtect",
    "credBlob",
    "hmac-secret",
    "hmac-secret-mc",
    "largeBlobKey",
    "minPinLength",
    "pinComplexityPolicy",
    "thirdPartyPayment",
];

/// How the platform has its user verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Nothing,
    BuiltIn,
    TokenByPin(i64),
    TokenByFinger(i64),
}

impl Proof {
    const ALL: [Self; 6] = [
        Self::Nothing,
        Self::BuiltIn,
        Self::TokenByPin(1),
        Self::TokenByPin(2),
        Self::TokenByFinger(1),
        Self::TokenByFinger(2),
    ];

    /// Whether there is such a proof to be had: how tokens are refused is the subject of `client_pin`.
    fn is_there(self, pin: bool, finger: bool) -> bool {
        match self {
            Self::Nothing | Self::BuiltIn => true,
            Self::TokenByPin(_) => pin,
            Self::TokenByFinger(_) => finger,
        }
    }

    fn token(self, rig: &mut Rig, permissions: Permissions) -> Option<Token> {
        match self {
            Self::Nothing | Self::BuiltIn => None,
            Self::TokenByPin(protocol) => {
                Some(Pin::new(protocol).token(rig, PIN, permissions, Some(RP_ID)).unwrap())
            }
            Self::TokenByFinger(protocol) => {
                let touch = |_: &_| Gesture::Verified;
                Some(Pin::new(protocol).token_by_uv(rig, permissions, Some(RP_ID), touch).unwrap())
            }
        }
    }

    fn protocol(self) -> i64 {
        match self {
            Self::TokenByPin(protocol) | Self::TokenByFinger(protocol) => protocol,
            Self::Nothing | Self::BuiltIn => 2,
        }
    }

    /// A token that a finger gave says that its user is present; one that a PIN gave does not.
    fn is_touch(self) -> bool {
        matches!(self, Self::TokenByFinger(_))
    }
}

/// The members of `all` whose bits are set.
fn chosen(bits: usize) -> Vec<&'static str> {
    EXTENSIONS.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, name)| *name).collect()
}

struct Case<'a> {
    proof: Proof,
    rk: bool,
    algorithm: Algorithm,
    extensions: &'a [&'static str],
    pin: bool,
    finger: bool,
}

impl Case<'_> {
    fn asks(&self, extension: &str) -> bool {
        self.extensions.contains(&extension)
    }

    /// What CTAP 2.1 §6.1.2 and §12 say to this registration, in the order in which they say it.
    fn expected(&self) -> Status {
        let verified = self.proof != Proof::Nothing;
        if self.proof == Proof::BuiltIn && !self.finger {
            Status::INVALID_OPTION
        } else if (self.pin || self.finger) && !verified && self.rk {
            if self.pin { Status::PUAT_REQUIRED } else { Status::OPERATION_DENIED }
        } else if self.asks("hmac-secret-mc") && !self.asks("hmac-secret") {
            Status::MISSING_PARAMETER
        } else if self.asks("largeBlobKey") && !self.rk {
            Status::INVALID_OPTION
        } else {
            Status::OK
        }
    }

    fn registration(&self, rig: &mut Rig, salts: &Platform) -> MakeCredential {
        let input = |name: &str| match name {
            "credProtect" => Value::from(2),
            "credBlob" => cbor::bytes(BLOB),
            "hmac-secret-mc" => salts.input(&[SALT]),
            _ => Value::Bool(true),
        };
        let members: Vec<(&str, Value)> = self.extensions.iter().map(|name| (*name, input(name))).collect();
        let request = MakeCredential {
            algorithms: vec![self.algorithm],
            rk: Some(self.rk),
            uv: (self.proof == Proof::BuiltIn).then_some(true),
            extensions: if members.is_empty() { None } else { inputs(&members) },
            ..registration("alice")
        };
        match self.proof.token(rig, Permissions::MC) {
            None => request,
            Some(token) => MakeCredential {
                pin_uv_auth_param: Some(token.authenticate(&request.client_data_hash)),
                pin_uv_auth_protocol: Some(token.protocol),
                ..request
            },
        }
    }

    fn sign_in(&self, rig: &mut Rig, salts: &Platform, id: &[u8]) -> GetAssertion {
        let members: Vec<(&str, Value)> = self
            .extensions
            .iter()
            .filter(|name| ["credBlob", "hmac-secret", "largeBlobKey", "thirdPartyPayment"].contains(*name))
            .map(|name| (*name, if *name == "hmac-secret" { salts.input(&[SALT]) } else { true.into() }))
            .collect();
        let request = GetAssertion {
            allow_list: vec![listed(id)],
            uv: (self.proof == Proof::BuiltIn).then_some(true),
            extensions: if members.is_empty() { None } else { inputs(&members) },
            ..sign_in()
        };
        match self.proof.token(rig, Permissions::GA) {
            None => request,
            Some(token) => GetAssertion {
                pin_uv_auth_param: Some(token.authenticate(&request.client_data_hash)),
                pin_uv_auth_protocol: Some(token.protocol),
                ..request
            },
        }
    }

    fn check(&self, rig: &mut Rig, salts: &Platform, name: &str) {
        let request = self.registration(rig, salts);
        rig.prompts.clear();
        let before = rig.shelf.stored();
        let reply = rig.call(&request.encode());
        let expected = self.expected();
        assert_eq!(Status(reply[0]), expected, "{name}");
        if expected != Status::OK {
            assert!(rig.prompts.is_empty(), "{name}: nobody is asked for what will be refused");
            self.unchanged(&before, &rig.shelf.stored(), name);
            return;
        }
        assert_eq!(rig.prompts.len(), usize::from(!self.proof.is_touch()), "{name}");
        let response = MakeCredentialResponse::decode(&reply).unwrap();
        let data = AuthenticatorData::decode(&response.auth_data).unwrap();
        let verified = self.proof != Proof::Nothing;
        let present = Flags::UP | Flags::UV.when(verified);
        assert_eq!(data.flags, present | Flags::AT | Flags::ED.when(data.extensions.is_some()), "{name}");
        let attested = data.attested.unwrap();
        assert_eq!(attested.public_key.algorithm(), self.algorithm, "{name}");
        let at_creation = self
            .asks("hmac-secret-mc")
            .then(|| salts.open(extension(data.extensions.as_ref(), "hmac-secret-mc")));

        let after = rig.shelf.stored();
        self.unchanged_settings(&before, &after, name);
        let stored: Vec<&Credential> = after.credentials.iter().collect();
        assert_eq!(stored.len(), usize::from(self.rk), "{name}");
        if let [stored] = stored.as_slice() {
            assert_eq!(stored.id, attested.credential_id, "{name}");
            assert_eq!((&stored.rp, &stored.user), (&request.rp, &request.user), "{name}");
            assert_eq!(stored.key.public, attested.public_key, "{name}");
            let kept = &stored.extensions;
            assert_eq!(kept.cred_protect, if self.asks("credProtect") { 2 } else { 1 }, "{name}");
            assert_eq!(kept.cred_blob.as_deref(), self.asks("credBlob").then_some(BLOB.as_slice()), "{name}");
            assert_eq!(kept.third_party_payment, self.asks("thirdPartyPayment"), "{name}");
            let told = response.large_blob_key.as_deref();
            assert_eq!(kept.large_blob_key.as_ref().map(|key| key.as_slice()), told, "{name}");
            assert_eq!(told.is_some(), self.asks("largeBlobKey"), "{name}");
        }

        // The same proof signs in, and nothing that is kept changes by it.
        let request = self.sign_in(rig, salts, &attested.credential_id);
        let before = rig.shelf.stored();
        let response = GetAssertionResponse::decode(&rig.call(&request.encode())).unwrap();
        let signed = AuthenticatorData::decode(&response.auth_data).unwrap();
        let flags = present | Flags::ED.when(signed.extensions.is_some());
        assert_eq!((signed.flags, signed.attested), (flags, None), "{name}");
        if self.asks("hmac-secret") {
            let secret = salts.open(extension(signed.extensions.as_ref(), "hmac-secret"));
            assert_eq!(secret.len(), 32, "{name}");
            assert!(at_creation.is_none_or(|at_creation| at_creation == secret), "{name}");
        }
        let names = response.user.map(|user| (user.name.is_some(), user.display_name.is_some()));
        assert_eq!(names, self.rk.then_some((verified, verified)), "{name}: names only after verification");
        self.unchanged(&before, &rig.shelf.stored(), name);
        if self.rk {
            assert!(rig.authenticator.delete_passkey(NOW, &attested.credential_id).result.unwrap());
        }
    }

    /// No credential came or went.
    fn unchanged(&self, before: &Persistent, after: &Persistent, name: &str) {
        self.unchanged_settings(before, after, name);
        let ids = |stored: &Persistent| stored.credentials.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(before), ids(after), "{name}");
    }

    /// Retries, settings and large blobs are what they were.
    fn unchanged_settings(&self, before: &Persistent, after: &Persistent, name: &str) {
        let (before, after) = (before.state.as_ref().unwrap(), after.state.as_ref().unwrap());
        assert_eq!(before.settings, after.settings, "{name}");
        assert_eq!(before.large_blobs, after.large_blobs, "{name}");
        assert_eq!(after.verification.pin.is_some(), self.pin, "{name}");
        assert_eq!(after.verification.pin_retries, PIN_RETRIES, "{name}");
        assert_eq!(after.verification.uv_retries, UV_RETRIES, "{name}");
        assert!(after.counter_ceiling >= before.counter_ceiling, "{name}");
    }
}

fn extension<'a>(outputs: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    let members = outputs?.as_map()?;
    members.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

fn every_case(pin: bool, finger: bool) {
    let verification = if finger { Verification::OnRequest } else { Verification::None };
    let algorithms = ALGORITHMS.to_vec();
    let profile = Profile { verification, algorithms, max_credential_id_length: 512, ..all_in() };
    let mut rig = Rig::pooled(profile.clone());
    if pin {
        Pin::new(2).set(&mut rig, PIN).unwrap();
    }
    let salts = [1, 2].map(|protocol| Platform::agree(&mut rig, protocol));
    let all = (1 << EXTENSIONS.len()) - 1;
    let few: Vec<usize> = (0..EXTENSIONS.len()).map(|at| 1 << at).chain([0, all]).collect();
    let mut cases = 0;
    for (at, algorithm) in profile.algorithms.iter().enumerate() {
        let subsets = match algorithm {
            _ if at == 0 => (0..=all).collect(),
            slow if SLOW.contains(slow) => vec![0, all],
            _ => few.clone(),
        };
        for proof in Proof::ALL.into_iter().filter(|proof| proof.is_there(pin, finger)) {
            for bits in &subsets {
                for rk in [false, true] {
                    let extensions = chosen(*bits);
                    let name =
                        format!("pin {pin} finger {finger} {proof:?} {algorithm} rk {rk} {extensions:?}");
                    let case =
                        Case { proof, rk, algorithm: *algorithm, extensions: &extensions, pin, finger };
                    let salts = &salts[usize::from(proof.protocol() == 2)];
                    case.check(&mut rig, salts, &name);
                    cases += 1;
                }
            }
        }
    }
    assert!(cases >= 1024, "{cases} cases");
    // What none of them may have done: the key that seals credentials into their IDs is still the first one.
    let silent = GetAssertion { allow_list: vec![listed(b"never made")], ..sign_in() };
    assert_eq!(
        rig.call_with(NOW, USB, &silent.encode(), |_| Gesture::Present),
        status(Status::NO_CREDENTIALS)
    );
}

#[test]
fn every_combination_without_pin_and_finger() {
    every_case(false, false);
}

#[test]
fn every_combination_with_a_pin() {
    every_case(true, false);
}

#[test]
fn every_combination_with_a_finger() {
    every_case(false, true);
}

#[test]
fn every_combination_with_a_pin_and_a_finger() {
    every_case(true, true);
}
