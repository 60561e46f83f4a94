//! Changes of a registration's authenticator data, WebAuthn L3 §6.1, and of the public key in them.
use super::envelope::{RESERVED, refused};
use super::good::set;
use super::registration::auth;
use super::{Change::*, Draft, ORIGIN, Only, Outcome::*, Row, row};
use relying_party::Step;
use sha2::{Digest, Sha256};
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value as Cbor};
use wire::webauthn::AuthenticatorData;

fn attested(data: &mut AuthenticatorData) -> &mut wire::webauthn::AttestedCredentialData {
    data.attested.as_mut().expect("it is a registration")
}

/// A flag turned over by an authenticator that signs it so.
pub(super) fn flag<const BIT: usize>(draft: &mut Draft) {
    draft.auth[32] ^= 1 << BIT;
}

#[allow(clippy::ptr_arg, reason = "it is one of the changes of an object, which may add members")]
fn flag_on_the_way<const BIT: usize>(members: &mut Vec<(Cbor, Cbor)>) {
    auth(members, |auth| auth[32] ^= 1 << BIT);
}

pub(super) const FLAGS: &[Row] = &[
    refused("authData.flags.UP", "turned over", Step::UserPresent, Made(flag::<0>)),
    row("authData.flags.RFU1", "turned over", Accepted(RESERVED), Made(flag::<1>)),
    refused("authData.flags.UV", "turned over", Step::UserVerified, Made(flag::<2>)),
    refused("authData.flags.BE", "turned over", Step::DeviceBound, Made(flag::<3>)),
    refused("authData.flags.BS", "turned over", Step::BackupState, Made(flag::<4>)),
    row("authData.flags.RFU2", "turned over", Accepted(RESERVED), Made(flag::<5>)),
    refused("authData.flags.AT", "turned over", Step::AuthenticatorData, Made(flag::<6>)),
    refused("authData.flags.ED", "turned over", Step::AuthenticatorData, Made(flag::<7>)),
    refused("authData.flags.UP", "on the way", Step::UserPresent, Object(flag_on_the_way::<0>)),
    refused("authData.flags.RFU1", "on the way", Step::AttestationSignature, Object(flag_on_the_way::<1>)),
    refused("authData.flags.UV", "on the way", Step::UserVerified, Object(flag_on_the_way::<2>)),
    refused("authData.flags.BE", "on the way", Step::DeviceBound, Object(flag_on_the_way::<3>)),
    refused("authData.flags.BS", "on the way", Step::BackupState, Object(flag_on_the_way::<4>)),
    refused("authData.flags.RFU2", "on the way", Step::AttestationSignature, Object(flag_on_the_way::<5>)),
    refused("authData.flags.AT", "on the way", Step::AuthenticatorData, Object(flag_on_the_way::<6>)),
    refused("authData.flags.ED", "on the way", Step::AuthenticatorData, Object(flag_on_the_way::<7>)),
];

pub(super) const ROWS: &[Row] = &[
    // The authenticator data, §6.1.
    refused(
        "authData.rpIdHash",
        "a bit turned over",
        Step::RpIdHash,
        Made(|d| d.data(|data| data.rp_id_hash[31] ^= 1)),
    ),
    refused(
        "authData.rpIdHash",
        "of the domain above",
        Step::RpIdHash,
        Made(|d| d.data(|data| data.rp_id_hash = Sha256::digest("contoso.test").into())),
    ),
    refused(
        "authData.rpIdHash",
        "of the origin",
        Step::RpIdHash,
        Made(|d| d.data(|data| data.rp_id_hash = Sha256::digest(ORIGIN).into())),
    ),
    row(
        "authData.signCount",
        "another",
        Accepted("a first counter may be anything"),
        Made(|d| d.data(|data| data.sign_count = u32::MAX)),
    ),
    refused(
        "authData.signCount",
        "on the way",
        Step::AttestationSignature,
        Object(|o| auth(o, |auth| auth[36] ^= 1)),
    ),
    refused(
        "authData.aaguid",
        "another",
        Step::CertificateModel,
        Made(|d| d.data(|data| attested(data).aaguid.0[0] ^= 1)),
    ),
    refused(
        "authData.aaguid",
        "zeros",
        Step::CertificateModel,
        Made(|d| d.data(|data| attested(data).aaguid = Aaguid::ZERO)),
    ),
    refused(
        "authData.aaguid",
        "on the way",
        Step::AttestationSignature,
        Object(|o| auth(o, |auth| auth[37] ^= 1)),
    ),
    refused("authData.credentialIdLength", "one more", Step::AuthenticatorData, Made(|d| d.auth[54] += 1)),
    refused("authData.credentialIdLength", "one less", Step::AuthenticatorData, Made(|d| d.auth[54] -= 1)),
    refused(
        "authData.credentialIdLength",
        "beyond the end",
        Step::AuthenticatorData,
        Made(|d| d.auth[53] = 0xFF),
    ),
    refused(
        "authData.credentialId",
        "another",
        Step::AttestedCredentialId,
        Made(|d| d.data(|data| attested(data).credential_id[0] ^= 1)),
    ),
    refused(
        "authData.credentialId",
        "empty",
        Step::AttestedCredentialId,
        Made(|d| d.data(|data| attested(data).credential_id.clear())),
    ),
    refused(
        "authData.credentialId",
        "of 1024 bytes",
        Step::CredentialIdLength,
        Made(|d| d.data(|data| attested(data).credential_id = vec![1; 1024])),
    ),
    refused(
        "authData.credentialId",
        "on the way",
        Step::AttestationSignature,
        Object(|o| auth(o, |auth| auth[55] ^= 1)),
    ),
    refused(
        "authData.extensions",
        "one that was not asked for",
        Step::AuthenticatorExtensions,
        Made(|d| {
            d.data(|data| data.extensions = Some(cbor::text_map([("credProtect", Some(2.into()))])));
        }),
    ),
    refused(
        "authData.extensions",
        "no map",
        Step::AuthenticatorData,
        Made(|d| d.data(|data| data.extensions = Some(Cbor::Array(vec![])))),
    ),
    refused(
        "authData.extensions",
        "a name twice",
        Step::AuthenticatorData,
        Made(|d| {
            let at = d.auth.iter().rposition(|byte| *byte == 0xA1).expect("a map of one member is last");
            d.auth[at] = 0xA2;
            d.auth.extend_from_within(at + 1..);
        }),
    ),
    refused("authData.extensions", "a byte after them", Step::AuthenticatorData, Made(|d| d.auth.push(0))),
    refused(
        "authData.extensions",
        "cut",
        Step::AuthenticatorData,
        Made(|d| d.auth.truncate(d.auth.len() - 1)),
    ),
    refused("authData", "36 bytes", Step::AuthenticatorData, Made(|d| d.auth.truncate(36))),
    // The public key, §6.5.1 and §5.8.5.
    refused("key.kty (1)", "absent", Step::AuthenticatorData, Made(|d| d.members(|key| set(key, 1, None)))),
    refused(
        "key.kty (1)",
        "another",
        Step::AuthenticatorData,
        Made(|d| d.members(|key| set(key, 1, Some(4.into())))),
    ),
    refused("key.alg (3)", "absent", Step::AuthenticatorData, Made(|d| d.members(|key| set(key, 3, None)))),
    refused(
        "key.alg (3)",
        "text",
        Step::AuthenticatorData,
        Made(|d| d.members(|key| set(key, 3, Some("ES256".into())))),
    ),
    refused(
        "key.alg (3)",
        "of another type of key",
        Step::AuthenticatorData,
        Made(|d| d.members(|key| set(key, 3, Some((-8).into())))),
    ),
    refused(
        "key.alg (3)",
        "not offered",
        Step::Algorithm,
        Made(|d| d.members(|key| set(key, 3, Some((-36).into())))),
    ),
    refused(
        "key.crv (-1)",
        "another",
        Step::AuthenticatorData,
        Made(|d| d.members(|key| set(key, -1, Some(2.into())))),
    )
    .only(Only::Es256),
    refused(
        "key.x (-2)",
        "no point",
        Step::Curve,
        Made(|d| d.members(|key| set(key, -2, Some(cbor::bytes([0xFF; 32]))))),
    )
    .only(Only::Es256),
    refused(
        "key.x (-2)",
        "of 31 bytes",
        Step::AuthenticatorData,
        Made(|d| d.members(|key| set(key, -2, Some(cbor::bytes([1; 31]))))),
    )
    .only(Only::Es256),
    refused("key.y (-3)", "absent", Step::AuthenticatorData, Made(|d| d.members(|key| set(key, -3, None))))
        .only(Only::Es256),
    refused(
        "key.y (-3)",
        "a sign: the point is compressed",
        Step::AuthenticatorData,
        Made(|d| d.members(|key| set(key, -3, Some(true.into())))),
    )
    .only(Only::Es256),
    refused(
        "key.y (-3)",
        "no point",
        Step::Curve,
        Made(|d| d.members(|key| set(key, -3, Some(cbor::bytes([1; 32]))))),
    )
    .only(Only::Es256),
    refused(
        "key.n (-1)",
        "of 1024 bits",
        Step::Curve,
        Made(|d| d.members(|key| set(key, -1, Some(cbor::bytes([0xFF; 128]))))),
    )
    .only(Only::Rs256),
    refused(
        "key.n (-1)",
        "even",
        Step::Curve,
        Made(|d| d.members(|key| set(key, -1, Some(cbor::bytes([0xFE; 256]))))),
    )
    .only(Only::Rs256),
    refused(
        "key.n (-1)",
        "empty",
        Step::AuthenticatorData,
        Made(|d| d.members(|key| set(key, -1, Some(cbor::bytes([]))))),
    )
    .only(Only::Rs256),
    refused("key.e (-2)", "1", Step::Curve, Made(|d| d.members(|key| set(key, -2, Some(cbor::bytes([1]))))))
        .only(Only::Rs256),
    refused("key.e (-2)", "absent", Step::AuthenticatorData, Made(|d| d.members(|key| set(key, -2, None))))
        .only(Only::Rs256),
    refused(
        "key.(further)",
        "a kid",
        Step::CoseKey,
        Made(|d| d.members(|key| set(key, 2, Some(cbor::bytes([1]))))),
    ),
    refused(
        "key",
        "a member twice",
        Step::AuthenticatorData,
        Made(|d| d.key(|key| [&[key[0] + 1], &key[1..3], &key[1..]].concat())),
    ),
    refused(
        "key",
        "members in another order",
        Step::AuthenticatorData,
        Made(|d| {
            d.key(|key| {
                // kty is two bytes, alg is 03 26 or 03 39 01 00.
                let alg = if key[4] == 0x26 { 2 } else { 4 };
                let mut other = key.to_vec();
                other[1..3 + alg].rotate_left(2);
                other
            })
        }),
    ),
    // What a reader makes of it that does not count the byte depends on the last one of the key: of ES256, on chance.
    refused(
        "key",
        "a number longer than it need be",
        Step::AuthenticatorData,
        Made(|d| d.key(|key| [&key[..2], &[0x18, key[2]], &key[3..]].concat())),
    )
    .only(Only::Rs256),
];
