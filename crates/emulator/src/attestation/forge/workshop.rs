//! What the formats have in common: keys, certificates, signatures, and the flaws in these.
use super::super::names::{Country, Subject};
use super::super::{
    AAGUID as AAGUID_EXTENSION, CertificateKey, aaguid_extension, parameters, point, root_certificate,
};
use super::{CaError, Draft, Flaw, TestCa, der};
use crate::signer::FastSigner;
use authenticator::signer::{Signer, SignerError};
use authenticator::store::KeyPair;
use p384::ecdsa::signature::hazmat::PrehashSigner as _;
use rand_core::CryptoRng;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, PublicKeyData, SignatureAlgorithm, SigningKey as _,
};
use ring::digest;
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

/// Where an AAGUID stands in authenticator data, WebAuthn Level 3 §6.1: after rpIdHash, flags and signCount.
const AAGUID: std::ops::Range<usize> = 37..53;

/// One statement under way.
pub(super) struct Workshop<'a> {
    ca: &'a TestCa,
    pub(super) flaw: Option<Flaw>,
    pub(super) draft: &'a Draft<'a>,
    signer: &'a mut dyn Signer,
    rng: &'a mut dyn CryptoRng,
    pen: FastSigner,
}

/// Who issues certificates.
pub(super) struct Authority {
    name: DistinguishedName,
    key: KeyPair,
    pub(super) certificate: Vec<u8>,
    /// What certificates call the key, RFC 5280 §4.2.1.1.
    key_identifier: Vec<u8>,
}

/// A key that attests and what it is certified as.
pub(super) struct Attester {
    pub(super) key: KeyPair,
    /// What the certificate holds.
    pub(super) certified: PublicKey,
}

impl Attester {
    /// A key that is certified as what it is.
    pub(super) fn itself(key: KeyPair) -> Self {
        let certified = key.public.clone();
        Self { key, certified }
    }
}

impl<'a> Workshop<'a> {
    pub(super) fn new(
        ca: &'a TestCa,
        flaw: Option<Flaw>,
        draft: &'a Draft<'a>,
        signer: &'a mut dyn Signer,
        rng: &'a mut dyn CryptoRng,
    ) -> Self {
        Self { ca, flaw, draft, signer, rng, pen: FastSigner::default() }
    }

    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// authenticatorData || clientDataHash, which most formats sign or hash.
    pub(super) fn message(&self) -> Vec<u8> {
        [self.draft.auth_data, self.draft.client_data_hash].concat()
    }

    /// The AAGUID of the authenticator data.
    pub(super) fn aaguid(&self) -> Result<Aaguid, CaError> {
        let bytes = self.draft.auth_data.get(AAGUID).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Aaguid).ok_or(NO_CREDENTIAL)
    }

    /// The credential ID of the authenticator data, §6.5.2.
    pub(super) fn credential_id(&self) -> Result<&'a [u8], CaError> {
        let rest = self.draft.auth_data.get(AAGUID.end..);
        let (length, rest) = rest.and_then(|rest| rest.split_first_chunk()).ok_or(NO_CREDENTIAL)?;
        rest.get(..u16::from_be_bytes(*length).into()).ok_or(NO_CREDENTIAL)
    }

    pub(super) fn key(&mut self, algorithm: Algorithm) -> Result<KeyPair, CaError> {
        Ok(self.signer.generate(algorithm, self.rng)?)
    }

    /// A new key to attest by.
    pub(super) fn attester(&mut self, algorithm: Algorithm) -> Result<Attester, CaError> {
        let key = self.key(algorithm)?;
        let certified = match self.has(Flaw::CertificateForOtherKey) {
            true => self.key(algorithm)?.public,
            false => key.public.clone(),
        };
        Ok(Attester { key, certified })
    }

    /// The credential's key where a format certifies that one.
    pub(super) fn certified_credential(&mut self) -> Result<KeyPair, CaError> {
        let credential = self.draft.credential;
        match self.has(Flaw::CertificateNotForCredential) {
            true => self.key(credential.public.algorithm()),
            false => Ok(credential.clone()),
        }
    }

    /// `sig`.
    pub(super) fn sign(&mut self, key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, CaError> {
        let stranger = match self.has(Flaw::SignatureByOtherKey) {
            true => Some(self.key(key.public.algorithm())?),
            false => None,
        };
        let key = stranger.as_ref().unwrap_or(key);
        let mut message = message.to_vec();
        if self.has(Flaw::SignatureOverOtherData) {
            turn_last_bit(&mut message);
        }
        let mut signature = match self.has(Flaw::KeyNotOnP256) {
            true => by_p384_with_sha256(key, &message)?,
            false => self.pen.sign_message(key, &message)?,
        };
        match self.flaw {
            Some(Flaw::BadSignature) => turn_last_bit(&mut signature),
            Some(Flaw::SignatureTrailingData) => signature.push(0),
            _ => (),
        }
        Ok(signature)
    }

    /// `alg`.
    pub(super) fn algorithm(&self, key: &KeyPair) -> Option<Value> {
        let algorithm = match (key.public.algorithm(), self.has(Flaw::WrongAlgorithm)) {
            (Algorithm::ES256, true) => Algorithm::RS256,
            (_, true) => Algorithm::ES256,
            (algorithm, false) => algorithm,
        };
        Some(algorithm.0.into())
    }

    /// A statement that is a map of these members.
    pub(super) fn members<const N: usize>(&self, members: [(&str, Option<Value>); N]) -> Value {
        let missing = match self.flaw {
            Some(Flaw::AlgMissing) => "alg",
            Some(Flaw::SigMissing) => "sig",
            Some(Flaw::X5cMissing) => "x5c",
            Some(Flaw::VersionMissing) => "ver",
            Some(Flaw::ResponseMissing) => "response",
            Some(Flaw::CertInfoMissing) => "certInfo",
            Some(Flaw::PubAreaMissing) => "pubArea",
            _ => "",
        };
        let members = members.into_iter().filter_map(|(name, value)| Some((cbor::text(name), value?)));
        let mut members: Vec<_> = members.filter(|(name, _)| name.as_text() != Some(missing)).collect();
        match self.flaw {
            Some(Flaw::StatementIsArray) => {
                return Value::Array(members.into_iter().map(|(_, value)| value).collect());
            }
            Some(Flaw::ExtraMember) => {
                members.push((cbor::text("test"), cbor::text("no member of this format")));
            }
            _ => (),
        }
        Value::Map(members)
    }

    /// `x5c`.
    pub(super) fn x5c(&self, certificates: impl IntoIterator<Item = Vec<u8>>) -> Option<Value> {
        let certificates = certificates.into_iter().filter(|_| !self.has(Flaw::X5cEmpty));
        Some(Value::Array(certificates.map(Value::Bytes).collect()))
    }

    /// The root, or another of the same name whose key has the same identifier.
    pub(super) fn root(&mut self) -> Result<Authority, CaError> {
        let trusted = &self.ca.key.public;
        let (name, key_identifier) =
            (Subject::root(trusted).name(Country::NOBODYS), key_identifier(trusted)?);
        let (key, certificate) = match self.has(Flaw::ForeignRoot) {
            true => {
                let key = self.key(Algorithm::ES256)?;
                let identifier = KeyIdMethod::PreSpecified(key_identifier.clone());
                let certificate = root_certificate(&self.ca.key.public, &key, identifier)?;
                (key, certificate)
            }
            false => (self.ca.key.clone(), self.ca.certificate.clone()),
        };
        Ok(Authority { name, key, certificate, key_identifier })
    }

    /// A CA below the root.
    pub(super) fn intermediate(&mut self) -> Result<Authority, CaError> {
        if !self.ca.allows_intermediate() {
            return Err(CaError::OldRoot);
        }
        let (root, key) = (self.root()?, self.key(Algorithm::ES256)?);
        let subject = Subject::intermediate();
        let mut parameters = parameters(&subject);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        parameters.use_authority_key_identifier_extension = true;
        match self.flaw {
            Some(Flaw::IntermediateIsNoCa) => parameters.is_ca = IsCa::ExplicitNoCa,
            Some(Flaw::IntermediateKeyUsageWrong) => {
                parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            }
            Some(Flaw::IntermediateExpired) => parameters.not_after = rcgen::date_time_ymd(2021, 1, 1),
            _ => (),
        }
        let certificate = root.certify(&parameters, &key.public)?;
        let key_identifier = key_identifier(&key.public)?;
        Ok(Authority { name: subject.name(Country::NOBODYS), key, certificate, key_identifier })
    }

    /// What certificates of attestation keys have in common.
    pub(super) fn leaf(subject: &Subject) -> CertificateParams {
        let mut parameters = parameters(subject);
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        parameters
    }

    /// Puts the AAGUID into a certificate.
    pub(super) fn tell_aaguid(&self, parameters: &mut CertificateParams) -> Result<(), CaError> {
        let mut aaguid = self.aaguid()?;
        if self.has(Flaw::AaguidExtensionWrong) {
            turn_last_bit(&mut aaguid.0);
        }
        let mut extension = match self.has(Flaw::AaguidExtensionNotWrapped) {
            true => CustomExtension::from_oid_content(AAGUID_EXTENSION, aaguid.0.to_vec()),
            false => aaguid_extension(aaguid),
        };
        extension.set_criticality(self.has(Flaw::AaguidExtensionCritical));
        parameters.custom_extensions.push(extension);
        Ok(())
    }

    /// The attestation certificate of that key with the flaws that all can have.
    pub(super) fn certify(
        &self,
        by: &Authority,
        mut parameters: CertificateParams,
        attester: &Attester,
    ) -> Result<Vec<u8>, CaError> {
        match self.flaw {
            Some(Flaw::CertificateExpired) => parameters.not_after = rcgen::date_time_ymd(2021, 1, 1),
            Some(Flaw::CertificateNotYetValid) => parameters.not_before = rcgen::date_time_ymd(2049, 1, 1),
            Some(Flaw::CertificateIsCa) => parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Some(Flaw::BasicConstraintsMissing) => parameters.is_ca = IsCa::NoCa,
            Some(Flaw::KeyUsageWrong) => parameters.key_usages = vec![other_usage(&attester.certified)],
            _ => (),
        }
        let mut certificate = match self.has(Flaw::SelfSigned) {
            true => Authority {
                name: parameters.distinguished_name.clone(),
                key: attester.key.clone(),
                certificate: Vec::new(),
                key_identifier: key_identifier(&attester.key.public)?,
            }
            .certify(&parameters, &attester.certified)?,
            false => by.certify(&parameters, &attester.certified)?,
        };
        match self.flaw {
            Some(Flaw::CertificateVersion1) => return by.version_1(&certificate),
            Some(Flaw::CertificateSignatureWrong) => turn_last_bit(&mut certificate),
            Some(Flaw::TrailingData) => certificate.push(0),
            _ => (),
        }
        Ok(certificate)
    }
}

/// What a key of that kind may be for that is no signing: RFC 3279 §2.3.1 and RFC 8813 §3.
const fn other_usage(key: &PublicKey) -> KeyUsagePurpose {
    match key {
        PublicKey::Rsa { .. } => KeyUsagePurpose::KeyEncipherment,
        _ => KeyUsagePurpose::KeyAgreement,
    }
}

/// What rcgen's `KeyIdMethod::Sha256` makes of a key: 160 bits of the hash of its SubjectPublicKeyInfo.
fn key_identifier(key: &PublicKey) -> Result<Vec<u8>, SignerError> {
    Ok(sha256(&SubjectKey::new(key)?.subject_public_key_info())[..20].to_vec())
}

/// ECDSA on P-384 with SHA-256, which ring does not make: who does not look at the curve finds nothing wrong with it.
fn by_p384_with_sha256(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, SignerError> {
    let key =
        p384::ecdsa::SigningKey::from_slice(key.private.expose()).map_err(|_| SignerError::InvalidKey)?;
    let signature: p384::ecdsa::Signature =
        key.sign_prehash(&sha256(message)).map_err(|_| SignerError::Failed)?;
    Ok(signature.to_der().as_bytes().to_vec())
}

const NO_CREDENTIAL: CaError = CaError::Draft("the authenticator data have no attested credential");

impl Authority {
    fn certify(&self, parameters: &CertificateParams, key: &PublicKey) -> Result<Vec<u8>, CaError> {
        // Of an issuer, name and key alone go into what it issues.
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = self.name.clone();
        issuer.key_identifier_method = KeyIdMethod::PreSpecified(self.key_identifier.clone());
        let issuer = Issuer::new(issuer, CertificateKey::new(&self.key)?);
        Ok(parameters.signed_by(&SubjectKey::new(key)?, &issuer)?.der().to_vec())
    }

    /// The same certificate but for its version, RFC 5280 §4.1.2.1, which DER does not write if it is 1; signed again.
    fn version_1(&self, certificate: &[u8]) -> Result<Vec<u8>, CaError> {
        const VERSION_3: [u8; 5] = [0xA0, 0x03, 0x02, 0x01, 0x02];
        const WRITTEN: &str = "rcgen writes DER";
        let certificate = Certificate::from_der(certificate).expect(WRITTEN);
        let signed = certificate.tbs_certificate().to_der().expect(WRITTEN);
        let start = signed.windows(5).position(|bytes| bytes == VERSION_3).expect(WRITTEN) + VERSION_3.len();
        let signed = der::sequence(&[signed[start..].to_vec()]);
        let signature = CertificateKey::new(&self.key)?.sign(&signed)?;
        let algorithm = certificate.signature_algorithm().to_der().expect(WRITTEN);
        Ok(der::sequence(&[signed, algorithm, der::bits(&signature)]))
    }
}

/// A public key as rcgen wants it.
struct SubjectKey {
    bytes: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl SubjectKey {
    fn new(key: &PublicKey) -> Result<Self, SignerError> {
        let (bytes, algorithm) = match key {
            PublicKey::P256 { .. } => (point(key)?, &rcgen::PKCS_ECDSA_P256_SHA256),
            PublicKey::P384 { x, y } => ([&[4], x.as_slice(), y].concat(), &rcgen::PKCS_ECDSA_P384_SHA384),
            PublicKey::Ed25519 { x } => (x.to_vec(), &rcgen::PKCS_ED25519),
            // RSAPublicKey, RFC 8017 appendix A.1.1.
            PublicKey::Rsa { n, e } => {
                (der::sequence(&[der::integer(n), der::integer(e)]), &rcgen::PKCS_RSA_SHA256)
            }
            other => return Err(SignerError::Unsupported(other.algorithm())),
        };
        Ok(Self { bytes, algorithm })
    }
}

impl PublicKeyData for SubjectKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

/// SHA-256.
pub(super) fn sha256(message: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, message).as_ref().to_vec()
}

/// The same bytes but for one bit.
pub(super) fn turn_last_bit(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}
