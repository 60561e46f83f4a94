//! Policies: of authentication methods, authentication strengths, conditional access.
use super::{Answered, Call, GraphAnswer, body};
use serde_json::{Value, json};
use tenant::access::Strength;
use tenant::administration::MethodPolicy;
use tenant::{Refusal, Tenant};

/// `rest` follows `/policies`.
pub(super) fn route(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Answered {
    match rest {
        ["authenticationmethodspolicy"] if call.is("GET") => {
            let configurations: Vec<Value> =
                MethodPolicy::ALL.map(|which| tenant.method_policy(which)).into();
            let document = json!({
                "id": "authenticationMethodsPolicy",
                "displayName": "Authentication Methods Policy",
                "description": "The tenant-wide policy that controls which authentication methods are allowed in the tenant",
                "authenticationMethodConfigurations": configurations,
            });
            call.entity(200, "authenticationMethodsPolicy", document)
        }
        ["authenticationmethodspolicy", "authenticationmethodconfigurations"] if call.is("GET") => {
            let all = MethodPolicy::ALL.map(|which| tenant.method_policy(which));
            let of = "policies/authenticationMethodsPolicy/authenticationMethodConfigurations";
            call.collection(of, all.into_iter())
        }
        ["authenticationmethodspolicy", "authenticationmethodconfigurations", id] => {
            let which = MethodPolicy::named(id)?;
            let of = "policies/authenticationMethodsPolicy/authenticationMethodConfigurations/$entity";
            if call.is("GET") {
                call.entity(200, of, tenant.method_policy(which))
            } else if call.is("PATCH") {
                tenant.patch_method_policy(call.now, which, &call.body()?)?;
                Ok(GraphAnswer::done())
            } else if call.is("DELETE") {
                tenant.reset_method_policy(call.now, which)?;
                Ok(GraphAnswer::done())
            } else {
                Err(call.nothing())
            }
        }
        ["authenticationstrengthpolicies", rest @ ..] => strengths(tenant, call, rest, 2),
        ["conditionalaccesspolicies", rest @ ..] => conditional_access(tenant, call, rest),
        _ => Err(call.nothing()),
    }
}

/// `rest` follows `/policies/authenticationStrengthPolicies`, whose next segment is number `at`.
pub(super) fn strengths(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str], at: usize) -> Answered {
    const OF: &str = "policies/authenticationStrengthPolicies";
    let entity = format!("{OF}/$entity");
    match rest {
        [] if call.is("GET") => {
            call.collection(OF, tenant.strengths().into_iter().map(|strength| strength.to_graph()))
        }
        [] if call.is("POST") => {
            let strength = tenant.add_strength(call.now, &call.body()?)?;
            call.entity(201, &entity, strength.to_graph())
        }
        [_] if call.is("GET") => call.entity(200, &entity, tenant.strength(call.path.at(at))?.to_graph()),
        [_] if call.is("PATCH") => {
            let patched = tenant.strength(call.path.at(at))?.patched(&call.body()?, call.now)?;
            tenant.put_strength(call.now, patched.clone())?;
            call.entity(200, &entity, patched.to_graph())
        }
        [_] if call.is("DELETE") => {
            tenant.delete_strength(call.now, call.path.at(at))?;
            Ok(GraphAnswer::done())
        }
        [_, "updateallowedcombinations"] if call.is("POST") => {
            let before = tenant.strength(call.path.at(at))?;
            let after = before.update_allowed_combinations(&call.body()?, call.now)?;
            let answer = json!({
                "@odata.context": call.context("microsoft.graph.updateAllowedCombinationsResult"),
                "previousCombinations": before.to_graph()["allowedCombinations"],
                "currentCombinations": after.to_graph()["allowedCombinations"],
                "conditionalAccessReferences": users_of(tenant, &before),
                "additionalInformation": "",
            });
            tenant.put_strength(call.now, after)?;
            Ok(GraphAnswer::json(200, answer))
        }
        [_, "usage"] if call.is("GET") => {
            let strength = tenant.strength(call.path.at(at))?;
            let using: Vec<Value> = tenant
                .conditional_access()
                .filter(|policy| policy.strength() == Some(strength.id))
                .map(|policy| policy.to_graph())
                .collect();
            let answer = json!({
                "@odata.context": call.context("microsoft.graph.authenticationStrengthUsage"),
                "none": [],
                "mfa": using,
            });
            Ok(GraphAnswer::json(200, answer))
        }
        [_, "combinationconfigurations", rest @ ..] => combinations(tenant, call, rest, at),
        _ => Err(call.nothing()),
    }
}

fn users_of(tenant: &Tenant, strength: &Strength) -> Vec<String> {
    let using = tenant.conditional_access().filter(|policy| policy.strength() == Some(strength.id));
    using.map(|policy| policy.id.to_string()).collect()
}

/// `…/{id}/combinationConfigurations`.
fn combinations(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str], at: usize) -> Answered {
    let strength = tenant.strength(call.path.at(at))?;
    let of =
        format!("policies/authenticationStrengthPolicies('{}')/combinationConfigurations", strength.id);
    let all: Vec<Value> =
        strength.to_graph()["combinationConfigurations"].as_array().cloned().unwrap_or_default();
    let one = |id: &str| -> Result<Value, Refusal> {
        let found = all.iter().find(|found| {
            found["id"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(id))
        });
        found.cloned().ok_or_else(|| call.nothing())
    };
    match rest {
        [] if call.is("GET") => call.collection(&of, all.iter().cloned()),
        [] if call.is("POST") => {
            let (changed, added) =
                strength.add_combination_configuration(&call.body()?, call.now, tenant.randomness())?;
            tenant.put_strength(call.now, changed)?;
            call.entity(201, &format!("{of}/$entity"), added)
        }
        [_] if call.is("GET") => call.entity(200, &format!("{of}/$entity"), one(call.path.at(at + 2))?),
        [_] if call.is("PATCH") => {
            let id = call.path.at(at + 2);
            one(id)?;
            let id = id.parse().map_err(|error| body::bad(format!("{id}: {error}")))?;
            let (changed, patched) =
                strength.patch_combination_configuration(id, &call.body()?, call.now)?;
            tenant.put_strength(call.now, changed)?;
            call.entity(200, &format!("{of}/$entity"), patched)
        }
        [_] if call.is("DELETE") => {
            let id = call.path.at(at + 2);
            one(id)?;
            let id = id.parse().map_err(|error| body::bad(format!("{id}: {error}")))?;
            tenant.put_strength(call.now, strength.remove_combination_configuration(id, call.now)?)?;
            Ok(GraphAnswer::done())
        }
        _ => Err(call.nothing()),
    }
}

/// `rest` follows `/identity/conditionalAccess/policies`.
pub(super) fn conditional_access(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Answered {
    const OF: &str = "identity/conditionalAccess/policies";
    let entity = format!("{OF}/$entity");
    // The path may be /policies/conditionalAccessPolicies too.
    let which = |call: &Call<'_>| call.path.at(call.path.words().len() - 1).to_owned();
    match rest {
        [] if call.is("GET") => {
            call.collection(OF, tenant.conditional_access().map(|policy| policy.to_graph()))
        }
        [] if call.is("POST") => {
            let policy = tenant.add_conditional_access(call.now, &call.body()?)?;
            call.entity(201, &entity, policy.to_graph())
        }
        [_] if call.is("GET") => {
            call.entity(200, &entity, tenant.conditional_access_policy(&which(call))?.to_graph())
        }
        [_] if call.is("PATCH") => {
            tenant.patch_conditional_access(call.now, &which(call), &call.body()?)?;
            Ok(GraphAnswer::done())
        }
        [_] if call.is("DELETE") => {
            tenant.delete_conditional_access(call.now, &which(call))?;
            Ok(GraphAnswer::done())
        }
        _ => Err(call.nothing()),
    }
}
