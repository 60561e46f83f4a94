//! The yardstick: ring alone, with nothing around it.
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use std::hint::black_box;

/// As many bytes as authenticator data at creation and a hash.
const MESSAGE: [u8; 228] = [7; 228];

/// ring, its randomness and some parsed and unparsed keys.
pub(crate) struct Raw {
    random: SystemRandom,
    documents: Vec<Vec<u8>>,
    parsed: Vec<EcdsaKeyPair>,
    next: usize,
}

impl Raw {
    /// With as many keys as there are passkeys in use.
    pub(crate) fn new(keys: usize) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let failed = |_| anyhow::anyhow!("ring failed");
        let documents = (0..keys)
            .map(|_| Ok(EcdsaKeyPair::generate_pkcs8(alg, &random).map_err(failed)?.as_ref().to_vec()))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let parsed = documents
            .iter()
            .map(|document| {
                EcdsaKeyPair::from_pkcs8(alg, document, &random).map_err(|e| anyhow::anyhow!("{e}"))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { random, documents, parsed, next: 0 })
    }

    fn turn(&mut self) -> usize {
        let at = self.next;
        self.next = (at + 1) % self.parsed.len();
        at
    }

    /// generate_pkcs8, from_pkcs8 and sign.
    pub(crate) fn generate_parse_sign(&mut self) {
        let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(alg, &self.random).expect("ring generates");
        let key =
            EcdsaKeyPair::from_pkcs8(alg, document.as_ref(), &self.random).expect("ring reads its own keys");
        black_box(key.sign(&self.random, &MESSAGE).expect("ring signs"));
    }

    /// from_pkcs8 and sign.
    pub(crate) fn parse_sign(&mut self) {
        let at = self.turn();
        let alg = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(alg, &self.documents[at], &self.random)
            .expect("ring reads its own keys");
        black_box(key.sign(&self.random, &MESSAGE[..69]).expect("ring signs"));
    }

    /// sign, with the key parsed before.
    pub(crate) fn sign(&mut self) {
        let at = self.turn();
        black_box(self.parsed[at].sign(&self.random, &MESSAGE[..69]).expect("ring signs"));
    }
}
