//! Changes of a registration's own members: what repeats the attestation object, the object, and the packed statement.
use super::envelope::{ANY_VALUE, DIALECT, PASSED_OVER, again, edit_bytes, refused, standard};
use super::good::{of, set};
use super::{Change::*, Only, Outcome::*, Row, row};
use crate::{CA, rng};
use authenticator::signer::DeterministicSigner;
use emulator::attestation::TestCa;
use relying_party::Step;
use serde_json::json;
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value as Cbor};
use wire::webauthn::AuthenticatorData;

pub(super) const REPEATS: &str = "it repeats what the signed data say, and may be absent";

/// Somebody on the way changes authenticator data inside the attestation object.
pub(super) fn auth(members: &mut [(Cbor, Cbor)], edit: impl FnOnce(&mut Vec<u8>)) {
    let Cbor::Bytes(auth) = of(members, "authData") else { panic!("authData is bytes") };
    edit(auth);
}

/// And in the statement.
fn statement(members: &mut [(Cbor, Cbor)], edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
    let Cbor::Map(statement) = of(members, "attStmt") else { panic!("attStmt is a map") };
    edit(statement);
}

fn signature(members: &mut [(Cbor, Cbor)], edit: impl FnOnce(&mut Vec<u8>)) {
    statement(members, |statement| {
        let Cbor::Bytes(sig) = of(statement, "sig") else { panic!("sig is bytes") };
        edit(sig);
    });
}

fn certificate(members: &mut [(Cbor, Cbor)], edit: impl FnOnce(&mut Vec<u8>)) {
    statement(members, |statement| {
        let Cbor::Array(x5c) = of(statement, "x5c") else { panic!("x5c is an array") };
        let Cbor::Bytes(leaf) = &mut x5c[0] else { panic!("certificates are bytes") };
        edit(leaf);
    });
}

pub(super) const ROWS: &[Row] = &[
    refused(
        "rawId",
        "of another credential, and id as well",
        Step::AttestedCredentialId,
        Json(|r| {
            (r["rawId"], r["id"]) = ("AAAA".into(), "AAAA".into());
        }),
    ),
    refused(
        "clientExtensionResults",
        "of an extension that was not asked for",
        Step::ClientExtensions,
        Json(|r| {
            r["clientExtensionResults"]["largeBlob"] = json!({"supported": true});
        }),
    ),
    row(
        "response.transports",
        "absent",
        Accepted("transports are hints, and none are hints as well"),
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("transports"));
        }),
    ),
    row(
        "response.transports",
        "unknown",
        Accepted(ANY_VALUE),
        Json(|r| r["response"]["transports"] = json!(["pigeon"])),
    ),
    row("response.transports", "text", Unreadable, Json(|r| r["response"]["transports"] = "usb".into())),
    row(
        "response.authenticatorData",
        "absent",
        Accepted(REPEATS),
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("authenticatorData"));
        }),
    ),
    refused(
        "response.authenticatorData",
        "another flag",
        Step::Conveniences,
        Json(|r| {
            edit_bytes(r, "authenticatorData", |data| data[32] ^= 8);
        }),
    ),
    row(
        "response.publicKey",
        "absent",
        Accepted(REPEATS),
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("publicKey"));
        }),
    ),
    refused(
        "response.publicKey",
        "another",
        Step::Conveniences,
        Json(|r| {
            edit_bytes(r, "publicKey", |key| *key.last_mut().unwrap() ^= 1);
        }),
    ),
    refused(
        "response.publicKeyAlgorithm",
        "another",
        Step::Conveniences,
        Json(|r| {
            r["response"]["publicKeyAlgorithm"] = (-8).into();
        }),
    ),
    row(
        "response.publicKeyAlgorithm",
        "text",
        Unreadable,
        Json(|r| {
            r["response"]["publicKeyAlgorithm"] = "ES256".into();
        }),
    ),
    refused(
        "response.clientDataJSON",
        "with a space more on the way",
        Step::AttestationSignature,
        Json(|r| {
            edit_bytes(r, "clientDataJSON", |json| json.push(b' '));
        }),
    ),
    row(
        "response.attestationObject",
        "absent",
        Unreadable,
        Json(|r| {
            drop(r["response"].as_object_mut().unwrap().remove("attestationObject"));
        }),
    ),
    refused(
        "response.attestationObject",
        "empty",
        Step::AttestationObject,
        Json(|r| {
            r["response"]["attestationObject"] = "".into();
        }),
    ),
    row(
        "response.attestationObject",
        "in base64 with padding",
        Accepted(DIALECT),
        Json(|r| {
            standard(&mut r["response"]["attestationObject"]);
        }),
    ),
    refused(
        "response.attestationObject",
        "encoded twice",
        Step::AttestationObject,
        Json(|r| {
            again(r, "attestationObject");
        }),
    ),
    refused(
        "response.attestationObject",
        "a byte after it",
        Step::AttestationObject,
        Json(|r| {
            edit_bytes(r, "attestationObject", |object| object.push(0));
        }),
    ),
    refused(
        "response.attestationObject",
        "cut",
        Step::AttestationObject,
        Json(|r| {
            edit_bytes(r, "attestationObject", |object| object.truncate(object.len() - 1));
        }),
    ),
    refused(
        "response.attestationObject",
        "a member twice",
        Step::AttestationObject,
        Json(|r| {
            edit_bytes(r, "attestationObject", |object| {
                object[0] = 0xA4;
                object.extend(b"\x63fmt\x64none");
            });
        }),
    ),
    refused(
        "response.attestationObject",
        "members in another order",
        Step::AttestationObject,
        Json(|r| {
            // fmt comes first; it is put last.
            edit_bytes(r, "attestationObject", |object| object[1..].rotate_left("_fmt_packed".len()));
        }),
    ),
    refused(
        "response.attestationObject",
        "a map without a length",
        Step::AttestationObject,
        Json(|r| {
            edit_bytes(r, "attestationObject", |object| {
                object[0] = 0xBF;
                object.push(0xFF);
            });
        }),
    ),
    // The attestation object, §6.5.4.
    refused("attestationObject.fmt", "absent", Step::AttestationObject, Object(|o| set(o, "fmt", None))),
    refused(
        "attestationObject.fmt",
        "a number",
        Step::AttestationObject,
        Object(|o| set(o, "fmt", Some(1.into()))),
    ),
    refused(
        "attestationObject.fmt",
        "none",
        Step::AttestationStatement,
        Object(|o| set(o, "fmt", Some("none".into()))),
    ),
    refused(
        "attestationObject.fmt",
        "fido-u2f",
        Step::AttestationStatement,
        Object(|o| set(o, "fmt", Some("fido-u2f".into()))),
    ),
    refused(
        "attestationObject.fmt",
        "in capitals",
        Step::Format,
        Object(|o| set(o, "fmt", Some("Packed".into()))),
    ),
    refused("attestationObject.fmt", "unknown", Step::Format, Object(|o| set(o, "fmt", Some("goat".into())))),
    refused("attestationObject.fmt", "empty", Step::Format, Object(|o| set(o, "fmt", Some("".into())))),
    refused(
        "attestationObject.authData",
        "absent",
        Step::AttestationObject,
        Object(|o| set(o, "authData", None)),
    ),
    refused(
        "attestationObject.authData",
        "text",
        Step::AttestationObject,
        Object(|o| set(o, "authData", Some("a".into()))),
    ),
    refused("attestationObject.authData", "empty", Step::AuthenticatorData, Object(|o| auth(o, Vec::clear))),
    refused(
        "attestationObject.attStmt",
        "absent",
        Step::AttestationObject,
        Object(|o| set(o, "attStmt", None)),
    ),
    refused(
        "attestationObject.attStmt",
        "an array",
        Step::AttestationObject,
        Object(|o| set(o, "attStmt", Some(Cbor::Array(vec![])))),
    ),
    refused(
        "attestationObject.attStmt",
        "empty",
        Step::AttestationStatement,
        Object(|o| statement(o, Vec::clear)),
    ),
    row(
        "attestationObject",
        "attestation taken away",
        Accepted("format none proves nothing, and is one of those taken here"),
        Object(|o| {
            set(o, "fmt", Some("none".into()));
            statement(o, Vec::clear);
        }),
    ),
    row(
        "attestationObject.(further)",
        "a member that nobody knows",
        Accepted(PASSED_OVER),
        Object(|o| set(o, "epAtt", Some(false.into()))),
    ),
    // The packed statement, §8.2.
    refused(
        "attStmt.alg",
        "absent",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "alg", None))),
    ),
    refused(
        "attStmt.alg",
        "text",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "alg", Some("ES256".into())))),
    ),
    refused(
        "attStmt.alg",
        "another",
        Step::AttestationAlgorithm,
        Object(|o| statement(o, |s| set(s, "alg", Some((-257).into())))),
    ),
    refused(
        "attStmt.alg",
        "unknown",
        Step::AttestationAlgorithm,
        Object(|o| statement(o, |s| set(s, "alg", Some((-65_000).into())))),
    ),
    refused(
        "attStmt.sig",
        "absent",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "sig", None))),
    ),
    refused(
        "attStmt.sig",
        "text",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "sig", Some("sig".into())))),
    ),
    refused("attStmt.sig", "empty", Step::AttestationSignature, Object(|o| signature(o, Vec::clear))),
    refused(
        "attStmt.sig",
        "a bit turned over",
        Step::AttestationSignature,
        Object(|o| signature(o, |sig| *sig.last_mut().unwrap() ^= 1)),
    ),
    refused(
        "attStmt.sig",
        "a byte after it",
        Step::AttestationSignature,
        Object(|o| signature(o, |sig| sig.push(0))),
    ),
    refused("attStmt.sig", "zeros", Step::AttestationSignature, Object(|o| signature(o, |sig| sig.fill(0)))),
    // Without its certificate it would be self attestation, by another key than the credential's.
    refused(
        "attStmt.x5c",
        "absent",
        Step::AttestationSignature,
        Object(|o| statement(o, |s| set(s, "x5c", None))),
    )
    .only(Only::Es256),
    refused(
        "attStmt.x5c",
        "absent",
        Step::AttestationAlgorithm,
        Object(|o| statement(o, |s| set(s, "x5c", None))),
    )
    .only(Only::Rs256),
    refused(
        "attStmt.x5c",
        "empty",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "x5c", Some(Cbor::Array(vec![]))))),
    ),
    refused(
        "attStmt.x5c",
        "one certificate, and no array",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "x5c", Some(cbor::bytes([0x30, 0]))))),
    ),
    refused(
        "attStmt.x5c",
        "texts",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "x5c", Some(Cbor::Array(vec!["MII".into()]))))),
    ),
    refused(
        "attStmt.x5c",
        "no certificate",
        Step::AttestationCertificates,
        Object(|o| certificate(o, |c| *c = vec![0x30, 0])),
    ),
    refused(
        "attStmt.x5c",
        "a byte after the certificate",
        Step::AttestationCertificates,
        Object(|o| certificate(o, |c| c.push(0))),
    ),
    refused(
        "attStmt.x5c",
        "a bit of its signature turned over",
        Step::AttestationChain,
        Object(|o| certificate(o, |c| *c.last_mut().unwrap() ^= 1)),
    ),
    refused(
        "attStmt.x5c",
        "of another authority",
        Step::AttestationChain,
        Made(|d| {
            let (signer, rng) = (&mut DeterministicSigner, &mut rng(0xF0));
            let foreign = TestCa::generate(signer, rng).unwrap();
            let aaguid = AuthenticatorData::decode(&d.auth).unwrap().attested.unwrap().aaguid;
            d.by = foreign.batch(aaguid, "a model of the tests", signer, rng).unwrap();
        }),
    ),
    refused(
        "attStmt.x5c",
        "of another model",
        Step::CertificateModel,
        Made(|d| {
            let (signer, rng) = (&mut DeterministicSigner, &mut rng(0xF1));
            d.by = CA.batch(Aaguid([0xF1; 16]), "another model", signer, rng).unwrap();
        }),
    ),
    refused(
        "attStmt.(further)",
        "a member that nobody knows",
        Step::AttestationStatement,
        Object(|o| statement(o, |s| set(s, "ver", Some("2.0".into())))),
    ),
];
