use crate::ctaphid::{Device, Event, Host, HostError};
use proptest::prelude::*;
use wire::ctaphid::{
    BROADCAST, Command, ErrorCode, INIT_DATA, MAX_MESSAGE_SIZE, Packet, Report, capabilities, fragment,
    keepalive,
};

const NONCE: [u8; 8] = *b"nonceOne";
const CID: u32 = 0x0102_0304;

/// The payload of an INIT answer.
fn init_answer(nonce: [u8; 8], cid: u32) -> Vec<u8> {
    let rest = [2, 5, 6, 7, capabilities::CBOR | capabilities::WINK];
    [nonce.as_slice(), &cid.to_be_bytes(), &rest].concat()
}

/// Hands a message to the host; its last event.
fn answer(host: &mut Host, cid: u32, command: Command, payload: &[u8]) -> Result<Option<Event>, HostError> {
    let reports = fragment(cid, command, payload);
    let (last, before) = reports.split_last().unwrap();
    for report in before {
        assert_eq!(host.handle_report(report), Ok(None));
    }
    host.handle_report(last)
}

fn open() -> Host {
    let mut host = Host::new(NONCE);
    while host.poll_report().is_some() {}
    let event = answer(&mut host, BROADCAST, Command::INIT, &init_answer(NONCE, CID)).unwrap();
    assert!(matches!(event, Some(Event::Opened(_))));
    host
}

fn drain(host: &mut Host) -> Vec<Report> {
    std::iter::from_fn(|| host.poll_report()).collect()
}

#[test]
fn a_channel_is_opened_with_a_nonce_on_the_broadcast_channel() {
    let mut host = Host::new(NONCE);
    assert_eq!(drain(&mut host), fragment(BROADCAST, Command::INIT, &NONCE));
    let event = answer(&mut host, BROADCAST, Command::INIT, &init_answer(NONCE, CID)).unwrap();
    let device = Device { cid: CID, protocol: 2, version: [5, 6, 7], capabilities: 0x05 };
    assert_eq!(event, Some(Event::Opened(device)));
    assert!(device.has_cbor());
    assert!(!Device { capabilities: 0, ..device }.has_cbor());
}

#[test]
fn answers_to_the_inits_of_others_are_ignored() {
    let mut host = Host::new(NONCE);
    for (cid, command, payload) in [
        (BROADCAST, Command::INIT, init_answer(*b"nonceTwo", 9)),
        (BROADCAST, Command::INIT, b"short".to_vec()),
        (BROADCAST, Command::KEEPALIVE, vec![1]),
        (BROADCAST, Command::CBOR, init_answer(NONCE, 9)),
        (CID, Command::INIT, init_answer(NONCE, 9)),
        (CID, Command::ERROR, vec![ErrorCode::OTHER.0]),
    ] {
        assert_eq!(answer(&mut host, cid, command, &payload), Ok(None), "{cid:x} {command:?}");
    }
    assert_eq!(host.send_cbor(&[4]), Err(HostError::NotOpen));
    let event = answer(&mut host, BROADCAST, Command::INIT, &init_answer(NONCE, CID)).unwrap();
    assert!(matches!(event, Some(Event::Opened(Device { cid: CID, .. }))));
}

#[test]
fn an_init_answer_may_be_longer_but_not_shorter_and_must_allocate_a_channel() {
    let mut longer = init_answer(NONCE, CID);
    longer.extend([1, 2, 3]);
    assert!(matches!(
        answer(&mut Host::new(NONCE), BROADCAST, Command::INIT, &longer),
        Ok(Some(Event::Opened(_)))
    ));
    for bad in [init_answer(NONCE, CID)[..16].to_vec(), init_answer(NONCE, 0), init_answer(NONCE, BROADCAST)]
    {
        let mut host = Host::new(NONCE);
        assert_eq!(answer(&mut host, BROADCAST, Command::INIT, &bad), Err(HostError::MalformedInit));
        let good = answer(&mut host, BROADCAST, Command::INIT, &init_answer(NONCE, CID));
        assert!(matches!(good, Ok(Some(Event::Opened(_)))), "a good answer may still come");
    }
}

#[test]
fn messages_of_every_length_go_out_and_come_back_whole() {
    for length in [0, 1, INIT_DATA, INIT_DATA + 1, INIT_DATA + 59, INIT_DATA + 60, 5_000, MAX_MESSAGE_SIZE] {
        let mut host = open();
        let message: Vec<u8> = (0u8..=255).cycle().take(length).collect();
        host.send_cbor(&message).unwrap();
        assert_eq!(drain(&mut host), fragment(CID, Command::CBOR, &message));
        assert_eq!(answer(&mut host, CID, Command::CBOR, &message), Ok(Some(Event::Answer(message.clone()))));
        host.send_ping(&message).unwrap();
        assert_eq!(drain(&mut host), fragment(CID, Command::PING, &message));
        assert_eq!(answer(&mut host, CID, Command::PING, &message), Ok(Some(Event::Answer(message))));
    }
}

#[test]
fn one_request_at_a_time_and_none_too_long() {
    let mut host = open();
    assert_eq!(host.send_cbor(&[0; MAX_MESSAGE_SIZE + 1]), Err(HostError::TooLong(MAX_MESSAGE_SIZE + 1)));
    assert_eq!(drain(&mut host), [[0; 64]; 0], "nothing was sent");
    host.send_cbor(&[4]).unwrap();
    for refused in [host.send_cbor(&[4]), host.send_wink(), host.send_ping(&[1]), host.send_lock(1)] {
        assert_eq!(refused, Err(HostError::Busy));
    }
}

#[test]
fn keepalives_are_told_and_the_answer_still_comes() {
    let mut host = open();
    host.send_cbor(&[1]).unwrap();
    for status in [keepalive::PROCESSING, keepalive::UPNEEDED, 0x55] {
        assert_eq!(answer(&mut host, CID, Command::KEEPALIVE, &[status]), Ok(Some(Event::KeepAlive(status))));
    }
    assert_eq!(answer(&mut host, CID, Command::CBOR, &[0]), Ok(Some(Event::Answer(vec![0]))));
    assert_eq!(answer(&mut host, CID, Command::KEEPALIVE, &[1]), Ok(None), "too late");
}

#[test]
fn cancel_withdraws_a_cbor_request_and_nothing_else() {
    let mut host = open();
    host.cancel();
    assert!(drain(&mut host).is_empty(), "nothing to withdraw");
    host.send_ping(&[1]).unwrap();
    drain(&mut host);
    host.cancel();
    assert!(drain(&mut host).is_empty(), "CANCEL is for CBOR");
    answer(&mut host, CID, Command::PING, &[1]).unwrap();
    host.send_cbor(&[1]).unwrap();
    drain(&mut host);
    host.cancel();
    assert_eq!(drain(&mut host), fragment(CID, Command::CANCEL, &[]));
    assert_eq!(answer(&mut host, CID, Command::CBOR, &[0x2D]), Ok(Some(Event::Answer(vec![0x2D]))));
    Host::new(NONCE).cancel();
}

#[test]
fn wink_and_lock_have_their_payloads() {
    let mut host = open();
    host.send_wink().unwrap();
    assert_eq!(drain(&mut host), fragment(CID, Command::WINK, &[]));
    assert_eq!(answer(&mut host, CID, Command::WINK, &[]), Ok(Some(Event::Answer(vec![]))));
    for seconds in [0, 10, 11] {
        host.send_lock(seconds).unwrap();
        assert_eq!(drain(&mut host), fragment(CID, Command::LOCK, &[seconds]));
        assert_eq!(answer(&mut host, CID, Command::LOCK, &[]), Ok(Some(Event::Answer(vec![]))));
    }
}

#[test]
fn an_error_ends_the_request_and_the_channel_stays() {
    for code in [ErrorCode::INVALID_CMD, ErrorCode::CHANNEL_BUSY, ErrorCode::MSG_TIMEOUT, ErrorCode(0x99)] {
        let mut host = open();
        host.send_cbor(&[4]).unwrap();
        let error = answer(&mut host, CID, Command::ERROR, &[code.0]).unwrap_err();
        assert_eq!(error, HostError::Device(code));
        assert_eq!(error.to_string(), format!("the device answered with error 0x{:02x}", code.0));
        assert_eq!(host.send_cbor(&[4]), Ok(()));
    }
}

#[test]
fn an_answer_to_another_command_is_an_error() {
    let mut host = open();
    host.send_cbor(&[4]).unwrap();
    let error = answer(&mut host, CID, Command::PING, &[1]).unwrap_err();
    assert_eq!(error, HostError::OtherCommand { asked: Command::CBOR, answered: Command::PING });
    assert_eq!(host.send_cbor(&[4]), Ok(()));
}

#[test]
fn packets_out_of_order_end_the_request() {
    let reports = fragment(CID, Command::CBOR, &[7; 300]);
    for wrong in [&reports[2], &reports[0]] {
        let mut host = open();
        host.send_cbor(&[4]).unwrap();
        assert_eq!(host.handle_report(&reports[0]), Ok(None));
        assert_eq!(host.handle_report(wrong), Err(HostError::OutOfSequence));
        assert_eq!(host.handle_report(&reports[1]), Ok(None), "the rest means nothing any more");
        assert_eq!(host.send_cbor(&[4]), Ok(()));
        assert_eq!(answer(&mut host, CID, Command::CBOR, &[0]), Ok(Some(Event::Answer(vec![0]))));
    }
}

#[test]
fn an_announced_answer_that_is_too_long_is_an_error() {
    let mut host = open();
    host.send_cbor(&[4]).unwrap();
    let mut report = fragment(CID, Command::CBOR, &[])[0];
    report[5..7].copy_from_slice(&u16::try_from(MAX_MESSAGE_SIZE + 1).unwrap().to_be_bytes());
    assert_eq!(host.handle_report(&report), Err(HostError::TooLong(MAX_MESSAGE_SIZE + 1)));
}

#[test]
fn traffic_of_other_channels_between_our_packets_is_ignored() {
    let mut host = open();
    host.send_cbor(&[4]).unwrap();
    let foreign = fragment(0x0909_0909, Command::CBOR, &[1; 200]);
    let ours = fragment(CID, Command::CBOR, &[7; 200]);
    let mut answered = None;
    for (theirs, ours) in foreign.iter().zip(&ours) {
        assert_eq!(host.handle_report(theirs), Ok(None));
        answered = host.handle_report(ours).unwrap();
    }
    assert_eq!(answered, Some(Event::Answer(vec![7; 200])));
}

proptest! {
    #[test]
    fn no_reports_make_the_host_panic_or_hoard(
        reports in prop::collection::vec((any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 64)), 0..60),
    ) {
        let mut host = open();
        for (ours, send, bytes) in reports {
            if send {
                let _ = host.send_cbor(&[4]);
            }
            let mut report: Report = bytes.try_into().unwrap();
            if ours {
                report[..4].copy_from_slice(&CID.to_be_bytes());
            }
            if let Ok(Some(Event::Answer(answer))) = host.handle_report(&report) {
                prop_assert!(answer.len() <= MAX_MESSAGE_SIZE);
            }
            for sent in drain(&mut host) {
                let ours = matches!(Packet::parse(&sent), Packet::Initialization { cid: CID, .. });
                prop_assert!(ours);
            }
        }
    }
}
