//! What a careless relying party makes of a response that a careful one cannot read: the fallbacks of steps that were left
//! out. Without a step left out nothing here is called.
use serde_json::Value as Json;
use std::borrow::Cow;
use wire::aaguid::Aaguid;
use wire::cbor::{self, Value};
use wire::cose::PublicKey;
use wire::webauthn::{AttestationObject, AttestedCredentialData, AuthenticatorData, ClientData, Flags};

/// Text, with replacement characters where it is none.
pub(crate) fn text(client_data_json: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(client_data_json)
}

/// The members that are there, of the first JSON object; of two of one name the last.
pub(crate) fn client_data(text: &str) -> Option<ClientData> {
    let Json::Object(members) = serde_json::Deserializer::from_str(text).into_iter::<Json>().next()?.ok()?
    else {
        return None;
    };
    let member = |name: &str| members.get(name).and_then(Json::as_str).map(str::to_owned);
    Some(ClientData {
        ceremony: member("type").unwrap_or_default(),
        challenge: member("challenge").unwrap_or_default(),
        origin: member("origin").unwrap_or_default(),
        cross_origin: members.get("crossOrigin").and_then(Json::as_bool),
        top_origin: member("topOrigin"),
    })
}

/// Whatever CBOR has the members, canonical or not, and whatever follows.
pub(crate) fn attestation_object(bytes: &[u8]) -> Option<AttestationObject> {
    let (value, _) = cbor::decode_foreign_prefix(bytes).ok()?;
    let member = |name: &str| {
        let members = value.as_map()?.iter();
        members.rev().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
    };
    Some(AttestationObject {
        fmt: member("fmt")?.as_text()?.into(),
        att_stmt: member("attStmt")?.clone(),
        auth_data: member("authData")?.as_bytes()?.clone(),
    })
}

/// What can be read from the front, WebAuthn L3 §6.1 and §6.5.1, whatever follows.
pub(crate) fn authenticator_data(bytes: &[u8]) -> Option<AuthenticatorData> {
    let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
    let (flags, rest) = rest.split_first()?;
    let (sign_count, rest) = rest.split_first_chunk::<4>()?;
    let flags = Flags(*flags);
    let read = flags.contains(Flags::AT).then(|| attested(rest)).flatten();
    let (attested, rest) = read.map_or((None, rest), |(attested, rest)| (Some(attested), rest));
    let extensions = cbor::decode_foreign_prefix(rest).ok().map(|(extensions, _)| extensions);
    Some(AuthenticatorData {
        rp_id_hash: *rp_id_hash,
        flags,
        sign_count: u32::from_be_bytes(*sign_count),
        attested,
        extensions: extensions.filter(|extensions| flags.contains(Flags::ED) && extensions.is_map()),
    })
}

fn attested(bytes: &[u8]) -> Option<(AttestedCredentialData, &[u8])> {
    let (aaguid, rest) = bytes.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (credential_id, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (key, rest) = cbor::decode_foreign_prefix(rest).ok()?;
    let public_key = PublicKey::from_value(&canonical(key)).ok()?;
    Some((
        AttestedCredentialData { aaguid: Aaguid(*aaguid), credential_id: credential_id.into(), public_key },
        rest,
    ))
}

/// Of two members of one name the last.
fn canonical(value: Value) -> Value {
    let Value::Map(members) = value else { return value };
    let mut kept: Vec<(Value, Value)> = Vec::new();
    for (key, value) in members {
        kept.retain(|(other, _)| *other != key);
        kept.push((key, value));
    }
    Value::Map(kept)
}
