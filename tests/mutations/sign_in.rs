//! Changes of a sign-in's own members: user handle, signature, and authenticator data, WebAuthn L3 §6.1.
use super::attested::flag;
use super::envelope::{DIALECT, RESERVED, again, edit_bytes, refused, standard};
use super::good::{bytes, text};
use super::{Change::*, Draft, ORIGIN, Only, Outcome::*, Row, row};
use relying_party::Step;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value as Cbor};
use wire::cose::PublicKey;
use wire::webauthn::{AttestedCredentialData, Flags};

const COUNTS: &str = "a counter may grow by any number";

fn flag_on_the_way<const BIT: usize>(json: &mut Value) {
    edit_bytes(json, "authenticatorData", |data| data[32] ^= 1 << BIT);
}

fn extensions(draft: &mut Draft, outputs: Cbor) {
    draft.data(|data| {
        data.flags |= Flags::ED;
        data.extensions = Some(outputs);
    });
}

/// The other of the two numbers s that verify: n - s.
fn other_s(json: &mut Value) {
    edit_bytes(json, "signature", |der| {
        let signature = p256::ecdsa::Signature::from_der(der).expect("it is good");
        let (r, s) = signature.split_scalars();
        let other =
            p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).expect("it is none of zero");
        *der = other.to_der().as_bytes().to_vec();
    });
}

pub(super) const FLAGS: &[Row] = &[
    refused("authData.flags.UP", "turned over", Step::UserPresent, Made(flag::<0>)),
    row("authData.flags.RFU1", "turned over", Accepted(RESERVED), Made(flag::<1>)),
    refused("authData.flags.UV", "turned over", Step::UserVerified, Made(flag::<2>)),
    refused("authData.flags.BE", "turned over", Step::BackupEligibility, Made(flag::<3>)),
    refused("authData.flags.BS", "turned over", Step::BackupState, Made(flag::<4>)),
    row("authData.flags.RFU2", "turned over", Accepted(RESERVED), Made(flag::<5>)),
    refused("authData.flags.AT", "turned over", Step::AuthenticatorData, Made(flag::<6>)),
    refused("authData.flags.ED", "turned over", Step::AuthenticatorData, Made(flag::<7>)),
    refused("authData.flags.UP", "on the way", Step::UserPresent, Json(flag_on_the_way::<0>)),
    refused("authData.flags.RFU1", "on the way", Step::Signature, Json(flag_on_the_way::<1>)),
    refused("authData.flags.UV", "on the way", Step::UserVerified, Json(flag_on_the_way::<2>)),
    refused("authData.flags.BE", "on the way", Step::BackupEligibility, Json(flag_on_the_way::<3>)),
    refused("authData.flags.BS", "on the way", Step::BackupState, Json(flag_on_the_way::<4>)),
    refused("authData.flags.RFU2", "on the way", Step::Signature, Json(flag_on_the_way::<5>)),
    refused("authData.flags.AT", "on the way", Step::AuthenticatorData, Json(flag_on_the_way::<6>)),
    refused("authData.flags.ED", "on the way", Step::AuthenticatorData, Json(flag_on_the_way::<7>)),
];

pub(super) const ROWS: &[Row] = &[
    refused(
        "rawId",
        "of another credential, and id as well",
        Step::CredentialRecord,
        Json(|r| {
            (r["rawId"], r["id"]) = ("AAAA".into(), "AAAA".into());
        }),
    ),
    refused(
        "rawId",
        "of another credential, and id as well",
        Step::AllowedCredential,
        Json(|r| {
            (r["rawId"], r["id"]) = ("AAAA".into(), "AAAA".into());
        }),
    )
    .only(Only::ByName),
    refused(
        "clientExtensionResults",
        "of an extension that was not asked for",
        Step::ClientExtensions,
        Json(|r| {
            r["clientExtensionResults"]["appid"] = true.into();
        }),
    ),
    refused(
        "response.userHandle",
        "absent",
        Step::UserHandle,
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("userHandle"));
        }),
    ),
    row(
        "response.userHandle",
        "absent",
        Accepted("the account was identified beforehand (§7.2 step 6)"),
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("userHandle"));
        }),
    )
    .only(Only::ByName),
    refused(
        "response.userHandle",
        "null",
        Step::UserHandle,
        Json(|r| r["response"]["userHandle"] = Value::Null),
    ),
    refused(
        "response.userHandle",
        "of another account",
        Step::UserHandle,
        Json(|r| r["response"]["userHandle"] = "AAAA".into()),
    ),
    refused(
        "response.userHandle",
        "of another account",
        Step::UserHandle,
        Json(|r| r["response"]["userHandle"] = "AAAA".into()),
    )
    .only(Only::ByName),
    refused(
        "response.userHandle",
        "empty",
        Step::UserHandle,
        Json(|r| r["response"]["userHandle"] = "".into()),
    ),
    refused("response.userHandle", "encoded twice", Step::UserHandle, Json(|r| again(r, "userHandle"))),
    row("response.userHandle", "no base64", Unreadable, Json(|r| r["response"]["userHandle"] = "*".into())),
    refused(
        "response.clientDataJSON",
        "with a space more on the way",
        Step::Signature,
        Json(|r| {
            edit_bytes(r, "clientDataJSON", |json| json.push(b' '));
        }),
    ),
    row(
        "response.authenticatorData",
        "absent",
        Unreadable,
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("authenticatorData"));
        }),
    ),
    refused(
        "response.authenticatorData",
        "empty",
        Step::AuthenticatorData,
        Json(|r| {
            r["response"]["authenticatorData"] = "".into();
        }),
    ),
    row(
        "response.authenticatorData",
        "in base64 with padding",
        Accepted(DIALECT),
        Json(|r| {
            standard(&mut r["response"]["authenticatorData"]);
        }),
    ),
    refused(
        "response.authenticatorData",
        "encoded twice",
        Step::AuthenticatorData,
        Json(|r| again(r, "authenticatorData")),
    ),
    row(
        "response.signature",
        "absent",
        Unreadable,
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("signature"));
        }),
    ),
    row("response.signature", "no base64", Unreadable, Json(|r| r["response"]["signature"] = "*".into())),
    row(
        "response.signature",
        "in base64 with padding",
        Accepted(DIALECT),
        Json(|r| standard(&mut r["response"]["signature"])),
    ),
    refused("response.signature", "empty", Step::Signature, Json(|r| r["response"]["signature"] = "".into())),
    refused(
        "response.signature",
        "a bit turned over",
        Step::Signature,
        Json(|r| {
            edit_bytes(r, "signature", |sig| *sig.last_mut().unwrap() ^= 1);
        }),
    ),
    refused(
        "response.signature",
        "a byte after it",
        Step::Signature,
        Json(|r| edit_bytes(r, "signature", |sig| sig.push(0))),
    ),
    refused(
        "response.signature",
        "cut",
        Step::Signature,
        Json(|r| edit_bytes(r, "signature", |sig| sig.truncate(sig.len() - 1))),
    ),
    refused(
        "response.signature",
        "zeros",
        Step::Signature,
        Json(|r| edit_bytes(r, "signature", |sig| sig.fill(0))),
    ),
    refused("response.signature", "encoded twice", Step::Signature, Json(|r| again(r, "signature"))),
    refused(
        "response.signature",
        "with zeros that its numbers do not need",
        Step::Signature,
        Json(|r| {
            edit_bytes(r, "signature", |der| {
                // SEQUENCE and INTEGER, each a byte longer.
                (der[1], der[3]) = (der[1] + 1, der[3] + 1);
                der.insert(4, 0);
            });
        }),
    )
    .only(Only::Es256),
    refused(
        "response.signature",
        "as both numbers, and no DER",
        Step::Signature,
        Json(|r| {
            edit_bytes(r, "signature", |der| {
                *der = p256::ecdsa::Signature::from_der(der).expect("it is good").to_bytes().to_vec();
            });
        }),
    )
    .only(Only::Es256),
    row(
        "response.signature",
        "the other one of the same key and message",
        Accepted("(r, n - s) is a signature as (r, s) is (FIPS 186-5)"),
        Json(other_s),
    )
    .only(Only::Es256),
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
        "much more",
        Accepted(COUNTS),
        Made(|d| d.data(|data| data.sign_count = u32::MAX)),
    ),
    refused(
        "authData.signCount",
        "as it was at registration",
        Step::Counter,
        Made(|d| d.data(|data| data.sign_count = 1)),
    ),
    refused("authData.signCount", "zero again", Step::Counter, Made(|d| d.data(|data| data.sign_count = 0))),
    refused(
        "authData.signCount",
        "on the way",
        Step::Signature,
        Json(|r| edit_bytes(r, "authenticatorData", |data| data[33] ^= 1)),
    ),
    refused(
        "authData.attestedCredentialData",
        "there is some",
        Step::AttestedCredentialData,
        Made(|d| {
            d.data(|data| {
                data.flags |= Flags::AT;
                data.attested = Some(AttestedCredentialData {
                    aaguid: Aaguid::ZERO,
                    credential_id: vec![1; 16],
                    public_key: PublicKey::P256 { x: [1; 32], y: [2; 32] },
                });
            })
        }),
    ),
    refused(
        "authData.extensions",
        "one that was not asked for",
        Step::AuthenticatorExtensions,
        Made(|d| {
            extensions(d, cbor::text_map([("hmac-secret", Some(cbor::bytes([9; 48])))]));
        }),
    ),
    refused(
        "authData.extensions",
        "a name that is no text",
        Step::AuthenticatorExtensions,
        Made(|d| {
            extensions(d, Cbor::Map(vec![(1.into(), true.into())]));
        }),
    ),
    row(
        "authData.extensions",
        "an empty map",
        Accepted("no output is no unsolicited one"),
        Made(|d| extensions(d, Cbor::Map(vec![]))),
    ),
    refused(
        "authData.extensions",
        "no map",
        Step::AuthenticatorData,
        Made(|d| extensions(d, Cbor::Array(vec![]))),
    ),
    refused(
        "authData.extensions",
        "a name twice",
        Step::AuthenticatorData,
        Made(|d| {
            d.auth[32] |= Flags::ED.0;
            d.auth.extend(b"\xA2\x61a\x01\x61a\x01");
        }),
    ),
    refused("authData", "a byte after it", Step::AuthenticatorData, Made(|d| d.auth.push(0))),
    refused("authData", "36 bytes", Step::AuthenticatorData, Made(|d| d.auth.truncate(36))),
    refused(
        "authData",
        "that of another sign-in",
        Step::Signature,
        Json(|r| {
            let mut data = bytes(&r["response"]["authenticatorData"]);
            data[36] += 7;
            r["response"]["authenticatorData"] = text(&data);
        }),
    ),
];
