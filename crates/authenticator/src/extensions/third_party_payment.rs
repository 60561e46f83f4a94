//! thirdPartyPayment, CTAP 2.2 §12: whether a credential may confirm payments that somebody else than its
//! relying party begins. What it means is the platform's business; the authenticator keeps one bit with the
//! credential, wherever that lives.
use crate::store::CredentialExtensions;
use wire::cbor::Value;

/// The output of a registration that asked for it.
pub(super) fn created(asked: bool) -> Option<Value> {
    asked.then_some(Value::Bool(true))
}

/// The output of a sign-in: whether the credential was made for it.
pub(super) fn tell(kept: &CredentialExtensions) -> Value {
    Value::Bool(kept.third_party_payment)
}
