//! The Microsoft Authenticator app as an authentication method, Graph
//! `microsoftAuthenticatorAuthenticationMethod`: what it does beside passkeys.
use crate::guid::Guid;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// The phone's system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Platform {
    /// iOS.
    #[serde(rename = "iOS")]
    Ios,
    /// Android.
    Android,
}

/// `deviceTag` aside, one registration of the app on a phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorApp {
    /// The method's ID.
    pub id: Guid,
    /// Whose it is.
    pub user: Guid,
    /// The phone's name.
    pub display_name: String,
    /// Its system.
    pub platform: Platform,
    /// The app's version, such as `6.8.7`.
    pub phone_app_version: String,
    /// Whether it answers push notifications.
    pub push: bool,
    /// Whether it signs in without a password.
    pub phone_sign_in: bool,
    /// Whether it shows one-time codes.
    pub one_time_code: bool,
    /// When it was registered.
    pub created: Time,
}
