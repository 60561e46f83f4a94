//! Metadata of virtual devices in the shape of the FIDO Metadata Service: a BLOB that a relying party can read in tests
//! in place of the FIDO Alliance's, so that it can be tried with attestation enforced.
//!
//! It is nobody's but a test's, and says so in every text for people: it certifies nothing, its statements describe
//! software, and its signer's certificate ends in the root of the [test CA](crate::attestation). Editions: FIDO Metadata
//! Service 3.1, FIDO Metadata Statement 3.1, FIDO Registry of Predefined Values 2.2.
mod date;
mod get_info;
mod jws;
mod statement;
mod status;

pub use date::{Date, InvalidDate};
pub use jws::sign;
pub use status::{Status, StatusReport, UnknownStatus};

use crate::DeviceProfile;
use crate::attestation::{CaError, CertificateSummary, InvalidCertificate};
use authenticator::profile::Attestation;
use authenticator::signer::SignerError;
use ring::digest;
use serde_json::{Value, json};

/// What whoever reads a BLOB has to know before anything else.
pub const LEGAL_HEADER: &str = "Made by fauxkey for tests. This is not metadata of the FIDO Alliance or of any vendor, and \
                                certifies nothing: the devices it describes are software, and protect nothing.";

/// Why there is no BLOB.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Nothing could be certified.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// No key could be made or used.
    #[error("no key could be made that signs metadata: {0}")]
    Key(#[from] SignerError),
    /// An attestation certificate cannot be read.
    #[error("an attestation certificate makes no sense: {0}")]
    Certificate(#[from] InvalidCertificate),
    /// A device of this profile does not tell what it is.
    #[error("{0} does not answer authenticatorGetInfo")]
    GetInfo(String),
    /// It attests by a U2F certificate, which nobody gave.
    #[error("{0} attests as a U2F key, and there is no certificate of it")]
    NoCertificate(String),
}

/// A model, and what is reported of it.
#[derive(Clone, Debug)]
pub struct Model {
    /// What devices of this model are made of.
    pub profile: DeviceProfile,
    /// The certificate in DER that they attest by in format packed, if they do.
    pub batch: Option<Vec<u8>>,
    /// The certificate in DER that they attest by as U2F keys, if they do.
    pub u2f: Option<Vec<u8>>,
    /// What is reported, in this order; at least one.
    pub reports: Vec<StatusReport>,
}

/// The payload of a BLOB, FIDO Metadata Service 3.1 §3.1.6: `no` is its number, which counts up, and `next_update` the day on
/// which readers should ask for another. `root` is the test root in DER, to which attestation certificates lead.
///
/// A model that speaks CTAP2 and attests as a U2F key too has two entries, as vendors' models do: U2F registrations have no
/// AAGUID to be found by.
///
/// # Errors
/// If a model does not say what it is, or attests as a U2F key without a certificate.
pub fn payload(models: &[Model], root: &[u8], no: u32, next_update: Date) -> Result<Value, MetadataError> {
    let mut entries = Vec::new();
    for model in models {
        if model.profile.authenticator.speaks_ctap2() {
            let statement = statement::fido2(&model.profile, root)?;
            let aaguid = model.profile.authenticator.aaguid.to_string();
            entries.push(entry(model, ("aaguid", aaguid.into()), statement, model.batch.as_deref()));
        }
        if attests_as_u2f(&model.profile) {
            let certificate = model.u2f.as_deref();
            let certificate =
                certificate.ok_or_else(|| MetadataError::NoCertificate(model.profile.name.clone()))?;
            let identifiers = json!([key_identifier(certificate)?]);
            let statement = statement::u2f(&model.profile, root, &identifiers);
            let key = ("attestationCertificateKeyIdentifiers", identifiers);
            entries.push(entry(model, key, statement, Some(certificate)));
        }
    }
    Ok(json!({
        "legalHeader": LEGAL_HEADER,
        "no": no,
        "nextUpdate": next_update.to_string(),
        "entries": entries,
    }))
}

/// In U2F messages, or by the format in CTAP2, whose statements have no AAGUID either (WebAuthn Level 3 §8.6).
fn attests_as_u2f(profile: &DeviceProfile) -> bool {
    let claims = &profile.authenticator;
    claims.speaks_u2f() || claims.attestations().any(|mode| mode == Attestation::FidoU2f)
}

/// §3.1.1: what the model is found by, its statement, and what is reported of it.
fn entry(model: &Model, (key, value): (&str, Value), statement: Value, certificate: Option<&[u8]>) -> Value {
    let reports: Vec<_> = model.reports.iter().map(|report| report.to_value(certificate)).collect();
    let changed = model.reports.iter().map(|report| report.effective_date).max();
    json!({
        key: value,
        "metadataStatement": statement,
        "statusReports": reports,
        "timeOfLastStatusChange": changed.map(|date| date.to_string()),
    })
}

/// FIDO Metadata Statement 3.1 §4: SHA-1 of the bits of the subject public key (RFC 5280 §4.2.1.2, method 1), in lower case. It
/// is a name here and no proof. What the certificate itself says is another one, by RFC 7093.
fn key_identifier(certificate: &[u8]) -> Result<String, MetadataError> {
    let public_key = CertificateSummary::of(certificate)?.public_key;
    Ok(wire::hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &public_key).as_ref()))
}

/// Base64 with its padding (RFC 4648 §4), as metadata and JWS headers have certificates.
fn base64(bytes: &[u8]) -> String {
    let text = wire::base64url::encode(bytes).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

#[cfg(test)]
mod tests;
