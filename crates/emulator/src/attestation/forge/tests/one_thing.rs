//! That a flaw is the one thing that is wrong: who takes such a statement has not looked at that.
use super::*;
use crate::attestation::CertificateSummary;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use std::collections::{BTreeMap, BTreeSet};

const VERSION: &str = "version";
const ISSUER: &str = "issuer";
const SUBJECT: &str = "subject";
const FROM: &str = "from";
const UNTIL: &str = "until";
const AFTER: &str = "after";
const KEY_USAGE: &str = "2.5.29.15";
const ALTERNATIVE_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const AUTHORITY_KEY: &str = "2.5.29.35";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const MODEL: &str = "1.3.6.1.4.1.45724.1.1.4";
const KEY_DESCRIPTION: &str = "1.3.6.1.4.1.11129.2.1.17";
const NONCE: &str = "1.2.840.113635.100.8.2";

/// What a certificate says, by another library than the one that wrote it. Not its keys, which are new each time, and not
/// what it is called by for their sake: its number and, where the CA is new too, its issuer's key identifier.
fn said(der: &[u8], new_authority: bool) -> BTreeMap<String, String> {
    let (certificate, after) = match Certificate::from_der(der) {
        Ok(certificate) => (certificate, ""),
        Err(_) => (Certificate::from_der(&der[..der.len() - 1]).unwrap(), "a byte"),
    };
    let tbs = certificate.tbs_certificate();
    let mut said = BTreeMap::from([
        (VERSION.into(), format!("{:?}", tbs.version())),
        (ISSUER.into(), tbs.issuer().to_string()),
        (SUBJECT.into(), tbs.subject().to_string()),
        (FROM.into(), tbs.validity().not_before.to_string()),
        (UNTIL.into(), tbs.validity().not_after.to_string()),
        (AFTER.into(), after.into()),
    ]);
    for extension in tbs.extensions().into_iter().flatten() {
        let oid = extension.extn_id.to_string();
        // The subject's key identifier, which a CA has and others need not.
        if oid != "2.5.29.14" && !(new_authority && oid == AUTHORITY_KEY) {
            said.insert(oid, format!("{} {:02x?}", extension.critical, extension.extn_value.as_bytes()));
        }
    }
    said
}

/// The fields of the leaf that a flaw changes.
fn changed_in_the_leaf(flaw: Flaw) -> &'static [&'static str] {
    match flaw {
        Flaw::CertificateVersion1 => &[VERSION],
        Flaw::CertificateNotYetValid => &[FROM],
        Flaw::CertificateExpired => &[UNTIL],
        Flaw::TrailingData => &[AFTER],
        Flaw::CountryMissing
        | Flaw::CountryWrong
        | Flaw::OrganizationMissing
        | Flaw::UnitMissing
        | Flaw::UnitWrong
        | Flaw::CommonNameMissing
        | Flaw::SubjectNotEmpty => &[SUBJECT],
        Flaw::KeyUsageWrong => &[KEY_USAGE],
        Flaw::CertificateIsCa | Flaw::BasicConstraintsMissing => &[BASIC_CONSTRAINTS],
        Flaw::SubjectAltNameMissing
        | Flaw::ManufacturerMissing
        | Flaw::ManufacturerUnknown
        | Flaw::ManufacturerOfTests
        | Flaw::ModelMissing
        | Flaw::FirmwareVersionMissing => &[ALTERNATIVE_NAME],
        Flaw::ExtendedKeyUsageMissing | Flaw::ExtendedKeyUsageWrong => &[EXTENDED_KEY_USAGE],
        Flaw::AaguidExtensionWrong | Flaw::AaguidExtensionCritical | Flaw::AaguidExtensionNotWrapped => {
            &[MODEL]
        }
        Flaw::SelfSigned => &[ISSUER, AUTHORITY_KEY],
        // One of two is by a CA between.
        Flaw::TwoCertificates => &[ISSUER, AUTHORITY_KEY],
        Flaw::KeyDescriptionMissing
        | Flaw::ChallengeWrong
        | Flaw::AllApplications
        | Flaw::AllApplicationsBySoftware
        | Flaw::OriginNotGenerated
        | Flaw::OriginMissing
        | Flaw::PurposeNotSign
        | Flaw::PurposeMissing
        | Flaw::PurposeAlsoDecrypt
        | Flaw::SoftwareEnforced => &[KEY_DESCRIPTION],
        Flaw::NonceWrong | Flaw::NonceMissing => &[NONCE],
        _ => &[],
    }
}

/// Those of the certificate above it.
fn changed_above(flaw: Flaw) -> &'static [&'static str] {
    match flaw {
        Flaw::IntermediateIsNoCa => &[BASIC_CONSTRAINTS],
        Flaw::IntermediateKeyUsageWrong => &[KEY_USAGE],
        Flaw::IntermediateExpired => &[UNTIL],
        _ => &[],
    }
}

/// The formats whose certificates are members of a statement.
const CERTIFIED: [Format; 6] = [
    Format::PackedBasic,
    Format::PackedChain,
    Format::FidoU2f,
    Format::Tpm,
    Format::AndroidKey,
    Format::Apple,
];

#[test]
fn a_certificate_differs_from_the_right_one_in_what_the_flaw_says_and_in_nothing_else() {
    let bench = Bench::new(Algorithm::ES256);
    for format in CERTIFIED {
        let chain = format == Format::PackedChain;
        let right = certificates(&bench.forge(format, None).unwrap().att_stmt);
        for flaw in format.flaws() {
            let wrong = certificates(&bench.forge(format, Some(*flaw)).unwrap().att_stmt);
            let changes = [changed_in_the_leaf(*flaw), changed_above(*flaw)];
            for (at, (right, wrong)) in right.iter().zip(&wrong).enumerate() {
                let [right, wrong] = [right, wrong].map(|der| said(der, chain && at == 0));
                let names: BTreeSet<&String> = right.keys().chain(wrong.keys()).collect();
                let changed = names.into_iter().filter(|name| right.get(*name) != wrong.get(*name));
                let changed: BTreeSet<&str> = changed.map(String::as_str).collect();
                let expected = changes[at].iter().copied().collect();
                assert_eq!(changed, expected, "{format:?} {flaw:?}, certificate {at}");
            }
        }
    }
}

fn verifies(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
}

/// The signature of a statement is broken by the flaws of signatures, that of its certificate by some flaws of paths, and
/// neither by any other: nothing but the flaw itself can be what a verifier refuses.
#[test]
fn signatures_are_broken_by_their_own_flaws_alone() {
    use Flaw::*;
    let bench = Bench::new(Algorithm::ES256);
    let root = CertificateSummary::of(bench.ca.certificate()).unwrap().public_key;
    for format in [Format::PackedBasic, Format::Tpm, Format::AndroidKey] {
        for flaw in format.flaws() {
            let statement = bench.forge(format, Some(*flaw)).unwrap().att_stmt;
            let Some(mut leaf) = certificates(&statement).into_iter().next() else { continue };
            leaf.truncate(leaf.len() - usize::from(*flaw == TrailingData));
            let bytes = |name| member(&statement, name).and_then(Value::as_bytes).cloned();
            let message = match format {
                Format::Tpm => bytes("certInfo"),
                _ => Some([bench.auth_data.as_slice(), &HASH].concat()),
            };
            if let (Some(sig), Some(message)) = (bytes("sig"), message) {
                let point = CertificateSummary::of(&leaf).unwrap().public_key;
                let own = [
                    BadSignature,
                    SignatureOverOtherData,
                    SignatureTrailingData,
                    SignatureByOtherKey,
                    CertificateForOtherKey,
                ];
                assert_eq!(verifies(&point, &message, &sig), !own.contains(flaw), "{format:?} {flaw:?}");
            }
            let certificate = Certificate::from_der(&leaf).unwrap();
            let signed = certificate.tbs_certificate().to_der().unwrap();
            let issued = verifies(&root, &signed, certificate.signature().raw_bytes());
            let own = [ForeignRoot, SelfSigned, CertificateSignatureWrong];
            assert_eq!(issued, !own.contains(flaw), "{format:?} {flaw:?}");
        }
    }
}

/// A U2F key on P-384 signs with SHA-256 all the same, so that the curve alone is wrong.
#[test]
fn a_signature_by_a_key_on_another_curve_is_over_the_same_hash() {
    use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
    let bench = Bench::new(Algorithm::ES256);
    let statement = bench.forge(Format::FidoU2f, Some(Flaw::KeyNotOnP256)).unwrap().att_stmt;
    let leaf = certificates(&statement).remove(0);
    let point = CertificateSummary::of(&leaf).unwrap().public_key;
    let PublicKey::P256 { x, y } = bench.credential.public else { panic!("it is for ES256") };
    let message = [[0].as_slice(), &[1; 32], &HASH, &[2; 32], &[4], &x, &y].concat();
    let signature = p384::ecdsa::Signature::from_der(member(&statement, "sig").unwrap().as_bytes().unwrap());
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
    key.verify_prehash(ring::digest::digest(&ring::digest::SHA256, &message).as_ref(), &signature.unwrap())
        .unwrap();
}
