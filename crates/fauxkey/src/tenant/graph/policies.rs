//! Policies: of authentication methods, authentication strengths, conditional access.
use super::{Answered, Call, GraphAnswer};
use serde_json::{Value, json};
use tenant::Tenant;
use tenant::administration::MethodPolicy;

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
            let using: Vec<_> = tenant
                .conditional_access()
                .filter(|policy| policy.strength() == Some(before.id))
                .map(|policy| policy.id)
                .collect();
            let (after, mut result) = before.update_allowed_combinations(&call.body()?, call.now, &using)?;
            tenant.put_strength(call.now, after)?;
            result["@odata.context"] = call.context("microsoft.graph.updateAllowedCombinationsResult").into();
            Ok(GraphAnswer::json(200, result))
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

/// `…/{id}/combinationConfigurations`.
fn combinations(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str], at: usize) -> Answered {
    let strength = tenant.strength(call.path.at(at))?;
    let of = format!("policies/authenticationStrengthPolicies('{}')/combinationConfigurations", strength.id);
    let entity = format!("{of}/$entity");
    let which = strength.id.to_string();
    let id = || call.path.at(at + 2).parse().map_err(|_| call.nothing());
    match rest {
        [] if call.is("GET") => {
            let all = strength.combination_configurations.iter().map(|one| one.to_graph());
            call.collection(&of, all)
        }
        [] if call.is("POST") => {
            let added = tenant.add_configuration(call.now, &which, &call.body()?)?;
            call.entity(201, &entity, added.to_graph())
        }
        [_] if call.is("GET") => call.entity(200, &entity, strength.configuration(id()?)?.to_graph()),
        [_] if call.is("PATCH") => {
            let changed = strength.with_configuration_patched(id()?, &call.body()?, call.now)?;
            let patched = changed.configuration(id()?)?.to_graph();
            tenant.put_strength(call.now, changed)?;
            call.entity(200, &entity, patched)
        }
        [_] if call.is("DELETE") => {
            tenant.put_strength(call.now, strength.without_configuration(id()?, call.now)?)?;
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
