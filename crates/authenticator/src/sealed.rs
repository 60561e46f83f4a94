//! Credential IDs, and the non-discoverable credentials that live in their own.
//!
//! Every ID starts with [`MARK`]. A discoverable credential's ID goes on with 24 random bytes. A
//! non-discoverable one goes on with a format byte, a 12-byte nonce and its keys under AES-256-GCM, bound to
//! the relying party by the additional data: it needs no storage, and dies with the sealing key at reset.
//!
//! | format | holds | for |
//! |---|---|---|
//! | 1 | public and private key | ES256 and EdDSA, whose public keys are short and slower to compute than to use |
//! | 2 | algorithm and private key | all others: the public key is computed when the ID is opened |
use crate::credentials::RpIdHash;
use crate::signer;
use crate::store::{KeyPair, PrivateKey, SealingKey};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use alloc::vec::Vec;
use rand_core::CryptoRng;
use wire::cbor::{self, Field, Key, Kind, Record};
use wire::cose::{Algorithm, PublicKey};
use zeroize::Zeroizing;

/// The published mark by which a defender finds the passkeys of this tool: ASCII `fauxkey1`.
pub const MARK: [u8; 8] = *b"fauxkey1";

/// Bytes in a discoverable credential's ID.
const DISCOVERABLE_LEN: usize = 32;
const WHOLE: u8 = 1;
const PRIVATE_ONLY: u8 = 2;
const NONCE_LEN: usize = 12;

/// Bytes in the longest credential ID that an authenticator with these algorithms makes: a sealed one, with all
/// that can stand in it.
pub fn longest_id(algorithms: &[Algorithm]) -> usize {
    let sealed = |algorithm: &Algorithm| match *algorithm {
        Algorithm::ES256 => 155,
        Algorithm::EDDSA => 120,
        Algorithm::ES384 => 96,
        Algorithm::RS256 => 306,
        Algorithm::ML_DSA_44 | Algorithm::ML_DSA_65 => 80,
        _ => DISCOVERABLE_LEN,
    };
    algorithms.iter().map(sealed).max().unwrap_or(DISCOVERABLE_LEN)
}

/// A fresh ID for a discoverable credential.
pub(crate) fn discoverable_id(rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mut id = Vec::from(MARK);
    id.resize(DISCOVERABLE_LEN, 0);
    rng.fill_bytes(&mut id[MARK.len()..]);
    id
}

const SEALED: &[Field] = &[
    Field::required(Key::Int(1), "public key or algorithm", Kind::Any),
    Field::required(Key::Int(2), "private key", Kind::Bytes),
    Field::optional(Key::Int(3), "credProtect", Kind::Uint),
    Field::optional(Key::Int(4), "thirdPartyPayment", Kind::Bool),
];

/// What lives in a credential ID.
pub(crate) struct Sealed {
    pub(crate) key: KeyPair,
    /// credProtect level: 1, 2 or 3.
    pub(crate) cred_protect: u8,
    pub(crate) third_party_payment: bool,
}

/// Seals a key pair into a credential ID for one relying party. `None` if the cipher refuses, which it does
/// only for messages of many gigabytes.
pub(crate) fn seal(
    sealing: &SealingKey,
    rp: &RpIdHash,
    credential: &Sealed,
    rng: &mut dyn CryptoRng,
) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    let (format, public) = match &credential.key.public {
        public @ (PublicKey::P256 { .. } | PublicKey::Ed25519 { .. }) => (WHOLE, public.to_value()),
        public => (PRIVATE_ONLY, public.algorithm().0.into()),
    };
    // What stands at its default is left out, so that IDs stay short.
    let keys = cbor::int_map([
        (1, Some(public)),
        (2, Some(cbor::bytes(credential.key.private.expose()))),
        (3, (credential.cred_protect != 1).then(|| credential.cred_protect.into())),
        (4, credential.third_party_payment.then_some(cbor::Value::Bool(true))),
    ]);
    let plain = Zeroizing::new(cbor::encode(&keys));
    wipe(keys);
    let payload = Payload { msg: &plain, aad: &additional_data(format, rp) };
    let sealed = Aes256Gcm::new(sealing.expose().into()).encrypt(&Nonce::from(nonce), payload).ok()?;
    Some([MARK.as_slice(), &[format], &nonce, &sealed].concat())
}

/// Opens a credential ID that [`seal`] made for the same relying party. `None` if it is anything else.
pub(crate) fn open(sealing: &SealingKey, rp: &RpIdHash, id: &[u8]) -> Option<Sealed> {
    let (format, rest) = id.strip_prefix(&MARK)?.split_first()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
    let payload = Payload { msg: sealed, aad: &additional_data(*format, rp) };
    let plain = Aes256Gcm::new(sealing.expose().into()).decrypt(&Nonce::from(*nonce), payload).ok()?;
    let plain = Zeroizing::new(plain);
    let value = cbor::decode(&plain).ok()?;
    let credential = Record::read(&value, "sealed credential", SEALED).ok().and_then(|map| {
        let private = PrivateKey::new(Zeroizing::new(map.bytes(2)?.into()));
        let public = match *format {
            WHOLE => PublicKey::from_value(map.any(1)?).ok()?,
            PRIVATE_ONLY => signer::public_key(Algorithm(map.int(1)?), &private).ok()?,
            _ => return None,
        };
        Some(Sealed {
            key: KeyPair { public, private },
            cred_protect: map.int(3).map_or(Some(1), |level| u8::try_from(level).ok())?,
            third_party_payment: map.bool(4).unwrap_or(false),
        })
    });
    wipe(value);
    credential
}

fn additional_data(format: u8, rp: &RpIdHash) -> Vec<u8> {
    [MARK.as_slice(), &[format], rp].concat()
}

/// Zeroizes the private key inside a value that held one.
fn wipe(value: cbor::Value) {
    if let cbor::Value::Map(members) = value {
        for (_, member) in members {
            if let cbor::Value::Bytes(bytes) = member {
                drop(Zeroizing::new(bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signer::{DeterministicSigner, Signer};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    const ALGORITHMS: [Algorithm; 6] = [
        Algorithm::ES256,
        Algorithm::EDDSA,
        Algorithm::ES384,
        Algorithm::RS256,
        Algorithm::ML_DSA_44,
        Algorithm::ML_DSA_65,
    ];

    fn sealing() -> SealingKey {
        SealingKey::new(Zeroizing::new([7; 32]))
    }

    fn sealed(algorithm: Algorithm) -> (Sealed, Vec<u8>) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let key = DeterministicSigner.generate(algorithm, &mut rng).unwrap();
        let credential = Sealed { key, cred_protect: 3, third_party_payment: true };
        let id = seal(&sealing(), &[1; 32], &credential, &mut rng).unwrap();
        (credential, id)
    }

    #[test]
    fn a_sealed_credential_of_any_algorithm_opens_for_its_relying_party_and_key_only() {
        for algorithm in ALGORITHMS {
            let (made, id) = sealed(algorithm);
            let opened = open(&sealing(), &[1; 32], &id).unwrap();
            assert_eq!(opened.key.public, made.key.public);
            assert_eq!(opened.key.private.expose(), made.key.private.expose());
            assert_eq!((opened.cred_protect, opened.third_party_payment), (3, true));
            assert!(open(&sealing(), &[2; 32], &id).is_none(), "another relying party");
            let other = SealingKey::new(Zeroizing::new([8; 32]));
            assert!(open(&other, &[1; 32], &id).is_none(), "after a reset");
        }
    }

    #[test]
    fn the_longest_id_is_as_long_as_it_says() {
        for algorithm in ALGORITHMS {
            assert_eq!(sealed(algorithm).1.len(), longest_id(&[algorithm]), "{algorithm}");
        }
        assert_eq!(longest_id(&ALGORITHMS), longest_id(&[Algorithm::RS256]));
        assert_eq!(longest_id(&[]), DISCOVERABLE_LEN);
    }

    #[test]
    fn any_flipped_bit_and_any_truncation_closes_it() {
        for algorithm in [Algorithm::ES256, Algorithm::ES384] {
            let (_, id) = sealed(algorithm);
            for bit in 0..id.len() * 8 {
                let mut bad = id.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(open(&sealing(), &[1; 32], &bad).is_none(), "bit {bit}");
            }
            assert!((0..id.len()).all(|len| open(&sealing(), &[1; 32], &id[..len]).is_none()));
        }
    }

    /// Sealed by the version that knew format 1 only.
    #[test]
    fn an_id_of_an_earlier_version_still_opens() {
        const ID: &str = "666175786b65793101000efec87c5749ec1157912ea6bdefab614e9153e8a386c0f6b4eb2fbb4028bd945a22e5ba5f47\
            8e61aa353569d43c19b9f5f0223c62a983ad8115a5f03bcd289bfe9d361cb20f90d53600d6c3cc0717158706f5ba5866\
            6132544f14957fa4473bc98bcd9cac4791063018e3a57302fc7bcb9a0256eb627781b75910b2dd669fdc5f1073e4e5f4\
            058532058c3228dca4c098";
        let opened = open(&sealing(), &[1; 32], &wire::hex::decode(ID).unwrap()).unwrap();
        assert_eq!(opened.key.public, sealed(Algorithm::ES256).0.key.public);
    }
}
