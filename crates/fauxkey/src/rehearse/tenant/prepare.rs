//! 1: the policy of passkeys, what else the app does, an authentication strength, and conditional access.
use super::stage::{Stage, any, text};
use super::{ADELE, BEA};
use crate::control::Failure;
use crate::rehearse::story::{broken, ensure};
use crate::rehearse::{Found, Teller};
use serde_json::{Value, json};
use tenant::Behaviour;
use tenant::access::apps::MICROSOFT_AUTHENTICATOR_CREDENTIAL_REGISTRATION as REGISTRATION;
use tenant::policy::{AUTHENTICATOR_ANDROID, AUTHENTICATOR_IOS, friendly};

/// The strength of the walk-through, by name.
const STRENGTH: &str = "Passkeys";

pub(super) fn play(stage: &mut Stage, teller: &mut Teller<'_>) -> Result<(), Failure> {
    let group = teller.step("two users, and a group of pilots with both", || users(stage))?;
    teller
        .step("passkeys for the pilots, the two models of Authenticator alone", || passkeys(stage, &group))?;
    teller.step("Authenticator's other methods, and Temporary Access Passes", || others(stage))?;
    let strength = teller.step("the strength \"Passkeys\", shown back by names", || strength(stage))?;
    teller.step("conditional access asks for it everywhere but to register", || access(stage, &strength))?;
    teller.step("each user gets a Temporary Access Pass", || passes(stage))
}

/// The AAGUIDs that the walk-through allows.
pub(super) fn allowed() -> Vec<String> {
    vec![AUTHENTICATOR_IOS.to_string(), AUTHENTICATOR_ANDROID.to_string()]
}

/// What the passkey policy says of models, where those are allowed: by the properties of that time.
pub(super) fn restrictions(behaviour: Behaviour, group: &str, aaguids: &[String]) -> Value {
    let restrictions = json!({ "isEnforced": true, "enforcementType": "allow", "aaGuids": aaguids });
    match behaviour {
        Behaviour::Preview2024 => json!({
            "keyRestrictions": restrictions,
            "includeTargets": [{ "targetType": "group", "id": group }],
        }),
        Behaviour::Current => json!({
            "defaultPasskeyProfile": DEFAULT,
            "passkeyProfiles": [{
                "id": DEFAULT,
                "name": "Default passkey profile",
                "passkeyTypes": "deviceBound",
                "attestationEnforcement": "disabled",
                "keyRestrictions": restrictions,
            }],
            "includeTargets": [{ "targetType": "group", "id": group, "allowedPasskeyProfiles": [DEFAULT] }],
        }),
    }
}

/// The profile that every tenant begins with.
const DEFAULT: &str = "00000000-0000-0000-0000-000000000001";

fn users(stage: &Stage) -> Result<(Found, String), Failure> {
    let group = stage.call("POST", "/v1.0/groups", Some(&json!({ "displayName": "Pilots" })))?;
    let group = text(&group, "/id");
    for (name, person) in [(ADELE, "Adele Vance"), (BEA, "Bea Ito")] {
        let new = json!({
            "userPrincipalName": name,
            "displayName": person,
            "passwordProfile": { "password": format!("correct horse {name}") },
        });
        let user = stage.call("POST", "/v1.0/users", Some(&new))?;
        let reference = format!("https://graph.microsoft.com/v1.0/users/{}", text(&user, "/id"));
        let members = format!("/v1.0/groups/{group}/members/$ref");
        stage.call("POST", &members, Some(&json!({ "@odata.id": reference })))?;
    }
    let members = stage.list(&format!("/v1.0/groups/{group}/members"))?;
    for name in [ADELE, BEA] {
        ensure(any(&members, "/userPrincipalName", name), "a pilot is missing")?;
    }
    Ok((Found::new(format!("{ADELE} and {BEA}"), "the group's members, read back over Graph"), group))
}

fn passkeys(stage: &Stage, group: &str) -> Result<(Found, ()), Failure> {
    let mut changes = json!({
        "state": "enabled",
        "isSelfServiceRegistrationAllowed": true,
        "isAttestationEnforced": false,
    });
    let more = restrictions(stage.behaviour, group, &allowed());
    for (name, value) in more.as_object().into_iter().flatten() {
        changes[name] = value.clone();
    }
    let policy = stage.patch_policy("fido2", "fido2", changes)?;
    ensure(text(&policy, "/state") == "enabled", "the method is not enabled")?;
    ensure(text(&policy, "/includeTargets/0/id") == group, "it targets somebody else")?;
    ensure(policy["keyRestrictions"]["aaGuids"] == json!(allowed()), "it allows other models")?;
    let settings = stage.served.site.host.with(|tenant, _| tenant.settings().clone());
    let names = [AUTHENTICATOR_IOS, AUTHENTICATOR_ANDROID].map(|aaguid| friendly(aaguid, &settings));
    let [Some(ios), Some(android)] = names else { return Err(broken("a model has no name")) };
    Ok((Found::new(format!("allowed: {ios}, {android}"), "the policy, read back over Graph"), ()))
}

fn others(stage: &Stage) -> Result<(Found, ()), Failure> {
    let app = json!({
        "state": "enabled",
        "includeTargets": [{ "targetType": "group", "id": "all_users", "authenticationMode": "any" }],
    });
    let app = stage.patch_policy("MicrosoftAuthenticator", "microsoftAuthenticator", app)?;
    let mode = text(&app, "/includeTargets/0/authenticationMode");
    ensure(mode == "any", "the mode is another")?;
    let pass =
        stage.patch_policy("TemporaryAccessPass", "temporaryAccessPass", json!({ "state": "enabled" }))?;
    ensure(text(&pass, "/state") == "enabled", "passes are not enabled")?;
    Ok((Found::new(format!("mode {mode}"), "the policies, read back over Graph"), ()))
}

fn strength(stage: &Stage) -> Result<(Found, String), Failure> {
    const STRENGTHS: &str = "/beta/policies/authenticationStrengthPolicies";
    let new = json!({ "displayName": STRENGTH, "allowedCombinations": ["fido2"] });
    let id = text(&stage.call("POST", STRENGTHS, Some(&new))?, "/id");
    let configuration = json!({
        "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
        "allowedAAGUIDs": allowed(),
        "appliesToCombinations": ["fido2"],
    });
    let configurations = format!("{STRENGTHS}/{id}/combinationConfigurations");
    stage.call("POST", &configurations, Some(&configuration))?;
    let back = stage.call("GET", &format!("{STRENGTHS}/{id}"), None)?;
    ensure(text(&back, "/displayName") == STRENGTH, "the strength has another name")?;
    let aaguids = &back["combinationConfigurations"][0]["allowedAAGUIDs"];
    ensure(*aaguids == json!(allowed()), "it asks for other models")?;
    let settings = stage.served.site.host.with(|tenant, _| tenant.settings().clone());
    let named = aaguids
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|aaguid| friendly(aaguid.as_str()?.parse().ok()?, &settings));
    let named: Vec<String> = named.collect();
    ensure(named.len() == 2, "a model has no name")?;
    Ok((Found::new(named.join(", "), "the strength, read back over Graph"), id))
}

fn access(stage: &Stage, strength: &str) -> Result<(Found, ()), Failure> {
    const POLICIES: &str = "/beta/identity/conditionalAccess/policies";
    let new = json!({
        "displayName": "Passkeys in Authenticator everywhere",
        "state": "enabled",
        "conditions": {
            "users": { "includeUsers": ["All"] },
            "applications": {
                "includeApplications": ["All"],
                "excludeApplications": [REGISTRATION.id.to_string()],
            },
        },
        "grantControls": { "operator": "OR", "authenticationStrength": { "id": strength } },
    });
    stage.call("POST", POLICIES, Some(&new))?;
    let all = stage.list(POLICIES)?;
    ensure(any(&all, "/grantControls/authenticationStrength/id", strength), "it asks for something else")?;
    // The office asks for more than a password, and for nothing less than such a passkey.
    let door = stage.visit_as(ADELE, None)?;
    let password = json!({ "password": format!("correct horse {ADELE}") });
    let asked = door.post("/login/password", &password)?;
    let verdict = text(&asked, "/verdict");
    ensure(verdict == "register", &format!("a password alone led to {verdict:?}"))?;
    Ok((Found::new("a password alone leads to registering one", "the tenant's sign-in, over HTTP"), ()))
}

fn passes(stage: &mut Stage) -> Result<(Found, ()), Failure> {
    for user in [ADELE, BEA] {
        let path = format!("/v1.0/users/{user}/authentication/temporaryAccessPassMethods");
        let made = stage.call("POST", &path, Some(&json!({ "isUsableOnce": false })))?;
        let pass = made["temporaryAccessPass"].clone();
        ensure(pass.as_str().is_some_and(|pass| pass.len() >= 8), "no pass was told")?;
        let kept = stage.list(&path)?;
        let [kept] = kept.as_slice() else { return Err(broken("there is not one pass")) };
        ensure(kept["temporaryAccessPass"].is_null(), "the pass is told again")?;
        ensure(kept["isUsable"] == json!(true), "the pass cannot be used")?;
        stage.passes.insert(user.into(), pass);
    }
    Ok((Found::new("told once, and never again", "the users' methods, read back over Graph"), ()))
}
