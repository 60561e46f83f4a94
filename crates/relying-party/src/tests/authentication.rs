//! §7.2: every valid combination is accepted, and every spoilt part is refused by its step.
use super::Ledger;
use super::signer::{ALGORITHMS, CREDENTIAL_ID, Key, ORIGIN, SignIn, TOP_ORIGIN, USER_HANDLE};
use crate::*;
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::webauthn::json::{self, Descriptor};
use wire::webauthn::{AttestedCredentialData, Flags};

#[test]
fn every_valid_combination_is_accepted_and_every_step_is_passed() {
    for algorithm in ALGORITHMS {
        for (identified, told) in [(true, true), (true, false), (false, true)] {
            for backup in [Flags(0), Flags::BE, Flags::BE | Flags::BS] {
                for verified in [true, false] {
                    let mut ceremony = SignIn::new(algorithm, identified);
                    ceremony.user_handle = told.then(|| USER_HANDLE.into());
                    ceremony.record.backup_eligible = backup.contains(Flags::BE);
                    ceremony.data.flags = Flags::UP | Flags::ED | backup | Flags::UV.when(verified);
                    if !verified {
                        assert_eq!(ceremony.run().unwrap_err().step, Step::UserVerified);
                        ceremony.expected.user_verification = UserVerification::Preferred;
                    }
                    let accepted = ceremony.run().unwrap();
                    let expected = StoredCredential {
                        sign_count: 8,
                        backed_up: backup.contains(Flags::BS),
                        ..ceremony.record.clone()
                    };
                    assert_eq!(accepted.credential, expected);
                    assert_eq!((accepted.flags, accepted.sign_count), (ceremony.data.flags, 8));
                    assert_eq!(accepted.warnings, [""; 0]);
                    let all = Ceremony::Authentication.steps().iter().map(|(step, _)| step);
                    assert!(accepted.passed.iter().eq(all));
                }
            }
        }
    }
}

type Row = (Step, &'static str, fn(&mut SignIn));

const ROWS: &[Row] = &[
    (Step::CredentialType, "another type", |c| c.edit = |r| r.kind = "password".into()),
    (Step::CredentialId, "an id of another credential", |c| c.edit = |r| r.id = "AAAA".into()),
    (Step::CredentialId, "a padded id", |c| c.edit = |r| r.id.push('=')),
    (Step::AllowedCredential, "a credential that was not allowed", |c| {
        c.expected.allowed = vec![vec![1; 20]]
    }),
    (Step::CredentialRecord, "the record of another credential", |c| c.record.id[0] ^= 1),
    (Step::CredentialRecord, "the record of another account", |c| {
        c.expected.user_handle = Some(vec![0x66; 16]);
        c.user_handle = None;
    }),
    (Step::UserHandle, "no user handle and no account", |c| {
        c.expected.user_handle = None;
        c.user_handle = None;
    }),
    (Step::UserHandle, "the user handle of another account, account known", |c| {
        c.expected.user_handle = Some(USER_HANDLE.into());
        c.user_handle = Some(vec![0x66; 16]);
    }),
    (Step::UserHandle, "the user handle of another account, account not known", |c| {
        c.expected.user_handle = None;
        c.user_handle = Some(vec![0x66; 16]);
    }),
    (Step::UserHandle, "an empty user handle", |c| c.user_handle = Some(vec![])),
    (Step::AuthenticatorData, "no authenticator data", |c| c.auth_data = Some(vec![])),
    (Step::AuthenticatorData, "a byte left over", |c| {
        c.auth_data = Some(c.data.encode().into_iter().chain([0]).collect());
    }),
    (Step::AuthenticatorData, "extensions without ED", |c| c.data.flags.0 &= !Flags::ED.0),
    (Step::AuthenticatorData, "ED without extensions", |c| c.data.extensions = None),
    (Step::AuthenticatorData, "AT without attested credential data", |c| c.data.flags |= Flags::AT),
    (Step::ClientDataUtf8, "a member in another encoding", |c| {
        let mut json = c.client.encode();
        json.splice(1..1, *b"\"x\":\"\xFF\",");
        c.client_json = Some(json);
    }),
    (Step::ClientDataUtf8, "client data in another encoding", |c| {
        c.client_json = Some(c.client.encode().into_iter().chain([0xC3]).collect());
    }),
    (Step::ClientDataJson, "a member twice", |c| {
        let mut json = c.client.encode();
        json.splice(1..1, *b"\"origin\":\"https://evil.test\",");
        c.client_json = Some(json);
    }),
    (Step::ClientDataJson, "empty client data", |c| c.client_json = Some(vec![])),
    (Step::ClientDataJson, "an array of the members", |c| {
        let (challenge, origin) = (&c.client.challenge, &c.client.origin);
        c.client_json = Some(format!(r#"["webauthn.get","{challenge}","{origin}",false,null]"#).into());
    }),
    (Step::ClientDataJson, "client data without an origin", |c| {
        c.client_json = Some(br#"{"type":"webauthn.get","challenge":"AAAA"}"#.to_vec());
    }),
    (Step::Type, "the type of a registration", |c| c.client.ceremony = "webauthn.create".into()),
    (Step::Challenge, "no challenge where none was issued", |c| {
        (c.expected.challenge, c.client.challenge) = (vec![], String::new());
    }),
    (Step::Challenge, "another challenge", |c| c.expected.challenge[0] ^= 1),
    (Step::Challenge, "a challenge encoded twice", |c| {
        c.client.challenge = wire::base64url::encode(c.client.challenge.as_bytes());
    }),
    (Step::Origin, "another origin", |c| c.client.origin = "https://evil.test".into()),
    (Step::Origin, "the RP ID for an origin", |c| c.client.origin = c.party.id.clone()),
    (Step::CrossOrigin, "a frame where none is expected", |c| c.client.cross_origin = Some(true)),
    (Step::TopOrigin, "a top origin that may not embed", |c| {
        c.party.top_origins = vec![TOP_ORIGIN.into()];
        c.client.cross_origin = Some(true);
        c.client.top_origin = Some(ORIGIN.into());
    }),
    (Step::RpIdHash, "another RP ID hash", |c| c.data.rp_id_hash[0] ^= 0x80),
    (Step::AttestedCredentialData, "attested credential data", |c| {
        c.data.flags |= Flags::AT;
        c.data.attested = Some(AttestedCredentialData {
            aaguid: Aaguid::ZERO,
            credential_id: CREDENTIAL_ID.into(),
            public_key: c.key.public(),
        });
    }),
    (Step::UserPresent, "UP not set", |c| c.data.flags.0 &= !Flags::UP.0),
    (Step::UserVerified, "UV not set", |c| c.data.flags.0 &= !Flags::UV.0),
    (Step::BackupState, "BS without BE", |c| c.data.flags |= Flags::BS),
    (Step::BackupEligibility, "BE set since registration", |c| c.data.flags |= Flags::BE),
    (Step::BackupEligibility, "BE unset since registration", |c| c.record.backup_eligible = true),
    (Step::DeviceBound, "BE where device-bound credentials are wanted", |c| {
        c.party.device_bound = true;
        c.record.backup_eligible = true;
        c.data.flags |= Flags::BE;
    }),
    (Step::Signature, "the public key of another credential", |c| {
        let other = ALGORITHMS.into_iter().find(|algorithm| *algorithm != c.key.public().algorithm());
        c.record.public_key = Key::of(other.unwrap()).public();
    }),
    (Step::Signature, "no signature", |c| c.edit = |r| r.response.signature.0.clear()),
    (Step::Signature, "a signature with a byte more", |c| c.edit = |r| r.response.signature.0.push(0)),
    (Step::Signature, "a signature of zeros", |c| c.edit = |r| r.response.signature.0 = vec![0; 64]),
    (Step::Signature, "client data that was not signed", |c| {
        c.edit = |r| r.response.client_data_json.0.push(b' ');
    }),
    (Step::Signature, "authenticator data that was not signed", |c| {
        c.edit = |r| r.response.authenticator_data.0[36] = 0xFF;
    }),
    (Step::Counter, "a counter that stands still", |c| c.data.sign_count = 7),
    (Step::Counter, "a counter that went back", |c| c.data.sign_count = 6),
    (Step::Counter, "a counter that went back to zero", |c| c.data.sign_count = 0),
    (Step::ClientExtensions, "a client extension that was not asked for", |c| {
        c.edit = |r| drop(r.client_extension_results.insert("largeBlob".into(), true.into()));
    }),
    (Step::AuthenticatorExtensions, "an authenticator extension that was not asked for", |c| {
        c.data.extensions = Some(cbor::text_map([("credBlob", Some(cbor::bytes([1])))]));
    }),
    (Step::AuthenticatorExtensions, "an extension whose name is no text", |c| {
        c.data.extensions = Some(Value::Map(vec![(1.into(), true.into())]));
    }),
];

#[test]
fn every_spoilt_part_is_refused_by_its_step_and_by_no_other() {
    for algorithm in ALGORITHMS {
        for identified in [true, false] {
            let mut ledger = Ledger::new(Ceremony::Authentication);
            for (step, what, spoil) in ROWS {
                let mut ceremony = SignIn::new(algorithm, identified);
                spoil(&mut ceremony);
                ledger.enter(*step, what, |left_out| ceremony.run_without(left_out).map(drop));
            }
            ledger.close();
        }
    }
}

#[test]
fn every_flipped_bit_of_what_was_signed_is_refused() {
    for algorithm in ALGORITHMS {
        let ceremony = SignIn::new(algorithm, true);
        let good = ceremony.response();
        let refused = |bad: &_| {
            ceremony.party.verify_authentication(&ceremony.expected, bad, &ceremony.record).is_err()
        };
        assert!(!refused(&good));
        let members: [fn(&mut json::AssertionResponse) -> &mut Vec<u8>; 3] = [
            |response| &mut response.client_data_json.0,
            |response| &mut response.authenticator_data.0,
            |response| &mut response.signature.0,
        ];
        for member in members {
            let bits = member(&mut good.response.clone()).len() * 8;
            // Of the thousands of ML-DSA every 43rd, which is every bit of a byte in turn.
            for bit in (0..bits).step_by(if bits > 10_000 { 43 } else { 1 }) {
                let mut bad = good.clone();
                member(&mut bad.response)[bit / 8] ^= 1 << (bit % 8);
                assert!(refused(&bad), "bit {bit} of {bad:?}");
            }
        }
    }
}

#[test]
fn the_counter_policies_differ_in_what_they_refuse_and_in_what_they_keep() {
    // stored, now, whether W3c accepts
    let cases = [
        (0, 0, true),
        (0, 1, true),
        (1, 0, false),
        (1, 1, false),
        (1, 2, true),
        (u32::MAX - 1, u32::MAX, true),
        (u32::MAX, u32::MAX, false),
        (u32::MAX, 0, false),
    ];
    for (stored, now, accepted) in cases {
        let mut ceremony = SignIn::new(Algorithm::ES256, true);
        ceremony.record.sign_count = stored;
        ceremony.data.sign_count = now;
        let result = ceremony.run();
        assert_eq!(result.is_ok(), accepted, "{stored} {now}");
        match result {
            Ok(authenticated) => assert_eq!(authenticated.credential.sign_count, now),
            Err(rejection) => assert_eq!(rejection.step, Step::Counter),
        }
        ceremony.party.counter = Counter::Ignore;
        let authenticated = ceremony.run().unwrap();
        assert_eq!((authenticated.credential.sign_count, authenticated.sign_count), (stored, now));
        assert_eq!(authenticated.warnings.len(), usize::from(!accepted), "{:?}", authenticated.warnings);
    }
}

#[test]
fn a_synced_passkey_must_count_zero_where_that_is_the_policy() {
    // stored, now, whether W3c accepts
    let cases = [(0, 0, true), (0, 1, true), (1, 0, false), (1, 1, false), (1, 2, true), (2, 1, false)];
    for (stored, now, w3c) in cases {
        for synced in [false, true] {
            let mut ceremony = SignIn::new(Algorithm::ES256, true);
            ceremony.party.counter = Counter::Entra2026;
            (ceremony.record.sign_count, ceremony.data.sign_count) = (stored, now);
            ceremony.record.backup_eligible = synced;
            ceremony.data.flags |= Flags::BE.when(synced);
            let accepted = w3c && (!synced || now == 0);
            match ceremony.run() {
                Ok(authenticated) => {
                    assert!(accepted, "{stored} {now} {synced}");
                    assert_eq!(authenticated.credential.sign_count, now);
                    assert_eq!(authenticated.warnings, [""; 0]);
                }
                Err(rejection) => {
                    assert!(!accepted, "{stored} {now} {synced}: {rejection}");
                    assert_eq!(rejection.step, Step::Counter);
                    let for_synced = rejection.why.contains("a synced passkey must be 0");
                    assert_eq!(for_synced, w3c, "{rejection}");
                }
            }
            ceremony.party.counter = Counter::W3c;
            assert_eq!(ceremony.run().is_ok(), w3c, "{stored} {now} {synced}");
        }
    }
}

#[test]
fn verification_at_a_sign_in_does_not_initialise_it() {
    let mut ceremony = SignIn::new(Algorithm::EDDSA, false);
    ceremony.record.uv_initialized = false;
    assert!(!ceremony.run().unwrap().credential.uv_initialized);
}

#[test]
fn unsolicited_extensions_can_be_ignored_with_a_warning() {
    let mut ceremony = SignIn::new(Algorithm::ES256, true);
    ceremony.expected.extensions.clear();
    assert_eq!(ceremony.run().unwrap_err().step, Step::ClientExtensions);
    ceremony.party.unsolicited_extensions = Unsolicited::Ignore;
    assert_eq!(ceremony.run().unwrap().warnings.len(), 2);
}

#[test]
fn options_and_the_expectation_made_from_them_belong_together() {
    let mut ceremony = SignIn::new(Algorithm::EDDSA, true);
    let challenge = ceremony.expected.challenge.clone();
    let mut options = ceremony.party.request_options(challenge, std::slice::from_ref(&ceremony.record));
    assert_eq!(options.allow_credentials, [ceremony.record.descriptor()]);
    assert_eq!(options.rp_id.as_ref(), Some(&ceremony.party.id));
    options.extensions = ceremony.expected.extensions.iter().map(|id| (id.clone(), true.into())).collect();
    options.allow_credentials.push(Descriptor {
        kind: "private-key".into(),
        id: vec![1].into(),
        transports: None,
    });
    let text = serde_json::to_string(&options).unwrap();
    let options = json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
    let expected = AuthenticationExpectation::of(&options, Some(&USER_HANDLE));
    assert_eq!(
        expected,
        AuthenticationExpectation { allowed: vec![CREDENTIAL_ID.into()], ..ceremony.expected }
    );
    ceremony.expected = expected;

    let text = serde_json::to_string(&ceremony.response()).unwrap();
    let response = json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
    assert!(ceremony.party.verify_authentication(&ceremony.expected, &response, &ceremony.record).is_ok());
}
