//! The test CA: it stands where a vendor's attestation CA stands, and says so in every name.
//!
//! A root certifies the attestation keys of models, which all devices with one AAGUID share, and of single
//! devices, for enterprise attestation. Nothing here is kept: whoever owns a [`TestCa`] keeps it, and what it
//! issues, where keys belong.
//!
//! Validity is fixed, as there is no clock here: whoever trusts this root should look at its name, not its dates.
mod certificate;
mod forge;
mod names;
mod platform;

use authenticator::signer::{AttestationKey, Signer, SignerError};
use authenticator::store::KeyPair;
use names::{Country, Subject};
use rand_core::CryptoRng;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    PublicKeyData, SigningKey,
};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use wire::aaguid::Aaguid;
use wire::cose::{Algorithm, PublicKey};

pub use certificate::{CertificateSummary, InvalidCertificate};
pub use forge::{Draft, Flaw, Forged, Format};
pub use platform::TestPlatform;

/// id-fido-gen-ce-aaguid, WebAuthn Level 3 §8.2.1: the model.
const AAGUID: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
/// id-fido-gen-ce-sernum, WebAuthn Level 3 §8.2.2: the one device.
const SERIAL_NUMBER: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 2];
/// fidoU2FTransports, FIDO U2F Authenticator Transports Extension 1.2 §3.1.
const U2F_TRANSPORTS: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 2, 1, 1];

/// Why nothing could be certified.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// No key could be made.
    #[error("no attestation key could be made: {0}")]
    Key(#[from] SignerError),
    /// The certificate could not be put together or signed.
    #[error("no certificate could be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// What was kept of the CA is damaged.
    #[error("the kept certificate makes no sense: {0}")]
    Kept(#[from] InvalidCertificate),
    /// The root was made when it could not have a CA below it.
    #[error("this root allows no certificate between itself and an attestation certificate: make a new one")]
    OldRoot,
    /// No statement of that format can be about this.
    #[error("no such attestation statement can be made: {0}")]
    Draft(&'static str),
}

/// A root that nobody should trust, and that says so. Without `Debug`, as it holds a private key.
#[derive(Clone)]
pub struct TestCa {
    key: KeyPair,
    certificate: Vec<u8>,
}

/// The serial number that an enterprise attestation tells of the device with that random name: always the same, and
/// not to be traced back to the name.
pub fn serial_number(device: &[u8; 16]) -> [u8; 8] {
    let digest = digest::digest(&digest::SHA256, &[b"fauxkey serial number".as_slice(), device].concat());
    digest.as_ref().first_chunk().copied().expect("SHA-256 has 32 bytes")
}

/// A U2F transport, the bit in the transports extension.
const U2F_USB: usize = 2;
/// The next one.
const U2F_NFC: usize = 3;

impl TestCa {
    /// A new root with a key by `signer`.
    ///
    /// # Errors
    /// If no key can be made or used.
    pub fn generate(signer: &mut dyn Signer, rng: &mut dyn CryptoRng) -> Result<Self, CaError> {
        let key = signer.generate(Algorithm::ES256, rng)?;
        let certificate = root_certificate(&key.public, &key, KeyIdMethod::Sha256)?;
        Ok(Self { key, certificate })
    }

    /// A root that was kept.
    ///
    /// # Errors
    /// If the certificate is none of this key.
    pub fn of(key: KeyPair, certificate: Vec<u8>) -> Result<Self, CaError> {
        let holds = CertificateSummary::of(&certificate)?.public_key == point(&key.public)?;
        if !holds {
            return Err(InvalidCertificate("it is for another key").into());
        }
        Ok(Self { key, certificate })
    }

    /// The root certificate in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Whether a CA may stand below it, as formats `android-safetynet` and `packed` with two certificates want it. Roots of
    /// old did not allow that.
    pub fn allows_intermediate(&self) -> bool {
        certificate::allows_intermediate(&self.certificate)
    }

    /// The root's key, for whoever keeps the CA.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// A key for format `packed`, to be shared by all devices with this AAGUID. `model` is for people.
    ///
    /// # Errors
    /// If no key can be made or used.
    pub fn batch(
        &self,
        aaguid: Aaguid,
        model: &str,
        signer: &mut dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<AttestationKey, CaError> {
        self.issue(&Subject::batch(model), vec![aaguid_extension(aaguid)], signer, rng)
    }

    /// A key for format `fido-u2f`, to be shared by all devices of the model that `model` names for people. A U2F
    /// key has no AAGUID; its certificate tells how it can be reached.
    ///
    /// # Errors
    /// If no key can be made or used.
    pub fn u2f(
        &self,
        model: &str,
        nfc: bool,
        signer: &mut dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<AttestationKey, CaError> {
        // BIT STRING in DER: the tag, two bytes, how many bits at the end are unused, and bit 0 at the top.
        let (bits, unused) = if nfc {
            (0x80 >> U2F_USB | 0x80 >> U2F_NFC, 7 - U2F_NFC)
        } else {
            (0x80 >> U2F_USB, 7 - U2F_USB)
        };
        let unused = u8::try_from(unused).expect("a byte has eight bits");
        let transports = CustomExtension::from_oid_content(U2F_TRANSPORTS, vec![0x03, 0x02, unused, bits]);
        self.issue(&Subject::u2f(model), vec![transports], signer, rng)
    }

    /// A key for enterprise attestation, for one device. `serial` is the same for the life of the device
    /// (WebAuthn Level 3 §8.2.2) and at most 64 bytes.
    ///
    /// # Errors
    /// If no key can be made or used.
    pub fn enterprise(
        &self,
        aaguid: Aaguid,
        model: &str,
        serial: &[u8],
        signer: &mut dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<AttestationKey, CaError> {
        let extensions = vec![aaguid_extension(aaguid), octets(SERIAL_NUMBER, serial)];
        self.issue(&Subject::enterprise(model, serial), extensions, signer, rng)
    }

    /// A certificate in DER for the RSA key that signs a metadata BLOB; `public_key` is its RSAPublicKey (RFC 8017 §A.1.1)
    /// in DER.
    ///
    /// # Errors
    /// If the root's key cannot be used.
    pub fn certify_metadata_key(&self, public_key: &[u8]) -> Result<Vec<u8>, CaError> {
        self.certify(&Subject::metadata(public_key), Vec::new(), &RsaPublicKey(public_key))
    }

    fn issue(
        &self,
        subject: &Subject,
        extensions: Vec<CustomExtension>,
        signer: &mut dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<AttestationKey, CaError> {
        let key = signer.generate(Algorithm::ES256, rng)?;
        let certificate = self.certify(subject, extensions, &CertificateKey::new(&key)?)?;
        Ok(AttestationKey { key, chain: vec![certificate] })
    }

    fn certify(
        &self,
        subject: &Subject,
        extensions: Vec<CustomExtension>,
        key: &impl PublicKeyData,
    ) -> Result<Vec<u8>, CaError> {
        let mut parameters = parameters(subject);
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        parameters.custom_extensions = extensions;
        // Of an issuer, name and key alone go into what it issues.
        let issuer = self::parameters(&Subject::root(&self.key.public));
        let issuer = Issuer::new(issuer, CertificateKey::new(&self.key)?);
        Ok(parameters.signed_by(key, &issuer)?.der().to_vec())
    }
}

/// The certificate of a root that is called after one key and has another, or the same. One CA may stand between it and
/// what attests.
fn root_certificate(
    named_after: &PublicKey,
    key: &KeyPair,
    key_identifier: KeyIdMethod,
) -> Result<Vec<u8>, CaError> {
    let mut parameters = parameters(&Subject::root(named_after));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.key_identifier_method = key_identifier;
    Ok(parameters.self_signed(&CertificateKey::new(key)?)?.der().to_vec())
}

/// What all certificates have in common. The serial number is made of the key (rcgen's default).
fn parameters(subject: &Subject) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2049, 12, 31);
    parameters.distinguished_name = subject.name(Country::NOBODYS);
    parameters.key_identifier_method = KeyIdMethod::Sha256;
    parameters
}

fn aaguid_extension(aaguid: Aaguid) -> CustomExtension {
    octets(AAGUID, &aaguid.0)
}

/// An extension that holds an OCTET STRING, not critical.
fn octets(oid: &[u64], bytes: &[u8]) -> CustomExtension {
    let length = u8::try_from(bytes.len()).ok().filter(|length| *length < 0x80);
    let length = length.expect("an AAGUID has 16 bytes, and a serial number at most 64");
    CustomExtension::from_oid_content(oid, [&[0x04, length], bytes].concat())
}

/// The uncompressed point of a P-256 key.
fn point(key: &PublicKey) -> Result<Vec<u8>, SignerError> {
    match key {
        PublicKey::P256 { x, y } => Ok([&[4], x.as_slice(), y].concat()),
        other => Err(SignerError::Unsupported(other.algorithm())),
    }
}

/// The RSAPublicKey of somebody else's key, as rcgen wants it.
struct RsaPublicKey<'a>(&'a [u8]);

impl PublicKeyData for RsaPublicKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// A key pair as rcgen wants it.
struct CertificateKey {
    point: Vec<u8>,
    pair: EcdsaKeyPair,
}

impl CertificateKey {
    fn new(key: &KeyPair) -> Result<Self, SignerError> {
        let point = point(&key.public)?;
        let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let private = key.private.expose();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, &point, &random)
            .map_err(|_| SignerError::InvalidKey)?;
        Ok(Self { point, pair })
    }
}

impl PublicKeyData for CertificateKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for CertificateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature.map(|signature| signature.as_ref().to_vec()).map_err(|_| rcgen::Error::RingUnspecified)
    }
}

#[cfg(test)]
mod tests;
