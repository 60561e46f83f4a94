//! A policy that lowers instead of refusing: what it lets pass, what it calls it, and that nothing else goes by.
use super::pki::{Authority, Leaf, SERIAL, octets};
use super::signer::{ALGORITHMS, Registration, Statement};
use super::{certificates, formats, registration};
use crate::*;
use rcgen::KeyPair;
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value};
use wire::cose::Algorithm;

const LONGEST: usize = 32;

/// The same ceremony before a relying party with a lenient policy, with the anchors and the clock of the strict one.
fn lenient(mut ceremony: Registration) -> Registration {
    let strict = ceremony.party.attestation;
    ceremony.party.attestation = AttestationPolicy {
        trust_anchors: strict.trust_anchors,
        now: strict.now,
        ..AttestationPolicy::lenient(LONGEST)
    };
    ceremony
}

/// Steps about trust, all of whose rows become harmless, but these.
fn still_refused(step: Step, what: &str) -> bool {
    match step {
        Step::TrustAnchors => what == "a trust anchor that is no certificate",
        Step::AttestationChain | Step::CertificateValidity => false,
        Step::Format => what == "no format",
        _ => true,
    }
}

#[test]
fn whatever_is_wrong_with_more_than_trust_is_refused_by_the_same_step() {
    let mut lowered = 0;
    for (step, what, spoil) in registration::ROWS.iter().chain(certificates::ROWS).chain(formats::ROWS) {
        let mut ceremony = lenient(Registration::new(Algorithm::ES256, Statement::None));
        spoil(&mut ceremony);
        match ceremony.run() {
            Err(rejection) => {
                assert_eq!(rejection.step, *step, "{what}");
                assert!(still_refused(*step, what), "{what}: {rejection}");
            }
            Ok(registered) => {
                assert!(!still_refused(*step, what), "{what}");
                assert_eq!(registered.attestation, AttestationType::Unverified, "{what}");
                assert!(registered.trust_path.is_empty(), "{what}");
                assert!(!registered.warnings.is_empty(), "{what}");
                assert!(
                    registered.passed.iter().eq(Ceremony::Registration.steps().iter().map(|(step, _)| step))
                );
                lowered += 1;
            }
        }
    }
    assert!(lowered > 10, "{lowered}");
}

#[test]
fn what_is_attested_well_is_called_what_it_was_called_before() {
    for algorithm in ALGORITHMS {
        for statement in [Statement::None, Statement::PackedSelf, Statement::Packed(|_| ())] {
            let strict = Registration::new(algorithm, statement);
            let judge = |ceremony: &Registration, response| {
                ceremony.party.verify_registration(&ceremony.expected, response).unwrap()
            };
            let (lenient, response) = (lenient(strict.clone()), strict.response());
            assert!(judge(&lenient, &response) == judge(&strict, &response), "{algorithm}");
        }
    }
}

/// As somebody made one to try Entra: a certificate for the one passkey, signed by nobody who is known.
#[test]
fn a_certificate_made_for_one_passkey_proves_nothing_and_does_no_harm() {
    let one_off: fn(&mut Leaf) = |leaf| {
        leaf.key = KeyPair::generate().unwrap();
        leaf.issuer = Authority::foreign();
        leaf.params.custom_extensions = vec![];
    };
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::Packed(one_off));
    ceremony.data.attested.as_mut().unwrap().aaguid = Aaguid::ZERO;
    assert_eq!(ceremony.run().unwrap_err().step, Step::AttestationChain);
    let mut ceremony = lenient(ceremony);
    let registered = ceremony.run().unwrap();
    assert_eq!(registered.attestation, AttestationType::Unverified);
    assert_eq!(registered.fmt, "packed");
    let [warning] = registered.warnings.as_slice() else { panic!("{:?}", registered.warnings) };
    assert!(
        warning
            .starts_with("the certificates in the statement are not trusted: x5c leads to no trust anchor"),
        "{warning}"
    );
    ceremony.party.attestation.trust_anchors.clear();
    assert_eq!(
        ceremony.run().unwrap().warnings,
        ["the certificates in the statement are not trusted: x5c leads to no trust anchor: there is none"]
    );
    // Its signature is verified all the same.
    ceremony.statement = Statement::Packed(|leaf| leaf.signature = Some(vec![0x30, 0]));
    assert_eq!(ceremony.run().unwrap_err().step, Step::AttestationSignature);
}

#[test]
fn a_model_and_a_device_that_only_an_untrusted_certificate_names_are_not_believed() {
    let named: fn(&mut Leaf) = |leaf| {
        leaf.issuer = Authority::foreign();
        leaf.params.custom_extensions.push(octets(SERIAL, b"number 7"));
    };
    let mut ceremony = lenient(Registration::new(Algorithm::ES256, Statement::Packed(named)));
    ceremony.party.attestation.conveyance = Conveyance::Enterprise;
    let registered = ceremony.run().unwrap();
    assert_eq!(registered.serial_number, None);
    let unproven = "the AAGUID 90909090-9090-9090-9090-909090909090 is not proven by any attestation";
    assert_eq!(registered.warnings[0], unproven);
}

#[test]
fn a_chain_is_worth_nothing_on_days_on_which_it_is_not_valid() {
    let expired: fn(&mut Leaf) = |leaf| leaf.params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    let mut ceremony = lenient(Registration::new(Algorithm::ES256, Statement::Packed(expired)));
    let registered = ceremony.run().unwrap();
    assert_eq!(registered.attestation, AttestationType::Unverified);
    assert!(registered.warnings.iter().any(|warning| warning.contains("is expired")));
    ceremony.party.attestation.now = Some(1_700_000_000);
    assert_eq!(ceremony.run().unwrap().attestation, AttestationType::Basic);
}

#[test]
fn names_of_unknown_formats_are_measured_in_characters() {
    let run = |fmt: &'static str, att_stmt: Value| {
        lenient(Registration::new(Algorithm::ES256, Statement::Other(fmt, att_stmt))).run()
    };
    let anything = || cbor::text_map([("anything", Some(7.into()))]);
    const LONG: &str = "ääääääääääääääääääääääääääääääää";
    assert_eq!((LONG.chars().count(), LONG.len()), (LONGEST, 2 * LONGEST));
    for fmt in ["x", "TPM", "android-safety-net", "Packed", LONG] {
        let registered = run(fmt, anything()).unwrap();
        assert_eq!((registered.attestation, registered.fmt.as_str()), (AttestationType::Unverified, fmt));
        let warning = registered.warnings.last().unwrap();
        assert!(warning.contains(fmt) && warning.contains("not looked at"), "{warning}");
    }
    for fmt in ["", "ääääääääääääääääääääääääääääääääx"] {
        let rejection = run(fmt, anything()).unwrap_err();
        assert_eq!(rejection.step, Step::Format, "{fmt}");
        assert!(rejection.why.contains("1 to 32 characters"), "{rejection}");
    }
    assert_eq!(run("x", Value::Array(vec![])).unwrap_err().step, Step::AttestationObject);
    // A name that is known is what it says.
    assert_eq!(run("none", anything()).unwrap_err().step, Step::AttestationStatement);
}

#[test]
fn each_half_of_a_lenient_policy_can_be_had_alone_and_the_word_stays_with_what_is_accepted() {
    let foreign: fn(&mut Leaf) = |leaf| leaf.issuer = Authority::foreign();
    let chain = lenient(Registration::new(Algorithm::ES256, Statement::Packed(foreign)));
    let format = lenient(Registration::new(Algorithm::ES256, Statement::Other("x", Value::Map(vec![]))));
    let ends = |spoil: fn(&mut AttestationPolicy)| {
        [&chain, &format].map(|ceremony| {
            let mut ceremony = ceremony.clone();
            spoil(&mut ceremony.party.attestation);
            ceremony.run().map(|registered| registered.attestation).map_err(|rejection| rejection.step)
        })
    };
    let unverified = Ok(AttestationType::Unverified);
    assert_eq!(ends(|_| ()), [unverified, unverified]);
    assert_eq!(
        ends(|policy| policy.untrusted_chain = UntrustedChain::Refuse),
        [Err(Step::AttestationChain), unverified]
    );
    assert_eq!(
        ends(|policy| policy.unknown_formats = UnknownFormats::Refuse),
        [unverified, Err(Step::Format)]
    );
    let refused = Err(Step::AttestationTrust);
    assert_eq!(
        ends(|policy| policy.accepted.retain(|kind| *kind != AttestationType::Unverified)),
        [refused, refused]
    );
}
