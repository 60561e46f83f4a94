//! Microsoft Graph: registering a passkey on somebody's behalf.
//!
//! `GET /users/{id}/authentication/fido2Methods/creationOptions` gives a document that [`crate::options::creation`]
//! reads; what comes of it is posted to `/users/{id}/authentication/fido2Methods`.
use serde_json::{Map, Value, json};
use thiserror::Error;
use wire::webauthn::json::RegistrationResponse;

/// The name of a passkey that Graph would not take.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the display name has {0} characters, and Microsoft Graph takes 1 to 30")]
pub struct InvalidDisplayName(pub usize);

/// The body to post: `publicKeyCredential` holds `id`, `response` and `clientExtensionResults`, and none of the
/// other members of a `RegistrationResponseJSON`.
///
/// # Errors
/// If the display name does not have 1 to 30 characters.
pub fn body(
    registration: &RegistrationResponse,
    display_name: Option<&str>,
) -> Result<Value, InvalidDisplayName> {
    let mut body = Map::new();
    if let Some(name) = display_name {
        match name.chars().count() {
            1..=30 => body.insert("displayName".into(), name.into()),
            other => return Err(InvalidDisplayName(other)),
        };
    }
    let response = &registration.response;
    let credential = json!({
        "id": registration.id,
        "response": {
            "clientDataJSON": response.client_data_json,
            "attestationObject": response.attestation_object,
        },
        "clientExtensionResults": registration.client_extension_results,
    });
    body.insert("publicKeyCredential".into(), credential);
    Ok(Value::Object(body))
}
