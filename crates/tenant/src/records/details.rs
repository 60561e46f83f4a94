//! What users have registered, Graph `userRegistrationDetails`, and how many have what.
use crate::app::AuthenticatorApp;
use crate::passkey::{Passkey, PasskeyType};
use crate::policy;
use crate::settings::Behaviour;
use crate::time::Time;
use crate::user::{User, UserType};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::aaguid::Aaguid;

/// A method as reports name it: `usageAuthMethod` of Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReportedMethod {
    /// A password. In summaries only: `methodsRegistered` does not list it.
    Password,
    /// Push notifications of Authenticator.
    MicrosoftAuthenticatorPush,
    /// Phone sign-in of Authenticator.
    MicrosoftAuthenticatorPasswordless,
    /// One-time codes.
    SoftwareOneTimePasscode,
    /// A security key, before passkeys were told apart.
    Fido2SecurityKey,
    /// A device-bound passkey, not in Authenticator or Windows Hello.
    PassKeyDeviceBound,
    /// A device-bound passkey in Authenticator.
    PassKeyDeviceBoundAuthenticator,
    /// A device-bound passkey in Windows Hello.
    PassKeyDeviceBoundWindowsHello,
    /// A synced passkey.
    PassKeySynced,
    /// A Temporary Access Pass.
    TemporaryAccessPass,
}

impl ReportedMethod {
    /// All of them, in the order in which summaries list them.
    pub const ALL: [Self; 10] = [
        Self::Password,
        Self::MicrosoftAuthenticatorPush,
        Self::MicrosoftAuthenticatorPasswordless,
        Self::SoftwareOneTimePasscode,
        Self::Fido2SecurityKey,
        Self::PassKeyDeviceBound,
        Self::PassKeyDeviceBoundAuthenticator,
        Self::PassKeyDeviceBoundWindowsHello,
        Self::PassKeySynced,
        Self::TemporaryAccessPass,
    ];

    /// The word in Graph.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::MicrosoftAuthenticatorPush => "microsoftAuthenticatorPush",
            Self::MicrosoftAuthenticatorPasswordless => "microsoftAuthenticatorPasswordless",
            Self::SoftwareOneTimePasscode => "softwareOneTimePasscode",
            Self::Fido2SecurityKey => "fido2SecurityKey",
            Self::PassKeyDeviceBound => "passKeyDeviceBound",
            Self::PassKeyDeviceBoundAuthenticator => "passKeyDeviceBoundAuthenticator",
            Self::PassKeyDeviceBoundWindowsHello => "passKeyDeviceBoundWindowsHello",
            Self::PassKeySynced => "passKeySynced",
            Self::TemporaryAccessPass => "temporaryAccessPass",
        }
    }

    /// The name in the portal.
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Password => "Password",
            Self::MicrosoftAuthenticatorPush => "Microsoft Authenticator app (push notification)",
            Self::MicrosoftAuthenticatorPasswordless => "Microsoft Authenticator app (phone sign-in)",
            Self::SoftwareOneTimePasscode => "Software OATH token",
            Self::Fido2SecurityKey => "FIDO2 security key",
            Self::PassKeyDeviceBound => "Passkey (other device-bound)",
            Self::PassKeyDeviceBoundAuthenticator => "Passkey (Microsoft Authenticator)",
            Self::PassKeyDeviceBoundWindowsHello => "Passkey (Windows Hello)",
            Self::PassKeySynced => "Passkey (synced)",
            Self::TemporaryAccessPass => "Temporary Access Pass",
        }
    }

    /// What a passkey is reported as.
    pub fn of(passkey: &Passkey, behaviour: Behaviour) -> Self {
        Self::of_model(passkey.aaguid, passkey.passkey_type, behaviour)
    }

    /// What a passkey of that model and type is reported as. What is neither in Authenticator nor in Windows Hello
    /// was a security key in the preview of 2024, when logs said "FIDO2 security key" (a guess). That a passkey with
    /// BE is no `passKeyDeviceBound…`, whatever AAGUID it claims, is another.
    pub fn of_model(aaguid: Aaguid, passkey_type: PasskeyType, behaviour: Behaviour) -> Self {
        match passkey_type {
            PasskeyType::Synced => Self::PassKeySynced,
            _ if policy::is_authenticator(aaguid) => Self::PassKeyDeviceBoundAuthenticator,
            _ if policy::is_windows_hello(aaguid) => Self::PassKeyDeviceBoundWindowsHello,
            _ if behaviour == Behaviour::Preview2024 => Self::Fido2SecurityKey,
            PasskeyType::DeviceBound => Self::PassKeyDeviceBound,
        }
    }

    /// Whether it counts as several factors, or as a second one beside a password.
    const fn is_strong(self) -> bool {
        !matches!(self, Self::Password)
    }

    /// Whether it signs in without a password.
    const fn is_passwordless(self) -> bool {
        matches!(
            self,
            Self::MicrosoftAuthenticatorPasswordless
                | Self::Fido2SecurityKey
                | Self::PassKeyDeviceBound
                | Self::PassKeyDeviceBoundAuthenticator
                | Self::PassKeyDeviceBoundWindowsHello
                | Self::PassKeySynced
        )
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Methods(u16);

impl Methods {
    /// Puts one in.
    pub const fn insert(&mut self, method: ReportedMethod) {
        self.0 |= method.bit();
    }

    /// Whether it is in.
    pub const fn has(self, method: ReportedMethod) -> bool {
        self.0 & method.bit() != 0
    }

    /// Those that are in, in order.
    pub fn iter(self) -> impl Iterator<Item = ReportedMethod> {
        ReportedMethod::ALL.into_iter().filter(move |method| self.has(*method))
    }

    /// The methods of an app.
    pub const fn insert_app(&mut self, app: &AuthenticatorApp) {
        if app.push {
            self.insert(ReportedMethod::MicrosoftAuthenticatorPush);
        }
        if app.phone_sign_in {
            self.insert(ReportedMethod::MicrosoftAuthenticatorPasswordless);
        }
        if app.one_time_code {
            self.insert(ReportedMethod::SoftwareOneTimePasscode);
        }
    }
}

/// What a user has registered, and what of it policy lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Registration {
    /// Registered.
    pub registered: Methods,
    /// Registered and allowed by policy now.
    pub allowed: Methods,
}

impl Registration {
    /// Whether a second factor is registered.
    pub fn is_mfa_registered(self) -> bool {
        self.registered.iter().any(ReportedMethod::is_strong)
    }

    /// Whether one is registered and allowed.
    pub fn is_mfa_capable(self) -> bool {
        self.allowed.iter().any(ReportedMethod::is_strong)
    }

    /// Whether a method that needs no password is registered and allowed.
    pub fn is_passwordless_capable(self) -> bool {
        self.allowed.iter().any(ReportedMethod::is_passwordless)
    }

    /// In Graph's shape. Self-service password reset is not there.
    pub fn to_graph(self, user: &User, now: Time) -> Value {
        let listed = self.registered.iter().filter(|method| *method != ReportedMethod::Password);
        let methods: Vec<&str> = listed.map(ReportedMethod::as_str).collect();
        // Graph's documentation has words for second factors alone, none for passkeys or passes.
        let secondary = if self.registered.has(ReportedMethod::MicrosoftAuthenticatorPush) {
            "push"
        } else if self.registered.has(ReportedMethod::SoftwareOneTimePasscode) {
            "oath"
        } else {
            "none"
        };
        json!({
            "id": user.id,
            "userPrincipalName": user.user_principal_name,
            "userDisplayName": user.display_name,
            "userType": user.user_type,
            "isAdmin": user.is_admin,
            "isSsprRegistered": false,
            "isSsprEnabled": false,
            "isSsprCapable": false,
            "isMfaRegistered": self.is_mfa_registered(),
            "isMfaCapable": self.is_mfa_capable(),
            "isPasswordlessCapable": self.is_passwordless_capable(),
            "methodsRegistered": methods,
            "isSystemPreferredAuthenticationMethodEnabled": true,
            "systemPreferredAuthenticationMethods": [secondary],
            "userPreferredMethodForSecondaryAuthentication": secondary,
            "lastUpdatedDateTime": now,
        })
    }
}

/// Whom a summary counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Included {
    types: Option<UserType>,
    admins: Option<bool>,
}

impl Included {
    /// From `includedUserTypes` and `includedUserRoles`, in any case. All administrators are privileged here.
    ///
    /// # Errors
    /// The word that is none.
    pub fn read(types: &str, roles: &str) -> Result<Self, String> {
        let types = match types.to_ascii_lowercase().as_str() {
            "all" => None,
            "member" => Some(UserType::Member),
            "guest" => Some(UserType::Guest),
            _ => return Err(format!("includedUserTypes is {types:?}, and goes by all, member or guest")),
        };
        let admins = match roles.to_ascii_lowercase().as_str() {
            "all" => None,
            "admin" | "privilegedadmin" => Some(true),
            "user" => Some(false),
            _ => {
                return Err(format!(
                    "includedUserRoles is {roles:?}, and goes by all, privilegedAdmin, admin or user"
                ));
            }
        };
        Ok(Self { types, admins })
    }

    /// Whether a user is counted.
    pub fn counts(self, user: &User) -> bool {
        self.types.is_none_or(|types| types == user.user_type)
            && self.admins.is_none_or(|admins| admins == user.is_admin)
    }
}

/// How many have what, Graph `userRegistrationMethodSummary` and `userRegistrationFeatureSummary`.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    users: usize,
    by_method: [usize; ReportedMethod::ALL.len()],
    passwordless: usize,
    mfa: usize,
}

impl Summary {
    /// Counts a user.
    pub fn count(&mut self, registration: Registration) {
        self.users += 1;
        for method in registration.registered.iter() {
            self.by_method[method as usize] += 1;
        }
        self.passwordless += usize::from(registration.is_passwordless_capable());
        self.mfa += usize::from(registration.is_mfa_capable());
    }

    /// How many users were counted.
    pub const fn users(&self) -> usize {
        self.users
    }

    /// How many are `isMfaCapable`.
    pub const fn mfa_capable(&self) -> usize {
        self.mfa
    }

    /// How many are `isPasswordlessCapable`.
    pub const fn passwordless_capable(&self) -> usize {
        self.passwordless
    }

    /// How many have a method.
    pub const fn with(&self, method: ReportedMethod) -> usize {
        self.by_method[method as usize]
    }

    /// By method.
    pub fn methods_to_graph(&self, types: &str, roles: &str) -> Value {
        let counts: Vec<Value> = ReportedMethod::ALL
            .into_iter()
            .map(|method| json!({ "authenticationMethod": method.as_str(), "userCount": self.with(method) }))
            .collect();
        json!({
            "@odata.type": "#microsoft.graph.userRegistrationMethodSummary",
            "userTypes": types,
            "userRoles": roles,
            "totalUserCount": self.users,
            "userRegistrationMethodCounts": counts,
        })
    }

    /// By feature. There is no self-service password reset here.
    pub fn features_to_graph(&self, types: &str, roles: &str) -> Value {
        let features = [
            ("ssprRegistered", 0),
            ("ssprEnabled", 0),
            ("ssprCapable", 0),
            ("passwordlessCapable", self.passwordless),
            ("mfaCapable", self.mfa),
        ];
        let counts: Vec<Value> = features
            .into_iter()
            .map(|(feature, count)| json!({ "feature": feature, "userCount": count }))
            .collect();
        json!({
            "@odata.type": "#microsoft.graph.userRegistrationFeatureSummary",
            "userTypes": types,
            "userRoles": roles,
            "totalUserCount": self.users,
            "userRegistrationFeatureCounts": counts,
        })
    }
}
