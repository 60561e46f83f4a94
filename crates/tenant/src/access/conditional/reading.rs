//! Policies as they are sent to Graph. What this tenant does not imitate is refused, rather than kept and not obeyed.
use super::{
    Applications, BuiltInControl, ConditionalAccessPolicy, Conditions, GrantControls, Operator, PolicyState,
    REGISTER_SECURITY_INFO, Users,
};
use crate::access::document::{Document, bad, did_you_mean, quoted};
use crate::guid::Guid;
use crate::refusal::{Refusal, RefusalKind};
use crate::time::Time;
use rand_core::CryptoRng;
use serde_json::Value;
use std::str::FromStr;

/// The length of a name in characters: this tenant's limit.
const LONGEST_NAME: usize = 256;
/// How many entries a list has: this tenant's limit.
const MOST_ENTRIES: usize = 1000;

const PROPERTIES: [&str; 11] = [
    "id",
    "displayName",
    "description",
    "createdDateTime",
    "modifiedDateTime",
    "templateId",
    "partialEnablementStrategy",
    "state",
    "conditions",
    "grantControls",
    "sessionControls",
];

const STATES: [(&str, PolicyState); 3] = [
    ("enabled", PolicyState::Enabled),
    ("disabled", PolicyState::Disabled),
    ("enabledForReportingButNotEnforced", PolicyState::EnabledForReportingButNotEnforced),
];

/// Graph's other controls, which ask for devices and apps that there are none of here.
const OTHER_CONTROLS: [&str; 7] = [
    "compliantDevice",
    "domainJoinedDevice",
    "approvedApplication",
    "compliantApplication",
    "passwordChange",
    "riskRemediation",
    "unknownFutureValue",
];

/// A new policy.
pub(super) fn policy(
    body: &Value,
    now: Time,
    rng: &mut dyn CryptoRng,
) -> Result<ConditionalAccessPolicy, Refusal> {
    let document = Document::new(body, "conditionalAccessPolicy", &PROPERTIES)?;
    for own in ["id", "createdDateTime", "modifiedDateTime"] {
        if document.given(own).is_some() {
            return Err(
                bad(format!("conditionalAccessPolicy.{own} is for the tenant to say")).hint("leave it out")
            );
        }
    }
    for needed in ["displayName", "state", "conditions", "grantControls"] {
        if document.given(needed).is_none() {
            return Err(bad(format!("conditionalAccessPolicy has no {needed}")));
        }
    }
    let empty = ConditionalAccessPolicy {
        id: Guid::random(rng),
        display_name: String::new(),
        state: PolicyState::Disabled,
        conditions: Conditions::default(),
        grant_controls: GrantControls {
            operator: Operator::Or,
            built_in_controls: Vec::new(),
            authentication_strength: None,
        },
        created: now,
        modified: None,
    };
    read(&empty, document)
}

/// A policy after a PATCH.
pub(super) fn patched(
    policy: &ConditionalAccessPolicy,
    body: &Value,
    now: Time,
) -> Result<ConditionalAccessPolicy, Refusal> {
    let document = Document::new(body, "conditionalAccessPolicy", &PROPERTIES)?;
    if let Some(id) = document.text("id", 100)?
        && id.parse() != Ok(policy.id)
    {
        return Err(bad("conditionalAccessPolicy.id does not change").hint("leave it out"));
    }
    let patched = read(policy, document)?;
    Ok(ConditionalAccessPolicy { modified: Some(now), ..patched })
}

fn read(
    before: &ConditionalAccessPolicy,
    document: Document<'_>,
) -> Result<ConditionalAccessPolicy, Refusal> {
    document.odata_type("microsoft.graph.conditionalAccessPolicy", false)?;
    for other in ["templateId", "partialEnablementStrategy", "sessionControls"] {
        document.nothing(other)?;
    }
    // It is in Graph's schema, and no policy shows one: taken and forgotten.
    document.text("description", LONGEST_NAME)?;
    let mut policy = before.clone();
    if let Some(name) = document.text("displayName", LONGEST_NAME)? {
        if name.trim().is_empty() {
            return Err(bad("conditionalAccessPolicy.displayName is empty"));
        }
        policy.display_name = name.into();
    }
    if let Some(word) = document.word("state", &STATES.map(|(word, _)| word))? {
        let found = STATES.iter().find(|(known, _)| *known == word);
        policy.state = found.map_or(policy.state, |(_, state)| *state);
    }
    if let Some(conditions) = document.given("conditions") {
        policy.conditions = read_conditions(&policy.conditions, conditions)?;
    }
    if let Some(controls) = document.given("grantControls") {
        policy.grant_controls = read_controls(&policy.grant_controls, controls)?;
    }
    check(&policy)?;
    Ok(policy)
}

fn read_conditions(before: &Conditions, value: &Value) -> Result<Conditions, Refusal> {
    const NOT_IMITATED: [&str; 12] = [
        "signInRiskLevels",
        "userRiskLevels",
        "servicePrincipalRiskLevels",
        "insiderRiskLevels",
        "agentIdRiskLevels",
        "platforms",
        "locations",
        "devices",
        "deviceStates",
        "times",
        "clientApplications",
        "authenticationFlows",
    ];
    let known: Vec<&str> =
        ["users", "applications", "clientAppTypes"].into_iter().chain(NOT_IMITATED).collect();
    let document = Document::new(value, "conditions", &known)?;
    for other in NOT_IMITATED {
        document.nothing(other)?;
    }
    let mut conditions = before.clone();
    if let Some(types) = document.texts("clientAppTypes", MOST_ENTRIES)? {
        conditions.client_app_types = read_client_app_types(&types)?;
    }
    if let Some(users) = document.given("users") {
        read_users(&mut conditions, users)?;
    }
    if let Some(applications) = document.given("applications") {
        read_applications(&mut conditions, applications)?;
    }
    Ok(conditions)
}

fn read_client_app_types(types: &[&str]) -> Result<Vec<String>, Refusal> {
    const KNOWN: [&str; 6] =
        ["all", "browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other"];
    let mut read = Vec::new();
    for word in types {
        let Some(known) = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(word)) else {
            return Err(bad(format!("conditions.clientAppTypes has {}", quoted(word)))
                .hint(did_you_mean(word, &KNOWN)));
        };
        if !KNOWN[..3].contains(known) {
            let message =
                format!("conditions.clientAppTypes has {known}, a kind of client that there is none of here");
            return Err(
                Refusal::new(RefusalKind::BadRequest, "sim_not_imitated", message).hint("send [\"all\"]")
            );
        }
        read.push((*known).to_owned());
    }
    if read.is_empty() {
        return Err(bad("conditions.clientAppTypes is empty").hint("send [\"all\"]"));
    }
    Ok(read)
}

fn read_users(conditions: &mut Conditions, value: &Value) -> Result<(), Refusal> {
    const NOT_IMITATED: [&str; 4] =
        ["includeRoles", "excludeRoles", "includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers"];
    let known: Vec<&str> = ["includeUsers", "excludeUsers", "includeGroups", "excludeGroups"]
        .into_iter()
        .chain(NOT_IMITATED)
        .collect();
    let document = Document::new(value, "conditions.users", &known)?;
    for other in NOT_IMITATED {
        document.nothing(other)?;
    }
    replace(&mut conditions.include_users, read_list::<Users>(document, "includeUsers")?);
    replace(&mut conditions.exclude_users, read_list::<Users>(document, "excludeUsers")?);
    replace(&mut conditions.include_groups, read_ids(document, "includeGroups")?);
    replace(&mut conditions.exclude_groups, read_ids(document, "excludeGroups")?);
    Ok(())
}

fn read_applications(conditions: &mut Conditions, value: &Value) -> Result<(), Refusal> {
    const NOT_IMITATED: [&str; 5] = [
        "applicationFilter",
        "includeProtectionLevels",
        "includeAuthenticationContextClassReferences",
        "globalSecureAccess",
        "networkAccess",
    ];
    let known: Vec<&str> = ["includeApplications", "excludeApplications", "includeUserActions"]
        .into_iter()
        .chain(NOT_IMITATED)
        .collect();
    let document = Document::new(value, "conditions.applications", &known)?;
    for other in NOT_IMITATED {
        document.nothing(other)?;
    }
    replace(
        &mut conditions.include_applications,
        read_list::<Applications>(document, "includeApplications")?,
    );
    replace(
        &mut conditions.exclude_applications,
        read_list::<Applications>(document, "excludeApplications")?,
    );
    if let Some(actions) = document.texts("includeUserActions", MOST_ENTRIES)? {
        for action in &actions {
            if !action.eq_ignore_ascii_case(REGISTER_SECURITY_INFO) {
                let message = format!("conditions.applications.includeUserActions has {}", quoted(action));
                return Err(Refusal::new(RefusalKind::BadRequest, "sim_not_imitated", message)
                    .hint(format!("there is {REGISTER_SECURITY_INFO}")));
            }
        }
        conditions.registers_security_info = !actions.is_empty();
    }
    Ok(())
}

fn read_controls(before: &GrantControls, value: &Value) -> Result<GrantControls, Refusal> {
    let known = [
        "operator",
        "builtInControls",
        "customAuthenticationFactors",
        "termsOfUse",
        "authenticationStrength",
    ];
    let document = Document::new(value, "grantControls", &known)?;
    for other in ["customAuthenticationFactors", "termsOfUse"] {
        document.nothing(other)?;
    }
    let mut controls = before.clone();
    if let Some(operator) = document.word("operator", &["AND", "OR"])? {
        controls.operator = if operator == "AND" { Operator::And } else { Operator::Or };
    }
    if let Some(words) = document.texts("builtInControls", MOST_ENTRIES)? {
        controls.built_in_controls = Vec::new();
        for word in words {
            let control = read_control(word)?;
            if !controls.built_in_controls.contains(&control) {
                controls.built_in_controls.push(control);
            }
        }
    }
    match document.get("authenticationStrength") {
        None => {}
        Some(Value::Null) => controls.authentication_strength = None,
        Some(strength) => controls.authentication_strength = Some(read_strength(strength)?),
    }
    Ok(controls)
}

fn read_control(word: &str) -> Result<BuiltInControl, Refusal> {
    if word.eq_ignore_ascii_case("block") {
        return Ok(BuiltInControl::Block);
    }
    if word.eq_ignore_ascii_case("mfa") {
        return Ok(BuiltInControl::Mfa);
    }
    let known = ["block", "mfa"];
    if let Some(other) = OTHER_CONTROLS.iter().find(|other| other.eq_ignore_ascii_case(word)) {
        let message =
            format!("grantControls.builtInControls has {other}, which this tenant does not imitate");
        return Err(Refusal::new(RefusalKind::BadRequest, "sim_not_imitated", message)
            .hint("there are block, mfa and authenticationStrength"));
    }
    Err(bad(format!("grantControls.builtInControls has {}", quoted(word))).hint(did_you_mean(word, &known)))
}

/// A strength by its ID. Other members, as a GET of the policy shows them, are not looked at.
fn read_strength(value: &Value) -> Result<Guid, Refusal> {
    let path = "grantControls.authenticationStrength";
    let id = value.as_object().and_then(|members| {
        members.iter().find(|(name, _)| name.eq_ignore_ascii_case("id")).and_then(|(_, id)| id.as_str())
    });
    let Some(id) = id else {
        return Err(
            bad(format!("{path} has no id")).hint("send { \"id\": the ID of an authentication strength }")
        );
    };
    id.parse().map_err(|error| bad(format!("{path}.id is {}: {error}", quoted(id))))
}

fn read_list<T: FromStr<Err = Refusal> + PartialEq>(
    document: Document<'_>,
    name: &str,
) -> Result<Option<Vec<T>>, Refusal> {
    let Some(texts) = document.texts(name, MOST_ENTRIES)? else { return Ok(None) };
    texts.into_iter().map(T::from_str).collect::<Result<_, _>>().map(Some)
}

fn read_ids(document: Document<'_>, name: &str) -> Result<Option<Vec<Guid>>, Refusal> {
    let Some(texts) = document.texts(name, MOST_ENTRIES)? else { return Ok(None) };
    let read = |text: &str| {
        text.parse().map_err(|error| bad(format!("conditions.users.{name} has {}: {error}", quoted(text))))
    };
    texts.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}

fn replace<T>(list: &mut Vec<T>, given: Option<Vec<T>>) {
    if let Some(given) = given {
        *list = given;
    }
}

/// What does not go together.
fn check(policy: &ConditionalAccessPolicy) -> Result<(), Refusal> {
    let conditions = &policy.conditions;
    if conditions.include_users.is_empty() && conditions.include_groups.is_empty() {
        return Err(
            bad("conditions.users includes nobody").hint("send \"includeUsers\": [\"All\"] or [\"None\"]")
        );
    }
    let applications = !conditions.include_applications.is_empty();
    if !applications && !conditions.registers_security_info {
        return Err(bad("conditions.applications includes nothing")
            .hint("send \"includeApplications\": [\"All\"], or includeUserActions"));
    }
    // The portal offers one or the other.
    if applications && conditions.registers_security_info {
        return Err(bad("conditions.applications includes both applications and a user action")
            .hint("make two policies of it"));
    }
    let alone = |list_has_more: bool, name: &str, word: &str| {
        if list_has_more {
            Err(bad(format!("conditions.{name} has {word} and others beside it")))
        } else {
            Ok(())
        }
    };
    for (users, name) in
        [(&conditions.include_users, "users.includeUsers"), (&conditions.exclude_users, "users.excludeUsers")]
    {
        for word in [Users::All, Users::None] {
            alone(users.len() > 1 && users.contains(&word), name, &word.to_string())?;
        }
    }
    for (applications, name) in [
        (&conditions.include_applications, "applications.includeApplications"),
        (&conditions.exclude_applications, "applications.excludeApplications"),
    ] {
        for word in [Applications::All, Applications::None] {
            alone(applications.len() > 1 && applications.contains(&word), name, &word.to_string())?;
        }
    }
    let controls = &policy.grant_controls;
    if controls.built_in_controls.is_empty() && controls.authentication_strength.is_none() {
        return Err(
            bad("grantControls asks for nothing").hint("there are block, mfa and authenticationStrength")
        );
    }
    let others = controls.built_in_controls.len() > 1 || controls.authentication_strength.is_some();
    if controls.built_in_controls.contains(&BuiltInControl::Block) && others {
        return Err(bad("grantControls has block and others beside it").hint("make two policies of it"));
    }
    Ok(())
}
