//! What one of our own certificates says, for people.
use der::Decode;
use ring::digest;
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;

/// The text is no certificate, or none that the test CA could have issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidCertificate(pub(super) &'static str);

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// In the order and form of RFC 4514.
    pub subject: String,
    /// Who signed it, in the same form.
    pub issuer: String,
    /// The serial number in hexadecimal.
    pub serial_number: String,
    /// The first moment at which it is valid, such as `2020-01-01T00:00:00Z`.
    pub not_before: String,
    /// The last one.
    pub not_after: String,
    /// SHA-256 of its DER.
    pub fingerprint: [u8; 32],
    /// The bits of the subject public key.
    pub public_key: Vec<u8>,
}

impl CertificateSummary {
    /// Reads DER.
    ///
    /// # Errors
    /// If it is no certificate.
    pub fn of(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let certificate =
            Certificate::from_der(der).map_err(|_| InvalidCertificate("it is no X.509 certificate"))?;
        let tbs = certificate.tbs_certificate();
        let validity = tbs.validity();
        let public_key = tbs.subject_public_key_info().subject_public_key.as_bytes();
        Ok(Self {
            subject: tbs.subject().to_string(),
            issuer: tbs.issuer().to_string(),
            serial_number: wire::hex::encode(tbs.serial_number().as_bytes()),
            not_before: validity.not_before.to_date_time().to_string(),
            not_after: validity.not_after.to_date_time().to_string(),
            fingerprint: digest::digest(&digest::SHA256, der)
                .as_ref()
                .try_into()
                .expect("SHA-256 has 32 bytes"),
            public_key: public_key.ok_or(InvalidCertificate("its public key ends within a byte"))?.to_vec(),
        })
    }
}

/// Whether the basic constraints of a CA's certificate let another CA stand below it (RFC 5280 §4.2.1.9).
pub(super) fn allows_intermediate(der: &[u8]) -> bool {
    let Ok(certificate) = Certificate::from_der(der) else { return false };
    let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>().ok().flatten();
    constraints.is_some_and(|(_, constraints)| constraints.path_len_constraint != Some(0))
}
