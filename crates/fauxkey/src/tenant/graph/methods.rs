//! A user's authentication methods, and passkeys that administrators' programs make for users.
use super::{Answered, Call, GraphAnswer, body};
use serde_json::{Value, json};
use tenant::{Guid, Refusal, RefusalKind, Tenant};

/// `rest` follows `/users/{id}/authentication`.
pub(super) fn route(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Answered {
    let user = tenant.user(call.path.at(1))?.clone();
    let of = |what: &str| format!("users('{}')/authentication/{what}", user.id);
    match rest {
        ["methods"] if call.is("GET") => {
            let mut all: Vec<Value> =
                tenant.passkeys(user.id).map(|passkey| tenant.passkey_to_graph(passkey)).collect();
            all.extend(tenant.apps(user.id).map(Tenant::app_to_graph));
            all.extend(pass(tenant, call, &user));
            call.collection(&of("methods"), all.into_iter())
        }
        ["fido2methods"] if call.is("GET") => {
            let passkeys = tenant.passkeys(user.id).map(|passkey| untyped(tenant.passkey_to_graph(passkey)));
            call.collection(&of("fido2Methods"), passkeys)
        }
        ["fido2methods"] if call.is("POST") => provision(tenant, call, user.id),
        ["fido2methods", "creationoptions"] if call.is("GET") => creation_options(tenant, call, user.id),
        ["fido2methods", _] if call.is("GET") => {
            let passkey = tenant.passkey(user.id, call.path.at(4))?;
            let document = untyped(tenant.passkey_to_graph(passkey));
            call.entity(200, &of("fido2Methods/$entity"), document)
        }
        ["fido2methods", _] if call.is("DELETE") => {
            tenant.delete_passkey(call.now, user.id, call.path.at(4), true)?;
            Ok(GraphAnswer::done())
        }
        ["microsoftauthenticatormethods"] if call.is("GET") => {
            let apps = tenant.apps(user.id).map(Tenant::app_to_graph).map(untyped);
            call.collection(&of("microsoftAuthenticatorMethods"), apps)
        }
        ["microsoftauthenticatormethods", _] if call.is("DELETE") => {
            tenant.delete_app(call.now, user.id, call.path.at(4))?;
            Ok(GraphAnswer::done())
        }
        ["temporaryaccesspassmethods"] if call.is("GET") => {
            let passes = pass(tenant, call, &user).map(untyped);
            call.collection(&of("temporaryAccessPassMethods"), passes.into_iter())
        }
        ["temporaryaccesspassmethods"] if call.is("POST") => {
            let request = if call.request.body.is_empty() { json!({}) } else { call.body()? };
            let (made, text) = tenant.create_tap(call.now, user.id, &request, None)?;
            let (_, usability) = tenant.tap(call.now, &user).ok_or_else(|| call.nothing())?;
            let document = made.to_graph(usability, Some(&text));
            call.entity(201, &of("temporaryAccessPassMethods/$entity"), document)
        }
        ["temporaryaccesspassmethods", _] if call.is("GET") => {
            let id = call.path.at(4);
            let found = pass(tenant, call, &user)
                .filter(|pass| pass["id"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(id)));
            call.entity(200, &of("temporaryAccessPassMethods/$entity"), found.ok_or_else(|| call.nothing())?)
        }
        ["temporaryaccesspassmethods", _] if call.is("DELETE") => {
            tenant.delete_tap(call.now, user.id, call.path.at(4))?;
            Ok(GraphAnswer::done())
        }
        _ => Err(call.nothing()),
    }
}

fn pass(tenant: &Tenant, call: &Call<'_>, user: &tenant::User) -> Option<Value> {
    tenant.tap(call.now, user).map(|(pass, usability)| pass.to_graph(usability, None))
}

/// In a collection of one type the type is not said.
fn untyped(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.shift_remove("@odata.type");
    }
    document
}

fn creation_options(tenant: &mut Tenant, call: &Call<'_>, user: Guid) -> Answered {
    const NAME: &str = "challengeTimeoutInMinutes";
    let pairs = call.pairs()?;
    let in_query = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(NAME));
    let wanted = call.path.argument(NAME).or(in_query.map(|(_, value)| value.as_str()));
    let minutes = match wanted {
        None => 5,
        Some(_) if !call.path.beta => {
            return Err(body::bad(format!("`{NAME}` is there in beta only: v1.0 has five minutes")));
        }
        Some(text) => text.parse().map_err(|_| body::bad(format!("`{NAME}` is {text:?}, and no number")))?,
    };
    let (until, options) = tenant.creation_options(call.now, user, minutes)?;
    let mut public_key = serde_json::to_value(&options).map_err(|error| {
        Refusal::new(RefusalKind::Broken, "sim_json", format!("the options do not go into JSON: {error}"))
    })?;
    // As captured: the list is there even if it is empty, and so are the transports in it.
    if public_key.get("excludeCredentials").is_none() {
        public_key["excludeCredentials"] = json!([]);
    }
    for excluded in public_key["excludeCredentials"].as_array_mut().into_iter().flatten() {
        if excluded.get("transports").is_none() {
            excluded["transports"] = json!([]);
        }
    }
    Ok(GraphAnswer::json(
        200,
        json!({
            "@odata.context": call.context("microsoft.graph.webauthnCredentialCreationOptions"),
            "challengeTimeoutDateTime": until,
            "publicKey": public_key,
        }),
    ))
}

fn provision(tenant: &mut Tenant, call: &Call<'_>, user: Guid) -> Answered {
    let (name, response) = body::passkey(&call.body()?)?;
    let done = tenant.provision(call.now, user, name.as_deref(), &response)?;
    let mut document = tenant.passkey_to_graph(&done.passkey);
    if !done.warnings.is_empty() {
        document["simWarnings"] = json!(done.warnings);
    }
    document["simExplanation"] = json!(done.explanation);
    Ok(GraphAnswer::json(201, document))
}
