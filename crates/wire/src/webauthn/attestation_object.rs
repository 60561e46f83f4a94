//! Attestation objects, WebAuthn Level 3 §6.5.4.
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::CtapError;
use alloc::{string::String, vec::Vec};

/// What a client hands the relying party at registration: text keys where CTAP has integers.
#[derive(Clone, Debug, PartialEq)]
pub struct AttestationObject {
    /// The attestation statement format.
    pub fmt: String,
    /// The attestation statement, a map whose members depend on `fmt`.
    pub att_stmt: Value,
    /// Authenticator data as it was signed.
    pub auth_data: Vec<u8>,
}

const ATTESTATION_OBJECT: &[Field] = &[
    Field::required(Key::Text("fmt"), "fmt", Kind::Text),
    Field::required(Key::Text("attStmt"), "attStmt", Kind::Map),
    Field::required(Key::Text("authData"), "authData", Kind::Bytes),
];

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
        let value = cbor::decode(bytes)?;
        let map = Record::read(&value, "attestation object", ATTESTATION_OBJECT)?;
        Ok(Self {
            fmt: map.text("fmt").expect("required by the table").into(),
            att_stmt: map.any("attStmt").expect("required by the table").clone(),
            auth_data: map.bytes("authData").expect("required by the table").into(),
        })
    }
}

#[cfg(test)]
mod tests;
