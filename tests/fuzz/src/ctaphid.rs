//! Reports and time to the CTAPHID device.
use crate::Input;
use std::time::Duration;
use transport::ctaphid::{Config, Device};
use transport::{Event, Link};
use wire::ctaphid::{BROADCAST, Command, MAX_MESSAGE_SIZE, REPORT_SIZE, fragment};
use wire::time::Instant;

/// No second request while one is open, no unbounded answers, and an INIT works after everything.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let flags = input.byte();
    let mut device = Device::new(Config {
        version: [1, 0, 0],
        wink: flags & 1 != 0,
        cbor: flags & 2 != 0,
        msg: flags & 4 != 0,
        max_message_size: MAX_MESSAGE_SIZE,
    });
    let (mut now, mut open) = (Duration::ZERO, false);
    while !input.is_empty() {
        let at = Instant::since_power_up(now);
        match input.byte() % 8 {
            0..=3 => match device.handle_frame(at, &report(&mut input)) {
                Some(Event::Ctap2 { message, .. } | Event::U2f { message, .. }) => {
                    assert!(!open, "a second request while one is open");
                    assert!((1..=MAX_MESSAGE_SIZE).contains(&message.len()));
                    open = true;
                }
                Some(Event::Cancel) => assert!(open, "nothing is open that could be withdrawn"),
                Some(Event::Wink) => assert!(!open),
                None => {}
            },
            4 => {
                device.respond(at, &vec![0; input.number().into()]);
                open = false;
            }
            5 => now += Duration::from_millis(input.number().into()),
            6 => {
                device.await_user(at);
                assert_eq!(device.handle_timeout(at), None);
            }
            _ => {
                device.processing(at);
                drain(&mut device);
            }
        }
    }
    // A lock, if there is one, lasts at most ten seconds more.
    let later = Instant::since_power_up(now + Duration::from_secs(11));
    device.handle_timeout(later);
    drain(&mut device);
    device.handle_frame(later, &fragment(BROADCAST, Command::INIT, b"the last")[0]);
    let answers = drain(&mut device);
    let answered = answers.iter().any(|report| report[4] == 0x86 && &report[7..15] == b"the last");
    assert!(answered, "INIT is not answered");
}

/// Mostly a report of the right length with a short channel.
fn report(input: &mut Input<'_>) -> Vec<u8> {
    let channel = input.byte();
    if channel == 0xFE {
        let len = input.byte().into();
        return input.take(len).into();
    }
    let cid = if channel == 0xFF { BROADCAST } else { u32::from(channel % 4) };
    let mut report = cid.to_be_bytes().to_vec();
    let len = usize::from(input.byte() % 61);
    report.extend(input.take(len));
    report.resize(REPORT_SIZE, 0);
    report
}

fn drain(device: &mut Device) -> Vec<Vec<u8>> {
    let reports: Vec<Vec<u8>> = std::iter::from_fn(|| device.poll_frame()).take(1 << 16).collect();
    assert!(reports.len() < 1 << 16, "the answers have no end");
    assert!(reports.iter().all(|report| report.len() == REPORT_SIZE));
    reports
}
