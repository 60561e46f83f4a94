//! The PIN/UV auth protocols one and two, CTAP 2.1 §6.5.6 and §6.5.7: the platform's side.
use crate::error::{AnswerError, ClientError, answered};
use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use wire::ctap2::{Command, GetInfoResponse, KeyAgreement};
use zeroize::Zeroizing;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// CTAP 2.1 §6.5.6: SHA-256 as the key derivation, an IV of zeros, 16-byte MACs.
    One,
    /// CTAP 2.1 §6.5.7: HKDF, two keys, random IVs, 32-byte MACs.
    Two,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];

    /// The number on the wire.
    pub const fn number(self) -> i64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The one that the authenticator likes best of those that we speak, CTAP 2.1 §6.4. An authenticator of CTAP
    /// 2.0 could not say, and speaks one.
    pub fn preferred(info: &GetInfoResponse) -> Option<Self> {
        let known = |number: &i64| Self::ALL.into_iter().find(|protocol| protocol.number() == *number);
        match info.pin_uv_auth_protocols.as_slice() {
            [] => Some(Self::One),
            offered => offered.iter().find_map(known),
        }
    }

    /// authenticate: the MAC of `message` under a key of this protocol, as long as it is sent.
    pub(crate) fn authenticate(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(message);
        let mac = mac.finalize().into_bytes();
        match self {
            Self::One => mac[..16].to_vec(),
            Self::Two => mac.to_vec(),
        }
    }

    /// Whether a pinUvAuthToken may have that many bytes: CTAP 2.1 §6.5.6 and §6.5.7, "resetPinUvAuthToken".
    pub(crate) const fn admits_token(self, length: usize) -> bool {
        matches!((self, length), (Self::One, 16 | 32) | (Self::Two, 32))
    }
}

type Iv = [u8; 16];

/// All that is drawn for one key agreement. It is drawn ahead, as there is no randomness at hand when an answer
/// comes. Zeroized on drop, and without `Debug`.
pub(crate) struct Agreement {
    /// The platform's key-agreement key, for this once.
    secret: SecretKey,
    /// Nothing encrypts more often under one shared secret than changing a PIN does.
    ivs: [Iv; 2],
}

impl Agreement {
    /// Draws everything.
    pub(crate) fn draw(rng: &mut dyn CryptoRng) -> Self {
        let mut ivs = [[0; 16]; 2];
        ivs.iter_mut().for_each(|iv| rng.fill_bytes(iv));
        loop {
            // A scalar is valid unless it is zero or at least the group order.
            let mut scalar = Zeroizing::new([0; 32]);
            rng.fill_bytes(scalar.as_mut());
            if let Ok(secret) = SecretKey::from_slice(scalar.as_ref()) {
                return Self { secret, ivs };
            }
        }
    }

    /// encapsulate: the secret shared with the authenticator, and the key that it needs to come to the same one.
    ///
    /// # Errors
    /// If the authenticator's key is no point on the curve.
    pub(crate) fn encapsulate(
        self,
        protocol: Protocol,
        peer: &KeyAgreement,
    ) -> Result<SharedSecret, ClientError> {
        let point = [&[0x04], peer.x.as_slice(), &peer.y].concat();
        let peer = PublicKey::from_sec1_bytes(&point).map_err(|_| {
            answered(Command::CLIENT_PIN, AnswerError::Malformed("keyAgreement is not on the curve".into()))
        })?;
        let z = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peer.as_affine());
        // kdf, CTAP 2.1 §6.5.6 and §6.5.7.
        let (mut hmac_key, mut aes_key) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        match protocol {
            Protocol::One => {
                hmac_key.copy_from_slice(&Sha256::digest(z.raw_secret_bytes()));
                aes_key.copy_from_slice(hmac_key.as_slice());
            }
            Protocol::Two => {
                let kdf = Hkdf::<Sha256>::new(Some(&[0; 32]), z.raw_secret_bytes());
                for (key, info) in [(&mut hmac_key, "CTAP2 HMAC key"), (&mut aes_key, "CTAP2 AES key")] {
                    kdf.expand(info.as_bytes(), key.as_mut()).expect("32 bytes are within HKDF's limit");
                }
            }
        }
        let ours = self.secret.public_key().to_sec1_point(false);
        let coordinate = |range: std::ops::Range<usize>| {
            ours.as_bytes()[range].try_into().expect("an uncompressed point has 65 bytes")
        };
        let public = KeyAgreement { x: coordinate(1..33), y: coordinate(33..65) };
        Ok(SharedSecret { protocol, public, hmac_key, aes_key, ivs: self.ivs.into() })
    }
}

/// A secret shared with the authenticator. Zeroized on drop, and without `Debug`.
pub(crate) struct SharedSecret {
    pub(crate) protocol: Protocol,
    /// The platform's key, which the authenticator needs to come to the same secret.
    pub(crate) public: KeyAgreement,
    hmac_key: Zeroizing<[u8; 32]>,
    aes_key: Zeroizing<[u8; 32]>,
    ivs: Vec<Iv>,
}

impl SharedSecret {
    /// authenticate.
    pub(crate) fn authenticate(&self, message: &[u8]) -> Vec<u8> {
        self.protocol.authenticate(self.hmac_key.as_slice(), message)
    }

    /// encrypt. `plain` must be a multiple of 16 bytes long.
    pub(crate) fn encrypt(&mut self, plain: &[u8]) -> Vec<u8> {
        let iv = match self.protocol {
            Protocol::One => [0; 16],
            Protocol::Two => self.ivs.pop().expect("nothing encrypts more than twice under one secret"),
        };
        let cipher = cbc::Encryptor::<Aes256>::new((&*self.aes_key).into(), &iv.into());
        let sealed = cipher.encrypt_padded_vec::<NoPadding>(plain);
        match self.protocol {
            Protocol::One => sealed,
            Protocol::Two => [iv.as_slice(), &sealed].concat(),
        }
    }

    /// decrypt; `None` if the ciphertext has no length that encrypt gives.
    pub(crate) fn decrypt(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (iv, sealed) = match self.protocol {
            Protocol::One => ([0; 16], sealed),
            Protocol::Two => sealed.split_first_chunk().map(|(iv, sealed)| (*iv, sealed))?,
        };
        let cipher = cbc::Decryptor::<Aes256>::new((&*self.aes_key).into(), &iv.into());
        cipher.decrypt_padded_vec::<NoPadding>(sealed).map(Zeroizing::new).ok()
    }
}

#[cfg(test)]
mod tests;
