//! Users, groups and the organization.
use super::{Answered, Call, GraphAnswer, body};
use serde_json::{Value, json};
use tenant::directory::NewUser;
use tenant::{Group, Tenant, User, UserType};
use zeroize::Zeroizing;

/// A user in Graph's shape.
pub(super) fn document(user: &User) -> Value {
    json!({
        "id": user.id,
        "userPrincipalName": user.user_principal_name,
        "displayName": user.display_name,
        "mail": user.user_principal_name,
        "userType": match user.user_type {
            UserType::Member => "Member",
            UserType::Guest => "Guest",
        },
        "accountEnabled": true,
        "createdDateTime": user.created,
        "simIsAdmin": user.is_admin,
    })
}

pub(super) fn route(tenant: &mut Tenant, call: &Call<'_>, words: &[&str]) -> Answered {
    match words {
        ["users"] if call.is("GET") => call.collection("users", tenant.users().map(document)),
        ["users", "$count"] if call.is("GET") => Ok(GraphAnswer::json(200, tenant.user_count().into())),
        ["users"] if call.is("POST") => {
            let new = new_user(&call.body()?)?;
            let user = tenant.add_user(call.now, new)?;
            call.entity(201, "users/$entity", document(&user))
        }
        ["users", _] if call.is("GET") => {
            call.entity(200, "users/$entity", document(tenant.user(call.path.at(1))?))
        }
        ["users", _] if call.is("DELETE") => {
            let id = tenant.user(call.path.at(1))?.id;
            tenant.delete_user(call.now, id)?;
            Ok(GraphAnswer::done())
        }
        ["users", _, "memberof"] if call.is("GET") => {
            let id = tenant.user(call.path.at(1))?.id;
            let groups = tenant.groups().filter(|group| group.members.contains(&id)).map(group_document);
            call.collection("directoryObjects", groups)
        }
        _ => Err(call.nothing()),
    }
}

fn new_user(posted: &Value) -> Result<NewUser, tenant::Refusal> {
    let posted = body::object(posted, "the body")?;
    let name = body::text(posted, "userPrincipalName")?
        .ok_or_else(|| body::bad("`userPrincipalName` is missing"))?;
    let password = match body::member(posted, "passwordProfile") {
        None | Some(Value::Null) => None,
        Some(profile) => body::text(body::object(profile, "`passwordProfile`")?, "password")?,
    };
    let guest = match body::text(posted, "userType")? {
        None => UserType::Member,
        Some(word) if word.eq_ignore_ascii_case("member") => UserType::Member,
        Some(word) if word.eq_ignore_ascii_case("guest") => UserType::Guest,
        Some(word) => return Err(body::bad(format!("`userType` is {word:?}, and goes by Member or Guest"))),
    };
    let id = match body::text(posted, "id")? {
        None => None,
        Some(id) => Some(id.parse().map_err(|error| body::bad(format!("`id`: {error}")))?),
    };
    Ok(NewUser {
        user_principal_name: name.into(),
        display_name: body::text(posted, "displayName")?.unwrap_or_default().into(),
        user_type: guest,
        is_admin: body::flag(posted, "simIsAdmin")?.unwrap_or(false),
        password: password.map(|password| Zeroizing::new(password.to_owned())),
        id,
    })
}

fn group_document(group: &Group) -> Value {
    json!({
        "id": group.id,
        "displayName": group.display_name,
        "securityEnabled": true,
        "mailEnabled": false,
    })
}

pub(super) fn groups(tenant: &mut Tenant, call: &Call<'_>, words: &[&str]) -> Answered {
    match words {
        ["groups"] if call.is("GET") => call.collection("groups", tenant.groups().map(group_document)),
        ["groups"] if call.is("POST") => {
            let posted = call.body()?;
            let posted = body::object(&posted, "the body")?;
            let name = body::text(posted, "displayName")?.unwrap_or_default();
            let group = tenant.add_group(name)?;
            call.entity(201, "groups/$entity", group_document(&group))
        }
        ["groups", _] if call.is("GET") => {
            call.entity(200, "groups/$entity", group_document(tenant.group(call.path.at(1))?))
        }
        ["groups", _] if call.is("DELETE") => {
            let id = tenant.group(call.path.at(1))?.id;
            tenant.delete_group(id)?;
            Ok(GraphAnswer::done())
        }
        ["groups", _, "members"] if call.is("GET") => {
            let members = tenant.group(call.path.at(1))?.members.clone();
            let users = tenant.users().filter(|user| members.contains(&user.id)).map(document);
            call.collection("directoryObjects", users)
        }
        ["groups", _, "members", "$ref"] if call.is("POST") => {
            let posted = call.body()?;
            let posted = body::object(&posted, "the body")?;
            let reference = body::text(posted, "@odata.id")?
                .ok_or_else(|| body::bad("`@odata.id` is missing: the address of the user to add"))?;
            // `…/users/{id}` or `…/directoryObjects/{id}`.
            let who = reference.rsplit('/').next().unwrap_or(reference);
            let user = tenant.user(who)?.id;
            let group = tenant.group(call.path.at(1))?.id;
            tenant.set_member(group, user, true)?;
            Ok(GraphAnswer::done())
        }
        ["groups", _, "members", _, "$ref"] if call.is("DELETE") => {
            let user = tenant.user(call.path.at(3))?.id;
            let group = tenant.group(call.path.at(1))?.id;
            tenant.set_member(group, user, false)?;
            Ok(GraphAnswer::done())
        }
        _ => Err(call.nothing()),
    }
}

pub(super) fn organization(tenant: &Tenant, call: &Call<'_>) -> Answered {
    if !call.is("GET") {
        return Err(call.nothing());
    }
    let settings = tenant.settings();
    let document = json!({
        "id": settings.tenant_id,
        "displayName": settings.name,
        "verifiedDomains": [{ "name": settings.domain, "isDefault": true, "isInitial": true }],
        "simBehaviour": settings.behaviour.as_str(),
        "simRpId": settings.rp_id,
        "simOrigins": settings.origins,
    });
    call.collection("organization", std::iter::once(document))
}
