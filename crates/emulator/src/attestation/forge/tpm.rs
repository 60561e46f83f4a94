//! Format `tpm`, WebAuthn Level 3 §8.3, in the structures of TPM 2.0 Library Specification part 2 (TPMv2-Part2).
use super::super::names::Subject;
use super::workshop::{Workshop, sha256, turn_last_bit};
use super::{CaError, Flaw, der};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, ExtendedKeyUsagePurpose};
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};

/// tcg-kp-AIKCertificate.
const AIK_CERTIFICATE: [u64; 5] = [2, 23, 133, 8, 3];
/// id-ce-subjectAltName.
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
/// tcg-at-tpmManufacturer, tcg-at-tpmModel and tcg-at-tpmVersion, 2.23.133.2.1 to 3, without their last number.
const TCG_AT: [u8; 4] = [0x67, 0x81, 0x05, 0x02];
/// SMSC, which has made no TPM for years: verifiers know the registered manufacturers (TCG Vendor ID Registry) and refuse
/// others.
const MANUFACTURER: &str = "id:534D5343";
/// In no registry, and that of the FIDO Alliance's conformance tests, which is in none either.
const NOBODY: &str = "id:00000000";
const CONFORMANCE: &str = "id:FFFFF1D0";
const MODEL: &str = "fauxkey test TPM";
const VERSION: &str = "id:00010000";

/// TPM_GENERATED_VALUE, TPMv2-Part2 §6.2.
const GENERATED: [u8; 4] = [0xFF, 0x54, 0x43, 0x47];
/// TPM_ST_ATTEST_CERTIFY and TPM_ST_ATTEST_QUOTE, §6.9.
const CERTIFY: [u8; 2] = [0x80, 0x17];
const QUOTE: [u8; 2] = [0x80, 0x18];
/// TPM_ALG_ID, §6.3.
const RSA: [u8; 2] = [0x00, 0x01];
const SHA256: [u8; 2] = [0x00, 0x0B];
const NULL: [u8; 2] = [0x00, 0x10];
const ECC: [u8; 2] = [0x00, 0x23];
/// TPM_ECC_CURVE, §6.4.
const NIST_P256: [u8; 2] = [0x00, 0x03];
const NIST_P384: [u8; 2] = [0x00, 0x04];
/// TPMA_OBJECT, §8.3: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth and sign.
const ATTRIBUTES: [u8; 4] = [0x00, 0x04, 0x00, 0x72];

pub(super) fn statement(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    let aik = shop.attester(Algorithm::ES256)?;
    let root = shop.root()?;
    let leaf = shop.certify(&root, aik_certificate(shop)?, &aik)?;
    let mut pub_area = pub_area(shop)?;
    if shop.has(Flaw::PubAreaTrailingData) {
        pub_area.push(0);
    }
    let mut cert_info = cert_info(shop, &pub_area);
    if shop.has(Flaw::CertInfoTrailingData) {
        cert_info.push(0);
    }
    let sig = shop.sign(&aik.key, &cert_info)?;
    let ver = if shop.has(Flaw::VersionNot2) { "1.2" } else { "2.0" };
    Ok(shop.members([
        ("certInfo", Some(cbor::bytes(cert_info))),
        ("ver", Some(cbor::text(ver))),
        ("alg", shop.algorithm(&aik.key)),
        ("x5c", shop.x5c([leaf])),
        ("sig", Some(cbor::bytes(sig))),
        ("pubArea", Some(cbor::bytes(pub_area))),
    ]))
}

/// §8.3.1.
fn aik_certificate(shop: &Workshop<'_>) -> Result<CertificateParams, CaError> {
    let mut parameters = Workshop::leaf(&Subject::other("Test TPM", "fauxkey test AIK"));
    if !shop.has(Flaw::SubjectNotEmpty) {
        parameters.distinguished_name = DistinguishedName::new();
    }
    if !shop.has(Flaw::SubjectAltNameMissing) {
        parameters.custom_extensions.push(subject_alt_name(shop));
    }
    parameters.extended_key_usages = match shop.flaw {
        Some(Flaw::ExtendedKeyUsageMissing) => vec![],
        Some(Flaw::ExtendedKeyUsageWrong) => vec![ExtendedKeyUsagePurpose::ClientAuth],
        _ => vec![ExtendedKeyUsagePurpose::Other(AIK_CERTIFICATE.to_vec())],
    };
    // §8.3: if there is one, it matches. TPMs have none.
    if shop.has(Flaw::AaguidExtensionWrong) {
        shop.tell_aaguid(&mut parameters)?;
    }
    Ok(parameters)
}

/// TCG EK Credential Profile 2.0 §3.2.9: who made the TPM, as a directoryName; critical, as the subject is empty.
fn subject_alt_name(shop: &Workshop<'_>) -> CustomExtension {
    let attribute = |(value, last, missing): (&str, u8, Flaw)| {
        let oid = der::oid(&[TCG_AT.as_slice(), &[last]].concat());
        (!shop.has(missing)).then(|| der::set(&[der::sequence(&[oid, der::text(value)])]))
    };
    let manufacturer = match shop.flaw {
        Some(Flaw::ManufacturerUnknown) => NOBODY,
        Some(Flaw::ManufacturerOfTests) => CONFORMANCE,
        _ => MANUFACTURER,
    };
    let names = [
        (manufacturer, 1, Flaw::ManufacturerMissing),
        (MODEL, 2, Flaw::ModelMissing),
        (VERSION, 3, Flaw::FirmwareVersionMissing),
    ];
    let names: Vec<Vec<u8>> = names.into_iter().filter_map(attribute).collect();
    let directory_name = der::explicit(4, &der::sequence(&names));
    let content = der::sequence(&[directory_name]);
    let mut extension = CustomExtension::from_oid_content(SUBJECT_ALT_NAME, content);
    extension.set_criticality(true);
    extension
}

/// TPMT_PUBLIC, TPMv2-Part2 §12.2.4, of the credential's key.
fn pub_area(shop: &mut Workshop<'_>) -> Result<Vec<u8>, CaError> {
    let credential = shop.draft.credential.public.clone();
    let key = match shop.has(Flaw::PubAreaOtherKey) {
        true => shop.key(credential.algorithm())?.public,
        false => credential,
    };
    // type, then nameAlg, objectAttributes and an empty authPolicy, then parameters and unique.
    let (kind, rest) = match &key {
        PublicKey::P256 { x, y } => (ECC, ecc(NIST_P256, x, y)),
        PublicKey::P384 { x, y } => (ECC, ecc(NIST_P384, x, y)),
        PublicKey::Rsa { n, .. } => {
            let bits = u16::try_from(n.len() * 8).map_err(|_| CaError::Draft("no TPM has so long a key"))?;
            // TPMS_RSA_PARMS, §12.2.3.5; exponent 0 is 65537.
            (RSA, [&NULL, &NULL, bits.to_be_bytes().as_slice(), &[0; 4], &sized(n)].concat())
        }
        _ => return Err(CaError::Draft("a TPM has keys of RSA and on P-256 and P-384")),
    };
    Ok([&kind, &SHA256, ATTRIBUTES.as_slice(), &sized(&[]), &rest].concat())
}

/// TPMS_ECC_PARMS, §12.2.3.6, and TPMS_ECC_POINT: symmetric, scheme, curveID and kdf.
fn ecc(curve: [u8; 2], x: &[u8], y: &[u8]) -> Vec<u8> {
    [NULL.as_slice(), &NULL, &curve, &NULL, &sized(x), &sized(y)].concat()
}

/// TPMS_ATTEST, §10.12.8, with TPMS_CERTIFY_INFO.
fn cert_info(shop: &Workshop<'_>, pub_area: &[u8]) -> Vec<u8> {
    let mut magic = GENERATED;
    if shop.has(Flaw::CertInfoMagic) {
        turn_last_bit(&mut magic);
    }
    let kind = if shop.has(Flaw::CertInfoType) { QUOTE } else { CERTIFY };
    // §8.3: the hash of attToBeSigned, by the algorithm of alg.
    let mut extra_data = sha256(&shop.message());
    if shop.has(Flaw::CertInfoExtraData) {
        turn_last_bit(&mut extra_data);
    }
    // TPMv2-Part1 §16: a Name is nameAlg and the hash of the public area.
    let mut name = [SHA256.as_slice(), &sha256(pub_area)].concat();
    if shop.has(Flaw::CertInfoName) {
        turn_last_bit(&mut name);
    }
    let signer = [SHA256.as_slice(), &sha256(MODEL.as_bytes())].concat();
    // TPMS_CLOCK_INFO: clock, resetCount, restartCount, safe.
    let clock_info = [0_u8; 8 + 4 + 4].into_iter().chain([1]).collect::<Vec<u8>>();
    let firmware = [0; 8];
    [
        &magic,
        kind.as_slice(),
        &sized(&signer),
        &sized(&extra_data),
        &clock_info,
        &firmware,
        &sized(&name),
        &sized(&signer),
    ]
    .concat()
}

/// A TPM2B: its size in two bytes before it.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let size = u16::try_from(bytes.len()).expect("hashes, names and coordinates are short");
    [&size.to_be_bytes(), bytes].concat()
}
