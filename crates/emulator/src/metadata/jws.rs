//! A payload, signed: FIDO Metadata Service 3.1 §3.1.7, by RFC 7515.
use super::{MetadataError, base64};
use crate::attestation::TestCa;
use crate::signer::{FastSigner, parse_rsa};
use authenticator::signer::{Signer, SignerError};
use rand_core::CryptoRng;
use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};
use wire::base64url;
use wire::cose::{Algorithm, PublicKey};

/// The BLOB: a JWT in compact serialization, signed by a new key that is gone afterwards, with the certificate that `ca`
/// issued for it. The root is not in it: readers have it.
///
/// By RS256, as the FIDO Alliance's: python-fido2 (seen in 2.2.1) wants signatures of ES256 in DER, where a JWS has r and s one
/// behind the other (RFC 7518 §3.4), so that by ES256 no BLOB satisfies all readers. Making the key takes a moment.
///
/// # Errors
/// If no key can be made, used or certified.
pub fn sign(payload: &Value, ca: &TestCa, rng: &mut dyn CryptoRng) -> Result<String, MetadataError> {
    let key = FastSigner::default().generate(Algorithm::RS256, rng)?;
    let PublicKey::Rsa { n, e } = &key.public else {
        return Err(SignerError::Unsupported(key.public.algorithm()).into());
    };
    let pair = parse_rsa(key.private.expose(), n, e)?;
    let certificate = ca.certify_metadata_key(pair.public().as_ref())?;
    let header = json!({ "alg": "RS256", "typ": "JWT", "x5c": [base64(&certificate)] });
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let message = format!("{}.{}", part(&header), part(payload));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .map_err(|_| SignerError::Failed)?;
    Ok(format!("{message}.{}", base64url::encode(&signature)))
}
