//! Requests in Graph's shape, answered as documents of Graph's shape.
use super::{Content, GraphAnswer, GraphRequest, answer};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use tenant::store::Forgetful;
use tenant::{Behaviour, Settings, Tenant, Time};

const NOW: Time = Time::from_seconds(1_768_947_547);
const FIDO2: &str = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/fido2";

struct Graph {
    tenant: Tenant,
}

impl Graph {
    fn new() -> Self {
        let rng = Box::new(ChaCha20Rng::seed_from_u64(5));
        let arrange = |_: Option<Settings>, id| {
            Settings::new(id, "login.microsoft.com", "https://login.microsoft.com", Behaviour::Current)
        };
        let tenant = Tenant::open(Box::new(Forgetful), rng, arrange).unwrap();
        let mut graph = Self { tenant };
        graph.ask(
            "PATCH",
            FIDO2,
            &json!({
                "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
                "state": "enabled", "isSelfServiceRegistrationAllowed": true,
            }),
            204,
        );
        graph
    }

    fn raw(&mut self, method: &str, path: &str, body: &[u8]) -> GraphAnswer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = GraphRequest { method, path, query, body, base: "http://localhost:1" };
        answer(&mut self.tenant, NOW, &request)
    }

    #[track_caller]
    fn ask(&mut self, method: &str, path: &str, body: &Value, status: u16) -> Value {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let answer = self.raw(method, path, &body);
        assert_eq!(answer.status, status, "{answer:?}");
        match answer.body {
            Content::Json(value) => value,
            _ => Value::Null,
        }
    }

    #[track_caller]
    fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null, 200)
    }

    fn user(&mut self, name: &str) -> String {
        let body = json!({ "userPrincipalName": name, "displayName": "Adele Example" });
        self.ask("POST", "/v1.0/users", &body, 201)["id"].as_str().unwrap().to_owned()
    }
}

/// The names of members, all the way down; lists by their first.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.first().map_or(json!([]), |first| json!([shape(first)])),
        _ => Value::Null,
    }
}

#[test]
fn creation_options_have_the_shape_of_captured_ones() {
    let captured: Value =
        serde_json::from_str(include_str!("../../../../../fixtures/graph/creation-options.json")).unwrap();
    let mut graph = Graph::new();
    let user = graph.user("adele@contoso.test");
    let mut options = graph.get(&format!("/v1.0/users/{user}/authentication/fido2Methods/creationOptions"));
    assert_eq!(options["challengeTimeoutDateTime"], "2026-01-20T22:24:07Z");
    let mut captured = captured;
    for document in [&mut options, &mut captured] {
        assert_eq!(document["publicKey"]["attestation"], "direct");
        document["publicKey"]["excludeCredentials"] = json!([]);
    }
    assert_eq!(shape(&options), shape(&captured));
    for same in ["pubKeyCredParams", "timeout", "authenticatorSelection", "extensions"] {
        assert_eq!(options["publicKey"][same], captured["publicKey"][same], "{same}");
    }
    assert_eq!(options["publicKey"]["rp"]["id"], "login.microsoft.com");
}

#[test]
fn beta_takes_a_time_in_either_place_and_v1_takes_none() {
    let mut graph = Graph::new();
    let user = graph.user("adele@contoso.test");
    let path = format!("users/{user}/authentication/fido2Methods/creationOptions");
    for asked in [
        format!("/beta/{path}(challengeTimeoutInMinutes=10)"),
        format!("/beta/{path}?challengeTimeoutInMinutes=10"),
    ] {
        assert_eq!(graph.get(&asked)["challengeTimeoutDateTime"], "2026-01-20T22:29:07Z");
    }
    for bad in ["4", "43201", "ten"] {
        graph.ask("GET", &format!("/beta/{path}(challengeTimeoutInMinutes={bad})"), &Value::Null, 400);
    }
    graph.ask("GET", &format!("/v1.0/{path}?challengeTimeoutInMinutes=10"), &Value::Null, 400);
}

#[test]
fn a_refused_registration_is_json_in_json_as_measured() {
    let mut graph = Graph::new();
    let user = graph.user("adele@contoso.test");
    let group = graph.ask("POST", "/v1.0/groups", &json!({ "displayName": "Left out" }), 201);
    let reference =
        json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{user}") });
    let members = format!("/v1.0/groups/{}/members/$ref", group["id"].as_str().unwrap());
    graph.ask("POST", &members, &reference, 204);
    graph.ask(
        "PATCH",
        FIDO2,
        &json!({
            "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
            "excludeTargets": [{ "targetType": "group", "id": group["id"] }],
        }),
        204,
    );
    let body = json!({ "displayName": "Key", "publicKeyCredential": {
        "id": "AAAA", "response": { "clientDataJSON": "e30", "attestationObject": "oA" } } });
    let refused = graph.ask("POST", &format!("/v1.0/users/{user}/authentication/fido2Methods"), &body, 400);
    assert_eq!(refused["error"]["code"], "badRequest");
    let inner: Value = serde_json::from_str(refused["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["odata.error"]["code"], "Request_BadRequest");
    assert_eq!(inner["odata.error"]["message"]["value"], "User or group restriction policy failed");
    assert_eq!(
        inner["odata.error"]["values"],
        json!([{ "item": "subCode", "value": "error_user_group_restriction_policy_failure" }])
    );
    for member in ["date", "request-id", "client-request-id"] {
        assert!(refused["error"]["innerError"][member].is_string(), "{member}");
    }
}

#[test]
fn a_program_of_nobody_s_own_may_not_ask_for_itself() {
    let mut graph = Graph::new();
    let path = "/v1.0/me/authentication/fido2Methods/creationOptions";
    let refused = graph.ask("GET", path, &Value::Null, 405);
    assert_eq!(refused["error"]["code"], "methodNotAllowed");
}

#[test]
fn routes_and_names_are_matched_in_any_case() {
    let mut graph = Graph::new();
    let short = "/V1.0/authenticationMethodsPolicy/AuthenticationMethodConfigurations/FIDO2";
    let body = json!({
        "@ODATA.TYPE": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
        "KEYRESTRICTIONS": { "ISENFORCED": "true", "EnforcementType": "allow",
            "AAGUIDS": ["90A3CCDF-635C-4729-A248-9B709135078F"] },
    });
    assert_eq!(graph.raw("PATCH", short, &serde_json::to_vec(&body).unwrap()).status, 204);
    let policy = graph.get(FIDO2);
    assert_eq!(policy["keyRestrictions"]["aaGuids"], json!(["90a3ccdf-635c-4729-a248-9b709135078f"]));
    let user = graph.user("Adele@Contoso.Test");
    assert_eq!(graph.get("/v1.0/users('adele@contoso.test')")["id"], user.as_str());
}

#[test]
fn collections_come_in_pages_that_lead_to_the_next() {
    let mut graph = Graph::new();
    for number in 0..250 {
        graph.user(&format!("user{number:03}@contoso.test"));
    }
    let mut path =
        "/v1.0/users?$select=userPrincipalName&$filter=startswith(userPrincipalName,'user')".to_owned();
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = graph.get(&path);
        found.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|user| user["userPrincipalName"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page["@odata.nextLink"].as_str() {
            Some(link) => path = link.strip_prefix("http://localhost:1").unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!((found.len(), pages), (250, 3));
    found.dedup();
    assert_eq!(found.len(), 250);
    let counted = graph.get("/v1.0/users?$count=true&$top=1");
    assert_eq!((&counted["@odata.count"], counted["value"].as_array().unwrap().len()), (&json!(250), 1));
}

#[test]
fn bad_bodies_are_refused_and_change_nothing() {
    let mut graph = Graph::new();
    let before = graph.get(FIDO2);
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    for bad in [b"".as_slice(), b"{", b"[]", b"null", b"{\"state\":\"enabled\"}", b"\xff", &deep] {
        assert_eq!(graph.raw("PATCH", FIDO2, bad).status, 400, "{}", bad.len());
    }
    assert_eq!(graph.get(FIDO2), before);
    for nowhere in ["/", "/v1.0", "/v1.0/", "/v2.0/users", "/v1.0/users/x/y/z", "/v1.0/%zz"] {
        assert_eq!(graph.raw("GET", nowhere, b"").status, 404, "{nowhere}");
    }
    assert_eq!(graph.raw("GET", "/v1.0/users?$nonsense=1", b"").status, 400);
    assert_eq!(graph.raw("GET", "/v1.0/users?$filter=a%20eq", b"").status, 400);
}

#[test]
fn strengths_are_made_shown_changed_and_kept_while_they_are_asked_for() {
    let mut graph = Graph::new();
    let strengths = "/v1.0/policies/authenticationStrengthPolicies";
    let built_in = graph.get(&format!("{strengths}?$filter=policyType eq 'builtIn'").replace(' ', "%20"));
    assert_eq!(built_in["value"].as_array().unwrap().len(), 3);
    let body = json!({ "displayName": "Passkeys", "allowedCombinations": ["fido2"] });
    let made = graph.ask("POST", strengths, &body, 201);
    let one = format!("{strengths}/{}", made["id"].as_str().unwrap());
    let configuration = json!({
        "@odata.type": "#microsoft.graph.fido2CombinationConfiguration", "appliesToCombinations": ["fido2"],
        "allowedAAGUIDs": ["de1e552d-db1d-4423-a619-566b625cdc84"],
    });
    let added = graph.ask("POST", &format!("{one}/combinationConfigurations"), &configuration, 201);
    assert_eq!(graph.get(&one)["combinationConfigurations"][0]["id"], added["id"]);
    let policy = json!({
        "displayName": "Require", "state": "enabled",
        "conditions": { "users": { "includeUsers": ["All"] }, "applications": { "includeApplications": ["All"] } },
        "grantControls": { "operator": "OR", "builtInControls": [], "authenticationStrength": { "id": made["id"] } },
    });
    let policy = graph.ask("POST", "/v1.0/identity/conditionalAccess/policies", &policy, 201);
    graph.ask("DELETE", &one, &Value::Null, 409);
    let used = graph.get(&format!("{one}/usage"));
    assert_eq!(used["mfa"][0]["id"], policy["id"]);
    let path = format!("/v1.0/identity/conditionalAccess/policies/{}", policy["id"].as_str().unwrap());
    graph.ask("DELETE", &path, &Value::Null, 204);
    graph.ask("DELETE", &one, &Value::Null, 204);
    graph.ask("GET", &one, &Value::Null, 404);
    graph.ask("DELETE", &format!("{strengths}/00000000-0000-0000-0000-000000000004"), &Value::Null, 403);
}
