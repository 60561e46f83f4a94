//! Published requests, sent as they stand.
use super::*;
use std::fs;
use std::path::PathBuf;

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/graph/policy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn index() -> Value {
    serde_json::from_str(&fixture("index.json")).unwrap()
}

#[test]
fn a_tenant_that_nobody_changed_answers_the_default_documents() {
    let defaults = &index()["defaults"];
    assert_eq!(Fido2Policy::default().to_graph(Behaviour::Current), defaults["fido2"]);
    assert_eq!(AuthenticatorPolicy::default().to_graph(), defaults["microsoftAuthenticator"]);
}

#[test]
fn every_published_patch_changes_what_it_says_and_nothing_else() {
    let index = index();
    let patches = index["patches"].as_array().unwrap();
    assert!(patches.len() >= 12);
    for patch in patches {
        let (policy, name) = (patch["policy"].as_str().unwrap(), patch["body"].as_str().unwrap());
        let body: Value = serde_json::from_str(&fixture(name)).unwrap();
        let after = match policy {
            "fido2" => Fido2Policy::default()
                .patched(&body, Behaviour::Current)
                .map(|policy| policy.to_graph(Behaviour::Current)),
            "microsoftAuthenticator" => {
                AuthenticatorPolicy::default().patched(&body).map(|policy| policy.to_graph())
            }
            other => panic!("{name}: there is no policy {other}"),
        };
        let mut expected = index["defaults"][policy].clone();
        match patch.get("changes") {
            Some(changes) => {
                expected.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
                assert_eq!(after.unwrap_or_else(|error| panic!("{name}: {error}")), expected, "{name}");
            }
            None => {
                let error = after.expect_err(name);
                assert_eq!(error.message, patch["refused"].as_str().unwrap(), "{name}");
            }
        }
    }
}

#[test]
fn every_fixture_is_listed() {
    let index = index().to_string();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/graph/policy");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "index.json" || index.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn the_walk_through_of_2024_makes_the_document_that_it_should_in_both_behaviours() {
    let allow: Value = serde_json::from_str(&fixture("fido2-allow-authenticator.json")).unwrap();
    let mut expected = index()["walkThrough"]["document"].clone();
    for behaviour in [Behaviour::Current, Behaviour::Preview2024] {
        let policy = Fido2Policy::default().patched(&allow, behaviour).unwrap();
        let policy = policy.patched(&body(json!({ "state": "enabled" })), behaviour).unwrap();
        if behaviour == Behaviour::Preview2024 {
            let document = expected.as_object_mut().unwrap();
            document.remove("passkeyProfiles");
            document.remove("defaultPasskeyProfile");
            document["includeTargets"][0].as_object_mut().unwrap().remove("allowedPasskeyProfiles");
        }
        assert_eq!(policy.to_graph(behaviour), expected);
    }
}

#[test]
fn what_was_kept_is_read_again_as_it_was() {
    let three: Value = serde_json::from_str(&fixture("fido2-three-targets.json")).unwrap();
    let policy = Fido2Policy::default().patched(&three, Behaviour::Current).unwrap();
    let kept = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Fido2Policy>(&kept).unwrap(), policy);
    let all: Value = serde_json::from_str(&fixture("authenticator-context-all.json")).unwrap();
    let app = AuthenticatorPolicy::default().patched(&all).unwrap();
    let kept = serde_json::to_string(&app).unwrap();
    assert_eq!(serde_json::from_str::<AuthenticatorPolicy>(&kept).unwrap(), app);
    // Members of a later version's making are there by default.
    assert_eq!(serde_json::from_str::<Fido2Policy>("{}").unwrap(), Fido2Policy::default());
}

#[test]
fn sizes_are_near_those_that_were_published() {
    // Documentation: the base policy 1.44 KB, a target with one profile 0.23, a profile 0.4, ten AAGUIDs 0.3. Compact
    // JSON is smaller, ten AAGUIDs excepted.
    let base = Fido2Policy::default();
    let size = |policy: &Fido2Policy| policy.size(Behaviour::Current);
    let profile = |id: &str, aaguids: usize| {
        json!({ "id": id, "name": "Passkeys in Microsoft Authenticator", "passkeyTypes": "deviceBound",
            "keyRestrictions": { "isEnforced": true, "enforcementType": "allow", "aaGuids": vec![YUBIKEY; aaguids] } })
    };
    let one =
        patched(&base, json!({ "passkeyProfiles": [profile("00000000-0000-0000-0000-000000000001", 0)] }));
    let ten =
        patched(&one, json!({ "passkeyProfiles": [profile("00000000-0000-0000-0000-000000000001", 10)] }));
    // Ten in the profile, ten outside.
    assert_eq!(size(&ten) - size(&one), 2 * (10 * 39 - 1));
    assert!((300..1475).contains(&size(&base)), "{}", size(&base));
    assert!((150..420).contains(&(size(&one) - size(&base))), "{}", size(&one) - size(&base));
}

#[test]
fn names_come_from_the_built_in_table_and_from_lists_that_a_user_gives() {
    let mut settings =
        Settings::new(Guid::small(1), "contoso.test", "https://login.contoso.test", Behaviour::Current);
    assert_eq!(friendly(AUTHENTICATOR_IOS, &settings).as_deref(), Some("Microsoft Authenticator for iOS"));
    assert_eq!(built_in_names().count(), 17);
    let strange: Aaguid = "01020304-0506-4708-890a-0b0c0d0e0f10".parse().unwrap();
    assert_eq!(friendly(strange, &settings), None);
    // The shape of FIDO's payload: an entry of U2F has no AAGUID.
    settings.model_names = names_from_mds(&json!({ "legalHeader": "", "no": 1, "nextUpdate": "2026-11-01", "entries": [
        { "aaguid": "01020304-0506-4708-890A-0B0C0D0E0F10", "metadataStatement": { "description": "A Model" } },
        { "attestationCertificateKeyIdentifiers": ["00"], "metadataStatement": { "description": "U2F" } },
    ] }))
    .unwrap();
    assert_eq!(friendly(strange, &settings).as_deref(), Some("A Model"));
    let list =
        json!({ "01020304-0506-4708-890a-0b0c0d0e0f10": { "name": "A Provider", "icon_dark": "data:" } });
    settings.model_names.extend(names_from_community_list(&list).unwrap());
    assert_eq!(friendly(strange, &settings).as_deref(), Some("A Provider"));
    assert!(names_from_community_list(&json!({})).unwrap().is_empty());
    assert!(names_from_mds(&json!({ "entries": [] })).unwrap().is_empty());
}

#[test]
fn a_list_of_names_that_does_not_read_says_where() {
    let message = |read: Result<_, UnreadableNames>| {
        read.map(|_: std::collections::BTreeMap<_, _>| ()).unwrap_err().to_string()
    };
    assert_eq!(message(names_from_mds(&json!({}))), "entries: expected a list");
    assert_eq!(message(names_from_mds(&json!([]))), "entries: expected a list");
    assert_eq!(
        message(names_from_mds(&json!({ "entries": [{ "aaguid": 7 }] }))),
        "entries[0].aaguid: expected an AAGUID"
    );
    let unnamed = json!({ "entries": [{ "aaguid": YUBIKEY, "metadataStatement": {} }] });
    assert_eq!(message(names_from_mds(&unnamed)), "entries[0].metadataStatement.description: expected text");
    assert!(message(names_from_mds(&json!("eyJhbGciOi"))).starts_with("this is a signed metadata BLOB"));
    assert_eq!(message(names_from_community_list(&json!([]))), "the list: expected an object of AAGUIDs");
    assert_eq!(message(names_from_community_list(&json!({ "x": {} }))), "x: expected an AAGUID");
    assert_eq!(
        message(names_from_community_list(&json!({ YUBIKEY: {} }))),
        format!("{YUBIKEY}.name: expected text")
    );
}
