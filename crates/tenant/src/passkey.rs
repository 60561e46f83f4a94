//! Passkeys as the tenant keeps them, Microsoft Graph `fido2AuthenticationMethod`.
use crate::guid::{self, Guid};
use crate::time::Time;
use relying_party::StoredCredential;
use serde::{Deserialize, Serialize};
use wire::aaguid::Aaguid;

/// `attestationLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationLevel {
    /// A chain of certificates led to one that is trusted.
    Attested,
    /// Anything else. The AAGUID is then what somebody says.
    NotAttested,
}

/// `passkeyType`, from BE: one measurement says so of Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PasskeyType {
    /// BE is not set.
    DeviceBound,
    /// BE is set.
    Synced,
}

impl PasskeyType {
    /// The word in Graph.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceBound => "deviceBound",
            Self::Synced => "synced",
        }
    }
}

/// How a passkey came to be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Route {
    /// In a browser, by the page My Security Info.
    SecurityInfo,
    /// In the Authenticator app itself, same device.
    InApp,
    /// From a browser to a phone, by QR code or what stands for it.
    CrossDevice,
    /// By an administrator on behalf of the user, over Graph.
    Provisioning,
}

/// What a policy judges a passkey by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyFacts {
    /// The model that it claims.
    pub aaguid: Aaguid,
    /// Whether that is proven.
    pub attestation: AttestationLevel,
    /// The attestation statement format, such as `none`.
    pub fmt: String,
    /// Device-bound or synced.
    pub passkey_type: PasskeyType,
    /// How it came, or comes, to be registered.
    pub route: Route,
}

/// A registered passkey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    /// Whose it is.
    pub user: Guid,
    /// The name that the user gave it.
    pub display_name: String,
    /// When it was registered.
    pub created: Time,
    /// The model that it claims.
    #[serde(with = "guid::aaguid")]
    pub aaguid: Aaguid,
    /// Whether that is proven.
    pub attestation_level: AttestationLevel,
    /// SHA-1 thumbprints of the attestation certificates, in hexadecimal, as Graph shows them.
    #[serde(default)]
    pub attestation_certificates: Vec<String>,
    /// The attestation statement format.
    pub fmt: String,
    /// Device-bound or synced.
    pub passkey_type: PasskeyType,
    /// How it was registered.
    pub route: Route,
    /// Ceremony state: ID, user handle, key, counter.
    pub credential: StoredCredential,
    /// The last sign-in with it.
    #[serde(default)]
    pub last_used: Option<Time>,
    /// Why it will never sign in again, if so: a counter that went wrong, CounterMode::Entra2026.
    #[serde(default)]
    pub dead: Option<String>,
}

impl Passkey {
    /// The method's ID: .NET's `HttpServerUtility.UrlTokenEncode` of the credential ID, which is base64url
    /// followed by one digit that counts the `=` that were cut off.
    pub fn id(&self) -> String {
        method_id(&self.credential.id)
    }

    /// What a policy judges it by.
    pub fn facts(&self) -> PasskeyFacts {
        PasskeyFacts {
            aaguid: self.aaguid,
            attestation: self.attestation_level,
            fmt: self.fmt.clone(),
            passkey_type: self.passkey_type,
            route: self.route,
        }
    }
}

/// The ID of the method that has a credential of that ID.
pub fn method_id(credential_id: &[u8]) -> String {
    let padding = (3 - credential_id.len() % 3) % 3;
    format!("{}{padding}", wire::base64url::encode(credential_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_s_id_is_that_which_microsoft_published_with_its_credential() {
        // Techcommunity, "Auditing FIDO2 authentication for Windows sign-in": `7ebzDmVTSreLsJkrjm1mNA==`.
        let id = wire::base64url::decode("7ebzDmVTSreLsJkrjm1mNA").unwrap();
        assert_eq!(method_id(&id), "7ebzDmVTSreLsJkrjm1mNA2");
        assert_eq!(method_id(&[0; 32]).len(), 44);
        assert!(method_id(&[0; 32]).ends_with('1'));
        assert!(method_id(&[0; 33]).ends_with('0'));
    }
}
