//! What happens by the clock: CTAP 2.1 §11.2.5.2 and §11.2.9.1.7.
use super::*;

/// When which KEEPALIVE status came on this channel, and nothing else came.
#[track_caller]
fn keepalives(bench: &mut Bench, on: u32) -> Vec<(u64, u8)> {
    let beat = |Answer { at, cid, command, payload }: Answer| {
        assert_eq!((cid, command, payload.len()), (on, Command::KEEPALIVE, 1));
        (at, payload[0])
    };
    bench.answers().into_iter().map(beat).collect()
}

#[test]
fn half_a_message_times_out_after_500_milliseconds_to_the_millisecond() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.wait(12_345);
    bench.announce(cid, Command::PING, 1024);
    bench.wait(499);
    bench.assert_silence();
    bench.wait(1);
    let (at, payload) = (12_845, vec![ErrorCode::MSG_TIMEOUT.0]);
    assert_eq!(bench.answers(), [Answer { at, cid, command: Command::ERROR, payload }]);
    bench.go_on(cid, 0);
    bench.wait(2000);
    bench.assert_silence();
    bench.assert_ping_works(cid);
}

#[test]
fn every_packet_gives_the_message_another_500_milliseconds() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.announce(cid, Command::PING, 7609);
    for seq in 0..127 {
        bench.wait(499);
        bench.go_on(cid, seq);
        bench.assert_silence();
    }
    bench.wait(499);
    bench.go_on(cid, 127);
    assert_eq!(bench.answer(cid).1.len(), 7609);
}

#[test]
fn packets_of_other_channels_and_cancel_do_not_postpone_the_timeout() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    bench.announce(one, Command::PING, 1024);
    for _ in 0..5 {
        bench.wait(99);
        bench.announce(two, Command::PING, 0);
        bench.go_on(two, 0);
        bench.send(one, Command::CANCEL, &[]);
        bench.send(BROADCAST, Command::INIT, &NONCE);
        assert_eq!(bench.answers().len(), 2);
    }
    bench.wait(5);
    bench.assert_error(one, ErrorCode::MSG_TIMEOUT);
}

#[test]
fn a_late_packet_is_late_even_if_nobody_called_in_time() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    for (cid, seq) in [(one, 0), (two, 0)] {
        bench.announce(one, Command::PING, 60);
        bench.now += 500;
        bench.go_on(cid, seq);
        bench.assert_error(one, ErrorCode::MSG_TIMEOUT);
    }
    bench.announce(one, Command::PING, 60);
    bench.now += 500;
    bench.announce(two, Command::PING, 0);
    let said: Vec<_> = bench.answers().into_iter().map(|answer| (answer.cid, answer.command)).collect();
    assert_eq!(said, [(one, Command::ERROR), (two, Command::PING)]);
}

#[test]
fn a_message_in_one_packet_has_no_deadline() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.announce(cid, Command::PING, 57);
    bench.answer(cid);
    assert_eq!(bench.deadline(), None);
}

#[test]
fn a_request_that_takes_long_beats_processing_each_100_milliseconds() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.wait(7);
    bench.ask(cid);
    bench.wait(3000);
    let beats: Vec<_> = (1..=30).map(|n| (7 + 100 * n, keepalive::PROCESSING)).collect();
    assert_eq!(keepalives(&mut bench, cid), beats);
}

#[test]
fn a_request_answered_within_100_milliseconds_has_no_keepalive() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.wait(99);
    bench.respond(&[0]);
    bench.wait(2000);
    assert_eq!(bench.answer(cid), (Command::CBOR, vec![0]));
}

#[test]
fn waiting_for_the_user_is_said_before_the_prompt_and_each_100_milliseconds() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.wait(42);
    bench.await_user();
    assert_eq!(keepalives(&mut bench, cid), [(42, keepalive::UPNEEDED)]);
    bench.wait(30_000);
    let beats: Vec<_> = (1..=300).map(|n| (42 + 100 * n, keepalive::UPNEEDED)).collect();
    assert_eq!(keepalives(&mut bench, cid), beats);
    bench.respond(&[0]);
    assert_eq!(bench.answer(cid), (Command::CBOR, vec![0]));
    bench.wait(2000);
    bench.assert_silence();
}

#[test]
fn a_change_of_status_is_said_at_once_and_starts_a_new_beat() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.processing();
    bench.wait(150);
    bench.await_user();
    bench.wait(120);
    bench.processing();
    bench.wait(100);
    let expected = [
        (0, keepalive::PROCESSING),
        (100, keepalive::PROCESSING),
        (150, keepalive::UPNEEDED),
        (250, keepalive::UPNEEDED),
        (270, keepalive::PROCESSING),
        (370, keepalive::PROCESSING),
    ];
    assert_eq!(keepalives(&mut bench, cid), expected);
}

#[test]
fn saying_the_same_again_changes_nothing() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    for _ in 0..50 {
        bench.await_user();
        bench.wait(10);
    }
    let expected: Vec<_> = (0..=5).map(|n| (100 * n, keepalive::UPNEEDED)).collect();
    assert_eq!(keepalives(&mut bench, cid), expected);
}

#[test]
fn a_status_that_only_the_beat_has_said_counts_as_said() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.wait(150);
    bench.processing();
    assert_eq!(keepalives(&mut bench, cid), [(100, keepalive::PROCESSING)]);
}

#[test]
fn there_is_no_keepalive_for_a_msg() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.send(cid, Command::MSG, VERSION).unwrap();
    bench.await_user();
    bench.processing();
    assert_eq!(bench.deadline(), None);
    bench.wait(2000);
    bench.assert_silence();
}

#[test]
fn a_cancelled_request_beats_on_until_it_is_answered() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    bench.await_user();
    bench.send(cid, Command::CANCEL, &[]);
    bench.wait(100);
    assert_eq!(keepalives(&mut bench, cid), [(0, keepalive::UPNEEDED), (100, keepalive::UPNEEDED)]);
    bench.respond(&[0x2D]);
    bench.answer(cid);
    bench.wait(2000);
    bench.assert_silence();
}

#[test]
fn beats_that_were_missed_are_not_made_up_for() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    for (late, next) in [(10_000, 10_100), (10_130, 10_200), (10_300, 10_400)] {
        bench.now = late;
        bench.device.handle_timeout(bench.instant());
        bench.fetch();
        assert_eq!(keepalives(&mut bench, cid), [(late, keepalive::PROCESSING)]);
        assert_eq!(bench.deadline(), Some(next));
    }
}

#[test]
fn of_the_keepalives_that_nobody_fetches_only_the_newest_stays() {
    let mut bench = Bench::new();
    let cid = bench.open();
    bench.ask(cid);
    for n in 1..=100 {
        bench.now = 100 * n;
        bench.device.handle_timeout(bench.instant());
    }
    bench.device.await_user(bench.instant());
    assert_eq!(bench.device.outbox.len(), 1);
    bench.fetch();
    assert_eq!(keepalives(&mut bench, cid), [(10_000, keepalive::UPNEEDED)]);
}
