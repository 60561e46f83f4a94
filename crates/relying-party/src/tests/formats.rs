//! Attestation by TPMs, Android, SafetyNet and Apple, and several in one: every step of §8.3, §8.4, §8.5, §8.8 and §8.9.
use super::makers::*;
use super::pki::{Authority, Leaf, NOW, critical, octets, subject};
use super::registration::Row;
use super::signer::{Key, Registration, Statement, sign_with_rsa, sign_with_sha_1};
use crate::*;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use wire::cbor::{self, Value};
use wire::cose::Algorithm;

macro_rules! rows {
    ($($format:ident: $step:ident, $what:literal, $spoil:expr;)*) => {
        &[$((Step::$step, $what, |c| c.statement = Statement::$format($spoil))),*]
    };
}

pub(super) const ROWS: &[Row] = rows! {
    Tpm: AttestationStatement, "a TPM of version 1.2", |t| t.ver = "1.2";
    Tpm: AttestationStatement, "a TPM's statement without certificates", |t| t.more = vec![("x5c", Value::Array(vec![]))];
    Tpm: AttestationStatement, "a TPM's statement with a member of another edition", |t| {
        t.more = vec![("ecdaaKeyId", cbor::bytes([1]))];
    };
    Tpm: AttestationStatement, "a TPM's statement with certInfo cut short", |t| {
        t.more = vec![("certInfo", cbor::bytes([0xFF, 0x54, 0x43, 0x47]))];
    };
    Tpm: AttestationKey, "a TPM's public area with its size in front", |t| {
        t.more = vec![("pubArea", cbor::bytes([0, 8, 0, 0x23, 0, 0x0B, 0, 0, 0, 0]))];
    };
    Tpm: AttestationStatement, "a byte after a TPM's public area", |t| t.pub_tail = vec![0];
    Tpm: AttestationAlgorithm, "a TPM's key for another algorithm", |t| t.leaf.alg = Algorithm::RS256;
    Tpm: AttestationAlgorithm, "a TPM's key on a curve, for RS1", |t| t.leaf.alg = Algorithm(-65535);
    Tpm: AttestationSignature, "a TPM's signature that is none", |t| t.leaf.signature = Some(vec![0x30, 0]);
    Tpm: AttestationSignature, "a TPM's certificate of another key", |t| {
        let x5c = Leaf { key: KeyPair::generate().unwrap(), ..std::mem::replace(&mut t.leaf, Leaf::new([0; 16])) };
        let x5c = x5c.certificates();
        t.leaf.x5c = Some(x5c);
    };
    Tpm: AttestationNonce, "a TPM's statement for another registration", |t| t.extra_data = Some(vec![7; 32]);
    Tpm: AttestationNonce, "a TPM's statement for no registration", |t| t.extra_data = Some(vec![]);
    Tpm: AttestationKey, "another key in a TPM's public area", |t| t.key = another_key();
    Tpm: TpmMagic, "certInfo that no TPM made", |t| t.magic = 0xFF54_4348;
    Tpm: TpmType, "a TPM's quote", |t| t.kind = 0x8018;
    Tpm: TpmName, "a TPM's certificate of another name", |t| {
        t.attested = Some([sized(&[&[0, 0x0B], [7; 32].as_slice()].concat()), sized(&[])].concat());
    };
    Tpm: TpmName, "a name without its algorithm", |t| t.attested = Some([sized(&[7; 32]), sized(&[])].concat());
    Tpm: TpmName, "a TPM's certificate of no name", |t| t.attested = Some(vec![]);
    Tpm: TpmName, "a byte after certInfo", |t| {
        t.attested = Some([sized(&[&[0, 0x0B], [7; 32].as_slice()].concat()), sized(&[]), vec![0]].concat());
    };
    Tpm: TpmName, "a name by an unknown algorithm", |t| t.name_alg = 0x0012;
    Tpm: CertificateVersion, "a TPM's certificate of version 2", |t| t.leaf.tbs = Some(|tbs| tbs[4] = 1);
    Tpm: CertificateSubject, "a TPM's certificate with a subject", |t| {
        t.leaf.params.distinguished_name = subject(Some("AA"), None, None, Some("a TPM"));
    };
    Tpm: CertificateAlternativeName, "a TPM's certificate without a name", |t| {
        t.leaf.params.custom_extensions.truncate(1);
    };
    Tpm: CertificateAlternativeName, "a TPM's name that is not critical", |t| {
        t.leaf.params.custom_extensions[1].set_criticality(false);
    };
    Tpm: CertificateAlternativeName, "a TPM without a manufacturer", |t| {
        t.leaf.params.custom_extensions[1] = tpm_names("", "a model", "id:13");
    };
    Tpm: CertificateAlternativeName, "a TPM of a manufacturer that is no ID", |t| {
        t.leaf.params.custom_extensions[1] = tpm_names("Somebody", "a model", "id:13");
    };
    Tpm: CertificateAlternativeName, "a TPM of a manufacturer with a long ID", |t| {
        t.leaf.params.custom_extensions[1] = tpm_names("id:FFFFF1D000", "a model", "id:13");
    };
    Tpm: CertificateAlternativeName, "a TPM without a model", |t| {
        t.leaf.params.custom_extensions[1] = tpm_names("id:FFFFF1D0", "", "id:13");
    };
    Tpm: CertificateAlternativeName, "a TPM without a version", |t| {
        t.leaf.params.custom_extensions[1] = tpm_names("id:FFFFF1D0", "a model", "");
    };
    Tpm: CertificateAlternativeName, "a TPM of a version that is no ID", |t| {
        t.leaf.params.custom_extensions[1] = tpm_names("id:FFFFF1D0", "a model", "13");
    };
    Tpm: CertificateAlternativeName, "a TPM that has the name of a host", |t| {
        t.leaf.params.custom_extensions.truncate(1);
        t.leaf.params.custom_extensions.push(critical(CustomExtension::from_oid_content(
            &[2, 5, 29, 17],
            tlv(&[0x30], &tlv(&[0x82], b"tpm.example.test")),
        )));
    };
    Tpm: CertificateKeyUsage, "a TPM's key without a purpose", |t| t.leaf.params.extended_key_usages.clear();
    Tpm: CertificateKeyUsage, "a TPM's key that may not sign", |t| {
        t.leaf.params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    };
    AndroidKey: CertificateKeyUsage, "an Android key that may not sign", |a| {
        a.leaf.params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    };
    SafetyNet: CertificateKeyUsage, "SafetyNet's key that may not sign", |s| {
        s.leaf.params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    };
    Apple: CertificateKeyUsage, "Apple's key that may not sign", |a| {
        a.leaf.params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    };
    Tpm: CertificateKeyUsage, "a TPM's key for servers", |t| {
        t.leaf.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    Tpm: CertificateConstraints, "a TPM's certificate of an authority", |t| {
        t.leaf.params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    };
    Tpm: CertificateModel, "a TPM's certificate for another model", |t| {
        t.leaf.params.custom_extensions[0] = another_model();
    };
    Tpm: AttestationChain, "a TPM's certificate under a foreign root", |t| t.leaf.issuer = Authority::foreign();
    Tpm: AttestationChain, "a TPM's certificate with an unknown critical extension", |t| {
        let extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x05, 0x00]);
        t.leaf.params.custom_extensions.push(critical(extension));
    };
    Tpm: CertificateValidity, "a TPM's certificate that has expired", |t| {
        t.leaf.params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    };

    AndroidKey: AttestationStatement, "an Android key without certificates", |a| a.leaf.x5c = Some(vec![]);
    AndroidKey: AttestationAlgorithm, "an Android key for another algorithm", |a| a.leaf.alg = Algorithm::EDDSA;
    AndroidKey: AttestationSignature, "an Android key that did not sign", |a| a.signed_by_another = true;
    AndroidKey: AttestationNonce, "an Android key for another registration", |a| a.challenge[0] ^= 1;
    AndroidKey: AttestationNonce, "an Android key without a challenge", |a| a.challenge.clear();
    AndroidKey: AttestationNonce, "an Android key without a description", |a| a.description = Some(vec![]);
    AndroidKey: AttestationNonce, "an Android key with half a description", |a| {
        a.description = Some(vec![0x30, 3, 2, 1, 3]);
    };
    AndroidKey: AttestationKey, "an Android key of another credential", |a| {
        a.leaf.certified = None;
        a.signed_by_another = true;
    };
    AndroidKey: AndroidKeyScope, "an Android key for all applications, by software", |a| {
        a.software.push(all_applications());
    };
    AndroidKey: AndroidKeyScope, "an Android key for all applications, by hardware", |a| {
        a.hardware.insert(1, all_applications());
    };
    AndroidKey: AndroidKeyOrigin, "an Android key that was imported", |a| a.hardware[2] = origin(2);
    AndroidKey: AndroidKeyOrigin, "an Android key that software says was imported", |a| a.software.push(origin(2));
    AndroidKey: AndroidKeyOrigin, "an Android key of no origin", |a| a.hardware.truncate(2);
    AndroidKey: AndroidKeyPurpose, "an Android key that verifies", |a| a.hardware[0] = purposes(&[3]);
    AndroidKey: AndroidKeyPurpose, "an Android key that signs and decrypts", |a| a.hardware[0] = purposes(&[1, 2]);
    AndroidKey: AndroidKeyPurpose, "an Android key of no purpose", |a| drop(a.hardware.remove(0));
    AndroidKey: AttestationChain, "an Android key under a foreign root", |a| a.leaf.issuer = Authority::foreign();

    SafetyNet: AttestationStatement, "SafetyNet without a version", |s| s.ver = "";
    SafetyNet: AttestationStatement, "SafetyNet's response of two parts", |s| {
        s.edit = |response| response.rsplit_once('.').unwrap().0.into();
    };
    SafetyNet: AttestationStatement, "SafetyNet's response without certificates", |s| s.header["x5c"] = vec![""; 0].into();
    SafetyNet: AttestationStatement, "SafetyNet's response without a nonce", |s| {
        s.payload.as_object_mut().unwrap().remove("nonce");
    };
    SafetyNet: AttestationAlgorithm, "SafetyNet's response without an algorithm", |s| s.header["alg"] = "none".into();
    SafetyNet: AttestationAlgorithm, "SafetyNet's response with a shared key", |s| s.header["alg"] = "HS256".into();
    SafetyNet: AttestationSignature, "SafetyNet's response with another signature", |s| {
        s.leaf.signature = Some([vec![0x30, 0x44], [vec![2, 0x20], vec![1; 32]].concat().repeat(2)].concat());
    };
    SafetyNet: AttestationNonce, "SafetyNet's response for another registration", |s| {
        s.payload["nonce"] = "AAAA".into();
    };
    SafetyNet: AttestationNonce, "SafetyNet's response with its nonce in base64url", |s| {
        let nonce = s.payload["nonce"].as_str().unwrap().trim_end_matches('=').to_owned();
        s.payload["nonce"] = nonce.into();
    };
    SafetyNet: SafetyNetService, "SafetyNet's response by another host", |s| {
        s.leaf.params.subject_alt_names = vec![SanType::DnsName("attest.android.com.test".try_into().unwrap())];
    };
    SafetyNet: SafetyNetService, "SafetyNet's response by nobody", |s| s.leaf.params.subject_alt_names.clear();
    SafetyNet: SafetyNetIntegrity, "a device that SafetyNet does not trust", |s| {
        s.payload["ctsProfileMatch"] = false.into();
    };
    SafetyNet: SafetyNetIntegrity, "a device of which SafetyNet says nothing", |s| {
        s.payload.as_object_mut().unwrap().remove("ctsProfileMatch");
    };
    SafetyNet: SafetyNetTime, "SafetyNet's response of two minutes ago", |s| {
        s.payload["timestampMs"] = ((NOW - 120) * 1000).into();
    };
    SafetyNet: SafetyNetTime, "SafetyNet's response of a minute ago and a second", |s| {
        s.payload["timestampMs"] = ((NOW - 61) * 1000).into();
    };
    SafetyNet: SafetyNetTime, "SafetyNet's response of the next second", |s| {
        s.payload["timestampMs"] = ((NOW + 1) * 1000).into();
    };
    SafetyNet: AttestationChain, "SafetyNet's response under a foreign root", |s| s.leaf.issuer = Authority::foreign();

    Apple: AttestationStatement, "Apple's statement without certificates", |a| a.leaf.x5c = Some(vec![]);
    Apple: AttestationNonce, "Apple's certificate for another registration", |a| a.nonce[31] ^= 1;
    Apple: AttestationNonce, "Apple's certificate without a nonce", |a| a.value = Some(vec![]);
    Apple: AttestationNonce, "Apple's nonce in an OCTET STRING alone", |a| a.value = Some(tlv(&[4], &a.nonce));
    Apple: AttestationNonce, "a byte after Apple's nonce", |a| {
        a.value = Some([tlv(&[0x30], &tlv(&[0xA1], &tlv(&[4], &a.nonce))), vec![0]].concat());
    };
    Apple: AttestationKey, "Apple's certificate of another key", |a| a.leaf.certified = Some(another_key());
    Apple: AttestationChain, "Apple's certificate under a foreign root", |a| a.leaf.issuer = Authority::foreign();
    Apple: CertificateValidity, "Apple's certificate that has expired", |a| {
        a.leaf.params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    };
};

fn run(algorithm: Algorithm, statement: Statement) -> Result<Registered, Rejection> {
    Registration::new(algorithm, statement).run()
}

#[test]
fn a_tpm_attests_keys_of_every_kind_that_tpms_have() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::RS256] {
        for spoil in [
            |_: &mut Tpm| (),
            |t: &mut Tpm| t.wrapped = true,
            |t: &mut Tpm| t.name_alg = 0x0004,
            |t: &mut Tpm| t.name_alg = 0x000C,
            |t: &mut Tpm| t.leaf.params.custom_extensions[1] = tpm_names("id:494e5443", "m", "id:00010002"),
        ] as [fn(&mut Tpm); 5]
        {
            let registered = run(algorithm, Statement::Tpm(spoil)).unwrap();
            assert_eq!(registered.attestation, AttestationType::Basic, "{algorithm}");
            assert_eq!(registered.trust_path.len(), 2);
            assert!(registered.warnings.is_empty(), "{:?}", registered.warnings);
        }
    }
}

#[test]
fn what_is_added_to_the_public_area_of_a_tpm_after_it_was_named_is_seen() {
    let rejection = run(Algorithm::ES256, Statement::Tpm(|t| t.late_pub_tail = vec![0])).unwrap_err();
    assert_eq!(rejection.step, Step::AttestationStatement);
}

/// A leaf that signs with RSA.
fn with_rsa(leaf: &mut Leaf) {
    leaf.certified = Some(Key::of(Algorithm::RS256).public());
    leaf.signer = Some(sign_with_rsa);
    leaf.alg = Algorithm::RS256;
}

#[test]
fn a_tpm_and_safetynet_may_sign_with_rsa() {
    assert_eq!(run(Algorithm::ES256, Statement::Tpm(|t| with_rsa(&mut t.leaf))).unwrap().warnings.len(), 0);
    run(
        Algorithm::ES256,
        Statement::SafetyNet(|s| {
            with_rsa(&mut s.leaf);
            s.header["alg"] = "RS256".into();
        }),
    )
    .unwrap();
}

/// The keys of many TPMs sign with SHA-1: that is taken, and told. Nothing else may.
#[test]
fn a_tpm_may_sign_with_sha_1_which_a_warning_says() {
    let registered = run(
        Algorithm::ES256,
        Statement::Tpm(|t| {
            with_rsa(&mut t.leaf);
            t.leaf.alg = Algorithm(-65535);
            t.leaf.signer = Some(sign_with_sha_1);
        }),
    )
    .unwrap();
    assert_eq!(registered.warnings, ["the TPM attests with SHA-1 (RS1)"]);
    let packed = run(
        Algorithm::ES256,
        Statement::Packed(|l| {
            with_rsa(l);
            l.alg = Algorithm(-65535);
            l.signer = Some(sign_with_sha_1);
        }),
    );
    assert_eq!(packed.unwrap_err().step, Step::AttestationAlgorithm);
}

#[test]
fn models_are_proven_by_tpms_that_name_them_and_by_no_phone() {
    let unproven = "the AAGUID 90909090-9090-9090-9090-909090909090 is not proven by any attestation";
    let unnamed: fn(&mut Tpm) = |t| drop(t.leaf.params.custom_extensions.remove(0));
    for statement in [
        Statement::Tpm(unnamed),
        Statement::AndroidKey(|_| ()),
        Statement::SafetyNet(|_| ()),
        Statement::Apple(|_| ()),
        // What Apple has no word for is not looked for.
        Statement::Apple(|a| a.leaf.params.custom_extensions.push(octets(super::pki::AAGUID, &[0x90; 16]))),
    ] {
        assert_eq!(run(Algorithm::ES256, statement).unwrap().warnings, [unproven]);
    }
}

#[test]
fn safetynet_is_not_asked_the_time_without_a_clock_and_has_a_minute() {
    let at = |now| {
        let mut ceremony = Registration::new(Algorithm::ES256, Statement::SafetyNet(|_| ()));
        ceremony.party.attestation.now = now;
        ceremony.run().map(drop).map_err(|rejection| rejection.step)
    };
    assert_eq!(at(None), Ok(()));
    assert_eq!(at(Some(NOW + 59)), Ok(()));
    assert_eq!(at(Some(NOW + 60)), Err(Step::SafetyNetTime));
    assert_eq!(at(Some(NOW - 1)), Ok(()));
    assert_eq!(at(Some(NOW - 2)), Err(Step::SafetyNetTime));
}

#[test]
fn the_purposes_and_the_origin_of_an_android_key_may_stand_in_either_list() {
    run(Algorithm::ES256, Statement::AndroidKey(|a| std::mem::swap(&mut a.software, &mut a.hardware)))
        .unwrap();
    run(Algorithm::ES256, Statement::AndroidKey(|a| a.software = a.hardware.clone())).unwrap();
}

#[test]
fn several_statements_in_one_prove_the_most_that_one_of_them_does() {
    let of = |parts: &[Statement]| run(Algorithm::ES256, Statement::Compound(parts.into()));
    let packed = || Statement::Packed(|_| ());
    let all = [
        packed(),
        Statement::PackedSelf,
        Statement::None,
        Statement::FidoU2f(|_| ()),
        Statement::Tpm(|_| ()),
        Statement::AndroidKey(|_| ()),
        Statement::SafetyNet(|_| ()),
        Statement::Apple(|_| ()),
    ];
    let registered = of(&all).unwrap();
    assert_eq!((registered.attestation, registered.fmt.as_str()), (AttestationType::Basic, "compound"));
    assert_eq!(registered.trust_path.len(), 2);
    assert!(registered.warnings.is_empty(), "{:?}", registered.warnings);
    for (parts, expected) in [
        ([Statement::None, Statement::None], AttestationType::None),
        ([Statement::None, Statement::PackedSelf], AttestationType::SelfAttestation),
        ([Statement::PackedSelf, packed()], AttestationType::Basic),
    ] {
        assert_eq!(of(&parts).unwrap().attestation, expected);
    }
}

#[test]
fn one_bad_statement_spoils_all_and_is_named() {
    let bad: [(Step, Statement); 6] = [
        (Step::AttestationStatement, Statement::Other("compound", Value::Map(vec![]))),
        (Step::AttestationStatement, Statement::Other("x", Value::Map(vec![]))),
        (Step::AttestationStatement, Statement::Other("none", cbor::text_map([("a", Some(1.into()))]))),
        (Step::AttestationSignature, Statement::PackedSignature(vec![0; 64])),
        (Step::TpmMagic, Statement::Tpm(|t| t.magic = 0)),
        (Step::AttestationChain, Statement::Packed(|l| l.issuer = Authority::foreign())),
    ];
    for (step, bad) in bad {
        let parts = vec![Statement::PackedSelf, bad];
        let rejection = run(Algorithm::ES256, Statement::Compound(parts)).unwrap_err();
        assert_eq!(rejection.step, step, "{rejection}");
        assert!(rejection.why.contains("statement 2"), "{rejection}");
    }
    for few in [vec![], vec![Statement::None]] {
        let rejection = run(Algorithm::ES256, Statement::Compound(few)).unwrap_err();
        assert_eq!(rejection.step, Step::AttestationStatement);
    }
}

#[test]
fn a_statement_in_a_compound_one_has_format_and_statement_and_nothing_else() {
    let none = |more| {
        let members = [("fmt", Some(cbor::text("none"))), ("attStmt", Some(Value::Map(vec![]))), ("x", more)];
        cbor::text_map(members)
    };
    let of =
        |second| run(Algorithm::ES256, Statement::Other("compound", Value::Array(vec![none(None), second])));
    of(none(None)).unwrap();
    let rejection = of(none(Some(1.into()))).unwrap_err();
    assert_eq!(rejection.step, Step::AttestationStatement);
    assert_eq!(rejection.why, "statement 2: it has members other than fmt, attStmt (§8.9)");
}

#[test]
fn a_format_that_a_policy_does_not_list_is_unknown_to_it() {
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::Tpm(|t| t.magic = 0));
    assert_eq!(ceremony.run().unwrap_err().step, Step::TpmMagic);
    ceremony.party.attestation.formats = vec![AttestationFormat::None, AttestationFormat::Packed];
    let rejection = ceremony.run().unwrap_err();
    assert_eq!(rejection.why, r#"the format is "tpm"; those supported are none, packed"#);
    let strict = ceremony.party.attestation.clone();
    ceremony.party.attestation =
        AttestationPolicy { formats: strict.formats, ..AttestationPolicy::lenient(32) };
    assert_eq!(ceremony.run().unwrap().attestation, AttestationType::Unverified);
}

/// One bit in each byte of the object: what the statement does not sign the certificate does.
#[test]
fn a_flipped_bit_anywhere_in_a_registration_that_a_platform_attests_is_refused() {
    for statement in [
        Statement::Tpm(|_| ()),
        Statement::AndroidKey(|_| ()),
        Statement::SafetyNet(|_| ()),
        Statement::Apple(|_| ()),
    ] {
        let ceremony = Registration::new(Algorithm::ES256, statement);
        let good = ceremony.response();
        ceremony.party.verify_registration(&ceremony.expected, &good).unwrap();
        let mut accepted = Vec::new();
        for bit in (0..good.response.attestation_object.0.len()).map(|byte| byte * 8 + byte % 8) {
            let mut bad = good.clone();
            bad.response.attestation_object.0[bit / 8] ^= 1 << (bit % 8);
            if ceremony.party.verify_registration(&ceremony.expected, &bad).is_ok() {
                accepted.push(bit);
            }
        }
        // SafetyNet's `ver` is reserved, and nothing signs it.
        let ver = |bit: &usize| {
            let object = &good.response.attestation_object.0;
            object
                .windows(8)
                .position(|bytes| bytes == b"17122037")
                .is_some_and(|at| (at..at + 8).contains(&(bit / 8)))
        };
        accepted.retain(|bit| !ver(bit));
        assert!(accepted.is_empty(), "{accepted:?}");
    }
}
