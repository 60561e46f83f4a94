//! The Authenticator app on a virtual phone: accounts at tenants, with what each of them is good for.
//!
//! An account that is added here has its passkey on the same device and, as the tenant says, push notifications, phone
//! sign-in and one-time codes, all under one entry. A passkey that was registered from another device is an entry of
//! its own. The app knows a tenant by HTTP alone.
//!
//! | module | what |
//! |---|---|
//! | `door` | a tenant as it is asked over HTTP |
//! | `enrol` | adding an account: signing in, the ceremony, what the tenant makes of it |
//! | `shelf` | what is kept, sealed in the vault; `kept` is one record of it |
mod door;
mod enrol;
mod kept;
mod shelf;
#[cfg(test)]
mod tests;

pub use door::Door;
pub use enrol::{Enrolment, Handset, Waiting};
pub use kept::Kept;
pub use shelf::Shelf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wire::aaguid::Aaguid;
use zeroize::Zeroizing;

/// An entry on the app's first page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Names it on its device: of a passkey that stands alone, the credential ID in base64url.
    pub id: String,
    /// What kind of entry it is.
    pub kind: AccountKind,
    /// The user's name there, such as `ada@contoso.test`.
    pub user_name: String,
    /// The person's name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the tenant, or the relying party, is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Where the tenant is; absent for a passkey that stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The credential ID of its passkey in base64url; absent if that was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<String>,
    /// Whether it answers push notifications.
    pub push: bool,
    /// Whether it signs in without a password.
    pub phone_sign_in: bool,
    /// Whether it shows one-time codes.
    pub one_time_code: bool,
    /// What the tenant warned of when it was added. Told then, and not again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How an entry came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// It was added in the app: same device.
    Account,
    /// A passkey that was registered from another device.
    Passkey,
}

/// An account to be added, or one that waits for its push notification.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAccount {
    /// The user's name, such as `ada@contoso.test`.
    pub user_name: String,
    /// Where the tenant is, such as `http://localhost:8123`; the last one, or that of the instance, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// A Temporary Access Pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<Secret>,
    /// The password: MFA is set up already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A one-time code, beside the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// Ask for a push notification beside the password: the answer is the number to type on the phone that has the
    /// account already, and what to name as `waiting` to go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub push: bool,
    /// What the answer said that waits: the same account is gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// What the passkey is to be called at the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What is otherwise with this phone than with one that is fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneFacts>,
}

/// What a phone is like, as far as that matters for passkeys in its app; what is absent is as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhoneFacts {
    /// The system's version, such as `16.7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// The app's version, such as `6.8.6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// Whether the app's "Usage data" is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_data: Option<bool>,
    /// Whether the app is enabled in AutoFill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_fill: Option<bool>,
    /// How many more providers of passkeys are enabled beside it, the system's own aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_providers: Option<u8>,
}

/// What came of adding an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Added {
    /// It is there.
    Account(Box<Account>),
    /// A push notification was sent, and waits for its answer.
    Number(Number),
}

/// A number to be typed on the phone that has the account already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Number {
    /// Two digits.
    pub number: u8,
    /// What to name to go on.
    pub waiting: String,
}

/// A one-time code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Code {
    /// Six digits.
    pub code: String,
    /// How long it is shown from now on, in seconds.
    pub seconds_left: u64,
}

/// A sign-in that waits for this phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Push {
    /// The account that is asked.
    pub account: String,
    /// The user's name there.
    pub user_name: String,
    /// What the tenant is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// To what somebody signs in, as the tenant calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// When it was asked, such as `2026-01-20T22:24:07Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
}

/// A text that is shown to nobody: it has no `Debug`, and is wiped when it is dropped.
#[derive(Clone, Default)]
pub struct Secret(pub Zeroizing<String>);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.into()))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// The phone's system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// iOS.
    Ios,
    /// Android.
    Android,
}

impl System {
    /// The system of the phone that has the app as a model of that AAGUID; `None` if that is not the app.
    pub fn of(aaguid: Aaguid) -> Option<Self> {
        match aaguid.to_string().as_str() {
            "90a3ccdf-635c-4729-a248-9b709135078f" => Some(Self::Ios),
            "de1e552d-db1d-4423-a619-566b625cdc84" => Some(Self::Android),
            _ => None,
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ios => "iOS",
            Self::Android => "Android",
        }
    }

    /// The oldest versions of system and app that take every kind of passkey, by Microsoft's documentation.
    pub const fn versions(self) -> (&'static str, &'static str) {
        match self {
            Self::Ios => ("17", "6.8.37"),
            Self::Android => ("14", "6.2507.4749"),
        }
    }
}
