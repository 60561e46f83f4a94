//! X.509 certificates of attestation: read once, and asked by the steps. WebAuthn L3 §8.2.1, RFC 5280.
use crate::rejection::{Verdict, ensure};
use crate::signature::subject_public_key_info;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use wire::cose::{Algorithm, PublicKey};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::{Certificate as Parsed, Version};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// anyExtendedKeyUsage.
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
/// tcg-kp-AIKCertificate.
pub(super) const AIK_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
/// id-fido-gen-ce-aaguid.
pub(super) const AAGUID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.45724.1.1.4");
/// id-fido-gen-ce-sernum.
pub(super) const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.45724.1.1.2");

/// A certificate that was read.
pub(crate) struct Certificate {
    der: Vec<u8>,
    /// What its issuer signed, byte for byte.
    signed: Vec<u8>,
    parsed: Parsed,
}

/// What a public key in a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    P256,
    P384,
    Ed25519,
    Rsa,
    Unknown,
}

impl Certificate {
    /// Reads DER.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let parsed = Parsed::from_der(der).map_err(|e| format!("does not read as X.509 ({e})"))?;
        let signed = signed_part(der).map_err(|e| format!("does not read as X.509 ({e})"))?;
        Ok(Self { der: der.into(), signed, parsed })
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn is_version_3(&self) -> bool {
        self.parsed.tbs_certificate().version() == Version::V3
    }

    pub(super) fn subject(&self) -> &Name {
        self.parsed.tbs_certificate().subject()
    }

    fn issuer(&self) -> &Name {
        self.parsed.tbs_certificate().issuer()
    }

    /// Seconds since 1970 of the first and the last moment at which it is valid.
    pub(super) fn validity(&self) -> (u64, u64) {
        let validity = self.parsed.tbs_certificate().validity();
        (validity.not_before.to_unix_duration().as_secs(), validity.not_after.to_unix_duration().as_secs())
    }

    /// The dates for people.
    pub(super) fn dates(&self) -> String {
        let validity = self.parsed.tbs_certificate().validity();
        format!("{} to {}", validity.not_before.to_date_time(), validity.not_after.to_date_time())
    }

    /// BasicConstraints: CA and the length of the path below; `None` if it is absent.
    pub(super) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, String> {
        let found = self.parsed.tbs_certificate().get_extension::<BasicConstraints>();
        let found = found.map_err(|e| format!("basic constraints do not read ({e})"))?;
        Ok(found.map(|(_, constraints)| constraints))
    }

    /// An extension that stands there once: whether it is critical, and what it holds.
    pub(super) fn extension(&self, oid: ObjectIdentifier) -> Result<Option<(bool, &[u8])>, String> {
        let mut found = self.extensions().filter(|extension| extension.extn_id == oid);
        let Some(extension) = found.next() else { return Ok(None) };
        ensure(found.next().is_none(), || format!("extension {oid} stands there twice"))?;
        Ok(Some((extension.critical, extension.extn_value.as_bytes())))
    }

    /// An extension of FIDO's that holds an OCTET STRING: whether it is critical, and the bytes.
    pub(super) fn octets(&self, oid: ObjectIdentifier) -> Result<Option<(bool, Vec<u8>)>, String> {
        let Some((critical, value)) = self.extension(oid)? else { return Ok(None) };
        let inner = <&OctetStringRef>::from_der(value);
        let inner = inner.map_err(|e| format!("extension {oid} holds no OCTET STRING ({e})"))?;
        Ok(Some((critical, inner.as_bytes().to_vec())))
    }

    /// The subject alternative names, and whether they are critical; `None` if they are absent.
    pub(super) fn alternative_names(&self) -> Result<Option<(bool, SubjectAltName)>, String> {
        let found = self.parsed.tbs_certificate().get_extension::<SubjectAltName>();
        found.map_err(|e| format!("the subject alternative name does not read ({e})"))
    }

    /// RFC 5280 §4.2.1.3: if the certificate says what its key is used for, signing is among it.
    pub(super) fn may_sign(&self) -> Verdict {
        let usage = self.parsed.tbs_certificate().get_extension::<KeyUsage>();
        let usage = usage.map_err(|e| format!("key usage does not read ({e})"))?;
        ensure(usage.is_none_or(|(_, usage)| usage.digital_signature()), || {
            "the certificate's key may not sign: its key usage has no digitalSignature (RFC 5280 §4.2.1.3)"
                .into()
        })
    }

    /// What the key is for; `None` if the certificate does not say.
    pub(super) fn extended_key_usage(&self) -> Result<Option<Vec<ObjectIdentifier>>, String> {
        let found = self.parsed.tbs_certificate().get_extension::<ExtendedKeyUsage>();
        let found = found.map_err(|e| format!("the extended key usage does not read ({e})"))?;
        Ok(found.map(|(_, usage)| usage.0))
    }

    fn extensions(&self) -> impl Iterator<Item = &x509_cert::ext::Extension> {
        self.parsed.tbs_certificate().extensions().into_iter().flatten()
    }

    /// RFC 5280 §4.2: what is critical and not understood is a reason to refuse. Names in a subject alternative name are
    /// whoever they are of; policies are not asked for, so that any will do (§6.1.1 (c)); of the purposes in an extended
    /// key usage attestation is one, or any is.
    fn unknown_critical_extension(&self) -> Option<ObjectIdentifier> {
        let known = [BASIC_CONSTRAINTS, KEY_USAGE, SUBJECT_ALT_NAME, CERTIFICATE_POLICIES];
        let attests = || {
            let usage = self.extended_key_usage().ok().flatten().unwrap_or_default();
            usage.iter().any(|purpose| [ANY_USAGE, AIK_CERTIFICATE].contains(purpose))
        };
        let understood = |oid| known.contains(&oid) || oid == EXTENDED_KEY_USAGE && attests();
        self.extensions()
            .find(|extension| extension.critical && !understood(extension.extn_id))
            .map(|extension| extension.extn_id)
    }

    /// Whether its key is this one.
    pub(super) fn is_of(&self, key: &PublicKey) -> bool {
        let own = self.parsed.tbs_certificate().subject_public_key_info().to_der().ok();
        own.is_some() && own == subject_public_key_info(key)
    }

    pub(super) fn key_kind(&self) -> KeyKind {
        let algorithm = &self.parsed.tbs_certificate().subject_public_key_info().algorithm;
        let curve = algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
        match (algorithm.oid, curve) {
            (EC_PUBLIC_KEY, Some(P256)) => KeyKind::P256,
            (EC_PUBLIC_KEY, Some(P384)) => KeyKind::P384,
            (RSA, _) => KeyKind::Rsa,
            (ED25519, _) => KeyKind::Ed25519,
            _ => KeyKind::Unknown,
        }
    }

    /// What verifies a signature by the certificate's key with that COSE algorithm, if they go together.
    pub(super) fn verifier(&self, algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (algorithm, self.key_kind()) {
            (Algorithm::ES256, KeyKind::P256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Algorithm::ES384, KeyKind::P384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Algorithm::EDDSA, KeyKind::Ed25519) => &signature::ED25519,
            (Algorithm::RS256, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
            _ => return None,
        })
    }

    /// What verifies a JWS by the certificate's key, RFC 7518 §3.1.
    pub(super) fn jws_verifier(&self, alg: &str) -> Option<&'static dyn VerificationAlgorithm> {
        match (alg, self.key_kind()) {
            ("RS256", KeyKind::Rsa) => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            ("ES256", KeyKind::P256) => Some(&signature::ECDSA_P256_SHA256_FIXED),
            _ => None,
        }
    }

    /// Its key is for that algorithm.
    pub(super) fn goes_with(&self, alg: Algorithm) -> Verdict {
        ensure(self.verifier(alg).is_some(), || {
            format!("alg is {alg}, which does not go with the key in the certificate, or is not supported")
        })
    }

    /// Its key signed this with that algorithm.
    pub(super) fn signed(&self, alg: Algorithm, message: &[u8], signature: &[u8]) -> Verdict {
        let verifies = self.verifier(alg).is_some_and(|verifier| self.verifies(verifier, message, signature));
        ensure(verifies, || {
            "the attestation signature does not verify with the key in the certificate".into()
        })
    }

    /// Whether `signature` is one by the certificate's key.
    pub(super) fn verifies(
        &self,
        verifier: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let key = self.parsed.tbs_certificate().subject_public_key_info().subject_public_key.as_bytes();
        key.is_some_and(|key| UnparsedPublicKey::new(verifier, key).verify(message, signature).is_ok())
    }

    /// RFC 5280 §6.1: `self` was issued by `issuer`, below which there are `below` more issuers.
    pub(super) fn is_issued_by(&self, issuer: &Self, below: usize) -> Result<(), String> {
        let names = |name: &Name| name.to_der().ok();
        if names(self.issuer()) != names(issuer.subject()) {
            return Err(format!("its issuer is {}, and not {}", self.issuer(), issuer.subject()));
        }
        if let Some(oid) = self.unknown_critical_extension() {
            return Err(format!("its extension {oid} is critical, and unknown here"));
        }
        let constraints = issuer.basic_constraints()?.filter(|constraints| constraints.ca);
        let Some(constraints) = constraints else {
            return Err(format!("{} is no certification authority", issuer.subject()));
        };
        if constraints.path_len_constraint.is_some_and(|most| below > usize::from(most)) {
            return Err(format!("the path below {} is too long", issuer.subject()));
        }
        let usage = issuer.parsed.tbs_certificate().get_extension::<KeyUsage>();
        let usage = usage.map_err(|e| format!("key usage does not read ({e})"))?;
        if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
            return Err(format!("the key of {} may not sign certificates", issuer.subject()));
        }
        // RFC 5280 §4.1.1.2: what is named outside is what was signed.
        if self.parsed.tbs_certificate().signature() != self.parsed.signature_algorithm() {
            return Err("it names two signature algorithms".into());
        }
        let verifier: &'static dyn VerificationAlgorithm =
            match (self.parsed.signature_algorithm().oid, issuer.key_kind()) {
                (ECDSA_SHA256, KeyKind::P256) => &signature::ECDSA_P256_SHA256_ASN1,
                (ECDSA_SHA384, KeyKind::P256) => &signature::ECDSA_P256_SHA384_ASN1,
                (ECDSA_SHA256, KeyKind::P384) => &signature::ECDSA_P384_SHA256_ASN1,
                (ECDSA_SHA384, KeyKind::P384) => &signature::ECDSA_P384_SHA384_ASN1,
                (RSA_SHA256, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
                (RSA_SHA384, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA384,
                (RSA_SHA512, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA512,
                (ED25519, KeyKind::Ed25519) => &signature::ED25519,
                (other, _) => {
                    return Err(format!(
                        "signature algorithm {other} is not supported with its issuer's key"
                    ));
                }
            };
        let signature = self.parsed.signature().as_bytes();
        if !signature.is_some_and(|signature| issuer.verifies(verifier, &self.signed, signature)) {
            return Err(format!("its signature is none by the key of {}", issuer.subject()));
        }
        Ok(())
    }
}

/// The tbsCertificate of a certificate as it stands there.
fn signed_part(der: &[u8]) -> Result<Vec<u8>, der::Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let signed = reader.tlv_bytes()?.to_vec();
        // The signature and its algorithm, which were read before.
        reader.tlv_bytes()?;
        reader.tlv_bytes()?;
        Ok(signed)
    })
}
