//! Format `none`, WebAuthn L3 §8.7.
use super::Statement;
use crate::rejection::ensure;
use wire::cbor::Value;

pub(super) const FORMAT: &str = "none";

pub(super) fn read(att_stmt: &Value) -> Result<Statement<'_>, String> {
    let empty = att_stmt.as_map().is_some_and(Vec::is_empty);
    ensure(empty, || "a statement of format none is an empty map (§8.7), and this one is not empty".into())?;
    Ok(Statement::None)
}
