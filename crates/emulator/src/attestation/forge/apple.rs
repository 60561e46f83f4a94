//! Format `apple`, WebAuthn Level 3 §8.8.
use super::super::names::Subject;
use super::workshop::{Attester, Workshop, sha256, turn_last_bit};
use super::{CaError, Flaw, der};
use rcgen::CustomExtension;
use wire::cbor::Value;

/// The extension that holds the nonce.
const NONCE: &[u64] = &[1, 2, 840, 113635, 100, 8, 2];

pub(super) fn statement(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    // Verification procedure, steps 2 to 4: the hash of authenticatorData || clientDataHash stands in the certificate.
    let mut nonce = sha256(&shop.message());
    if shop.has(Flaw::NonceWrong) {
        turn_last_bit(&mut nonce);
    }
    let content = der::sequence(&[der::explicit(1, &der::octets(&nonce))]);
    let mut parameters = Workshop::leaf(&Subject::other("Test Apple", "fauxkey test anonymous credential"));
    if !shop.has(Flaw::NonceMissing) {
        parameters.custom_extensions.push(CustomExtension::from_oid_content(NONCE, content));
    }
    // Step 5: the certificate is for the credential's key.
    let (certified, root) = (shop.certified_credential()?, shop.root()?);
    let leaf = shop.certify(&root, parameters, &Attester::itself(certified))?;
    Ok(shop.members([("x5c", shop.x5c([leaf]))]))
}
