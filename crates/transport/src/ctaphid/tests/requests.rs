//! Requests that the owner answers, and how they end early: CTAP 2.1 §11.2.5 and §11.2.9.1.
use super::*;

/// CTAP2_ERR_KEEPALIVE_CANCEL, as the authenticator would say it.
const CANCELLED: &[u8] = &[0x2D];

#[test]
fn a_request_is_answered_on_its_channel_with_its_command() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    for cid in [one, two] {
        let event = bench.send(cid, Command::CBOR, &[4; 500]);
        assert_eq!(event, Some(Event::Ctap2 { channel: cid, message: vec![4; 500] }));
        bench.respond(&[7; 900]);
        assert_eq!(bench.answer(cid), (Command::CBOR, vec![7; 900]));
        let event = bench.send(cid, Command::MSG, VERSION);
        assert_eq!(event, Some(Event::U2f { channel: cid, message: VERSION.to_vec() }));
        bench.respond(b"U2F_V2\x90\x00");
        assert_eq!(bench.answer(cid), (Command::MSG, b"U2F_V2\x90\x00".to_vec()));
    }
}

#[test]
fn a_second_response_goes_nowhere() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.respond(&[0]);
    bench.answer(cid);
    bench.respond(&[0]);
    bench.assert_silence();
    bench.announce(cid, Command::PING, 60);
    bench.respond(&[0]);
    bench.assert_silence();
    bench.go_on(cid, 0);
    assert_eq!(bench.answer(cid).0, Command::PING);
}

#[test]
fn the_longest_response_fits_and_a_longer_one_is_an_error() {
    let mut bench = Bench::new();
    let cid = bench.open();
    for (command, message) in [(Command::CBOR, INFO), (Command::MSG, VERSION)] {
        bench.send(cid, command, message).unwrap();
        bench.respond(&[1; MAX_MESSAGE_SIZE]);
        assert_eq!(bench.answer(cid), (command, vec![1; MAX_MESSAGE_SIZE]));
        for len in [MAX_MESSAGE_SIZE + 1, 1 << 20] {
            bench.send(cid, command, message).unwrap();
            bench.respond(&vec![1; len]);
            bench.assert_error(cid, ErrorCode::OTHER);
        }
    }
    bench.assert_ping_works(cid);
}

#[test]
fn while_a_request_is_processed_every_channel_is_busy_its_own_too_and_it_goes_on() {
    for (command, message) in [(Command::CBOR, INFO), (Command::MSG, VERSION)] {
        let mut bench = Bench::new();
        let (one, two) = (bench.open(), bench.open());
        bench.send(one, command, message).unwrap();
        for other in ordinary_commands() {
            for cid in [one, two, 99] {
                for len in [0, 1, 60] {
                    assert_eq!(bench.announce(cid, other, len), None);
                    bench.assert_error(cid, ErrorCode::CHANNEL_BUSY);
                    assert_eq!(bench.go_on(cid, 0), None);
                    bench.assert_silence();
                }
            }
        }
        bench.respond(&[0]);
        assert_eq!(bench.answer(one), (command, vec![0]));
        bench.assert_ping_works(two);
    }
}

#[test]
fn cancel_is_told_and_its_answer_goes_out_at_once_on_the_same_channel() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.await_user();
    bench.wait(250);
    bench.answers();
    assert_eq!(bench.send(cid, Command::CANCEL, &[]), Some(Event::Cancel));
    bench.assert_silence();
    bench.respond(CANCELLED);
    let at = bench.now;
    assert_eq!(bench.answers(), [Answer { at, cid, command: Command::CBOR, payload: CANCELLED.to_vec() }]);
    bench.wait(2000);
    bench.assert_silence();
    bench.assert_ping_works(cid);
}

#[test]
fn a_second_cancel_is_silent() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    assert_eq!(bench.send(cid, Command::CANCEL, &[]), Some(Event::Cancel));
    assert_eq!(bench.send(cid, Command::CANCEL, &[]), None);
    bench.respond(CANCELLED);
    bench.answer(cid);
    assert_eq!(bench.send(cid, Command::CANCEL, &[]), None);
    bench.assert_silence();
}

#[test]
fn a_request_that_could_not_be_stopped_ends_with_its_own_response() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.send(cid, Command::CANCEL, &[]);
    bench.respond(&[0, 0xA0]);
    assert_eq!(bench.answer(cid), (Command::CBOR, vec![0, 0xA0]));
}

#[test]
fn cancel_is_silent_when_idle_and_from_another_channel_and_for_a_msg() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    let everywhere = |bench: &mut Bench, cids: &[u32]| {
        for cid in cids {
            for len in [0, 1, 60, 7610] {
                assert_eq!(bench.announce(*cid, Command::CANCEL, len), None);
                assert_eq!(bench.go_on(*cid, 0), None);
            }
        }
        bench.assert_silence();
    };
    everywhere(&mut bench, &[0, BROADCAST, one, two, 99]);
    bench.ask(one);
    everywhere(&mut bench, &[0, BROADCAST, two, 99]);
    bench.respond(&[0]);
    assert_eq!(bench.answer(one), (Command::CBOR, vec![0]));
    bench.send(one, Command::MSG, VERSION).unwrap();
    everywhere(&mut bench, &[0, BROADCAST, one, two, 99]);
    bench.respond(&[0x69, 0x85]);
    assert_eq!(bench.answer(one), (Command::MSG, vec![0x69, 0x85]));
}

#[test]
fn init_on_the_channel_of_a_request_withdraws_it_and_its_response_is_swallowed() {
    for (command, message) in [(Command::CBOR, INFO), (Command::MSG, VERSION)] {
        let mut bench = Bench::new();
        let (cid, other) = (bench.open(), bench.open());
        bench.send(cid, command, message).unwrap();
        assert_eq!(bench.send(cid, Command::INIT, &NONCE), Some(Event::Cancel));
        assert_eq!(bench.answer(cid).0, Command::INIT);
        // Until the owner responds, the authenticator may be busy, and so the device is.
        for cid in [cid, other] {
            bench.announce(cid, Command::PING, 0);
            bench.assert_error(cid, ErrorCode::CHANNEL_BUSY);
        }
        assert_eq!(bench.send(cid, Command::INIT, &NONCE), None);
        assert_eq!(bench.answer(cid).0, Command::INIT);
        assert_eq!(bench.send(cid, Command::CANCEL, &[]), None);
        bench.await_user();
        bench.processing();
        bench.wait(2000);
        bench.assert_silence();
        bench.respond(CANCELLED);
        bench.assert_silence();
        bench.assert_ping_works(cid);
        bench.ask(cid);
        bench.respond(&[0]);
        assert_eq!(bench.answer(cid), (Command::CBOR, vec![0]));
    }
}

#[test]
fn init_after_cancel_withdraws_nothing_twice_and_still_swallows_the_response() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    assert_eq!(bench.send(cid, Command::CANCEL, &[]), Some(Event::Cancel));
    assert_eq!(bench.send(cid, Command::INIT, &NONCE), None);
    assert_eq!(bench.answer(cid).0, Command::INIT);
    bench.respond(CANCELLED);
    bench.assert_silence();
}

#[test]
fn a_bad_init_does_not_withdraw_a_request() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    assert_eq!(bench.announce(cid, Command::INIT, 9), None);
    bench.assert_error(cid, ErrorCode::INVALID_LEN);
    bench.respond(&[0]);
    assert_eq!(bench.answer(cid), (Command::CBOR, vec![0]));
}

#[test]
fn init_elsewhere_while_a_request_is_processed_is_answered_and_the_request_goes_on() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    bench.ask(one);
    bench.open();
    for cid in [two, 0x1122_3344] {
        assert_eq!(bench.send(cid, Command::INIT, &NONCE), None);
        assert_eq!(bench.answer(cid).0, Command::INIT);
    }
    bench.respond(&[0]);
    assert_eq!(bench.answer(one), (Command::CBOR, vec![0]));
}

#[test]
fn init_discards_what_its_channel_has_not_fetched_and_nothing_else() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    for (cid, command, payload) in [
        (one, Command::PING, &[1; 300][..]),
        (two, Command::PING, &[2; 300]),
        (one, Command::PING, &[3; 300]),
        (one, Command::INIT, &NONCE),
    ] {
        for report in fragment(cid, command, payload) {
            assert_eq!(bench.device.handle_frame(Instant::POWER_UP, &report), None);
        }
    }
    bench.fetch();
    let said: Vec<_> = bench.answers().into_iter().map(|answer| (answer.cid, answer.command)).collect();
    assert_eq!(said, [(two, Command::PING), (one, Command::INIT)]);
}

#[test]
fn a_cut_wire_forgets_the_request_and_its_response_goes_nowhere() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.device.await_user(bench.instant());
    bench.device.reset();
    assert_eq!(bench.deadline(), None);
    bench.respond(&[0]);
    bench.wait(2000);
    bench.assert_silence();
    let cid = bench.open();
    bench.assert_ping_works(cid);
}

#[test]
fn a_cut_wire_forgets_half_messages() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.announce(cid, Command::PING, 60);
    bench.device.reset();
    bench.go_on(cid, 0);
    bench.wait(2000);
    bench.assert_silence();
}
