//! Format `fido-u2f`, WebAuthn L3 §8.6.
use super::Statement;
use super::certificate::{Certificate, KeyKind};
use crate::rejection::{Verdict, ensure};
use ring::signature::ECDSA_P256_SHA256_ASN1;
use wire::cbor::{Field, Key, Kind, Record, Value};
use wire::cose::PublicKey;
use wire::ctap1::RegistrationData;
use wire::webauthn::AuthenticatorData;

pub(super) const FORMAT: &str = "fido-u2f";

const STATEMENT: &[Field] = &[
    Field::required(Key::Text("sig"), "sig", Kind::Bytes),
    Field::required(Key::Text("x5c"), "x5c", Kind::Array),
];

pub(super) fn read(att_stmt: &Value) -> Result<Statement<'_>, String> {
    let map = Record::read(att_stmt, "fido-u2f attestation statement", STATEMENT)
        .map_err(|e| e.reason.to_string())?;
    let sig = map.bytes("sig").expect("required by the table");
    let x5c = map.array("x5c").expect("required by the table");
    ensure(att_stmt.as_map().is_some_and(|members| members.len() == 2), || {
        "a fido-u2f attestation statement has no members but sig and x5c (§8.6)".into()
    })?;
    match x5c {
        [Value::Bytes(certificate)] => Ok(Statement::FidoU2f { sig, x5c: vec![certificate] }),
        _ => Err(format!("x5c has {} members, and must be one certificate (§8.6)", x5c.len())),
    }
}

/// Steps 2 and 4 of the verification procedure: both keys are on P-256.
pub(super) fn keys_fit(certificate: &Certificate, key: &PublicKey) -> Verdict {
    ensure(certificate.key_kind() == KeyKind::P256, || {
        "the key in the certificate is not on P-256, as a U2F key's is (§8.6)".into()
    })?;
    ensure(matches!(key, PublicKey::P256 { .. }), || {
        format!("a U2F credential is for ES256, and this one for {} (§8.6)", key.algorithm())
    })
}

/// Steps 3 to 6.
pub(super) fn signature_verifies(
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
