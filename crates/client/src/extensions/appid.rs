//! `appid` and `appidExclude`, WebAuthn Level 3 §10.1.1 and §10.1.2: passkeys of FIDO U2F.
//!
//! The AppID is checked here. It is tried in place of the RP ID where the authenticator speaks only U2F, by
//! [`crate::ctap1::Bridge`]: passkeys that are for an AppID are there.
use crate::Origin;
use crate::error::ClientError;
use url::Url;

/// Whether the page may use that AppID. Browsers let through what has the origin's registrable domain, and leave
/// the list of trusted facets alone, which would need a request.
///
/// # Errors
/// A `SecurityError` if not.
pub(super) fn check(id: &'static str, origin: &Origin, app_id: &str) -> Result<(), ClientError> {
    let refused = |why: &str| ClientError::Extension {
        id,
        why: format!("{app_id:?} {why}"),
        exception: "SecurityError",
    };
    // FIDO AppID and Facet Specification §3.1.2 steps 1 and 2: nothing stands for the origin itself.
    if app_id.is_empty() {
        return Ok(());
    }
    let url = Url::parse(app_id).map_err(|_| refused("is no URL"))?;
    let its = Origin::parse(&url.origin().ascii_serialization()).map_err(|_| refused("is no https URL"))?;
    let registrable = psl::domain_str(its.domain());
    let same_site = registrable.is_some() && registrable == psl::domain_str(origin.domain());
    if its.domain() == origin.domain() || same_site {
        Ok(())
    } else {
        Err(refused("is of another site than the page"))
    }
}

/// FIDO AppID and Facet Specification §3.1.2 step 1: nothing stands for the origin itself.
pub(super) fn named(origin: &Origin, app_id: &str) -> String {
    if app_id.is_empty() { origin.as_str().into() } else { app_id.into() }
}
