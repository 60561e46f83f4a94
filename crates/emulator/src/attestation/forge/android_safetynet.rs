//! Format `android-safetynet`, WebAuthn Level 3 §8.5. Google has switched the service off; relying parties still verify
//! what it said.
use super::super::names::Subject;
use super::workshop::{Workshop, sha256, turn_last_bit};
use super::{CaError, Flaw};
use rcgen::{SanType, string::Ia5String};
use wire::base64url;
use wire::cbor::{self, Value};
use wire::cose::Algorithm;

/// Whom the certificate has to be for.
const HOSTNAME: &str = "attest.android.com";
const OTHER_HOSTNAME: &str = "attest.example.test";
/// The version of Google Play Services that asked.
const VERSION: &str = "14366018";
/// In seconds.
const DAY: u64 = 24 * 60 * 60;

pub(super) fn statement(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    let attester = shop.attester(Algorithm::RS256)?;
    let between = shop.intermediate()?;
    let hostname = if shop.has(Flaw::HostnameWrong) { OTHER_HOSTNAME } else { HOSTNAME };
    let mut parameters = Workshop::leaf(&Subject::other("Test SafetyNet", hostname));
    let name = Ia5String::try_from(hostname).expect("it is ASCII");
    parameters.subject_alt_names = vec![SanType::DnsName(name)];
    let leaf = shop.certify(&between, parameters, &attester)?;
    let above = (!shop.has(Flaw::IntermediateMissing)).then(|| between.certificate.clone());
    // A JWS in compact serialization, RFC 7515 §3.1.
    let header = header(shop, [leaf].into_iter().chain(above));
    let signed = [header, payload(shop)].map(|part| base64url::encode(part.as_bytes())).join(".");
    let signature = match shop.flaw {
        Some(Flaw::JwsAlgorithmNone) => Vec::new(),
        _ => shop.sign(&attester.key, signed.as_bytes())?,
    };
    let response = format!("{signed}.{}", base64url::encode(&signature));
    let ver = match shop.flaw {
        Some(Flaw::VersionMissing) => None,
        Some(Flaw::VersionEmpty) => Some(""),
        _ => Some(VERSION),
    };
    Ok(shop.members([("response", Some(cbor::bytes(response))), ("ver", ver.map(cbor::text))]))
}

/// The JOSE header, RFC 7515 §4: alg, and x5c in standard base64.
fn header(shop: &Workshop<'_>, certificates: impl Iterator<Item = Vec<u8>>) -> String {
    let alg = if shop.has(Flaw::JwsAlgorithmNone) { "none" } else { "RS256" };
    let x5c: Vec<String> = match shop.flaw {
        Some(Flaw::X5cMissing) => return format!(r#"{{"alg":"{alg}"}}"#),
        Some(Flaw::X5cEmpty) => Vec::new(),
        _ => certificates.map(|der| format!(r#""{}""#, base64(&der))).collect(),
    };
    format!(r#"{{"alg":"{alg}","x5c":[{}]}}"#, x5c.join(","))
}

/// What SafetyNet says of the device.
fn payload(shop: &Workshop<'_>) -> String {
    let mut nonce = sha256(&shop.message());
    if shop.has(Flaw::NonceWrong) {
        turn_last_bit(&mut nonce);
    }
    let seconds = match shop.flaw {
        Some(Flaw::TimestampOld) => shop.draft.now.saturating_sub(DAY),
        Some(Flaw::TimestampFuture) => shop.draft.now.saturating_add(DAY),
        _ => shop.draft.now,
    };
    let timestamp = seconds * 1000;
    let failed = shop.has(Flaw::IntegrityFailed);
    let basic_integrity = !(failed || shop.has(Flaw::BasicIntegrityFalse));
    let cts_profile_match = !(failed || shop.has(Flaw::CtsProfileMatchFalse));
    let (nonce, digest) = (base64(&nonce), base64(&sha256(b"fauxkey test")));
    format!(r#"{{"nonce":"{nonce}","timestampMs":{timestamp},"apkPackageName":"com.google.android.gms","#,)
        + &format!(r#""apkDigestSha256":"{digest}","apkCertificateDigestSha256":["{digest}"],"#,)
        + &format!(r#""ctsProfileMatch":{cts_profile_match},"basicIntegrity":{basic_integrity}}}"#)
}

/// Base64 with padding, RFC 4648 §4, which JWS and SafetyNet want here and here alone.
fn base64(bytes: &[u8]) -> String {
    let mut text = base64url::encode(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}
