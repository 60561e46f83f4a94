//! The commands of CTAP 2.1: every row of their tables broken one at a time, and every request read back.
use super::*;
use crate::status::Status;

/// A command with every member that its table knows.
struct Subject {
    command: Command,
    table: &'static [Field],
    full: Vec<(i64, Value)>,
}

fn subjects() -> [Subject; 5] {
    let key = KeyAgreement { x: [1; 32], y: [2; 32] }.to_value();
    let credential = text_map([("id", Some(bytes([9; 16]))), ("type", Some(text(PUBLIC_KEY)))]);
    let user = text_map([("id", Some(bytes([7; 8]))), ("name", Some(text("ada")))]);
    let manage = int_map([(1, Some(bytes([5; 32]))), (2, Some(credential)), (3, Some(user))]);
    let finger = int_map([(1, Some(bytes([9; 8]))), (2, Some(text("thumb"))), (3, Some(500.into()))]);
    let rp_ids = Value::Array(vec![text("one.example"), text("two.example")]);
    let lengths = int_map([(1, Some(6.into())), (2, Some(rp_ids)), (3, Some(Value::Bool(true)))]);
    [
        Subject {
            command: Command::CLIENT_PIN,
            table: client_pin::REQUEST,
            full: vec![
                (0x01, 2.into()),
                (0x02, 4.into()),
                (0x03, key),
                (0x04, bytes([1; 32])),
                (0x05, bytes([2; 80])),
                (0x06, bytes([3; 32])),
                (0x09, 3.into()),
                (0x0A, text("login.example.test")),
            ],
        },
        Subject {
            command: Command::BIO_ENROLLMENT,
            table: bio_enrollment::REQUEST,
            full: vec![
                (0x01, 1.into()),
                (0x02, 5.into()),
                (0x03, finger),
                (0x04, 2.into()),
                (0x05, bytes([1; 32])),
                (0x06, Value::Bool(true)),
            ],
        },
        Subject {
            command: Command::CREDENTIAL_MANAGEMENT,
            table: credential_management::REQUEST,
            full: vec![(0x01, 7.into()), (0x02, manage), (0x03, 1.into()), (0x04, bytes([1; 16]))],
        },
        Subject {
            command: Command::LARGE_BLOBS,
            table: large_blobs::REQUEST,
            full: vec![
                (0x01, 17.into()),
                (0x02, bytes([1; 17])),
                (0x03, 0.into()),
                (0x04, 17.into()),
                (0x05, bytes([1; 32])),
                (0x06, 2.into()),
            ],
        },
        Subject {
            command: Command::CONFIG,
            table: config::REQUEST,
            full: vec![(0x01, 3.into()), (0x02, lengths), (0x03, 2.into()), (0x04, bytes([1; 32]))],
        },
    ]
}

fn encoded(command: Command, members: &[(i64, Value)]) -> Vec<u8> {
    message(command, &Value::Map(members.iter().map(|(key, value)| ((*key).into(), value.clone())).collect()))
}

#[test]
fn every_request_reads_back() {
    for Subject { command, table, full } in subjects() {
        assert_eq!(full.len(), table.len(), "{command}: the sample has every member");
        let whole = encoded(command, &full);
        let again = match Request::decode(&whole).unwrap() {
            Request::ClientPin(request) => request.encode(),
            Request::BioEnrollment(request) => request.encode(),
            Request::CredentialManagement(request) => request.encode(),
            Request::LargeBlobs(request) => request.encode(),
            Request::Config(request) => request.encode(),
            other => panic!("{other:?}"),
        };
        assert_eq!(again, whole, "{command}");
    }
}

#[test]
fn every_row_that_is_absent_or_of_another_type_has_its_own_status() {
    let every_type = [
        Value::from(-1),
        bytes([]),
        text(""),
        Value::Array(vec![]),
        Value::Map(vec![]),
        Value::Bool(true),
        Value::Null,
    ];
    for Subject { command, table, full } in subjects() {
        for field in table {
            let without: Vec<_> =
                full.iter().filter(|(key, _)| Key::Int(*key) != field.key).cloned().collect();
            let found = Request::decode(&encoded(command, &without)).map(drop).map_err(|error| error.status);
            let expected = if field.required { Err(Status::MISSING_PARAMETER) } else { Ok(()) };
            assert_eq!(found, expected, "{command} without {}", field.name);
            let Key::Int(key) = field.key else { panic!() };
            let right = full.iter().find(|(k, _)| *k == key).map(|(_, value)| value).unwrap();
            for wrong in &every_type {
                // -1 is the wrong kind of integer.
                if core::mem::discriminant(wrong) == core::mem::discriminant(right) && !wrong.is_integer() {
                    continue;
                }
                let mut changed = without.clone();
                changed.push((key, wrong.clone()));
                let error = Request::decode(&encoded(command, &changed)).unwrap_err();
                assert_eq!(
                    error.status,
                    Status::CBOR_UNEXPECTED_TYPE,
                    "{command}: {} as {wrong:?}",
                    field.name
                );
            }
        }
    }
}

#[test]
fn what_stands_inside_is_judged_too() {
    let manage = |parameters| encoded(Command::CREDENTIAL_MANAGEMENT, &[(1, 4.into()), (2, parameters)]);
    let enrol =
        |parameters| encoded(Command::BIO_ENROLLMENT, &[(1, 1.into()), (2, 1.into()), (3, parameters)]);
    let config = |parameters| encoded(Command::CONFIG, &[(1, 3.into()), (2, parameters)]);
    for (message, expected) in [
        (manage(int_map([(1, Some(bytes([5; 31])))])), Status::INVALID_LENGTH),
        (manage(int_map([(1, Some(text("hash")))])), Status::CBOR_UNEXPECTED_TYPE),
        (manage(int_map([(2, Some(Value::Map(vec![])))])), Status::MISSING_PARAMETER),
        (manage(int_map([(3, Some(Value::Map(vec![])))])), Status::MISSING_PARAMETER),
        (enrol(int_map([(1, Some(text("finger")))])), Status::CBOR_UNEXPECTED_TYPE),
        (enrol(int_map([(2, Some(bytes([7])))])), Status::CBOR_UNEXPECTED_TYPE),
        (enrol(int_map([(3, Some((-1).into()))])), Status::CBOR_UNEXPECTED_TYPE),
        (config(int_map([(1, Some(text("6")))])), Status::CBOR_UNEXPECTED_TYPE),
        (config(int_map([(2, Some(Value::Array(vec![7.into()])))])), Status::CBOR_UNEXPECTED_TYPE),
        (config(int_map([(3, Some(7.into()))])), Status::CBOR_UNEXPECTED_TYPE),
    ] {
        assert_eq!(
            Request::decode(&message).unwrap_err().status,
            expected,
            "{}",
            crate::hex::encode(&message)
        );
    }
}

#[test]
fn a_key_agreement_key_has_exactly_its_five_members() {
    let key = KeyAgreement { x: [1; 32], y: [2; 32] };
    let Value::Map(members) = key.to_value() else { panic!() };
    assert_eq!(KeyAgreement::from_value(&Value::Map(members.clone())), Ok(key));
    for at in 0..members.len() {
        let mut fewer = members.clone();
        fewer.remove(at);
        assert_eq!(
            KeyAgreement::from_value(&Value::Map(fewer)).unwrap_err().status,
            Status::INVALID_PARAMETER
        );
        let mut other = members.clone();
        other[at].1 = 99.into();
        assert_eq!(
            KeyAgreement::from_value(&Value::Map(other)).unwrap_err().status,
            Status::INVALID_PARAMETER
        );
    }
    let mut more = members;
    more.push((4.into(), 1.into()));
    assert_eq!(KeyAgreement::from_value(&Value::Map(more)).unwrap_err().status, Status::INVALID_PARAMETER);
}

#[test]
fn a_bio_enrollment_is_proven_over_modality_subcommand_and_parameters() {
    use bio_enrollment::{BioEnrollment, Subcommand};
    let bare = BioEnrollment::new(Subcommand::ENUMERATE_ENROLLMENTS);
    assert_eq!(bare.authenticated(), [1, 4]);
    let parameters = Some(int_map([(3, Some(10_000.into()))]));
    let begin = BioEnrollment { raw_parameters: parameters, ..BioEnrollment::new(Subcommand::ENROLL_BEGIN) };
    assert_eq!(begin.authenticated(), [1, 1, 0xA1, 0x03, 0x19, 0x27, 0x10]);
    let Ok(Request::BioEnrollment(read)) = Request::decode(&begin.encode()) else { panic!() };
    assert_eq!(read.timeout_milliseconds, Some(10_000));
    let mut preview = begin.encode();
    preview[0] = Command::BIO_ENROLLMENT_PREVIEW.0;
    assert_eq!(Request::decode(&preview).unwrap(), Request::BioEnrollment(read));
}

#[test]
fn an_answer_of_bio_enrollment_reads_back() {
    use bio_enrollment::{BioEnrollmentResponse, FingerprintKind, SampleStatus, TemplateInfo};
    let name = |name: Option<&str>| name.map(String::from);
    let full = BioEnrollmentResponse {
        modality: Some(1),
        fingerprint_kind: Some(FingerprintKind::SWIPE),
        max_capture_samples: Some(5),
        template_id: Some(vec![1, 2]),
        last_sample: Some(SampleStatus::FP_TOO_FAST),
        remaining_samples: Some(0),
        templates: Some(vec![
            TemplateInfo { id: vec![3], name: name(Some("thumb")) },
            TemplateInfo { id: vec![4], name: name(None) },
        ]),
        max_friendly_name: Some(64),
    };
    for answer in [full, BioEnrollmentResponse::default()] {
        assert_eq!(BioEnrollmentResponse::decode(&answer.encode()).unwrap(), answer);
    }
    let nameless = crate::cbor::encode(&int_map([(7, Some(Value::Array(vec![Value::Map(vec![])])))]));
    let nameless = [&[0], nameless.as_slice()];
    assert_eq!(
        BioEnrollmentResponse::decode(&nameless.concat()).unwrap_err().status,
        Status::MISSING_PARAMETER
    );
    assert_eq!(
        format!("{:?} {:?}", SampleStatus::FP_EXISTS, SampleStatus(0x20)),
        "0x0B FP_EXISTS 0x20 UNKNOWN"
    );
}
