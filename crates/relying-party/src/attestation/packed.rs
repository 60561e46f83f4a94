//! Format `packed`, WebAuthn L3 §8.2.
use super::Statement;
use crate::rejection::ensure;
use wire::cbor::{Field, Key, Kind, Record, Value};
use wire::cose::Algorithm;

pub(super) const FORMAT: &str = "packed";

const STATEMENT: &[Field] = &[
    Field::required(Key::Text("alg"), "alg", Kind::Int),
    Field::required(Key::Text("sig"), "sig", Kind::Bytes),
    Field::optional(Key::Text("x5c"), "x5c", Kind::Array),
];

pub(super) fn read(att_stmt: &Value) -> Result<Statement<'_>, String> {
    let map = Record::read(att_stmt, "packed attestation statement", STATEMENT)
        .map_err(|e| e.reason.to_string())?;
    let alg = Algorithm(map.int("alg").expect("required by the table"));
    let sig = map.bytes("sig").expect("required by the table");
    let x5c = map.array("x5c");
    // The CDDL of §8.2 lists the members of a closed map.
    let expected = 2 + usize::from(x5c.is_some());
    ensure(att_stmt.as_map().is_some_and(|members| members.len() == expected), || {
        "a packed attestation statement has no members but alg, sig and x5c (§8.2)".into()
    })?;
    let Some(x5c) = x5c else { return Ok(Statement::PackedSelf { alg, sig }) };
    let x5c: Option<Vec<&[u8]>> = x5c.iter().map(|member| member.as_bytes().map(Vec::as_slice)).collect();
    match x5c.filter(|x5c| !x5c.is_empty()) {
        Some(x5c) => Ok(Statement::PackedChain { alg, sig, x5c }),
        None => Err("x5c is not a list of at least one certificate (§8.2)".into()),
    }
}
