//! getPinToken and getPinUvAuthTokenUsingPinWithPermissions, CTAP 2.1 §6.5.5.7.1 and §6.5.5.7.2.
use super::attempt::Given;
use super::commands::required;
use super::grant::{self, Grant};
use crate::authenticator::{Authenticator, Via};
use crate::store::Change;
use alloc::vec::Vec;
use wire::ctap2::{ClientPin, Permissions};
use wire::status::{CtapError, Status};
use wire::time::Instant;

/// What a token that CTAP 2.1 §6.5.5.7 gives no other permissions may do.
const DEFAULT: Permissions = Permissions(Permissions::MC.0 | Permissions::GA.0);
/// A token of an authenticator without `pinUvAuthToken` knows no permissions: it does everything.
const EVERYTHING: Permissions = Permissions(0x3F);

/// What was decided before the PIN is tried.
pub(crate) struct Asked {
    grant: Grant,
    given: Given,
    /// What is said when the PIN is right but must be changed first.
    change_first: Status,
}

/// getPinToken, CTAP 2.1 §6.5.5.7.1: decides.
pub(super) fn begin_plain(auth: &Authenticator, via: Via, request: ClientPin) -> Result<Asked, CtapError> {
    let profile = &auth.capabilities.profile;
    // Step 1.
    let number = required(request.protocol, "pinUvAuthProtocol")?;
    let peer = required(request.key_agreement, "keyAgreement")?;
    let given = required(request.pin_hash_enc, "pinHashEnc")?;
    // Step 2.
    let protocol = auth.protocol(Some(number))?;
    // Steps 3 and 4. Who has no permissions does not know these members, and so ignores them.
    if profile.pin_uv_auth_token && (request.permissions.is_some() || request.rp_id.is_some()) {
        let why = "CTAP 2.1 §6.5.5.7.1 steps 3 and 4: getPinToken takes no permissions and no rpId";
        return Err(Status::INVALID_PARAMETER.because(why));
    }
    // Step 5.
    auth.pin_may_be_tried()?;
    // Step 6.
    let secret = auth.decapsulate(protocol, &peer)?;
    // Step 14, decided early.
    let permissions = if !profile.pin_uv_auth_token {
        EVERYTHING
    } else if profile.no_mc_ga_permissions_with_client_pin {
        Permissions::default()
    } else {
        DEFAULT
    };
    let given = secret.decrypt(&given).ok();
    let grant = Grant { protocol, secret, link: via.link, permissions, rp_id: None };
    Ok(Asked { grant, given, change_first: Status::PIN_INVALID })
}

/// getPinUvAuthTokenUsingPinWithPermissions, CTAP 2.1 §6.5.5.7.2: decides.
pub(super) fn begin_with_permissions(
    auth: &Authenticator,
    via: Via,
    request: ClientPin,
) -> Result<Asked, CtapError> {
    // Step 1.
    let number = required(request.protocol, "pinUvAuthProtocol")?;
    let peer = required(request.key_agreement, "keyAgreement")?;
    let given = required(request.pin_hash_enc, "pinHashEnc")?;
    let wanted = required(request.permissions, "permissions")?;
    // Step 2.
    let protocol = auth.protocol(Some(number))?;
    // Steps 3 and 4.
    let permissions = grant::by_pin(auth, wanted)?;
    // Step 5.
    auth.pin_may_be_tried()?;
    // Step 6.
    let secret = auth.decapsulate(protocol, &peer)?;
    let given = secret.decrypt(&given).ok();
    let grant = Grant { protocol, secret, link: via.link, permissions, rp_id: request.rp_id };
    Ok(Asked { grant, given, change_first: Status::PIN_POLICY_VIOLATION })
}

impl Asked {
    /// The steps from 8 on. There is no display, so that step 7 asks nobody.
    pub(super) fn resume(self, auth: &mut Authenticator, now: Instant) -> Result<Vec<u8>, CtapError> {
        let Self { grant, given, change_first } = self;
        // Steps 8 to 10.
        let state = auth.try_pin(grant.protocol, &given)?;
        // Step 11.
        if state.settings.force_pin_change {
            auth.commit(&[Change::PutState(state)], None)?;
            return Err(change_first.because("CTAP 2.1 §6.5.5.7.2 step 11: the PIN must be changed first"));
        }
        // Steps 12 to 17: a PIN says nothing of presence.
        grant.issue(auth, now, false, Some(state))
    }
}
