use super::*;
use crate::status::Status;
use crate::testing::extensions;
use alloc::{vec, vec::Vec};
use proptest::prelude::*;

fn members() -> Vec<(Value, Value)> {
    vec![
        (cbor::text("fmt"), cbor::text("none")),
        (cbor::text("attStmt"), Value::Map(vec![])),
        (cbor::text("authData"), cbor::bytes([1, 2, 3])),
    ]
}

fn decode(members: Vec<(Value, Value)>) -> Result<AttestationObject, Status> {
    AttestationObject::decode(&cbor::encode(&Value::Map(members))).map_err(|error| error.status)
}

#[test]
fn members_stand_in_canonical_order() {
    let object =
        AttestationObject { fmt: "none".into(), att_stmt: Value::Map(vec![]), auth_data: vec![1, 2, 3] };
    let expected = cbor::diagnostic(&cbor::decode(&object.encode()).unwrap());
    assert_eq!(expected, r#"{"fmt": "none", "attStmt": {}, "authData": h'010203'}"#);
}

#[test]
fn each_member_is_required_and_has_one_type() {
    assert!(decode(members()).is_ok());
    for index in 0..3 {
        let mut without = members();
        without.remove(index);
        assert_eq!(decode(without), Err(Status::MISSING_PARAMETER), "{index}");
        let others = [Value::from(1), Value::Null, Value::Bool(true), Value::Array(vec![])];
        for value in others
            .into_iter()
            .chain(members().into_iter().enumerate().filter(|(i, _)| *i != index).map(|(_, (_, v))| v))
        {
            let mut broken = members();
            broken[index].1 = value;
            assert_eq!(decode(broken), Err(Status::CBOR_UNEXPECTED_TYPE), "{index}");
        }
    }
    let more =
        [members(), vec![(cbor::text("epAtt"), Value::Bool(true)), (Value::from(1), Value::Null)]].concat();
    assert_eq!(decode(more), decode(members()));
}

/// WebAuthn Level 3 §8.9: an array, and certificates in a statement in it are five levels deep, for this format alone.
#[test]
fn a_compound_statement_is_an_array_and_may_be_a_level_deeper() {
    let with = |fmt: &str, att_stmt: Value| {
        let mut members = members();
        (members[0].1, members[1].1) = (cbor::text(fmt), att_stmt);
        decode(members).map(|object| object.att_stmt)
    };
    let nested = |depth: usize| (1..depth).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]));
    for depth in 1..=4 {
        assert_eq!(with("compound", nested(depth)), Ok(nested(depth)), "{depth}");
    }
    assert_eq!(with("compound", nested(5)), Err(Status::INVALID_CBOR));
    assert_eq!(with("compound", Value::Map(vec![])), Err(Status::CBOR_UNEXPECTED_TYPE));
    assert_eq!(with("compounds", nested(1)), Err(Status::CBOR_UNEXPECTED_TYPE));
    let deep = |depth| Value::Map(vec![(cbor::text("x5c"), nested(depth))]);
    assert!(with("packed", deep(2)).is_ok());
    assert_eq!(with("packed", deep(3)), Err(Status::INVALID_CBOR));
}

/// A client that re-encodes, as Chromium does, never sends these; one that passes through might.
#[test]
fn an_encoding_that_is_not_canonical_is_refused() {
    let bytes = cbor::encode(&Value::Map(members()));
    let status = |bytes: &[u8]| AttestationObject::decode(bytes).unwrap_err().status;
    assert_eq!(status(&[bytes.as_slice(), &[0]].concat()), Status::INVALID_CBOR);
    assert_eq!(status(&bytes[..bytes.len() - 1]), Status::INVALID_CBOR);
    assert_eq!(status(&[&[0xBF], &bytes[1..], &[0xFF]].concat()), Status::INVALID_CBOR);
    assert_eq!(status(&[]), Status::INVALID_CBOR);
}

proptest! {
    #[test]
    fn what_was_written_reads_back(fmt: String, att_stmt in extensions(), auth_data: Vec<u8>) {
        let object = AttestationObject { fmt, att_stmt, auth_data };
        prop_assert_eq!(AttestationObject::decode(&object.encode()), Ok(object));
    }

    #[test]
    fn no_bytes_can_make_it_panic(bytes: Vec<u8>) {
        prop_assert!(AttestationObject::decode(&bytes).is_err());
    }
}
