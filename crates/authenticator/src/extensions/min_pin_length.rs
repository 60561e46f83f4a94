//! minPinLength, CTAP 2.1 §12.4: how long PINs must be here, told to those relying parties that
//! setMinPINLength named.
use crate::authenticator::Authenticator;
use wire::cbor::Value;

/// Whether an administrator named that relying party.
pub(super) fn may_know(auth: &Authenticator, rp_id: &str) -> bool {
    auth.memory.state().settings.min_pin_length_rp_ids.iter().any(|named| named == rp_id)
}

/// The output, in code points. Others get none, and no error.
pub(super) fn tell(auth: &Authenticator, asked: bool, rp_id: &str) -> Option<Value> {
    (asked && may_know(auth, rp_id)).then(|| auth.memory.state().settings.min_pin_length.into())
}
