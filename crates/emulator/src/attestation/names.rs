//! Who the certificates say they are: plainly nobody's vendor.
use rcgen::string::PrintableString;
use rcgen::{DistinguishedName, DnType, DnValue};
use ring::digest;
use wire::cose::PublicKey;

/// The organization in every certificate.
pub(super) const ORGANIZATION: &str = "fauxkey test CA: software keys protect nothing";
/// WebAuthn Level 3 §8.2.1 wants this literal in an attestation certificate.
const ATTESTATION: &str = "Authenticator Attestation";
/// id-at-serialNumber, X.520.
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
/// The longest common name in characters, RFC 5280 appendix A.1 (ub-common-name).
const LONGEST_COMMON_NAME: usize = 64;

/// A country code of ISO 3166.
pub(super) struct Country(&'static str);

impl Country {
    /// ISO 3166-1 leaves ZZ to its users; no vendor is incorporated there.
    pub(super) const NOBODYS: Self = Self("ZZ");
    /// As long as one, and none: they are letters.
    pub(super) const NO_COUNTRYS: Self = Self("00");
}

/// The subject of a certificate.
pub(super) struct Subject {
    unit: &'static str,
    common_name: String,
    serial_number: Option<String>,
}

impl Subject {
    /// A root, told apart from older and newer ones by its key.
    pub(super) fn root(key: &PublicKey) -> Self {
        let key = wire::cbor::encode(&key.to_value());
        let digest = digest::digest(&digest::SHA256, &key);
        let common_name = format!("fauxkey test root {}", wire::hex::encode(&digest.as_ref()[..4]));
        Self { unit: "Test Root", common_name, serial_number: None }
    }

    /// A CA between the root and what attests.
    pub(super) fn intermediate() -> Self {
        let common_name = "fauxkey test intermediate".into();
        Self { unit: "Test Intermediate", common_name, serial_number: None }
    }

    /// Whose certificate is no authenticator's own, as that of a service.
    pub(super) fn other(unit: &'static str, common_name: &str) -> Self {
        Self { unit, common_name: common_name.into(), serial_number: None }
    }

    pub(super) fn batch(model: &str) -> Self {
        Self::leaf("fauxkey test", model, None)
    }

    pub(super) fn u2f(model: &str) -> Self {
        Self::leaf("fauxkey test U2F", model, None)
    }

    pub(super) fn enterprise(model: &str, serial: &[u8]) -> Self {
        Self::leaf("fauxkey test enterprise", model, Some(wire::hex::encode(serial)))
    }

    /// Who signs metadata, told apart by its key, as each BLOB has another.
    pub(super) fn metadata(public_key: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, public_key);
        let common_name = format!("fauxkey test metadata {}", wire::hex::encode(&digest.as_ref()[..4]));
        Self { unit: "Test Metadata", common_name, serial_number: None }
    }

    fn leaf(kind: &str, model: &str, serial_number: Option<String>) -> Self {
        let common_name = format!("{kind}: {model}").chars().take(LONGEST_COMMON_NAME).collect();
        Self { unit: ATTESTATION, common_name, serial_number }
    }

    /// §8.2.1: C is a PrintableString, the others are UTF-8.
    pub(super) fn name(&self, country: Country) -> DistinguishedName {
        let printable = |text: &str| {
            let text = PrintableString::try_from(text).expect("letters and digits are printable");
            DnValue::PrintableString(text)
        };
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, printable(country.0));
        name.push(DnType::OrganizationName, ORGANIZATION);
        name.push(DnType::OrganizationalUnitName, self.unit);
        name.push(DnType::CommonName, self.common_name.as_str());
        if let Some(serial) = &self.serial_number {
            name.push(DnType::CustomDnType(SERIAL_NUMBER.to_vec()), printable(serial));
        }
        name
    }
}
