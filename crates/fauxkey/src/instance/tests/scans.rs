//! Codes that devices scan: with a desktop of ours on the other side, over a tunnel service and a radio of our own.
use super::*;
use crate::control::{Gesture, Scan, Scanned};
use crate::hybrid::event::{Event, Outcome};
use crate::hybrid::image;
use crate::hybrid::radio::Radio;
use crate::hybrid::show::Desktop;
use crate::hybrid::tunnel::{Limits, Server, Trust, TunnelCa};
use crate::hybrid::ways::{Tunnels, Ways};
use std::net::TcpListener;
use transport::hybrid::desktop;
use transport::hybrid::qr::Hint;

/// A tunnel service and a radio that nobody else hears.
struct Air {
    server: Server,
    ca: TunnelCa,
    folder: tempfile::TempDir,
}

impl Air {
    fn new() -> Self {
        let ca = TunnelCa::new(&["cable.ua5v.com".into(), "cable.auth.com".into()]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::start(listener, &ca, Limits::default()).unwrap();
        Self { server, ca, folder: tempfile::tempdir().unwrap() }
    }

    fn ways(&self) -> Ways {
        let address = self.server.address();
        let trust = Trust::Roots(vec![self.ca.root_der()]);
        let tunnels = Tunnels { address: Some(address), port: address.port(), trust };
        Ways { radio: Radio::Socket(self.folder.path().join("radio")), tunnels }
    }

    /// A desktop that shows a code for a registration, made at that time in seconds since 1970.
    fn desktop(&self, time: Option<u64>) -> Desktop {
        let config = desktop::Config { hint: Some(Hint::MakeCredential), time, ..desktop::Config::default() };
        Desktop::show(self.ways(), &config).unwrap()
    }
}

fn scan(instance: &Instance, code: &str, ways: Ways) -> Result<Scanned, Failure> {
    instance.scan_over(instance.running("phone")?, "phone", code, ways)
}

fn nowhere() -> Ways {
    let tunnels = Tunnels { address: Some(([127, 0, 0, 1], 9).into()), port: 9, trust: Trust::System };
    Ways { radio: Radio::Off, tunnels }
}

/// What was noted about scans. The device tells it from a thread of its own, so as many notes as are expected are waited for.
fn notes(happenings: &Receiver<Happening>, expected: usize) -> Vec<String> {
    let noted = |happening: Happening| match happening.event {
        emulator::Event::Noted(note) => note.strip_prefix("hybrid: ").map(Into::into),
        _ => None,
    };
    let waited = std::iter::from_fn(|| happenings.recv_timeout(Duration::from_secs(10)).ok());
    let mut notes: Vec<String> = waited.filter_map(noted).take(expected).collect();
    notes.extend(happenings.try_iter().filter_map(noted));
    notes
}

#[test]
fn what_is_wrong_with_a_code_is_said() {
    let instance = phone();
    let failure = |name: &str, scan: &Scan| instance.scan(name, scan).expect_err("there is nothing to scan");
    let text = Scan::Code("FIDO:/12".into());
    assert_eq!(failure("nobody", &text).kind, FailureKind::NotFound);
    let unread = failure("phone", &text);
    assert_eq!(unread.kind, FailureKind::Invalid);
    assert!(unread.message.starts_with("this is no code for a phone: "), "{unread}");
    let picture = |text: &str| Scan::Image(image::png(text).unwrap().into());
    let other = failure("phone", &picture("https://example.test"));
    assert_eq!(other.message, "there is one QR code in the picture, and none begins with FIDO:/");
    let of_picture = failure("phone", &picture("FIDO:/12"));
    assert_eq!(of_picture, unread);
    assert!(failure("phone", &Scan::Image(b"GIF89a".to_vec().into())).message.contains("no picture"));
}

#[test]
fn an_old_code_is_refused_and_nobody_is_asked_for_it() {
    let instance = phone();
    let happenings = instance.subscribe();
    let air = Air::new();
    let code = air.desktop(Some(1_700_000_000)).code().unwrap();
    let failure = scan(&instance, &code, nowhere()).expect_err("it is old");
    assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
    assert!(
        failure.message.starts_with("the code is ") && failure.message.contains("takes none older"),
        "{failure}"
    );
    let notes = notes(&happenings, 1);
    assert!(notes.len() == 1 && notes[0].starts_with("scanned a code for a registration, "), "{notes:?}");
    assert!(!instance.cancel_scan("phone").unwrap(), "it is over");
}

#[test]
fn a_registration_goes_through_and_is_told_on_the_way() {
    let instance = Arc::new(phone());
    let happenings = instance.subscribe();
    let air = Air::new();
    let mut desktop = air.desktop(None);
    let (code, ways, phone) = (desktop.code().unwrap(), air.ways(), instance.clone());
    let scanning = thread::spawn(move || scan(&phone, &code, ways));
    desktop.meet(&mut |_| {}).unwrap();
    let answer = desktop.exchange(&make_credential("example.test", "ada"), &mut |_| {}).unwrap();
    assert_eq!(status(&answer), Status::OK);
    desktop.finish();
    let scanned = scanning.join().unwrap().unwrap();
    assert_eq!(scanned.outcome, Outcome::Done);
    assert_eq!(instance.passkeys("phone").unwrap().len(), 1);
    let told: Vec<String> = scanned.events.iter().map(Event::to_string).collect();
    assert_eq!(notes(&happenings, told.len()), told);
    assert!(told.contains(&"asked for authenticatorMakeCredential".into()), "{told:?}");
}

#[test]
fn a_scan_is_given_up_and_with_it_the_question() {
    let instance = Arc::new(phone());
    instance.set_user("phone", user(Answer::Ask)).unwrap();
    let air = Air::new();
    let mut desktop = air.desktop(None);
    let (code, ways, phone) = (desktop.code().unwrap(), air.ways(), instance.clone());
    let scanning = {
        let code = code.clone();
        thread::spawn(move || scan(&phone, &code, ways))
    };
    desktop.meet(&mut |_| {}).unwrap();
    let asking =
        thread::spawn(move || desktop.exchange(&make_credential("example.test", "ada"), &mut |_| {}));
    let number = question(&instance, 0);
    let second = scan(&instance, &code, air.ways()).expect_err("one at a time");
    assert_eq!(
        (second.kind, second.message.as_str()),
        (FailureKind::Conflict, "phone is answering another code already")
    );
    assert!(instance.cancel_scan("phone").unwrap());
    let Scanned { outcome, .. } = scanning.join().unwrap().unwrap();
    assert!(
        matches!(&outcome, Outcome::Abandoned { why, .. } if why.starts_with("it was stopped")),
        "{outcome}"
    );
    assert!(asking.join().unwrap().is_err(), "the desktop waits for nobody");
    assert_eq!(instance.answer("phone", number, Gesture::Verified).unwrap_err().kind, FailureKind::Conflict);
    assert!(instance.passkeys("phone").unwrap().is_empty());
    assert!(!instance.cancel_scan("phone").unwrap());
}
