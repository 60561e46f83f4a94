//! One deviation from canonical CBOR that is let pass, because a browser depends on it.
use crate::cbor::{self, Malformed, Value};
use crate::status::CtapError;

/// The parameters of authenticatorMakeCredential or authenticatorGetAssertion, whose `options` are the member with that
/// key.
///
/// Firefox 153 (authenticator-rs) writes `uv` in front of `up` in the options of authenticatorGetAssertion, whenever it
/// asks a device to verify its user that has no tokens. CTAP 2.1 §8 wants keys in order. That devices on sale let it pass
/// is a guess: none was at hand, but without that Firefox could sign in with none of that kind. So the keys of this one map
/// may stand in any order, and nothing else may. `decode` is the canonical decoder.
///
/// # Errors
/// INVALID_CBOR.
pub(super) fn parameters(
    encoded: &[u8],
    options: i64,
    decode: impl Fn(&[u8]) -> Result<Value, Malformed>,
) -> Result<Value, CtapError> {
    let malformed = match decode(encoded) {
        Ok(value) => return Ok(value),
        Err(malformed) => malformed,
    };
    let sorted = || {
        let value = cbor::decode_foreign(encoded).ok()?;
        let member = value.as_map()?.iter().find(|(key, _)| *key == Value::from(options))?;
        let (mine, all) = (cbor::encode(&member.1), cbor::encode(&value));
        // Where they stand is the same in any order, as long as nothing in front of them is out of order.
        let at = all.windows(mine.len()).position(|window| window == mine)?;
        let outside =
            |bytes: &[u8]| Some((bytes.get(..at)?.to_vec(), bytes.get(at + mine.len()..)?.to_vec()));
        (outside(&all)? == outside(encoded)? && member.1.is_map()).then_some(())?;
        // Which also says that no key stands there twice.
        decode(&all).ok()
    };
    sorted().ok_or(malformed.into())
}
