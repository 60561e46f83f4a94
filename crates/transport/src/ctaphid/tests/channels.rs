//! INIT and who may speak, CTAP 2.1 §11.2.3 and §11.2.9.1.3.
use super::*;
use alloc::collections::BTreeSet;

#[test]
fn init_on_broadcast_is_answered_byte_for_byte() {
    let mut bench = Bench::new();
    bench.send(BROADCAST, Command::INIT, &NONCE);
    let reply = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 2, 5, 7, 1, 0b0101];
    assert_eq!(bench.answer(BROADCAST), (Command::INIT, reply.to_vec()));
}

#[test]
fn the_capabilities_are_those_of_the_configuration() {
    for (wink, cbor, msg) in (0..8).map(|n| (n & 1 != 0, n & 2 != 0, n & 4 != 0)) {
        let mut bench = Bench::with(Config { wink, cbor, msg, ..CONFIG });
        bench.send(BROADCAST, Command::INIT, &NONCE);
        let flags = bench.answer(BROADCAST).1[16];
        assert_eq!(flags, u8::from(wink) | u8::from(cbor) << 2 | u8::from(!msg) << 3);
    }
}

#[test]
fn channels_are_unique_and_never_reserved() {
    let mut bench = Bench::new();
    let cids: BTreeSet<u32> = (0..1000).map(|_| bench.open()).collect();
    assert_eq!(cids.len(), 1000);
    assert!(!cids.contains(&0) && !cids.contains(&BROADCAST));
}

#[test]
fn counting_on_past_the_last_identifier_skips_the_reserved_ones_and_those_in_use() {
    let mut bench = Bench::new();
    assert_eq!(bench.open(), 1);
    bench.device.channels.skip_to(0xFFFF_FFFD);
    assert_eq!([bench.open(), bench.open()], [0xFFFF_FFFE, 2]);
}

#[test]
fn a_channel_named_by_its_user_is_not_handed_out_again() {
    let mut bench = Bench::new();
    bench.send(1, Command::INIT, &NONCE);
    assert_eq!(bench.answer(1).1[8..12], [0, 0, 0, 1]);
    assert_eq!(bench.open(), 2);
}

#[test]
fn init_on_an_allocated_channel_keeps_it_and_answers_there() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.send(cid, Command::INIT, &NONCE);
    let (command, reply) = bench.answer(cid);
    assert_eq!((command, &reply[8..12]), (Command::INIT, &cid.to_be_bytes()[..]));
    bench.assert_ping_works(cid);
}

#[test]
fn init_on_a_channel_that_nobody_handed_out_allocates_it() {
    let mut bench = Bench::new();
    bench.send(0x1122_3344, Command::INIT, &NONCE);
    let (command, reply) = bench.answer(0x1122_3344);
    assert_eq!((command, &reply[8..12]), (Command::INIT, &[0x11, 0x22, 0x33, 0x44][..]));
    bench.assert_ping_works(0x1122_3344);
}

#[test]
fn an_init_without_exactly_eight_bytes_is_an_invalid_length() {
    let mut bench = Bench::new();
    let cid = bench.open();
    for len in (0..=u16::MAX).filter(|len| *len != 8) {
        for cid in [BROADCAST, cid, 77] {
            bench.announce(cid, Command::INIT, len);
            bench.assert_error(cid, ErrorCode::INVALID_LEN);
        }
    }
    bench.announce(77, Command::PING, 0);
    bench.assert_error(77, ErrorCode::INVALID_CHANNEL);
    bench.assert_ping_works(cid);
}

#[test]
fn channel_zero_is_invalid_for_everything_even_while_the_device_is_busy_and_cancel_is_silent_there() {
    let mut bench = Bench::new();
    for busy in [false, true] {
        if busy {
            let cid = bench.open();
            bench.ask(cid);
        }
        for command in commands() {
            assert_eq!(bench.announce(0, command, 8), None);
            if command == Command::CANCEL {
                bench.assert_silence();
            } else {
                bench.assert_error(0, ErrorCode::INVALID_CHANNEL);
            }
        }
        bench.go_on(0, 0);
        bench.assert_silence();
    }
}

#[test]
fn broadcast_is_invalid_for_everything_but_init_even_while_the_device_is_busy() {
    let mut bench = Bench::new();
    for busy in [false, true] {
        if busy {
            let cid = bench.open();
            bench.ask(cid);
        }
        for command in ordinary_commands() {
            assert_eq!(bench.announce(BROADCAST, command, 1), None);
            bench.assert_error(BROADCAST, ErrorCode::INVALID_CHANNEL);
        }
        assert_eq!(bench.announce(BROADCAST, Command::CANCEL, 0), None);
        bench.assert_silence();
    }
}

#[test]
fn a_channel_that_nobody_handed_out_is_invalid_but_busy_comes_first() {
    let mut bench = Bench::new();
    let cid = bench.open();
    for command in ordinary_commands() {
        bench.announce(cid + 1, command, 1);
        bench.assert_error(cid + 1, ErrorCode::INVALID_CHANNEL);
    }
    bench.announce(cid, Command::PING, 100);
    for command in ordinary_commands() {
        bench.announce(cid + 1, command, 1);
        bench.assert_error(cid + 1, ErrorCode::CHANNEL_BUSY);
    }
}

#[test]
fn the_table_holds_64_channels_and_forgets_the_least_recently_used() {
    let mut bench = Bench::new();
    let cids: Vec<u32> = (0..64).map(|_| bench.open()).collect();
    bench.assert_ping_works(cids[0]);
    bench.open();
    bench.assert_ping_works(cids[0]);
    bench.announce(cids[1], Command::PING, 0);
    bench.assert_error(cids[1], ErrorCode::INVALID_CHANNEL);
    bench.send(cids[2], Command::INIT, &NONCE);
    bench.answer(cids[2]);
    bench.open();
    bench.announce(cids[3], Command::PING, 0);
    bench.assert_error(cids[3], ErrorCode::INVALID_CHANNEL);
    bench.assert_ping_works(cids[2]);
    assert_eq!(bench.device.channels.len(), 64);
}

#[test]
fn a_forgotten_channel_comes_back_by_init() {
    let mut bench = Bench::new();
    let cid = bench.open();
    for _ in 0..64 {
        bench.open();
    }
    bench.announce(cid, Command::PING, 0);
    bench.assert_error(cid, ErrorCode::INVALID_CHANNEL);
    bench.send(cid, Command::INIT, &NONCE);
    bench.answer(cid);
    bench.assert_ping_works(cid);
}

#[test]
fn a_channel_that_has_the_device_is_never_forgotten() {
    for processing in [false, true] {
        let mut bench = Bench::new();
        let cid = bench.open();
        if processing {
            bench.ask(cid);
        } else {
            bench.announce(cid, Command::PING, 60);
        }
        // From the broadcast channel and by name: both make room.
        for other in 0x1000..0x1100 {
            bench.open();
            bench.send(other, Command::INIT, &NONCE);
            bench.answer(other);
        }
        if processing {
            bench.respond(&[0]);
            assert_eq!(bench.answer(cid), (Command::CBOR, vec![0]));
        } else {
            bench.go_on(cid, 0);
            assert_eq!(bench.answer(cid).0, Command::PING);
        }
        bench.assert_ping_works(cid);
    }
}

#[test]
fn after_a_reset_no_channel_is_left_and_none_is_handed_out_twice() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    bench.device.reset();
    for cid in [one, two] {
        bench.announce(cid, Command::PING, 0);
        bench.assert_error(cid, ErrorCode::INVALID_CHANNEL);
    }
    assert!(![one, two].contains(&bench.open()));
}
