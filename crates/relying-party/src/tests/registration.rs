//! §7.1: every valid combination is accepted, and every spoilt part is refused by its step.
use super::signer::{ALGORITHMS, CREDENTIAL_ID, ORIGIN, Registration, Statement, TOP_ORIGIN, USER_HANDLE};
use super::{Ledger, certificates, formats};
use crate::*;
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};
use wire::webauthn::json::{self, Parameters, UserEntity};
use wire::webauthn::{AttestedCredentialData, Flags};

fn statements(algorithm: Algorithm) -> Vec<(Statement, AttestationType, &'static str)> {
    let mut statements = vec![
        (Statement::None, AttestationType::None, "none"),
        (Statement::PackedSelf, AttestationType::SelfAttestation, "packed"),
        (Statement::Packed(|_| ()), AttestationType::Basic, "packed"),
    ];
    if algorithm == Algorithm::ES256 {
        statements.push((Statement::FidoU2f(|_| ()), AttestationType::Basic, "fido-u2f"));
        statements.push((Statement::Tpm(|_| ()), AttestationType::Basic, "tpm"));
        statements.push((Statement::AndroidKey(|_| ()), AttestationType::Basic, "android-key"));
        statements.push((Statement::SafetyNet(|_| ()), AttestationType::Basic, "android-safetynet"));
        statements.push((Statement::Apple(|_| ()), AttestationType::Basic, "apple"));
    }
    statements
}

#[test]
fn every_valid_combination_is_accepted_and_every_step_is_passed() {
    let backup = [Flags(0), Flags::BE, Flags::BE | Flags::BS];
    let requirements =
        [UserVerification::Required, UserVerification::Preferred, UserVerification::Discouraged];
    let ways = ALGORITHMS.into_iter().flat_map(|alg| statements(alg).into_iter().map(move |way| (alg, way)));
    let ways: Vec<_> = ways.collect();
    for ((algorithm, (statement, attestation, fmt)), backup, requirement, verified) in
        combinations(&ways, &backup, &requirements)
    {
        let named = matches!(statement, Statement::Packed(_) | Statement::Tpm(_));
        let mut ceremony = Registration::new(algorithm, statement);
        ceremony.expected.user_verification = requirement;
        ceremony.data.flags = Flags::UP | Flags::AT | Flags::ED | backup | Flags::UV.when(verified);
        let result = ceremony.run();
        if requirement == UserVerification::Required && !verified {
            assert_eq!(result.unwrap_err().step, Step::UserVerified);
            continue;
        }
        let registered = result.unwrap();
        let expected = StoredCredential {
            id: CREDENTIAL_ID.into(),
            user_handle: USER_HANDLE.into(),
            public_key: ceremony.key.public(),
            sign_count: 7,
            backup_eligible: backup.contains(Flags::BE),
            backed_up: backup.contains(Flags::BS),
            uv_initialized: verified,
            transports: vec!["hybrid".into(), "internal".into()],
        };
        assert_eq!(registered.credential, expected);
        assert_eq!((registered.attestation, registered.fmt.as_str()), (attestation, fmt));
        assert_eq!(registered.flags, ceremony.data.flags);
        let unproven = "the AAGUID 90909090-9090-9090-9090-909090909090 is not proven by any attestation";
        let warnings = if named { vec![] } else { vec![unproven] };
        assert_eq!(registered.warnings, warnings);
        let certificates = if attestation == AttestationType::Basic { 2 } else { 0 };
        assert_eq!(registered.trust_path.len(), certificates);
        assert!(registered.passed.iter().eq(Ceremony::Registration.steps().iter().map(|(step, _)| step)));
    }
}

/// All combinations, and with each of them user verification done and not done.
fn combinations<A: Clone, B: Clone, C: Clone>(a: &[A], b: &[B], c: &[C]) -> Vec<(A, B, C, bool)> {
    let mut all = Vec::new();
    for a in a {
        for b in b {
            for c in c {
                all.extend([true, false].map(|d| (a.clone(), b.clone(), c.clone(), d)));
            }
        }
    }
    all
}

pub(super) type Row = (Step, &'static str, fn(&mut Registration));

fn attested(ceremony: &mut Registration) -> &mut AttestedCredentialData {
    ceremony.data.attested.as_mut().unwrap()
}

fn packed_with(ceremony: &Registration, more: &[(&str, Value)]) -> Statement {
    let alg = ceremony.data.attested.as_ref().unwrap().public_key.algorithm().0;
    let sig = ceremony.key.sign(&ceremony.auth_data(), &ceremony.client_data_json());
    let mut members = vec![("alg".into(), alg.into()), ("sig".into(), Value::Bytes(sig))];
    for (key, value) in more {
        members.retain(|(member, _): &(Value, Value)| member.as_text() != Some(key));
        if *value != Value::Null {
            members.push(((*key).into(), value.clone()));
        }
    }
    Statement::Other("packed", Value::Map(members))
}

pub(super) const ROWS: &[Row] = &[
    (Step::CredentialType, "another type", |c| c.edit = |r| r.kind = "password".into()),
    (Step::CredentialType, "no type", |c| c.edit = |r| r.kind.clear()),
    (Step::CredentialId, "an id of another credential", |c| c.edit = |r| r.id = "AAAA".into()),
    (Step::CredentialId, "a padded id", |c| c.edit = |r| r.id.push('=')),
    (Step::CredentialId, "an id in standard base64", |c| c.edit = |r| r.id = r.id.replace('-', "+")),
    (Step::ClientDataUtf8, "a member in another encoding", |c| {
        let mut json = c.client.encode();
        json.splice(1..1, *b"\"x\":\"\xFF\",");
        c.client_json = Some(json);
    }),
    (Step::ClientDataUtf8, "client data in another encoding", |c| {
        c.client_json = Some(c.client.encode().into_iter().chain([0xFF]).collect());
    }),
    (Step::ClientDataJson, "empty client data", |c| c.client_json = Some(vec![])),
    (Step::ClientDataJson, "an array of the members", |c| {
        let (challenge, origin) = (&c.client.challenge, &c.client.origin);
        c.client_json = Some(format!(r#"["webauthn.create","{challenge}","{origin}",false,null]"#).into());
    }),
    (Step::ClientDataJson, "client data without a challenge", |c| {
        c.client_json = Some(br#"{"type":"webauthn.create","origin":"https://login.example.test"}"#.to_vec());
    }),
    (Step::ClientDataJson, "bytes after the object", |c| {
        c.client_json = Some(c.client.encode().into_iter().chain(*b"{}").collect());
    }),
    (Step::Type, "the type of a sign-in", |c| c.client.ceremony = "webauthn.get".into()),
    (Step::Type, "the type in capitals", |c| c.client.ceremony = "WebAuthn.create".into()),
    (Step::Challenge, "another challenge", |c| c.expected.challenge[0] ^= 1),
    (Step::Challenge, "a cut challenge", |c| c.client.challenge.truncate(20)),
    (Step::Challenge, "no challenge", |c| c.client.challenge.clear()),
    (Step::Challenge, "no challenge where none was issued", |c| {
        (c.expected.challenge, c.client.challenge) = (vec![], String::new());
    }),
    (Step::Challenge, "a padded challenge", |c| c.client.challenge.push('=')),
    (Step::Origin, "another origin", |c| c.client.origin = "https://login.example.test.evil".into()),
    (Step::Origin, "another scheme", |c| c.client.origin = "http://login.example.test".into()),
    (Step::Origin, "another port", |c| c.client.origin = format!("{ORIGIN}:8443")),
    (Step::Origin, "a trailing slash", |c| c.client.origin = format!("{ORIGIN}/")),
    (Step::Origin, "no origin expected", |c| c.party.origins.clear()),
    (Step::CrossOrigin, "a frame where none is expected", |c| c.client.cross_origin = Some(true)),
    (Step::TopOrigin, "a top origin that may not embed", |c| {
        c.party.top_origins = vec![TOP_ORIGIN.into()];
        c.client.cross_origin = Some(true);
        c.client.top_origin = Some(ORIGIN.into());
    }),
    (Step::TopOrigin, "a top origin without a frame", |c| {
        c.party.top_origins = vec![TOP_ORIGIN.into()];
        c.client.top_origin = Some(TOP_ORIGIN.into());
    }),
    (Step::AttestationObject, "no attestation object", |c| c.object = Some(vec![])),
    (Step::AttestationObject, "a byte after it", |c| {
        c.edit = |r| r.response.attestation_object.0.push(0);
    }),
    (Step::AttestationObject, "a map of other members", |c| c.object = Some(vec![0xA0])),
    (Step::AttestationObject, "members out of order", |c| {
        let auth_data = cbor::encode(&cbor::bytes(c.auth_data()));
        c.object = Some([b"\xA3\x67attStmt\xA0\x63fmt\x64none\x68authData", auth_data.as_slice()].concat());
    }),
    (Step::AuthenticatorData, "a byte left over", |c| {
        c.auth_data = Some(c.auth_data().into_iter().chain([0]).collect());
    }),
    (Step::AuthenticatorData, "a byte missing", |c| {
        let mut bytes = c.auth_data();
        bytes.pop();
        c.auth_data = Some(bytes);
    }),
    (Step::AuthenticatorData, "extensions without ED", |c| c.data.flags.0 &= !Flags::ED.0),
    (Step::AuthenticatorData, "ED without extensions", |c| c.data.extensions = None),
    (Step::AuthenticatorData, "extensions that are no map", |c| {
        c.data.extensions = Some(Value::Array(vec![]))
    }),
    (Step::AuthenticatorData, "AT without attested credential data", |c| {
        c.data.attested = None;
        c.data.extensions = None;
        c.data.flags = Flags::UP | Flags::UV | Flags::AT;
    }),
    (Step::AuthenticatorData, "a key type that the algorithm does not have", |c| {
        let plain = cbor::encode(&c.key.public().to_value());
        let mut symmetric = plain.clone();
        assert_eq!(symmetric[1], 1, "kty comes first");
        symmetric[2] = 4;
        let bytes = hex(&c.auth_data()).replace(&hex(&plain), &hex(&symmetric));
        c.auth_data = Some(wire::hex::decode(&bytes).unwrap());
    }),
    (Step::AttestedCredentialData, "no attested credential data", |c| {
        c.data.attested = None;
        c.data.flags = Flags::UP | Flags::UV | Flags::ED;
    }),
    (Step::Conveniences, "other authenticator data", |c| {
        c.edit = |r| r.response.authenticator_data.as_mut().unwrap().0[32] ^= 4;
    }),
    (Step::Conveniences, "another public key", |c| {
        c.edit = |r| *r.response.public_key.as_mut().unwrap().0.last_mut().unwrap() ^= 1;
    }),
    (Step::Conveniences, "another algorithm", |c| c.edit = |r| r.response.public_key_algorithm = Some(-36)),
    (Step::RpIdHash, "another RP ID hash", |c| c.data.rp_id_hash[31] ^= 1),
    (Step::RpIdHash, "the hash of another RP ID", |c| c.party.id = "example.test".into()),
    (Step::UserPresent, "UP not set", |c| c.data.flags.0 &= !Flags::UP.0),
    (Step::UserVerified, "UV not set", |c| c.data.flags.0 &= !Flags::UV.0),
    (Step::BackupState, "BS without BE", |c| c.data.flags |= Flags::BS),
    (Step::DeviceBound, "BE where device-bound credentials are wanted", |c| {
        c.party.device_bound = true;
        c.data.flags |= Flags::BE;
    }),
    (Step::Algorithm, "an algorithm that was not offered", |c| {
        let own = c.key.public().algorithm();
        c.expected.algorithms.retain(|algorithm| *algorithm != own);
    }),
    (Step::Algorithm, "nothing offered", |c| c.expected.algorithms.clear()),
    (Step::CoseKey, "a COSE key with a kid", |c| {
        let plain = cbor::encode(&c.key.public().to_value());
        let Value::Map(mut members) = c.key.public().to_value() else { unreachable!() };
        members.push((2.into(), cbor::bytes([1])));
        let with_kid = cbor::encode(&Value::Map(members));
        let bytes = hex(&c.auth_data()).replace(&hex(&plain), &hex(&with_kid));
        c.auth_data = Some(wire::hex::decode(&bytes).unwrap());
    }),
    (Step::Curve, "a public key that is no point", |c| {
        c.statement = Statement::None;
        match &mut attested(c).public_key {
            PublicKey::P256 { y, .. } => y[0] ^= 1,
            PublicKey::P384 { y, .. } => y[0] ^= 1,
            // The least y without an x: 2.
            PublicKey::Ed25519 { x } => (*x, x[0]) = ([0; 32], 2),
            PublicKey::Rsa { n, .. } => n[255] ^= 1,
            other => panic!("every key of {} is sound", other.algorithm()),
        }
    }),
    (Step::Format, "an unknown format", |c| c.statement = Statement::Other("TPM", Value::Map(vec![]))),
    (Step::Format, "a format in capitals", |c| c.statement = Statement::Other("None", Value::Map(vec![]))),
    (Step::Format, "no format", |c| c.statement = Statement::Other("", Value::Map(vec![]))),
    (Step::AttestationStatement, "none with a statement", |c| {
        c.statement = Statement::Other("none", cbor::text_map([("sig", Some(cbor::bytes([])))]));
    }),
    (Step::AttestationStatement, "packed without a statement", |c| {
        c.statement = Statement::Other("packed", Value::Map(vec![]));
    }),
    (Step::AttestationStatement, "packed without alg", |c| {
        c.statement = packed_with(c, &[("alg", Value::Null)]);
    }),
    (Step::AttestationStatement, "packed with alg as text", |c| {
        c.statement = packed_with(c, &[("alg", "ES256".into())]);
    }),
    (Step::AttestationStatement, "packed with sig as text", |c| {
        c.statement = packed_with(c, &[("sig", "sig".into())]);
    }),
    (Step::AttestationStatement, "packed with a member of another edition", |c| {
        c.statement = packed_with(c, &[("ecdaaKeyId", cbor::bytes([1]))]);
    }),
    (Step::AttestationStatement, "packed with an empty chain", |c| {
        c.statement = packed_with(c, &[("x5c", Value::Array(vec![]))]);
    }),
    (Step::AttestationStatement, "packed with a chain of text", |c| {
        c.statement = packed_with(c, &[("x5c", Value::Array(vec!["MII".into()]))]);
    }),
    (Step::AttestationStatement, "fido-u2f without a statement", |c| {
        c.statement = Statement::Other("fido-u2f", Value::Map(vec![]));
    }),
    (Step::AttestationStatement, "fido-u2f with two certificates", |c| {
        c.statement = Statement::FidoU2f(|l| l.further = vec![vec![1]]);
    }),
    (Step::AttestationStatement, "fido-u2f with an alg", |c| {
        let x5c = Value::Array(vec![cbor::bytes([1])]);
        let members = [("alg", Some((-7).into())), ("sig", Some(cbor::bytes([1]))), ("x5c", Some(x5c))];
        c.statement = Statement::Other("fido-u2f", cbor::text_map(members));
    }),
    (Step::AttestationAlgorithm, "self attestation for another algorithm", |c| {
        c.statement = packed_with(c, &[("alg", Algorithm::ES512.0.into())]);
    }),
    (Step::AttestationSignature, "a signature by another key", |c| {
        c.statement = Statement::PackedSelf;
        c.signed_by_another();
    }),
    (Step::AttestationSignature, "no signature", |c| c.statement = Statement::PackedSignature(vec![])),
    (Step::AttestationSignature, "a signature of zeros", |c| {
        c.statement = Statement::PackedSignature(vec![0; 64]);
    }),
    (Step::AttestationSignature, "a signature over other client data", |c| {
        c.statement = packed_with(c, &[]);
        c.client.cross_origin = Some(true);
        c.party.top_origins = vec![TOP_ORIGIN.into()];
    }),
    (Step::AttestationSignature, "a signature over other authenticator data", |c| {
        c.statement = packed_with(c, &[]);
        c.data.sign_count += 1;
    }),
    (Step::AttestationTrust, "attestation of a type that is not accepted", |c| {
        c.party.attestation.accepted = match c.statement {
            Statement::None => vec![AttestationType::SelfAttestation],
            _ => vec![AttestationType::None],
        };
    }),
    (Step::CredentialIdLength, "a credential ID of 1024 bytes", |c| {
        attested(c).credential_id = vec![1; 1024]
    }),
    (Step::Unregistered, "a credential that is registered", |c| {
        c.expected.is_registered = &|id| id == CREDENTIAL_ID;
    }),
    (Step::AttestedCredentialId, "the rawId of another credential", |c| {
        c.edit = |r| (r.raw_id.0, r.id) = (vec![0; 3], "AAAA".into());
    }),
    (Step::ClientExtensions, "a client extension that was not asked for", |c| {
        c.edit = |r| drop(r.client_extension_results.insert("largeBlob".into(), true.into()));
    }),
    (Step::AuthenticatorExtensions, "an authenticator extension that was not asked for", |c| {
        c.data.extensions = Some(cbor::text_map([("credProtect", Some(2.into()))]));
    }),
    (Step::AuthenticatorExtensions, "an extension whose name is no text", |c| {
        c.data.extensions = Some(Value::Map(vec![(1.into(), true.into())]));
    }),
];

fn hex(bytes: &[u8]) -> String {
    wire::hex::encode(bytes)
}

#[test]
fn every_spoilt_part_is_refused_by_its_step_and_by_no_other() {
    for algorithm in ALGORITHMS {
        let always_sound = matches!(algorithm, Algorithm::ML_DSA_44 | Algorithm::ML_DSA_65);
        for (statement, ..) in statements(algorithm) {
            let mut ledger = Ledger::new(Ceremony::Registration);
            let of_formats = |step: &Step| formats::ROWS.iter().any(|(other, ..)| other == step);
            let of_all = |step: &Step| ROWS.iter().chain(certificates::ROWS).any(|(other, ..)| other == step);
            for (step, what, spoil) in ROWS.iter().chain(certificates::ROWS).chain(formats::ROWS) {
                // Most formats are made for keys of ES256 alone here.
                if algorithm != Algorithm::ES256 && of_formats(step) && !of_all(step) {
                    ledger.pass_over(*step);
                    continue;
                }
                if algorithm != Algorithm::ES256 && formats::ROWS.iter().any(|(_, other, _)| other == what) {
                    continue;
                }
                if always_sound && *step == Step::Curve {
                    ledger.pass_over(*step);
                    continue;
                }
                // Only keys of ES256 can be attested so in the first place.
                if algorithm != Algorithm::ES256 && what.to_lowercase().contains("u2f") {
                    continue;
                }
                let mut ceremony = Registration::new(algorithm, statement.clone());
                spoil(&mut ceremony);
                ledger.enter(*step, what, |left_out| ceremony.run_without(left_out).map(drop));
            }
            ledger.close();
        }
    }
}

#[test]
fn every_flipped_bit_of_a_self_attested_registration_is_refused() {
    for algorithm in ALGORITHMS {
        let ceremony = Registration::new(algorithm, Statement::PackedSelf);
        let good = ceremony.response();
        // The repetitions would catch most of it before the signature could.
        let mut good = good;
        (good.response.authenticator_data, good.response.public_key) = (None, None);
        let refused = |bad: &_| ceremony.party.verify_registration(&ceremony.expected, bad).is_err();
        assert!(!refused(&good));
        let bits = good.response.attestation_object.0.len() * 8;
        // Of the thousands of ML-DSA every 43rd, which is every bit of a byte in turn.
        for bit in (0..bits).step_by(if bits > 10_000 { 43 } else { 1 }) {
            let mut bad = good.clone();
            bad.response.attestation_object.0[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&bad), "attestation object, bit {bit}");
        }
        for bit in 0..good.response.client_data_json.0.len() * 8 {
            let mut bad = good.clone();
            bad.response.client_data_json.0[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&bad), "client data, bit {bit}");
        }
    }
}

#[test]
fn an_rsa_key_with_which_nothing_is_verified_is_refused() {
    let mut ceremony = Registration::new(Algorithm::RS256, Statement::None);
    let PublicKey::Rsa { n, e } = ceremony.key.public() else { unreachable!() };
    let refused = |n: &[u8], e: &[u8], ceremony: &mut Registration| {
        attested(ceremony).public_key = PublicKey::Rsa { n: n.into(), e: e.into() };
        ceremony.run().unwrap_err()
    };
    for (n, e, why) in [
        (&n[1..], &e[..], "of 2040"),
        (&[&[0x7F], &n[1..]].concat(), &e, "of 2047"),
        (&[&[0], n.as_slice()].concat(), &e, "of 0"),
        (&[&[1], [0xFF; 1024].as_slice()].concat(), &e, "of 8193"),
        (&n, &[1], "no odd number from 3"),
        (&n, &[4], "no odd number from 3"),
        (&n, &[2, 0, 0, 0, 1, 1], "no odd number from 3"),
    ] {
        let rejection = refused(n, e, &mut ceremony);
        assert_eq!(rejection.step, Step::Curve);
        assert!(rejection.to_string().contains(why), "{rejection}");
    }
}

#[test]
fn a_key_that_is_not_understood_is_refused_even_where_its_algorithm_was_offered() {
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::None);
    ceremony.expected.algorithms.push(Algorithm::ES512);
    let map = cbor::int_map([
        (1, Some(2.into())),
        (3, Some(Algorithm::ES512.0.into())),
        (-2, Some(cbor::bytes([1]))),
    ]);
    attested(&mut ceremony).public_key = PublicKey::from_value(&map).unwrap();
    let rejection = ceremony.run().unwrap_err();
    assert_eq!(rejection.step, Step::Curve);
    assert!(rejection.to_string().contains("nothing here verifies signatures of ES512 (-36)"), "{rejection}");
}

#[test]
fn expected_frames_are_accepted_with_and_without_a_top_origin() {
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::None);
    ceremony.party.top_origins = vec!["https://other.example.test".into(), TOP_ORIGIN.into()];
    for (cross_origin, top_origin) in
        [(None, None), (Some(false), None), (Some(true), None), (Some(true), Some(TOP_ORIGIN))]
    {
        ceremony.client.cross_origin = cross_origin;
        ceremony.client.top_origin = top_origin.map(Into::into);
        assert!(ceremony.run().is_ok(), "{cross_origin:?} {top_origin:?}");
    }
}

#[test]
fn a_conditional_creation_needs_no_presence() {
    let mut ceremony = Registration::new(Algorithm::EDDSA, Statement::PackedSelf);
    ceremony.data.flags.0 &= !Flags::UP.0;
    ceremony.expected.conditional = true;
    assert!(ceremony.run().is_ok());
}

#[test]
fn a_byte_order_mark_and_unknown_members_in_client_data_do_no_harm() {
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::PackedSelf);
    let json = String::from_utf8(ceremony.client.encode()).unwrap();
    ceremony.client_json = Some(format!("\u{FEFF} {}", json.replace('}', r#","goat":{"legs":[4]}}"#)).into());
    assert!(ceremony.run().is_ok());
}

#[test]
fn the_longest_and_the_shortest_credential_id_are_accepted() {
    for length in [0, 1, 1023] {
        let mut ceremony = Registration::new(Algorithm::ES256, Statement::PackedSelf);
        attested(&mut ceremony).credential_id = vec![3; length];
        assert_eq!(ceremony.run().unwrap().credential.id.len(), length);
    }
}

#[test]
fn a_response_without_the_repeating_members_is_accepted() {
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::None);
    ceremony.edit = |r| {
        r.response.authenticator_data = None;
        r.response.public_key = None;
        r.response.public_key_algorithm = None;
        r.response.transports.clear();
        r.client_extension_results.clear();
        r.authenticator_attachment = None;
    };
    assert_eq!(ceremony.run().unwrap().credential.descriptor().transports, None);
}

#[test]
fn what_is_odd_but_lawful_is_a_warning() {
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::PackedSelf);
    ceremony.party.unsolicited_extensions = Unsolicited::Ignore;
    ceremony.expected.extensions.clear();
    ceremony.data.flags |= Flags(0x22);
    attested(&mut ceremony).aaguid = wire::aaguid::Aaguid::ZERO;
    assert_eq!(
        ceremony.run().unwrap().warnings,
        [
            "reserved flag bits are set (0xE7 UP RFU1 UV RFU2 AT ED)",
            r#"the client answered extensions that were not asked for: "credProps""#,
            r#"the authenticator answered extensions that were not asked for: "hmac-secret""#,
        ]
    );
}

#[test]
fn a_chain_is_refused_in_words_that_say_what_is_missing() {
    let mut ceremony = Registration::new(Algorithm::ES256, Statement::Packed(|_| ()));
    ceremony.party.attestation.trust_anchors.clear();
    assert_eq!(
        ceremony.run().unwrap_err().to_string(),
        "WebAuthn L3 §7.1 step 23: the statement carries x5c (1 certificate), which needs trust anchors, \
         and this relying party was given none"
    );
}

#[test]
fn options_and_the_expectation_made_from_them_belong_together() {
    let mut ceremony = Registration::new(Algorithm::EDDSA, Statement::PackedSelf);
    let existing = ceremony.run().unwrap().credential;
    let user = UserEntity { id: USER_HANDLE.to_vec().into(), name: "a".into(), display_name: "A".into() };
    ceremony.party.algorithms = ALGORITHMS.to_vec();
    let mut options = ceremony.party.creation_options(
        user,
        ceremony.expected.challenge.clone(),
        std::slice::from_ref(&existing),
    );
    assert_eq!(options.exclude_credentials, [existing.descriptor()]);
    options.extensions.insert("credProps".into(), true.into());
    options.extensions.insert("hmacCreateSecret".into(), true.into());
    // Parameters of a type that nobody knows are passed over.
    options.pub_key_cred_params.push(Parameters { kind: "private-key".into(), alg: -257 });
    let text = serde_json::to_string(&options).unwrap();
    let options = json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
    let expected = RegistrationExpectation::of(&options, &|id| id != CREDENTIAL_ID);
    assert_eq!(expected.algorithms, ALGORITHMS);
    assert_eq!(expected.user_verification, UserVerification::Required);
    ceremony.expected = expected;

    let text = serde_json::to_string(&ceremony.response()).unwrap();
    let response = json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
    let registered = ceremony.party.verify_registration(&ceremony.expected, &response).unwrap();
    assert_eq!(registered.credential, existing);
}
