//! Anything as CBOR, and as the messages that are made of it.
use wire::cbor;
use wire::ctap2::{GetAssertionResponse, GetInfoResponse, MakeCredentialResponse, Request};

/// What is accepted as canonical encodes to the same bytes; nothing panics.
pub fn run(data: &[u8]) {
    if let Ok(value) = cbor::decode(data) {
        assert_eq!(cbor::encode(&value), data, "canonical, and not what we would write");
        let _text = cbor::diagnostic(&value);
    }
    if let Ok((value, rest)) = cbor::decode_prefix(data) {
        assert_eq!(cbor::encode(&value), data[..data.len() - rest.len()]);
    }
    if let Ok(value) = cbor::decode_foreign(data) {
        let encoded = cbor::encode(&value);
        assert!(cbor::decode_foreign(&encoded).is_ok(), "our own item is refused");
    }
    let _refused = Request::decode(data);
    let _refused = MakeCredentialResponse::decode(data);
    let _refused = GetAssertionResponse::decode(data);
    let _refused = GetInfoResponse::decode(data);
}
