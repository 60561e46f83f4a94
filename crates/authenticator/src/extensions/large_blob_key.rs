//! largeBlobKey, CTAP 2.1 §12.3: the key under which a platform keeps something in the large-blob array. It
//! is a member of the response and never an extension output.
use super::{Inputs, unexpected_type};
use crate::profile::Extension;
use rand_core::CryptoRng;
use wire::status::{CtapError, Status};
use zeroize::Zeroizing;

/// Whether the key is asked for.
///
/// # Errors
/// CBOR_UNEXPECTED_TYPE if the input is no boolean; INVALID_OPTION if it is false.
pub(super) fn read(inputs: &Inputs<'_>) -> Result<bool, CtapError> {
    match inputs.input(Extension::LargeBlobKey).map(|input| input.as_bool()) {
        None => Ok(false),
        Some(Some(true)) => Ok(true),
        Some(Some(false)) => {
            Err(Status::INVALID_OPTION.because("CTAP 2.1 §12.3: largeBlobKey is asked for by true alone"))
        }
        Some(None) => Err(unexpected_type(Extension::LargeBlobKey, "a boolean")),
    }
}

/// Whether a registration asks for a key.
///
/// # Errors
/// Those of [`read`]; INVALID_OPTION if the credential is not to be discoverable.
pub(super) fn read_make(inputs: &Inputs<'_>, rk: bool) -> Result<bool, CtapError> {
    let asked = read(inputs)?;
    if asked && !rk {
        return Err(
            Status::INVALID_OPTION.because("CTAP 2.1 §12.3: largeBlobKey needs a discoverable credential")
        );
    }
    Ok(asked)
}

/// A key for a credential that is being made.
pub(super) fn draw(rng: &mut dyn CryptoRng) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    rng.fill_bytes(key.as_mut());
    key
}
