use super::*;
use crate::testing::vectors;
use alloc::{format, string::ToString, vec, vec::Vec};
use proptest::prelude::*;

#[test]
fn every_request_is_read_or_refused_as_it_says() {
    let mut seen = 0;
    for vector in vectors("ctap1").iter().filter(|vector| vector.place.starts_with("requests")) {
        let found = match Request::decode(&vector.bytes()) {
            Ok(request) => format!("OK {}", request.instruction()),
            Err(refusal) => refusal.status.name().unwrap().to_string(),
        };
        assert_eq!(found, vector.text("expect"), "{}", vector.place);
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

/// The encoding that platforms use: extended, with an Le of zero.
#[test]
fn requests_are_written_as_platforms_write_them() {
    let all = vectors("ctap1");
    for name in ["authentication: check only", "authentication: presence enforced", "version, extended"] {
        let vector = all.iter().find(|vector| vector.text("name") == name).unwrap();
        assert_eq!(Request::decode(&vector.bytes()).unwrap().encode(), vector.bytes(), "{name}");
    }
    let registration = all.iter().find(|v| v.text("name") == "registration, extended, with Le").unwrap();
    let mut expected = registration.bytes();
    expected[2] = 0x03;
    assert_eq!(Request::decode(&registration.bytes()).unwrap().encode(), expected);
}

#[test]
fn every_answer_is_read_or_not_as_it_says_and_written_as_it_was() {
    let mut seen = 0;
    for vector in vectors("ctap1").iter().filter(|vector| vector.place.starts_with("responses")) {
        let bytes = vector.bytes();
        let written = match vector.text("message") {
            "answer to U2F_REGISTER" => RegisterResponse::decode(&bytes).map(|answer| answer.encode()),
            "answer to U2F_AUTHENTICATE" => {
                AuthenticateResponse::decode(&bytes).map(|answer| answer.encode())
            }
            other => panic!("{other}"),
        };
        let found = if written.is_ok() { "OK" } else { "INVALID" };
        assert_eq!(found, vector.text("expect"), "{}", vector.place);
        assert!(written.is_err() || written == Ok(bytes), "{}", vector.place);
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

/// A fixed certificate of the specification's example has 0x13C bytes behind its header of four.
#[test]
fn the_certificate_ends_where_its_der_says() {
    let all = vectors("ctap1");
    let example = all.iter().find(|v| v.text("name") == "the example of a registration").unwrap();
    let answer = RegisterResponse::decode(&example.bytes()).unwrap();
    assert_eq!((answer.key_handle.len(), answer.certificate.len()), (64, 4 + 0x13C));
    assert_eq!((answer.signature[0], answer.signature.len()), (0x30, 2 + 0x45));
}

#[test]
fn what_a_registration_signs_is_in_the_order_of_the_specification() {
    let data = RegistrationData {
        application: [1; 32],
        challenge: [2; 32],
        key_handle: vec![3; 3],
        x: [5; 32],
        y: [6; 32],
    };
    let expected: Vec<u8> =
        [vec![0], vec![1; 32], vec![2; 32], vec![3; 3], vec![4], vec![5; 32], vec![6; 32]].concat();
    assert_eq!(data.encode(), expected);
}

#[test]
fn instructions_have_the_names_of_the_specification() {
    let names = [1, 2, 3, 4].map(|ins| Instruction(ins).to_string());
    assert_eq!(names, ["U2F_REGISTER", "U2F_AUTHENTICATE", "U2F_VERSION", "U2F instruction 0x04"]);
}

fn request() -> impl Strategy<Value = Request> {
    let controls = [Control::CheckOnly, Control::EnforcePresence, Control::DontEnforcePresence];
    prop_oneof![
        any::<([u8; 32], [u8; 32])>()
            .prop_map(|(challenge, application)| Request::Register { challenge, application }),
        (
            prop::sample::select(controls.to_vec()),
            any::<([u8; 32], [u8; 32])>(),
            prop::collection::vec(any::<u8>(), 0..=255)
        )
            .prop_map(|(control, (challenge, application), key_handle)| Request::Authenticate {
                control,
                challenge,
                application,
                key_handle
            }),
        Just(Request::Version),
    ]
}

proptest! {
    #[test]
    fn a_request_that_was_written_reads_back(request in request()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn a_registration_that_was_written_reads_back(
        x: [u8; 32],
        y: [u8; 32],
        key_handle in prop::collection::vec(any::<u8>(), 0..=255),
        signature in prop::collection::vec(any::<u8>(), 1..80),
        length in prop_oneof![0usize..200, 200usize..1500],
    ) {
        let header = match length {
            0..0x80 => vec![0x30, length as u8],
            0x80..0x100 => vec![0x30, 0x81, length as u8],
            _ => vec![0x30, 0x82, (length >> 8) as u8, length as u8],
        };
        let certificate = [header, vec![0xA5; length]].concat();
        let answer = RegisterResponse { x, y, key_handle, certificate, signature };
        prop_assert_eq!(RegisterResponse::decode(&answer.encode()), Ok(answer));
    }

    #[test]
    fn nothing_that_arrives_makes_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _read = (
            Request::decode(&bytes),
            RegisterResponse::decode(&bytes),
            AuthenticateResponse::decode(&bytes),
            crate::apdu::Response::decode(&bytes),
        );
    }
}
