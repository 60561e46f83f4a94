//! How a new credential is attested, CTAP 2.2 §6.1.2 step 19, and the statement formats of WebAuthn Level 3 §8.
use crate::authenticator::Authenticator;
use crate::profile::{Attestation, Profile};
use crate::signer::{Attested, Attester, Signed, Signer, SignerError, Stated};
use crate::store::KeyPair;
use alloc::{string::ToString, vec::Vec};
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value};
use wire::cose::{Algorithm, PublicKey};
use wire::ctap1::RegistrationData;
use wire::ctap2::{MakeCredential, MakeCredentialResponse};
use wire::status::CtapError;
use wire::webauthn::AuthenticatorData;

/// A statement, and the authenticator data that stands beside it.
struct Statement {
    mode: Attestation,
    auth_data: Vec<u8>,
    att_stmt: Value,
}

/// The response, attested as the platform and the profile agree.
pub(crate) fn attest(
    auth: &mut Authenticator,
    key: &KeyPair,
    data: AuthenticatorData,
    request: &MakeCredential,
) -> Result<MakeCredentialResponse, CtapError> {
    let wanted = choose(&auth.capabilities.profile, key.public.algorithm(), request);
    // CTAP 2.1 §6.1.2 step 9 has refused where enterprise attestation is not enabled. A platform that wants no
    // statement at all gets none of this kind either.
    let profile = &auth.capabilities.profile;
    let enterprise = wanted != Attestation::None
        && request
            .enterprise_attestation
            .is_some_and(|value| profile.grants_enterprise_attestation(value, &request.rp.id));
    let by = if enterprise { Attester::Enterprise } else { Attester::Batch };
    let (statement, ep_att) = match wanted {
        _ if enterprise => (packed(auth, by, &data, request)?, true),
        Attestation::None => (none(auth, &data), false),
        Attestation::PackedSelf => (packed_self(auth, key, &data, request)?, false),
        Attestation::Packed => (packed(auth, by, &data, request)?, false),
        Attestation::FidoU2f => (fido_u2f(auth, key, data, request)?, false),
        Attestation::Tpm | Attestation::AndroidKey | Attestation::AndroidSafetyNet | Attestation::Apple => {
            (by_platform(auth, wanted, key, &data, request)?, false)
        }
    };
    Ok(MakeCredentialResponse {
        fmt: statement.mode.format().to_string(),
        auth_data: statement.auth_data,
        att_stmt: statement.att_stmt,
        ep_att,
        large_blob_key: None,
        unsigned_extension_outputs: None,
    })
}

/// Whether attesting takes so long that a platform should hear of it first: SafetyNet signs by RSA (WebAuthn Level 3 §8.5).
pub(crate) fn is_slow(
    profile: &Profile,
    algorithm: Algorithm,
    request: &MakeCredential,
    signer: &dyn Signer,
) -> bool {
    choose(profile, algorithm, request) == Attestation::AndroidSafetyNet && signer.is_slow(Algorithm::RS256)
}

/// CTAP 2.2 §6.1.2 step 19: `none` alone is no attestation; otherwise the first format on the list that is
/// supported, and the usual one if none is.
fn choose(profile: &Profile, algorithm: Algorithm, request: &MakeCredential) -> Attestation {
    let preferred = request.attestation_formats.as_deref().unwrap_or_default();
    if matches!(preferred, [only] if only == Attestation::None.format()) {
        return Attestation::None;
    }
    let supported = |format: &alloc::string::String| {
        profile
            .attestations()
            .find(|mode| *mode != Attestation::None && mode.format() == format && mode.attests(algorithm))
    };
    preferred
        .iter()
        .find_map(supported)
        .or_else(|| profile.attestations().find(|mode| mode.attests(algorithm)))
        .unwrap_or(Attestation::None)
}

/// §8.7.
fn none(auth: &mut Authenticator, data: &AuthenticatorData) -> Statement {
    let auth_data = auth.signer.present(data);
    Statement { mode: Attestation::None, auth_data, att_stmt: Value::Map(Vec::new()) }
}

/// §8.2, self attestation: by the credential's own key.
fn packed_self(
    auth: &mut Authenticator,
    key: &KeyPair,
    data: &AuthenticatorData,
    request: &MakeCredential,
) -> Result<Statement, CtapError> {
    let Signed { auth_data, signature } =
        auth.signer.sign(key, data, &request.client_data_hash).map_err(Authenticator::signer_failed)?;
    let att_stmt = cbor::text_map([
        ("alg", Some(key.public.algorithm().0.into())),
        ("sig", Some(Value::Bytes(signature))),
    ]);
    Ok(Statement { mode: Attestation::PackedSelf, auth_data, att_stmt })
}

/// §8.2, basic attestation: by an attestation key, whose certificates come along.
fn packed(
    auth: &mut Authenticator,
    by: Attester,
    data: &AuthenticatorData,
    request: &MakeCredential,
) -> Result<Statement, CtapError> {
    let Attested { auth_data, signature, algorithm, chain } =
        auth.signer.attest(by, data, &request.client_data_hash).map_err(Authenticator::signer_failed)?;
    let att_stmt = cbor::text_map([
        ("alg", Some(algorithm.0.into())),
        ("sig", Some(Value::Bytes(signature))),
        ("x5c", Some(x5c(chain))),
    ]);
    Ok(Statement { mode: Attestation::Packed, auth_data, att_stmt })
}

/// §8.6: what a U2F key would have signed. Such a key has no AAGUID, and a relying party that knows the format
/// wants zeros there.
fn fido_u2f(
    auth: &mut Authenticator,
    key: &KeyPair,
    mut data: AuthenticatorData,
    request: &MakeCredential,
) -> Result<Statement, CtapError> {
    let PublicKey::P256 { x, y } = key.public else {
        return Err(Authenticator::signer_failed(SignerError::Unsupported(key.public.algorithm())));
    };
    let mut key_handle = Vec::new();
    if let Some(attested) = &mut data.attested {
        attested.aaguid = Aaguid::ZERO;
        key_handle.clone_from(&attested.credential_id);
    }
    let registration = RegistrationData {
        application: data.rp_id_hash,
        challenge: request.client_data_hash,
        key_handle,
        x,
        y,
    };
    let Attested { signature, chain, .. } =
        auth.signer.attest_u2f(Attester::Batch, &registration).map_err(Authenticator::signer_failed)?;
    let att_stmt = cbor::text_map([("sig", Some(Value::Bytes(signature))), ("x5c", Some(x5c(chain)))]);
    Ok(Statement { mode: Attestation::FidoU2f, auth_data: auth.signer.present(&data), att_stmt })
}

/// §8.3 to §8.5 and §8.8: who says it is not the authenticator.
fn by_platform(
    auth: &mut Authenticator,
    mode: Attestation,
    key: &KeyPair,
    data: &AuthenticatorData,
    request: &MakeCredential,
) -> Result<Statement, CtapError> {
    let Stated { auth_data, att_stmt } = auth
        .signer
        .state(mode, key, data, &request.client_data_hash, &mut auth.rng)
        .map_err(Authenticator::signer_failed)?;
    Ok(Statement { mode, auth_data, att_stmt })
}

fn x5c(chain: Vec<Vec<u8>>) -> Value {
    Value::Array(chain.into_iter().map(Value::Bytes).collect())
}
