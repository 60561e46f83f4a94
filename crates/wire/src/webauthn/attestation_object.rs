//! Attestation objects, WebAuthn Level 3 §6.5.4.
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::CtapError;
use alloc::{string::String, vec::Vec};

/// What a client hands the relying party at registration: text keys where CTAP has integers.
#[derive(Clone, Debug, PartialEq)]
pub struct AttestationObject {
    /// The attestation statement format.
    pub fmt: String,
    /// The attestation statement, a map whose members depend on `fmt`; of format `compound` an array, §8.9.
    pub att_stmt: Value,
    /// Authenticator data as it was signed.
    pub auth_data: Vec<u8>,
}

const fn table(att_stmt: Kind) -> [Field; 3] {
    [
        Field::required(Key::Text("fmt"), "fmt", Kind::Text),
        Field::required(Key::Text("attStmt"), "attStmt", att_stmt),
        Field::required(Key::Text("authData"), "authData", Kind::Bytes),
    ]
}

const ATTESTATION_OBJECT: &[Field] = &table(Kind::Map);

/// §8.9: several statements in one.
const COMPOUND_OBJECT: &[Field] = &table(Kind::Array);

impl AttestationObject {
    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&cbor::text_map([
            ("fmt", Some(cbor::text(self.fmt.as_str()))),
            ("attStmt", Some(self.att_stmt.clone())),
            ("authData", Some(cbor::bytes(self.auth_data.as_slice()))),
        ]))
    }

    /// Reads an attestation object.
    ///
    /// # Errors
    /// If the bytes are not canonical CBOR, or a member is absent or of another type.
    pub fn decode(bytes: &[u8]) -> Result<Self, CtapError> {
        let (value, table) = match cbor::decode(bytes) {
            Ok(value) => {
                let table = if is_compound(&value) { COMPOUND_OBJECT } else { ATTESTATION_OBJECT };
                (value, table)
            }
            // Certificates of a statement in a statement are one level deeper than CTAP 2.1 §8 has them.
            Err(too_deep) => match cbor::decode_over_hybrid(bytes) {
                Ok(value) if is_compound(&value) => (value, COMPOUND_OBJECT),
                _ => return Err(too_deep.into()),
            },
        };
        let map = Record::read(&value, "attestation object", table)?;
        Ok(Self {
            fmt: map.text("fmt").expect("required by the table").into(),
            att_stmt: map.any("attStmt").expect("required by the table").clone(),
            auth_data: map.bytes("authData").expect("required by the table").into(),
        })
    }
}

/// Whether `fmt` is `compound`.
fn is_compound(object: &Value) -> bool {
    let member =
        |(key, value): &(Value, Value)| key.as_text() == Some("fmt") && value.as_text() == Some("compound");
    object.as_map().is_some_and(|members| members.iter().any(member))
}

#[cfg(test)]
mod tests;
