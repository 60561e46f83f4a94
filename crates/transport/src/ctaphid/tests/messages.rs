//! Packets and messages, CTAP 2.1 §11.2.4, §11.2.5 and §11.2.9.
use super::*;

#[test]
fn the_report_descriptor_is_the_specifications() {
    let hex = "06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0";
    assert_eq!(wire::hex::encode(&REPORT_DESCRIPTOR), hex);
}

#[test]
fn an_idle_device_says_nothing() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.assert_ping_works(cid);
    assert_eq!(bench.deadline(), None);
    bench.wait(10_000);
    assert_eq!(bench.device.handle_timeout(bench.instant()), None);
    bench.await_user();
    bench.processing();
    bench.respond(&[0]);
    bench.assert_silence();
}

#[test]
fn ping_echoes_every_length() {
    let mut bench = Bench::new();
    let cid = bench.open();
    let data: Vec<u8> = (0..=250).cycle().take(MAX_MESSAGE_SIZE).collect();
    for len in (0..300).chain([1024, 7550, 7551, 7608, 7609]) {
        assert_eq!(bench.send(cid, Command::PING, &data[..len]), None);
        assert_eq!(bench.answer(cid), (Command::PING, data[..len].to_vec()));
    }
}

#[test]
fn padding_is_not_payload() {
    let mut bench = Bench::new();
    let cid = bench.open();
    let mut report = fragment(cid, Command::PING, b"ab")[0];
    report[9..].fill(0xFF);
    bench.frame(&report);
    assert_eq!(bench.answer(cid), (Command::PING, b"ab".to_vec()));
}

#[test]
fn a_message_longer_than_the_protocol_allows_is_an_invalid_length() {
    let mut bench = Bench::with(Config { max_message_size: usize::MAX, ..CONFIG });
    let cid = bench.open();
    for command in [Command::PING, Command::MSG, Command::CBOR] {
        for len in [7610, u16::MAX] {
            bench.announce(cid, command, len);
            bench.assert_error(cid, ErrorCode::INVALID_LEN);
            bench.go_on(cid, 0);
            bench.assert_silence();
        }
    }
    bench.assert_ping_works(cid);
}

#[test]
fn a_message_longer_than_the_configuration_allows_is_an_invalid_length() {
    let mut bench = Bench::with(Config { max_message_size: 1200, ..CONFIG });
    let cid = bench.open();
    for command in [Command::PING, Command::MSG, Command::CBOR] {
        bench.announce(cid, command, 1201);
        bench.assert_error(cid, ErrorCode::INVALID_LEN);
    }
    let event = bench.send(cid, Command::CBOR, &[1; 1200]);
    assert_eq!(event, Some(Event::Ctap2 { channel: cid, message: vec![1; 1200] }));
}

#[test]
fn an_empty_cbor_or_msg_is_an_invalid_length() {
    let mut bench = Bench::new();
    let cid = bench.open();
    for command in [Command::CBOR, Command::MSG] {
        assert_eq!(bench.send(cid, command, &[]), None);
        bench.assert_error(cid, ErrorCode::INVALID_LEN);
    }
}

#[test]
fn a_wink_is_answered_empty_and_told() {
    let mut bench = Bench::new();
    let cid = bench.open();
    assert_eq!(bench.send(cid, Command::WINK, &[]), Some(Event::Wink));
    assert_eq!(bench.answer(cid), (Command::WINK, vec![]));
}

#[test]
fn a_wink_with_a_payload_is_an_invalid_length() {
    let mut bench = Bench::new();
    let cid = bench.open();
    for len in [1, 57, 58, 7609] {
        assert_eq!(bench.announce(cid, Command::WINK, len), None);
        bench.assert_error(cid, ErrorCode::INVALID_LEN);
    }
}

#[test]
fn a_command_that_is_not_implemented_is_invalid_whatever_its_length() {
    for (wink, cbor, msg) in (0..8).map(|n| (n & 1 != 0, n & 2 != 0, n & 4 != 0)) {
        let mut bench = Bench::with(Config { wink, cbor, msg, ..CONFIG });
        let cid = bench.open();
        let implemented = |command| match command {
            Command::PING | Command::LOCK => true,
            Command::WINK => wink,
            Command::CBOR => cbor,
            Command::MSG => msg,
            _ => false,
        };
        for command in ordinary_commands().filter(|command| !implemented(*command)) {
            for len in [0, 1, 57, 58, 7609, 7610] {
                assert_eq!(bench.announce(cid, command, len), None);
                bench.assert_error(cid, ErrorCode::INVALID_CMD);
            }
        }
        bench.assert_ping_works(cid);
    }
}

#[test]
fn a_stray_continuation_packet_is_ignored_silently() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    for seq in 0..0x80 {
        for cid in [0, BROADCAST, one, two, 99] {
            assert_eq!(bench.go_on(cid, seq), None);
        }
    }
    bench.announce(one, Command::PING, 60);
    for seq in 0..0x80 {
        for cid in [0, BROADCAST, two, 99] {
            assert_eq!(bench.go_on(cid, seq), None);
        }
    }
    bench.assert_silence();
    bench.go_on(one, 0);
    assert_eq!(bench.answer(one).1.len(), 60);
}

#[test]
fn a_wrong_sequence_number_is_an_error_and_the_message_is_dropped() {
    for wrong in 2..0x80 {
        let mut bench = Bench::new();
        let cid = bench.open();
        bench.announce(cid, Command::PING, 200);
        bench.go_on(cid, 0);
        bench.go_on(cid, wrong);
        bench.assert_error(cid, ErrorCode::INVALID_SEQ);
        bench.go_on(cid, 1);
        bench.go_on(cid, 2);
        bench.wait(2000);
        bench.assert_silence();
        bench.assert_ping_works(cid);
    }
}

#[test]
fn a_repeated_packet_is_out_of_sequence() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.announce(cid, Command::PING, 200);
    bench.go_on(cid, 0);
    bench.go_on(cid, 0);
    bench.assert_error(cid, ErrorCode::INVALID_SEQ);
}

#[test]
fn while_a_message_arrives_any_new_message_on_its_channel_is_out_of_sequence_and_drops_it() {
    for command in ordinary_commands() {
        for len in [0, 1, 60, 7610] {
            let mut bench = Bench::new();
            let cid = bench.open();
            bench.announce(cid, Command::PING, 100);
            assert_eq!(bench.announce(cid, command, len), None);
            bench.assert_error(cid, ErrorCode::INVALID_SEQ);
            bench.go_on(cid, 0);
            bench.wait(2000);
            bench.assert_silence();
            bench.assert_ping_works(cid);
        }
    }
}

#[test]
fn while_a_message_arrives_other_channels_are_busy_and_it_goes_on() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    bench.announce(one, Command::PING, 60);
    for command in ordinary_commands() {
        assert_eq!(bench.announce(two, command, 1), None);
        bench.assert_error(two, ErrorCode::CHANNEL_BUSY);
    }
    bench.go_on(two, 0);
    bench.assert_silence();
    bench.go_on(one, 0);
    assert_eq!(bench.answer(one).1.len(), 60);
    bench.assert_ping_works(two);
}

#[test]
fn while_a_message_arrives_cancel_is_ignored_on_every_channel() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    bench.announce(one, Command::CBOR, 60);
    for cid in [0, BROADCAST, one, two, 99] {
        assert_eq!(bench.send(cid, Command::CANCEL, &[]), None);
    }
    bench.assert_silence();
    assert!(matches!(bench.go_on(one, 0), Some(Event::Ctap2 { channel, .. }) if channel == one));
}

#[test]
fn init_in_the_middle_of_a_message_drops_it_and_the_channel_is_fresh() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.announce(cid, Command::PING, 100);
    assert_eq!(bench.send(cid, Command::INIT, &NONCE), None);
    assert_eq!(bench.answer(cid).0, Command::INIT);
    bench.go_on(cid, 0);
    bench.wait(2000);
    bench.assert_silence();
    bench.assert_ping_works(cid);
}

#[test]
fn a_bad_init_in_the_middle_of_a_message_drops_it_too() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.announce(cid, Command::PING, 100);
    bench.announce(cid, Command::INIT, 7);
    bench.assert_error(cid, ErrorCode::INVALID_LEN);
    bench.go_on(cid, 0);
    bench.wait(2000);
    bench.assert_silence();
}

#[test]
fn init_elsewhere_in_the_middle_of_a_message_is_answered_and_the_message_goes_on() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    bench.announce(one, Command::PING, 60);
    bench.open();
    for cid in [two, 0x1122_3344] {
        bench.send(cid, Command::INIT, &NONCE);
        assert_eq!(bench.answer(cid).0, Command::INIT);
    }
    bench.go_on(one, 0);
    assert_eq!(bench.answer(one).1.len(), 60);
}

#[test]
fn a_leading_report_number_is_taken_off_and_other_sizes_are_ignored() {
    let mut bench = Bench::new();
    let report = fragment(BROADCAST, Command::INIT, &NONCE)[0];
    let numbered = |number: u8| [&[number], &report[..]].concat();
    bench.frame(&numbered(0));
    assert_eq!(bench.answer(BROADCAST).0, Command::INIT);
    for number in 1..=255 {
        assert_eq!(bench.frame(&numbered(number)), None);
    }
    for len in (0..64).chain(66..200).chain([4096]) {
        assert_eq!(bench.frame(&vec![0; len]), None);
        assert_eq!(bench.frame(&report.iter().copied().cycle().take(len).collect::<Vec<u8>>()), None);
    }
    bench.assert_silence();
}

#[test]
fn a_platform_that_never_reads_gets_the_newest_message_whole() {
    let mut bench = Bench::new();
    let cid = bench.open();
    let ping = |bench: &mut Bench, byte: u8, len: usize| {
        for report in fragment(cid, Command::PING, &vec![byte; len]) {
            bench.device.handle_frame(bench.instant(), &report);
            assert!(bench.device.outbox.len() <= Outbox::LIMIT);
        }
    };
    (0..100).for_each(|round| ping(&mut bench, round, MAX_MESSAGE_SIZE));
    bench.fetch();
    let bytes: Vec<u8> = bench.answers().iter().map(|answer| answer.payload[0]).collect();
    assert_eq!(bytes, [96, 97, 98, 99]);
    // One short message too many is enough.
    (0..4).for_each(|round| ping(&mut bench, round, MAX_MESSAGE_SIZE));
    ping(&mut bench, 4, 1);
    bench.fetch();
    assert_eq!(bench.answer(cid), (Command::PING, vec![4]));
}
