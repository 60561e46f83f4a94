//! Format `android-safetynet`, WebAuthn L3 §8.5, which is deprecated: Google's service answers no more.
use super::certificate::Certificate;
use super::statement::{Inputs, Procedure, Proof, has_no_members_but, leaf};
use crate::jws::Jws;
use crate::rejection::{Step, Verdict, ensure, quoted};
use crate::signature::sha256;
use serde::Deserialize;
use wire::base64url;
use wire::cbor::{Field, Key, Kind, Record, Value};
use x509_cert::ext::pkix::name::GeneralName;

/// To whom the service's certificate is issued.
const HOSTNAME: &str = "attest.android.com";

/// How many seconds after it was made a response is taken, as FIDO's conformance tests have it.
const FRESH: u64 = 60;

const STATEMENT: &[Field] = &[
    Field::required(Key::Text("ver"), "ver", Kind::Text),
    Field::required(Key::Text("response"), "response", Kind::Bytes),
];

/// A statement of this format.
pub(super) struct AndroidSafetyNet {
    jws: Jws,
    payload: Payload,
}

/// What the service said.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    nonce: String,
    timestamp_ms: u64,
    #[serde(default)]
    cts_profile_match: bool,
}

pub(super) fn read(att_stmt: &Value) -> Result<AndroidSafetyNet, String> {
    let map = Record::read(att_stmt, "android-safetynet attestation statement", STATEMENT)
        .map_err(|e| e.reason.to_string())?;
    has_no_members_but(att_stmt, "an android-safetynet attestation statement (§8.5)", &["ver", "response"])?;
    // "As of this writing, there is only one format of the SafetyNet response and ver is reserved for future use."
    ensure(map.text("ver").is_some_and(|ver| !ver.is_empty()), || "ver is empty (§8.5)".into())?;
    let response = core::str::from_utf8(map.bytes("response").expect("required by the table"))
        .map_err(|_| "response is not UTF-8 (§8.5)")?;
    let jws = Jws::read(response).map_err(|why| format!("response is no JWS (§8.5): {why}"))?;
    let payload = serde_json::from_slice(&jws.payload)
        .map_err(|e| format!("response is none of SafetyNet's (§8.5): {e}"))?;
    Ok(AndroidSafetyNet { jws, payload })
}

impl Procedure for AndroidSafetyNet {
    fn x5c(&self) -> Vec<&[u8]> {
        self.jws.x5c.iter().map(Vec::as_slice).collect()
    }

    fn check(&self, step: Step, x5c: &[Certificate], inputs: &Inputs<'_>) -> Verdict {
        let leaf = leaf(x5c)?;
        match step {
            Step::AttestationAlgorithm => ensure(leaf.jws_verifier(&self.jws.alg).is_some(), || {
                let alg = quoted(&self.jws.alg);
                format!(
                    "alg is {alg}, which does not go with the key in the certificate, or is not supported"
                )
            }),
            Step::AttestationSignature => {
                let verifies = leaf.jws_verifier(&self.jws.alg).is_some_and(|verifier| {
                    leaf.verifies(verifier, self.jws.signed.as_bytes(), &self.jws.signature)
                });
                ensure(verifies, || "the response's signature does not verify (§8.5)".into())
            }
            Step::AttestationNonce => nonce(&self.payload, &inputs.message()),
            Step::SafetyNetService => service(leaf),
            Step::SafetyNetIntegrity => integrity(&self.payload),
            Step::SafetyNetTime => time(&self.payload, inputs.now),
            Step::CertificateKeyUsage => leaf.may_sign(),
            _ => Ok(()),
        }
    }

    fn proof(&self) -> Proof {
        Proof::Certificates
    }
}

/// "Verify that the `nonce` attribute … is identical to the Base64 encoding of the SHA-256 hash of the concatenation of
/// authenticatorData and clientDataHash." 32 bytes end in one `=`.
fn nonce(payload: &Payload, message: &[u8]) -> Verdict {
    let expected = base64url::encode(&sha256(message)).replace('-', "+").replace('_', "/") + "=";
    ensure(payload.nonce == expected, || "the nonce is not that of this registration (§8.5)".into())
}

/// "Verify that the SafetyNet response actually came from the SafetyNet service": the certificate was issued to its host.
fn service(leaf: &Certificate) -> Verdict {
    let ours = match leaf.alternative_names()? {
        Some((_, names)) => names.0.iter().any(
            |name| matches!(name, GeneralName::DnsName(name) if name.as_str().eq_ignore_ascii_case(HOSTNAME)),
        ),
        // RFC 2818 §3.1
        None => leaf.subject().common_name().ok().flatten().is_some_and(|name| name.value() == HOSTNAME),
    };
    ensure(ours, || format!("the certificate was not issued to {HOSTNAME} (§8.5)"))
}

/// Level 1 §8.5: "Verify that the `ctsProfileMatch` attribute in the payload of response is true", the device passed Android's
/// compatibility tests. Level 3 does not name it.
fn integrity(payload: &Payload) -> Verdict {
    ensure(payload.cts_profile_match, || "ctsProfileMatch is not true (Level 1 §8.5)".into())
}

/// The documentation's check: the response was made now.
fn time(payload: &Payload, now: Option<u64>) -> Verdict {
    let (Some(now), made) = (now, payload.timestamp_ms / 1000) else { return Ok(()) };
    ensure(made <= now, || "timestampMs is of the future (§8.5)".into())?;
    ensure(now - made <= FRESH, || {
        format!("timestampMs is {} seconds old, and {FRESH} are allowed (§8.5)", now - made)
    })
}
