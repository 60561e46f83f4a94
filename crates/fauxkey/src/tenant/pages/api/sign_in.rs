//! Signing in: a session, who it is, one factor after the other.
use super::{Answered, Caller, Nothing, Said, ask, read, said};
use crate::tenant::serve::Site;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use relying_party::Ceremony;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::sync::Arc;
use tenant::access::{Verdict, apps};
use tenant::sign_in::Progress;
use tenant::{Guid, Nearby, Refusal, Tenant, Time, User, Visitor};
use wire::webauthn::json::AuthenticationResponse;
use zeroize::Zeroizing;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// The application by its ID; OfficeHome if absent.
    #[serde(default)]
    app: Option<Guid>,
}

/// POST `/login/begin`.
pub(super) async fn begin(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Begin { app } = read(&body)?;
        // Only the loopback interface is listened on.
        let visitor = Visitor { ip_address: "127.0.0.1".into(), user_agent: caller.user_agent };
        let session = tenant.begin_sign_in(now, visitor, app.unwrap_or(apps::OFFICE_HOME.id))?;
        let answer = json!({ "session": session });
        Ok(Said::Session(session, answer))
    })
    .await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Identify {
    user_principal_name: String,
}

/// POST `/login/identify`.
pub(super) async fn identify(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Identify { user_principal_name } = read(&body)?;
        let offer = tenant.identify(now, &caller.session, user_principal_name.trim())?;
        said(json!({ "user": person(&offer.user), "modes": offer.modes }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Whether the devices can find each other, where another one is to sign in.
    #[serde(default)]
    nearby: Option<Nearby>,
}

/// POST `/login/options`. What is refused for want of Bluetooth never came to the tenant: it is in no log.
pub(super) async fn options(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Wanted { nearby } = read(&body)?;
        nearby.map(Nearby::check).transpose()?;
        said(tenant.request_options(now, &caller.session)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passkey {
    response: AuthenticationResponse,
}

/// POST `/login/passkey`.
pub(super) async fn passkey(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Passkey { response } = read(&body)?;
        let progress = tenant.sign_in_with_passkey(now, &caller.session, &response)?;
        went(&progress)
    })
    .await
}

/// A secret that was typed.
struct Typed(Zeroizing<String>);

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: Typed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pass {
    pass: Typed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: Typed,
}

type ByText = fn(&mut Tenant, Time, &str, &str) -> Result<Progress, Refusal>;

/// A factor that is typed.
async fn typed(
    site: Arc<Site>,
    caller: Caller,
    body: Bytes,
    text: fn(&Bytes) -> Result<Typed, Refusal>,
    factor: ByText,
) -> Response {
    ask(site, move |tenant, now| {
        let typed = text(&body)?;
        went(&factor(tenant, now, &caller.session, &typed.0)?)
    })
    .await
}

/// POST `/login/password`.
pub(super) async fn password(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    let text = |body: &Bytes| read(body).map(|Password { password }| password);
    typed(site, caller, body, text, Tenant::sign_in_with_password).await
}

/// POST `/login/pass`.
pub(super) async fn pass(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    let text = |body: &Bytes| read(body).map(|Pass { pass }| pass);
    typed(site, caller, body, text, Tenant::sign_in_with_pass).await
}

/// POST `/login/code`.
pub(super) async fn code(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    let text = |body: &Bytes| read(body).map(|Code { code }| code);
    typed(site, caller, body, text, Tenant::sign_in_with_code).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Push {
    #[serde(default)]
    phone_sign_in: bool,
}

/// POST `/login/push`.
pub(super) async fn push(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Push { phone_sign_in } = read(&body)?;
        said(json!({ "number": tenant.send_push(now, &caller.session, phone_sign_in)? }))
    })
    .await
}

/// POST `/login/push/wait`: 204 while nobody has answered.
pub(super) async fn wait(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Nothing {} = read(&body)?;
        match tenant.sign_in_with_push(now, &caller.session)? {
            Some(progress) => went(&progress),
            None => Ok(Said::Nothing),
        }
    })
    .await
}

/// POST `/login/enter`: another application, by what was shown already.
pub(super) async fn enter(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, now| {
        let Begin { app } = read(&body)?;
        went(&tenant.enter(now, &caller.session, app.unwrap_or(apps::OFFICE_HOME.id))?)
    })
    .await
}

/// POST `/login/out`.
pub(super) async fn out(State(site): State<Arc<Site>>, caller: Caller, body: Bytes) -> Response {
    ask(site, move |tenant, _| {
        let Nothing {} = read(&body)?;
        tenant.end_session(&caller.session);
        Ok(Said::Session(String::new(), json!({})))
    })
    .await
}

fn person(user: &User) -> Value {
    json!({
        "id": user.id,
        "userPrincipalName": user.user_principal_name,
        "displayName": user.display_name,
    })
}

/// What a factor led to.
fn went(progress: &Progress) -> Answered {
    let (verdict, modes) = match &progress.access.verdict {
        Verdict::Granted => ("granted", None),
        Verdict::StepUp { modes } => ("stepUp", Some(modes)),
        Verdict::Register { modes } => ("register", Some(modes)),
        // A refusal by then.
        Verdict::Blocked => ("blocked", None),
    };
    let mut value = json!({
        "verdict": verdict,
        "user": person(&progress.user),
        "warnings": progress.warnings,
        "explanation": progress.explanation,
        "passed": steps(&progress.passed, Ceremony::Authentication),
    });
    if let Some(modes) = modes {
        value["modes"] = json!(modes);
    }
    let mut asked =
        progress.access.applied.iter().filter_map(|applied| applied.authentication_strength.as_ref());
    if let Some(strength) = asked.rfind(|strength| strength.result.is_some()) {
        value["strength"] = strength.display_name.clone().into();
    }
    Ok(Said::Json(StatusCode::OK, value))
}

/// Steps that passed, as the specification numbers them.
pub(super) fn steps(passed: &[relying_party::Step], ceremony: Ceremony) -> Vec<String> {
    passed
        .iter()
        .map(|step| {
            let word = serde_json::to_value(step).unwrap_or_default();
            let word = word.as_str().unwrap_or_default().to_owned();
            format!("{}: {word}", step.cite(ceremony).unwrap_or("WebAuthn L3 §7"))
        })
        .collect()
}
