//! hmac-secret, CTAP 2.1 §12.5: symmetric secrets that only this credential and this authenticator can make
//! out of a platform's salts.
//!
//! A credential's two CredRandoms are not stored. They are derived from the sealing key and the credential
//! ID, so that every credential has them, wherever it lives, and a reset ends them.
use super::Inputs;
use crate::authenticator::Authenticator;
use crate::pin::SharedSecret;
use crate::profile::Extension;
use crate::store::SealingKey;
use alloc::vec::Vec;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wire::cbor::{self, Field, Key, Kind, Record, Value};
use wire::ctap2::KeyAgreement;
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

/// Bytes in a salt, a CredRandom and an output.
pub(super) const SALT: usize = 32;
/// The protocol where the platform names none.
const DEFAULT_PROTOCOL: i64 = 1;

const INPUT: &[Field] = &[
    Field::required(Key::Int(1), "keyAgreement", Kind::Map),
    Field::required(Key::Int(2), "saltEnc", Kind::Bytes),
    Field::required(Key::Int(3), "saltAuth", Kind::Bytes),
    Field::optional(Key::Int(4), "pinUvAuthProtocol", Kind::Uint),
];

/// One or two salts that a platform sent, and the secret under which it gets its answer.
pub(super) struct Evaluation {
    secret: SharedSecret,
    salts: Zeroizing<Vec<u8>>,
}

/// What a sign-in asks for.
///
/// # Errors
/// UNSUPPORTED_OPTION if the user is not to touch; those of [`read`].
pub(super) fn read_get(
    auth: &Authenticator,
    inputs: &Inputs<'_>,
    up: bool,
) -> Result<Option<Evaluation>, CtapError> {
    let Some(input) = inputs.input(Extension::HmacSecret) else { return Ok(None) };
    if !up {
        let why = "CTAP 2.1 §12.5 step 1: hmac-secret gives nothing to a silent request (up is false)";
        return Err(Status::UNSUPPORTED_OPTION.because(why));
    }
    read(auth, input, "hmac-secret").map(Some)
}

/// Opens the salts. `what` is the extension that they came with.
///
/// # Errors
/// Those of [`Record::read`]; INVALID_PARAMETER for a protocol that is not there, a key that is not on the
/// curve and salts that are not 32 or 64 bytes long; PIN_AUTH_INVALID if saltAuth is not theirs.
pub(super) fn read(auth: &Authenticator, input: &Value, what: &str) -> Result<Evaluation, CtapError> {
    let map = Record::read(input, what, INPUT)?;
    let protocol = auth.protocol(Some(map.int(4).unwrap_or(DEFAULT_PROTOCOL)))?;
    let peer = KeyAgreement::from_value(map.any(1).expect("required by the table"))?;
    let secret = auth.session.key(protocol).decapsulate(protocol, &peer)?;
    let sealed = map.bytes(2).expect("required by the table");
    if !secret.verify(sealed, map.bytes(3).expect("required by the table")) {
        return Err(
            Status::PIN_AUTH_INVALID.because("CTAP 2.1 §12.5 step 3: saltAuth is not the MAC of saltEnc")
        );
    }
    let salts = secret.decrypt(sealed)?;
    if ![SALT, 2 * SALT].contains(&salts.len()) {
        let why = "CTAP 2.1 §12.5 step 3: saltEnc is neither one nor two salts of 32 bytes";
        return Err(Status::INVALID_PARAMETER.because(why));
    }
    Ok(Evaluation { secret, salts })
}

impl Evaluation {
    /// The output for one credential. Which of its CredRandoms is used is the UV bit of the same response.
    pub(super) fn run(&self, auth: &mut Authenticator, credential_id: &[u8], uv: bool) -> Value {
        let outputs = secrets(auth, credential_id, uv, &self.salts);
        cbor::bytes(self.secret.encrypt(&outputs, &mut auth.rng))
    }
}

/// What one credential makes of salts that stand one after another: as many bytes as they have.
pub(super) fn secrets(
    auth: &Authenticator,
    credential_id: &[u8],
    uv: bool,
    salts: &[u8],
) -> Zeroizing<Vec<u8>> {
    let random = cred_random(&auth.memory.state().sealing_key, credential_id, uv);
    let mut outputs = Zeroizing::new(Vec::with_capacity(salts.len()));
    for salt in salts.chunks_exact(SALT) {
        outputs.extend_from_slice(hmac_sha_256(random.as_slice(), &[salt]).as_slice());
    }
    outputs
}

/// CredRandomWithUV or CredRandomWithoutUV.
fn cred_random(sealing_key: &SealingKey, credential_id: &[u8], uv: bool) -> Zeroizing<[u8; 32]> {
    let label: &[u8] = if uv { b"fauxkey CredRandomWithUV\0" } else { b"fauxkey CredRandomWithoutUV\0" };
    hmac_sha_256(sealing_key.expose(), &[label, credential_id])
}

/// HMAC-SHA-256 of the parts one after another.
fn hmac_sha_256(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sealing_key_credential_and_uv_bit_has_a_cred_random_of_its_own() {
        let mut seen = alloc::collections::BTreeSet::new();
        for key in [[1; 32], [2; 32]] {
            for id in [b"one".as_slice(), b"two", b""] {
                for uv in [false, true] {
                    let key = SealingKey::new(Zeroizing::new(key));
                    assert_eq!(cred_random(&key, id, uv), cred_random(&key, id, uv));
                    assert!(seen.insert(*cred_random(&key, id, uv)), "{id:?} {uv}");
                }
            }
        }
    }

    #[test]
    fn hmac_is_that_of_rfc_4231_and_parts_are_one_message() {
        // Test case 2.
        let expected = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
            0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(*hmac_sha_256(b"Jefe", &[b"what do ya want for nothing?"]), expected);
        assert_eq!(*hmac_sha_256(b"Jefe", &[b"what do ya want ", b"for nothing?"]), expected);
    }
}
