//! `fauxkey tenant policy`.
use super::{Asked, CONFIGURATIONS, models, text};
use crate::cli::{Method, Mode, PolicySet, PolicyVerb, Switch};
use crate::commands::{Exit, Stop, input};
use crate::control::{Failure, FailureKind};
use serde_json::{Map, Value, json};

pub(super) fn policy(asked: &Asked<'_>, verb: PolicyVerb) -> Result<Exit, Stop> {
    match verb {
        PolicyVerb::Show { method } => show(asked, method),
        PolicyVerb::Set(arguments) => {
            let body = body(asked, &arguments)?;
            asked.call("PATCH", &path(arguments.method), Some(&body))?;
            show(asked, arguments.method)
        }
        PolicyVerb::Reset { method } => {
            asked.call("DELETE", &path(method), None)?;
            show(asked, method)
        }
    }
}

fn path(method: Method) -> String {
    format!("{CONFIGURATIONS}/{}", method.id())
}

fn show(asked: &Asked<'_>, method: Method) -> Result<Exit, Stop> {
    let policy = asked.call("GET", &path(method), None)?;
    asked.context.output.result(&policy, || described(&policy))?;
    Ok(Exit::Done)
}

/// A policy for people: what it says, models by their names.
pub(super) fn described(policy: &Value) -> String {
    let mut lines = Vec::new();
    for (name, value) in policy.as_object().into_iter().flatten() {
        if name.starts_with('@') || name == "id" {
            continue;
        }
        match (name.as_str(), value) {
            ("keyRestrictions", _) => lines.push(("keyRestrictions".into(), restrictions(value))),
            ("includeTargets" | "excludeTargets", Value::Array(targets)) => {
                let who: Vec<String> = targets.iter().map(|target| text(target, "id")).collect();
                lines.push((name.clone(), if who.is_empty() { "nobody".into() } else { who.join(", ") }));
                let modes = targets.iter().map(|target| text(target, "authenticationMode"));
                let modes: Vec<String> = modes.filter(|mode| !mode.is_empty()).collect();
                if !modes.is_empty() {
                    lines.push(("authenticationMode".into(), modes.join(", ")));
                }
            }
            ("passkeyProfiles", Value::Array(profiles)) => {
                for profile in profiles {
                    let what = format!(
                        "{}, attestation {}, {}",
                        text(profile, "passkeyTypes"),
                        text(profile, "attestationEnforcement"),
                        restrictions(&profile["keyRestrictions"])
                    );
                    lines.push((format!("profile {}", text(profile, "name")), what));
                }
            }
            (_, Value::Object(_) | Value::Array(_) | Value::Null) => {}
            _ => lines.push((name.clone(), text(policy, name))),
        }
    }
    let widest = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        lines.into_iter().map(|(name, value)| format!("{name:<widest$}  {value}")).collect();
    lines.join("\n")
}

fn restrictions(keys: &Value) -> String {
    let models = keys["aaGuids"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let models: Vec<String> = models.map(models::named).collect();
    let list = if models.is_empty() { "no model".into() } else { models.join(", ") };
    match keys["isEnforced"].as_bool() {
        Some(true) => format!("{} {list}", text(keys, "enforcementType")),
        _ => "not enforced".into(),
    }
}

fn body(asked: &Asked<'_>, arguments: &PolicySet) -> Result<Value, Failure> {
    if let Some(name) = &arguments.file {
        let input = input::read(&asked.context.output, name)?;
        return serde_json::from_slice(&input.bytes).map_err(|error| {
            Failure::new(FailureKind::Invalid, format!("{} is not JSON: {error}", input.name))
        });
    }
    let method = arguments.method;
    let kind = match method {
        Method::Fido2 => "fido2",
        Method::Authenticator => "microsoftAuthenticator",
        Method::Tap => "temporaryAccessPass",
    };
    let mut body = Map::new();
    body.insert(
        "@odata.type".into(),
        format!("#microsoft.graph.{kind}AuthenticationMethodConfiguration").into(),
    );
    if let Some(state) = arguments.state {
        body.insert("state".into(), if state == Switch::On { "enabled" } else { "disabled" }.into());
    }
    if let Some(on) = arguments.self_service {
        body.insert("isSelfServiceRegistrationAllowed".into(), (on == Switch::On).into());
    }
    if let Some(on) = arguments.attestation {
        body.insert("isAttestationEnforced".into(), (on == Switch::On).into());
    }
    let (listed, list) =
        if arguments.block.is_empty() { ("allow", &arguments.allow) } else { ("block", &arguments.block) };
    if !list.is_empty() || arguments.key_restrictions.is_some() {
        let mut keys = Map::new();
        keys.insert("isEnforced".into(), (arguments.key_restrictions != Some(Switch::Off)).into());
        if !list.is_empty() {
            keys.insert("enforcementType".into(), listed.into());
            keys.insert("aaGuids".into(), models::aaguids(asked, list)?.into());
        }
        body.insert("keyRestrictions".into(), keys.into());
    }
    if !arguments.target.is_empty() || arguments.mode.is_some() {
        body.insert("includeTargets".into(), targets(asked, arguments)?.into());
    }
    if body.len() == 1 {
        return Err(Failure::new(FailureKind::Invalid, "it is not said what to change")
            .hint("give a flag such as --allow ios,android, or --file with the body of a PATCH"));
    }
    Ok(body.into())
}

/// The targets anew. What they have beside who is meant stays as it was in the first.
fn targets(asked: &Asked<'_>, arguments: &PolicySet) -> Result<Vec<Value>, Failure> {
    let before = asked.call("GET", &path(arguments.method), None)?;
    let first = before["includeTargets"].get(0).cloned();
    let mode = arguments.mode.map(|mode| match mode {
        Mode::Any => "any",
        Mode::Push => "push",
        Mode::Passwordless => "deviceBasedPush",
    });
    let mut targets = match arguments.target.as_slice() {
        [] => before["includeTargets"].as_array().cloned().unwrap_or_default(),
        who => models::targets(asked, who)?
            .into_iter()
            .map(|(id, kind)| {
                let mut target = first.clone().unwrap_or_else(|| json!({ "isRegistrationRequired": false }));
                target["id"] = id.into();
                target["targetType"] = kind.into();
                target
            })
            .collect(),
    };
    if let Some(mode) = mode {
        targets.iter_mut().for_each(|target| target["authenticationMode"] = mode.into());
    }
    Ok(targets)
}
