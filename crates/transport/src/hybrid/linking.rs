//! Links, CTAP 2.2 §11.5.1.2: what a phone tells a desktop so that next time no QR code is needed, and what the desktop
//! says when it comes back (a state-assisted transaction).
use super::Malformed;
use super::frame::{map, member};
use super::qr::Hint;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey};
use sha2::Sha256;
use wire::cbor::{self, Value};
use wire::hex;
use zeroize::Zeroizing;

/// Longer contact IDs and names are refused.
const MAX_CONTACT: usize = 1_024;

/// What a phone tells.
#[derive(Clone)]
pub struct Linking {
    /// Key 1: by which the tunnel service finds the phone.
    pub contact_id: Vec<u8>,
    /// Key 2: by which the phone finds the secret.
    pub link_id: [u8; 8],
    /// Key 3: what takes the place of the QR secret.
    pub secret: Zeroizing<[u8; 32]>,
    /// Key 4: the phone's own key, which it keeps.
    pub public_key: PublicKey,
    /// Key 5: what the phone is called.
    pub name: String,
    /// Key 6: that the phone has the key, and means this handshake.
    pub signature: [u8; 32],
}

/// HMAC-SHA-256 of the handshake's hash, under what the phone's key and the desktop's key of the QR code share.
pub fn sign(own: &SecretKey, other: &PublicKey, handshake_hash: &[u8]) -> [u8; 32] {
    let shared = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), other.as_affine());
    let mut mac =
        Hmac::<Sha256>::new_from_slice(shared.raw_secret_bytes()).expect("HMAC takes a key of any length");
    mac.update(handshake_hash);
    mac.finalize().into_bytes().into()
}

impl Linking {
    /// As CBOR.
    pub fn to_value(&self) -> Value {
        cbor::int_map([
            (1, Some(cbor::bytes(self.contact_id.clone()))),
            (2, Some(cbor::bytes(self.link_id))),
            (3, Some(cbor::bytes(*self.secret))),
            (4, Some(cbor::bytes(self.public_key.to_sec1_point(false).as_bytes()))),
            (5, Some(cbor::text(self.name.clone()))),
            (6, Some(cbor::bytes(self.signature))),
        ])
    }

    /// Reads it. Unknown keys are ignored.
    ///
    /// # Errors
    /// Which member is missing or is not what it should be.
    pub fn from_value(value: &Value) -> Result<Self, Malformed> {
        let members = value.as_map().ok_or_else(|| Malformed::new("a link is no CBOR map"))?;
        let wrong = |key: u64, what: &str| Malformed::new(format!("key {key} of a link is not {what}"));
        let bytes =
            |key, what| member(members, key).and_then(Value::as_bytes).ok_or_else(|| wrong(key, what));
        let contact_id = bytes(1, "a contact ID")?.clone();
        if contact_id.len() > MAX_CONTACT {
            return Err(wrong(1, "a contact ID of 1,024 bytes at most"));
        }
        let fixed = "a byte string of its length";
        let link_id = bytes(2, fixed)?.as_slice().try_into().map_err(|_| wrong(2, "8 bytes"))?;
        let secret = bytes(3, fixed)?.as_slice().try_into().map_err(|_| wrong(3, "32 bytes"))?;
        let public_key = bytes(4, "a public key")?;
        let public_key = Some(public_key)
            .filter(|key| key.len() == 65)
            .and_then(|key| PublicKey::from_sec1_bytes(key).ok());
        let name = member(members, 5).and_then(Value::as_text).ok_or_else(|| wrong(5, "text"))?;
        let signature = bytes(6, fixed)?.as_slice().try_into().map_err(|_| wrong(6, "32 bytes"))?;
        Ok(Self {
            contact_id,
            link_id,
            secret: Zeroizing::new(secret),
            public_key: public_key.ok_or_else(|| wrong(4, "an uncompressed point of P-256 of 65 bytes"))?,
            name: name.chars().take(MAX_CONTACT).collect(),
            signature,
        })
    }
}

/// What a desktop says when it comes back: the header `X-caBLE-Client-Payload`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPayload {
    /// Key 1: which link.
    pub link_id: [u8; 8],
    /// Key 2: the salt of the EID key.
    pub nonce: [u8; 16],
    /// Key 3: what is coming.
    pub hint: Hint,
}

impl ClientPayload {
    /// As CBOR.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&cbor::int_map([
            (1, Some(cbor::bytes(self.link_id))),
            (2, Some(cbor::bytes(self.nonce))),
            (3, Some(cbor::text(self.hint.as_str()))),
        ]))
    }

    /// As the header has it.
    pub fn to_header(&self) -> String {
        hex::encode(&self.encode())
    }

    /// Reads it. Unknown keys are ignored.
    ///
    /// # Errors
    /// Which member is missing or is not what it should be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let members = map(bytes, "the client payload")?;
        let bytes = |key: u64| member(&members, key).and_then(Value::as_bytes);
        let link_id = bytes(1).and_then(|id| id.as_slice().try_into().ok());
        let nonce = bytes(2).and_then(|nonce| nonce.as_slice().try_into().ok());
        Ok(Self {
            link_id: link_id
                .ok_or_else(|| Malformed::new("key 1 of the client payload is not a link ID of 8 bytes"))?,
            nonce: nonce
                .ok_or_else(|| Malformed::new("key 2 of the client payload is not a nonce of 16 bytes"))?,
            hint: Hint::of(member(&members, 3).and_then(Value::as_text)),
        })
    }
}
