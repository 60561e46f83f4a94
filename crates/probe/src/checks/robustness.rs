//! Inputs that are too large or too deep: whoever reads them must answer afterwards as before.
use crate::bench::{Bench, Stop, Who};
use crate::check::{Basis, Check, Clause, Needs, Told, check, own};
use crate::draft::{edit_bytes, edit_object, set};
use crate::report::Severity;
use serde_json::Value;
use wire::base64url;
use wire::cbor;

const LIMITS: &str =
    "Limit the size of a request before it is read, and the depth while it is; refuse what is beyond.";
/// Deeper than recursion goes in most readers.
const DEPTH: usize = 20_000;
const MEBIBYTE: usize = 1 << 20;

/// Posts what `make` makes of an honest registration, and then looks whether honest ones are still taken.
fn survives(bench: &mut Bench<'_>, make: fn(Value) -> String) -> Result<Told, Stop> {
    let creation = bench.begin_registration(Who::First)?;
    let draft = bench.draft_registration(&creation, &Basis::Base)?;
    let honest = draft.finish().map_err(|e| Stop::Inconclusive(e.to_string()))?;
    let answer = bench.post_registration(&creation, &draft, &make(honest));
    let answer = match answer {
        Ok(ended) => Ok(ended),
        Err(Stop::Skipped(why)) => return Err(Stop::Skipped(why)),
        Err(stop) => Err(stop.why().to_owned()),
    };
    match bench.registered(Who::First, &Basis::Base, |_| ()) {
        Ok(Ok(_)) => {}
        Ok(Err(said)) => {
            return Ok(Told::Found(format!("Honest registrations are refused afterwards: {said}")));
        }
        Err(stop) => return Ok(Told::Found(format!("Nothing can be registered afterwards: {}", stop.why()))),
    }
    Ok(match answer {
        Ok(ended) if ended.accepted => Told::Observed("It takes it, and goes on as before.".into()),
        Ok(ended) => Told::Held(ended.said),
        Err(why) => Told::Observed(format!("It gives no proper answer, and goes on as before: {why}")),
    })
}

fn huge_json(mut response: Value) -> String {
    response["fauxkeyProbe"] = "x".repeat(MEBIBYTE).into();
    response.to_string()
}

fn deep_json(response: Value) -> String {
    let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    response.to_string().replacen('{', &format!(r#"{{"fauxkeyProbe":{deep},"#), 1)
}

fn deep_client_data(mut response: Value) -> String {
    edit_bytes(&mut response, "clientDataJSON", |client| {
        let deep = format!(",\"fauxkeyProbe\":{}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
        client.pop();
        client.extend(deep.into_bytes());
    });
    response.to_string()
}

fn huge_object(mut response: Value) -> String {
    edit_object(&mut response, |members| set(members, "fauxkeyProbe", Some(cbor::bytes(vec![0; MEBIBYTE]))));
    response.to_string()
}

/// An array in an array in an array, where the attestation object should be.
fn deep_object(mut response: Value) -> String {
    let deep = [vec![0x81; DEPTH], vec![0]].concat();
    response["response"]["attestationObject"] = base64url::encode(&deep).into();
    response.to_string()
}

/// Nine bytes that say that 2^62 members follow.
fn lying_lengths(mut response: Value) -> String {
    let object = [0xBB, 0x40, 0, 0, 0, 0, 0, 0, 0];
    response["response"]["attestationObject"] = base64url::encode(&object).into();
    response.to_string()
}

pub(super) fn checks() -> Vec<Check> {
    let row = |name: &str, title: &str, clause, make: fn(Value) -> String| {
        let act = own(Needs::Registration, move |bench| survives(bench, make));
        check(
            format!("robust-{name}"),
            title,
            "robustness",
            Clause::Text(clause),
            Severity::High,
            LIMITS,
            act,
        )
    };
    let (json, cbor) = ("RFC 8259 §9 (limits of parsers)", "RFC 8949 §10 (security considerations)");
    vec![
        row("huge-json", "a response of more than a mebibyte", json, huge_json),
        row("deep-json", "a response that is nested 20,000 times", json, deep_json),
        row("deep-client-data", "client data that are nested 20,000 times", json, deep_client_data),
        row("huge-attestation-object", "an attestation object of more than a mebibyte", cbor, huge_object),
        row(
            "deep-attestation-object",
            "an attestation object that is nested 20,000 times",
            cbor,
            deep_object,
        ),
        row("lying-lengths", "an attestation object that says that 2^62 members follow", cbor, lying_lengths),
        row("no-json", "a response that is no JSON", json, |_| "fauxkey".into()),
        row("empty", "an empty response", json, |_| String::new()),
        row("other-ceremony", "a sign-in where a registration should be", "WebAuthn L3 §5.1", |response| {
            let mut response = response;
            let client = response["response"]["clientDataJSON"].take();
            response["response"] = serde_json::json!({
                "clientDataJSON": client, "authenticatorData": "AAAA", "signature": "AAAA",
            });
            response.to_string()
        }),
    ]
}
