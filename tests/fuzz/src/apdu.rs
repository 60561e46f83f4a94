//! APDUs to the card, and what its owner does.
use crate::Input;
use transport::iso7816::{AID, Card, Config};
use transport::{Event, Link};
use wire::ctaphid::MAX_MESSAGE_SIZE;
use wire::time::Instant;

/// One answer to each command that is heard, no second request while one is open, and a SELECT works after everything.
pub fn run(data: &[u8]) {
    let now = Instant::POWER_UP;
    let mut input = Input(data);
    let flags = input.byte();
    let config = Config { cbor: flags & 1 != 0, u2f: flags & 2 != 0, max_message_size: MAX_MESSAGE_SIZE };
    let mut card = Card::new(config);
    let (mut open, mut owed) = (false, false);
    while !input.is_empty() {
        match input.byte() % 8 {
            0..=3 => {
                let length = usize::from(input.byte());
                let command = input.take(length);
                match card.handle_frame(now, command) {
                    Some(Event::Ctap2 { message, .. } | Event::U2f { message, .. }) => {
                        assert!(!open, "a second request while one is open");
                        assert!(message.len() <= MAX_MESSAGE_SIZE + 16);
                        open = true;
                    }
                    Some(Event::Cancel) => assert!(open, "nothing is open that could be withdrawn"),
                    Some(Event::Wink) => panic!("a card has no light"),
                    None => {}
                }
                owed = true;
            }
            4 => {
                let length = usize::from(input.number() % 9_000);
                card.respond(now, &vec![0x90; length]);
                open = false;
            }
            5 => card.await_user(now),
            6 => card.processing(now),
            _ => {
                card.reset();
                (open, owed) = (false, false);
            }
        }
        owed &= !drain(&mut card, owed);
    }
    if owed {
        // A request that is open and whose platform waits.
        assert!(open, "an answer is missing");
        card.respond(now, &[0]);
        drain(&mut card, true);
    }
    // The beginning of a SELECT may be there, which goes on; anything else ends it.
    card.handle_frame(now, &[0x80, 0x12, 0x01, 0x00]);
    drain(&mut card, true);
    let select = [&[0x00, 0xA4, 0x04, 0x00, 0x08][..], &AID].concat();
    card.handle_frame(now, &select);
    let answer = card.poll_frame().expect("SELECT is answered");
    assert!(answer.ends_with(&[0x90, 0x00]), "SELECT is refused");
}

/// Takes what is to be sent; whether something was.
fn drain(card: &mut Card, owed: bool) -> bool {
    let Some(answer) = card.poll_frame() else { return false };
    assert!(owed, "an answer to nothing");
    assert!(answer.len() >= 2, "an answer without a status word");
    assert_eq!(card.poll_frame(), None, "a second answer");
    true
}
