//! What is reported of users, passkeys and sign-ins.
use super::*;
use crate::administration::MethodPolicy;
use crate::app::{AuthenticatorApp, Platform};
use crate::directory::NewUser;
use crate::odata::Query;
use crate::records::{Activity, Methods, Registration, ReportedMethod};
use crate::user::UserType;

fn patch(tenant: &mut Tenant, mut body: Value) {
    body["@odata.type"] = "#microsoft.graph.fido2AuthenticationMethodConfiguration".into();
    tenant.patch_method_policy(NOW, MethodPolicy::Fido2, &body).unwrap();
}

fn add(tenant: &mut Tenant, name: &str, user_type: UserType, is_admin: bool) -> Guid {
    let user_principal_name = format!("{name}@contoso.test");
    let new = NewUser { user_principal_name, user_type, is_admin, ..NewUser::default() };
    tenant.add_user(NOW, new).unwrap().id
}

fn app(user: Guid, push: bool, phone_sign_in: bool, one_time_code: bool) -> AuthenticatorApp {
    AuthenticatorApp {
        id: Guid([user.0[15]; 16]),
        user,
        display_name: "Phone".into(),
        platform: Platform::Ios,
        phone_app_version: "6.8.7".into(),
        push,
        phone_sign_in,
        one_time_code,
        created: NOW,
    }
}

fn details(tenant: &Tenant, user: Guid) -> Value {
    tenant.registration_details_of(NOW, &tenant.state.users[&user])
}

#[test]
fn registration_details_are_graph_s() {
    let golden = &fixture("userRegistrationDetails")["value"][0];
    let mut registration = Registration::default();
    for word in golden["methodsRegistered"].as_array().unwrap() {
        let method: ReportedMethod = serde_json::from_value(word.clone()).unwrap();
        registration.registered.insert(method);
        registration.allowed.insert(method);
    }
    let made = registration.to_graph(&adele(), NOW);
    assert_eq!(names(&made), names(golden));
    for name in names(golden).into_iter().filter(|name| !["id", "lastUpdatedDateTime"].contains(name)) {
        assert_eq!(made[name], golden[name], "{name}");
    }
}

#[test]
fn graph_s_word_of_a_method_is_its_name_in_json() {
    for method in ReportedMethod::ALL {
        assert_eq!(json!(method), json!(method.as_str()));
    }
}

#[test]
fn a_passkey_is_reported_by_model_type_and_year() {
    use PasskeyType::{DeviceBound, Synced};
    for (model, passkey_type, then, now) in [
        (IOS, DeviceBound, "passKeyDeviceBoundAuthenticator", "passKeyDeviceBoundAuthenticator"),
        (ANDROID, DeviceBound, "passKeyDeviceBoundAuthenticator", "passKeyDeviceBoundAuthenticator"),
        (HELLO, DeviceBound, "passKeyDeviceBoundWindowsHello", "passKeyDeviceBoundWindowsHello"),
        (YUBIKEY, DeviceBound, "fido2SecurityKey", "passKeyDeviceBound"),
        (YUBIKEY, Synced, "passKeySynced", "passKeySynced"),
        (IOS, Synced, "passKeySynced", "passKeySynced"),
    ] {
        for (behaviour, word) in [(Behaviour::Preview2024, then), (Behaviour::Current, now)] {
            let method = ReportedMethod::of_model(aaguid(model), passkey_type, behaviour);
            assert_eq!(method.as_str(), word, "{model} {passkey_type:?} {behaviour:?}");
        }
    }
}

#[test]
fn every_set_of_methods_is_reported_as_the_words_say() {
    // all sets of registered methods, with all, none, or one of them allowed
    let strong = |word: &&str| *word != "password";
    let passwordless = |word: &&str| {
        word.starts_with("passKey") || *word == "fido2SecurityKey" || word.ends_with("Passwordless")
    };
    let set = |bits: u32| {
        let mut methods = Methods::default();
        let chosen = ReportedMethod::ALL.into_iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1);
        chosen.for_each(|(_, method)| methods.insert(method));
        methods
    };
    let words = |methods: Methods| methods.iter().map(ReportedMethod::as_str).collect::<Vec<_>>();
    let all = (1 << ReportedMethod::ALL.len()) - 1;
    for registered in 0..=all {
        let single = (0..ReportedMethod::ALL.len()).map(|i| registered & 1 << i);
        for allowed in single.chain([registered]) {
            let registration = Registration { registered: set(registered), allowed: set(allowed) };
            let made = registration.to_graph(&adele(), NOW);
            let (has, may) = (words(set(registered)), words(set(allowed)));
            assert_eq!(made["isMfaRegistered"], has.iter().any(strong), "{has:?}");
            assert_eq!(made["isMfaCapable"], may.iter().any(strong), "{may:?}");
            assert_eq!(made["isPasswordlessCapable"], may.iter().any(passwordless), "{may:?}");
            let listed: Vec<_> = has.iter().filter(|word| **word != "password").collect();
            assert_eq!(made["methodsRegistered"], json!(listed));
            let push = has.contains(&"microsoftAuthenticatorPush");
            let oath = has.contains(&"softwareOneTimePasscode");
            let preferred = if push {
                "push"
            } else if oath {
                "oath"
            } else {
                "none"
            };
            assert_eq!(made["userPreferredMethodForSecondaryAuthentication"], preferred);
        }
    }
}

#[test]
fn a_change_of_policy_changes_who_is_capable_and_not_who_is_registered() {
    for behaviour in BOTH {
        let mut tenant = tenant(behaviour);
        patch(&mut tenant, json!({ "state": "enabled" }));
        let user = add(&mut tenant, "adele", UserType::Member, false);
        keep(&mut tenant, passkey(user, 1, IOS, PasskeyType::DeviceBound));
        let flags = |tenant: &Tenant| {
            let details = details(tenant, user);
            ["isMfaRegistered", "isMfaCapable", "isPasswordlessCapable"].map(|name| details[name] == true)
        };
        assert_eq!(flags(&tenant), [true; 3]);
        patch(&mut tenant, json!({ "state": "disabled" }));
        assert_eq!(flags(&tenant), [true, false, false]);
        patch(&mut tenant, json!({ "state": "enabled" }));
        assert_eq!(flags(&tenant), [true; 3]);
        let restriction = json!({ "isEnforced": true, "enforcementType": "allow", "aaGuids": [YUBIKEY] });
        patch(&mut tenant, json!({ "keyRestrictions": restriction }));
        // in 2024 a restriction bound registration alone
        let still = behaviour == Behaviour::Preview2024;
        assert_eq!(flags(&tenant), [true, still, still], "{behaviour:?}");
        let features = tenant.registered_by_feature(NOW, "all", "all").unwrap();
        let capable = json!({ "feature": "mfaCapable", "userCount": u8::from(still) });
        assert_eq!(features["userRegistrationFeatureCounts"][4], capable);
        let methods = tenant.registered_by_method(NOW, "all", "all").unwrap();
        let counts = methods["userRegistrationMethodCounts"].as_array().unwrap();
        let authenticator =
            counts.iter().find(|count| count["authenticationMethod"] == "passKeyDeviceBoundAuthenticator");
        assert_eq!(authenticator.unwrap()["userCount"], 1);
    }
}

#[test]
fn the_policy_is_asked_once_for_all_that_are_alike_and_never_for_others() {
    // one user in a group that is excluded, one user excluded by name, and everybody else
    let mut tenant = tenant(Behaviour::Current);
    let users = ["adele", "bert", "carla"].map(|name| add(&mut tenant, name, UserType::Member, false));
    let group = tenant.add_group("Without").unwrap().id;
    tenant.set_member(group, users[0], true).unwrap();
    for (number, user) in (0..).zip(users) {
        keep(&mut tenant, passkey(user, number, IOS, PasskeyType::DeviceBound));
        keep(&mut tenant, passkey(user, 10 + number, YUBIKEY, PasskeyType::DeviceBound));
    }
    patch(
        &mut tenant,
        json!({
            "state": "enabled",
            "excludeTargets": [
                { "targetType": "group", "id": group },
                { "targetType": "user", "id": users[1] },
            ],
            "keyRestrictions": { "isEnforced": true, "enforcementType": "block", "aaGuids": [YUBIKEY] },
        }),
    );
    let mut seen = 0;
    for details in tenant.registration_details(NOW) {
        let user = tenant.user(details["id"].as_str().unwrap()).unwrap();
        assert_eq!(details, tenant.registration_details_of(NOW, user), "in a row as one by one");
        let capable = details["userPrincipalName"] == "carla@contoso.test";
        assert_eq!(details["isPasswordlessCapable"], capable, "{details}");
        assert_eq!(details["isMfaRegistered"], true);
        seen += 1;
    }
    assert_eq!(seen, 3);
    let allowed = tenant.registration(NOW, tenant.user("carla@contoso.test").unwrap()).allowed;
    assert!(allowed.has(ReportedMethod::PassKeyDeviceBoundAuthenticator));
    assert!(!allowed.has(ReportedMethod::PassKeyDeviceBound));
}

#[test]
fn an_app_is_reported_as_what_it_does_and_its_mode_decides_what_of_it_counts() {
    let mut tenant = tenant(Behaviour::Current);
    let user = add(&mut tenant, "adele", UserType::Member, false);
    for (push, phone, code) in (0..8).map(|bits| (bits & 1 == 1, bits & 2 == 2, bits & 4 == 4)) {
        let app = app(user, push, phone, code);
        tenant.commit(vec![Change::Put(Box::new(Row::App(app)))]).unwrap();
        for (mode, push_counts, phone_counts) in
            [("any", true, true), ("push", true, false), ("deviceBasedPush", false, true)]
        {
            for codes_count in [true, false] {
                let body = json!({
                    "@odata.type": "#microsoft.graph.microsoftAuthenticatorAuthenticationMethodConfiguration",
                    "state": "enabled",
                    "isSoftwareOathEnabled": codes_count,
                    "includeTargets": [{ "targetType": "group", "id": "all_users", "authenticationMode": mode }],
                });
                tenant.patch_method_policy(NOW, MethodPolicy::MicrosoftAuthenticator, &body).unwrap();
                let made = details(&tenant, user);
                let methods = [push, phone, code].iter().filter(|one| **one).count();
                assert_eq!(made["methodsRegistered"].as_array().unwrap().len(), methods);
                let capable = push && push_counts || phone && phone_counts || code && codes_count;
                assert_eq!(made["isMfaCapable"], capable);
                assert_eq!(made["isPasswordlessCapable"], phone && phone_counts);
            }
        }
    }
}

#[test]
fn summaries_are_graph_s_and_count_whom_they_are_asked_to() {
    let mut tenant = tenant(Behaviour::Current);
    patch(&mut tenant, json!({ "state": "enabled" }));
    for (number, name, user_type, is_admin) in [
        (1, "adele", UserType::Member, false),
        (2, "bert", UserType::Member, true),
        (3, "carla", UserType::Guest, false),
        (4, "dora", UserType::Guest, true),
    ] {
        let user = add(&mut tenant, name, user_type, is_admin);
        keep(&mut tenant, passkey(user, number, IOS, PasskeyType::DeviceBound));
        keep(&mut tenant, passkey(user, 10 + number, ANDROID, PasskeyType::DeviceBound));
    }
    for (types, type_share) in [("all", 2), ("member", 1), ("guest", 1)] {
        for (roles, role_share) in [("all", 2), ("privilegedAdmin", 1), ("admin", 1), ("user", 1)] {
            let users = type_share * role_share;
            let by_method = tenant.registered_by_method(NOW, types, roles).unwrap();
            same_shape("summary", &fixture("usersRegisteredByMethod"), &by_method).unwrap();
            assert_eq!(names(&by_method), names(&fixture("usersRegisteredByMethod")));
            assert_eq!(by_method["totalUserCount"], users, "{types} {roles}");
            let counts = by_method["userRegistrationMethodCounts"].as_array().unwrap();
            let count = counts.iter().map(|count| count["userCount"].as_u64().unwrap()).sum::<u64>();
            assert_eq!(count, users, "two passkeys of a kind are one");
            let by_feature = tenant.registered_by_feature(NOW, types, roles).unwrap();
            let golden = fixture("usersRegisteredByFeature");
            same_shape("summary", &golden, &by_feature).unwrap();
            let features = |summary: &Value| {
                let counts = summary["userRegistrationFeatureCounts"].as_array().unwrap();
                counts.iter().map(|count| count["feature"].clone()).collect::<Vec<_>>()
            };
            assert_eq!(features(&by_feature), features(&golden));
            assert_eq!(by_feature["userRegistrationFeatureCounts"][3]["userCount"], users);
        }
    }
    for (types, roles) in [("everybody", "all"), ("all", "boss"), ("", "all"), ("all", "unknownFutureValue")]
    {
        let refusal = tenant.registered_by_method(NOW, types, roles).unwrap_err();
        assert_eq!(refusal.kind, crate::RefusalKind::BadRequest);
        assert!(refusal.message.contains("goes by all"), "{}", refusal.message);
    }
}

#[test]
fn the_filter_of_the_walk_through_finds_who_has_a_passkey_in_authenticator() {
    let mut tenant = tenant(Behaviour::Current);
    for (number, name, model) in [(1, "adele", IOS), (2, "bert", YUBIKEY), (3, "carla", ANDROID)] {
        let user = add(&mut tenant, name, UserType::Member, false);
        keep(&mut tenant, passkey(user, number, model, PasskeyType::DeviceBound));
    }
    let filter = "methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')";
    let found = Query::parse([("$filter", filter)]).unwrap().apply(tenant.registration_details(NOW)).value;
    let names: Vec<_> = found.iter().map(|details| details["userDisplayName"].as_str().unwrap()).collect();
    assert_eq!(names, ["adele", "carla"], "by name");
}

#[test]
fn sign_ins_are_counted_by_what_led_in() {
    let mut tenant = tenant(Behaviour::Current);
    let settings = settings(Behaviour::Current);
    let by = |number, model, passkey_type, succeeded| {
        let passkey = passkey(Guid::small(1), number, model, passkey_type);
        AuthenticationDetail::passkey(&settings, &passkey, NOW, succeeded, None)
    };
    let bound = PasskeyType::DeviceBound;
    let plain = |label| AuthenticationDetail::plain(label, NOW, true, None);
    let entries = [
        (0, vec![by(1, IOS, bound, true)]),
        (0, vec![by(2, YUBIKEY, bound, false), by(2, YUBIKEY, bound, true), by(3, YUBIKEY, bound, true)]),
        (0, vec![plain("Password"), plain("Mobile app notification")]),
        (0, vec![plain("Temporary Access Pass")]),
        (53003, vec![by(4, YUBIKEY, bound, true)]),
        (0, vec![by(5, YUBIKEY, PasskeyType::Synced, true)]),
    ];
    for (id, (number, details)) in (1..).zip(entries) {
        let entry = sign_in(Behaviour::Current, id, NOW, number, details);
        tenant.commit(vec![Change::Put(Box::new(Row::SignIn(Box::new(entry))))]).unwrap();
    }
    let usage = tenant.sign_ins_by_method();
    let golden = fixture("usersSignInsByAuthMethod-beta");
    usage.iter().for_each(|made| assert_eq!(names(made), names(&golden["value"][0])));
    let counted: Vec<_> = usage
        .iter()
        .filter(|made| made["successActivityCount"] != 0)
        .map(|made| (made["authenticationMethod"].as_str().unwrap(), made["successActivityCount"].clone()))
        .collect();
    let expected = [
        ("microsoftAuthenticatorPush", json!(1)),
        ("passKeyDeviceBound", json!(1)),
        ("passKeyDeviceBoundAuthenticator", json!(1)),
        ("passKeySynced", json!(1)),
        ("temporaryAccessPass", json!(1)),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn activity_counts_each_thing_on_its_day() {
    let mut tenant = tenant(Behaviour::Current);
    patch(&mut tenant, json!({ "state": "enabled" }));
    let user = add(&mut tenant, "adele", UserType::Member, false);
    for (number, model, days_ago) in [(1, IOS, 0), (2, IOS, 2), (3, YUBIKEY, 1), (4, IOS, 40), (5, IOS, -1)] {
        let mut passkey = passkey(user, number, model, PasskeyType::DeviceBound);
        passkey.created = NOW.plus_minutes(-1440 * days_ago);
        keep(&mut tenant, passkey);
    }
    for (id, number, days_ago) in [(1, 0, 0), (2, 135_016, 0), (3, 135_016, 1), (4, 53003, 2), (5, 0, 3)] {
        let made = passkey(user, 1, IOS, PasskeyType::DeviceBound);
        let at = NOW.plus_minutes(-1440 * days_ago);
        let detail = AuthenticationDetail::passkey(&tenant.settings, &made, at, number == 0, None);
        let entry = sign_in(Behaviour::Current, id, at, number, vec![detail]);
        tenant.commit(vec![Change::Put(Box::new(Row::SignIn(Box::new(entry))))]).unwrap();
    }
    let activity = tenant.activity(NOW, 3);
    let days: Vec<String> = activity.days.iter().map(ToString::to_string).collect();
    assert_eq!(days, ["2026-01-18", "2026-01-19", "2026-01-20"]);
    assert_eq!(activity.registrations_by_day, [1, 1, 1], "neither long ago nor to come");
    assert_eq!(activity.passkeys, 5);
    assert_eq!((activity.users, activity.passwordless_capable), (1, 1));
    let models: Vec<_> =
        activity.by_model.iter().map(|model| (model.display_name.as_str(), model.passkeys)).collect();
    assert_eq!(
        models,
        [("Microsoft Authenticator for iOS", 4), ("YubiKey 5 Series with NFC (fw 5.2, 5.4)", 1)]
    );
    assert_eq!(activity.by_model[0].registrations_by_day, [1, 0, 1]);
    let sign_ins = activity.sign_ins_by_day.iter();
    let sign_ins: Vec<_> = sign_ins.map(|day| (day.succeeded, day.failed, day.with_passkey)).collect();
    assert_eq!(sign_ins, [(0, 1, 0), (0, 1, 0), (1, 1, 1)]);
    let failures: Vec<_> =
        activity.failures.iter().map(|failure| (failure.error_code, failure.sign_ins)).collect();
    assert_eq!(failures, [(135_016, 2), (53003, 1)]);
    let text = serde_json::to_string(&activity).unwrap();
    assert_eq!(serde_json::from_str::<Activity>(&text).unwrap(), activity);
}

#[test]
fn activity_is_of_at_least_a_day_and_at_most_a_leap_year_wherever_the_clock_stands() {
    let tenant = tenant(Behaviour::Current);
    for now in [NOW, Time(0), Time(i64::MIN), Time(i64::MAX)] {
        for (days, length) in [(0, 1), (1, 1), (30, 30), (u16::MAX, 366)] {
            let activity = tenant.activity(now, days);
            assert_eq!(activity.days.len(), length, "{now}");
            assert_eq!(activity.registrations_by_day.len(), length);
            assert_eq!(activity.sign_ins_by_day.len(), length);
        }
    }
}
