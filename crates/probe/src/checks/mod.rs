//! The checks, in tables by what they are about.
mod accounts;
mod attestation;
mod authenticator_data;
mod backup;
mod challenge;
mod client_data;
mod counter;
mod credential;
mod encoding;
mod formats;
mod models;
mod origin;
mod robustness;
mod signature;

use crate::check::Check;
use crate::plan::Plan;

/// Every check, in the order in which they are made. Those of models depend on the plan, which may name some more.
pub fn all(plan: &Plan) -> Vec<Check> {
    [
        challenge::checks(),
        origin::checks(),
        client_data::checks(),
        authenticator_data::checks(),
        backup::checks(),
        credential::checks(),
        models::checks(plan),
        attestation::checks(),
        formats::checks(),
        signature::checks(),
        counter::checks(),
        accounts::checks(),
        encoding::checks(),
        robustness::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_at_least_eighty_checks_and_each_has_a_name_of_its_own() {
        let all = all(&Plan::default());
        let ids: HashSet<&str> = all.iter().map(|check| check.id.as_str()).collect();
        assert!(ids.len() == all.len() && all.len() >= 80, "{} of {}", ids.len(), all.len());
        for id in ids {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(id.chars().all(kebab) && !id.starts_with('-') && !id.ends_with('-'), "{id}");
        }
    }

    #[test]
    fn each_check_says_what_it_tries_by_which_rule_and_what_to_do() {
        for check in all(&Plan::default()) {
            let clause = check.clause.to_string();
            assert!(
                ["WebAuthn", "CTAP", "RFC", "Entra"].iter().any(|start| clause.starts_with(start)),
                "{}: {clause}",
                check.id
            );
            assert_ne!(clause, "WebAuthn L3 §7", "{}: the ceremony has no such step", check.id);
            assert!(check.title.len() > 10 && !check.title.ends_with('.'), "{}", check.id);
            assert!(check.advice.ends_with('.'), "{}: {}", check.id, check.advice);
            let group = check.group;
            assert!(group.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{group}");
        }
    }
}
