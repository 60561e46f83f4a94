//! What makes no sense is refused, with the place and a hint, and changes nothing.
use super::*;
use crate::access::{ConditionalAccessPolicy, Tap, TapPolicy};
use crate::refusal::{Refusal, RefusalKind};
use crate::user::{Subject, UserType};

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, kind: RefusalKind, message: &str, hint: &str) {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.kind, kind, "{refusal:?}");
    assert!(refusal.message.contains(message), "{message:?} is not in {:?}", refusal.message);
    let given = refusal.hint.unwrap_or_default();
    assert!(given.contains(hint) && given.is_empty() == hint.is_empty(), "{hint:?} is not in {given:?}");
    assert!(!refusal.message.ends_with('.'), "{}", refusal.message);
}

fn bad<T: std::fmt::Debug>(result: Result<T, Refusal>, message: &str, hint: &str) {
    refused(result, RefusalKind::BadRequest, message, hint);
}

#[test]
fn a_strength_that_makes_no_sense_is_refused() {
    let make = |body: Value| Strength::from_graph(&body, NOW, &mut rng());
    let with = |combinations: Value| make(json!({ "displayName": "S", "allowedCombinations": combinations }));
    bad(make(json!([])), "authenticationStrengthPolicy is a list, expected an object", "");
    bad(make(json!({ "allowedCombinations": ["fido2"] })), "has no displayName", "");
    bad(make(json!({ "displayName": " ", "allowedCombinations": ["fido2"] })), "displayName is empty", "");
    bad(make(json!({ "displayName": "S" })), "has no allowedCombinations", "");
    bad(make(json!({ "displayname": "S", "DisplayName": "S" })), "has the property displayName twice", "");
    bad(make(json!({ "displyName": "S" })), "has no property \"displyName\"", "did you mean displayName?");
    bad(with(json!([])), "allowedCombinations is empty", "");
    bad(with(json!("fido2")), "allowedCombinations is text, expected a list", "");
    bad(with(json!([7])), "allowedCombinations[0] is a number, expected text", "");
    bad(with(json!(["fido"])), "\"fido\" is no authentication method mode", "did you mean fido2?");
    bad(with(json!(["password,Password"])), "has password twice", "");
    bad(with(json!(["fido2,sms"])), "no strength can be made of the combination sms,fido2", "password,sms");
    bad(with(json!(vec!["fido2"; 26])), "has 26 entries, at most 25 fit", "");
    let long = "x".repeat(300);
    bad(make(json!({ "displayName": long })), "longer than 256 characters", "");
    bad(make(json!({ long: 1 })), "has no property \"xxxxx", "expected one of");
    let own = json!({ "displayName": "S", "allowedCombinations": ["fido2"], "id": Guid::small(1) });
    bad(make(own), "id is for the tenant to say", "leave it out");
    let type_of_another = json!({ "@odata.type": "#microsoft.graph.user", "displayName": "S" });
    bad(make(type_of_another), "@odata.type", "authenticationStrengthPolicy");
    let built_in = json!({ "displayName": "S", "allowedCombinations": ["fido2"], "policyType": "builtIn" });
    bad(make(built_in), "policyType is \"builtIn\"", "custom");
    let lies = json!({ "displayName": "S", "allowedCombinations": ["sms"], "requirementsSatisfied": "mfa" });
    bad(make(lies), "requirementsSatisfied is \"mfa\"", "none");
}

#[test]
fn a_configuration_is_of_passkeys_and_lists_some() {
    let configure = |mut body: Value| {
        if body.get("@odata.type").is_none() {
            body["@odata.type"] = "#microsoft.graph.fido2CombinationConfiguration".into();
        }
        custom(&["fido2"], &[]).with_configuration(&body, NOW, &mut rng())
    };
    let with =
        |models: Value| configure(json!({ "appliesToCombinations": ["fido2"], "allowedAAGUIDs": models }));
    assert!(with(json!([IOS, IOS.to_uppercase()])).unwrap().1.allowed_aaguids == [aaguid(IOS)]);
    bad(with(json!([])), "allowedAAGUIDs is empty", "delete the configuration");
    bad(with(Value::Null), "has no allowedAAGUIDs", "");
    bad(with(json!(["iPhone"])), "allowedAAGUIDs has \"iPhone\"", "expected an AAGUID such as");
    bad(configure(json!({ "allowedAAGUIDs": [IOS] })), "no appliesToCombinations", "[\"fido2\"]");
    let sms = json!({ "appliesToCombinations": ["sms"], "allowedAAGUIDs": [IOS] });
    bad(configure(sms), "appliesToCombinations is not [\"fido2\"]", "passkeys only");
    let x509 = json!({ "@odata.type": "#microsoft.graph.x509CertificateCombinationConfiguration" });
    bad(configure(x509), "no certificates", "fido2CombinationConfiguration");
    let untyped = json!({ "appliesToCombinations": ["fido2"], "allowedAAGUIDs": [IOS] });
    bad(custom(&["fido2"], &[]).with_configuration(&untyped, NOW, &mut rng()), "no @odata.type", "say");

    let body = json!({
        "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
        "appliesToCombinations": ["fido2"],
        "allowedAAGUIDs": [IOS],
    });
    let no_passkeys = custom(&["password,sms"], &[]);
    bad(
        no_passkeys.with_configuration(&body, NOW, &mut rng()),
        "does not allow fido2",
        "updateAllowedCombinations",
    );
    let second = custom(&["fido2"], &[IOS]).with_configuration(&body, NOW, &mut rng());
    refused(second, RefusalKind::Conflict, "has a configuration of fido2 already", "PATCH");
    let missing = custom(&["fido2"], &[IOS]).without_configuration(Guid::small(1), NOW);
    refused(missing, RefusalKind::NotFound, "has no combination configuration", "");
}

#[test]
fn built_in_strengths_are_neither_changed_nor_configured() {
    let body = json!({
        "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
        "appliesToCombinations": ["fido2"],
        "allowedAAGUIDs": [IOS],
    });
    for strength in Strength::built_in() {
        let forbidden = |result: Result<(), Refusal>| {
            refused(result, RefusalKind::Forbidden, "is built in", "make a strength of your own");
        };
        forbidden(strength.check_editable());
        forbidden(strength.patched(&json!({}), NOW).map(drop));
        let combinations = json!({ "allowedCombinations": ["fido2"] });
        forbidden(strength.update_allowed_combinations(&combinations, NOW, &[]).map(drop));
        forbidden(strength.with_configuration(&body, NOW, &mut rng()).map(drop));
        forbidden(strength.with_configuration_patched(Guid::small(1), &json!({}), NOW).map(drop));
        forbidden(strength.without_configuration(Guid::small(1), NOW).map(drop));
    }
}

#[test]
fn a_strength_changes_its_combinations_by_the_action_alone() {
    let strength = custom(&["fido2"], &[IOS]);
    bad(
        strength.patched(&json!({ "allowedCombinations": ["sms"] }), NOW),
        "does not change",
        "updateAllowedCombinations",
    );
    bad(strength.patched(&json!({ "id": Guid::small(1) }), NOW), "id does not change", "leave it out");
    let update = |words: Value, references: &[Guid]| {
        strength
            .update_allowed_combinations(&json!({ "allowedCombinations": words }), NOW, references)
            .map(drop)
    };
    bad(update(json!(["password,sms"]), &[]), "models of passkeys", "delete its combinationConfigurations");
    let weaker = update(json!(["fido2", "password"]), &[Guid::small(7)]);
    refused(weaker, RefusalKind::Conflict, "no longer be multifactor", &Guid::small(7).to_string());
    assert!(update(json!(["fido2", "password"]), &[]).is_ok());
}

#[test]
fn a_policy_of_passes_that_makes_no_sense_is_refused() {
    let patch = |mut body: Value| {
        body["@odata.type"] = "#microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration".into();
        TapPolicy::default().patched(&body)
    };
    bad(
        TapPolicy::default().patched(&json!({ "state": "enabled" })),
        "has no @odata.type",
        "temporaryAccessPass",
    );
    bad(TapPolicy::default().patched(&json!({ "@odata.type": 1 })), "is a number, expected text", "");
    bad(patch(json!({ "state": "on" })), "state is \"on\"", "enabled, disabled");
    bad(patch(json!({ "defaultLenght": 9 })), "no property \"defaultLenght\"", "did you mean defaultLength?");
    for (name, least, most) in [
        ("defaultLength", 8, 48),
        ("minimumLifetimeInMinutes", 10, 60),
        ("maximumLifetimeInMinutes", 60, 43_200),
        ("defaultLifetimeInMinutes", 60, 480),
    ] {
        for (value, taken) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            assert_eq!(patch(json!({ name: value })).is_ok(), taken, "{name} {value}");
            assert_eq!(
                patch(json!({ name.to_uppercase(): value.to_string() })).is_ok(),
                taken,
                "{name} {value}"
            );
        }
    }
    bad(patch(json!({ "minimumLifetimeInMinutes": 481 })), "no life is in between", "");
    bad(patch(json!({ "minimumLifetimeInMinutes": 90 })), "is 60, expected 90 to 480", "all three lifetimes");
    bad(patch(json!({ "isUsableOnce": "yes" })), "isUsableOnce is text, expected true or false", "");
    bad(
        patch(json!({ "includeTargets": [{ "id": "everyone" }] })),
        "includeTargets[0].id is \"everyone\"",
        "all_users",
    );
    bad(patch(json!({ "includeTargets": [{}] })), "includeTargets[0] has no id", "");
    bad(patch(json!({ "includeTargets": [7] })), "includeTargets[0] is a number", "");
    bad(patch(json!({ "excludeTargets": { "id": "all_users" } })), "is an object, expected a list", "");
    bad(patch(json!({ "id": "Fido2" })), "id is \"Fido2\"", "TemporaryAccessPass");
}

#[test]
fn a_pass_that_the_policy_does_not_give_is_refused() {
    let user = user(1, UserType::Member);
    let groups = [Guid::small(9)].into();
    let subject = Subject { user: &user, groups: &groups };
    let open = TapPolicy { enabled: true, ..TapPolicy::default() };
    let make = |policy: &TapPolicy, body: Value| {
        Tap::create(policy, subject, &body, NOW, &mut rng()).map(|made| made.0)
    };
    let disabled = make(&TapPolicy::default(), json!({}));
    refused(disabled, RefusalKind::Policy, "user1@contoso.test", "set the policy's state to enabled");
    let none = TapPolicy { include_targets: Vec::new(), ..open.clone() };
    refused(make(&none, json!({})), RefusalKind::Policy, "user1@contoso.test", "include the user");
    bad(
        make(&open, json!({ "lifetimeInMinutes": 10 })),
        "is 10, expected 60 to 480",
        "the policy of Temporary",
    );
    bad(
        make(&open, json!({ "temporaryAccessPass": "mine" })),
        "no property \"temporaryAccessPass\"",
        "expected one of",
    );
    bad(make(&open, json!({ "startDateTime": "tomorrow" })), "startDateTime is \"tomorrow\"", "");
    bad(make(&open, json!({ "startDateTime": "2030-01-01T00:00:00Z" })), "more than a year", "");
    bad(make(&open, json!({ "@odata.type": "#microsoft.graph.user" })), "@odata.type", "temporaryAccessPass");
}

#[test]
fn what_conditional_access_here_does_not_imitate_is_refused_and_not_kept() {
    let base = json!({
        "displayName": "P",
        "state": "enabled",
        "conditions": { "users": { "includeUsers": ["All"] }, "applications": { "includeApplications": ["All"] } },
        "grantControls": { "operator": "OR", "builtInControls": ["mfa"] },
    });
    let policy = ConditionalAccessPolicy::from_graph(&base, NOW, &mut rng()).unwrap();
    // The published example with locations.
    let page = "Create conditionalAccessPolicy, example 1: locations";
    let body = fixture("documented.json")["bodies"][page].clone();
    bad(
        ConditionalAccessPolicy::from_graph(&body, NOW, &mut rng()),
        "conditions.locations is not something",
        "leave it out",
    );
    let users = |users: Value| json!({ "conditions": { "users": users } });
    let apps = |applications: Value| json!({ "conditions": { "applications": applications } });
    let controls = |controls: Value| json!({ "grantControls": controls });
    for (body, message, hint) in [
        (json!({ "sessionControls": {} }), "sessionControls is not something", "leave it out"),
        (json!({ "state": "on" }), "state is \"on\"", "expected one of"),
        (json!({ "stat": "enabled" }), "no property \"stat\"", "did you mean state?"),
        (json!({ "id": Guid::small(1) }), "id does not change", "leave it out"),
        (json!({ "displayName": "" }), "displayName is empty", ""),
        (
            json!({ "conditions": { "platforms": { "includePlatforms": ["iOS"] } } }),
            "platforms",
            "leave it out",
        ),
        (json!({ "conditions": { "clientAppTypes": ["other"] } }), "clientAppTypes has other", "[\"all\"]"),
        (
            json!({ "conditions": { "clientAppTypes": ["browsr"] } }),
            "clientAppTypes has \"browsr\"",
            "browser",
        ),
        (json!({ "conditions": { "clientAppTypes": [] } }), "clientAppTypes is empty", "[\"all\"]"),
        (users(json!({ "includeRoles": [Guid::small(1)] })), "users.includeRoles", "leave it out"),
        (
            users(json!({ "includeUsers": ["Everybody"] })),
            "the user \"Everybody\"",
            "All, None, GuestsOrExternalUsers",
        ),
        (users(json!({ "includeUsers": ["All", "None"] })), "has All and others", ""),
        (users(json!({ "includeUsers": [] })), "includes nobody", "includeUsers"),
        (users(json!({ "excludeGroups": ["Staff"] })), "excludeGroups has \"Staff\"", ""),
        (apps(json!({ "includeApplications": ["Office365"] })), "the application \"Office365\"", "All, None"),
        (apps(json!({ "includeApplications": [] })), "includes nothing", "includeUserActions"),
        (
            apps(json!({ "includeUserActions": ["urn:user:registerdevice"] })),
            "registerdevice",
            "registersecurityinfo",
        ),
        (
            apps(json!({ "includeUserActions": ["urn:user:registersecurityinfo"] })),
            "both applications and a user action",
            "two policies",
        ),
        (controls(json!({ "builtInControls": ["compliantDevice"] })), "does not imitate", "block, mfa"),
        (controls(json!({ "builtInControls": ["nfa"] })), "has \"nfa\"", "expected one of block, mfa"),
        (controls(json!({ "builtInControls": ["block", "mfa"] })), "block and others", "two policies"),
        (controls(json!({ "builtInControls": [] })), "asks for nothing", "block, mfa"),
        (controls(json!({ "operator": "XOR" })), "operator is \"XOR\"", "AND, OR"),
        (controls(json!({ "authenticationStrength": {} })), "authenticationStrength has no id", "send"),
        (
            controls(json!({ "authenticationStrength": { "id": "x" } })),
            "authenticationStrength.id is \"x\"",
            "",
        ),
        (controls(json!({ "termsOfUse": [Guid::small(1)] })), "termsOfUse", "leave it out"),
    ] {
        bad(policy.patched(&body, NOW), message, hint);
    }
    for needed in ["displayName", "state", "conditions", "grantControls"] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().remove(needed);
        bad(ConditionalAccessPolicy::from_graph(&body, NOW, &mut rng()), &format!("has no {needed}"), "");
    }
}
