//! Models as people name them.
use super::Asked;
use crate::control::{Failure, FailureKind};
use crate::profiles::Profiles;
use serde_json::Value;
use tenant::policy;
use wire::aaguid::Aaguid;

/// An AAGUID from `ios`, `android`, a profile's name or itself.
pub(super) fn aaguid(asked: &Asked<'_>, model: &str) -> Result<String, Failure> {
    match model {
        "ios" => return Ok(policy::AUTHENTICATOR_IOS.to_string()),
        "android" => return Ok(policy::AUTHENTICATOR_ANDROID.to_string()),
        _ => {}
    }
    if let Ok(aaguid) = model.parse::<Aaguid>() {
        return Ok(aaguid.to_string());
    }
    let profile = Profiles::of(&asked.context.home).find(model).map_err(|_| {
        Failure::new(FailureKind::Invalid, format!("{model} is no model"))
            .hint("give ios, android, an AAGUID, or a name of `fauxkey profile list`")
    })?;
    Ok(profile.authenticator.aaguid.to_string())
}

/// Several.
pub(super) fn aaguids(asked: &Asked<'_>, models: &[String]) -> Result<Vec<String>, Failure> {
    models.iter().map(|model| aaguid(asked, model)).collect()
}

/// An AAGUID with its name, if it has one.
pub(super) fn named(aaguid: &str) -> String {
    let name = aaguid.parse::<Aaguid>().ok().and_then(policy::built_in);
    name.map_or_else(|| aaguid.to_owned(), |name| format!("{name} ({aaguid})"))
}

/// The targets of a policy: everybody, or users and groups by name.
pub(super) fn targets(asked: &Asked<'_>, who: &[String]) -> Result<Vec<(String, &'static str)>, Failure> {
    who.iter()
        .map(|who| {
            if who.eq_ignore_ascii_case("all") || who.eq_ignore_ascii_case("all_users") {
                return Ok(("all_users".into(), "group"));
            }
            let path = |what: &str| format!("/v1.0/{what}/{}", super::encoded(who));
            let id = |found: &Value| super::text(found, "id");
            if let Ok(found) = asked.call("GET", &path("users"), None) {
                return Ok((id(&found), "user"));
            }
            let found = asked.call("GET", &path("groups"), None).map_err(|failure| match failure.kind {
                FailureKind::NotFound => {
                    Failure::new(FailureKind::NotFound, format!("there is no user and no group {who}"))
                }
                _ => failure,
            })?;
            Ok((id(&found), "group"))
        })
        .collect()
}
