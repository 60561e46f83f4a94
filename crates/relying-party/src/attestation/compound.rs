//! Format `compound`, WebAuthn L3 §8.9.
use super::statement::has_no_members_but;
use crate::rejection::ensure;
use wire::cbor::{Field, Key, Kind, Record, Value};

const PART: &[Field] = &[
    Field::required(Key::Text("fmt"), "fmt", Kind::Text),
    Field::required(Key::Text("attStmt"), "attStmt", Kind::Map),
];

/// Format and statement of each statement in one.
pub(super) fn parts(att_stmt: &Value) -> Result<Vec<(&str, &Value)>, String> {
    let parts = att_stmt.as_array().map(Vec::as_slice).unwrap_or_default();
    ensure(parts.len() >= 2, || {
        format!(
            "a compound statement is a list of at least two statements (§8.9), and not of {}",
            parts.len()
        )
    })?;
    let read = |(at, part)| {
        let map = Record::read(part, "statement of a compound statement", PART)
            .map_err(|e| format!("statement {}: {}", at + 1, e.reason))?;
        has_no_members_but(part, "it", &["fmt", "attStmt"])
            .map_err(|why| format!("statement {}: {why} (§8.9)", at + 1))?;
        let fmt = map.text("fmt").expect("required by the table");
        Ok((fmt, map.any("attStmt").expect("required by the table")))
    };
    parts.iter().enumerate().map(read).collect()
}
