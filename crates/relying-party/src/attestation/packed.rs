//! Format `packed`, WebAuthn L3 §8.2.
use super::certificate::Certificate;
use super::requirements;
use super::statement::{Inputs, Procedure, Proof, certificates, has_no_members_but, leaf};
use crate::rejection::{Step, Verdict, ensure};
use crate::signature;
use wire::cbor::{Field, Key, Kind, Record, Value};
use wire::cose::Algorithm;

const STATEMENT: &[Field] = &[
    Field::required(Key::Text("alg"), "alg", Kind::Int),
    Field::required(Key::Text("sig"), "sig", Kind::Bytes),
    Field::optional(Key::Text("x5c"), "x5c", Kind::Array),
];

/// A statement of this format.
pub(super) struct Packed<'a> {
    alg: Algorithm,
    sig: &'a [u8],
    /// `None` if the credential's own key signed.
    x5c: Option<Vec<&'a [u8]>>,
}

pub(super) fn read(att_stmt: &Value) -> Result<Packed<'_>, String> {
    let map = Record::read(att_stmt, "packed attestation statement", STATEMENT)
        .map_err(|e| e.reason.to_string())?;
    has_no_members_but(att_stmt, "a packed attestation statement (§8.2)", &["alg", "sig", "x5c"])?;
    Ok(Packed {
        alg: Algorithm(map.int("alg").expect("required by the table")),
        sig: map.bytes("sig").expect("required by the table"),
        x5c: map.array("x5c").map(certificates).transpose()?,
    })
}

impl Procedure for Packed<'_> {
    fn x5c(&self) -> Vec<&[u8]> {
        self.x5c.clone().unwrap_or_default()
    }

    fn check(&self, step: Step, x5c: &[Certificate], inputs: &Inputs<'_>) -> Verdict {
        if self.x5c.is_none() {
            return self.check_self_attestation(step, inputs);
        }
        let leaf = leaf(x5c)?;
        match step {
            Step::AttestationAlgorithm => leaf.goes_with(self.alg),
            Step::AttestationSignature => leaf.signed(self.alg, &inputs.message(), self.sig),
            Step::CertificateVersion => requirements::is_version_3(leaf),
            Step::CertificateSubject => requirements::has_a_proper_subject(leaf),
            Step::CertificateKeyUsage => leaf.may_sign(),
            Step::CertificateConstraints => requirements::is_no_authority(leaf),
            Step::CertificateModel => requirements::is_for_the_model(leaf, inputs.aaguid()),
            Step::CertificateDevice => requirements::tells_no_device_unasked(leaf, inputs.enterprise),
            _ => Ok(()),
        }
    }

    fn proof(&self) -> Proof {
        if self.x5c.is_some() { Proof::Certificates } else { Proof::OwnKey }
    }

    fn names_models(&self) -> bool {
        true
    }
}

impl Packed<'_> {
    /// "If x5c is not present, self attestation is in use."
    fn check_self_attestation(&self, step: Step, inputs: &Inputs<'_>) -> Verdict {
        match step {
            Step::AttestationAlgorithm => ensure(self.alg == inputs.key.algorithm(), || {
                format!(
                    "self attestation says {}, the credential public key is for {}",
                    self.alg,
                    inputs.key.algorithm()
                )
            }),
            Step::AttestationSignature => {
                let verifies =
                    signature::verifies(inputs.key, inputs.auth_data, inputs.client_data_hash, self.sig);
                ensure(verifies, || {
                    "the attestation signature does not verify with the credential public key".into()
                })
            }
            _ => Ok(()),
        }
    }
}
