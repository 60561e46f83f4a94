//! What the relying party says that it wants, by its options, and what the plan expects of it.
use crate::bench::Bench;
use crate::plan::{Attestation, Counter, Verification};
use std::collections::BTreeMap;

/// For the report: names and values for people.
pub(crate) fn of(bench: &Bench<'_>) -> BTreeMap<String, String> {
    let expect = &bench.plan.expect;
    let attestation = match expect.attestation {
        Attestation::None => "none",
        Attestation::Accepted => "accepted",
        Attestation::Enforced => "enforced",
    };
    let verification = match expect.user_verification {
        Verification::Required => "required",
        Verification::Preferred => "preferred",
        Verification::Discouraged => "discouraged",
        Verification::FromOptions => "from options",
    };
    let counter = match expect.counter {
        Counter::Checked => "checked",
        Counter::Ignored => "ignored",
    };
    let listed =
        |list: &[String], none: &str| if list.is_empty() { none.to_owned() } else { list.join(", ") };
    let planned = [
        ("plan: attestation", attestation.to_owned()),
        ("plan: user verification", verification.to_owned()),
        ("plan: counter", counter.to_owned()),
        ("plan: device-bound", expect.device_bound.to_string()),
        ("plan: frames", expect.frames.to_string()),
        ("plan: sub-domains", expect.sub_domains.to_string()),
        ("plan: allowed models", listed(&expect.allowed, "any")),
        ("plan: blocked models", listed(&expect.blocked, "none")),
    ];
    let planned = planned.into_iter().map(|(name, value)| (name.to_owned(), value));
    planned
        .chain(bench.options.iter().map(|(name, value)| (format!("options: {name}"), value.clone())))
        .collect()
}
