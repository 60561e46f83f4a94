//! A USB/IP client that sends anything.
use crate::Input;
use transport::usb::Identity;
use transport::usbip::{Event, Exported, NoImport, Session};

/// Every answer is whole, no transfer is answered that was not submitted, and what is refused stays silent.
pub fn run(data: &[u8]) {
    let exported = Exported {
        number: 1,
        identity: Identity { vendor_id: 1, product_id: 2, product: "key".into(), ..Identity::default() },
    };
    let mut input = Input(data);
    let mut session = Session::new();
    // Half of all inputs begin behind the import, as little can be said before.
    if input.byte() & 1 == 1 {
        let mut import = [0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0].to_vec();
        import.extend(b"1-1");
        import.resize(40, 0);
        session.handle_bytes(&import);
        assert_eq!(settle(&mut session, &exported), (false, 8 + 312));
        assert!(session.has_device());
    }
    let mut refused = false;
    while !input.is_empty() {
        match input.byte() {
            0..16 => session.handle_report(&[7; 64]),
            len => session.handle_bytes(input.take(usize::from(len))),
        }
        let (now_refused, sent) = settle(&mut session, &exported);
        assert!(!refused || (!now_refused && sent == 0), "something comes after a refusal");
        refused |= now_refused;
    }
}

/// Whether the client was refused, and how many bytes it was sent.
fn settle(session: &mut Session, exported: &Exported) -> (bool, usize) {
    let mut refused = false;
    while let Some(event) = session.poll_event() {
        assert!(!refused, "an event after the refusal");
        match event {
            Event::List => session.respond_list(std::slice::from_ref(exported)),
            Event::Import(name) if name == exported.bus_id() => session.respond_import(Ok(exported)),
            Event::Import(name) if name == "1-2" => session.respond_import(Err(NoImport::Busy)),
            Event::Import(_) => session.respond_import(Err(NoImport::NoDevice)),
            Event::Report(report) => assert!((1..=64).contains(&report.len())),
            Event::Refused(_) => refused = true,
        }
    }
    (refused, session.poll_bytes().map_or(0, |bytes| bytes.len()))
}
