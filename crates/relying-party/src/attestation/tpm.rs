//! Format `tpm`, WebAuthn L3 §8.3, and the requirements of its certificate, §8.3.1.
mod structures;

use super::certificate::{AIK_CERTIFICATE, Certificate, KeyKind};
use super::requirements;
use super::statement::{Inputs, Procedure, Proof, certificates, has_no_members_but, leaf};
use crate::rejection::{Step, Verdict, ensure};
use der::asn1::ObjectIdentifier;
use ring::digest;
use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, VerificationAlgorithm};
use structures::{Attest, Public, TPM_GENERATED_VALUE, TPM_ST_ATTEST_CERTIFY, Unique};
use wire::cbor::{Field, Key, Kind, Record, Value};
use wire::cose::{Algorithm, PublicKey};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::name::GeneralName;

/// RSASSA-PKCS1-v1_5 with SHA-1, RFC 8812 §2: what the attestation keys of many TPMs sign with. It is taken here and
/// nowhere else, with a warning.
const RS1: Algorithm = Algorithm(-65535);

/// tcg-at-tpmManufacturer, tcg-at-tpmModel and tcg-at-tpmVersion.
const MANUFACTURER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.1");
const MODEL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.2");
const VERSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.3");

const STATEMENT: &[Field] = &[
    Field::required(Key::Text("ver"), "ver", Kind::Text),
    Field::required(Key::Text("alg"), "alg", Kind::Int),
    Field::required(Key::Text("x5c"), "x5c", Kind::Array),
    Field::required(Key::Text("sig"), "sig", Kind::Bytes),
    Field::required(Key::Text("certInfo"), "certInfo", Kind::Bytes),
    Field::required(Key::Text("pubArea"), "pubArea", Kind::Bytes),
];

/// A statement of this format.
pub(super) struct Tpm<'a> {
    alg: Algorithm,
    x5c: Vec<&'a [u8]>,
    sig: &'a [u8],
    cert_info: &'a [u8],
    attest: Attest<'a>,
    pub_area: &'a [u8],
    public: Public<'a>,
}

pub(super) fn read(att_stmt: &Value) -> Result<Tpm<'_>, String> {
    let map =
        Record::read(att_stmt, "tpm attestation statement", STATEMENT).map_err(|e| e.reason.to_string())?;
    let members = ["ver", "alg", "x5c", "sig", "certInfo", "pubArea"];
    has_no_members_but(att_stmt, "a tpm attestation statement (§8.3)", &members)?;
    ensure(map.text("ver") == Some("2.0"), || "ver is not 2.0 (§8.3)".into())?;
    let cert_info = map.bytes("certInfo").expect("required by the table");
    let pub_area = map.bytes("pubArea").expect("required by the table");
    Ok(Tpm {
        alg: Algorithm(map.int("alg").expect("required by the table")),
        x5c: certificates(map.array("x5c").expect("required by the table"))?,
        sig: map.bytes("sig").expect("required by the table"),
        cert_info,
        attest: Attest::read(cert_info).ok_or("certInfo is no TPMS_ATTEST (§8.3)")?,
        pub_area,
        public: Public::read(pub_area).ok_or("pubArea is no TPMT_PUBLIC (§8.3)")?,
    })
}

impl Procedure for Tpm<'_> {
    fn x5c(&self) -> Vec<&[u8]> {
        self.x5c.clone()
    }

    fn check(&self, step: Step, x5c: &[Certificate], inputs: &Inputs<'_>) -> Verdict {
        let leaf = leaf(x5c)?;
        match step {
            Step::AttestationKey => ensure(is_key(&self.public.unique, inputs.key), || {
                "pubArea is not the credential public key (§8.3)".into()
            }),
            Step::CertificateVersion => requirements::is_version_3(leaf),
            Step::CertificateSubject => has_no_subject(leaf),
            Step::CertificateAlternativeName => names_the_tpm(leaf),
            Step::CertificateKeyUsage => is_for_attestation(leaf),
            Step::CertificateConstraints => requirements::is_no_authority(leaf),
            Step::CertificateModel => requirements::is_for_the_model(leaf, inputs.aaguid()),
            Step::AttestationAlgorithm => ensure(verifier(leaf, self.alg).is_some(), || {
                format!(
                    "alg is {}, which does not go with the key in the certificate, or is not supported",
                    self.alg
                )
            }),
            Step::AttestationSignature => signature_verifies(leaf, self.alg, self.cert_info, self.sig),
            Step::TpmMagic => ensure(self.attest.magic == TPM_GENERATED_VALUE, || {
                format!("magic is {:#010X}, and not TPM_GENERATED_VALUE (§8.3)", self.attest.magic)
            }),
            Step::TpmType => ensure(self.attest.kind == TPM_ST_ATTEST_CERTIFY, || {
                format!("type is {:#06X}, and not TPM_ST_ATTEST_CERTIFY (§8.3)", self.attest.kind)
            }),
            Step::AttestationNonce => extra_data(&self.attest, self.alg, &inputs.message()),
            Step::TpmName => name(&self.attest, &self.public, self.pub_area),
            _ => Ok(()),
        }
    }

    fn proof(&self) -> Proof {
        Proof::Certificates
    }

    fn names_models(&self) -> bool {
        true
    }

    fn warning(&self) -> Option<String> {
        (self.alg == RS1).then(|| "the TPM attests with SHA-1 (RS1)".into())
    }
}

/// "Verify that the public key specified by the `parameters` and `unique` fields of pubArea is identical to the
/// credentialPublicKey." As numbers: a TPM need not write zeros in front.
fn is_key(unique: &Unique<'_>, key: &PublicKey) -> bool {
    let number = |bytes: &[u8]| bytes.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<u8>>();
    let same = |a: &[u8], b: &[u8]| number(a) == number(b);
    match (unique, key) {
        (
            Unique::Ecc { curve: structures::TPM_ECC_NIST_P256, x, y },
            PublicKey::P256 { x: key_x, y: key_y },
        ) => same(x, key_x) && same(y, key_y),
        (
            Unique::Ecc { curve: structures::TPM_ECC_NIST_P384, x, y },
            PublicKey::P384 { x: key_x, y: key_y },
        ) => same(x, key_x) && same(y, key_y),
        (Unique::Rsa { n, e }, PublicKey::Rsa { n: key_n, e: key_e }) => {
            same(n, key_n) && same(&e.to_be_bytes(), key_e)
        }
        _ => false,
    }
}

/// "Subject field MUST be set to empty."
fn has_no_subject(aik: &Certificate) -> Verdict {
    ensure(aik.subject().is_empty(), || {
        format!("the subject is {}, and must be empty (§8.3.1)", aik.subject())
    })
}

/// "The Subject Alternative Name extension MUST be set as defined in [TPMv2-EK-Profile] section 3.2.9": a directory name
/// with the TPM's manufacturer, model and version; critical, as it stands for the subject (RFC 5280 §4.2.1.6).
fn names_the_tpm(aik: &Certificate) -> Verdict {
    let (critical, names) =
        aik.alternative_names()?.ok_or("the certificate has no subject alternative name (§8.3.1)")?;
    ensure(critical, || {
        "the subject alternative name is not critical, with an empty subject (§8.3.1)".into()
    })?;
    let attributes = names.0.iter().filter_map(|name| match name {
        GeneralName::DirectoryName(name) => Some(name.iter()),
        _ => None,
    });
    let attributes: Vec<&AttributeTypeAndValue> = attributes.flatten().collect();
    let text = |oid, what| {
        let value = attributes.iter().find(|attribute| attribute.oid == oid);
        let value = value.map(|attribute| String::from_utf8_lossy(attribute.value.value()).into_owned());
        value
            .filter(|text| !text.is_empty())
            .ok_or(format!("the certificate does not name the TPM's {what} (§8.3.1)"))
    };
    // "id:" and four bytes, by the TCG Vendor ID Registry; whose they are is not looked up.
    let manufacturer = text(MANUFACTURER, "manufacturer")?;
    let id = manufacturer.strip_prefix("id:").and_then(wire::hex::decode);
    ensure(id.is_some_and(|id| id.len() == 4), || {
        format!("{manufacturer:?} is no ID of a manufacturer of TPMs (§8.3.1)")
    })?;
    text(MODEL, "model")?;
    let version = text(VERSION, "version")?;
    ensure(version.starts_with("id:"), || format!("{version:?} is no version of a TPM (§8.3.1)"))
}

/// "The Extended Key Usage extension MUST contain the OID 2.23.133.8.3."
fn is_for_attestation(aik: &Certificate) -> Verdict {
    aik.may_sign()?;
    let usage = aik.extended_key_usage()?.unwrap_or_default();
    ensure(usage.contains(&AIK_CERTIFICATE), || {
        "the certificate's key is not for attestation: no extended key usage 2.23.133.8.3 (§8.3.1)".into()
    })
}

/// What verifies a signature by the certificate's key with that algorithm.
fn verifier(aik: &Certificate, alg: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match (alg, aik.key_kind()) {
        (RS1, KeyKind::Rsa) => Some(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        _ => aik.verifier(alg),
    }
}

/// "Verify the sig is a valid signature over certInfo using the attestation public key in aikCert with the algorithm
/// specified in alg." The text says that sig is a TPMT_SIGNATURE; devices and §16.13 have the signature alone, in the encoding
/// of §6.5.5. Both are taken.
fn signature_verifies(aik: &Certificate, alg: Algorithm, cert_info: &[u8], sig: &[u8]) -> Verdict {
    let verifies =
        |sig: &[u8]| verifier(aik, alg).is_some_and(|verifier| aik.verifies(verifier, cert_info, sig));
    ensure(verifies(sig) || structures::unwrapped(sig, alg).is_some_and(|sig| verifies(&sig)), || {
        "the attestation signature does not verify with the key in the certificate".into()
    })
}

/// "Verify that `extraData` is set to the hash of attToBeSigned using the hash algorithm employed in alg."
fn extra_data(attest: &Attest<'_>, alg: Algorithm, att_to_be_signed: &[u8]) -> Verdict {
    let algorithm = match alg {
        RS1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::ES256 | Algorithm::RS256 => &digest::SHA256,
        Algorithm::ES384 => &digest::SHA384,
        _ => return Err(format!("which hash {alg} has is not known")),
    };
    ensure(attest.extra_data == digest::digest(algorithm, att_to_be_signed).as_ref(), || {
        "extraData is not the hash of this registration's data (§8.3)".into()
    })
}

/// "Verify that `attested` contains a TPMS_CERTIFY_INFO structure … whose `name` field contains a valid Name for pubArea."
fn name(attest: &Attest<'_>, public: &Public<'_>, pub_area: &[u8]) -> Verdict {
    let found =
        structures::certified_name(attest.attested).ok_or("attested is no TPMS_CERTIFY_INFO (§8.3)")?;
    let expected = structures::name_of(public.name_alg, pub_area)
        .ok_or_else(|| format!("the name algorithm {:#06X} is not known (§8.3)", public.name_alg))?;
    ensure(found == expected, || "the name in certInfo is not that of pubArea (§8.3)".into())
}
