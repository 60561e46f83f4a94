//! Every field of a registration and of a sign-in, changed once: refused by the step that is for it, and by no other.
use relying_party::{Ceremony, Step};
use serde_json::Value;
use std::collections::BTreeSet;
use tests::mutations::{self, End, Good, Mutation, Outcome};
use wire::cose::Algorithm;

const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];

#[test]
fn every_field_that_is_changed_is_refused_at_the_step_that_is_for_it() {
    let mut wrong = Vec::new();
    for algorithm in ALGORITHMS {
        let good = Good::new(algorithm);
        for mutation in mutations::of(&good) {
            let good = match mutation.ceremony {
                Ceremony::Registration => &good.registration,
                Ceremony::Authentication => &mutation.sign_in().response,
            };
            assert_ne!(mutation.posted, good.to_string(), "{}: nothing was changed", mutation.name());
            let end = mutation.judge();
            let as_expected = match (&end, mutation.row.outcome) {
                (End::Accepted, Outcome::Accepted(_)) | (End::Unreadable(_), Outcome::Unreadable) => true,
                (End::Refused(rejection), Outcome::Refused(step)) => {
                    rejection.step == step && Some(rejection.cite()) == step.cite(mutation.ceremony)
                }
                _ => false,
            };
            if !as_expected {
                wrong.push(format!(
                    "{algorithm}, {}: {:?}, and {end:?}",
                    mutation.name(),
                    mutation.row.outcome
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mutation_has_a_name_of_its_own() {
    for algorithm in ALGORITHMS {
        let good = Good::new(algorithm);
        let all = mutations::of(&good);
        let names: BTreeSet<String> = all.iter().map(Mutation::name).collect();
        assert_eq!(names.len(), all.len());
    }
}

/// The members of JSON, by their paths.
fn paths(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value.as_object() {
        Some(members) if path != "clientExtensionResults" => {
            for (name, value) in members {
                paths(value, &below(name), all);
            }
        }
        _ => {
            all.insert(path.to_owned());
        }
    }
}

#[test]
fn every_member_field_and_flag_has_a_row() {
    let fields =
        |of: &str, fields: &[&str]| fields.iter().map(|field| format!("{of}.{field}")).collect::<Vec<_>>();
    let client = fields("clientData", &["type", "challenge", "origin", "crossOrigin", "topOrigin"]);
    let data = fields("authData", &["rpIdHash", "signCount", "extensions"]);
    let flags = fields("authData.flags", &["UP", "RFU1", "UV", "BE", "BS", "RFU2", "AT", "ED"]);
    let attested = fields("authData", &["aaguid", "credentialIdLength", "credentialId"]);
    let object = fields("attestationObject", &["fmt", "attStmt", "authData"]);
    let statement = fields("attStmt", &["alg", "sig", "x5c"]);
    for algorithm in ALGORITHMS {
        let good = Good::new(algorithm);
        let all = mutations::of(&good);
        let key = match algorithm {
            Algorithm::ES256 => fields("key", &["kty (1)", "alg (3)", "crv (-1)", "x (-2)", "y (-3)"]),
            _ => fields("key", &["kty (1)", "alg (3)", "n (-1)", "e (-2)"]),
        };
        for ceremony in [Ceremony::Registration, Ceremony::Authentication] {
            let mut wanted = BTreeSet::new();
            wanted.extend([client.clone(), data.clone(), flags.clone()].concat());
            if ceremony == Ceremony::Registration {
                paths(&good.registration, "", &mut wanted);
                wanted.extend([attested.clone(), object.clone(), statement.clone(), key.clone()].concat());
            } else {
                paths(&good.sign_in(false).response, "", &mut wanted);
            }
            let rows = || all.iter().filter(|mutation| mutation.ceremony == ceremony);
            for member in wanted {
                let refused = rows().any(|mutation| {
                    mutation.row.member == member && !matches!(mutation.row.outcome, Outcome::Accepted(_))
                });
                // Bits that are reserved are judged by the signature.
                assert!(refused, "{algorithm}, {ceremony:?}: nothing is refused for {member}");
            }
        }
    }
}

/// Steps that no change of one response can fail: they are about what the relying party knows and wants.
fn is_about_the_party(ceremony: Ceremony, step: Step) -> bool {
    match step {
        Step::Unregistered | Step::TrustAnchors | Step::CertificateValidity | Step::AttestationTrust => true,
        // A certificate that is wrong in itself: `relying-party` has a table of them.
        Step::CertificateVersion
        | Step::CertificateSubject
        | Step::CertificateConstraints
        | Step::CertificateDevice => true,
        // What is asked of other formats than packed: `relying-party` has tables of that too.
        Step::AttestationNonce
        | Step::AttestationKey
        | Step::TpmMagic
        | Step::TpmType
        | Step::TpmName
        | Step::AndroidKeyScope
        | Step::AndroidKeyOrigin
        | Step::AndroidKeyPurpose
        | Step::SafetyNetService
        | Step::SafetyNetIntegrity
        | Step::SafetyNetTime
        | Step::CertificateAlternativeName
        | Step::CertificateKeyUsage => true,
        // AT is always set where it does not make the data unreadable.
        Step::AttestedCredentialData => ceremony == Ceremony::Registration,
        // BE was not set at registration, so that step 19 refuses it before.
        Step::DeviceBound => ceremony == Ceremony::Authentication,
        _ => false,
    }
}

#[test]
fn every_step_has_a_row_that_it_refuses() {
    for algorithm in ALGORITHMS {
        let good = Good::new(algorithm);
        let all = mutations::of(&good);
        for ceremony in [Ceremony::Registration, Ceremony::Authentication] {
            for (step, cite) in ceremony.steps() {
                let refuses = all.iter().any(|mutation| {
                    mutation.ceremony == ceremony && mutation.row.outcome == Outcome::Refused(*step)
                });
                assert_eq!(refuses, !is_about_the_party(ceremony, *step), "{algorithm}: {step:?}, {cite}");
            }
        }
    }
}
