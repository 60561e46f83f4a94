//! Our own desktop and our own phone, over a tunnel service and a radio of this process.
use super::event::{Event, Outcome};
use super::fault::{ALL, Fault, Faults};
use super::radio::Radio;
use super::scan::{Devices, Scan};
use super::show::Desktop;
use super::tunnel::Trust;
use super::ways::{Meeting, OwnService, Said, Ways};
use crate::control::{Answer, Control, Failure, FailureKind, User};
use crate::drivers::testing::make_credential;
use crate::instance::Instance;
use client::{Account, Create, Get, Origin};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use relying_party::{AuthenticationExpectation, RegistrationExpectation, RelyingParty};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use transport::hybrid::Stage;
use transport::hybrid::desktop::Config;
use transport::hybrid::phone::Patience;
use wire::ctap2::GetInfoResponse;
use wire::webauthn::json::UserEntity;

const PHONE: &str = "phone";
const RP_ID: &str = "login.contoso.test";
/// For what is to happen.
const LONG: Patience = Patience {
    tunnel: Duration::from_secs(10),
    desktop: Duration::from_secs(10),
    request: Duration::from_secs(10),
    farewell: Duration::from_secs(10),
};
/// For what is not.
const SHORT: Patience = Patience { desktop: Duration::from_millis(150), ..LONG };

/// A tunnel service, a radio and a phone.
struct Room {
    ways: Ways,
    devices: Devices,
    _service: OwnService,
    _folder: TempDir,
}

impl Room {
    fn new(profile: &str) -> Self {
        let service = OwnService::start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let radio = Radio::Socket(folder.path().join("adverts"));
        let ways = Ways { radio, tunnels: service.tunnels.clone() };
        let instance = Instance::ephemeral(Some(7)).unwrap();
        instance.add_device(PHONE, profile).unwrap();
        Self { ways, devices: Arc::new(instance), _service: service, _folder: folder }
    }

    fn does(&self, answer: Answer) {
        self.devices.set_user(PHONE, User { answer, delay_ms: 0 }).unwrap();
    }

    fn passkeys(&self) -> usize {
        self.devices.passkeys(PHONE).unwrap().len()
    }

    /// A desktop that shows a code, and what a phone with these faults makes of it meanwhile.
    fn meet<T>(
        &self,
        faults: &[Fault],
        patience: Patience,
        desktop: impl FnOnce(Desktop) -> Result<T, Failure>,
    ) -> (Result<T, Failure>, Result<Outcome, Failure>, Vec<Event>) {
        let shown = Desktop::show(self.ways.clone(), &Config { patience, ..Config::default() }).unwrap();
        let mut scan = Scan::new(PHONE, &shown.code().unwrap(), self.ways.clone()).unwrap();
        scan.faults = Faults(faults.into());
        scan.patience = patience;
        let devices = self.devices.clone();
        thread::scope(|scope| {
            let phone = scope.spawn(move || {
                let mut events = Vec::new();
                let ended = scan.run(&devices, &mut |event: &Event| events.push(event.clone()));
                (ended, events)
            });
            let desktop = desktop(shown);
            let (phone, events) = phone.join().unwrap();
            (desktop, phone, events)
        })
    }

    /// The same, and the desktop registers a passkey. Its relying party's verdict.
    fn register(
        &self,
        faults: &[Fault],
        patience: Patience,
    ) -> (Result<relying_party::Registered, Failure>, Result<Outcome, Failure>) {
        let (made, phone, _) = self.meet(faults, patience, |mut desktop| {
            desktop.meet(&mut |_| {})?;
            let relying_party = relying_party();
            let user =
                UserEntity { id: b"ada".to_vec().into(), name: "ada".into(), display_name: "Ada".into() };
            let options = relying_party.creation_options(user, vec![1; 32], &[]);
            let made = desktop
                .ceremony(&|_| {}, |session| {
                    let begun = Create::begin_with(
                        &origin(),
                        &options,
                        &session.platform,
                        None,
                        &mut UnwrapErr(SysRng),
                    )?;
                    session.run(begun, None)
                })
                .0?;
            let nobody = |_: &[u8]| false;
            let expectation = RegistrationExpectation::of(&options, &nobody);
            Ok(relying_party.verify_registration(&expectation, &made.response).unwrap())
        });
        (made, phone)
    }
}

fn relying_party() -> RelyingParty {
    let mut relying_party = RelyingParty::new(RP_ID);
    relying_party.user_verification = relying_party::UserVerification::Required;
    relying_party.attestation.conveyance = relying_party::Conveyance::Direct;
    relying_party
}

fn origin() -> Origin {
    Origin::parse(&format!("https://{RP_ID}")).unwrap()
}

#[test]
fn a_passkey_is_registered_and_signs_in_with_either_phone() {
    for (profile, aaguid) in [
        ("ms-authenticator-ios", "90a3ccdf-635c-4729-a248-9b709135078f"),
        ("ms-authenticator-android", "de1e552d-db1d-4423-a619-566b625cdc84"),
    ] {
        let room = Room::new(profile);
        let (made, phone) = room.register(&[], LONG);
        let registered = made.unwrap();
        assert_eq!(phone, Ok(Outcome::Done), "{profile}");
        assert_eq!(registered.aaguid.to_string(), aaguid);
        assert!(!registered.flags.contains(wire::webauthn::Flags::BE));
        assert_eq!(room.passkeys(), 1);

        let options = relying_party().request_options(vec![2; 32], &[]);
        let (signed, phone, _) = room.meet(&[], LONG, |mut desktop| {
            desktop.meet(&mut |_| {})?;
            desktop
                .ceremony(&|_| {}, |session| {
                    let begun = Get::begin_with(
                        &origin(),
                        &options,
                        &session.platform,
                        Account::Newest,
                        None,
                        &mut UnwrapErr(SysRng),
                    )?;
                    session.run(begun, None)
                })
                .0
        });
        assert_eq!(phone, Ok(Outcome::Done), "{profile}");
        let expectation = AuthenticationExpectation::of(&options, None);
        relying_party()
            .verify_authentication(&expectation, &signed.unwrap().response, &registered.credential)
            .unwrap();
    }
}

#[test]
fn every_fault_is_noticed_by_the_side_that_should_and_leaves_nothing_behind() {
    let broke = "broke the protocol at stage handshake";
    let nobody = "nothing came for too long at stage advert";
    let dropped = Fault::DropAfter;
    let rows: [(Fault, Patience, &str, &str); 11] = [
        (Fault::WrongPsk, LONG, broke, "advert"),
        (Fault::BadMac, LONG, broke, "ready"),
        (Fault::BadPadding, LONG, broke, "ready"),
        (Fault::BadAdvert, SHORT, nobody, "advert"),
        (Fault::Suffix, SHORT, nobody, "advert"),
        (Fault::Oversize, LONG, "closed at stage handshake", "ready"),
        (dropped(Stage::Tunnel), SHORT, nobody, "tunnel"),
        // It may have been heard in this moment.
        (dropped(Stage::Advert), SHORT, "", "advert"),
        (dropped(Stage::Handshake), LONG, "closed at stage handshake", "handshake"),
        (dropped(Stage::Ready), LONG, "closed at stage re", "ready"),
        (dropped(Stage::Request), LONG, "closed at stage request", "request"),
    ];
    // Side by side, as most of them is waiting for what does not come.
    thread::scope(|scope| {
        for (fault, patience, desktop, phone) in rows {
            scope.spawn(move || {
                let room = Room::new("ms-authenticator-ios");
                // So that a phone that leaves while it asks has not been answered yet.
                room.does(Answer::Ignore);
                let (made, ended) = room.register(&[fault], patience);
                let noticed = made.expect_err("the desktop notices").message;
                assert!(noticed.contains(desktop), "{fault}: {noticed}");
                match ended.unwrap() {
                    Outcome::Abandoned { stage, .. } => assert_eq!(stage, phone, "{fault}"),
                    other => panic!("{fault}: {other:?}"),
                }
                assert_eq!(room.passkeys(), 0, "{fault}");
            });
        }
    });
    let room = Room::new("ms-authenticator-ios");
    let (made, ended) = room.register(&[dropped(Stage::Answered)], LONG);
    assert!(made.is_ok(), "it has its answer");
    assert!(matches!(ended, Ok(Outcome::Abandoned { ref stage, .. }) if stage == "answered"), "{ended:?}");
    let room = Room::new("ms-authenticator-ios");
    let (made, phone) = room.register(&[Fault::LateAdvert(Duration::from_millis(100))], LONG);
    assert!(made.is_ok() && phone == Ok(Outcome::Done), "late is not too late");
    let named: Vec<_> = ALL.iter().map(|(name, _)| name.split('=').next().unwrap()).collect();
    let tried = [
        "wrong-psk",
        "bad-mac",
        "bad-padding",
        "bad-advert",
        "suffix",
        "oversize",
        "drop-after",
        "late-advert",
    ];
    assert!(named.iter().all(|name| tried.contains(name) || *name == "bluetooth-off"), "{named:?}");
}

#[test]
fn bluetooth_that_is_off_on_either_side_is_said_by_that_side() {
    let room = Room::new("ms-authenticator-ios");
    let (made, phone) = room.register(&[Fault::BluetoothOff], SHORT);
    assert!(phone.unwrap_err().message.contains("Bluetooth is off on the phone"));
    assert!(made.unwrap_err().message.contains("at stage advert"));
    let off = Ways { radio: Radio::Off, ..room.ways.clone() };
    let why = Desktop::show(off.clone(), &Config::default()).err().unwrap();
    assert_eq!((why.kind, why.message.as_str()), (FailureKind::Conflict, "Bluetooth is off"));
    let shown = Desktop::show(room.ways.clone(), &Config::default()).unwrap();
    let scan = Scan::new(PHONE, &shown.code().unwrap(), off).unwrap();
    assert!(scan.run(&room.devices, &mut |_| {}).unwrap_err().hint.is_some());
}

#[test]
fn a_code_that_is_too_old_is_refused_unless_age_does_not_matter() {
    let room = Room::new("ms-authenticator-ios");
    let config = Config { time: Some(1_700_000_000), ..Config::default() };
    let desktop = Desktop::show(room.ways.clone(), &config).unwrap();
    let mut scan = Scan::new(PHONE, &desktop.code().unwrap(), room.ways.clone()).unwrap();
    let why = scan.run(&room.devices, &mut |_| {}).unwrap_err();
    assert!(why.message.contains("s old"), "{}", why.message);
    scan.max_age = None;
    scan.faults = Faults(vec![Fault::DropAfter(Stage::Tunnel)]);
    assert!(matches!(scan.run(&room.devices, &mut |_| {}), Ok(Outcome::Abandoned { .. })));
}

#[test]
fn who_declines_answers_by_a_status_and_registers_nothing() {
    let room = Room::new("ms-authenticator-android");
    room.does(Answer::Deny);
    let (made, phone) = room.register(&[], LONG);
    assert_eq!(phone, Ok(Outcome::Refused { status: 0x27, name: "OPERATION_DENIED".into() }));
    assert!(made.is_err());
    assert_eq!(room.passkeys(), 0);
}

#[test]
fn a_desktop_that_leaves_while_the_user_is_asked_takes_the_question_along() {
    let room = Room::new("ms-authenticator-ios");
    room.does(Answer::Ask);
    // Long enough for the phone to come, and no longer.
    let patience = Patience { desktop: Duration::from_millis(700), ..LONG };
    let (left, phone, events) = room.meet(&[], patience, |mut desktop| {
        desktop.meet(&mut |_| {})?;
        let devices = room.devices.clone();
        let asked = thread::spawn(move || devices.await_prompt(PHONE, Duration::from_secs(5)));
        let left = desktop.exchange(&make_credential(RP_ID, "ada"), &mut |_| {});
        assert!(asked.join().unwrap()?.is_some(), "the user is asked");
        left
    });
    assert!(left.unwrap_err().message.contains("at stage request"));
    assert!(matches!(phone, Ok(Outcome::Abandoned { ref stage, .. }) if stage == "request"), "{phone:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Request { .. })));
    assert_eq!(room.devices.prompt(PHONE), Ok(None));
    assert_eq!(room.passkeys(), 0);
}

#[test]
fn a_phone_that_was_linked_is_called_without_a_code_until_the_service_ends() {
    let Room { ways, devices, _service: service, _folder } = Room::new("ms-authenticator-android");
    let config = Config { state_assisted: true, patience: LONG, ..Config::default() };
    let mut desktop = Desktop::show(ways.clone(), &config).unwrap();
    let mut scan = Scan::new(PHONE, &desktop.code().unwrap(), ways.clone()).unwrap();
    scan.link = true;
    let phone = thread::spawn(move || {
        let mut events = Vec::new();
        (scan.run(&devices, &mut |event: &Event| events.push(event.clone())), events)
    });
    desktop.meet(&mut |_| {}).unwrap();
    assert_eq!(desktop.exchange(&[0x0B], &mut |_| {}).unwrap(), [0]);
    let known = desktop.take_linked().expect("the phone told how to call it");
    desktop.finish();
    let mut desktop = Desktop::call(ways, known, &config).unwrap();
    assert!(desktop.code().is_none());
    desktop.meet(&mut |_| {}).unwrap();
    assert_eq!(desktop.exchange(&[0x0B], &mut |_| {}).unwrap(), [0]);
    desktop.finish();
    drop(service);
    let (outcome, events) = phone.join().unwrap();
    assert_eq!(outcome, Ok(Outcome::Done));
    assert!(events.contains(&Event::Called { hint: "ga".into() }), "{events:?}");
}

#[test]
fn without_a_tunnel_service_it_is_said_what_to_do_and_the_public_ones_are_not_asked() {
    let why = Ways::find(&Said::default(), None).err().unwrap();
    assert!(why.message.contains("public") && why.hint.unwrap().contains("--public-tunnel"));
    let said = Said { public: true, ..Said::default() };
    let ways = Ways::find(&said, None).unwrap();
    assert!(ways.tunnels.address.is_none() && matches!(ways.tunnels.trust, Trust::System));
    let meeting = Meeting { tunnel: ([127, 0, 0, 1], 9).into(), ca: "nonsense".into(), radio: "off".into() };
    assert!(Ways::find(&Said::default(), Some(&meeting)).err().unwrap().message.contains("no certificate"));
}

#[test]
fn what_a_phone_says_over_hybrid_is_its_platform_s_and_only_four_commands_are_answered() {
    let room = Room::new("ms-authenticator-ios");
    let (answers, _, _) = room.meet(&[], LONG, |mut desktop| {
        let info = desktop.meet(&mut |_| {})?;
        let info = GetInfoResponse::decode(&[&[0], info.as_slice()].concat()).unwrap();
        assert_eq!(info.option("uv"), Some(true));
        let selection = desktop.exchange(&[0x0B], &mut |_| {})?;
        let client_pin = desktop.exchange(&[0x06, 0xA0], &mut |_| {})?;
        desktop.finish();
        Ok((selection, client_pin))
    });
    let (selection, client_pin) = answers.unwrap();
    assert!(selection.len() == 1 && client_pin == [0x01], "{selection:?} {client_pin:?}");
}
