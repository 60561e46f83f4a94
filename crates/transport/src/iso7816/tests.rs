use super::*;
use alloc::string::String;
use proptest::prelude::*;
use std::format;
use wire::hex;

const NOW: Instant = Instant::POWER_UP;
const BOTH: Config = Config { cbor: true, u2f: true, max_message_size: 7609 };
const SELECT: &str = "00A4040008A0000006472F0001";

fn card(config: Config) -> Card {
    let mut card = Card::new(config);
    let version = if config.u2f { "5532465f5632" } else { "4649444f5f325f30" };
    assert_eq!(say(&mut card, SELECT), format!("{version}9000"));
    card
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

/// The response APDU of a command that the authenticator does not hear of.
fn say(card: &mut Card, command: &str) -> String {
    assert_eq!(card.handle_frame(NOW, &bytes(command)), None, "{command}");
    answer(card)
}

fn answer(card: &mut Card) -> String {
    let answer = hex::encode(&card.poll_frame().expect("each command has an answer"));
    assert_eq!(card.poll_frame(), None, "and one only");
    answer
}

fn ask(card: &mut Card, command: &str) -> Option<Event> {
    card.handle_frame(NOW, &bytes(command))
}

fn ctap2(message: &[u8]) -> Option<Event> {
    Some(Event::Ctap2 { channel: 0, message: message.into() })
}

#[test]
fn the_application_is_selected_by_its_name_and_says_its_version() {
    card(BOTH);
    card(Config { u2f: false, ..BOTH });
    let mut card = Card::new(BOTH);
    for (select, answer) in [
        ("00A4040008A0000006472F000100", "5532465f56329000"),
        ("00A4040C08A0000006472F0001", "5532465f56329000"),
        ("00A40400000008A0000006472F00010000", "5532465f56329000"),
        ("00A4040007A0000006472F00", "6a82"),
        ("00A4000002 3F00", "6a82"),
        ("00A40400", "6a82"),
    ] {
        assert_eq!(say(&mut card, &select.replace(' ', "")), answer, "{select}");
    }
}

#[test]
fn nothing_is_known_before_the_application_is_selected_or_after_it_was_left() {
    let mut card = Card::new(BOTH);
    for command in ["8010000001 04 00", "00030000", "8011000000", "00C0000000", "8012010000"] {
        assert_eq!(say(&mut card, &command.replace(' ', "")), "6d00", "{command}");
    }
    assert_eq!(say(&mut card, SELECT), "5532465f56329000");
    assert_eq!(say(&mut card, "80120100"), "9000");
    assert_eq!(say(&mut card, "00030000"), "6d00");
    assert_eq!(say(&mut card, SELECT), "5532465f56329000");
    assert_eq!(say(&mut card, "00A4040006A00000000101"), "6a82", "another application is not here");
    assert_eq!(say(&mut card, "00030000"), "6d00");
}

#[test]
fn what_makes_no_sense_is_refused_in_the_words_of_iso_7816() {
    let mut card = card(BOTH);
    for (command, status) in [
        ("", "6700"),
        ("8010", "6700"),
        ("80100000 05 04", "6700"),
        ("80100000 01 04 00 00", "6700"),
        ("C0100000 01 04 00", "6e00"),
        ("84100000 01 04 00", "6e00"),
        ("80990000", "6d00"),
        ("8010 40 00 01 04 00", "6a86"),
        ("8010 00 01 01 04 00", "6a86"),
        ("8011 12 00 00", "6a86"),
        ("8012 00 00 00", "6a86"),
        // Nothing is open, and nothing is left over.
        ("80110000 00", "6985"),
        ("00C00000 00", "6985"),
    ] {
        assert_eq!(say(&mut card, &command.replace(' ', "")), status, "{command}");
    }
    let mut card = self::card(Config { u2f: false, ..BOTH });
    assert_eq!(say(&mut card, "00030000"), "6d00");
    let mut card = self::card(Config { cbor: false, ..BOTH });
    assert_eq!(say(&mut card, "801000000104"), "6d00");
    assert_eq!(say(&mut card, "80110000"), "6d00");
}

#[test]
fn a_request_at_once_and_its_response_make_one_command() {
    let mut card = card(BOTH);
    for command in [
        "80100000010400",
        "80108000010400",
        "8010000001 04".replace(' ', "").as_str(),
        "80100000000001040000",
    ] {
        assert_eq!(ask(&mut card, command), ctap2(&[0x04]), "{command}");
        card.processing(NOW);
        card.respond(NOW, &[0, 0xA0]);
        assert_eq!(answer(&mut card), "00a09000", "{command}");
    }
    // U2F brings its own status words, and the authenticator gets the APDU as it would over CTAPHID.
    let version = Event::U2f { channel: 0, message: bytes("0003000000") };
    assert_eq!(ask(&mut card, "0003000000"), Some(version));
    card.respond(NOW, &bytes("5532465f56329000"));
    assert_eq!(answer(&mut card), "5532465f56329000");
    assert_eq!(ask(&mut card, "00050000").map(|event| matches!(event, Event::U2f { .. })), Some(true));
    card.respond(NOW, &bytes("6d00"));
    assert_eq!(answer(&mut card), "6d00");
}

/// python-fido2 sends pieces of 250 bytes, libfido2 of 240.
#[test]
fn a_long_request_comes_in_pieces_of_any_size_or_in_one_extended_command() {
    let message: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for size in [1, 10, 240, 250, 255] {
        let mut card = card(BOTH);
        let mut pieces: Vec<&[u8]> = message.chunks(size).collect();
        let last = pieces.pop().unwrap();
        let command =
            |class: &str, piece: &[u8]| format!("{class}100000{:02x}{}", piece.len(), hex::encode(piece));
        for piece in pieces {
            assert_eq!(say(&mut card, &command("90", piece)), "9000");
        }
        assert_eq!(ask(&mut card, &format!("{}00", command("80", last))), ctap2(&message), "{size}");
    }
    let mut card = card(BOTH);
    let extended = format!("8010000000{:04x}{}0000", message.len(), hex::encode(&message));
    assert_eq!(ask(&mut card, &extended), ctap2(&message));
    card.respond(NOW, &[7; 3000]);
    assert_eq!(answer(&mut card), format!("{}9000", "07".repeat(3000)), "and so does the response");
}

#[test]
fn a_chain_is_broken_by_another_command_and_begun_anew_by_another_beginning() {
    let mut card = card(BOTH);
    assert_eq!(say(&mut card, "9010000001AA"), "9000");
    assert_eq!(say(&mut card, "00030000"), "6883", "the rest was expected");
    assert_eq!(ask(&mut card, "801000000104"), ctap2(&[4]), "and is forgotten");
    card.respond(NOW, &[0]);
    assert_eq!(answer(&mut card), "009000");
    assert_eq!(say(&mut card, "9010000001AA"), "9000");
    assert_eq!(say(&mut card, "90108000010B"), "9000");
    assert_eq!(ask(&mut card, "801080000101"), ctap2(&[0x0B, 1]));
    let mut card = self::card(BOTH);
    assert_eq!(say(&mut card, "9010000001AA"), "9000");
    assert_eq!(say(&mut card, SELECT), "5532465f56329000", "a new beginning");
    let mut card = self::card(Config { max_message_size: 300, ..BOTH });
    let piece = format!("90100000C8{}", "00".repeat(200));
    assert_eq!(say(&mut card, &piece), "9000");
    assert_eq!(say(&mut card, &piece), "6700", "longer than any message");
}

#[test]
fn a_long_response_is_fetched_by_get_response_with_either_class() {
    for class in ["00", "80"] {
        let mut card = card(BOTH);
        ask(&mut card, "80100000010400");
        let response: Vec<u8> = (0..=255).cycle().take(700).collect();
        card.respond(NOW, &response);
        let first = answer(&mut card);
        assert_eq!((first.len() / 2, &first[512..]), (258, "6100"), "256 bytes, and more than 255 are left");
        let second = say(&mut card, &format!("{class}C0000000"));
        assert_eq!((second.len() / 2, &second[512..]), (258, "61bc"));
        let third = say(&mut card, &format!("{class}C0000010"));
        assert_eq!((third.len() / 2, &third[32..]), (18, "61ac"));
        let fourth = say(&mut card, &format!("{class}C00000AC"));
        assert_eq!(&fourth[344..], "9000");
        let whole = [&first[..512], &second[..512], &third[..32], &fourth[..344]].concat();
        assert_eq!(whole, hex::encode(&response));
        assert_eq!(say(&mut card, &format!("{class}C0000000")), "6985", "that was all");
    }
    let mut card = card(BOTH);
    ask(&mut card, "80100000010402");
    card.respond(NOW, &[1, 2, 3]);
    assert_eq!(answer(&mut card), "01026101", "Le is what the platform has room for");
    assert_eq!(say(&mut card, "80110000"), "6985", "another command");
    assert_eq!(say(&mut card, "00C0000000"), "6985", "and the rest is gone");
}

#[test]
fn a_platform_that_knows_getresponse_is_kept_up_to_date_and_any_other_waits() {
    let mut card = card(BOTH);
    assert_eq!(ask(&mut card, "80108000010100"), ctap2(&[1]));
    card.processing(NOW);
    assert_eq!(answer(&mut card), "019100");
    assert_eq!(say(&mut card, "8011000000"), "019100");
    card.await_user(NOW);
    assert_eq!(say(&mut card, "80110000"), "029100");
    card.respond(NOW, &[0x00, 0xA0]);
    assert_eq!(card.poll_frame(), None, "the platform asks for it");
    assert_eq!(say(&mut card, "8011000000"), "00a09000");
    assert_eq!(say(&mut card, "8011000000"), "6985");

    assert_eq!(ask(&mut card, "80100000010100"), ctap2(&[1]));
    card.await_user(NOW);
    assert_eq!(card.poll_frame(), None, "its answer is late");
    assert_eq!(ask(&mut card, "80110000"), None, "which no platform fails to wait for");
    assert_eq!(card.poll_frame(), None);
    card.respond(NOW, &[0]);
    assert_eq!(answer(&mut card), "009000");
}

#[test]
fn a_request_is_withdrawn_by_getresponse_or_by_selecting_again() {
    let mut card = card(BOTH);
    ask(&mut card, "80108000010100");
    assert_eq!(answer(&mut card), "019100");
    assert_eq!(ask(&mut card, "8011110000"), Some(Event::Cancel));
    card.respond(NOW, &[0x2D]);
    assert_eq!(answer(&mut card), "2d9000");
    // An authenticator that cannot stop goes on.
    ask(&mut card, "80108000010100");
    assert_eq!(answer(&mut card), "019100");
    assert_eq!(ask(&mut card, "8011110000"), Some(Event::Cancel));
    assert_eq!(answer(&mut card), "019100");
    assert_eq!(say(&mut card, "80108000010400"), "6985", "one request at a time");
    for end in [SELECT, "80120100", "00A4040006A00000000101"] {
        let mut card = self::card(BOTH);
        ask(&mut card, "80108000010100");
        assert_eq!(answer(&mut card), "019100");
        assert_eq!(ask(&mut card, end), Some(Event::Cancel), "{end}");
        answer(&mut card);
        say(&mut card, SELECT);
        assert_eq!(say(&mut card, "80108000010400"), "6985", "the authenticator has not let go of it");
        card.respond(NOW, &[0x2D]);
        assert_eq!(card.poll_frame(), None, "nobody wants it");
        assert_eq!(ask(&mut card, "80108000010400"), ctap2(&[4]));
    }
}

#[test]
fn out_of_the_field_everything_is_forgotten() {
    let mut card = card(BOTH);
    ask(&mut card, "80108000010100");
    card.reset();
    assert_eq!(card.poll_frame(), None);
    card.respond(NOW, &[0]);
    assert_eq!(card.poll_frame(), None);
    assert_eq!(say(&mut card, "80110000"), "6d00");
}

/// Commands that mostly make sense.
fn commands() -> impl Strategy<Value = Vec<u8>> {
    let some = prop::sample::select(vec![
        bytes(SELECT),
        bytes("80108000010400"),
        bytes("80100000010400"),
        bytes("9010000002AABB"),
        bytes("80110000"),
        bytes("80111100"),
        bytes("00C0000000"),
        bytes("00030000"),
        bytes("80120100"),
    ]);
    prop_oneof![4 => some, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #[test]
    fn whatever_comes_each_command_has_one_answer_and_no_second_request_is_handed_out(
        steps in prop::collection::vec((commands(), 0u8..4), 1..40),
    ) {
        let mut card = Card::new(BOTH);
        let mut open = false;
        let mut owed = false;
        for (command, then) in steps {
            let heard = !owed;
            match card.handle_frame(NOW, &command) {
                Some(Event::Ctap2 { .. } | Event::U2f { .. }) => {
                    prop_assert!(!open, "a second request");
                    open = true;
                }
                Some(Event::Cancel) => prop_assert!(open, "nothing is open"),
                Some(Event::Wink) => prop_assert!(false),
                None => {}
            }
            if open && then > 0 {
                match then {
                    1 => card.await_user(NOW),
                    2 => card.processing(NOW),
                    _ => {
                        card.respond(NOW, &[0; 300]);
                        open = false;
                    }
                }
            }
            let answers: Vec<_> = core::iter::from_fn(|| card.poll_frame()).collect();
            prop_assert!(answers.len() <= 1, "{} answers", answers.len());
            prop_assert!(answers.iter().all(|answer| answer.len() >= 2));
            if heard {
                // Without an answer only while an open request owes it.
                prop_assert!(!answers.is_empty() || open);
            }
            owed = if answers.is_empty() { owed || heard } else { false };
        }
    }
}
