//! Attestation by certificate: every requirement of §8.2, §8.2.1, §8.2.2, §8.6 and of the path to a trust anchor.
use super::pki::{AAGUID, Authority, Leaf, NOW, SERIAL, critical, octets, subject};
use super::registration::Row;
use super::signer::{Registration, Statement};
use crate::*;
use rcgen::{CustomExtension, IsCa, KeyPair};
use wire::cose::Algorithm;

/// One way in which a packed statement with a chain is wrong.
macro_rules! packed {
    ($step:ident, $what:literal, $spoil:expr) => {
        (Step::$step, $what, |c| c.statement = Statement::Packed($spoil))
    };
}

pub(super) const ROWS: &[Row] = &[
    packed!(AttestationCertificates, "a certificate that is none", |l| l.x5c = Some(vec![vec![0x30, 0]])),
    packed!(AttestationCertificates, "a second certificate that is none", |l| l.further = vec![vec![]]),
    packed!(AttestationCertificates, "a byte after the certificate", |l| {
        let mut x5c = l.certificates();
        x5c[0].push(0);
        l.x5c = Some(x5c);
    }),
    packed!(AttestationAlgorithm, "a chain for another algorithm", |l| l.alg = Algorithm::EDDSA),
    packed!(AttestationAlgorithm, "a chain for another curve", |l| l.alg = Algorithm::ES384),
    packed!(AttestationAlgorithm, "a chain for an unknown algorithm", |l| l.alg = Algorithm(-47)),
    (Step::AttestationAlgorithm, "a U2F certificate on another curve", |c| {
        c.statement = Statement::FidoU2f(|l| {
            l.key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        });
    }),
    packed!(AttestationSignature, "a signature that is none, beside a chain", |l| l.signature =
        Some(vec![1])),
    packed!(AttestationSignature, "a certificate of another key", |l| {
        let other = Leaf { key: KeyPair::generate().unwrap(), ..Leaf::new([0x90; 16]) };
        l.x5c = Some(other.certificates());
    }),
    (Step::AttestationSignature, "a U2F signature over other bytes", |c| {
        c.statement = Statement::FidoU2f(|l| l.signature = Some(vec![0x30, 0]));
    }),
    packed!(CertificateVersion, "version 1", |l| {
        // [0] { INTEGER 2 } stands first, and is absent where the version is 1.
        l.tbs = Some(|tbs| drop(tbs.drain(..5)));
    }),
    packed!(CertificateVersion, "version 2", |l| l.tbs = Some(|tbs| tbs[4] = 1)),
    packed!(CertificateSubject, "no C", |l| {
        l.params.distinguished_name = subject(None, Some("S"), Some("Authenticator Attestation"), Some("K"));
    }),
    packed!(CertificateSubject, "C with three letters", |l| {
        let ou = Some("Authenticator Attestation");
        l.params.distinguished_name = subject(Some("AAA"), Some("S"), ou, Some("K"));
    }),
    packed!(CertificateSubject, "no O", |l| {
        l.params.distinguished_name = subject(Some("AA"), None, Some("Authenticator Attestation"), Some("K"));
    }),
    packed!(CertificateSubject, "no OU", |l| {
        l.params.distinguished_name = subject(Some("AA"), Some("S"), None, Some("K"));
    }),
    packed!(CertificateSubject, "another OU", |l| {
        l.params.distinguished_name = subject(Some("AA"), Some("S"), Some("Authenticators"), Some("K"));
    }),
    packed!(CertificateSubject, "no CN", |l| {
        l.params.distinguished_name = subject(Some("AA"), Some("S"), Some("Authenticator Attestation"), None);
    }),
    packed!(CertificateKeyUsage, "a key that may not sign", |l| {
        l.params.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment];
    }),
    (Step::CertificateKeyUsage, "a U2F key that may not sign", |c| {
        c.statement = Statement::FidoU2f(|l| l.params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign]);
    }),
    packed!(CertificateConstraints, "CA true", |l| {
        l.params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }),
    packed!(CertificateConstraints, "no basic constraints", |l| l.params.is_ca = IsCa::NoCa),
    packed!(CertificateModel, "the AAGUID of another model", |l| {
        l.params.custom_extensions = vec![octets(AAGUID, &[0x91; 16])];
    }),
    packed!(CertificateModel, "an AAGUID of 15 bytes", |l| {
        l.params.custom_extensions = vec![octets(AAGUID, &[0x90; 15])];
    }),
    packed!(CertificateModel, "an AAGUID in one OCTET STRING", |l| {
        l.params.custom_extensions = vec![CustomExtension::from_oid_content(AAGUID, vec![0x90; 16])];
    }),
    packed!(CertificateModel, "an AAGUID that is critical", |l| {
        l.params.custom_extensions = vec![critical(octets(AAGUID, &[0x90; 16]))];
    }),
    packed!(CertificateDevice, "a serial number that was not asked for", |l| {
        l.params.custom_extensions.push(octets(SERIAL, &[1, 2, 3]));
    }),
    (Step::CertificateDevice, "a serial number that is critical", |c| {
        c.party.attestation.conveyance = Conveyance::Enterprise;
        c.statement =
            Statement::Packed(|l| l.params.custom_extensions.push(critical(octets(SERIAL, &[1, 2, 3]))));
    }),
    (Step::TrustAnchors, "no trust anchor", |c| {
        c.party.attestation.trust_anchors.clear();
        c.statement = Statement::Packed(|_| ());
    }),
    (Step::TrustAnchors, "a trust anchor that is no certificate", |c| {
        c.party.attestation.trust_anchors.push(vec![1]);
        c.statement = Statement::Packed(|_| ());
    }),
    packed!(AttestationChain, "a foreign root of the same name", |l| l.issuer = Authority::foreign()),
    (Step::AttestationChain, "a root whose key may not sign certificates", |c| {
        c.party.attestation.trust_anchors = vec![Authority::without_usage().certificate.clone()];
        c.statement = Statement::Packed(|l| l.issuer = Authority::without_usage());
    }),
    (Step::AttestationChain, "an issuer that is no authority", |c| {
        c.party.attestation.trust_anchors = vec![Authority::none().certificate.clone()];
        c.statement = Statement::Packed(|l| l.issuer = Authority::none());
    }),
    (Step::AttestationChain, "a path that is longer than its root allows", |c| {
        c.party.attestation.trust_anchors = vec![Authority::short().certificate.clone()];
        c.statement = Statement::Packed(|l| {
            l.issuer = Authority::below_short();
            l.further = vec![Authority::below_short().certificate.clone()];
        });
    }),
    packed!(AttestationChain, "a missing link", |l| l.issuer = Authority::intermediate()),
    packed!(AttestationChain, "a link too many", |l| {
        l.further = vec![Authority::intermediate().certificate.clone()];
    }),
    packed!(AttestationChain, "an unknown critical extension", |l| {
        let extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x05, 0x00]);
        l.params.custom_extensions.push(critical(extension));
    }),
    packed!(CertificateValidity, "a certificate that has expired", |l| {
        l.params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    }),
    packed!(CertificateValidity, "a certificate that is not valid yet", |l| {
        l.params.not_before = rcgen::date_time_ymd(2027, 12, 31);
    }),
    (Step::AttestationTrust, "a certificate where none is accepted", |c| {
        c.party.attestation.accepted = vec![AttestationType::None, AttestationType::SelfAttestation];
        c.statement = Statement::Packed(|_| ());
    }),
];

#[test]
fn a_chain_with_an_intermediate_or_with_its_root_or_trusted_by_itself_is_accepted() {
    let root = Authority::trusted().certificate.clone();
    let intermediate = Authority::intermediate().certificate.clone();
    let path = |spoil: fn(&mut Leaf), anchors: Option<Vec<Vec<u8>>>| {
        let mut ceremony = Registration::new(Algorithm::ES256, Statement::Packed(spoil));
        if let Some(anchors) = anchors {
            ceremony.party.attestation.trust_anchors = anchors;
        }
        let registered = ceremony.run().unwrap();
        assert_eq!(registered.attestation, AttestationType::Basic);
        registered.trust_path
    };
    let just_the_root = std::slice::from_ref(&root);
    assert_eq!(&path(|_| (), None)[1..], just_the_root);
    let with_root: fn(&mut Leaf) = |l| l.further = vec![Authority::trusted().certificate.clone()];
    assert_eq!(&path(with_root, None)[1..], just_the_root);
    let below: fn(&mut Leaf) = |l| {
        l.issuer = Authority::intermediate();
        l.further = vec![Authority::intermediate().certificate.clone()];
    };
    assert_eq!(path(below, None)[1..], [intermediate.clone(), root.clone()]);
    assert_eq!(path(below, Some(vec![root, intermediate.clone()]))[1..], [intermediate]);
}

#[test]
fn an_enterprise_attestation_tells_the_device_to_who_asked() {
    let with_serial = |l: &mut Leaf| l.params.custom_extensions.push(octets(SERIAL, b"number 7"));
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::Packed(with_serial));
    ceremony.party.attestation.conveyance = Conveyance::Enterprise;
    assert_eq!(ceremony.run().unwrap().serial_number.unwrap(), b"number 7");
    ceremony.statement = Statement::Packed(|_| ());
    assert_eq!(ceremony.run().unwrap().serial_number, None);
}

#[test]
fn certificates_that_name_no_model_and_dates_without_a_clock_are_warned_of() {
    let unnamed = |l: &mut Leaf| l.params.custom_extensions.clear();
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::Packed(unnamed));
    ceremony.party.attestation.now = None;
    assert_eq!(
        ceremony.run().unwrap().warnings,
        [
            "the AAGUID 90909090-9090-9090-9090-909090909090 is not proven by any attestation",
            "whether the certificates are valid today was not looked at: there is no clock",
        ]
    );
    let expired = |l: &mut Leaf| l.params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    ceremony.statement = Statement::Packed(expired);
    ceremony.run().unwrap();
    ceremony.party.attestation.now = Some(NOW);
    let refused = ceremony.run().unwrap_err().to_string();
    assert!(refused.contains("expired: 2020-01-01T00:00:00Z to 2026-12-31T00:00:00Z"), "{refused}");
}

/// Every bit of the object: the certificate's own signature covers what the statement's does not.
#[test]
fn every_flipped_bit_of_a_certified_registration_is_refused() {
    for statement in [Statement::Packed(|_| ()), Statement::FidoU2f(|_| ())] {
        let ceremony = Registration::new(Algorithm::ES256, statement);
        let good = ceremony.response();
        let refused = |bad: &_| ceremony.party.verify_registration(&ceremony.expected, bad).is_err();
        assert!(!refused(&good));
        for bit in 0..good.response.attestation_object.0.len() * 8 {
            let mut bad = good.clone();
            bad.response.attestation_object.0[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&bad), "attestation object, bit {bit}");
        }
    }
}
