//! Format `none`, WebAuthn L3 §8.7, and formats that are not known.
use super::certificate::Certificate;
use super::statement::{Inputs, Procedure, Proof};
use crate::rejection::{Step, Verdict, ensure};
use wire::cbor::Value;

/// No attestation.
pub(super) struct None;

pub(super) fn read(att_stmt: &Value) -> Result<None, String> {
    let empty = att_stmt.as_map().is_some_and(Vec::is_empty);
    ensure(empty, || "a statement of format none is an empty map (§8.7), and this one is not empty".into())?;
    Ok(None)
}

impl Procedure for None {
    fn check(&self, _: Step, _: &[Certificate], _: &Inputs<'_>) -> Verdict {
        Ok(())
    }

    fn proof(&self) -> Proof {
        Proof::Nothing
    }
}

/// Whatever it is.
pub(super) struct Unknown;

impl Procedure for Unknown {
    fn check(&self, _: Step, _: &[Certificate], _: &Inputs<'_>) -> Verdict {
        Ok(())
    }

    fn proof(&self) -> Proof {
        Proof::Unknown
    }
}
