//! Making, looking at, changing and deleting devices.
use super::*;
use crate::control::Power;
use crate::drivers::testing::Program;
use emulator::Event;
use std::net::TcpStream;

#[test]
fn a_device_is_made_looked_at_and_deleted() {
    let instance = Instance::ephemeral(None).unwrap();
    assert_eq!(instance.devices().unwrap(), []);
    let key = instance.add_device("key", "security-key").unwrap();
    let phone = instance.ensure_device("phone", DEFAULT_PROFILE).unwrap();
    assert_eq!(
        phone,
        Device {
            name: "phone".into(),
            profile: "ms-authenticator-ios".into(),
            title: "Microsoft Authenticator (iOS)".into(),
            aaguid: "90a3ccdf-635c-4729-a248-9b709135078f".into(),
            powered: true,
            has_resident_key: true,
            has_user_verification: true,
            default_backup_eligibility: false,
            default_backup_state: false,
            passkeys: 0,
            user: user(Answer::Approve),
            attached: Vec::new(),
        }
    );
    assert!(!key.has_user_verification);
    let again = instance.ensure_device("phone", "security-key").unwrap();
    assert_eq!(again.profile, DEFAULT_PROFILE, "a device that is there keeps its profile");
    assert_eq!(instance.devices().unwrap(), [key, phone]);
    instance.delete_device("phone").unwrap();
    assert_eq!(instance.device("phone").unwrap_err().kind, FailureKind::NotFound);
    assert_eq!(instance.devices().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_a_device_is_refused_and_leaves_nothing_behind() {
    let instance = phone();
    let twice = instance.add_device("phone", "security-key").unwrap_err();
    assert_eq!((twice.kind, twice.hint.is_some()), (FailureKind::Conflict, true));
    let unknown = instance.add_device("key", "security-kee").unwrap_err();
    assert_eq!(
        (unknown.kind, unknown.hint.as_deref()),
        (FailureKind::NotFound, Some("did you mean `security-key`?"))
    );
    assert_eq!(instance.add_device("My Key", "security-key").unwrap_err().kind, FailureKind::Invalid);
    assert_eq!(instance.devices().unwrap().len(), 1);
}

#[test]
fn what_is_said_at_one_door_is_not_heard_at_another() {
    let instance = phone();
    let address: SocketAddress = "tcp:127.0.0.1:0".parse().unwrap();
    let doors = [(); 2].map(|()| instance.attach_socket("phone", &address).unwrap());
    let connect = |address: &str| TcpStream::connect(address.strip_prefix("tcp:").unwrap()).unwrap();
    let mut silent = connect(&doors[1]);
    silent.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut first = Program::open(Stream(connect(&doors[0])), 1);
    first.ping(100);
    let heard = std::io::Read::read(&mut silent, &mut [0; 64]).unwrap_err();
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock);
    Program::open(Stream(connect(&doors[1])), 2).ping(100);
    assert_eq!(instance.device("phone").unwrap().attached, doors);
}

#[test]
fn every_verb_names_a_device_that_is_not_there() {
    let instance = phone();
    let failures = [
        instance.device("fone").unwrap_err(),
        instance.delete_device("fone").unwrap_err(),
        instance.reset_device("fone").unwrap_err(),
        instance.power("fone", Power::Cycle).unwrap_err(),
        instance.set_user("fone", user(Answer::Deny)).unwrap_err(),
        instance.set_user_for_now("fone", UserPolicy::default()).unwrap_err(),
        instance.advance_clock("fone", Duration::ZERO).unwrap_err(),
        instance.prompt("fone").unwrap_err(),
        instance.answer("fone", 1, crate::control::Gesture::Present).unwrap_err(),
        instance.passkeys("fone").unwrap_err(),
        instance.passkey("fone", "abcd").unwrap_err(),
        instance.rename_passkey("fone", "abcd", None, None).unwrap_err(),
        instance.delete_passkey("fone", "abcd").unwrap_err(),
        instance.ctap2("fone", Link::Usb, GET_INFO).unwrap_err(),
        instance.attach_socket("fone", &"tcp:127.0.0.1:0".parse().unwrap()).unwrap_err(),
        instance.attach_uhid("fone").unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert_eq!(failure.message, "there is no device named `fone`");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `phone`?"));
    }
}

#[test]
fn power_goes_and_comes_and_passkeys_stay() {
    let instance = phone();
    make_passkey(&instance, "phone", "example.test", "kim");
    for (power, powered) in
        [(Power::Off, false), (Power::Off, false), (Power::On, true), (Power::On, true), (Power::Cycle, true)]
    {
        let device = instance.power("phone", power).unwrap();
        assert_eq!((device.powered, device.passkeys), (powered, 1), "{power:?}");
    }
}

#[test]
fn a_reset_leaves_no_passkey() {
    let instance = phone();
    make_passkey(&instance, "phone", "example.test", "kim");
    instance.reset_device("phone").unwrap();
    assert_eq!(instance.device("phone").unwrap().passkeys, 0);
}

#[test]
fn what_happens_is_heard_with_the_name_of_the_device() {
    let instance = phone();
    let heard = instance.subscribe();
    make_passkey(&instance, "phone", "example.test", "kim");
    instance.power("phone", Power::Off).unwrap();
    instance.shutdown();
    let heard: Vec<_> = heard.iter().collect();
    assert!(heard.iter().all(|happening| happening.device == "phone"));
    let is_prompt = |happening: &Happening| matches!(happening.event, Event::Prompted(_));
    assert_eq!(heard.iter().filter(|happening| is_prompt(happening)).count(), 1);
    assert_eq!(heard.last().unwrap().event, Event::Power(false));
}

#[test]
fn an_attached_socket_is_told_of_works_and_goes_with_the_device() {
    let instance = phone();
    let address = instance.attach_socket("phone", &"tcp:127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(instance.device("phone").unwrap().attached, [address.as_str()]);
    let socket = TcpStream::connect(address.strip_prefix("tcp:").unwrap()).unwrap();
    let mut program = Program::open(Stream(socket), 1);
    assert_eq!(status(&program.cbor(&make_credential("example.test", "kim"))), Status::OK);
    assert_eq!(instance.passkeys("phone").unwrap().len(), 1, "the same device");
    let taken = instance.attach_socket("phone", &address.parse().unwrap()).unwrap_err();
    assert_eq!(taken.kind, FailureKind::Conflict);
    instance.delete_device("phone").unwrap();
    assert!(TcpStream::connect(address.strip_prefix("tcp:").unwrap()).is_err());
}

#[test]
fn when_the_power_is_switched_programs_are_cut_off_or_let_in_by_then() {
    let instance = phone();
    let address = instance.attach_socket("phone", &"tcp:127.0.0.1:0".parse().unwrap()).unwrap();
    let connect = || TcpStream::connect(address.strip_prefix("tcp:").unwrap()).unwrap();
    for _ in 0..20 {
        let mut program = Program::open(Stream(connect()), 1);
        instance.power("phone", Power::Off).unwrap();
        program.wire.0.set_nonblocking(true).unwrap();
        assert_eq!(std::io::Read::read(&mut program.wire.0, &mut [0]).unwrap(), 0);
        instance.power("phone", Power::On).unwrap();
        Program::open(Stream(connect()), 2).ping(1);
    }
}

#[test]
fn a_device_that_is_to_be_attached_to_a_kernel_without_uhid_says_so() {
    // Whoever runs this may be allowed to use a /dev/uhid that is there.
    if std::path::Path::new("/dev/uhid").exists() {
        return;
    }
    let failure = phone().attach_uhid("phone").unwrap_err();
    assert_eq!(failure.kind, FailureKind::Broken);
    assert!(failure.message.starts_with("cannot open /dev/uhid: ") && failure.hint.is_some(), "{failure:?}");
}

#[test]
fn after_the_end_everything_is_refused_and_the_end_may_come_twice() {
    let instance = phone();
    let heard = instance.subscribe();
    instance.shutdown();
    instance.shutdown();
    assert!(heard.iter().all(|happening| happening.event == Event::Power(false)));
    for failure in [
        instance.device("phone").unwrap_err(),
        instance.add_device("key", "security-key").unwrap_err(),
        instance.delete_device("phone").unwrap_err(),
        instance.ctap2("phone", Link::Usb, GET_INFO).unwrap_err(),
    ] {
        assert_eq!(failure.message, "this instance of fauxkey is shutting down");
    }
}

/// Reports over TCP.
struct Stream(TcpStream);

impl crate::drivers::testing::Wire for Stream {
    fn write(&mut self, report: &wire::ctaphid::Report) {
        std::io::Write::write_all(&mut self.0, report).unwrap();
    }

    fn read(&mut self) -> wire::ctaphid::Report {
        let mut report = [0; 64];
        std::io::Read::read_exact(&mut self.0, &mut report).unwrap();
        report
    }
}
