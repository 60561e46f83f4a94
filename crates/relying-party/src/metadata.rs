//! What the FIDO Metadata Service says of models: FIDO Metadata Service v3.1 §3.1 and §3.2, over bytes that the caller
//! fetched. Whether a BLOB is newer than the last one is the caller's to compare.
use crate::attestation;
use crate::jws::Jws;
use serde::{Deserialize, Deserializer};
use wire::aaguid::Aaguid;
use wire::base64url;

/// Why a BLOB was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is no JWS with certificates.
    #[error("the BLOB is no signed JWT: {0}")]
    NotSigned(String),
    /// Its signature or its certificates are not good, or not today.
    #[error("the BLOB is not signed by who is trusted: {0}")]
    Untrusted(String),
    /// Its payload is no MetadataBLOBPayload.
    #[error("the BLOB's payload does not read: {0}")]
    Payload(String),
}

/// MetadataBLOBPayload, §3.1.6.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Terms, which whoever uses it accepts.
    #[serde(default)]
    pub legal_header: Option<String>,
    /// Its serial number, which grows.
    pub no: u64,
    /// The day of the next one, such as `2026-10-01`.
    pub next_update: String,
    /// The models.
    pub entries: Vec<Entry>,
}

/// MetadataBLOBPayloadEntry, §3.1.1: what is said of one model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The model, of an authenticator of FIDO2.
    #[serde(default, deserialize_with = "aaguid")]
    pub aaguid: Option<Aaguid>,
    /// Key identifiers of its attestation certificates in hexadecimal digits, of an authenticator of U2F.
    #[serde(default)]
    pub attestation_certificate_key_identifiers: Vec<String>,
    /// The vendor's statement.
    #[serde(default)]
    pub metadata_statement: Option<Statement>,
    /// What was reported, the oldest first.
    #[serde(default)]
    pub status_reports: Vec<StatusReport>,
}

/// The parts of a MetadataStatement that verification asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The certificates in DER up to which its attestation leads, or those of the attestation keys.
    #[serde(default, deserialize_with = "certificates")]
    pub attestation_root_certificates: Vec<Vec<u8>>,
}

/// StatusReport, §3.1.3.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// AuthenticatorStatus, §3.1.4. Unknown words survive.
    pub status: String,
    /// Since when, such as `2026-10-01`.
    #[serde(default)]
    pub effective_date: Option<String>,
}

/// The statuses of models that ought not to be trusted, §3.1.4.
const REFUSED: [&str; 5] = [
    "USER_VERIFICATION_BYPASS",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
    "REVOKED",
];

impl Metadata {
    /// Reads a BLOB that is signed below one of `roots`, X.509 certificates in DER, §3.2. `now` is the time in seconds
    /// since 1970 at which the certificates must be valid; without one, their dates are not looked at.
    ///
    /// # Errors
    /// If it is none, or is not signed by who is trusted.
    pub fn read(blob: &str, roots: &[Vec<u8>], now: Option<u64>) -> Result<Self, MetadataError> {
        let jws = Jws::read(blob.trim_ascii_end()).map_err(MetadataError::NotSigned)?;
        attestation::is_signed_below(&jws, roots, now).map_err(MetadataError::Untrusted)?;
        serde_json::from_slice(&jws.payload).map_err(|e| MetadataError::Payload(e.to_string()))
    }

    /// What it says of a model.
    pub fn entry(&self, model: Aaguid) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.aaguid == Some(model))
    }
}

impl Entry {
    /// The report for which the model ought not to be trusted, if there is one: that it was revoked, that verification of the
    /// user can be got around, or that keys were compromised. Reports of updates do not take it back: which devices had
    /// the update, the service does not know.
    pub fn refused_for(&self) -> Option<&StatusReport> {
        self.status_reports.iter().find(|report| REFUSED.contains(&report.status.as_str()))
    }

    /// The certificates in DER up to which its attestation must lead, for
    /// [`AttestationPolicy::trust_anchors`](crate::AttestationPolicy::trust_anchors); none of a model that ought not to
    /// be trusted.
    pub fn trust_anchors(&self) -> &[Vec<u8>] {
        match &self.metadata_statement {
            Some(statement) if self.refused_for().is_none() => &statement.attestation_root_certificates,
            _ => &[],
        }
    }
}

fn aaguid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Aaguid>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no AAGUID"))))
        .transpose()
}

/// Base64 with padding, in which some vendors break lines.
fn certificates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let read = |text: String| {
        let text: String = text.split_ascii_whitespace().collect();
        base64url::decode_lenient(&text)
            .ok_or_else(|| serde::de::Error::custom("a certificate is not in base64"))
    };
    Vec::<String>::deserialize(deserializer)?.into_iter().map(read).collect()
}
