//! Passwords, for the first factor of users that have one: PBKDF2, never in the clear.
use crate::guid::Guid;
use crate::store::secret;
use rand_core::CryptoRng;
use ring::pbkdf2;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Rounds. A tenant for tests asks often, and protects nothing.
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// What is kept of a password.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PasswordHash {
    pub(crate) user: Guid,
    #[serde(with = "secret")]
    salt: Zeroizing<Vec<u8>>,
    #[serde(with = "secret")]
    hash: Zeroizing<Vec<u8>>,
}

impl PasswordHash {
    pub(crate) fn new(user: Guid, password: &str, rng: &mut dyn CryptoRng) -> Self {
        let mut salt = Zeroizing::new(vec![0; 16]);
        rng.fill_bytes(&mut salt);
        let mut hash = Zeroizing::new(vec![0; 32]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, password.as_bytes(), &mut hash);
        Self { user, salt, hash }
    }

    /// Whether it is that password, in constant time.
    pub(crate) fn matches(&self, password: &str) -> bool {
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &self.salt, password.as_bytes(), &self.hash)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn only_the_password_itself_matches() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let hash = PasswordHash::new(Guid::small(1), "correct horse", &mut rng);
        assert!(hash.matches("correct horse"));
        assert!(!hash.matches("correct horse ") && !hash.matches(""));
        let kept = serde_json::to_string(&hash).unwrap();
        assert!(!kept.contains("horse"), "{kept}");
        assert!(serde_json::from_str::<PasswordHash>(&kept).unwrap().matches("correct horse"));
    }
}
