//! hmac-secret-mc, CTAP 2.2 §12: the outputs of hmac-secret already when a credential is made.
use super::{Inputs, hmac_secret};
use crate::authenticator::Authenticator;
use crate::profile::Extension;
use wire::status::{CtapError, Status};

/// What a registration asks for. `hmac_secret` is whether hmac-secret itself is asked for.
///
/// # Errors
/// MISSING_PARAMETER without hmac-secret; those of [`hmac_secret::read`].
pub(super) fn read(
    auth: &Authenticator,
    inputs: &Inputs<'_>,
    hmac_secret: bool,
) -> Result<Option<hmac_secret::Evaluation>, CtapError> {
    let Some(input) = inputs.input(Extension::HmacSecretMc) else { return Ok(None) };
    if !hmac_secret {
        let why = "CTAP 2.2 §12 (hmac-secret-mc): it needs hmac-secret: true beside it";
        return Err(Status::MISSING_PARAMETER.because(why));
    }
    hmac_secret::read(auth, input, "hmac-secret-mc").map(Some)
}
