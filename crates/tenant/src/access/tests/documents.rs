//! Published documents, byte for byte, and what they make.
use super::*;
use crate::access::conditional::usage;
use crate::access::{ConditionalAccessPolicy, Tap, TapPolicy};
use crate::user::{Subject, UserType};
use std::collections::BTreeSet;

/// A request body of Microsoft's documentation.
fn documented(page: &str) -> Value {
    fixture("documented.json")["bodies"][page].clone()
}

/// Puts the members that are the tenant's to choose into a document of the same shape.
fn with_own(mut expected: Value, made: &Value, own: &[&str]) -> Value {
    for name in own {
        assert!(expected.get(name).is_some() && made.get(name).is_some(), "{name}");
        expected[*name] = made[*name].clone();
    }
    expected
}

#[test]
fn the_built_in_strengths_are_those_of_graph_s_documentation() {
    let shown: Vec<Value> = Strength::built_in().iter().map(Strength::to_graph).collect();
    assert_eq!(json!(shown), fixture("strengths-built-in.json")["response"]["value"]);
}

#[test]
fn a_strength_of_two_models_is_shown_as_it_was_sent() {
    let document = fixture("strength-create.json");
    let strength =
        Strength::from_graph(&document["requestBody"], "2026-01-10T09:00:00Z".parse().unwrap(), &mut rng());
    let strength = strength.unwrap();
    let shown = strength.to_graph();
    let mut expected = with_own(document["response"].clone(), &shown, &["id"]);
    let configuration = &shown["combinationConfigurations"][0];
    expected["combinationConfigurations"][0]["id"] = configuration["id"].clone();
    assert_eq!(shown, expected);
    assert_eq!(strength.allowed_aaguids().collect::<Vec<_>>(), [aaguid(IOS), aaguid(ANDROID)]);
    let kept = serde_json::to_string(&strength).unwrap();
    assert_eq!(serde_json::from_str::<Strength>(&kept).unwrap(), strength);
}

#[test]
fn a_strength_goes_through_all_that_the_documentation_sends_to_one() {
    let made =
        Strength::from_graph(&documented("Create authenticationStrengthPolicy"), NOW, &mut rng()).unwrap();
    assert_eq!(made.to_graph()["allowedCombinations"], json!(["password,hardwareOath", "password,sms"]));
    assert_eq!(made.to_graph()["requirementsSatisfied"], "mfa");

    let later = NOW.plus_minutes(1);
    let patched = made.patched(&documented("Update authenticationStrengthPolicy"), later).unwrap();
    assert_eq!((patched.display_name.as_str(), patched.modified), ("FIDO2 only", later));
    assert_eq!(patched.allowed_combinations, made.allowed_combinations);
    // What a GET shows may be sent back.
    assert_eq!(patched.patched(&patched.to_graph(), later), Ok(patched.clone()));

    let references = [Guid::small(5)];
    let (updated, answer) = made
        .update_allowed_combinations(&documented("updateAllowedCombinations"), later, &references)
        .unwrap();
    assert_eq!(updated.to_graph()["allowedCombinations"], json!(["password,voice"]));
    assert_eq!(answer["previousCombinations"], json!(["password,hardwareOath", "password,sms"]));
    assert_eq!(answer["currentCombinations"], json!(["password,voice"]));
    assert_eq!(answer["conditionalAccessReferences"], json!(references));

    let passkeys = custom(&["fido2"], &[]);
    let (configured, made) = passkeys
        .with_configuration(&documented("Create combinationConfiguration"), later, &mut rng())
        .unwrap();
    assert_eq!(made.allowed_aaguids.len(), 3);
    let patch = documented("Update authenticationCombinationConfiguration");
    assert_eq!(configured.with_configuration_patched(made.id, &patch, later).unwrap(), configured);
    let patch = json!({ "allowedAAGUIDs": [IOS] });
    let patched = configured.with_configuration_patched(made.id, &patch, later).unwrap();
    assert_eq!(patched.configuration(made.id).unwrap().allowed_aaguids, [aaguid(IOS)]);
    assert_eq!(patched.without_configuration(made.id, later).unwrap().combination_configurations, []);
}

#[test]
fn the_policy_of_passes_is_the_documented_one_once_it_is_enabled() {
    let typed = |body: Value| {
        let mut typed = json!({
            "@odata.type": "#microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration",
        });
        typed.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        typed
    };
    let policy = TapPolicy::default().patched(&typed(json!({ "state": "enabled" }))).unwrap();
    assert_eq!(policy.to_graph(), fixture("tap-policy-get.json")["response"]);
    assert_eq!(policy.patched(&policy.to_graph()), Ok(policy.clone()));

    let once = documented("Update temporaryAccessPassAuthenticationMethodConfiguration");
    let patched = policy.patched(&once).unwrap();
    assert_eq!(patched, TapPolicy { is_usable_once: true, ..policy.clone() });
    let kept = serde_json::to_string(&patched).unwrap();
    assert_eq!(serde_json::from_str::<TapPolicy>(&kept).unwrap(), patched);
}

#[test]
fn a_pass_is_shown_as_graph_shows_it_with_its_text_once() {
    let document = fixture("tap-create.json");
    let now: Time = "2026-01-20T22:10:00Z".parse().unwrap();
    let policy = TapPolicy { enabled: true, ..TapPolicy::default() };
    let user = user(1, UserType::Member);
    let groups = BTreeSet::new();
    let subject = Subject { user: &user, groups: &groups };
    let (tap, text) = Tap::create(&policy, subject, &document["requestBody"], now, &mut rng()).unwrap();
    let shown = tap.to_graph(tap.usability(&policy, &subject, now), Some(&text));
    assert_eq!(shown["temporaryAccessPass"], *text);
    assert_eq!(shown, with_own(document["response"].clone(), &shown, &["id", "temporaryAccessPass"]));
}

#[test]
fn a_pass_for_later_is_not_yet_valid_as_documented() {
    let now: Time = "2022-06-02T16:21:09.765Z".parse().unwrap();
    let policy = TapPolicy { enabled: true, ..TapPolicy::default() };
    let user = user(1, UserType::Member);
    let groups = BTreeSet::new();
    let subject = Subject { user: &user, groups: &groups };
    let body = documented("Create temporaryAccessPassMethod");
    let (tap, _) = Tap::create(&policy, subject, &body, now, &mut rng()).unwrap();
    let shown = tap.to_graph(tap.usability(&policy, &subject, now), None);
    assert_eq!(shown["startDateTime"], "2022-06-05T00:00:00Z");
    assert_eq!((&shown["isUsable"], &shown["methodUsabilityReason"]), (&json!(false), &json!("NotYetValid")));
    // Long after its start it begins at once: nobody waits for a moment that has passed.
    let (tap, _) = Tap::create(&policy, subject, &body, NOW, &mut rng()).unwrap();
    assert_eq!(tap.start, NOW);
}

#[test]
fn a_conditional_access_policy_of_the_documentation_is_taken_and_shown_whole() {
    let body = documented("Create conditionalAccessPolicy, example 4");
    let policy = ConditionalAccessPolicy::from_graph(&body, NOW, &mut rng()).unwrap();
    let shown = policy.to_graph();
    assert_eq!(shown["conditions"]["clientAppTypes"], json!(["all"]));
    assert_eq!(shown["conditions"]["users"]["includeGroups"], body["conditions"]["users"]["includeGroups"]);
    assert_eq!(shown["grantControls"]["builtInControls"], json!(["mfa"]));
    // What a GET shows may be sent as a PATCH, but for what the tenant says.
    let mut again = shown.clone();
    again["state"] = "ENABLEDFORREPORTINGBUTNOTENFORCED".into();
    let patched = policy.patched(&again, NOW).unwrap();
    assert_eq!(patched.to_graph()["state"], "enabledForReportingButNotEnforced");
    assert_eq!(patched.conditions, policy.conditions);
    let kept = serde_json::to_string(&patched).unwrap();
    assert_eq!(serde_json::from_str::<ConditionalAccessPolicy>(&kept).unwrap(), patched);

    let strength = custom(&["fido2"], &[]);
    let grant = json!({ "grantControls": { "builtInControls": [], "authenticationStrength": { "id": strength.id } } });
    let patched = policy.patched(&grant, NOW).unwrap();
    assert_eq!(patched.strength(), Some(strength.id));
    assert_eq!(patched.to_graph()["grantControls"]["authenticationStrength"], json!({ "id": strength.id }));
    let used = usage(&strength, [&patched, &policy]);
    assert_eq!(used, json!({ "mfa": [patched.to_graph()], "none": [] }));
}
