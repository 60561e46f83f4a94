use super::*;
use crate::status::{CtapError, Status};
use crate::testing::{canonical_value, ciborium_encoding, vectors};
use alloc::{format, vec};
use proptest::prelude::*;

#[test]
fn every_vector_decodes_or_fails_as_it_says() {
    for vector in vectors("cbor") {
        let bytes = vector.bytes();
        let found = match decode(&bytes) {
            Ok(value) => {
                assert_eq!(encode(&value), bytes, "{}: does not encode to itself", vector.place);
                format!("OK {}", diagnostic(&value))
            }
            Err(malformed) => {
                let status = CtapError::from(malformed).status;
                format!("{} {malformed}", status.name().unwrap())
            }
        };
        assert_eq!(found, vector.text("expect"), "{}", vector.place);
    }
}

#[test]
fn what_others_wrote_is_read_leniently_but_never_with_bytes_after_it() {
    let mut refused = 0;
    for vector in vectors("cbor") {
        let well_formed = match vector.text("expect") {
            verdict if verdict.ends_with("truncated") => false,
            verdict if verdict.ends_with("bytes after the item") => false,
            verdict if verdict.ends_with("reserved additional information") => false,
            verdict if verdict.ends_with("text is not UTF-8") => false,
            _ => continue,
        };
        assert_eq!(decode_foreign(&vector.bytes()).is_ok(), well_formed, "{}", vector.place);
        refused += 1;
    }
    assert!(refused > 50);
    for (bytes, notation) in [
        (&[0x18, 0x00][..], "0"),
        (&[0x5F, 0x41, 0x01, 0x41, 0x02, 0xFF], "h'0102'"),
        (&[0xBF, 0x61, 0x62, 0x01, 0x61, 0x61, 0x02, 0xFF], r#"{"b": 1, "a": 2}"#),
        (&[0xA2, 0x01, 0x00, 0x01, 0x01], "{1: 0, 1: 1}"),
        (&[0xC1, 0x00], "1(0)"),
        (&[0xF9, 0x3C, 0x00], "1.0"),
    ] {
        assert_eq!(diagnostic(&decode_foreign(bytes).unwrap()), notation);
        assert!(decode(bytes).is_err(), "{notation}");
    }
}

#[test]
fn what_others_wrote_may_nest_sixteen_deep() {
    let nested = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
    assert!(decode_foreign(&nested(16)).is_ok());
    for depth in [18, 1_000, 1_000_000] {
        assert!(decode_foreign(&nested(depth)).is_err(), "{depth}");
        assert!(decode(&nested(depth)).is_err(), "{depth}");
    }
}

#[test]
fn over_hybrid_one_level_more_is_let_pass_and_nothing_else() {
    let nested = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
    assert!(decode_over_hybrid(&nested(5)).is_ok());
    assert_eq!(decode_over_hybrid(&nested(6)).unwrap_err().why, "nested deeper than 5");
    for vector in vectors("cbor").into_iter().filter(|vector| !vector.text("expect").contains("nested")) {
        assert_eq!(decode_over_hybrid(&vector.bytes()), decode(&vector.bytes()), "{}", vector.place);
    }
}

#[test]
fn a_prefix_leaves_what_follows_it() {
    let (value, rest) = decode_prefix(&[0xA1, 0x01, 0x02, 0xFF, 0x00]).unwrap();
    assert_eq!((diagnostic(&value).as_str(), rest), ("{1: 2}", &[0xFF, 0x00][..]));
    assert_eq!(decode_prefix(&[]).unwrap_err().why, "truncated");
}

#[test]
fn absent_members_are_left_out_of_maps() {
    let ints = int_map([(2, Some(Value::from(0))), (1, None), (-1, Some(text("x")))]);
    assert_eq!(diagnostic(&ints), r#"{2: 0, -1: "x"}"#);
    assert_eq!(encode(&ints), [0xA2, 0x02, 0x00, 0x20, 0x61, b'x']);
    let texts = text_map([("b", Some(bytes([1]))), ("a", None), ("a", Some(Value::Null))]);
    assert_eq!(diagnostic(&texts), r#"{"b": h'01', "a": null}"#);
    assert_eq!(encode(&texts), [0xA2, 0x61, b'a', 0xF6, 0x61, b'b', 0x41, 1]);
}

/// One value of each type that CTAP can carry, and the kinds that admit it.
fn kinds_of_values() -> [(Value, &'static [Kind]); 11] {
    let big = |n: i128| Value::Integer(n.try_into().unwrap());
    [
        (Value::from(0), &[Kind::Int, Kind::Uint]),
        (Value::from(i64::MAX), &[Kind::Int, Kind::Uint]),
        (big(i128::from(i64::MAX) + 1), &[]),
        (Value::from(-1), &[Kind::Int]),
        (Value::from(i64::MIN), &[Kind::Int]),
        (big(i128::from(i64::MIN) - 1), &[]),
        (bytes([1]), &[Kind::Bytes]),
        (text("1"), &[Kind::Text]),
        (Value::Array(vec![]), &[Kind::Array]),
        (Value::Map(vec![]), &[Kind::Map]),
        (Value::Bool(false), &[Kind::Bool]),
    ]
}

#[test]
fn a_member_is_admitted_by_exactly_its_kinds() {
    const KINDS: [Kind; 7] =
        [Kind::Int, Kind::Uint, Kind::Bytes, Kind::Text, Kind::Array, Kind::Map, Kind::Bool];
    for (value, admitted_by) in kinds_of_values().into_iter().chain([(Value::Null, &[][..])]) {
        let map = Value::Map(vec![(Value::from(1), value.clone())]);
        for kind in KINDS {
            let read = Record::read(&map, "a map", &[Field::required(Key::Int(1), "member", kind)]);
            let verdict = read.map(drop).map_err(|e| e.status);
            let expected =
                if admitted_by.contains(&kind) { Ok(()) } else { Err(Status::CBOR_UNEXPECTED_TYPE) };
            assert_eq!(verdict, expected, "{kind} of {value:?}");
        }
        assert!(Record::read(&map, "a map", &[Field::required(Key::Int(1), "member", Kind::Any)]).is_ok());
    }
}

#[test]
fn only_a_map_is_a_record() {
    for (value, _) in kinds_of_values().into_iter().chain([(Value::Null, &[][..])]) {
        let read = Record::read(&value, "a map", &[]);
        assert_eq!(read.is_ok(), value.is_map(), "{value:?}");
        assert!(read.is_ok() || read.is_err_and(|e| e.status == Status::CBOR_UNEXPECTED_TYPE), "{value:?}");
    }
}

#[test]
fn a_required_member_is_missed_and_an_optional_one_is_not() {
    let empty = Value::Map(vec![]);
    let missed = Record::read(&empty, "the rp", &[Field::required(Key::Text("id"), "id", Kind::Text)]);
    let missed = missed.map(drop).unwrap_err();
    assert_eq!(missed.status, Status::MISSING_PARAMETER);
    assert_eq!(missed.reason, "CTAP 2.1 §8.2: the rp: required member id is absent");
    assert!(Record::read(&empty, "the rp", &[Field::optional(Key::Text("id"), "id", Kind::Text)]).is_ok());
}

#[test]
fn keys_of_another_type_are_other_keys() {
    let map = Value::Map(vec![
        (text("1"), Value::from(5)),
        (bytes([1]), Value::from(6)),
        (Value::from(-1), Value::from(7)),
    ]);
    let record = Record::read(&map, "a map", &[]).unwrap();
    assert_eq!(record.any(1), None);
    assert_eq!((record.int("1"), record.int(-1)), (Some(5), Some(7)));
    assert_eq!(
        (record.text("1"), record.bytes("1"), record.bool("1"), record.array("1").is_some()),
        (None, None, None, false)
    );
}

proptest! {
    #[test]
    fn a_canonical_value_decodes_from_its_encoding(value in canonical_value(4)) {
        let bytes = encode(&value);
        prop_assert_eq!(decode(&bytes), Ok(value));
    }

    #[test]
    fn ciborium_writes_the_same_bytes_for_a_sorted_value(value in canonical_value(4)) {
        prop_assert_eq!(encode(&value), ciborium_encoding(&value));
    }

    #[test]
    fn members_may_be_given_in_any_order(value in canonical_value(4)) {
        fn reversed(value: &Value) -> Value {
            match value {
                Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
                Value::Map(members) => {
                    Value::Map(members.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect())
                }
                leaf => leaf.clone(),
            }
        }
        prop_assert_eq!(encode(&reversed(&value)), encode(&value));
    }

    #[test]
    fn whatever_is_accepted_encodes_to_itself(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = decode(&bytes) {
            prop_assert_eq!(encode(&value), bytes.as_slice());
            prop_assert_eq!(decode_foreign(&bytes), Ok(value));
        }
        if let Ok((value, rest)) = decode_prefix(&bytes) {
            prop_assert_eq!([encode(&value).as_slice(), rest].concat(), bytes);
        }
    }

    /// Random bytes are rarely CBOR; a canonical message with one byte changed, added or removed nearly is.
    #[test]
    fn a_damaged_message_is_refused_or_encodes_to_itself(
        value in canonical_value(4), at: prop::sample::Index, byte: u8, how in 0..3,
    ) {
        let mut bytes = encode(&value);
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        if let Ok(value) = decode(&bytes) {
            prop_assert_eq!(encode(&value), bytes);
        }
    }

    #[test]
    fn no_proper_prefix_of_a_message_is_one(value in canonical_value(4), at: prop::sample::Index) {
        let bytes = encode(&value);
        let malformed = decode(&bytes[..at.index(bytes.len())]).unwrap_err();
        prop_assert_eq!(malformed.why, "truncated");
    }

    #[test]
    fn foreign_bytes_never_panic_and_what_they_say_can_be_shown(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = decode_foreign(&bytes) {
            prop_assert!(!diagnostic(&value).is_empty());
            prop_assert!(diagnostic(&value).chars().all(|c| !c.is_control()));
        }
    }

    #[test]
    fn a_foreign_prefix_leaves_what_follows_it(value in canonical_value(4), more in prop::collection::vec(any::<u8>(), 0..20)) {
        let bytes = [encode(&value), more.clone()].concat();
        prop_assert_eq!(decode_foreign_prefix(&bytes), Ok((value, more.as_slice())));
    }

    #[test]
    fn different_values_read_differently(a in canonical_value(2), b in canonical_value(2)) {
        prop_assert_eq!(diagnostic(&a) == diagnostic(&b), a == b);
    }
}
