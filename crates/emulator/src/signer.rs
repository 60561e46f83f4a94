//! The fast signer: ring makes and uses the keys, where it can.
//!
//! | algorithm | makes | signs |
//! |---|---|---|
//! | ES256, ES384, EdDSA | ring | ring |
//! | RS256 | `rsa`, since ring makes none; one spare key in advance | ring |
//! | ML-DSA | `ml-dsa` | `ml-dsa`, since ring has none |
//!
//! Two limits come with ring: its randomness is the operating system's and cannot be seeded, and it does not
//! wipe a parsed key from memory. The first is why [`authenticator::signer::DeterministicSigner`] exists; the
//! second is why keys are held ready in a bounded cache that is emptied when credentials are deleted.
use authenticator::signer::{DeterministicSigner, RSA_EXPONENT, Signed, Signer, SignerError};
use authenticator::store::{KeyPair, PrivateKey};
use rand_core::CryptoRng;
use ring::rand::{SecureRandom, SystemRandom};
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::BoxedUint;
use rsa::traits::PrivateKeyParts as _;
use std::collections::HashMap;
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::AuthenticatorData;
use zeroize::Zeroizing;

/// Keys held ready in each of two generations. Parsing a key costs nearly as much as signing with it.
const GENERATION: usize = 2_048;

/// All algorithms that profiles may offer.
pub struct FastSigner {
    random: SystemRandom,
    recent: HashMap<[u8; 32], Ready>,
    older: HashMap<[u8; 32], Ready>,
    /// An RSA key for the next credential.
    spare: Option<KeyPair>,
}

/// A parsed key.
enum Ready {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Default for FastSigner {
    fn default() -> Self {
        let (recent, older) = (HashMap::new(), HashMap::new());
        Self { random: SystemRandom::new(), recent, older, spare: None }
    }
}

impl FastSigner {
    /// A key held ready, or parsed and held from now on. A generation that is full becomes the older one, so
    /// that what was not used for a while falls out.
    fn ready(&mut self, handle: [u8; 32], key: &KeyPair) -> Result<&Ready, SignerError> {
        if !self.recent.contains_key(&handle) {
            let ready = match self.older.remove(&handle) {
                Some(ready) => ready,
                None => self.parse(key)?,
            };
            self.hold(handle, ready);
        }
        self.recent.get(&handle).ok_or(SignerError::Failed)
    }

    fn hold(&mut self, handle: [u8; 32], ready: Ready) {
        if self.recent.len() >= GENERATION {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(handle, ready);
    }

    fn parse(&self, key: &KeyPair) -> Result<Ready, SignerError> {
        let private = key.private.expose();
        match &key.public {
            PublicKey::P256 { x, y } => {
                let point = [&[4], x.as_slice(), y].concat();
                let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(alg, private, &point, &self.random)
                    .map(Ready::Ecdsa)
            }
            PublicKey::P384 { x, y } => {
                let point = [&[4], x.as_slice(), y].concat();
                let alg = &ECDSA_P384_SHA384_ASN1_SIGNING;
                EcdsaKeyPair::from_private_key_and_public_key(alg, private, &point, &self.random)
                    .map(Ready::Ecdsa)
            }
            PublicKey::Ed25519 { x } => {
                Ed25519KeyPair::from_seed_and_public_key(private, x).map(Ready::Ed25519)
            }
            PublicKey::Rsa { n, e } => {
                return parse_rsa(private, n, e).map(|pair| Ready::Rsa(Box::new(pair)));
            }
            PublicKey::MlDsa44 { .. } | PublicKey::MlDsa65 { .. } | PublicKey::Foreign(_) => {
                return Err(SignerError::Unsupported(key.public.algorithm()));
            }
        }
        .map_err(|_| SignerError::InvalidKey)
    }

    /// Signs what is no authenticator data, or none that can be read. Not by ML-DSA.
    pub(crate) fn sign_message(&mut self, key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let handle = handle(&key.public).ok_or(SignerError::Unsupported(key.public.algorithm()))?;
        let random = self.random.clone();
        let failed = |_| SignerError::Failed;
        Ok(match self.ready(handle, key)? {
            Ready::Ecdsa(pair) => pair.sign(&random, message).map_err(failed)?.as_ref().to_vec(),
            Ready::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Ready::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                signature
            }
        })
    }

    fn generate_p256(&mut self) -> Result<KeyPair, SignerError> {
        // RFC 5915: SEQUENCE of 107 bytes { INTEGER 1, OCTET STRING of 32 bytes.
        const BEFORE: [u8; 7] = [0x30, 0x6B, 0x02, 0x01, 0x01, 0x04, 0x20];
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.random)
            .map_err(|_| SignerError::Failed)?;
        let (private, x, y) = ec_parts(document.as_ref(), &BEFORE).ok_or(SignerError::Failed)?;
        Ok(KeyPair { public: PublicKey::P256 { x, y }, private })
    }

    fn generate_p384(&mut self) -> Result<KeyPair, SignerError> {
        // RFC 5915: SEQUENCE of 155 bytes { INTEGER 1, OCTET STRING of 48 bytes.
        const BEFORE: [u8; 8] = [0x30, 0x81, 0x9B, 0x02, 0x01, 0x01, 0x04, 0x30];
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &self.random)
            .map_err(|_| SignerError::Failed)?;
        let (private, x, y) = ec_parts(document.as_ref(), &BEFORE).ok_or(SignerError::Failed)?;
        Ok(KeyPair { public: PublicKey::P384 { x, y }, private })
    }

    fn generate_ed25519(&mut self) -> Result<KeyPair, SignerError> {
        let mut seed = Zeroizing::new(vec![0; 32]);
        self.random.fill(&mut seed).map_err(|_| SignerError::Failed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| SignerError::Failed)?;
        let x = pair.public_key().as_ref().try_into().map_err(|_| SignerError::Failed)?;
        Ok(KeyPair { public: PublicKey::Ed25519 { x }, private: PrivateKey::new(seed) })
    }
}

/// Scalar and coordinates out of the PKCS #8 document that ring writes for a curve of `LEN` bytes: a fixed template
/// in which the scalar follows `before` (up to RFC 5915 privateKey) and the point ends the document.
fn ec_parts<const LEN: usize>(document: &[u8], before: &[u8]) -> Option<(PrivateKey, [u8; LEN], [u8; LEN])> {
    let at = document.windows(before.len()).position(|window| window == before)?;
    let scalar = document.get(at + before.len()..)?.get(..LEN)?;
    let (rest, y) = document.split_last_chunk::<LEN>()?;
    let (rest, x) = rest.split_last_chunk::<LEN>()?;
    (rest.last() == Some(&4)).then(|| (PrivateKey::new(Zeroizing::new(scalar.to_vec())), *x, *y))
}

/// ring wants all eight numbers of RFC 8017 §3.2; they follow from the primes.
pub(crate) fn parse_rsa(private: &[u8], n: &[u8], e: &[u8]) -> Result<RsaKeyPair, SignerError> {
    const INVALID: SignerError = SignerError::InvalidKey;
    if private.is_empty() || !private.len().is_multiple_of(2) || e != RSA_EXPONENT {
        return Err(INVALID);
    }
    let (p, q) = private.split_at(private.len() / 2);
    let [big_p, big_q, big_e] = [p, q, e].map(BoxedUint::from_be_slice_vartime);
    let key = rsa::PrivateKey::from_p_q(big_p, big_q, big_e).map_err(|_| INVALID)?;
    let (Some(dp), Some(dq), Some(q_inv)) = (key.dp(), key.dq(), key.crt_coefficient()) else {
        return Err(INVALID);
    };
    let [d, dp, dq, q_inv] = [key.d(), dp, dq, &q_inv].map(|number| Zeroizing::new(number.to_be_bytes()));
    let components = KeyPairComponents::<&[u8], &[u8]> {
        public_key: PublicKeyComponents { n, e },
        d: trimmed(&d),
        p,
        q,
        dP: trimmed(&dp),
        dQ: trimmed(&dq),
        qInv: trimmed(&q_inv),
    };
    RsaKeyPair::from_components(&components).map_err(|_| INVALID)
}

/// Without leading zeros.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// What a key is found by: 32 bytes that no two keys share. `None` for a key that is not held ready: parsed, one of
/// ML-DSA takes a hundred kilobytes, and parsing it is the smaller part of signing.
fn handle(public: &PublicKey) -> Option<[u8; 32]> {
    match public {
        PublicKey::P256 { x, .. } | PublicKey::Ed25519 { x } => Some(*x),
        PublicKey::P384 { x, .. } => x.first_chunk().copied(),
        PublicKey::Rsa { n, .. } => n.last_chunk().copied(),
        PublicKey::MlDsa44 { .. } | PublicKey::MlDsa65 { .. } | PublicKey::Foreign(_) => None,
    }
}

impl Signer for FastSigner {
    /// The keys of RSA and ML-DSA come from `rng`, the others from ring's own source.
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        match algorithm {
            Algorithm::ES256 => self.generate_p256(),
            Algorithm::ES384 => self.generate_p384(),
            Algorithm::EDDSA => self.generate_ed25519(),
            Algorithm::RS256 => match self.spare.take() {
                Some(spare) => Ok(spare),
                None => DeterministicSigner.generate(algorithm, rng),
            },
            other => DeterministicSigner.generate(other, rng),
        }
    }

    fn is_slow(&self, algorithm: Algorithm) -> bool {
        self.can_prepare(algorithm)
    }

    fn can_prepare(&self, algorithm: Algorithm) -> bool {
        algorithm == Algorithm::RS256 && self.spare.is_none()
    }

    fn prepare(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<(), SignerError> {
        if self.can_prepare(algorithm) {
            self.spare = Some(DeterministicSigner.generate(algorithm, rng)?);
        }
        Ok(())
    }

    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Signed, SignerError> {
        if handle(&key.public).is_none() {
            return DeterministicSigner.sign(key, data, client_data_hash);
        }
        let auth_data = data.encode();
        let signature = self.sign_message(key, &[auth_data.as_slice(), client_data_hash].concat())?;
        Ok(Signed { auth_data, signature })
    }

    fn forget(&mut self) {
        self.recent.clear();
        self.older.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator::signer::public_key;
    use rand_core::SeedableRng;
    use ring::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
    };
    use wire::webauthn::Flags;

    const ALGORITHMS: [Algorithm; 6] = [
        Algorithm::ES256,
        Algorithm::EDDSA,
        Algorithm::ES384,
        Algorithm::RS256,
        Algorithm::ML_DSA_44,
        Algorithm::ML_DSA_65,
    ];

    fn data() -> AuthenticatorData {
        AuthenticatorData {
            rp_id_hash: [1; 32],
            flags: Flags::UP,
            sign_count: 9,
            attested: None,
            extensions: None,
        }
    }

    fn verifies(public: &PublicKey, signed: &Signed) -> bool {
        let message = [signed.auth_data.as_slice(), &[2; 32]].concat();
        let by_ring = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(&message, &signed.signature).is_ok()
        };
        match public {
            PublicKey::P256 { x, y } => by_ring(&ECDSA_P256_SHA256_ASN1, &[&[4], x.as_slice(), y].concat()),
            PublicKey::P384 { x, y } => by_ring(&ECDSA_P384_SHA384_ASN1, &[&[4], x.as_slice(), y].concat()),
            PublicKey::Ed25519 { x } => by_ring(&ED25519, x),
            PublicKey::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, &message, &signed.signature)
                .is_ok(),
            PublicKey::MlDsa44 { key } => ml_dsa_verifies::<ml_dsa::MlDsa44>(&**key, &message, signed),
            PublicKey::MlDsa65 { key } => ml_dsa_verifies::<ml_dsa::MlDsa65>(&**key, &message, signed),
            PublicKey::Foreign(_) => false,
        }
    }

    fn ml_dsa_verifies<P: ml_dsa::MlDsaParams>(key: &[u8], message: &[u8], signed: &Signed) -> bool {
        let key = ml_dsa::VerifyingKey::<P>::decode(key.try_into().unwrap());
        let signature = ml_dsa::Signature::try_from(signed.signature.as_slice()).unwrap();
        key.verify_with_context(message, &[], &signature)
    }

    /// The two signers check each other: a key that one makes, the other signs with.
    #[test]
    fn each_signer_signs_with_the_keys_of_the_other() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(3);
        for algorithm in ALGORITHMS {
            let fast = FastSigner::default().generate(algorithm, &mut rng).unwrap();
            let slow = DeterministicSigner.generate(algorithm, &mut rng).unwrap();
            for key in [fast, slow] {
                assert_eq!(key.public.algorithm(), algorithm);
                assert_eq!(public_key(algorithm, &key.private).as_ref(), Ok(&key.public), "{algorithm}");
                let by_fast = FastSigner::default().sign(&key, &data(), &[2; 32]).unwrap();
                let by_slow = DeterministicSigner.sign(&key, &data(), &[2; 32]).unwrap();
                assert!(verifies(&key.public, &by_fast) && verifies(&key.public, &by_slow), "{algorithm}");
                let again = DeterministicSigner.sign(&key, &data(), &[2; 32]).unwrap();
                assert_eq!(again.signature, by_slow.signature, "{algorithm} is deterministic");
                let other = DeterministicSigner.sign(&key, &data(), &[3; 32]).unwrap();
                assert!(!verifies(&key.public, &other), "{algorithm}: another client data hash");
            }
        }
    }

    #[test]
    fn keys_are_held_ready_within_bounds_and_forgotten_on_demand() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(4);
        let mut signer = FastSigner::default();
        for _ in 0..2 * GENERATION + 10 {
            let key = signer.generate(Algorithm::EDDSA, &mut rng).unwrap();
            signer.sign(&key, &data(), &[2; 32]).unwrap();
        }
        assert!(signer.recent.len() + signer.older.len() <= 2 * GENERATION);
        signer.forget();
        assert!(signer.recent.is_empty() && signer.older.is_empty());
    }

    #[test]
    fn one_spare_key_is_made_in_advance_and_given_away_once() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(6);
        let mut signer = FastSigner::default();
        for other in ALGORITHMS.into_iter().filter(|algorithm| *algorithm != Algorithm::RS256) {
            assert!(!signer.is_slow(other) && !signer.can_prepare(other), "{other}");
        }
        assert!(signer.is_slow(Algorithm::RS256) && signer.can_prepare(Algorithm::RS256));
        signer.prepare(Algorithm::RS256, &mut rng).unwrap();
        assert!(!signer.is_slow(Algorithm::RS256) && !signer.can_prepare(Algorithm::RS256));
        let spare = signer.spare.clone().unwrap().public;
        signer.prepare(Algorithm::RS256, &mut rng).unwrap();
        assert_eq!(signer.generate(Algorithm::RS256, &mut rng).unwrap().public, spare);
        assert!(signer.is_slow(Algorithm::RS256));
        assert_ne!(signer.generate(Algorithm::RS256, &mut rng).unwrap().public, spare);
    }

    #[test]
    fn a_damaged_rsa_key_is_refused() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
        let good = DeterministicSigner.generate(Algorithm::RS256, &mut rng).unwrap();
        let bytes = good.private.expose();
        for bad in [&[][..], &bytes[..255], &bytes[..254], &[0; 256], &[bytes, &[1]].concat()] {
            let private = PrivateKey::new(Zeroizing::new(bad.to_vec()));
            let key = KeyPair { public: good.public.clone(), private };
            for signer in [&mut FastSigner::default() as &mut dyn Signer, &mut DeterministicSigner] {
                let refused = signer.sign(&key, &data(), &[2; 32]).err();
                assert_eq!(refused, Some(SignerError::InvalidKey), "{} bytes", bad.len());
            }
        }
    }

    #[test]
    fn an_unknown_algorithm_is_refused() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(5);
        let refused = FastSigner::default().generate(Algorithm::ES512, &mut rng).err();
        assert_eq!(refused, Some(SignerError::Unsupported(Algorithm::ES512)));
    }
}
