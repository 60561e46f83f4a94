//! largeBlob, CTAP 2.3 §12: a blob kept with each discoverable credential and carried by getAssertion, where
//! largeBlobKey keeps all in one array. An authenticator has one of the two. The outputs are not signed.
use super::{GetFacts, Inputs};
use crate::profile::Extension;
use crate::store::{CredentialExtensions, LargeBlob};
use wire::cbor::{self, Value};
use wire::status::{CtapError, Status};

/// Anything but one of the shapes that the extension has.
fn invalid(why: &'static str) -> CtapError {
    Status::INVALID_CBOR.because(why)
}

/// The member of an input map.
fn member<'a>(members: &'a [(Value, Value)], key: &str) -> Option<&'a Value> {
    members.iter().find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
}

fn members(input: &Value) -> Result<&[(Value, Value)], CtapError> {
    let map = input.as_map().ok_or_else(|| invalid("CTAP 2.3 §12 (largeBlob): the input is not a map"))?;
    Ok(map.as_slice())
}

/// Whether a registration asks for room for a blob.
///
/// # Errors
/// INVALID_CBOR if support is neither `preferred` nor `required`; INVALID_OPTION if it is required and the
/// credential is not to be discoverable.
pub(super) fn read_make(inputs: &Inputs<'_>, rk: bool) -> Result<bool, CtapError> {
    let Some(input) = inputs.input(Extension::LargeBlob) else { return Ok(false) };
    match member(members(input)?, "support").and_then(Value::as_text) {
        Some("preferred") => Ok(true),
        Some("required") if rk => Ok(true),
        Some("required") => Err(Status::INVALID_OPTION.because(
            "CTAP 2.3 §12 (largeBlob): only a discoverable credential can keep the blob that is required",
        )),
        _ => Err(invalid("CTAP 2.3 §12 (largeBlob): support is neither preferred nor required")),
    }
}

/// The output of a registration: every discoverable credential has room for a blob.
pub(super) fn supported(discoverable: bool) -> Value {
    cbor::text_map([("supported", Some(Value::Bool(discoverable)))])
}

/// What a sign-in does with the blob.
pub(super) enum Operation {
    Read,
    Write(LargeBlob),
}

/// What a sign-in asks for.
///
/// # Errors
/// INVALID_CBOR for anything but `read`, or `write` and `originalSize`.
pub(super) fn read_get(inputs: &Inputs<'_>) -> Result<Option<Operation>, CtapError> {
    let Some(input) = inputs.input(Extension::LargeBlob) else { return Ok(None) };
    let members = members(input)?;
    match (member(members, "read"), member(members, "write"), member(members, "originalSize")) {
        (Some(Value::Bool(read)), None, None) => Ok(read.then_some(Operation::Read)),
        (None, Some(Value::Bytes(compressed)), Some(Value::Integer(size))) => {
            let original_size = u64::try_from(*size)
                .map_err(|_| invalid("CTAP 2.3 §12 (largeBlob): originalSize is a negative integer"))?;
            Ok(Some(Operation::Write(LargeBlob { compressed: compressed.clone(), original_size })))
        }
        _ => Err(invalid(
            "CTAP 2.3 §12 (largeBlob): the input is neither read (a boolean) nor write and originalSize (a byte \
             string and an unsigned integer)",
        )),
    }
}

impl Operation {
    /// The output, and what is kept from now on if that changes. Where there is no blob to read there is no
    /// output.
    pub(super) fn run(&self, facts: &GetFacts<'_>) -> (Option<Value>, Option<CredentialExtensions>) {
        match self {
            Self::Read => (facts.kept.large_blob.as_ref().map(told), None),
            Self::Write(blob) => {
                // The platform has to name the credential; and nothing is overwritten behind the user's back.
                let writes = facts.listed && facts.stored && (facts.up || facts.uv);
                let kept = CredentialExtensions { large_blob: Some(blob.clone()), ..facts.kept.clone() };
                let output = cbor::text_map([("written", Some(Value::Bool(writes)))]);
                (Some(output), writes.then_some(kept))
            }
        }
    }
}

fn told(blob: &LargeBlob) -> Value {
    cbor::text_map([
        ("blob", Some(cbor::bytes(blob.compressed.as_slice()))),
        ("originalSize", Some(blob.original_size.into())),
    ])
}
