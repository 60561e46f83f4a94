use super::*;
use crate::testing::vectors;
use alloc::{format, string::ToString, vec};
use proptest::prelude::*;

#[test]
fn every_vector_is_read_or_refused_as_it_says() {
    for vector in vectors("apdu") {
        let bytes = vector.bytes();
        let found = match Command::decode(&bytes) {
            Ok(command) => {
                let form = if command.extended { "E" } else { "S" };
                let case = match (command.data.is_empty(), command.expected) {
                    (true, None) => "1".to_string(),
                    (true, Some(_)) => format!("2{form}"),
                    (false, None) => format!("3{form}"),
                    (false, Some(_)) => format!("4{form}"),
                };
                let expects = command.expected.map_or("none".to_string(), |ne| ne.to_string());
                format!("OK case {case}, {} bytes, expects {expects}", command.data.len())
            }
            Err(_) => "WRONG_LENGTH".to_string(),
        };
        assert_eq!(found, vector.text("expect"), "{}", vector.place);
    }
}

/// The one that does not is the Lc of zero, which is not written.
#[test]
fn every_vector_that_is_read_is_written_as_it_was() {
    for vector in vectors("apdu") {
        let bytes = vector.bytes();
        if let Ok(command) = Command::decode(&bytes)
            && !vector.text("name").contains("Lc of zero")
        {
            assert_eq!(command.encode(), bytes, "{}", vector.place);
        }
    }
}

#[test]
fn what_the_short_form_cannot_carry_is_written_in_the_extended_one() {
    let short = Command {
        class: 0,
        instruction: 1,
        p1: 2,
        p2: 3,
        data: vec![],
        expected: Some(256),
        extended: false,
    };
    assert_eq!(short.encode(), [0, 1, 2, 3, 0]);
    assert_eq!(Command { expected: Some(257), ..short.clone() }.encode(), [0, 1, 2, 3, 0, 1, 1]);
    let long = Command { data: vec![7; 256], expected: None, ..short }.encode();
    assert_eq!((long.len(), &long[..8]), (4 + 3 + 256, [0, 1, 2, 3, 0, 1, 0, 7].as_slice()));
}

#[test]
fn a_response_is_its_data_and_two_bytes() {
    let response = Response { data: b"U2F_V2".to_vec(), status: StatusWord::NO_ERROR };
    assert_eq!(response.encode(), b"U2F_V2\x90\x00");
    assert_eq!(Response::decode(b"U2F_V2\x90\x00"), Some(response));
    let status = StatusWord(0x9100);
    assert_eq!(Response::decode(&[0x91, 0]), Some(Response { data: vec![], status }), "unknown ones survive");
    assert_eq!((Response::decode(&[0x90]), Response::decode(&[])), (None, None));
}

/// FIDO U2F Raw Message Formats 1.2 §3.3, and the others of ISO 7816-4 §5.6.
#[test]
fn status_words_have_the_numbers_of_the_specifications() {
    for (code, name) in [
        (0x9000, "NO_ERROR"),
        (0x6985, "CONDITIONS_NOT_SATISFIED"),
        (0x6A80, "WRONG_DATA"),
        (0x6700, "WRONG_LENGTH"),
        (0x6E00, "CLA_NOT_SUPPORTED"),
        (0x6D00, "INS_NOT_SUPPORTED"),
        (0x6986, "COMMAND_NOT_ALLOWED"),
        (0x6A86, "INCORRECT_P1_P2"),
    ] {
        assert_eq!(StatusWord(code).name(), Some(name));
        assert_eq!(StatusWord(code).to_string(), format!("0x{code:04X} {name}"));
    }
    assert_eq!(StatusWord(0x6100).name(), None);
}

#[test]
fn a_command_in_a_log_keeps_its_data_to_itself() {
    let command = Command::decode(&[0, 2, 3, 0, 2, 0xAA, 0xBB]).unwrap();
    assert_eq!(format!("{command:?}"), "00020300 with 2 bytes, expects None");
}

proptest! {
    #[test]
    fn a_command_that_was_written_reads_back(
        header: [u8; 4],
        data in prop::collection::vec(any::<u8>(), 0..600),
        expected in prop::option::of(1u32..=0x1_0000),
        extended: bool,
    ) {
        let [class, instruction, p1, p2] = header;
        let command = Command { class, instruction, p1, p2, data, expected, extended };
        let read = Command::decode(&command.encode()).unwrap();
        prop_assert_eq!((&read.data, read.expected), (&command.data, command.expected));
        prop_assert_eq!([read.class, read.instruction, read.p1, read.p2], header);
    }

    /// Whatever is read is written as the same bytes, but for an extended Lc of zero.
    #[test]
    fn there_is_one_way_to_write_a_command(
        header: [u8; 4],
        body in prop::collection::vec(prop_oneof![Just(0u8), 0..6u8], 0..12),
    ) {
        let bytes = [header.as_slice(), &body].concat();
        if let Ok(command) = Command::decode(&bytes) && !body.starts_with(&[0, 0, 0]) {
            prop_assert_eq!(command.encode(), bytes);
        }
    }
}
