//! The PIN/UV auth protocols one and two, CTAP 2.1 §6.5.6 and §6.5.7: the authenticator's side.
use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use alloc::vec::Vec;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wire::ctap2::KeyAgreement;
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// CTAP 2.1 §6.5.6.
    One,
    /// CTAP 2.1 §6.5.7.
    Two,
}

/// Bytes in an AES block.
const BLOCK: usize = 16;

impl Protocol {
    /// The number on the wire.
    pub const fn number(self) -> i64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// How many bytes of a MAC are sent.
    const fn mac_len(self) -> usize {
        match self {
            Self::One => 16,
            Self::Two => 32,
        }
    }

    /// Whether `signature` is the MAC of `message` under a token or an HMAC key.
    pub(crate) fn verify(self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let mac = authenticate(key, message);
        bool::from(mac[..self.mac_len()].ct_eq(signature))
    }
}

fn authenticate(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The authenticator's key-agreement key of one protocol. A new one at power-up and after a wrong PIN.
pub(crate) struct KeyAgreementKey(SecretKey);

impl KeyAgreementKey {
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        loop {
            // A scalar is valid unless it is zero or at least the group order.
            let mut scalar = Zeroizing::new([0; 32]);
            rng.fill_bytes(scalar.as_mut());
            if let Ok(key) = SecretKey::from_slice(scalar.as_ref()) {
                return Self(key);
            }
        }
    }

    /// What getKeyAgreement answers.
    pub(crate) fn public(&self) -> KeyAgreement {
        let point = self.0.public_key().to_sec1_point(false);
        let coordinate =
            |bytes: Option<&_>| bytes.map_or([0; 32], |bytes: &p256::FieldBytes| (*bytes).into());
        KeyAgreement { x: coordinate(point.x()), y: coordinate(point.y()) }
    }

    /// decapsulate: the secret shared with the platform.
    ///
    /// # Errors
    /// INVALID_PARAMETER if the peer's key is no point on the curve.
    pub(crate) fn decapsulate(
        &self,
        protocol: Protocol,
        peer: &KeyAgreement,
    ) -> Result<SharedSecret, CtapError> {
        let wrong =
            |_| Status::INVALID_PARAMETER.because("CTAP 2.1 §6.5.6: keyAgreement is not on the curve");
        let encoded = [&[4], peer.x.as_slice(), &peer.y].concat();
        let peer = PublicKey::from_sec1_bytes(&encoded).map_err(wrong)?;
        let z = p256::ecdh::diffie_hellman(self.0.to_nonzero_scalar(), peer.as_affine());
        let z = z.raw_secret_bytes();
        Ok(match protocol {
            Protocol::One => {
                let key = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(z)));
                SharedSecret { protocol, hmac_key: key.clone(), aes_key: key }
            }
            Protocol::Two => {
                let kdf = Hkdf::<Sha256>::new(Some(&[0; 32]), z);
                let expand = |info: &[u8]| {
                    let mut key = Zeroizing::new([0; 32]);
                    kdf.expand(info, key.as_mut()).expect("32 bytes are within HKDF's limit");
                    key
                };
                SharedSecret {
                    protocol,
                    hmac_key: expand(b"CTAP2 HMAC key"),
                    aes_key: expand(b"CTAP2 AES key"),
                }
            }
        })
    }
}

/// A secret shared with the platform for one command. Zeroized on drop, and without `Debug`.
pub(crate) struct SharedSecret {
    protocol: Protocol,
    hmac_key: Zeroizing<[u8; 32]>,
    aes_key: Zeroizing<[u8; 32]>,
}

impl SharedSecret {
    /// Whether `signature` is the MAC of `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.protocol.verify(self.hmac_key.as_slice(), message, signature)
    }

    /// encrypt. `plain` must be a multiple of 16 bytes long.
    pub(crate) fn encrypt(&self, plain: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut iv = [0; BLOCK];
        if self.protocol == Protocol::Two {
            rng.fill_bytes(&mut iv);
        }
        let cipher = cbc::Encryptor::<Aes256>::new((&*self.aes_key).into(), &iv.into());
        let sealed = cipher.encrypt_padded_vec::<NoPadding>(plain);
        match self.protocol {
            Protocol::One => sealed,
            Protocol::Two => [iv.as_slice(), &sealed].concat(),
        }
    }

    /// decrypt.
    ///
    /// # Errors
    /// INVALID_PARAMETER if the ciphertext has no length that encrypt gives.
    pub(crate) fn decrypt(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CtapError> {
        let wrong = || {
            Status::INVALID_PARAMETER.because("CTAP 2.1 §6.5.6 (decrypt): the ciphertext has another length")
        };
        let (iv, sealed) = match self.protocol {
            Protocol::One => ([0; BLOCK], sealed),
            Protocol::Two => {
                let (iv, sealed) = sealed.split_first_chunk::<BLOCK>().ok_or_else(wrong)?;
                (*iv, sealed)
            }
        };
        let cipher = cbc::Decryptor::<Aes256>::new((&*self.aes_key).into(), &iv.into());
        cipher.decrypt_padded_vec::<NoPadding>(sealed).map(Zeroizing::new).map_err(|_| wrong())
    }
}
