//! WebAuthn extensions, Level 3 §10 and CTAP 2.1 §12: what each adds to the CTAP request, and what it tells the
//! page.
//!
//! | WebAuthn | CTAP | tells the page |
//! |---|---|---|
//! | `credProps` | – | whether the credential is discoverable |
//! | `prf` | `hmac-secret`, `hmac-secret-mc`; over hybrid `prf` in the clear | whether it is there, and what it gives for each input |
//! | `hmacCreateSecret` | `hmac-secret` | whether it is there |
//! | `credentialProtectionPolicy`, `enforceCredentialProtectionPolicy` | `credProtect` | – |
//! | `credBlob`, `getCredBlob` | `credBlob` | whether it was kept; what was kept |
//! | `minPinLength` | `minPinLength` | –; the relying party finds it in the authenticator data |
//! | `largeBlob` | `largeBlobKey`, or `largeBlob` of CTAP 2.3 | whether it is supported; the blob; whether it was written |
//! | `appid`, `appidExclude` | – | whether the AppID took the place of the RP ID, which it can with U2F only |
//!
//! Others are passed over and noted. An extension that the authenticator does not have is not sent to it.
mod appid;
mod blob_array;
mod deflate;
mod hmac_secret;
mod input;
mod large_blob;
mod prf;
mod protection;
mod registering;
mod signing_in;

pub(crate) use blob_array::{Access, Step};
pub(crate) use hmac_secret::CANNOT_EVALUATE;
pub(crate) use large_blob::{ID as LARGE_BLOB, told};
pub(crate) use registering::Registering;
pub(crate) use signing_in::SigningIn;

use serde_json::{Map, Value};
use wire::cbor;
use wire::ctap2::GetInfoResponse;

/// What the authenticator says about an extension, by its identifier.
pub(crate) struct Outputs<'a> {
    /// Those of the authenticator data, which are signed.
    pub(crate) signed: Option<&'a cbor::Value>,
    /// Those beside it (CTAP 2.2).
    pub(crate) unsigned: Option<&'a cbor::Value>,
    /// `largeBlobKey` of the answer, which stands for an output.
    pub(crate) large_blob_key: Option<&'a [u8]>,
    /// Whether the user was verified.
    pub(crate) verified: bool,
    /// For whom it was signed.
    pub(crate) rp_id_hash: Option<[u8; 32]>,
    /// What signed in; empty at a registration.
    pub(crate) credential_id: &'a [u8],
}

impl<'a> Outputs<'a> {
    fn signed(&self, id: &str) -> Option<&'a cbor::Value> {
        member(self.signed?, id)
    }

    fn unsigned(&self, id: &str) -> Option<&'a cbor::Value> {
        member(self.unsigned?, id)
    }
}

fn member<'a>(map: &'a cbor::Value, id: &str) -> Option<&'a cbor::Value> {
    map.as_map()?.iter().find(|(key, _)| key.as_text() == Some(id)).map(|(_, value)| value)
}

/// Whether the authenticator has a CTAP extension.
fn has(info: &GetInfoResponse, id: &str) -> bool {
    info.extensions.iter().any(|extension| extension == id)
}

/// Inputs to the authenticator; `None` if there are none.
fn inputs(members: Vec<(&'static str, cbor::Value)>) -> Option<cbor::Value> {
    let members: Vec<_> = members.into_iter().map(|(id, input)| (cbor::text(id), input)).collect();
    (!members.is_empty()).then_some(cbor::Value::Map(members))
}

/// `true`, and not what JavaScript takes for it.
fn is_true(input: &Value) -> bool {
    input == &Value::Bool(true)
}

/// A client extension output of one member.
fn single(name: &str, value: impl Into<Value>) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value.into())]))
}

fn passed_over(id: &str) -> String {
    format!("extension {id:?} passed over: this client does not have it")
}

fn not_there(id: &str, ctap: &str) -> String {
    format!("extension {id:?} passed over: the authenticator has no {ctap}")
}
