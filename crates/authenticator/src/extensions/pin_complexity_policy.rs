//! pinComplexityPolicy, CTAP 2.2 §12: whether PINs must be complex here, told to whom minPinLength is told.
use super::min_pin_length::may_know;
use crate::authenticator::Authenticator;
use wire::cbor::Value;

/// The output. Others get none, and no error.
pub(super) fn tell(auth: &Authenticator, asked: bool, rp_id: &str) -> Option<Value> {
    (asked && may_know(auth, rp_id)).then(|| Value::Bool(auth.memory.state().settings.pin_complexity))
}
