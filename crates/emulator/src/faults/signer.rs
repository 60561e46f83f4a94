//! A signer that lies: in what it signs, or in the signature.
use super::effect::{Door, Effect};
use super::plan::{Faults, Occasion, Striking};
use authenticator::profile::Attestation;
use authenticator::signer::{
    AttestationIdentity, Attested, Attester, DeterministicSigner, Signed, Signer, SignerError, Stated,
};
use authenticator::store::KeyPair;
use rand_core::CryptoRng;
use wire::cbor::Value;
use wire::cose::Algorithm;
use wire::ctap1::RegistrationData;
use wire::webauthn::{AuthenticatorData, Flags};

/// Wraps a signer.
pub(crate) struct FaultySigner {
    signer: Box<dyn Signer + Send>,
    faults: Faults,
}

/// What is done to a signature once it is there.
#[derive(Clone, Copy, Default)]
struct After {
    bad: bool,
    damaged: bool,
}

impl After {
    /// Notes what is to be done by this effect, if it is one on signatures; what it does, for people.
    fn note(&mut self, effect: &Effect) -> Option<String> {
        match effect {
            Effect::BadSignature => {
                self.bad = true;
                Some("the signature does not verify".into())
            }
            Effect::DamagedDer => {
                self.damaged = true;
                Some("the signature is not well-formed".into())
            }
            _ => None,
        }
    }

    fn apply(self, signature: &mut [u8]) {
        if self.bad
            && let Some(last) = signature.last_mut()
        {
            *last ^= 1;
        }
        if self.damaged
            && let Some(first) = signature.first_mut()
        {
            // DER's SEQUENCE becomes a SET; in a signature of fixed length it is one more wrong byte.
            *first ^= 1;
        }
    }

    /// The same, to what a platform's authority signed: `sig`, the JWS of SafetyNet, and the certificate where there is no
    /// other signature (WebAuthn Level 3 §8.3 to §8.5 and §8.8).
    fn apply_within(self, att_stmt: &mut Value) {
        let Value::Map(members) = att_stmt else { return };
        if !self.bad && !self.damaged {
            return;
        }
        // As in format apple.
        let alone = members.len() == 1;
        for (name, value) in members {
            match (name.as_text(), value) {
                (Some("sig"), Value::Bytes(signature)) => self.apply(signature),
                (Some("response"), Value::Bytes(jws)) => {
                    // The last character has bits that belong to no byte.
                    let at = jws.len().saturating_sub(2);
                    jws.iter_mut().skip(at).take(1).for_each(|c| *c = if *c == b'A' { b'B' } else { b'A' });
                }
                (Some("x5c"), Value::Array(certificates)) if alone => {
                    if let Some(Value::Bytes(certificate)) = certificates.first_mut() {
                        self.apply(certificate);
                    }
                }
                _ => {}
            }
        }
    }
}

impl FaultySigner {
    pub(crate) fn new(signer: Box<dyn Signer + Send>, faults: Faults) -> Self {
        Self { signer, faults }
    }

    /// What is to be signed in place of `data`, by which key in place of `key`, and what happens to the signature.
    fn lie(
        &self,
        data: &AuthenticatorData,
        algorithm: Option<Algorithm>,
    ) -> (AuthenticatorData, Option<KeyPair>, After) {
        let (mut lie, mut other, mut after) = (data.clone(), None, After::default());
        let occasion = Occasion {
            rp_id_hash: Some(&data.rp_id_hash),
            signed: algorithm.is_some(),
            attested: data.attested.is_some(),
            towards: None,
        };
        self.faults.strike(Door::Signer, occasion, |striking| match striking.effect {
            effect @ (Effect::BadSignature | Effect::DamagedDer) => after.note(effect),
            Effect::OtherKey => {
                other = Some(DeterministicSigner.generate(algorithm?, striking.rng).ok()?);
                Some("another key signs".into())
            }
            _ => falsify(&mut lie, striking),
        });
        (lie, other, after)
    }
}

/// Changes the data, and says how.
fn falsify(data: &mut AuthenticatorData, mut striking: Striking<'_>) -> Option<String> {
    Some(match striking.effect {
        Effect::ForeignRpIdHash => {
            data.rp_id_hash = data.rp_id_hash.map(|byte| !byte);
            "the RP ID hash is another one".into()
        }
        Effect::OtherAaguid(aaguid) => {
            data.attested.as_mut()?.aaguid = *aaguid;
            format!("the AAGUID is {aaguid}")
        }
        Effect::Flags { on, off } => {
            let flags = Flags((data.flags.0 | on.0) & !off.0);
            if flags == data.flags {
                return None;
            }
            let real = std::mem::replace(&mut data.flags, flags);
            format!("the flags are {flags} in place of {real}")
        }
        Effect::CounterBackwards | Effect::CounterFrozen | Effect::CounterJumping(_) => {
            let real = data.sign_count;
            data.sign_count = striking.counter(real);
            format!("the signature counter is {} in place of {real}", data.sign_count)
        }
        _ => return None,
    })
}

impl Signer for FaultySigner {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        self.signer.generate(algorithm, rng)
    }

    fn is_slow(&self, algorithm: Algorithm) -> bool {
        self.signer.is_slow(algorithm)
    }

    fn can_prepare(&self, algorithm: Algorithm) -> bool {
        self.signer.can_prepare(algorithm)
    }

    fn prepare(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<(), SignerError> {
        self.signer.prepare(algorithm, rng)
    }

    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Signed, SignerError> {
        if self.faults.is_idle() {
            return self.signer.sign(key, data, client_data_hash);
        }
        let (lie, other, after) = self.lie(data, Some(key.public.algorithm()));
        let mut signed = self.signer.sign(other.as_ref().unwrap_or(key), &lie, client_data_hash)?;
        after.apply(&mut signed.signature);
        Ok(signed)
    }

    fn present(&mut self, data: &AuthenticatorData) -> Vec<u8> {
        if self.faults.is_idle() {
            return self.signer.present(data);
        }
        let (lie, _, _) = self.lie(data, None);
        self.signer.present(&lie)
    }

    fn attest(
        &mut self,
        by: Attester,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Attested, SignerError> {
        if self.faults.is_idle() {
            return self.signer.attest(by, data, client_data_hash);
        }
        // Attestation keys are of P-256 here.
        let (lie, other, after) = self.lie(data, Some(Algorithm::ES256));
        let mut attested = self.signer.attest(by, &lie, client_data_hash)?;
        if let Some(other) = other {
            attested.signature = self.signer.sign(&other, &lie, client_data_hash)?.signature;
        }
        after.apply(&mut attested.signature);
        Ok(attested)
    }

    /// Only the signature can be wrong: a U2F message has neither flags nor a model.
    fn attest_u2f(&mut self, by: Attester, registration: &RegistrationData) -> Result<Attested, SignerError> {
        let mut attested = self.signer.attest_u2f(by, registration)?;
        let mut after = After::default();
        let rp_id_hash = Some(&registration.application);
        let occasion = Occasion { rp_id_hash, signed: true, ..Occasion::default() };
        self.faults.strike(Door::Signer, occasion, |striking| after.note(striking.effect));
        after.apply(&mut attested.signature);
        Ok(attested)
    }

    fn state(
        &mut self,
        mode: Attestation,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
        rng: &mut dyn CryptoRng,
    ) -> Result<Stated, SignerError> {
        if self.faults.is_idle() {
            return self.signer.state(mode, key, data, client_data_hash, rng);
        }
        // The key that another one takes the place of is the one that is certified.
        let (lie, other, after) = self.lie(data, Some(key.public.algorithm()));
        let mut stated =
            self.signer.state(mode, other.as_ref().unwrap_or(key), &lie, client_data_hash, rng)?;
        after.apply_within(&mut stated.att_stmt);
        Ok(stated)
    }

    fn set_identity(&mut self, identity: AttestationIdentity) {
        self.signer.set_identity(identity);
    }

    fn forget(&mut self) {
        self.signer.forget();
    }
}
