//! Format `apple`, WebAuthn L3 §8.8.
use super::certificate::Certificate;
use super::statement::{Inputs, Procedure, Proof, certificates, has_no_members_but, leaf};
use crate::rejection::{Step, Verdict, ensure};
use crate::signature::sha256;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Reader, SliceReader, TagMode, TagNumber};
use wire::cbor::{Field, Key, Kind, Record, Value};

const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.2");

const STATEMENT: &[Field] = &[Field::required(Key::Text("x5c"), "x5c", Kind::Array)];

/// A statement of this format.
pub(super) struct Apple<'a> {
    x5c: Vec<&'a [u8]>,
}

/// Step 1.
pub(super) fn read(att_stmt: &Value) -> Result<Apple<'_>, String> {
    let map =
        Record::read(att_stmt, "apple attestation statement", STATEMENT).map_err(|e| e.reason.to_string())?;
    // Devices of before 2021 send alg too, as a draft of the format had it; nothing goes by it.
    has_no_members_but(att_stmt, "an apple attestation statement (§8.8)", &["alg", "x5c"])?;
    Ok(Apple { x5c: certificates(map.array("x5c").expect("required by the table"))? })
}

impl Procedure for Apple<'_> {
    fn x5c(&self) -> Vec<&[u8]> {
        self.x5c.clone()
    }

    fn check(&self, step: Step, x5c: &[Certificate], inputs: &Inputs<'_>) -> Verdict {
        match step {
            Step::AttestationNonce => nonce(leaf(x5c)?, &inputs.message()),
            Step::AttestationKey => ensure(leaf(x5c)?.is_of(inputs.key), || {
                "the certificate's key is not the credential public key (§8.8 step 5)".into()
            }),
            Step::CertificateKeyUsage => leaf(x5c)?.may_sign(),
            _ => Ok(()),
        }
    }

    fn proof(&self) -> Proof {
        Proof::Certificates
    }
}

/// Steps 2 to 4.
fn nonce(certificate: &Certificate, nonce_to_hash: &[u8]) -> Verdict {
    let (_, value) = certificate
        .extension(NONCE)?
        .ok_or("the certificate has no nonce (§8.8), extension 1.2.840.113635.100.8.2")?;
    let found = nonce_of(value).map_err(|e| format!("the nonce in the certificate does not read ({e})"))?;
    ensure(found == sha256(nonce_to_hash), || {
        "the nonce in the certificate is not that of this registration (§8.8 step 4)".into()
    })
}

/// Apple's `SEQUENCE { [1] EXPLICIT OCTET STRING }`.
fn nonce_of(value: &[u8]) -> Result<&[u8], der::Error> {
    let mut reader = SliceReader::new(value)?;
    let nonce = reader.sequence(|reader| {
        let nonce = reader.context_specific::<&OctetStringRef>(TagNumber(1), TagMode::Explicit)?;
        nonce.map(OctetStringRef::as_bytes).ok_or(der::Error::from(der::ErrorKind::Failed))
    })?;
    reader.finish()?;
    Ok(nonce)
}
