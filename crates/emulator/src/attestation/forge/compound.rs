//! Format `compound`, WebAuthn Level 3 §8.9.
use super::workshop::{Workshop, turn_last_bit};
use super::{CaError, Flaw, Format};
use wire::cbor::{self, Value};

pub(super) fn statement(shop: &mut Workshop<'_>) -> Result<Value, CaError> {
    let flaw = shop.flaw;
    // What is wrong with the whole is not wrong with its parts, but for their root.
    shop.flaw = flaw.filter(|flaw| *flaw == Flaw::ForeignRoot);
    let (mut first, mut second) = (inner(shop, Format::PackedBasic)?, inner(shop, Format::Tpm)?);
    match flaw {
        Some(Flaw::NoStatement) => return Ok(Value::Array(Vec::new())),
        Some(Flaw::OneStatement) => return Ok(Value::Array(vec![first])),
        Some(Flaw::NestedCompound) => {
            let statements = Value::Array(vec![inner(shop, Format::PackedBasic)?, second]);
            let nested = [("fmt", Some(cbor::text("compound"))), ("attStmt", Some(statements))];
            return Ok(Value::Array(vec![first, cbor::text_map(nested)]));
        }
        Some(Flaw::OneBroken) => spoil(&mut second),
        Some(Flaw::AllBroken) => {
            spoil(&mut first);
            spoil(&mut second);
        }
        Some(Flaw::MissingMember) => edit(&mut second, |members| {
            members.retain(|(name, _)| name.as_text() != Some("attStmt"));
        }),
        Some(Flaw::ExtraMember) => edit(&mut second, |members| {
            members.push((cbor::text("test"), cbor::text("no member of this format")));
        }),
        _ => (),
    }
    Ok(Value::Array(vec![first, second]))
}

fn inner(shop: &mut Workshop<'_>, format: Format) -> Result<Value, CaError> {
    let statement = super::statement(shop, format)?;
    Ok(cbor::text_map([("fmt", Some(cbor::text(format.fmt()))), ("attStmt", Some(statement))]))
}

/// The last bit of `sig` becomes another.
fn spoil(statement: &mut Value) {
    edit(statement, |members| {
        for (_, statement) in members {
            edit(statement, |members| {
                for (name, value) in members {
                    if let (Some("sig"), Value::Bytes(sig)) = (name.as_text(), value) {
                        turn_last_bit(sig);
                    }
                }
            });
        }
    });
}

fn edit(map: &mut Value, change: impl FnOnce(&mut Vec<(Value, Value)>)) {
    if let Value::Map(members) = map {
        change(members);
    }
}
