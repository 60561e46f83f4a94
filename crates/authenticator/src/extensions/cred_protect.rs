//! credProtect, CTAP 2.1 §12.1: how much a credential shows of itself to a user who is not verified. The
//! commands obey the level when they look for credentials.
use super::{Inputs, unexpected_type};
use crate::profile::Extension;
use wire::status::{CtapError, Status};

/// userVerificationOptional: what a credential has that was made without the extension.
pub(super) const DEFAULT: u8 = 1;

/// The level that is asked for.
///
/// # Errors
/// CBOR_UNEXPECTED_TYPE if it is no integer; INVALID_OPTION if it is not 1, 2 or 3.
pub(super) fn read(inputs: &Inputs<'_>) -> Result<Option<u8>, CtapError> {
    let Some(input) = inputs.input(Extension::CredProtect) else { return Ok(None) };
    let level = input.as_integer().ok_or_else(|| unexpected_type(Extension::CredProtect, "an integer"))?;
    match u8::try_from(level) {
        Ok(level @ 1..=3) => Ok(Some(level)),
        _ => Err(Status::INVALID_OPTION.because("CTAP 2.1 §12.1: credProtect is not 1, 2 or 3")),
    }
}
