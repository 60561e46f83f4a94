//! `fauxkey tenant user`, `group`, `tap` and `method`.
use super::{Asked, encoded, text};
use crate::cli::{GroupVerb, MethodVerb, TapVerb, UserVerb};
use crate::commands::{Exit, Stop, confirm, input};
use crate::control::{Failure, FailureKind};
use serde_json::{Map, Value, json};

fn user_path(who: &str) -> String {
    format!("/v1.0/users/{}", encoded(who))
}

pub(super) fn user(asked: &Asked<'_>, verb: UserVerb) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    match verb {
        UserVerb::Add { user, name, password_stdin, guest, admin } => {
            let mut body = Map::new();
            body.insert("userPrincipalName".into(), user.into());
            body.insert("displayName".into(), name.unwrap_or_default().into());
            body.insert("userType".into(), if guest { "Guest" } else { "Member" }.into());
            body.insert("simIsAdmin".into(), admin.into());
            if password_stdin {
                let input = input::read(output, "-")?;
                let password = input.text()?.trim_end_matches(['\n', '\r']);
                body.insert("passwordProfile".into(), json!({ "password": password }));
            }
            let made = asked.call("POST", "/v1.0/users", Some(&body.into()))?;
            output.result(&made, || description(&made))?;
        }
        UserVerb::List { filter } => {
            let filter = filter.map(|filter| format!("?$filter={}", encoded(&filter))).unwrap_or_default();
            let users = asked.list(&format!("/v1.0/users{filter}"))?;
            output.result(&users, || {
                let row = |user: &Value| {
                    [
                        text(user, "userPrincipalName"),
                        text(user, "displayName"),
                        text(user, "userType"),
                        text(user, "id"),
                    ]
                };
                let rows: Vec<_> = users.iter().map(row).collect();
                if rows.is_empty() {
                    return "no users yet; fauxkey tenant user add makes one".into();
                }
                output.table(["USER", "NAME", "TYPE", "ID"], &rows)
            })?;
        }
        UserVerb::Show { user } => {
            let found = asked.call("GET", &user_path(&user), None)?;
            let methods = asked.list(&format!("{}/authentication/methods", user_path(&user)))?;
            let document = json!({ "user": found, "methods": methods });
            output.result(&document, || {
                format!("{}\n\n{}", description(&found), methods_table(asked, &methods))
            })?;
        }
        UserVerb::Delete { user, yes } => {
            let found = asked.call("GET", &user_path(&user), None)?;
            let name = text(&found, "userPrincipalName");
            if !confirm(asked.context, yes, &format!("delete {name} with all methods?"))? {
                return Ok(Exit::Found);
            }
            asked.call("DELETE", &user_path(&text(&found, "id")), None)?;
            output.inform(&format!("deleted {name}"));
        }
    }
    Ok(Exit::Done)
}

fn description(user: &Value) -> String {
    let lines = [
        ("user", text(user, "userPrincipalName")),
        ("name", text(user, "displayName")),
        ("type", text(user, "userType")),
        ("ID", text(user, "id")),
        ("since", text(user, "createdDateTime")),
    ];
    lines.map(|(what, value)| format!("{what:<7}{value}")).join("\n")
}

pub(super) fn group(asked: &Asked<'_>, verb: GroupVerb) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let path = |group: &str| format!("/v1.0/groups/{}", encoded(group));
    match verb {
        GroupVerb::Add { name } => {
            let made = asked.call("POST", "/v1.0/groups", Some(&json!({ "displayName": name })))?;
            output.result(&made, || format!("{}  {}", text(&made, "displayName"), text(&made, "id")))?;
        }
        GroupVerb::List => {
            let groups = asked.list("/v1.0/groups")?;
            output.result(&groups, || {
                let rows: Vec<_> =
                    groups.iter().map(|group| [text(group, "displayName"), text(group, "id")]).collect();
                if rows.is_empty() {
                    return "no groups yet".into();
                }
                output.table(["GROUP", "ID"], &rows)
            })?;
        }
        GroupVerb::Member { group, user, remove } => {
            let found = asked.call("GET", &user_path(&user), None)?;
            let id = text(&found, "id");
            let (done, preposition) = if remove {
                asked.call("DELETE", &format!("{}/members/{id}/$ref", path(&group)), None)?;
                ("took", "out of")
            } else {
                let reference = format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}");
                let body = json!({ "@odata.id": reference });
                asked.call("POST", &format!("{}/members/$ref", path(&group)), Some(&body))?;
                ("put", "into")
            };
            output.inform(&format!("{done} {} {preposition} {group}", text(&found, "userPrincipalName")));
        }
        GroupVerb::Delete { group } => {
            asked.call("DELETE", &path(&group), None)?;
            output.inform(&format!("deleted {group}"));
        }
    }
    Ok(Exit::Done)
}

pub(super) fn tap(asked: &Asked<'_>, verb: TapVerb) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let path = |user: &str| format!("{}/authentication/temporaryAccessPassMethods", user_path(user));
    match verb {
        TapVerb::Create { user, once, minutes, start } => {
            let mut body = Map::new();
            // What is not said is the policy's to say.
            if once {
                body.insert("isUsableOnce".into(), true.into());
            }
            if let Some(minutes) = minutes {
                body.insert("lifetimeInMinutes".into(), minutes.into());
            }
            if let Some(start) = start {
                body.insert("startDateTime".into(), start.into());
            }
            let made = asked.call("POST", &path(&user), Some(&body.into()))?;
            output.result(&made, || text(&made, "temporaryAccessPass"))?;
            output.inform(&format!(
                "good for {} minutes{}; it is shown this once",
                text(&made, "lifetimeInMinutes"),
                if made["isUsableOnce"] == true { " and one sign-in" } else { "" }
            ));
        }
        TapVerb::Show { user } => {
            let passes = asked.list(&path(&user))?;
            output.result(&passes, || match passes.first() {
                None => "no Temporary Access Pass".into(),
                Some(pass) => format!(
                    "from {}, {} minutes: {}",
                    text(pass, "startDateTime"),
                    text(pass, "lifetimeInMinutes"),
                    text(pass, "methodUsabilityReason")
                ),
            })?;
        }
        TapVerb::Delete { user } => {
            let passes = asked.list(&path(&user))?;
            let pass = passes.first().ok_or_else(|| {
                Failure::new(FailureKind::NotFound, format!("{user} has no Temporary Access Pass"))
            })?;
            asked.call("DELETE", &format!("{}/{}", path(&user), text(pass, "id")), None)?;
            output.inform("deleted it");
        }
    }
    Ok(Exit::Done)
}

pub(super) fn method(asked: &Asked<'_>, verb: MethodVerb) -> Result<Exit, Stop> {
    let output = &asked.context.output;
    let list = |user: &str| asked.list(&format!("{}/authentication/methods", user_path(user)));
    match verb {
        MethodVerb::List { user } => {
            let methods = list(&user)?;
            output.result(&methods, || methods_table(asked, &methods))?;
        }
        MethodVerb::Delete { user, id } => {
            let methods = list(&user)?;
            let found: Vec<_> = methods.iter().filter(|method| text(method, "id").starts_with(&id)).collect();
            let method = match found.as_slice() {
                [one] => one,
                [] => {
                    let message = format!("{user} has no method whose ID begins with {id}");
                    return Err(Failure::new(FailureKind::NotFound, message).into());
                }
                several => {
                    let message = format!("{} methods have IDs that begin with {id}", several.len());
                    return Err(Failure::new(FailureKind::Invalid, message).hint("give more of it").into());
                }
            };
            let collection = collection(method);
            let path = format!("{}/authentication/{collection}/{}", user_path(&user), text(method, "id"));
            asked.call("DELETE", &path, None)?;
            output.inform(&format!("deleted {}: what a device has of it stays there", text(method, "id")));
        }
    }
    Ok(Exit::Done)
}

/// Where Graph keeps methods of that type.
fn collection(method: &Value) -> &'static str {
    match method["@odata.type"].as_str() {
        Some("#microsoft.graph.fido2AuthenticationMethod") => "fido2Methods",
        Some("#microsoft.graph.temporaryAccessPassAuthenticationMethod") => "temporaryAccessPassMethods",
        _ => "microsoftAuthenticatorMethods",
    }
}

fn methods_table(asked: &Asked<'_>, methods: &[Value]) -> String {
    if methods.is_empty() {
        return "no methods yet".into();
    }
    let row = |method: &Value| {
        let (kind, what) = match collection(method) {
            "fido2Methods" => {
                let level = text(method, "attestationLevel");
                let what = format!("{}, {}, {level}", text(method, "model"), text(method, "passkeyType"));
                ("passkey", what)
            }
            "temporaryAccessPassMethods" => ("pass", text(method, "methodUsabilityReason")),
            _ => ("app", format!("Authenticator {}", text(method, "phoneAppVersion"))),
        };
        [kind.into(), text(method, "displayName"), what, text(method, "createdDateTime"), text(method, "id")]
    };
    let rows: Vec<_> = methods.iter().map(row).collect();
    asked.context.output.table(["KIND", "NAME", "WHAT", "SINCE", "ID"], &rows)
}
