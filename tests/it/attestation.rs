//! Attestation: every format by every list of preferences, enterprise attestation with whom it is granted to, and
//! each statement judged by the relying party, which trusts the test CA. CTAP 2.1 §6.1.2 steps 9 and 19, §7.1;
//! WebAuthn Level 3 §8.
use authenticator::profile::{Attestation, Enterprise, Profile};
use authenticator::signer::{
    AttestationIdentity, Attester, Attesting, DeterministicSigner, Signer, SignerError,
};
use emulator::FastSigner;
use emulator::attestation::TestCa;
use relying_party::{AttestationPolicy, AttestationType, Conveyance, Registered, RelyingParty, Step};
use relying_party::{RegistrationExpectation, UserVerification};
use serde_json::Map;
use sha2::{Digest, Sha256};
use tests::{
    CA, NOW, Pooled, RP_ID, Rig, SERIAL, TODAY, USB, all_in, everything, identity, registration, rng, status,
};
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value};
use wire::cose::Algorithm;
use wire::ctap2::{Command, GetInfoResponse, MakeCredential, MakeCredentialResponse};
use wire::status::Status;
use wire::webauthn::json::{AttestationResponse, RegistrationResponse};
use wire::webauthn::{AttestationObject, AuthenticatorData, Ceremony, ClientData, Flags};

const CLIENT_DATA_CHALLENGE: &[u8] = b"a challenge";

fn client_data() -> Vec<u8> {
    ClientData {
        ceremony: Ceremony::CREATE.into(),
        challenge: wire::base64url::encode(CLIENT_DATA_CHALLENGE),
        origin: format!("https://{RP_ID}"),
        cross_origin: Some(false),
        top_origin: None,
    }
    .encode()
}

fn request() -> MakeCredential {
    MakeCredential { client_data_hash: Sha256::digest(client_data()).into(), ..registration("a") }
}

/// What a relying party makes of the answer; `id` is the RP ID that the request named.
fn judge(id: &str, made: &MakeCredentialResponse, conveyance: Conveyance) -> Result<Registered, Step> {
    let policy = AttestationPolicy {
        conveyance,
        trust_anchors: vec![CA.certificate().to_vec()],
        now: Some(TODAY),
        ..AttestationPolicy::default()
    };
    judge_by(policy, id, made)
}

fn judge_by(
    attestation: AttestationPolicy,
    id: &str,
    made: &MakeCredentialResponse,
) -> Result<Registered, Step> {
    let party = RelyingParty {
        attestation,
        origins: vec![format!("https://{RP_ID}")],
        algorithms: vec![Algorithm::ES256, Algorithm::ES384, Algorithm::EDDSA, Algorithm::RS256],
        ..RelyingParty::new(id)
    };
    let data = AuthenticatorData::decode(&made.auth_data).unwrap();
    let credential = data.attested.unwrap().credential_id;
    let object = AttestationObject {
        fmt: made.fmt.clone(),
        att_stmt: made.att_stmt.clone(),
        auth_data: made.auth_data.clone(),
    };
    let response = RegistrationResponse {
        id: wire::base64url::encode(&credential),
        raw_id: credential.into(),
        response: AttestationResponse {
            client_data_json: client_data().into(),
            attestation_object: object.encode().into(),
            authenticator_data: None,
            transports: vec![],
            public_key: None,
            public_key_algorithm: None,
        },
        authenticator_attachment: None,
        client_extension_results: Map::new(),
        kind: "public-key".into(),
    };
    let expected = RegistrationExpectation {
        challenge: CLIENT_DATA_CHALLENGE.to_vec(),
        user_handle: b"a".to_vec(),
        user_verification: UserVerification::Preferred,
        conditional: false,
        algorithms: party.algorithms.clone(),
        extensions: vec![],
        is_registered: &|_| false,
    };
    party.verify_registration(&expected, &response).map_err(|rejection| rejection.step)
}

fn made(rig: &mut Rig, request: &MakeCredential) -> MakeCredentialResponse {
    MakeCredentialResponse::decode(&rig.call(&request.encode())).unwrap()
}

fn info(rig: &mut Rig) -> GetInfoResponse {
    GetInfoResponse::decode(&rig.call_silently(&GetInfoResponse::request())).unwrap()
}

/// authenticatorConfig, enableEnterpriseAttestation, while nobody is protected.
fn enable(rig: &mut Rig) {
    let parameters = cbor::encode(&cbor::int_map([(1, Some(1.into()))]));
    let request = [&[Command::CONFIG.0], parameters.as_slice()].concat();
    assert_eq!(rig.call_silently(&request), status(Status::OK));
}

/// Every way of attesting that goes together.
fn ways() -> Vec<Vec<Attestation>> {
    use Attestation::{AndroidKey, Apple, FidoU2f, None, Packed, PackedSelf, Tpm};
    vec![
        vec![None],
        vec![PackedSelf],
        vec![Packed],
        vec![FidoU2f],
        vec![None, Packed],
        vec![None, FidoU2f],
        vec![PackedSelf, FidoU2f],
        vec![Packed, FidoU2f],
        vec![FidoU2f, Packed],
        vec![FidoU2f, PackedSelf],
        vec![Tpm],
        vec![Tpm, PackedSelf],
        vec![Packed, Apple, Tpm],
        vec![None, AndroidKey],
    ]
}

fn attesting(way: &[Attestation]) -> Profile {
    let (attestation, further) = way.split_first().unwrap();
    Profile { attestation: *attestation, further_attestations: further.to_vec(), ..all_in() }
}

/// Every list of up to three out of these.
fn preferences() -> Vec<Option<Vec<&'static str>>> {
    let words = ["none", "packed", "fido-u2f", "tpm"];
    let mut lists = vec![None, Some(vec![])];
    for first in words {
        lists.push(Some(vec![first]));
        for second in words {
            lists.push(Some(vec![first, second]));
            lists.extend(words.map(|third| Some(vec![first, second, third])));
        }
    }
    lists
}

/// CTAP 2.2 §6.1.2 step 19, written down a second time.
fn expected(way: &[Attestation], preference: Option<&[&str]>, algorithm: Algorithm) -> Attestation {
    // No TPM, keystore, iPhone or U2F key makes a key for EdDSA.
    let any = [Attestation::None, Attestation::PackedSelf, Attestation::Packed];
    let able: Vec<_> =
        way.iter().filter(|mode| any.contains(mode) || algorithm == Algorithm::ES256).collect();
    let usual = able.first().map_or(Attestation::None, |mode| **mode);
    match preference {
        Some(["none"]) => Attestation::None,
        Some(list) => {
            for format in list {
                for mode in &able {
                    let named = match mode {
                        Attestation::None => "never told",
                        Attestation::PackedSelf | Attestation::Packed => "packed",
                        Attestation::FidoU2f => "fido-u2f",
                        Attestation::Tpm => "tpm",
                        Attestation::AndroidKey => "android-key",
                        Attestation::AndroidSafetyNet => "android-safetynet",
                        Attestation::Apple => "apple",
                    };
                    if named == *format {
                        return **mode;
                    }
                }
            }
            usual
        }
        None => usual,
    }
}

fn check(mode: Attestation, made: &MakeCredentialResponse, profile: &Profile, case: &str) {
    let registered = judge(RP_ID, made, Conveyance::Direct).unwrap_or_else(|step| panic!("{case}: {step:?}"));
    let members: Vec<_> =
        made.att_stmt.as_map().unwrap().iter().map(|(key, _)| key.as_text().unwrap()).collect();
    let (fmt, stands, proof, aaguid) = match mode {
        Attestation::None => ("none", &[][..], AttestationType::None, profile.aaguid),
        Attestation::PackedSelf => {
            ("packed", &["alg", "sig"][..], AttestationType::SelfAttestation, profile.aaguid)
        }
        Attestation::Packed => ("packed", &["alg", "sig", "x5c"][..], AttestationType::Basic, profile.aaguid),
        Attestation::FidoU2f => ("fido-u2f", &["sig", "x5c"][..], AttestationType::Basic, Aaguid::ZERO),
        Attestation::Tpm => (
            "tpm",
            &["alg", "sig", "ver", "x5c", "pubArea", "certInfo"][..],
            AttestationType::Basic,
            profile.aaguid,
        ),
        Attestation::AndroidKey => {
            ("android-key", &["alg", "sig", "x5c"][..], AttestationType::Basic, profile.aaguid)
        }
        Attestation::AndroidSafetyNet => {
            ("android-safetynet", &["ver", "response"][..], AttestationType::Basic, profile.aaguid)
        }
        Attestation::Apple => ("apple", &["x5c"][..], AttestationType::Basic, profile.aaguid),
    };
    assert_eq!((made.fmt.as_str(), members.as_slice()), (fmt, stands), "{case}");
    assert_eq!((registered.attestation, registered.aaguid), (proof, aaguid), "{case}");
    assert!(!made.ep_att, "{case}");
    // Only a certificate that names the model proves it, and a U2F key has none.
    let proven = matches!(mode, Attestation::Packed | Attestation::FidoU2f);
    assert_eq!(registered.warnings.is_empty(), proven, "{case}: {:?}", registered.warnings);
    // SafetyNet's has a CA between it and the root.
    let certificates = match mode {
        Attestation::AndroidSafetyNet => 3,
        _ if mode.is_certified() => 2,
        _ => 0,
    };
    assert_eq!(registered.trust_path.len(), certificates, "{case}");
}

#[test]
fn step_19_every_format_by_every_list_of_preferences_is_what_the_list_says_and_verifies() {
    let mut seen = 0;
    for way in ways() {
        let profile = attesting(&way);
        for algorithm in [Algorithm::ES256, Algorithm::EDDSA] {
            let mut rig = Rig::new(profile.clone());
            for preference in preferences() {
                let formats = preference.as_ref().map(|list| list.iter().map(|it| (*it).into()).collect());
                let request =
                    MakeCredential { algorithms: vec![algorithm], attestation_formats: formats, ..request() };
                let case = format!("{way:?} {algorithm} {preference:?}");
                let mode = expected(&way, preference.as_deref(), algorithm);
                check(mode, &made(&mut rig, &request), &profile, &case);
                seen += 1;
            }
        }
    }
    assert!(seen > 2000, "{seen}");
}

/// RSA takes its time, so there is one of each.
#[test]
fn safetynet_says_it_of_any_key_and_a_platform_hears_that_it_takes_long() {
    let profile = attesting(&[Attestation::AndroidSafetyNet]);
    for algorithm in [Algorithm::ES256, Algorithm::EDDSA] {
        let mut rig = Rig::pooled(profile.clone());
        let request = MakeCredential { algorithms: vec![algorithm], ..request() };
        check(Attestation::AndroidSafetyNet, &made(&mut rig, &request), &profile, "android-safetynet");
        assert_eq!(rig.slow, 1, "{algorithm}");
    }
}

/// WebAuthn Level 3 §8.3 and §8.4.1: keys of RSA and on P-384 too.
#[test]
fn a_tpm_and_a_keystore_attest_keys_of_each_kind_that_they_have() {
    for mode in [Attestation::Tpm, Attestation::AndroidKey] {
        for algorithm in [Algorithm::ES384, Algorithm::RS256] {
            let profile = Profile { algorithms: vec![algorithm], ..attesting(&[mode]) };
            let signer = Attesting::new(Pooled(FastSigner::default()), identity(&profile));
            let mut rig = Rig::with_signer(profile.clone(), Box::new(signer));
            let request = MakeCredential { algorithms: vec![algorithm], ..request() };
            check(mode, &made(&mut rig, &request), &profile, &format!("{mode:?} {algorithm}"));
        }
    }
}

#[test]
fn step_19_elements_of_another_type_are_passed_over() {
    let mut rig = Rig::new(attesting(&[Attestation::Packed, Attestation::FidoU2f]));
    let plain = request();
    let Value::Map(mut members) = cbor::decode(&plain.encode()[1..]).unwrap() else { unreachable!() };
    members.push((0x0B.into(), Value::Array(vec![7.into(), "fido-u2f".into(), Value::Null])));
    let message = [&[Command::MAKE_CREDENTIAL.0], cbor::encode(&Value::Map(members)).as_slice()].concat();
    assert_eq!(MakeCredentialResponse::decode(&rig.call(&message)).unwrap().fmt, "fido-u2f");
}

#[test]
fn get_info_tells_every_format_but_never_none_and_only_where_ctap_2_1_is_spoken() {
    for way in ways() {
        let told = info(&mut Rig::new(attesting(&way))).attestation_formats;
        let formats: Vec<_> =
            way.iter().filter(|mode| **mode != Attestation::None).map(|mode| mode.format()).collect();
        assert_eq!(told, formats, "{way:?}");
        let old = Profile { versions: vec!["FIDO_2_0".into()], ..attesting(&way) };
        assert!(info(&mut Rig::new(old)).attestation_formats.is_empty(), "{way:?}");
    }
}

/// CTAP 2.1 §6.1.2 step 9 and §7.1: not until it is enabled; then for whom, by which request; and never beside a
/// wish for no attestation.
#[test]
fn step_9_enterprise_attestation_is_given_to_whom_it_is_granted_and_to_nobody_else() {
    let other = "other.example.test";
    let modes =
        [(vec![RP_ID], false), (vec![RP_ID], true), (vec![], true), (vec![other, "example.test"], false)];
    for (listed, platform_managed) in modes {
        let rp_ids: Vec<String> = listed.iter().map(|it| (*it).into()).collect();
        let enterprise = Some(Enterprise { rp_ids, platform_managed });
        for way in ways() {
            let profile = Profile { enterprise: enterprise.clone(), ..attesting(&way) };
            let mut rig = Rig::new(profile.clone());
            let asked = |value| MakeCredential { enterprise_attestation: value, ..request() };
            for value in [0, 1, 2, 3] {
                let refused = rig.call_silently(&asked(Some(value)).encode());
                assert_eq!(refused, status(Status::INVALID_PARAMETER), "it is not enabled");
            }
            assert_eq!(info(&mut rig).option("ep"), Some(false));
            enable(&mut rig);
            assert_eq!(info(&mut rig).option("ep"), Some(true));
            for value in [0, 3, 255] {
                let refused = rig.call_silently(&asked(Some(value)).encode());
                assert_eq!(refused, status(Status::INVALID_OPTION), "{value}");
            }
            for value in [None, Some(1), Some(2)] {
                for unattested in [false, true] {
                    let formats = unattested.then(|| vec!["none".into()]);
                    let request = MakeCredential { attestation_formats: formats, ..asked(value) };
                    let made = made(&mut rig, &request);
                    let case = format!("{listed:?} {platform_managed} {way:?} {value:?} {unattested}");
                    let usual = if unattested { Attestation::None } else { way[0] };
                    let granted = value.is_some()
                        && usual != Attestation::None
                        && (listed.contains(&RP_ID) || (value == Some(2) && platform_managed));
                    if granted {
                        assert!(made.ep_att && made.fmt == "packed", "{case}");
                        let registered = judge(RP_ID, &made, Conveyance::Enterprise).unwrap();
                        assert_eq!(registered.serial_number.as_deref(), Some(SERIAL.as_slice()), "{case}");
                        assert_eq!(registered.aaguid, profile.aaguid, "{case}");
                        let unasked = judge(RP_ID, &made, Conveyance::Direct);
                        assert_eq!(unasked.err(), Some(Step::CertificateDevice), "{case}");
                    } else {
                        check(usual, &made, &profile, &case);
                    }
                }
            }
        }
    }
}

#[test]
fn step_9_the_serial_number_outlives_a_reset_and_the_permission_does_not() {
    let mut rig = Rig::new(all_in());
    let asked = MakeCredential { enterprise_attestation: Some(1), ..request() };
    let serial = |rig: &mut Rig| {
        enable(rig);
        judge(RP_ID, &made(rig, &asked), Conveyance::Enterprise).unwrap().serial_number.unwrap()
    };
    let before = serial(&mut rig);
    assert_eq!(rig.call(&[Command::RESET.0]), status(Status::OK));
    assert_eq!(info(&mut rig).option("ep"), Some(false), "CTAP 2.1 §7.1: a reset disables it");
    assert_eq!(serial(&mut rig), before, "WebAuthn Level 3 §8.2.2");
}

#[test]
fn a_foreign_root_another_time_and_a_policy_against_certificates_each_refuse_what_we_attest() {
    let mut rig = Rig::new(all_in());
    let made = made(&mut rig, &request());
    let foreign = TestCa::generate(&mut DeterministicSigner, &mut rng(7)).unwrap();
    let anchors = |ca: &TestCa| vec![ca.certificate().to_vec()];
    let policy =
        AttestationPolicy { trust_anchors: anchors(&CA), now: Some(TODAY), ..AttestationPolicy::default() };
    let refused = |policy: AttestationPolicy| judge_by(policy, RP_ID, &made).err();
    assert_eq!(refused(policy.clone()), None);
    assert_eq!(
        refused(AttestationPolicy { trust_anchors: anchors(&foreign), ..policy.clone() }),
        Some(Step::AttestationChain)
    );
    for now in [0, 4_000_000_000] {
        let policy = AttestationPolicy { now: Some(now), ..policy.clone() };
        assert_eq!(refused(policy), Some(Step::CertificateValidity));
    }
    let accepted = vec![AttestationType::SelfAttestation];
    assert_eq!(refused(AttestationPolicy { accepted, ..policy }), Some(Step::AttestationTrust));
}

/// Both signers, wrapped, attest with the same keys, and each is verified.
#[test]
fn either_signer_attests_with_the_identity_that_it_holds() {
    let profile = all_in();
    let signers: [Box<dyn Signer + Send>; 2] = [
        Box::new(Attesting::new(DeterministicSigner, identity(&profile))),
        Box::new(Attesting::new(FastSigner::default(), identity(&profile))),
    ];
    for signer in signers {
        let mut rig = Rig::with_signer(profile.clone(), signer);
        check(Attestation::Packed, &made(&mut rig, &request()), &profile, "packed");
        let u2f = MakeCredential { attestation_formats: Some(vec!["fido-u2f".into()]), ..request() };
        check(Attestation::FidoU2f, &made(&mut rig, &u2f), &profile, "fido-u2f");
    }
}

#[test]
fn another_identity_is_what_attests_from_then_on() {
    let profile = all_in();
    let mut rig = Rig::new(profile.clone());
    check(Attestation::Packed, &made(&mut rig, &request()), &profile, "before");
    let other = TestCa::generate(&mut DeterministicSigner, &mut rng(9)).unwrap();
    let batch = other.batch(profile.aaguid, "another", &mut DeterministicSigner, &mut rng(9)).unwrap();
    rig.authenticator.set_identity(AttestationIdentity { batch: Some(batch), ..Default::default() });
    let made = made(&mut rig, &request());
    assert_eq!(judge(RP_ID, &made, Conveyance::Direct).err(), Some(Step::AttestationChain));
    let policy = AttestationPolicy {
        trust_anchors: vec![other.certificate().to_vec()],
        now: Some(TODAY),
        ..AttestationPolicy::default()
    };
    judge_by(policy, RP_ID, &made).unwrap();
}

/// A signer without the key says so, and nothing is stored.
#[test]
fn without_an_attestation_key_nothing_is_made() {
    for way in [Attestation::Packed, Attestation::FidoU2f, Attestation::Tpm, Attestation::Apple] {
        let profile = attesting(&[way]);
        let mut rig = Rig::with_signer(profile, Box::new(DeterministicSigner));
        let commits = rig.shelf.commits();
        assert_eq!(rig.call(&request().encode()), status(Status::OTHER));
        assert!(rig.reason().contains("no attestation key"));
        assert_eq!(rig.shelf.commits(), commits);
        assert!(rig.shelf.stored().credentials.is_empty());
    }
    let data = AuthenticatorData {
        rp_id_hash: [1; 32],
        flags: Flags::UP,
        sign_count: 1,
        attested: None,
        extensions: None,
    };
    let mut bare = Attesting::new(DeterministicSigner, AttestationIdentity::default());
    for by in [Attester::Batch, Attester::Enterprise] {
        assert_eq!(bare.attest(by, &data, &[2; 32]).err(), Some(SignerError::NoAttestationKey));
    }
}

/// CTAP 2.0 has no preferences; the format is the profile's all the same.
#[test]
fn an_authenticator_of_ctap_2_0_attests_by_certificate_too() {
    let profile = Profile { attestation: Attestation::Packed, ..everything() };
    let mut rig = Rig::new(profile.clone());
    let reply = rig.call_with(NOW, USB, &request().encode(), |_| authenticator::Gesture::Present);
    check(Attestation::Packed, &MakeCredentialResponse::decode(&reply).unwrap(), &profile, "CTAP 2.0");
}
