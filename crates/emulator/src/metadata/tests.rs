use super::*;
use crate::FastSigner;
use crate::attestation::TestCa;
use authenticator::profile::Verification;
use authenticator::signer::DeterministicSigner;
use der::{Decode, Encode};
use rand_core::SeedableRng;
use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use wire::base64url;

/// FIDO Metadata Statement 3.1 §4: what every statement has.
const REQUIRED: [&str; 14] = [
    "description",
    "authenticatorVersion",
    "protocolFamily",
    "schema",
    "upv",
    "authenticationAlgorithms",
    "publicKeyAlgAndEncodings",
    "attestationTypes",
    "userVerificationDetails",
    "keyProtection",
    "matcherProtection",
    "attachmentHint",
    "tcDisplay",
    "attestationRootCertificates",
];
/// What statements may have besides, of what is used here.
const OPTIONAL: [&str; 7] = [
    "legalHeader",
    "aaguid",
    "attestationCertificateKeyIdentifiers",
    "friendlyNames",
    "cryptoStrength",
    "multiDeviceCredentialSupport",
    "authenticatorGetInfo",
];
const ROOT: &[u8] = b"a root";

fn rng() -> rand_chacha::ChaCha20Rng {
    rand_chacha::ChaCha20Rng::seed_from_u64(9)
}

fn ca() -> TestCa {
    TestCa::generate(&mut DeterministicSigner, &mut rng()).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn report(status: Status, day: &str) -> StatusReport {
    StatusReport { status, effective_date: self::day(day) }
}

/// As a home's test CA would have it: certificates for what attests by certificate.
fn model(profile: DeviceProfile) -> Model {
    let (ca, mut rng, signer) = (ca(), rng(), &mut DeterministicSigner);
    let claims = &profile.authenticator;
    let mut leaf = |u2f| match u2f {
        true => ca.u2f(&profile.title, false, signer, &mut rng).unwrap().chain.remove(0),
        false => ca.batch(claims.aaguid, &profile.title, signer, &mut rng).unwrap().chain.remove(0),
    };
    let batch = claims.attestations().any(|mode| mode == Attestation::Packed).then(|| leaf(false));
    let u2f = attests_as_u2f(&profile).then(|| leaf(true));
    Model { profile, batch, u2f, reports: vec![report(Status::NotFidoCertified, "2026-01-31")] }
}

fn named(name: &str) -> Model {
    model(DeviceProfile::named(name).unwrap())
}

/// The entries of these models.
fn entries(models: &[Model]) -> Vec<Value> {
    let payload = payload(models, ROOT, 7, day("2030-01-01")).unwrap();
    payload["entries"].as_array().unwrap().clone()
}

fn statement(name: &str) -> Value {
    entries(&[named(name)])[0]["metadataStatement"].clone()
}

/// Every built-in profile, as it is and attesting in every way.
fn all() -> Vec<Model> {
    let modes = [
        Attestation::None,
        Attestation::PackedSelf,
        Attestation::Packed,
        Attestation::FidoU2f,
        Attestation::Tpm,
        Attestation::AndroidKey,
        Attestation::AndroidSafetyNet,
        Attestation::Apple,
    ];
    let mut models = Vec::new();
    for profile in DeviceProfile::built_in() {
        for mode in modes {
            let mut other = profile.clone();
            other.authenticator.attestation = mode;
            other.authenticator.further_attestations.clear();
            models.push(model(other));
        }
        models.push(model(profile));
    }
    models
}

#[test]
fn every_statement_has_all_members_that_it_must_have_and_none_that_nobody_knows() {
    for model in all() {
        for entry in entries(std::slice::from_ref(&model)) {
            let statement = entry["metadataStatement"].as_object().unwrap();
            for required in REQUIRED {
                assert!(statement.get(required).is_some_and(|it| !it.is_null()), "{required}: {statement:?}");
            }
            for name in statement.keys() {
                assert!(REQUIRED.contains(&&**name) || OPTIONAL.contains(&&**name), "{name}");
            }
            // §1: a list that is there is not empty, but where empty says that there is none.
            for (name, value) in statement {
                let may_be_empty = ["tcDisplay", "attestationRootCertificates"].contains(&&**name);
                assert!(may_be_empty || value.as_array().is_none_or(|list| !list.is_empty()), "{name}");
            }
            let description = statement["description"].as_str().unwrap();
            assert!(description.starts_with("fauxkey test: software"), "{description}");
            assert!(description.is_ascii() && description.len() <= 200, "{description}");
            assert_eq!((&statement["schema"], &statement["legalHeader"]), (&json!(3), &json!(LEGAL_HEADER)));
            assert_eq!(statement["keyProtection"], json!(["software"]));
        }
    }
}

#[test]
fn a_model_is_found_by_its_aaguid_and_as_a_u2f_key_by_the_certificate() {
    for model in all() {
        let claims = &model.profile.authenticator;
        let entries = entries(std::slice::from_ref(&model));
        assert_eq!(
            entries.len(),
            usize::from(claims.speaks_ctap2()) + usize::from(attests_as_u2f(&model.profile))
        );
        for entry in entries {
            let statement = &entry["metadataStatement"];
            let keys = |value: &Value| {
                ["aaguid", "attestationCertificateKeyIdentifiers"].map(|key| value.get(key).cloned())
            };
            assert_eq!(keys(&entry), keys(statement));
            match statement["protocolFamily"].as_str().unwrap() {
                "fido2" => {
                    assert_eq!(keys(&entry), [Some(json!(claims.aaguid.to_string())), None]);
                    assert!(statement["authenticatorGetInfo"].is_object());
                }
                family => {
                    assert_eq!(family, "u2f");
                    let certificate = x509_cert::Certificate::from_der(model.u2f.as_ref().unwrap()).unwrap();
                    let key =
                        certificate.tbs_certificate().subject_public_key_info().subject_public_key.clone();
                    // RFC 5280 §4.2.1.2, method 1.
                    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.raw_bytes());
                    assert_eq!(keys(&entry), [None, Some(json!([wire::hex::encode(digest.as_ref())]))]);
                    assert!(statement.get("authenticatorGetInfo").is_none());
                }
            }
        }
    }
    let without = Model { u2f: None, ..named("u2f-key") };
    let refused = payload(&[without], ROOT, 1, day("2030-01-01")).unwrap_err();
    assert!(matches!(refused, MetadataError::NoCertificate(name) if name == "u2f-key"));
}

#[test]
fn the_root_is_there_where_a_certificate_leads_to_it_and_nowhere_else() {
    for model in all() {
        for entry in entries(std::slice::from_ref(&model)) {
            let statement = &entry["metadataStatement"];
            let types = statement["attestationTypes"].as_array().unwrap();
            let by_certificate = types.iter().any(|one| *one != "none" && *one != "basic_surrogate");
            let roots = if by_certificate { json!([base64(ROOT)]) } else { json!([]) };
            assert_eq!(statement["attestationRootCertificates"], roots);
            if statement["protocolFamily"] == "fido2" {
                // FIDO Registry 2.2 §3.7.
                let wanted = match model.profile.authenticator.attestation {
                    Attestation::None => "none",
                    Attestation::PackedSelf => "basic_surrogate",
                    Attestation::Tpm => "attca",
                    Attestation::Apple => "anonca",
                    _ => "basic_full",
                };
                assert_eq!(types.first(), Some(&json!(wanted)), "{}", model.profile.name);
            }
        }
    }
}

#[test]
fn a_statement_agrees_with_what_the_device_answers() {
    let key = statement("yubikey-5-fips");
    let info = &key["authenticatorGetInfo"];
    assert_eq!(info["versions"], json!(["FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1"]));
    assert_eq!(info["aaguid"], "fcc0118fcd45435b8da19782b2da0715");
    assert_eq!(info["options"]["alwaysUv"], true);
    assert_eq!(info["certifications"], json!({ "FIPS-CMVP-3": 2, "FIPS-CMVP-3-PHY": 3 }));
    assert_eq!(info["algorithms"][2], json!({ "type": "public-key", "alg": -35 }));
    assert_eq!((&info["firmwareVersion"], &key["authenticatorVersion"]), (&json!(329_476), &json!(329_476)));
    assert_eq!(key["upv"], json!([{ "major": 1, "minor": 0 }, { "major": 1, "minor": 1 }]));
    assert_eq!(
        key["authenticationAlgorithms"],
        json!(["secp256r1_ecdsa_sha256_raw", "ed25519_eddsa_sha512_raw", "secp384r1_ecdsa_sha384_raw"])
    );
    assert_eq!(key["cryptoStrength"], 128);
    assert_eq!(key["attachmentHint"], json!(["external", "wired", "wireless", "nfc"]));
    let pin = json!({ "base": 64, "minLength": 8, "maxRetries": 8, "blockSlowdown": 0 });
    assert_eq!(
        key["userVerificationDetails"],
        json!([
            [{ "userVerificationMethod": "presence_internal" }],
            [{ "userVerificationMethod": "passcode_external", "caDesc": pin }],
        ])
    );

    let phone = statement("ms-authenticator-ios");
    assert_eq!(phone["attachmentHint"], json!(["internal"]));
    assert_eq!(phone["authenticatorGetInfo"]["options"]["plat"], true);
    assert!(!phone["userVerificationDetails"].to_string().contains("presence"), "it always verifies");
    assert_eq!(phone["multiDeviceCredentialSupport"], "unsupported");
    assert_eq!(statement("icloud-keychain")["multiDeviceCredentialSupport"], "explicit");
    assert_eq!(statement("windows-hello-hardware")["cryptoStrength"], 112, "RSA of 2048 bits");
    assert_eq!(statement("u2f-key")["authenticatorVersion"], 0x0100, "that of its USB device");
}

#[test]
fn members_of_single_devices_are_left_out_and_the_answer_is_the_same_every_time() {
    let (first, again) = (statement("all-in"), statement("all-in"));
    assert_eq!(first, again);
    let info = first["authenticatorGetInfo"].as_object().unwrap();
    for single in ["encIdentifier", "encCredStoreState"] {
        assert!(info.get(single).is_none(), "{single}");
    }
    let told = DeviceProfile::named("all-in").unwrap().authenticator;
    assert!(told.tells_identifier, "else this shows nothing");
    assert_eq!(
        info["attestationFormats"],
        json!(["packed", "fido-u2f", "tpm", "android-key", "android-safetynet", "apple"])
    );
    assert!(matches!(told.verification, Verification::None) || info["options"].get("uv").is_some());
}

#[test]
fn every_status_is_reported_with_its_day_and_read_by_its_name() {
    let names = [
        "NOT_FIDO_CERTIFIED",
        "FIDO_CERTIFIED",
        "USER_VERIFICATION_BYPASS",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
        "UPDATE_AVAILABLE",
        "REVOKED",
        "SELF_ASSERTION_SUBMITTED",
        "FIDO_CERTIFIED_L1",
        "FIDO_CERTIFIED_L1plus",
        "FIDO_CERTIFIED_L2",
        "FIDO_CERTIFIED_L2plus",
        "FIDO_CERTIFIED_L3",
        "FIDO_CERTIFIED_L3plus",
    ];
    assert_eq!(Status::ALL.iter().map(|status| status.name()).collect::<Vec<_>>(), names);
    for name in names {
        let status: Status = name.parse().unwrap();
        assert_eq!(name.to_lowercase().replace('_', "-").parse(), Ok(status), "as one types it");
        let reported = Model { reports: vec![report(status, "2026-02-03")], ..named("yubikey-5c") };
        let entry = &entries(std::slice::from_ref(&reported))[0];
        let mut wanted = json!([{ "status": name, "effectiveDate": "2026-02-03" }]);
        if name == "ATTESTATION_KEY_COMPROMISE" {
            wanted[0]["certificate"] = base64(reported.batch.as_ref().unwrap()).into();
        }
        assert_eq!(entry["statusReports"], wanted);
    }
    let unknown = |text: &str| text.parse::<Status>().unwrap_err().0;
    assert_eq!(unknown("REVOKE"), Some(Status::Revoked));
    assert_eq!(unknown("user-verification-bypassed"), Some(Status::UserVerificationBypass));
    assert_eq!((unknown("toast"), unknown("")), (None, None));
}

#[test]
fn the_last_change_is_that_of_the_latest_report_and_reports_keep_their_order() {
    let reports = vec![
        report(Status::FidoCertifiedL2, "2024-05-06"),
        report(Status::Revoked, "2026-07-08"),
        report(Status::UpdateAvailable, "2025-01-01"),
    ];
    let entry = &entries(&[Model { reports, ..named("security-key") }])[0];
    assert_eq!(entry["timeOfLastStatusChange"], "2026-07-08");
    let statuses: Vec<_> =
        entry["statusReports"].as_array().unwrap().iter().map(|it| &it["status"]).collect();
    assert_eq!(statuses, ["FIDO_CERTIFIED_L2", "REVOKED", "UPDATE_AVAILABLE"]);
}

#[test]
fn the_payload_says_whose_it_is_which_one_and_until_when() {
    let payload = payload(&[named("security-key")], ROOT, 7, day("2030-01-01")).unwrap();
    assert_eq!((&payload["no"], &payload["nextUpdate"]), (&json!(7), &json!("2030-01-01")));
    let header = payload["legalHeader"].as_str().unwrap();
    assert!(header.contains("for tests") && header.contains("not metadata of the FIDO Alliance"), "{header}");
}

/// Header, payload and signature of a BLOB, and the message that was signed.
fn parts(blob: &str) -> (Value, Value, Vec<u8>, &[u8]) {
    let (message, signature) = blob.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let read = |part| serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap();
    (read(header), read(payload), base64url::decode(signature).unwrap(), message.as_bytes())
}

#[test]
fn a_blob_verifies_by_its_certificate_which_leads_to_the_root_and_to_no_other() {
    let (ca, mut rng) = (ca(), rng());
    let payload = payload(&[named("security-key")], ca.certificate(), 1, day("2030-01-01")).unwrap();
    let blob = sign(&payload, &ca, &mut rng).unwrap();
    let (header, read, signature, message) = parts(&blob);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    assert_eq!(read, payload);

    let chain = header["x5c"].as_array().unwrap();
    assert_eq!(chain.len(), 1, "up to but without the root");
    let text = chain[0].as_str().unwrap();
    let plain = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let leaf = base64url::decode(&plain).unwrap();
    assert_eq!(base64(&leaf), text, "padded");
    let summary = CertificateSummary::of(&leaf).unwrap();
    let verifies = |message: &[u8]| {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &summary.public_key)
            .verify(message, &signature)
            .is_ok()
    };
    assert!(verifies(message));
    let mut tampered = message.to_vec();
    *tampered.last_mut().unwrap() ^= 1;
    assert!(!verifies(&tampered));

    let certificate = x509_cert::Certificate::from_der(&leaf).unwrap();
    let (tbs, signed) =
        (certificate.tbs_certificate().to_der().unwrap(), certificate.signature().raw_bytes().to_vec());
    let other = TestCa::generate(&mut FastSigner::default(), &mut rng).unwrap();
    let led_to = |ca: &TestCa| {
        let root = CertificateSummary::of(ca.certificate()).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, root.public_key);
        summary.issuer == root.subject && key.verify(&tbs, &signed).is_ok()
    };
    assert!(led_to(&ca) && !led_to(&other));
    assert!(summary.subject.contains("fauxkey test metadata"), "{}", summary.subject);
    assert!(!summary.subject.contains("Authenticator Attestation"), "it attests nothing");
}

#[test]
fn every_blob_has_a_key_of_its_own() {
    let (ca, mut rng) = (ca(), rng());
    let mut chain = || parts(&sign(&json!({}), &ca, &mut rng).unwrap()).0["x5c"].clone();
    assert_ne!(chain(), chain());
}
