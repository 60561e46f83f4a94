//! What administrators see of Graph's documents.
use crate::tenant::pages::api::documents;
use crate::tenant::pages::look::{flag, items, word, words};
use crate::tenant::pages::shell::text;
use crate::tenant::pages::words::{MODES, say};
use serde_json::Value;
use tenant::policy as models;
use tenant::{Settings, Tenant, Time};

/// Something to choose.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) ticked: bool,
}

impl Choice {
    pub(super) fn new(id: &str, name: &str) -> Self {
        Self { id: text(id), name: text(name), ticked: false }
    }

    pub(super) fn ticked(self, ticked: bool) -> Self {
        Self { ticked, ..self }
    }
}

/// Whom a policy is about.
pub(super) struct Targets {
    pub(super) include: Vec<Choice>,
    pub(super) exclude: Vec<Choice>,
}

impl Targets {
    /// Of a policy with `includeTargets` and `excludeTargets`. Targets that are no groups of this tenant stay, by their ID.
    pub(super) fn new(policy: &Value, groups: &[Choice]) -> Self {
        let everybody = Choice::new(tenant::ALL_USERS, "All users");
        let included = ids(policy, "includeTargets");
        let excluded = ids(policy, "excludeTargets");
        let include = std::iter::once(everybody).chain(groups.iter().cloned()).collect();
        Self { include: chosen(include, &included), exclude: chosen(groups.to_vec(), &excluded) }
    }
}

fn ids(policy: &Value, name: &str) -> Vec<String> {
    items(policy, name).iter().map(|target| word(target, "id")).collect()
}

/// Ticks those, and adds what is not there.
fn chosen(mut choices: Vec<Choice>, ids: &[String]) -> Vec<Choice> {
    for id in ids {
        match choices.iter_mut().find(|choice| choice.id.eq_ignore_ascii_case(id)) {
            Some(choice) => choice.ticked = true,
            None => choices.push(Choice::new(id, id).ticked(true)),
        }
    }
    choices
}

/// The models that a page offers by name.
pub(super) struct Models(Vec<Choice>);

/// Key restrictions.
pub(super) struct Keys {
    pub(super) restricted: bool,
    pub(super) block: bool,
    pub(super) models: Vec<Choice>,
    /// Other AAGUIDs, one a line.
    pub(super) others: String,
}

impl Models {
    /// Those that have a name: built in, then those of passkeys that are registered.
    pub(super) fn new(tenant: &Tenant) -> Self {
        let mut all: Vec<Choice> =
            models::built_in_names().map(|(aaguid, name)| Choice::new(&aaguid.to_string(), name)).collect();
        let mut seen: Vec<_> = tenant.all_passkeys().map(|passkey| passkey.aaguid).collect();
        seen.sort_unstable();
        seen.dedup();
        for aaguid in seen.into_iter().take(100) {
            let id = aaguid.to_string();
            if let Some(name) = models::friendly(aaguid, tenant.settings())
                && !all.iter().any(|choice| choice.id == id)
            {
                all.push(Choice::new(&id, &name));
            }
        }
        Self(all)
    }

    /// Of `keyRestrictions`.
    pub(super) fn keys(&self, restrictions: &Value) -> Keys {
        let listed = words(restrictions, "aaGuids");
        let is_listed = |id: &str| listed.iter().any(|one| one.eq_ignore_ascii_case(id));
        let known = |id: &str| self.0.iter().any(|choice| choice.id.eq_ignore_ascii_case(id));
        let others: Vec<&str> = listed.iter().map(String::as_str).filter(|id| !known(id)).collect();
        Keys {
            restricted: flag(restrictions, "isEnforced"),
            block: word(restrictions, "enforcementType") == "block",
            others: others.join("\n"),
            models: self.0.iter().map(|one| one.clone().ticked(is_listed(&one.id))).collect(),
        }
    }

    /// The two of Microsoft Authenticator.
    pub(super) fn authenticator(&self) -> [String; 2] {
        [models::AUTHENTICATOR_IOS, models::AUTHENTICATOR_ANDROID].map(|aaguid| aaguid.to_string())
    }
}

/// A passkey profile.
pub(super) struct Profile {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_new: bool,
    pub(super) is_default: bool,
    pub(super) device_bound: bool,
    pub(super) synced: bool,
    pub(super) attestation: bool,
    pub(super) keys: Keys,
    pub(super) targets: Targets,
}

impl Profile {
    pub(super) fn new(
        profile: &Value,
        default: &str,
        policy: &Value,
        models: &Models,
        groups: &[Choice],
    ) -> Self {
        let id = word(profile, "id");
        let types = word(profile, "passkeyTypes");
        let mut targets = Targets::new(&Value::Null, groups);
        let ours: Vec<String> = items(policy, "includeTargets")
            .iter()
            .filter(|target| words(target, "allowedPasskeyProfiles").contains(&id))
            .map(|target| word(target, "id"))
            .collect();
        targets.include = chosen(targets.include, &ours);
        Self {
            is_new: false,
            is_default: id == default,
            name: word(profile, "name"),
            device_bound: types.contains("deviceBound"),
            synced: types.contains("synced"),
            attestation: word(profile, "attestationEnforcement") == "registrationOnly",
            keys: models.keys(&profile["keyRestrictions"]),
            targets,
            id,
        }
    }

    /// One that is not there yet. Its ID is made here, so that targets can name it in the same request.
    pub(super) fn blank(models: &Models, groups: &[Choice]) -> Self {
        let mut id = rand::random::<[u8; 16]>();
        // RFC 9562 §5.4: version 4.
        id[6] = id[6] & 0x0F | 0x40;
        id[8] = id[8] & 0x3F | 0x80;
        Self {
            id: tenant::Guid(id).to_string(),
            name: String::new(),
            is_new: true,
            is_default: false,
            device_bound: true,
            synced: false,
            attestation: false,
            keys: models.keys(&Value::Null),
            targets: Targets::new(&Value::Null, groups),
        }
    }
}

/// A user in the table.
pub(super) struct UserRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) principal: String,
    pub(super) guest: bool,
    pub(super) admin: bool,
    pub(super) groups: String,
    pub(super) methods: String,
}

impl UserRow {
    pub(super) fn new(document: &Value, tenant: &Tenant, now: Time) -> Self {
        let id = word(document, "id");
        let user = tenant.user(&id).ok();
        let groups: Vec<&str> = tenant
            .groups()
            .filter(|group| user.is_some_and(|user| group.members.contains(&user.id)))
            .map(|group| group.display_name.as_str())
            .collect();
        let methods = user.map(|user| documents(tenant, now, user)).unwrap_or_default();
        let count = |kind: &str, one: &str, many: &str| {
            let kind = format!("#microsoft.graph.{kind}");
            match methods.iter().filter(|method| word(method, "@odata.type") == kind).count() {
                0 => None,
                1 => Some(one.to_owned()),
                several => Some(format!("{several} {many}")),
            }
        };
        let counts = [
            count("fido2AuthenticationMethod", "1 passkey", "passkeys"),
            count("microsoftAuthenticatorAuthenticationMethod", "Authenticator", "Authenticators"),
            count("temporaryAccessPassAuthenticationMethod", "pass", "passes"),
        ];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        Self {
            name: word(document, "displayName"),
            principal: word(document, "userPrincipalName"),
            guest: word(document, "userType") == "Guest",
            admin: flag(document, "simIsAdmin"),
            groups: text(&groups.join(", ")),
            methods: if counts.is_empty() { "none".into() } else { counts.join(", ") },
            id,
        }
    }
}

/// An authentication strength.
pub(super) struct StrengthRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) custom: bool,
    pub(super) combinations: String,
    /// The AAGUIDs that it allows, by name.
    pub(super) models: Vec<Choice>,
}

impl StrengthRow {
    pub(super) fn new(strength: &Value, tenant: &Tenant) -> Self {
        let combination = |modes: &String| {
            let names: Vec<String> = modes.split(',').map(|mode| say(&SHORT, mode.trim())).collect();
            names.join(" + ")
        };
        let combinations: Vec<String> =
            words(strength, "allowedCombinations").iter().map(combination).collect();
        let models = items(strength, "combinationConfigurations")
            .iter()
            .flat_map(|configuration| words(configuration, "allowedAAGUIDs"))
            .map(|aaguid| Choice::new(&aaguid, &model(&aaguid, tenant.settings())))
            .collect();
        Self {
            id: word(strength, "id"),
            name: word(strength, "displayName"),
            description: word(strength, "description"),
            custom: word(strength, "policyType") == "custom",
            combinations: combinations.join(" · "),
            models,
        }
    }
}

fn model(aaguid: &str, settings: &Settings) -> String {
    let found = aaguid.parse().ok().and_then(|aaguid| models::friendly(aaguid, settings));
    found.unwrap_or_else(|| "a model that is not known here".into())
}

/// Modes in a few words, for lists of combinations.
const SHORT: [(&str, &str); 15] = [
    ("fido2", "Passkeys (FIDO2)"),
    ("password", "Password"),
    ("temporaryAccessPassOneTime", "Temporary Access Pass (one-time)"),
    ("temporaryAccessPassMultiUse", "Temporary Access Pass (multi-use)"),
    ("microsoftAuthenticatorPush", "Authenticator (push)"),
    ("deviceBasedPush", "Authenticator (phone sign-in)"),
    ("softwareOath", "Software OATH code"),
    ("windowsHelloForBusiness", "Windows Hello for Business"),
    ("hardwareOath", "Hardware OATH code"),
    ("sms", "Text message"),
    ("voice", "Phone call"),
    ("x509CertificateSingleFactor", "Certificate (single-factor)"),
    ("x509CertificateMultiFactor", "Certificate (multifactor)"),
    ("federatedSingleFactor", "Federated (single-factor)"),
    ("federatedMultiFactor", "Federated (multifactor)"),
];

/// What a strength of one's own is offered to be made of.
pub(super) fn combinations() -> Vec<Choice> {
    let singles = MODES
        .iter()
        .map(|(mode, _)| *mode)
        .filter(|mode| *mode != "softwareOath" && *mode != "microsoftAuthenticatorPush");
    let pairs = ["password,microsoftAuthenticatorPush", "password,softwareOath"];
    singles
        .chain(pairs)
        .map(|modes| {
            let names: Vec<String> = modes.split(',').map(|mode| say(&SHORT, mode)).collect();
            Choice::new(modes, &names.join(" + ")).ticked(modes == "fido2")
        })
        .collect()
}

/// The states of a conditional access policy.
pub(super) fn states(now: &str) -> Vec<Choice> {
    [("enabled", "On"), ("disabled", "Off"), ("enabledForReportingButNotEnforced", "Report-only")]
        .map(|(id, name)| Choice::new(id, name).ticked(id == now))
        .into()
}

/// What a conditional access policy is offered to ask for.
pub(super) fn grants(strengths: &[Value]) -> Vec<Choice> {
    let mut grants =
        vec![Choice::new("mfa", "Multifactor authentication"), Choice::new("block", "Block access")];
    let strengths = strengths.iter().map(|strength| {
        let custom = word(strength, "policyType") == "custom";
        Choice::new(&word(strength, "id"), &format!("Strength: {}", word(strength, "displayName")))
            .ticked(custom)
    });
    grants.extend(strengths);
    grants
}

/// A conditional access policy.
pub(super) struct Conditional {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) class: &'static str,
    pub(super) users: String,
    pub(super) target: String,
    pub(super) grant: String,
    pub(super) states: Vec<Choice>,
}

impl Conditional {
    pub(super) fn new(policy: &Value, strengths: &[Value], groups: &[Choice], tenant: &Tenant) -> Self {
        let state = word(policy, "state");
        let conditions = &policy["conditions"];
        let named = |id: &String| -> String {
            let group = groups.iter().find(|group| group.id.eq_ignore_ascii_case(id));
            let user = || tenant.user(id).ok().map(|user| text(&user.user_principal_name));
            let app = || id.parse().ok().and_then(tenant::access::apps::name).map(str::to_owned);
            group.map(|group| group.name.clone()).or_else(user).or_else(app).unwrap_or_else(|| id.clone())
        };
        let listed = |of: &Value, names: &[&str]| -> String {
            let all: Vec<String> =
                names.iter().flat_map(|name| words(of, name)).map(|id| named(&id)).collect();
            all.join(", ")
        };
        let but = |included: String, excluded: String| {
            if excluded.is_empty() { included } else { format!("{included}; not {excluded}") }
        };
        let (users, applications) = (&conditions["users"], &conditions["applications"]);
        let actions = words(applications, "includeUserActions");
        let controls = words(&policy["grantControls"], "builtInControls");
        let asked = word(&policy["grantControls"]["authenticationStrength"], "id");
        let strength = strengths.iter().find(|strength| word(strength, "id") == asked && !asked.is_empty());
        let mut grant: Vec<String> = controls
            .iter()
            .map(
                |control| {
                    if control == "mfa" { "multifactor authentication".into() } else { control.clone() }
                },
            )
            .collect();
        grant.extend(strength.map(|strength| format!("strength {}", word(strength, "displayName"))));
        let states = states(&state);
        Self {
            id: word(policy, "id"),
            name: word(policy, "displayName"),
            class: if state == "enabled" { "good" } else { "" },
            state: states.iter().find(|one| one.ticked).map_or(state, |one| one.name.clone()),
            users: but(
                listed(users, &["includeUsers", "includeGroups"]),
                listed(users, &["excludeUsers", "excludeGroups"]),
            ),
            target: if actions.is_empty() {
                but(
                    listed(applications, &["includeApplications"]),
                    listed(applications, &["excludeApplications"]),
                )
            } else {
                "Register security info".into()
            },
            grant: grant.join(", "),
            states,
        }
    }
}
