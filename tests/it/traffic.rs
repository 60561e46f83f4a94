//! What passes over a device's links, for those who watch.
use authenticator::Link;
use authenticator::signer::DeterministicSigner;
use authenticator::store::MemoryStore;
use emulator::{DeviceProfile, Event, Protocol, Towards, Traffic, Unit, VirtualAuthenticator};
use tests::{NOW, registration, rng};
use transport::{Format, ctaphid, direct};
use wire::ctap2::GetInfoResponse;
use wire::ctaphid::{BROADCAST, Command, fragment};

fn device() -> VirtualAuthenticator {
    let profile = DeviceProfile::named("ms-authenticator-ios").unwrap();
    let (store, signer) = (Box::new(MemoryStore::default()), Box::new(DeterministicSigner));
    VirtualAuthenticator::new(NOW, profile, store, signer, rng(1)).unwrap()
}

/// Sends what is to be sent, and returns what was told of it: which way, a frame or a message, and its length.
fn told(device: &mut VirtualAuthenticator) -> Vec<(Towards, bool, usize)> {
    while device.poll_frame().is_some() {}
    let mut told = Vec::new();
    while let Some(event) = device.poll_event() {
        if let Event::Traffic(Traffic { towards, unit, .. }) = event {
            told.push(match unit {
                Unit::Frame { bytes, .. } => (towards, true, bytes.len()),
                Unit::Message { bytes, .. } => (towards, false, bytes.len()),
            });
        }
    }
    told
}

#[test]
fn frames_and_the_messages_in_them_are_told_while_somebody_watches_and_only_then() {
    use Towards::{Device, Platform};
    let mut device = device();
    let config =
        ctaphid::Config { version: [1, 2, 3], wink: true, cbor: true, msg: false, max_message_size: 7609 };
    let port = device.plug(Link::Usb, Box::new(ctaphid::Device::new(config)));
    let init = &fragment(BROADCAST, Command::INIT, &[7; 8])[0];
    device.handle_frame(NOW, port, init);
    assert_eq!(told(&mut device), []);
    device.watch(true);
    device.handle_frame(NOW, port, init);
    assert_eq!(told(&mut device), [(Device, true, 64), (Platform, true, 64)]);
    let request = registration("ada").encode();
    for report in fragment(2, Command::CBOR, &request) {
        device.handle_frame(NOW, port, &report);
    }
    let told_of_it = told(&mut device);
    let reports = request.len().saturating_sub(57).div_ceil(59) + 1;
    let asked = &told_of_it[..=reports];
    assert!(asked[..reports].iter().all(|it| *it == (Device, true, 64)), "{asked:?}");
    assert_eq!(asked[reports], (Device, false, request.len()));
    // The answer is told whole before its frames, KEEPALIVE aside.
    let (_, _, length) = told_of_it.iter().find(|it| !it.1 && it.0 == Platform).unwrap();
    assert!(*length > 100, "{told_of_it:?}");
    assert_eq!(told_of_it.last(), Some(&(Platform, true, 64)));
    device.watch(false);
    device.handle_frame(NOW, port, init);
    assert_eq!(told(&mut device), []);
}

#[test]
fn traffic_says_over_which_link_it_went_and_what_it_is() {
    let mut device = device();
    device.watch(true);
    let _usb = device.plug(Link::Usb, Box::new(direct::Device::new()));
    let hybrid = device.plug(Link::Hybrid, Box::new(direct::Device::new()));
    device.handle_frame(NOW, hybrid, GetInfoResponse::request().as_slice());
    while device.poll_frame().is_some() {}
    let mut units = Vec::new();
    while let Some(event) = device.poll_event() {
        if let Event::Traffic(traffic) = event {
            assert_eq!((traffic.port, traffic.link), (hybrid, Link::Hybrid));
            assert!(!format!("{traffic:?}").contains("[4]"), "its bytes may be secret: {traffic:?}");
            units.push(traffic.unit);
        }
    }
    let frame = Unit::Frame { format: Format::Message, bytes: vec![4] };
    let message = Unit::Message { channel: 0, protocol: Protocol::Ctap2, bytes: vec![4] };
    assert_eq!(units[..2], [frame, message]);
    assert_eq!(units.len(), 4);
}
