use super::*;
use crate::cbor::{self, Value};
use crate::status::{CtapError, Status};
use crate::testing::vectors;
use alloc::{boxed::Box, format, string::ToString, vec, vec::Vec};
use proptest::prelude::*;

#[test]
fn every_vector_reads_or_fails_as_it_says() {
    for vector in vectors("cose") {
        let key =
            cbor::decode(&vector.bytes()).map_err(CtapError::from).and_then(|v| PublicKey::from_value(&v));
        let found = match key {
            Ok(key) => format!("OK {}", key.algorithm()),
            Err(error) => error.status.name().unwrap().to_string(),
        };
        assert_eq!(found, vector.text("expect"), "{}", vector.place);
    }
}

#[test]
fn a_key_is_written_with_exactly_the_members_that_webauthn_asks_for() {
    let (x, y) = ([0xA5; 32], [0x5A; 32]);
    let keys = |key: PublicKey| {
        let Value::Map(members) = cbor::decode(&cbor::encode(&key.to_value())).unwrap() else { panic!() };
        members.iter().map(|(key, _)| i128::from(key.as_integer().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(keys(PublicKey::P256 { x, y }), [1, 3, -1, -2, -3]);
    assert_eq!(keys(PublicKey::P384 { x: [1; 48], y: [2; 48] }), [1, 3, -1, -2, -3]);
    assert_eq!(keys(PublicKey::Ed25519 { x }), [1, 3, -1, -2]);
    assert_eq!(keys(PublicKey::Rsa { n: vec![1; 256], e: vec![1, 0, 1] }), [1, 3, -1, -2]);
    assert_eq!(keys(PublicKey::MlDsa44 { key: Box::new([1; 1312]) }), [1, 3, -1]);
    assert_eq!(keys(PublicKey::MlDsa65 { key: Box::new([1; 1952]) }), [1, 3, -1]);
}

#[test]
fn a_foreign_key_comes_out_as_it_went_in_and_a_known_one_without_what_webauthn_does_not_ask_for() {
    let mut foreign = 0;
    for vector in vectors("cose").iter().filter(|vector| vector.text("expect").starts_with("OK")) {
        let bytes = vector.bytes();
        let key = PublicKey::from_value(&cbor::decode(&bytes).unwrap()).unwrap();
        let again = cbor::encode(&key.to_value());
        if let PublicKey::Foreign(_) = key {
            assert_eq!(again, bytes, "{}", vector.place);
            foreign += 1;
        }
        assert_eq!(PublicKey::from_value(&cbor::decode(&again).unwrap()), Ok(key), "{}", vector.place);
    }
    assert!(foreign > 5, "only {foreign} foreign keys");
}

#[test]
fn algorithms_have_the_numbers_of_the_cose_registry() {
    for (number, name) in [
        (-7, "ES256"),
        (-8, "EdDSA"),
        (-35, "ES384"),
        (-36, "ES512"),
        (-37, "PS256"),
        (-47, "ES256K"),
        (-48, "ML-DSA-44"),
        (-49, "ML-DSA-65"),
        (-257, "RS256"),
        (-65535, "RS1"),
    ] {
        assert_eq!(Algorithm(number).name(), Some(name));
        assert_eq!(Algorithm::from_name(name), Some(Algorithm(number)));
        assert_eq!(Algorithm(number).to_string(), format!("{name} ({number})"));
    }
    assert_eq!((Algorithm(-9999).name(), Algorithm::from_name("ES257")), (None, None));
    assert_eq!(format!("{:?}", Algorithm(-9999)), "-9999");
}

proptest! {
    #[test]
    fn a_key_that_was_written_reads_back(
        x: [u8; 32],
        y: [u8; 32],
        n in proptest::collection::vec(any::<u8>(), 1..600),
    ) {
        let wide = |half: [u8; 32]| core::array::from_fn(|at| half[at % 32]);
        for key in [
            PublicKey::P256 { x, y },
            PublicKey::P384 { x: wide(x), y: wide(y) },
            PublicKey::Ed25519 { x },
            PublicKey::Rsa { n, e: x[..3].to_vec() },
            PublicKey::MlDsa44 { key: Box::new(core::array::from_fn(|at| x[at % 32])) },
            PublicKey::MlDsa65 { key: Box::new(core::array::from_fn(|at| y[at % 32])) },
        ] {
            let bytes = cbor::encode(&key.to_value());
            let read = cbor::decode(&bytes).map_err(CtapError::from).and_then(|value| PublicKey::from_value(&value));
            prop_assert_eq!(read, Ok(key));
        }
    }

    #[test]
    fn a_coordinate_of_another_length_is_refused(len in 0usize..80, second: bool) {
        prop_assume!(len != 32);
        let mut key = PublicKey::P256 { x: [1; 32], y: [2; 32] }.to_value();
        let Value::Map(members) = &mut key else { unreachable!() };
        members[if second { 4 } else { 3 }].1 = cbor::bytes([7].repeat(len));
        prop_assert_eq!(PublicKey::from_value(&key).unwrap_err().status, Status::INVALID_LENGTH);
    }
}
