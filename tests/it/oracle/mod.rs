//! ctap-types, somebody else's decoder and encoder: for every message that it covers, what we encode it decodes and
//! encodes to the same bytes again, and member by member it is what we meant.
//!
//! Not covered, because ctap-types cannot say them: bioEnrollment, members of CTAP 2.2 and 2.3 (pcmr, formats as a
//! list of any text, getInfo's sealed identifiers), other algorithms than ES256 and EdDSA.
mod answers;
mod requests;

use serde::{Deserialize, Serialize};

/// Reads `ours` as their type, and sees that they write the same bytes for it.
fn theirs<'a, T: Deserialize<'a> + Serialize>(ours: &'a [u8]) -> T {
    let read: T = cbor_smol::cbor_deserialize(ours)
        .unwrap_or_else(|error| panic!("they cannot read {ours:02x?}: {error:?}"));
    assert_eq!(written(&read), ours, "they write it otherwise");
    read
}

/// What they write.
fn written(value: &impl Serialize) -> Vec<u8> {
    let mut buffer = [0; 4096];
    cbor_smol::cbor_serialize(value, &mut buffer).expect("4096 bytes are enough").to_vec()
}
