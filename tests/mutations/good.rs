//! Ceremonies in which nothing is wrong, and the tools to change one thing in them.
use super::Change;
use crate::{CA, NOW, Rig, everything, identity};
use authenticator::profile::{Attestation, Counter, Extension, Profile, Verification};
use authenticator::signer::AttestationKey;
use authenticator::store::KeyPair;
use authenticator::{Gesture, Link, Via};
use client::{Account, Client, ClientError, Create, Get, Origin, Platform};
use relying_party::{AttestationPolicy, Conveyance, RegistrationExpectation, RelyingParty, StoredCredential};
use serde_json::Value;
use sha2::{Digest, Sha256};
use wire::base64url;
use wire::cbor::{self, Value as Cbor};
use wire::cose::{Algorithm, PublicKey};
use wire::ctap2::GetInfoResponse;
use wire::webauthn::json::{CreationOptions, RequestOptions, UserEntity};
use wire::webauthn::{AttestationObject, AuthenticatorData, ClientData};

/// The relying party.
pub const RP_ID: &str = "login.contoso.test";
/// Its pages.
pub const ORIGIN: &str = "https://login.contoso.test";
/// The account.
pub const USER_HANDLE: &[u8] = b"the handle of an account";
/// A moment at which every certificate is valid: 2027-01-15.
const TODAY: u64 = 1_800_000_000;
/// It needs both letters that the two dialects of base64 write differently, and padding in one of them.
const CHALLENGE: [u8; 32] = [0xFB; 32];
const VIA: Via = Via { link: Link::Usb, channel: 1 };

/// A good registration and two good sign-ins with what it registered.
pub struct Good {
    /// Who judges.
    pub party: RelyingParty,
    /// What the registration answers.
    pub creation: CreationOptions,
    /// What was posted.
    pub registration: Value,
    /// What is kept of it.
    pub record: StoredCredential,
    sign_ins: [SignIn; 2],
    keys: Keys,
}

/// A good sign-in.
pub struct SignIn {
    /// What it answers.
    pub options: RequestOptions,
    /// What was posted.
    pub response: Value,
    /// Whether the account was identified beforehand, so that `allowCredentials` lists what it has.
    pub by_name: bool,
}

impl Good {
    /// Ceremonies with a passkey of this algorithm.
    pub fn new(algorithm: Algorithm) -> Self {
        let mut device = Device::new(algorithm);
        let party = RelyingParty {
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            attestation: AttestationPolicy {
                conveyance: Conveyance::Direct,
                trust_anchors: vec![CA.certificate().to_vec()],
                now: Some(TODAY),
                ..AttestationPolicy::default()
            },
            device_bound: true,
            ..RelyingParty::new(RP_ID)
        };
        let user = UserEntity {
            id: USER_HANDLE.to_vec().into(),
            name: "ada@contoso.test".into(),
            display_name: "Ada".into(),
        };
        let mut creation = party.creation_options(user, CHALLENGE.into(), &[]);
        creation.extensions.insert("hmacCreateSecret".into(), true.into());
        let registration = device.create(&creation);
        let made =
            wire::webauthn::json::from_value(registration.clone()).expect("a client writes what it must");
        let expected = RegistrationExpectation::of(&creation, &|_| false);
        let record = party.verify_registration(&expected, &made).expect("nothing is wrong").credential;
        let sign_ins = [false, true].map(|by_name| {
            let allow = if by_name { std::slice::from_ref(&record) } else { &[] };
            let options = party.request_options(CHALLENGE.into(), allow);
            let response = device.get(&options);
            SignIn { options, response, by_name }
        });
        Self { party, creation, registration, record, sign_ins, keys: device.keys() }
    }

    /// The one of an account that was identified beforehand, or the other.
    pub fn sign_in(&self, by_name: bool) -> &SignIn {
        &self.sign_ins[usize::from(by_name)]
    }

    /// What is posted in place of the good registration.
    pub fn mutated_registration(&self, change: Change) -> String {
        self.keys.mutated(&self.registration, change)
    }

    /// What is posted in place of a good sign-in.
    pub fn mutated_sign_in(&self, by_name: bool, change: Change) -> String {
        self.keys.mutated(&self.sign_in(by_name).response, change)
    }
}

/// An authenticator, and a page in a browser before it.
pub struct Device {
    rig: Rig,
    batch: AttestationKey,
}

impl Device {
    /// One whose passkeys are of this algorithm, attested by the test CA.
    pub fn new(algorithm: Algorithm) -> Self {
        let profile = Profile {
            attestation: Attestation::Packed,
            counter: Counter::Global,
            verification: Verification::OnRequest,
            extensions: vec![Extension::HmacSecret],
            algorithms: vec![algorithm],
            ..everything()
        };
        let batch = identity(&profile).batch.expect("the profile attests so");
        Self { rig: Rig::pooled(profile), batch }
    }

    /// `navigator.credentials.create()`.
    pub fn create(&mut self, options: &CreationOptions) -> Value {
        let origin = Origin::parse(ORIGIN).expect("it is an origin");
        let begun = Create::begin(&origin, options, &platform(&mut self.rig)).expect("the device can do it");
        let made = client::run(begun, exchange(&mut self.rig)).expect("the user agrees");
        serde_json::to_value(made.response).expect("it is JSON")
    }

    /// `navigator.credentials.get()`.
    pub fn get(&mut self, options: &RequestOptions) -> Value {
        let origin = Origin::parse(ORIGIN).expect("it is an origin");
        let begun = Get::begin(&origin, options, &platform(&mut self.rig), Account::Newest);
        let made = client::run(begun.expect("the device can do it"), exchange(&mut self.rig));
        serde_json::to_value(made.expect("the user agrees").response).expect("it is JSON")
    }

    /// The keys of what was registered last.
    pub fn keys(&self) -> Keys {
        let stored = self.rig.shelf.stored();
        let newest = stored.credentials.iter().max_by_key(|credential| credential.created);
        Keys { credential: newest.expect("it was registered").key.clone(), batch: self.batch.clone() }
    }
}

/// What an authenticator signs with.
pub struct Keys {
    credential: KeyPair,
    batch: AttestationKey,
}

impl Keys {
    /// What is posted in place of a good registration or sign-in that was made with them.
    pub fn mutated(&self, good: &Value, change: Change) -> String {
        match change {
            Change::Made(edit) => self.made(good.clone(), edit),
            Change::Object(edit) => {
                let mut json = good.clone();
                let object = cbor::decode(&bytes(&json["response"]["attestationObject"]));
                let Ok(Cbor::Map(mut members)) = object else { panic!("it is a map") };
                edit(&mut members);
                json["response"]["attestationObject"] = text(&cbor::encode(&Cbor::Map(members)));
                without_repetitions(&mut json);
                json.to_string()
            }
            Change::Json(edit) => edited(good, edit),
            Change::Text(edit) => edit(&good.to_string()),
        }
    }

    fn made(&self, mut json: Value, edit: fn(&mut Draft)) -> String {
        let response = &json["response"];
        let object = response.get("attestationObject").map(|object| {
            AttestationObject::decode(&bytes(object)).expect("it is a good attestation object")
        });
        let auth =
            object.as_ref().map_or_else(|| bytes(&response["authenticatorData"]), |o| o.auth_data.clone());
        let mut draft = Draft { client: bytes(&response["clientDataJSON"]), auth, by: self.batch.clone() };
        let (client, auth) = (draft.client.clone(), draft.auth.clone());
        edit(&mut draft);
        assert!(
            draft.client != client || draft.auth != auth || draft.by.chain != self.batch.chain,
            "nothing was changed"
        );
        let message = [draft.auth.as_slice(), &Sha256::digest(&draft.client)].concat();
        json["response"]["clientDataJSON"] = text(&draft.client);
        if object.is_some() {
            let AttestationKey { key, chain } = &draft.by;
            let att_stmt = cbor::text_map([
                ("alg", Some(key.public.algorithm().0.into())),
                ("sig", Some(cbor::bytes(sign(key, &message)))),
                ("x5c", Some(Cbor::Array(chain.iter().cloned().map(Cbor::Bytes).collect()))),
            ]);
            let object = AttestationObject { fmt: "packed".into(), att_stmt, auth_data: draft.auth };
            json["response"]["attestationObject"] = text(&object.encode());
            without_repetitions(&mut json);
        } else {
            json["response"]["authenticatorData"] = text(&draft.auth);
            json["response"]["signature"] = text(&sign(&self.credential, &message));
        }
        json.to_string()
    }
}

/// What an authenticator and a client make, before it is signed.
pub struct Draft {
    /// The client data.
    pub client: Vec<u8>,
    /// The authenticator data.
    pub auth: Vec<u8>,
    /// Who attests, in a registration.
    pub by: AttestationKey,
}

impl Draft {
    /// Puts other text into the client data, where it must be.
    pub fn client(&mut self, text: &str, by: &str) {
        let client = std::str::from_utf8(&self.client).expect("it was not changed yet");
        assert_eq!(client.matches(text).count(), 1, "{text} in {client}");
        self.client = client.replace(text, by).into();
    }

    /// The text of the challenge.
    pub fn challenge_text(&self) -> String {
        let client = ClientData::decode(&self.client).expect("it was not changed yet");
        client.challenge
    }

    /// Puts another text in place of the challenge's.
    pub fn challenge(&mut self, edit: impl FnOnce(&str) -> String) {
        let text = self.challenge_text();
        let by = edit(&text);
        self.client(&text, &by);
    }

    /// Changes the authenticator data and writes them again.
    pub fn data(&mut self, edit: impl FnOnce(&mut AuthenticatorData)) {
        let mut data = AuthenticatorData::decode(&self.auth).expect("they were not changed yet");
        edit(&mut data);
        self.auth = data.encode();
    }

    /// Puts other bytes in place of the public key's.
    pub fn key(&mut self, edit: impl FnOnce(&[u8]) -> Vec<u8>) {
        let data = AuthenticatorData::decode(&self.auth).expect("they were not changed yet");
        let attested = data.attested.expect("it is a registration");
        let before = cbor::encode(&attested.public_key.to_value());
        let start = 55 + attested.credential_id.len();
        self.auth.splice(start..start + before.len(), edit(&before));
    }

    /// Changes the members of the public key, which are written in canonical order.
    pub fn members(&mut self, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
        self.key(|key| {
            let Ok(Cbor::Map(mut members)) = cbor::decode(key) else { panic!("a COSE key is a map") };
            edit(&mut members);
            cbor::encode(&Cbor::Map(members))
        });
    }
}

/// Sets a member of a map, or takes it away.
pub(super) fn set(members: &mut Vec<(Cbor, Cbor)>, key: impl Into<Cbor>, value: Option<Cbor>) {
    let key = key.into();
    let at = members.iter().position(|(other, _)| *other == key);
    match (at, value) {
        (Some(at), Some(value)) => members[at].1 = value,
        (Some(at), None) => drop(members.remove(at)),
        (None, Some(value)) => members.push((key, value)),
        (None, None) => panic!("there is no {key:?}"),
    }
}

/// The bytes of a member of a map.
pub(super) fn of<'a>(members: &'a mut [(Cbor, Cbor)], key: &str) -> &'a mut Cbor {
    let found = members.iter_mut().find(|(name, _)| name.as_text() == Some(key));
    &mut found.expect("it is there").1
}

/// What base64url text stands for.
pub(super) fn bytes(text: &Value) -> Vec<u8> {
    base64url::decode(text.as_str().expect("it is text")).expect("it is base64url")
}

/// Bytes as base64url text.
pub(super) fn text(bytes: &[u8]) -> Value {
    base64url::encode(bytes).into()
}

fn edited(good: &Value, edit: fn(&mut Value)) -> String {
    let mut json = good.clone();
    edit(&mut json);
    json.to_string()
}

fn without_repetitions(json: &mut Value) {
    let response = json["response"].as_object_mut().expect("it is an object");
    response.retain(|member, _| {
        !["authenticatorData", "publicKey", "publicKeyAlgorithm"].contains(&member.as_str())
    });
}

/// Signs anything: the authenticator's own signers take nothing but good authenticator data.
fn sign(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    match key.public {
        PublicKey::P256 { .. } => {
            use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
            let key = SigningKey::from_slice(key.private.expose()).expect("it is a scalar");
            let signature: Signature = key.sign(message);
            signature.to_der().as_bytes().to_vec()
        }
        PublicKey::Rsa { .. } => {
            use rsa::signature::{SignatureEncoding as _, Signer as _};
            let (p, q) = key.private.expose().split_at(128);
            let [p, q, e] = [p, q, &[1, 0, 1]].map(rsa::BoxedUint::from_be_slice_vartime);
            let key = rsa::PrivateKey::from_p_q(p, q, e).expect("they are primes");
            rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new(key).sign(message).to_vec()
        }
        _ => panic!("no other key is here"),
    }
}

fn platform(rig: &mut Rig) -> Platform {
    let info = rig.call_with(NOW, VIA, &GetInfoResponse::request(), |_| panic!("it asks nobody"));
    let info = GetInfoResponse::decode(&info).expect("it is an answer");
    Platform::new(Client::SpecL3, client::Link::Usb, info)
}

fn exchange(rig: &mut Rig) -> impl FnMut(&[u8]) -> Result<Vec<u8>, ClientError> {
    move |message| {
        Ok(rig.call_with(NOW, VIA, message, |prompt| {
            if prompt.verification { Gesture::Verified } else { Gesture::Present }
        }))
    }
}
