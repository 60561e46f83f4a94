//! Format `fido-u2f`, WebAuthn Level 3 §8.6.
use super::super::names::Subject;
use super::super::point;
use super::workshop::Workshop;
use super::{CaError, Flaw};
use wire::cbor::{self, Value};
use wire::cose::Algorithm;

pub(super) fn statement(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    // Verification procedure, step 2: one certificate, for a key on P-256.
    let on_p384 = shop.has(Flaw::KeyNotOnP256);
    let attester = shop.attester(if on_p384 { Algorithm::ES384 } else { Algorithm::ES256 })?;
    let (by, above) = if shop.has(Flaw::TwoCertificates) {
        let between = shop.intermediate()?;
        let shown = between.certificate.clone();
        (between, Some(shown))
    } else {
        (shop.root()?, None)
    };
    let leaf = shop.certify(&by, Workshop::leaf(&Subject::u2f("forged")), &attester)?;
    // Steps 4 and 5: 0x00 || rpIdHash || clientDataHash || credentialId || publicKeyU2F.
    let rp_id_hash = &shop.draft.auth_data.get(..32).unwrap_or_default();
    let key = point(&shop.draft.credential.public)?;
    let message = [&[0], *rp_id_hash, shop.draft.client_data_hash, shop.credential_id()?, &key].concat();
    let sig = shop.sign(&attester.key, &message)?;
    Ok(shop.members([("sig", Some(cbor::bytes(sig))), ("x5c", shop.x5c([leaf].into_iter().chain(above)))]))
}
