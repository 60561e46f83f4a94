//! credBlob, CTAP 2.1 §12.2: a few bytes of the relying party's, kept with a discoverable credential.
use super::{Inputs, unexpected_type};
use crate::capabilities::Capabilities;
use crate::profile::Extension;
use crate::store::CredentialExtensions;
use alloc::vec::Vec;
use wire::cbor::{self, Value};
use wire::status::CtapError;

/// The bytes that are to be kept.
///
/// # Errors
/// CBOR_UNEXPECTED_TYPE if they are no byte string.
pub(super) fn read(inputs: &Inputs<'_>) -> Result<Option<Vec<u8>>, CtapError> {
    let Some(input) = inputs.input(Extension::CredBlob) else { return Ok(None) };
    let blob = input.as_bytes().ok_or_else(|| unexpected_type(Extension::CredBlob, "a byte string"))?;
    Ok(Some(blob.clone()))
}

/// What of the bytes is kept. Those that are too many, or have no store to be kept in, fail nothing: the
/// output says so.
pub(super) fn keep(can: &Capabilities, discoverable: bool, blob: Vec<u8>) -> Option<Vec<u8>> {
    let fits = u32::try_from(blob.len()).is_ok_and(|len| len <= can.profile.max_cred_blob_length);
    Some(blob).filter(|_| discoverable && fits)
}

/// The bytes at a sign-in; none at all where none are kept.
pub(super) fn tell(kept: &CredentialExtensions) -> Value {
    cbor::bytes(kept.cred_blob.clone().unwrap_or_default())
}
