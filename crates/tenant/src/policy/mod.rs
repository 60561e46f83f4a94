//! Who may use which passkey, and why not: the passkey policy and its profiles, the Microsoft Authenticator policy,
//! and the names of models.
//!
//! Documents and words are Graph's. Where a rule is known from documentation or measurement it is kept, in both
//! [`Behaviour`]s; codes that begin with `sim_` are this tenant's own.
mod authenticator;
mod decide;
pub(crate) mod document;
mod fido2;
mod models;
mod patch;
mod target;
#[cfg(test)]
mod tests;

pub use authenticator::{AuthenticationMode, AuthenticatorPolicy, AuthenticatorTarget};
pub use fido2::{
    AttestationEnforcement, DEFAULT_PROFILE, EnforcementType, Fido2Policy, IncludeTarget,
    InvalidPasskeyTypes, KeyRestrictions, LARGEST, MOST_PROFILES, PasskeyProfile, PasskeyTypes,
};
pub use models::{
    AUTHENTICATOR_ANDROID, AUTHENTICATOR_IOS, UnreadableNames, WINDOWS_HELLO, built_in, built_in_names,
    friendly, is_authenticator, is_windows_hello, names_from_community_list, names_from_mds,
};
pub use target::{ExcludeTarget, State, TargetType};

use crate::passkey::PasskeyFacts;
use crate::refusal::{Clause, Refusal, RefusalKind};
use crate::settings::Behaviour;
use crate::user::Subject;
use serde::Serialize;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// To register a passkey, or to have one registered.
    Registration,
    /// To sign in with one.
    SignIn,
}

/// A question to the passkey policy.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What for.
    pub purpose: Purpose,
    /// Whose behaviour is imitated.
    pub behaviour: Behaviour,
    /// Who.
    pub subject: Subject<'a>,
    /// With which passkey. `None` as long as it is not known: may this user do it with any at all?
    pub passkey: Option<&'a PasskeyFacts>,
}

/// An answer, with everything that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether it may be.
    pub allowed: bool,
    /// What was looked at, in order. The last one agrees with the answer; a clause before it that fails belongs to
    /// a profile that another one made up for.
    pub clauses: Vec<Clause>,
    /// Why not. Of several profiles, the reason of the one that lacks least.
    pub refused: Option<PolicyRefusal>,
    /// What is to be known of an answer although it is one, such as that it stands on an AAGUID nobody proved.
    pub warnings: Vec<String>,
}

impl Decision {
    /// The refusal, if it is one. At sign-in it has Entra's number 135016.
    pub fn refusal(self, purpose: Purpose) -> Option<Refusal> {
        /// "FIDO sign-in is disabled via policy".
        const DISABLED_VIA_POLICY: u32 = 135_016;
        let refused = self.refused?;
        let mut refusal = Refusal::new(RefusalKind::Policy, refused.code(), refused.message());
        if purpose == Purpose::SignIn {
            refusal = refusal.numbered(DISABLED_VIA_POLICY);
        }
        Some(refusal.hint(refused.hint()).because(self.clauses))
    }
}

/// Why the policy says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyRefusal {
    /// `state` is `disabled`.
    MethodDisabled,
    /// No include target means the user.
    NotTargeted,
    /// An exclude target means the user.
    Excluded,
    /// Guests register no passkeys.
    Guest,
    /// Self-service set-up is off.
    SelfServiceOff,
    /// The AAGUID is not among those allowed, or among those blocked.
    KeyRestriction,
    /// Attestation is enforced, and there is none that leads to a trusted certificate.
    AttestationRequired,
    /// Device-bound or synced, and that is not let through.
    PasskeyType,
    /// The attestation statement format is not taken, here or for that AAGUID.
    FormatNotAccepted,
    /// Windows Hello, which the preview of 2024 did not take.
    WindowsHello,
    /// Attestation is enforced, and what is registered from another device cannot be attested.
    CrossDeviceNotAttestable,
}

impl PolicyRefusal {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::MethodDisabled,
        Self::NotTargeted,
        Self::Excluded,
        Self::Guest,
        Self::SelfServiceOff,
        Self::KeyRestriction,
        Self::AttestationRequired,
        Self::PasskeyType,
        Self::FormatNotAccepted,
        Self::WindowsHello,
        Self::CrossDeviceNotAttestable,
    ];

    /// The word for programs, `subCode` in Graph's error. One is known of Entra; the others are this tenant's own.
    pub const fn code(self) -> &'static str {
        match self {
            // Measured for a user who is not targeted.
            Self::NotTargeted | Self::Excluded => "error_user_group_restriction_policy_failure",
            Self::MethodDisabled => "sim_method_disabled",
            Self::Guest => "sim_guest",
            Self::SelfServiceOff => "sim_self_service_off",
            Self::KeyRestriction => "sim_key_restriction",
            Self::AttestationRequired => "sim_attestation_required",
            Self::PasskeyType => "sim_passkey_type",
            Self::FormatNotAccepted => "sim_format_not_accepted",
            Self::WindowsHello => "sim_windows_hello",
            Self::CrossDeviceNotAttestable => "sim_cross_device_not_attestable",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            // The sentence is Entra's.
            Self::NotTargeted | Self::Excluded => "User or group restriction policy failed",
            Self::MethodDisabled => "the passkey method is disabled in this tenant",
            Self::Guest => "guests cannot register passkeys",
            Self::SelfServiceOff => "self-service set-up of passkeys is off in this tenant",
            Self::KeyRestriction => "the policy does not let this model of passkey through",
            Self::AttestationRequired => "attestation is enforced, and this passkey does not prove its model",
            Self::PasskeyType => "the policy does not let this type of passkey through",
            Self::FormatNotAccepted => "this attestation statement format is not accepted",
            Self::WindowsHello => "Windows Hello cannot hold a passkey of this tenant",
            Self::CrossDeviceNotAttestable => {
                "attestation is enforced, and a registration from another device cannot be attested"
            }
        }
    }

    /// What an administrator, or the user, can do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::MethodDisabled => "set state to enabled in the passkey policy",
            Self::NotTargeted => "add the user or a group of the user to includeTargets",
            Self::Excluded => {
                "take the user out of the groups in excludeTargets: an exclusion wins over everything"
            }
            Self::Guest => "guests use passkeys of their home tenant",
            Self::SelfServiceOff => {
                "set isSelfServiceRegistrationAllowed to true: provisioning over Graph needs it too"
            }
            Self::KeyRestriction => "compare the AAGUID with keyRestrictions.aaGuids",
            Self::AttestationRequired => {
                "use an authenticator with a packed attestation that leads to a trust anchor, or do not enforce \
                 attestation"
            }
            Self::PasskeyType => "add the type to passkeyTypes of a profile that targets the user",
            Self::FormatNotAccepted => "ask for an attestation, or use another route",
            Self::WindowsHello => "start the tenant with --behaviour current",
            Self::CrossDeviceNotAttestable => "register in the Authenticator app itself",
        }
    }
}
