//! Format `fido-u2f`, WebAuthn L3 §8.6.
use super::certificate::{Certificate, KeyKind};
use super::statement::{Inputs, Procedure, Proof, has_no_members_but, leaf};
use crate::rejection::{Step, Verdict, ensure};
use ring::signature::ECDSA_P256_SHA256_ASN1;
use wire::cbor::{Field, Key, Kind, Record, Value};
use wire::cose::PublicKey;
use wire::ctap1::RegistrationData;
use wire::webauthn::AuthenticatorData;

const STATEMENT: &[Field] = &[
    Field::required(Key::Text("sig"), "sig", Kind::Bytes),
    Field::required(Key::Text("x5c"), "x5c", Kind::Array),
];

/// A statement of this format.
pub(super) struct FidoU2f<'a> {
    sig: &'a [u8],
    certificate: &'a [u8],
}

pub(super) fn read(att_stmt: &Value) -> Result<FidoU2f<'_>, String> {
    let map = Record::read(att_stmt, "fido-u2f attestation statement", STATEMENT)
        .map_err(|e| e.reason.to_string())?;
    has_no_members_but(att_stmt, "a fido-u2f attestation statement (§8.6)", &["sig", "x5c"])?;
    let sig = map.bytes("sig").expect("required by the table");
    match map.array("x5c").expect("required by the table") {
        [Value::Bytes(certificate)] => Ok(FidoU2f { sig, certificate }),
        x5c => Err(format!("x5c has {} members, and must be one certificate (§8.6)", x5c.len())),
    }
}

impl Procedure for FidoU2f<'_> {
    fn x5c(&self) -> Vec<&[u8]> {
        vec![self.certificate]
    }

    fn check(&self, step: Step, x5c: &[Certificate], inputs: &Inputs<'_>) -> Verdict {
        match step {
            Step::AttestationAlgorithm => keys_fit(leaf(x5c)?, inputs.key),
            Step::AttestationSignature => {
                signature_verifies(leaf(x5c)?, self.sig, inputs.data, inputs.client_data_hash)
            }
            Step::CertificateKeyUsage => leaf(x5c)?.may_sign(),
            _ => Ok(()),
        }
    }

    fn proof(&self) -> Proof {
        Proof::Certificates
    }
}

/// Steps 2 and 4 of the verification procedure: both keys are on P-256.
fn keys_fit(certificate: &Certificate, key: &PublicKey) -> Verdict {
    ensure(certificate.key_kind() == KeyKind::P256, || {
        "the key in the certificate is not on P-256, as a U2F key's is (§8.6)".into()
    })?;
    ensure(matches!(key, PublicKey::P256 { .. }), || {
        format!("a U2F credential is for ES256, and this one for {} (§8.6)", key.algorithm())
    })
}

/// Steps 3 to 6.
fn signature_verifies(
    certificate: &Certificate,
    sig: &[u8],
    data: &AuthenticatorData,
    client_data_hash: &[u8; 32],
) -> Verdict {
    let attested = data.attested.as_ref().ok_or("there is no attested credential data")?;
    let PublicKey::P256 { x, y } = attested.public_key else {
        return Err("the credential public key is not on P-256 (§8.6)".into());
    };
    let signed = RegistrationData {
        application: data.rp_id_hash,
        challenge: *client_data_hash,
        key_handle: attested.credential_id.clone(),
        x,
        y,
    };
    ensure(certificate.verifies(&ECDSA_P256_SHA256_ASN1, &signed.encode(), sig), || {
        "the attestation signature does not verify with the key in the certificate".into()
    })
}
