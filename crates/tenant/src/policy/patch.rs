//! PATCH of the passkey policy: what is named changes, everything else stays, and a list is replaced whole.
//! Either all of a body is taken or none of it.
use super::document::{Member, Members, bad, check_id, require_type, shown};
use super::fido2::{
    AttestationEnforcement, DEFAULT_PROFILE, EnforcementType, Fido2Policy, ID, IncludeTarget,
    InvalidPasskeyTypes, KeyRestrictions, LARGEST, MOST_PROFILES, PasskeyProfile, TYPE,
};
use super::target::{ExcludeTarget, State, read_exclusions, read_ids, read_targets};
use crate::guid::Guid;
use crate::refusal::Refusal;
use crate::settings::Behaviour;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use wire::aaguid::InvalidAaguid;

const NAMES: [&str; 9] = [
    "id",
    "state",
    "isSelfServiceRegistrationAllowed",
    "isAttestationEnforced",
    "defaultPasskeyProfile",
    "keyRestrictions",
    "includeTargets",
    "excludeTargets",
    "passkeyProfiles",
];
const TARGET_NAMES: [&str; 5] =
    ["targetType", "id", "displayName", "isRegistrationRequired", "allowedPasskeyProfiles"];
const PROFILE_NAMES: [&str; 5] = ["id", "name", "passkeyTypes", "attestationEnforcement", "keyRestrictions"];
const KEY_NAMES: [&str; 3] = ["isEnforced", "enforcementType", "aaGuids"];

impl Fido2Policy {
    /// The policy after PATCH with that body.
    ///
    /// In a tenant without profiles, the first body that names one opts in: the tenant's settings become the
    /// default profile, and all targets of before have it. From then on the settings outside profiles and the default
    /// profile say the same: a change of either changes the other, and where a body has both, the profile decides (a
    /// guess). A profile without an ID is a new one and gets an ID.
    ///
    /// # Errors
    /// [`RefusalKind::BadRequest`](crate::refusal::RefusalKind::BadRequest) with the place and the reason: no or
    /// another `@odata.type`, an unknown property, a wrong type, an unknown word, a bad or repeated ID, a target
    /// without profiles or with one that does not exist, a fourth profile, a profile in use that is missing, a
    /// policy that is too large, or profiles in [`Behaviour::Preview2024`].
    pub fn patched(&self, body: &Value, behaviour: Behaviour) -> Result<Self, Refusal> {
        require_type(body, TYPE)?;
        let members = Members::read(body, "", &NAMES)?;
        check_id(&members, ID)?;
        let mut policy = self.clone();
        if let Some(state) = members.get("state") {
            policy.state = state.choice(&State::WORDS)?;
        }
        if let Some(allowed) = members.get("isSelfServiceRegistrationAllowed") {
            policy.is_self_service_registration_allowed = allowed.boolean()?;
        }
        if let Some(enforced) = members.get("isAttestationEnforced") {
            policy.is_attestation_enforced = enforced.boolean()?;
        }
        if let Some(restrictions) = members.get("keyRestrictions") {
            policy.key_restrictions = key_restrictions(&restrictions, &policy.key_restrictions)?;
        }
        if let Some(targets) = members.get("excludeTargets") {
            policy.exclude_targets = read_exclusions(&targets)?;
        }
        let targets = members.get("includeTargets").map(|list| include_targets(&list)).transpose()?;

        match behaviour {
            Behaviour::Preview2024 => {
                refuse_profiles(&members)?;
                if let Some(mut targets) = targets {
                    // Where profiles were made under the other behaviour, nobody is to be left without.
                    for target in &mut targets {
                        target.allowed_passkey_profiles =
                            policy.default_passkey_profile.into_iter().collect();
                    }
                    policy.include_targets = targets;
                }
            }
            Behaviour::Current => policy.patch_profiles(&members, targets)?,
        }
        policy.mirror(members.get("passkeyProfiles").is_some());
        policy.check_size(behaviour)?;
        Ok(policy)
    }

    fn patch_profiles(
        &mut self,
        members: &Members<'_>,
        targets: Option<Vec<IncludeTarget>>,
    ) -> Result<(), Refusal> {
        let profiles = members.get("passkeyProfiles").map(|list| profiles(&list)).transpose()?;
        let default = members.get("defaultPasskeyProfile");
        let default_id = match &default {
            Some(default) if !default.is_null() => Some(default.guid()?),
            _ => None,
        };
        let named = profiles.as_ref().is_some_and(|profiles| !profiles.is_empty())
            || default_id.is_some()
            || targets.iter().flatten().any(|target| !target.allowed_passkey_profiles.is_empty());
        let opts_in = named && !self.has_profiles();
        if opts_in {
            self.opt_in();
        }
        match targets {
            Some(targets) => self.include_targets = targets,
            None if opts_in => {
                let default = default_id.unwrap_or(DEFAULT_PROFILE);
                for target in &mut self.include_targets {
                    target.allowed_passkey_profiles = vec![default];
                }
            }
            None => {}
        }
        if !self.has_profiles() {
            return Ok(());
        }
        if default.is_some_and(|default| default.is_null()) {
            const MESSAGE: &str = "a tenant that has opted in to passkey profiles cannot opt out";
            return Err(bad("defaultPasskeyProfile", MESSAGE));
        }
        let before: Vec<Guid> = self.passkey_profiles.iter().map(|profile| profile.id).collect();
        if let Some(id) = default_id {
            self.default_passkey_profile = Some(id);
        }
        if let Some(mut profiles) = profiles {
            let kept = |profile: &PasskeyProfile| profile.id == DEFAULT_PROFILE;
            let is_new = opts_in && default_id.is_none_or(|id| id == DEFAULT_PROFILE);
            if is_new && !profiles.iter().any(kept) {
                profiles.splice(0..0, self.passkey_profiles.drain(..));
            }
            self.passkey_profiles = profiles;
        }
        self.check_profiles(&before)
    }

    /// What holds between profiles and targets.
    fn check_profiles(&self, before: &[Guid]) -> Result<(), Refusal> {
        let default = self.default_passkey_profile.unwrap_or(DEFAULT_PROFILE);
        if self.profile(default).is_none() {
            return Err(match before.contains(&default) {
                true if self.passkey_profiles.is_empty() => {
                    bad("passkeyProfiles", "a tenant that has opted in to passkey profiles cannot opt out")
                }
                true => {
                    let what =
                        format!("the default passkey profile {default} is missing: it cannot be deleted");
                    bad("passkeyProfiles", what).hint("the list is replaced whole: repeat what is to stay")
                }
                false => bad("defaultPasskeyProfile", format_args!("there is no profile {default}")),
            });
        }
        if self.passkey_profiles.len() > MOST_PROFILES {
            return Err(too_many(self.passkey_profiles.len()));
        }
        for (i, target) in self.include_targets.iter().enumerate() {
            if target.allowed_passkey_profiles.is_empty() {
                // The sentence is Entra's.
                return Err(bad("", "Include conditions are missing passkey profile targets").hint(format!(
                    "name at least one profile in includeTargets[{i}].allowedPasskeyProfiles, such as {default}"
                )));
            }
            for id in &target.allowed_passkey_profiles {
                if self.profile(*id).is_some() {
                    continue;
                }
                let at = format!("includeTargets[{i}].allowedPasskeyProfiles");
                if before.contains(id) {
                    let what = format!(
                        "the profile {id} cannot be deleted while it is in use by the target {}",
                        target.target.id
                    );
                    return Err(bad("passkeyProfiles", what)
                        .hint(format!("take it out of {at} first, or in the same body")));
                }
                return Err(bad(&at, format_args!("there is no profile {id}")));
            }
        }
        Ok(())
    }

    /// The default profile and the settings outside profiles say the same; where a body has profiles, they decide.
    fn mirror(&mut self, profiles_decide: bool) {
        let default = self.default_passkey_profile;
        let profile = self.passkey_profiles.iter_mut().find(|profile| Some(profile.id) == default);
        let Some(profile) = profile else { return };
        if profiles_decide {
            self.is_attestation_enforced =
                profile.attestation_enforcement == AttestationEnforcement::RegistrationOnly;
            self.key_restrictions = profile.key_restrictions.clone();
        } else {
            profile.enforce(self.is_attestation_enforced);
            profile.key_restrictions = self.key_restrictions.clone();
        }
    }

    fn check_size(&self, behaviour: Behaviour) -> Result<(), Refusal> {
        let too_large = self.size(behaviour).saturating_sub(LARGEST);
        if too_large == 0 {
            return Ok(());
        }
        // The sentence is Entra's.
        let sentence = format!("Policy size is larger than allowed by {too_large} bytes");
        Err(bad("", sentence).hint("a policy has room for 20 KB; an AAGUID takes 39 bytes of it"))
    }

    /// How large it is, in bytes of compact JSON.
    pub fn size(&self, behaviour: Behaviour) -> usize {
        self.to_graph(behaviour).to_string().len()
    }
}

/// `fido2KeyRestrictions`, over what there was.
fn key_restrictions(member: &Member<'_>, before: &KeyRestrictions) -> Result<KeyRestrictions, Refusal> {
    let members = member.members(&KEY_NAMES)?;
    let mut restrictions = before.clone();
    if let Some(enforced) = members.get("isEnforced") {
        restrictions.is_enforced = enforced.boolean()?;
    }
    if let Some(kind) = members.get("enforcementType") {
        restrictions.enforcement_type =
            kind.choice(&[("allow", EnforcementType::Allow), ("block", EnforcementType::Block)])?;
    }
    if let Some(list) = members.get("aaGuids") {
        let aaguid = |item: Member<'_>| {
            let read = item.text()?.parse();
            read.map_err(|error: InvalidAaguid| {
                bad(&item.at, format_args!("{error}, not {}", shown(item.value)))
            })
        };
        restrictions.aa_guids = list.list()?.map(aaguid).collect::<Result<_, _>>()?;
    }
    Ok(restrictions)
}

fn include_targets(list: &Member<'_>) -> Result<Vec<IncludeTarget>, Refusal> {
    read_targets(
        list,
        &TARGET_NAMES,
        |target: &IncludeTarget| &target.target.id,
        |members| {
            let required =
                members.get("isRegistrationRequired").map(|member| member.boolean()).transpose()?;
            let allowed = members.get("allowedPasskeyProfiles").map(|list| read_ids(&list)).transpose()?;
            Ok(IncludeTarget {
                target: ExcludeTarget::read(members)?,
                is_registration_required: required.unwrap_or_default(),
                allowed_passkey_profiles: allowed.unwrap_or_default(),
            })
        },
    )
}

fn profiles(list: &Member<'_>) -> Result<Vec<PasskeyProfile>, Refusal> {
    let items: Vec<_> = list.list()?.collect();
    if items.len() > MOST_PROFILES {
        return Err(too_many(items.len()));
    }
    let mut profiles: Vec<PasskeyProfile> = Vec::new();
    for item in items {
        let members = item.members(&PROFILE_NAMES)?;
        let id = members.get("id").filter(|id| !id.is_null()).map(|id| id.guid()).transpose()?;
        let profile = profile(&members, id)?;
        if profiles.iter().any(|earlier| earlier.id == profile.id) {
            return Err(bad(
                &item.at,
                match id {
                    Some(id) => format!("the profile {id} is there already"),
                    None => {
                        format!("there is a profile named {:?} already, and this one has no id", profile.name)
                    }
                },
            ));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

fn too_many(profiles: usize) -> Refusal {
    let what =
        format!("{profiles} profiles are too many: there may be {MOST_PROFILES}, the default one among them");
    bad("passkeyProfiles", what)
}

/// The ID of a new profile: that of its name, so that the same body makes the same policy. RFC 9562 version 8.
fn new_id(name: &str) -> Guid {
    let hash = digest(&SHA256, format!("passkeyProfile/{name}").as_bytes());
    let mut id: [u8; 16] = hash.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes");
    id[6] = id[6] & 0x0F | 0x80;
    id[8] = id[8] & 0x3F | 0x80;
    Guid(id)
}

fn profile(members: &Members<'_>, id: Option<Guid>) -> Result<PasskeyProfile, Refusal> {
    let name = members.require("name")?;
    let text = name.text()?;
    if text.trim().is_empty() {
        return Err(bad(&name.at, "a profile needs a name"));
    }
    let words = [
        ("disabled", AttestationEnforcement::Disabled),
        ("registrationOnly", AttestationEnforcement::RegistrationOnly),
    ];
    let enforcement =
        members.get("attestationEnforcement").map(|member| member.choice(&words)).transpose()?;
    let types = members.require("passkeyTypes")?;
    let passkey_types = types.text()?.parse().map_err(|error: InvalidPasskeyTypes| {
        bad(&types.at, format_args!("{error}, not {}", shown(types.value)))
    })?;
    let none = KeyRestrictions::default();
    let restrictions = members.get("keyRestrictions").map(|member| key_restrictions(&member, &none));
    let mut profile = PasskeyProfile {
        id: id.unwrap_or_else(|| new_id(text)),
        name: text.to_owned(),
        passkey_types,
        attestation_enforcement: enforcement.unwrap_or_default(),
        key_restrictions: restrictions.transpose()?.unwrap_or(none),
    };
    if profile.attestation_enforcement == AttestationEnforcement::RegistrationOnly {
        if !passkey_types.device_bound {
            const WHAT: &str =
                "synced passkeys cannot be attested, and attestationEnforcement is registrationOnly";
            return Err(
                bad(&types.at, WHAT).hint("set attestationEnforcement to disabled, or add deviceBound")
            );
        }
        profile.enforce(true);
    }
    Ok(profile)
}

/// In the preview of 2024 there were no profiles.
fn refuse_profiles(members: &Members<'_>) -> Result<(), Refusal> {
    let refuse = |at: &str| {
        Err(bad(at, "there are no passkey profiles in this tenant, which behaves as in the preview of 2024")
            .hint("start the tenant with --behaviour current to have them"))
    };
    for name in ["passkeyProfiles", "defaultPasskeyProfile"] {
        if let Some(member) = members.get(name) {
            return refuse(&member.at);
        }
    }
    let Some(targets) = members.get("includeTargets") else { return Ok(()) };
    for target in targets.list()? {
        if let Some(member) = target.members(&TARGET_NAMES)?.get("allowedPasskeyProfiles") {
            return refuse(&member.at);
        }
    }
    Ok(())
}
