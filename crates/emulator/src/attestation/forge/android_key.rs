//! Format `android-key`, WebAuthn Level 3 §8.4.
use super::super::names::Subject;
use super::workshop::{Attester, Workshop, turn_last_bit};
use super::{CaError, Flaw, der};
use rcgen::CustomExtension;
use wire::cbor::{self, Value};
use wire::cose::PublicKey;

/// The extension of Android's key attestation.
const KEY_DESCRIPTION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];
/// attestationVersion and keymasterVersion of Keymaster 4.
const VERSIONS: (u8, u8) = (3, 4);
/// SecurityLevel: Software, and TrustedEnvironment, which this key is not in, and relying parties want.
const SOFTWARE: u8 = 0;
const TRUSTED_ENVIRONMENT: u8 = 1;
/// Tags of AuthorizationList.
const PURPOSE: u16 = 1;
const ALGORITHM: u16 = 2;
const NO_AUTH_REQUIRED: u16 = 503;
const ALL_APPLICATIONS: u16 = 600;
const ORIGIN: u16 = 702;
/// KM_PURPOSE_DECRYPT, KM_PURPOSE_SIGN and KM_PURPOSE_VERIFY.
const DECRYPT: u8 = 1;
const SIGN: u8 = 2;
const VERIFY: u8 = 3;
/// KM_ALGORITHM_RSA and KM_ALGORITHM_EC.
const RSA: u8 = 1;
const EC: u8 = 3;
/// KM_ORIGIN_GENERATED and KM_ORIGIN_IMPORTED.
const GENERATED: u8 = 0;
const IMPORTED: u8 = 2;

pub(super) fn statement(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    // The certified key signs, also where it is not the credential's.
    let (key, message) = (shop.certified_credential()?, shop.message());
    let root = shop.root()?;
    let mut parameters = Workshop::leaf(&Subject::other("Test Android", "fauxkey test keystore key"));
    if !shop.has(Flaw::KeyDescriptionMissing) {
        let description = key_description(shop, &key.public);
        parameters.custom_extensions.push(CustomExtension::from_oid_content(KEY_DESCRIPTION, description));
    }
    let leaf = shop.certify(&root, parameters, &Attester::itself(key.clone()))?;
    let sig = shop.sign(&key, &message)?;
    // The path of Android's keystore goes up to the root, and verifiers take the last certificate for it.
    Ok(shop.members([
        ("alg", shop.algorithm(&key)),
        ("sig", Some(cbor::bytes(sig))),
        ("x5c", shop.x5c([leaf, root.certificate])),
    ]))
}

/// KeyDescription, §8.4.1.
fn key_description(shop: &Workshop<'_>, key: &PublicKey) -> Vec<u8> {
    let mut challenge = *shop.draft.client_data_hash;
    if shop.has(Flaw::ChallengeWrong) {
        turn_last_bit(&mut challenge);
    }
    let (mut software_enforced, mut tee_enforced) = (Vec::new(), authorization_list(shop, key));
    let mut security_level = TRUSTED_ENVIRONMENT;
    match shop.flaw {
        Some(Flaw::AllApplicationsBySoftware) => {
            software_enforced.push(der::explicit(ALL_APPLICATIONS, &der::null()));
        }
        Some(Flaw::SoftwareEnforced) => {
            std::mem::swap(&mut software_enforced, &mut tee_enforced);
            security_level = SOFTWARE;
        }
        _ => (),
    }
    let (attestation_version, keymaster_version) = VERSIONS;
    let unique_id = &[];
    der::sequence(&[
        der::integer(&[attestation_version]),
        der::enumerated(security_level),
        der::integer(&[keymaster_version]),
        der::enumerated(security_level),
        der::octets(&challenge),
        der::octets(unique_id),
        der::sequence(&software_enforced),
        der::sequence(&tee_enforced),
    ])
}

/// AuthorizationList, its members in the order of their tags.
fn authorization_list(shop: &Workshop<'_>, key: &PublicKey) -> Vec<Vec<u8>> {
    let number = |number: u8| der::integer(&[number]);
    let purposes = match shop.flaw {
        Some(Flaw::PurposeMissing) => None,
        Some(Flaw::PurposeNotSign) => Some(vec![number(VERIFY)]),
        Some(Flaw::PurposeAlsoDecrypt) => Some(vec![number(DECRYPT), number(SIGN)]),
        _ => Some(vec![number(SIGN)]),
    };
    let algorithm = if matches!(key, PublicKey::Rsa { .. }) { RSA } else { EC };
    let origin = match shop.flaw {
        Some(Flaw::OriginMissing) => None,
        Some(Flaw::OriginNotGenerated) => Some(IMPORTED),
        _ => Some(GENERATED),
    };
    let members = [
        purposes.map(|purposes| der::explicit(PURPOSE, &der::set(&purposes))),
        Some(der::explicit(ALGORITHM, &number(algorithm))),
        Some(der::explicit(NO_AUTH_REQUIRED, &der::null())),
        shop.has(Flaw::AllApplications).then(|| der::explicit(ALL_APPLICATIONS, &der::null())),
        origin.map(|origin| der::explicit(ORIGIN, &number(origin))),
    ];
    members.into_iter().flatten().collect()
}
