//! The statement of a model: FIDO Metadata Statement 3.1 §4, in the order of its dictionary.
//!
//! It tells what a virtual device of the profile does, so that what it sends agrees with it, and what protects it: software.
use super::{LEGAL_HEADER, MetadataError, base64, get_info};
use crate::DeviceProfile;
use authenticator::profile::{Attestation, Verification};
use serde_json::{Value, json};
use wire::cose::Algorithm;

/// Characters that a description may have, §4.
const LONGEST_DESCRIPTION: usize = 200;
/// PIN attempts before a reset is needed (CTAP 2.1 §6.5.1).
const PIN_RETRIES: u8 = 8;
/// How many characters a PIN is made of, as vendors' statements say.
const PIN_BASE: u8 = 64;

/// The statement of a model that speaks CTAP2.
pub(super) fn fido2(profile: &DeviceProfile, root: &[u8]) -> Result<Value, MetadataError> {
    let info = get_info::of(profile)?;
    let claims = &profile.authenticator;
    let algorithms: Vec<_> = claims.algorithms.iter().filter_map(|one| algorithm(*one)).collect();
    let mut types = Vec::new();
    for name in claims.attestations().map(attestation_type) {
        if !types.contains(&name) {
            types.push(name);
        }
    }
    let roots = claims.attestations().any(Attestation::is_certified).then(|| base64(root));
    Ok(json!({
        "legalHeader": LEGAL_HEADER,
        "aaguid": claims.aaguid.to_string(),
        "friendlyNames": { "en-US": description(profile) },
        "description": description(profile),
        "authenticatorVersion": info.firmware_version.unwrap_or_else(|| device_version(profile)),
        "protocolFamily": "fido2",
        "schema": 3,
        "upv": upv(&info.versions),
        "authenticationAlgorithms": algorithms.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "publicKeyAlgAndEncodings": ["cose"],
        "attestationTypes": types,
        "userVerificationDetails": user_verification(profile),
        "keyProtection": ["software"],
        "matcherProtection": ["software"],
        "cryptoStrength": algorithms.iter().map(|(_, strength)| *strength).min(),
        "attachmentHint": attachment_hint(&info.transports),
        "tcDisplay": [],
        "attestationRootCertificates": roots.into_iter().collect::<Vec<_>>(),
        "multiDeviceCredentialSupport": if claims.backup.eligible { "explicit" } else { "unsupported" },
        "authenticatorGetInfo": get_info::to_value(&info),
    }))
}

/// The statement of a model as a U2F key: no AAGUID, no getInfo, one algorithm.
pub(super) fn u2f(profile: &DeviceProfile, root: &[u8], identifiers: &Value) -> Value {
    let seen = profile.authenticator.seen(authenticator::Link::Usb);
    json!({
        "legalHeader": LEGAL_HEADER,
        "attestationCertificateKeyIdentifiers": identifiers,
        "friendlyNames": { "en-US": description(profile) },
        "description": description(profile),
        "authenticatorVersion": device_version(profile),
        "protocolFamily": "u2f",
        "schema": 3,
        "upv": [{ "major": 1, "minor": 2 }],
        "authenticationAlgorithms": ["secp256r1_ecdsa_sha256_raw"],
        "publicKeyAlgAndEncodings": ["ecc_x962_raw"],
        "attestationTypes": ["basic_full"],
        "userVerificationDetails": [[{ "userVerificationMethod": "presence_internal" }]],
        "keyProtection": ["software"],
        "matcherProtection": ["software"],
        "cryptoStrength": 128,
        "attachmentHint": attachment_hint(seen.map(|seen| seen.transports.as_slice()).unwrap_or_default()),
        "tcDisplay": [],
        "attestationRootCertificates": [base64(root)],
        "multiDeviceCredentialSupport": "unsupported",
    })
}

/// That it is a test comes first, and the title may be cut. §4: ASCII alone.
fn description(profile: &DeviceProfile) -> String {
    let text = format!("fauxkey test: software that acts as {}", profile.title);
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).take(LONGEST_DESCRIPTION).collect()
}

/// Where the model tells no firmware version: that of its USB device, most significant byte first.
fn device_version(profile: &DeviceProfile) -> u64 {
    profile.usb.device_version.iter().fold(0, |version, part| version << 8 | u64::from(*part))
}

/// §4, upv: FIDO_2_0 is 1.0, FIDO_2_1 is 1.1, FIDO_2_3 is 1.3; nothing stands for FIDO_2_1_PRE.
fn upv(versions: &[String]) -> Vec<Value> {
    let minor = |version: &String| match version.as_str() {
        "FIDO_2_0" => Some(0),
        "FIDO_2_1" => Some(1),
        "FIDO_2_3" => Some(3),
        _ => None,
    };
    versions.iter().filter_map(minor).map(|minor| json!({ "major": 1, "minor": minor })).collect()
}

/// FIDO Registry 2.2 §3.6.1, with the security strength in bits (NIST SP 800-57 part 1 §5.6.1). The Registry has no ML-DSA:
/// getInfo alone tells of it.
fn algorithm(algorithm: Algorithm) -> Option<(&'static str, u16)> {
    match algorithm {
        Algorithm::ES256 => Some(("secp256r1_ecdsa_sha256_raw", 128)),
        Algorithm::ES384 => Some(("secp384r1_ecdsa_sha384_raw", 192)),
        Algorithm::EDDSA => Some(("ed25519_eddsa_sha512_raw", 128)),
        Algorithm::RS256 => Some(("rsassa_pkcsv15_sha256_raw", 112)),
        _ => None,
    }
}

/// FIDO Registry 2.2 §3.7.
fn attestation_type(attestation: Attestation) -> &'static str {
    match attestation {
        Attestation::None => "none",
        Attestation::PackedSelf => "basic_surrogate",
        Attestation::Packed
        | Attestation::FidoU2f
        | Attestation::AndroidKey
        | Attestation::AndroidSafetyNet => "basic_full",
        Attestation::Tpm => "attca",
        Attestation::Apple => "anonca",
    }
}

/// FIDO Registry 2.2 §3.1: the ways, of which each is enough, and what each takes. Which built-in means verifies, a profile
/// does not say: it is a finger here, or the code of the device, where there is no reader of fingers.
fn user_verification(profile: &DeviceProfile) -> Value {
    let claims = &profile.authenticator;
    let method = |name: &str| json!({ "userVerificationMethod": name });
    let mut ways = Vec::new();
    if claims.verification != Verification::Always {
        ways.push(json!([method("presence_internal")]));
    }
    if let Some(pin) = &claims.pin {
        let code = json!({
            "base": PIN_BASE, "minLength": pin.min_length, "maxRetries": PIN_RETRIES, "blockSlowdown": 0,
        });
        ways.push(json!([{ "userVerificationMethod": "passcode_external", "caDesc": code }]));
    }
    match claims.verification {
        Verification::None => {}
        Verification::Enrollable { capacity, .. } => {
            let finger = json!({ "maxTemplates": capacity });
            ways.push(json!([{ "userVerificationMethod": "fingerprint_internal", "baDesc": finger }]));
        }
        Verification::OnRequest | Verification::Always => {
            ways.push(json!([method("fingerprint_internal")]));
            ways.push(json!([method("passcode_internal")]));
        }
    }
    ways.into()
}

/// FIDO Registry 2.2 §3.4: `internal` stands alone, `external` never does.
fn attachment_hint(transports: &[String]) -> Vec<&'static str> {
    let has = |transport: &str| transports.iter().any(|one| one == transport);
    if has("internal") {
        return vec!["internal"];
    }
    let mut hints = vec!["external"];
    let contacts = has("usb") || has("smart-card");
    let hint = [
        (contacts || transports.is_empty(), "wired"),
        (has("nfc") || has("ble"), "wireless"),
        (has("nfc"), "nfc"),
    ];
    hints.extend(hint.into_iter().filter(|(is, _)| *is).map(|(_, hint)| hint));
    if has("ble") {
        hints.push("bluetooth");
    }
    if has("hybrid") {
        hints.push("network");
    }
    hints
}
