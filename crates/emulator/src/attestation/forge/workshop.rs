//! What the formats have in common: keys, certificates, signatures, and the flaws in these.
use super::super::names::{Country, Subject};
use super::super::{CertificateKey, aaguid_extension, parameters, point};
use super::{CaError, Draft, Flaw, TestCa, der};
use crate::signer::FastSigner;
use authenticator::signer::{Signer, SignerError};
use authenticator::store::KeyPair;
use rand_core::CryptoRng;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, IsCa, Issuer, KeyUsagePurpose, PublicKeyData,
    SignatureAlgorithm,
};
use ring::digest;
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints as Constraints;

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
}

/// A key that attests and what it is certified as.
pub(super) struct Attester {
    pub(super) key: KeyPair,
    /// What the certificate holds.
    pub(super) certified: PublicKey,
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
        let mut message = message.to_vec();
        if self.has(Flaw::SignatureOverOtherData) {
            turn_last_bit(&mut message);
        }
        let mut signature = self.pen.sign_message(key, &message)?;
        if self.has(Flaw::BadSignature) {
            turn_last_bit(&mut signature);
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

    /// A statement that is a map. The first member is the one that can be missing.
    pub(super) fn members<const N: usize>(&self, mut members: [(&str, Option<Value>); N]) -> Value {
        if let (true, Some(first)) = (self.has(Flaw::MissingMember), members.first_mut()) {
            first.1 = None;
        }
        let mut statement = cbor::text_map(members);
        if let (true, Value::Map(members)) = (self.has(Flaw::ExtraMember), &mut statement) {
            members.push((cbor::text("test"), cbor::text("no member of this format")));
        }
        statement
    }

    /// The root, or another of the same name.
    pub(super) fn root(&mut self) -> Result<Authority, CaError> {
        let name = Subject::root(&self.ca.key.public).name(Country::NOBODYS);
        if !self.has(Flaw::ForeignRoot) {
            return Ok(Authority {
                name,
                key: self.ca.key.clone(),
                certificate: self.ca.certificate.clone(),
            });
        }
        let key = self.key(Algorithm::ES256)?;
        let certificate = super::super::root_certificate(&self.ca.key.public, &key)?;
        Ok(Authority { name, key, certificate })
    }

    /// A CA below the root.
    pub(super) fn intermediate(&mut self) -> Result<Authority, CaError> {
        let root = Certificate::from_der(&self.ca.certificate).map_err(|_| CaError::OldRoot)?;
        let constraints = root.tbs_certificate().get_extension::<Constraints>().ok().flatten();
        if constraints.is_none_or(|(_, constraints)| constraints.path_len_constraint == Some(0)) {
            return Err(CaError::OldRoot);
        }
        let (root, key) = (self.root()?, self.key(Algorithm::ES256)?);
        let subject = Subject::intermediate();
        let mut parameters = parameters(&subject);
        parameters.is_ca = match self.has(Flaw::IntermediateIsNoCa) {
            true => IsCa::ExplicitNoCa,
            false => IsCa::Ca(BasicConstraints::Constrained(0)),
        };
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = root.certify(&parameters, &key.public)?;
        Ok(Authority { name: subject.name(Country::NOBODYS), key, certificate })
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
        let mut extension = aaguid_extension(aaguid);
        extension.set_criticality(self.has(Flaw::AaguidExtensionCritical));
        parameters.custom_extensions.push(extension);
        Ok(())
    }

    /// An attestation certificate with the flaws that all can have.
    pub(super) fn certify(
        &self,
        by: &Authority,
        mut parameters: CertificateParams,
        key: &PublicKey,
    ) -> Result<Vec<u8>, CaError> {
        match self.flaw {
            Some(Flaw::CertificateExpired) => parameters.not_after = rcgen::date_time_ymd(2021, 1, 1),
            Some(Flaw::CertificateNotYetValid) => parameters.not_before = rcgen::date_time_ymd(2049, 1, 1),
            Some(Flaw::CertificateIsCa) => parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            _ => (),
        }
        let mut certificate = by.certify(&parameters, key)?;
        if self.has(Flaw::TrailingData) {
            certificate.push(0);
        }
        Ok(certificate)
    }
}

const NO_CREDENTIAL: CaError = CaError::Draft("the authenticator data have no attested credential");

impl Authority {
    fn certify(&self, parameters: &CertificateParams, key: &PublicKey) -> Result<Vec<u8>, CaError> {
        // Of an issuer, name and key alone go into what it issues.
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = self.name.clone();
        let issuer = Issuer::new(issuer, CertificateKey::new(&self.key)?);
        Ok(parameters.signed_by(&SubjectKey::new(key)?, &issuer)?.der().to_vec())
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

/// `x5c`.
pub(super) fn x5c(certificates: impl IntoIterator<Item = Vec<u8>>) -> Option<Value> {
    Some(Value::Array(certificates.into_iter().map(Value::Bytes).collect()))
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
