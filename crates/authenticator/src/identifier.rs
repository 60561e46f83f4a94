//! encIdentifier and encCredStoreState of getInfo, CTAP 2.2 and 2.3 §6.4: who this is and whether its passkeys
//! changed, for platforms that hold the persistent token and for nobody else.
use crate::memory::Memory;
use aes::Aes128;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use alloc::vec::Vec;
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes in an AES block, and in what is told.
const BLOCK: usize = 16;

/// The two members, sealed under the persistent token. Their IVs are drawn anew each time, so that who does not
/// hold the token cannot recognize an authenticator by them.
pub(crate) struct Sealed {
    /// getInfo 0x19: an IV and the encrypted device identifier.
    pub(crate) enc_identifier: Vec<u8>,
    /// getInfo 0x1E: an IV and the encrypted state of the credential store.
    pub(crate) enc_cred_store_state: Vec<u8>,
}

impl Sealed {
    /// `None` until a platform asked for a persistent token.
    pub(crate) fn of(memory: &Memory, rng: &mut dyn CryptoRng) -> Option<Self> {
        let state = memory.state();
        let token = state.verification.persistent_token.as_ref()?;
        Some(Self {
            enc_identifier: seal(token, b"encIdentifier", &state.device_identifier, rng),
            enc_cred_store_state: seal(token, b"encCredStoreState", &state.cred_store_state, rng),
        })
    }
}

/// iv ‖ AES-128-CBC(HKDF-SHA-256(salt = 32 zeros, token, info), `plain`).
fn seal(token: &[u8; 32], info: &[u8], plain: &[u8; BLOCK], rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mut key = Zeroizing::new([0; BLOCK]);
    let kdf = Hkdf::<Sha256>::new(Some(&[0; 32]), token);
    kdf.expand(info, key.as_mut()).expect("16 bytes are within HKDF's limit");
    let mut iv = [0; BLOCK];
    rng.fill_bytes(&mut iv);
    let cipher = cbc::Encryptor::<Aes128>::new((&*key).into(), &iv.into());
    [iv.as_slice(), &cipher.encrypt_padded_vec::<NoPadding>(plain)].concat()
}
