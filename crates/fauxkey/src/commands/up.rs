//! The tenant that `fauxkey up` has beside its phone: made ready for a first passkey, and left as it is ever after.
use super::tenant::arrangement;
use crate::cli::Up;
use crate::control::Failure;
use crate::home::Home;
use crate::instance::Instance;
use crate::tenant::serve::{ServedTenant, serve};
use serde::Serialize;
use serde_json::json;
use tenant::administration::MethodPolicy;
use tenant::directory::NewUser;
use tenant::policy::{AUTHENTICATOR_ANDROID, AUTHENTICATOR_IOS};
use tenant::{Refusal, Tenant, Time, User};
use zeroize::Zeroizing;

/// The first user, by name and for people.
const FIRST: (&str, &str) = ("adele", "Adele Vance");
/// How long a pass is good, in minutes: the most that the policy allows as it is at first.
const LIFETIME: u32 = 480;

/// The tenant, and who may sign in first.
pub(super) struct Beside {
    /// Until this is dropped.
    _served: ServedTenant,
    pub(super) welcome: Welcome,
}

/// What a person, or a program, needs to begin. Without `Debug`, as there may be a pass in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Welcome {
    /// Where the tenant is.
    url: String,
    /// The administrator's page, with the token in it.
    admin: String,
    /// Whose behaviour is imitated.
    behaviour: &'static str,
    /// The tenant's name for people.
    #[serde(skip)]
    name: String,
    /// The first user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// A Temporary Access Pass for that user, if one was made now. One that was made before is told nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_access_pass: Option<Pass>,
    /// Whether there is one from before that can still be used.
    #[serde(skip)]
    older: bool,
}

/// A pass as text.
struct Pass(Zeroizing<String>);

impl Serialize for Pass {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Who signs in first, a pass if one was made, and whether there is an older one.
type Ready = (Option<User>, Option<Zeroizing<String>>, bool);

/// Starts the tenant, and makes it ready if it is new.
pub(super) fn start(
    instance: &Instance,
    home: Option<&Home>,
    token: &str,
    arguments: &Up,
) -> Result<Beside, Failure> {
    let arrangement = arrangement(instance, &arguments.kind)?;
    let served = serve(instance, home, arguments.tenant_listen, token.to_owned(), &arrangement)?;
    let ready = |tenant: &mut Tenant, now| {
        let (user, pass, older) = ready(tenant, now)?;
        let settings = tenant.settings();
        Ok::<_, Refusal>((settings.behaviour.as_str(), settings.name.clone(), user, pass, older))
    };
    let (behaviour, name, user, pass, older) = served.site.host.with(ready)?;
    let welcome = Welcome {
        url: served.url().to_owned(),
        admin: served.admin(),
        behaviour,
        name,
        user: user.map(|user| user.user_principal_name),
        temporary_access_pass: pass.map(Pass),
        older,
    };
    Ok(Beside { _served: served, welcome })
}

fn ready(tenant: &mut Tenant, now: Time) -> Result<Ready, Refusal> {
    if tenant.user_count() == 0 {
        set_up(tenant, now)?;
    }
    // Somebody else's tenant by now, perhaps: nobody is added to it.
    let first = format!("{}@{}", FIRST.0, tenant.settings().domain);
    let Ok(user) = tenant.user(&first).cloned() else { return Ok((None, None, false)) };
    if tenant.tap(now, &user).is_some_and(|(_, usability)| usability.is_usable) {
        return Ok((Some(user), None, true));
    }
    // A policy that lets the user have none is the administrator's word, and no reason not to start.
    let made = tenant.create_tap(now, user.id, &json!({ "lifetimeInMinutes": LIFETIME }), None);
    Ok((Some(user), made.ok().map(|(_, text)| text), false))
}

/// As in the walk-through: passkeys in Microsoft Authenticator for everybody, its other modes too, and passes.
fn set_up(tenant: &mut Tenant, now: Time) -> Result<(), Refusal> {
    let of = |kind: &str| format!("#microsoft.graph.{kind}AuthenticationMethodConfiguration");
    let everybody = json!([{ "targetType": "group", "id": "all_users" }]);
    let fido2 = json!({
        "@odata.type": of("fido2"),
        "state": "enabled",
        "isSelfServiceRegistrationAllowed": true,
        "isAttestationEnforced": false,
        "keyRestrictions": {
            "isEnforced": true,
            "enforcementType": "allow",
            "aaGuids": [AUTHENTICATOR_IOS.to_string(), AUTHENTICATOR_ANDROID.to_string()],
        },
        "includeTargets": everybody,
    });
    tenant.patch_method_policy(now, MethodPolicy::Fido2, &fido2)?;
    for (which, kind) in [
        (MethodPolicy::MicrosoftAuthenticator, "microsoftAuthenticator"),
        (MethodPolicy::TemporaryAccessPass, "temporaryAccessPass"),
    ] {
        tenant.patch_method_policy(now, which, &json!({ "@odata.type": of(kind), "state": "enabled" }))?;
    }
    let new = NewUser {
        user_principal_name: format!("{}@{}", FIRST.0, tenant.settings().domain),
        display_name: FIRST.1.into(),
        ..NewUser::default()
    };
    tenant.add_user(now, new).map(drop)
}

impl Welcome {
    /// What is said to people, in few lines. `fauxkey` is how a command begins that finds all this.
    pub(super) fn lines(&self, fauxkey: &str) -> Vec<String> {
        let Self { url, admin, behaviour, name, user, temporary_access_pass: pass, older } = self;
        let mut lines =
            vec![format!("Tenant: {url}  ({name}, behaviour {behaviour})"), format!("Admin:  {admin}")];
        match (user, pass) {
            (Some(user), Some(pass)) => {
                lines.push(format!("User:   {user}, Temporary Access Pass {}", *pass.0));
                lines.push(format!("Try:    {fauxkey}account add {user} --pass {}", *pass.0));
            }
            (Some(user), None) => {
                let pass = if *older { ", whose Temporary Access Pass is still good" } else { "" };
                lines.push(format!("User:   {user}{pass}"));
                lines.push(format!("Try:    {fauxkey}account list"));
            }
            (None, _) => lines.push(format!("Try:    {fauxkey}tenant show")),
        }
        lines.push(format!("        {fauxkey}browser {url}/login"));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rand_core::UnwrapErr;
    use rand::rngs::SysRng;
    use tenant::store::Forgetful;
    use tenant::{Behaviour, Settings};

    fn tenant(behaviour: Behaviour) -> Tenant {
        let arrange =
            |_: Option<Settings>, id| Settings::new(id, "localhost", "http://localhost:1", behaviour);
        Tenant::open(Box::new(Forgetful), Box::new(UnwrapErr(SysRng)), arrange).unwrap()
    }

    #[test]
    fn a_new_tenant_has_one_user_with_a_pass_and_takes_passkeys_of_the_app() {
        for behaviour in [Behaviour::Preview2024, Behaviour::Current] {
            let (mut tenant, now) = (tenant(behaviour), Time::from_seconds(1_800_000_000));
            let (user, pass, older) = ready(&mut tenant, now).unwrap();
            assert_eq!(user.unwrap().user_principal_name, "adele@contoso.test");
            assert!(pass.is_some_and(|pass| pass.len() >= 8) && !older);
            let policy = tenant.method_policy(MethodPolicy::Fido2);
            assert_eq!(
                (&policy["state"], &policy["keyRestrictions"]["isEnforced"]),
                (&json!("enabled"), &json!(true))
            );
        }
    }

    #[test]
    fn a_second_start_makes_a_pass_only_if_the_first_can_no_longer_be_used() {
        let (mut tenant, now) = (tenant(Behaviour::Current), Time::from_seconds(1_800_000_000));
        ready(&mut tenant, now).unwrap();
        let (user, pass, older) = ready(&mut tenant, now.plus_minutes(1)).unwrap();
        assert!(user.is_some() && pass.is_none() && older);
        let (_, pass, older) = ready(&mut tenant, now.plus_minutes(i64::from(LIFETIME) + 1)).unwrap();
        assert!(pass.is_some() && !older);
        assert_eq!(tenant.user_count(), 1);
    }

    #[test]
    fn a_tenant_of_other_users_is_left_alone() {
        let (mut tenant, now) = (tenant(Behaviour::Current), Time::from_seconds(1_800_000_000));
        let bea = NewUser { user_principal_name: "bea@fabrikam.test".into(), ..NewUser::default() };
        tenant.add_user(now, bea).unwrap();
        let (user, pass, older) = ready(&mut tenant, now).unwrap();
        assert!(user.is_none() && pass.is_none() && !older);
        assert_eq!(
            (tenant.user_count(), &tenant.method_policy(MethodPolicy::Fido2)["state"]),
            (1, &json!("disabled"))
        );
    }
}
