//! What WebAuthn L3 §8.2.1 and §8.2.2 demand of the certificate of a packed attestation, one check each.
use super::certificate::{AAGUID, Certificate, SERIAL_NUMBER};
use crate::rejection::{Verdict, ensure, quoted};
use der::asn1::PrintableStringRef;
use wire::aaguid::Aaguid;
use x509_cert::attr::AttributeTypeAndValue;

/// The literal that OU must have.
const UNIT: &str = "Authenticator Attestation";

/// Version 3.
pub(super) fn is_version_3(certificate: &Certificate) -> Verdict {
    ensure(certificate.is_version_3(), || "the attestation certificate has not version 3".into())
}

/// C, O, OU and CN.
pub(super) fn has_a_proper_subject(certificate: &Certificate) -> Verdict {
    let subject = certificate.subject();
    let unreadable = |what, error| format!("{what} in the subject does not read ({error})");
    let country: Option<PrintableStringRef<'_>> = subject.country().map_err(|e| unreadable("C", e))?;
    let code = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    ensure(country.is_some_and(|country| code(country.as_str())), || {
        "the subject has no C that is a country code of two letters".into()
    })?;
    let organization = subject.organization().map_err(|e| unreadable("O", e))?;
    ensure(organization.is_some_and(|name| !name.value().is_empty()), || "the subject has no O".into())?;
    let units: Vec<String> = subject.iter().filter_map(unit).collect();
    ensure(units.iter().any(|unit| unit == UNIT), || match units.first() {
        None => format!("the subject has no OU, which must be {UNIT:?}"),
        Some(unit) => format!("OU is {}, and must be {UNIT:?}", quoted(unit)),
    })?;
    let common_name = subject.common_name().map_err(|e| unreadable("CN", e))?;
    ensure(common_name.is_some_and(|name| !name.value().is_empty()), || "the subject has no CN".into())
}

/// The text of an OU.
fn unit(attribute: &AttributeTypeAndValue) -> Option<String> {
    const ORGANIZATIONAL_UNIT: der::asn1::ObjectIdentifier =
        der::asn1::ObjectIdentifier::new_unwrap("2.5.4.11");
    (attribute.oid == ORGANIZATIONAL_UNIT)
        .then(|| String::from_utf8_lossy(attribute.value.value()).into_owned())
}

/// Basic Constraints: CA is false.
pub(super) fn is_no_authority(certificate: &Certificate) -> Verdict {
    let constraints = certificate.basic_constraints()?;
    ensure(constraints.is_some(), || "the attestation certificate has no basic constraints".into())?;
    ensure(constraints.is_some_and(|constraints| !constraints.ca), || {
        "the attestation certificate is one of a certification authority".into()
    })
}

/// The model that the certificate names, and whether the extension that does so is critical.
pub(super) fn model(certificate: &Certificate) -> Result<Option<(bool, Aaguid)>, String> {
    let Some((critical, bytes)) = certificate.octets(AAGUID)? else { return Ok(None) };
    let bytes = <[u8; 16]>::try_from(bytes.as_slice())
        .map_err(|_| format!("the AAGUID extension has {} bytes, and an AAGUID 16", bytes.len()))?;
    Ok(Some((critical, Aaguid(bytes))))
}

/// The model's AAGUID, if the certificate names one: that of the authenticator data, and not critical.
pub(super) fn is_for_the_model(certificate: &Certificate, aaguid: Aaguid) -> Verdict {
    let Some((critical, certified)) = model(certificate)? else { return Ok(()) };
    ensure(!critical, || "the AAGUID extension is critical".into())?;
    ensure(certified == aaguid, || {
        format!("the certificate is for AAGUID {certified}, and the authenticator data say {aaguid}")
    })
}

/// §8.2.2: the serial number of the one device stands in enterprise attestations only, and is not critical.
pub(super) fn tells_no_device_unasked(certificate: &Certificate, enterprise: bool) -> Verdict {
    let Some((critical, _)) = certificate.octets(SERIAL_NUMBER)? else { return Ok(()) };
    ensure(!critical, || "the serial number extension is critical".into())?;
    ensure(enterprise, || {
        "the certificate tells the one device apart, and enterprise attestation was not asked for".into()
    })
}
