//! BLOBs of a metadata service of our own.
use super::makers::{base64, jws};
use super::pki::{Authority, Leaf, NOW};
use super::signer::{Registration, Statement};
use crate::metadata::{Metadata, MetadataError};
use crate::*;
use serde_json::{Value, json};
use wire::aaguid::Aaguid;
use wire::cose::Algorithm;

fn payload(statuses: &[&str]) -> Value {
    let reports: Vec<Value> =
        statuses.iter().map(|status| json!({"status": status, "effectiveDate": "2026-01-01"})).collect();
    json!({
        "legalHeader": "none",
        "no": 7,
        "nextUpdate": "2027-02-01",
        "entries": [
            {
                "attestationCertificateKeyIdentifiers": ["00"],
                "metadataStatement": {"description": "a U2F key"},
                "statusReports": [],
                "timeOfLastStatusChange": "2026-01-01",
            },
            {
                "aaguid": "90909090-9090-9090-9090-909090909090",
                "metadataStatement": {
                    "description": "a key",
                    "attestationRootCertificates": [base64(&Authority::trusted().certificate)],
                },
                "statusReports": reports,
                "timeOfLastStatusChange": "2026-01-01",
            },
        ],
    })
}

fn blob(statuses: &[&str], spoil: fn(&mut Leaf)) -> String {
    let mut leaf = Leaf::new([0; 16]);
    leaf.params.custom_extensions.clear();
    spoil(&mut leaf);
    jws(&leaf, json!({"alg": "ES256", "typ": "JWT"}), &payload(statuses))
}

fn read(blob: &str, now: u64) -> Result<Metadata, MetadataError> {
    Metadata::read(blob, &[Authority::trusted().certificate.clone()], Some(now))
}

#[test]
fn the_anchors_of_a_model_make_its_attestation_worth_something() {
    let metadata = read(&blob(&["NOT_FIDO_CERTIFIED", "FIDO_CERTIFIED_L1"], |_| ()), NOW).unwrap();
    assert_eq!((metadata.no, metadata.next_update.as_str(), metadata.entries.len()), (7, "2027-02-01", 2));
    assert_eq!(metadata.entry(Aaguid([0x91; 16])), None);
    let entry = metadata.entry(Aaguid([0x90; 16])).unwrap();
    assert_eq!(entry.metadata_statement.as_ref().unwrap().description, "a key");
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::Packed(|_| ()));
    ceremony.party.attestation.trust_anchors = entry.trust_anchors().to_vec();
    assert_eq!(ceremony.run().unwrap().attestation, AttestationType::Basic);
}

#[test]
fn models_that_ought_not_to_be_trusted_have_no_anchors() {
    let bad = [
        "USER_VERIFICATION_BYPASS",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
        "REVOKED",
    ];
    for status in bad {
        for statuses in [vec![status], vec!["FIDO_CERTIFIED", status], vec![status, "UPDATE_AVAILABLE"]] {
            let metadata = read(&blob(&statuses, |_| ()), NOW).unwrap();
            let entry = metadata.entry(Aaguid([0x90; 16])).unwrap();
            assert_eq!(entry.refused_for().map(|report| report.status.as_str()), Some(status));
            assert!(entry.trust_anchors().is_empty());
        }
    }
    for status in ["UPDATE_AVAILABLE", "SELF_ASSERTION_SUBMITTED", "a word of tomorrow"] {
        let metadata = read(&blob(&[status], |_| ()), NOW).unwrap();
        assert_eq!(metadata.entry(Aaguid([0x90; 16])).unwrap().refused_for(), None);
    }
}

#[test]
fn a_blob_by_nobody_who_is_trusted_is_not_believed() {
    let untrusted = |blob: &str, now| matches!(read(blob, now), Err(MetadataError::Untrusted(_)));
    let good = blob(&[], |_| ());
    assert!(read(&good, NOW).is_ok() && read(&format!("{good}\n"), NOW).is_ok());
    assert!(untrusted(&good, 4_000_000_000));
    assert!(untrusted(&blob(&[], |leaf| leaf.issuer = Authority::foreign()), NOW));
    assert!(untrusted(&blob(&[], |leaf| leaf.issuer = Authority::intermediate()), NOW));
    let [header, _, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = wire::base64url::encode(payload(&["REVOKED"]).to_string().as_bytes());
    assert!(untrusted(&format!("{header}.{other}.{signature}"), NOW));
    let leaf = Leaf::new([0; 16]);
    assert!(untrusted(&jws(&leaf, json!({"alg": "none"}), &payload(&[])), NOW));
    assert!(matches!(read("e30.e30.", NOW), Err(MetadataError::NotSigned(_))));
    let nothing = jws(&leaf, json!({"alg": "ES256"}), &json!({}));
    assert!(matches!(read(&nothing, NOW), Err(MetadataError::Payload(_))));
    let mut no_model = payload(&[]);
    no_model["entries"][1]["aaguid"] = "goat".into();
    let no_model = jws(&leaf, json!({"alg": "ES256"}), &no_model);
    assert!(matches!(read(&no_model, NOW), Err(MetadataError::Payload(_))));
}
