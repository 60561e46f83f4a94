//! The Authenticator app on virtual phones, at a tenant that is served over HTTP.
use super::*;
use crate::app::{Account, AccountKind, Added, NewAccount, Secret};
use crate::tenant::host::Arrangement;
use crate::tenant::serve::{ServedTenant, serve};
use serde_json::{Value, json};
use tenant::Time;
use tenant::administration::MethodPolicy;
use tenant::directory::NewUser;
use tenant::policy::{AUTHENTICATOR_ANDROID, AUTHENTICATOR_IOS};
use zeroize::Zeroizing;

const ADA: &str = "ada@contoso.test";
const PASSWORD: &str = "correct horse battery staple";

/// A tenant with one user and a pass, beside that instance.
fn beside(instance: &Instance) -> (ServedTenant, String) {
    let served = serve(instance, None, None, "token".into(), &Arrangement::default()).unwrap();
    let of = |kind: &str| format!("#microsoft.graph.{kind}AuthenticationMethodConfiguration");
    let pass = served.site.host.with(|tenant, now| {
        for (which, kind) in [
            (MethodPolicy::Fido2, "fido2"),
            (MethodPolicy::MicrosoftAuthenticator, "microsoftAuthenticator"),
            (MethodPolicy::TemporaryAccessPass, "temporaryAccessPass"),
        ] {
            let mut change = json!({ "@odata.type": of(kind), "state": "enabled" });
            if which == MethodPolicy::Fido2 {
                // As it is at first, it lets no model in that does not prove itself.
                change["isAttestationEnforced"] = false.into();
            }
            tenant.patch_method_policy(now, which, &change).unwrap();
        }
        let new = NewUser {
            user_principal_name: ADA.into(),
            password: Some(Zeroizing::new(PASSWORD.into())),
            ..NewUser::default()
        };
        let user = tenant.add_user(now, new).unwrap();
        let (_, pass) = tenant.create_tap(now, user.id, &json!({}), None).unwrap();
        pass.to_string()
    });
    (served, pass)
}

/// How many passkeys and apps the tenant has of Ada.
fn at_the_tenant(served: &ServedTenant) -> (usize, usize) {
    served.site.host.with(|tenant, _: Time| {
        let id = tenant.user(ADA).unwrap().id;
        (tenant.passkeys(id).count(), tenant.apps(id).count())
    })
}

/// The models that the tenant lets in.
fn allow(served: &ServedTenant, aaguids: &[String]) {
    let change = json!({
        "@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration",
        "keyRestrictions": { "isEnforced": true, "enforcementType": "allow", "aaGuids": aaguids },
    });
    served.site.host.with(|tenant, now| {
        tenant.patch_method_policy(now, MethodPolicy::Fido2, &change).unwrap();
    });
}

fn by_pass(pass: &str) -> NewAccount {
    NewAccount { user_name: ADA.into(), pass: Some(Secret::from(pass)), ..NewAccount::default() }
}

fn by_password() -> NewAccount {
    NewAccount { user_name: ADA.into(), password: Some(Secret::from(PASSWORD)), ..NewAccount::default() }
}

fn added(instance: &Instance, device: &str, new: &NewAccount) -> Account {
    match instance.add_account(device, new).unwrap() {
        Added::Account(account) => *account,
        Added::Number(_) => panic!("nobody asked for a push"),
    }
}

#[test]
fn an_account_has_its_passkey_and_all_that_the_policy_lets_it_have_under_one_entry() {
    let instance = phone();
    let (served, pass) = beside(&instance);
    let account = added(&instance, "phone", &by_pass(&pass));
    assert_eq!((account.kind, account.user_name.as_str()), (AccountKind::Account, ADA));
    assert_eq!(account.tenant.as_deref(), Some(served.url()));
    assert_eq!(account.organization.as_deref(), Some("Contoso"));
    assert!(account.push && account.phone_sign_in && account.one_time_code, "{account:?}");
    let listed = Account { warnings: Vec::new(), ..account };
    assert_eq!(instance.accounts("phone").unwrap(), [listed]);
    assert_eq!(at_the_tenant(&served), (1, 1));

    let code = instance.account_code("phone", ADA).unwrap();
    assert!(code.code.len() == 6 && (1..=30).contains(&code.seconds_left), "{code:?}");
    instance.power("phone", crate::control::Power::Off).unwrap();
    for failure in [
        instance.account_code("phone", ADA).unwrap_err(),
        instance.answer_push("phone", ADA, Some(1)).unwrap_err(),
        instance.add_account("phone", &by_pass(&pass)).unwrap_err(),
    ] {
        assert_eq!(failure.message, "phone has no power");
    }
    assert_eq!(instance.pushes("phone").unwrap(), []);
    instance.power("phone", crate::control::Power::On).unwrap();
    // A passkey that came from somewhere else stands alone.
    make_passkey(&instance, "phone", "example.test", "bea");
    let kinds: Vec<_> = instance.accounts("phone").unwrap().iter().map(|account| account.kind).collect();
    assert_eq!(kinds, [AccountKind::Account, AccountKind::Passkey]);
    let failure = instance.account_code("phone", "bea").unwrap_err();
    assert!(failure.message.contains("is a passkey and no account"), "{failure}");
}

#[test]
fn mfa_that_is_set_up_already_is_as_good_as_a_pass() {
    let instance = phone();
    let (served, pass) = beside(&instance);
    added(&instance, "phone", &by_pass(&pass));
    instance.add_device("tablet", "ms-authenticator-android").unwrap();
    instance.add_device("other", "ms-authenticator-android").unwrap();

    let code = instance.account_code("phone", ADA).unwrap().code;
    added(&instance, "tablet", &NewAccount { code: Some(Secret::from(code.as_str())), ..by_password() });

    let push = NewAccount { push: true, ..by_password() };
    let Added::Number(number) = instance.add_account("other", &push).unwrap() else {
        panic!("a push notification waits for its number");
    };
    let waiting = instance.pushes("phone").unwrap();
    assert_eq!((waiting.len(), waiting[0].user_name.as_str()), (1, ADA), "{waiting:?}");
    instance.answer_push("phone", ADA, Some(number.number)).unwrap();
    added(&instance, "other", &NewAccount { waiting: Some(number.waiting.clone()), ..push });
    assert_eq!(at_the_tenant(&served), (3, 3));
    let again = NewAccount { waiting: Some(number.waiting), push: true, ..by_password() };
    assert_eq!(instance.add_account("other", &again).unwrap_err().kind, FailureKind::NotFound);

    let declined = NewAccount { push: true, ..by_password() };
    instance.add_device("last", DEFAULT_PROFILE).unwrap();
    let Added::Number(number) = instance.add_account("last", &declined).unwrap() else { panic!("no number") };
    instance.answer_push("phone", ADA, None).unwrap();
    let failure =
        instance.add_account("last", &NewAccount { waiting: Some(number.waiting), ..declined }).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
}

#[test]
fn whoever_refuses_nothing_is_left_behind_on_the_phone() {
    let instance = phone();
    let (served, pass) = beside(&instance);
    let nothing = || (instance.passkeys("phone").unwrap().len(), instance.accounts("phone").unwrap().len());

    let wrong = instance.add_account("phone", &by_pass("wrong")).unwrap_err();
    assert!(wrong.kind == FailureKind::Refused && wrong.message.contains("50126"), "{wrong}");
    let nobody = NewAccount { user_name: "bea@contoso.test".into(), ..by_pass(&pass) };
    let failure = instance.add_account("phone", &nobody).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound, "{failure}");
    assert!(failure.message.contains("there is no user bea@contoso.test"), "{failure}");

    instance.set_user("phone", user(Answer::Deny)).unwrap();
    let failure = instance.add_account("phone", &by_pass(&pass)).unwrap_err();
    assert!(failure.message.contains("NotAllowedError"), "{failure}");
    instance.set_user("phone", user(Answer::Approve)).unwrap();

    // The phone has made its passkey by then, and deletes it.
    allow(&served, &[AUTHENTICATOR_ANDROID.to_string()]);
    let failure = instance.add_account("phone", &by_pass(&pass)).unwrap_err();
    assert!(failure.message.contains("sim_key_restriction"), "{failure}");
    assert_eq!(nothing(), (0, 0));
    assert_eq!(at_the_tenant(&served), (0, 0));

    allow(&served, &[AUTHENTICATOR_IOS.to_string()]);
    added(&instance, "phone", &by_pass(&pass));
    let failure = instance.add_account("phone", &by_pass(&pass)).unwrap_err();
    assert!(failure.message.contains("InvalidStateError"), "{failure}");
    assert_eq!(nothing(), (1, 1));

    instance.add_device("key", "security-key").unwrap();
    let failure = instance.add_account("key", &by_pass(&pass)).unwrap_err();
    assert!(failure.message.contains("key has no Authenticator app"), "{failure}");
}

#[test]
fn an_account_goes_with_its_passkey_with_a_reset_of_either_kind_and_with_its_device() {
    let instance = phone();
    let (served, pass) = beside(&instance);
    let none = |what: &str| assert_eq!(instance.accounts("phone").unwrap(), [], "{what}");
    added(&instance, "phone", &by_pass(&pass));
    instance.delete_account("phone", ADA).unwrap();
    none("deleted");
    assert!(instance.passkeys("phone").unwrap().is_empty());
    assert_eq!(at_the_tenant(&served).0, 1, "the tenant does not hear of it");

    let account = added(&instance, "phone", &by_pass(&pass));
    instance.delete_passkey("phone", account.passkey.as_deref().unwrap()).unwrap();
    let left = instance.accounts("phone").unwrap();
    assert!(left.len() == 1 && left[0].passkey.is_none() && left[0].push, "{left:?}");
    instance.reset_device("phone").unwrap();
    none("reset from outside");

    added(&instance, "phone", &by_pass(&pass));
    instance.power("phone", crate::control::Power::Cycle).unwrap();
    let reset = instance.ctap2("phone", Link::Usb, &[wire::ctap2::Command::RESET.0]).unwrap();
    assert_eq!(status(&reset), Status::OK);
    none("reset by a platform");

    added(&instance, "phone", &by_pass(&pass));
    instance.delete_device("phone").unwrap();
    instance.add_device("phone", DEFAULT_PROFILE).unwrap();
    none("another device of that name");
}

#[test]
fn accounts_and_their_codes_are_there_after_the_next_start_though_the_tenant_s_port_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    {
        let instance = Instance::open(&home).unwrap();
        instance.add_device("phone", DEFAULT_PROFILE).unwrap();
        let (served, pass) = beside(&instance);
        added(&instance, "phone", &by_pass(&pass));
        drop(served);
    }
    let instance = Instance::open(&home).unwrap();
    let [account] = instance.accounts("phone").unwrap().try_into().unwrap();
    assert!(account.passkey.is_some() && account.one_time_code, "{account:?}");
    let failure = instance.account_code("phone", ADA).unwrap_err();
    assert!(failure.message.contains("does not answer"), "{failure}");
    assert_eq!(instance.pushes("phone").unwrap(), [], "a tenant that does not run asks nobody anything");
    let served = serve(&instance, None, None, "token".into(), &Arrangement::default()).unwrap();
    assert_ne!(account.tenant.as_deref(), Some(served.url()));
    assert_eq!(instance.account_code("phone", ADA).unwrap().code.len(), 6);
}

#[test]
fn no_answer_has_what_codes_are_had_by() {
    let instance = phone();
    let (served, pass) = beside(&instance);
    let account = added(&instance, "phone", &by_pass(&pass));
    let app = served.site.host.with(|tenant, _| {
        let id = tenant.user(ADA).unwrap().id;
        tenant.apps(id).next().unwrap().id.to_string()
    });
    let told = [
        json!(account),
        json!(instance.accounts("phone").unwrap()),
        json!(instance.account_code("phone", ADA).unwrap()),
        json!(instance.pushes("phone").unwrap()),
    ];
    let text = Value::from(told.to_vec()).to_string();
    assert!(!text.contains(&app) && !text.contains(&pass), "{text}");
}
