//! hmac-secret and hmac-secret-mc, CTAP 2.1 §12.5 and CTAP 2.2, under `prf`, WebAuthn Level 3 §10.1.4.
use super::input::{buffer, dictionary, present};
use crate::ceremony::sha256;
use crate::error::ClientError;
use crate::pin::{Protocol, SharedSecret};
use serde_json::{Map, Value, json};
use wire::base64url;
use wire::cbor;
use zeroize::Zeroizing;

/// The salts of one evaluation: 32 bytes, or 64 for two. Zeroized on drop, and without `Debug`.
pub(super) struct Salts(Zeroizing<Vec<u8>>);

/// Bytes in a salt and in what it evaluates to.
pub(super) const SALT: usize = 32;

impl Salts {
    /// Reads AuthenticationExtensionsPRFValues.
    ///
    /// # Errors
    /// A `TypeError` if `first` is missing, or a member is not base64url.
    pub(super) fn read(path: &str, values: &Value) -> Result<Self, ClientError> {
        let values = dictionary(path, values)?;
        let mut salts = Zeroizing::new(Vec::with_capacity(2 * SALT));
        let first = present(values, "first").unwrap_or(&Value::Null);
        salts.extend(salt(&buffer(&format!("{path}.first"), first)?));
        if let Some(second) = present(values, "second") {
            salts.extend(salt(&buffer(&format!("{path}.second"), second)?));
        }
        Ok(Self(salts))
    }

    /// Each salt: one or two.
    pub(super) fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks(SALT)
    }

    /// The input to the authenticator, CTAP 2.1 §12.5: the salts, encrypted and authenticated.
    pub(super) fn input(&self, secret: &mut SharedSecret) -> cbor::Value {
        let sealed = secret.encrypt(&self.0);
        cbor::int_map([
            (0x01, Some(secret.public.to_value())),
            (0x03, Some(cbor::bytes(secret.authenticate(&sealed)))),
            (0x02, Some(cbor::bytes(sealed))),
            // An authenticator of CTAP 2.0 does not know this member, and one is its default.
            (0x04, (secret.protocol != Protocol::One).then(|| secret.protocol.number().into())),
        ])
    }

    /// `results` of the page's output; `None` if the authenticator did not evaluate.
    ///
    /// # Errors
    /// What is wrong with the authenticator's output.
    pub(super) fn results(
        &self,
        output: Option<&cbor::Value>,
        secret: Option<&SharedSecret>,
    ) -> Result<Option<Value>, String> {
        let (Some(output), Some(secret)) = (output, secret) else { return Ok(None) };
        let opened = output.as_bytes().and_then(|sealed| secret.decrypt(sealed));
        let opened = opened.filter(|opened| opened.len() == self.0.len());
        let Some(opened) = opened else {
            return Err("odd: what the authenticator gave for hmac-secret cannot be decrypted".into());
        };
        Ok(Some(results(opened.chunks(SALT))))
    }
}

/// `results` of the page's output: one secret or two.
pub(super) fn results<'a>(secrets: impl Iterator<Item = &'a [u8]>) -> Value {
    let named = ["first", "second"].into_iter().zip(secrets);
    Value::Object(Map::from_iter(named.map(|(name, part)| (name.into(), json!(base64url::encode(part))))))
}

/// §10.1.4: SHA-256(UTF8Encode("WebAuthn PRF") || 0x00 || input), so that pages cannot ask for the outputs that
/// others use hmac-secret for, such as a system's log-in.
fn salt(input: &[u8]) -> [u8; SALT] {
    sha256(&[b"WebAuthn PRF\0", input].concat())
}

/// The longest input that there can be, for planning the length of a message before the secret is agreed on.
pub(super) fn longest_input() -> cbor::Value {
    let key = wire::ctap2::KeyAgreement { x: [0; 32], y: [0; 32] };
    cbor::int_map([
        (0x01, Some(key.to_value())),
        (0x02, Some(cbor::bytes([0; 16 + 2 * SALT]))),
        (0x03, Some(cbor::bytes([0; 32]))),
        (0x04, Some(2.into())),
    ])
}

/// Said where nobody can be verified, or there is nothing to agree on a secret with.
pub(crate) const CANNOT_EVALUATE: &str =
    "extension \"prf\" evaluates nothing: it takes a verified user and randomness, and there is not both";

/// Said where hmac-secret answered all the same: pages get the one of its two functions that is for a verified user.
pub(super) const UNVERIFIED: &str =
    "odd: hmac-secret answered for a user who was not verified; kept from the page";
