//! Every class, instruction, control byte and length, with the status word of FIDO U2F Raw Message Formats 1.2 §3.3.
use tests::u2f::{CHALLENGE, application, with_u2f};
use tests::{NOW, RP_ID, Rig, USB};
use wire::apdu::{Command, StatusWord};

fn status(rig: &mut Rig, apdu: &[u8]) -> StatusWord {
    // Of one so that a question that is open stays the only one.
    rig.apdu(NOW, USB, apdu).status
}

/// Registration data, or the beginning of authentication data.
fn parameters() -> Vec<u8> {
    [CHALLENGE, application(RP_ID)].concat()
}

#[test]
fn of_all_classes_and_instructions_three_are_supported() {
    let mut rig = Rig::new(with_u2f());
    for class in 0..=255 {
        for instruction in 0..=255 {
            // Lengths that do not add up, which nobody gets to with a wrong header.
            let expected = match (class, instruction) {
                (0, 1..=3) => StatusWord::WRONG_LENGTH,
                (0, _) => StatusWord::INS_NOT_SUPPORTED,
                _ => StatusWord::CLA_NOT_SUPPORTED,
            };
            let apdu = [class, instruction, 3, 0, 200, 1];
            assert_eq!(status(&mut rig, &apdu), expected, "{class:02X} {instruction:02X}");
        }
    }
}

/// Every length of data, in every form, with and without Le.
#[test]
fn of_all_lengths_each_instruction_takes_its_own() {
    let mut rig = Rig::new(with_u2f());
    let foreign = StatusWord::WRONG_DATA;
    for length in 0..=340_usize {
        for (extended, expected) in [(false, None), (false, Some(256)), (true, None), (true, Some(65_536))] {
            let mut data = parameters();
            data.resize(length, 0);
            // The length of the key handle is what is left of the data, if there is room to say so.
            let handle = length.checked_sub(65).and_then(|handle| u8::try_from(handle).ok());
            if let Some(handle) = handle {
                data[64] = handle;
            }
            for (instruction, right) in [
                (1, (length == 64).then_some(StatusWord::CONDITIONS_NOT_SATISFIED)),
                (2, handle.map(|_| foreign)),
                (3, (length == 0).then_some(StatusWord::NO_ERROR)),
            ] {
                let apdu =
                    Command { class: 0, instruction, p1: 3, p2: 0, data: data.clone(), expected, extended };
                let right = right.unwrap_or(StatusWord::WRONG_LENGTH);
                assert_eq!(status(&mut rig, &apdu.encode()), right, "{apdu:?}");
            }
        }
    }
}

/// §5.1: the length of the key handle, against the data that there are.
#[test]
fn a_key_handle_that_is_not_as_long_as_it_says_is_a_wrong_length() {
    let mut rig = Rig::new(with_u2f());
    for says in 0..=255_u8 {
        for has in [0, 1, 31, 64, 155, 254, 255] {
            let data = [parameters(), vec![says], vec![0x5A; has]].concat();
            let command =
                Command { class: 0, instruction: 2, p1: 7, p2: 0, data, expected: None, extended: true };
            let right = usize::from(says) == has;
            let right = if right { StatusWord::WRONG_DATA } else { StatusWord::WRONG_LENGTH };
            assert_eq!(status(&mut rig, &command.encode()), right, "{has} bytes that say {says}");
        }
    }
}

/// §5.1: three control bytes, all others refused before the key handle is looked at; P2 and P1 of a registration are
/// whatever platforms like.
#[test]
fn of_all_control_bytes_three_are_known() {
    let mut rig = Rig::new(with_u2f());
    let handle = rig.register_u2f(RP_ID).key_handle;
    let length = u8::try_from(handle.len()).unwrap();
    for byte in 0..=255 {
        for (instruction, data) in
            [(1, parameters()), (2, [parameters(), vec![length], handle.clone()].concat())]
        {
            let expected = match (instruction, byte) {
                (1, _) | (2, 0x03 | 0x07) => StatusWord::CONDITIONS_NOT_SATISFIED,
                (_, 0x08) => StatusWord::NO_ERROR,
                _ => StatusWord::INCORRECT_P1_P2,
            };
            for p2 in [0, 0xFF] {
                let data = data.clone();
                let command =
                    Command { class: 0, instruction, p1: byte, p2, data, expected: None, extended: true };
                assert_eq!(status(&mut rig, &command.encode()), expected, "{command:?}");
            }
        }
    }
}

#[test]
fn less_than_a_header_is_a_wrong_length() {
    let mut rig = Rig::new(with_u2f());
    for apdu in [&[][..], &[0], &[0, 3], &[0, 3, 0]] {
        assert_eq!(status(&mut rig, apdu), StatusWord::WRONG_LENGTH, "{apdu:?}");
    }
    assert_eq!(status(&mut rig, &[0, 3, 0, 0]), StatusWord::NO_ERROR);
}
