//! Each algorithm beside its library alone, and hmac-secret beside the same sign-in without it.
use crate::requests::{self, RP_ID};
use anyhow::{Context, bail};
use authenticator::profile::{Attestation, Counter, Verification};
use authenticator::store::MemoryStore;
use authenticator::{Authenticator, Gesture, Link, Progress, Request, Via};
use client::{Account, Client, ClientError, Get, Origin, Platform};
use emulator::{DeviceProfile, FastSigner};
use ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsaParams, SigningKey};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::pkcs1::EncodeRsaPrivateKey;
use std::hint::black_box;
use wire::cbor;
use wire::cose::Algorithm;
use wire::ctap2::{GetInfoResponse, MakeCredential, MakeCredentialResponse};
use wire::time::Instant;
use wire::webauthn::AuthenticatorData;
use wire::webauthn::json::{Descriptor, RequestOptions};

/// As the profile `all-in` has them.
pub(crate) const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::ES256,
    Algorithm::EDDSA,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::ML_DSA_44,
    Algorithm::ML_DSA_65,
];

const NOW: Instant = Instant::POWER_UP;
const USB: Via = Via { link: Link::Usb, channel: 1 };

/// An authenticator with one passkey, which verifies its user.
pub(crate) struct One {
    authenticator: Authenticator,
    make: Vec<u8>,
    get: Vec<u8>,
    get_with_salt: Vec<u8>,
}

impl One {
    pub(crate) fn new(algorithm: Algorithm) -> anyhow::Result<Self> {
        let mut profile = DeviceProfile::named("all-in").context("it is built in")?.authenticator;
        profile.attestation = Attestation::PackedSelf;
        profile.verification = Verification::OnRequest;
        profile.counter = Counter::Global;
        // A token is used up by a sign-in, and the message could not be sent again.
        profile.pin_uv_auth_token = false;
        profile.always_uv = None;
        let rng = Box::new(ChaCha20Rng::from_seed(rand::rng().random()));
        let (store, signer) = (Box::new(MemoryStore::default()), Box::new(FastSigner::default()));
        let authenticator = Authenticator::power_up(NOW, profile, store, signer, rng)?;
        let nothing = Vec::new();
        let mut one =
            Self { authenticator, make: nothing.clone(), get: nothing.clone(), get_with_salt: nothing };

        let Ok(wire::ctap2::Request::MakeCredential(fixture)) =
            wire::ctap2::Request::decode(&requests::registration())
        else {
            bail!("the fixture is a makeCredential")
        };
        let asked = MakeCredential {
            algorithms: vec![algorithm],
            extensions: Some(cbor::text_map([("hmac-secret", Some(true.into()))])),
            uv: Some(true),
            ..fixture
        };
        // The passkey that signs in is of another account than the one that is registered again and again.
        let mut other = asked.clone();
        other.user.id = b"signs in".to_vec();
        let made = MakeCredentialResponse::decode(&one.call(&other.encode()))?;
        one.make = asked.encode();
        let made = AuthenticatorData::decode(&made.auth_data)?.attested.context("a credential")?;
        anyhow::ensure!(made.public_key.algorithm() == algorithm, "another algorithm");
        one.get = one.sign_in(&made.credential_id, None)?;
        one.get_with_salt = one.sign_in(&made.credential_id, Some("c2FsdA"))?;
        Ok(one)
    }

    /// The getAssertion that a platform sends for this passkey, with a salt for prf or without.
    fn sign_in(&mut self, id: &[u8], salt: Option<&str>) -> anyhow::Result<Vec<u8>> {
        let info = GetInfoResponse::decode(&self.call(&GetInfoResponse::request()))?;
        let platform = Platform::new(Client::SpecL3, client::Link::Usb, info);
        let mut options = RequestOptions {
            challenge: vec![7; 32].into(),
            timeout: None,
            rp_id: Some(RP_ID.into()),
            allow_credentials: vec![Descriptor {
                kind: "public-key".into(),
                id: id.to_vec().into(),
                transports: None,
            }],
            user_verification: Some("required".into()),
            hints: Vec::new(),
            extensions: Default::default(),
        };
        if let Some(salt) = salt {
            options.extensions.insert("prf".into(), serde_json::json!({ "eval": { "first": salt } }));
        }
        let origin = Origin::parse(&format!("https://{RP_ID}"))?;
        let mut rng = rand::rng();
        let begun = Get::begin_with(&origin, &options, &platform, Account::Newest, None, &mut rng)?;
        let mut last = Vec::new();
        client::run(begun, |message: &[u8]| -> Result<Vec<u8>, ClientError> {
            last = message.to_vec();
            Ok(self.call(message))
        })?;
        let request = wire::ctap2::Request::decode(&last)?;
        let wire::ctap2::Request::GetAssertion(request) = request else { bail!("it ends in a getAssertion") };
        anyhow::ensure!(request.extensions.is_some() == salt.is_some(), "the salt was not sent");
        Ok(last)
    }

    /// Makes an RSA key in advance, if that is what is slow.
    pub(crate) fn prepare(&mut self) {
        self.authenticator.prepare();
    }

    /// Registers the same account again.
    pub(crate) fn make_credential(&mut self) {
        let message = std::mem::take(&mut self.make);
        self.call(&message);
        self.make = message;
    }

    /// Signs in.
    pub(crate) fn get_assertion(&mut self) {
        let message = std::mem::take(&mut self.get);
        self.call(&message);
        self.get = message;
    }

    /// Signs in and has one secret computed.
    pub(crate) fn get_assertion_with_salt(&mut self) {
        let message = std::mem::take(&mut self.get_with_salt);
        self.call(&message);
        self.get_with_salt = message;
    }

    fn call(&mut self, message: &[u8]) -> Vec<u8> {
        let mut progress = self.authenticator.handle_request(NOW, USB, Request::Ctap2(message));
        let reply = loop {
            progress = match progress {
                Progress::Reply(reply) => break reply,
                Progress::AwaitingUser(_) => {
                    self.authenticator.handle_gesture(NOW, Gesture::Verified).expect("the user is asked")
                }
                Progress::Processing => self.authenticator.proceed(NOW).expect("work waits"),
            };
        };
        assert_eq!(reply[0], 0, "refused");
        while self.authenticator.poll_event().is_some() {}
        reply
    }
}

/// As many bytes as authenticator data of a sign-in and a hash.
const MESSAGE: [u8; 69] = [7; 69];

/// A library alone.
pub(crate) struct Library {
    /// What a registration cannot do without, and its name: generate, parse and sign, or for RSA, whose primes are
    /// found in advance, parse and sign.
    pub(crate) make: (Box<dyn FnMut()>, &'static str),
    /// What a sign-in cannot do without, and its name.
    pub(crate) sign: (Box<dyn FnMut()>, &'static str),
}

impl Library {
    pub(crate) fn of(algorithm: Algorithm) -> anyhow::Result<Self> {
        Ok(match algorithm {
            Algorithm::ES256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            Algorithm::ES384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            Algorithm::EDDSA => ed25519(),
            Algorithm::RS256 => rsa()?,
            Algorithm::ML_DSA_44 => ml_dsa::<MlDsa44>(),
            Algorithm::ML_DSA_65 => ml_dsa::<MlDsa65>(),
            other => bail!("no library for {other}"),
        })
    }
}

fn ecdsa(alg: &'static EcdsaSigningAlgorithm) -> Library {
    let random = SystemRandom::new();
    let make = move || {
        let document = EcdsaKeyPair::generate_pkcs8(alg, &random).expect("ring generates");
        let key = EcdsaKeyPair::from_pkcs8(alg, document.as_ref(), &random).expect("ring reads its own keys");
        (key, random.clone())
    };
    let (key, random) = make();
    Library {
        make: (
            Box::new(move || {
                let (key, random) = make();
                black_box(key.sign(&random, &MESSAGE).expect("ring signs"));
            }),
            "ring generate+parse+sign",
        ),
        sign: (
            Box::new(move || {
                black_box(key.sign(&random, &MESSAGE).expect("ring signs"));
            }),
            "ring sign",
        ),
    }
}

fn ed25519() -> Library {
    let make = || {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("ring generates");
        Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("ring reads its own keys")
    };
    let key = make();
    Library {
        make: (
            Box::new(move || {
                black_box(make().sign(&MESSAGE));
            }),
            "ring generate+parse+sign",
        ),
        sign: (
            Box::new(move || {
                black_box(key.sign(&MESSAGE));
            }),
            "ring sign",
        ),
    }
}

fn rsa() -> anyhow::Result<Library> {
    let made = rsa::PrivateKey::new(&mut rand::rng(), 2048)?;
    let document = made.to_pkcs1_der()?;
    let parse = move || RsaKeyPair::from_der(document.as_bytes()).expect("ring reads it");
    let sign = |key: &RsaKeyPair| {
        let mut signature = vec![0; 256];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &MESSAGE, &mut signature).expect("ring signs");
        black_box(signature);
    };
    let key = parse();
    Ok(Library {
        make: (Box::new(move || sign(&parse())), "ring parse+sign"),
        sign: (Box::new(move || sign(&key)), "ring sign"),
    })
}

fn ml_dsa<P: MlDsaParams + 'static>() -> Library {
    let mut rng = rand::rng();
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    // How often a signature is begun anew depends on key and message, so each message is another, as ours are.
    let mut counter = 0_u32;
    let mut sign = move |key: &ExpandedSigningKey<P>| {
        let mut message = MESSAGE;
        counter += 1;
        message[..4].copy_from_slice(&counter.to_be_bytes());
        black_box(key.sign_deterministic(&message, &[]).expect("it signs").encode());
    };
    let mut sign_generated = sign;
    Library {
        make: (
            Box::new(move || {
                let mut seed = [0; 32];
                rng.fill_bytes(&mut seed);
                let key = SigningKey::<P>::from_seed(&seed.into());
                black_box(ml_dsa::Keypair::verifying_key(&key).encode());
                sign_generated(key.expanded_key());
            }),
            "ml-dsa generate+sign",
        ),
        sign: (
            Box::new(move || sign(&ExpandedSigningKey::<P>::from_seed(&seed.into()))),
            "ml-dsa expand+sign",
        ),
    }
}
