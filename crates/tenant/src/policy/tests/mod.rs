mod deciding;
mod documents;
mod patching;
mod properties;
mod truth;

use super::*;
use crate::guid::Guid;
use crate::passkey::{AttestationLevel, PasskeyType, Route};
use crate::settings::Settings;
use crate::time::Time;
use crate::user::{User, UserType};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wire::aaguid::Aaguid;

/// A group that the user is in, and one that the user is not in.
const GROUP: &str = "22222222-3333-4444-8555-666666666666";
const OTHER_GROUP: &str = "33333333-4444-4555-8666-777777777777";
const YUBIKEY: &str = "ee882879-721c-4913-9775-3dfcce97072a";

fn adele(user_type: UserType) -> User {
    User {
        id: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee".parse().unwrap(),
        user_principal_name: "adele@contoso.test".into(),
        display_name: "Adele".into(),
        user_type,
        is_admin: false,
        created: Time(0),
    }
}

fn groups() -> BTreeSet<Guid> {
    BTreeSet::from([GROUP.parse().unwrap()])
}

fn facts(aaguid: Aaguid) -> PasskeyFacts {
    PasskeyFacts {
        aaguid,
        attestation: AttestationLevel::NotAttested,
        fmt: "none".into(),
        passkey_type: PasskeyType::DeviceBound,
        route: Route::InApp,
    }
}

/// A PATCH of the passkey policy with those members.
fn body(members: Value) -> Value {
    let mut body = json!({ "@odata.type": fido2::TYPE });
    let Value::Object(members) = members else { panic!("members are an object") };
    body.as_object_mut().unwrap().extend(members);
    body
}

fn patched(policy: &Fido2Policy, members: Value) -> Fido2Policy {
    policy.patched(&body(members), Behaviour::Current).unwrap()
}

/// Why a PATCH is refused; it changes nothing, which the signature sees to.
fn refused(policy: &Fido2Policy, members: Value) -> Refusal {
    let refusal = policy.patched(&body(members), Behaviour::Current).unwrap_err();
    assert_eq!((refusal.kind, refusal.code.as_str()), (RefusalKind::BadRequest, "badRequest"));
    refusal
}

/// What the policy says to Adele, a member.
fn ask(
    policy: &Fido2Policy,
    purpose: Purpose,
    behaviour: Behaviour,
    passkey: Option<&PasskeyFacts>,
) -> Decision {
    let (user, groups) = (adele(UserType::Member), groups());
    let subject = Subject { user: &user, groups: &groups };
    policy.decide(&Question { purpose, behaviour, subject, passkey })
}

/// The clauses that fail.
fn failing(decision: &Decision) -> Vec<String> {
    let failing = decision.clauses.iter().filter(|clause| !clause.holds);
    failing.map(|clause| format!("{}: {}", clause.clause, clause.says)).collect()
}
