//! Logs and reports, and questions to the tenant that only this one answers.
use super::{Answered, Call, Content, GraphAnswer, body};
use serde_json::{Value, json};
use tenant::policy::Purpose;
use tenant::records::csv;
use tenant::{AttestationLevel, PasskeyFacts, PasskeyType, Refusal, Route, Tenant};

/// `rest` follows `/auditLogs`.
pub(super) fn logs(tenant: &Tenant, call: &Call<'_>, rest: &[&str]) -> Answered {
    if !call.is("GET") {
        return Err(call.nothing());
    }
    let beta = call.path.beta;
    match rest {
        ["signins"] => {
            let entries = tenant.sign_ins().map(|entry| entry.to_graph(beta));
            listed(call, "auditLogs/signIns", entries, csv::sign_ins)
        }
        ["signins", id] => {
            let found = tenant.sign_ins().find(|entry| entry.id.to_string() == *id);
            let found = found.ok_or_else(|| call.nothing())?;
            call.entity(200, "auditLogs/signIns/$entity", found.to_graph(beta))
        }
        ["directoryaudits"] => {
            let entries = tenant.audits().map(|entry| entry.to_graph());
            listed(call, "auditLogs/directoryAudits", entries, csv::audits)
        }
        ["directoryaudits", id] => {
            let found = tenant.audits().find(|entry| entry.id.eq_ignore_ascii_case(id));
            let found = found.ok_or_else(|| call.nothing())?;
            call.entity(200, "auditLogs/directoryAudits/$entity", found.to_graph())
        }
        _ => Err(call.nothing()),
    }
}

/// A collection, or the same as comma-separated values where `$format=csv` asks for it.
fn listed(
    call: &Call<'_>,
    of: &str,
    items: impl Iterator<Item = Value>,
    to_csv: fn(&[Value]) -> String,
) -> Answered {
    let pairs = call.pairs()?;
    let (formats, others): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|(key, _)| key.trim_start_matches('$').eq_ignore_ascii_case("format"));
    match formats.first().map(|(_, value)| value.to_ascii_lowercase()) {
        Some(format) if format == "csv" => {
            let pairs = others.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            let page = tenant::odata::Query::parse(pairs)?.check_and_apply(items)?;
            Ok(GraphAnswer { status: 200, body: Content::Csv(to_csv(&page.value)) })
        }
        Some(format) if !format.contains("json") => {
            Err(body::bad(format!("`$format` is {format:?}, and goes by json or csv")))
        }
        _ => call.collection(of, items),
    }
}

/// `rest` follows `/reports`.
pub(super) fn route(tenant: &Tenant, call: &Call<'_>, rest: &[&str]) -> Answered {
    if !call.is("GET") {
        return Err(call.nothing());
    }
    let argument = |name: &str| call.path.argument(name).unwrap_or("all");
    let (types, roles) = (argument("includedUserTypes"), argument("includedUserRoles"));
    match rest {
        ["authenticationmethods", "userregistrationdetails"] => {
            let of = "reports/authenticationMethods/userRegistrationDetails";
            listed(call, of, tenant.registration_details(call.now), csv::registration_details)
        }
        ["authenticationmethods", "userregistrationdetails", _] => {
            let user = tenant.user(call.path.at(3))?;
            let details = tenant.registration_details_of(call.now, user);
            call.entity(200, "reports/authenticationMethods/userRegistrationDetails/$entity", details)
        }
        ["authenticationmethods", "usersregisteredbymethod"] => {
            let of = "microsoft.graph.userRegistrationMethodSummary";
            call.entity(200, of, tenant.registered_by_method(call.now, types, roles)?)
        }
        ["authenticationmethods", "usersregisteredbyfeature"] => {
            let of = "microsoft.graph.userRegistrationFeatureSummary";
            call.entity(200, of, tenant.registered_by_feature(call.now, types, roles)?)
        }
        ["authenticationmethods", "userssigninsbyauthmethod"] => {
            let of = "reports/authenticationMethods/usersSignInsByAuthMethod";
            call.collection(of, tenant.sign_ins_by_method().into_iter())
        }
        _ => Err(call.nothing()),
    }
}

/// What the passkey policy would say, `POST /beta/sim/decide`.
pub(super) fn decide(tenant: &Tenant, call: &Call<'_>) -> Answered {
    if !call.is("POST") {
        return Err(call.nothing());
    }
    let posted = call.body()?;
    let posted = body::object(&posted, "the body")?;
    let word = |name: &str| -> Result<&str, Refusal> {
        body::text(posted, name)?.ok_or_else(|| body::bad(format!("`{name}` is missing")))
    };
    let one_of = |name: &str, first: &str, second: &str| -> Result<bool, Refusal> {
        match word(name)? {
            found if found.eq_ignore_ascii_case(first) => Ok(true),
            found if found.eq_ignore_ascii_case(second) => Ok(false),
            found => Err(body::bad(format!("`{name}` is {found:?}, and goes by {first} or {second}"))),
        }
    };
    let user = tenant.user(word("user")?)?;
    let registers = one_of("purpose", "registration", "signIn")?;
    let facts = PasskeyFacts {
        aaguid: word("aaGuid")?.parse().map_err(|error| body::bad(format!("`aaGuid`: {error}")))?,
        attestation: if one_of("attestationLevel", "attested", "notAttested")? {
            AttestationLevel::Attested
        } else {
            AttestationLevel::NotAttested
        },
        fmt: word("fmt")?.into(),
        passkey_type: if one_of("passkeyType", "deviceBound", "synced")? {
            PasskeyType::DeviceBound
        } else {
            PasskeyType::Synced
        },
        route: Route::SecurityInfo,
    };
    let purpose = if registers { Purpose::Registration } else { Purpose::SignIn };
    let decision = tenant.decide(call.now, user, purpose, Some(&facts));
    Ok(GraphAnswer::json(200, json!(decision)))
}
