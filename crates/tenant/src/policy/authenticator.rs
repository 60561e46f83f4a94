//! What users may do with the Microsoft Authenticator app beside passkeys: Graph
//! `microsoftAuthenticatorAuthenticationMethodConfiguration`.
use super::document::{Members, bad, check_id, require_type};
use super::fido2::LARGEST;
use super::target::{ExcludeTarget, State, exclusion_of, read_exclusions, read_targets};
use crate::refusal::Refusal;
use crate::user::Subject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `@odata.type`.
pub(super) const TYPE: &str = "#microsoft.graph.microsoftAuthenticatorAuthenticationMethodConfiguration";
/// `id`.
pub(super) const ID: &str = "MicrosoftAuthenticator";

/// `authenticationMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthenticationMode {
    /// Push notifications and phone sign-in.
    #[default]
    Any,
    /// Push notifications alone, beside a password.
    Push,
    /// Phone sign-in alone, without a password: the portal's "Passwordless".
    DeviceBasedPush,
}

impl AuthenticationMode {
    /// Whether push notifications are part of it.
    pub const fn push(self) -> bool {
        matches!(self, Self::Any | Self::Push)
    }

    /// Whether phone sign-in is part of it.
    pub const fn phone_sign_in(self) -> bool {
        matches!(self, Self::Any | Self::DeviceBasedPush)
    }
}

/// `microsoftAuthenticatorAuthenticationMethodTarget`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorTarget {
    /// Who.
    #[serde(flatten)]
    pub target: ExcludeTarget,
    /// Kept, and without effect here.
    #[serde(default)]
    pub is_registration_required: bool,
    /// What they may do.
    #[serde(default)]
    pub authentication_mode: AuthenticationMode,
}

/// The policy of the app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthenticatorPolicy {
    /// Whether anybody may use the app.
    pub state: State,
    /// Whether the app's one-time codes may be used.
    pub is_software_oath_enabled: bool,
    /// What notifications show, as it was given: nothing here reads it.
    pub feature_settings: Map<String, Value>,
    /// Who may use it.
    pub include_targets: Vec<AuthenticatorTarget>,
    /// Who may not, whatever else is said.
    pub exclude_targets: Vec<ExcludeTarget>,
}

impl Default for AuthenticatorPolicy {
    /// What Microsoft's documentation shows of a tenant that nobody has changed: switched off, everybody, any mode.
    /// That one-time codes are allowed is a guess.
    fn default() -> Self {
        Self {
            state: State::Disabled,
            is_software_oath_enabled: true,
            feature_settings: Map::new(),
            include_targets: vec![AuthenticatorTarget {
                target: ExcludeTarget::everybody(),
                is_registration_required: false,
                authentication_mode: AuthenticationMode::Any,
            }],
            exclude_targets: Vec::new(),
        }
    }
}

const NAMES: [&str; 6] =
    ["id", "state", "isSoftwareOathEnabled", "featureSettings", "includeTargets", "excludeTargets"];
/// The last three are of the beta of 2022, before `featureSettings`: taken, and not kept.
const TARGET_NAMES: [&str; 8] = [
    "targetType",
    "id",
    "displayName",
    "isRegistrationRequired",
    "authenticationMode",
    "outlookMobileAllowedState",
    "displayAppInformationRequiredState",
    "numberMatchingRequiredState",
];

impl AuthenticatorPolicy {
    /// The policy after PATCH with that body. A member of `featureSettings` replaces the one of that name.
    ///
    /// # Errors
    /// [`RefusalKind::BadRequest`](crate::refusal::RefusalKind::BadRequest) with the place and the reason.
    pub fn patched(&self, body: &Value) -> Result<Self, Refusal> {
        require_type(body, TYPE)?;
        let members = Members::read(body, "", &NAMES)?;
        check_id(&members, ID)?;
        let mut policy = self.clone();
        if let Some(state) = members.get("state") {
            policy.state = state.choice(&State::WORDS)?;
        }
        if let Some(enabled) = members.get("isSoftwareOathEnabled") {
            policy.is_software_oath_enabled = enabled.boolean()?;
        }
        if let Some(settings) = members.get("featureSettings") {
            let Value::Object(settings) = settings.value else {
                return Err(bad(&settings.at, "expected an object"));
            };
            let settings = settings.iter().filter(|(name, _)| !name.contains("@odata."));
            policy.feature_settings.extend(settings.map(|(name, value)| (name.clone(), value.clone())));
        }
        if let Some(targets) = members.get("excludeTargets") {
            policy.exclude_targets = read_exclusions(&targets)?;
        }
        if let Some(targets) = members.get("includeTargets") {
            policy.include_targets = read_targets(
                &targets,
                &TARGET_NAMES,
                |target: &AuthenticatorTarget| &target.target.id,
                read_target,
            )?;
        }
        let size = policy.to_graph().to_string().len();
        match size.saturating_sub(LARGEST) {
            0 => Ok(policy),
            too_large => {
                Err(bad("", format_args!("Policy size is larger than allowed by {too_large} bytes")))
            }
        }
    }

    /// The document that GET answers, without `@odata.context`.
    pub fn to_graph(&self) -> Value {
        let mut document = Map::new();
        document.insert("@odata.type".into(), TYPE.into());
        document.insert("id".into(), ID.into());
        if let Ok(Value::Object(own)) = serde_json::to_value(self) {
            document.extend(own);
        }
        Value::Object(document)
    }

    /// What that one may do with the app; nothing if it is off, or somebody else's. Of several targets that mean
    /// somebody, each adds (a guess).
    pub fn mode_for(&self, subject: Subject<'_>) -> Option<AuthenticationMode> {
        if self.state == State::Disabled || exclusion_of(&self.exclude_targets, &subject).is_some() {
            return None;
        }
        let targets = self.include_targets.iter().filter(|target| subject.is_in(&target.target.id));
        targets
            .map(|target| target.authentication_mode)
            .reduce(|a, b| if a == b { a } else { AuthenticationMode::Any })
    }
}

fn read_target(members: &Members<'_>) -> Result<AuthenticatorTarget, Refusal> {
    let modes = [
        ("any", AuthenticationMode::Any),
        ("push", AuthenticationMode::Push),
        ("deviceBasedPush", AuthenticationMode::DeviceBasedPush),
    ];
    let required = members.get("isRegistrationRequired").map(|member| member.boolean()).transpose()?;
    let mode = members.get("authenticationMode").map(|member| member.choice(&modes)).transpose()?;
    Ok(AuthenticatorTarget {
        target: ExcludeTarget::read(members)?,
        is_registration_required: required.unwrap_or_default(),
        authentication_mode: mode.unwrap_or_default(),
    })
}
