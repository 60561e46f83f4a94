//! The passkey policy, Graph `fido2AuthenticationMethodConfiguration`.
use super::target::{ExcludeTarget, State};
use crate::guid::Guid;
use crate::passkey::PasskeyType;
use crate::settings::Behaviour;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wire::aaguid::Aaguid;

/// `@odata.type`.
pub(super) const TYPE: &str = "#microsoft.graph.fido2AuthenticationMethodConfiguration";
/// `id`.
pub(super) const ID: &str = "Fido2";
/// The ID of the profile that is made of a tenant's settings when it opts in to profiles.
pub const DEFAULT_PROFILE: Guid = Guid::small(1);
/// How many profiles there may be, the default one among them: documented in 2026.
pub const MOST_PROFILES: usize = 3;
/// How large a policy may be, in bytes: documented as 20 KB. It is measured in compact JSON; how Entra measures is
/// not known.
pub const LARGEST: usize = 20 * 1024;

/// `enforcementType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnforcementType {
    /// The listed models, and no others.
    Allow,
    /// All models but the listed.
    Block,
}

/// `fido2KeyRestrictions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyRestrictions {
    /// Whether the list is looked at.
    pub is_enforced: bool,
    /// What the list says.
    pub enforcement_type: EnforcementType,
    /// The models, as they were given: Entra too keeps one that is there twice.
    #[serde(with = "aaguids")]
    pub aa_guids: Vec<Aaguid>,
}

impl Default for KeyRestrictions {
    fn default() -> Self {
        Self { is_enforced: false, enforcement_type: EnforcementType::Block, aa_guids: Vec::new() }
    }
}

/// Lists of AAGUIDs in JSON, as text.
mod aaguids {
    use crate::guid::Guid;
    use serde::{Deserialize, Deserializer, Serializer};
    use wire::aaguid::Aaguid;

    pub(super) fn serialize<S: Serializer>(list: &[Aaguid], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|aaguid| Guid(aaguid.0)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Aaguid>, D::Error> {
        Ok(Vec::<Guid>::deserialize(deserializer)?.into_iter().map(|id| Aaguid(id.0)).collect())
    }
}

/// `passkeyTypes`, a set; in JSON `deviceBound,synced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PasskeyTypes {
    /// Keys that stay on their device.
    pub device_bound: bool,
    /// Keys that a provider copies from device to device.
    pub synced: bool,
}

/// The text names no type, or one that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected deviceBound, synced or both with a comma between")]
pub struct InvalidPasskeyTypes;

impl PasskeyTypes {
    /// Device-bound alone.
    pub const DEVICE_BOUND: Self = Self { device_bound: true, synced: false };
    /// Both.
    pub const BOTH: Self = Self { device_bound: true, synced: true };

    /// Whether a type is among them.
    pub const fn has(self, passkey_type: PasskeyType) -> bool {
        match passkey_type {
            PasskeyType::DeviceBound => self.device_bound,
            PasskeyType::Synced => self.synced,
        }
    }
}

impl From<PasskeyTypes> for String {
    fn from(types: PasskeyTypes) -> Self {
        let all = [PasskeyType::DeviceBound, PasskeyType::Synced];
        let words: Vec<_> = all.into_iter().filter(|one| types.has(*one)).map(PasskeyType::as_str).collect();
        words.join(",")
    }
}

impl TryFrom<String> for PasskeyTypes {
    type Error = InvalidPasskeyTypes;

    fn try_from(text: String) -> Result<Self, InvalidPasskeyTypes> {
        text.parse()
    }
}

impl std::str::FromStr for PasskeyTypes {
    type Err = InvalidPasskeyTypes;

    fn from_str(text: &str) -> Result<Self, InvalidPasskeyTypes> {
        let mut types = Self { device_bound: false, synced: false };
        for word in text.split(',').map(str::trim) {
            match word {
                _ if word.eq_ignore_ascii_case("deviceBound") => types.device_bound = true,
                _ if word.eq_ignore_ascii_case("synced") => types.synced = true,
                _ => return Err(InvalidPasskeyTypes),
            }
        }
        Ok(types)
    }
}

/// `attestationEnforcement`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationEnforcement {
    /// What a passkey says of itself is taken for granted.
    #[default]
    Disabled,
    /// A passkey has to prove its model when it is registered, and never again.
    RegistrationOnly,
}

/// `passkeyProfile`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyProfile {
    /// The ID.
    pub id: Guid,
    /// For people.
    pub name: String,
    /// Which types of passkeys it lets through.
    pub passkey_types: PasskeyTypes,
    /// Whether a passkey has to prove its model.
    pub attestation_enforcement: AttestationEnforcement,
    /// Which models it lets through.
    pub key_restrictions: KeyRestrictions,
}

/// `passkeyAuthenticationMethodTarget`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncludeTarget {
    /// Who.
    #[serde(flatten)]
    pub target: ExcludeTarget,
    /// Kept, and without effect here.
    #[serde(default)]
    pub is_registration_required: bool,
    /// The profiles that apply. None at all in a tenant that has not opted in to profiles.
    #[serde(default)]
    pub allowed_passkey_profiles: Vec<Guid>,
}

/// The passkey policy of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fido2Policy {
    /// Whether anybody may use passkeys.
    pub state: State,
    /// Whether passkeys may be registered at all, by their users or by administrators over Graph.
    pub is_self_service_registration_allowed: bool,
    /// Without profiles: whether a passkey has to prove its model when it is registered.
    pub is_attestation_enforced: bool,
    /// With profiles, the one that was made of the tenant's settings.
    pub default_passkey_profile: Option<Guid>,
    /// Without profiles: which models may be used.
    pub key_restrictions: KeyRestrictions,
    /// Who may use passkeys.
    pub include_targets: Vec<IncludeTarget>,
    /// Who may not, whatever else is said.
    pub exclude_targets: Vec<ExcludeTarget>,
    /// The profiles, none before a tenant opts in.
    pub passkey_profiles: Vec<PasskeyProfile>,
}

impl Default for Fido2Policy {
    /// What Microsoft's documentation shows of a tenant that nobody has changed.
    fn default() -> Self {
        Self {
            state: State::Disabled,
            is_self_service_registration_allowed: true,
            is_attestation_enforced: true,
            default_passkey_profile: None,
            key_restrictions: KeyRestrictions::default(),
            include_targets: vec![IncludeTarget {
                target: ExcludeTarget::everybody(),
                is_registration_required: false,
                allowed_passkey_profiles: Vec::new(),
            }],
            exclude_targets: Vec::new(),
            passkey_profiles: Vec::new(),
        }
    }
}

impl Fido2Policy {
    /// Whether the tenant has opted in to profiles, which cannot be undone.
    pub fn has_profiles(&self) -> bool {
        self.default_passkey_profile.is_some()
    }

    /// The profile of that ID.
    pub fn profile(&self, id: Guid) -> Option<&PasskeyProfile> {
        self.passkey_profiles.iter().find(|profile| profile.id == id)
    }

    /// DELETE: the default. A tenant that has opted in to profiles stays so, with the default profile alone.
    #[must_use]
    pub fn reset(&self) -> Self {
        let mut policy = Self::default();
        if self.has_profiles() {
            policy.opt_in();
        }
        policy
    }

    /// Makes the default profile of the tenant's settings, for all who are targeted. Which types of passkeys it
    /// then has is a guess: as Microsoft's own example, both, unless attestation is enforced.
    pub(super) fn opt_in(&mut self) {
        let mut profile = PasskeyProfile {
            id: DEFAULT_PROFILE,
            name: "Default passkey profile".into(),
            passkey_types: PasskeyTypes::BOTH,
            attestation_enforcement: AttestationEnforcement::Disabled,
            key_restrictions: self.key_restrictions.clone(),
        };
        profile.enforce(self.is_attestation_enforced);
        self.default_passkey_profile = Some(profile.id);
        self.passkey_profiles = vec![profile];
        for target in &mut self.include_targets {
            target.allowed_passkey_profiles = vec![DEFAULT_PROFILE];
        }
    }

    /// The document that GET answers, without `@odata.context`.
    ///
    /// [`Behaviour::Preview2024`] has no word of profiles in it.
    pub fn to_graph(&self, behaviour: Behaviour) -> Value {
        let mut document = Map::new();
        document.insert("@odata.type".into(), TYPE.into());
        document.insert("id".into(), ID.into());
        let own = serde_json::to_value(self).expect("a policy has text keys and no maps that fail");
        let Value::Object(own) = own else { return Value::Object(document) };
        document.extend(own);
        if behaviour == Behaviour::Preview2024 {
            document.shift_remove("defaultPasskeyProfile");
            document.shift_remove("passkeyProfiles");
            let targets = document.get_mut("includeTargets").and_then(Value::as_array_mut);
            for target in targets.into_iter().flatten().filter_map(Value::as_object_mut) {
                target.shift_remove("allowedPasskeyProfiles");
            }
        }
        Value::Object(document)
    }
}

impl PasskeyProfile {
    /// Enforcing attestation locks the types, as the portal does: nothing that is synced can prove a model. (A tenant
    /// whose policy was published had both types in such a profile.)
    pub(super) fn enforce(&mut self, enforced: bool) {
        if enforced {
            self.attestation_enforcement = AttestationEnforcement::RegistrationOnly;
            self.passkey_types = PasskeyTypes::DEVICE_BOUND;
        } else {
            self.attestation_enforcement = AttestationEnforcement::Disabled;
        }
    }
}
