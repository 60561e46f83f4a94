//! The fast signer: ring makes and uses the keys.
//!
//! Two limits come with ring: its randomness is the operating system's and cannot be seeded, and it does not
//! wipe a parsed key from memory. The first is why [`authenticator::signer::DeterministicSigner`] exists; the
//! second is why keys are held ready in a bounded cache that is emptied when credentials are deleted.
use authenticator::signer::{Signed, Signer, SignerError};
use authenticator::store::{KeyPair, PrivateKey};
use rand_core::CryptoRng;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use std::collections::HashMap;
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::AuthenticatorData;
use zeroize::Zeroizing;

/// Keys held ready in each of two generations. Parsing a key costs nearly as much as signing with it.
const GENERATION: usize = 2_048;

/// ES256 and EdDSA by ring.
pub struct FastSigner {
    random: SystemRandom,
    recent: HashMap<[u8; 32], Ready>,
    older: HashMap<[u8; 32], Ready>,
}

/// A parsed key.
enum Ready {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Default for FastSigner {
    fn default() -> Self {
        Self { random: SystemRandom::new(), recent: HashMap::new(), older: HashMap::new() }
    }
}

impl FastSigner {
    /// A key held ready, or parsed and held from now on. A generation that is full becomes the older one, so
    /// that what was not used for a while falls out.
    fn ready(&mut self, key: &KeyPair) -> Result<&Ready, SignerError> {
        let handle = handle(&key.public);
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
                    .map(Ready::P256)
            }
            PublicKey::Ed25519 { x } => {
                Ed25519KeyPair::from_seed_and_public_key(private, x).map(Ready::Ed25519)
            }
        }
        .map_err(|_| SignerError::InvalidKey)
    }

    fn generate_p256(&mut self) -> Result<KeyPair, SignerError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.random)
            .map_err(|_| SignerError::Failed)?;
        let (private, x, y) = p256_parts(document.as_ref()).ok_or(SignerError::Failed)?;
        Ok(KeyPair { public: PublicKey::P256 { x, y }, private })
    }

    fn generate_ed25519(&mut self) -> Result<KeyPair, SignerError> {
        let mut seed = Zeroizing::new(vec![0; 32]);
        self.random.fill(&mut seed).map_err(|_| SignerError::Failed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| SignerError::Failed)?;
        let x = pair.public_key().as_ref().try_into().map_err(|_| SignerError::Failed)?;
        Ok(KeyPair { public: PublicKey::Ed25519 { x }, private: PrivateKey::new(seed) })
    }
}

/// Scalar and coordinates out of the PKCS #8 document that ring writes for P-256: a fixed template in which the
/// scalar follows `04 20` (RFC 5915 privateKey) and the point ends the document.
fn p256_parts(document: &[u8]) -> Option<(PrivateKey, [u8; 32], [u8; 32])> {
    const BEFORE_SCALAR: [u8; 7] = [0x30, 0x6B, 0x02, 0x01, 0x01, 0x04, 0x20];
    let at = document.windows(BEFORE_SCALAR.len()).position(|window| window == BEFORE_SCALAR)?;
    let scalar = document.get(at + BEFORE_SCALAR.len()..)?.get(..32)?;
    let (rest, y) = document.split_last_chunk::<32>()?;
    let (rest, x) = rest.split_last_chunk::<32>()?;
    (rest.last() == Some(&4)).then(|| (PrivateKey::new(Zeroizing::new(scalar.to_vec())), *x, *y))
}

/// What a key is found by: its x coordinate.
fn handle(public: &PublicKey) -> [u8; 32] {
    match public {
        PublicKey::P256 { x, .. } | PublicKey::Ed25519 { x } => *x,
    }
}

impl Signer for FastSigner {
    fn generate(&mut self, algorithm: Algorithm, _: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        match algorithm {
            Algorithm::ES256 => self.generate_p256(),
            Algorithm::EDDSA => self.generate_ed25519(),
            other => Err(SignerError::Unsupported(other)),
        }
    }

    fn sign(
        &mut self,
        key: &KeyPair,
        data: &AuthenticatorData,
        client_data_hash: &[u8; 32],
    ) -> Result<Signed, SignerError> {
        let auth_data = data.encode();
        let message = [auth_data.as_slice(), client_data_hash].concat();
        let random = self.random.clone();
        let signature = match self.ready(key)? {
            Ready::P256(pair) => {
                pair.sign(&random, &message).map_err(|_| SignerError::Failed)?.as_ref().to_vec()
            }
            Ready::Ed25519(pair) => pair.sign(&message).as_ref().to_vec(),
        };
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
    use authenticator::signer::DeterministicSigner;
    use rand_core::SeedableRng;
    use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
    use wire::webauthn::Flags;

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
        match public {
            PublicKey::P256 { x, y } => {
                let point = [&[4], x.as_slice(), y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                    .verify(&message, &signed.signature)
                    .is_ok()
            }
            PublicKey::Ed25519 { x } => {
                UnparsedPublicKey::new(&ED25519, x).verify(&message, &signed.signature).is_ok()
            }
        }
    }

    /// The two signers check each other: a key that one makes, the other signs with.
    #[test]
    fn each_signer_signs_with_the_keys_of_the_other() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(3);
        for algorithm in [Algorithm::ES256, Algorithm::EDDSA] {
            let fast = FastSigner::default().generate(algorithm, &mut rng).unwrap();
            let slow = DeterministicSigner.generate(algorithm, &mut rng).unwrap();
            for key in [fast, slow] {
                let by_fast = FastSigner::default().sign(&key, &data(), &[2; 32]).unwrap();
                let by_slow = DeterministicSigner.sign(&key, &data(), &[2; 32]).unwrap();
                assert!(verifies(&key.public, &by_fast) && verifies(&key.public, &by_slow), "{algorithm}");
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
    fn an_unknown_algorithm_is_refused() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(5);
        let refused = FastSigner::default().generate(Algorithm::RS256, &mut rng).err();
        assert_eq!(refused, Some(SignerError::Unsupported(Algorithm::RS256)));
    }
}
