//! LOCK, CTAP 2.1 §11.2.6 and §11.2.9.2.2.
use super::*;

#[track_caller]
fn lock(bench: &mut Bench, cid: u32, seconds: u8) {
    assert_eq!(bench.send(cid, Command::LOCK, &[seconds]), None);
    assert_eq!(bench.answer(cid), (Command::LOCK, vec![]));
}

#[track_caller]
fn assert_locked_out(bench: &mut Bench, cid: u32) {
    bench.announce(cid, Command::PING, 0);
    bench.assert_error(cid, ErrorCode::CHANNEL_BUSY);
}

#[test]
fn a_lock_of_other_than_one_byte_is_an_invalid_parameter() {
    let mut bench = Bench::new();
    let cid = bench.open();
    for len in [0, 2, 57, 58, 7609, 7610] {
        bench.announce(cid, Command::LOCK, len);
        bench.assert_error(cid, ErrorCode::INVALID_PAR);
    }
}

#[test]
fn a_lock_of_more_than_ten_seconds_is_an_invalid_parameter_and_locks_nobody_out() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    for seconds in 11..=255 {
        bench.send(one, Command::LOCK, &[seconds]);
        bench.assert_error(one, ErrorCode::INVALID_PAR);
        bench.assert_ping_works(two);
    }
}

#[test]
fn a_lock_lasts_its_seconds_to_the_millisecond() {
    for seconds in 1..=10 {
        let mut bench = Bench::new();
        let (one, two) = (bench.open(), bench.open());
        bench.wait(333);
        lock(&mut bench, one, seconds);
        bench.wait(u64::from(seconds) * 1000 - 1);
        assert_locked_out(&mut bench, two);
        bench.assert_ping_works(one);
        bench.wait(1);
        bench.assert_ping_works(two);
    }
}

#[test]
fn while_locked_every_other_channel_is_busy_for_everything() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    lock(&mut bench, one, 10);
    for command in ordinary_commands().chain([Command::INIT]) {
        for cid in [two, 99] {
            assert_eq!(bench.announce(cid, command, 8), None);
            bench.assert_error(cid, ErrorCode::CHANNEL_BUSY);
        }
    }
    assert_eq!(bench.send(BROADCAST, Command::INIT, &NONCE), None);
    bench.assert_error(BROADCAST, ErrorCode::CHANNEL_BUSY);
    for cid in [two, 99, BROADCAST] {
        bench.send(cid, Command::CANCEL, &[]);
        bench.go_on(cid, 0);
    }
    bench.assert_silence();
    bench.send(0, Command::INIT, &NONCE);
    bench.assert_error(0, ErrorCode::INVALID_CHANNEL);
}

#[test]
fn while_locked_the_owner_of_the_lock_works_as_ever() {
    let mut bench = Bench::new();
    let cid = bench.open();
    lock(&mut bench, cid, 10);
    bench.assert_ping_works(cid);
    bench.ask(cid);
    bench.respond(&[0]);
    bench.answer(cid);
    bench.send(cid, Command::INIT, &NONCE);
    assert_eq!(bench.answer(cid).0, Command::INIT);
    assert_locked_out(&mut bench, cid + 1);
}

#[test]
fn zero_seconds_release_the_lock_and_without_one_do_nothing() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    lock(&mut bench, one, 0);
    bench.assert_ping_works(two);
    lock(&mut bench, one, 8);
    assert_locked_out(&mut bench, two);
    lock(&mut bench, one, 0);
    bench.assert_ping_works(two);
    bench.open();
}

#[test]
fn a_new_lock_replaces_the_old_one() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    lock(&mut bench, one, 1);
    bench.wait(900);
    lock(&mut bench, one, 2);
    bench.wait(1999);
    assert_locked_out(&mut bench, two);
    bench.wait(1);
    lock(&mut bench, two, 1);
    assert_locked_out(&mut bench, one);
}

#[test]
fn a_lock_that_expires_in_the_middle_of_its_owners_request_leaves_the_request_alone() {
    let mut bench = Bench::new();
    let (one, two) = (bench.open(), bench.open());
    lock(&mut bench, one, 1);
    bench.ask(one);
    bench.wait(1500);
    bench.answers();
    assert_locked_out(&mut bench, two);
    bench.respond(&[0]);
    assert_eq!(bench.answer(one), (Command::CBOR, vec![0]));
    bench.assert_ping_works(two);
}

#[test]
fn the_channel_that_has_the_lock_is_never_forgotten() {
    // It needs no protection of its own: the lock keeps every INIT out, so the table does not grow.
    let mut bench = Bench::new();
    let cid = bench.open();
    lock(&mut bench, cid, 10);
    for other in 0x1000..0x1100 {
        bench.send(other, Command::INIT, &NONCE);
        bench.assert_error(other, ErrorCode::CHANNEL_BUSY);
    }
    bench.assert_ping_works(cid);
    assert_eq!(bench.device.channels.len(), 1);
}

#[test]
fn a_cut_wire_unlocks() {
    let mut bench = Bench::new();
    let cid = bench.open();
    lock(&mut bench, cid, 10);
    bench.device.reset();
    bench.open();
}
