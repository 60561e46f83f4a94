use super::*;
use authenticator::signer::DeterministicSigner;
use rand_core::SeedableRng;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

const MODEL: Aaguid = Aaguid([0x5A; 16]);

fn rng() -> rand_chacha::ChaCha20Rng {
    rand_chacha::ChaCha20Rng::seed_from_u64(8)
}

fn ca() -> TestCa {
    TestCa::generate(&mut DeterministicSigner, &mut rng()).unwrap()
}

fn summary(key: &AttestationKey) -> CertificateSummary {
    assert_eq!(key.chain.len(), 1, "up to but without the root");
    CertificateSummary::of(&key.chain[0]).unwrap()
}

/// The to-be-signed part with its header and the signature: RFC 5280 §4.1.
fn parts(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    use der::{Decode, Encode};
    let certificate = x509_cert::Certificate::from_der(der).unwrap();
    (certificate.tbs_certificate().to_der().unwrap(), certificate.signature().raw_bytes().to_vec())
}

#[test]
fn every_name_says_that_this_is_a_test() {
    let (ca, mut rng) = (ca(), rng());
    let signer = &mut DeterministicSigner;
    let leaves = [
        ca.batch(MODEL, "Some Key", signer, &mut rng).unwrap(),
        ca.u2f("Some Key", true, signer, &mut rng).unwrap(),
        ca.enterprise(MODEL, "Some Key", &[7; 8], signer, &mut rng).unwrap(),
    ];
    let root = CertificateSummary::of(ca.certificate()).unwrap();
    for leaf in leaves.iter().map(summary) {
        assert_eq!(leaf.issuer, root.subject);
        assert!(leaf.subject.contains("OU=Authenticator Attestation"), "{}", leaf.subject);
        for name in [&leaf.subject, &leaf.issuer] {
            assert!(
                name.contains("fauxkey test") && name.contains("software keys protect nothing"),
                "{name}"
            );
            assert!(name.contains("C=ZZ"), "{name}");
        }
    }
    let enterprise = summary(&leaves[2]).subject;
    assert!(enterprise.to_lowercase().contains("0707070707070707"), "{enterprise}");
}

#[test]
fn leaves_verify_with_their_root_and_with_no_other() {
    let (ca, mut rng) = (ca(), rng());
    let leaf = ca.batch(MODEL, "Some Key", &mut DeterministicSigner, &mut rng).unwrap();
    let other = TestCa::generate(&mut DeterministicSigner, &mut rng).unwrap();
    let (tbs, signature) = parts(&leaf.chain[0]);
    let verifies = |ca: &TestCa| {
        let point = point(&ca.key().public).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&tbs, &signature).is_ok()
    };
    assert!(verifies(&ca) && !verifies(&other));
    assert_ne!(summary(&leaf).issuer, CertificateSummary::of(other.certificate()).unwrap().subject);
}

#[test]
fn a_kept_root_issues_as_before_and_a_mixed_up_one_is_refused() {
    let (ca, mut rng) = (ca(), rng());
    let kept = TestCa::of(ca.key().clone(), ca.certificate().to_vec()).unwrap();
    let leaf = kept.batch(MODEL, "Some Key", &mut DeterministicSigner, &mut rng).unwrap();
    assert_eq!(summary(&leaf).issuer, CertificateSummary::of(ca.certificate()).unwrap().subject);
    let other = TestCa::generate(&mut DeterministicSigner, &mut rng).unwrap();
    assert!(TestCa::of(other.key().clone(), ca.certificate().to_vec()).is_err());
    assert!(TestCa::of(ca.key().clone(), vec![0x30, 0x00]).is_err());
}

/// WebAuthn Level 3 §8.2.1: two OCTET STRINGs, as in its own example; §8.2.2 for the serial number.
#[test]
fn extensions_have_the_bytes_that_the_specifications_show() {
    let (ca, mut rng) = (ca(), rng());
    let signer = &mut DeterministicSigner;
    let contains = |key: &AttestationKey, text: &str| {
        let bytes = wire::hex::decode(text).unwrap();
        key.chain[0].windows(bytes.len()).any(|window| window == bytes)
    };
    let aaguid = format!("3021060b2b0601040182e51c01010404120410{}", "5a".repeat(16));
    let serial = "3018060b2b0601040182e51c010102 0409 0407 01020304050607".replace(' ', "");
    let batch = ca.batch(MODEL, "Some Key", signer, &mut rng).unwrap();
    assert!(contains(&batch, &aaguid) && !contains(&batch, "2b0601040182e51c010102"));
    let enterprise = ca.enterprise(MODEL, "Some Key", &[1, 2, 3, 4, 5, 6, 7], signer, &mut rng).unwrap();
    assert!(contains(&enterprise, &aaguid) && contains(&enterprise, &serial));
    let usb = ca.u2f("Some Key", false, signer, &mut rng).unwrap();
    let nfc = ca.u2f("Some Key", true, signer, &mut rng).unwrap();
    assert!(contains(&usb, "060b2b0601040182e51c020101040403020520"));
    assert!(contains(&nfc, "060b2b0601040182e51c020101040403020430"));
    assert!(!contains(&usb, "2b0601040182e51c010104"), "a U2F key has no AAGUID");
    // BasicConstraints, critical, CA false.
    for leaf in [&batch, &enterprise, &usb] {
        assert!(contains(leaf, "300c0603551d130101ff04023000"));
    }
}
