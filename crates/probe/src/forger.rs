//! Keys that attest: a new one each time, but for RSA.
use authenticator::signer::{DeterministicSigner, Signed, Signer, SignerError};
use authenticator::store::KeyPair;
use rand_core::CryptoRng;
use wire::cose::Algorithm;
use wire::webauthn::AuthenticatorData;

/// Makes the keys of forged statements. Finding the primes of an RSA key takes longer than all else that a check does, so
/// there are two for the whole run, taken by turns: a statement never has more, and no two of its keys are to be the same.
/// Without `Debug`, as it holds private keys.
#[derive(Default)]
pub(crate) struct Forger {
    rsa: [Option<KeyPair>; 2],
    turn: usize,
}

impl Signer for Forger {
    fn generate(&mut self, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<KeyPair, SignerError> {
        if algorithm != Algorithm::RS256 {
            return DeterministicSigner.generate(algorithm, rng);
        }
        self.turn ^= 1;
        if let Some(key) = &self.rsa[self.turn] {
            return Ok(key.clone());
        }
        let key = DeterministicSigner.generate(algorithm, rng)?;
        Ok(self.rsa[self.turn].insert(key).clone())
    }

    fn sign(&mut self, _: &KeyPair, _: &AuthenticatorData, _: &[u8; 32]) -> Result<Signed, SignerError> {
        // Statements are signed by the test CA's workshop.
        Err(SignerError::Failed)
    }
}
