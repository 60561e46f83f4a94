//! Format `packed`, WebAuthn Level 3 §8.2.
use super::super::names::{Country, Subject};
use super::workshop::{Authority, Workshop};
use super::{CaError, Flaw};
use rcgen::DnType;
use wire::cbor::{self, Value};
use wire::cose::Algorithm;

/// Without certificates: the credential's key signs.
pub(super) fn own(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    let (key, message) = (shop.draft.credential, shop.message());
    let sig = shop.sign(key, &message)?;
    let x5c = shop.has(Flaw::X5cEmpty).then(|| shop.x5c([])).flatten();
    Ok(shop.members([("alg", shop.algorithm(key)), ("sig", Some(cbor::bytes(sig))), ("x5c", x5c)]))
}

/// With one certificate.
pub(super) fn basic(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    let root = shop.root()?;
    attested(shop, &root, None)
}

/// With a certificate between.
pub(super) fn chain(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    let between = shop.intermediate()?;
    let shown = (!shop.has(Flaw::IntermediateMissing)).then(|| between.certificate.clone());
    attested(shop, &between, shown)
}

fn attested(shop: &mut Workshop<'_>, by: &Authority, above: Option<Vec<u8>>) -> Result<Value, CaError> {
    let (attester, message) = (shop.attester(Algorithm::ES256)?, shop.message());
    // §8.2.1: version 3, and what a subject has to say.
    let subject = Subject::batch("forged");
    let mut parameters = Workshop::leaf(&subject);
    let name = &mut parameters.distinguished_name;
    *name = subject.name(Country::NOBODYS);
    match shop.flaw {
        Some(Flaw::CountryWrong) => *name = subject.name(Country::NO_COUNTRYS),
        Some(Flaw::CountryMissing) => drop(name.remove(DnType::CountryName)),
        Some(Flaw::OrganizationMissing) => drop(name.remove(DnType::OrganizationName)),
        Some(Flaw::UnitMissing) => drop(name.remove(DnType::OrganizationalUnitName)),
        Some(Flaw::UnitWrong) => name.push(DnType::OrganizationalUnitName, "fauxkey test"),
        Some(Flaw::CommonNameMissing) => drop(name.remove(DnType::CommonName)),
        _ => (),
    }
    shop.tell_aaguid(&mut parameters)?;
    let leaf = shop.certify(by, parameters, &attester)?;
    let sig = shop.sign(&attester.key, &message)?;
    Ok(shop.members([
        ("alg", shop.algorithm(&attester.key)),
        ("sig", Some(cbor::bytes(sig))),
        ("x5c", shop.x5c([leaf].into_iter().chain(above))),
    ]))
}
