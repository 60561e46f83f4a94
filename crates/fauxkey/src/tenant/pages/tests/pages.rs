use super::{ADELE, FIDO2, IOS, Rig};
use serde_json::{Value, json};
use tenant::Behaviour;

/// Everything that is in sight, without script and style.
fn text(body: &str) -> &str {
    let start = body.find("<body").unwrap();
    &body[start..body.rfind("<script").unwrap_or(body.len())]
}

#[test]
fn each_page_says_what_it_is_not() {
    let rig = Rig::new(Behaviour::Current);
    for path in ["/", "/login", "/mysecurityinfo", "/admin", "/signins", "/audits", "/activity"] {
        let body = rig.page(path).body;
        assert!(body.contains("Software keys protect nothing."), "{path}");
        assert!(body.contains("no service of Microsoft's"), "{path}");
        assert!(body.contains("behaves as current"), "{path}");
    }
}

#[test]
fn both_ways_to_another_device_say_what_comes_next_and_what_to_do_without_bluetooth() {
    let rig = Rig::new(Behaviour::Current);
    for page in ["/login", "/mysecurityinfo"].map(|path| rig.page(path).body) {
        for (kind, says) in [
            ("yes", "A QR code comes next"),
            ("no", "<code>fauxkey hybrid lab -- bash</code>"),
            ("untold", "it does not say"),
        ] {
            let part = page.split_once(&format!("data-hybrid=\"{kind}\" hidden>")).unwrap().1;
            assert!(part.split_once("</p>").unwrap().0.contains(says), "{kind}");
        }
    }
}

#[test]
fn strangers_text_is_shown_and_never_run() {
    let rig = Rig::new(Behaviour::Current);
    let evil = "<img src=x onerror=alert(1)>\"'\u{7}";
    rig.graph("POST", "/v1.0/groups", &json!({ "displayName": evil }));
    let user = json!({ "userPrincipalName": "eve@contoso.test", "displayName": evil });
    rig.graph("POST", "/v1.0/users", &user);
    for path in ["/admin", "/activity"] {
        let body = rig.page(path).body;
        assert!(!body.contains("<img"), "{path}");
        assert!(text(&body).contains("&#60;img") && !body.contains('\u{7}'), "{path}");
    }
    let page = rig.page("/signins?user=%3Cimg%3E'&error=1%20or%201&status=eq%207");
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("<img"), "{}", page.body);
}

#[test]
fn the_admin_page_shows_models_by_their_names() {
    let rig = Rig::new(Behaviour::Preview2024);
    rig.graph(
        "PATCH",
        FIDO2,
        &json!({
            "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
            "keyRestrictions": { "isEnforced": true, "enforcementType": "allow",
                "aaGuids": ["90a3ccdf-635c-4729-a248-9b709135078f", "01020304-0506-0708-0102-030405060708"] },
        }),
    );
    let body = rig.page("/admin").body;
    let ticked =
        "value=\"90a3ccdf-635c-4729-a248-9b709135078f\" checked> <span><bdi>Microsoft Authenticator for iOS";
    assert!(body.contains(ticked), "{body}");
    assert!(body.contains("spellcheck=\"false\">01020304-0506-0708-0102-030405060708</textarea>"));
    assert!(body.contains("restrictions bind registration alone"));
    assert!(!body.contains("Opt in to passkey profiles"), "there were no profiles then");
}

#[test]
fn profiles_are_shown_once_a_tenant_has_them() {
    let rig = Rig::new(Behaviour::Current);
    assert!(rig.page("/admin").body.contains("Opt in to passkey profiles"));
    rig.graph(
        "PATCH",
        FIDO2,
        &json!({
            "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
            "defaultPasskeyProfile": "00000000-0000-0000-0000-000000000001",
        }),
    );
    let body = rig.page("/admin").body;
    assert!(body.contains("Default passkey profile") && body.contains("Add a profile"), "{body}");
}

#[test]
fn the_log_tells_what_was_judged_and_a_filter_leaves_the_rest_out() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    rig.register(&session, IOS, &json!({ "route": "securityInfo" })).done();
    rig.sign_in(&rig.begin(), IOS).done();
    let named = rig.named(ADELE);
    rig.post(&named, "/login/password", &json!({ "password": "wrong" })).refused(401);
    let body = rig.page("/signins").body;
    for expected in ["Passkey (device-bound)", "Temporary Access Pass", "Failure, 50126", "3 sign-ins"] {
        assert!(body.contains(expected), "{expected}: {body}");
    }
    let failures = rig.page("/signins?status=ne%200").body;
    assert!(failures.contains("Failure, 50126") && failures.contains("1 sign-in<"), "{failures}");
    assert!(failures.contains("$filter=status%2FerrorCode%20ne%200"), "exports leave out the same");
    assert!(rig.page("/signins?user=eve").body.contains("No sign-ins that fit"));
    let audits = rig.page("/audits").body;
    assert!(audits.contains("Add Passkey (device-bound)"), "{audits}");
}

#[test]
fn activity_counts_passkeys_of_the_app_and_filters_by_them() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    rig.register(&session, IOS, &json!({ "route": "securityInfo" })).done();
    rig.sign_in(&rig.begin(), IOS).done();
    let body = rig.page("/activity").body;
    assert_eq!(body.matches("<svg ").count(), 4, "{body}");
    assert!(body.contains("<dt>Users with a passkey in Microsoft Authenticator</dt><dd>1</dd>"), "{body}");
    let filtered = rig.page("/activity?method=passKeyDeviceBoundAuthenticator").body;
    assert!(filtered.contains(ADELE), "{filtered}");
    let others = rig.page("/activity?method=fido2SecurityKey").body;
    assert!(others.contains("<p>Nobody.</p>"), "{others}");
}

#[test]
fn an_empty_tenant_has_all_pages_too() {
    let rig = Rig::new(Behaviour::Preview2024);
    rig.graph("DELETE", &format!("/v1.0/users/{ADELE}"), &Value::Null);
    for path in ["/", "/admin", "/signins", "/activity"] {
        assert_eq!(rig.page(path).status, 200, "{path}");
    }
}

#[test]
fn my_security_info_names_models_and_warns_of_what_is_not_proven() {
    let rig = Rig::new(Behaviour::Current);
    let session = rig.signed_in();
    rig.register(&session, IOS, &json!({ "route": "securityInfo" })).done();
    let page = rig.ask("GET", "/mysecurityinfo", &[("cookie", &format!("session={session}"))], &[]);
    for expected in
        ["Microsoft Authenticator for iOS", "not attested", "device-bound", "nothing proves the model"]
    {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
}
